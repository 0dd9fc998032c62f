"""The as-of join: onto each event, what was true at its time of the person, the assets and the place it names.

    wf.person_uid     -> asof.person.*       presence, site, zone, employment, shift, leave, notice, travel, role
    device.name       -> asof.device.*       whether it is on the estate's network
    wf.credential_uid -> asof.credential.*   whose it is (a person's, shared, of a pool, a visitor's), how it stands
    wf.asset_uid      -> asof.dst_asset.*    kind, zone, place, criticality, level, open work order, maintenance,
                                             owner, a session on its console, and what failed, where it was lost with
                                             others
    wf.src_asset_uid  -> asof.src_asset.*
    wf.place_uid      -> asof.place.*        building, kind of its zone, armed, evacuating, drills, occupancy, escorts,
                                             tailgating, open work order, and what failed, where all that watches it
                                             hangs on that
    wf.portal_uid     -> asof.portal.*       mode, anti-passback
    wf.person_uid     -> lag.presence.*      the sighting before, its age, the slack of the way from there, and the
                                             site they were surely on until then

A column is missing where nothing is known, so that a rule which asks for it does not match: unknown is never "no". Of
kinds that the estate states completely (work orders, where a source of them exists) none means no: see `complete`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world.activity import owners
from watchfloor.world.antipassback import mode, passback
from watchfloor.world.consoles import console_session
from watchfloor.world.directory import Directory
from watchfloor.world.entities import SURE
from watchfloor.world.escorts import escorted
from watchfloor.world.farness import beyond_km
from watchfloor.world.history import AsOf, History
from watchfloor.world.leases import on_lan
from watchfloor.world.occupancy import occupancy
from watchfloor.world.presence import OUT, UNKNOWN, asked
from watchfloor.world.resolve import stale, times_of
from watchfloor.world.sources import SKEW_MS, Source
from watchfloor.world.travel import DAY_MS, Travel
from watchfloor.world.traversal import Traversal

__all__ = ["AsOfJoin"]

DOORS = "physical_access_activity"
"""Class of events whose clock is that of the sightings at doors: what was first is no question there."""

RAISED = 10
"""By so much a move is surer that is quicker than nearly everybody's: a weak sighting does not become a sure one."""

Numbers = npt.NDArray[np.int64]
YES_NO = pa.array([False, True])


