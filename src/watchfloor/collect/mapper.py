"""From records to events: which product is it, which family, which mapping; what is left over; what cannot be mapped.

Nothing is decided per row: the product is recognised once per distinct set of field names, the family once per
distinct combination of the values that tell families apart, and a mapping function runs on columns.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.collect.draft import Draft, Left
from watchfloor.collect.integration import OTHER, Integration, Signature
from watchfloor.collect.mapping import Mapped, Record, constant_like
from watchfloor.collect.quarantine import HEAD, Bad
from watchfloor.collect.records import Records
from watchfloor.errors import WatchfloorError
from watchfloor.ocsf import derive, uid
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events, fitted
from watchfloor.ocsf.waiting import Waiting, joined

__all__ = ["Leftovers", "MappedBatch", "Mapper", "Observer"]

log = logging.getLogger(__name__)

Leftovers = Counter[tuple[str, str, str]]
"""(integration, family, raw name) -> rows in which nobody took it."""


PATIENCE = 2000
"""Failures of mappings in one batch after which what fails is set aside as a whole: it must not cost hours."""

Observer = Callable[[Integration, str, Record, Events], None]
"""Shown (integration, family, what the mapping saw, what it made)."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Records of one family and what the mapping said about them."""

    integration: Integration
    family: str
    record: Record
    mapped: Mapped


Made = TypeVar("Made")
Finish = Callable[[Sequence[_Part]], Made]
"""What is made of the parts of one class."""


class _Differ(Exception):
    """Parts that cannot be joined column by column; each is built alone."""


