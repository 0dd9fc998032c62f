"""Records of the office network and the plant, as Zeek writes them in JSON with `_path`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.draft import NOBODY, Draft, draft, joined
from watchfloor.simulate.lines import Ints, Template, counted, picked, seconds
from watchfloor.simulate.movement import Stays, Window
from watchfloor.simulate.site import Site

__all__ = [
    "LISTED",
    "bacnet",
    "connections",
    "desks",
    "dnp3",
    "leases",
    "modbus",
    "plant",
    "s7",
    "sightings",
    "temperatures",
]

_ENDS = '"ts":{ts},"uid":"C{uid}","id.orig_h":"{src}","id.orig_p":{sport},"id.resp_h":"{dst}","id.resp_p":{dport}'
CONN = Template(
    '{"_path":"conn",' + _ENDS + ',"proto":"tcp","service":"{service}","duration":{duration},"orig_bytes":{sent},'
    '"resp_bytes":{received},"conn_state":"{state}","local_orig":true,"missed_bytes":0,"history":"ShADadfF",'
    '"orig_pkts":9,"orig_ip_bytes":{sent},"resp_pkts":8,"resp_ip_bytes":{received}}'
)
DNS = Template(
    '{"_path":"dns",' + _ENDS + ',"proto":"udp","trans_id":{trans},"query":"{query}","qclass":1,'
    '"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,'
    '"RD":true,"RA":true,"Z":0,"answers":["{answer}"],"TTLs":[60.0],"rejected":false}'
)
HTTP = Template(
    '{"_path":"http",' + _ENDS + ',"trans_depth":1,"method":"GET","host":"{host}","uri":"/{trans}",'
    '"user_agent":"Mozilla/5.0","request_body_len":0,"response_body_len":{received},"status_code":200,'
    '"status_msg":"OK","tags":[]}'
)
INTEL = Template(
    '{"_path":"intel",' + _ENDS + ',"seen.indicator":"{dst}","seen.indicator_type":"Intel::ADDR",'
    '"seen.where":"Conn::IN_RESP","seen.node":"zeek","matched":["Intel::ADDR"],"sources":["port-isac"]}'
)
DHCP = Template(
    '{"_path":"dhcp","ts":{ts},"uids":["C{uid}"],"client_addr":"{ip}","server_addr":"10.21.0.10","mac":"{mac}",'
    '"host_name":"{host}","assigned_addr":"{ip}","lease_time":28800.0,"msg_types":["REQUEST","ACK"],"duration":0.004}'
)
MODBUS = Template('{"_path":"modbus",' + _ENDS + ',"unit_id":1,"func":"{func}"}')
DNP3 = Template('{"_path":"dnp3",' + _ENDS + ',"fc_request":"{func}","fc_reply":"RESPONSE","iin":4096}')
S7COMM = Template(
    '{"_path":"s7comm",' + _ENDS + ',"is_orig":true,"source_h":"{src}","source_p":{sport},"destination_h":"{dst}",'
    '"destination_p":{dport},"rosctr_code":1,"rosctr_name":"Job-Request","pdu_reference":{trans},'
    '"function_code":"{code}","function_name":"{func}"}'
)
BACNET = Template(
    '{"_path":"bacnet",' + _ENDS + ',"is_orig":true,"source_h":"{src}","source_p":{sport},"destination_h":"{dst}",'
    '"destination_p":{dport},"bvlc_function":"Original-Unicast-NPDU","pdu_type":"{pdu}","pdu_service":"{func}",'
    '"invoke_id":{trans}}'
)
BACNET_PROPERTY = Template(
    '{"_path":"bacnet_property",' + _ENDS + ',"is_orig":false,"source_h":"{dst}","source_p":{dport},'
    '"destination_h":"{src}","destination_p":{sport},"pdu_service":"{func}","object_type":"{object}",'
    '"instance_number":{instance},"property":"present_value","value":"{value}"}'
)

NAMES: Sequence[str] = tuple(
    f"{name}.example.{top}" for name in ("www", "mail", "files", "news", "weather", "vessel", "customs", "cdn")
    for top in ("com", "org", "net")
)  # fmt: skip
ADDRESSES = pa.array([f"203.0.113.{i}" for i in range(20, 120)])
LISTED = tuple(f"203.0.113.{i}" for i in range(130, 138))
"""Addresses of which a feed of threat intelligence warns: `intel/port-isac.csv` of an estate that is founded."""

SIGHTED = 0.01
"""Share of stays at a desk in which one of them is met."""

PORTS = pa.array([str(port) for port in range(49_152, 51_200)])
NUMBERS = pa.array([str(number) for number in range(1_000)])
SIZES = pa.array([str(97 * size + 300) for size in range(4_000)])

CONNECTIONS_PER_HOUR, LOOKUPS_PER_HOUR, PAGES_PER_HOUR = 28.0, 18.0, 6.0

S7_CODES: Mapping[str, str] = {
    "Read Variable": "0x04", "Write Variable": "0x05", "Request Download": "0x1a", "Download Block": "0x1b",
    "Download Ended": "0x1c", "Start Upload": "0x1d", "Upload": "0x1e", "End Upload": "0x1f",
    "PLC Control": "0x28", "PLC Stop": "0x29", "Setup Communication": "0xf0",
}  # fmt: skip

POLL_MS = 60_000
"""How often the plant's controllers are read."""


