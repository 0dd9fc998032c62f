"""Captures of Modbus/TCP and S7comm as the logs a Zeek sensor (with CISA's ICSNPP) would have written of them.

watchfloor reads logs, not packets. Recordings of plants are packets, so this says what a sensor would say: one record
of `modbus` for each answered request, one of `s7comm` for each job, answer and piece of user data. Nothing else of a
capture is read. `tests/test_captures.py` holds it against the logs that CISA publishes with its own captures.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MODBUS_PORT, S7_PORT = 502, 102

MODBUS = {
    1: "READ_COILS", 2: "READ_DISCRETE_INPUTS", 3: "READ_HOLDING_REGISTERS", 4: "READ_INPUT_REGISTERS",
    5: "WRITE_SINGLE_COIL", 6: "WRITE_SINGLE_REGISTER", 7: "READ_EXCEPTION_STATUS", 8: "DIAGNOSTICS",
    15: "WRITE_MULTIPLE_COILS", 16: "WRITE_MULTIPLE_REGISTERS", 17: "REPORT_SLAVE_ID", 20: "READ_FILE_RECORD",
    21: "WRITE_FILE_RECORD", 22: "MASK_WRITE_REGISTER", 23: "READ_WRITE_MULTIPLE_REGISTERS", 24: "READ_FIFO_QUEUE",
    43: "ENCAP_INTERFACE_TRANSPORT",
}  # fmt: skip
"""Function codes (Modbus Application Protocol 1.1b3, section 5) as Zeek names them."""

S7_JOBS = {
    0x04: "Read Variable", 0x05: "Write Variable", 0x1A: "Request Download", 0x1B: "Download Block",
    0x1C: "Download Ended", 0x1D: "Start Upload", 0x1E: "Upload", 0x1F: "End Upload", 0x28: "PLC Control",
    0x29: "PLC Stop", 0xF0: "Setup Communication",
}  # fmt: skip
"""Parameter functions of S7 jobs and their answers."""

JOB, ACK, ACK_DATA, USER_DATA = 1, 2, 3, 7
"""ROSCTR: what kind of S7 telegram it is."""

ANSWER = 0x80
"""Bit of the function group in user data that answers."""

MAGIC = {b"\xd4\xc3\xb2\xa1": ("<", 1e6), b"\xa1\xb2\xc3\xd4": (">", 1e6),
         b"\x4d\x3c\xb2\xa1": ("<", 1e9), b"\xa1\xb2\x3c\x4d": (">", 1e9)}  # fmt: skip
"""How a capture begins -> order of its bytes, and parts of a second (libpcap savefile format)."""

ETHERNET, IPV4, TCP = 1, 0x0800, 6

Ends = tuple[str, int, str, int]
"""Sender's address and port, receiver's address and port."""


class Packet(NamedTuple):
    """TCP payload of one frame. number: of the frame, from 0; time: seconds."""

    number: int
    time: float
    ends: Ends
    sequence: int
    payload: bytes


class Logged(NamedTuple):
    """A record as the sensor writes it, and the frames it tells of."""

    record: dict[str, Any]
    frames: tuple[int, ...]


@dataclass(slots=True)
class _Stream:
    """One direction of a connection: what came and was not yet read as a whole telegram."""

    waiting: bytes = b""
    expected: int | None = None

    def more(self, packet: Packet) -> None:
        """Bytes that were not seen before; after a loss reading begins anew."""
        payload = packet.payload
        if self.expected is not None and packet.sequence != self.expected:
            seen = (self.expected - packet.sequence) & 0xFFFFFFFF
            if seen < 1 << 31:  # sent again
                payload = payload[seen:]
            else:
                self.waiting = b""
        if payload:
            self.expected = (packet.sequence + len(packet.payload)) & 0xFFFFFFFF
            self.waiting += payload


@dataclass(slots=True)
class Sensor:
    """Reads one capture."""

    streams: dict[Ends, _Stream] = field(default_factory=dict)
    asked: dict[tuple[Ends, int], int] = field(default_factory=dict)

    def logs(self, capture: bytes) -> Iterator[Logged]:
        """The records, in the order of the frames that complete them.

        Raises:
            ValueError: it is no capture of Ethernet frames.
        """
        for packet in packets(capture):
            ports = (packet.ends[1], packet.ends[3])
            if not packet.payload or not {MODBUS_PORT, S7_PORT} & set(ports):
                continue
            stream = self.streams.setdefault(packet.ends, _Stream())
            stream.more(packet)
            if MODBUS_PORT in ports:
                yield from self._modbus(packet, stream)
            else:
                yield from self._s7(packet, stream)

    def _modbus(self, packet: Packet, stream: _Stream) -> Iterator[Logged]:
        """Telegrams with a head of transaction, protocol (0), length, unit; then the function."""
        while len(stream.waiting) >= 8:
            transaction, protocol, length = struct.unpack_from(">HHH", stream.waiting)
            if protocol != 0 or not 2 <= length <= 260:
                stream.waiting = b""
                return
            if len(stream.waiting) < 6 + length:
                return
            code = stream.waiting[7]
            stream.waiting = stream.waiting[6 + length :]
            if packet.ends[3] == MODBUS_PORT:
                self.asked[packet.ends, transaction] = packet.number
                continue
            there = _turned(packet.ends)
            request = self.asked.pop((there, transaction), packet.number)
            name = MODBUS.get(code & 127, f"unknown-{code & 127}") + ("_EXCEPTION" if code & 128 else "")
            yield Logged({"_path": "modbus", **_head(packet, there), "func": name}, (request, packet.number))

    def _s7(self, packet: Packet, stream: _Stream) -> Iterator[Logged]:
        """TPKT (RFC 1006), COTP data (ISO 8073), then S7."""
        while len(stream.waiting) >= 7:
            version, length = stream.waiting[0], struct.unpack_from(">H", stream.waiting, 2)[0]
            if version != 3 or length < 7:
                stream.waiting = b""
                return
            if len(stream.waiting) < length:
                return
            telegram, stream.waiting = stream.waiting[:length], stream.waiting[length:]
            told = _s7comm(telegram[5 + telegram[4] :])
            if telegram[5] != 0xF0 or told is None:
                continue
            asks = packet.ends[3] == S7_PORT
            source, source_port, target, target_port = packet.ends
            ends = {"is_orig": asks, "source_h": source, "source_p": source_port, "destination_h": target,
                    "destination_p": target_port}  # fmt: skip
            there = packet.ends if asks else _turned(packet.ends)
            yield Logged({"_path": "s7comm", **_head(packet, there), **ends, **told}, (packet.number,))


def packets(capture: bytes) -> Iterator[Packet]:
    """TCP over IPv4 over Ethernet; all else is passed over."""
    if capture[:4] not in MAGIC:
        raise ValueError("no capture as libpcap writes it")
    order, parts = MAGIC[capture[:4]]
    if struct.unpack_from(f"{order}I", capture, 20)[0] != ETHERNET:
        raise ValueError("no capture of Ethernet frames")
    at, number = 24, -1
    while at + 16 <= len(capture):
        seconds, part, kept, _ = struct.unpack_from(f"{order}IIII", capture, at)
        frame, at, number = capture[at + 16 : at + 16 + kept], at + 16 + kept, number + 1
        if len(frame) < 54 or struct.unpack_from(">H", frame, 12)[0] != IPV4 or frame[23] != TCP:
            continue
        start = 14 + 4 * (frame[14] & 15)
        end = 14 + struct.unpack_from(">H", frame, 16)[0]
        source_port, target_port, sequence = struct.unpack_from(">HHI", frame, start)
        payload = frame[start + 4 * (frame[start + 12] >> 4) : end]
        ends = (_address(frame[26:30]), source_port, _address(frame[30:34]), target_port)
        yield Packet(number, seconds + part / parts, ends, sequence, payload)


def _s7comm(text: bytes) -> dict[str, Any] | None:
    """What one telegram of S7 says: kind, function, function within its group. None where the sensor logs nothing.

    That is: bare acknowledgements; and of an answer in parts all but the first question and the last part.
    """
    if len(text) < 11 or text[0] != 0x32 or text[1] == ACK:
        return None
    kind = text[1]
    parameter = text[12 if kind == ACK_DATA else 10 :]
    if kind == USER_DATA:
        if len(parameter) < 8:
            return None
        code, within = parameter[5], parameter[6]
        goes_on = parameter[9:10] > b"\0" if code & ANSWER else parameter[7] > 0
        if goes_on:
            return None
        return {"rosctr_code": kind, "function_code": f"0x{code:02x}", "subfunction_code": f"0x{within:02x}"}
    code = parameter[0] if parameter else 0
    named = {"function_name": S7_JOBS[code]} if code in S7_JOBS else {}
    return {"rosctr_code": kind, "function_code": f"0x{code:02x}", **named}


def _head(packet: Packet, there: Ends) -> dict[str, Any]:
    """What every log of a connection begins with; `there` is from who asks to who is asked."""
    uid = "C" + hashlib.blake2b(repr(there).encode(), digest_size=8).hexdigest()
    return {
        "ts": round(packet.time, 6), "uid": uid, "id.orig_h": there[0], "id.orig_p": there[1], "id.resp_h": there[2],
        "id.resp_p": there[3],
    }  # fmt: skip


def _turned(ends: Ends) -> Ends:
    return (ends[2], ends[3], ends[0], ends[1])


def _address(four: bytes) -> str:
    return ".".join(map(str, four))
