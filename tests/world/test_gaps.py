"""Gaps: who may have passed unseen is not known to be anywhere, from when on, and whatever order that came to light."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import feature, point, written

from watchfloor.ocsf.column import Column
from watchfloor.world.directory import Directory, load
from watchfloor.world.entities import FOREVER
from watchfloor.world.gaps import Gaps
from watchfloor.world.history import History, Statement
from watchfloor.world.presence import CONTRADICTED, OUT, TAILGATED, UNKNOWN, Presence, asked
from watchfloor.world.pulse import Pulse, pulse_table
from watchfloor.world.sighting import STRONG, Sighting
from watchfloor.world.sources import EVERYWHERE, Source
from watchfloor.world.ways import Ways

MINUTE, HOUR = 60_000, 3_600_000
DOORS = Source("doors", frozenset({EVERYWHERE}), heartbeat_s=1800, skew_ms=60_000)
BACK = {"hall": "yard", "store": "hall", "yard": "street"}
PORTAL = {"yard": "gate", "hall": "d-hall", "store": "d-store"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """Street, gate, yard, a hall with a canteen one walks into, a store; the gate and the store have a controller."""

    def door(uid: str, outside: str, inside: str, **more: Any) -> dict[str, Any]:
        readers = [{"uid": f"{uid}-in", "side": "in"}, {"uid": f"{uid}-out", "side": "out"}]
        return feature("portal", uid, point(0, 0), outside=outside, inside=inside, **{"readers": readers, **more})

    return load(
        written(
            tmp_path_factory.mktemp("estate"),
            {
                "people/people.csv": "uid,name\np-1,A\n",
                "assets/assets.csv": "uid,kind,name,infrastructure\n"
                "dc-1,door_controller,one,sw\ndc-2,door_controller,two,\nsw,switch,sw,\n",
                "places/p.geojson": [
                    feature("site", "s", point(4.0, 52.0)),
                    feature("area", "street", parent="s"),
                    feature("area", "corner", parent="street"),
                    feature("area", "yard", parent="s"),
                    feature("room", "hall", parent="s"),
                    feature("room", "canteen", parent="s"),
                    feature("room", "store", parent="s"),
                    door("gate", "street", "yard", controller="dc-1"),
                    door("d-hall", "yard", "hall"),
                    door("d-canteen", "hall", "canteen", readers=[]),
                    door("d-store", "hall", "store", controller="dc-2"),
                ],
                "places/zones.toml": '[[zone]]\nuid = "z-street"\nkind = "external"\nplaces = ["street"]\n'
                '[[zone]]\nuid = "z-yard"\nplaces = ["yard", "hall", "canteen", "store"]\n',
            },
        )
    )


def went(time: int, place: str, portal: str = "", source: str = "doors", sequence: int = 0) -> Sighting:
    """Somebody came to a place, by the door that leads there from outside unless another is named."""
    portal = portal or PORTAL.get(place, "gate")
    return Sighting("p-1", time, sequence, place, STRONG, True, source, f"e-{time}-{sequence}", portal)


def beats(*minutes: int, lag: int = 1000) -> list[Pulse]:
    return [Pulse("doors", m * MINUTE, 1, m * MINUTE, m * MINUTE + 9, lag, lag, m * MINUTE + lag) for m in minutes]


def mode(portal: str, value: str, since: int, until: int = FOREVER, known: int = 0) -> Statement:
    return Statement(portal, "portal_mode", value, since, until, known)


def lost(asset: str, since: int, until: int, known: int = 0) -> Statement:
    return Statement(asset, "lost", "yes", since, until, known)


def stretches(
    site: Directory, seen: list[Sighting], *said: Statement, heard: list[Pulse] | None = None, kind: str = "presence"
) -> list[Any]:
    history = History()
    history.add(said)
    presence = Presence(site, history, {"doors": DOORS})
    presence.gaps.hear(pulse_table(heard or []))
    presence.add(seen)
    return [(one.since, one.until, one.value, one.confidence) for one in history.intervals(kind, "p-1")]


def test_ways(site: Directory) -> None:
    ways = Ways(site)
    assert ways.reaches("hall") == ways.reaches("canteen") == {"hall", "canteen"}
    assert ways.reaches("yard") == {"yard"} and "corner" in ways.reaches("street"), "nothing parts it from the street"
    assert ways.leaves("canteen") == {"d-hall", "d-store"} and ways.leaves("street") == {"gate"}
    sites = Ways(site, sites=True)
    assert sites.leaves("store") == sites.leaves("street") == {"gate"} and sites.reaches("store") == {"s"}
    assert sites.follows("yard", went(0, "store")) and not sites.follows("street", went(0, "store"))
    assert ways.follows("canteen", went(0, "store")) and ways.follows("canteen", went(0, "yard", "d-hall"))
    assert not ways.follows("yard", went(0, "store")) and not ways.follows("hall", went(0, "hall")), "in twice"
    assert ways.follows("nowhere", went(0, "hall")) and ways.follows("yard", went(0, "hall", "unknown-door"))
    console = went(0, "canteen", "-")._replace(moved=False)
    assert ways.follows("hall", console) and not ways.follows("yard", console)
    assert (ways.clock(went(0, "store")), ways.clock(went(0, "hall"))) == ("dc-2", "doors")


def test_a_door_that_is_unlocked_tells_nobody(site: Directory) -> None:
    day = [went(0, "yard"), went(10 * MINUTE, "hall"), went(5 * HOUR, "yard", "d-hall")]
    unlocked = mode("d-hall", "unlocked", HOUR, 2 * HOUR)
    assert stretches(site, day, unlocked) == [
        (0, 10 * MINUTE, "yard", 100),
        (10 * MINUTE, HOUR, "hall", 100),
        (HOUR, 5 * HOUR, UNKNOWN, 0),  # until seen again
        (5 * HOUR, 17 * HOUR, "yard", 100),
        (17 * HOUR, FOREVER, UNKNOWN, 0),
    ]
    assert stretches(site, [*day, went(90 * MINUTE, "store")], unlocked)[3] == (90 * MINUTE, 5 * HOUR, "store", 75)
    during = stretches(site, [went(0, "yard"), went(90 * MINUTE, "hall")], unlocked)
    assert [one[2] for one in during] == ["yard", UNKNOWN, UNKNOWN], "came in while it was open, and may have left"
    assert stretches(site, day, mode("d-hall", "locked", HOUR)) == stretches(site, day)


def test_who_has_left_may_have_come_back_through_a_blind_gate(site: Directory) -> None:
    gone = [went(0, "yard"), went(HOUR, "street", "gate")]
    assert stretches(site, gone)[-1] == (HOUR, FOREVER, OUT, 100)
    found = stretches(site, gone, lost("sw", 2 * HOUR, 3 * HOUR))
    assert found[-2:] == [(HOUR, 2 * HOUR, OUT, 100), (2 * HOUR, FOREVER, UNKNOWN, 0)], (
        "its controller needs the switch"
    )
    assert stretches(site, gone, lost("dc-2", 2 * HOUR, 3 * HOUR)) == stretches(site, gone), "no way in leads by it"


def test_a_silent_source_until_it_is_heard_again(site: Directory) -> None:
    day = [went(0, "yard"), went(4 * HOUR, "hall")]
    well = beats(*range(0, 300, 10))
    assert stretches(site, day, heard=well)[0] == (0, 4 * HOUR, "yard", 100)
    silent = beats(*range(0, 61, 10), *range(180, 300, 10))
    assert stretches(site, day, heard=silent)[:2] == [
        (0, HOUR + 9, "yard", 100),
        (HOUR + 9, 4 * HOUR, UNKNOWN, 0),
    ]
    burst = [*silent, *beats(*range(70, 180, 10), lag=3 * HOUR)]
    assert stretches(site, day, heard=burst)[0] == (0, 4 * HOUR, "yard", 100), "what came late made it whole"
    other = [Pulse("plant", 0, 1, 0, 9, 0, 0, 9 * HOUR)]
    assert stretches(site, day, heard=[*well, *other])[-1] == (290 * MINUTE + 9, FOREVER, UNKNOWN, 0), "silent since"


def test_somebody_moved_unseen(site: Directory) -> None:
    """In the store without having entered the hall: of the yard we were wrong, nobody knows since when."""
    found = stretches(site, [went(0, "yard"), went(3 * HOUR, "store"), went(4 * HOUR, "hall", "d-store")])
    assert found[:2] == [(0, 3 * HOUR, "yard", CONTRADICTED), (3 * HOUR, 4 * HOUR, "store", 100)]
    out = stretches(site, [went(0, "street", "gate"), went(30 * HOUR, "hall")])
    assert out[:2] == [(0, 18 * HOUR, OUT, 100), (18 * HOUR, 30 * HOUR, OUT, CONTRADICTED)]


def test_on_site_only_the_ways_out_of_the_site_count(site: Directory) -> None:
    day = [
        went(0, "yard"),
        went(3 * HOUR, "store"),
        went(10 * HOUR, "yard", "d-hall"),
        went(11 * HOUR, "street", "gate"),
    ]
    assert stretches(site, day, mode("d-hall", "unlocked", HOUR), kind="on_site") == [
        (0, 3 * HOUR, "s", 100),  # moved unseen, and a door that tells nobody: inside, all of it
        (3 * HOUR, 10 * HOUR, "s", 100),
        (10 * HOUR, 11 * HOUR, "s", 100),
        (11 * HOUR, FOREVER, OUT, 100),
    ]
    assert stretches(site, day[:2], mode("gate", "unlocked", HOUR), kind="on_site")[1:3] == [
        (HOUR, 3 * HOUR, UNKNOWN, 0),
        (3 * HOUR, FOREVER, UNKNOWN, 0),
    ]
    back = [went(0, "yard"), went(HOUR, "yard")]
    assert stretches(site, back, kind="on_site")[0] == (0, HOUR, "s", CONTRADICTED), "in twice: out between, unseen"


def test_two_clocks_that_disagree_about_what_was_first(site: Directory) -> None:
    """The store's controller is behind: into the hall and on into the store come in the wrong order."""
    swapped = [
        went(0, "yard"),
        went(10 * MINUTE, "store"),
        went(11 * MINUTE, "hall"),
        went(5 * HOUR, "hall", "d-store"),
    ]
    assert stretches(site, swapped)[2] == (11 * MINUTE, 5 * HOUR, "hall", TAILGATED)
    later = [swapped[0], swapped[1], went(13 * MINUTE, "hall"), swapped[3]]
    assert stretches(site, later)[2][3] == CONTRADICTED, "so far apart they are not: in the store, and unseen out of it"
    one_clock = [went(0, "yard"), went(10 * MINUTE, "hall"), went(10 * MINUTE + 9, "store")]
    assert [one[3] for one in stretches(site, one_clock)[:3]] == [100] * 3


