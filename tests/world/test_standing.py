"""How credentials stand: by the files, and by what was done to them since; whatever order that became known in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import written
from tests.world.test_resolve import built

from watchfloor.world.directory import Directory, load
from watchfloor.world.world import World

T0, HOUR, DAY = 1_780_000_000_000, 3_600_000, 86_400_000  # 2026-05-28 20:26:40 UTC


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    """A badge until the end of June, one that has ended, an account with an e-mail address that is the person's."""
    files = {
        "people/people.csv": "uid,name,email\np-1,A,ada@example.com\n",
        "people/credentials.csv": "uid,kind,value,holder,valid_from,valid_to\n"
        "c-1,badge,4711,p-1,2026-01-01,2026-06-30\nc-2,badge,12,p-1,2025-01-01,2025-12-31\nc-3,account,ada,p-1,,\n",
    }
    return load(written(tmp_path_factory.mktemp("estate"), files))


def badge(hour: float, status: str | None, activity: int = 99, **more: Any) -> dict[str, Any]:
    time = T0 + int(hour * HOUR)
    return {
        "time": time, "metadata.logged_time": time + 5, "activity_id": activity, "credential.uid": "4711",
        "credential.status": status, **more,
    }  # fmt: skip


def account(hour: float, activity: int, **more: Any) -> dict[str, Any]:
    return {"time": T0 + int(hour * HOUR), "activity_id": activity, "user.name": "ada", "status_id": 1, **more}


def spans(world: World, credential: str) -> list[tuple[str, float]]:
    return [(one.value, (one.since - T0) / HOUR) for one in world.history.intervals("credential_status", credential)]


def test_the_files(directory: Directory) -> None:
    world = World(directory)
    assert [value for value, _ in spans(world, "c-1")] == ["active", "ended"]
    swipe = {"activity_id": 2, "credential.uid": "4711"}
    rows = [{**swipe, "time": T0}, {**swipe, "time": T0 + 60 * DAY}, {**swipe, "time": T0 - 500 * DAY}]
    events, _ = world.take({"physical_access_activity": built("physical_access_activity", rows)})
    status = events["physical_access_activity"].column("asof.credential.status")
    assert status is not None and status.to_pylist()[0] == "active"


def test_what_is_done_to_them(directory: Directory) -> None:
    world = World(directory)
    badges = [badge(1, "lost"), badge(3, None, 10), badge(5, "nobody knows"), badge(6, None, 3)]
    accounts = [
        account(1, 5),
        account(2, 2),
        account(3, 9),
        account(4, 12, status_id=2),  # in vain
        account(5, 3),  # a password says nothing of it
        account(6, 6, **{"user.email_addr": "ada@example.com", "actor.user.name": "root"}),
        account(7, 2, **{"user.name": "nobody"}),
    ]
    world.take(
        {
            "entity_management": built("entity_management", badges),
            "account_change": built("account_change", accounts),
        }
    )
    assert spans(world, "c-1")[1:3] == [("lost", 1), ("active", 3)] and spans(world, "c-1")[-1][0] == "ended"
    assert spans(world, "c-3")[1:] == [("suspended", 1), ("active", 2), ("suspended", 3), ("ended", 6)]


ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["active", "suspended", "lost", "ended"])), max_size=6,
    unique_by=lambda row: row[0],
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(ROWS, st.data())
def test_in_any_order(directory: Directory, rows: list[tuple[int, str]], data: st.DataObject) -> None:
    whole, pieces = World(directory), World(directory)
    said = [badge(hour, status) for hour, status in rows]
    if said:
        whole.take({"entity_management": built("entity_management", said)})
    for one in data.draw(st.permutations(said)):
        pieces.take({"entity_management": built("entity_management", [one])})
    assert spans(whole, "c-1") == spans(pieces, "c-1")
