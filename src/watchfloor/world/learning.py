"""What events state: employment, leave, shifts, training, work orders, arming, fire. Events in, statements out.

    workforce_activity     predicate.predicate_type_id, holds, valid_from_time .. valid_to_time     of wf.person_uid
    maintenance_activity   work_order.uid, start_time .. end_time; whether it is being carried out  of wf.asset_uid
                           and of the place where that stands, and into which it drives a door      of wf.place_uid
    alarm_signal_activity  opening, closing; environmental (fire); bypass; drill                    of wf.place_uid
                           communication lost and restored; a fault of what others depend on        of wf.asset_uid
    physical_access        portal mode changed                                                      of wf.portal_uid

Late and back-dated records are normal: `known_from` is when we knew, and a later statement about the same time wins.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER
from watchfloor.world.history import Statement
from watchfloor.world.resolve import times_of

__all__ = ["PREDICATES", "from_directory", "one_of", "stated", "statements", "told"]

PREDICATES: Mapping[int, str] = {
    1: "employed",
    2: "in_notice",
    3: "shift",
    4: "on_leave",
    5: "travelling",
    6: "clearance",
    7: "training",
    8: "escort",
}
"""predicate_type_id of workforce_activity -> kind of fact."""

YES = "yes"
"""Value of a fact that only holds or does not."""

OPENS = (2, 3, 6, 7)
"""activity_id of maintenance_activity after which the order is open: approved, started, extended, isolated."""

UNDER_WAY = (3, 7)
"""... after which it is being carried out: started, isolated."""

CLOSES = (4, 5, 8, 9, 10)
"""... after which it is not any more: completed, cancelled, isolation removed, commissioned, decommissioned."""

ARMING = {9: "disarmed", 10: "armed"}
"""activity_id of alarm_signal_activity: opening and closing."""

ENVIRONMENTAL = 6
"""activity_id of alarm_signal_activity for fire, smoke, water."""

SUPERVISORY = 7
"""activity_id of alarm_signal_activity: a device reports a fault of its own: power, hardware, a restart."""

COMMUNICATION = 8
"""activity_id of alarm_signal_activity: a device cannot be reached."""

NEW, RESTORE, CANCEL, TROUBLE, TROUBLE_RESTORE, BYPASS, UNBYPASS, TEST = 1, 2, 4, 5, 6, 7, 8, 9
"""lifecycle_id of a signal."""

OVER = (RESTORE, CANCEL, TROUBLE_RESTORE)
"""... that says: it is over."""

DRILLS = {"TS": True, "TE": False}
"""signal_code.signal (SIA DC-03) by which a panel says that points are being tried, or not any more."""

TRIED = "test"
"""Value of `maintenance` of a panel that is being tried as a whole."""

DRILL_MS = 4 * 3_600_000
"""A drill of which nobody says that it ended is over after so long: a fire must not pass for a drill."""

PORTAL_MODE = 11
"""activity_id of physical_access_activity."""


def statements(events: Events, directory: Directory) -> Iterator[Statement]:
    """What resolved events state about entities."""
    if events.class_name == "workforce_activity":
        yield from _workforce(events)
    elif events.class_name == "maintenance_activity":
        yield from _maintenance(events, directory)
    elif events.class_name == "alarm_signal_activity":
        yield from _alarms(events, directory)
    elif events.class_name == "physical_access_activity":
        yield from _modes(events)


def from_directory(directory: Directory) -> Iterator[Statement]:
    """What the estate's files state: who is employed, in what role."""
    for person, intervals in directory.employed.items():
        role = directory.persons[person].role
        for since, until in intervals:
            yield Statement(person, "employed", YES, since, until, since, because="people.csv")
            if role:
                yield Statement(person, "role", role, since, until, since, because="people.csv")


def _workforce(events: Events) -> Iterator[Statement]:
    columns = (
        "wf.person_uid", "predicate.predicate_type_id", "predicate.holds", "predicate.predicate_scope",
        "predicate.valid_from_time", "predicate.valid_to_time", "predicate.known_from_time", "predicate.visit_uid",
        "predicate.confidence_pct", "role_class",
    )  # fmt: skip
    for row in told(events, *columns):
        kind = PREDICATES.get(row["predicate.predicate_type_id"] or 0) or ("role" if row["role_class"] else None)
        person = row["wf.person_uid"]
        if kind is None or person is None:
            continue
        value = {"escort": row["predicate.visit_uid"], "role": row["role_class"]}.get(
            kind, row["predicate.predicate_scope"]
        )
        since = row["predicate.valid_from_time"]
        until = row["predicate.valid_to_time"]
        sure = row["predicate.confidence_pct"]
        yield stated(
            row, person, kind, value or YES,
            row["time"] if since is None else since, FOREVER if until is None else until,
            known=row["predicate.known_from_time"],
            confidence=0 if row["predicate.holds"] is False else 100 if sure is None else int(sure),
        )  # fmt: skip