def _ends(time: Ints, src: pa.Array | str, dst: pa.Array | str, port: int, rng: np.random.Generator) -> dict[str, Any]:
    n = len(time)
    return {
        "ts": seconds(time),
        "uid": counted(time * 7 % 1_000_000_007),
        "src": src,
        "sport": picked(PORTS, rng.integers(0, len(PORTS), n)),
        "dst": dst,
        "dport": str(port),
        "trans": picked(NUMBERS, rng.integers(0, len(NUMBERS), n)),
    }


def connections(
    site: Site,
    time: Ints,
    src: npt.NDArray[Any] | int,
    dst: pa.Array | str,
    port: int,
    *,
    rng: np.random.Generator,
    service: str = "ssl",
    state: str = "SF",
    sent: pa.Array | str = "1200",
    target: npt.NDArray[Any] | int = NOBODY,
    source: str = "zeek-it",
    address: str | None = None,
) -> Draft:
    """Connections of assets to an address; from an address of nobody's where `address` says so."""
    time = np.asarray(time, np.int64)
    assets = np.broadcast_to(np.asarray(src, np.int32), len(time))
    ips = site.words("ip")
    lines = CONN.fill(
        len(time), service=service, state=state, sent=sent, received="5400", duration="1.25",
        **_ends(time, picked(ips, assets % (len(site.assets) + 1)) if address is None else address, dst, port, rng),
    )  # fmt: skip
    return draft(source, time, lines, asset=target, source_asset=assets, delay=1500)


