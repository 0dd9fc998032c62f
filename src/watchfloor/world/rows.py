"""CSV files of an estate, row by row; each row knows its line, so that every complaint can name it."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watchfloor.errors import EstateError
from watchfloor.world.entities import FOREVER, LONG_AGO

__all__ = ["Row", "moment", "rows", "zone_named"]

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Row(NamedTuple):
    """One row of a CSV file: cells by column, without the blanks around them."""

    file: Path
    line: int
    cells: Mapping[str, str]
    zone: ZoneInfo

    def text(self, column: str, default: str = "") -> str:
        """The cell, or `default` where it is empty or there is no such column."""
        return self.cells.get(column) or default

    def must(self, column: str) -> str:
        """The cell; an empty one is an error."""
        value = self.cells.get(column)
        if not value:
            raise self.wrong(f"has no {column}", f"fill in the column {column}")
        return value

    def one_of(self, column: str, known: Collection[str], default: str = "") -> str:
        """The cell, which must be one of `known`."""
        value = self.text(column, default)
        if value not in known:
            raise self.wrong(f"{column} {value!r} is not known", f"one of: {', '.join(sorted(known))}")
        return value

    def number(self, column: str, default: float | None = None) -> float | None:
        """The cell as a number."""
        value = self.text(column)
        if not value:
            return default
        try:
            return float(value)
        except ValueError:
            raise self.wrong(f"{column} {value!r} is not a number", "write it like 3 or 3.5") from None

    def since(self, column: str) -> int:
        """The cell as the start of an interval, UTC epoch milliseconds; empty: has always been."""
        return self._moment(column, end=False, default=LONG_AGO)

    def until(self, column: str) -> int:
        """The cell as the end of an interval, not included; a day is whole; empty: goes on."""
        return self._moment(column, end=True, default=FOREVER)

    def span(self, since: str, until: str) -> tuple[int, int]:
        """Two cells as an interval, [since, until)."""
        start, end = self.since(since), self.until(until)
        if end <= start:
            raise self.wrong("ends before it starts", f"{since} is before {until}")
        return start, end

    def parts(self, column: str) -> tuple[str, ...]:
        """The cell as a list that is separated by `;`."""
        return tuple(part for part in (part.strip() for part in self.text(column).split(";")) if part)

    def wrong(self, what: str, remedy: str) -> EstateError:
        """The error that names this row."""
        return EstateError(what, file=self.file, line=self.line, remedy=remedy)

    @property
    def place(self) -> str:
        """File and line, as provenance."""
        return f"{self.file.name}:{self.line}"

    def _moment(self, column: str, *, end: bool, default: int) -> int:
        value = self.text(column)
        if not value:
            return default
        try:
            return moment(value, self.zone, end=end)
        except (ValueError, OverflowError):
            raise self.wrong(f"{column} {value!r} is no time", "write 2026-05-31 or 2026-05-31T09:00+02:00") from None


def moment(text: str, zone: ZoneInfo, *, end: bool = False) -> int:
    """ISO 8601 as UTC epoch milliseconds.

    Args:
        text: a time, in `zone` where it has no offset; or a day.
        end: a day means its end instead of its start (midnight to midnight of local time, daylight saving included).

    Raises:
        ValueError: it is no time.
    """
    if DAY.fullmatch(text):
        day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
        local = datetime.combine(day, clock_time(), zone)
    else:
        local = datetime.fromisoformat(text)
        local = local if local.tzinfo is not None else local.replace(tzinfo=zone)
    since = local.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name.

    Raises:
        ValueError: there is none of that name on this machine.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError(f"no time zone is named {name!r}") from None


def rows(path: Path, columns: Collection[str], zone: ZoneInfo) -> Iterator[Row]:
    """The rows of a CSV file, header first; nothing when there is no such file.

    Args:
        columns: those that are known; the file may lack some, and their order is its own.

    Raises:
        EstateError: not UTF-8, a column nobody knows, a row longer than the header; with file and line.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return
    except UnicodeDecodeError as error:
        raise EstateError("is not UTF-8 text", file=path, remedy="save it as UTF-8") from error
    except OSError as error:
        raise EstateError(f"cannot be read: {error.strerror or error}", file=path, remedy="make it readable") from error
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cells) or cells[0].startswith("#"):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                for name in header:
                    if name not in columns:
                        raise EstateError(
                            f"column {name!r} is not known", file=path, line=reader.line_num,
                            remedy=f"known columns: {', '.join(columns)}",
                        )  # fmt: skip
                if len(set(header)) != len(header):
                    raise EstateError("a column stands twice", file=path, line=reader.line_num, remedy="remove one")
                continue
            if len(cells) > len(header):
                raise EstateError(
                    f"has {len(cells)} cells, the header {len(header)}", file=path, line=reader.line_num,
                    remedy="put cells that hold a comma in double quotes",
                )  # fmt: skip
            named = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            yield Row(path, reader.line_num, named, zone)
    except csv.Error as error:
        raise EstateError(f"is not CSV: {error}", file=path, line=reader.line_num, remedy="mend the quotes") from error