def _maintenance(events: Events, directory: Directory) -> Iterator[Statement]:
    columns = (
        "wf.asset_uid", "wf.place_uid", "activity_id", "work_order.uid", "work_order.start_time", "work_order.end_time",
    )  # fmt: skip
    for row in told(events, *columns):
        asset, order, activity = row["wf.asset_uid"], row["work_order.uid"], row["activity_id"]
        if order is None:
            continue
        here = {*directory.driven.get(asset or "", ()), *({row["wf.place_uid"]} - {None})}
        for entity in [*sorted(here), *([] if asset is None else [asset])]:
            if activity in OPENS:
                since, until = row["work_order.start_time"], row["work_order.end_time"]
                end = FOREVER if until is None else until
                yield stated(row, entity, "work_order", order, row["time"] if since is None else since, end)
                if activity in UNDER_WAY and entity == asset:
                    yield stated(row, asset, "maintenance", order, row["time"], end)
            elif activity in CLOSES:
                for kind in ("work_order", "maintenance") if entity == asset else ("work_order",):
                    yield stated(row, entity, kind, order, row["time"], FOREVER, confidence=0)


def _alarms(events: Events, directory: Directory) -> Iterator[Statement]:
    columns = (
        "activity_id", "lifecycle_id", "wf.place_uid", "wf.asset_uid", "alarm_point.uid", "alarm_point.name",
        "signal_code.signal", "metadata.event_code",
    )  # fmt: skip
    for row in told(events, *columns):
        place, activity, stage = row["wf.place_uid"], row["activity_id"], row["lifecycle_id"]
        over = stage in OVER
        asset = row["wf.asset_uid"]
        if activity == COMMUNICATION and asset is not None and stage != TEST:  # a sign of life loses nothing
            yield stated(row, asset, "lost", YES, row["time"], FOREVER, confidence=0 if over else 100)
        elif activity == SUPERVISORY and asset in directory.shared and stage in (NEW, TROUBLE):
            yield stated(row, asset, "fault", row["metadata.event_code"] or YES, row["time"], row["time"] + 1)
        drill = DRILLS.get(row["signal_code.signal"] or "")
        if drill is not None:
            sure = 100 if drill else 0
            stands_in = directory.assets[asset].place if asset in directory.assets else ""
            if place not in (None, stands_in):  # points are tried
                yield stated(row, place, "drill", YES, row["time"], row["time"] + DRILL_MS, confidence=sure)
            elif asset is not None:  # the panel itself
                yield stated(row, asset, "maintenance", TRIED, row["time"], row["time"] + DRILL_MS, confidence=sure)
        if place is None or stage == TEST:
            continue
        if stage in (BYPASS, UNBYPASS):
            point = row["alarm_point.uid"] or row["alarm_point.name"] or YES
            sure = 100 if stage == BYPASS else 0
            yield stated(row, place, "bypassed", point, row["time"], FOREVER, confidence=sure)
        elif activity in ARMING:
            yield stated(row, place, "armed", ARMING[activity], row["time"], FOREVER)
        elif activity == ENVIRONMENTAL and stage not in (TROUBLE, TROUBLE_RESTORE):  # a faulty detector is no fire
            yield stated(row, place, "evacuating", "alarm", row["time"], FOREVER, confidence=0 if over else 100)


def _modes(events: Events) -> Iterator[Statement]:
    changed = one_of(events.column("activity_id"), (PORTAL_MODE,), len(events))  # of many passages few
    for row in told(events, "activity_id", "wf.portal_uid", "portal.portal_mode", where=changed):
        portal, mode = row["wf.portal_uid"], row["portal.portal_mode"]
        if portal is not None and mode:
            yield stated(row, portal, "portal_mode", mode.lower(), row["time"], FOREVER)


def stated(
    row: Mapping[str, Any], entity: str, kind: str, value: str, since: int, until: int, *,
    known: int | None = None, confidence: int = 100,
) -> Statement:  # fmt: skip
    """A statement because of such a row."""
    knew = known if known is not None else row["metadata.logged_time"]
    return Statement(
        entity, kind, value, since, until, row["time"] if knew is None else knew, row["wf.source_seq"] or 0, confidence,
        row["wf.source_uid"] or "", row["metadata.uid"] or "",
    )  # fmt: skip


def told(events: Events, *names: str, where: npt.NDArray[np.bool_] | None = None) -> Iterator[dict[str, Any]]:
    """Rows as a person reads them: of these classes there are few a day, and each is a statement of its own.

    Args:
        where: rows wanted. Shape (rows,).
    """
    if where is not None:
        events = events.take(np.flatnonzero(where))
    columns = {}
    for name in (*names, "metadata.logged_time", "metadata.uid", "wf.source_uid", "wf.source_seq"):
        column = events.column(name)
        columns[name] = [None] * len(events) if column is None else column.to_pylist()
    times = times_of(events)
    for row in range(len(events)):
        yield {"time": int(times[row]), **{name: values[row] for name, values in columns.items()}}


def one_of(column: Column | None, wanted: Container[Any], rows: int) -> npt.NDArray[np.bool_]:
    """Rows whose value is one of some. Shape (rows,)."""
    if column is None:
        return np.zeros(rows, np.bool_)
    return np.array([*(value in wanted for value in column.values.to_pylist()), False], np.bool_)[column.codes]
