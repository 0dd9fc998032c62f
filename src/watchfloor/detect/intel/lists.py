"""Lists: a value a line, a CSV file with a header, and the catalogue of exploited vulnerabilities (CISA KEV).

A plain list is read as bytes, without an object a line: five million values take seconds.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from watchfloor.detect.intel.gathered import Defaults, Gathered, Lines
from watchfloor.detect.intel.indicator import KINDS, TLPS
from watchfloor.detect.intel.misp import TYPES, parts_of
from watchfloor.detect.intel.networks import networks, written_out
from watchfloor.detect.intel.spelling import NONE, spelt
from watchfloor.detect.intel.stix import moment_of
from watchfloor.detect.texts import Texts
from watchfloor.words import Bytes, Int32s, Int64s, kernel

__all__ = ["COLUMNS", "read_csv", "read_kev", "read_list"]

GUESSES = ("ip", "hash", "url", "email", "cve", "domain")
"""What a value is taken for where a list does not say, in this order."""

COLUMNS: Mapping[str, str] = {
    "value": "the indicator itself; also `indicator`, `ioc`",
    "kind": "its kind; also `type`, which may be a type of MISP",
    "tlp": "clear, green, amber, amber+strict or red",
    "confidence": "0 to 100",
    "since": "holds for events from then on; also `first_seen`, `valid_from`",
    "until": "and before then; also `valid_until`, `expires`",
    "seen": "when it was last seen: from then on it fades; also `last_seen`, `date`",
    "labels": "what it is called, separated by `;`; also `tags`",
    "reference": "its id with the source; also `uuid`",
}
"""Columns of a CSV file that are read."""

ALSO: Mapping[str, str] = {
    "indicator": "value", "ioc": "value", "type": "kind", "first_seen": "since", "valid_from": "since",
    "valid_until": "until", "expires": "until", "last_seen": "seen", "date": "seen", "tags": "labels",
    "uuid": "reference",
}  # fmt: skip


@kernel
def lines(data: Bytes, first: int, starts: Int64s, stops: Int64s, numbers: Int32s) -> int:
    """Where the values of a list stand behind byte `first`, and on which lines; returns how many.

    `#` and `;` begin what is a remark.
    """
    count = 0
    line = np.int32(0)
    at = np.int64(first)
    while at < len(data):
        line += np.int32(1)
        end = at
        while end < len(data) and data[end] != 10:
            end += 1
        begin = at
        while begin < end and data[begin] <= 32:
            begin += 1
        stop = begin
        if begin < end and data[begin] != 35 and data[begin] != 59:
            last = begin
            while last < end and not (data[last] == 35 and data[last - 1] <= 32):
                last += 1
            stop = last
            while stop > begin and data[stop - 1] <= 32:
                stop -= 1
        if stop > begin:
            starts[count] = begin
            stops[count] = stop
            numbers[count] = line
            count += 1
        at = end + 1
    return count


def read_list(payload: bytes, file: Path, defaults: Defaults, gathered: Gathered) -> None:
    """A value a line; of the kind the estate says, or whatever it looks like."""
    data = np.frombuffer(payload or b"\n", np.uint8)
    most = payload.count(b"\n") + 1
    starts, stops, numbers = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int32)
    count = lines(data, 3 if payload.startswith(b"\xef\xbb\xbf") else 0, starts, stops, numbers)
    values, numbers = Texts(data, starts[:count], stops[:count]), numbers[:count]
    claim = defaults.claim()
    if defaults.kind:
        gathered.add_all(defaults.kind, values, numbers, claim, file)
        return
    for kind, which in guessed(values).items():
        part = Texts(data, values.starts[which], values.stops[which])
        if kind:
            gathered.add_all(kind, part, numbers[which], claim, file)
        else:
            for number, line in enumerate(numbers[which].tolist()):
                remedy = "say which kind the list is of, or take the line out"
                gathered.wrong(file, line, f"{part.text(number)[:60]!r} looks like no indicator", remedy)


def guessed(values: Texts) -> dict[str, Int64s]:
    """What values look like: kind -> which of them; those that look like nothing under the empty name."""
    left = np.arange(len(values.starts))
    found: dict[str, Int64s] = {}
    for kind in GUESSES:
        rest = Texts(values.data, values.starts[left], values.stops[left])
        fits = networks(rest)[1] > 0 if kind == "ip" else spelt(kind, rest).state != NONE
        if fits.any():
            found[kind] = left[fits]
        left = left[~fits]
    ranges = np.array([bool(written_out(values.text(number))) for number in left.tolist()], np.bool_)
    if ranges.any():
        found["ip"] = np.sort(np.concatenate([found.get("ip", left[:0]), left[ranges]]))
    if not ranges.all():
        found[""] = left[~ranges]
    return found


def read_csv(payload: bytes, file: Path, defaults: Defaults, gathered: Gathered) -> None:
    """A CSV file with a header: `COLUMNS`, under the names the estate gives or under their own."""
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = payload.count(b"\n", 0, error.start) + 1
        return gathered.wrong(file, line, "is not UTF-8 text", "save it as UTF-8")
    renamed = {theirs: ours for ours, theirs in defaults.columns}
    reader = csv.reader(io.StringIO(text), strict=True)
    places: dict[str, int] = {}
    try:
        for row in reader:
            if not any(row):
                continue
            remark = row[0].lstrip().startswith("#")
            if not places:
                for place, cell in enumerate(row):
                    name = cell.strip().lstrip("# ").strip('"')
                    ours = renamed.get(name) or ALSO.get(name.lower(), name.lower())
                    if ours in COLUMNS:
                        places.setdefault(ours, place)
                if "value" not in places:
                    if remark:
                        places.clear()
                        continue
                    what = f"has no column for the value among {', '.join(row)[:80]}"
                    return gathered.wrong(file, reader.line_num, what, 'say which: columns = { value = "..." }')
                continue
            if remark:
                continue
            said = {
                name: row[place].strip() for name, place in places.items() if place < len(row) and row[place].strip()
            }
            if "value" in said:
                _row(said, file, reader.line_num, defaults, gathered)
    except csv.Error as error:
        gathered.wrong(file, reader.line_num, f"is not CSV: {error}", "mend the quotes")
    return None


def _row(said: Mapping[str, str], file: Path, line: int, defaults: Defaults, gathered: Gathered) -> None:
    value, kind = said["value"], said.get("kind", "").lower() or defaults.kind
    try:
        claim = defaults.claim(moment_of(said["seen"]) if "seen" in said else None)
        tlp = said.get("tlp", claim.tlp).lower().removeprefix("tlp:").replace("white", "clear")
        if tlp not in TLPS:
            raise ValueError(f"tlp {tlp!r} is not known")
        confidence = int(float(said["confidence"])) if "confidence" in said else claim.confidence
        if not 0 <= confidence <= 100:
            raise ValueError(f"confidence {confidence} is not from 0 to 100")
        claim = claim._replace(
            tlp=tlp,
            confidence=confidence,
            since=moment_of(said["since"]) if "since" in said else claim.since,
            until=moment_of(said["until"]) if "until" in said else claim.until,
            labels=tuple(
                sorted({*claim.labels, *(part.strip() for part in said.get("labels", "").split(";") if part.strip())})
            ),
            reference=said.get("reference", ""),
        )
    except (ValueError, OverflowError) as error:
        return gathered.wrong(file, line, str(error), f"columns: {', '.join(COLUMNS)}")
    if not kind:
        looks = next(iter(guessed(Texts.of([value]))))
        if not looks:
            return gathered.wrong(file, line, f"{value[:60]!r} looks like no indicator", "add a column kind")
        return gathered.add(looks, value, claim, file, line)
    if kind in KINDS:
        return gathered.add(kind, value, claim, file, line)
    if kind not in TYPES:
        return gathered.passes(f"a row of type {kind}")
    for part, text in parts_of(kind, value):
        gathered.add(part, text, claim, file, line)
    return None


def read_kev(document: Mapping[str, Any], payload: bytes, file: Path, defaults: Defaults, gathered: Gathered) -> None:
    """CISA's catalogue of known exploited vulnerabilities: each CVE since the day it was added."""
    lines = Lines(payload)
    for one in document["vulnerabilities"]:
        uid = str(one.get("cveID", "")) if isinstance(one, dict) else ""
        line = lines.of(f'"{uid}"')
        try:
            added = moment_of(one["dateAdded"])
        except (KeyError, TypeError, ValueError, OverflowError):
            gathered.wrong(file, line, f"{uid or 'an entry'} has no dateAdded", "fetch the catalogue again")
            continue
        claim = defaults.claim(added)
        ransomware = ("ransomware",) if one.get("knownRansomwareCampaignUse") == "Known" else ()
        said = tuple(sorted({*claim.labels, *ransomware}))
        gathered.add("cve", uid, claim._replace(since=added, labels=said, reference=uid), file, line)
