"""What records are made of, column by column: the same as one would write them one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.simulate.draft import NOBODY, Draft, draft
from watchfloor.simulate.faults import FAULTS, Outage, cut, shaken
from watchfloor.simulate.lines import Template, iso, seconds
from watchfloor.simulate.readings import values
from watchfloor.simulate.rota import Calendar, itinerary, rota
from watchfloor.simulate.site import Site

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
MOMENTS = st.lists(st.integers(0, 4_102_444_800_000), min_size=1, max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9), TEXT)
def test_a_template_is_filled_as_one_would_format(rows: list[tuple[str, str]], same: str) -> None:
    first, second = (pa.array(column, pa.string()) for column in zip(*rows, strict=True))
    made = Template('{"a":"{first}","b":{"c":"{same}"},"d":[{second}]}').fill(
        len(rows), first=first, second=second, same=same
    )
    assert made.to_pylist() == [f'{{"a":"{a}","b":{{"c":"{same}"}},"d":[{b}]}}\n' for a, b in rows]


@given(MOMENTS)
def test_moments_are_written_as_datetime_writes_them(moments: list[int]) -> None:
    times = np.array(moments, np.int64)
    told = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=one) for one in moments]
    assert iso(times).to_pylist() == [one.isoformat(timespec="milliseconds").replace("+00:00", "Z") for one in told]
    assert [round(float(text) * 1000) for text in seconds(times).to_pylist()] == moments


@settings(max_examples=50)
@given(st.lists(st.floats(-9_000, 9_000), min_size=1, max_size=9))
def test_readings_have_two_digits_behind_the_point(port_site: Site, numbers: list[float]) -> None:
    made = values(port_site, np.zeros(len(numbers), np.int64), 0, "tag", np.array(numbers), "A")
    for line, number in zip(made.lines.to_pylist(), numbers, strict=True):
        text = line.split(",")[2]
        hundredth = Decimal(float(np.round(number * 100))).quantize(Decimal(1), ROUND_HALF_EVEN) / 100
        assert len(text.partition(".")[2]) == 2
        assert Decimal(text) == hundredth


@given(MOMENTS, st.sets(st.sampled_from(sorted(FAULTS))), st.integers(0, 99))
def test_faults_lose_nothing_but_what_is_cut_and_never_bring_a_record_early(
    moments: list[int], faults: set[str], seed: int
) -> None:
    records = _numbered(moments)
    found = shaken(records, faults, np.random.default_rng(seed))
    assert set(found.lines.to_pylist()) == set(records.lines.to_pylist())
    assert len(found) == len(records) or "duplicated" in faults
    assert (found.arrival >= found.time).all()
    since, until = sorted((moments[0], moments[-1]))
    lost = cut(records, [Outage("s", since, until)])
    assert lost.time.tolist() == [one for one in moments if not since <= one < until]
    later = cut(records, [Outage("s", since, until, lost=False)])
    held = (later.time >= since) & (later.time < until)
    assert len(later) == len(records) and (later.arrival[held] >= until).all()


@settings(max_examples=25, deadline=None)
@given(st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(0, 999))
def test_stops_of_a_day_are_in_order(port_site: Site, day: date, seed: int) -> None:
    calendar = Calendar(day, port_site.directory.timezone)
    kind, start = rota(port_site, calendar, seed)
    plan = itinerary(port_site, calendar, kind, start, np.random.default_rng(seed))
    for times, places in zip(plan.time, plan.place, strict=True):
        stops = times[places >= 0]
        assert (np.diff(stops) > -45 * 60_000).all()  # a late visit may overlap the way to lunch, and then waits
        assert len(stops) >= 2


def _numbered(moments: list[int]) -> Draft:
    lines = pa.array([f"{number}\n" for number in range(len(moments))], pa.string())
    return draft("s", np.array(moments, np.int64), lines, person=NOBODY)