def desks(site: Site, where: Stays, window: Window, rng: np.random.Generator) -> list[Draft]:
    """What computers do on the network in a window of time while somebody sits at them."""
    long = (where.place == site.desk[where.person]) & (where.until - where.since > 300_000)
    index = np.flatnonzero(long & (site.host[where.person] >= 0))
    host = site.host[where.person[index]]
    begin, end = where.since[index] + 60_000, where.until[index] - 20_000
    ips = site.words("ip")

    def spread(rate: float) -> tuple[Ints, npt.NDArray[Any], pa.Array, pa.Array]:
        """Time, computer, its address, an address outside."""
        row, time = window.spread(begin, end, rate, rng)
        outside = picked(ADDRESSES, rng.integers(len(ADDRESSES), size=len(time)))
        return time, host[row], picked(ips, host[row]), outside

    time, asset, _, target = spread(CONNECTIONS_PER_HOUR)
    sizes = picked(SIZES, (rng.pareto(2.0, len(time)) * 40).astype(int) % len(SIZES))
    found = [connections(site, time, asset, target, 443, rng=rng, sent=sizes)]
    time, asset, address, target = spread(LOOKUPS_PER_HOUR)
    names = picked(NAMES, rng.integers(len(NAMES), size=len(time)))
    lines = DNS.fill(len(time), query=names, answer=target, **_ends(time, address, "10.21.0.10", 53, rng))
    found.append(
        draft("zeek-it", time, lines, asset=site.asset_code.get("asset-dc-01", NOBODY), source_asset=asset, delay=1500)
    )
    time, asset, address, target = spread(PAGES_PER_HOUR)
    names = picked(NAMES, rng.integers(len(NAMES), size=len(time)))
    lines = HTTP.fill(len(time), host=names, received="2048", **_ends(time, address, target, 80, rng))
    found.append(draft("zeek-it", time, lines, source_asset=asset, delay=1500))
    first = np.ones(len(index), np.bool_)
    first[1:] = host[1:] != host[:-1]
    first &= window.holds(begin)
    found.append(leases(site, begin[first] - 30_000, host[first]))
    return found


def sightings(site: Site, where: Stays, rng: np.random.Generator) -> Draft:
    """Addresses of a threat feed that computers talked to: the connection, and what the sensor says of it."""
    rows = np.flatnonzero((where.place == site.desk[where.person]) & (site.host[where.person] >= 0))
    chosen = rows[rng.random(len(rows)) < SIGHTED]
    time = where.since[chosen] + (rng.random(len(chosen)) * (where.until - where.since)[chosen]).astype(np.int64)
    asset = site.host[where.person[chosen]]
    listed = picked(LISTED, rng.integers(len(LISTED), size=len(chosen)))
    lines = INTEL.fill(len(time), **_ends(time, picked(site.words("ip"), asset), listed, 443, rng))
    seen = draft("zeek-it", time, lines, source_asset=asset, delay=1500)
    return joined([connections(site, time, asset, listed, 443, rng=rng), seen])


def leases(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, *, mac: str | None = None, name: str | None = None,
    ip: str | None = None,
) -> Draft:  # fmt: skip
    """Addresses that were given out; `mac`, `name` and `ip` for a device nobody knows."""
    time = np.asarray(time, np.int64)
    assets = np.broadcast_to(np.asarray(asset, np.int32), len(time))

    def column(kind: str) -> pa.Array:
        return picked(site.words(kind), assets % (len(site.assets) + 1))

    lines = DHCP.fill(
        len(time), ts=seconds(time), uid=counted(time % 1_000_000_007), ip=column("ip") if ip is None else ip,
        mac=column("mac") if mac is None else mac, host=column("hostname") if name is None else name,
    )  # fmt: skip
    return draft(
        "zeek-it", time, lines, asset=site.asset_code.get("asset-dc-01", NOBODY), source_asset=assets, delay=1500
    )


# -- the plant ---------------------------------------------------------------------------------------------------------


def _command(
    template: Template, port: int, site: Site, time: Ints, src: int, dst: int, rng: np.random.Generator,
    **columns: Any,
) -> Draft:  # fmt: skip
    time = np.asarray(time, np.int64)
    ips = site.column("ip")
    lines = template.fill(
        len(time), **columns, **_ends(time, ips[src] if src >= 0 else "10.40.99.66", ips[dst], port, rng)
    )
    place = site.place_code.get(site.directory.assets[site.assets[dst]].place, NOBODY)
    return draft("zeek-ot", time, lines, asset=dst, source_asset=src, place=place, delay=1500)


def modbus(site: Site, time: Ints, src: int, dst: int, func: str, rng: np.random.Generator) -> Draft:
    """Modbus requests; `src` -1 is a station nobody knows."""
    return _command(MODBUS, 502, site, time, src, dst, rng, func=func)


