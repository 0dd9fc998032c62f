"""Where a field is found in a batch, and as which texts: columns, lists, and JSON arrays of the source.

A raw JSON array at path `p` is one value named `unmapped.p[]`; a field `p` means its elements, a field `p.x.y` what
the elements hold at `x.y`. The same goes for Arrow list columns. Such a value has several texts; null is none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson
import pyarrow as pa

from watchfloor.detect.questions import Field, canonical
from watchfloor.detect.texts import Texts
from watchfloor.ocsf.column import Column
from watchfloor.words import Flags

__all__ = ["EventsLike", "Layout", "Source", "elements", "is_text", "leaves", "plain", "texts_of"]

RAW = "unmapped."
ARRAY = "[]"

DERIVED = frozenset(
    (
        "activity_name",
        "category_name",
        "class_name",
        "metadata.profiles",
        "metadata.uid",
        "metadata.version",
        "observables",
        "type_name",
    )
)
"""Text columns that hold nothing the record said, or repeat it: keywords do not look there, nor under `wf.`."""


class EventsLike(Protocol):
    """A batch of events of one class, as `ocsf.events.Events`."""

    @property
    def class_name(self) -> str: ...
    @property
    def names(self) -> Sequence[str]: ...
    def column(self, name: str) -> Column | None: ...
    def may_hold(self, test: Callable[[pa.StringArray], Flags] | None) -> Collection[str]: ...
    def __len__(self) -> int: ...


class Source(NamedTuple):
    """A column that holds (part of) a field.

    Args:
        column: its name.
        path: what to take of each element, canonical, dotted; "" the elements themselves.
        several: the column's values are JSON arrays. Arrow lists show that by their type.
        nested: to be used only if the column is an Arrow list.
    """

    column: str
    path: str = ""
    several: bool = False
    nested: bool = False


class Layout:
    """Which columns of a batch hold which field; depends on the names of its columns only."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._found: dict[Field, tuple[Source, ...]] = {}
        self._raw: dict[str, list[str]] = {}
        for name in names:
            if name.startswith(RAW):
                plain = name[len(RAW) :].removesuffix(ARRAY)
                self._raw.setdefault(canonical(plain), []).append(name)
        said = [name for name in names if name not in DERIVED and not name.startswith("wf.")]
        self.keyword_sources = tuple(Source(name, several=name.endswith(ARRAY)) for name in said)
        """Where keywords may be; the engine passes over columns of numbers."""

    def sources(self, place: Field) -> tuple[Source, ...]:
        """The columns of a field: any of them may hold it."""
        found = self._found.get(place)
        if found is None:
            found = self._found[place] = tuple(self._raw_sources(place.name) if place.raw else self._named(place.name))
        return found

    def _named(self, name: str) -> list[Source]:
        result = [Source(name)] if name in self._names else []
        if name + ARRAY in self._names:
            result.append(Source(name + ARRAY, several=True))
        for head, tail in _splits(name):
            if head in self._names:
                result.append(Source(head, canonical(tail), nested=True))
            if head + ARRAY in self._names:
                result.append(Source(head + ARRAY, canonical(tail), several=True))
        return result

    def _raw_sources(self, name: str) -> list[Source]:
        result = [Source(column, several=column.endswith(ARRAY)) for column in self._raw.get(name, ())]
        for head, tail in _splits(name):
            for column in self._raw.get(head, ()):
                several = column.endswith(ARRAY)
                result.append(Source(column, tail, several=several, nested=not several))
        return result


def _splits(name: str) -> list[tuple[str, str]]:
    """`a.b.c` as (a.b, c), (a, b.c)."""
    parts = name.split(".")
    return [(".".join(parts[:cut]), ".".join(parts[cut:])) for cut in range(len(parts) - 1, 0, -1)]


def plain(values: pa.Array) -> pa.Array:
    """The values of a column as strings: scalars as JSON writes them, lists as JSON."""
    kind = values.type
    if pa.types.is_string(kind):
        pass
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_large_string(kind):
        values = values.cast(pa.string())
    elif pa.types.is_nested(kind):
        values = pa.array([orjson.dumps(value, default=str).decode() for value in values.to_pylist()], pa.string())
    elif pa.types.is_dictionary(kind):
        values = values.dictionary_decode().cast(pa.string())
    else:
        values = pa.array([str(value) for value in values.to_pylist()], pa.string())
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def texts_of(values: pa.Array) -> Texts:
    """The values of a column as texts."""
    values = plain(values)
    _, ends, data = values.buffers()
    if len(values) == 0 or ends is None:
        return Texts.of([])
    offsets = np.frombuffer(ends, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return Texts(_fixed(content), offsets[:-1], offsets[1:])


def _fixed(array: Any) -> Any:
    view = array.view()
    view.setflags(write=False)
    return view


def elements(payload: bytes, path: str) -> list[str]:
    """The texts of a JSON value at `path`: of each element if it is an array. What is not JSON is one text itself."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return [] if path else [payload.decode("utf-8", "replace")]
    result: list[str] = []
    pending: list[tuple[Any, str, bool]] = [(value, path, True)]
    while pending:
        node, rest, element = pending.pop()
        if isinstance(node, list):
            pending.extend((item, rest, True) for item in reversed(node))
        elif isinstance(node, dict) and rest:
            for name, item in node.items():
                key = canonical(name)
                if key == rest:
                    pending.append((item, "", False))
                elif rest.startswith(key + "."):
                    pending.append((item, rest[len(key) + 1 :], False))
        elif isinstance(node, dict):
            if element or not node:  # a full object inside an element is its members, not a value
                result.append(orjson.dumps(node).decode())
        elif not rest and node is not None:
            result.append(_scalar(node))
    return result


def leaves(payload: bytes) -> list[str]:
    """All scalars of a JSON value, at any depth; what is not JSON is one text itself."""
    try:
        pending = [orjson.loads(payload)]
    except orjson.JSONDecodeError:
        return [payload.decode("utf-8", "replace")]
    result: list[str] = []
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            pending.extend(node.values())
        elif node is not None:
            result.append(_scalar(node))
    return result


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def is_text(kind: pa.DataType) -> bool:
    """Can keywords be in there: strings, and lists (of whatever)?"""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_nested(kind))
