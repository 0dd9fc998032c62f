"""The sixteen scenarios, judged against the truth: found exactly once, told apart from their benign twins, and honest
where nothing could be seen.

The harbour is simulated on seeds drawn when it runs, once with every case put in and once without any, and run with the
rules whose folders begin with a scenario's number (`s07_...`). Every finding names its record, and the simulator knows
to which case a record belongs. So each finding is of a case, or of ordinary life, where it is false.
"""

from __future__ import annotations

import argparse
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import orjson

from benchmarks import harbour, machine
from watchfloor.detect.rule import Correlation, Rule
from watchfloor.estate import load
from watchfloor.run.local import LocalEngine
from watchfloor.run.prepare import Prepared, prepared
from watchfloor.store.lake import Lake

FINDING, NOTHING, UNDECIDED = "finding", "none", ("indeterminate", "not_evaluable")
SUPPRESSED, RESOLVED = 3, 4
"""status_id of a finding that was taken back, and of a question that was answered."""

ORDINARY = -1
"""In place of a case: a record of ordinary life."""

SCENARIOS = tuple(f"S{number}" for number in range(1, 17))


class Case(NamedTuple):
    """What the truth says of a case."""

    number: int
    scenario: str
    variant: str
    expected: str
    disturbed: bool
    outages: tuple[Mapping[str, Any], ...] = ()

    def asks(self, gap: Mapping[str, Any]) -> bool:
        """Whether a question is about an outage of this case: it names its source, and its door where it is one's."""
        return any(
            gap["source"] == one["source"]
            and (not one["portals"] or gap["of"] in ("", *one["portals"]))
            and gap["since"] < one["until_ms"]
            and one["since_ms"] < gap["until"]
            for one in self.outages
        )


class Found(NamedTuple):
    """A finding: of which scenario's rule, on a record of which case, and whether it says that it cannot be judged."""

    scenario: str
    case: int
    undecided: bool


class Score(NamedTuple):
    """Cases of one scenario, by what became of them."""

    to_find: int
    once: int
    again: int
    twins: int
    twins_found: int
    blind: int
    honest: int
    ordinary: int


def scenario_of(file: str) -> str | None:
    """`.../s07_plc_download/rule.yml` is of S7; None where a rule is of no scenario."""
    for part in Path(file).parts[::-1]:
        digits = part[1:3]
        if part[:1] == "s" and digits.isdigit() and part[3:4] == "_":
            return f"S{int(digits)}"
    return None


def score(scenario: str, cases: Iterable[Case], found: Iterable[Found]) -> Score:
    """Judge one scenario's findings; a finding of another scenario's rule on its records is not its business.

    Cases of which another one's outage took records, or that another one's order may clear, are no test of a rule, and
    left out.
    """
    judged: dict[int, list[bool]] = defaultdict(list)
    for one in found:
        if one.scenario == scenario:
            judged[one.case].append(one.undecided)
    mine = [case for case in cases if case.scenario == scenario and not case.disturbed]
    wanted = [case for case in mine if case.expected == FINDING]
    twins = [case for case in mine if case.expected == NOTHING]
    blind = [case for case in mine if case.expected in UNDECIDED]
    counts = {case.number: judged[case.number].count(False) for case in mine}
    return Score(
        len(wanted),
        sum(counts[case.number] == 1 for case in wanted),
        sum(counts[case.number] > 1 for case in wanted),
        len(twins),
        sum(counts[case.number] > 0 for case in twins),
        len(blind),
        sum(counts[case.number] == 0 and True in judged[case.number] for case in blind),
        judged[ORDINARY].count(False)
        + sum(judged[case.number].count(False) for case in cases if case.scenario != scenario),
    )


def run(folder: Path, more: Sequence[Path] = ()) -> Prepared:
    """Take all records with the estate's rules and those in `more`."""
    described = load(folder)
    ready = prepared(
        [*described.rules, *more], integrations=described.integrations(), placeholders=described.placeholders
    )
    with LocalEngine(described, ready) as engine:
        engine.collect(final=True)
        while engine.process() is not None:
            pass
    return ready


