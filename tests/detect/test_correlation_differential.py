"""What correlations find is what Zircolite and RSigma find, as far as they mean the same; and where they do not, why.

Zircolite is asked itself: its converter and its executor are installed. RSigma is asked in SQL that says what its
documentation says. Ours is the whole path, from records of Windows to findings; the number that was counted is
compared, too. The shared part is: each time another one, whole seconds, in order, one rule a record, every record with
a group and a number. A `test_differs_*` for each thing that is meant otherwise, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.detect import rsigma_peer
from tests.detect.correlation_corpus import CHAIN, DOCUMENTS, Document, Found, Record, drawn, ours, ready, told
from tests.detect.zircolite_peer import Zircolite
from watchfloor.run.prepare import Prepared

ALL = (*DOCUMENTS, CHAIN)
WORDS = frozenset(("words", "absent"))
"""What is true or not true of them is no number: each engine shows another one."""

SAID = tuple(one for one in DOCUMENTS if one.name not in WORDS)
"""What RSigma's documentation says enough about."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return ready(tmp_path_factory.mktemp("correlations"), ALL)


@pytest.fixture(scope="module")
def zircolite() -> Zircolite:
    return Zircolite(ALL)


def comparable(found: Iterable[Found], records: Sequence[Record]) -> set[Found]:
    """Without numbers that mean nothing; and of an order only the match that completes it (`test_differs_order`)."""
    last = {one.name: one.rules[-1] for one in DOCUMENTS if one.kind == "temporal_ordered"}
    at = {(record.ms, (record.group or "").lower()): record.rules for record in records}
    return {
        one._replace(number=0.0 if one.rule in WORDS else round(one.number, 9))
        for one in found
        if last.get(one.rule, "") in at[one.ms, one.group]
    }


def test_a_large_corpus(path: Prepared, zircolite: Zircolite, tmp_path: Path) -> None:
    records = drawn(7, 2_000, seconds=8_000, groups=3)
    found = ours(path, records, tmp_path)
    assert len(found) > 9_000 and {one.rule for one in found} == {one.name for one in ALL}
    assert comparable(found, records) == comparable(zircolite.found(records), records)
    said = {document.name for document in SAID}
    mine = {one for one in comparable(found, records) if one.rule in said}
    assert mine == comparable(rsigma_peer.found(SAID, records), records)


def test_parts_of_a_second(path: Prepared, zircolite: Zircolite, tmp_path: Path) -> None:
    records = drawn(11, 600, seconds=1_200, step_ms=250)
    found = ours(path, records, tmp_path)
    assert len(found) > 3_000
    assert comparable(found, records) == comparable(zircolite.found(records), records)


def test_the_findings_say_the_same(path: Prepared, tmp_path: Path) -> None:
    records = drawn(13, 60, seconds=200)
    wanted = ours(path, records, tmp_path)
    assert len(wanted) > 200 and told(path, records, tmp_path) == wanted


@st.composite
def few(draw: st.DrawFn) -> list[Record]:
    """Some records close together, often just as far apart as a window is long."""
    times = draw(
        st.lists(st.sampled_from([0, 1, 2, 4, 5, 6, 9, 10, 11, 15, 20, 21, 25, 30, 31, 40]), min_size=1, unique=True)
    )
    return [
        Record(
            second * 1000, draw(st.sampled_from("abc")), draw(st.sampled_from(("g0", "g1"))),
            draw(st.sampled_from((0.0, 1.0, 2.5, 3.0, -1.0, 6.0))),
        )
        for second in sorted(times)
    ]  # fmt: skip


@given(few())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_few_at_the_borders(path: Prepared, zircolite: Zircolite, tmp_path: Path, records: list[Record]) -> None:
    found = comparable(ours(path, records, tmp_path), records)
    assert found == comparable(zircolite.found(records), records)
    said = {document.name for document in SAID}
    assert {one for one in found if one.rule in said} == comparable(rsigma_peer.found(SAID, records), records)


# -- what is meant otherwise -------------------------------------------------------------------------------------------


class Trio:
    """A few documents, asked of all three."""

    def __init__(self, folder: Path, *documents: Document, zircolite: bool = True) -> None:
        self.folder, self.documents = folder, documents
        self.path = ready(folder, documents)
        self.peer = Zircolite(documents) if zircolite else None

    def ours(self, *records: Record) -> list[int]:
        return sorted(one.ms for one in ours(self.path, records, self.folder))

    def zircolite(self, *records: Record) -> list[int]:
        assert self.peer is not None
        return sorted(one.ms for one in self.peer.found(records))

    def rsigma(self, *records: Record) -> list[int]:
        return sorted(one.ms for one in rsigma_peer.found(self.documents, records))


def rec(second: float, rules: str = "a", group: str | None = "g", amount: float | str | None = 1.0) -> Record:
    return Record(round(second * 1000), rules, group, amount)


TWO = Document("two", "event_count", "ab", 10, "{gte: 2}")


def test_differs_event_time_against_arrival(tmp_path: Path) -> None:
    """Time is when it happened. RSigma counts what came before, though it happened eight seconds before a window began:
    whether an attack is found must not hang on which of two collectors was slower."""
    trio = Trio(tmp_path, Document("two", "event_count", "ab", 5, "{gte: 2}"))
    late = (rec(10), rec(2))
    assert trio.ours(*late) == trio.zircolite(*late) == []
    assert trio.rsigma(*late) == [2000]
    backwards = (rec(4), rec(0))
    assert trio.ours(*backwards) == trio.zircolite(*backwards) == [4000]
    assert trio.rsigma(*backwards) == [0]


