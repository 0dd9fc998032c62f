"""Converters: the value OCSF asks for, or nothing; never an exception."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.collect import convert
from watchfloor.ocsf.column import Column


def _one(function: Callable[[Column], Column], value: str) -> Any:
    return function(Column.of([value], pa.string())).to_pylist()[0]


MOMENT = 1_769_853_600_123  # 2026-01-31T10:00:00.123Z

TIMES = {
    "2026-01-31T10:00:00.123Z": MOMENT,
    "2026-01-31T10:00:00.123456789Z": MOMENT,
    "2026-01-31 10:00:00,123": MOMENT,
    "2026-01-31T12:00:00.123+02:00": MOMENT,
    "2026-01-31T12:00:00.123+0200": MOMENT,
    "2026-01-31T04:30:00.123-05:30": MOMENT,
    "2026-01-31": 1_769_817_600_000,
    "1601-01-01T00:00:00Z": -11_644_473_600_000,
    "9999-12-31T23:59:59.999Z": 253_402_300_799_999,
    "2016-12-31T23:59:60Z": 1_483_228_800_000,
    "2026-02-30T00:00:00Z": None,
    "2026-13-01T00:00:00Z": None,
    "yesterday": None,
    "": None,
}


@pytest.mark.parametrize("text", TIMES)
def test_iso(text: str) -> None:
    assert _one(convert.iso, text) == TIMES[text]
    mixed = convert.iso(Column.of([text, "nonsense", "2026-01-31T10:00:00.123Z"], pa.string())).to_pylist()
    assert mixed == [TIMES[text], None, MOMENT], "a bad neighbour changes nothing"


@given(
    st.datetimes(datetime(1601, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),
    st.sampled_from(["{0:%Y-%m-%dT%H:%M:%S.%f}Z", "{0:%Y-%m-%d %H:%M:%S.%f}", "{0:%Y/%m/%d %H:%M:%S.%f}"]),
)
def test_iso_of_any_moment(moment: datetime, shape: str) -> None:
    ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert _one(convert.iso, shape.format(moment)) == ms


@pytest.mark.parametrize(
    ("function", "text", "wanted"),
    [
        (convert.unix_s, "1769853600.123", MOMENT),
        (convert.unix_s, "-1.5", -1500),
        (convert.unix_s, "1e9", 1_000_000_000_000),
        (convert.unix_ms, str(MOMENT), MOMENT),
        (convert.unix_us, f"{MOMENT}999", MOMENT),
        (convert.unix_ns, f"{MOMENT}999999", MOMENT),
        (convert.filetime, "0", -11_644_473_600_000),
        (convert.integer, "0x1F", 31),
        (convert.number, "1.5", 1.5),
        (convert.number, "nan", None),
        (convert.boolean, "Yes", True),
        (convert.boolean, "maybe", None),
        (convert.lower, "ÀB", "àb"),
        (convert.real, "-", None),
        (convert.ip, "::ffff:192.0.2.1", "192.0.2.1"),
        (convert.ip, "[2001:DB8::1%eth0]", "2001:db8::1"),
        (convert.ip, "192.0.2.300", None),
        (convert.basename, "C:\\a\\b.exe", "b.exe"),
        (convert.basename, "/usr/bin/x", "x"),
        (convert.parent_folder, "C:\\a\\b.exe", "C:\\a"),
        (convert.domain_of, "EXAMPLE\\ada", "EXAMPLE"),
        (convert.domain_of, "ada@example.com", "example.com"),
        (convert.domain_of, "ada", None),
        (convert.user_of, "EXAMPLE\\ada", "ada"),
        (convert.user_of, "ada@example.com", "ada"),
        (convert.user_of, "ada", "ada"),
        (convert.prefixed("x-"), "1", "x-1"),
        (convert.matching(r"id=(\d+)"), "a id=42 b", "42"),
        (convert.matching(r"id=(\d+)"), "none", None),
        (convert.to({"a": 1}, 9), "A", 1),
        (convert.to({"a": 1}, 9), "b", 9),
        (convert.json(lambda value: value["a"]), '{"a": "x"}', "x"),
        (convert.json(lambda value: value["a"]), "[", None),
        (convert.json(lambda value: value["b"]), '{"a": 1}', None),
    ],
)  # fmt: skip
def test_values(function: Callable[[Column], Column], text: str, wanted: Any) -> None:
    assert _one(function, text) == wanted


EVERY = [convert.iso, convert.unix_s, convert.unix_ms, convert.unix_us, convert.unix_ns, convert.filetime,
         convert.integer, convert.number, convert.boolean, convert.lower, convert.real, convert.ip, convert.basename,
         convert.parent_folder, convert.domain_of, convert.user_of, convert.json(str)]  # fmt: skip


@pytest.mark.parametrize("function", EVERY, ids=lambda function: getattr(function, "__name__", "json"))
@given(values=st.lists(st.none() | st.text(max_size=30) | st.from_regex(r"-?[0-9]{1,40}(\.[0-9]+)?", fullmatch=True)))
def test_no_text_breaks_a_converter(function: Callable[[Column], Column], values: list[str | None]) -> None:
    answers = function(Column.of(values, pa.string())).to_pylist()
    assert len(answers) == len(values)
    assert all(answer is None for answer, value in zip(answers, values, strict=True) if value is None)


def test_a_time_without_a_year_is_the_latest_that_is_not_in_the_future() -> None:
    received = Column.of([MOMENT, MOMENT, MOMENT, MOMENT], pa.int64())
    texts = Column.of(["Jan 31 09:00:00", "Dec 31 23:00:00", "Feb 29 00:00:00", "nonsense"], pa.string())
    found = convert.yearless(received)(texts).to_pylist()
    as_text = [None if ms is None else (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat()
               for ms in found]  # fmt: skip
    assert as_text == ["2026-01-31T09:00:00+00:00", "2025-12-31T23:00:00+00:00", "2024-02-29T00:00:00+00:00", None]


def test_json_of_several_kinds_keeps_the_usual_one() -> None:
    def names(texts: list[str]) -> list[Any]:
        column = Column.of(texts)
        return convert.json(lambda found: found)(column).to_pylist()

    assert names(['"a"', '"b"']) == ["a", "b"]
    assert names(['"a"', '"b"', "[1]", "1.5", "null", "no json"]) == ["a", "b", None, "1.5", None, None]
    assert names(['["a"]', '[["b"], 1]', '"c"']) == [["a"], ['["b"]', "1"], None]
    assert names(['[{"x":"a"}]', '[{"x":{"y":1}}]']) == [[{"x": "a"}], [{"x": '{"y":1}'}]]


def test_a_list_of_all_sorts_is_text() -> None:
    found = convert.json(lambda items: items)(Column.of(['["x", {"y": [2]}]', "[1]"])).to_pylist()
    assert found == [["x", '{"y":[2]}'], ["1"]]


def test_times_of_a_zone_unless_the_text_says_its_own() -> None:
    written = Column.of(["7/1/2026 2:00:00 PM", "1/1/2026 2:00:00 PM", "7/1/2026 2:00:00 PM +0200", "noon"])
    read = convert.times("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S %p %z", zone="America/New_York")(written)
    instants = ("2026-07-01T18:00:00Z", "2026-01-01T19:00:00Z", "2026-07-01T12:00:00Z")
    assert read.to_pylist() == [*convert.iso(Column.of(instants)).to_pylist(), None]