def judge(folder: Path, truth: Path, ready: Prepared) -> tuple[list[Case], list[Found]]:
    """The truth's cases, and what was found of the scenarios."""
    rows = [orjson.loads(line) for line in (truth / "scenarios.jsonl").read_bytes().splitlines()]
    cases = [
        Case(
            one["case"],
            one["scenario"],
            one["variant"],
            one["expected"],
            one["disturbed"] or bool(one["crossed"]),
            tuple(one["outages"]),
        )
        for one in rows
    ]
    judged: tuple[Rule | Correlation, ...] = (*ready.rulebook.rules, *ready.rulebook.correlations)
    rules = {rule.id: told for rule in judged if (told := scenario_of(rule.file)) is not None}
    lake = Lake(load(folder).store / "lake", read_only=True)
    if "detection_finding" not in lake.tables():
        return cases, []
    info = {field.name for field in lake.schema("detection_finding").field("finding_info").type}
    open_ = "list_contains(f.finding_info.types, 'not_evaluable')" if "types" in info else "false"
    # Questions alone, on a calm day, name no record at all.
    record = "" if "wf" in lake.schema("detection_finding").names else ", {'source_uid': '', 'source_seq': null} as wf"
    said = (
        duckdb.connect()
        .execute(
            f"""select f.finding_info.analytic.uid, coalesce(t."case", {ORDINARY}), {open_},
            case when f.wf.source_seq is null then [one.data for one in f.evidences] end
            from (
                select *{record} from read_parquet({lake.files("detection_finding")}, union_by_name = true)
                qualify row_number() over (partition by finding_info.uid order by time desc, activity_id desc) = 1
            ) f left join read_parquet('{truth}/records.parquet') t
            on t.source = f.wf.source_uid and t.sequence = f.wf.source_seq
            where f.status_id is distinct from {SUPPRESSED} and f.status_id is distinct from {RESOLVED}"""
        )
        .fetchall()
    )
    found = []
    for rule, case, undecided, asked in said:
        if rule not in rules:
            continue
        mine = [] if asked is None else _asked(cases, rules[rule], asked)
        found += [Found(rules[rule], number, bool(undecided)) for number in mine or [max(case, ORDINARY)]]
    return cases, found


def _asked(cases: Iterable[Case], scenario: str, evidences: Iterable[str]) -> list[int]:
    """Cases whose outage a question without a record is about: what asks for them was lost with them."""
    gaps = [gap for text in evidences for gap in orjson.loads(text).get("gaps", ())]
    return [case.number for case in cases if case.scenario == scenario and any(map(case.asks, gaps))]


def main(days: int = 7, seeds: Sequence[int] = (), *, more: Sequence[Path] = (), detail: bool = False) -> str:
    """Simulate, run, judge; gives the table."""
    drawn = list(seeds) or [secrets.randbelow(1 << 31) for _ in range(2)]
    sums: dict[str, Counter[str]] = {name: Counter() for name in SCENARIOS}
    calm: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in drawn:
        for inject in ("all", ""):
            with machine.workspace() as folder:
                estate = harbour.estate_at(folder / "estate")
                asked = ["--inject", inject] if inject else []
                logs = harbour.simulated(estate, "--days", str(days), "--seed", str(seed), *asked)
                truth = (logs / "truth").rename(folder / "truth")
                cases, found = judge(estate, truth, run(estate, more))
                if not inject:
                    calm.update(one.scenario for one in found if not one.undecided)
                    continue
                for name in SCENARIOS:
                    sums[name].update(score(name, cases, found)._asdict())
                wrong += [f"{seed} {line}" for line in _wrong(cases, found)]
    rows = [_row(name, sums[name], calm[name]) for name in SCENARIOS]
    table = machine.table(
        ("scenario", "to find", "once", "twice", "missed", "twins", "twins found", "blind", "said so", "false",
         "false without cases"), rows,
    )  # fmt: skip
    listed = "\n\n" + "\n".join(wrong) if detail else ""
    return f"""### Scenarios: {days} days of the harbour, 400 people, seeds {", ".join(map(str, drawn))}

{table}

`to find`: cases with a finding expected; `twins`: benign ones; `blind`: those that cannot be judged; those of which an
outage of another one took records, or that are about the same thing as another one within six hours, are left out.
`false`: findings on records of ordinary life or of other scenarios, on seeds with all cases; the last column, on the
same seeds with none.{listed}"""


def _row(name: str, sums: Mapping[str, int], calm: int) -> tuple[object, ...]:
    missed = sums["to_find"] - sums["once"] - sums["again"]
    return (
        name, sums["to_find"], sums["once"], sums["again"], missed, sums["twins"], sums["twins_found"], sums["blind"],
        sums["honest"], sums["ordinary"], calm,
    )  # fmt: skip


def _wrong(cases: Iterable[Case], found: Iterable[Found]) -> list[str]:
    """Every case that was not judged as expected, for whoever mends a rule."""
    counted = Counter((one.scenario, one.case, one.undecided) for one in found)
    lines = []
    for case in cases:
        sure, unsure = (counted[case.scenario, case.number, undecided] for undecided in (False, True))
        good = {FINDING: sure == 1, NOTHING: sure == 0}.get(case.expected, sure == 0 and unsure > 0)
        if not good and not case.disturbed:
            lines.append(
                f"{case.scenario}:{case.variant} expected {case.expected}, {sure} findings, {unsure} undecided"
            )
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--seeds", type=int, nargs="+", default=[])
    parser.add_argument("--rules", type=Path, nargs="+", default=[], help="folders of rules besides the estate's")
    parser.add_argument("--detail", action="store_true", help="list every case that was not judged as expected")
    given = parser.parse_args()
    print(main(given.days, given.seeds, more=given.rules, detail=given.detail))
