"""The contract of a rule folder, checked: each scenario under hits/ gives one finding, each under misses/ gives none,
and of each under edges/ it is said that it cannot be judged.

<rule>/rule.yml     the rule; or a correlation and the rules it counts on, of which it is judged
<rule>/README.md    what it means to the guard and to the analyst, and what to do first
<rule>/hits/*       one scenario each: a file of raw vendor records, or a folder of them, read in the order of names
<rule>/misses/*     the same, for what it must not find: each trap that `falsepositives` names is one
<rule>/edges/*      the same, for what nobody can tell: no finding, and no silence; there need not be any

A scenario happens in the world of the estate that the folder lies in: the nearest folder above with an estate.toml.
Every scenario begins with what that estate's files say; what its own records teach (work orders, leave, arming) comes
on top, in the order of the files. What a correlation says did not happen is judged as if its records were all there was
to see.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath

import pyarrow as pa

from watchfloor import estate
from watchfloor.collect.draft import Draft
from watchfloor.collect.mapper import Mapper
from watchfloor.estate import Estate
from watchfloor.ocsf.events import Events
from watchfloor.run import oneshot
from watchfloor.run.path import Judged, Outcome, Path
from watchfloor.run.prepare import prepared
from watchfloor.store.landing import LandedBlock
from watchfloor.testing.integration import RECEIVED
from watchfloor.world.world import World

__all__ = ["DELIVERIES", "Trials", "hits_with", "problems", "rule_folders", "traps", "tried"]

RULE = "rule.yml"
WANTED = {"hits": 1, "misses": 0, "edges": 0}
"""Findings of the rule in each scenario."""

OPEN = "edges"
"""Scenarios that cannot be judged."""

DELIVERIES: Mapping[str, Callable[[list[FilePath]], list[FilePath]]] = {
    "in order": list,
    "last file first": lambda files: files[::-1],
    "twice": lambda files: files * 2,
}
"""How the files of a scenario come. A correlation finds a hit once in every case; to a plain rule, one more record is
one more finding."""


def rule_folders(paths: Iterable[FilePath]) -> list[FilePath]:
    """Every folder with a rule.yml in these folders, at any depth."""
    return sorted({found.parent for path in paths if path.is_dir() for found in path.rglob(RULE)})


def problems(folder: FilePath) -> list[str]:
    """Everything in which one rule folder falls short of its contract; empty when it holds.

    A rule without a hit and a miss is *unproven*, which is a problem here.
    """
    return Trials([folder]).problems(folder)


def tried(folders: Sequence[FilePath], mapper: Mapper | None = None) -> Iterator[tuple[FilePath, list[str]]]:
    """Each folder and its problems. Rules of one estate are compiled together, mappings are loaded once for all."""
    of: dict[FilePath | None, list[FilePath]] = {}
    for folder in folders:
        of.setdefault(_estate_of(folder), []).append(folder)
    for members in of.values():
        trials = Trials(members, mapper)
        for folder in members:
            yield folder, trials.problems(folder)


def hits_with(rule: FilePath, filter_text: str) -> tuple[list[str], list[str]]:
    """Names of a rule's hits that are found with a filter as without it, and of those that are lost.

    Args:
        rule: its file; one that is no `rule.yml` has no hits.
        filter_text: a Sigma filter.
    """
    folder = rule.parent
    hits = sorted(path for path in (folder / "hits").glob("*") if not path.name.startswith("."))
    if rule.name != RULE or not hits:
        return [], []
    with tempfile.TemporaryDirectory() as made:
        file = FilePath(made) / "filter.yml"
        file.write_text(filter_text, "utf-8")
        without, having = Trials([folder]), Trials([folder], more=[file])
        same = {hit.name: without.findings(hit)[1] == having.findings(hit)[1] for hit in hits}
    return [name for name, kept in same.items() if kept], [name for name, kept in same.items() if not kept]


class Trials:
    """Rule folders of one estate, ready to be tried on their scenarios.

    Args:
        folders: each with a rule.yml, all in one estate, or in none.
        mapper: integrations that are loaded already; None takes all the estate may use.
        more: files of rules or filters besides.

    Raises:
        EstateError: the estate's files are wrong.
    """

    def __init__(
        self, folders: Sequence[FilePath], mapper: Mapper | None = None, *, more: Sequence[FilePath] = ()
    ) -> None:
        root = _estate_of(folders[0])
        described: Estate | None = None if root is None else estate.load(root)
        integrations = None if described is None or mapper is not None else described.integrations()
        ready = prepared(
            [*(folder / RULE for folder in folders), *more],
            mapper=mapper,
            integrations=integrations,
            placeholders=None if described is None else described.placeholders,
        )
        directory = None if described is None else described.world()
        self._directory = directory or None
        self._complete = frozenset[str]() if described is None else described.complete
        self._sources = {} if described is None else {one.path.name: one.id for one in described.sources}
        self._path = ready.path
        self._ready = ready
        book = ready.rulebook
        self._rules = {FilePath(rule.file).resolve(): rule.id for rule in book.rules}
        for one in book.correlations:
            if one.id not in book.silent:
                self._rules[FilePath(one.file).resolve()] = one.id
        self._not_loaded: dict[FilePath, list[str]] = {}
        for problem in ready.rulebook.problems:
            self._not_loaded.setdefault(FilePath(problem.file).resolve(), []).append(str(problem))

    def problems(self, folder: FilePath) -> list[str]:
        """Everything in which one of the folders falls short."""
        rule = (folder / RULE).resolve()
        wrong = list(self._not_loaded.get(rule, ()))
        uid = self._rules.get(rule)
        for name, wanted in WANTED.items():
            scenarios = sorted(path for path in (folder / name).glob("*") if not path.name.startswith("."))
            if not scenarios and name != OPEN:
                wrong.append(f"{folder.name}: {name}/ is empty: no rule without a hit and a miss")
            if uid is None:
                continue
            for scenario in scenarios:
                where = f"{folder.name}/{name}/{scenario.name}"
                totals, found = self.findings(scenario)
                if totals.quarantined or not totals.read:
                    wrong.append(f"{where}: read {totals.read}, {totals.quarantined} quarantined")
                if found[uid] != wanted:
                    wrong.append(f"{where}: {found[uid]} findings, {wanted} wanted")
                if name == OPEN and not totals.unjudged[uid]:
                    wrong.append(f"{where}: it is not said that it cannot be judged")
        return wrong

    def hits(self, folder: FilePath, how: str) -> dict[str, int]:
        """Per hit of one folder how often its rule found it, delivered in one of the ways of `DELIVERIES`."""
        uid = self._rules[(folder / RULE).resolve()]
        return {hit.name: self.findings(hit, how)[1][uid] for hit in sorted((folder / "hits").iterdir())}

    def findings(self, scenario: FilePath, how: str = "in order") -> tuple[oneshot.Totals, Counter[str]]:
        """What came of a scenario: totals, and the number of findings per rule of all folders.

        Args:
            how: it was delivered, one of `DELIVERIES`.
        """
        totals = oneshot.Totals()
        found: Counter[str] = Counter()
        files = DELIVERIES[how](sorted(scenario.iterdir()) if scenario.is_dir() else [scenario])
        path = self._path
        if self._directory is not None:
            path = _InWorld(path, World(self._directory, complete=self._complete), self._sources)
        correlating = self._ready.correlating(all_seen=True)
        for number, file in enumerate(files):  # each is known a second after the one before
            made = oneshot.detect(
                [file], path, totals, now=RECEIVED + 1000 * number, show=lambda _, events: events,
                correlating=correlating, last=number == len(files) - 1,
            )  # fmt: skip
            for events in made:
                uids = events.column("finding_info.analytic.uid")
                found.update([] if uids is None else uids.to_pylist())
        return totals, found


class _InWorld(Path):
    """A path with a world of its own, as an estate that runs has one.

    Args:
        sources: name of a file -> the estate's source that reads one of that name: things are called as it calls them.
    """

    def __init__(self, path: Path, world: World, sources: Mapping[str, str]) -> None:
        super().__init__(path.mapper, path.engine, path.rules, path._taxonomy, path._reader, path._silent)
        self._world, self._sources = world, sources

    def draft(self, blocks: Sequence[LandedBlock], *, integration: str | None = None) -> Outcome:
        """Events: a world asks for all of them."""
        return self.map(blocks, integration=integration)

    def detect(self, batches: Iterable[Events | Draft], shown: Iterable[Events] | None = None) -> Judged:
        """What is found in these events once they know who, what and where they speak of."""
        named = {events.class_name: self._named(events) for events in batches if isinstance(events, Events)}
        joined, _ = self._world.take(named)
        return super().detect(joined.values(), shown)

    def _named(self, events: Events) -> Events:
        sources = events.column("wf.source_uid")
        if sources is None:
            return events
        named = sources.map(lambda name: self._sources.get(FilePath(name).name, name), pa.string())
        return events.with_columns({"wf.source_uid": named})


def traps(folder: FilePath, falsepositives: Iterable[str]) -> list[str]:
    """The traps a rule names that none of its misses (or edges) is: all words of its name stand in the trap's text."""
    misses = [_words(path.stem) for name in ("misses", OPEN) for path in (folder / name).glob("*")]
    return [text for text in falsepositives if not any(miss and miss <= _words(text) for miss in misses)]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def _estate_of(folder: FilePath) -> FilePath | None:
    """The nearest folder above that is an estate."""
    return next((above for above in folder.resolve().parents if (above / "estate.toml").is_file()), None)
