"""`watchfloor where PERSON` and `watchfloor who PLACE`: what a guard asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.cli.screen import json_line, line
from watchfloor.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from watchfloor.run.whereabouts import Whereabouts
    from watchfloor.world.directory import Directory


def where(person: str, *, at: str | None = None, estate: Path = Path(), json: bool = False) -> int:
    """Where a person was: in, out or unknown, since when, by which sighting, and how sure that is.

    Args:
        person: uid, badge, account, e-mail address or personnel number.
        at: the moment, like 2026-05-31 09:00, in the estate's time zone; now without it.
        estate: the folder that holds estate.toml.
        json: print one JSON object.
    """
    from watchfloor.estate import load
    from watchfloor.run.whereabouts import INDEXED, person_named
    from watchfloor.run.whereabouts import where as asked
    from watchfloor.store.index import Remembered

    described = load(estate)
    directory = described.world()
    moment = moment_of(at, directory.timezone)
    uid = person_named(directory, person, moment)
    with Remembered(described.store, INDEXED) as known:
        found = asked(directory, known, uid, moment, described.covers(directory))
    if json:
        json_line(_as_json(found, directory))
        return 0
    line(sentence(found, directory))
    return 0


def who(place: str, *, at: str | None = None, estate: Path = Path(), json: bool = False) -> int:
    """Who was in a place: surely, and possibly besides.

    Args:
        place: uid or name of a place or a zone.
        at: the moment, like 2026-05-31 09:00, in the estate's time zone; now without it.
        estate: the folder that holds estate.toml.
        json: print one JSON object.
    """
    from watchfloor.estate import load
    from watchfloor.run.whereabouts import INDEXED, place_named
    from watchfloor.run.whereabouts import who as asked
    from watchfloor.store.index import Remembered

    described = load(estate)
    directory = described.world()
    moment = moment_of(at, directory.timezone)
    places = place_named(directory, place)
    with Remembered(described.store, INDEXED) as known:
        found = asked(directory, known, places, place, moment, described.covers(directory))
    if json:
        json_line(
            {
                "place": place,
                "at": shown(moment, directory.timezone),
                "certain": len(found.surely),
                "possible": len(found.surely) + len(found.possibly),
                "surely": [_as_json(one, directory) for one in found.surely],
                "possibly": [_as_json(one, directory) for one in found.possibly],
            }
        )
        return 0
    least, most = len(found.surely), len(found.surely) + len(found.possibly)
    heads = f"{least}" if least == most else f"{least} to {most}"
    line(f"{place}, {shown(moment, directory.timezone)}: {heads} people")
    for title, group in (("surely", found.surely), ("possibly", found.possibly)):
        for one in group:
            line(f"  {title:<9} {sentence(one, directory, short=True)}")
    return 0


def sentence(found: Whereabouts, directory: Directory, *, short: bool = False) -> str:
    """Where somebody was, as one says it over the radio."""
    zone = directory.timezone
    start = found.person if short else f"{found.person}, {shown(found.at, zone)}:"
    if found.seen is None or found.since is None:
        return f"{start} unknown, never seen before"
    age = _age(found.at - found.seen.time)
    by = f"seen {shown(found.seen.time, zone)} ({age} before) by {found.seen.source or 'an unnamed source'}"
    if found.presence == "in":
        name = directory.places[found.place].name or found.place
        around = directory.zones[found.zone].name or found.zone if found.zone else "no zone"
        sure = "" if found.sure else ", not sure"
        return f"{start} in {name} ({around}), confidence {found.confidence}{sure}; {by}"
    if found.presence == "out":
        return f"{start} out; {by}"
    last = (
        directory.places[found.seen.place].name or found.seen.place
        if found.seen.place in directory.places
        else found.seen.place
    )
    return f"{start} unknown since {shown(found.since, zone)}; last {by} in {last}"


def _as_json(found: Whereabouts, directory: Directory) -> dict[str, Any]:
    zone = directory.timezone
    return {
        "person": found.person,
        "at": shown(found.at, zone),
        "presence": found.presence,
        "place": found.place or None,
        "zone": found.zone or None,
        "since": None if found.since is None else shown(found.since, zone),
        "confidence": found.confidence,
        "sighting": None
        if found.seen is None
        else {
            "time": shown(found.seen.time, zone),
            "place": found.seen.place,
            "source": found.seen.source,
            "event": found.seen.because,
        },
    }


def moment_of(text: str | None, zone: ZoneInfo) -> int:
    """A moment as a person writes it, UTC epoch milliseconds; now without one.

    Raises:
        UsageError: it is no time.
    """
    from watchfloor.clock import now_ms
    from watchfloor.world.rows import moment

    if text is None:
        return now_ms()
    try:
        return moment(text.strip(), zone)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time", remedy="write it like 2026-05-31 09:00") from None


def shown(ms: int, zone: ZoneInfo) -> str:
    """A moment as a person reads it, in the estate's time zone."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).isoformat(" ", "seconds")


def _age(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