def test_sure_is_what_holds_whatever_the_clock(site: Directory) -> None:
    history = History()
    Presence(site, history, {"doors": DOORS}).add(
        [went(0, "yard"), went(HOUR, "hall"), went(HOUR + 9000, "yard", "d-hall"), went(3 * HOUR, "store")]
    )
    times = np.array([30 * MINUTE, HOUR - 1, HOUR - 30_000, HOUR + 60_000, 2 * HOUR], np.int64)
    people = Column.constant("p-1", 5)
    assert asked(history, people, times, 60_000).confidence.tolist() == [100, 70, 70, 70, 75]
    assert asked(history, people, times).confidence.tolist() == [100, 100, 100, 75, 75]
    assert asked(history, people, times, 60_000, then=True).confidence.tolist() == [100, 100, 100, 70, 100]


SEEN = st.builds(
    lambda at, where, back, sequence: (
        went(at * 10 * MINUTE, BACK[where], PORTAL[where], sequence=sequence)
        if back
        else went(at * 10 * MINUTE, where, sequence=sequence)
    ),
    st.integers(0, 60),
    st.sampled_from(sorted(PORTAL)),
    st.booleans(),
    st.integers(0, 2),
)
SPAN = st.tuples(st.integers(0, 60), st.integers(1, 20), st.integers(0, 9))
SAID = st.one_of(
    st.builds(
        lambda portal, value, span: mode(
            portal, value, span[0] * 10 * MINUTE, (span[0] + span[1]) * 10 * MINUTE, span[2]
        ),
        st.sampled_from(sorted(PORTAL.values())), st.sampled_from(["unlocked", "locked"]), SPAN,
    ),
    st.builds(
        lambda asset, span: lost(asset, span[0] * 10 * MINUTE, (span[0] + span[1]) * 10 * MINUTE, span[2]),
        st.sampled_from(["dc-1", "dc-2", "sw"]), SPAN,
    ),
)  # fmt: skip
HEARD = st.lists(st.integers(0, 60).map(lambda at: beats(at * 10)[0]), max_size=12)


