"""Devices on the network: by the name they say, while the lease lasts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, MINUTE, T0, context, port_estate

from watchfloor.world.directory import Directory, load
from watchfloor.world.leases import short
from watchfloor.world.world import World


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


def lease(at: int, name: str | None, lasts: int | None = 60, activity: int = 5) -> dict[str, Any]:
    return {
        "time": T0 + at * MINUTE, "activity_id": activity, "src_endpoint.hostname": name,
        "lease_dur": None if lasts is None else 60 * lasts, "metadata.uid": f"l{at}{name}{activity}",
        "metadata.logged_time": T0 + at * MINUTE, "wf.source_seq": at,
    }  # fmt: skip


def found(port: Directory, leases: list[dict[str, Any]], at: int, **more: Any) -> Any:
    row = {"time": T0 + at * MINUTE, "activity_id": 1, "user.name": "ada", **more}
    events, _ = World(port).take(
        {"authentication": built("authentication", [row]), "dhcp_activity": built("dhcp_activity", leases)}
    )
    return context(events["authentication"]).get("asof.device.on_lan")


def test_by_whatever_name(port: Directory) -> None:
    leases = [lease(0, "Phone-7.example.com")]
    assert found(port, leases, 1, **{"device.name": "PHONE-7"}) is True
    assert found(port, leases, 1, **{"device.hostname": "phone-7.example.org"}) is True
    assert found(port, leases, 1, **{"device.name": "phone-8"}) is None
    assert found(port, leases, 1) is None
    assert found(port, [lease(0, None)], 1, **{"device.name": "phone-7"}) is None
    assert short("A.b.c") == "a"


def test_a_lease_of_which_nobody_says_how_long_it_lasts(port: Directory) -> None:
    leases = [lease(0, "phone", None)]
    assert found(port, leases, 60, **{"device.name": "phone"}) is True
    assert found(port, leases, 25 * HOUR // MINUTE, **{"device.name": "phone"}) is None


LEASES = st.lists(
    st.builds(
        lease, st.integers(0, 200), st.sampled_from(["phone", "pc"]), st.integers(1, 90), st.sampled_from([5, 5, 7])
    ),
    max_size=6,
    unique_by=lambda one: one["time"],
)


@given(LEASES, st.integers(0, 300))
def test_as_one_would_look_it_up(port: Directory, leases: list[dict[str, Any]], at: int) -> None:
    time = T0 + at * MINUTE
    mine = [
        one for one in leases
        if one["src_endpoint.hostname"] == "phone" and one["time"] <= time < one["time"] + 1000 * one["lease_dur"]
    ]  # fmt: skip
    last = max(mine, key=lambda one: one["time"], default=None)
    expected = True if last is not None and last["activity_id"] == 5 else None
    assert found(port, leases, at, **{"device.name": "phone"}) is expected
