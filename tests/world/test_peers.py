"""What is usual: against NumPy, of days that were over, never because of what is judged, and the same in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import feature, point, written
from tests.world.test_resolve import built

from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.world import hours, spread
from watchfloor.world.directory import Directory, load
from watchfloor.world.peers import KEPT_DAYS, Peers
from watchfloor.world.world import World

PEOPLE, HOUR, DAY = 13, 3_600_000, 86_400_000
MONDAY = (1_780_000_000_000 // DAY - 1_780_000_000_000 // DAY % 7 + 4) * DAY
"""00:00 UTC, long before summer time matters: the estate's clocks show UTC."""

OUTSIDE, INSIDE = "203.0.113.9", "10.1.2.3"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """Thirteen clerks with a computer each, a manager with one, and a door."""
    people = [f"p-{number},clerk,2026-01-01" for number in range(PEOPLE)] + ["boss,manager,2026-01-01"]
    owners = [*(f"p-{number}" for number in range(PEOPLE)), "boss"]
    machines = [f"a-{uid},host,{uid},{uid},room,10.0.0.{1 + at}" for at, uid in enumerate(owners)]
    readers = [{"uid": "door-in", "side": "in"}, {"uid": "door-out", "side": "out"}]
    files: dict[str, Any] = {
        "people/people.csv": "\n".join(["uid,role,start", *people, ""]),
        "people/credentials.csv": "uid,kind,value,holder\nc-0,badge,17,p-0\n",
        "assets/assets.csv": "\n".join(
            ["uid,kind,name,owner,place,ip", *machines, "srv,server,srv,p-0,room,10.0.1.1\n"]
        ),
        "places/p.geojson": [
            feature("site", "s", point(4.0, 52.0)),
            feature("area", "street", parent="s"),
            feature("room", "room", parent="s"),
            feature("portal", "door", point(0, 0), outside="street", inside="room", readers=readers),
        ],
    }
    return load(written(tmp_path_factory.mktemp("office"), files))


def sent(who: int | str, time: int, size: int, to: str = OUTSIDE) -> dict[str, Any]:
    address = f"10.0.0.{1 + (PEOPLE if who == 'boss' else int(who))}"
    return {"time": time, "src_endpoint.ip": address, "dst_endpoint.ip": to, "traffic.bytes_out": size}


def usual(events: Events, row: int = -1) -> dict[str, Any]:
    found = {}
    for name in events.names:
        column = events.column(name)
        if name.startswith("peer.") and column is not None:
            found[name.removeprefix("peer.")] = column.to_pylist()[row]
    return {name: value for name, value in found.items() if value is not None}


def told(world: World, rows: list[dict[str, Any]], row: int = -1) -> dict[str, Any]:
    events, _ = world.take({"network_activity": built("network_activity", rows)})
    return usual(events["network_activity"], row)


def history(days: int, size: int = 1000) -> list[dict[str, Any]]:
    """So many days until Monday on each of which everybody sends a little, one more than another."""
    return [
        sent(who, MONDAY - back * DAY + 9 * HOUR, size + 10 * who + back)
        for back in range(1, days + 1)
        for who in range(PEOPLE)
    ]


def test_days_that_were_over_say_what_is_usual(office: Directory) -> None:
    world = World(office)
    found = told(world, [*history(12), sent(0, MONDAY + 12 * HOUR, 50_000)])
    own = np.array([1000 + back for back in range(1, 13)], float)
    others = np.array([1000 + 10 * who + back for back in range(1, 13) for who in range(1, PEOPLE)], float)
    assert found["own.egress_bytes_1d.n"] == 12 and found["role.egress_bytes_1d.n"] == PEOPLE - 1
    assert found["own.egress_bytes_1d.share_of_p99"] == pytest.approx(50_000 / np.percentile(own, 99))
    assert found["role.egress_bytes_1d.share_of_p99"] == pytest.approx(50_000 / np.percentile(others, 99))
    assert found["own.egress_bytes_1d.pctl"] == found["role.egress_bytes_1d.pctl"] == 100.0
    assert found["own.egress_bytes_1d.median"] == pytest.approx(np.median(own))
    assert found["own.egress_bytes_1d.z"] == pytest.approx((np.log(50_000) - np.log(np.median(own))) / 0.1, rel=1e-3)


def test_too_few_is_unknown_and_never_zero(office: Directory) -> None:
    found = told(World(office), [*history(9), sent(0, MONDAY + 12 * HOUR, 50_000)])
    assert {name for name in found if name.startswith("own.")} == {"own.egress_bytes_1d.n"}, "nine days of their own"
    assert found["own.egress_bytes_1d.n"] == 9 and found["role.egress_bytes_1d.share_of_p99"] > 1
    found = told(World(office), [*history(9), sent("boss", MONDAY + 12 * HOUR, 50_000)])
    assert found == {"own.egress_bytes_1d.n": 0, "role.egress_bytes_1d.n": 0}, "the only manager"


