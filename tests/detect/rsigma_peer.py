"""Correlations as RSigma documents them, said in SQL over DuckDB: it is a program in Rust, and cannot be had here.

Source: README and guide of `rsigma-eval` 0.18 to 0.24. Records are taken in the order in which they arrive, times are
whole seconds. Each match of a rule is put into the window of its group; what is older than the match's time by more
than the timespan goes; then the condition is asked, and speaks every time it is true (`action: alert`, no suppression).
`temporal_ordered` wants all rules, in order, never going back in time. Values are told apart as they are written.

Nothing here shares code with ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import duckdb

from tests.detect.correlation_corpus import BEGIN, RULES, Document, Found, Record

AGGREGATES = {
    "event_count": "count(*)",
    "value_count": "count(distinct w.amount_text)",
    "value_sum": "sum(w.amount)",
    "value_avg": "avg(w.amount)",
    "value_median": "quantile_cont(w.amount, 0.5)",
    "temporal": "count(distinct w.rule)",
}
SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}


def found(documents: Sequence[Document], records: Sequence[Record]) -> set[Found]:
    """What RSigma finds of records that arrive in this order."""
    there = duckdb.connect()
    there.execute(
        "create table hits (arrived int, rule text, second bigint, grp text, amount double, amount_text text)"
    )
    rows = [
        (arrived, rule, BEGIN + one.ms // 1000, one.group, one.amount, None if one.amount is None else str(one.amount))
        for arrived, one in enumerate(records)
        for rule in RULES
        if rule in one.rules
    ]
    there.executemany("insert into hits values (?, ?, ?, ?, try_cast(? as double), ?)", rows)
    made = set()
    for one in documents:
        for group, second, number in there.execute(_query(one)).fetchall():
            made.add(Found(one.name, group, (second - BEGIN) * 1000, float(number)))
    return made


def _query(one: Document) -> str:
    """Group, second and number of every match at which the condition is true."""
    bounds = dict(part.strip().split(": ") for part in one.condition.strip("{}").split(",") if ":" in part)
    bounds.pop("field", None)
    percentile = bounds.pop("percentile", None)
    rules = ", ".join(f"'{name}'" for name in one.rules)
    if one.kind == "temporal_ordered":
        return _ordered(one, rules)
    aggregate = AGGREGATES.get(one.kind) or f"quantile_cont(w.amount, {float(str(percentile)) / 100})"
    meets = " and ".join(f"number {SIGNS[sign]} {bound}" for sign, bound in bounds.items())
    valued = {"value_count": "amount_text is not null", "event_count": "true", "temporal": "true"}.get(
        one.kind, "amount is not null"
    )
    return f"""
        with mine as (from hits where rule in ({rules}) and {valued}),
        judged as (
            select h.grp, h.second, {aggregate} as number
            from mine h join mine w
            on w.grp = h.grp and w.arrived <= h.arrived and w.second >= h.second - {one.seconds}
            group by h.grp, h.second, h.arrived, h.rule
        )
        select grp, second, number from judged where {meets or f"number >= {len(one.rules)}"}"""


def _ordered(one: Document, rules: str) -> str:
    """All rules, in order, among what is in the window of a match."""
    steps = [f"s{number}" for number in range(len(one.rules))]
    tables = "".join(
        f" join mine {step} on {step}.grp = h.grp and {step}.rule = '{name}' and {step}.arrived <= h.arrived"
        f" and {step}.second >= h.second - {one.seconds}"
        for step, name in zip(steps, one.rules, strict=True)
    )
    order = " and ".join(f"{second}.second >= {first}.second" for first, second in pairwise(steps))
    return f"""
        with mine as (from hits where rule in ({rules}))
        select distinct h.grp, h.second, {len(one.rules)} from mine h {tables} where {order}"""
