"""`watchfloor schema [CLASS] [ATTRIBUTE]`: the language of events as a person wants to read it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import console, json_line


def schema(
    class_name: str | None = None,
    attribute: str | None = None,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Print a class of events; without a class, list all.

    Args:
        class_name: an OCSF class or one of ours, such as process_activity.
        attribute: a dotted attribute of it, such as actor.user.
        json: print one JSON object.
    """
    from watchfloor.ocsf import describe

    screen = console()
    if class_name is None:
        entries = describe.overview()
        if json:
            for entry in entries:
                json_line(asdict(entry))
            return 0
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("class", "uid", "category", "what it is"):
            table.add_column(title, no_wrap=title != "what it is", overflow="ellipsis")
        for entry in entries:
            table.add_row(entry.name, str(entry.uid), entry.category, entry.caption)
        screen.print(table)
        return 0
    if attribute is not None:
        line = describe.describe_attribute(class_name, attribute)
        inside = describe.members(class_name, attribute)
        if json:
            json_line({**asdict(line), "members": [asdict(member) for member in inside]})
            return 0
        for text in (line, *inside):
            screen.print(describe.line_text(text), markup=False)
        return 0
    page = describe.describe(class_name)
    if json:
        json_line(asdict(page))
    else:
        screen.print(describe.text(page), markup=False)
    return 0
