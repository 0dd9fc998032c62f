"""What follows from what a mapping said: ids of the class, names of every enum, version and profiles.

A mapping says `activity_id = 1, status_id = 2, auth_protocol_id = 2`; `class_uid`, `type_uid`, `activity_name`,
`status`, `auth_protocol` and the rest follow from the schema. What the mapping said itself always stays. Works on
columns: each table is looked up once per distinct value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.errors import SchemaError
from watchfloor.ocsf import schema
from watchfloor.ocsf.cast import cast
from watchfloor.ocsf.column import Column, Mask, appearing
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.schema import Attribute
from watchfloor.ocsf.waiting import Waiting, holding

UNKNOWN, OTHER = 0, 99

DEFAULT_SEVERITY = 1
"""Informational: the source recorded something and did not call it grave."""

PROFILES = pa.list_(pa.string())
"""Arrow type of `metadata.profiles`."""

NAMED = frozenset({("file", "name"), ("os", "name")})
"""Required names that follow: a file's from its path, an operating system's from its type."""


def derive(class_name: str, columns: Mapping[str, Column | Any], rows: int) -> dict[str, Column]:
    """The given columns (scalars allowed) plus everything that follows from them; nothing is made that nobody asks for.

    Raises:
        SchemaError: unknown class or attribute, or a class's own uid contradicted.
    """
    language = schema.load()
    class_ = language.class_(class_name)
    known = {name: c if isinstance(c, Column) else Column.constant(c, rows) for name, c in columns.items()}
    known = {name: column for name, column in known.items() if not column.known_missing}
    for name, value in (("class_uid", class_.uid), ("category_uid", class_.category_uid)):
        given = known.get(name)
        if given is not None and any(int(v) != value for v in given.compact().values.to_pylist()):
            raise SchemaError(f"class {class_.name} has {name} {value}, the mapping says something else")
        known[name] = _number(value, rows)
    known["class_name"] = Waiting.constant(class_.caption, rows)
    known["category_name"] = Waiting.constant(class_.category_name, rows)

    named = known.get("activity_name")  # a name without a number is a word of the source's own
    unsaid = _number(UNKNOWN, rows) if named is None else _where_any(_number(OTHER, rows), [named])
    known["activity_id"] = _filled(class_name, "activity_id", known, unsaid, _number(UNKNOWN, rows))
    known["severity_id"] = _filled(class_name, "severity_id", known, _number(DEFAULT_SEVERITY, rows))
    base = class_.uid * 100
    activity, captions = known["activity_id"], class_.attributes["type_uid"].enum
    known["type_uid"] = uid = _mapped(activity, lambda number: base + number, pa.int64())
    known["type_name"] = _mapped(uid, lambda number: captions.get(number, captions[base + OTHER]), pa.string())

    for name in list(known):
        attribute = language.attribute(class_name, name)
        if not attribute.enum or attribute.sibling is None or attribute.is_array:
            continue
        if name in ("class_uid", "category_uid", "type_uid") or not language.has(class_name, attribute.sibling):
            continue
        derived = Waiting(
            rows, pa.string(), partial(_caption, known[name], attribute, class_name, "." in name),
            holds=partial(holding, own=tuple(attribute.enum.values())),
        )  # fmt: skip
        said = known.get(attribute.sibling)
        known[attribute.sibling] = derived if said is None else said.text().coalesce(derived)

    _complete(class_name, known, rows)
    known["metadata.version"] = Waiting.constant(language.version, rows)
    if "metadata.profiles" not in known:
        known["metadata.profiles"] = Waiting(rows, PROFILES, partial(_profiles, class_name, dict(known), rows))
    return {name: column for name, column in known.items() if not column.known_missing}


def derived(events: Events) -> Events:
    """The events with everything that follows from their columns."""
    columns = {name: column for name in events.names if (column := events.column(name)) is not None}
    return Events.build(events.class_name, derive(events.class_name, columns, len(events)), len(events))


def profiles(class_name: str, names: Mapping[str, Any] | set[str]) -> list[str]:
    """The OCSF profiles those columns use, sorted.

    A profile is declared only when everything it requires is there: OCSF then demands it.
    """
    class_ = schema.class_(class_name)
    tops = {name.partition(".")[0] for name in names}
    used = {profile for top in tops if top in class_.attributes for profile in class_.attributes[top].profiles}
    demanded: dict[str, set[str]] = {}
    for attribute in class_.attributes.values():
        if attribute.requirement == "required":
            for profile in attribute.profiles:
                demanded.setdefault(profile, set()).add(attribute.name)
    return sorted(profile for profile in used if demanded.get(profile, set()) <= tops)


def _profiles(class_name: str, known: Mapping[str, Column], rows: int) -> Column:
    """Per row the profiles it uses: what stands in other rows of its batch says nothing about it."""
    attributes = schema.class_(class_name).attributes
    everywhere: set[str] = set()
    somewhere: dict[str, Mask] = {}
    for name, column in known.items():
        top = name.partition(".")[0]
        if top in everywhere or top not in attributes or not attributes[top].profiles:
            continue
        if column.everywhere:
            everywhere.add(top)
            somewhere.pop(top, None)
        else:
            somewhere[top] = somewhere[top] | column.present if top in somewhere else column.present
    key = np.zeros(rows, np.int64)
    for number, mask in enumerate(somewhere.values()):
        key = key * 2 + mask
        if number % 32 == 31:
            key = appearing(key)[1].astype(np.int64)
    first, codes = appearing(key)
    sets = [everywhere | {top for top, mask in somewhere.items() if mask[row]} for row in first.tolist()]
    active = [profiles(class_name, tops) or None for tops in sets]
    return Column(codes, pa.array([None] * len(sets), pa.string()))._remap(pa.array(active, PROFILES))


def _complete(class_name: str, known: dict[str, Column], rows: int) -> None:
    """What OCSF demands of an object that is there and that follows: ids are 0 Unknown, a file's name ends its path,
    an operating system is named as its type."""
    for prefix, name in _demanded(class_name, tuple(known)):
        target = f"{prefix}.{name}"
        if name == "name":
            path, type_ = known.get(f"{prefix}.path"), known.get(f"{prefix}.type")
            if path is None and type_ is None:
                continue
            made = type_
            if path is not None:
                made = path.text().later(lambda texts: texts.apply(_basenames), pa.string(), parts=True)
            assert made is not None
        else:
            inside = [column for other, column in known.items() if other.startswith(f"{prefix}.")]
            made = _where_any(_number(UNKNOWN, rows), inside)
        known[target] = known[target].coalesce(made) if target in known else made


@lru_cache(maxsize=4096)
def _demanded(class_name: str, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """(object prefix, required attribute) that `_complete` can fill, innermost objects first."""
    language = schema.load()
    prefixes = {
        ".".join(steps[:depth])
        for name in names
        if not name.startswith(schema.UNMAPPED)
        for steps in [name.split(".")]
        for depth in range(1, len(steps))
    }
    found = []
    for prefix in sorted(prefixes, key=lambda p: (-p.count("."), p)):
        object_ = language.attribute(class_name, prefix).object
        for name, member in language.object_(object_).items() if object_ else ():
            if member.requirement == "required" and (UNKNOWN in member.enum or (object_, name) in NAMED):
                found.append((prefix, name))
    return tuple(found)


def _basenames(paths: pa.Array) -> pa.Array:
    """What stands behind the last separator, whichever; null where nothing does."""
    parts = pc.split_pattern(
        pc.utf8_rtrim(pc.replace_substring(paths, "\\", "/"), "/"), "/", max_splits=1, reverse=True
    )
    names = parts.values.take(pc.subtract(parts.offsets[1:], 1))
    return pc.if_else(pc.equal(names, ""), None, names)


def _filled(class_name: str, name: str, known: Mapping[str, Column], *defaults: Column) -> Column:
    given = known.get(name)
    if given is None:
        return defaults[0].coalesce(*defaults[1:])
    numbers, _ = cast(given, schema.attribute(class_name, name), class_name)
    return numbers.coalesce(*defaults)


def _number(value: int, rows: int) -> Column:
    return Waiting.constant(value, rows, pa.int64())


def _mapped(column: Column, function: Callable[[int], Any], type: pa.DataType) -> Column:
    """`function` of every number, made when somebody looks."""
    return Waiting(len(column), type, lambda: column.map(function, type), some=column.known()[0])


def _where_any(column: Column, others: Sequence[Column]) -> Column:
    """The column in rows where one of the others has a value, made when somebody looks."""
    return Waiting(len(column), column.type, lambda: column.where(np.any([one.present for one in others], axis=0)))


def _caption(numbers: Column, attribute: Attribute, class_name: str, inside: bool) -> Column:
    """The names of numbers of an enumeration; "Unknown" inside an object only takes room."""
    fits, _ = cast(numbers, attribute, class_name)
    return fits.map(lambda number: None if inside and number == UNKNOWN else attribute.enum.get(number), pa.string())
