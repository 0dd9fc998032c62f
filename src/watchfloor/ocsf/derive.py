"""What follows from what a mapping said: ids of the class, names of every enum, version and profiles.

A mapping says `activity_id = 1, status_id = 2, auth_protocol_id = 2`; `class_uid`, `type_uid`, `activity_name`,
`status`, `auth_protocol` and the rest follow from the schema. What the mapping said itself always stays. Works on
columns: each table is looked up once per distinct value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.errors import SchemaError
from watchfloor.ocsf import schema
from watchfloor.ocsf.cast import cast
from watchfloor.ocsf.column import Column, Mask, appearing
from watchfloor.ocsf.events import Events

UNKNOWN, OTHER = 0, 99

DEFAULT_SEVERITY = 1
"""Informational: the source recorded something and did not call it grave."""

NAMED = frozenset({("file", "name"), ("os", "name")})
"""Required names that follow: a file's from its path, an operating system's from its type."""


def derive(class_name: str, columns: Mapping[str, Column | Any], rows: int) -> dict[str, Column]:
    """The given columns (scalars allowed) plus everything that follows from them.

    Raises:
        SchemaError: unknown class or attribute, or a class's own uid contradicted.
    """
    language = schema.load()
    class_ = language.class_(class_name)
    known = {name: c if isinstance(c, Column) else Column.constant(c, rows) for name, c in columns.items()}
    known = {name: column for name, column in known.items() if not column.all_missing}
    for name, value in (("class_uid", class_.uid), ("category_uid", class_.category_uid)):
        given = known.get(name)
        if given is not None and any(int(v) != value for v in given.compact().values.to_pylist()):
            raise SchemaError(f"class {class_.name} has {name} {value}, the mapping says something else")
        known[name] = _number(value, rows)
    known["class_name"] = Column.constant(class_.caption, rows)
    known["category_name"] = Column.constant(class_.category_name, rows)

    named = known.get("activity_name")  # a name without a number is a word of the source's own
    unsaid = _number(UNKNOWN, rows) if named is None else _number(OTHER, rows).where(named.present)
    known["activity_id"] = _filled(class_name, "activity_id", known, unsaid, _number(UNKNOWN, rows))
    known["severity_id"] = _filled(class_name, "severity_id", known, _number(DEFAULT_SEVERITY, rows))
    base = class_.uid * 100
    known["type_uid"] = known["activity_id"].map(lambda activity: base + activity, pa.int64())
    captions = class_.attributes["type_uid"].enum
    known["type_name"] = known["type_uid"].map(lambda uid: captions.get(uid, captions[base + OTHER]), pa.string())

    for name in list(known):
        attribute = language.attribute(class_name, name)
        if not attribute.enum or attribute.sibling is None or attribute.is_array:
            continue
        if name in ("class_uid", "category_uid", "type_uid") or not language.has(class_name, attribute.sibling):
            continue
        numbers, _ = cast(known[name], attribute, class_name)
        table = attribute.enum if "." not in name else {n: c for n, c in attribute.enum.items() if n != UNKNOWN}
        derived = numbers.map(table.get, pa.string())  # "Unknown" inside an object only takes room
        said = known.get(attribute.sibling)
        known[attribute.sibling] = derived if said is None else said.text().coalesce(derived)

    _complete(class_name, known, rows)
    known["metadata.version"] = Column.constant(language.version, rows)
    if "metadata.profiles" not in known:
        known["metadata.profiles"] = _profiles(class_name, known, rows)
    return {name: column for name, column in known.items() if not column.all_missing}


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
    return Column(codes, pa.array([None] * len(sets), pa.string()))._remap(pa.array(active, pa.list_(pa.string())))


def _complete(class_name: str, known: dict[str, Column], rows: int) -> None:
    """What OCSF demands of an object that is there and that follows: ids are 0 Unknown, a file's name ends its path,
    an operating system is named as its type."""
    for prefix, name in _demanded(class_name, tuple(known)):
        target = f"{prefix}.{name}"
        if name == "name":
            path, type_ = known.get(f"{prefix}.path"), known.get(f"{prefix}.type")
            if path is None and type_ is None:
                continue
            made = type_ if path is None else path.text().apply(_basenames)
            assert made is not None
        else:
            there = np.zeros(rows, np.bool_)
            for other, column in known.items():
                if other.startswith(f"{prefix}."):
                    there |= column.present
            made = _number(UNKNOWN, rows).where(there)
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
    return Column.constant(value, rows, pa.int64())
