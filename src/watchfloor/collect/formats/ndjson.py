"""JSON Lines: one JSON object a line. Decoding is the identity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import orjson

from watchfloor.collect.formats.format import HEAD, Block, Decoded, Framed
from watchfloor.collect.formats.lines import frame_lines, head_lines

__all__ = ["NDJSON", "Ndjson"]


class Ndjson:
    """NDJSON, also what Zeek (JSON), Suricata EVE, osquery, Winlogbeat and most shippers write."""

    name = "ndjson"

    def sniff(self, head: bytes, name: str) -> float:
        """Sure when the first lines are JSON objects; less when the first line is longer than the head."""
        lines = head_lines(head)
        if not lines:
            return 0.0
        if len(lines) == 1 and len(head) >= HEAD and lines[0].startswith(b"{"):
            return 0.7
        good = 0
        for line in lines:
            if line.startswith(b"{"):
                with suppress(ValueError):
                    good += isinstance(orjson.loads(line), dict)
        return 0.9 * good / len(lines)

    def frame(self, file: BinaryIO, context: bytes = b"", *, after: int = 0, final: bool = True) -> Iterator[Framed]:
        """Cut the stream at its line ends."""
        return frame_lines(file, self.name, after=after, final=final)

    def decode(self, block: Block) -> Decoded:
        """The payload itself, not copied; the tokeniser reports what is no JSON object."""
        return Decoded(block.payload, block.offsets)


NDJSON = Ndjson()
