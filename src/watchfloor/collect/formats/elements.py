"""XML as records: elements of one name, one after the other or inside wrappers; each read by itself.

Nothing outside an element is interpreted, and document types and entities are refused before the parser sees them
expanded, so a record can neither grow nor reach for anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO
from xml.parsers import expat

from watchfloor.collect.formats.format import (
    BAD_HEAD,
    BLOCK,
    MAX_RECORD,
    Bad,
    Block,
    Decoded,
    Framed,
    broken,
    joined,
    skip_to,
)
from watchfloor.collect.formats.lines import BOM, CUT, ENCODING_FIELD, TOO_LONG, Writer, text

__all__ = ["COMMENT", "Element", "Elements", "decoded"]

MAX_DEPTH = 64

LONGEST_CLOSE = 256
"""Bytes of the longest end tag that is looked for across two reads."""


COMMENT = rb"<!--.*?(?:-->|(?P<endless>\Z))"
"""One that never ends is taken to the end at once, and stays: looking for its end from each `<!--` takes hours."""


class Elements:
    """Elements of one name.

    Args:
        name: of the format.
        open: matches the beginning of the start tag.
        close: matches the end tag.
        between: matches whatever may stand between elements and is no record, `COMMENT` among it.
        stranger: why anything else between them is bad.
    """

    def __init__(
        self, name: str, open: re.Pattern[bytes], close: re.Pattern[bytes], between: re.Pattern[bytes], stranger: str
    ) -> None:
        self.name = name
        self._open, self._close, self._between, self._stranger = open, close, between, stranger

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """One record per element; anything between them that is no wrapper is bad. Arguments as `Format.frame`."""
        skip_to(file, after)
        base = after
        data = b""
        while True:
            chunk = file.read(BLOCK)
            ended = not chunk
            data += chunk
            good: list[bytes] = []
            bad: list[Bad] = []
            at = len(BOM) if base == 0 and data.startswith(BOM) else 0
            told = at
            end = 0  # of the next end tag; looked for anew only behind it, or a million start tags cost a million looks
            while True:
                found = self._open.search(data, at)
                if found is None:
                    break
                if 0 <= end <= found.start():
                    closed = self._close.search(data, found.end())
                    end = -1 if closed is None else closed.end()
                # An element that was cut off must not swallow the one behind it.
                following = self._open.search(data, found.end(), end if end >= 0 else len(data))
                if following is not None:
                    self._apart(data[at : found.start()], good, bad)
                    bad.append(Bad(len(good), CUT, data[found.start() : following.start()][:BAD_HEAD]))
                    at = told = following.start()
                    continue
                if end < 0:
                    break
                self._apart(data[at : found.start()], good, bad)
                record = data[found.start() : end]
                if len(record) > MAX_RECORD:
                    bad.append(Bad(len(good), TOO_LONG, record[:BAD_HEAD]))
                else:
                    good.append(record + b"\n")
                at = told = end
            if ended:
                rest = data[at:]
                stopped = broken(file) is not None
                if self._plain(rest) and (final or stopped):
                    reason = CUT if self._open.search(rest) else self._stranger
                    bad.append(Bad(len(good), reason, rest.strip()[:BAD_HEAD]))
                    told = len(data)
            elif len(data) - at > MAX_RECORD:
                # No element of this length is believed; look for the next one in what follows.
                bad.append(Bad(len(good), TOO_LONG, data[at : at + BAD_HEAD]))
                data, base = self._skip(file, data, base)
                yield Framed(joined(good, self.name), base, bad)
                continue
            if good or bad:
                yield Framed(joined(good, self.name), base + told, bad)
            if ended:
                return
            base += told
            data = data[told:]

    def _skip(self, file: BinaryIO, data: bytes, base: int) -> tuple[bytes, int]:
        """Behind the end of an overlong element."""
        tail = data[-LONGEST_CLOSE:]
        base += len(data) - len(tail)
        while chunk := file.read(BLOCK):
            window = tail + chunk
            closed = self._close.search(window)
            if closed is not None:
                return window[closed.end() :], base + closed.end()
            tail = window[-LONGEST_CLOSE:]
            base += len(window) - len(tail)
        return b"", base + len(tail)

    def _plain(self, between: bytes) -> bytes:
        return self._between.sub(_gone, between)

    def _apart(self, between: bytes, good: list[bytes], bad: list[Bad]) -> None:
        if len(between) > 0 and self._plain(between):
            bad.append(Bad(len(good), self._stranger, between.strip()[:BAD_HEAD]))


def _gone(found: re.Match[bytes]) -> bytes:
    return found[0] if found.lastgroup == "endless" else b""


def decoded(block: Block, record: Callable[[Element], Mapping[str, Any]]) -> Decoded:
    """Each element as the JSON object that `record` makes of it; one that is no well-formed XML is bad."""
    out = Writer()
    for raw in block.records():
        line, clean = text(raw)
        try:
            made = dict(record(_parsed(line)))
            if not clean:
                made[ENCODING_FIELD] = "latin-1"
            out.add(made)
        except (ValueError, TypeError, expat.ExpatError) as error:
            out.refuse(f"not well-formed XML ({error})", raw)
    return out.decoded()


class Element:
    """One element: its name without prefix, attributes as written, children, and the pieces of its text."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text: list[str] = []


def _forbidden(*_: Any) -> int:
    raise ValueError("document types and entities are refused")


def _parsed(document: str) -> Element:
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = _forbidden
    parser.EntityDeclHandler = _forbidden
    parser.ExternalEntityRefHandler = _forbidden
    root = Element("", {})
    stack = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        element = Element(name.rpartition(":")[2], attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_: str) -> None:
        stack.pop()

    def characters(data: str) -> None:
        stack[-1].text.append(data)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.Parse(document.encode("utf-8", "replace"), True)
    return root.children[0]
