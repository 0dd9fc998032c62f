"""Records of Windows hosts, as Winlogbeat ships them: logons, locks, processes; and of Linux servers by syslog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.draft import NOBODY, Draft, draft, joined
from watchfloor.simulate.lines import Ints, Template, counted, iso, picked
from watchfloor.simulate.movement import Stays, Window, settling
from watchfloor.simulate.site import Site

__all__ = ["CONSOLE", "REMOTE", "UNLOCK", "at_desks", "failures", "linux", "logons", "processes", "servers", "usb"]

CONSOLE, NETWORK, BATCH, SERVICE, UNLOCK, REMOTE = 2, 3, 4, 5, 7, 10
"""Logon types."""

_ENVELOPE = (
    '{"@timestamp":"{time}","agent":{"name":"{host}","type":"winlogbeat","version":"8.17.0"},"event":{"code":"%d",'
    '"kind":"event","provider":"%s","created":"{time}"},"host":{"name":"{host}.example.com"},"winlog":{"channel":"%s",'
    '"provider_name":"%s","event_id":"%d","record_id":{record},"computer_name":"{host}.example.com","api":"wineventlog",'
    '"event_data":{%s}}}'
)
_SECURITY = "Microsoft-Windows-Security-Auditing"
_SUBJECT = (
    '"SubjectUserSid":"S-1-5-18","SubjectUserName":"{host}$","SubjectDomainName":"HARBOUR","SubjectLogonId":"0x3e7",'
)
_TARGET = (
    '"TargetUserSid":"S-1-5-21-1004336348-1177238915-682003330-{rid}","TargetUserName":"{user}",'
    '"TargetDomainName":"HARBOUR","TargetLogonId":"{logon}"'
)


def _security(code: int, data: str) -> Template:
    return Template(_ENVELOPE % (code, _SECURITY, "Security", _SECURITY, code, data))


LOGON = _security(
    4624,
    _SUBJECT + _TARGET + ',"LogonType":"{type}","LogonProcessName":"User32 ","AuthenticationPackageName":"Negotiate",'
    '"WorkstationName":"{host}","IpAddress":"{ip}","IpPort":"0"',
)
FAILURE = _security(
    4625,
    _SUBJECT + '"TargetUserSid":"S-1-0-0","TargetUserName":"{user}","TargetDomainName":"HARBOUR","Status":"0xc000006d",'
    '"FailureReason":"%%2313","SubStatus":"0xc000006a","LogonType":"{type}","LogonProcessName":"User32 ",'
    '"AuthenticationPackageName":"Negotiate","WorkstationName":"{host}","IpAddress":"{ip}","IpPort":"0"',
)
LOGOFF = _security(4634, _TARGET + ',"LogonType":"{type}"')
LOCK = _security(4800, _TARGET + ',"SessionId":"1"')
PROCESS = _security(
    4688,
    '"SubjectUserSid":"S-1-5-21-1004336348-1177238915-682003330-{rid}","SubjectUserName":"{user}",'
    '"SubjectDomainName":"HARBOUR","SubjectLogonId":"{logon}","NewProcessId":"{pid}","NewProcessName":"{program}",'
    '"TokenElevationType":"%%1936","ProcessId":"0x5a8","CommandLine":"{command}",'
    '"ParentProcessName":"C:\\\\Windows\\\\explorer.exe"',
)
USB = _security(
    6416,
    _SUBJECT
    + '"DeviceId":"USBSTOR\\\\Disk&Ven_Example&Prod_Stick\\\\{serial}","DeviceDescription":"Example USB Stick",'
    '"ClassId":"{4d36e967-e325-11ce-bfc1-08002be10318}","ClassName":"DiskDrive","VendorIds":"USBSTOR\\\\DiskExample",'
    '"CompatibleIds":"USBSTOR\\\\Disk","LocationInformation":"Port_#0003"',
)

PROGRAMS: Sequence[tuple[str, str]] = (
    (r"C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE", "OUTLOOK.EXE"),
    (r"C:\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE", "EXCEL.EXE /dde"),
    (r"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", "chrome.exe --type=renderer"),
    (r"C:\\Program Files\\Example Terminal\\Planner.exe", "Planner.exe /vessel"),
    (r"C:\\Windows\\System32\\svchost.exe", "svchost.exe -k netsvcs -p -s Schedule"),
    (r"C:\\Windows\\System32\\conhost.exe", "conhost.exe 0xffffffff -ForceV1"),
    (r"C:\\Windows\\System32\\taskhostw.exe", "taskhostw.exe"),
)

PIDS = pa.array([f"0x{4 * number:x}" for number in range(256, 1280)])

PROCESSES_PER_HOUR = 9.0
MISTYPED = 0.03
"""Share of logons before which the password was mistyped."""


def _shape(
    site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int, user: str | None
) -> tuple[Ints, npt.NDArray[Any], npt.NDArray[Any], Mapping[str, Any]]:
    time = np.asarray(time, np.int64)
    n = len(time)
    assets = np.broadcast_to(np.asarray(asset, np.int32), n)
    persons = np.broadcast_to(np.asarray(person, np.int32), n)
    columns = {
        "time": iso(time),
        "host": picked(site.words("computer"), assets),
        "record": counted(100_000 + time // 50 % 900_000_000),
        "user": user if user is not None else picked(site.words("account"), persons),
        "rid": counted(1100 + persons),
        "logon": counted(100_000 + persons * 977 % 8_000_000),
    }
    return time, assets, persons, columns


def logons(
    site: Site,
    time: Ints,
    asset: npt.NDArray[Any] | int,
    kind: int,
    *,
    person: npt.NDArray[Any] | int = NOBODY,
    user: str | None = None,
    ip: str = "127.0.0.1",
) -> Draft:
    """4624: somebody logged on; `kind` is the logon type, `user` an account that is no person's."""
    time, assets, persons, columns = _shape(site, time, asset, person, user)
    lines = LOGON.fill(len(time), type=str(kind), ip=ip, **columns)
    return draft("windows", time, lines, person=persons, asset=assets, source_asset=assets, place=site.stands[assets])


