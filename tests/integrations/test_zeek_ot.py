"""Commands of industrial protocols: every code of the domain reference (4.2) to its class, on real logs as well."""

from __future__ import annotations

import zipfile
from pathlib import Path

import orjson
import pytest

from tests.conftest import PROJECT
from tests.run import small
from tests.run.test_living import run
from watchfloor.integrations.zeek.mapping import DNP3, MODBUS, _command

CLASSES: list[tuple[str, list[str], str]] = [
    ("s7comm", ["0x04\t1\tRead Variable", "0x1d\t1\t", "0x1e\t1\t", "0x1f\t1\t"], "read"),  # upload is not download
    ("s7comm", ["0x05\t1\tWrite Variable"], "write"),
    ("s7comm", ["0x1a\t1\tRequest Download", "0x1b\t1\t", "0x1c\t3\t"], "download_program"),
    ("s7comm", ["0x28\t1\tPLC Control", "0x29\t1\tPLC Stop", "0x40\t7\tMode transition"], "operating_mode"),
    ("s7comm", ["0xf0\t1\tSetup Communication"], "connect"),
    ("s7comm", ["0x45\t7\tSecurity"], "security"),
    ("s7comm", ["0x47\t7\tTime Functions"], "time_set"),
    ("s7comm_upload_download", ["Start Upload", "Upload", "End Upload"], "read"),
    ("s7comm_upload_download", ["Request Download", "Download Block", "Download Ended"], "download_program"),
    (
        "cip",
        ["0x01\t0x01\t", "0x03\t0x01\t", "0x0e\t0x01\t", "0x4c\t0x6b\tRead Tag", "0x52\t\tRead Tag Fragmented"],
        "read",
    ),
    ("cip", ["0x02\t0x01\t", "0x04\t0x01\t", "0x10\t0x01\t", "0x4d\t0x6b\t", "0x53\t0x6b\t", "0x4e\t0x6b\t"], "write"),
    ("cip", ["0x05\t0x01\tReset", "0x06\t0x8e\tStart", "0x07\t0x8e\tStop", "0x87\t0x8e\tStop"], "operating_mode"),
    ("cip", ["0x08\t0x68\tCreate", "0x09\t0x6d\tDelete"], "download_program"),
    ("cip", ["0x08\t0x66\tCreate"], "write"),
    ("cip", ["0x54\t0x06\tForward Open", "0x4e\t0x06\tForward Close", "0x52\t0x06\tUnconnected Send"], "connect"),
    ("cip", ["0x54\t0x73\t", "0x4b\t0x67\tExecute PCCC", "0x52\t0xa1\t"], "proprietary"),  # class specific
    ("bacnet", ["atomic_read_file", "read_property", "read_property_multiple", "read_range"], "read"),
    ("bacnet", ["atomic_write_file", "add_list_element", "remove_list_element", "create_object"], "write"),
    ("bacnet", ["delete_object", "write_property", "write_property_multiple", "write_group"], "write"),
    ("bacnet", ["device_communication_control", "reinitialize_device"], "operating_mode"),
    ("bacnet", ["life_safety_operation"], "control"),
    ("bacnet", ["time_synchronization", "utc_time_synchronization"], "time_set"),
    ("bacnet_property", ["write-property-request"], "write"),
    ("opcua_binary", ["WriteRequest"], "write"),
    ("opcua_binary", ["CallRequest"], "control"),
    ("opcua_binary", ["ReadRequest", "HistoryReadRequest"], "read"),
    ("opcua_binary", ["HEL", "OpenSecureChannelRequest"], "connect"),
]
NUMBERS: list[tuple[str, str, list[int]]] = [
    ("modbus", "read", [0x01, 0x02, 0x03, 0x04, 0x14, 0x18]),
    ("modbus", "write", [0x05, 0x06, 0x0F, 0x10, 0x15, 0x16, 0x17]),
    ("modbus", "diagnostic", [0x07, 0x08, 0x0B, 0x0C]),
    ("modbus", "identify", [0x11, 0x2B]),
    ("modbus", "download_program", [0x09, 0x0D, 0x12, 0x28, 0x5A, 0x7E]),
    ("modbus", "firmware", [0x7D]),
    ("dnp3", "read", [0x01]),
    ("dnp3", "write", [0x02, 0x19, 0x1B, 0x1D]),
    ("dnp3", "control", [0x03, 0x04, 0x05, 0x06]),
    ("dnp3", "operating_mode", [0x0D, 0x0E, 0x10, 0x11, 0x12]),
    ("dnp3", "download_program", [0x13, 0x1F]),
    ("dnp3", "diagnostic", [0x14, 0x15]),
]


@pytest.mark.parametrize(
    ("protocol", "asked", "kind"), [(protocol, one, kind) for protocol, asked, kind in CLASSES for one in asked]
)
def test_every_code_has_its_class(protocol: str, asked: str, kind: str) -> None:
    said = _command(protocol, asked)
    assert said is not None and orjson.loads(said)["class"] == kind


@pytest.mark.parametrize(
    ("protocol", "kind", "code"), [(protocol, kind, code) for protocol, kind, codes in NUMBERS for code in codes]
)
def test_every_number_has_its_class(protocol: str, kind: str, code: int) -> None:
    table = MODBUS if protocol == "modbus" else DNP3
    (name,) = [name for name, (number, _) in table.items() if number == code]
    said = orjson.loads(_command(protocol, name) or b"{}")
    assert (said["class"], said["code"]) == (kind, code)


def test_what_is_graver_than_its_class() -> None:
    assert orjson.loads(_command("dnp3", "DISABLE_UNSOLICITED") or b"")["severity"] == 4
    assert orjson.loads(_command("bacnet", "life_safety_operation") or b"")["severity"] == 5


EXPECTED = PROJECT.parent / "shared" / "data" / "ot" / "icsnpp_pcaps"


@pytest.mark.skipif(not EXPECTED.is_dir(), reason="../shared/data is not there")
def test_logs_of_real_captures(tmp_path: Path) -> None:
    """Logs that CISA's parsers are tested against: each record an event, none in quarantine, commands classified."""
    for archive in EXPECTED.glob("*.zip"):
        with zipfile.ZipFile(archive) as packed:
            for name in packed.namelist():
                if name.endswith(".log"):
                    target = tmp_path / "logs" / archive.stem / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(packed.read(name))
    (tmp_path / "rules").mkdir()
    (tmp_path / "estate.toml").write_text('[[sources]]\nid = "ot"\npath = "logs"\n')
    run(tmp_path)
    assert small.rows(tmp_path, "select reason from quarantine") == []
    rows = small.rows(
        tmp_path,
        "select ot_command.ot_protocol as protocol, ot_command.command_class as kind, count(*) as n "
        "from ot_command_activity group by all",
    )
    found = {(row["protocol"], row["kind"]): row["n"] for row in rows}
    assert {protocol for protocol, _ in found} >= {"Modbus", "DNP3", "S7comm", "BACnet"}
    assert found["BACnet", "operating_mode"] == 243 and found["DNP3", "control"] == 509
    assert found["S7comm", "read"] > 0 and found["Modbus", "write"] > 0
    unknown = sum(n for (_, kind), n in found.items() if kind == "proprietary")
    assert unknown < 0.01 * sum(found.values())
