"""The law that keeps Sigma true: a rule sees what the vendor said.

Whatever a mapping takes must be found, letter by letter, in the column to which the Sigma tables lead a rule that asks
for it. What a mapping leaves stands under `unmapped` and is found there anyway.
"""

from __future__ import annotations

from functools import cache

from watchfloor.collect.integration import Integration
from watchfloor.collect.mapping import Record
from watchfloor.detect.taxonomy import ROUTE_COLUMNS, Taxonomy
from watchfloor.ocsf.events import Events

__all__ = ["SigmaLaw"]


class SigmaLaw:
    """Watches mappings and remembers where they broke the law."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def __call__(self, integration: Integration, family: str, record: Record, events: Events) -> None:
        """Check one mapped family."""
        tables = _tables(events)
        taxonomy = _taxonomy()
        for name in sorted(record.taken - set(integration.ignored)):
            raw = record.records.column(name)
            if raw is None or name.endswith("[]"):
                continue
            wanted = raw.to_pylist()
            places = {
                column for table in tables for column in taxonomy.in_tables((table,), name.removesuffix("[]")) or ()
            }
            for place in sorted(places):
                column = events.column(place)
                if column is not None:
                    held = column.text().to_pylist()
                    wanted = [None if a is not None and a == b else a for a, b in zip(wanted, held, strict=True)]
            lost = next((text for text in wanted if text is not None), None)
            if lost is not None:
                where = f"{integration.id}/{family}: {name} = {lost[:60]!r} was taken"
                self.broken.append(
                    f"{where}, and no table of detect/taxonomy names the column that holds it"
                    if not places
                    else f"{where}, and {', '.join(sorted(places))} does not hold it verbatim: use read instead"
                )


def _tables(events: Events) -> tuple[str, ...]:
    """Every field table of a log source that is shown one of these events."""
    columns = {name: events.column(name) for name in ROUTE_COLUMNS}
    texts = {name: column.text().to_pylist() for name, column in columns.items() if column is not None}
    texts["class_name"] = [events.class_name] * len(events)
    routes = {tuple((name, values[row]) for name, values in texts.items()) for row in range(len(events))}
    taxonomy = _taxonomy()
    found: dict[str, None] = {}
    for logsource in taxonomy.logsources:
        for condition in taxonomy.routes_for(logsource) or ():
            if any(condition.admits(dict(route)) for route in routes):
                found.update(dict.fromkeys(taxonomy.tables_for(logsource)))
    return tuple(found)


@cache
def _taxonomy() -> Taxonomy:
    return Taxonomy.load()