@settings(deadline=None)
@given(st.lists(SEEN, max_size=7), st.lists(SAID, max_size=4), HEARD, st.data())
def test_any_order_gives_the_same(
    site: Directory, seen: list[Sighting], said: list[Statement], heard: list[Pulse], data: st.DataObject
) -> None:
    whole = stretches(site, seen, *said, heard=heard)
    history = History()
    presence = Presence(site, history, {"doors": DOORS})
    arriving: list[Sighting | Statement | Pulse] = [*seen, *said, *heard]
    for one in data.draw(st.permutations(arriving)):
        if isinstance(one, Sighting):
            presence.add([one])
        elif isinstance(one, Statement):
            history.add([one])
            presence.add([])
        else:
            presence.gaps.hear(pulse_table([one]))
            presence.add([])
    made = {
        kind: [(one.since, one.until, one.value, one.confidence) for one in history.intervals(kind, "p-1")]
        for kind in ("presence", "on_site")
    }
    assert made == {"presence": whole, "on_site": stretches(site, seen, *said, heard=heard, kind="on_site")}
    gaps = Gaps(site, history, {"doors": DOORS})
    gaps.hear(pulse_table(heard))
    gaps.renew()
    ways = Ways(site)
    for since, until, value, confidence in whole:
        for start, end in gaps.of(ways.leaves("street" if value == OUT else value)):
            assert until <= start or since >= end, "nothing is believed while somebody may pass unseen"
        assert (value == UNKNOWN) == (confidence == 0)
