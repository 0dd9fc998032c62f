"""Correlations: what rules matched, judged group by group over windows of time.

    operator = Operator(correlations, members)
    state = operator.begin()
    state, findings = operator.step(state, matches, watermark, coverage)

Pure: no I/O, no clock. A state belongs to who made the last step: `step` uses up the one it is given and returns its
successor in the same memory; `snapshot` makes a copy that lasts. The same matches give the same findings in whatever
order and portions they come within the lateness of their sources, from a snapshot or not; what comes later is judged
again, and a finding it overturns is taken back (decisions/correlations.md). What is counted and why stands there too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from watchfloor.detect import sliding
from watchfloor.detect.correlation_condition import negated, table
from watchfloor.detect.correlation_keys import EVERYBODY, NOBODY, key_of, regrouped
from watchfloor.detect.correlation_links import AMBIGUOUS
from watchfloor.detect.rule import Correlation
from watchfloor.detect.sliding import (
    ASK,
    CREATE,
    FRONT,
    FULL,
    GAP,
    KEY,
    KNOWN,
    NEVER,
    OUT,
    PLAN,
    RETRACT,
    ROW,
    UNJUDGED,
    UNSEEN,
)
from watchfloor.ocsf.uid import finding_uid
from watchfloor.words import Int32s

__all__ = [
    "CHANGES", "EVERYBODY", "FINDINGS", "MATCHES", "NOBODY", "Ask", "Gap", "Operator", "State", "Watermark", "nothing",
    "unwatched",
]  # fmt: skip

DAY = 86_400_000
HOLD = {False: DAY, True: 7 * DAY}
"""How long a decision may still be changed, without and with a negated rule, milliseconds (reference 7.4)."""

MAX_WAIT = 1_800_000
"""Milliseconds by which a source may be behind the others until what it would tell is unknown (reference 7.2)."""

MAX_ROWS = 4_000_000
"""Matches held at most; the oldest tenth goes beyond that."""

MAX_GROUP = 10_000
"""Matches of one group held at most."""

MOST_EVIDENCE = 100
"""Events that a finding names at most, the youngest."""

KINDS = {
    "event_count": sliding.COUNT, "value_count": sliding.DISTINCT, "value_sum": sliding.SUM, "value_avg": sliding.MEAN,
    "value_percentile": sliding.PERCENTILE, "value_median": sliding.PERCENTILE, "temporal": sliding.TEMPORAL,
    "temporal_ordered": sliding.ORDERED,
}  # fmt: skip
EMITS = {"once": sliding.ONCE, "each": sliding.EACH, "reset": sliding.RESET}
OPERATORS = {
    "gt": sliding.GT, "gte": sliding.GTE, "lt": sliding.LT, "lte": sliding.LTE, "eq": sliding.EQ, "neq": sliding.NEQ,
}  # fmt: skip

TEXT = pa.dictionary(pa.int32(), pa.string())

MATCHES = pa.schema([
    ("time", pa.int64()),
    ("sequence", pa.int64()),
    ("correlation", pa.int32()),
    ("member", pa.int32()),
    ("key", pa.int64()),
    ("text", TEXT),
    ("value", pa.float64()),
    ("uid", pa.binary(16)),
    ("scope", TEXT),
    ("gone", pa.bool_()),
])  # fmt: skip
"""One row per match of a rule and correlation that counts on it.

time, sequence: of the event, ms; correlation: position among the operator's; member: position in its `rules`; key: hash
of the group's values, `text` is them as JSON; value: number, or hash of a value below 2 ** 53, of its `field`, NaN
where it has none; scope: uid of the place or thing it is about, as coverage knows it; gone: it is no match any more.
"""

CHANGES: Mapping[int, str] = {CREATE: "create", RETRACT: "retract", UNJUDGED: "not_evaluable", KNOWN: "evaluable"}

GAPS = pa.list_(
    pa.struct([("why", pa.string()), ("source", pa.string()), ("of", pa.string()), ("since", pa.int64()),
               ("until", pa.int64())])
)  # fmt: skip

FINDINGS = pa.schema([
    ("correlation", pa.int32()),
    ("change", pa.string()),
    ("uid", pa.string()),
    ("time", pa.int64()),
    ("sequence", pa.int64()),
    ("anchor", pa.string()),
    ("text", pa.string()),
    ("number", pa.float64()),
    ("late", pa.bool_()),
    ("unseen", pa.bool_()),
    ("evidence", pa.list_(pa.string())),
    ("members", pa.list_(pa.int16())),
    ("gaps", GAPS),
])  # fmt: skip
"""One row per change, in the order they were decided.

