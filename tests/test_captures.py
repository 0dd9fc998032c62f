"""Captures read as a Zeek sensor would log them, held against the logs CISA publishes with its own captures."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest
from benchmarks.captures import Sensor


def published(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    """Rows of a log in Zeek's own format."""
    lines = archive.read(name).decode().splitlines()
    fields = next((line.split("\t")[1:] for line in lines if line.startswith("#fields")), None)
    if fields is None:  # this log was published without its heading
        fields = ["ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "func", "exception"]
    return [dict(zip(fields, line.split("\t"), strict=False)) for line in lines if not line.startswith("#")]


def test_modbus_as_zeek_logs_it(shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "ot/icsnpp_pcaps/icsnpp-modbus.zip") as archive:
        wanted = published(archive, "testing/baseline/analyzer.basic/modbus.log")
        found = [one.record for one in Sensor().logs(archive.read("testing/traces/modbus_example.pcap"))]
    names = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "func")
    assert len(wanted) == 24
    assert [[str(row[name]) for name in names] for row in found] == [[row[name] for name in names] for row in wanted]


@pytest.mark.parametrize("capture", ["snap7", "s7ident"])
def test_s7_as_zeek_logs_it(capture: str, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "ot/icsnpp_pcaps/icsnpp-s7comm.zip") as archive:
        wanted = published(archive, f"tests/baseline/analyzer.{capture}/s7comm.log")
        found = [one.record for one in Sensor().logs(archive.read(f"tests/traces/{capture}.pcap"))]
    names = ("id.orig_h", "id.resp_h", "id.resp_p", "source_h", "rosctr_code", "function_code")
    assert len(wanted) > 10
    assert [[str(row[name]) for name in names] for row in found] == [[row[name] for name in names] for row in wanted]
    told = [row["function_name"] for row in wanted if row["rosctr_code"] != "7"]
    assert [row["function_name"] for row in found if row["rosctr_code"] != 7] == told


def frame(number: int, sequence: int, payload: bytes, *, answer: bool = False) -> bytes:
    """A record of a capture: Modbus between two invented machines."""
    here, there = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
    ports = (502, 40000) if answer else (40000, 502)
    tcp = struct.pack(">HHIIBBHHH", *ports, sequence, 0, 5 << 4, 24, 1024, 0, 0) + payload
    ends = there + here if answer else here + there
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + ends + tcp
    whole = bytes(12) + b"\x08\x00" + ip
    return struct.pack("<IIII", 1000 + number, 0, len(whole), len(whole)) + whole


HEAD = b"\xd4\xc3\xb2\xa1" + struct.pack("<HHiIII", 2, 4, 0, 0, 65535, 1)
ASK, ANSWER = bytes.fromhex("0001 0000 0006 01 05 0000 ff00"), bytes.fromhex("0001 0000 0006 01 05 0000 ff00")


def test_what_is_split_or_sent_again_counts_once() -> None:
    capture = HEAD + b"".join(
        (frame(0, 10, ASK[:5]), frame(1, 15, ASK[5:]), frame(2, 15, ASK[5:]), frame(3, 7, ANSWER, answer=True))
    )
    (only,) = Sensor().logs(capture)
    assert only.record["func"] == "WRITE_SINGLE_COIL" and only.record["ts"] == 1003.0
    assert only.record["id.orig_h"] == "192.0.2.1" and only.frames == (1, 3)


def test_after_a_loss_reading_begins_anew() -> None:
    refused = bytes.fromhex("0002 0000 0003 01 85 02")
    capture = HEAD + b"".join((frame(0, 10, ASK[:5]), frame(1, 900, refused, answer=True), frame(2, 90, ASK)))
    (only,) = Sensor().logs(capture)
    assert only.record["func"] == "WRITE_SINGLE_COIL_EXCEPTION"


def test_no_capture() -> None:
    with pytest.raises(ValueError, match="no capture"):
        list(Sensor().logs(b"something else"))
