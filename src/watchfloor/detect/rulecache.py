"""Lowered rules kept between starts, by the content of the file they came from.

One file, replaced whole: a checksum, then msgpack. It is only ever a saving of time: what does not fit (another version
of us or of pySigma, other placeholders, a flipped bit) is as if it were not there, and a folder we may not write to is
left alone. No pickle: reading it can build nothing but rules.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.detect.predicate import And, Constant, Kind, Node, Not, Or, Predicate, Token
from watchfloor.detect.rule import Filter, Logsource, Problem, Rule

__all__ = ["Found", "RuleCache"]

Found = Rule | Filter | Problem

_log = logging.getLogger(__name__)

FILE = "rules.cache"
MAX_FILES = 50_000
_SOURCES = ("sigma.py", "lowering.py", "modifiers.py", "predicate.py", "rule.py", "rulecache.py")
_KINDS = {kind.value: kind for kind in Kind}
_TUPLES = (Kind.REGEX, Kind.FIELDREF, Kind.TIMEPART)
_TOKENS = (Token.MANY, Token.ONE)


class RuleCache:
    """What one folder remembers of rules read before.

    Args:
        folder: where the file lies; made when it is not there.
        placeholders: the values rules were lowered with; others, other cache.
    """

    def __init__(self, folder: Path, placeholders: Mapping[str, Sequence[str]] | None) -> None:
        self._path = Path(folder) / FILE
        self._key = _key(placeholders)
        self._old: dict[bytes, list[Any]] = {}
        self._used: dict[bytes, list[Any]] = {}
        self._changed = False
        try:
            payload = self._path.read_bytes()
            digest, body = payload[:32], payload[32:]
            if hashlib.sha256(self._key + body).digest() == digest:
                self._old = msgspec.msgpack.decode(body, type=dict[bytes, list[Any]])
        except OSError:
            pass
        except (msgspec.DecodeError, msgspec.ValidationError):
            _log.info("the cache of rules is damaged and will be written anew")

    def get(self, name: str, payload: bytes) -> list[Found] | None:
        """What a file of this content held, as if just read from `name`; None when it was never read."""
        digest = hashlib.sha256(payload).digest()
        held = self._old.get(digest)
        if held is None:
            return None
        try:
            found = [_document(item, name) for item in held]
        except (IndexError, KeyError, TypeError, ValueError):
            return None
        self._used[digest] = held
        return found

    def put(self, payload: bytes, found: Sequence[Found]) -> None:
        """Remember what a file of this content holds."""
        self._used[hashlib.sha256(payload).digest()] = [_plain(item) for item in found]
        self._changed = True

    def save(self) -> None:
        """Write it, whole or not at all; not being able to is no error."""
        if not self._changed:
            return
        merged = {**self._old, **self._used}
        body = msgspec.msgpack.encode(merged if len(merged) <= MAX_FILES else self._used)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=FILE, dir=self._path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.sha256(self._key + body).digest() + body)
                os.replace(name, self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            _log.info("the cache of rules cannot be written: %s", error.strerror)


def _key(placeholders: Mapping[str, Sequence[str]] | None) -> bytes:
    """Everything besides the file's content that decides what its rules become."""
    folder = resources.files("watchfloor.detect")
    key = hashlib.sha256(metadata.version("pysigma").encode())
    for source in (*(folder.joinpath(name) for name in _SOURCES), resources.files("watchfloor") / "documents.py"):
        key.update(source.read_bytes())
    key.update(json.dumps(placeholders or {}, sort_keys=True).encode())
    return key.digest()


# --------------------------------------------------------------------------------- documents as plain lists and back


def _plain(found: Found) -> list[Any]:
    if isinstance(found, Problem):
        return ["p", found.line, found.rule, found.reason, found.remedy, found.kind]
    source = [found.logsource.product, found.logsource.category, found.logsource.service]
    if isinstance(found, Filter):
        return ["f", found.line, found.id, found.title, source, found.rules, _flat(found.condition)]
    return [
        "r",
        found.line,
        found.id,
        found.title,
        found.level,
        found.status,
        source,
        _flat(found.condition),
        found.name,
        found.description,
        found.author,
        found.tags,
        found.techniques,
        found.tactics,
        found.references,
        found.falsepositives,
        found.taxonomy,
    ]


def _document(item: list[Any], file: str) -> Found:
    if item[0] == "p":
        _, line, rule, reason, remedy, kind = item
        return Problem(file, line, rule, reason, remedy, kind)
    if item[0] == "f":
        _, line, uid, title, source, rules, condition = item
        named = None if rules is None else tuple(rules)
        return Filter(uid, title, Logsource(*source), named, _tree(condition), file, line)
    _, line, uid, title, level, status, source, condition, name, description, author, *lists, taxonomy = item
    tags, techniques, tactics, references, falsepositives = map(tuple, lists)
    return Rule(
        id=uid,
        title=title,
        level=level,
        status=status,
        logsource=Logsource(*source),
        condition=_tree(condition),
        file=file,
        line=line,
        name=name,
        description=description,
        author=author,
        tags=tags,
        techniques=techniques,
        tactics=tactics,
        references=references,
        falsepositives=falsepositives,
        taxonomy=taxonomy,
    )


def _flat(node: Node) -> list[Any]:
    if isinstance(node, Predicate):
        value = node.value
        if node.kind is Kind.GLOB:
            value = [part if isinstance(part, str) else _TOKENS.index(part) for part in value]
        return [node.kind.value, node.field, value, node.cased]
    if isinstance(node, And | Or):
        return ["&" if isinstance(node, And) else "|", [_flat(arg) for arg in node.args]]
    return ["!", _flat(node.arg)] if isinstance(node, Not) else ["=", node.value]


def _tree(item: list[Any]) -> Node:
    sign = item[0]
    if sign == "|":
        return Or(tuple([_tree(arg) for arg in item[1]]))
    if sign == "&":
        return And(tuple([_tree(arg) for arg in item[1]]))
    if sign == "!":
        return Not(_tree(item[1]))
    if sign == "=":
        return Constant(bool(item[1]))
    _, field, value, cased = item
    kind = _KINDS[sign]
    if kind is Kind.GLOB:
        value = tuple([part if isinstance(part, str) else _TOKENS[part] for part in value])
    elif kind in _TUPLES:
        value = tuple(value)
    return Predicate(field, kind, value, cased)