change: `create`, `retract`; `not_evaluable`, with the gaps that are why, and `evaluable` when that is over; uid: of the
finding, from rule, anchor and group; time, sequence, anchor: of the judged event; text: of the group; number: what was
counted; late: something else was said before; unseen: a finding although its window was not wholly seen; evidence: uids
of events, oldest first, and which of the rules each matched.
"""


HELD = pa.list_(
    pa.struct([("time", pa.int64()), ("sequence", pa.int64()), ("uid", pa.binary()), ("value", pa.float64()),
               ("member", pa.int16()), ("flags", pa.int16()), ("scope", pa.string())])
)  # fmt: skip

SNAPSHOT = pa.schema([
    ("rule", pa.string()),
    ("key", pa.int64()),
    ("text", pa.string()),
    ("due", pa.int64()),
    ("pending", pa.int64()),
    ("fired", pa.int64()),
    ("active", pa.bool_()),
    ("matches", HELD),
    ("front", pa.list_(pa.int64())),
])  # fmt: skip
"""One row per group, its matches youngest first; and one per correlation without a key, that says how far it is."""


class Gap(NamedTuple):
    """A reason why something cannot be judged.

    Args:
        why: `coverage_gap`, `stalled_source`, a reason of `correlation_document.DOUBTS` or of `world.coverage.WHY`.
        source, of: the source, and the place or thing; "" where none is meant.
        since, until: milliseconds.
    """

    why: str
    source: str
    of: str
    since: int
    until: int


class Ask(NamedTuple):
    """Whether something could have been seen.

    Args:
        correlation: who asks.
        rules: ids of the negated rules.
        scope: uid of the place or thing; "" where the event names none.
        start, end: milliseconds, both included.
    """

    correlation: Correlation
    rules: tuple[str, ...]
    scope: str
    start: int
    end: int


Coverage = Callable[[Ask], Sequence[Gap]]
"""Answers with what was not seen; nothing means all was."""


def unwatched(ask: Ask) -> Sequence[Gap]:
    """Where nobody knows what the sources see, nothing can be said to be missing."""
    return (Gap("unwatched", "", ask.scope, ask.start, ask.end),)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the sources are.

    Args:
        heard: per source the event time up to which nothing on time is still to come, milliseconds. A source that is
            merely quiet goes on with the clock.
        sure: the same of what it has shown to be alive: what it does not tell is missing up to here only. A source
            that is not named is as far as it was heard.
        feeds: per rule id the sources it may match in; one that is not named may match in all.
        skew: per source by how much its clock may be wrong, milliseconds.
        over: nothing more will ever come.
    """

    heard: Mapping[str, int] = field(default_factory=dict)
    sure: Mapping[str, int] = field(default_factory=dict)
    feeds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    skew: Mapping[str, int] = field(default_factory=dict)
    over: bool = False

    @staticmethod
    def end() -> Watermark:
        """Nothing more will come."""
        return Watermark(over=True)


@dataclass(slots=True)
class State:
    """What is held between steps.

    Args:
        rows, keys: matches and groups (`sliding.ROW`, `sliding.KEY`).
        counts: places of `sliding`.
        front: per correlation how far it is (`sliding.FRONT`).
        texts: of the groups; `keys["text"]` counts through them.
        scopes: `rows["scope"]` counts through them.
        counters: what was dropped, by reason.
    """

    rows: npt.NDArray[np.void]
    keys: npt.NDArray[np.void]
    counts: npt.NDArray[np.int64]
    front: npt.NDArray[np.void]
    texts: list[pa.Array] = field(default_factory=list)
    scopes: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    swept_at: int = 0

    @property
    def held(self) -> int:
        """Matches that are held."""
        return int(self.counts[sliding.ROWS_USED])

    @property
    def groups(self) -> int:
        """Groups that are held."""
        return int(self.counts[sliding.KEYS_USED])

    @property
    def oldest(self) -> int:
        """Time of the oldest match that is held, milliseconds; 2 ** 62 if none is."""
        times = self.rows["time"][: int(self.counts[sliding.ROWS_TOP])]
        return int(times.min(initial=NEVER))

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return int(self.rows.nbytes + self.keys.nbytes + sum(part.nbytes for part in self.texts))


