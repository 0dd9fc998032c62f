"""What a rule can see: whether events of its log source come at all, and whether the fields it needs ever have a value.

A rule that loads is no rule that sees. `sight` asks of a rule: could its condition hold on what is known to come? A
field that no source gives makes a comparison false; "not", `exists: false` and `null` do not need it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from watchfloor.detect.predicate import And, Constant, Node, Not, Or, Predicate
from watchfloor.detect.rule import Rule
from watchfloor.detect.sentence import fields_of
from watchfloor.detect.taxonomy import OCSF_TABLE, ROUTE_COLUMNS, Taxonomy
from watchfloor.detect.unknown import is_context

__all__ = ["Given", "Sight", "given_in", "lints", "sight"]

State = Literal["sees", "no events", "no field"]

OF_THE_WORLD = "wf."
"""Beginning of the fields that say who, what and where: the world gives them, or the path itself."""


@dataclass(frozen=True, slots=True)
class Given:
    """Events of one route that some source gives.

    Args:
        route: `ROUTE_COLUMNS` -> value; those that events of many values share may be left out.
        columns: dotted names that had a value.
    """

    route: Mapping[str, str | int | None]
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a rule can see. `missing`: fields that nothing gives, without which it cannot hold."""

    state: State
    missing: tuple[str, ...] = ()


def given_in(events: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Given]:
    """What these events give, by route.

    Args:
        events: name of the class, and the event as OCSF nests it.
    """
    found: dict[tuple[str | int | None, ...], set[str]] = {}
    for class_name, event in events:
        flat = dict(_flat(event))
        flat["class_name"] = class_name
        key = tuple(flat.get(column) for column in ROUTE_COLUMNS)
        found.setdefault(key, set()).update(flat)
    return [Given(dict(zip(ROUTE_COLUMNS, key, strict=True)), frozenset(names)) for key, names in found.items()]


def sight(rule: Rule, taxonomy: Taxonomy, given: Sequence[Given], context: Callable[[str], bool]) -> Sight:
    """What a rule can see of what is given.

    Args:
        context: whether a field of the world (`asof.*`, `lag.*`, ...) is ever known here.
    """
    conditions = taxonomy.routes_for(rule.logsource) or ()
    there = [one for one in given if any(condition.admits(one.route) for condition in conditions)]
    if not there:
        return Sight("no events")
    columns = frozenset[str]().union(*(one.columns for one in there))
    fields = fields_of(rule.condition)
    gives = {field: _gives(field, rule, taxonomy, columns, context) for field in fields}
    if _may_hold(rule.condition, gives):
        return Sight("sees")
    return Sight("no field", tuple(dict.fromkeys(field for field in _asked(rule.condition) if not gives[field])))


def lints(rule: Rule, taxonomy: Taxonomy, given: Sequence[Given]) -> list[str]:
    """What its author should look at: fields that do not exist, fields that no mapping gives.

    Args:
        given: what all integrations give.
    """
    from watchfloor.ocsf import schema

    names = {
        value for one in taxonomy.routes_for(rule.logsource) or () for column, values in one.tests
        for value in values if column == "class_name"
    }  # fmt: skip
    speaks_ocsf = taxonomy.tables_for(rule.logsource) == (OCSF_TABLE,)
    wrong: list[str] = []
    for field in fields_of(rule.condition):
        ours = speaks_ocsf or is_context(field) or field.startswith(OF_THE_WORLD)
        checked = ours and names and not field.startswith("unmapped.")
        if checked and not any(schema.load().has(name, field) for name in names):
            wrong.append(f"the field {field} does not exist in {', '.join(sorted(names))}")
    unseen = sight(rule, taxonomy, given, lambda field: True)
    if unseen.state == "no events":
        wrong.append(f"no integration gives events of its log source ({rule.logsource})")
    known = {field for field in fields_of(rule.condition) if is_context(field) or field.startswith(OF_THE_WORLD)}
    wrong += [f"no mapping gives {field}" for field in unseen.missing if field not in known]
    return wrong


def _gives(field: str, rule: Rule, taxonomy: Taxonomy, columns: frozenset[str], context: Callable[[str], bool]) -> bool:
    if is_context(field):
        return context(field)
    if field.startswith(OF_THE_WORLD) and field not in columns:
        return context(field)
    return any(column in columns for column in taxonomy.columns(rule.logsource, field) or _unmapped(field))


def _unmapped(field: str) -> tuple[str, ...]:
    return (f"unmapped.{field}", field)


def _may_hold(node: Node, gives: Mapping[str, bool]) -> bool:
    """Whether the condition can be true with only the fields that are given; "not" never needs any."""
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, And):
        return all(_may_hold(arg, gives) for arg in node.args)
    if isinstance(node, Or):
        return any(_may_hold(arg, gives) for arg in node.args)
    return isinstance(node, Not) or all(gives[field] for field in fields_of(node))


def _asked(node: Node) -> Iterator[str]:
    """Fields that have to have a value: those outside of any "not"."""
    if isinstance(node, And | Or):
        for arg in node.args:
            yield from _asked(arg)
    elif isinstance(node, Predicate):
        yield from fields_of(node)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        yield name, None
        for inner in value:
            if isinstance(inner, dict | list):
                yield from _flat(inner, name)
    else:
        yield name, value
