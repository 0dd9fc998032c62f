"""Recorded attacks of others: what the whole of SigmaHQ and our pack find of them, and what they find besides.

    python -m benchmarks.real_attacks            the tables, in some minutes
    python -m benchmarks.real_attacks --detail   with every recording that nothing was found in

Every figure says what it counts. A recording is found `exactly` where a rule that names its label found something,
`by family` where one did that names the same technique with another sub-technique or none, and `at all` where anything
was found. Nothing is tuned here: the recordings are for judging only.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import machine, plants, recordings
from benchmarks.machine import PROJECT, SHARED
from benchmarks.recordings import Judged, Label, Recording
from watchfloor.detect.rule import LEVELS, Correlation, Rule
from watchfloor.ocsf.events import Events
from watchfloor.run import oneshot
from watchfloor.run.prepare import Prepared, prepared

PACK = PROJECT / "src" / "watchfloor" / "content" / "rules"
GRAVE = LEVELS.index("high")
"""From this level on somebody is woken."""

CAME = 1_700_000_000_000
"""When the records are said to have come, epoch milliseconds: any moment will do."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one recording.

    Args:
        recording: which.
        rules: per rule its findings.
        records: that were read.
        quarantined: of them.
    """

    recording: Recording
    rules: Counter[str]
    records: int
    quarantined: int

    def by(self, judge: str, rules: dict[str, Rule | Correlation], *, grave: bool = False) -> bool:
        """Whether it counts as found: `exact`, `family` or `any`, by rules of any level or of the grave ones."""
        some = [rules[uid] for uid in self.rules]
        some = [rule for rule in some if not grave or LEVELS.index(rule.level) >= GRAVE]
        if judge == "any":
            return bool(some)
        ask = self.recording.label.exact if judge == "exact" else self.recording.label.family
        return any(ask(rule.techniques, rule.tactics) for rule in some)


class Floor:
    """All rules, ready."""

    def __init__(self, cache: Path) -> None:
        archives = sorted((SHARED / "knowledge" / "sigma_rules").rglob("*.zip"))
        self.paths = [*archives, PACK]
        self.ready: Prepared = prepared(self.paths, cache=cache)
        book = self.ready.rulebook
        every: tuple[Rule | Correlation, ...] = (*book.rules, *book.correlations)
        self.rules = {rule.id: rule for rule in every}

    def take(self, recording: Recording) -> Found:
        """One recording by itself: correlations count within it, and what is not recorded did not happen."""
        totals, rules = oneshot.Totals(), Counter[str]()
        for part in self.run(recording.files, totals):
            rules.update(uid for _, uid in part)
        return Found(recording, rules, totals.read, totals.quarantined)

    def run(
        self, files: Sequence[Path], totals: oneshot.Totals, *, correlate: bool = True
    ) -> Iterator[list[tuple[int, str]]]:
        """Number of the record and id of the rule, per finding."""
        yield from oneshot.detect(
            files, self.ready.path, totals, now=CAME, show=_named,
            correlating=self.ready.correlating(all_seen=True) if correlate else None,
        )  # fmt: skip


def _named(name: str, found: Events) -> list[tuple[int, str]]:
    number, rule = found.column("wf.source_seq"), found.column("finding_info.analytic.uid")
    assert number is not None and rule is not None
    return list(zip(number.to_pylist(), rule.to_pylist(), strict=True))


def windows(floor: Floor, taken: Sequence[Found]) -> str:
    """The sum over a set, and a line for each label."""
    read = [one for one in taken if not one.recording.unread]
    labelled = [one for one in read if one.recording.label.techniques or one.recording.label.tactics]
    unread = Counter(one.recording.unread for one in taken if one.recording.unread)

    def row(name: str, some: Sequence[Found]) -> tuple[object, ...]:
        counts = [sum(one.by(judge, floor.rules) for one in some) for judge in ("exact", "family", "any")]
        grave = [sum(one.by(judge, floor.rules, grave=True) for one in some) for judge in ("exact", "any")]
        return (name, len(some), *counts, *grave)

    head = ("label", "recordings", "exactly", "by family", "at all", "exactly, high", "at all, high")
    labels = sorted({one.recording.label.name for one in labelled})
    rows = [row("**all that are labelled**", labelled)]
    rows += [row(name, [one for one in labelled if one.recording.label.name == name]) for name in labels]
    others = [one for one in read if one not in labelled]
    if others:
        rows.append(row("not labelled", others))
    records, bad = sum(one.records for one in read), sum(one.quarantined for one in read)
    found = sum(one.rules.total() for one in read)
    beside = median([_beside(one, floor.rules) for one in labelled])
    grave = median([_beside(one, floor.rules, grave=True) for one in labelled])
    said = f"{len(read)} recordings, {records:,} records ({bad:,} in quarantine), {found:,} findings."
    if unread:
        said += " Not read: " + ", ".join(f"{count} ({why})" for why, count in unread.items()) + "."
    tactics = not any(one.recording.label.techniques for one in labelled)
    said += (
        f" In the median recording {beside:g} further rules found something of another "
        f"{'tactic' if tactics else 'technique'}, {grave:g} of them of "
        "level high or above: nobody marked which records belong to the attack, so these are not called false."
    )
    return f"{said}\n\n{machine.table(head, rows)}"


def _beside(one: Found, rules: dict[str, Rule | Correlation], *, grave: bool = False) -> int:
    some = [rules[uid] for uid in one.rules if not grave or LEVELS.index(rules[uid].level) >= GRAVE]
    return sum(not one.recording.label.family(rule.techniques, rule.tactics) for rule in some)


def _line(floor: Floor, name: str, taken: Sequence[Found], ordinary: str) -> tuple[object, ...]:
    """A set in the summary."""
    some = [
        one
        for one in taken
        if not one.recording.unread and (one.recording.label.techniques or one.recording.label.tactics)
    ]
    exact, any_ = (sum(one.by(judge, floor.rules) for one in some) for judge in ("exact", "any"))
    return (name, f"{exact} of {len(some)}", f"{any_} of {len(some)}", ordinary, "cannot be told")


def saas(floor: Floor, into: Path) -> tuple[str, tuple[object, ...]]:
    """Panther's tests: found among what must fire, and found among what must not; and the line of the summary."""
    file = into / "panther.ndjson"
    judged = recordings.panther(SHARED / "cloud" / "panther_rule_tests", file)
    totals = oneshot.Totals()
    hits: dict[int, set[str]] = {}
    for part in floor.run([file], totals, correlate=False):
        for number, uid in part:
            hits.setdefault(number - 1, set()).add(uid)
    rows = [_saas_row("**all**", list(enumerate(judged)), hits, floor.rules)]
    counted = Counter(one.source for one in judged)
    for source, number in counted.most_common():
        some = [(at, one) for at, one in enumerate(judged) if one.source == source]
        if number >= 20 or any(at in hits for at, _ in some):
            rows.append(_saas_row(source, some, hits, floor.rules))
    head = ("log", "must fire", "found exactly", "by family", "at all", "must not fire", "found all the same",
            "of those by family")  # fmt: skip
    silent = len(counted) - len(rows) + 1
    said = (
        f"{totals.read:,} records ({totals.quarantined:,} in quarantine). {silent} further logs with fewer than 20 "
        "records, in which nothing was found, are only in the sum."
    )
    _, wanted, exact, _, any_, others, _, family = rows[0]
    line = (
        "Panther's tests", f"{exact} of {wanted} records", f"{any_} of {wanted} records",
        f"{others} records, of no common time", f"{family} records; no rate a day",
    )  # fmt: skip
    return f"{said}\n\n{machine.table(head, rows)}", line


