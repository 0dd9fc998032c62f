"""Files in, where the time went out: the path of `oneshot`, a stopwatch at its stages, an engine that counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from watchfloor.clock import cpu_s
from watchfloor.collect.draft import Draft
from watchfloor.collect.formats.format import Format
from watchfloor.collect.mapper import MappedBatch, Mapper
from watchfloor.collect.records import Records
from watchfloor.detect.costs import Costs, costs
from watchfloor.detect.profile import Profiler
from watchfloor.detect.rule import Rule
from watchfloor.detect.taxonomy import Taxonomy
from watchfloor.ocsf.events import Events
from watchfloor.run import oneshot
from watchfloor.run.flame import Frame
from watchfloor.run.path import Judged, Outcome, Path

__all__ = ["STAGES", "Profile", "flame", "profile"]

STAGES = ("read", "tokenise", "map", "prepare", "values", "rows", "findings")
"""Stages of the path, in the order a record meets them."""

SHOWN = 400
"""Comparisons and rules of one box of the flame graph that get a box of their own."""


@dataclass(slots=True)
class Profile:
    """Where the time went.

    Args:
        totals: what was done.
        stages: stage -> seconds of processor time.
        costs: fields, rules, comparisons.
        matched: events that at least one rule holds for.
        values: distinct values judged, candidates: rules woken for a row.
        evictions: how often the value store was full and forgot everything: values may then have been judged twice.
        observing: seconds that watching took; in no stage.
    """

    totals: oneshot.Totals
    stages: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    costs: Costs = field(default_factory=Costs)
    matched: int = 0
    values: int = 0
    candidates: int = 0
    evictions: int = 0
    observing: float = 0.0


class _Mapper(Mapper):
    """A mapper that knows how long it took."""

    seconds = 0.0

    def draft(self, records: Records, *, only: str | None = None) -> MappedBatch:
        began = cpu_s()
        batch = super().draft(records, only=only)
        self.seconds += cpu_s() - began
        return batch


class _Path(Path):
    """A path that knows how long it took. What is first goes through twice: the first time kernels are loaded."""

    def __init__(self, mapper: _Mapper, engine: Profiler, rules: Sequence[Rule], taxonomy: Taxonomy) -> None:
        super().__init__(mapper, engine, rules, taxonomy)
        self.mapping = self.detecting = self.warming = 0.0
        self._timed = mapper

    def draft(self, *args: Any, **kwargs: Any) -> Outcome:
        began = cpu_s()
        if self.warming == 0:
            super().draft(args[0].copy(), **kwargs)
            self.warming = cpu_s() - began
            self._timed.seconds = 0.0
            began = cpu_s()
        outcome = super().draft(*args, **kwargs)
        self.mapping += cpu_s() - began
        return outcome

    def detect(self, batches: Iterable[Events | Draft], shown: Iterable[Events] | None = None) -> Judged:
        began = cpu_s()
        judged = super().detect(batches, shown)
        self.detecting += cpu_s() - began
        return judged


def profile(
    paths: Sequence[FilePath],
    rules: Sequence[Rule],
    taxonomy: Taxonomy,
    mapper: Mapper,
    *,
    now: int,
    format: Format | None = None,
    integration: str | None = None,
    advance: Callable[[int, str], None] = lambda size, name: None,
) -> Profile:
    """Take every record of every path along the path, and watch.

    Args:
        paths: files, folders and archives.
        rules, taxonomy: what to look for, and where.
        mapper: of the integrations to use.
        now: receipt time of the records, epoch milliseconds.
        format, integration: of all inputs; None recognises each.
        advance: told how many bytes of which stream are done.
    """
    engine = Profiler(rules, taxonomy, cpu_s)
    timed = _Mapper(mapper.integrations)
    path = _Path(timed, engine, rules, taxonomy)
    result = Profile(oneshot.Totals())
    began = cpu_s()
    for _ in oneshot.detect(
        paths, path, result.totals, now=now, show=lambda name, found: None, format=format, integration=integration,
        advance=advance,
    ):  # fmt: skip
        pass
    whole = cpu_s() - began
    prepare, match = sum(engine.prepare.values()), sum(engine.matching.values())
    result.costs = costs(engine, rules, taxonomy, cpu_s)
    values = sum(result.costs.values.values())
    result.stages = {
        "read": whole - path.warming - path.mapping - path.detecting,
        "tokenise": path.mapping - timed.seconds,
        "map": timed.seconds,
        "prepare": prepare,
        "values": values,
        "rows": sum(result.costs.rows.values()),
        "findings": path.detecting - engine.observing - prepare - match,
    }
    result.stages = {stage: max(0.0, seconds) for stage, seconds in result.stages.items()}
    result.matched = engine.matched
    result.values = sum(found.values for found in engine.fields.values())
    result.candidates = sum(int(case.candidates.sum()) for case in engine.cases)
    result.evictions = int(engine.counters["value_evictions"])
    result.observing = engine.observing + path.warming
    return result


# -- the flame graph --------------------------------------------------------------------------------------------------


def flame(found: Profile) -> Frame:
    """Stage > class > values > field > kind > comparison, and stage > class > rows > route > rule."""
    stages = found.stages
    root = Frame("watchfloor", 0.0)
    root.children = [Frame(stage, stages[stage]) for stage in ("read", "tokenise", "map") if stages[stage]]
    detect = _with_children("detect", [_class(found, name) for name in sorted(_classes(found))])
    root.children += [detect] if detect.value else []
    root.children += [Frame("findings", stages["findings"])] if stages["findings"] else []
    root.value = sum(child.value for child in root.children)
    return root


def _classes(found: Profile) -> set[str]:
    return {*found.costs.prepare, *found.costs.values, *found.costs.rows}


def _class(found: Profile, name: str) -> Frame:
    costs = found.costs
    by_kind: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    wholes: dict[tuple[str, str], float] = defaultdict(float)
    for one in costs.comparisons:
        wholes[one.field, one.kind] += one.seconds
    for one in costs.comparisons:
        if len(by_kind[one.field, one.kind]) < SHOWN:
            note = f"{len(one.rules)} rules, {one.values:,} values, {one.rows:,} rows"
            by_kind[one.field, one.kind].append(Frame(one.test, one.seconds, note=note))
    fields = []
    for field_name, kinds in costs.by_class.get(name, {}).items():
        parts = []
        for kind, seconds in kinds.items():
            scale = seconds / wholes[field_name, kind] if wholes[field_name, kind] else 0.0
            leaves = [Frame(leaf.name, leaf.value * scale, note=leaf.note) for leaf in by_kind[field_name, kind]]
            parts.append(Frame(kind, seconds, leaves))
        fields.append(_with_children(field_name, parts))
    routes = []
    for class_name, route, seconds, own in costs.by_case:
        if class_name == name:
            dearest = sorted(own.items(), key=lambda pair: -pair[1])[:SHOWN]
            rules = []
            for position, part in dearest:
                cost = costs.by_position[position]
                rules.append(Frame(cost.rule.title, part, note=f"{cost.hits:,} hits, woken {cost.candidates:,} times"))
            routes.append(Frame(route, seconds, rules))
    parts = [
        Frame("prepare", costs.prepare.get(name, 0.0)),
        _with_children("values", fields),
        Frame("rows", costs.rows.get(name, 0.0), sorted(routes, key=lambda frame: -frame.value)),
    ]
    return _with_children(name, [part for part in parts if part.value])


def _with_children(name: str, children: list[Frame]) -> Frame:
    ordered = sorted(children, key=lambda frame: -frame.value)
    return Frame(name, sum(child.value for child in ordered), ordered)
