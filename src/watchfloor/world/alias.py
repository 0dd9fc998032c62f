"""Which entity a name meant at a moment: aliases as timelines, asked for many rows at once.

    badge 12:4711    |--- c-1, p-1 ---|--- c-1, p-2 ------->        changed hands
    ip 192.0.2.7     |-- a-1 --|     |-- a-9 --------------->       leased, free, leased
    account ada      |--- p-1 -------------------->                 two say so: one answer
    device pump      |--- a-3 / a-4 -->                             two mean different things: nobody knows

At each moment one name has one answer: an entity (and, of a credential, the person it stands for), or none. Names of a
particular source count before names of all sources, exact forms before shortened ones, verified links before proposed
ones; of names that records gave out, the one given out last. If what is left names two entities, the answer is
"ambiguous": unknown, and counted; never a guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import MISSING, Column
from watchfloor.world.entities import FOREVER, Alias
from watchfloor.world.naming import forms
from watchfloor.world.timeline import Timelines

__all__ = ["NOBODY", "Aliases", "Meant"]

NOBODY = ""
"""Entity of a name that was given back: of nobody from then on."""

MOVES = frozenset({"ip", "mac", "hostname", "device", "serial"})
"""Kinds of names that go from one thing to another while nobody says that they ended."""

AMBIGUOUS = -2
"""Entity of a stretch of time in which a name means several."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What names meant, per row.

    Args:
        entity: uids; missing where nothing is known, or several things are.
        person: uids of whom a credential stood for; missing where that is nobody.
        confidence: 0 to 100; 0 where the entity is missing. Shape (rows,), int8.
        ambiguous: rows whose name meant several entities at that moment. Shape (rows,), bool.
    """

    entity: Column
    person: Column
    confidence: npt.NDArray[np.int8]
    ambiguous: npt.NDArray[np.bool_]


class Aliases:
    """All aliases of an estate.

    Args:
        aliases: in any order; the same one twice counts once.
        hidden: makes the token of an account (`privacy.token`): accounts that records gave out are kept as tokens only,
            and looked up where no file names them. None: there are none.
    """

    def __init__(self, aliases: Iterable[Alias] = (), hidden: Callable[[str], str] | None = None) -> None:
        self.hidden = hidden
        self._known: dict[str, dict[str, list[tuple[int, Alias]]]] = defaultdict(lambda: defaultdict(list))
        self._seen: set[Alias] = set()
        self._entities: dict[str, int] = {}
        self._books: dict[tuple[str, str, int | None], _Book] = {}
        self._domains: set[str] = set()
        self._sources: dict[str, set[str]] = defaultdict(set)
        self.add(aliases)

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, aliases: Iterable[Alias]) -> None:
        """More aliases; a later one does not replace an earlier one: close that one's `known_to` with `close`."""
        changed: set[str] = set()
        for alias in aliases:
            if alias in self._seen or alias.status == "rejected":
                continue
            self._seen.add(alias)
            changed.add(alias.kind)
            known = self._known[alias.kind]
            if alias.source:
                self._sources[alias.kind].add(alias.source)
            names = forms(alias.kind, alias.value)
            for rank, name in enumerate(names):
                known[name].append((rank, alias))
            if alias.kind == "account" and names and "\\" in names[0]:
                domain, _, bare = names[0].partition("\\")
                self._domains.add(domain)
                known[bare].append((1, alias))
        if changed:
            self._books = {asked: book for asked, book in self._books.items() if asked[0] not in changed}

    def sources(self, kind: str) -> frozenset[str]:
        """Sources that have names of this kind of their own."""
        return frozenset(self._sources[kind])

    def states(self, alias: Alias) -> bool:
        """Whether the same was known before: said by a file over all that time, or by a record for the same moment."""
        return any(
            (one.entity, one.source, one.valid_to) == (alias.entity, alias.source, alias.valid_to)
            and one.known_from <= alias.known_from
            and (
                one.valid_from == alias.valid_from
                or (one.method == "authoritative" and one.valid_from < alias.valid_from)
            )
            for rank, one in self._known[alias.kind].get(next(iter(forms(alias.kind, alias.value)), ""), ())
            if rank == 0
        )

    def all(self) -> Iterable[Alias]:
        """Every alias, in no order."""
        return iter(self._seen)

    def close(self, alias: Alias, at: int) -> None:
        """From `at` on (known time, UTC epoch milliseconds) this alias is not believed any more."""
        if alias not in self._seen:
            return
        self._seen.discard(alias)
        for entries in self._known[alias.kind].values():
            entries[:] = [(rank, one) for rank, one in entries if one != alias]
        self._books.clear()
        self.add([replace(alias, known_to=at)])

    def ask(
        self, kind: str, names: Column, times: npt.NDArray[np.int64], *, source: str = "", known_at: int | None = None
    ) -> Meant:
        """What each row's name meant at the row's time.

        Args:
            kind: kind of alias.
            names: text, as the records have it. Shape (rows,).
            times: UTC epoch milliseconds. Shape (rows,).
            source: whose names these are.
            known_at: as believed at this moment; None: as believed now.
        """
        book = self._book(kind, source, known_at)
        values = names.values.to_pylist()
        key = np.full(len(values) + 1, -1, np.int32)  # the last one answers for rows without a name
        for code, value in enumerate(values):
            key[code] = self._key(book, kind, value)
        segment = book.timelines.at(key[names.codes], times)
        segment[segment < 0] = len(book.entity) - 1
        entity, person = book.entity[segment], book.person[segment]
        uids = pa.array(list(self._entities), pa.string())
        return Meant(
            Column(np.where(entity >= 0, entity, MISSING).astype(np.int32), uids),
            Column(person, uids),
            book.confidence[segment],
            entity == AMBIGUOUS,
        )

    def _key(self, book: _Book, kind: str, value: str) -> int:
        for shortened, form in enumerate(forms(kind, value)):
            found = book.keys.get(form) if not shortened or form in book.exact else None
            if found is None and kind == "account" and "\\" in form:
                domain, _, bare = form.partition("\\")
                # A user of a domain the estate knows; one of a machine of its own is somebody else.
                found = book.keys.get(bare) if domain in self._domains else None
            if found is not None:
                return found
        return self._key_of_token(book, value) if kind == "account" else -1

    def _key_of_token(self, book: _Book, value: str) -> int:
        """An account that only records named."""
        names = forms("account", value) if self.hidden is not None else ()
        domain, parted, _ = names[0].partition("\\") if names else ("", "", "")
        if self.hidden is None or not names or (parted and domain not in self._domains):
            return -1
        return book.keys.get(self.hidden(names[0]), -1)

    def _book(self, kind: str, source: str, known_at: int | None) -> _Book:
        book = self._books.get((kind, source, known_at))
        if book is None:
            book = self._books[kind, source, known_at] = self._written(kind, source, known_at)
        return book

    def _written(self, kind: str, source: str, known_at: int | None) -> _Book:
        keys: dict[str, int] = {}
        exact: set[str] = set()
        segments: list[tuple[int, int, int, int, int, int]] = []
        for name, entries in self._known[kind].items():
            said = [
                (rank, alias)
                for rank, alias in entries
                if alias.source in ("", source)
                and (alias.known_to == FOREVER if known_at is None else alias.known_from <= known_at < alias.known_to)
            ]
            if said:
                keys[name] = len(keys)
                if any(rank == 0 for rank, _ in said):
                    exact.add(name)
                segments += [(keys[name], *stretch) for stretch in self._stretches(said)]
        columns = np.array(segments, np.int64).reshape(-1, 6).T
        none = np.array([-1], np.int64)
        return _Book(
            keys,
            frozenset(exact),
            Timelines(len(keys), columns[0], columns[1], columns[2]),
            np.concatenate([columns[3], none]).astype(np.int32),
            np.concatenate([columns[4], none]).astype(np.int32),
            np.concatenate([columns[5], none * 0]).astype(np.int8),
        )

    def _stretches(self, said: Sequence[tuple[int, Alias]]) -> list[tuple[int, int, int, int, int]]:
        """One name's time cut where its answer may change: (since, until, entity, person, confidence)."""
        if len(said) == 1:
            alias = said[0][1]
            return [
                (
                    alias.valid_from,
                    alias.valid_to,
                    self._code(alias.entity),
                    self._code(alias.person),
                    alias.confidence if alias.entity else 0,
                )
            ]
        edges = sorted({edge for _, alias in said for edge in (alias.valid_from, alias.valid_to)})
        ordered = sorted(said, key=lambda entry: entry[1].valid_from)
        made: list[tuple[int, int, int, int, int]] = []
        active: list[tuple[int, Alias]] = []
        coming = 0
        for since, until in pairwise(edges):
            while coming < len(ordered) and ordered[coming][1].valid_from <= since:
                active.append(ordered[coming])
                coming += 1
            active = [entry for entry in active if entry[1].valid_to > since]
            if not active:
                continue
            best = min(_standing(entry) for entry in active)
            left = [alias for rank, alias in active if _standing((rank, alias)) == best]
            if left[0].kind in MOVES and all(alias.method == "deterministic" for alias in left):
                latest = max(alias.valid_from for alias in left)  # given out anew, a name is not the old one's
                left = [alias for alias in left if alias.valid_from == latest]
            left = [alias for alias in left if alias.entity != NOBODY] or left  # what was never leased stays
            entities = {(alias.entity, alias.person) for alias in left}
            if entities == {(NOBODY, "")}:
                answer = -1, -1, 0
            elif len(entities) == 1:
                entity, person = entities.pop()
                answer = self._code(entity), self._code(person), max(alias.confidence for alias in left)
            else:  # a person's own credentials may be several under one name; who it is stays certain
                people = {alias.person for alias in left}
                person = people.pop() if len(people) == 1 else ""
                sure = max(alias.confidence for alias in left) if person else 0
                answer = AMBIGUOUS, self._code(person), sure
            if made and made[-1][1] == since and made[-1][2:] == answer:
                made[-1] = (made[-1][0], until, *answer)
            else:
                made.append((since, until, *answer))
        return made

    def _code(self, uid: str) -> int:
        return self._entities.setdefault(uid, len(self._entities)) if uid else -1


@dataclass(frozen=True, slots=True)
class _Book:
    """The names of one kind, as one source uses them and as believed at one moment; the last row answers "none"."""

    keys: dict[str, int]
    exact: frozenset[str]
    """Names that somebody wrote so: a record's longer name may mean them. One that was itself shortened, it may not."""
    timelines: Timelines
    entity: npt.NDArray[np.int32]
    person: npt.NDArray[np.int32]
    confidence: npt.NDArray[np.int8]


def _standing(entry: tuple[int, Alias]) -> tuple[int, int, int]:
    """What counts first, lowest: verified, of this source, written exactly so."""
    rank, alias = entry
    return (0 if alias.status == "verified" else 1, 0 if alias.source else 1, rank)