def failures(site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int) -> Draft:
    """4625: a wrong password at the console."""
    time, assets, persons, columns = _shape(site, time, asset, person, None)
    lines = FAILURE.fill(len(time), type="2", ip="127.0.0.1", **columns)
    return draft("windows", time, lines, person=persons, asset=assets, source_asset=assets, place=site.stands[assets])


def ends(site: Site, time: Ints, asset: npt.NDArray[Any] | int, person: npt.NDArray[Any] | int, *, lock: bool) -> Draft:
    """4800 the screen is locked, or 4634 the session ended."""
    time, assets, persons, columns = _shape(site, time, asset, person, None)
    lines = (LOCK if lock else LOGOFF).fill(len(time), type="2", **columns)
    return draft("windows", time, lines, person=persons, asset=assets, place=site.stands[assets])


def processes(
    site: Site,
    time: Ints,
    asset: npt.NDArray[Any] | int,
    person: npt.NDArray[Any] | int,
    *,
    rng: np.random.Generator,
    user: str | None = None,
    program: tuple[str, str] | None = None,
) -> Draft:
    """4688: a process began; a common one, or `program` (path and command line, as JSON writes them)."""
    time, assets, persons, columns = _shape(site, time, asset, person, user)
    which = rng.integers(len(PROGRAMS), size=len(time))
    lines = PROCESS.fill(
        len(time),
        pid=picked(PIDS, rng.integers(len(PIDS), size=len(time))),
        program=picked([path for path, _ in PROGRAMS], which) if program is None else program[0],
        command=picked([command for _, command in PROGRAMS], which) if program is None else program[1],
        **columns,
    )
    return draft("windows", time, lines, person=persons, asset=assets, place=site.stands[assets])


def usb(site: Site, time: Ints, asset: int, *, serial: str = "EX0001") -> Draft:
    """6416: a storage device was plugged in."""
    time, assets, _, columns = _shape(site, time, asset, NOBODY, "")
    lines = USB.fill(len(time), serial=serial, **columns)
    return draft("windows", time, lines, asset=assets, place=site.stands[assets])


