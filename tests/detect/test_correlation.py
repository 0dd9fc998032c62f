"""Correlations against the plain reference of `windows.py`: in any portions and order, restored, late and twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detect.windows import Match, findings, rule
from watchfloor.detect.correlation import MATCHES, SNAPSHOT, Ask, Gap, Operator, State, Watermark
from watchfloor.detect.correlation_condition import postfix
from watchfloor.detect.rule import Correlation

HOUR = 3_600_000
UNHELD = {False: 1 << 40, True: 1 << 40}
"""Nothing is ever too late."""


def table(matches: Sequence[Match], *, gone: bool = False) -> pa.Table:
    rows = [
        {
            "time": m.time, "sequence": m.sequence, "correlation": m.correlation, "member": m.member, "key": m.key,
            "text": f'["{m.key}"]', "value": m.value, "uid": m.uid.to_bytes(16, "big"), "scope": m.scope or None,
            "gone": gone,
        }
        for m in matches
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, MATCHES)


class Run:
    """An operator, fed; what is found in the end, and what was said on the way."""

    def __init__(self, *rules: Correlation, covered: Any = None, **bounds: Any) -> None:
        self.rules = rules
        members = {one.id: (*one.rules, *one.weak) for one in rules}
        self.operator = Operator(rules, members, **{"hold": UNHELD, **bounds})
        self.state: State = self.operator.begin()
        self.covered = covered or (lambda start, end: True)
        self.said: list[dict[str, Any]] = []

    def coverage(self, ask: Ask) -> Sequence[Gap]:
        return () if self.covered(ask.start, ask.end) else (Gap("silent", "s", ask.scope, ask.start, ask.end),)

    def feed(self, matches: Sequence[Match], watermark: Watermark | int | None = None, **more: bool) -> list[Any]:
        if watermark is None:
            watermark = Watermark.end()
        elif isinstance(watermark, int):
            watermark = Watermark({"s": watermark})
        self.state, found = self.operator.step(self.state, table(matches, **more), watermark, self.coverage)
        new: list[Any] = found.to_pylist()
        self.said += new
        return new

    def restored(self) -> None:
        self.state = self.operator.restored(self.operator.snapshot(self.state))

    def found(self) -> dict[tuple[int, int], set[str]]:
        """(anchor, key) -> what holds of it now."""
        held: dict[tuple[int, int], set[str]] = {}
        for change in self.said:
            place = int(change["anchor"], 16), int(change["text"][2:-2])
            now = held.setdefault(place, set())
            if change["change"] in ("create", "not_evaluable"):
                what = "match" if change["change"] == "create" else "unknown"
                assert what not in now, "said twice"
                now.add(what)
            else:
                now.remove("match" if change["change"] == "retract" else "unknown")
        return {place: now for place, now in held.items() if now}


def wanted(one: Correlation, matches: Sequence[Match], covered: Any = None) -> dict[Any, set[str]]:
    return findings(one, 0, matches, covered or (lambda start, end: True))


# -- what is drawn ----------------------------------------------------------------------------------------------------

TIMES = st.integers(0, 40).map(lambda number: number * 1000)
VALUES = st.sampled_from([0.0, 1.0, 2.0, 0.5, 0.1])
BOUNDS = st.one_of(
    st.tuples(st.just("gte"), st.integers(1, 4).map(float)).map(lambda one: (one,)),
    st.just((("gt", 1.0), ("lte", 3.0))),
    st.just((("eq", 2.0),)),
)
WORDS = (
    "a and not b",
    "a and not b and not c",
    "a and (b or not c)",
    "a and b",
    "a and b and not c",
    "a and not (b or c)",
)


@st.composite
def doubts(draw: st.DrawFn, names: str) -> dict[str, Any]:
    """Rules whose matches may mean nothing, and those that may be matches of others; in half of the cases none."""
    if draw(st.booleans()):
        return {}
    vague = draw(st.sets(st.sampled_from(names[1:]))) if names[1:] else ()
    weak = draw(st.lists(st.sampled_from(names), max_size=2))
    return {"doubt": tuple((name, "common_cause") for name in sorted(vague)), "weak": tuple(weak)}


@st.composite
def rules(draw: st.DrawFn) -> Correlation:
    kind = draw(st.sampled_from(["event_count", "value_count", "value_sum", "value_avg", "value_percentile",
                                 "value_median", "temporal", "temporal_ordered", "words"]))  # fmt: skip
    emit = draw(st.sampled_from(["once", "each", "reset"]))
    suppress = draw(st.sampled_from([0, 0, 5_000, 20_000]))
    before = draw(st.sampled_from([0, 2_000, 5_000, 12_000]))
    more: dict[str, Any] = {"emit": emit, "suppress": suppress, "before": before}
    count = draw(st.integers(1, 3))
    if kind == "words":
        text = draw(st.sampled_from(WORDS))
        count = 3 if "c" in text.replace("and", "") else 2
        more |= {"expression": postfix(text), "bounds": (), "anchor": "a"}
        more["on_incomplete"] = draw(st.sampled_from(["indeterminate", "fire"]))
        more |= draw(doubts("abc"[:count]))
        return rule("temporal", count, after=draw(st.sampled_from([0, 3_000])), **more)
    if draw(st.booleans()) and kind != "temporal_ordered":
        more |= {"anchor": "a", "after": draw(st.sampled_from([0, 3_000]))}
    if kind == "value_percentile":
        more["percentile"] = draw(st.sampled_from([0.0, 25.0, 95.0, 100.0]))
    more |= draw(doubts("abc"[:count]))
    bounds = draw(BOUNDS)
    if kind in ("temporal", "temporal_ordered"):
        bounds = (("gte", float(draw(st.integers(1, count)))),)
    return rule(kind, count, bounds=bounds, **more)


@st.composite
def matched(draw: st.DrawFn, one: Correlation, most: int = 24) -> list[Match]:
    found = []
    for uid in range(1, draw(st.integers(0, most)) + 1):
        time, sequence, key = draw(TIMES), draw(st.integers(0, 2)), draw(st.sampled_from([2, 2, 3]))
        for member in draw(
            st.lists(st.integers(0, len(one.rules) + len(one.weak) - 1), min_size=1, max_size=2, unique=True)
        ):
            found.append(Match(time, sequence, uid, member, key=key, value=draw(VALUES)))
    return found


@st.composite
def portions(draw: st.DrawFn, matches: Sequence[Match]) -> list[list[Match]]:
    """The matches in any order, cut anywhere, some of them twice."""
    order = draw(st.permutations(matches))
    again = draw(st.lists(st.sampled_from(order), max_size=4)) if order else []
    order = [*order, *again]
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=5)))
    return [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]


def uneven(start: int, end: int) -> bool:
    """Some windows were seen and others not."""
    return (start // 1000) % 3 != 0


# -- properties -------------------------------------------------------------------------------------------------------


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_all_at_once_is_what_the_reference_says(data: st.DataObject) -> None:
    one = data.draw(rules())
    matches = data.draw(matched(one))
    run = Run(one, covered=uneven)
    run.feed(matches)
    assert run.found() == wanted(one, matches, uneven)
    assert all(change["change"] in ("create", "not_evaluable") and not change["late"] for change in run.said)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_portions_order_and_snapshots_change_nothing_within_lateness(data: st.DataObject) -> None:
    """Whatever is delivered before the watermark passes it is as if it had come in order: nothing is taken back."""
    one = data.draw(rules())
    matches = data.draw(matched(one))
    late = data.draw(st.integers(0, 15_000))
    run = Run(one, covered=uneven)
    pending = data.draw(st.permutations(matches))
    reached = -1
    while pending:
        reached = max(reached, data.draw(st.integers(reached, 41_000)))
        due = [match for match in pending if match.time <= reached + late]
        size = data.draw(st.integers(0, len(due)))
        # what lies at or before the mark must be delivered with it
        now = [match for match in due if match.time <= reached] + [m for m in due if m.time > reached][:size]
        taken = set(map(id, now))
        pending = [match for match in pending if id(match) not in taken]
        run.feed([*now, *now[:2]], reached)
        if data.draw(st.booleans()):
            run.restored()
        if reached >= 41_000:
            break
    run.feed(pending)
    assert run.found() == wanted(one, matches, uneven)
    assert {change["change"] for change in run.said} <= {"create", "not_evaluable"}
    assert not any(change["late"] for change in run.said)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_comes_late_makes_the_end_equal_to_the_ideal_order(data: st.DataObject) -> None:
    one = data.draw(rules())
    matches = data.draw(matched(one))
    run = Run(one, covered=uneven)
    for portion in data.draw(portions(matches)):
        run.feed(portion, data.draw(st.integers(0, 60_000)))
        if data.draw(st.booleans()):
            run.restored()
    run.feed([])
    assert run.found() == wanted(one, matches, uneven)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_withdrawn_was_never_there(data: st.DataObject) -> None:
    one = data.draw(rules())
    matches = data.draw(matched(one))
    run = Run(one, covered=uneven)
    run.feed(matches, data.draw(st.integers(0, 60_000)))
    gone = data.draw(st.lists(st.sampled_from(matches), unique=True)) if matches else []
    run.feed(gone, data.draw(st.integers(0, 60_000)), gone=True)
    run.feed([])
    assert run.found() == wanted(one, [match for match in matches if match not in gone], uneven)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_letting_go_changes_nothing(data: st.DataObject) -> None:
    """With a short hold and a look after every step, what is freed in time changes no later decision."""
    one = data.draw(rules())
    matches = sorted(data.draw(matched(one, 40)), key=lambda match: match.time)
    run = Run(one, covered=uneven, hold={False: 0, True: 0})
    for match in matches:
        run.feed([match], match.time - 1)
        run.state.swept_at = -10_000
        if data.draw(st.booleans()):
            run.restored()
    run.feed([])
    assert run.found() == wanted(one, matches, uneven)


# -- one thing at a time ----------------------------------------------------------------------------------------------

MINUTE = 60_000


def absent(**more: Any) -> Correlation:
    """a, and no b in the twelve hours before or the five minutes after."""
    given: dict[str, Any] = {
        "expression": postfix("a and not b"), "bounds": (), "anchor": "a", "before": 12 * HOUR, "after": 5 * MINUTE,
        "emit": "each", "lateness": 5 * MINUTE,
    }  # fmt: skip
    return rule("temporal", 2, **{**given, **more})


def at(minutes: float, member: int = 0, uid: int = 1, **more: Any) -> Match:
    return Match(int(minutes * MINUTE), 0, uid, member, **more)


def marks(logons: float, badges: float, **more: Any) -> Watermark:
    """Sources of a and of b, and how far they are, in minutes."""
    return Watermark(
        {"hosts": int(logons * MINUTE), "doors": int(badges * MINUTE)},
        feeds={"a": frozenset({"hosts"}), "b": frozenset({"doors"})},
        **more,
    )


def changes(run: Run) -> list[str]:
    return [change["change"] for change in run.said]


def test_absence_waits_for_every_source_that_could_have_told() -> None:
    run = Run(absent())
    run.feed([at(600)], marks(620, 609.9))
    assert changes(run) == []
    run.feed([], marks(620, 610))
    assert changes(run) == ["create"]
    assert (run.said[0]["anchor"], run.said[0]["time"]) == (f"{1:032x}", 600 * MINUTE)


@pytest.mark.parametrize("badge", [-120, 0, 300, 600, 605])
def test_presence_anywhere_in_the_window_is_no_finding(badge: int) -> None:
    run = Run(absent())
    run.feed([at(600), at(badge, 1, 2)], marks(700, 700))
    assert changes(run) == []


@pytest.mark.parametrize("badge", [-120.01, 605.01])
def test_presence_outside_the_window_is_none(badge: float) -> None:
    run = Run(absent())
    run.feed([at(600), at(badge, 1, 2)], marks(700, 700))
    assert changes(run) == ["create"]


def test_a_clock_that_may_be_wrong_makes_the_window_wider() -> None:
    skewed = marks(700, 700, skew={"hosts": 2000, "doors": 120_000})
    for badge, said in ((-122, []), (607, []), (-122.1, ["create"]), (607.1, ["create"])):
        run = Run(absent())
        run.feed([at(600), at(badge, 1, 2)], skewed)
        assert changes(run) == said, badge


def test_blindness_is_said_and_is_no_finding() -> None:
    run = Run(absent(), covered=lambda start, end: False)
    run.feed([at(600, scope="lab")], marks(700, 700))
    assert changes(run) == ["not_evaluable"]
    (gap,) = run.said[0]["gaps"]
    assert (gap["why"], gap["source"], gap["of"]) == ("silent", "s", "lab")
    assert (gap["since"], gap["until"]) == (-120 * MINUTE, 605 * MINUTE)


def test_presence_needs_no_coverage() -> None:
    run = Run(absent(), covered=lambda start, end: 1 / 0)
    run.feed([at(600), at(500, 1, 2)], marks(700, 700))
    assert changes(run) == []


@pytest.mark.parametrize(
    ("there", "said"),
    [("", []), ("b", ["create"]), ("c", ["not_evaluable"]), ("bd", ["not_evaluable"]), ("bc", ["create"]),
     ("d", []), ("bde", ["not_evaluable"])],
)  # fmt: skip
def test_what_is_in_doubt_is_neither_there_nor_not(there: str, said: list[str]) -> None:
    one = rule(
        "temporal", 5, expression=postfix("a and (b or c) and not d and not e"), bounds=(), anchor="a", emit="each",
        before=12 * HOUR, doubt=(("c", "identity_ambiguous"), ("d", "common_cause"), ("e", "common_cause")),
    )  # fmt: skip
    run = Run(one)
    run.feed([at(600), *(at(599, "abcde".index(name), 2 + number) for number, name in enumerate(there))])
    assert changes(run) == said
    if said == ["not_evaluable"]:
        assert [gap["why"] for gap in run.said[0]["gaps"]] == ["identity_ambiguous" if there == "c" else "common_cause"]


def test_a_source_that_does_not_come_is_said_and_judged_when_it_does() -> None:
    run = Run(absent())
    run.feed([at(600)], marks(639, 500))
    assert changes(run) == []
    run.feed([], marks(640, 500))
    assert changes(run) == ["not_evaluable"]
    assert run.said[0]["gaps"][0]["why"] == "stalled_source"
    run.feed([], marks(700, 500))
    assert changes(run) == ["not_evaluable"]
    run.feed([], marks(700, 700))
    assert changes(run) == ["not_evaluable", "create", "evaluable"]


def test_a_source_that_was_never_heard_holds_up_no_count_and_proves_no_absence() -> None:
    feeds = {"a": frozenset({"hosts", "new"}), "b": frozenset({"hosts", "new"})}
    run = Run(rule(bounds=(("gte", 1.0),)), absent(id="c1"))
    run.feed([at(600), at(600, correlation=1)], Watermark({"hosts": 800 * MINUTE}, feeds=feeds))
    count, missing = sorted(run.said, key=lambda one: int(one["correlation"]))
    assert (count["change"], missing["change"]) == ("create", "not_evaluable")
    assert missing["gaps"][0]["why"] == "stalled_source"


def test_a_source_that_is_only_quiet_tells_what_happened_and_not_what_did_not() -> None:
    """The clock takes a quiet source along; what it has not said is missing only up to where it was seen alive."""
    run = Run(absent())
    run.feed([at(600)], marks(620, 620, sure={"doors": 500 * MINUTE}))
    assert changes(run) == []
    run.feed([], marks(630, 630, sure={"doors": 630 * MINUTE}))
    assert changes(run) == ["create"]


def test_a_source_that_does_not_come_and_then_tells_of_presence() -> None:
    run = Run(absent())
    run.feed([at(600)], marks(700, 500))
    run.feed([at(599, 1, 2)], marks(700, 700))
    assert changes(run) == ["not_evaluable", "evaluable"]


def test_a_late_fact_takes_the_finding_back() -> None:
    run = Run(absent())
    run.feed([at(600)], marks(700, 700))
    run.feed([at(599, 1, 2)], marks(800, 800))
    assert changes(run) == ["create", "retract"]
    assert run.said[0]["uid"] == run.said[1]["uid"] and run.said[1]["late"]


def test_a_late_match_is_a_late_finding() -> None:
    run = Run(rule(emit="each"))
    run.feed([Match(1000, 0, 1, 0), Match(3000, 0, 3, 0)], 10_000)
    run.feed([Match(2000, 0, 2, 0)], 10_000)
    assert [(change["anchor"][-1], change["late"]) for change in run.said] == [("3", True)]


def test_what_comes_after_the_hold_is_counted_and_changes_nothing() -> None:
    run = Run(absent(), hold={False: 0, True: 0})
    run.feed([at(600)], marks(700, 700))
    run.feed([at(599, 1, 2)], marks(800, 800))
    assert changes(run) == ["create"]
    assert run.operator.counters(run.state)["too_late"] == 1


def test_somebody_without_a_name_may_have_been_anybody() -> None:
    for scope, said in (("lab", ["not_evaluable"]), ("", ["not_evaluable"]), ("gate", ["create"])):
        run = Run(absent())
        run.feed([at(600, scope="lab"), at(599, 1, 2, key=0, scope=scope)], marks(700, 700))
        assert changes(run) == said, scope
    assert run.operator.counters(run.state)["dropped_null_key"] == 1


def test_a_match_in_doubt_is_a_question_and_no_finding() -> None:
    """Once for the group, with its reason; what is certain without it is found."""
    one = rule(bounds=(("gte", 2.0),), weak=("a",))
    run = Run(one)
    run.feed([Match(1000, 0, 1, 0), Match(2000, 0, 2, 1, scope="lab"), Match(3000, 0, 3, 1)])
    assert changes(run) == ["not_evaluable"]
    (gap,) = run.said[0]["gaps"]
    assert (gap["why"], gap["of"], gap["since"], gap["until"]) == ("identity_ambiguous", "lab", -8000, 2000)
    assert run.said[0]["evidence"] == [f"{1:032x}", f"{2:032x}"]
    run = Run(one)
    run.feed([Match(1000, 0, 1, 0), Match(2000, 0, 2, 0), Match(3000, 0, 3, 1)])
    assert changes(run) == ["create"]


def test_what_may_have_been_there_is_not_absent() -> None:
    for at_door, said in ((599, ["not_evaluable"]), (606, ["create"])):
        run = Run(absent(weak=("b",), on_incomplete="fire"))
        run.feed([at(600), at(at_door, 2, 2)], marks(700, 700))
        assert changes(run) == said, at_door
    run = Run(absent(weak=("b",)))
    run.feed([at(600), at(599, 2, 2), at(598, 1, 3)], marks(700, 700))
    assert changes(run) == [], "it was there for certain"


def test_a_doubt_that_is_taken_back_answers_the_question() -> None:
    run = Run(absent(weak=("b",)))
    run.feed([at(600), at(599, 2, 2)], marks(700, 700))
    run.feed([at(599, 2, 2)], marks(800, 800), gone=True)
    assert changes(run) == ["not_evaluable", "create", "evaluable"]


def test_another_match_of_the_same_event_changes_nothing() -> None:
    """Whichever of its matches is judged: it is one event, with one finding, or one question."""
    one = rule(rules=2, bounds=(("gte", 1.0),), emit="each")
    run = Run(one)
    run.feed([Match(1000, 0, 1, 0), Match(1000, 0, 1, 1)], 5000)
    run.feed([Match(1000, 0, 1, 1)], 6000, gone=True)
    assert changes(run) == ["create"]
    run = Run(absent(weak=("a", "a")), covered=lambda start, end: False)
    run.feed([at(600, 3, 1)], marks(700, 700))
    run.feed([at(600, 2, 1)], marks(800, 800))
    assert changes(run) == ["not_evaluable"]


def test_what_belongs_to_no_group_or_has_no_number_is_counted() -> None:
    run = Run(rule(bounds=(("gte", 1.0),)), rule("value_sum", id="c1", bounds=(("gte", 1.0),)))
    run.feed([Match(1, 0, 1, 0, key=0), Match(1, 0, 2, 0, correlation=1, value=float("nan"))])
    assert changes(run) == []
    assert run.operator.counters(run.state) == {"dropped_null_key": 1, "dropped_no_value": 1}


def test_a_finding_names_its_evidence_oldest_first() -> None:
    run = Run(rule())
    run.feed([Match(1000 * uid, 0, uid, 0) for uid in range(1, 8)])
    (found,) = run.said
    assert found["evidence"] == [f"{uid:032x}" for uid in (1, 2, 3)]
    assert (found["number"], found["anchor"]) == (3.0, f"{3:032x}")


def test_evidence_is_bounded_and_keeps_the_youngest() -> None:
    run = Run(rule(bounds=(("gte", 500.0),)))
    run.feed([Match(uid, 0, uid, 0) for uid in range(1, 501)])
    (found,) = run.said
    assert found["evidence"] == [f"{uid:032x}" for uid in range(401, 501)] and found["number"] == 500


def test_once_each_reset_suppress() -> None:
    burst = [Match(1000 * uid, 0, uid, 0) for uid in range(1, 7)]
    again = [Match(60_000 + 1000 * uid, 0, 10 + uid, 0) for uid in range(1, 4)]
    for more, anchors in (
        ({"emit": "once"}, [3, 13]),
        ({"emit": "each"}, [3, 4, 5, 6, 13]),
        ({"emit": "reset"}, [3, 6, 13]),
        ({"emit": "each", "suppress": 3000}, [3, 6, 13]),
        ({"emit": "each", "suppress": 100_000}, [3]),
    ):
        run = Run(rule(**more))
        run.feed([*burst, *again])
        assert [int(change["anchor"], 16) for change in run.said] == anchors, more


def test_nothing_is_said_of_a_match_whose_window_is_open_at_whatever_time_it_was() -> None:
    one = rule(
        "event_count", 2, bounds=(("gt", 1.0), ("lte", 3.0)), anchor="a", before=0, after=3000,
        doubt=(("b", "common_cause"),),
    )  # fmt: skip
    for begin in (-10_000, 0, 10_000):
        run = Run(one)
        run.feed([Match(begin, 0, 1, 0), *(Match(begin, 0, uid, 1) for uid in (2, 3, 4))], begin)
        assert not run.said, begin


def test_a_question_carries_no_number_of_the_finding_before_it() -> None:
    """What is told is written into room that was used before: once before, and once after coverage was asked."""
    one = rule("temporal", 3, expression=postfix("a and (b or not c)"), bounds=(), anchor="a", emit="each")
    found = [Match(1000, 0, 1, 1), Match(1000, 0, 1, 0), Match(1000, 0, 2, 0)]
    question = Match(2000, 0, 3, 0, key=3)
    run = Run(one, covered=lambda start, end: False)
    run.feed([*found, question])
    assert {(change["change"], change["text"]): change["number"] for change in run.said} == {
        ("create", '["2"]'): 3.0, ("not_evaluable", '["3"]'): 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("watermark", [None, 2000])
def test_a_reset_forgets_what_was_counted_and_not_what_must_be_absent(watermark: int | None) -> None:
    one = rule("temporal", 3, expression=postfix("a and (b or not c)"), bounds=(), anchor="a", emit="reset")
    matches = [Match(1000, 0, 1, 2), Match(2000, 0, 2, 1), Match(2000, 0, 2, 0), Match(3000, 0, 3, 0)]
    run = Run(one)
    run.feed(matches, watermark)
    run.feed([])
    assert run.found() == wanted(one, matches) == {(2, 2): {"match"}}  # c was there when the second a came, b is spent


def test_equal_times_are_in_order_of_their_sequence() -> None:
    for first, second, said in ((0, 1, ["create"]), (1, 0, [])):
        run = Run(rule("temporal_ordered", 2, bounds=(("gte", 2.0),)))
        run.feed([Match(1000, first, 1, 0), Match(1000, second, 2, 1)])
        assert changes(run) == said


def test_a_chain_counts_findings_and_takes_them_back() -> None:
    inner = rule(id="inner", bounds=(("gte", 2.0),), group_by=("u",))
    outer = rule(id="outer", rules=("inner",), group_by=(), bounds=(("gte", 2.0),), timespan=HOUR, before=HOUR)
    operator = Operator([inner, outer], {"inner": ("a",), "outer": ("inner",)}, hold=UNHELD)
    state = operator.begin()
    pairs = [Match(1000 * (2 * key + more), 0, 2 * key + more, 0, key=key) for key in (2, 3) for more in (0, 1)]
    state, found = operator.step(state, table(pairs), Watermark({"s": HOUR}))
    said = found.to_pylist()
    assert [(one["correlation"], one["change"]) for one in said] == [(0, "create"), (0, "create"), (1, "create")]
    assert said[2]["evidence"] == [said[0]["uid"], said[1]["uid"]]
    state, found = operator.step(state, table(pairs[:1], gone=True), Watermark({"s": HOUR}))
    assert [(one["correlation"], one["change"]) for one in found.to_pylist()] == [(0, "retract"), (1, "retract")]


def test_bounds_hold_and_are_counted() -> None:
    run = Run(rule(bounds=(("gte", 1e9),)), max_rows=5000, max_group=1000)
    for start in range(0, 40_000, 4000):
        run.feed([Match(uid, 0, uid, 0, key=2 + uid % 3) for uid in range(start, start + 4000)], start + 4000)
    assert run.state.held <= 5000
    assert run.operator.counters(run.state)["evicted"] >= 34_000


def test_what_is_over_leaves_nothing() -> None:
    run = Run(rule(), hold={False: 0, True: 0})
    for start in range(0, 100_000, 10_000):
        run.feed([Match(uid * 100, 0, uid, 0, key=2 + uid) for uid in range(start, start + 10_000)], start * 100)
    assert run.state.groups < 30_000 and run.state.held < 30_000
    run.feed([])
    run.state.swept_at = -10_000
    run.feed([])
    assert (run.state.groups, run.state.held) == (0, 0)


def test_changed_groups_together_are_a_snapshot() -> None:
    """The newest row of each group, of all tables of changes, restores what there was."""
    run, rebuilt = Run(rule(), absent(id="c1")), {}
    for step in range(5):
        now = 4000 * step
        run.feed([Match(now + uid, 0, 100 * step + uid, 0, uid % 2, 2 + uid % 3) for uid in range(10)], now)
        for row in run.operator.snapshot(run.state, changed=True).to_pylist():
            rebuilt[row["rule"], row["key"]] = row
    state = run.operator.restored(pa.Table.from_pylist(list(rebuilt.values()), SNAPSHOT))
    first, second = (
        sorted(run.operator.snapshot(one).to_pylist(), key=lambda row: (row["rule"], row["key"] or 0))
        for one in (run.state, state)
    )
    assert first == second


def test_rules_that_are_gone_are_not_restored() -> None:
    run = Run(rule(), rule(id="c1"))
    run.feed([Match(1000, 0, 1, 0), Match(1000, 0, 1, 0, correlation=1)], 500)
    other = Operator([rule(id="c1")], {"c1": ("a",)})
    state = other.restored(run.operator.snapshot(run.state))
    assert (state.groups, state.held) == (1, 1)
