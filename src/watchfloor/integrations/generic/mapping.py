"""Records of a product nobody has written an integration for: the time and the message, guessed from usual names.

Nothing is taken, so every field stays under `unmapped` with its own name and text, and a rule finds it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from watchfloor.collect.convert import iso, times, unix_ms, unix_ns, unix_s, unix_us
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

TIME_NAMES: tuple[str, ...] = (
    "timestamp", "eventtime", "eventtimestamp", "time", "datetime", "date", "eventdatetime", "createdat", "createdon",
    "created", "creationtime", "createddatetime", "creationdate", "published", "occurredat", "occurred",
    "timegenerated",
    "timecreated", "startedat", "starttime", "requesttime", "querytimestamp", "loggedat", "logtime", "ts", "t",
    "isotime",
    "asctime", "unixtime", "epoch", "detectedat", "firstseen", "observedtimestamp", "eventcreationtime", "actiontime",
    "auditlogtime", "calendartime", "insertdate", "updatedat", "modifiedat", "receivedtime", "peventtime", "pparsetime",
)  # fmt: skip
"""Names a time stands under, most telling first; compared without case and punctuation, `@timestamp` included."""

MESSAGE_NAMES: tuple[str, ...] = (
    "message", "msg", "displaymessage", "description", "summary", "title", "eventdescription", "log", "text", "event",
    "eventname", "eventtype", "action", "operation", "activity", "name",
)  # fmt: skip
"""Names a readable line stands under, most telling first."""

HOST_NAMES: tuple[str, ...] = ("hostname", "host", "computer", "computername", "devicename", "agenthostname")
USER_NAMES: tuple[str, ...] = (
    "username", "user", "actoremail", "actorname", "useremail", "actor", "email", "userprincipalname", "accountname",
)  # fmt: skip

TEXT_TIMES = (
    "%d/%b/%Y:%H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S %Z", "%a %b %d %H:%M:%S %Y",
    "%b %d, %Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y%m%dT%H%M%SZ",
)  # fmt: skip
"""Apache, RFC 2822, asctime, English, US and German dates, ISO basic."""

EARLIEST_MS, LATEST_MS = 0, 4_102_444_800_000
"""1970 to 2100: a number outside is not a time."""


@maps("other")
def other(r: Record) -> Mapped:
    """Any record."""
    time = r.missing()
    for name in _named(r, TIME_NAMES):
        time = time.coalesce(_time(r.read(name)))
    host = _first(r, HOST_NAMES)
    return event(
        "base_event",
        time=time,
        message=_first(r, MESSAGE_NAMES),
        device={"hostname": host, "type_id": host.map(lambda _: 0)},
        actor={"user.name": _first(r, USER_NAMES)},
        severity_id=0,
    )


def _named(r: Record, wanted: tuple[str, ...]) -> list[str]:
    """The record's names that are one of `wanted`, top-level ones first, in the order of `wanted`."""
    plain: dict[str, list[str]] = {}
    for name in sorted(r.names, key=lambda found: (found.count("."), found)):
        if not name.endswith("[]"):
            plain.setdefault(re.sub(r"[^a-z]", "", name.rpartition(".")[2].lower()), []).append(name)
    return [name for key in wanted for name in plain.get(key, [])]


def _first(r: Record, wanted: tuple[str, ...]) -> Column:
    found = r.missing()
    for name in _named(r, wanted):
        if bool(found.present.all()):
            break
        found = found.coalesce(r.read(name).keep(lambda text: text not in ("", "-", "{}")))
    return found


def _time(column: Column) -> Column:
    """ISO 8601, seconds to nanoseconds since 1970 by magnitude, or one of the usual spellings."""
    number = column.keep(lambda text: re.fullmatch(r"\d{9,19}(\.\d+)?", text) is not None)
    scaled = column.map(lambda _: None)
    for digits, convert in ((10, unix_s), (13, unix_ms), (16, unix_us), (19, unix_ns)):
        scaled = _or(scaled, convert(number.keep(_digits(digits))))
    return _or(_or(scaled, iso(column.keep(lambda text: not text.isdigit()))), times(*TEXT_TIMES)(column)).keep(
        lambda ms: EARLIEST_MS < ms < LATEST_MS
    )


def _or(column: Column, other_: Column) -> Column:
    return column.coalesce(other_) if len(column.values) else other_


def _digits(count: int) -> Callable[[str], bool]:
    return lambda text: len(text.partition(".")[0]) in (count, count - 1)
