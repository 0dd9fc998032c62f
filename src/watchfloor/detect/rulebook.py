"""Every rule of some files, folders and archives; and of every document that is not a rule in use, the reason why.

A Sigma engine that silently drops a rule leaves its owner blind. So: rules, correlations and problems account for every
document.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from msgspec.structs import replace

from watchfloor.detect.correlation_links import link
from watchfloor.detect.predicate import conjunction
from watchfloor.detect.rule import LEVELS, Correlation, Filter, Problem, Rule
from watchfloor.detect.rulecache import Found, RuleCache, digest
from watchfloor.documents import MAX_BYTES, parse_yaml
from watchfloor.errors import EstateError, RuleError, named

if TYPE_CHECKING:
    from watchfloor.detect.taxonomy import Taxonomy

__all__ = ["Rulebook", "load_rules", "rule_files"]

_log = logging.getLogger(__name__)

SUFFIXES = (".yml", ".yaml")
MAX_ARCHIVE_MEMBERS = 100_000
MAX_ARCHIVE_BYTES = 512 * 1024 * 1024  # unpacked, of all rules together


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What `load_rules` found.

    Args:
        rules: ready to be compiled, in the order of the files' names.
        problems: documents that are not in `rules`, each with its reason.
        notes: nothing is lost, but somebody may want to know.
        documents: how many documents were read: rules, correlations, filters, duplicates of equal content, problems.
        correlations: what counts on rules; one that another counts on stands before it.
        members: per correlation's id the ids of its rules, in its order.
        silent: ids of rules and correlations that only others count on: they make no findings of their own.
        doubtful: rules made of those that ask who it was: they match where that is in doubt, for correlations only.
    """

    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    documents: int = 0
    correlations: tuple[Correlation, ...] = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    doubtful: tuple[Rule, ...] = ()

    @property
    def matched(self) -> tuple[Rule, ...]:
        """What an engine is to match."""
        return (*self.rules, *self.doubtful)

    def of_level(self, lowest: str) -> Rulebook:
        """Without what is below a level. A rule that a correlation counts on stays, and makes no findings."""
        grave = frozenset(LEVELS[LEVELS.index(lowest) :])
        correlations: list[Correlation] = []
        counted: set[str] = set()
        for one in reversed(self.correlations):  # outer ones first: they need those before them
            if one.level in grave or one.id in counted:
                correlations.insert(0, one)
                counted.update(self.members[one.id])
        rules = tuple(rule for rule in self.rules if rule.level in grave or rule.id in counted)
        low = {one.id for one in rules if one.level not in grave}
        low |= {one.id for one in correlations if one.level not in grave}
        idle = self.silent - counted  # what counted on them is gone: they speak for themselves, as they do without it
        return replaced(
            self,
            rules=rules,
            correlations=tuple(correlations),
            members={one.id: self.members[one.id] for one in correlations},
            silent=(self.silent - idle) | low,
            doubtful=tuple(rule for rule in self.doubtful if rule.id in counted),
        )


def load_rules(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    taxonomy: Taxonomy | None = None,
    cache: Path | None = None,
    today: date | None = None,
) -> Rulebook:
    """Sigma rules from files, folders (all `*.yml` and `*.yaml` below) and zip archives (the same inside, in memory).

    One broken document never stops another. Filters among the documents are applied to the rules they name.

    Args:
        placeholders: values for `|expand` by name.
        taxonomy: the log sources that can be routed; the built-in tables when not given.
        cache: a folder in which lowered rules are kept for the next start.
        today: filters that expired before it are not applied, and noted; None applies all.

    Raises:
        RuleError: a path does not exist or cannot be opened at all.
    """
    from watchfloor.detect.taxonomy import Taxonomy

    taxonomy = Taxonomy.load() if taxonomy is None else taxonomy
    rules: dict[str, Rule] = {}
    correlations: dict[str, Correlation] = {}
    filters: list[Filter] = []
    problems: list[Problem] = []
    notes: list[Problem] = []
    documents = 0
    memory = None if cache is None else RuleCache(cache, placeholders)
    for name, content in _contents(paths, memory):
        if isinstance(content, Problem):
            documents += 1
            problems.append(content)
            continue
        for found in _documents(name, content, placeholders, memory):
            documents += 1
            if isinstance(found, Problem):
                problems.append(found)
            elif isinstance(found, Filter):
                filters.append(found)
            elif found.id in rules or found.id in correlations:
                _duplicate(rules.get(found.id) or correlations[found.id], found, problems, notes)
            elif isinstance(found, Correlation):
                correlations[found.id] = found
            elif taxonomy.routes_for(found.logsource) is None:
                problems.append(_no_route(found))
            else:
                rules[found.id] = found
    if memory is not None:
        memory.save()
    for rule_filter in filters:
        if today is not None and rule_filter.expires is not None and rule_filter.expires < today.isoformat():
            notes.append(_over(rule_filter))
        else:
            _apply(rule_filter, rules, notes)
    linked = link(rules.values(), tuple(correlations.values()))
    problems += linked.problems
    counts = len(rules), len(linked.correlations), len(filters), len(problems)
    _log.info("rules: %d loaded, %d correlations, %d filters, %d problems", *counts)
    return Rulebook(
        tuple(rules.values()),
        tuple(problems),
        tuple(notes),
        documents,
        linked.correlations,
        linked.members,
        linked.silent,
        linked.doubtful,
    )


