"""Alarm panels: frames that are what was sent, and what codes mean; on frames of real panels as well."""

from __future__ import annotations

import orjson
import pytest

from tests.conftest import PROJECT
from watchfloor.collect.formats.dc09 import DC09, crc16
from watchfloor.integrations.sia_dc09.mapping import DOOR_EVENTS, DOORS, _from_contact, _from_sia

VECTORS = PROJECT.parent / "shared" / "data" / "physical" / "sia_dc09" / "vectors.jsonl"
FRAME = '97F90078"SIA-DCS"6002L0#AAA[|Nri2/JC12]_12:58:23,09-15-2021'


def test_the_check_value() -> None:
    assert crc16(b"123456789") == 0xBB3D


def test_a_frame_that_checks_though_its_length_does_not() -> None:
    record = DC09.fields(FRAME)
    assert (record["account"], record["code"], record["partition"], record["zone"]) == ("AAA", "JC", "2", "12")
    assert record["sent"] == "2021-09-15T12:58:23Z" and record["length_mismatch"] == "0078 for 51 bytes"


@pytest.mark.parametrize("broken", [FRAME.replace("JC", "JD"), "0000" + FRAME[4:], FRAME[:-1], "hello", ""])
def test_what_is_not_what_was_sent_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r"CRC|frame"):
        DC09.fields(broken)


CROSSWALK = [
    ("DG", "422", 1), ("DD", "421", 2), ("DK", "461", 2), ("DP", None, 2), ("DQ", None, 2), ("DV", None, 2),
    ("DW", None, 2), ("DF", "423", 5), ("DL", "426", 6), ("DN", None, 6), ("DX", "425", 7), (None, "124", 8),
    (None, "125", 8), ("DC", "429", 11), ("DO", "430", 11), ("DY", "431", 11),
]  # fmt: skip


@pytest.mark.parametrize(("sia", "contact", "activity"), CROSSWALK)
def test_doors_as_the_crosswalk_has_them(sia: str | None, contact: str | None, activity: int) -> None:
    assert sia is None or DOORS[sia] == activity
    assert contact is None or DOOR_EVENTS[contact] == activity


@pytest.mark.parametrize(
    ("code", "activity", "lifecycle"),
    [
        ("BA", 1, 1), ("BR", 1, 2), ("BB", 1, 7), ("FA", 6, 1), ("FH", 6, 2), ("KR", 6, 2), ("WA", 6, 1), ("PA", 4, 1),
        ("HA", 3, 1), ("TA", 5, 1), ("TR", 5, 2), ("CL", 10, 1), ("OP", 9, 1), ("YC", 8, 1), ("RP", 8, 9), ("AT", 7, 5),
    ],
)  # fmt: skip
def test_codes(code: str, activity: int, lifecycle: int) -> None:
    assert orjson.loads(_from_sia(code)) == {"activity": activity, "lifecycle": lifecycle}


@pytest.mark.parametrize(
    ("event", "qualifier", "activity", "lifecycle"),
    [
        ("110", "1", 6, 1), ("110", "3", 6, 2), ("120", "1", 4, 1), ("121", "1", 3, 1), ("130", "6", 1, 3),
        ("137", "1", 5, 1),
        ("383", "1", 5, 1), ("301", "1", 7, 1), ("354", "1", 8, 1), ("401", "1", 9, 1), ("401", "3", 10, 1),
        ("570", "1", 7, 7),
        ("602", "1", 8, 9), ("100", "1", 4, 1),
    ],
)  # fmt: skip
def test_events(event: str, qualifier: str, activity: int, lifecycle: int) -> None:
    assert orjson.loads(_from_contact(event, qualifier) or b"") == {"activity": activity, "lifecycle": lifecycle}


@pytest.mark.skipif(not VECTORS.is_file(), reason="../shared/data is not there")
def test_frames_of_real_panels() -> None:
    """Account and code of every labelled frame; those whose CRC was lost in writing them down are given it anew."""
    checked = 0
    for line in VECTORS.read_text("utf-8").splitlines():
        vector = orjson.loads(line)
        frame = vector["line"]
        if vector.get("account") in (None, "ACCOUNT"):
            continue
        body = frame[8:]
        try:
            record = DC09.fields(frame)
        except ValueError as error:
            assert "CRC" in str(error)
            record = DC09.fields(f"{crc16(body.encode()):04X}{frame[4:8]}{body}")
        assert record["account"] == vector["account"], frame
        if '"SIA-DCS"' in frame and vector["code"] is not None:
            assert record["code"] == vector["code"], frame
        assert bool(record.get("encrypted")) == vector["encrypted"]
        checked += 1
    assert checked >= 6


@pytest.mark.parametrize("code", ["CI", "CT", "OI", "OT", "CE", "FS"])
def test_what_did_not_happen_is_neither_opening_nor_closing_nor_fire(code: str) -> None:
    assert orjson.loads(_from_sia(code)) == {"activity": 7, "lifecycle": 1}