@dataclass(slots=True)
class MappedBatch:
    """What came of a batch of records: read = events + quarantined.

    Args:
        events: one batch per class.
        drafts: in their place, for who asked for drafts.
        bad: records that no mapping could take; `record` is the record number in the block.
        leftovers: what rides under `unmapped`.
        integrations: integration id -> records.
        failures: how often a mapping raised.
        parts: mapped and not built yet; empty when the mapper is done.
    """

    events: list[Events] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    leftovers: Leftovers = field(default_factory=Counter)
    integrations: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    parts: list[_Part] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Events made."""
        return sum(map(len, self.events)) + sum(map(len, self.drafts))


class Mapper:
    """Maps records of any of the given integrations.

    Args:
        integrations: in order of preference; one without signatures takes what nobody recognises.
        observe: shown every mapped family, for the checks of the contract.
    """

    def __init__(self, integrations: Sequence[Integration], observe: Observer | None = None) -> None:
        self._integrations = sorted(integrations, key=lambda i: (-i.priority, i.id))
        self._observe = observe
        self._shapes: dict[frozenset[str], list[tuple[Integration, Signature | None]]] = {}

    @property
    def integrations(self) -> tuple[Integration, ...]:
        """What it can map, in order of preference."""
        return tuple(self._integrations)

    def map(self, records: Records, *, only: str | None = None) -> MappedBatch:
        """Map a batch.

        Args:
            records: rows of one stream.
            only: the integration's id where the estate says which product a source is.
        """
        batch = MappedBatch()
        batch.events = _joined(list(self._each(records, only, batch, _finish)))
        return batch

    def draft(self, records: Records, *, only: str | None = None) -> MappedBatch:
        """As `map`, for who asks of events what rules ask: what nobody asks for is not made."""
        batch = MappedBatch()
        batch.drafts = list(self._each(records, only, batch, _drafted))
        return batch

    def _each(self, records: Records, only: str | None, batch: MappedBatch, finish: Finish[Made]) -> Iterator[Made]:
        if records.rows == 0:
            return
        recognised = self._recognise(records, only)
        if sum(len(rows) for _, rows in recognised) < records.rows:
            known = np.zeros(records.rows, np.bool_)
            for _, rows in recognised:
                known[rows] = True
            reason = "no integration recognises it" if only is None else f"there is no integration {only!r}"
            batch.bad += _all_bad(records.take(np.flatnonzero(~known)), reason)
        for integration, rows in recognised:
            batch.integrations[integration.id] += len(rows)
            part = records if len(rows) == records.rows else records.take(rows)
            self._map_integration(integration, part, batch)
        while batch.parts:  # what fails comes back in halves
            parts, batch.parts = batch.parts, []
            classes = _by_class(parts)
            del parts
            while classes:  # what a class was made of is free when it is made
                yield from self._built(classes.pop(0), batch, finish)

    # -- which product ----------------------------------------------------------------------------------------------

    def _recognise(self, records: Records, only: str | None) -> list[tuple[Integration, npt.NDArray[np.int64]]]:
        if only is not None:
            chosen = next((i for i in self._integrations if i.id == only), None)
            return [] if chosen is None else [(chosen, np.arange(records.rows))]
        codes, shapes = records.shapes
        owner = np.full(records.rows, -1, np.int32)
        of_shape = np.full(len(shapes), -1, np.int32)  # where the names alone decide
        order: list[Integration] = []
        positions: dict[str, int] = {}

        def position(integration: Integration) -> int:
            if integration.id not in positions:
                positions[integration.id] = len(order)
                order.append(integration)
            return positions[integration.id]

        for code, shape in enumerate(shapes):
            candidates = self._candidates(shape)
            if candidates and (candidates[0][1] is None or not candidates[0][1].asks()):
                of_shape[code] = position(candidates[0][0])
                continue
            open_rows = codes == code
            for integration, signature in candidates:
                fits = open_rows.copy()
                for name, good in _tests(signature):
                    column = records.column(name)
                    if column is None:
                        fits[:] = False
                        break
                    fits &= np.array([good(value) for value in column.values.to_pylist()] + [False])[column.codes]
                if fits.any():
                    owner[fits] = position(integration)
                    open_rows &= ~fits
                if not open_rows.any():
                    break
        owner = np.where(owner < 0, of_shape[codes], owner)
        return [(order[i], np.flatnonzero(owner == i)) for i in range(len(order))]

    def _candidates(self, shape: frozenset[str]) -> list[tuple[Integration, Signature | None]]:
        """Integrations whose signature fits a set of names, most specific first; remembered."""
        known = self._shapes.get(shape)
        if known is None:
            if len(self._shapes) > 100_000:  # hostile input can invent shapes without end
                self._shapes.clear()
            bare = {name.removesuffix("[]") for name in shape}
            prefixes = {name[:i] for name in bare for i, char in enumerate(name) if char == "."} | bare
            found = [
                (integration.priority, len(signature.fields), integration, signature)
                for integration in self._integrations
                for signature in integration.signatures
                if signature.fields <= prefixes
            ]
            found.sort(key=lambda entry: (-entry[0], -entry[1]))
            known = [(integration, signature) for _, _, integration, signature in found]
            known += [(integration, None) for integration in self._integrations if not integration.signatures]
            self._shapes[shape] = known
        return known

    # -- which family, which mapping --------------------------------------------------------------------------------

    def _map_integration(self, integration: Integration, records: Records, batch: MappedBatch) -> None:
        try:
            families = self._families(integration, records)
        except WatchfloorError:
            raise  # the integration itself is wrong, not a record
        except Exception as error:
            self._blame(
                error, integration.id, records, batch, lambda part: self._map_integration(integration, part, batch)
            )
            return
        for name, part in families:
            self._map_family(integration, name, part, batch)

    def _families(self, integration: Integration, records: Records) -> list[tuple[str, Records]]:
        mappings = integration.mappings
        settings = integration.setting_values
        if mappings.normalise is not None:
            records = mappings.normalise(records, settings)
        if mappings.classify is None:
            return [(next(iter(integration.families)), records.take(np.arange(records.rows)))]
        families = mappings.classify(Record(records, settings))
        names = [name if name in mappings.functions else OTHER for name in families.values.to_pylist()] + [OTHER]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        family = np.array([numbers[name] for name in names], np.int16)[families.codes]
        parts = np.split(np.argsort(family, kind="stable"), np.cumsum(np.bincount(family, minlength=len(numbers)))[:-1])
        return [(name, records.take(rows)) for name, rows in zip(numbers, parts, strict=True) if len(rows)]

    def _blame(
        self, error: Exception, where: str, records: Records, batch: MappedBatch, again: Callable[[Records], None]
    ) -> None:
        """One odd record must not cost its neighbours: halve until the guilty ones stand alone."""
        batch.failures += 1
        if records.rows == 1 or batch.failures > PATIENCE:
            log.debug("mapping %s failed on %d records: %s", where, records.rows, type(error).__name__)
            batch.bad += _all_bad(records, f"mapping {where} failed: {type(error).__name__}: {error}"[:500])
            return
        middle = records.rows // 2
        again(records.take(np.arange(middle)))
        again(records.take(np.arange(middle, records.rows)))

    def _map_family(self, integration: Integration, family: str, records: Records, batch: MappedBatch) -> None:
        function = integration.mappings.functions.get(family)
        if function is None:
            batch.bad += _all_bad(records, f"integration {integration.id!r} has no mapping for family {family!r}")
            return
        record = Record(records, integration.setting_values)
        try:
            mapped = function(record)
        except Exception as error:
            self._blame_family(error, integration, family, records, batch)
            return
        batch.parts.append(_Part(integration, family, record, mapped))

    def _blame_family(
        self, error: Exception, integration: Integration, family: str, records: Records, batch: MappedBatch
    ) -> None:
        self._blame(
            error, f"{integration.id}/{family}", records, batch,
            lambda part: self._map_family(integration, family, part, batch),
        )  # fmt: skip

    def _built(self, parts: Sequence[_Part], batch: MappedBatch, finish: Finish[Made]) -> list[Made]:
        """The events of parts that map to one class: one batch, unless a part is at odds with the others."""
        try:
            made = [finish(parts)]
        except _Differ:
            return [made for part in parts for made in self._built([part], batch, finish)]
        except Exception as error:
            if len(parts) > 1:
                return [made for part in parts for made in self._built([part], batch, finish)]
            part = parts[0]
            self._blame_family(error, part.integration, part.family, part.record.records, batch)
            return []
        for part in parts:
            if self._observe is not None:
                self._observe(part.integration, part.family, part.record, _finish([part]))
            for name in _left(part.record):
                batch.leftovers[part.integration.id, part.family, name] += part.record.records.present(name)
        return made


def _tests(signature: Signature | None) -> list[tuple[str, Callable[[str], bool]]]:
    """What a signature asks of values: (raw name, test)."""
    if signature is None:
        return []
    tests: list[tuple[str, Callable[[str], bool]]] = [
        (name, wanted.__contains__) for name, wanted in signature.values.items()
    ]
    for name, pattern in signature.patterns.items():
        tests.append((name, lambda text, pattern=pattern: pattern.search(text) is not None))  # type: ignore[misc]
    return tests


def _finish(parts: Sequence[_Part]) -> Events:
    """Parts of one class, one behind the other, with what the framework knows beside what the mappings said.

    Raises:
        _Differ: two parts give one attribute in different types; never for a part alone.
    """
    given, rows = _given(parts)
    columns: dict[str, Column] = {}
    for name, found in given.items():
        whole = [(start, (one if isinstance(one, Column) else one.column()).settled()) for start, one in found]
        held = [(start, column) for start, column in whole if not column.all_missing]
        if not held:
            continue
        if len({column.type for _, column in held}) > 1:
            raise _Differ(name)
        column = Column.joined(held, rows)
        # Families repeat one another's values; what a mapping made is made distinct when events are built.
        columns[name] = column.distinct() if len(held) > 1 and name.startswith("unmapped.") else column
    records = _records(parts)
    columns |= _known(records, columns.get("time"))
    columns["metadata.uid"] = uid.event_uids(records.fingerprint, records.source, records.sequence)
    class_name = parts[0].mapped.class_name
    return Events.build(class_name, derive.derive(class_name, columns, rows), rows)


def _drafted(parts: Sequence[_Part]) -> Draft:
    """As `_finish`, but what nobody took is not looked at, and nothing is built.

    Raises:
        _Differ: as `_finish`.
    """
    given, rows = _given(parts)
    columns: dict[str, Column] = {}
    left: dict[str, list[tuple[int, Column | Left]]] = {}
    for name, found in given.items():
        held = [(start, one) for start, one in found if isinstance(one, Column)]
        types = {column.type for _, column in held}
        if len(held) < len(found):
            types.add(pa.string())
            left[name] = found
        if len(types) > 1:
            raise _Differ(name)
        if name not in left:
            columns[name] = joined(held, rows)
    records = _records(parts)
    columns |= _known(records, columns.get("time"))
    class_name = parts[0].mapped.class_name
    ready = fitted(class_name, derive.derive(class_name, columns, rows), rows, left)
    return Draft(class_name, ready, left, records)


def _given(parts: Sequence[_Part]) -> tuple[dict[str, list[tuple[int, Column | Left]]], int]:
    """Per attribute who gives it: (first row, column) each; and how many rows there are."""
    given: dict[str, list[tuple[int, Column | Left]]] = {}
    rows = 0
    for part in parts:
        attributes: dict[str, Any] = {
            "metadata.product.name": part.integration.product,
            "metadata.product.vendor_name": part.integration.vendor,
            **part.mapped.attributes,
            **{f"unmapped.{name}": Left(part.record.records, name) for name in _left(part.record)},
        }
        size = len(part.record)
        for name, value in attributes.items():
            column = value if isinstance(value, Left) else constant_like(value, size)
            if isinstance(column, Left) or not column.known_missing:
                given.setdefault(name, []).append((rows, column))
        rows += size
    return given, rows


def _left(record: Record) -> list[str]:
    """The names of what nobody took."""
    return [name for name in record.records.names if name not in record.taken]


def _records(parts: Sequence[_Part]) -> Records:
    """The records of parts, one behind the other."""
    return parts[0].record.records.joined([part.record.records for part in parts[1:]])


def _known(records: Records, time: Column | None) -> dict[str, Column]:
    """What the framework knows of records; `time` as far as the mappings said it."""
    received = Waiting(records.rows, pa.int64(), lambda: _numbers(records.received), every=True)
    return {
        "time": received if time is None else time.coalesce(received),
        "wf.time_origin": Waiting(records.rows, pa.string(), partial(_origin, time, records.rows), every=True),
        "metadata.logged_time": received,
        "wf.source_uid": Waiting.constant(records.source, records.rows),
        "wf.source_seq": Waiting(records.rows, pa.int64(), lambda: _numbers(records.sequence), every=True),
    }


_TIME_ORIGIN = Column(np.arange(2, dtype=np.int32), pa.array(["received", "source"], pa.string()))


def _origin(time: Column | None, rows: int) -> Column:
    present = np.zeros(rows, np.bool_) if time is None else time.present
    return _TIME_ORIGIN.take(present.astype(np.int32))


def _numbers(values: npt.NDArray[np.int64]) -> Column:
    """Numbers of which nearly every row has its own: looking for repeats would cost more than it saves."""
    return Column(np.arange(len(values), dtype=np.int32), pa.array(values, pa.int64()))


def _all_bad(records: Records, reason: str) -> list[Bad]:
    return [Bad(int(records.record_index[i]), reason, records.raw(i)[:HEAD]) for i in range(records.rows)]


def _by_class(parts: Sequence[_Part]) -> list[list[_Part]]:
    """The parts of each class, in the order the classes appeared."""
    classes: dict[str, list[_Part]] = {}
    for part in parts:
        classes.setdefault(part.mapped.class_name, []).append(part)
    return list(classes.values())


def _joined(batches: Sequence[Events]) -> list[Events]:
    """One batch per class, in the order the classes appeared."""
    classes: dict[str, list[Events]] = {}
    for events in batches:
        classes.setdefault(events.class_name, []).append(events)
    return [Events.concat(found) for found in classes.values()]
