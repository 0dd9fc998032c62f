"""Windows events as XML: `<Event>` elements one after the other or inside `<Events>`.

The objects have the shape of the EVTX records, so that one mapping reads both. Document types and entities are refused
before the parser sees them expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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

__all__ = ["WINDOWS_XML", "WindowsXml"]

MAX_DEPTH = 64
NUMBERS = frozenset(("EventID", "Version", "Level", "Task", "Opcode", "EventRecordID"))
"""Elements of System that the EVTX reader gives as numbers."""

_OPEN = re.compile(rb"<Event(?=[\s>/])")
_CLOSE = b"</Event>"
_BETWEEN = re.compile(rb"\s+|<\?xml[^>]*\?>|</?Events(?:\s[^>]*)?/?>|<!--.*?-->|,", re.DOTALL)
_SNIFF = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<Events(?:\s[^>]*)?>\s*)?<Event[\s>]")
NO_EVENT = "not a Windows event"


class WindowsXml:
    """Windows events as `wevtutil`, `Get-WinEvent ... ToXml()`, the event viewer and forwarders write them."""

    name = "windows_xml"

    def sniff(self, head: bytes, name: str) -> float:
        """By the first element."""
        return 0.98 if _SNIFF.match(head.removeprefix(BOM)) else 0.0

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """One record per Event element; anything between them that is no wrapper is bad."""
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
            while True:
                found = _OPEN.search(data, at)
                if found is None:
                    break
                end = data.find(_CLOSE, found.end())
                # An element that was cut off must not swallow the one behind it.
                following = _OPEN.search(data, found.end(), end if end >= 0 else len(data))
                if following is not None:
                    self._between(data[at : found.start()], good, bad)
                    bad.append(Bad(len(good), CUT, data[found.start() : following.start()][:BAD_HEAD]))
                    at = told = following.start()
                    continue
                if end < 0:
                    break
                end += len(_CLOSE)
                self._between(data[at : found.start()], good, bad)
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
                    reason = CUT if _OPEN.search(rest) else NO_EVENT
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

    @staticmethod
    def _skip(file: BinaryIO, data: bytes, base: int) -> tuple[bytes, int]:
        """Behind the end of an overlong element."""
        tail = data[-len(_CLOSE) :]
        base += len(data) - len(tail)
        while chunk := file.read(BLOCK):
            window = tail + chunk
            end = window.find(_CLOSE)
            if end >= 0:
                end += len(_CLOSE)
                return window[end:], base + end
            base += len(window) - len(_CLOSE)
            tail = window[-len(_CLOSE) :]
        return b"", base + len(tail)

    @staticmethod
    def _plain(between: bytes) -> bytes:
        return _BETWEEN.sub(b"", between)

    def _between(self, between: bytes, good: list[bytes], bad: list[Bad]) -> None:
        if len(between) > 0 and self._plain(between):
            bad.append(Bad(len(good), NO_EVENT, between.strip()[:BAD_HEAD]))

    def decode(self, block: Block) -> Decoded:
        """Each element in the JSON shape of EVTX records."""
        out = Writer()
        for raw in block.records():
            line, clean = text(raw)
            try:
                record = _parse(line)
                if not clean:
                    record[ENCODING_FIELD] = "latin-1"
                out.add(record)
            except (ValueError, TypeError, expat.ExpatError) as error:
                out.refuse(f"not well-formed XML ({error})", raw)
        return out.decoded()


class _Element:
    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Element] = []
        self.text: list[str] = []


def _forbidden(*_: Any) -> int:
    raise ValueError("document types and entities are refused")


def _parse(document: str) -> dict[str, Any]:
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = _forbidden
    parser.EntityDeclHandler = _forbidden
    parser.ExternalEntityRefHandler = _forbidden
    root = _Element("", {})
    stack = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep")
        element = _Element(name.rpartition(":")[2], attributes)
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
    return {element.name: _value(element, "") for element in root.children}


def _value(element: _Element, parent: str) -> Any:
    """An element as the EVTX reader renders it: attributes apart, bare text as a scalar, nothing as null."""
    content = "".join(element.text)
    if element.name == "EventData" and parent == "Event":
        return _event_data(element)
    if not element.children:
        scalar: Any = content if content.strip() else None
        if parent == "System" and element.name in NUMBERS and scalar is not None and scalar.strip().isdigit():
            scalar = int(scalar)
        if not element.attributes:
            return scalar
        value: dict[str, Any] = {"#attributes": element.attributes}
        if scalar is not None:
            value["#text"] = scalar
        return value
    value = {"#attributes": element.attributes} if element.attributes else {}
    for child in element.children:
        _add(value, child.name, _value(child, element.name))
    if content.strip():
        value["#text"] = content.strip()
    return value


def _event_data(element: _Element) -> dict[str, Any] | None:
    """`<Data Name="Image">x</Data>` as `{"Image": "x"}`; nameless ones as `{"Data": {"#text": [..]}}`."""
    value: dict[str, Any] = {"#attributes": element.attributes} if element.attributes else {}
    nameless: list[str] = []
    for child in element.children:
        name = child.attributes.get("Name")
        if child.name == "Data" and not child.children:
            content = "".join(child.text)
            if name:
                _add(value, name, content)
            else:
                nameless.append(content)
        elif child.name == "Binary" and not child.children:
            value["Binary"] = "".join(child.text) or None
        else:
            _add(value, child.name, _value(child, "EventData"))
    if nameless:
        value["Data"] = {"#text": nameless[0] if len(nameless) == 1 else nameless}
    return value or None


def _add(value: dict[str, Any], name: str, item: Any) -> None:
    if name not in value:
        value[name] = item
    elif isinstance(value[name], list):
        value[name].append(item)
    else:
        value[name] = [value[name], item]


WINDOWS_XML = WindowsXml()
