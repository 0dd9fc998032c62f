"""Personal identifiers leave events: a person becomes its uid, a stranger a token only the vault can make.

    user.name        HARBOUR\\ada        -> p-1                 as of the event's time
    user.name        mallory            -> anon-5c1f0d9e8a7b6c5d
    email.to         eve@example.org    -> anon-0011223344556677@example.org
    process.cmd_line net use /user:ada  -> net use /user:p-1    in any text: accounts, addresses and names we know
    unmapped.Holder  Ada Example        -> p-1                  and so in lists, findings and observables

Built-in and machine accounts (`SYSTEM`, `HOST$`) are nobody's and stay. What is done twice is as if done once. The raw
landing and the quarantine hold what the source said; everything behind them does not need it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.ocsf.events import Events
from watchfloor.world.directory import Directory
from watchfloor.world.naming import forms
from watchfloor.world.people import Named
from watchfloor.world.resolve import Resolver, asked, times_of

__all__ = ["CLASSES", "IDENTIFIERS", "Pseudonyms", "personal_class", "token"]

Times = npt.NDArray[np.int64]

NAME = "name"
"""Kind of identifier that no alias has: a person's name, as the vault knows it."""

WHO = r"(?:.*\.)?(?:\w*user|users|owner|assignee|creator|modifier|accessor|manager|requester|ldap_person)"
MAIL = (
    r"(?:.*\.)?(?:email|smtp)\.(?:from|to|cc|bcc|sender|return_path|reply_to|delivered_to|"
    r"from_mailbox|sender_mailbox|\w+_mailboxes|\w+_list|smtp_from|smtp_to)"
)
IDENTIFIERS: Sequence[tuple[str, Sequence[str]]] = (
    (WHO + r"\.(?:name|display_name|full_name|given_name|surname)", ("account", "email", "personnel_no", NAME)),
    (WHO + r"\.(?:email_addr|email_addrs|forward_addr|phone_number|office_location)", ("email", "account")),
    (WHO + r"\.(?:uid|uid_alt|employee_uid|ldap_cn|ldap_dn)", ("sid", "personnel_no", "account", "email")),
    (r"(?:.*\.)?(?:credential\.uid|credential_uid)", ("badge", "key", "plate", "mobile", "certificate", "account")),
    (MAIL, ("email", NAME)),
    (r"intel\.(?:plate|badge)\.value", ("plate", "badge", "key")),
)
"""Columns (the whole dotted name) that hold nothing but a personal identifier -> kinds it may be, in this order."""

_ROLE = r"(?:subject|target|source|dest|dst|src|caller|client|actor|requesting|effective|logon|card)?"
PERSONAL_KEY = re.compile(
    _ROLE + r"(?:user|username|userid|userprincipalname|upn|useridentity|usersid|sid|account|accountname|accountid"
    r"|login|loginname|logonname|mail|email|emailaddress|mailaddress|fullname|displayname|firstname|lastname|surname|givenname"
    r"|holder|holdername|cardholder|cardholdername|employee|employeename|employeeid|employeeno|employeenumber"
    r"|personnelno|personnelnumber|person|personname|personid|visitor|visitorname|badge|badgeno|badgenumber|badgeid"
    r"|card|cardno|cardnumber|cardid|prox|proxid|proxcard|credential|credentialid|phone|phonenumber|mobile|plate)"
)
"""Names, in letters and digits only, of what a source calls a person in `unmapped`."""

ANY_KIND = ("sid", "email", "account", "badge", "personnel_no", "key", "plate", "mobile", NAME)

CLASSES: Sequence[tuple[str, str]] = (
    (r"wf\.(?:person|credential)_uid|asof\.(?:src|dst)_asset\.owner_uid", "pseudonym"),
    (r"wf\.(?:place|portal|zone|site)_uid|lag\.presence\..*", "whereabouts"),
    (r"asof\.person\.(?:zone|place_uid|zone_age_s|presence|presence_confidence|site|site_confidence)", "whereabouts"),
    (r"asof\.person\..*|asof\.(?:src|dst)_asset\.owner_in_notice", "employment"),
    (r"peer\..*", "behaviour"),
    *((path, "identifier") for path, _ in IDENTIFIERS),
    (r"(?:.*\.)?(?:ip|mac|hostname|session\.uid|device\.uid|cmd_line|path|url_string|message|raw_data)", "indirect"),
    (r"(?:.*\.)?location\..*|(?:.*\.)?place\..*", "whereabouts"),
    (r"unmapped\..*|observables|evidences|enrichments", "indirect"),
)
"""Columns -> class of personal data, first match counts; `none` is everything else."""

OURS = re.compile(
    r"(?:wf|asof|lag|peer)\..*|class_name|metadata\.(?:uid|version|product\..*|original_time)|finding_info\.uid"
)
"""Columns in which nobody can be named: ours, or the schema's."""