def dnp3(site: Site, time: Ints, src: int, dst: int, func: str, rng: np.random.Generator) -> Draft:
    """DNP3 requests."""
    return _command(DNP3, 20000, site, time, src, dst, rng, func=func)


def s7(site: Site, time: Ints, src: int, dst: int, func: str, rng: np.random.Generator) -> Draft:
    """S7comm jobs; `func` is a key of `S7_CODES`."""
    return _command(S7COMM, 102, site, time, src, dst, rng, func=func, code=S7_CODES[func])


def bacnet(site: Site, time: Ints, src: int, dst: int, func: str, rng: np.random.Generator) -> Draft:
    """BACnet requests: read_property, write_property, device_communication_control, reinitialize_device ..."""
    return _command(BACNET, 47808, site, time, src, dst, rng, func=func, pdu="ConfirmedRequest")


def temperatures(
    site: Site,
    time: Ints,
    src: int,
    dst: int,
    celsius: npt.NDArray[np.floating],
    rng: np.random.Generator,
    *,
    instance: str = "1",
) -> Draft:
    """Temperatures of the room a controller cools, as read by the building management; instance 2 is the return air."""
    value = counted(np.round(celsius * 10).astype(np.int64)).to_pylist()
    text = pa.array([f"{v[:-1] or '0'}.{v[-1]}" for v in value], pa.string())
    return _command(
        BACNET_PROPERTY, 47808, site, time, src, dst, rng, func="read_property_multiple", object="analog_input",
        instance=instance, value=text,
    )  # fmt: skip


def plant(site: Site, start: int, end: int, rng: np.random.Generator) -> Draft:
    """A day of the plant: reads every minute, set-points from the control room, a backup that reads logic."""
    code = site.asset_code
    each = np.arange(start, end, POLL_MS)

    def jitter(times: Ints) -> Ints:
        return times + rng.integers(0, 900, len(times))

    found = []
    for uid, asset in site.directory.assets.items():
        target = code[uid]
        if asset.kind == "plc" and asset.vendor == "Siemens":
            found.append(s7(site, jitter(each), code["asset-scada"], target, "Read Variable", rng))
            writes = np.sort(rng.integers(start, end, 60))
            hmi = code.get(uid.replace("plc", "hmi"), code["asset-hmi-1"])
            found.append(s7(site, writes, hmi, target, "Write Variable", rng))
            night = np.array([start + 2 * 3_600_000 + 60_000 * (target % 30)])
            for step, func in enumerate(("Start Upload", "Upload", "End Upload")):
                found.append(s7(site, night + 900 * step, code["asset-ot-backup"], target, func, rng))
        elif asset.kind == "plc" and asset.vendor == "Schneider":
            found.append(modbus(site, jitter(each), code["asset-scada"], target, "READ_HOLDING_REGISTERS", rng))
            writes = np.sort(rng.integers(start, end, 40))
            found.append(modbus(site, writes, code["asset-hmi-2"], target, "WRITE_SINGLE_REGISTER", rng))
        elif asset.kind == "rtu":
            found.append(dnp3(site, jitter(each), code["asset-scada"], target, "READ", rng))
            found.append(dnp3(site, np.sort(rng.integers(start, end, 4)), code["asset-scada"], target, "SELECT", rng))
        elif asset.zone == "zone-bms" and asset.kind == "plc":
            five = each[::5]
            found.append(bacnet(site, jitter(five), code["asset-bms"], target, "read_property_multiple", rng))
            warm = 21 + 0.4 * np.sin((five - start) / 3_600_000) + rng.normal(0, 0.1, len(five))
            found.append(temperatures(site, jitter(five) + 900, code["asset-bms"], target, warm, rng))
            planned = start + np.array([6, 20]) * 3_600_000
            found.append(bacnet(site, planned, code["asset-bms"], target, "write_property", rng))
    return joined(found)
