"""Correlation documents that every engine can read, records they count, and what our whole path finds of them.

The documents are plain Sigma; only `watchfloor: {emit: each}` is added, which others ignore: they speak at each match
at which the condition is true.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa

from watchfloor.detect.correlation import Watermark
from watchfloor.detect.correlation_matches import no_matches
from watchfloor.ocsf.events import Events
from watchfloor.run import oneshot
from watchfloor.run.prepare import Prepared, prepared

RULES = "abc"
BEGIN = 1_772_323_200
"""The first of March 2026, seconds."""

NOW = BEGIN * 1000 + 10**9
"""When the records came, milliseconds."""


class Record(NamedTuple):
    """One record. ms: since `BEGIN`; rules: those that match it; group, amount: None where it has none."""

    ms: int
    rules: str
    group: str | None
    amount: float | str | None


class Found(NamedTuple):
    """A finding: of which correlation, in which group, at which time (ms since `BEGIN`), and what was counted."""

    rule: str
    group: str
    ms: int
    number: float


class Document(NamedTuple):
    """A correlation. rules: its rules, in order; condition: YAML; more: further lines."""

    name: str
    kind: str
    rules: str
    seconds: int
    condition: str
    emit: str = "{emit: each}"


DOCUMENTS = (
    *(Document(f"count_{op}_{n}_{s}", "event_count", rules, s, f"{{{op}: {n}}}")
      for op, n in (("gte", 2), ("gte", 3), ("gt", 3), ("eq", 2)) for s in (5, 20)
      for rules in (("a" if s == 5 else "ab"),)),
    *(Document(f"distinct_{n}_{s}", "value_count", "ab", s, f"{{field: Amount, gte: {n}}}")
      for n in (2, 3) for s in (5, 20)),
    Document("sum", "value_sum", "ab", 10, "{field: Amount, gte: 6}"),
    Document("sum_eq", "value_sum", "a", 20, "{field: Amount, eq: 5}"),
    Document("mean", "value_avg", "ab", 10, "{field: Amount, gt: 2}"),
    Document("median", "value_median", "ab", 20, "{field: Amount, gte: 2}"),
    *(Document(f"percentile_{p}", "value_percentile", "ab", 20, f"{{field: Amount, gte: 3, percentile: {p}}}")
      for p in (0, 25, 90, 100)),
    Document("pair", "temporal", "ab", 5, ""),
    Document("three", "temporal", "abc", 20, ""),
    Document("two_of_three", "temporal", "abc", 10, "{gte: 2}"),
    Document("words", "temporal", "abc", 10, "a and (b or c)"),
    Document("ordered_pair", "temporal_ordered", "ab", 5, ""),
    Document("ordered_three", "temporal_ordered", "abc", 20, ""),
    Document("absent", "temporal", "ab", 10, "a and not b",
             "{anchor: a, window: {before: 0s, after: 10s}, emit: each}"),
)  # fmt: skip

CHAIN = Document("chain", "event_count", "", 30, "{gte: 2}")
"""Counts what `pair` finds."""


def rule_id(name: str) -> str:
    """A UUID that spells which document it is of."""
    return f"00000000-0000-4000-8000-{name.encode().hex()[:12]:0>12}"


def text(documents: Iterable[Document] = (*DOCUMENTS, CHAIN)) -> str:
    """The documents and the rules they count on, as YAML."""
    parts = [
        f"title: {name}\nname: {name}\nstatus: test\nlevel: low\nlogsource: {{product: windows, category: "
        f"process_creation}}\ndetection:\n  s: {{Image|contains: '{name}_{name}'}}\n  condition: s\n"
        for name in RULES
    ]
    for number, one in enumerate(documents):
        rules = ", ".join(one.rules) if one.rules else "pair"
        condition = f"\n  condition: {one.condition}" if one.condition else ""
        condition += "" if one.rules else "\n  generate: true"
        parts.append(
            f"title: {one.name}\nid: 00000000-0000-4000-8000-{number:012d}\nname: {one.name}\nlevel: high\n"
            f"correlation:\n  type: {one.kind}\n  rules: [{rules}]\n  group-by: [Group]\n  timespan: {one.seconds}s"
            f"{condition}\nwatchfloor: {one.emit}\n"
        )
    return "---\n".join(parts)


def event(record: Record) -> dict[str, object]:
    """As a collector of Windows would write it."""
    seconds, ms = divmod(BEGIN * 1000 + record.ms, 1000)
    day, rest = divmod(seconds - BEGIN, 86_400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}.{ms:03d}"
    found: dict[str, object] = {
        "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "ws1.example.com",
        "SourceName": "Microsoft-Windows-Sysmon", "UtcTime": f"2026-03-{1 + day:02d} {clock}", "ProcessId": "7",
        "Image": "C:\\" + "".join(f"{name}_{name}-" for name in record.rules) + ".exe",
    }  # fmt: skip
    found |= {"Group": record.group} if record.group is not None else {}
    return found | ({"Amount": record.amount} if record.amount is not None else {})


def drawn(seed: int, count: int, *, seconds: int, step_ms: int = 1000, groups: int = 5) -> list[Record]:
    """Records at different times each, in bursts: of one rule each, all with a group and an amount."""
    random_ = random.Random(seed)
    times = sorted(random_.sample(range(0, seconds * 1000, step_ms), count))
    return [
        Record(time, random_.choice("aaabbc"), f"g{random_.randrange(groups)}", float(random_.randrange(5)))
        for time in times
    ]


def ready(folder: Path, documents: Sequence[Document] = (*DOCUMENTS, CHAIN)) -> Prepared:
    """The whole path with these documents."""
    file = folder / "correlations.yml"
    file.write_text(text(documents), "utf-8")
    made = prepared([file])
    assert not made.rulebook.problems, made.rulebook.problems
    return made


def ours(ready: Prepared, records: Sequence[Record], folder: Path) -> set[Found]:
    """What our path finds of records that come in this order, where all that happened was seen."""
    file = folder / "records.ndjson"
    file.write_bytes(b"".join(orjson.dumps(event(record)) + b"\n" for record in records))
    correlating, totals = ready.correlating(all_seen=True), oneshot.Totals()
    assert correlating is not None
    parts = oneshot.detect([file], ready.path, totals, now=NOW, show=_nothing, correlating=correlating, last=False)
    assert list(parts) == [] and totals.mapped == len(records)
    tables = [table for one in correlating.waiting for table in one.matches]
    matches = pa.concat_tables([no_matches(), *tables]).unify_dictionaries()
    operator = correlating.operator
    _, changes = operator.step(correlating.state, matches, Watermark.end(), lambda ask: ())
    found = set()
    for change in changes.to_pylist():
        assert change["change"] == "create"
        (group,) = orjson.loads(change["text"])
        title = operator.correlations[change["correlation"]].title
        found.add(Found(title, group.lower(), change["time"] - BEGIN * 1000, change["number"]))
    return found


def told(ready: Prepared, records: Sequence[Record], folder: Path) -> set[Found]:
    """The same, of the findings a person gets."""
    file = folder / "records.ndjson"
    file.write_bytes(b"".join(orjson.dumps(event(record)) + b"\n" for record in records))
    found = set()
    for part in oneshot.detect(
        [file], ready.path, oneshot.Totals(), now=NOW, show=lambda name, events: events.to_pylist(),
        correlating=ready.correlating(all_seen=True),
    ):  # fmt: skip
        for one in part:
            said = [orjson.loads(each["data"]) for each in one["evidences"] if each.get("name") == "correlation"]
            title = one["finding_info"]["title"]
            judged = one["start_time"] if title == "absent" else one["end_time"]
            if said:
                group = str(said[-1]["group"]["Group"]).lower()
                found.add(Found(title, group, judged - BEGIN * 1000, said[-1]["number"]))
    return found


def _nothing(name: str, found: Events) -> None:
    raise AssertionError("rules that are only counted on make no findings")