WELL_KNOWN = re.compile(r"0|s-1-(?:0|1|2|3|5-(?:\d{1,2}|32-\d+|80-[\d-]+|90-[\d-]+|96-[\d-]+))(?:-\d+)?", re.IGNORECASE)
"""Identifiers that every system has: root, and the SIDs of services and built-in groups."""

TOKEN = re.compile(r"anon-[0-9a-f]{16}(?:@.*)?")
BETWEEN = r"[^\pL\pN_]+"
SHORTEST = 3
"""Letters an identifier has at least to be looked for in running text."""


@lru_cache(maxsize=1 << 14)
def personal_class(column: str) -> str:
    """Class of a column: identifier, pseudonym, whereabouts, employment, behaviour, indirect or none."""
    return next((name for pattern, name in CLASSES if re.fullmatch(pattern, column)), "none")


@lru_cache(maxsize=1 << 14)
def _kinds(column: str) -> Sequence[str]:
    if column.startswith("unmapped."):
        last = re.sub(r"[^a-z0-9]", "", column.rpartition(".")[2].lower())
        return ANY_KIND if PERSONAL_KEY.fullmatch(last) else ()
    return next((kinds for pattern, kinds in IDENTIFIERS if re.fullmatch(pattern, column)), ())


class Pseudonyms:
    """Takes personal identifiers out of events.

    Args:
        resolver: which name meant whom, and when.
        key: of the tokens; `Vault.key`.
    """

    def __init__(self, resolver: Resolver, key: bytes) -> None:
        self._resolver, self._key = resolver, key
        directory = resolver.directory
        self._uids = frozenset((*directory.persons, *directory.credentials))
        self._names = _unique(directory.named)
        self._needles = _needles(directory, self.token)
        self._pieces = pa.array(sorted(self._needles), pa.string())

    def pseudonymised(self, events: Events) -> Events:
        """The same events without personal identifiers; a column nobody is named in is the same object."""
        if len(events) == 0:
            return events
        times = times_of(events)
        changed: dict[str, Column] = {}
        for name in events.names:
            column = events.column(name)
            if column is None or OURS.fullmatch(name):
                continue
            if pa.types.is_nested(column.type):
                array = column.plain()
                made = self._nested(name, array, times)
                if made is not array:
                    changed[name] = Column.from_arrow(made)
            elif pa.types.is_string(column.type):
                kinds = _kinds(name)
                made_column = self._who(column, times, kinds, (events, name)) if kinds else self._texts(column)
                if made_column is not column:
                    changed[name] = made_column
        return events.with_columns(changed) if changed else events

    def token(self, value: str) -> str:
        """What stands for an identifier of somebody who is not known."""
        return token(self._key, value)

    # -- columns that hold an identifier and nothing else

    def _who(
        self, names: Column, times: Times, kinds: Sequence[str], within: tuple[Events, str] | None = None
    ) -> Column:
        found = Column.missing(len(names))
        for kind in kinds:
            if kind == NAME:
                found = found.coalesce(names.map(lambda text: self._names.get(_plain(text)), pa.string()))
                continue
            if within is None:
                meant = self._resolver.aliases.ask(kind, names, times)
            else:  # a column of the event: with its domain, its facility, as its source names things
                told = asked(self._resolver, *within, kind)
                if told is None:
                    continue
                meant = told
            found = found.coalesce(meant.person.compact(), meant.entity.compact())
        found = found.where(names.present)
        unknown = names.where(found.codes == MISSING).compact().map(self._unknown, pa.string())
        return found.coalesce(unknown).compact().distinct()

    def _unknown(self, text: str) -> str:
        if text in self._uids or TOKEN.fullmatch(text) or WELL_KNOWN.fullmatch(text) or not forms("account", text):
            return text
        return self.token(text)

    # -- any other text

    def _texts(self, column: Column) -> Column:
        """Known identifiers inside texts; looks closer only where a rare part of one stands."""
        values = column.values
        if len(values) == 0 or len(self._pieces) == 0:
            return column
        parts = pc.split_pattern_regex(pc.utf8_lower(values), BETWEEN)
        known = pc.is_in(parts.flatten(), value_set=self._pieces).to_numpy(zero_copy_only=False)
        owners = np.asarray(pc.list_parent_indices(parts))
        near = np.unique(owners[known])
        if len(near) == 0:
            return column
        texts = values.to_pylist()
        for position in near.tolist():
            texts[position] = self._without(texts[position])
        return Column(column.codes, pa.array(texts, pa.string())).distinct()

    def _without(self, text: str) -> str:
        near = {needle for piece in set(re.split(r"\W+", text.lower())) for needle in self._needles.get(piece, ())}
        for needle in sorted(near, key=lambda needle: (-needle.size, needle.instead)):
            text = needle.pattern.sub(needle.instead, text)
        return text

    # -- lists and objects

    def _nested(self, name: str, array: pa.Array, times: Times) -> pa.Array:
        """An array with its texts replaced, at any depth; the same array where nothing was."""
        if pa.types.is_list(array.type):
            inside = array.flatten()
            owners = np.asarray(pc.list_parent_indices(array))
            made = self._nested(name, inside, times[owners])
            if made is inside:
                return array
            lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
            return pa.ListArray.from_arrays(offsets, made, type=array.type, mask=array.is_null())
        if pa.types.is_struct(array.type):
            fields = list(array.type)
            before = [pc.struct_field(array, [number]) for number in range(len(fields))]
            named = {field.name: number for number, field in enumerate(fields)}
            after = [
                self._observed(before[named["name"]], one, times)
                if name.endswith("observables") and field.name == "value"
                else self._nested(f"{name}.{field.name}", one, times)
                for field, one in zip(fields, before, strict=True)
            ]
            if all(new is old for new, old in zip(after, before, strict=True)):
                return array
            return pa.StructArray.from_arrays(after, fields=fields, mask=array.is_null())
        if not pa.types.is_string(array.type) or len(array) == 0:
            return array
        column = Column.from_arrow(array)
        kinds = _kinds(name)
        made_column = self._who(column, times, kinds) if kinds else self._texts(column)
        return array if made_column is column else made_column.plain()

    def _observed(self, names: pa.Array, values: pa.Array, times: Times) -> pa.Array:
        """Values of observables: each is what the attribute it is named after would be."""
        which, column = Column.from_arrow(names), Column.from_arrow(values)
        made = Column.missing(len(column))
        for code, name in enumerate(which.values.to_pylist()):
            mine, kinds = column.where(which.codes == code), _kinds(name)
            made = made.coalesce(self._who(mine, times, kinds) if kinds else self._texts(mine))
        return made.coalesce(self._texts(column)).plain()


