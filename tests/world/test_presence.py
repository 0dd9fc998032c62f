"""Presence: in, out or unknown, never a guess, and the same whatever order sightings come in."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_directory import feature, point, written
from tests.world.test_resolve import built

from watchfloor.ocsf.column import Column
from watchfloor.world.directory import Directory, load
from watchfloor.world.history import History, Interval, Statement
from watchfloor.world.presence import (
    OUT,
    TAILGATED,
    UNKNOWN,
    Presence,
    Reset,
    believed,
    believes,
    believes_of_sites,
)
from watchfloor.world.resolve import Resolver
from watchfloor.world.sighting import STRONG, WEAK, Sighting, sightings

MINUTE, HOUR = 60_000, 3_600_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """Street, yard, hall, control room (tailgate-prone), a store one leaves freely, a muster point."""
    return load(
        written(
            tmp_path_factory.mktemp("estate"),
            {
                "people/people.csv": "uid,name\np-1,A\np-2,B\n",
                "people/credentials.csv": "uid,kind,value,holder\nc-1,badge,1,p-1\nc-2,account,ada,p-1\n",
                "assets/assets.csv": "uid,kind,name,place,hostname\na-1,hmi,x,control,hmi1\n",
                "places/p.geojson": [
                    feature("site", "s", point(4.0, 52.0)),
                    feature("area", "street", parent="s"),
                    feature("area", "yard", parent="s"),
                    feature("building", "hall", parent="yard"),
                    feature("room", "control", parent="hall"),
                    feature("room", "store", parent="hall"),
                    feature("muster", "assembly", parent="yard"),
                    _door("gate", "street", "yard"),
                    _door("d-hall", "yard", "hall"),
                    _door("d-control", "hall", "control"),
                    _door("d-store", "hall", "store", free_egress=True, taken_capable=False),
                    _door("d-muster", "yard", "assembly"),
                ],
                "places/zones.toml": '[[zone]]\nuid = "z-street"\nkind = "external"\nplaces = ["street"]\n'
                '[[zone]]\nuid = "z-yard"\nplaces = ["yard"]\n'
                '[[zone]]\nuid = "z-control"\nparent = "z-yard"\ntailgate_prone = true\nplaces = ["control"]\n',
            },
        )
    )


def _door(uid: str, outside: str, inside: str, **more: Any) -> dict[str, Any]:
    readers = [{"uid": f"{uid}-in", "side": "in"}, {"uid": f"{uid}-out", "side": "out"}]
    return feature("portal", uid, point(0, 0), name=uid, outside=outside, inside=inside, readers=readers, **more)


def seen(time: int, place: str, strength: int = STRONG, person: str = "p-1", sequence: int = 0) -> Sighting:
    return Sighting(person, time, sequence, place, strength, True, "doors", f"e-{time}-{sequence}")


def stretches(intervals: list[Interval]) -> list[tuple[int, int, str, int]]:
    return [(one.since, one.until, one.value, one.confidence) for one in intervals]


def test_a_day(site: Directory) -> None:
    day = [seen(0, "yard"), seen(5 * MINUTE, "hall"), seen(9 * HOUR, "yard"), seen(9 * HOUR + 1, "street")]
    assert stretches(believed(day, believes(site))) == [
        (0, 5 * MINUTE, "yard", 100),
        (5 * MINUTE, 6 * MINUTE, "hall", 100),
        (6 * MINUTE, 9 * HOUR, "hall", 70),  # somebody may have followed somebody into the control room
        (9 * HOUR, 9 * HOUR + 1, "yard", 100),
        (9 * HOUR + 1, 1 << 62, OUT, 100),
    ], "out until seen again"


def _free(site: Directory) -> set[str]:
    return {place for place, what in believes(site).items() if what.longest < 12 * HOUR}


def test_what_grows_old_is_unknown_never_out(site: Directory) -> None:
    assert stretches(believed([seen(0, "yard")], believes(site))) == [
        (0, 12 * HOUR, "yard", 100),
        (12 * HOUR, 1 << 62, UNKNOWN, 0),
    ]
    shift = [Interval(-HOUR, 3 * HOUR, "early")]
    assert stretches(believed([seen(0, "yard")], believes(site), shifts=shift))[0] == (0, 3 * HOUR, "yard", 100)
    assert _free(site) == {"store"}
    assert stretches(believed([seen(0, "store", WEAK)], believes(site)))[0] == (0, 30 * MINUTE, "store", 60)


def test_a_tailgate_prone_zone_is_sure_for_a_minute(site: Directory) -> None:
    assert stretches(believed([seen(0, "control"), seen(HOUR, "hall")], believes(site)))[:2] == [
        (0, MINUTE, "control", 100),
        (MINUTE, HOUR, "control", 70),
    ]


def test_on_site_a_tailgate_prone_room_is_as_sure_as_any(site: Directory) -> None:
    whole = believes_of_sites(site)
    assert stretches(believed([seen(0, "control"), seen(HOUR, "hall")], whole)) == [
        (0, HOUR, "s", 100),
        (HOUR, 13 * HOUR, "s", 100),
        (13 * HOUR, 1 << 62, UNKNOWN, 0),
    ]
    assert stretches(believed([seen(0, "store"), seen(HOUR, "street")], whole)) == [
        (0, HOUR, "s", 100),  # out of the store freely, and still on the site
        (HOUR, 1 << 62, OUT, 100),
    ]
    prone = replace(site, zones={**site.zones, "z-yard": replace(site.zones["z-yard"], tailgate_prone=True)})
    assert stretches(believed([seen(0, "yard")], believes_of_sites(prone)))[1][3] == TAILGATED
    gate = replace(site.portals["gate"], kind="turnstile")
    single = replace(prone, portals={**site.portals, "gate": gate})
    assert stretches(believed([seen(0, "yard")], believes_of_sites(single)))[0] == (0, 12 * HOUR, "s", 100)


def test_fire_makes_unknown_whoever_is_in_its_reach(site: Directory) -> None:
    fire = [Reset(HOUR, site.inside("hall"))]
    assert stretches(believed([seen(0, "control")], believes(site), fire))[-1] == (HOUR, 1 << 62, UNKNOWN, 0)
    assert stretches(believed([seen(0, "yard")], believes(site), fire)) == stretches(
        believed([seen(0, "yard")], believes(site))
    )
    assert stretches(believed([seen(0, "street")], believes(site), fire))[-1][2] == OUT
    later = believed([seen(0, "control"), seen(2 * HOUR, "assembly")], believes(site), fire)
    assert [one.value for one in later if one.since >= HOUR] == [UNKNOWN, "assembly", UNKNOWN]


SEEN = st.builds(
    lambda hours, place, strength, sequence: seen(hours * HOUR, place, strength, sequence=sequence),
    st.integers(0, 40),
    st.sampled_from(["street", "yard", "hall", "control", "store"]),
    st.sampled_from([STRONG, WEAK]),
    st.integers(0, 2),
)
RESETS = st.builds(lambda hour, place: (hour * HOUR, place), st.integers(0, 40), st.sampled_from(["hall", "s"]))


@given(st.lists(SEEN, max_size=8), st.lists(RESETS, max_size=2), st.lists(st.integers(0, 40), max_size=3), st.data())
def test_any_order_and_any_repetition_gives_the_same(
    site: Directory, said: list[Sighting], alarms: list[tuple[int, str]], shifts: list[int], data: st.DataObject
) -> None:
    fires = [Statement(place, "evacuating", "alarm", time, time + HOUR, time) for time, place in alarms]
    whole, bits = History(), History()
    worked = [Statement("p-1", "shift", "early", at * HOUR, (at + 8) * HOUR, at) for at in shifts]
    whole.add([*worked, *fires])
    Presence(site, whole).add(said)
    late = Presence(site, bits)
    rows = Column.of(["p-1"] * 50), np.arange(50, dtype=np.int64) * HOUR + 1
    arriving: list[Sighting | Statement] = [*said, *said[:2], *worked, *fires]
    for one in data.draw(st.permutations(arriving)):
        if isinstance(one, Statement):
            bits.add([one])
            late.add([], shifted=["p-1"])
        else:
            late.add([one])
        bits.as_of("presence", *rows)  # bulk, overlay, and both
    assert list(whole.intervals("presence", "p-1")) == list(bits.intervals("presence", "p-1"))
    assert list(whole.intervals("sighted", "p-1")) == list(bits.intervals("sighted", "p-1"))
    at, later = whole.as_of("presence", *rows), bits.as_of("presence", *rows)
    assert at.value.to_pylist() == later.value.to_pylist() and at.moment.tolist() == later.moment.tolist()
    made = list(whole.intervals("presence", "p-1"))
    for before, after in pairwise(made):
        assert before.until == after.since, "once seen, there is always an answer"
    for stretch in made:
        assert stretch.since < stretch.until and (stretch.value != UNKNOWN or stretch.confidence == 0)
        places = {sighting.place for sighting in said if sighting.time == stretch.moment}
        assert places and stretch.value in {UNKNOWN, OUT, *places}


def access(site: Directory, rows: list[dict[str, Any]]) -> list[Sighting]:
    return list(sightings(Resolver(site).resolve(built("physical_access_activity", rows)), site))


@pytest.mark.parametrize(
    ("activity", "reader", "direction", "place", "strength"),
    [
        (3, "d-hall-in", "in", "hall", STRONG),
        (3, "d-hall-out", "out", "yard", STRONG),
        (1, "d-hall-in", "in", None, 0),  # granted, where taken would have come
        (1, "d-store-in", "in", "store", WEAK),  # granted, where nobody says taken
        (2, "d-hall-in", "in", None, 0),
        (4, "d-hall-in", "in", None, 0),
        (5, "d-hall-in", "in", None, 0),
        (1, "d-muster-in", "in", "assembly", STRONG),
    ],
)
def test_what_a_door_says(
    site: Directory, activity: int, reader: str, direction: str, place: str | None, strength: int
) -> None:
    row = {
        "time": 7,
        "activity_id": activity,
        "credential.uid": "1",
        "portal.reader_uid": reader,
        "wf.direction": direction,
    }
    found = access(site, [row])
    assert [(one.place, one.strength, one.person, one.time) for one in found] == (
        [] if place is None else [(place, strength, "p-1", 7)]
    )


def test_what_a_console_says(site: Directory) -> None:
    logon = {"time": 9, "activity_id": 1, "user.name": "ada", "device.hostname": "hmi1", "status_id": 1}
    rows = [{**logon, "logon_type_id": kind} for kind in (2, 3, 7, 10)] + [
        {**logon, "logon_type_id": 2, "status_id": 2}
    ]
    rows.append({**logon, "logon_type_id": 2, "is_remote": True})  # by hand, but at the cloud, wherever the machine is
    found = list(sightings(Resolver(site).resolve(built("authentication", rows)), site))
    assert [(one.place, one.moved) for one in found] == [("control", False)] * 2, "at the machine itself, and let in"


def test_as_of_a_column(site: Directory, tmp_path: Path) -> None:
    history = History()
    Presence(site, history).add([seen(0, "hall"), seen(HOUR, "street")])
    found = history.as_of("presence", Column.of(["p-1", "p-1", "p-2"]), np.array([5, 2 * HOUR, 5], np.int64))
    assert found.value.to_pylist() == ["hall", OUT, None]
