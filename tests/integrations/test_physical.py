"""Doors and cameras: events of real devices map whole, nothing in quarantine, and mean what their name says."""

from __future__ import annotations

import gzip
from binascii import crc_hqx
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import PROJECT
from watchfloor.collect.formats.recognise import recognise
from watchfloor.collect.mapper import Mapper
from watchfloor.estate import find_integrations
from watchfloor.integrations.osdp.mapping import _frame
from watchfloor.testing.integration import Sample, read_sample, samples

DATA = PROJECT.parent / "shared" / "data"
AXIS = DATA / "physical" / "axis_onvif_events" / "events.json.gz"
UNIFI = DATA / "physical" / "unifi_protect_events"
there = pytest.mark.skipif(not (AXIS.is_file() and UNIFI.is_dir()), reason="../shared/data is not there")

STATES = {"_TRUE": 1, "_START": 1, "_CHANGE": 1, "_FALSE": 2, "_END": 2}
"""End of a fixture's name -> lifecycle of a signal that has just changed to it."""


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    return Mapper(find_integrations())


def read(mapper: Mapper, path: Path, content: bytes) -> tuple[Sample, list[dict[str, Any]]]:
    path.write_bytes(content)
    sample = read_sample(path, mapper)
    assert sample.bad == []
    rows = [row for events in sample.events for row in events.to_pylist()]
    assert len(rows) == len(sample.raw)
    return sample, rows


@there
def test_what_axis_devices_sent(mapper: Mapper, tmp_path: Path) -> None:
    fixtures = {
        name: text
        for name, text in orjson.loads(gzip.decompress(AXIS.read_bytes())).items()
        if not name.startswith("EVENT_INSTANCE")  # answers to what topics there are: no events
    }
    told = 0
    for name, text in fixtures.items():
        sample, rows = read(mapper, tmp_path / f"{name}.xml", text.encode())
        assert len(rows) == text.count("<wsnt:NotificationMessage"), name
        assert set(sample.integrations) <= {"onvif"}
        for row in rows:
            assert row["wf"]["time_origin"] == "source" and row["class_name"] == "Alarm Signal Activity"
            if name.endswith("_INIT"):
                assert row["lifecycle_id"] in (2, 3), name  # told to who has just begun to listen: no news
            expected = next((stage for end, stage in STATES.items() if name.endswith(end)), None)
            quiet = name == "GLOBAL_SCENE_CHANGE" or name.startswith("PTZ")  # state 0, or no alarm in any state
            if expected is not None and not quiet:
                assert row["lifecycle_id"] == expected, name
            told += 1
    assert told >= 35
    _, rows = read(mapper, tmp_path / "all.xml", "\n".join(fixtures.values()).encode())
    assert len(rows) == told


@there
def test_what_unifi_protect_sent(mapper: Mapper, tmp_path: Path) -> None:
    sample, rows = read(
        mapper, tmp_path / "raw.json", gzip.decompress((UNIFI / "sample_raw_events.json.gz").read_bytes())
    )
    assert set(sample.integrations) == {"unifi_access"} and len(rows) == 1351
    kinds = {row["metadata"]["event_code"]: row["class_name"] for row in rows}
    assert kinds["motion"] == kinds["disconnect"] == kinds["sensorOpened"] == "Alarm Signal Activity"
    assert kinds["nfcCardScanned"] == kinds["fingerprintIdentified"] == "Physical Access Activity"
    assert all(row["wf"]["time_origin"] == "source" for row in rows)
    (card,) = [row for row in rows if row["metadata"]["event_code"] == "nfcCardScanned"]
    assert card["credential"]["uid"] == "64B2A621" and card["activity_id"] == 99  # read, and nothing decided


@there
def test_what_the_public_api_of_unifi_protect_sends(mapper: Mapper, tmp_path: Path) -> None:
    stages = {}
    for path in sorted(UNIFI.glob("events_ws_public__*.json")):
        sample, rows = read(mapper, tmp_path / path.name, path.read_bytes())
        assert set(sample.integrations) == {"unifi_access"}, path.name
        stages[path.stem.partition("__")[2]] = [row.get("lifecycle_id") for row in rows]
    assert stages["smartdetect_lifecycle"] == [1, None, None, None, None]  # later ones do not say of what they are
    assert stages["package_born_closed_update"] == [2] and stages["open_unknown_update"] == [3]
    assert stages["nfc_add_with_end"] == [None]  # a card was read: no signal


OSDP = DATA / "physical" / "osdp" / "vectors.json"


