"""Linux to OCSF: syslog lines (RFC 3164, RFC 5424, ISO times, the journal's JSON) and audit events.

A syslog message is free text: `PATTERNS` says by program what the known ones mean (sources: OpenSSH's auth.c, auth2.c,
packet.c and sshd.c, Linux-PAM's pam_unix, sudo's logging.c, shadow-utils, cron and cronie). The text itself is always
`message`. An audit event's fields keep the names that auditd gives them, below the type of their line
(`unmapped.syscall.exe`); what the system call's number means is added as `unmapped.SYSCALL` where auditd did not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from watchfloor.collect.convert import basename, ip, iso, json, real, unix_s, unix_us
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.collect.records import Records
from watchfloor.ocsf.column import Column

LOGON, LOGOFF, SWITCH, OTHER = 1, 2, 7, 99
SUCCESS, FAILURE = 1, 2
OPEN, CLOSE, RESET, FAIL, REFUSE = 1, 2, 3, 4, 5

JOURNAL: Mapping[str, str] = {
    "MESSAGE": "message", "_HOSTNAME": "hostname", "SYSLOG_IDENTIFIER": "app_name", "_PID": "procid",
}  # fmt: skip
"""Fields of the journal (systemd.journal-fields(7)) -> those of a syslog line."""

SEVERITY: Mapping[str, int] = {
    "emerg": 5, "alert": 4, "crit": 4, "err": 3, "warning": 2, "0": 5, "1": 4, "2": 4, "3": 3, "4": 2,
}  # fmt: skip

FACILITY_LOGS: Mapping[str, str] = {"auth": "auth", "authpriv": "auth", "cron": "cron", "mail": "mail"}
FILE_LOGS: tuple[tuple[str, str], ...] = (
    ("auth", "auth"), ("secure", "auth"), ("cron", "cron"), ("maillog", "mail"), ("mail", "mail"),
    ("messages", "syslog"), ("syslog", "syslog"), ("kern", "kern"), ("daemon", "daemon"),
)  # fmt: skip
PROGRAM_LOGS: Mapping[str, str] = {
    **dict.fromkeys(("sshd", "sudo", "su", "login", "systemd-logind", "useradd", "userdel", "usermod", "groupadd",
    "groupdel", "gpasswd", "passwd", "chage", "polkitd", "polkit"), "auth"),
    **dict.fromkeys(("cron", "crond", "crontab", "anacron"), "cron"),
}  # fmt: skip
"""In which log a line stands: by its facility, else by the file's name, else by the program."""

ALIASES: Mapping[str, str] = {
    "sshd-session": "sshd",
    "sshd-auth": "sshd",
    "/usr/sbin/sshd": "sshd",
    "/usr/sbin/cron": "cron",
    "cron": "cron",
    "crond": "cron",
    "crontab": "cron",
}

# -- what messages mean -----------------------------------------------------------------------------------------------
# (program, regular expression, family, facts). Groups: user, host, port, method, by, reason, service, tty, session,
# uid, gid, home, shell, group, cmd, cwd. Facts are constants: activity, status, switch, remote.

_HOST = r"(?P<host>[^\s,;]+?)(?:\s+port (?P<port>\d+))?"
_FROM = rf"from {_HOST}"
_END = r"(?: on \S+(?: port \d+)?)?(?: ssh\d)?(?:: (?P<key>[^\[]*?))?(?: via \S+)?(?: \[preauth\])?\s*$"
_OLD_USER = r"(?:(?:invalid|illegal|authenticating) user )"
_SSH_FAILED = {"activity": LOGON, "status": FAILURE, "remote": True}
_SSH_USERLESS = {"activity": FAIL, "status": FAILURE}

