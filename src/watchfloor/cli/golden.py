"""`watchfloor golden`: what the samples of an integration become, compared with what was accepted."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from watchfloor.cli.screen import console, json_line, side
from watchfloor.errors import EstateError, UsageError


def golden(
    *names: str,
    accept: Annotated[bool, Parameter(negative=())] = False,
    all: Annotated[bool, Parameter(negative=())] = False,
    estate: Path | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Compare or accept the golden files of integrations. Exit 3 when something differs.

    Args:
        names: integrations, by id or folder.
        accept: write what the samples become now; review the diff before you commit it.
        all: every integration there is.
        estate: an estate whose own integrations count as well.
        json: print one JSON object per integration.
    """
    from rich.markup import escape

    from watchfloor.testing import integration as contract

    folders = _folders(names, every=all, estate=estate)
    screen, wrong = console(), 0
    for folder in folders:
        changed = contract.accept(folder) if accept else []
        problems = contract.problems(folder)
        wrong += len(problems)
        if json:
            json_line({"integration": folder.name, "changed": [path.name for path in changed], "problems": problems})
            continue
        for path in changed:
            screen.print(f"[green]wrote[/] {escape(str(path))}")
        for problem in problems:
            screen.print(f"[red]{escape(problem)}[/]")
        if not accept and problems:
            _show_differences(folder)
        if not problems and not changed:
            screen.print(f"[green]{folder.name}[/] as accepted")
    if wrong and not json:
        side().print(
            f"{wrong} problem{'s' * (wrong > 1)}; `watchfloor golden NAME --accept` takes the new state as right"
        )
    return EstateError.exit_code if wrong else 0


def _folders(names: tuple[str, ...], *, every: bool, estate: Path | None) -> list[Path]:
    from watchfloor.estate import find_integrations

    known = {found.id: found.folder for found in find_integrations(*([estate / "integrations"] if estate else []))}
    if every:
        return list(known.values())
    if not names:
        raise UsageError("which integration?", remedy=f"name one, or use --all; there are: {', '.join(sorted(known))}")
    folders = []
    for name in names:
        folder = known.get(name, Path(name))
        if not (folder / "manifest.toml").is_file():
            raise UsageError(f"there is no integration {name!r}", remedy=f"there are: {', '.join(sorted(known))}")
        folders.append(folder)
    return folders


def _show_differences(folder: Path) -> None:
    from watchfloor.collect.integration import load_manifest
    from watchfloor.collect.mapper import Mapper
    from watchfloor.testing import integration as contract

    screen = console()
    mapper = Mapper([load_manifest(folder)])
    for path in contract.samples(folder):
        accepted = folder / "golden" / f"{path.stem}.ndjson"
        before = accepted.read_text("utf-8").splitlines() if accepted.is_file() else []
        after = contract.read_sample(path, mapper, only=folder.name).golden().decode().splitlines()
        for line in difflib.unified_diff(before, after, str(accepted), str(path), lineterm="", n=0):
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            screen.print(line, style=style, markup=False)