def _documents(
    name: str, content: bytes | Known, placeholders: Mapping[str, Sequence[str]] | None, memory: RuleCache | None
) -> Sequence[Found]:
    """The documents of one file, out of the memory where it can be."""
    if memory is None:
        assert isinstance(content, bytes)
        return list(_read_file(name, content, placeholders))
    known = content.digest if isinstance(content, Known) else digest(content)
    found = memory.get(name, known)
    if found is None:
        assert isinstance(content, bytes)
        found = list(_read_file(name, content, placeholders))
        memory.put(known, found)
    return found


def _read_file(name: str, payload: bytes, placeholders: Mapping[str, Sequence[str]] | None) -> Iterator[Found]:
    """The documents of one file. Only here pySigma is needed, which takes a while to import."""
    from watchfloor.detect.sigma import read_document

    for document in parse_yaml(payload, name):
        if isinstance(document, EstateError):
            remedy = document.remedy or "correct the file"
            yield Problem(name, document.line or 1, "", document.what, remedy, "error")
        else:
            yield read_document(document, placeholders)


def _duplicate(
    first: Rule | Correlation, second: Rule | Correlation, problems: list[Problem], notes: list[Problem]
) -> None:
    place = f"{first.file}:{first.line}"
    same = type(first) is type(second) and replace(second, file=first.file, line=first.line) == first
    reason = f"the id {first.id} is already taken by {place}" + (", with the same content" if same else "")
    remedy = "remove one of the two" if same else "give this rule an id of its own, or remove one of the two"
    (notes if same else problems).append(Problem(second.file, second.line, second.title, reason, remedy, "duplicate"))


def _no_route(rule: Rule) -> Problem:
    reason = f"nobody knows which events the log source ({rule.logsource}) means"
    remedy = "add a [[logsource]] entry for it to a taxonomy file of the estate"
    return Problem(rule.file, rule.line, rule.title, reason, remedy, "no_route")


def _apply(rule_filter: Filter, rules: dict[str, Rule], notes: list[Problem]) -> None:
    """And the filter's condition to every rule it names within its log source."""
    wanted = None if rule_filter.rules is None else {name.lower() for name in rule_filter.rules}
    hit = False
    for key, rule in rules.items():
        if not rule_filter.logsource.covers(rule.logsource):
            continue
        if wanted is not None and wanted.isdisjoint((rule.id, (rule.name or "").lower(), rule.title.lower())):
            continue
        hit = True
        condition = conjunction((rule.condition, rule_filter.condition))
        possible = None if rule.possible is None else conjunction((rule.possible, rule_filter.condition))
        applied = (*rule.filters, rule_filter.id)
        rules[key] = replace(rule, condition=condition, possible=possible, filters=applied)
    if not hit:
        reason = "the filter applies to no rule that is loaded"
        remedy = "check the ids and the log source it names"
        notes.append(Problem(rule_filter.file, rule_filter.line, rule_filter.title, reason, remedy, "unused"))