PATTERNS: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = (
    ("sshd", rf"Accepted (?P<method>\S+) for (?P<user>.*) {_FROM}{_END}", "logon",
     {"activity": LOGON, "status": SUCCESS, "remote": True}),
    ("sshd", rf"Failed (?P<method>\S+) for {_OLD_USER}?(?P<user>.*?) {_FROM}{_END}", "logon", _SSH_FAILED),
    ("sshd", rf"(?:Invalid|Illegal) user (?P<user>.*?) ?{_FROM}{_END}", "logon",
     {**_SSH_FAILED, "reason": "invalid user"}),
    ("sshd", rf"(?P<user>ROOT) LOGIN REFUSED FROM {_HOST}{_END}", "logon", {**_SSH_FAILED, "reason": "refused"}),
    ("sshd", rf"User (?P<user>.*) {_FROM} not allowed because (?P<reason>.*)", "logon", _SSH_FAILED),
    ("sshd", r"User (?P<user>\S+) not allowed because (?P<reason>.*)", "logon", _SSH_FAILED),
    ("sshd", rf"PAM: (?P<reason>[\w ]+?) for {_OLD_USER}?(?P<user>.*?) {_FROM}{_END}", "logon", _SSH_FAILED),
    ("sshd", r"refused connect from \S+ \((?P<host>[^)\s]+)\)", "connection", {"activity": REFUSE, "status": FAILURE}),
    ("sshd", r"refused connect from (?:\S*@)?(?P<host>\S+)", "connection", {"activity": REFUSE, "status": FAILURE}),
    ("sshd", (rf"(?:[Mm]aximum|Disconnecting: Too many|[Tt]oo many) ?(?:authentication )?(?P<reason>attempts exceeded|"
     rf"authentication failures) for {_OLD_USER}?(?P<user>.*?) {_FROM}{_END}"), "logon", _SSH_FAILED),
    ("sshd", (r"Disconnecting: (?P<reason>Too many authentication failures) for (?:invalid user )?(?P<user>.*?)"
     r"(?: \[preauth\])?\s*$"), "logon", _SSH_FAILED),
    ("sshd", rf"Disconnecting {_OLD_USER}(?P<user>.*?) {_HOST}: (?P<reason>.*?)(?: \[preauth\])?\s*$", "logon",
     _SSH_FAILED),
    ("sshd", (rf"(?P<reason>Connection (?:closed|reset)|Disconnected|Received disconnect) (?:by|from) {_OLD_USER}"
     rf"(?P<user>.*?) {_HOST}(?::.*)?(?: \[preauth\])?\s*$"), "logon", _SSH_FAILED),
    ("sshd", rf"Disconnected from user (?P<user>\S+) {_HOST}\s*$", "logon",
     {"activity": LOGOFF, "status": SUCCESS, "remote": True}),
    ("sshd", rf"Received disconnect {_FROM}: ?\d+:.*(?P<reason>[Nn]o (?:supported )?authentication methods).*",
     "connection", _SSH_USERLESS),
    ("sshd", rf"Received disconnect {_FROM}: ?\d+: (?P<reason>.*Auth fail.*)", "connection", _SSH_USERLESS),
    ("sshd", (rf"(?P<reason>Connection (?:closed|reset)|Disconnected|Received disconnect) (?:by|from) {_HOST}(?::.*)?"
     r"\s+\[preauth\]\s*$"), "connection", _SSH_USERLESS),
    ("sshd", rf"Connection reset by {_HOST}\s*$", "connection", {"activity": RESET}),
    ("sshd", rf"(?:Connection closed by|Disconnected from|Received disconnect from) {_HOST}(?::.*)?\s*$", "connection",
     {"activity": CLOSE}),
    ("sshd", rf"Connection {_FROM} on .*", "connection", {"activity": OPEN}),
    ("sshd", rf"(?P<reason>Did not receive identification string) {_FROM}(?:: .*)?\s*$", "connection", _SSH_USERLESS),
    ("sshd", rf"(?P<reason>Bad protocol version identification) '?.*'? {_FROM}\s*$", "connection", _SSH_USERLESS),
    ("sshd", rf"(?P<reason>Unable to negotiate) with {_HOST}: .*", "connection", _SSH_USERLESS),
    ("sshd", rf"(?P<reason>Timeout before authentication) for (?:connection from )?{_HOST}(?:,? .*)?$", "connection",
     _SSH_USERLESS),
    ("sshd", (rf"(?:banner exchange|ssh_dispatch_run_fatal|ssh_packet_\w+): Connection {_FROM}: (?P<reason>.*?)"
     r"(?: \[preauth\])?\s*$"), "connection", _SSH_USERLESS),
    ("sshd", (rf"(?:banner exchange|ssh_dispatch_run_fatal): Connection from {_OLD_USER}(?P<user>\S*) {_HOST}: "
     r"(?P<reason>.*?)(?: \[preauth\])?\s*$"), "logon", _SSH_FAILED),
    ("sshd", r"input_userauth_request: invalid user (?P<user>.*?) \[preauth\]", "logon",
     {**_SSH_FAILED, "reason": "invalid user"}),
    ("sudo", (r"\s*(?P<by>\S+) : (?P<reason>(?:\d+ incorrect password attempts?|command not allowed|"
     r"user NOT in sudoers|"
     r"user NOT authorized on host|a password is required|no tty present.*?|timestamp .*?|"
     r"account validation failure.*?))"
     r" ; (?:TTY=(?P<tty>\S+) ; )?(?:PWD=(?P<cwd>.*?) ; )?(?:USER=(?P<user>\S+) ; )?(?:\w+=\S+ ; )*"
     r"COMMAND=(?P<cmd>.*)$"),
     "logon", {"activity": SWITCH, "status": FAILURE}),
    ("sudo", (r"\s*(?P<by>\S+) : (?:HOST=\S+ ; )?(?:TTY=(?P<tty>\S+) ; )?PWD=(?P<cwd>.*?) ; (?:GROUP=\S+ ; )?"
     r"USER=(?P<user>\S+) ; (?:\w+=\S+ ; )*COMMAND=(?P<cmd>.*)$"), "command", {"status": SUCCESS}),
    ("su", r"Successful su for (?P<user>\S+) by (?P<by>\S+)", "logon", {"activity": SWITCH, "status": SUCCESS}),
    ("su", (r"FAILED [sS][uU] (?:\(to (?P<user>\S+)\) (?P<by>\S+)|for (?P<user2>\S+) by (?P<by2>\S+))"
     r"(?: on (?P<tty>\S+))?"),
     "logon", {"activity": SWITCH, "status": FAILURE}),
    ("su", r"\(to (?P<user>\S+)\) (?P<by>\S+) on (?P<tty>\S+)", "logon", {"activity": SWITCH, "status": SUCCESS}),
    ("su", r"\+ (?P<tty>\S+) (?P<by>\S+)[:-](?P<user>\S+)", "logon", {"activity": SWITCH, "status": SUCCESS}),
    ("su", r"- (?P<tty>\S+) (?P<by>\S+)[:-](?P<user>\S+)", "logon", {"activity": SWITCH, "status": FAILURE}),
    ("login", r"FAILED LOGIN \S+ (?:on|ON|FROM|from) '?(?P<tty>[^\s']+)'? FOR '?(?P<user>[^',]*)'?,? ?(?P<reason>.*)",
     "logon", {"activity": LOGON, "status": FAILURE}),
    ("login", r"(?P<user>ROOT) LOGIN\s+[oO][nN] '?(?P<tty>[^\s']+)'?(?: (?:FROM|from) '?(?P<host>[^\s']+)'?)?", "logon",
     {"activity": LOGON, "status": SUCCESS}),
    ("login", r"LOGIN ON (?P<tty>\S+) BY (?P<user>\S+)(?: FROM (?P<host>\S+))?", "logon",
     {"activity": LOGON, "status": SUCCESS}),
    ("systemd-logind", r"New session '?(?P<session>\S+?)'? of user '?(?P<user>.+?)'?(?: with .*)?\.?$", "logon",
     {"activity": LOGON, "status": SUCCESS}),
    ("useradd", (r"new user: name=(?P<user>[^,]+), UID=(?P<uid>\d+), GID=(?P<gid>\d+), home=(?P<home>[^,]*), "
     r"shell=(?P<shell>[^,]*).*"), "account", {"activity": 1, "status": SUCCESS}),
    ("useradd", r"failed adding user '(?P<user>[^']+)'(?:, (?P<reason>.*))?", "account",
     {"activity": 1, "status": FAILURE}),
    ("userdel", r"delete user '(?P<user>[^']+)'", "account", {"activity": 6, "status": SUCCESS}),
    ("usermod", r"lock user '(?P<user>[^']+)' password", "account", {"activity": 9, "status": SUCCESS}),
    ("usermod", r"unlock user '(?P<user>[^']+)' password", "account", {"activity": 12, "status": SUCCESS}),
    ("usermod", r"change user '(?P<user>[^']+)' password", "account", {"activity": 4, "status": SUCCESS}),
    ("usermod", r"change user (?:name )?'(?P<user>[^']+)' (?P<reason>.*)", "account",
     {"activity": 99, "status": SUCCESS}),
    ("chage", r"changed password expiry for (?P<user>\S+)", "account", {"activity": 99, "status": SUCCESS}),
    ("passwd", r"password for '(?P<user>[^']+)' changed by '(?P<by>[^']+)'", "account",
     {"activity": 4, "status": SUCCESS}),
    ("*", r"add '(?P<user>[^']+)' to (?:shadow )?group '(?P<group>[^']+)'", "group",
     {"activity": 3, "status": SUCCESS}),
    ("*", r"delete '(?P<user>[^']+)' from (?:shadow )?group '(?P<group>[^']+)'", "group",
     {"activity": 4, "status": SUCCESS}),
    ("gpasswd", r"user (?P<user>\S+) added by (?P<by>\S+) to group (?P<group>\S+)", "group",
     {"activity": 3, "status": SUCCESS}),
    ("gpasswd", r"user (?P<user>\S+) removed by (?P<by>\S+) from group (?P<group>\S+)", "group",
     {"activity": 4, "status": SUCCESS}),
    ("*", r"new group: name=(?P<group>[^,]+), GID=(?P<gid>\d+)", "group", {"activity": 6, "status": SUCCESS}),
    ("groupadd", r"group added to \S+: name=(?P<group>[^,]+)(?:, GID=(?P<gid>\d+))?", "group",
     {"activity": 6, "status": SUCCESS}),
    ("groupdel", r"group '(?P<group>[^']+)' removed(?: from \S+)?", "group", {"activity": 5, "status": SUCCESS}),
    ("userdel", r"removed (?:shadow )?group '(?P<group>[^']+)' owned by '(?P<user>[^']+)'", "group",
     {"activity": 5, "status": SUCCESS}),
    ("cron", r"\((?P<user>[^)]*)\) (?P<reason>CMD) \(\s*(?P<cmd>.*)\)\s*$", "job", {"activity": 6}),
    ("cron", r"\((?P<user>[^)]*)\) (?P<reason>REPLACE|RELOAD|BEGIN EDIT|END EDIT) \((?P<cmd>.*)\)\s*$", "job",
     {"activity": 2}),
    ("cron", r"\((?P<user>[^)]*)\) (?P<reason>DELETE) \((?P<cmd>.*)\)\s*$", "job", {"activity": 3}),
    ("cron", r"\((?P<user>[^)]*)\) (?P<reason>LIST|CMDEND|CMDOUT) \((?P<cmd>.*)\)\s*$", "job", {"activity": 99}),
    # PAM, whoever calls it
    ("*", (r"(?:pam_\w+\((?P<service>[^:)]+):auth\): |\(pam_unix\) )?authentication failure; logname=\S* "
     r"uid=\S* euid=\S* tty=(?P<tty>\S*) ruser=(?P<by>\S*) rhost=(?P<host>\S*)(?:\s+user=(?P<user>.*?))?\s*$"), "logon",
     {"activity": LOGON, "status": FAILURE}),
    ("*", (r"(?:pam_\w+\((?P<service>[^:)]+):session\): |\(pam_unix\) )?session opened for user (?P<user>[^\s(]+)"
     r"(?:\(uid=(?P<uid>\d+)\))? by (?P<by>[^\s(]*)\(uid=\d+\)"), "logon",
     {"activity": LOGON, "status": SUCCESS, "switchable": True}),
    ("*", r"(?:pam_\w+\((?P<service>[^:)]+):session\): |\(pam_unix\) )?session closed for user (?P<user>\S+)", "logon",
     {"activity": LOGOFF, "status": SUCCESS}),
    ("*", r"pam_\w+\((?P<service>[^:)]+):chauthtok\): password changed for (?P<user>\S+)", "account",
     {"activity": 3, "status": SUCCESS}),
    ("vsftpd", r"(?:pam_\S+ )?\[(?P<user>[^\]]+)\] FAIL LOGIN: Client \"(?P<host>[^\"]+)\"", "logon", _SSH_FAILED),
    ("vsftpd", r"(?:pam_\S+ )?\[(?P<user>[^\]]+)\] OK LOGIN: Client \"(?P<host>[^\"]+)\"", "logon",
     {"activity": LOGON, "status": SUCCESS, "remote": True}),
    ("proftpd", (r"\S+ \(\S*?\[(?P<host>[^\]]+)\]\)\s*[:-] USER (?P<user>.*?)"
     r"(?: \(Login failed\)|:) ?:? ?(?P<reason>.*?)\s*$"),
     "logon", _SSH_FAILED),
)  # fmt: skip

