"""Leases and inventories: a name is whose it was at the time, whatever order the records came in."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.world.test_directory import written
from tests.world.test_resolve import built

from watchfloor.ocsf.column import Column
from watchfloor.world.directory import Directory, load
from watchfloor.world.entities import Alias
from watchfloor.world.learned import aliases_of, aliases_table, learned
from watchfloor.world.privacy import token
from watchfloor.world.resolve import Resolver
from watchfloor.world.tables import ALIASES
from watchfloor.world.world import Learnt, World

T0, HOUR = 1_780_000_000_000, 3_600_000
MACS = {"a-1": "02:00:00:00:00:01", "a-2": "02:00:00:00:00:02"}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    assets = "uid,kind,hostname,mac\n" + "".join(f"{uid},host,{uid}h,{mac}\n" for uid, mac in MACS.items())
    return load(written(tmp_path_factory.mktemp("estate"), {"assets/assets.csv": assets}))


def lease(hour: float, **more: Any) -> dict[str, Any]:
    return {"time": T0 + int(hour * HOUR), "activity_id": 5, "src_endpoint.ip": "10.0.0.7", "lease_dur": 7200, **more}


def said(directory: Directory, *rows: dict[str, Any]) -> list[tuple[str, str, float, float]]:
    found = learned(built("dhcp_activity", list(rows)), Resolver(directory).aliases)
    return [(one.value, one.entity, (one.valid_from - T0) / HOUR, (one.valid_to - T0) / HOUR) for one in found]


def test_leases(directory: Directory) -> None:
    assert said(
        directory,
        lease(0, **{"src_endpoint.mac": MACS["a-1"].upper().replace(":", "-")}),
        lease(1, **{"src_endpoint.hostname": "a-2h.example.com", "src_endpoint.intermediate_ips": ["10.0.0.9"]}),
        lease(2, **{"src_endpoint.mac": "02:00:00:00:00:99"}),
        lease(3, **{"src_endpoint.mac": MACS["a-1"], "activity_id": 1}),
        {**lease(4, **{"src_endpoint.mac": MACS["a-1"]}), "lease_dur": None},
    ) == [("10.0.0.7", "a-1", 0, 2), ("10.0.0.9", "a-2", 1, 3), ("10.0.0.7", "a-1", 4, 28)]
    assert said(directory, {"time": T0, "activity_id": 5}) == []
    assert learned(built("authentication", [{"time": T0}]), Resolver(directory).aliases) == ()


def test_an_address_that_was_given_back_is_nobodys(directory: Directory) -> None:
    rows = [
        lease(0, **{"src_endpoint.mac": MACS["a-1"]}),
        {**lease(1, **{"src_endpoint.mac": MACS["a-1"]}), "activity_id": 7},
        {**lease(1.2, **{"src_endpoint.mac": "02:00:00:00:00:99"}), "activity_id": 7},  # not ours to give back
        lease(1.5, **{"src_endpoint.mac": MACS["a-2"]}),
    ]
    asks = [{"time": T0 + int(hour * HOUR), "device.ip": "10.0.0.7"} for hour in (0.5, 1.1, 1.6)]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2]):
        world = World(directory)
        for row in order:
            world.take({"dhcp_activity": built("dhcp_activity", [rows[row]])})
        found = world.resolver.resolve(built("authentication", asks)).column("wf.asset_uid")
        assert found is not None and found.to_pylist() == ["a-1", None, "a-2"]
    static = replace(directory, aliases=(*directory.aliases, Alias("", "ip", "10.0.0.7", "a-1")))
    world = World(static)
    world.take({"dhcp_activity": built("dhcp_activity", rows[1:2])})
    found = world.resolver.resolve(built("authentication", asks)).column("wf.asset_uid")
    assert found is not None and found.to_pylist() == ["a-1"] * 3, "the files say that it is always its own"


def test_a_table_of_them(directory: Directory) -> None:
    rows = [lease(0, **{"src_endpoint.mac": MACS["a-1"], "metadata.logged_time": T0 + 5, "metadata.uid": "e-1"})]
    found = learned(built("dhcp_activity", rows), Resolver(directory).aliases)
    assert (found[0].known_from, found[0].provenance) == (T0 + 5, "e-1")
    assert list(aliases_of(aliases_table(found))) == list(found)
    assert aliases_of(None) == ()


def device(hour: float, **more: Any) -> dict[str, Any]:
    return {"time": T0 + int(hour * HOUR), "activity_id": 2, **more}


def test_an_inventory(directory: Directory) -> None:
    """The asset that one name means surely has the others, and the address, since the record's time."""
    rows = [
        device(1, **{"device.mac": MACS["a-1"], "device.name": "PLC-01", "device.ip": "10.0.0.7"}),
        device(2, **{"device.name": "PLC-77", "device.ip": "10.0.0.8"}),  # nobody knows it
        device(3, **{"device.mac": MACS["a-2"], "device.ip": "10.0.0.9", "end_time": T0 + 3 * HOUR}),  # over
        device(4, **{"device.hostname": "a-2h.example.com", "device.mac": "02:00:00:00:00:22"}),
    ]
    found = learned(built("inventory_info", rows), Resolver(directory).aliases)
    assert [(one.kind, one.value, one.entity, (one.valid_from - T0) / HOUR) for one in found] == [
        ("mac", "02:00:00:00:00:22", "a-2", 4),
        ("device", "PLC-01", "a-1", 1),
        ("ip", "10.0.0.7", "a-1", 1),
    ]


