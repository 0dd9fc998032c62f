"""Records of alarm panels, as a receiver logs them: frames of SIA DC-09 with DC-03 codes, the CRC right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.lines import Ints
from watchfloor.simulate.site import Site

__all__ = ["CODES", "crc", "frames"]

CODES: Mapping[tuple[str, str], str] = {
    ("tns1:Device/HeartBeat", "ok"): "RP",
    ("Fire/Alarm", "start"): "FA",
    ("Fire/Alarm", "end"): "FR",
    ("Fire/Drill", "start"): "TS",
    ("Fire/Drill", "end"): "TE",
    ("Panel/Panic", "true"): "PA",
    ("Panel/Panic", "cancelled"): "PC",
    ("Panel/Perimeter", "true"): "BA",
    ("Panel/Test", "true"): "TS",
}
"""What is signalled -> DC-03 code: periodic test, fire, fire restored, test start and end, panic and its cancel,
burglary."""


def crc(message: bytes) -> int:
    """CRC-16/ARC (SIA DC-09): reflected polynomial 0xA001, initial value 0."""
    value = 0
    for byte in message:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def frames(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, topic: str, *, state: str = "true", detail: str = ""
) -> Draft:
    """Frames of panels, of which there are few; `detail` is the uid of the place whose point it is."""
    time = np.asarray(time, np.int64) // 1000 * 1000
    assets = np.broadcast_to(np.asarray(asset, np.int32), len(time))
    serials = site.column("serial")
    lines = []
    for moment, code in zip(time.tolist(), assets.tolist(), strict=True):
        account = serials[code] or "FFF"
        sent = datetime.fromtimestamp(moment / 1000, UTC).strftime("%H:%M:%S,%m-%d-%Y")
        point = site.points.get((account, detail), "000")
        what = f"{CODES[topic, state]}{point}"
        message = f'"SIA-DCS"{moment // 1000 % 10_000:04d}L0#{account}[#{account}|Nri1/{what}]_{sent}'
        lines.append(f"{crc(message.encode()):04X}{len(message):04X}{message}\n")
    known = any((serial, detail) in site.points for serial in serials)
    place = site.place_code[detail] if known else NOBODY
    return draft("panels", time, pa.array(lines, pa.string()), asset=assets, place=place, delay=1_200)