_COMPILED = tuple((program, re.compile(pattern), family, facts) for program, pattern, family, facts in PATTERNS)
_NOISE = re.compile(r"(?:\[ID \d+ \w+\.\w+\] |error: |fatal: |info: |debug\d: |(?:sshd)\[\d+\]: )+")
_SYSLOG_TIME = re.compile(
    r"([A-Z][a-z]{2}) +(\d{1,2}) (?:(\d{4}) )?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d+))?(?: (\d{4}))?\Z"
)
MONTHS = {name: i for i, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
                                            "Nov", "Dec"), 1)}  # fmt: skip
DAY_MS = 86_400_000

# -- audit events -----------------------------------------------------------------------------------------------------

AUTH_TYPES: Mapping[str, int] = {
    "USER_AUTH": LOGON, "USER_LOGIN": LOGON, "USER_START": LOGON, "USER_ACCT": LOGON, "CRED_ACQ": LOGON,
    "USER_ERR": LOGON, "ANOM_LOGIN_FAILURES": LOGON, "GRP_AUTH": LOGON, "USER_ROLE_CHANGE": SWITCH,
    "CRED_REFR": OTHER, "USER_END": LOGOFF, "USER_LOGOUT": LOGOFF, "CRED_DISP": LOGOFF,
}  # fmt: skip
ACCOUNT_TYPES: Mapping[str, int] = {
    "ADD_USER": 1, "DEL_USER": 6, "USER_CHAUTHTOK": 3, "USER_MGMT": 99, "ACCT_LOCK": 9, "ACCT_UNLOCK": 12,
}  # fmt: skip
GROUP_TYPES: Mapping[str, int] = {"ADD_GROUP": 6, "DEL_GROUP": 5, "GRP_MGMT": 99, "GRP_CHAUTHTOK": 99}
LOG_TYPES: Mapping[str, int] = {
    "DAEMON_START": 6, "DAEMON_END": 7, "DAEMON_ABORT": 7, "DAEMON_ROTATE": 5, "DAEMON_RESUME": 6, "DAEMON_CONFIG": 99,
    "CONFIG_CHANGE": 99,
}  # fmt: skip
USER_TYPES = tuple(
    name.lower()
    for name in (*AUTH_TYPES, *ACCOUNT_TYPES, *GROUP_TYPES, *LOG_TYPES, "USER_CMD", "USER_TTY", "SERVICE_START",
                 "SERVICE_STOP", "SYSTEM_BOOT", "SYSTEM_SHUTDOWN", "LOGIN")
)  # fmt: skip
"""Types of records that user space sends: all have pid, uid, auid, ses, and mostly op, acct, exe, addr, res."""

