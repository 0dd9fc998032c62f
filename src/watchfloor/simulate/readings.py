"""Readings of the plant, as its historian exports them: quay cranes, reefer power, substation, cooling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.simulate.draft import Draft, draft, joined
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked
from watchfloor.simulate.site import Site

__all__ = ["TAGS", "Tag", "everyday", "values"]

EVERY_MS = 300_000
"""How often the historian writes a tag down."""

DAY_MS = 86_400_000


class Tag(NamedTuple):
    """A tag of a device: its mean, how far the tide of the day moves it, and its noise; `tide_h` is its peak, UTC."""

    name: str
    unit: str
    mean: float
    swing: float
    noise: float
    tide_h: float = 13.0


TAGS: Mapping[str, tuple[Tag, ...]] = {
    "plc-crane": (Tag("hoist_load", "t", 22, 9, 6), Tag("hoist_current", "A", 310, 120, 40),
                  Tag("wind", "m/s", 7, 2.5, 0.8), Tag("gantry_position", "m", 410, 0, 3)),
    "reefer": (Tag("power", "kW", 840, 160, 25, 15), Tag("plugs", "1", 168, 8, 2, 15),
               Tag("voltage", "V", 400, 2, 1.2)),
    "rtu": (Tag("feeder_current", "A", 96, 30, 4), Tag("busbar_voltage", "kV", 10.4, 0.05, 0.02),
            Tag("transformer_temperature", "Cel", 58, 6, 0.4, 17)),
    "cooling": (Tag("supply_air", "Cel", 17.5, 0.3, 0.1, 15), Tag("return_air", "Cel", 22.0, 0.5, 0.15, 15)),
}  # fmt: skip
"""Kind of device -> its tags."""

DIGITS = pa.array([f"{number:02d}" for number in range(100)])

LINE = Template("{time},{device}.{tag},{value},{unit},good,{device}")


def values(site: Site, time: Ints, asset: int, tag: str, number: npt.NDArray[np.floating[Any]], unit: str) -> Draft:
    """Values of one tag of a device, two digits behind the point."""
    time = np.asarray(time, np.int64)
    device = site.column("device")[asset]
    lines = LINE.fill(len(time), time=iso(time), device=device, tag=tag, unit=unit, value=_hundredths(number))
    return draft("readings", time, lines, asset=asset, place=int(site.stands[asset]), delay=20_000)


def _hundredths(number: npt.NDArray[np.floating[Any]]) -> pa.Array:
    rounded = np.round(number * 100).astype(np.int64)
    whole, rest = np.divmod(np.abs(rounded), 100)
    sign = picked(["", "-"], (rounded < 0).astype(np.int64))
    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, counted(whole), ""), picked(DIGITS, rest), ".")


def everyday(site: Site, start: int, end: int, rng: np.random.Generator) -> Draft:
    """A day of all tags."""
    each = np.arange(start, end, EVERY_MS)
    found = []
    for asset, kind in _devices(site):
        for tag in TAGS[kind]:
            phase = (each - start - tag.tide_h * 3_600_000) / DAY_MS * 2 * np.pi
            number = tag.mean + tag.swing * np.cos(phase) + rng.normal(0, tag.noise, len(each))
            found.append(values(site, each + asset * 37 % 1_000, asset, tag.name, number, tag.unit))
    return joined(found)


def _devices(site: Site) -> list[tuple[int, str]]:
    """Assets that have tags, and which."""
    found = []
    for code, uid in enumerate(site.assets):
        asset = site.directory.assets[uid]
        kind = (
            "plc-crane" if uid.startswith("asset-plc-crane-")
            else "reefer" if uid == "asset-plc-reefer"
            else "rtu" if asset.kind == "rtu"
            else "cooling" if asset.zone == "zone-bms" and asset.kind == "plc"
            else ""
        )  # fmt: skip
        if kind:
            found.append((code, kind))
    return found
