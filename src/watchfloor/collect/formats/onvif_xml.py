"""ONVIF events as devices send them: WS-BaseNotification messages, in a metadata stream or in a SOAP answer.

    <wsnt:NotificationMessage>                         {"topic": "tns1:Device/Trigger/Relay", "dialect": "http://...",
      <wsnt:Topic Dialect="...">                        "timestamp": "2026-01-19T07:00:00Z", "operation": "Changed",
      <wsnt:ProducerReference><wsa:Address>             "producer": "uri://...",
      <wsnt:Message><tt:Message UtcTime="" ...>         "source": {"RelayToken": "3"}, "key": {},
        <tt:Source> <tt:Key> <tt:Data>                  "data": {"LogicalState": "inactive"}}

Prefixes are whatever the device declares; `<tt:MetadataStream>`, `PullMessagesResponse` and `Notify` with their headers
are wrappers. What a metadata stream says of objects in the picture (`VideoAnalytics`) is no event, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from watchfloor.collect.formats.elements import COMMENT, Element, Elements, decoded
from watchfloor.collect.formats.format import Block, Decoded, Framed
from watchfloor.collect.formats.lines import BOM

__all__ = ["ONVIF_XML", "OnvifXml"]

PREFIX = rb"(?:[\w.-]+:)?"
WRAPPERS = rb"(?:MetadataStream|Event|Envelope|Header|Body|PullMessagesResponse|Notify|ReplyTo|From|FaultTo)"
LEAVES = rb"(?:CurrentTime|TerminationTime|Action|MessageID|RelatesTo|To|Address|SubscriptionId)"

MESSAGES = Elements(
    "onvif_xml",
    re.compile(rb"<" + PREFIX + rb"NotificationMessage(?=[\s>/])"),
    re.compile(rb"</" + PREFIX + rb"NotificationMessage\s*>"),
    re.compile(
        rb"\s+|<\?xml[^>]*\?>|</?" + PREFIX + WRAPPERS + rb"(?:\s[^<>]*)?/?>"
        rb"|<" + PREFIX + LEAVES + rb"(?:\s[^<>]*)?(?:/>|>[^<]*</" + PREFIX + LEAVES + rb"\s*>)|" + COMMENT,
        re.DOTALL,
    ),
    "not an ONVIF notification",
)
_SNIFF = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?<" + PREFIX + rb"(?:MetadataStream|Envelope|Notify|PullMessagesResponse|"
    rb"NotificationMessage)[\s>/]"
)


class OnvifXml:
    """Notifications of cameras, access points and doors (ONVIF Core, section 9; OASIS WS-BaseNotification 1.3)."""

    name = "onvif_xml"

    def sniff(self, head: bytes, name: str) -> float:
        """By the first element, and by a word that other SOAP does not have."""
        ours = _SNIFF.match(head.removeprefix(BOM)) and (b"NotificationMessage" in head or b"onvif.org" in head)
        return 0.98 if ours else 0.0

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """One record per NotificationMessage; anything between them that is no wrapper is bad."""
        return MESSAGES.frame(file, context, after=after, final=final)

    def decode(self, block: Block) -> Decoded:
        """Each message as topic, time and items."""
        return decoded(block, _message)


def _message(element: Element) -> Mapping[str, Any]:
    topic = _child(element, "Topic")
    inner = _child(_child(element, "Message"), "Message")
    made: dict[str, Any] = {
        "topic": _text(topic),
        "dialect": topic.attributes.get("Dialect", ""),
        "timestamp": inner.attributes.get("UtcTime"),
        "operation": inner.attributes.get("PropertyOperation"),
        "producer": _text(_child(_child(element, "ProducerReference"), "Address")) or None,
    }
    for part in ("Source", "Key", "Data"):
        items = [one for one in _child(inner, part).children if one.name in ("SimpleItem", "ElementItem")]
        made[part.lower()] = {one.attributes.get("Name", ""): _value(one) for one in items}
    return made


def _value(item: Element) -> str:
    """What a simple item says; of one with elements inside, their text."""
    return item.attributes["Value"] if "Value" in item.attributes else " ".join(_text(item).split())


def _child(element: Element, name: str) -> Element:
    """The first child of this name; an empty one where there is none."""
    return next((one for one in element.children if one.name == name), Element("", {}))


def _text(element: Element) -> str:
    return ("".join(element.text) + " ".join(_text(one) for one in element.children)).strip()


ONVIF_XML = OnvifXml()
