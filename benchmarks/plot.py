"""Pictures of bars and of lines, as SVG we write ourselves: nothing to install, nothing to load."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

COLOURS = ("#1f5f8b", "#7fb3d5", "#2e7d4f", "#8fce9f", "#b5651d", "#d9a066")
LEFT, WIDE, BAR, GAP = 230, 520, 15, 22


def bars(groups: Mapping[str, Mapping[str, float]], file: Path, title: str) -> None:
    """Groups of named bars on a logarithmic scale, written to `file`."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    most = max(value for group in groups.values() for value in group.values())
    least = min(value for group in groups.values() for value in group.values())
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))

    def place(value: float) -> float:
        return LEFT + WIDE * (math.log10(value) - low) / max(1, high - low)

    drawn: list[str] = []
    y = 44
    for group, values in groups.items():
        drawn.append(f'<text x="8" y="{y + 12}" font-weight="bold">{escape(group)}</text>')
        for name, value in values.items():
            end = place(value)
            colour = COLOURS[names.index(name) % len(COLOURS)]
            label = f'<text x="{LEFT - 6}" y="{y + 12}" text-anchor="end" font-size="10">{escape(name)}</text>'
            bar = f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR - 2}" fill="{colour}"/>'
            drawn += [label, bar, f'<text x="{end + 4:.1f}" y="{y + 11}" font-size="10">{value:,.0f}</text>']
            y += BAR
        y += GAP
    lines = [
        f'<line x1="{place(10.0**power):.0f}" y1="36" x2="{place(10.0**power):.0f}" y2="{y - GAP}" stroke="#ddd"/>'
        f'<text x="{place(10.0**power):.0f}" y="32" text-anchor="middle" font-size="10">{10**power:,}</text>'
        for power in range(low, high + 1)
    ]
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDE + 80}" height="{y}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n<text x="8" y="16" font-weight="bold">'
        f"{escape(title)}</text>\n" + "\n".join(lines + drawn) + "\n</svg>\n",
        "utf-8",
    )


HIGH, MARGIN, TICKS = 220, 60, 5
"""Of a picture of lines: height, room for what stands beside it, how many lines across."""


def lines(series: Mapping[str, Sequence[float]], file: Path, title: str) -> None:
    """Named rows of numbers, one a day from 1 on, from 0 upwards, written to `file`."""
    most = max(max(values) for values in series.values())
    step = 10 ** math.floor(math.log10(max(most, 1) / TICKS))
    step *= next(factor for factor in (1, 2, 5, 10) if step * factor * TICKS >= most)
    days = max(len(values) for values in series.values())

    def place(day: int, value: float) -> str:
        across = MARGIN + WIDE * day / max(1, days - 1)
        return f"{across:.1f},{40 + HIGH - HIGH * value / (step * TICKS):.1f}"

    drawn = []
    for tick in range(TICKS + 1):
        y = 40 + HIGH - HIGH * tick / TICKS
        drawn.append(
            f'<line x1="{MARGIN}" y1="{y:.0f}" x2="{MARGIN + WIDE}" y2="{y:.0f}" stroke="#ddd"/>'
            f'<text x="{MARGIN - 6}" y="{y + 4:.0f}" text-anchor="end" font-size="10">{step * tick:,.0f}</text>'
        )
    for day in range(0, days, 5):
        across = MARGIN + WIDE * day / max(1, days - 1)
        drawn.append(f'<text x="{across:.0f}" y="{HIGH + 56}" text-anchor="middle" font-size="10">day {day + 1}</text>')
    for number, (name, values) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(place(day, value) for day, value in enumerate(values))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(
            f'<text x="{MARGIN + 220 * number}" y="{HIGH + 76}" font-size="11" fill="{colour}">{escape(name)}</text>'
        )
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{MARGIN + WIDE + 40}" height="{HIGH + 90}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>\n' + "\n".join(drawn) + "\n</svg>\n",
        "utf-8",
    )
