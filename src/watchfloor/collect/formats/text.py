"""Plain text, the last resort: one line, one record `{"message": line}`."""

from __future__ import annotations

from typing import Any

from watchfloor.collect.formats.lines import LineFormat

__all__ = ["TEXT", "Text"]


class Text(LineFormat):
    """Lines that no other format claims."""

    name = "text"

    def sniff(self, head: bytes, name: str) -> float:
        """Anything that is mostly text; always behind every other format."""
        return 0.05

    def fields(self, line: str) -> dict[str, Any]:
        """The line as it is."""
        return {"message": line}


TEXT = Text()
