"""What an indicator is: a value, of a kind, that somebody says is bad, from then until then, and how surely.

    kind, value    198.51.100.7, harbour-update.example, CVE-2025-48384, plate AB12CDE
    claim          of one source about it: when it holds, how sure it is, how that fades, who may see it, on what basis

A value may have many claims. What holds is asked for the time of the event: a claim that ended yesterday still holds
for an event of last week.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from watchfloor.world.entities import FOREVER, LONG_AGO

__all__ = ["BASES", "DAY_MS", "DECAYS", "KINDS", "PERSONAL", "TLPS", "Claim", "Decay", "naming", "score"]

DAY_MS = 86_400_000

KINDS: Mapping[str, str] = {
    "ip": "address or network: 198.51.100.7, 198.51.100.0/24, 2001:db8::/32, 192.0.2.4-192.0.2.9",
    "domain": "host or domain; what lies below it is meant too",
    "url": "whole address, in its canonical form (RFC 3986 section 6)",
    "hash": "MD5, SHA-1 or SHA-256 of a file, in hexadecimal",
    "email": "mailbox",
    "user_agent": "what a client calls itself, letter by letter",
    "ja3": "fingerprint of a TLS client or server, MD5 in hexadecimal",
    "ja4": "fingerprint of a TLS client (FoxIO), like t13d1516h2_8daaf6152771_b186095e22b6",
    "cve": "vulnerability that is exploited, like CVE-2025-48384",
    "plate": "number plate; blanks, dashes and case do not count",
    "badge": "credential: number, facility:number or format/facility:number",
    "person": "person of interest, by the uid the estate knows the person by",
    "drone": "serial number that a drone sends (remote id, ANSI/CTA-2063-A)",
    "geofence": "area: POLYGON ((longitude latitude, ...)) or CIRCLE (latitude longitude metres)",
}
"""What indicators are about."""

PERSONAL = frozenset({"plate", "badge", "person"})
"""Kinds that are about somebody: no such claim without a lawful basis and an end."""

TLPS = ("clear", "green", "amber", "amber+strict", "red")
"""Who may see it (Traffic Light Protocol 2.0, FIRST 2022); the strictest last. `white` of version 1 is `clear`."""

BASES = ("consent", "contract", "legal_obligation", "vital_interest", "public_task", "legitimate_interest")
"""Lawful bases (GDPR, article 6 (1) a to f)."""


NAMING = ("value", "source", "confidence", "tlp", "attribute")
"""What a finding tells of an indicator that a rule asked for."""


class Decay(NamedTuple):
    """How a claim fades: base * (1 - (t / lifetime) ** (1 / delta)), gone below the threshold.

    The polynomial of MISP: Mokaddem, Wagener, Dulaunoy, Iklody, Taxonomy driven indicator scoring in MISP threat
    intelligence platforms, 2019 (arXiv 1902.03914), section 4.

    Args:
        lifetime_ms: after which nothing is left.
        delta: how it falls: below 1 late, above 1 at once.
        threshold: score (0 to 100) below which the claim no longer holds.
    """

    lifetime_ms: float
    delta: float
    threshold: float


DECAYS: Mapping[str, Decay] = {
    "none": Decay(math.inf, 1.0, 0.0),
    "nids": Decay(120 * DAY_MS, 2.0, 30.0),
    "phishing": Decay(3 * DAY_MS, 2.3, 30.0),
    "vishing": Decay(10 * DAY_MS, 2.3, 30.0),
}
"""Models by name; the last three as MISP ships them (`NIDS Simple Decaying Model`, `Phishing model`, ...)."""


class Claim(NamedTuple):
    """What one source says of a value.

    Args:
        source: id of the feed, or `verdicts`.
        tlp: one of `TLPS`.
        basis: one of `BASES`; empty where none was given.
        confidence: 0 to 100, before it fades.
        since, until: holds for events of [since, until), UTC epoch milliseconds.
        decay: name of a model.
        seen: moment it begins to fade from: last sighting, or when it was written; UTC epoch milliseconds.
        labels: what the source calls it.
        reference: its id with the source (STIX id, MISP uuid); empty where it has none.
        verdict: 1 an analyst says it is malicious, -1 benign, 0 a feed says it.
        held: the warninglist that holds it: then it never matches; empty where none does.
    """

    source: str
    tlp: str = "amber"
    basis: str = ""
    confidence: int = 50
    since: int = LONG_AGO
    until: int = FOREVER
    decay: str = "none"
    seen: int = LONG_AGO
    labels: tuple[str, ...] = ()
    reference: str = ""
    verdict: int = 0
    held: str = ""


def score(claim: Claim, at: int) -> float:
    """How sure the claim is at a moment, 0 to 100, decay counted; before it was last seen it has not faded."""
    model = DECAYS[claim.decay]
    age = max(0.0, float(at - claim.seen))
    fades: float = (age / model.lifetime_ms) ** (1.0 / model.delta)
    return claim.confidence * max(0.0, 1.0 - fades)


def naming(fields: Sequence[str]) -> tuple[str, ...]:
    """Fields that decided, and behind them, where they ask of indicators, those that name the indicator."""
    more = []
    for field in fields:
        if field.startswith("intel."):
            above = field.rpartition(".")[0]
            more += [f"{above}.{name}" for name in (*NAMING, *(("kind",) if above == "intel" else ()))]
    return tuple(dict.fromkeys((*fields, *more)))
