"""Records of Sysmon, as Winlogbeat ships them: processes with their parents and hashes, connections, name look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.simulate.draft import Draft, draft
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked, stamps
from watchfloor.simulate.movement import Stays, Window
from watchfloor.simulate.network import ADDRESSES, NAMES
from watchfloor.simulate.site import Site

__all__ = ["connections", "everyday", "look_ups", "processes"]

_ENVELOPE = (
    '{"@timestamp":"{time}","agent":{"name":"{host}","type":"winlogbeat","version":"8.17.0"},"event":{"code":"%d",'
    '"kind":"event","provider":"Microsoft-Windows-Sysmon","created":"{time}"},"host":{"name":"{host}.example.com"},'
    '"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","provider_name":"Microsoft-Windows-Sysmon",'
    '"event_id":"%d","record_id":{record},"computer_name":"{host}.example.com","api":"wineventlog",'
    '"event_data":{"UtcTime":"{utc}","ProcessGuid":"{EX-{record}}","ProcessId":"{pid}","Image":"{image}",'
    '"User":"{user}",%s}}}'
)


def _event(code: int, data: str) -> Template:
    return Template(_ENVELOPE % (code, code, data))


PROCESS = _event(
    1,
    '"CommandLine":"{command}","CurrentDirectory":"C:\\\\Windows\\\\system32\\\\","Company":"{company}",'
    '"LogonId":"{logon}","IntegrityLevel":"Medium","Hashes":"SHA256={sha256}","ParentProcessId":"1448",'
    '"ParentImage":"{parent}","ParentCommandLine":"{parent_command}"',
)
CONNECTION = _event(
    3,
    '"Protocol":"tcp","Initiated":"true","SourceIsIpv6":"false","SourceIp":"{ip}","SourcePort":"{sport}",'
    '"DestinationIsIpv6":"false","DestinationIp":"{dst}","DestinationPort":"{dport}"',
)
LOOK_UP = _event(22, '"QueryName":"{query}","QueryStatus":"0","QueryResults":"::ffff:{answer};"')

PROGRAMS: Sequence[tuple[str, str, str, str, str]] = (
    (r"C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE", r"OUTLOOK.EXE /recycle",
     "Microsoft Corporation", r"C:\\Windows\\explorer.exe", r"C:\\Windows\\Explorer.EXE"),
    (r"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE", r"WINWORD.EXE /n",
     "Microsoft Corporation", r"C:\\Windows\\explorer.exe", r"C:\\Windows\\Explorer.EXE"),
    (r"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", r"chrome.exe --type=utility",
     "Google LLC", r"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", r"chrome.exe"),
    (r"C:\\Program Files\\Example Terminal\\Planner.exe", r"Planner.exe /berth",
     "Example Terminal Systems", r"C:\\Windows\\explorer.exe", r"C:\\Windows\\Explorer.EXE"),
    (r"C:\\Windows\\System32\\backgroundTaskHost.exe", r"backgroundTaskHost.exe -ServerName:App",
     "Microsoft Corporation", r"C:\\Windows\\System32\\svchost.exe", r"svchost.exe -k DcomLaunch -p"),
)  # fmt: skip
"""Path, command line, company, path and command line of the parent; as JSON writes them."""

PIDS = pa.array([str(4 * number) for number in range(500, 3_000)])
PORTS = pa.array([str(port) for port in range(49_152, 51_200)])
HASHES = pa.array([f"{number * 2654435761 % (1 << 64):016x}" * 4 for number in range(1, 9)])

PROCESSES_PER_HOUR, CONNECTIONS_PER_HOUR, LOOK_UPS_PER_HOUR = 5.0, 3.0, 3.0


def _shape(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int, user: str | None,
    rng: np.random.Generator,
) -> tuple[Ints, npt.NDArray[Any], npt.NDArray[Any], dict[str, Any]]:  # fmt: skip
    time = np.asarray(time, np.int64)
    n = len(time)
    assets = np.broadcast_to(np.asarray(asset, np.int32), n)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    named = pc.binary_join_element_wise("HARBOUR\\\\", picked(site.words("account"), persons), "")
    return time, assets, persons, {
        "time": iso(time),
        "utc": stamps(time),
        "host": picked(site.words("computer"), assets),
        "record": counted(100_000 + time // 50 % 900_000_000),
        "pid": picked(PIDS, rng.integers(len(PIDS), size=n)),
        "user": named if user is None else user,
        "logon": counted(100_000 + persons.astype(np.int64) * 977 % 8_000_000),
    }  # fmt: skip


def processes(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int, *, rng: np.random.Generator,
    user: str | None = None, program: tuple[str, str, str, str, str] | None = None,
) -> Draft:  # fmt: skip
    """1: a process began; a common one, or `program` (a row like those of `PROGRAMS`)."""
    time, assets, persons, columns = _shape(site, time, asset, person, user, rng)
    which = rng.integers(len(PROGRAMS), size=len(time))
    rows = PROGRAMS if program is None else [program] * len(PROGRAMS)
    names = ("image", "command", "company", "parent", "parent_command")
    told = {name: picked([row[number] for row in rows], which) for number, name in enumerate(names)}
    lines = PROCESS.fill(len(time), sha256=picked(HASHES, which), **told, **columns)
    return draft("sysmon", time, lines, person=persons, asset=assets, place=site.stands[assets], delay=2_000)


def connections(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int, dst: pa.Array | str, *,
    rng: np.random.Generator, port: int = 443,
) -> Draft:  # fmt: skip
    """3: a process connected to an address outside."""
    time, assets, persons, columns = _shape(site, time, asset, person, None, rng)
    which = rng.integers(len(PROGRAMS), size=len(time))
    lines = CONNECTION.fill(
        len(time), image=picked([row[0] for row in PROGRAMS], which), ip=picked(site.words("ip"), assets),
        sport=picked(PORTS, rng.integers(len(PORTS), size=len(time))), dst=dst, dport=str(port), **columns,
    )  # fmt: skip
    return draft(
        "sysmon", time, lines, person=persons, asset=assets, source_asset=assets, place=site.stands[assets],
        delay=2_000,
    )  # fmt: skip


def look_ups(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int, query: pa.Array | str,
    answer: pa.Array | str, *, rng: np.random.Generator,
) -> Draft:  # fmt: skip
    """22: a process asked for the address of a name."""
    time, assets, persons, columns = _shape(site, time, asset, person, None, rng)
    which = rng.integers(len(PROGRAMS), size=len(time))
    lines = LOOK_UP.fill(
        len(time), image=picked([row[0] for row in PROGRAMS], which), query=query, answer=answer, **columns
    )
    return draft("sysmon", time, lines, person=persons, asset=assets, place=site.stands[assets], delay=2_000)


def everyday(site: Site, where: Stays, window: Window, rng: np.random.Generator) -> list[Draft]:
    """What Sysmon writes in a window of time while owners sit at their computers."""
    long = (where.place == site.desk[where.person]) & (where.until - where.since > 300_000)
    index = np.flatnonzero(long & (site.host[where.person] >= 0))
    person = where.person[index]
    host = site.host[person]
    begin, end = where.since[index] + 150_000, where.until[index] - 15_000
    row, time = window.spread(begin, end, PROCESSES_PER_HOUR, rng)
    found = [processes(site, time, host[row], person[row], rng=rng)]
    row, time = window.spread(begin, end, CONNECTIONS_PER_HOUR, rng)
    outside = picked(ADDRESSES, rng.integers(len(ADDRESSES), size=len(time)))
    found.append(connections(site, time, host[row], person[row], outside, rng=rng))
    row, time = window.spread(begin, end, LOOK_UPS_PER_HOUR, rng)
    outside = picked(ADDRESSES, rng.integers(len(ADDRESSES), size=len(time)))
    names = picked(NAMES, rng.integers(len(NAMES), size=len(time)))
    found.append(look_ups(site, time, host[row], person[row], names, outside, rng=rng))
    return found