X86_64: Mapping[str, str] = {
    "0": "read", "1": "write", "2": "open", "41": "socket", "42": "connect", "43": "accept", "44": "sendto",
    "49": "bind", "50": "listen", "59": "execve", "62": "kill", "76": "truncate", "77": "ftruncate", "82": "rename",
    "83": "mkdir", "84": "rmdir", "85": "creat", "86": "link", "87": "unlink", "88": "symlink", "90": "chmod",
    "91": "fchmod", "92": "chown", "93": "fchown", "94": "lchown", "99": "sysinfo", "101": "ptrace", "103": "syslog",
    "105": "setuid", "106": "setgid", "113": "setreuid", "117": "setresuid", "132": "utime", "133": "mknod",
    "135": "personality", "159": "adjtimex", "161": "chroot", "164": "settimeofday", "165": "mount", "166": "umount2",
    "169": "reboot", "170": "sethostname", "171": "setdomainname", "175": "init_module", "176": "delete_module",
    "188": "setxattr", "189": "lsetxattr", "190": "fsetxattr", "197": "removexattr", "227": "clock_settime",
    "235": "utimes", "257": "openat", "258": "mkdirat", "259": "mknodat", "260": "fchownat", "261": "futimesat",
    "263": "unlinkat", "264": "renameat", "265": "linkat", "266": "symlinkat", "268": "fchmodat", "280": "utimensat",
    "288": "accept4", "304": "open_by_handle_at", "313": "finit_module", "316": "renameat2", "319": "memfd_create",
    "322": "execveat", "437": "openat2",
}  # fmt: skip
"""Numbers of system calls on x86_64 (arch c000003e; asm/unistd_64.h): those that audit rules ask for."""

AARCH64: Mapping[str, str] = {
    "5": "setxattr", "33": "mknodat", "34": "mkdirat", "35": "unlinkat", "36": "symlinkat", "37": "linkat",
    "38": "renameat", "39": "umount2", "40": "mount", "45": "truncate", "46": "ftruncate", "51": "chroot",
    "52": "fchmod", "53": "fchmodat", "54": "fchownat", "55": "fchown", "56": "openat", "63": "read", "64": "write",
    "88": "utimensat", "92": "personality", "104": "kexec_load", "105": "init_module", "106": "delete_module",
    "116": "syslog", "117": "ptrace", "129": "kill", "142": "reboot", "146": "setuid", "161": "sethostname",
    "170": "settimeofday", "179": "sysinfo", "198": "socket", "200": "bind", "201": "listen", "202": "accept",
    "203": "connect", "206": "sendto", "221": "execve", "242": "accept4", "273": "finit_module", "276": "renameat2",
    "279": "memfd_create", "281": "execveat", "437": "openat2",
}  # fmt: skip
"""The same on aarch64 (arch c00000b7; asm-generic/unistd.h)."""

FILE_CALLS: Mapping[str, int] = {
    **dict.fromkeys(("open", "openat", "openat2", "open_by_handle_at"), 14),
    **dict.fromkeys(("creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat"), 1),
    **dict.fromkeys(("write", "truncate", "ftruncate"), 3),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), 4),
    **dict.fromkeys(("rename", "renameat", "renameat2"), 5),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "utime", "utimes", "utimensat", "futimesat", "setxattr",
                     "lsetxattr", "fsetxattr", "removexattr"), 6),
    **dict.fromkeys(("chown", "fchown", "lchown", "fchownat"), 7),
    "read": 2, "mount": 12, "umount2": 13,
}  # fmt: skip
"""System call -> file activity; an open that created the file (nametype CREATE) is a creation."""

SOCKET_CALLS: Mapping[str, int] = {"connect": 1, "accept": 1, "accept4": 1, "bind": 7, "listen": 7, "sendto": 6}
IN_PROGRESS = "-115"
"""EINPROGRESS: a connect that does not wait. It is under way, not failed."""

NOBODY = ("unset", "4294967295", "-1", "?", "(none)", "(null)")

OS = {"device.os.name": "Linux", "device.os.type": "Linux", "device.os.type_id": 200, "device.type_id": 0}


# -- bringing the shapes together -------------------------------------------------------------------------------------


def normalise(records: Records, settings: Mapping[str, Any]) -> Records:
    """The journal's fields get the names of a syslog line."""
    del settings
    if "MESSAGE" not in records.names:
        return records
    return records.rename(
        {old: new for old, new in JOURNAL.items() if old in records.names and new not in records.names}
    )


def classify(r: Record) -> Column:
    """Audit events by the types of their lines, the rest by program and message."""
    families = r.read("message").zip(_program(r), lambda message, program: understood(program or "", message or "")[0])
    types = r.read("types[]")
    if not len(types.values):
        return families
    call, address = _call(r), r.read("sockaddr.saddr")
    facts = call.zip(address, lambda name, saddr: f"{name or ''} {(saddr or '')[:4].upper()}", pa.string())
    audited = types.zip(facts, _audited, pa.string())
    return audited.coalesce(families)


