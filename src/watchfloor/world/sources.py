"""coverage.toml: what each source could see, and what it is like when it is well.

[[source]]   id sees expects heartbeat_s lateness_s skew_ms taken_capable feeds
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchfloor.documents import Document, read_toml
from watchfloor.errors import EstateError

__all__ = ["EVERYWHERE", "SOURCE", "Source", "read_sources"]

EVERYWHERE = "*"
"""In `sees`: all there is."""

SOURCE: Mapping[str, str] = {
    "id": "id of the source, as in estate.toml",
    "sees": 'uids of places, zones, portals and assets it could see; "*" is everything',
    "expects": "events per hour at least: a number, or { day = 150, night = 10 }; 0 expects nothing",
    "heartbeat_s": "silent after so many seconds without an event; without it `expects` decides, or what is usual",
    "lateness_s": "seconds after which nothing on time is still to come (default: 900)",
    "skew_ms": "its clock is right to so many milliseconds (default: 120000, an access controller)",
    "taken_capable": "it reports passages, not only decisions",
    "feeds": "classes of events it gives; empty: any",
}
"""Keys of [[source]] and what they are for."""

LATENESS_S, SKEW_MS = 900, 120_000


@dataclass(frozen=True, slots=True)
class Source:
    """What a source could see.

    Args:
        expects: events per hour at least, by day (Monday to Friday, 7 to 19 o'clock) and otherwise; None where nobody
            said.
        heartbeat_s: None where nobody said.
    """

    id: str
    sees: frozenset[str]
    expects: tuple[float, float] | None = None
    heartbeat_s: float | None = None
    lateness_s: float = LATENESS_S
    skew_ms: float = SKEW_MS
    taken_capable: bool = True
    feeds: frozenset[str] = frozenset()

    def sees_any(self, uids: Collection[str]) -> bool:
        """Whether it could see any of these."""
        return EVERYWHERE in self.sees or not self.sees.isdisjoint(uids)


def read_sources(path: Path, known: Collection[str]) -> dict[str, Source]:
    """coverage.toml; none when there is no such file.

    Args:
        known: uids of all places, zones, portals and assets.

    Raises:
        EstateError: unknown key, wrong type, a source twice, a uid that is nowhere; with file and line.
    """
    if not path.exists():
        return {}
    document = read_toml(path)
    for key in document.data:
        if key != "source":
            raise EstateError(f"unknown table {key!r}", file=path, line=document.line(key), remedy="[[source]]")
    found: dict[str, Source] = {}
    for number, entry in enumerate(_tables(document, path)):
        one = _read(entry, path, document, number)
        line = document.line("source", number)
        if one.id in found:
            raise EstateError(f"source {one.id} stands twice", file=path, line=line, remedy="make one of them")
        for uid in one.sees:
            if uid != EVERYWHERE and uid not in known:
                raise EstateError(
                    f"source {one.id} sees {uid!r}, which is nowhere", file=path,
                    line=document.line("source", number, "sees"),
                    remedy='name a uid of places, portals, zones or assets, or "*"',
                )  # fmt: skip
        found[one.id] = one
    return found


def _tables(document: Document, path: Path) -> list[Any]:
    tables = document.data.get("source", [])
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        raise EstateError("source is no list of tables", file=path, line=document.line("source"), remedy="[[source]]")
    return tables


def _read(entry: Mapping[str, Any], path: Path, document: Document, number: int) -> Source:
    def wrong(key: str, what: str) -> EstateError:
        return EstateError(what, file=path, line=document.line("source", number, key), remedy=SOURCE.get(key, ""))

    def texts(key: str) -> frozenset[str]:
        value = entry.get(key, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise wrong(key, f"{key} is no list of texts")
        return frozenset(value)

    def amount(value: Any, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise wrong(key, f"{key} {value!r} is no amount")
        return float(value)

    for key in entry:
        if key not in SOURCE:
            raise EstateError(
                f"a source has no {key!r}", file=path, line=document.line("source", number, key),
                remedy=f"it has: {', '.join(SOURCE)}",
            )  # fmt: skip
    if not isinstance(entry.get("id"), str) or not entry["id"]:
        raise wrong("id", "a source has no id")
    expects = entry.get("expects")
    if isinstance(expects, dict):
        if not set(expects) <= {"day", "night"}:
            raise wrong("expects", f"expects has {', '.join(sorted(set(expects) - {'day', 'night'}))}")
        wanted = amount(expects.get("day", 0), "expects"), amount(expects.get("night", 0), "expects")
    else:
        wanted = (amount(expects or 0, "expects"),) * 2
    if not isinstance(entry.get("taken_capable", True), bool):
        raise wrong("taken_capable", "taken_capable is neither true nor false")
    heartbeat = amount(entry.get("heartbeat_s", 0), "heartbeat_s")
    return Source(
        entry["id"],
        texts("sees"),
        None if expects is None else wanted,
        heartbeat or None,
        amount(entry.get("lateness_s", LATENESS_S), "lateness_s"),
        amount(entry.get("skew_ms", SKEW_MS), "skew_ms"),
        entry.get("taken_capable", True),
        texts("feeds"),
    )