def test_a_day_is_never_held_against_itself(office: Directory) -> None:
    world = World(office)
    early = told(world, [*history(12), sent(0, MONDAY + HOUR // 2, 5000)])
    again = told(world, [sent(0, MONDAY + 12 * HOUR, 40_000_000), sent(0, MONDAY + 13 * HOUR, 5000)])
    assert early["own.egress_bytes_1d.n"] == 11, "half an hour past midnight Sunday may still come in"
    assert again["own.egress_bytes_1d.n"] == 12
    late = told(world, [sent(0, MONDAY + DAY + 12 * HOUR, 40_000_000)])
    assert late["own.egress_bytes_1d.n"] == 12, "what was taken on Monday is no example of Tuesday"
    assert late["own.egress_bytes_1d.share_of_p99"] == pytest.approx(again_share(again))
    assert late["role.egress_bytes_1d.n"] == PEOPLE - 1


def again_share(found: dict[str, Any]) -> float:
    return float(found["own.egress_bytes_1d.share_of_p99"]) * 40_000_000 / 5000


def test_who_takes_much_makes_it_usual_for_nobody(office: Directory) -> None:
    def share(poisoned: list[dict[str, Any]], who: int) -> float:
        found = told(World(office), [*poisoned, *history(12), sent(who, MONDAY + 12 * HOUR, 9000)])
        return float(found["role.egress_bytes_1d.share_of_p99"])

    taken = [sent(1, MONDAY - back * DAY + 10 * HOUR, 1_000_000_000) for back in (1, 2, 3)]
    assert share(taken, 1) == share([], 1), "not for themselves: others count"
    assert share(taken, 2) == pytest.approx(share([], 2), rel=0.02), "nor for others: days so far out are no example"


def test_what_stays_inside_or_is_a_servers_counts_for_nobody(office: Directory) -> None:
    world = World(office)
    server = {**sent(0, MONDAY + 12 * HOUR, 7), "src_endpoint.ip": "10.0.1.1"}
    assert told(world, [*history(12), sent(0, MONDAY + 12 * HOUR, 7, INSIDE)]) == {}
    assert told(world, [server]) == {}
    named = {**server, "actor.user.email_addr": "nobody@example.com"}
    assert told(world, [named]) == {}


def test_old_days_are_let_go(office: Directory) -> None:
    world = World(office)
    told(world, history(12))
    told(world, [sent(0, MONDAY + KEPT_DAYS * DAY, 5)])
    assert set(world.peers.to_table()["local_day"].to_pylist()) == {MONDAY // DAY + KEPT_DAYS}
    found = told(world, [sent(0, MONDAY + (KEPT_DAYS + 2) * DAY, 5)])
    assert found["own.egress_bytes_1d.n"] == 1


ROWS = st.lists(
    st.tuples(st.integers(0, PEOPLE - 1), st.integers(-20, 0), st.integers(1, 10**9)), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.data())
def test_order_portions_and_restarts_change_nothing(
    office: Directory, rows: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    before = [sent(who, MONDAY + day * DAY - 5 * HOUR, size) for who, day, size in rows]
    asked = [sent(who, MONDAY + 12 * HOUR, 100_000) for who in range(PEOPLE)]
    first = World(office)
    told(first, before)
    second = World(office)
    shuffled = data.draw(st.permutations(before))
    cut = data.draw(st.integers(0, len(before)))
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            told(second, part)
    assert (
        second.peers.to_table()
        .sort_by([(name, "ascending") for name in ("metric", "local_day", "person")])
        .equals(first.peers.to_table().sort_by([(name, "ascending") for name in ("metric", "local_day", "person")]))
    )
    third = Peers(office, second.history)
    third.load(second.peers.to_table())
    events, _ = first.take({"network_activity": built("network_activity", asked)})
    other, _ = second.take({"network_activity": built("network_activity", data.draw(st.permutations(asked)))})
    by_source = {ip: usual(events["network_activity"], row) for row, ip in enumerate(addresses(events))}
    assert by_source == {ip: usual(other["network_activity"], row) for row, ip in enumerate(addresses(other))}
    columns = third.join(events["network_activity"])
    assert {f"peer.{name}" for some in by_source.values() for name in some} == {
        name for name, column in columns.items() if not column.all_missing
    }
    for name, column in columns.items():
        here = events["network_activity"].column(name)
        assert here is None or column.to_pylist() == here.to_pylist()


def addresses(events: Any) -> list[str]:
    column: Column = events["network_activity"].column("src_endpoint.ip")
    return column.to_pylist()


AMOUNTS = st.lists(
    st.lists(st.one_of(st.just(0), st.integers(1, 10**12)), min_size=28, max_size=28), min_size=1, max_size=14
)


@settings(max_examples=150, deadline=None)
@given(AMOUNTS, st.integers(1, 10**12))
def test_amounts_against_numpy(rows: list[list[int]], amount: int) -> None:
    window = np.array(rows, np.int64)
    whose, asked = np.arange(len(window)), np.full(len(window), amount)
    own, others = spread.own(window, whose, asked), spread.Group.of(window, whose).answer(whose, asked)

    def kept(days: Any) -> Any:
        days = days[days > 0].astype(float)
        logs = np.log(days)
        scale = max(1.4826 * np.median(np.abs(logs - np.median(logs))), 0.1) if len(days) else 1.0
        return days[np.abs(logs - np.median(logs)) <= 6 * scale] if len(days) else days

    def close(found: Any, wanted: Any) -> bool:
        return bool(found == pytest.approx(wanted, rel=1e-6))

    pooled = window[window > 0].astype(float)
    limits = kept(pooled)
    for who in range(len(window)):
        mine = kept(window[who])
        assert own["n"][who] == len(mine)
        if len(mine) >= 10 and not np.any(np.isclose(np.log(mine), np.log(amount), rtol=1e-9)):
            assert close(own["share_of_p99"][who], amount / np.percentile(mine, 99))
            assert close(own["pctl"][who], 100 * np.mean(mine <= amount))
        assert np.isfinite(own["z"][who]) == (len(mine) >= 10)
        rest = np.delete(window, who, axis=0)
        left = rest[np.isin(rest, limits) & (rest > 0)].astype(float)
        active = int((np.isin(rest, limits) & (rest > 0)).any(axis=1).sum())
        if len(limits) and np.isin(pooled, limits).sum() == len(limits):
            assert others["n"][who] == active
            if active >= 10 and not np.any(np.isclose(np.log(left), np.log(amount), rtol=1e-9)):
                assert close(others["share_of_p99"][who], amount / np.percentile(left, 99))
                assert close(others["pctl"][who], 100 * np.mean(left <= amount))


def test_hours_that_are_nobodys() -> None:
    day = MONDAY // DAY
    window = np.zeros((12, 28), np.int64)
    weekend = (np.arange(day - 28, day) + 3) % 7 >= hours.SATURDAY
    window[:, ~weekend] = (1 << 8) | (1 << 13)
    window[11, :] = 1 << 23
    whose = np.zeros(4, np.int64)
    asked = np.array([day * 24 + 8, day * 24 + 9, day * 24 + 20, (day + 5) * 24 + 8])
    own = hours.own(window, weekend, whose, asked)
    assert own["n"].tolist() == [40.0] * 4
    assert own["pctl"].tolist() == [100.0, 100.0, 0.0, 0.0], "an hour late is no other hour; Saturday is"
    others = hours.Group.of(window, weekend, np.arange(12)).answer(whose, asked)
    assert others["n"].tolist() == [11.0] * 4 and others["pctl"][0] > 90 and others["pctl"][2] == 0.0
    few = hours.Group.of(window, weekend, np.arange(10)).answer(whose, asked)
    assert few["n"].tolist() == [9.0] * 4 and np.isnan(few["pctl"]).all()


def test_entries_are_told_apart_by_their_hour(office: Directory) -> None:
    def entry(time: int, direction: str = "in") -> dict[str, Any]:
        return {
            "time": time, "activity_id": 3, "credential.uid": "17", "portal.reader_uid": f"door-{direction}",
            "wf.direction": direction, "metadata.uid": f"e{time}",
        }  # fmt: skip

    rows = [entry(MONDAY - back * DAY + at * HOUR) for back in range(3, 15) for at in (8, 13)]
    rows += [entry(MONDAY + 8 * HOUR), entry(MONDAY + 20 * HOUR), entry(MONDAY + 21 * HOUR, "out")]
    events, _ = World(office).take({"physical_access_activity": built("physical_access_activity", rows)})
    found = [usual(events["physical_access_activity"], row) for row in (-3, -2, -1)]
    assert found[0]["own.entry_hour.pctl"] > 50 and found[1]["own.entry_hour.pctl"] == 0.0 and found[2] == {}
    assert found[0]["role.entry_hour.n"] == 0 and "role.entry_hour.pctl" not in found[0]
