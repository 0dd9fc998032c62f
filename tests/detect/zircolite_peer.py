"""Correlations on SQLite, as Zircolite judges them: pySigma's SQLite backend is its converter, and runs the plans.

Nothing here shares code with ours. What it means by a correlation: each time at which something matched ends a window,
closed on both sides, and is a finding where the window, with all that has that very time, meets the condition.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from tests.detect.correlation_corpus import BEGIN, Document, Found, Record, event, text

NEVER = BEGIN + 10**9
"""Until when everything is said to have been seen, seconds."""


class Zircolite:
    """The documents, converted once."""

    def __init__(self, documents: Sequence[Document]) -> None:
        from sigma.backends.sqlite import sqliteBackend
        from sigma.collection import SigmaCollection

        backend = sqliteBackend(timestamp_field="ms", timestamp_format="unix_ms", observation_end=NEVER)
        made: str = backend.convert(SigmaCollection.from_yaml(text(documents)), output_format="zircolite")
        entries: list[dict[str, Any]] = orjson.loads(made)
        self.plans = {one["title"]: one["correlation_plan"] for one in entries if one.get("correlation")}
        assert set(self.plans) == {one.name for one in documents}

    def found(self, records: Sequence[Record]) -> set[Found]:
        """What it finds of records, in whatever order they are in the table."""
        from sigma.backends.sqlite.runtime import execute_plan

        with sqlite3.connect(":memory:") as there:
            there.execute("create table logs (ms integer, Image text, `Group` text collate nocase, Amount)")
            rows = [(BEGIN * 1000 + one.ms, event(one)["Image"], one.group, one.amount) for one in records]
            there.executemany("insert into logs values (?, ?, ?, ?)", rows)
            found = set()
            for title, plan in self.plans.items():
                alerts, _ = execute_plan(there, plan, include_events=False)
                for one in alerts:
                    end = one["window_start"] if title == "absent" else one["window_end"]
                    group = one["group_keys"].get("Group", "")
                    found.add(Found(title, group, round((end - BEGIN) * 1000), float(one["metric_value"])))
        there.close()
        return found
