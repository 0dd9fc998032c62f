"""What correlations need to know of the events that their rules matched: group, value, time, place; as `MATCHES`.

Only matched rows are looked at, and of each column only the distinct values among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.detect.correlation import MATCHES
from watchfloor.detect.correlation_condition import negated
from watchfloor.detect.correlation_keys import key_of, number_of, numeric
from watchfloor.detect.correlation_links import PERSON, field_of
from watchfloor.detect.lookup import Layout, elements, plain
from watchfloor.detect.questions import Field, TaxonomyLike, places
from watchfloor.detect.rule import Correlation, Rule
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events

__all__ = ["MatchReader", "no_matches"]

SCOPES = ("wf.zone_uid", "wf.place_uid", "wf.portal_uid", "wf.asset_uid", "wf.site_uid", "asof.person.site")
"""Where an event was, the first of these that is known: what its coverage is asked of. A sign-in to a cloud was
nowhere; what it is about is then the site on which the person surely is."""

TIMES = ("time", "metadata.logged_time")
ORDERS = ("metadata.sequence", "wf.source_seq")
CONFIDENCE = "wf.resolution_confidence"

NAMES = (PERSON, "wf.credential_uid", "user.email_addr", "user.name", "actor.user.name", "credential.uid", "user.uid")
"""By which somebody goes of whom nobody knows surely who it is, the first of these that is known."""

UNSURE = "? "
"""Before such a name, in place of a person."""


class _Wanted(NamedTuple):
    """One correlation that counts on a rule.

    Args:
        weak: the member as which a match counts whose person is in doubt; -1: that makes no difference.
        absent: the rule is negated.
    """

    correlation: int
    member: int
    group: tuple[tuple[str, tuple[Field, ...]], ...]
    value: tuple[Field, ...]
    hashes: bool
    confidence: int
    weak: int
    absent: bool


class MatchReader:
    """Reads matches out of events.

    Args:
        rules: by their position in the engine.
        correlations, members: as `Operator` has them.
        taxonomy: where the fields are found.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        members: Mapping[str, Sequence[str]],
        taxonomy: TaxonomyLike,
    ) -> None:
        position = {rule.id: number for number, rule in enumerate(rules)}
        self.wanted: dict[int, list[_Wanted]] = {}
        for number, one in enumerate(correlations):
            own, uids = len(one.rules), members[one.id]
            absent = negated(one.expression)[1] if one.expression else frozenset[str]()
            meant = [*range(own), *map(one.rules.index, one.weak)]
            weaker = {meant[place]: place for place in range(own, len(uids))}
            for member, uid in enumerate(uids):
                if uid not in position or (member >= own and uid == uids[meant[member]]):
                    continue
                source = rules[position[uid]].logsource
                named = [field_of(one, member, name) for name in one.group_by]
                wanted = _Wanted(
                    number, member, tuple((name, tuple(places(taxonomy, source, name))) for name in named),
                    tuple(places(taxonomy, source, one.field)) if one.field else (), one.kind == "value_count",
                    one.min_confidence, weaker.get(member, member if member >= own else -1),
                    one.rules[meant[member]] in absent,
                )  # fmt: skip
                self.wanted.setdefault(position[uid], []).append(wanted)

    def columns(self, rules: Iterable[int], names: Sequence[str]) -> frozenset[str]:
        """The columns, of those named, that `read` looks at for some rules."""
        layout = Layout(names)
        fields = {
            place
            for rule in rules
            for one in self.wanted.get(rule, ())
            for place in (*(place for _, places in one.group for place in places), *one.value)
        }
        found = {source.column for place in fields for source in layout.sources(place)}
        always = {*SCOPES, *TIMES, *ORDERS, *NAMES, PERSON, CONFIDENCE, "metadata.uid", "wf.source_uid"}
        return frozenset(found | always)

    def read(self, events: Events, rule: int, rows: npt.NDArray[np.int64]) -> pa.Table:
        """The matches of one rule in some rows of a batch; none where no correlation counts on it."""
        wanted = self.wanted.get(rule, ())
        if not wanted or len(rows) == 0:
            return no_matches()
        layout = Layout(events.names)
        known: dict[tuple[Field, ...], Column] = {}

        def texts(fields: tuple[Field, ...]) -> Column:
            if fields not in known:
                known[fields] = _texts(events, layout, fields, rows)
            return known[fields]

        time, sequence, scope = (_first(events, names, rows) for names in (TIMES, ORDERS, SCOPES))
        uid = events.column("metadata.uid")
        dated = time.present if uid is None else time.present & uid.pick(rows).present
        kept = np.flatnonzero(dated)
        if len(kept) == 0 or uid is None:
            return no_matches()
        shared = {
            "time": time.integer().plain().take(pa.array(kept)),
            "sequence": sequence.integer().plain().take(pa.array(kept)).cast(pa.int64()).fill_null(0),
            "uid": pa.array([bytes.fromhex(text) for text in uid.pick(rows).plain().take(pa.array(kept)).to_pylist()],
                            pa.binary(16)),
            "scope": scope.text().plain().take(pa.array(kept)).cast(pa.string()).dictionary_encode(),
            "gone": pa.array(np.zeros(len(kept), np.bool_)),
        }  # fmt: skip
        doubt = _first(events, (CONFIDENCE,), rows).integer().plain().fill_null(100).to_numpy(zero_copy_only=False)
        found = []
        for one in wanted:
            columns = []
            weak = doubt < one.confidence
            member = np.full(len(rows), one.member, np.int32)
            if one.weak >= 0:
                member[weak] = one.weak
            for name, fields in one.group:
                column = texts(fields)
                if name == PERSON:
                    column = column.where(~weak)
                    if one.weak >= 0 and not one.absent and weak.any():
                        column = column.coalesce(_unsure(events, rows).where(weak))
                columns.append(Column(column.codes[kept], column.values))
            key, text = _keys(columns, len(kept))
            value = np.full(len(kept), np.nan)
            if one.value:
                column = texts(one.value)
                of = number_of if one.hashes else numeric
                numbers = np.array([*map(of, column.values.to_pylist()), np.nan], np.float64)
                value = numbers[column.codes[kept]]
            found.append(
                pa.table(
                    {
                        **shared,
                        "correlation": np.full(len(kept), one.correlation, np.int32),
                        "member": member[kept],
                        "key": key,
                        "text": text,
                        "value": pa.array(value, pa.float64()),
                    }
                )
                .select(MATCHES.names)
                .cast(MATCHES)
            )
        return pa.concat_tables(found)


