"""What readers of feeds found: values by kind with the claim about each, as they stood in their files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from watchfloor.detect.intel.indicator import KINDS, PERSONAL, Claim
from watchfloor.detect.lookup import texts_of
from watchfloor.detect.texts import Texts
from watchfloor.errors import EstateError
from watchfloor.words import Int32s
from watchfloor.world.entities import FOREVER

__all__ = ["MOST_PROBLEMS", "Defaults", "Gathered", "Lines", "Part"]

MOST_PROBLEMS = 20
"""Problems told of one file, one by one; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an estate says of a feed, for what the feed itself does not say.

    Args:
        source: id of the feed.
        kind: of a list that does not say it; empty: each value is looked at.
        lifetime_ms: a claim ends so long after it was written or last seen; None: never.
        written: when the feed was written, where it does not say so; UTC epoch milliseconds.
        columns: of a CSV file, what we call a column -> what the file calls it.
    """

    source: str
    kind: str = ""
    tlp: str = "amber"
    basis: str = ""
    confidence: int = 50
    lifetime_ms: int | None = None
    decay: str = "none"
    labels: tuple[str, ...] = ()
    written: int | None = None
    columns: tuple[tuple[str, str], ...] = ()

    def claim(self, at: int | None = None) -> Claim:
        """The claim about something that was written or last seen at a moment."""
        seen = self.written if at is None else at
        claim = Claim(self.source, self.tlp, self.basis, self.confidence, decay=self.decay, labels=self.labels)
        if seen is None:
            return claim
        until = FOREVER if self.lifetime_ms is None else seen + self.lifetime_ms
        return claim._replace(seen=seen, until=until)


class Part(NamedTuple):
    """Values of one kind out of one file.

    Args:
        values: as they were written.
        lines: per value its line, 1-based.
        claims: per value the number of the claim (`Gathered.claims`).
    """

    kind: str
    file: Path
    values: Texts
    lines: Int32s
    claims: Int32s


@dataclass(slots=True)
class Gathered:
    """All that was read. Readers add to it; whoever builds the index takes it apart.

    Attributes:
        claims: each once, with its number.
        problems: what could not be read, with file, line and remedy; `unread` counts them, by file.
        broken: files of which nothing can be read; they are problems too.
        passed: what is no indicator of ours, and why: reason -> how many.
    """

    claims: dict[Claim, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    problems: list[EstateError] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    broken: list[EstateError] = field(default_factory=list)
    _pending: dict[tuple[str, Path], list[tuple[str, int, int]]] = field(default_factory=dict)

    def add(self, kind: str, value: str, claim: Claim, file: Path, line: int) -> None:
        """One value."""
        if (number := self.number(claim, kind, file, line)) is not None:
            self._pending.setdefault((kind, file), []).append((value, line, number))

    def add_all(self, kind: str, values: Texts, lines: Int32s, claim: Claim, file: Path) -> None:
        """Many values of which the same is said."""
        if len(values.starts) and (number := self.number(claim, kind, file, int(lines[0]))) is not None:
            self.parts.append(Part(kind, file, values, lines, np.full(len(lines), number, np.int32)))

    def number(self, claim: Claim, kind: str, file: Path, line: int) -> int | None:
        """The number of a claim; None, and a problem, where such a claim may not be made."""
        problem = None
        if claim.until <= claim.since:
            problem = "ends before it begins", "give valid_until behind valid_from"
        elif kind in PERSONAL and not claim.verdict and not claim.basis:
            what = f"a {kind} is about somebody, and nothing says on what lawful basis it is looked for"
            problem = what, 'give the feed a basis, like basis = "legitimate_interest"'
        elif kind in PERSONAL and not claim.verdict and claim.until == FOREVER:
            what = f"a {kind} is about somebody, and nothing says until when it is looked for"
            problem = what, "give the feed expires_days"
        if problem is not None:
            self.wrong(file, line, *problem)
            return None
        return self.claims.setdefault(claim, len(self.claims))

    def wrong(self, file: Path, line: int | None, what: str, remedy: str) -> None:
        """Note what could not be read; the rest goes on."""
        name = str(file)
        self.unread[name] = self.unread.get(name, 0) + 1
        if self.unread[name] <= MOST_PROBLEMS:
            self.problems.append(EstateError(what, file=file, line=line, remedy=remedy))

    def breaks(self, file: Path, line: int | None, what: str, remedy: str) -> None:
        """Note a file of which nothing can be read; the other files go on."""
        self.wrong(file, line, what, remedy)
        self.broken.append(EstateError(what, file=file, line=line, remedy=remedy))

    def passes(self, reason: str, many: int = 1) -> None:
        """Note what is no indicator of a kind of ours."""
        self.passed[reason] = self.passed.get(reason, 0) + many

    def by_kind(self) -> dict[str, list[Part]]:
        """All parts, and what was added one by one as parts too; from then on they are the caller's alone."""
        for (kind, file), many in self._pending.items():
            values, lines, claims = zip(*many, strict=True)
            texts = texts_of(pa.array(values, pa.string()))
            self.parts.append(Part(kind, file, texts, np.array(lines, np.int32), np.array(claims, np.int32)))
        self._pending.clear()
        found: dict[str, list[Part]] = {}
        for part in self.parts:
            found.setdefault(part.kind, []).append(part)
        self.parts = []
        return {kind: found[kind] for kind in KINDS if kind in found}


class Lines:
    """Finds on which line of a JSON file something stands; asked in the order of the file it reads the file once."""

    def __init__(self, payload: bytes) -> None:
        self._payload, self._at, self._line = payload, 0, 1

    def of(self, text: str) -> int:
        """The line on which a text stands, looked for from the last one on; that line where it does not."""
        needle = text.encode("utf-8", "replace")
        place = self._payload.find(needle, self._at)
        if place < 0:
            place = self._payload.find(needle, 0, self._at)
            return self._line if place < 0 else self._payload.count(b"\n", 0, place) + 1
        self._line += self._payload.count(b"\n", self._at, place)
        self._at = place
        return self._line