def at_desks(site: Site, where: Stays, window: Window, rng: np.random.Generator) -> list[Draft]:
    """What computers write in a window of time while their owners sit at them."""
    long = (where.place == site.desk[where.person]) & (where.until - where.since > 5 * 60_000)
    index = np.flatnonzero(long & (site.host[where.person] >= 0))
    if not len(index):
        return []
    person, since, until = where.person[index], where.since[index], where.until[index]
    host = site.host[person]
    begin = since + settling(where, index)
    end = until - 15_000 - settling(where, index) // 4
    first = np.ones(len(index), np.bool_)
    first[1:] = person[1:] != person[:-1]
    last = np.roll(first, -1)
    begins, ends_ = window.holds(begin), window.holds(end)
    some, more = begins & first, begins & ~first
    locks, leaves = ends_ & ~last, ends_ & last
    found = [
        logons(site, begin[some], host[some], CONSOLE, person=person[some]),
        logons(site, begin[more], host[more], UNLOCK, person=person[more]),
        ends(site, end[locks], host[locks], person[locks], lock=True),
        ends(site, end[leaves], host[leaves], person[leaves], lock=False),
    ]
    wrong = begins & (rng.random(len(index)) < MISTYPED)
    found.append(failures(site, begin[wrong] - 6_000, host[wrong], person[wrong]))
    row, time = window.spread(begin, end, PROCESSES_PER_HOUR, rng)
    found.append(processes(site, time, host[row], person[row], rng=rng))
    return found


# -- Linux -------------------------------------------------------------------------------------------------------------

SYSLOG = Template("{time} {host} {message}")
JOBS = ("(root) CMD (/usr/local/bin/rotate.sh)", "(backup) CMD (/usr/local/bin/backup.sh --delta)",
        "(root) CMD (test -x /usr/sbin/anacron)")  # fmt: skip


def linux(
    site: Site,
    time: Ints,
    asset: npt.NDArray[Any] | int,
    message: pa.Array | str,
    *,
    person: npt.NDArray[Any] | int = NOBODY,
    source_asset: npt.NDArray[Any] | int = NOBODY,
) -> Draft:
    """Lines of syslog with ISO times."""
    time = np.asarray(time, np.int64)
    assets = np.broadcast_to(np.asarray(asset, np.int32), len(time))
    hosts = pa.array([name or uid for name, uid in zip(site.column("hostname"), site.assets, strict=True)])
    lines = SYSLOG.fill(len(time), time=iso(time), host=picked(hosts, assets), message=message)
    return draft(
        "linux", time, lines, person=person, asset=assets, source_asset=source_asset, place=site.stands[assets]
    )


def servers(site: Site, start: int, end: int, where: Stays, rng: np.random.Generator) -> Draft:
    """Jobs on servers all day, and administrators who log in from their desks."""
    codes = np.array(site.of("server"), np.int32)
    each = np.arange(start, end, 600_000)
    time = np.repeat(each, len(codes)) + rng.integers(1_000, 3_000, len(each) * len(codes))
    job = picked([f"CRON[{4000 + i}]: {text}" for i, text in enumerate(JOBS)], rng.integers(len(JOBS), size=len(time)))
    found = [linux(site, time, np.tile(codes, len(each)), job)]
    admin = (site.roles[where.person] == "it_admin") & (where.place == site.desk[where.person])
    index = np.flatnonzero(admin & (where.until - where.since > 600_000))
    if len(index):
        person = where.person[index]
        at = where.since[index] + rng.integers(200_000, 500_000, len(index))
        ips = site.column("ip")
        messages = [
            f"sshd[{5000 + p}]: Accepted publickey for {site.account[p]} from {ips[site.host[p]]} port "
            f"{50_000 + p % 9000} ssh2: ED25519 SHA256:EXAMPLE{p}"
            for p in person.tolist()
        ]
        found.append(
            linux(
                site, at, rng.choice(codes, len(index)), pa.array(messages, pa.string()), person=person,
                source_asset=site.host[person],
            )
        )  # fmt: skip
    return joined(found)