def _unsure(events: Events, rows: npt.NDArray[np.int64]) -> Column:
    """What stands for a person of whom nobody knows surely who it is."""
    found = [column.pick(rows).text() for name in NAMES if (column := events.column(name)) is not None]
    named = found[0].coalesce(*found[1:]) if found else Column.missing(len(rows))
    return named.map(lambda text: f"{UNSURE}{text}", pa.string())


def no_matches() -> pa.Table:
    """None."""
    return MATCHES.empty_table()


def _keys(columns: Sequence[Column], rows: int) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Per row the key of its group, and its values as text; each combination of values is looked at once."""
    combined = np.zeros(rows, np.int64)
    for column in columns:
        combined = combined * (len(column.values) + 1) + column.codes + 1
        combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    _, firsts, back = np.unique(combined, return_index=True, return_inverse=True)
    held = [column.values.to_pylist() for column in columns]
    groups = []
    for row in firsts.tolist():
        codes = [int(column.codes[row]) for column in columns]
        groups.append(key_of([values[code] if code >= 0 else None for values, code in zip(held, codes, strict=True)]))
    keys = np.array([key for key, _ in groups], np.int64)[back]
    texts = pa.array([text or "" for _, text in groups], pa.string())
    return keys, pa.DictionaryArray.from_arrays(pa.array(back.astype(np.int32)), texts)


def _first(events: Events, names: Sequence[str], rows: npt.NDArray[np.int64]) -> Column:
    """Per row the first of some columns that has a value."""
    found = [column.pick(rows) for name in names if (column := events.column(name)) is not None]
    return found[0].coalesce(*found[1:]) if found else Column.missing(len(rows))


def _texts(events: Events, layout: Layout, fields: Sequence[Field], rows: npt.NDArray[np.int64]) -> Column:
    """Per row the first text that some places of an event hold."""
    found: list[Column] = []
    for place in fields:
        if place.name == "class_name" and not place.raw:
            found.append(Column.constant(events.class_name, len(rows), pa.string()))
            continue
        for source in layout.sources(place):
            column = events.column(source.column)
            if column is None:
                continue
            column = column.pick(rows)
            nested = pa.types.is_nested(column.type)
            if source.nested and not nested:
                continue
            texts = plain(column.values)
            if source.several or nested:
                inside = [elements(text.encode(), source.path) for text in texts.to_pylist()]
                texts = pa.array([some[0] if some else None for some in inside], pa.string())
            found.append(Column.from_arrow(texts.take(pa.array(column.codes, mask=column.codes < 0))))
    return found[0].coalesce(*found[1:]) if found else Column.missing(len(rows))