class Operator:
    """All correlations of a rulebook.

    Args:
        correlations: those others count on before these (`Rulebook.correlations`).
        members: per correlation's id the ids of its rules.
        hold: milliseconds in which a decision may still change, without and with a negated rule.
        max_wait: milliseconds that a source may be behind the others until what it would tell is unknown.
        max_rows, max_group: matches held at most, in all and of one group.
    """

    def __init__(
        self,
        correlations: Sequence[Correlation],
        members: Mapping[str, Sequence[str]],
        *,
        hold: Mapping[bool, int] = HOLD,
        max_wait: int = MAX_WAIT,
        max_rows: int = MAX_ROWS,
        max_group: int = MAX_GROUP,
    ) -> None:
        self.correlations, self.members = tuple(correlations), members
        self._max_wait, self._max_rows, self._max_group = max_wait, max_rows, max_group
        self._names = [_defined(one) for one in self.correlations]
        self._position = {one.id: number for number, one in enumerate(self.correlations)}
        self._outer: dict[int, list[tuple[int, int]]] = {}
        level: list[int] = []
        for number, one in enumerate(self.correlations):
            inner = [self._position[uid] for uid in members[one.id] if uid in self._position]
            level.append(max((level[at] + 1 for at in inner), default=0))
            for at, uid in enumerate(members[one.id]):
                if uid in self._position:
                    self._outer.setdefault(self._position[uid], []).append((number, at))
        self._level: Int32s = np.array(level, np.int32)
        self._negated = [negated(one.expression)[1] if one.expression else frozenset() for one in self.correlations]
        self._absent = [
            tuple(uid for name, uid in zip(one.rules, members[one.id], strict=False) if name in some)
            for one, some in zip(self.correlations, self._negated, strict=True)
        ]
        self._meant = [(*one.rules, *one.weak) for one in self.correlations]
        """Per member the rule it is a match of, or may be."""
        self._hold = np.array([hold[bool(some)] for some in self._negated], np.int64)
        self._plan, self._operators, self._numbers, self._tables, self._meanings, self._vague = self._planned()

    def _planned(self) -> tuple[Any, Any, Any, Any, Any, Any]:
        plan = np.zeros(len(self.correlations), PLAN)
        bounds: list[tuple[int, float]] = []
        tables: list[npt.NDArray[np.uint8]] = []
        meanings: list[int] = []
        vague: list[bool] = []
        length = 0
        for entry, one, absent, meant in zip(plan, self.correlations, self._negated, self._meant, strict=True):
            entry["every"], entry["meant"] = len(meant), len(meanings)
            meanings += [one.rules.index(name) for name in meant]
            vague += [member >= len(one.rules) or name in dict(one.doubt) for member, name in enumerate(meant)]
            entry["shut"] = sum(1 << member for member, name in enumerate(meant) if name in absent)
            entry["quiet"] = max(one.suppress, one.before + one.after if one.emit == "once" else 0)
            entry["kind"] = sliding.WORDS if one.expression else KINDS[one.kind]
            entry["emit"], entry["members"] = EMITS[one.emit], len(one.rules)
            entry["anchor"] = -1 if one.anchor is None else one.rules.index(one.anchor)
            entry["before"], entry["after"], entry["suppress"] = one.before, one.after, one.suppress
            entry["percentile"] = 50.0 if one.percentile is None else one.percentile
            entry["bounds"] = len(bounds)
            bounds += [(OPERATORS[operator], number) for operator, number in one.bounds]
            entry["bounds_end"] = len(bounds)
            entry["table"] = length
            if one.expression:
                tables.append(table(one.expression, one.rules))
                length += len(tables[-1])
            entry["negated"] = sum(1 << one.rules.index(name) for name in absent)
            entry["fires"] = one.on_incomplete == "fire"
            entry["around"] = bool(absent) or one.after > 0
        return (
            plan,
            np.array([operator for operator, _ in bounds], np.int32),
            np.array([number for _, number in bounds], np.float64),
            np.concatenate([*tables, np.zeros(1, np.uint8)]),
            np.array([*meanings, 0], np.int32),
            np.array([*vague, False], np.bool_),
        )

    def begin(self) -> State:
        """The state before the first match."""
        counts = np.zeros(8, np.int64)
        counts[sliding.FREE] = -1
        front = np.zeros(len(self.correlations), FRONT)
        for name in ("settled", "expired", "gone"):
            front[name] = -NEVER
        return State(np.zeros(1024, ROW), np.zeros(1024, KEY), counts, front)

    def counters(self, state: State) -> dict[str, int]:
        """What was left out, by reason; reasons that never came are not named."""
        counted = {"repeated": sliding.REPEATED, "too_late": sliding.TOO_LATE, "suppressed": sliding.SUPPRESSED}
        found = state.counters | {name: int(state.counts[place]) for name, place in counted.items()}
        return {name: number for name, number in found.items() if number}

    # -- a step -------------------------------------------------------------------------------------------------------

    def step(
        self, state: State, matches: pa.Table, watermark: Watermark, coverage: Coverage = unwatched
    ) -> tuple[State, pa.Table]:
        """Take up matches, judge what can be judged now.

        Args:
            state: used up.
            matches: as `MATCHES`, in any order, repeated or not.

        Returns:
            The state after it, and what changed, as `FINDINGS`.
        """
        before = state.front.copy()
        state.front = self._fronts(before, watermark)
        found: list[pa.Table] = []
        taken = matches
        for level in range(int(self._level.max(initial=-1)) + 1):
            if taken.num_rows:
                self._take_up(state, taken, before)
            changes = self._judge(state, level, coverage)
            found.append(changes)
            taken = self._chained(changes)
        self._let_go(state)
        return state, pa.concat_tables(found) if found else nothing()

    def _fronts(self, before: npt.NDArray[np.void], watermark: Watermark) -> npt.NDArray[np.void]:
        """How far each correlation is after a watermark."""
        front = before.copy()
        for number, one in enumerate(self.correlations):
            reached, missing, widen = self._reached(front, number, watermark)
            wait = one.after + (one.lateness or 0) + widen
            entry = front[number]
            entry["settled"] = max(int(entry["settled"]), _earlier(min(reached, missing), wait))
            expired = _earlier(reached, wait + self._max_wait) if self._negated[number] else -NEVER
            entry["expired"] = max(int(entry["settled"]), int(entry["expired"]), expired)
            entry["gone"] = max(int(entry["gone"]), _earlier(int(entry["settled"]), int(self._hold[number]), over=True))
            entry["widen"] = max(int(entry["widen"]), widen)
        return front

    def _reached(self, front: npt.NDArray[np.void], number: int, watermark: Watermark) -> tuple[int, int, int]:
        """Up to when all is there that a correlation counts, and all that it misses; how much its clocks may differ."""
        if watermark.over:
            return NEVER, NEVER, 0
        one = self.correlations[number]
        everybody = frozenset(watermark.heard)
        marks: dict[bool, list[int]] = {False: [], True: []}
        skew = {False: 0, True: 0}
        for name, uid in zip(self._meant[number], self.members[one.id], strict=True):
            absent = name in self._negated[number]
            if uid in self._position:
                marks[absent].append(int(front["settled"][self._position[uid]]))
                continue
            for source in watermark.feeds.get(uid, everybody):
                mark = watermark.heard.get(source, -NEVER)
                if absent:
                    marks[absent].append(watermark.sure.get(source, mark))
                elif source in watermark.heard:  # what was never heard holds up no count, and no absence is believed
                    marks[absent].append(mark)
                skew[absent] = max(skew[absent], watermark.skew.get(source, 0))
        reached = min(marks[False], default=max(watermark.heard.values(), default=-NEVER))
        return reached, min(marks[True], default=NEVER), sum(skew.values()) if self._negated[number] else 0

    def _take_up(self, state: State, matches: pa.Table, front: npt.NDArray[np.void]) -> None:
        """Put matches into their groups."""
        matches = self._kept(state, matches)
        time = _numbers(matches, "time", np.int64)
        sequence = _numbers(matches, "sequence", np.int64)
        if _unordered(time, sequence):
            order = np.lexsort((sequence, time))
            matches = matches.take(pa.array(order))
            time, sequence = time[order], sequence[order]
        correlation = _numbers(matches, "correlation", np.int32)
        member = _numbers(matches, "member", np.int32)
        key = _numbers(matches, "key", np.int64)
        value = _numbers(matches, "value", np.float64)
        uid = _words(matches.column("uid"))
        gone = matches.column("gone").combine_chunks().to_numpy(zero_copy_only=False)
        state.rows = _grown(state.rows, int(state.counts[sliding.ROWS_TOP]) + len(time))
        wanted = 1024
        while wanted < 3 * (state.groups + len(time)) // 2:
            wanted *= 2
        if wanted > len(state.keys):
            new = np.zeros(wanted, KEY)
            sliding.moved(state.keys, new)
            state.keys = new
        fresh = np.empty(2 * len(time), np.int64)
        count = sliding.insert(
            state.rows, state.keys, state.counts, front, correlation, member, key, time, sequence,
            np.ascontiguousarray(uid[:, 0]), np.ascontiguousarray(uid[:, 1]), value, self._scopes(state, matches),
            np.ascontiguousarray(gone, np.bool_), fresh,
        )  # fmt: skip
        if count:
            slots, rows = fresh[: 2 * count : 2], fresh[1 : 2 * count : 2]
            first = sum(len(part) for part in state.texts)
            texts = matches.column("text").combine_chunks().take(pa.array(rows))
            state.texts.append(texts.cast(pa.string()))
            state.keys["text"][slots] = np.arange(first, first + count)

    def _kept(self, state: State, matches: pa.Table) -> pa.Table:
        """Without matches that belong to no group, or whose value is none. Of what is negated, those without a group
        are kept: they may have been anybody's."""
        correlation = _numbers(matches, "correlation", np.int32)
        nobody = _numbers(matches, "key", np.int64) == NOBODY
        empty = np.isnan(_numbers(matches, "value", np.float64))
        lost = nobody
        if nobody.any():
            lost = nobody & ((self._plan["shut"][correlation] >> _numbers(matches, "member", np.int32) & 1) == 0)
        if empty.any():
            kind = self._plan["kind"][correlation]
            empty &= (kind >= sliding.DISTINCT) & (kind <= sliding.PERCENTILE) & ~lost
        for name, some in (("dropped_null_key", nobody), ("dropped_no_value", empty)):
            if some.any():
                state.counters[name] = state.counters.get(name, 0) + int(some.sum())
        drop = lost | empty
        return matches.filter(pa.array(~drop)) if drop.any() else matches

    @staticmethod
    def _scopes(state: State, matches: pa.Table) -> Int32s:
        column = matches.column("scope").combine_chunks()
        known = np.array([state.scopes.setdefault(text, len(state.scopes)) for text in column.dictionary.to_pylist()],
                         np.int32)  # fmt: skip
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        scopes: Int32s = np.append(known, np.int32(-1))[codes].astype(np.int32)
        return scopes

    def _judge(self, state: State, level: int, coverage: Coverage) -> pa.Table:
        """Judge the groups of one level that have something to judge, until nothing is asked any more."""
        found = np.empty(state.groups, np.int32)
        count = sliding.waiting(state.keys, state.front, self._level, level, found)
        parts: list[pa.Table] = []
        gaps: dict[int, Sequence[Gap]] = {}
        begin, todo = 0, found[:count]
        out = np.zeros(max(1024, 4 * count), OUT)
        while len(todo):
            asked: list[int] = []
            begin = 0
            while begin < len(todo):
                progress = np.zeros(1, np.int64)
                end = sliding.judge(
                    state.rows, state.keys, state.counts, self._plan, self._operators, self._numbers, self._tables,
                    self._meanings, self._vague, state.front, todo, begin, len(todo), out, progress,
                )  # fmt: skip
                entries = out[: progress[0]]
                if end == begin:
                    out = np.zeros(2 * len(out), OUT)
                asks = entries[entries["change"] == ASK]
                if len(asks):
                    asked += asks["slot"].tolist()
                    gaps |= self._answered(state, asks, coverage)
                told = entries[entries["change"] != ASK]
                if len(told):
                    parts.append(self._told(state, told, gaps))
                begin = end
            todo = np.array(sorted(set(asked)), np.int32)
        return _netted(pa.concat_tables(parts)) if parts else nothing()

    def _answered(self, state: State, entries: npt.NDArray[np.void], coverage: Coverage) -> dict[int, Sequence[Gap]]:
        """Were the windows of some matches seen? Marks them; gives per row what was not."""
        rows, numbers = entries["row"], state.keys["correlation"][entries["slot"]]
        plan, widen = self._plan[numbers], state.front["widen"][numbers]
        time = state.rows["time"][rows]
        names = [*state.scopes, ""]
        found: dict[int, Sequence[Gap]] = {}
        for row, number, code, start, end in zip(
            rows.tolist(),
            numbers.tolist(),
            state.rows["scope"][rows].tolist(),
            (time - plan["before"] - widen).tolist(),
            (time + plan["after"] + widen).tolist(),
            strict=True,
        ):
            ask = Ask(self.correlations[number], self._absent[number], names[code], start, end)
            gaps = list(coverage(ask))
            negated = int(self._plan["shut"][number])
            if sliding.held(state.rows, state.keys, number, NOBODY, code, negated, start, end):
                gaps.append(Gap("identity_ambiguous", "", ask.scope, start, end))
            found[row] = gaps
        blind = np.array([bool(gaps) for gaps in found.values()], np.bool_)
        state.rows["flags"][rows] |= np.where(blind, GAP, FULL).astype(np.int16)
        return found

    def _told(self, state: State, entries: npt.NDArray[np.void], gaps: Mapping[int, Sequence[Gap]]) -> pa.Table:
        """Changes as a table. There are few: this may look at each."""
        sizes = np.zeros(len(entries), np.int32)
        room = np.empty(len(entries) * MOST_EVIDENCE, np.int32)
        total = sliding.evidence(state.rows, state.keys, self._plan, entries, len(entries), MOST_EVIDENCE, room, sizes)
        rows, keys = state.rows, state.keys[entries["slot"]]
        anchors = rows[entries["row"]]
        names = _hexadecimal(anchors)
        texts = self._texts(state, keys["text"])
        seen = _hexadecimal(rows[room[:total]])
        members = rows["member"][room[:total]].tolist()
        ends = np.cumsum(sizes).tolist()
        return pa.table(
            {
                "correlation": keys["correlation"],
                "change": [CHANGES[change] for change in entries["change"].tolist()],
                "uid": [
                    finding_uid(self.correlations[number].id, f"{anchor}\0{key}")
                    for number, anchor, key in zip(
                        keys["correlation"].tolist(), names, keys["key"].tolist(), strict=True
                    )
                ],
                "time": anchors["time"],
                "sequence": anchors["sequence"],
                "anchor": names,
                "text": texts,
                "number": entries["number"],
                "late": entries["late"] != 0,
                "unseen": (anchors["flags"] & UNSEEN) != 0,
                "evidence": [seen[end - size : end][::-1] for end, size in zip(ends, sizes.tolist(), strict=True)],
                "members": [members[end - size : end][::-1] for end, size in zip(ends, sizes.tolist(), strict=True)],
                "gaps": [
                    [gap._asdict() for gap in self._gaps(state, number, entry, gaps)]
                    for number, entry in zip(keys["correlation"].tolist(), entries, strict=True)
                ],
            },
            FINDINGS,
        )

    def _gaps(self, state: State, number: int, entry: Any, gaps: Mapping[int, Sequence[Gap]]) -> Sequence[Gap]:
        """Why a match cannot be judged."""
        row = int(entry["row"])
        if entry["change"] == UNJUDGED and not gaps.get(row):
            time, plan = int(state.rows["time"][row]), self._plan[number]
            widen = int(state.front["widen"][number])
            since, until = time - int(plan["before"]) - widen, time + int(plan["after"]) + widen
            found = int(sliding.there(state.rows, state.keys, int(entry["slot"]), since, until))
            one = self.correlations[number]
            why_of = [*map(dict(one.doubt).get, one.rules), *(AMBIGUOUS for _ in one.weak)]
            reasons = [why for bit, why in enumerate(why_of) if why is not None and found >> bit & 1]
            if not reasons:
                stalled = int(state.rows["flags"][row]) & sliding.STALLED
                reasons = ["stalled_source" if stalled else "coverage_gap"]
            of = [*state.scopes, ""][int(state.rows["scope"][row])]
            return tuple(Gap(why, "", of, since + widen, until - widen) for why in dict.fromkeys(reasons))
        return gaps.get(row, ()) if entry["change"] in (UNJUDGED, CREATE) else ()

    @staticmethod
    def _texts(state: State, numbers: npt.NDArray[np.int32]) -> list[str]:
        texts = pa.chunked_array(state.texts, pa.string()) if state.texts else pa.chunked_array([[]], pa.string())
        return [text or "" for text in texts.take(pa.array(numbers)).to_pylist()]

    def _chained(self, changes: pa.Table) -> pa.Table:
        """What was found as matches of the correlations that count on it."""
        rows: list[dict[str, Any]] = []
        known = pc.is_in(changes["correlation"], pa.array(list(self._outer), pa.int32()))
        told = pc.is_in(changes["change"], pa.array(["create", "retract"]))
        for change in changes.filter(pc.and_(known, told)).to_pylist():
            inner = self.correlations[change["correlation"]]
            for number, member in self._outer.get(change["correlation"], ()):
                rows.append(self._match(inner, change, number, member))
        return table_of(rows)

    def _match(self, inner: Correlation, change: Mapping[str, Any], number: int, member: int) -> dict[str, Any]:
        values = regrouped(inner, change["text"], self.correlations[number], member)
        key, text = key_of(values.group)
        return {
            "time": change["time"],
            "sequence": change["sequence"],
            "correlation": number,
            "member": member,
            "key": key,
            "text": text,
            "value": values.value,
            "uid": bytes.fromhex(change["uid"]),
            "scope": None,
            "gone": change["change"] == "retract",
        }

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def snapshot(self, state: State, *, changed: bool = False) -> pa.Table:
        """A copy that lasts, as `SNAPSHOT`.

        Args:
            changed: only groups that changed since the last time this was asked; the newest row of each group of all
                such tables together is a whole snapshot.
        """
        wanted = (state.keys["used"] != 0) & ((state.keys["touched"] != 0) if changed else True)
        slots = np.flatnonzero(wanted).astype(np.int32)
        if changed:
            state.keys["touched"] = 0
        keys = state.keys[slots]
        found = np.empty(int(keys["count"].sum()), np.int32)
        sliding.gathered(state.rows, state.keys, slots, found)
        rows = state.rows[found]
        ids = pa.array(self._names, pa.string())
        scopes = pa.array([*state.scopes, None], pa.string())
        held = pa.StructArray.from_arrays(
            [
                pa.array(rows["time"]), pa.array(rows["sequence"]), _binary(rows).cast(pa.binary()),
                pa.array(rows["value"]), pa.array(rows["member"]), pa.array(rows["flags"]),
                scopes.take(pa.array(np.where(rows["scope"] < 0, len(state.scopes), rows["scope"]))),
            ],
            fields=list(HELD.value_type),
        )  # fmt: skip
        ends = np.concatenate([np.zeros(1, np.int32), np.cumsum(keys["count"], dtype=np.int32)])
        groups = pa.table(
            {
                "rule": ids.take(pa.array(keys["correlation"])),
                "key": keys["key"],
                "text": pa.array(self._texts(state, keys["text"]), pa.string()),
                "due": keys["due"],
                "pending": keys["pending"],
                "fired": keys["fired"],
                "active": keys["active"] != 0,
                "matches": pa.ListArray.from_arrays(pa.array(ends), held),
                "front": pa.nulls(len(keys), SNAPSHOT.field("front").type),
            },
            SNAPSHOT,
        )
        fronts = [{"rule": name, "front": list(map(int, front))}
                  for name, front in zip(self._names, state.front.tolist(), strict=True)]  # fmt: skip
        return pa.concat_tables([groups, pa.Table.from_pylist(fronts, SNAPSHOT)])

    def restored(self, snapshot: pa.Table) -> State:
        """The state that a snapshot was made of; of correlations that are no longer there nothing is kept."""
        state = self.begin()
        ids = pa.array(self._names, pa.string())
        number = pc.index_in(snapshot["rule"], ids).combine_chunks()
        known = snapshot.append_column("number", number).filter(pc.is_valid(number))
        whole = pc.is_null(known["key"])
        for entry in known.filter(whole).select(["number", "front"]).to_pylist():
            state.front[entry["number"]] = tuple(entry["front"])
        groups = known.filter(pc.invert(whole))
        if groups.num_rows == 0:
            return state
        lists = groups["matches"].combine_chunks()
        held = lists.flatten()
        sizes = lists.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        ends = np.cumsum(sizes)
        rows = _grown(state.rows, len(held))
        state.rows = rows
        at = np.arange(len(held), dtype=np.int32)
        for name in ("time", "sequence", "value", "member", "flags"):
            rows[name][: len(held)] = held.field(name).to_numpy(zero_copy_only=False)
        words = _words(pa.chunked_array([held.field("uid").cast(pa.binary(16))]))
        rows["high"][: len(held)], rows["low"][: len(held)] = words[:, 0], words[:, 1]
        scopes = held.field("scope").dictionary_encode()
        state.scopes = {text: code for code, text in enumerate(scopes.dictionary.to_pylist())}
        rows["scope"][: len(held)] = scopes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        rows["next"][: len(held)] = at + 1
        rows["next"][ends[sizes > 0] - 1] = -1
        keys = np.zeros(groups.num_rows, KEY)
        keys["used"] = 1
        keys["count"] = sizes
        keys["head"] = np.where(sizes > 0, ends - sizes, -1)
        keys["correlation"] = groups["number"].to_numpy()
        keys["text"] = np.arange(len(keys))
        for name in ("key", "due", "pending", "fired", "active"):
            keys[name] = groups[name].to_numpy()
        state.texts = [groups["text"].combine_chunks().cast(pa.string())]
        size = 1024
        while size < 3 * len(keys) // 2:
            size *= 2
        state.keys = np.zeros(size, KEY)
        sliding.moved(keys, state.keys)
        state.counts[sliding.KEYS_USED] = len(keys)
        state.counts[sliding.ROWS_USED] = state.counts[sliding.ROWS_TOP] = len(held)
        return state

    # -- bounds -------------------------------------------------------------------------------------------------------

    def _let_go(self, state: State) -> None:
        """Free what can matter no more, once there is enough of it for the look to pay; and what is beyond bounds."""
        oldest = -NEVER
        if state.held > self._max_rows:
            live = self._live(state)
            times = state.rows["time"][live]
            surplus = state.held - self._max_rows + self._max_rows // 10
            oldest = int(np.partition(times, min(surplus, len(times)) - 1)[min(surplus, len(times)) - 1])
        elif state.held < 3 * state.swept_at // 2 + 4096 and int(state.keys["count"].max()) <= self._max_group * 5 // 4:
            return
        crowded = int(state.counts[sliding.CROWDED])
        sliding.swept(state.rows, state.keys, state.counts, self._plan, state.front, self._max_group, oldest)
        evicted = int(state.counts[sliding.CROWDED]) - crowded
        if evicted:
            state.counters["evicted"] = state.counters.get("evicted", 0) + evicted
        self._rebuild(state)
        state.swept_at = state.held

    @staticmethod
    def _live(state: State) -> npt.NDArray[np.int64]:
        """Places of rows that hold a match."""
        free = np.zeros(int(state.counts[sliding.ROWS_TOP]), np.bool_)
        at = int(state.counts[sliding.FREE])
        while at >= 0:
            free[at] = True
            at = int(state.rows["next"][at])
        return np.flatnonzero(~free)

    @staticmethod
    def _rebuild(state: State) -> None:
        """A table of groups without holes, and their texts without those of groups that are gone."""
        size = 1024
        while size < 3 * state.groups // 2:
            size *= 2
        new = np.zeros(size, KEY)
        sliding.moved(state.keys, new)
        state.keys = new
        used = np.flatnonzero(new["used"])
        texts = pa.chunked_array(state.texts, pa.string()) if state.texts else pa.chunked_array([[]], pa.string())
        kept = texts.take(pa.array(new["text"][used]))
        state.texts = [kept.combine_chunks() if kept.num_chunks != 1 else kept.chunk(0)]
        new["text"][used] = np.arange(len(used))


