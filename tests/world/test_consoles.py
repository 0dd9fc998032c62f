"""Sessions that lead to another host's console: of the person who has one, onto that host, while it lasts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, LOGON, MINUTE, T0, context, port_estate

from watchfloor.world.consoles import LONGEST_MS
from watchfloor.world.directory import Directory, load
from watchfloor.world.world import World


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


def session(at: int, name: str, user: str = "ada", activity: int = 1, status: int = 1) -> dict[str, Any]:
    return {
        "time": T0 + at * MINUTE, "activity_id": activity, "status_id": status, "user.name": user,
        "session.uid": name, "device.hostname": "jump", "metadata.uid": f"s{at}{name}{user}{activity}",
        "wf.source_seq": at, "metadata.logged_time": T0 + at * MINUTE,
    }  # fmt: skip


def found(port: Directory, sessions: list[dict[str, Any]], at: int, **more: Any) -> Any:
    rows = [*sessions, {**LOGON, "time": T0 + at * MINUTE, **more}]
    events, _ = World(port).take({"authentication": built("authentication", rows)})
    return context(events["authentication"], len(rows) - 1).get("asof.dst_asset.console_session")


@pytest.mark.parametrize("name", ["kvm-hmi1", "bmc-HMI1", "vm-hmi1", "KVM-hmi1"])
def test_a_session_onto_the_console(port: Directory, name: str) -> None:
    assert found(port, [session(0, name)], 1) is True


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [session(0, "kvm-other")],
        [session(0, "shadow-hmi1")],
        [session(0, "42")],
        [session(0, "kvm-hmi1", user="nobody")],
        [session(0, "kvm-hmi1", status=2)],
        [session(0, "kvm-hmi1"), session(3, "kvm-hmi1", activity=2)],
        [session(5, "kvm-hmi1")],
        [session(4 - LONGEST_MS // MINUTE, "kvm-hmi1")],
    ],
    ids=["none", "another host", "a shadow", "a number", "of nobody", "refused", "ended", "later", "long ago"],
)
def test_no_session_onto_the_console(port: Directory, sessions: list[dict[str, Any]]) -> None:
    assert found(port, sessions, 4) is None


SESSIONS = st.lists(
    st.builds(
        session,
        st.integers(0, 900),
        st.sampled_from(["kvm-hmi1", "kvm-plc"]),
        st.just("ada"),
        st.sampled_from([1, 1, 2]),
    ),
    max_size=5,
    unique_by=lambda one: one["time"],
)


@given(SESSIONS, st.integers(0, 1800))
def test_as_one_would_look_it_up(port: Directory, sessions: list[dict[str, Any]], at: int) -> None:
    time = T0 + at * MINUTE
    mine = [
        one for one in sessions if one["session.uid"] == "kvm-hmi1" and one["time"] <= time < one["time"] + LONGEST_MS
    ]
    last = max(mine, key=lambda one: one["time"], default=None)
    assert found(port, sessions, at) is (True if last is not None and last["activity_id"] == 1 else None)


def test_of_two_people_the_one_who_has_it(port: Directory) -> None:
    assert found(port, [session(0, "kvm-hmi1")], 1, **{"user.name": "somebody"}) is None
    assert HOUR < LONGEST_MS
