"""JSON documents: arrays, objects one after the other (pretty-printed or not), and one array inside an envelope.

Exports come as `[{...}, {...}]`, as `{"Records": [{...}]}` (CloudTrail), `{"value": [...]}` (Microsoft Graph),
`{"items": [...]}` (Kubernetes, Google) and so on. Elements of the array are the records. `Json(records="a.b")` names
the array where it cannot be guessed.

The structure is found with numpy (quotes by parity, brackets by a running sum), so a document may be larger than
memory; only a single record may not exceed `MAX_RECORD`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import orjson

from watchfloor.collect.formats.format import (
    BAD_HEAD,
    BLOCK,
    HEAD,
    MAX_RECORD,
    Bad,
    Block,
    Decoded,
    Framed,
    broken,
    joined,
)
from watchfloor.collect.formats.lines import BOM, CUT, TOO_LONG

__all__ = ["JSON", "Json"]

WRAPPERS = (
    "Records", "records", "value", "items", "logEvents", "Resources", "resources", "results", "Results", "Findings",
    "findings", "events", "Events", "data", "entries", "logs", "alerts",
)  # fmt: skip
"""Members whose array of objects holds the records, where everything beside it belongs to the envelope."""

ENVELOPE = frozenset((
    "@odata.context", "@odata.count", "@odata.deltaLink", "@odata.nextLink", "NextToken", "ResponseMetadata",
    "apiVersion", "count", "etag", "has_more", "itemsPerPage", "kind", "links", "logGroup", "logStream", "messageType",
    "meta", "metadata", "next", "nextLink", "nextPageToken", "nextToken", "owner", "page", "previous", "schemas",
    "startIndex", "status", "subscriptionFilters", "success", "timed_out", "took", "total", "totalResults",
))  # fmt: skip
"""Members that may stand beside the array; they say nothing about a single record."""

BESIDE = "stands beside the records and is no record"
NOT_AN_OBJECT = "not a JSON object"
STRAY = "a closing bracket without an opening one"
NO_PATH = "nothing at the records path"
SINGLE = -1
OPEN_ARRAY = "the JSON array is not closed"

_CANDIDATE = re.compile(rb'"(?:' + "|".join(WRAPPERS).encode() + rb')"\s*:\s*\[')
_KEY = re.compile(rb'\s*,?\s*"((?:[^"\\]|\\.)*)"\s*:\s*', re.DOTALL)
_SCALAR = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\s,{}\[\]"]+', re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_OF_OBJECTS = re.compile(rb"\[\s*(?:\{|\])")
_BLANK = b" \t\r\n,\x1e"

_INTERESTING = np.zeros(256, np.bool_)
_INTERESTING[list(b'"\\{}[]')] = True

Index = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Structure:
    """The brackets of a buffer that are outside strings, with the depth behind each (counted from the container)."""

    at: Index
    step: npt.NDArray[np.int8]
    depth: Index
    in_string: bool

    def close_of(self, level: int, start: int) -> int | None:
        """Index of the bracket that closes the container at `level`, from bracket `start` on."""
        found = np.flatnonzero(self.depth[start:] < level)
        return start + int(found[0]) if len(found) else None


def _structure(data: bytes, depth: int, in_string: bool = False) -> _Structure:
    view = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(_INTERESTING[view])
    kind = view[at]
    quote = kind == 34
    slash = kind == 92
    if slash.any():
        backslashes = at[slash]
        new = np.empty(len(backslashes), np.bool_)
        new[0] = True
        np.not_equal(np.diff(backslashes), 1, out=new[1:])
        first = np.flatnonzero(new)
        length = np.diff(np.append(first, len(backslashes)))
        behind = backslashes[first] + length  # the byte behind each run
        odd = behind[length % 2 == 1]
        quote &= ~np.isin(at, odd, assume_unique=True)
    inside = (np.cumsum(quote) + in_string) & 1
    bracket = (kind != 34) & ~slash & (inside == 0)
    at, kind = at[bracket], kind[bracket]
    step = np.where((kind == 123) | (kind == 91), 1, -1).astype(np.int8)
    ends_inside = bool(inside[-1]) if len(inside) else in_string
    return _Structure(at, step, depth + np.cumsum(step, dtype=np.int64), ends_inside)


class Json:
    """JSON documents.

    Args:
        records: dotted path of the records, an array or one object; None finds an array by the usual names.
    """

    name = "json"

    def __init__(self, records: str | None = None) -> None:
        self.records = records
        self._path = None if records is None else tuple(records.split("."))

    def sniff(self, head: bytes, name: str) -> float:
        """Sure for arrays of objects, envelopes and pretty-printed objects; single-line objects are NDJSON."""
        start = head.removeprefix(BOM).lstrip()
        if re.match(rb'\[\s*(?:\{\s*["}]|\]\s*$)', start):
            return 0.95
        if not re.match(rb'\{\s*["}]', start):
            return 0.0
        first = re.match(rb"\{\s*\"", start)
        if first and _CANDIDATE.search(start) and _find(start, None, len(head) < HEAD) is not None:
            return 0.96
        line, _, rest = start.partition(b"\n")
        try:
            orjson.loads(line)
        except ValueError:
            pretty = rest.lstrip()[:1] in (b'"', b"}") or line.strip() == b"{"
            return 0.85 if pretty else 0.3
        return 0.6

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """One record per element. A resumed document is scanned from its beginning."""
        yield from _Framing(self, file, after, final).run()

    def decode(self, block: Block) -> Decoded:
        """The payload itself."""
        return Decoded(block.payload, block.offsets)

    @property
    def path(self) -> tuple[str, ...] | None:
        """The records path, split."""
        return self._path


def _find(data: bytes, path: tuple[str, ...] | None, whole: bool) -> tuple[int, int] | None:
    """Where the array of records opens in the object that `data` begins with, and in how many objects it lies.

    Returns None where the object is itself a record; `SINGLE` instead of a depth where the path leads to one object.
    """
    if path is None and whole:
        try:
            value = orjson.loads(data)
        except ValueError:
            value = None
        if isinstance(value, dict) and not _is_envelope(value):
            return None
    at = data.find(b"{") + 1
    deep = 0
    while True:
        key = _KEY.match(data, at)
        if key is None:
            return None
        name = key[1].decode("utf-8", "replace")
        at = key.end()
        value_byte = data[at : at + 1]
        if path is None:
            if name in WRAPPERS and _OF_OBJECTS.match(data, at):
                return at, 1
            if name not in ENVELOPE:
                return None
        elif name == path[deep]:
            if deep == len(path) - 1:
                if value_byte == b"{":
                    return at, SINGLE
                return (at, deep + 1) if value_byte == b"[" else None
            if value_byte != b"{":
                return None
            at += 1
            deep += 1
            continue
        end = _behind(data, at)
        if end is None:
            return None
        at = end


def _is_envelope(value: dict[str, Any]) -> bool:
    arrays = [k for k, v in value.items() if k in WRAPPERS and isinstance(v, list)]
    return (
        len(arrays) == 1
        and all(isinstance(v, dict) for v in value[arrays[0]])
        and all(k in ENVELOPE for k in value if k != arrays[0])
    )


def _behind(data: bytes, at: int) -> int | None:
    """The byte behind the JSON value at `at`; None where it does not end."""
    if data[at : at + 1] in (b"{", b"["):
        depth = 0
        for token in _TOKEN.finditer(data, at):
            mark = token[0]
            if mark in (b"{", b"["):
                depth += 1
            elif mark in (b"}", b"]"):
                depth -= 1
                if depth == 0:
                    return token.end()
        return None
    scalar = _SCALAR.match(data, at)
    return None if scalar is None else scalar.end()


class _Framing:
    """One pass over one document."""

    def __init__(self, format: Json, file: BinaryIO, after: int, final: bool) -> None:
        self.path = format.path
        self.file = file
        self.resume = after
        self.final = final
        self.base = 0  # of `data` in the stream
        self.data = b""
        self.cursor = 0  # in `data`: everything before it is dealt with
        self.token = 0  # in the structure: likewise
        self.level = 0  # depth of the container we are in
        self.inside = 0  # objects around the array of records; 0 also for a bare array and at the root
        self.mode = "root"  # root | array | tail
        self.eof = False
        self.stuck = False
        self.good: list[bytes] = []
        self.bad: list[Bad] = []
        self.last = after
        self.shape = _structure(b"", 0)

    # -- giving ---------------------------------------------------------------------------------------------------

    def _record(self, start: int, end: int) -> None:
        if self.base + end > self.resume:
            if end - start > MAX_RECORD:
                self._bad(TOO_LONG, start, end)
                return
            self.good.append(self.data[start:end] + b"\n")
            self.last = self.base + end

    def _bad(self, reason: str, start: int, end: int) -> None:
        if self.base + end > self.resume:
            self.bad.append(Bad(len(self.good), reason, self.data[start:end].strip(_BLANK)[:BAD_HEAD]))
            self.last = self.base + end

    def _gap(self, start: int, end: int, reason: str = NOT_AN_OBJECT) -> None:
        if end > start and self.data[start:end].strip(_BLANK):
            self._bad(reason, start, end)

    def _give(self, reason: str | None = None) -> Iterator[Framed]:
        if self.good or self.bad or reason is not None:
            yield Framed(joined(self.good, "json"), max(self.last, self.resume), self.bad, reason)
            self.good, self.bad = [], []

    # -- reading --------------------------------------------------------------------------------------------------

    def run(self) -> Iterator[Framed]:
        while True:
            self._load()
            while self._step():
                pass
            yield from self._give()
            if self.eof:
                break
            if len(self.data) - self.cursor > MAX_RECORD:
                yield from self._skip()
        yield from self._end()

    def _load(self) -> None:
        rest = self.data[self.cursor :]
        self.base += self.cursor
        chunk = self.file.read(BLOCK)
        if self.base == 0 and not rest and chunk.startswith(BOM):
            chunk = chunk[len(BOM) :]
            self.base = len(BOM)
        self.eof = not chunk
        self.data = rest + chunk
        self.cursor = self.token = 0
        self.shape = _structure(self.data, self.level)

    def _step(self) -> bool:
        """Deal with what the buffer holds of the current container; False where more bytes are needed."""
        shape = self.shape
        close = shape.close_of(self.level, self.token)
        until = len(shape.at) if close is None else close
        if self.mode == "tail":
            if close is None:
                return False
            self._tail(int(shape.at[close]))
            self._leave(close)
            return True
        depth, step = shape.depth[self.token : until], shape.step[self.token : until]
        opens = self.token + np.flatnonzero((depth == self.level + 1) & (step > 0))
        ends = self.token + np.flatnonzero((depth == self.level) & (step < 0))
        if self.mode == "root":
            return self._root(opens, ends, close)
        self._elements(opens[: len(ends)], ends)
        if len(opens) > len(ends) or close is None:
            return False
        self._gap(self.cursor, int(shape.at[close]))
        self._leave(close)
        return True

    def _elements(self, opens: Index, ends: Index) -> None:
        """Complete groups of the current container."""
        at = self.shape.at
        for start, end in zip(at[opens].tolist(), (at[ends] + 1).tolist(), strict=True):
            if start > self.cursor + 1 or self.data[self.cursor : start] != b",":
                self._gap(self.cursor, start)
            self._record(start, end)
            self.cursor = end
        if len(ends):
            self.token = int(ends[-1]) + 1

    def _root(self, opens: Index, ends: Index, close: int | None) -> bool:
        at = self.shape.at
        starts = at[opens]
        if self.path is None:
            hits = np.fromiter((m.start() for m in _CANDIDATE.finditer(self.data, self.cursor)), np.int64)
            stops = np.append(at[ends], np.full(len(opens) - len(ends), len(self.data)))
            special = np.searchsorted(hits, stops) > np.searchsorted(hits, starts)
            special |= np.frombuffer(self.data, np.uint8)[starts] == 91
        else:
            special = np.ones(len(opens), np.bool_)
        done = 0
        for i in np.flatnonzero(special).tolist():
            whole = i < len(ends)
            self._elements(opens[done : min(i, len(ends))], ends[done:i])
            done = i
            start = int(starts[i])
            if self.data[start] == 91 and self.path is None:
                found: tuple[int, int] | None = (start, 0)
            else:
                stop = int(at[ends[i]]) + 1 if whole else len(self.data)
                if not whole and stop - start < MAX_RECORD and not self.eof:
                    return False  # an object that fits is judged as a whole
                found = _find(self.data[start:stop], self.path, whole)
                if found is not None and found[1] == SINGLE:
                    end = _behind(self.data[:stop], start + found[0]) if whole else None
                    if end is None:
                        found = None
                    else:
                        self._gap(self.cursor, start)
                        self._record(start + found[0], end)
                        self.cursor, self.token, done = stop, int(ends[i]) + 1, i + 1
                        continue
                elif found is not None:
                    found = (start + found[0], found[1])
                elif self.path is not None and whole:
                    self._gap(self.cursor, start)
                    self._bad(NO_PATH, start, stop)
                    self.cursor, self.token, done = stop, int(ends[i]) + 1, i + 1
                    continue
            if found is None:
                continue
            self._gap(self.cursor, start)
            self.cursor = found[0] + 1
            self.token = int(np.searchsorted(at, found[0])) + 1
            self.inside = found[1]
            self.level = int(self.shape.depth[self.token - 1])
            self.mode = "array"
            return True
        self._elements(opens[done : len(ends)], ends[done:])
        if len(opens) > len(ends) or close is None:
            return False
        self._gap(self.cursor, int(at[close]))
        self._bad(STRAY, int(at[close]), int(at[close]) + 1)
        self.level -= 1
        self.token, self.cursor = close + 1, int(at[close]) + 1
        return True

    def _leave(self, close: int) -> None:
        """Step behind the bracket that closes the current container."""
        self.cursor = int(self.shape.at[close]) + 1
        self.token = close + 1
        self.level -= 1
        if self.mode == "tail":
            self.inside -= 1
        self.mode = "tail" if self.inside > 0 else "root"

    def _tail(self, close: int) -> None:
        """What stands behind the array in its object: the envelope, or something that must not vanish."""
        beside = self.data[self.cursor : close].strip(_BLANK)
        if not beside or self.path is not None:
            return
        try:
            value = orjson.loads(b"{" + beside + b"}")
        except ValueError:
            value = {"": None}
        if not all(name in ENVELOPE for name in value):
            self._bad(BESIDE, self.cursor, close)

    def _skip(self) -> Iterator[Framed]:
        """Walk over something longer than a record may be, in bounded memory."""
        start = self.cursor
        self._load_no_more()
        head = self.data[start : start + BAD_HEAD].lstrip(_BLANK)
        depth = int(self.shape.depth[-1]) if len(self.shape.depth) else self.level
        in_string = self.shape.in_string
        at = self.base + len(self.data)
        held = b""
        while True:
            chunk = self.file.read(BLOCK)
            if not chunk:
                self.eof = True
                break
            chunk = held + chunk
            held = chunk[len(chunk.rstrip(b"\\")) :]
            chunk = chunk[: len(chunk) - len(held)]
            shape = _structure(chunk, depth, in_string)
            found = np.flatnonzero(shape.depth <= self.level)
            if depth <= self.level and not in_string:
                found = np.zeros(0, np.int64) if not len(shape.at) else np.array([-1])
            if len(found):
                stop = int(shape.at[found[0]]) + 1 if found[0] >= 0 else int(shape.at[0])
                self._oversize(head, at + stop)
                self.data, self.base, self.cursor = chunk[stop:] + held, at + stop, 0
                yield from self._give()
                return
            at += len(chunk)
            depth = int(shape.depth[-1]) if len(shape.depth) else depth
            in_string = shape.in_string
        self._oversize(head, at + len(held))
        self.data, self.base, self.cursor = b"", at + len(held), 0

    def _load_no_more(self) -> None:
        """Structure of exactly the unread rest, cut before trailing backslashes so that escapes stay whole."""
        rest = self.data[self.cursor :]
        self.base += self.cursor
        self.data, self.cursor, self.token = rest, 0, 0
        self.shape = _structure(rest, self.level)

    def _oversize(self, head: bytes, end: int) -> None:
        if end > self.resume:
            self.bad.append(Bad(len(self.good), TOO_LONG, head[:BAD_HEAD]))
            self.last = end

    def _end(self) -> Iterator[Framed]:
        rest = self.data[self.cursor :]
        cut_off = broken(self.file) is not None
        if rest.strip(_BLANK):
            if not (self.final or cut_off):
                return
            reason = CUT if len(self.shape.at) > self.token or cut_off or self.shape.in_string else NOT_AN_OBJECT
            self._bad(reason, self.cursor, len(self.data))
        elif self.mode != "root" and self.final and not cut_off:
            yield from self._give(OPEN_ARRAY)
        yield from self._give()


JSON = Json()