def _over(rule_filter: Filter) -> Problem:
    reason = f"the filter expired on {rule_filter.expires} and is not applied"
    remedy = "decide anew whether it is needed: give it another day, or delete it"
    return Problem(rule_filter.file, rule_filter.line, rule_filter.title, reason, remedy, "over")


# ----------------------------------------------------------------------------------------------------- files


class Known(NamedTuple):
    """A file inside an archive whose documents are remembered: it need not be unpacked."""

    digest: bytes


Content = bytes | Known | Problem
"""What stands in a file, or why nobody can say."""


def rule_files(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """The files that `load_rules` reads, folders opened, archives as they are; and why one cannot be read, else "".

    Raises:
        RuleError: a path does not exist.
    """
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(_below(str(path)), key=lambda found: found[0].split(os.sep))
        elif path.exists():
            yield str(path), ""
        else:
            raise RuleError("there is no such file or folder", file=path, remedy="check the path given with --rules")


def _contents(paths: Sequence[Path], memory: RuleCache | None) -> Iterator[tuple[str, Content]]:
    for file, reason in rule_files(paths):
        if reason:
            name = named(file)
            yield name, Problem(name, 1, "", reason, "check that it may be read, or take it away", "error")
        else:
            yield from _file(file, memory)


def _below(folder: str) -> Iterator[tuple[str, str]]:
    """Files of rules and archives of them at any depth, and why one cannot be read; links to folders are not
    followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        yield folder, f"cannot be read: {error.strerror or error}"
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        elif entry.name.lower().endswith((*SUFFIXES, ".zip")) and not entry.is_dir():
            yield entry.path, "" if entry.is_file() else "is no file, or a link that leads nowhere"


def _file(path: str, memory: RuleCache | None) -> Iterator[tuple[str, Content]]:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
            if content.startswith(b"PK\x03\x04"):
                file.seek(0)
                yield from _archive(named(path), file, memory)
                return
            yield named(path), content
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        yield named(path), Problem(named(path), 1, "", reason, "check that it may be read", "error")


def _archive(path: str, file: io.BufferedReader, memory: RuleCache | None) -> Iterator[tuple[str, Content]]:
    """The rules in a zip archive; one that was read before is not even unpacked."""
    if memory is None:
        yield from _unpacked(path, file)
        return
    whole = hashlib.file_digest(file, "sha256").digest()
    known = memory.members(whole)
    if known is not None:
        yield from ((f"{path}/{name}", Known(content)) for name, content in known)
        return
    members: list[tuple[str, bytes]] = []
    sound = True
    for name, content in _unpacked(path, file):
        if isinstance(content, bytes):
            members.append((name[len(path) + 1 :], digest(content)))
        sound = sound and isinstance(content, bytes)
        yield name, content
    if sound:
        memory.put_members(whole, members)


def _unpacked(path: str, file: BinaryIO) -> Iterator[tuple[str, bytes | Problem]]:
    """The rules in a zip archive; what claims to unpack beyond the limits is not unpacked."""
    left = MAX_ARCHIVE_BYTES
    try:
        with zipfile.ZipFile(file) as archive:
            members = sorted(
                (m for m in archive.infolist() if m.filename.lower().endswith(SUFFIXES)), key=lambda m: m.filename
            )
            if len(members) > MAX_ARCHIVE_MEMBERS:
                reason = f"the archive holds {len(members):,} rule files; at most {MAX_ARCHIVE_MEMBERS:,} are read"
                yield path, Problem(path, 1, "", reason, "split the archive", "error")
                return
            for member in members:
                name = f"{path}/{member.filename}"
                try:
                    with archive.open(member) as inside:
                        payload = inside.read(min(MAX_BYTES, left) + 1)
                except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
                    reason = f"cannot be unpacked: {error}"
                    yield name, Problem(name, 1, "", reason, "pack the archive again, without a password", "error")
                    continue
                left -= len(payload)
                if left < 0:
                    reason = f"the archive unpacks to more than {MAX_ARCHIVE_BYTES:,} bytes of rules"
                    yield name, Problem(name, 1, "", reason, "split the archive", "error")
                    return
                yield name, payload
    except (zipfile.BadZipFile, io.UnsupportedOperation) as error:
        yield path, Problem(path, 1, "", f"not a readable zip archive: {error}", "pack it again", "error")