@pytest.mark.skipif(not OSDP.is_file(), reason="../shared/data is not there")
def test_frames_that_another_decoder_agrees_on() -> None:
    vectors = {one["test"]: one["hex"][0] for one in orjson.loads(OSDP.read_bytes()) if one["test"] != "ParseData"}
    said = {name: _frame(text) for name, text in vectors.items()}
    buzzer = said["ParseMessage_Command"]
    assert (buzzer["address"], buzzer["answer"], buzzer["name"]) == (0, False, "BUZ")
    assert said["ParseMessage_Spaces"] == buzzer
    device = said["ParseMessage_Reply"]
    assert (device["address"], device["answer"], device["name"]) == (0, True, "PDID")


def test_what_a_frame_says_and_what_it_does_not() -> None:
    """26 bits are facility and number; a hurt frame says nothing; of what somebody types nothing is kept."""
    body = bytes.fromhex(f"5380100005500001 1a00 {(12 << 16 | 4711) << 7:08x}")  # RAW of reader 0, 26 bits
    whole = body + crc_hqx(body, 0x1D0F).to_bytes(2, "little")
    card = _frame(whole.hex(" "))
    assert (card["family"], card["facility"], card["number"]) == ("card", "12", "4711")
    assert _frame(whole[:-1].hex()) == {"why": "not a whole frame"} and _frame("xx") == {"why": "not hexadecimal"}
    hurt = bytes((*whole[:10], whole[10] ^ 1, *whole[11:]))
    assert _frame(hurt.hex()) == {"why": "the check is wrong"}
    typed = bytes.fromhex("53800d0005530004") + b"123"
    keys = _frame((typed + crc_hqx(typed, 0x1D0F).to_bytes(2, "little")).hex())
    assert keys["name"] == "KEYPAD" and "123" not in str(keys) and set(keys) <= {
        "family", "address", "answer", "code", "name", "class", "secured", "reader",
    }  # fmt: skip


FOUR_SICS = DATA / "ot" / "4sics_zeek_logs"


@pytest.mark.skipif(not FOUR_SICS.is_dir(), reason="../shared/data is not there")
@pytest.mark.parametrize("path", sorted(FOUR_SICS.glob("*.log*")), ids=lambda path: path.name)
def test_logs_of_an_ics_lab(mapper: Mapper, tmp_path: Path, path: Path) -> None:
    """Bro logs of 2015, of a plant that visitors attacked: another version's columns, none in quarantine."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    sample, rows = read(mapper, tmp_path / path.name.removesuffix(".gz"), raw)
    assert set(sample.integrations) == {"zeek"}
    assert len(rows) == sum(not line.startswith(b"#") for line in raw.splitlines()) > 0


BADGING = DATA / "physical" / "ms_physical_badging" / "sample_data_set.json"


@pytest.mark.skipif(not BADGING.is_file(), reason="../shared/data is not there")
def test_microsofts_own_sample_of_badging(mapper: Mapper, tmp_path: Path) -> None:
    sample, rows = read(mapper, tmp_path / "badging.json", BADGING.read_bytes())
    assert set(sample.integrations) == {"badging_graph"}
    assert [row["activity_id"] for row in rows] == [2, 1]  # Failed, Success: decisions, no passages


@pytest.mark.parametrize("name", ["genetec", "lenel_onguard", "netbox_export", "onvif", "osdp", "unifi_access"])
def test_records_of_several_kinds_in_one_batch(mapper: Mapper, tmp_path: Path, name: str) -> None:
    """A source may give a product's reports in any mixture: what one record is, its neighbours do not decide."""
    (integration,) = [found for found in find_integrations() if found.id == name]
    records, alone = [], []
    for path in samples(integration.folder):
        sample = read_sample(path, mapper)
        records += [record for decoded in decoded_of(path) for record in decoded]
        alone += [(row["class_name"], row["activity_id"]) for events in sample.events for row in events.to_pylist()]
    target = tmp_path / "mixed.ndjson"
    target.write_bytes(b"".join(record.strip() + b"\n" for record in records))
    mixed = read_sample(target, mapper)
    found = [(row["class_name"], row["activity_id"]) for events in mixed.events for row in events.to_pylist()]
    assert mixed.bad == [] and set(mixed.integrations) == {name} and sorted(found) == sorted(alone)


def decoded_of(path: Path) -> Iterator[list[bytes]]:
    """The records of a file as JSON."""
    format_ = recognise(path.read_bytes()[: 1 << 16], path.name)
    with path.open("rb") as file:
        for framed in format_.frame(file):
            made = format_.decode(framed.block)
            yield [made.ndjson[a:b] for a, b in pairwise(made.offsets.tolist())]
