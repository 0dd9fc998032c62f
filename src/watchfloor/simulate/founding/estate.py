"""Write the files of an estate: people, credentials, assets, floor plans, zones, aliases, coverage, a feed of
indicators, estate.toml."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import orjson

from watchfloor.simulate.founding.equipment import FIXED, POINTS, cameras, equipment_csv
from watchfloor.simulate.founding.ground import PORTALS, plans, zones_toml
from watchfloor.simulate.founding.staff import Staff, staff
from watchfloor.simulate.network import LISTED
from watchfloor.simulate.sources import SOURCES

__all__ = ["TIMEZONE", "found"]

TIMEZONE = "Europe/Amsterdam"

LIKELY = (("account", "ext.support"), ("account", r"HARBOUR\ext.support"), ("badge", "12:499990"))
"""Names that probably stand for a technician of a vendor: nobody has confirmed it."""

FEEDS = """# What others warn of: indicators that the sector's exchange sends round.

[[feed]]
id = "port-isac"
path = "intel/port-isac.csv"
tlp = "amber"
confidence = 75
written = "2026-03-20"
"""

LISTED_ROWS = (
    *((address, "ip", "2026-03-01", "command-and-control") for address in LISTED),
    ("login.port.example.net", "domain", "2026-03-01", "phishing"),
    ("EXDRONE0042", "drone", "2026-03-01", "seen at another port"),
)

PLACEHOLDERS: Mapping[str, Sequence[str]] = {
    "own_egress": ("203.0.113.0/25", "203.0.113.224/30"),
    "security_device_peers": ("10.50.0.10", "10.50.0.11", "10.21.0.10"),
    "bms_stations": ("10.43.0.10",),
    "plc_stations": ("10.40.20.11", "10.40.20.12", "10.40.30.11", "10.40.30.12"),
    "backup_targets": ("10.21.0.11", "10.21.0.14"),
    "home_countries": ("Netherlands", "NL"),
    "responders": ("guard", "electrician"),
}
"""Lists that rules of this estate ask for with `|expand`: own and the web gateway's egress, recorder and its kin, the
building management, engineering and supervision of the plant, where backups and builds go; countries from which people
sign in every day; roles that go into an evacuated building."""


def found(folder: Path, *, people: int, seed: int, name: str = "Example Harbour") -> None:
    """Write an estate into a folder; the same numbers give the same bytes. Files of other names are left alone.

    Raises:
        OSError: the folder cannot be written.
    """
    crew = staff(people, np.random.default_rng([seed, people]))
    _write(folder / "people" / "people.csv", _csv(crew.people_csv()))
    _write(folder / "people" / "credentials.csv", _csv(crew.credentials_csv()))
    _write(folder / "assets" / "assets.csv", _csv(equipment_csv(crew)))
    for stem, document in plans(cameras()).items():
        features = ",\n".join(orjson.dumps(feature).decode() for feature in document["features"])
        text = f'{{"type": "FeatureCollection", "features": [\n{features}\n]}}\n'
        _write(folder / "places" / f"{stem}.geojson", text)
    _write(folder / "places" / "zones.toml", zones_toml())
    _write(folder / "aliases.csv", _csv(_aliases(crew)))
    _write(folder / "coverage.toml", _coverage(people))
    _write(folder / "intel" / "feeds.toml", FEEDS)
    _write(folder / "intel" / "port-isac.csv", _csv([("value", "kind", "since", "labels"), *LISTED_ROWS]))
    _write(folder / "estate.toml", _estate(name))


def _aliases(crew: Staff) -> Iterable[tuple[object, ...]]:
    """Numbers that the door system has for its readers; accounts of panels at their receiver, and their points;
    what is linked to somebody by likeness only."""
    yield "source", "kind", "value", "entity", "confidence", "method"
    for number, door in enumerate(PORTALS, 1):
        if door.readers != "none":
            for side in (1, 2):
                yield "onguard", "reader", f"{number}-{side}", door.uid, "", ""
    panels = {thing.uid: thing.serial for thing in FIXED if thing.kind == "panel"}
    for uid, account in panels.items():
        yield "panels", "device", account, uid, "", ""
    for panel, watched in POINTS.items():
        for number, place in enumerate(watched, 1):
            yield "panels", "point", f"{panels[panel]}/{number:03d}", place, "", ""
    likely = next(one for one in crew.members if one.role == "vendor_technician")
    for kind, value in LIKELY:
        yield "", kind, value, likely.uid, 60, "probabilistic"


def _estate(name: str) -> str:
    lines = [
        f"# {name}: a container port, invented as a whole. `watchfloor simulate` writes what its sources read.", "",
        "[estate]", f'name = "{name}"', f'timezone = "{TIMEZONE}"', "",
        "[rules]", 'paths = ["rules"]', 'pack = ["converged"]', "",
        "[store]", 'folder = "var"', "",
        "[world]", 'complete = ["work_order"]', "", "[placeholders]",
    ]  # fmt: skip
    lines += [f"{name} = {_toml(values)}" for name, values in PLACEHOLDERS.items()]
    for source in SOURCES.values():
        lines += ["", "[[sources]]", f'id = "{source.id}"', f'path = "logs/{source.file}"']
        lines += [f'integration = "{source.integration}"'] if source.integration else []
        if source.settings:
            lines += ["", "[sources.settings]", *(f"{key} = {_toml(value)}" for key, value in source.settings.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """Text, lists and tables of text as TOML."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return orjson.dumps(value).decode()


def _coverage(people: int) -> str:
    lines = ["# What each source sees, how much at least comes from it in an hour, and how late it may be."]
    scale = people / 400
    for source in SOURCES.values():
        lines += ["", "[[source]]", f'id = "{source.id}"', f"sees = {_toml(source.sees)}"]
        day, night = (max(0, int(number * scale)) for number in source.expects)
        lines += [f"expects = {{ day = {day}, night = {night} }}"]
        lines += [f"heartbeat_s = {source.heartbeat_s}"] if source.heartbeat_s else []
        lines += [f"lateness_s = {source.lateness_s}", f"skew_ms = {source.skew_ms}"]
        lines += ["taken_capable = true"] if source.taken_capable else []
        lines += [f"feeds = {_toml(source.feeds)}"]
    return "\n".join(lines) + "\n"


def _csv(rows: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