def _audited(types: str | None, facts: str | None) -> str | None:
    if types is None:
        return None
    held = [kind for kind in orjson.loads(types) if isinstance(kind, str)]
    call, _, kind = (facts or " ").partition(" ")
    if "EXECVE" in held or call in ("execve", "execveat"):
        return "audited_launch"
    if "SOCKADDR" in held and kind in ("0200", "0A00"):
        return "audited_network"
    if "PATH" in held and call in FILE_CALLS:
        return "audited_file"
    first = held[0] if held else ""
    for table, family in (
        (AUTH_TYPES, "logon"),
        (ACCOUNT_TYPES, "account"),
        (GROUP_TYPES, "group"),
        (LOG_TYPES, "log"),
    ):
        if first in table:
            return f"audited_{family}"
    return "audited_other"


def _program(r: Record) -> Column:
    """The program that wrote the line, by its plain name. A tag may stand where the host should: `[sshd]:`."""
    return r.read("app_name").zip(r.read("hostname"), _program_name, pa.string())


def _program_name(tag: str | None, host: str | None) -> str | None:
    name = tag or (host.strip("[]:") if host and host.endswith((":", "]")) else None)
    if name is None:
        return None
    bare = name.strip("[]").partition("(")[0].lower()
    return ALIASES.get(bare, bare)


@lru_cache(maxsize=1 << 16)
def understood(program: str, message: str) -> tuple[str, Mapping[str, Any]]:
    """Family and facts of a message."""
    found = _NOISE.match(message)
    text = message[found.end() :] if found else message
    for wanted, pattern, family, facts in _COMPILED:
        if wanted not in ("*", program):
            continue
        match = pattern.match(text)
        if match is None:
            continue
        said: dict[str, Any] = {name.rstrip("2"): value for name, value in match.groupdict().items() if value}
        said |= {name: value for name, value in facts.items() if name not in said}
        if family == "connection" and said.get("host") is None:
            continue
        if said.get("user") == "ROOT":
            said["user"] = "root"
        return family, said
    return "other", {}


class Facts:
    """What the messages say, as columns."""

    def __init__(self, r: Record) -> None:
        self._found: list[Mapping[str, Any]] = []
        self._index = r.read("message").zip(_program(r), self._add, pa.int64())

    def _add(self, message: str | None, program: str | None) -> int:
        self._found.append(understood(program or "", message or "")[1])
        return len(self._found) - 1

    def text(self, name: str) -> Column:
        """A text the message holds."""
        return self._index.map(lambda i: self._found[i].get(name), pa.string())

    def number(self, name: str) -> Column:
        """A number the message holds, or the pattern says."""
        return self._index.map(lambda i: _int(self._found[i].get(name)), pa.int64())

    def flag(self, name: str) -> Column:
        """Something the pattern says."""
        return self._index.map(lambda i: self._found[i].get(name), pa.bool_())


def _int(value: Any) -> int | None:
    return int(value) if value is not None else None


# -- what every line and every audit event has ------------------------------------------------------------------------


def envelope(r: Record) -> dict[str, Any]:
    """Of a syslog line."""
    program, tag = _program(r), r.take("app_name")
    stamp = r.take("timestamp")
    found: dict[str, Any] = {
        "time": _time(r, stamp),
        "severity_id": r.read("severity")
        .coalesce(r.read("PRIORITY"))
        .map(lambda name: SEVERITY.get(name, 1))
        .coalesce(r.constant(1)),
        "message": r.take("message"),
        "metadata.log_provider": tag.coalesce(program),
        "metadata.log_name": _log(r, program),
        "metadata.event_code": r.take("msgid"),
        "metadata.original_time": stamp.coalesce(r.read("__REALTIME_TIMESTAMP")),
        "device.hostname": r.take("hostname"),
    }
    found["device.name"] = r.constant(r.records.source).where(~found["device.hostname"].present)
    # Network gear speaks syslog too: Cisco's tags begin with a percent sign.
    gear = tag.map(lambda name: name.startswith("%"), pa.bool_())
    plain = ~_true(gear)
    for name, value in OS.items():
        found[name] = r.constant(value).where(plain)
    return found


def _true(column: Column) -> Any:
    values = column.values.to_pylist()
    table = np.array([*values, False], np.bool_)
    return table[column.codes]


def _log(r: Record, program: Column) -> Column:
    by_facility = r.read("facility").map(FACILITY_LOGS.get, pa.string())
    file = r.records.stream.rpartition("/")[2].lower()
    by_file = next((log for start, log in FILE_LOGS if file.startswith(start)), None)
    named = r.constant(by_file) if by_file else r.missing()
    return by_facility.coalesce(named, program.map(PROGRAM_LOGS.get, pa.string()), r.constant("syslog"))


def _time(r: Record, stamp: Column) -> Column:
    """RFC 3339, or RFC 3164 with the latest year that does not put it more than a day after it was received."""
    offset = int(r.settings.get("utc_offset_minutes") or 0) * 60_000
    full = stamp.map(lambda text: _full(text, offset), pa.int64())
    journal = unix_us(r.read("__REALTIME_TIMESTAMP"))
    if len(journal.values):
        full = full.coalesce(journal)
    open_rows = stamp.present & ~full.present
    if not open_rows.any():
        return full
    received = r.records.received
    newest = int(received[open_rows].max())
    year = datetime.fromtimestamp((newest + DAY_MS) / 1000, UTC).year
    found = np.zeros(len(stamp), np.int64)
    for candidate in range(year, year - 9, -1):  # nine: the 29th of February may be eight years back
        times = stamp.map(partial(_yearless, year=candidate, offset=offset), pa.int64())
        values = np.append(times.values.to_numpy(zero_copy_only=False).astype(np.int64), 0)[times.codes]
        fits = open_rows & times.present & (values <= received + DAY_MS)
        found[fits] = values[fits]
        open_rows &= ~fits
        if not open_rows.any():
            break
    mask = stamp.present & ~full.present & ~open_rows
    guessed = Column.from_arrow(pa.array(found, pa.int64())).where(mask)
    return full.coalesce(guessed)


def _full(text: str, offset: int) -> int | None:
    match = _SYSLOG_TIME.match(text)
    if match is None:
        moment = iso(Column.constant(text, 1)).to_pylist()[0]
        zoned = text.endswith("Z") or re.search(r"[+-]\d{2}:?\d{2}$", text) is not None
        return None if moment is None else int(moment) - (0 if zoned else offset)
    year = match[3] or match[8]
    return _moment(match, int(year), offset) if year else None


