"""How names are written: the forms under which one and the same account, host, address or badge is found.

Each function takes a name as a record or a file has it and gives its forms, the most exact first; none where the name
never names anybody in particular. They run once per distinct value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

__all__ = ["FORMS", "NOBODY", "forms"]

NOBODY = frozenset(
    (
        "-", "system", "localsystem", "root", "daemon", "nobody", "guest", "administrator", "anonymous", "everyone",
        "unknown", "n/a", "none", "null", "local service", "localservice", "network service", "networkservice",
        "anonymous logon", "default", "window manager",
    )
)  # fmt: skip
"""Accounts every system has: whose they are, no record says."""

WINDOW_MANAGERS = re.compile(r"(dwm|umfd)-\d+")
MAC = re.compile(r"[0-9a-f]{12}")


def account(text: str) -> tuple[str, ...]:
    """`DOMAIN\\user`, `user@domain`, `user`; machine accounts (`HOST$`) and built-in ones are nobody's."""
    name = text.strip().lower()
    bare = name.rpartition("\\")[2]
    if not bare or bare.endswith("$") or bare in NOBODY or WINDOW_MANAGERS.fullmatch(bare):
        return ()
    return (name,)


def hostname(text: str) -> tuple[str, ...]:
    """Full name first, then the first label: `hmi1.example.com`, `hmi1`. An address is no name."""
    name = text.strip().lower().rstrip(".").lstrip("\\")
    if not name or name in ("-", "localhost", "unknown") or address(name):
        return ()
    short = name.partition(".")[0]
    return (name,) if short == name else (name, short)


def address(text: str) -> tuple[str, ...]:
    """An IP address in its one canonical form; loopback, unspecified and multicast ones name nothing."""
    import ipaddress  # who asks for a person does without

    try:
        found = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return ()
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return () if found.is_loopback or found.is_unspecified or found.is_multicast else (str(found),)


def mac(text: str) -> tuple[str, ...]:
    """Twelve hexadecimal digits, however they are grouped."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    return (digits,) if MAC.fullmatch(digits) and digits not in ("0" * 12, "f" * 12) else ()


def badge(text: str) -> tuple[str, ...]:
    """`facility:number`, without zeros in front; then the number alone."""
    facility, _, number = text.strip().lower().rpartition(":")
    number = number.lstrip("0") or number
    if not number or number == "0":
        return ()
    return (f"{facility.lstrip('0')}:{number}", number) if facility else (number,)


def plain(text: str) -> tuple[str, ...]:
    """Without case and without blanks around it."""
    name = text.strip().lower()
    return (name,) if name and name != "-" else ()


FORMS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "account": account,
    "hostname": hostname,
    "ip": address,
    "mac": mac,
    "badge": badge,
}
"""Kind of alias -> its forms; every other kind is compared as it is, without case."""


@lru_cache(maxsize=1 << 17)
def forms(kind: str, text: str) -> tuple[str, ...]:
    """The forms of a name, the most exact first; none where it names nobody."""
    return FORMS.get(kind, plain)(text)
