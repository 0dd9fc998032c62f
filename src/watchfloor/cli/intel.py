"""`watchfloor intel ESTATE VALUE`: is this known, from whom, until when, and where was it seen?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from cyclopts import Parameter

from watchfloor.cli.screen import console, json_line
from watchfloor.cli.where import moment_of, shown
from watchfloor.errors import UsageError

if TYPE_CHECKING:
    from watchfloor.detect.intel.intelligence import Answer
    from watchfloor.run.indicators import Seen

COLOURS = {"holds": "bold red", "benign": "green", "warninglisted": "green"}

WORDS = {
    "holds": "events with it match",
    "benign": "an analyst says so: it never matches",
    "overruled": "by an analyst's verdict",
    "warninglisted": "it never matches",
    "expired": "over by then",
    "faded": "too little is left of its confidence by then",
    "not yet": "begins later",
}


def intel(
    estate: Path,
    value: str,
    *,
    kind: str | None = None,
    at: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """What is known of an address, domain, hash, plate ...: from whom, until when, how surely, and where it was seen.

    Args:
        estate: the folder that holds estate.toml.
        value: as a record has it; a domain is looked up with its parents, an address with the networks around it.
        kind: only as this kind: ip, domain, url, hash ...; as every kind without it.
        at: the moment, like 2026-05-31 09:00, in the estate's time zone; now without it.
        json: print one JSON object.
    """
    from watchfloor.detect.intel.indicator import KINDS
    from watchfloor.estate import load
    from watchfloor.run.indicators import seen
    from watchfloor.store.lake import Lake
    from watchfloor.world.rows import zone_named

    described = load(estate)
    if kind is not None and kind not in KINDS:
        raise UsageError(f"{kind!r} is no kind of indicator", remedy=f"one of: {', '.join(KINDS)}")
    zone = zone_named(described.timezone)
    moment = moment_of(at, zone)
    read = described.intelligence()
    if read is None:
        raise UsageError(
            "the estate names no feeds of indicators", remedy="docs/estate.md says what intel/*.toml looks like"
        )
    answers = read.intelligence.about(value, moment, [kind] if kind else ())
    lake = Lake(described.store / "lake", read_only=True)
    found = seen(lake, [(one.kind, one.value) for one in answers])
    if json:
        json_line(
            {
                "asked": value,
                "at": shown(moment, zone),
                "known": [_as_json(one, zone) for one in answers],
                "seen": [_seen_as_json(one, zone) for one in found],
            }
        )
        return 0
    screen = console()
    if not answers:
        screen.print(f"{value}: nothing is known of it", markup=False, highlight=False)
    for one in answers:
        screen.print(f"[{COLOURS.get(one.standing, 'dim')}]{one.standing}[/]", end="  ")
        screen.print(_sentence(one, zone), markup=False, highlight=False, soft_wrap=True)
    for sighting in found:
        where = ", ".join(f"{name} {count}" for name, count in sighting.attributes)
        screen.print(
            f"seen   {sighting.value} in {sighting.events} events, {shown(sighting.first, zone)} to "
            f"{shown(sighting.last, zone)}; {where}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return 0


def _sentence(one: Answer, zone: ZoneInfo) -> str:
    claim = one.claim
    parts = [f"{one.kind} {one.value}", f"says {claim.source}", f"tlp:{claim.tlp}"]
    if not claim.verdict:
        faded = f" (of {claim.confidence})" if round(one.score) != claim.confidence else ""
        parts.append(f"confidence {one.score:.0f}{faded}")
    since, until = _bound(claim.since, zone), _bound(claim.until, zone)
    if since or until:
        parts.append(
            " ".join(part for part in (f"from {since}" if since else "", f"until {until}" if until else "") if part)
        )
    parts += [", ".join(claim.labels), claim.basis, claim.reference]
    because = f"on the warninglist {claim.held}; " if claim.held else ""
    return f"{'; '.join(part for part in parts if part)} -- {because}{WORDS[one.standing]}"


def _bound(moment: int, zone: ZoneInfo) -> str | None:
    from watchfloor.world.entities import FOREVER, LONG_AGO

    return shown(moment, zone) if LONG_AGO < moment < FOREVER else None


def _as_json(one: Answer, zone: ZoneInfo) -> dict[str, Any]:
    claim = one.claim
    return {
        "standing": one.standing,
        "kind": one.kind,
        "value": one.value,
        "source": claim.source,
        "reference": claim.reference or None,
        "tlp": claim.tlp,
        "basis": claim.basis or None,
        "confidence": round(one.score, 1),
        "since": _bound(claim.since, zone),
        "until": _bound(claim.until, zone),
        "labels": list(claim.labels),
        "warninglist": claim.held or None,
    }


def _seen_as_json(one: Seen, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "value": one.value,
        "events": one.events,
        "first": shown(one.first, zone),
        "last": shown(one.last, zone),
        "attributes": dict(one.attributes),
    }
