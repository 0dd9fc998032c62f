"""Windows events as XML: `<Event>` elements one after the other or inside `<Events>`.

The objects have the shape of the EVTX records, so that one mapping reads both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from watchfloor.collect.formats.elements import COMMENT, Element, Elements, decoded
from watchfloor.collect.formats.format import Block, Decoded, Framed
from watchfloor.collect.formats.lines import BOM

__all__ = ["WINDOWS_XML", "WindowsXml"]

NUMBERS = frozenset(("EventID", "Version", "Level", "Task", "Opcode", "EventRecordID"))
"""Elements of System that the EVTX reader gives as numbers."""

EVENTS = Elements(
    "windows_xml",
    re.compile(rb"<Event(?=[\s>/])"),
    re.compile(rb"</Event>"),
    re.compile(rb"\s+|<\?xml[^>]*\?>|</?Events(?:\s[^>]*)?/?>|,|" + COMMENT, re.DOTALL),
    "not a Windows event",
)
_SNIFF = re.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<Events(?:\s[^>]*)?>\s*)?<Event[\s>]")


class WindowsXml:
    """Windows events as `wevtutil`, `Get-WinEvent ... ToXml()`, the event viewer and forwarders write them."""

    name = "windows_xml"

    def sniff(self, head: bytes, name: str) -> float:
        """By the first element."""
        return 0.98 if _SNIFF.match(head.removeprefix(BOM)) else 0.0

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """One record per Event element; anything between them that is no wrapper is bad."""
        return EVENTS.frame(file, context, after=after, final=final)

    def decode(self, block: Block) -> Decoded:
        """Each element in the JSON shape of EVTX records."""
        return decoded(block, lambda element: {element.name: _value(element, "")})


def _value(element: Element, parent: str) -> Any:
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


def _event_data(element: Element) -> dict[str, Any] | None:
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