def test_differs_parts_of_a_second(tmp_path: Path) -> None:
    """Times are milliseconds; RSigma's are whole seconds, so that its windows are up to a second longer."""
    trio = Trio(tmp_path, TWO)
    apart = (rec(0), rec(10.75))
    assert trio.ours(*apart) == trio.zircolite(*apart) == []
    assert trio.rsigma(*apart) == [10_000]


def test_windows_are_closed_on_both_sides(tmp_path: Path) -> None:
    """Just a timespan apart is within it, for all three; RSigma's reference of window modes says otherwise, its
    engine's own description and tests do not."""
    trio = Trio(tmp_path, TWO)
    apart = (rec(0), rec(10))
    assert trio.ours(*apart) == trio.zircolite(*apart) == trio.rsigma(*apart) == [10_000]


def test_differs_equal_times(tmp_path: Path) -> None:
    """Of equal times the sequence of the source says which was first, and each is judged by itself; to Zircolite all of
    one time are one moment with one finding."""
    trio = Trio(tmp_path, Document("three", "event_count", "a", 10, "{eq: 1}"))
    twins = (rec(5), rec(5))
    assert trio.ours(*twins) == trio.rsigma(*twins) == [5000]
    assert trio.zircolite(*twins) == []


def test_differs_order_of_equal_times(tmp_path: Path) -> None:
    """An order never goes back, and may stand still: sources write seconds. Zircolite wants it to go on."""
    trio = Trio(tmp_path, Document("order", "temporal_ordered", "ab", 10, ""))
    twins = (rec(5, "a"), rec(5, "b"))
    assert trio.ours(*twins) == trio.rsigma(*twins) == [5000]
    assert trio.zircolite(*twins) == []
    turned = (rec(5, "b"), rec(5, "a"))
    assert trio.ours(*turned) == []  # the source says that b was first
    assert trio.rsigma(*turned) == [5000]


def test_differs_order(tmp_path: Path) -> None:
    """An order is found at the match that completes it; for the others again at every match while it is there."""
    trio = Trio(tmp_path, Document("order", "temporal_ordered", "ab", 10, ""))
    again = (rec(1, "a"), rec(2, "b"), rec(3, "a"))
    assert trio.ours(*again) == [2000]
    assert trio.zircolite(*again) == trio.rsigma(*again) == [2000, 3000]


def test_differs_missing_values(tmp_path: Path) -> None:
    """What has no number is not counted, and is no reason to speak; for Zircolite its time ends a window."""
    trio = Trio(tmp_path, Document("sum", "value_sum", "a", 10, "{field: Amount, gte: 2}"))
    for nothing in (None, "much"):
        some = (rec(1), rec(2), rec(3, amount=nothing))
        assert trio.ours(*some) == trio.rsigma(*some) == [2000]
        assert trio.zircolite(*some) == [2000, 3000]


def test_missing_groups_are_dropped(tmp_path: Path) -> None:
    """What has no value in `group-by` is of no group, for Zircolite too."""
    trio = Trio(tmp_path, TWO)
    some = (rec(1, group=None), rec(2, group=None), rec(3))
    assert trio.ours(*some) == trio.zircolite(*some) == []


def test_differs_case_of_values(tmp_path: Path) -> None:
    """Sigma compares without regard to case, so do groups and values here, in any alphabet; RSigma tells them apart,
    Zircolite from beyond ASCII on."""
    trio = Trio(tmp_path, Document("kinds", "value_count", "a", 10, "{field: Amount, gte: 2}"))
    latin = (rec(1, amount="Kind"), rec(2, amount="KIND"))
    assert trio.ours(*latin) == trio.zircolite(*latin) == []
    assert trio.rsigma(*latin) == [2000]
    other = (rec(1, amount="Ödön"), rec(2, amount="ödön"))
    assert trio.ours(*other) == []
    assert trio.zircolite(*other) == trio.rsigma(*other) == [2000]


def test_differs_one_event_of_two_rules(tmp_path: Path) -> None:
    """One event that two rules match is one event, for Zircolite too; RSigma counts matches."""
    trio = Trio(tmp_path, TWO)
    both = rec(1, "ab")
    assert trio.ours(both) == trio.zircolite(both) == []
    assert trio.rsigma(both) == [1000]


def test_differs_once(tmp_path: Path) -> None:
    """Without a word about it we speak once, until the condition is false again; the others at each match."""
    trio = Trio(tmp_path, TWO._replace(emit="{emit: once}"))
    many = (rec(1), rec(2), rec(3), rec(30), rec(31))
    assert trio.ours(*many) == [2000, 31_000]
    assert trio.zircolite(*many) == trio.rsigma(*many) == [2000, 3000, 31_000]


def test_differs_absence_without_a_window(tmp_path: Path) -> None:
    """What did not happen is looked for where the rule's window says, before its anchor unless told otherwise;
    Zircolite always looks behind. One alert per anchor for both."""
    trio = Trio(tmp_path, Document("absent", "temporal", "ab", 10, "a and not b", "{anchor: a, emit: each}"))
    before, behind = (rec(1, "b"), rec(5, "a")), (rec(5, "a"), rec(9, "b"))
    assert trio.ours(*before) == [] and trio.zircolite(*before) == [5000]
    assert trio.ours(*behind) == [5000] and trio.zircolite(*behind) == []


def test_differs_range(tmp_path: Path) -> None:
    """A range of two bounds is of the standard's text; Zircolite's parser refuses it."""
    range_ = Document("range", "event_count", "a", 10, "{gte: 2, lte: 3}")
    trio = Trio(tmp_path, range_, zircolite=False)
    some = tuple(rec(second) for second in range(1, 6))
    assert trio.ours(*some) == trio.rsigma(*some) == [2000, 3000]
    from sigma.exceptions import SigmaError

    with pytest.raises(SigmaError):
        Zircolite((range_,))
