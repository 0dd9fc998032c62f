"""A flame graph as one SVG file that needs nothing else: no script, no font, no network.

Time runs from left to right, what a part consists of stands below it; widths are proportional. The full text and the
figures of a box are its `<title>`, which browsers show when the pointer rests on it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

__all__ = ["Frame", "svg"]

WIDTH, ROW, MARGIN, TOP = 1200.0, 18, 10, 52
FONT = 'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11"'
LETTER = 6.6
"""Average width of a letter at the size used, in pixels; only decides where a label is cut."""

LEAST = 0.4
"""Boxes narrower than this many pixels are not drawn; the box above says that there are some."""

HUES = (18, 32, 44, 200, 160, 280, 96)
"""By depth under a stage: what lies beside one another has one hue and differs in lightness."""


@dataclass(slots=True)
class Frame:
    """A part of the whole.

    Args:
        name: what it is.
        value: its size; at least the sum of its children's.
        children: what it consists of, dearest first.
        note: more about it, for the tooltip.
    """

    name: str
    value: float
    children: list[Frame] = field(default_factory=list)
    note: str = ""

    @property
    def depth(self) -> int:
        """Levels, itself included."""
        return 1 + max((child.depth for child in self.children), default=0)


def svg(root: Frame, title: str, unit: str = "s") -> str:
    """The picture.

    Args:
        root: the whole; where its value is 0, only the title is drawn.
        title: stands on top.
        unit: of the values.
    """
    height = TOP + root.depth * ROW + MARGIN
    size = f'width="{WIDTH:.0f}" height="{height}"'
    said = f"{root.value:.3f} {unit} of processor time; rest the pointer on a box for its figures"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {WIDTH:.0f} {height}" {FONT}>',
        f"<title>{_text(title)}</title>",
        "<style>rect:hover{stroke:#000;stroke-width:1.5}text{pointer-events:none}</style>",
        f'<rect {size} fill="#fff"/>',
        f'<text x="{MARGIN}" y="22" font-size="15" font-weight="bold">{_text(title)}</text>',
        f'<text x="{MARGIN}" y="40" fill="#555">{_text(said)}</text>',
    ]
    if root.value > 0:
        lines += _boxes(root, MARGIN, 0, (WIDTH - 2 * MARGIN) / root.value, root.value, unit, ())
    lines.append("</svg>\n")
    return "\n".join(lines)


def _boxes(
    frame: Frame, left: float, depth: int, scale: float, whole: float, unit: str, above: Sequence[str]
) -> Iterator[str]:
    width = frame.value * scale
    if width < LEAST:
        return
    y = TOP + depth * ROW
    where = " > ".join((*above, frame.name))
    share = f"{frame.value:.4f} {unit}, {100 * frame.value / whole:.1f} %"
    tip = _text("\n".join(part for part in (where, share, frame.note) if part))
    yield (
        f'<g><title>{tip}</title><rect x="{left:.2f}" y="{y}" width="{max(width - 0.5, 0.3):.2f}" height="{ROW - 1}" '
        f'rx="1" fill="{_colour(frame.name, depth)}"/>'
    )
    room = int((width - 8) / LETTER)
    if room >= 3:
        label = frame.name if len(frame.name) <= room else f"{frame.name[: room - 1]}…"
        yield f'<text x="{left + 4:.2f}" y="{y + 12.5}">{_text(label)}</text>'
    yield "</g>"
    for child in frame.children:
        yield from _boxes(child, left, depth + 1, scale, whole, unit, (*above, frame.name))
        left += child.value * scale


def _colour(name: str, depth: int) -> str:
    if depth == 0:
        return "#d9d9d9"
    lightness = 66 + zlib.crc32(name.encode("utf-8", "replace")) % 18
    return f"hsl({HUES[(depth - 1) % len(HUES)]},72%,{lightness}%)"


def _text(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return escape(
        "".join(
            char if char >= " " and char not in "\x7f\ufffe\uffff" else "\ufffd" if char != "\n" else char
            for char in text
            if not "\ud800" <= char <= "\udfff"
        )
    )
