"""What OCSF would object to in a batch of events: required, enum, type, at_least_one, just_one.

Counting, never raising: strict in the tests of integrations, a number on the floor in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from watchfloor.ocsf import schema
from watchfloor.ocsf.column import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from watchfloor.ocsf.events import Events
    from watchfloor.ocsf.schema import Attribute


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One kind of objection.

    Args:
        attribute: dotted name.
        what: one sentence.
        rows: how many rows have it.
    """

    attribute: str
    what: str
    rows: int

    def __str__(self) -> str:
        return f"{self.attribute}: {self.what} ({self.rows} rows)"


def validate(events: Events) -> list[Problem]:
    """All objections, by attribute. Costs a few vector operations per column; enums once per distinct value."""
    if len(events) == 0:
        return []
    look = _Look(events)
    class_ = schema.class_(events.class_name)
    everywhere = np.ones(len(events), np.bool_)
    found = [*_columns(events), *_members(look, "", class_.attributes, class_.constraints, everywhere)]
    return sorted(found)


class _Look:
    """Where things are present, asked many times."""

    def __init__(self, events: Events) -> None:
        self.rows = len(events)
        self.there: dict[str, Mask] = {}
        for name in events.names:
            column = events.table.column(name)
            here = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
            if name.startswith(schema.UNMAPPED):
                continue
            prefix = ""
            for step in name.split("."):  # an object is present where anything in it is
                prefix = f"{prefix}.{step}" if prefix else step
                self.there[prefix] = self.there[prefix] | here if prefix in self.there else here
        declared = events.column("metadata.profiles")
        self.profiles: dict[str, Mask] = {}
        if declared is not None:
            lists = declared.values.to_pylist()
            for profile in {profile for many in lists for profile in many}:
                self.profiles[profile] = np.array([profile in many for many in lists] + [False])[declared.codes]

    def present(self, name: str) -> Mask:
        return self.there.get(name, np.zeros(self.rows, np.bool_))

    def demanded(self, member: Attribute) -> Mask | None:
        """The rows in which OCSF demands this attribute; None for "in none"."""
        if member.requirement != "required":
            return None
        if not member.profiles:
            return np.ones(self.rows, np.bool_)
        masks = [self.profiles[profile] for profile in member.profiles if profile in self.profiles]
        return np.any(masks, axis=0) if masks else None


def _columns(events: Events) -> Iterable[Problem]:
    language = schema.load()
    for name in events.names:
        attribute = language.attribute(events.class_name, name)
        type_ = events.table.schema.field(name).type
        plain = type_.value_type if pa.types.is_dictionary(type_) else type_
        if plain != attribute.arrow:
            yield Problem(name, f"is {plain}, not {attribute.arrow}", len(events))
            continue
        if attribute.enum and not attribute.is_array:
            column = events.column(name)
            assert column is not None
            values = column.values.to_pylist()
            strange = [value for value in values if value not in attribute.enum]
            if strange:
                bad = np.array([value not in attribute.enum for value in values] + [False])
                rows = int(bad[column.codes].sum())
                if rows:
                    shown = ", ".join(str(value) for value in strange[:3])
                    yield Problem(name, f"{shown} is not in the enum", rows)


def _members(
    look: _Look,
    prefix: str,
    members: Mapping[str, Attribute],
    constraints: Mapping[str, tuple[str, ...]],
    where: Mask,
) -> Iterable[Problem]:
    """Objections to one object (or the class) on the rows `where` it is present."""
    dot = f"{prefix}." if prefix else ""
    for name, member in members.items():
        present = look.present(dot + name)
        demanded = look.demanded(member)
        if demanded is not None:
            rows = int((where & demanded & ~present).sum())
            if rows:
                yield Problem(dot + name, "is required and missing", rows)
        if member.object and member.arrow is None and dot + name in look.there:
            inner = schema.load().object_(member.object)
            rules = schema.load().object_constraints(member.object)
            yield from _members(look, dot + name, inner, rules, present)
    for rule, fields in constraints.items():
        counts = np.sum([look.present(dot + field) for field in fields], axis=0)
        broken = where & ((counts == 0) if rule == "at_least_one" else (counts != 1))
        rows = int(broken.sum())
        if rows:
            yield Problem(prefix or "(class)", f"{rule.replace('_', ' ')} of {', '.join(fields)}", rows)
