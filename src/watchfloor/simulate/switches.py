"""Records of access switches, as they send them by syslog (Cisco IOS): which computer came up at which port.

Docks have ports: a colleague who sits down at another dock shows up at its port.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.simulate.draft import NOBODY, Codes, Draft, draft
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked
from watchfloor.simulate.movement import Stays, Window
from watchfloor.simulate.site import Site

__all__ = ["OFFICE", "OPERATIONS", "everyday", "refused", "seen"]

OFFICE, OPERATIONS = "asset-sw-office", "asset-sw-ops"

LINE = Template("{time} {host} {mnemonic}: {text}")

ACCEPTED = "Authentication successful for client ({mac}) on Interface {port} AuditSessionID {session}"
REFUSED = "Authentication failed for client ({mac}) on Interface {port} AuditSessionID {session}"

PORTS_OF_A_SWITCH = 48


def seen(
    site: Site, time: Ints, asset: npt.NDArray[Any], at: npt.NDArray[Any] | None = None, *, switch: str = OFFICE
) -> Draft:
    """Computers come up, known by their certificate; each at its own port, or at that of the asset `at`."""
    macs = _dotted(picked(site.words("mac"), asset))
    return _lines(site, time, macs, asset if at is None else at, asset, switch, "%DOT1X-5-SUCCESS", ACCEPTED)


def refused(site: Site, time: Ints, mac: str, at: int, *, switch: str = OFFICE) -> Draft:
    """A device without a certificate, and unknown by its address, at the port of an asset."""
    where = np.full(len(time), at, np.int32)
    macs = _dotted(pa.array([mac] * len(time), pa.string()))
    nobody = np.full(len(time), NOBODY, np.int32)
    return _lines(site, time, macs, where, nobody, switch, "%MAB-5-FAIL", REFUSED)


def _dotted(macs: pa.Array) -> pa.Array:
    """`02:20:00:00:00:01` as `0220.0000.0001`."""
    return pc.replace_substring_regex(macs, "(..):(..):(..):(..):(..):(..)", r"\1\2.\3\4.\5\6")


def _ports(asset: npt.NDArray[Any]) -> pa.Array:
    """The port of each asset's dock."""
    switch, port = np.divmod(asset.astype(np.int64), PORTS_OF_A_SWITCH)
    return pc.binary_join_element_wise("Gi", counted(switch + 1), "/0/", counted(port + 1), "")


def _lines(
    site: Site, time: Ints, macs: pa.Array, at: npt.NDArray[Any], asset: Codes | npt.NDArray[Any], switch: str,
    mnemonic: str, text: str,
) -> Draft:  # fmt: skip
    time = np.asarray(time, np.int64)
    code = site.asset_code.get(switch, NOBODY)
    said = Template(text, end="").fill(len(time), mac=macs, port=_ports(at), session=counted(time % 1_000_000_007))
    host = site.column("hostname")[code] if code >= 0 else switch
    lines = LINE.fill(len(time), time=iso(time), host=host, mnemonic=mnemonic, text=said)
    return draft("switches", time, lines, asset=code, source_asset=asset, place=int(site.stands[code]), delay=1_100)


def everyday(site: Site, where: Stays, window: Window, docks: Codes) -> Draft:
    """Each computer of the office when its user first sits down.

    Args:
        docks: per asset the one whose dock it stands at today.
    """
    mine = (where.place == site.desk[where.person]) & (site.host[where.person] >= 0)
    index = np.flatnonzero(mine & (where.until - where.since > 300_000))
    host = site.host[where.person[index]]
    first = np.ones(len(index), np.bool_)
    first[1:] = host[1:] != host[:-1]
    time = where.since[index] + 25_000
    some = first & window.holds(time)
    return seen(site, time[some], host[some], docks[host[some]])
