"""`watchfloor hunt ESTATE ["SQL"]`: ask the lake; without a question, a small session with completion."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from watchfloor.cli.limit import Limit
from watchfloor.cli.screen import console, json_line, side
from watchfloor.errors import QueryError

if TYPE_CHECKING:
    from watchfloor.store.query import Answer, Hunts

HELP = """\
  SELECT ...;        ask; a question may span lines and ends with ;
  .tables            what can be asked
  .columns TABLE     columns of a table
  .limit N           rows shown (now {limit})
  .quit              leave (or Ctrl-D)"""

KEYWORDS = (
    "select", "from", "where", "group by", "order by", "limit", "count(*)", "distinct", "and", "or", "not", "like",
    "ilike", "between", "join", "using", "having", "desc", "unnest(", "to_timestamp(",
)  # fmt: skip


def hunt(
    estate: Path,
    sql: str | None = None,
    *,
    limit: Limit = 100,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Ask the lake in SQL (DuckDB's), read only. Without SQL a session opens: tab completes, .help helps.

    Args:
        estate: the folder that holds estate.toml.
        sql: the question, such as "select class_name, count(*) from base_event group by 1".
        limit: rows shown.
        json: one JSON object a row.
    """
    from watchfloor.estate import load
    from watchfloor.store.query import Hunts

    hunts = Hunts(load(estate).store / "lake")
    if sql is not None:
        _show(hunts.ask(sql, limit=limit), json=json, limit=limit)
        return 0
    if not sys.stdin.isatty():
        _show(hunts.ask(sys.stdin.read(), limit=limit), json=json, limit=limit)
        return 0
    return _session(hunts, limit)


def _show(answer: Answer, *, json: bool, limit: int) -> None:
    if json:
        for row in answer.table.to_pylist():
            json_line(row)
        if answer.more:
            side().print(f"more rows than {limit}; --limit N shows more")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for field in answer.table.schema:
        number = str(field.type).startswith(("int", "uint", "double", "float", "decimal"))
        table.add_column(field.name, justify="right" if number else "left", overflow="fold")
    for row in answer.table.to_pylist():
        table.add_row(*(escape(_text(value)) for value in row.values()))
    console().print(table)
    rows = f"{len(answer.table):,} row{'' if len(answer.table) == 1 else 's'}"
    more = f", and more: --limit shows more than {limit}" if answer.more else ""
    side().print(f"[dim]{rows}{more}[/]")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


# -- the session


def _session(hunts: Hunts, limit: int) -> int:
    _complete(hunts)
    screen = console()
    screen.print(f"{len(hunts.tables())} tables; .help helps, Ctrl-D leaves")
    question = ""
    while True:
        try:
            line = input("hunt> " if not question else "  ... ")
        except EOFError:
            screen.print()
            return 0
        except KeyboardInterrupt:
            screen.print()
            question = ""
            continue
        if not question and line.strip().startswith("."):
            word, _, rest = line.strip().partition(" ")
            if word in (".quit", ".exit"):
                return 0
            limit = _command(hunts, word, rest.strip(), limit)
            continue
        question = f"{question}\n{line}" if question else line
        if not question.strip():
            question = ""
        elif question.rstrip().endswith(";"):
            try:
                _show(hunts.ask(question.rstrip().rstrip(";"), limit=limit), json=False, limit=limit)
            except QueryError as error:
                screen.print(str(error), markup=False, style="red")
            except KeyboardInterrupt:
                screen.print("stopped")
            question = ""


def _command(hunts: Hunts, word: str, rest: str, limit: int) -> int:
    screen = console()
    if word == ".tables":
        for name in hunts.tables():
            screen.print(f"  {name}", markup=False)
    elif word == ".columns" and rest in hunts.tables():
        for field in hunts.columns(rest):
            screen.print(f"  {field.name}: {field.type}", markup=False)
    elif word == ".columns":
        screen.print(f"no table {rest!r}; .tables lists them", markup=False)
    elif word == ".limit" and rest.isdigit() and int(rest):
        return int(rest)
    else:
        screen.print(HELP.format(limit=limit), markup=False)
    return limit


def _complete(hunts: Hunts) -> None:
    """Tab completes tables, columns and keywords."""
    try:
        import readline
    except ImportError:  # a Python without readline still hunts
        return
    words = sorted({*KEYWORDS, *hunts.tables(), *(c.name for t in hunts.tables() for c in hunts.columns(t))})

    def completer(text: str, state: int) -> str | None:
        matching = [word for word in words if word.lower().startswith(text.lower())]
        return matching[state] if state < len(matching) else None

    readline.set_completer(completer)
    readline.set_completer_delims(" \t\n,()=<>'\"")
    readline.parse_and_bind("tab: complete")