def token(key: bytes, value: str) -> str:
    """What stands for an identifier; the same for the same, in any case and domain, and by this key."""
    plain = value.strip().lower()
    mailbox, at, domain = plain.rpartition("@")
    name = (mailbox if at else plain).rpartition("\\")[2]
    digest = blake2b(name.encode() + b"@" + domain.encode() * bool(at), key=key, digest_size=8).hexdigest()
    return f"anon-{digest}{at}{domain if at else ''}"


@dataclass(frozen=True, slots=True)
class _Needle:
    """A known identifier, and what stands in its place (as a template of `re`); the longer is looked for first."""

    size: int
    pattern: re.Pattern[str]
    instead: str


def _plain(text: str) -> str:
    return " ".join(re.split(r"\W+", text.lower())).strip()


def _orders(name: str) -> Sequence[tuple[str, ...]]:
    """The parts of a name as written, and with the family name first."""
    parts = tuple(_plain(name).split())
    return tuple(dict.fromkeys((parts, (*parts[1:], *parts[:1]), (*parts[-1:], *parts[:-1]), parts[::-1])))


def _unique(named: Iterable[Named]) -> Mapping[str, str]:
    """Names that one person has; namesakes have none."""
    found: dict[str, set[str]] = {}
    for one in named:
        for order in _orders(one.name) if one.name else ():
            found.setdefault(" ".join(order), set()).add(one.uid)
    return {name: uids.pop() for name, uids in found.items() if len(uids) == 1}


def _needles(directory: Directory, token: Callable[[str], str]) -> Mapping[str, Sequence[_Needle]]:
    """Rarest part of each known identifier -> what finds it whole."""
    known: dict[str, set[str]] = {}
    for alias in directory.aliases:
        if alias.person and alias.kind in ("account", "email", "personnel_no", "sid"):
            for text in (alias.value.lower(), alias.value.lower().rpartition("\\")[2]):
                known.setdefault(text, set()).add(alias.person)
    for named in directory.named:
        known.setdefault(named.name.lower(), set()).add(named.uid)
    made: dict[str, list[_Needle]] = {}
    for text, people in known.items():
        parts = [part for part in re.split(r"\W+", text) if part]
        rare = max(parts, key=len, default="")
        if len(rare) < SHORTEST or not re.search(r"[^\W\d]", text) or not forms("account", text):
            continue
        instead = people.pop() if len(people) == 1 else token(text)
        ways = [re.escape(text)]
        if " " in text:  # a name, however its parts are parted
            ways = [r"[\W_]+".join(map(re.escape, order)) for order in _orders(text)]
        pattern = re.compile(rf"(?<![\w@])(?:{'|'.join(ways)})(?![\w@])", re.IGNORECASE)
        made.setdefault(rare, []).append(_Needle(len(text), pattern, instead.replace("\\", r"\\")))
    return made