def _saas_row(
    name: str, some: Sequence[tuple[int, Judged]], hits: dict[int, set[str]], rules: dict[str, Rule | Correlation]
) -> tuple[object, ...]:
    wanted = [(at, one.label) for at, one in some if one.expected]
    others = [(at, one.label) for at, one in some if not one.expected]

    def count(which: Iterable[tuple[int, Label]], judge: str) -> int:
        return sum(_tagged(label, hits.get(at, set()), rules, judge) for at, label in which)

    return (
        name, len(wanted), *(count(wanted, judge) for judge in ("exact", "family", "any")), len(others),
        count(others, "any"), count(others, "family"),
    )  # fmt: skip


def _tagged(label: Label, found: set[str], rules: dict[str, Rule | Correlation], judge: str) -> bool:
    if judge == "any":
        return bool(found)
    ask = label.exact if judge == "exact" else label.family
    return any(ask(rules[uid].techniques, rules[uid].tactics) for uid in found)


def main(*, detail: bool = False) -> str:
    """All sets; gives the tables."""
    if not (SHARED / "it" / "otrf_mordor").is_dir():
        return "### Recorded attacks\n\nNot measured: ../shared/data is not there."
    with machine.workspace() as folder:
        floor = Floor(folder / "cache")
        sets: dict[str, list[Found]] = {}
        for name, some in (
            ("mordor", recordings.mordor(SHARED / "it" / "otrf_mordor", folder / "mordor")),
            ("evtx", recordings.evtx_to_mitre(SHARED / "it" / "evtx_to_mitre", folder / "evtx")),
            ("stratus", recordings.stratus(SHARED / "cloud" / "stratus_cloudtrail", folder / "stratus")),
        ):
            print(f"{name} ...", file=sys.stderr)
            sets[name] = [floor.take(one) for one in some]
        print("panther ...", file=sys.stderr)
        cloud, cloud_line = saas(floor, folder)
        print("plants ...", file=sys.stderr)
        ot = SHARED / "ot"
        qut = plants.judged("qut", plants.qut(ot / "qut_s7comm"), plants.QUT, [PACK], folder)
        lemay = plants.judged("lemay", plants.lemay(ot / "lemay_modbus"), plants.LEMAY, [PACK], folder)
        tested = plants.expected_logs(ot / "icsnpp_pcaps", [PACK], folder)
        book = floor.ready.rulebook
        missed = _missed(floor, sets) if detail else ""
        lines = [
            _line(floor, "OTRF (Mordor)", sets["mordor"], "around the attacks, not marked"),
            _line(floor, "EVTX-to-MITRE-Attack", sets["evtx"], "none"),
            _line(floor, "Stratus", sets["stratus"], "none"),
            cloud_line,
            ("QUT S7comm", "no technique is told", qut.found, qut.ordinary, qut.false),
            ("Lemay, Modbus", "no technique is told", lemay.found, lemay.ordinary, lemay.false),
            ("CISA ICSNPP", "no attack", "no attack", "none", "cannot be told"),
        ]
        summary = machine.table(("set", "found exactly", "found at all", "ordinary life in it", "false"), lines)
    return f"""### Recorded attacks

All of SigmaHQ and the pack: {len(book.rules):,} rules and {len(book.correlations):,} correlations;
{len(book.problems):,} documents could not be loaded. Of a label `exactly`: a rule that is tagged with that technique
found something (where the label leaves the sub-technique open, any of them counts; where ATT&CK v19 renumbered it, both
numbers count). `By family`: the same technique, whatever the sub-technique. `At all`: any finding. `High`: only rules
of level high and critical count. Packets are read only where they are Modbus or S7comm over TCP.

{summary}

#### OTRF Security-Datasets (Mordor): one emulated attack each, with ordinary life around it

{windows(floor, sets["mordor"])}

#### EVTX-to-MITRE-Attack: one behaviour a file, nothing else in it

{windows(floor, sets["evtx"])}

#### Stratus Red Team, CloudTrail: one detonation a file

The label is a tactic: `exactly` means a rule of that tactic found something.

{windows(floor, sets["stratus"])}

#### Panther's rule tests: single records of clouds and services

`Must fire`: records on which Panther's own rule must. `Must not fire`: records on which that one rule must not;
another rule may well be right about them, so only `by family` (the same technique all the same) is called false. The
records have no common time, so there is no rate a day. Correlations do not count here: the records are of different
worlds.

{cloud}

#### QUT S7comm: process attacks on a Siemens plant

The pack alone, on captures read as a Zeek sensor logs them; the estate knows controller and operator station.
`Found`: a finding on a record of the attacker's.

{qut.table}

#### Lemay and Fernandez, Modbus: a station and six RTUs

As above; the estate knows the station and the RTUs. Labels are per packet.

{lemay.table}

#### CISA ICSNPP: the logs its parsers are tested with

Nobody attacks here and nothing is ordinary either: testers send every command there is. So there is neither recall nor
a false finding to count; without an estate only rules that need no world speak.

{tested}{missed}"""


def _missed(floor: Floor, sets: dict[str, list[Found]]) -> str:
    lines = []
    for name, taken in sets.items():
        for one in taken:
            if not one.recording.unread and not one.by("any", floor.rules):
                lines.append(f"{name}: nothing in {one.recording.name} ({one.recording.label.name})")
            elif one.recording.label.techniques and not one.by("exact", floor.rules):
                titles = sorted({floor.rules[uid].title for uid in one.rules})
                lines.append(f"{name}: not exactly {one.recording.name} ({one.recording.label.name}): {titles}")
    return "\n\n" + "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detail", action="store_true", help="list what was not found")
    print(main(detail=parser.parse_args().detail))