def _yearless(text: str, year: int, offset: int) -> int | None:
    match = _SYSLOG_TIME.match(text)
    return None if match is None else _moment(match, year, offset)


def _moment(match: re.Match[str], year: int, offset: int) -> int | None:
    month, day, _, hour, minute, second, fraction, _ = match.groups()
    try:
        moment = datetime(year, MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
    except (ValueError, KeyError):
        return None
    return int(moment.timestamp()) * 1000 + int((fraction or "0").ljust(3, "0")[:3]) - offset


def endpoint(host: Column, port: Column | None = None) -> dict[str, Any]:
    """The other side, by address or by name."""
    address = ip(host)
    name = host.zip(address, lambda text, found: text if text and found is None else None, pa.string())
    return {"ip": address, "hostname": name, "port": port}


def _writer(r: Record) -> dict[str, Column]:
    """The process that wrote the line; OCSF wants its number with its name."""
    number = r.read("procid").integer()
    return {"process.pid": number, "process.name": _program(r).where(number.present)}


# -- syslog -----------------------------------------------------------------------------------------------------------


@maps("logon")
def logon(r: Record) -> Mapped:
    """Logons and their failures, switches of account, ends of sessions."""
    said = Facts(r)
    shared = envelope(r)
    program = _program(r).map(lambda name: ALIASES.get(name, name), pa.string())
    service = said.text("service").coalesce(program, r.constant("syslog"))
    activity = said.number("activity").zip(
        service.zip(said.flag("switchable"), lambda name, switchable: name if switchable else None, pa.string()),
        lambda code, name: SWITCH if name in ("su", "su-l", "sudo", "sudo-i") else code,
        pa.int64(),
    )
    switch = activity.map(lambda code: 1 if code == SWITCH else None, pa.int64())
    by, failed = said.text("by"), said.number("status")
    user = said.text("user").zip(
        by.zip(failed, lambda name, status: name if status == FAILURE else None, pa.string()),
        lambda a, b: a or b,
        pa.string(),
    )
    host = said.text("host")
    remote = said.flag("remote").coalesce(host.map(lambda _: True, pa.bool_()))
    return event(
        "authentication",
        shared,
        activity_id=activity,
        status_id=said.number("status"),
        status_detail=said.text("reason"),
        is_remote=remote,
        logon_type_id=remote.map(lambda _: 3),
        auth_protocol=said.text("method"),
        auth_protocol_id=said.text("method").map(lambda _: 99),
        account_switch_type_id=switch,
        service={"name": service},
        user={"name": user.coalesce(r.constant("unknown")), "uid": said.text("uid")},
        actor={
            "user.name": by.keep(bool),
            **_writer(r),
        },
        session={"uid": said.text("session"), "terminal": said.text("tty")},
        src_endpoint=endpoint(host, said.number("port")),
        dst_endpoint={"hostname": shared["device.hostname"]},
    )


@maps("connection")
def connection(r: Record) -> Mapped:
    """Connections to sshd of which the account is not known (yet)."""
    said = Facts(r)
    shared = envelope(r)
    return event(
        "ssh_activity",
        shared,
        activity_id=said.number("activity"),
        status_id=said.number("status"),
        status_detail=said.text("reason"),
        app_name="sshd",
        actor=_writer(r),
        src_endpoint=endpoint(said.text("host"), said.number("port")),
        dst_endpoint={"hostname": shared["device.hostname"]},
    )


@maps("command")
def command(r: Record) -> Mapped:
    """A command that sudo runs: `user` is whom it runs as."""
    said = Facts(r)
    line = said.text("cmd")
    shared = envelope(r)
    started = shared["metadata.original_time"].zip(
        shared["device.hostname"], lambda time, host: f"sudo {host or ''} {time or ''}".rstrip(), pa.string()
    )
    return event(
        "process_activity",
        shared,
        activity_id=1,
        status_id=1,
        process={
            "cmd_line": line,
            "uid": started.zip(said.text("by"), lambda start, by: f"{start} {by or ''}", pa.string()),
            "file.path": line.map(lambda text: text.split(" ", 1)[0] or None, pa.string()),
            "file.type_id": 1,
            "name": basename(line.map(lambda text: text.split(" ", 1)[0] or None, pa.string())),
            "working_directory": said.text("cwd"),
            "user.name": said.text("user"),
            "session.terminal": said.text("tty"),
        },
        actor={"user.name": said.text("by"), **_writer(r)},
    )


@maps("account")
def account(r: Record) -> Mapped:
    """Accounts: made, changed, locked, deleted."""
    said = Facts(r)
    activity = said.number("activity")
    return event(
        "account_change",
        envelope(r),
        activity_id=activity,
        activity_name=activity.zip(said.text("reason"), lambda code, what: what if code == 99 else None, pa.string()),
        status_id=said.number("status"),
        status_detail=said.text("reason"),
        user={"name": said.text("user"), "uid": said.text("uid")},
        actor={"user.name": said.text("by"), **_writer(r)},
    )


@maps("group")
def group(r: Record) -> Mapped:
    """Groups and their members."""
    said = Facts(r)
    return event(
        "group_management",
        envelope(r),
        activity_id=said.number("activity"),
        status_id=said.number("status"),
        group={"name": said.text("group"), "uid": said.text("gid")},
        user={"name": said.text("user")},
        actor={"user.name": said.text("by"), **_writer(r)},
    )


@maps("job")
def job(r: Record) -> Mapped:
    """Jobs of cron that started, and changes of crontabs."""
    said = Facts(r)
    what = said.text("reason")
    line = said.text("cmd")
    return event(
        "scheduled_job_activity",
        envelope(r),
        activity_id=said.number("activity"),
        activity_name=said.number("activity").zip(what, lambda code, name: name if code == 99 else None, pa.string()),
        job={
            "name": line.coalesce(r.constant("crontab")),
            "cmd_line": line.zip(what, lambda text, kind: text if kind == "CMD" else None, pa.string()),
            "user.name": said.text("user"),
        },
        actor={"user.name": said.text("user"), "process.pid": r.read("procid").integer()},
    )


# -- auditd -----------------------------------------------------------------------------------------------------------


def audit(r: Record) -> dict[str, Any]:
    """What every audit event has: when, where, what, and who was logged in."""
    stamp, types = r.take("timestamp"), r.read("types[]")
    who = _said(r, "AUID").coalesce(_named(r, "auid"))
    call, host = _call(r), r.take("node")
    return {
        "time": unix_s(stamp),
        "severity_id": 1,
        "metadata.log_name": "auditd",
        "metadata.log_provider": "auditd",
        "metadata.event_code": json(lambda kinds: kinds[0], pa.string())(types),
        "metadata.original_time": stamp,
        "metadata.correlation_uid": r.take("serial"),
        "device.hostname": host,
        "device.name": r.constant(r.records.source).where(~host.present),  # a file of its own host does not say it
        "unmapped.SYSCALL": call.where(~r.read("syscall.SYSCALL").present),
        "actor.user.name": who.keep(lambda name: not name.isdigit() and name not in NOBODY),
        "actor.user.uid": _said(r, "auid").without(*NOBODY),
        "actor.session.uid": _said(r, "ses").without(*NOBODY),
        **OS,
    }


def _said(r: Record, name: str) -> Column:
    """A field of the system call's line, or of a user space line."""
    return r.missing().coalesce(
        *(r.read(f"{kind}.{name}") for kind in ("syscall", *USER_TYPES) if f"{kind}.{name}" in r.names)
    )


def _named(r: Record, name: str) -> Column:
    """A user's name where `ausearch -i` wrote names for numbers."""
    return _said(r, name).keep(lambda text: not text.isdigit())


def _call(r: Record) -> Column:
    """Name of the system call: as auditd says, or by number and architecture."""
    number, arch = r.read("syscall.syscall"), r.read("syscall.arch")
    known = number.zip(arch, _call_name, pa.string())
    return r.read("syscall.SYSCALL").coalesce(known)


def _call_name(number: str | None, arch: str | None) -> str | None:
    if number is None:
        return None
    if not number.isdigit():
        return number
    return (
        AARCH64.get(number) if arch in ("c00000b7", "aarch64") else X86_64.get(number) if arch != "40000003" else None
    )


def _process(r: Record, prefix: str) -> dict[str, Column]:
    """The process that made the call."""
    path = r.read("syscall.exe").coalesce(_said(r, "exe"))
    line = r.read("proctitle.proctitle_decoded").coalesce(r.read("proctitle.proctitle"))
    return {
        f"{prefix}.pid": _said(r, "pid").integer(),
        f"{prefix}.file.path": path,
        f"{prefix}.name": basename(path),
        f"{prefix}.cmd_line": r.read("execve.command").coalesce(line),
        f"{prefix}.working_directory": r.read("cwd.cwd_decoded").coalesce(r.read("cwd.cwd")),
        f"{prefix}.user.uid": _said(r, "uid"),
        f"{prefix}.user.name": _said(r, "UID"),
        f"{prefix}.session.terminal": _said(r, "tty").without("(none)"),
    }


def _outcome(r: Record) -> Column:
    return r.read("syscall.success").replace({"yes": SUCCESS, "no": FAILURE}).coalesce(
        _said(r, "res").replace({"success": SUCCESS, "1": SUCCESS, "yes": SUCCESS, "failed": FAILURE, "0": FAILURE,
                                 "no": FAILURE})
    )  # fmt: skip


@maps("audited_launch")
def audited_launch(r: Record) -> Mapped:
    """execve: the program is the new process, the one before it its parent's number."""
    return event(
        "process_activity",
        audit(r) | _process(r, "process"),
        activity_id=1,
        status_id=_outcome(r),
        actor={"process.pid": r.read("syscall.ppid").integer()},
    )


@maps("audited_file")
def audited_file(r: Record) -> Mapped:
    """Calls that name a file."""
    chosen = r.read("path[]", json(_chosen))
    path = chosen.zip(r.read("cwd.cwd_decoded").coalesce(r.read("cwd.cwd")), _absolute, pa.string())
    kind = chosen.map(lambda item: item.get("nametype") if item else None, pa.string())
    activity = _call(r).zip(kind, _file_activity, pa.int64())
    return event(
        "file_activity",
        audit(r) | _process(r, "actor.process"),
        activity_id=activity,
        status_id=_outcome(r),
        file={
            "path": path,
            "name": basename(path).zip(path, lambda name, whole: name or whole or "unknown", pa.string()),
            "type_id": chosen.map(_file_type, pa.int64()).coalesce(r.constant(0)),
            "owner.uid": chosen.map(lambda item: item.get("ouid"), pa.string()),
        },
    )


def _chosen(items: list[dict[str, Any]]) -> dict[str, str] | None:
    """The path that the call is about: what came or went, else the last that is no parent."""
    for kind in ("CREATE", "DELETE"):
        for item in reversed(items):
            if item.get("nametype") == kind:
                return _short(item)
    plain = [item for item in items if item.get("nametype") != "PARENT"] or items
    return _short(plain[-1]) if plain else None


def _short(item: dict[str, Any]) -> dict[str, str]:
    name = item.get("name_decoded") or item.get("name") or ""
    return {
        "name": str(name),
        "nametype": str(item.get("nametype", "")),
        "mode": str(item.get("mode", "")),
        "ouid": str(item.get("ouid", "")),
    }


def _absolute(item: dict[str, str] | None, folder: str | None) -> str | None:
    name = item["name"] if item else ""
    if not name or name == "(null)":
        return None
    return name if name.startswith("/") or not folder else f"{folder.rstrip('/')}/{name.removeprefix('./')}"


def _file_activity(call: str | None, kind: str | None) -> int:
    if kind == "CREATE" and call not in ("rename", "renameat", "renameat2"):
        return 1
    return FILE_CALLS.get(call or "", 99)


def _file_type(item: dict[str, str]) -> int:
    kinds = {"01": 6, "02": 3, "04": 2, "06": 4, "010": 1, "10": 1, "012": 7, "12": 7, "014": 5, "14": 5}
    return kinds.get(item["mode"][:-4].lstrip("0").zfill(2), 0) if len(item["mode"]) > 4 else 0


@maps("audited_network")
def audited_network(r: Record) -> Mapped:
    """Calls with an internet address."""
    call = _call(r)
    address = r.read("sockaddr.saddr").map(_address, pa.string())
    host = address.map(lambda text: text.partition(" ")[0], pa.string())
    port = address.map(lambda text: int(text.partition(" ")[2]), pa.int64())
    failed = r.read("syscall.success").zip(
        r.read("syscall.exit"), lambda good, code: good == "no" and code != IN_PROGRESS
    )
    activity = call.zip(failed, lambda name, bad: 4 if bad and name == "connect" else SOCKET_CALLS.get(name or "", 99),
                        pa.int64())  # fmt: skip
    peer = call.map(lambda name: name in ("accept", "accept4", "bind", "listen", "recvfrom"), pa.bool_())
    inbound = _true(peer)
    shared = audit(r)
    return event(
        "network_activity",
        shared | _process(r, "actor.process"),
        activity_id=activity,
        activity_name=activity.zip(call, lambda code, name: name or "socket" if code == 99 else None, pa.string()),
        status_id=failed.map(lambda bad: FAILURE if bad else SUCCESS),
        status_code=r.read("syscall.exit"),
        src_endpoint={"ip": host.where(inbound), "port": port.where(inbound)},
        dst_endpoint={"ip": host.where(~inbound), "port": port.where(~inbound)},
        connection_info={
            "direction_id": call.replace({"connect": 2, "sendto": 2, "accept": 1, "accept4": 1}, 0).coalesce(
                r.constant(0)
            )
        },
    )


def _address(text: str) -> str | None:
    """struct sockaddr in hexadecimal: family (of the host), port and address (of the network)."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return None
    port = int.from_bytes(raw[2:4], "big")
    if raw[:2] == b"\x02\x00" and len(raw) >= 8:
        return f"{'.'.join(str(part) for part in raw[4:8])} {port}"
    if raw[:2] == b"\x0a\x00" and len(raw) >= 24:
        groups = ":".join(raw[i : i + 2].hex() for i in range(8, 24, 2))
        return f"{ip(Column.constant(groups, 1)).to_pylist()[0]} {port}"
    return None


@maps("audited_logon")
def audited_logon(r: Record) -> Mapped:
    """What PAM and the programs that use it report to the audit system."""
    shared = audit(r)
    name = _said(r, "acct_decoded").coalesce(_said(r, "acct").without("?"))
    uid = _said(r, "id").coalesce(_said(r, "uid"))
    path = _said(r, "exe")
    address = _said(r, "addr").without("?")
    host = (
        _said(r, "hostname")
        .without("?")
        .zip(ip(address), lambda text, found: None if text == found else text, pa.string())
    )
    return event(
        "authentication",
        shared
        | {
            f"actor.process.{key}": value
            for key, value in (("file.path", path), ("name", basename(path)), ("pid", _said(r, "pid").integer()))
        },
        activity_id=shared["metadata.event_code"].map(lambda kind: AUTH_TYPES.get(kind, 0)),
        activity_name=shared["metadata.event_code"].map(lambda kind: kind if AUTH_TYPES.get(kind) == OTHER else None),
        status_id=_outcome(r),
        status_detail=_said(r, "op"),
        is_remote=ip(address).map(lambda _: True),
        service={"name": basename(path).coalesce(r.constant("auditd"))},
        user={
            "name": name.coalesce(uid.map(lambda _: None, pa.string()), r.constant("unknown").where(~uid.present)),
            "uid": uid.without("4294967295"),
        },
        session={"uid": _said(r, "ses").without(*NOBODY), "terminal": _said(r, "terminal").without("?")},
        src_endpoint={"ip": ip(address), "hostname": host},
        dst_endpoint={"hostname": shared["device.hostname"]},
    )


@maps("audited_account")
def audited_account(r: Record) -> Mapped:
    """What shadow-utils report."""
    shared = audit(r)
    kind = shared["metadata.event_code"]
    return event(
        "account_change",
        shared,
        activity_id=kind.map(lambda name: ACCOUNT_TYPES.get(name, 99)),
        activity_name=kind.zip(
            _said(r, "op"), lambda name, op: op if ACCOUNT_TYPES.get(name) == 99 else None, pa.string()
        ),
        status_id=_outcome(r),
        status_detail=_said(r, "op"),
        user=_subject(r),
    )


def _subject(r: Record) -> dict[str, Any]:
    name = _said(r, "acct_decoded").coalesce(_said(r, "acct").without("?"))
    uid = _said(r, "id").without(*NOBODY)
    return {"name": name.coalesce(r.constant("unknown").where(~uid.present)), "uid": uid}


@maps("audited_group")
def audited_group(r: Record) -> Mapped:
    """Groups."""
    shared = audit(r)
    kind = shared["metadata.event_code"]
    return event(
        "group_management",
        shared,
        activity_id=kind.map(lambda name: GROUP_TYPES.get(name, 99)),
        activity_name=kind.zip(
            _said(r, "op"), lambda name, op: op if GROUP_TYPES.get(name) == 99 else None, pa.string()
        ),
        status_id=_outcome(r),
        status_detail=_said(r, "op"),
        group={
            "name": _said(r, "grp")
            .coalesce(_said(r, "acct"))
            .coalesce(r.constant("unknown").where(~_said(r, "id").present)),
            "uid": _said(r, "id"),
        },
    )


@maps("audited_log")
def audited_log(r: Record) -> Mapped:
    """The audit system itself."""
    shared = audit(r)
    kind = shared["metadata.event_code"]
    return event(
        "event_log_actvity",
        shared,
        activity_id=kind.map(lambda name: LOG_TYPES.get(name, 99)),
        activity_name=kind.map(lambda name: name if LOG_TYPES.get(name, 99) == 99 else None, pa.string()),
        status_id=_outcome(r),
        status_detail=_said(r, "op"),
        log_name="auditd",
        log_type_id=1,
    )


@maps("audited_other")
def audited_other(r: Record) -> Mapped:
    """Any other audit event: SELinux and AppArmor decisions, services, anomalies, key strokes."""
    text = _said(r, "cmd_decoded").coalesce(_said(r, "cmd"), _said(r, "unit"), _said(r, "op"), _said(r, "data"))
    kind = r.read("types[]", json(lambda kinds: kinds[0], pa.string()))
    return event("base_event", audit(r), message=text, status_id=_outcome(r), activity_name=real(kind))


@maps("other")
def other(r: Record) -> Mapped:
    """Any other line."""
    return event("base_event", envelope(r))