def test_what_a_device_is_called_names_its_addresses_in_the_same_batch(directory: Directory) -> None:
    """Whichever stands first: the first import of an inventory is often one batch. And a lease for such hardware."""
    came = {"metadata.logged_time": T0 + 9 * HOUR}
    rows = [
        device(0, **came, **{"device.name": "PLC-01", "device.ip": "10.0.0.7"}),  # before the device was last changed
        device(2, **came, **{"device.name": "PLC-01", "device.mac": "02:00:00:00:00:77"}),
        device(1, **came, **{"device.mac": MACS["a-1"], "device.name": "PLC-01"}),
    ]
    given = [lease(3, **{"src_endpoint.mac": "02:00:00:00:00:77", "src_endpoint.ip": "10.0.0.8"})]
    _, learnt = World(directory).take(
        {"dhcp_activity": built("dhcp_activity", given), "inventory_info": built("inventory_info", rows)}
    )
    assert [(one.kind, one.value, (one.valid_from - T0) // HOUR) for one in learnt.named] == [
        ("device", "PLC-01", 1), ("mac", "02:00:00:00:00:77", 2), ("ip", "10.0.0.7", 0), ("ip", "10.0.0.8", 3),
    ]  # fmt: skip


def test_the_next_export_says_nothing_new(directory: Directory) -> None:
    world = World(directory)
    rows = [device(1, **{"device.mac": MACS["a-1"], "device.name": "PLC-01", "device.ip": "10.0.0.7"})]
    counts = []
    for came in (2, 3, 1):
        record = [{**row, "metadata.logged_time": T0 + came * HOUR} for row in rows]
        counts.append(len(world.take({"inventory_info": built("inventory_info", record)})[1].named))
    assert counts == [2, 0, 2]  # what was known earlier is news


listed = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(sorted(MACS))), max_size=8, unique_by=lambda one: one[0]
)


@settings(max_examples=40, deadline=None)
@given(listed, st.randoms(use_true_random=False))
def test_an_address_is_whose_the_inventory_said_last(
    directory: Directory, said: list[tuple[int, str]], random: Any
) -> None:
    order = list(said)
    random.shuffle(order)
    world = World(directory)
    for hour, uid in order:
        row = device(hour, **{"device.mac": MACS[uid], "device.ip": "10.0.0.7", "device.name": "moves"})
        world.take({"inventory_info": built("inventory_info", [row])})
    for hour in range(22):
        before = [one for one in said if one[0] <= hour]
        asked = [{"time": T0 + hour * HOUR, "src_endpoint.ip": "10.0.0.7", "device.name": "moves"}]
        resolved = world.resolver.resolve(built("network_activity", asked))
        for name in ("wf.src_asset_uid", "wf.asset_uid"):
            column = resolved.column(name)
            assert (None if column is None else column.to_pylist()[0]) == (max(before)[1] if before else None)


leases = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(sorted(MACS))), max_size=8, unique_by=lambda one: one[0]
)