def _defined(one: Correlation) -> str:
    """By what the state of a correlation is known: its id, and what it says; moving its file changes neither."""
    said = msgspec.msgpack.encode(replace(one, file="", line=0))
    return f"{one.id} {hashlib.blake2b(said, digest_size=4).hexdigest()}"


def _netted(changes: pa.Table) -> pa.Table:
    """Without what one match of an event takes back and another of the same event says at once: that still holds."""
    open_: dict[tuple[str, bool], dict[bool, list[int]]] = {}
    for row, (uid, change) in enumerate(zip(changes["uid"].to_pylist(), changes["change"].to_pylist(), strict=True)):
        found = change in ("create", "retract")
        open_.setdefault((uid, found), {True: [], False: []})[change in ("create", "not_evaluable")].append(row)
    still = {row for one in open_.values() for pair in zip(one[True], one[False], strict=False) for row in pair}
    if not still:
        return changes
    return changes.filter(pa.array([row not in still for row in range(changes.num_rows)]))


def nothing() -> pa.Table:
    """No findings."""
    return FINDINGS.empty_table()


def table_of(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A few matches as a table."""
    return pa.Table.from_pylist(list(rows), MATCHES)


def _numbers(matches: pa.Table, name: str, kind: Any) -> Any:
    column = matches.column(name).combine_chunks()
    if column.null_count:
        column = column.fill_null(float("nan") if kind is np.float64 else 0)
    return np.ascontiguousarray(column.to_numpy(zero_copy_only=False), kind)


def _words(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """128-bit uids as two words each, shape (rows, 2)."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], pa.binary(16))
    if len(array) == 0:
        return np.empty((0, 2), np.int64)
    held = np.frombuffer(array.buffers()[1], np.uint8)[16 * array.offset : 16 * (array.offset + len(array))]
    return held.view(">i8").astype(np.int64).reshape(-1, 2)


def _binary(rows: npt.NDArray[np.void]) -> pa.Array:
    """Uids of rows, 16 bytes each."""
    held = np.stack([rows["high"], rows["low"]], axis=-1).astype(">i8")
    return pa.Array.from_buffers(pa.binary(16), len(rows), [None, pa.py_buffer(held.tobytes())])


def _hexadecimal(rows: npt.NDArray[np.void]) -> list[str]:
    """Uids as text."""
    words = np.stack([rows["high"], rows["low"]], axis=-1).astype(">i8")
    text = words.tobytes().hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]


def _earlier(time: int, by: int, *, over: bool = False) -> int:
    """A time minus a duration; always and never stay what they are, but for what is `over` some day."""
    return time - by if -NEVER < time < NEVER or (over and time == NEVER) else time


def _unordered(time: npt.NDArray[np.int64], sequence: npt.NDArray[np.int64]) -> bool:
    later = time[1:] > time[:-1]
    return not bool((later | ((time[1:] == time[:-1]) & (sequence[1:] >= sequence[:-1]))).all())


def _grown(array: npt.NDArray[np.void], wanted: int) -> npt.NDArray[np.void]:
    if wanted <= len(array):
        return array
    grown = np.zeros(max(wanted, len(array) + len(array) // 4), array.dtype)
    grown[: len(array)] = array
    return grown