class AsOfJoin:
    """Joins what is known onto events.

    Args:
        directory: places, zones, assets.
        history: what was true when.
        complete: kinds of facts that some source states completely, so that none means no: an estate with a feed of
            work orders knows that there is no order. Of any other kind, none means nobody knows.
        sources: to how many milliseconds the clock of each is right; of others see `sources.SKEW_MS`.
        doubt: to how many the clocks are by which people are sighted.
        travel: how long people usually take; None knows nothing of it.
    """

    def __init__(
        self,
        directory: Directory,
        history: History,
        *,
        complete: frozenset[str] = frozenset(),
        sources: Mapping[str, Source] | None = None,
        doubt: int = SKEW_MS,
        travel: Travel | None = None,
    ) -> None:
        self._directory, self._history, self._complete = directory, history, complete
        self._skew, self._doubt_ms = {uid: int(one.skew_ms) for uid, one in (sources or {}).items()}, doubt
        self._traversal, self._travel = Traversal(directory), travel
        assets = directory.assets
        # Of each asset ever asked for in every batch: looked up, not found out again.
        self._zones = {uid: zone for uid in assets if (zone := directory.zone_of_asset(uid))}
        self._places = {uid: asset.place for uid, asset in assets.items() if asset.place}
        self._criticality = {uid: asset.criticality for uid, asset in assets.items()}
        self._wholes = {uid: asset.part_of for uid, asset in assets.items() if asset.part_of}
        self._owners = owners(directory)
        self._kinds = {uid: asset.kind for uid, asset in assets.items()}
        zones = directory.zones
        self._zone_kinds = {
            uid: zones[zone].kind for uid in directory.places if (zone := directory.zone_of(uid)) in zones
        }
        self._buildings = {uid: found for uid in directory.places if (found := directory.building_of(uid))}
        self._place_kinds = {uid: place.kind for uid, place in directory.places.items()}
        self._holders = {uid: credential.holder_kind for uid, credential in directory.credentials.items()}
        self._levels = {uid: level for uid in assets if (level := self._level(uid)) is not None}

    def join(self, events: Events) -> Events:
        """Events with `asof.*` and `lag.*`; what they name must have been resolved."""
        if len(events) == 0:
            return events
        times = times_of(events)
        columns: dict[str, Column | None] = {}
        person = _known(events, "wf.person_uid")
        if person is not None:
            columns |= self._person(person, times, events)
        credential = _known(events, "wf.credential_uid")
        if credential is not None:
            columns["asof.credential.holder_kind"] = credential.map(self._holders.get, pa.string())
            columns["asof.credential.status"] = self._history.as_of(
                "credential_status", credential, times
            ).value.compact()
        for name, column in (("dst_asset", "wf.asset_uid"), ("src_asset", "wf.src_asset_uid")):
            asset = _known(events, column)
            if asset is not None:
                columns |= {f"asof.{name}.{key}": value for key, value in self._asset(asset, times).items()}
                if person is not None:
                    columns[f"asof.{name}.console_session"] = console_session(self._history, asset, person, times)
        columns["asof.device.on_lan"] = on_lan(events, self._history, times)
        place = _known(events, "wf.place_uid")
        if place is not None:
            columns["asof.place.zone_kind"] = place.map(self._zone_kinds.get, pa.string())
            columns["asof.place.building"] = place.map(self._buildings.get, pa.string())
            columns["asof.place.open_work_order"] = self._whether(
                "work_order", self._history.any("work_order", place, times), place
            )
            columns["asof.place.common_cause"] = self._common_cause(place, times)
            columns["asof.place.armed"] = _is(self._upwards("armed", place, times)[0], "armed")
            counted = occupancy(self._directory, self._history, place, times)
            columns["asof.place.occupancy_certain"] = _numbers(counted.certain, place.present)
            columns["asof.place.occupancy_possible"] = _numbers(counted.possible, place.present)
            drill = self._upwards("drill", place, times)[0].map(lambda _: "drill", pa.string())
            evacuating, since = self._upwards("evacuating", place, times)
            columns["asof.place.evacuating"] = drill.coalesce(evacuating).compact()
            columns["asof.place.evacuating_s"] = _numbers((times - since) // 1000, evacuating.present)
            columns["asof.place.drill_age_s"] = self._drilled(place, times)
            columns["asof.place.escorted"] = escorted(self._directory, self._history, place, times)
            if self._history.knows("tailgated"):
                followed = self._history.as_of("tailgated", place, times)
                sure = followed.confidence.astype(np.int64)
                columns["asof.place.tailgate_age_s"] = _numbers((times - followed.moment) // 1000, followed.found)
                columns["asof.place.tailgate_confidence"] = _numbers(sure, followed.found)
        portal = _known(events, "wf.portal_uid")
        if portal is not None:
            columns["asof.portal.portal_mode"] = self._history.as_of("portal_mode", portal, times).value.compact()
            columns["asof.portal.antipassback"] = mode(self._directory, portal)
            columns["asof.portal.map_stale"] = _yes(stale(self._directory, portal, times))
            way = _known(events, "wf.direction")
            if person is not None and way is not None:
                again = passback(self._directory, self._history, person, portal, way, times)
                columns["asof.portal.passback"] = again
        known = {name: column for name, column in columns.items() if column is not None and not column.all_missing}
        return events.with_columns(known) if known else events

    def _person(self, person: Column, times: Numbers, events: Events) -> dict[str, Column | None]:
        history, directory = self._history, self._directory
        doubt = self._doubt(events)
        apart = 0 if events.class_name == DOORS else doubt
        where = asked(history, person, times, apart, then=True)
        on = asked(history, person, times, apart, then=True, kind="on_site")
        sure = where.confidence >= SURE
        place = where.value.where(sure).map(lambda uid: None if uid in (OUT, UNKNOWN) else uid, pa.string())
        # Somebody never seen is neither in nor out.
        presence = where.value.map(lambda uid: uid if uid in (OUT, UNKNOWN) else "in", pa.string())
        presence = presence.coalesce(Column.constant(UNKNOWN, len(person)).where(person.present))
        age = (times - where.moment) // 1000
        employed = history.as_of("employed", person, times)
        notice, leave = history.as_of("in_notice", person, times), history.as_of("on_leave", person, times)
        shift = history.as_of("shift", person, times)
        ever = employed.found | history.stated("employed", person)
        status = np.where(leave.found, 2, np.where(notice.found, 1, np.where(employed.found, 0, 3)))
        statuses = pa.array(["active", "in_notice", "leave", "ended"])
        before = history.as_of("sighted", person, times - 1)
        came = before.value
        left = asked(history, person, times - 1, apart, then=True, kind="on_site")
        return {
            "asof.person.presence": presence,
            "asof.person.presence_confidence": _numbers(where.confidence.astype(np.int64), where.found),
            "asof.person.place_uid": place,
            "asof.person.zone": _mapped(place, directory.zone_of),
            "asof.person.site": on.value.where(on.confidence >= SURE).without(OUT, UNKNOWN),
            "asof.person.site_confidence": _numbers(on.confidence.astype(np.int64), on.found),
            "asof.person.zone_age_s": _numbers(age, place.present),
            "asof.person.employment_status": Column(np.where(ever, status, MISSING).astype(np.int32), statuses),
            "asof.person.ended_s": self._ended(person.where(ever & ~employed.found), times),
            "asof.person.in_notice": self._whether("in_notice", notice, person),
            "asof.person.on_leave": self._whether("on_leave", leave, person),
            "asof.person.on_shift": self._whether("shift", shift, person),
            "asof.person.shift_s": _numbers((times - shift.since) // 1000, shift.found),
            "asof.person.travelling": history.as_of("travelling", person, times).value.compact(),
            "asof.person.role_class": history.as_of("role", person, times).value.compact(),
            "asof.person.escort_duty": self._whether("escort", history.any("escort", person, times), person),
            "asof.person.training_ok": self._trained(person, times, events),
            "asof.person.clearance_ok": self._cleared(person, times, events),
            "lag.presence.place_uid": came.compact(),
            "lag.presence.place_kind": came.compact().map(self._place_kinds.get, pa.string()),
            "lag.presence.zone": _mapped(came.compact(), directory.zone_of),
            "lag.presence.age_s": _numbers((times - before.moment) // 1000, before.found),
            "lag.presence.site": left.value.where(left.confidence >= SURE).without(OUT, UNKNOWN),
            "lag.presence.slack_s": self._slack(before, times, events, doubt),
            "lag.presence.beyond_km": self._beyond(before, times, events),
            **self._usual(before, times, events, doubt),
        }

    def _ended(self, person: Column, times: Numbers) -> Column | None:
        """Seconds since the last employment ended, of those who have none; missing for who never had one."""
        if person.all_missing:
            return None
        since = np.full(len(times), -1, np.int64)
        person = person.compact()
        for code, uid in enumerate(person.values.to_pylist()):
            ends = np.array([one.until for one in self._history.intervals("employed", uid)], np.int64)
            rows = np.flatnonzero(person.codes == code)
            last = np.searchsorted(ends, times[rows], "right") - 1
            rows, last = rows[last >= 0], last[last >= 0]
            since[rows] = (times[rows] - ends[last]) // 1000
        return _numbers(since, since >= 0)

    def _asset(self, asset: Column, times: Numbers) -> dict[str, Column | None]:
        history = self._history
        orders = history.any("work_order", asset, times)
        maintenance = history.any("maintenance", asset, times)
        old = stale(self._directory, asset, times)
        placed = asset.where(~old)
        owner = asset.map(self._owners.get, pa.string())
        noticed = None
        if not owner.all_missing:
            noticed = self._whether("in_notice", history.as_of("in_notice", owner, times), owner)
        return {
            "kind": asset.map(self._kinds.get, pa.string()),
            "zone": placed.map(self._zones.get, pa.string()),
            "place_uid": placed.map(self._places.get, pa.string()),
            "map_stale": _yes(old),
            "criticality_id": asset.map(self._criticality.get, pa.int64()),
            "purdue_level": asset.map(self._levels.get, pa.float64()),
            "open_work_order": self._ordered(orders, asset, times),
            "maintenance": self._whether("maintenance", maintenance, asset),
            "common_cause": self._common_cause(asset, times),
            "owner_uid": owner,
            "owner_in_notice": noticed,
        }

    def _common_cause(self, entity: Column, times: Numbers) -> Column | None:
        """What failed, by which something (or all that watches a place) was lost."""
        if not self._history.knows("common_cause"):
            return None
        return self._history.as_of("common_cause", entity, times).value.compact()

    def _ordered(self, orders: AsOf, asset: Column, times: Numbers) -> Column:
        """Whether an order is open for the asset, or for the machine or line it is part of."""
        found, whole = self._whether("work_order", orders, asset), _mapped(asset, self._wholes.get)
        while not whole.all_missing:
            around = self._whether("work_order", self._history.any("work_order", whole, times), whole)
            either = found.zip(around, _either, pa.bool_())
            found = either.where(whole.present).coalesce(found.where(~whole.present))
            whole = _mapped(whole, self._wholes.get)
        return found

    def _level(self, uid: str) -> float | None:
        known = self._directory.assets[uid].purdue
        zones = (self._directory.zones[zone] for zone in self._directory.around(self._directory.zone_of_asset(uid)))
        return known if known is not None else next((zone.purdue for zone in zones if zone.purdue is not None), None)

    def _upwards(self, kind: str, place: Column, times: Numbers) -> tuple[Column, Numbers]:
        """A fact of the place, or of the nearest place around it of which one is known; and since when."""
        if not self._history.knows(kind):
            return Column.missing(len(place)), times
        known = self._history.as_of(kind, place, times)
        found, since = known.value, known.since
        around = place
        for _ in range(16):
            around = _mapped(
                around, lambda uid: self._directory.places[uid].parent if uid in self._directory.places else None
            )
            if around.all_missing:
                break
            known = self._history.as_of(kind, around, times)
            since = np.where(found.present, since, known.since)
            found = found.coalesce(known.value)
        return found.compact(), since

    def _drilled(self, place: Column, times: Numbers) -> Column | None:
        """Seconds since the last drill at the place, or around it, began: over or not."""
        if not self._history.knows("drill"):
            return None
        since = np.full(len(times), -1, np.int64)
        for code, uid in enumerate(place.values.to_pylist()):
            drills = [one for around in self._directory.up(uid) for one in self._history.intervals("drill", around)]
            if drills:
                began = np.array(sorted(one.since for one in drills), np.int64)
                rows = np.flatnonzero(place.codes == code)
                last = np.searchsorted(began, times[rows], "right") - 1
                rows, last = rows[last >= 0], last[last >= 0]
                since[rows] = (times[rows] - began[last]) // 1000
        return _numbers(since, since >= 0)

    def _whether(self, kind: str, found: AsOf, entity: Column) -> Column:
        """True where it holds; False only where somebody would know if it did."""
        known = found.found | ((kind in self._complete) & entity.present) | self._history.stated(kind, entity)
        return Column(np.where(known, found.found, MISSING).astype(np.int32), YES_NO)

    def _trained(self, person: Column, times: Numbers, events: Events) -> Column | None:
        """Whether the person has every training that the zone of the event demands; missing where it demands none."""
        needed = {uid: zone.training for uid, zone in self._directory.zones.items() if zone.training}
        return self._satisfied("training", needed, person, times, events)

    def _cleared(self, person: Column, times: Numbers, events: Events) -> Column | None:
        needed = {uid: (zone.clearance,) for uid, zone in self._directory.zones.items() if zone.clearance}
        return self._satisfied("clearance", needed, person, times, events)

    def _satisfied(
        self, kind: str, needed: Mapping[str, tuple[str, ...]], person: Column, times: Numbers, events: Events
    ) -> Column | None:
        zone = _known(events, "wf.zone_uid")
        if zone is None or not needed:
            return None
        around = {
            uid: {name for one in self._directory.around(uid) for name in needed.get(one, ())}
            for uid in zone.values.to_pylist()
        }
        asked = np.array([bool(around[uid]) for uid in zone.values.to_pylist()] + [False])[zone.codes] & person.present
        if not asked.any():
            return None
        satisfied = asked.copy()
        for name in sorted({name for names in around.values() for name in names}):
            concerned = np.array([name in around[uid] for uid in zone.values.to_pylist()] + [False])[zone.codes] & asked
            satisfied &= ~concerned | self._history.holds(kind, person, name, times).found
        known = asked & ((kind in self._complete) | self._history.stated(kind, person))
        return Column(np.where(known, satisfied, MISSING).astype(np.int32), YES_NO)

    def _doubt(self, events: Events) -> Numbers:
        """How far the clock of each row and that of sightings may be apart, milliseconds."""
        own = np.full(len(events), SKEW_MS, np.int64)
        for column, known in (("wf.source_uid", self._skew.get), ("wf.time_uncertainty_ms", int)):
            said = events.column(column)
            if said is not None and not said.all_missing:
                values = [known(value) for value in said.values.to_pylist()]
                numbers = np.array([*(-1 if value is None else value for value in values), -1], np.int64)[said.codes]
                own = np.where(numbers >= 0, numbers, own)
        return own + self._doubt_ms

    def _beyond(self, before: AsOf, times: Numbers, events: Events) -> Column | None:
        away = beyond_km(self._directory, before, events, times)
        return None if away is None else _numbers(np.nan_to_num(away), np.isfinite(away))

    def _slack(self, before: AsOf, times: Numbers, events: Events, doubt: Numbers) -> Column | None:
        """Seconds that the way from the sighting before leaves over, both clocks' doubts added; of sure sightings."""
        here = _known(events, "wf.place_uid")
        if here is None or not before.found.any():
            return None
        numbers = np.array([*(self._traversal.number(uid) for uid in here.values.to_pylist()), -1], np.int32)
        starts = np.array([*(self._traversal.number(uid) for uid in before.value.values.to_pylist()), -1], np.int32)
        needs = self._traversal.at_least(starts[before.value.codes], numbers[here.codes])
        slack = (times - before.moment + doubt) / 1000.0 - needs
        sure = before.found & (before.confidence >= SURE) & np.isfinite(slack)
        return _numbers(np.where(sure, slack, 0.0), sure)

    def _usual(self, before: AsOf, times: Numbers, events: Events, doubt: Numbers) -> dict[str, Column | None]:
        """How sure the move from there is, and how long the quickest usually take; of rows at portals."""
        confidence = before.confidence.astype(np.int64)
        portal = _known(events, "wf.portal_uid")
        found: dict[str, Column | None] = {"lag.presence.confidence": _numbers(confidence, before.found)}
        if self._travel is None or portal is None or not before.found.any():
            return found
        days = times // DAY_MS
        asked = before.found & portal.present
        rows = np.flatnonzero(asked)
        trio = np.stack([before.value.codes[rows], portal.codes[rows], days[rows]])
        pairs, places = np.unique(trio, axis=1, return_inverse=True)
        here, doors = before.value.values.to_pylist(), portal.values.to_pylist()
        usual = np.array(
            [self._travel.quickest_s(here[a], doors[b], int(day) * DAY_MS) for a, b, day in pairs.T.tolist()]
        )
        quickest = np.full(len(times), np.nan)
        quickest[rows] = usual[places.ravel()]
        with_doubt = (times - before.moment + doubt) / 1000.0
        quick = np.isfinite(quickest) & (with_doubt < quickest)
        raised = np.where(quick, np.minimum(confidence + RAISED, 100), confidence)
        return {
            "lag.presence.confidence": _numbers(raised, before.found),
            "lag.presence.quickest_s": _numbers(np.nan_to_num(quickest), np.isfinite(quickest)),
        }


def _known(events: Events, name: str) -> Column | None:
    column = events.column(name)
    return None if column is None or column.all_missing else column


def _mapped(column: Column, function: Any) -> Column:
    return column.map(lambda uid: function(uid) or None, pa.string())


def _either(one: bool | None, other: bool | None) -> bool | None:
    """Or, where what is not known may be either (Kleene)."""
    return True if one or other else None if one is None or other is None else False


def _yes(rows: npt.NDArray[np.bool_]) -> Column:
    """True, or missing."""
    return Column(np.where(rows, 1, MISSING).astype(np.int32), YES_NO)


def _is(column: Column, value: str) -> Column:
    return column.map(lambda known: known == value, pa.bool_())


def _numbers(values: npt.NDArray[Any], where: npt.NDArray[np.bool_]) -> Column:
    """Every row has its own: looking for repeats would cost more than it saves."""
    return Column(np.where(where, np.arange(len(values)), MISSING).astype(np.int32), pa.array(values))
