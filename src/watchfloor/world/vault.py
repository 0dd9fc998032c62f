"""The vault: names, e-mail addresses and personnel numbers, and the key of pseudonyms. They stand nowhere else.

    var/vault.sqlite     person: one row per person; purpose: one row per column; secret: the key. Mode 0600
    var/unmasked.jsonl   who looked at whose names, when and why; written before anybody gets to see them. Mode 0600

Every column has a class, a purpose and a time to live, counted from the end of the last employment: after it the cell
is empty. The key never leaves; without it nobody can try names against the tokens in the lake.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from watchfloor.errors import StoreDamaged, StoreError
from watchfloor.store.disk import explained, make_folder, write_all
from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER
from watchfloor.world.people import Named

__all__ = ["FILE", "PURPOSES", "UNMASKED", "Purpose", "Vault"]

FILE, UNMASKED = "vault.sqlite", "unmasked.jsonl"
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a column is kept.

    Args:
        personal: class of personal data: `direct` names somebody to anybody, `number` to whoever has the list.
        why: what it is for.
        days: how long after the end of the last employment.
    """

    personal: str
    why: str
    days: int


PURPOSES: Mapping[str, Purpose] = {
    "name": Purpose("direct", "to address the person, and to answer them", 90),
    "email": Purpose("direct", "to recognise accounts, and to notify", 90),
    "personnel_no": Purpose("number", "to join records of HR", 365),
}
"""Column of the vault -> class, purpose, expiry."""

SCHEMA = """
create table if not exists person(uid text primary key, name text, email text, personnel_no text, ends integer);
create table if not exists purpose(name text primary key, personal text, why text, days integer);
create table if not exists secret(name text primary key, value blob);
"""


class Vault:
    """The vault of one estate; made when it is not there.

    Args:
        folder: the store's folder.
        entropy: gives that many random bytes.

    Raises:
        StoreError, StoreFull: the disk refuses.
        StoreDamaged: the file is no vault.
    """

    def __init__(self, folder: Path, *, entropy: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self.path, self._unmasked = folder / FILE, folder / UNMASKED
        make_folder(folder)
        try:  # SQLite would make it with the mode of any file; its journal takes after it
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            os.chmod(self.path, 0o600)
        except OSError as error:
            raise explained(error, self.path) from error
        with self._open() as base:
            base.executescript(SCHEMA)
            base.executemany(
                "insert or replace into purpose values (?, ?, ?, ?)",
                [(name, one.personal, one.why, one.days) for name, one in PURPOSES.items()],
            )
            base.execute("insert or ignore into secret values ('pseudonyms', ?)", (entropy(32),))

    @property
    def key(self) -> bytes:
        """What tokens are made with; 32 bytes, chosen once."""
        with self._open() as base:
            value: bytes = base.execute("select value from secret where name = 'pseudonyms'").fetchone()[0]
        return value

    def keep(self, directory: Directory, at: int) -> None:
        """Take in what identifies the people of a directory, as far as it has not expired.

        Args:
            at: now, UTC epoch milliseconds.
        """
        rows = []
        for named in directory.named:
            ends = max(
                (end for _, end in directory.employed.get(directory.same.get(named.uid, named.uid), ())),
                default=FOREVER,
            )
            cells = {name: getattr(named, name) for name in PURPOSES}
            rows.append((named.uid, *(None if _over(name, ends, at) else cells[name] or None for name in cells), ends))
        with self._open() as base:
            base.executemany("insert or replace into person values (?, ?, ?, ?, ?)", rows)

    def forget(self, at: int) -> int:
        """Empty every cell whose time is over; returns how many that were."""
        gone = 0
        with self._open() as base:
            for name, purpose in PURPOSES.items():
                gone += base.execute(
                    f"update person set {name} = null where {name} is not null and ends <= ?",
                    (at - purpose.days * DAY_MS,),
                ).rowcount
        return gone

    def unmask(self, uids: Iterable[str], *, who: str, reason: str, at: int) -> Mapping[str, Named]:
        """Names of people, for somebody who says why; that they looked is on the disk before they see anything.

        Args:
            who: who asks.
            reason: what for; must not be empty.
            at: now, UTC epoch milliseconds.

        Raises:
            StoreError: no reason is given, or the line cannot be written.
        """
        wanted = sorted(set(uids))
        self.write_down("names", wanted, who=who, reason=reason, at=at)
        found: dict[str, Named] = {}
        with self._open() as base:
            for uid in wanted:
                row = base.execute("select personnel_no, name, email from person where uid = ?", (uid,)).fetchone()
                if row is not None:
                    found[uid] = Named(uid, *(cell or "" for cell in row))
        return found

    def write_down(self, what: str, of: Sequence[str], *, who: str, reason: str, at: int) -> None:
        """That somebody is about to see what names people.

        Args:
            what: `names`, `record`.
            of: of which persons, or of which finding.
            who, reason, at: as in `unmask`.

        Raises:
            StoreError: no reason is given, or the line cannot be written.
        """
        if not reason.strip():
            raise StoreError(
                f"{what} are shown for a reason only", file=self.path, remedy="say what they are needed for"
            )
        line = {
            "time": at,
            "who": who,
            "reason": reason.strip(),
            "what": what,
            "persons" if what == "names" else "of": list(of),
        }
        append_durably(self._unmasked, json.dumps(line))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            base = sqlite3.connect(self.path, timeout=30.0)
            try:
                base.execute("pragma secure_delete = on")  # what is forgotten is overwritten, not only unlinked
                with base:
                    yield base
            finally:
                base.close()
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(
                f"the vault cannot be used: {error}",
                file=self.path,
                remedy="bring it back from a copy; it holds the key",
            ) from error


def append_durably(path: Path, line: str) -> None:
    """Add a line to a file that only its owner may read, and sync it.

    Raises:
        StoreError, StoreFull: the disk refuses.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise explained(error, path) from error


def _over(column: str, ends: int, at: int) -> bool:
    return ends != FOREVER and ends + PURPOSES[column].days * DAY_MS <= at