@settings(max_examples=60, deadline=None)
@given(leases, st.randoms(use_true_random=False))
def test_an_address_is_whose_it_was(directory: Directory, given_out: list[tuple[int, str]], random: Any) -> None:
    """Against a loop over leases: the one given out last of those that hold; in any order, and when taught again."""
    order = list(given_out)
    random.shuffle(order)
    world, again = World(directory), World(directory)
    for hour, uid in order:
        _, learnt = world.take(
            {"dhcp_activity": built("dhcp_activity", [lease(hour, **{"src_endpoint.mac": MACS[uid]})])}
        )
        again.teach(Learnt.of(named=learnt.tables(1)[ALIASES]))
    asked = [{"time": T0 + hour * HOUR, "src_endpoint.ip": "10.0.0.7"} for hour in range(24)]
    expected = []
    for hour in range(24):
        holds = [(since, uid) for since, uid in given_out if since <= hour < since + 2]
        expected.append(max(holds)[1] if holds else None)
    for one in (world, again):
        column = one.resolver.resolve(built("authentication", asked)).column("wf.src_asset_uid")
        assert ([None] * 24 if column is None else column.to_pylist()) == expected


KEY = b"k" * 32
HIDDEN = partial(token, KEY)


def user(number: str | None, account: str | None, time: int = T0, **more: Any) -> dict[str, Any]:
    return {"time": time, "user.uid": number, "user.name": account, "predicate.holds": True, **more}


def account_of(world: World, name: str, time: int) -> str | None:
    times = np.array([time], np.int64)
    meant = world.resolver.aliases.ask("account", Column.constant(name, 1), times)
    (person,) = meant.person.to_pylist()
    return None if person is None else str(person)


def test_accounts_of_a_directory_service_are_known_by_their_token(tmp_path: Path) -> None:
    """The number says whose it is; what is kept is a token, and files are believed before records."""
    directory = load(staff(tmp_path))
    world = World(directory, hidden=HIDDEN)
    rows = [
        user("1001", "ada.new@example.com"),
        user("1002", "HARBOUR\\bo"),  # of a domain that a file names
        user("1002", "ada"),  # whose that is, the file says
        user("9999", "nobody.known@example.com"),
        user("1001", "root"),
        user("1001", "gone@example.com", **{"predicate.holds": False}),
        user(None, "x@example.com"),
        user("1001", None),
    ]
    _, learnt = world.take({"workforce_activity": built("workforce_activity", rows)})
    assert {(one.value, one.person, one.entity) for one in learnt.named} == {
        (HIDDEN("ada.new@example.com"), "p-1", "p-1"),
        (HIDDEN("bo"), "p-2", "p-2"),
    }
    assert "ada" not in str(learnt.named) and "bo@" not in str(learnt.named)
    for name, person in (
        ("Ada.New@example.com", "p-1"),
        ("bo", "p-2"),
        ("HARBOUR\\bo", "p-2"),
        ("HMI7\\bo", None),  # a user of that machine is somebody else
        ("ada", "p-1"),
        ("gone@example.com", None),
        ("root", None),
    ):
        assert account_of(world, name, T0 + 1) == person, name
        assert account_of(world, name, T0 - 1) == ("p-1" if name == "ada" else None), "not before it was listed"
    tables = learnt.tables(1)
    again = World(directory, hidden=HIDDEN)
    again.teach(Learnt.of(named=tables[ALIASES]))
    assert account_of(again, "bo", T0 + 1) == "p-2", "taken up from the lake"
    other = World(directory, hidden=partial(token, b"o" * 32))
    other.teach(Learnt.of(named=tables[ALIASES]))
    assert account_of(other, "bo", T0 + 1) is None, "by another key nobody knows whose it is"
    _, learnt = world.take({"workforce_activity": built("workforce_activity", rows)})
    assert learnt.named == [], "what is known already says nothing"


def test_without_a_key_no_account_is_learnt(tmp_path: Path) -> None:
    _, learnt = World(load(staff(tmp_path))).take(
        {"workforce_activity": built("workforce_activity", [user("1001", "ada.new@example.com")])}
    )
    assert learnt.named == []


def test_a_table_of_before_persons_is_read(tmp_path: Path) -> None:
    world = World(load(staff(tmp_path)), hidden=HIDDEN)
    _, learnt = world.take({"workforce_activity": built("workforce_activity", [user("1002", "bo")])})
    (alias,) = aliases_of(learnt.tables(1)[ALIASES].drop_columns(["person"]))
    assert alias.person == "" and alias.entity == "p-2"


def staff(folder: Path) -> Path:
    return written(
        folder,
        {
            "people/people.csv": "uid,personnel_no\np-1,1001\np-2,1002\n",
            "people/credentials.csv": "uid,kind,value,holder\nc-1,account,ada,p-1\nc-2,account,HARBOUR\\eve,p-1\n",
        },
    )
