"""Indicators onto events: which columns are looked at, what is said of a match, and what matched as rows of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.detect.intel.gathered import Gathered
from watchfloor.detect.intel.indicator import DAY_MS, KINDS, Claim, naming
from watchfloor.detect.intel.intelligence import Intelligence
from watchfloor.detect.intel.join import CARRIES, IntelJoin, asked_kinds
from watchfloor.detect.intel.warninglists import Warninglists
from watchfloor.ocsf import schema
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events

KEY = np.uint64(11), np.uint64(13)


def known(*said: tuple[str, str, Claim]) -> Intelligence:
    gathered = Gathered()
    for kind, value, claim in said:
        gathered.add(kind, value, claim, Path("f"), 1)
    assert not gathered.problems
    return Intelligence.of(gathered, Warninglists([], KEY), KEY)


def events(class_name: str, **columns: list[Any]) -> Events:
    made = {}
    rows = 0
    for name, values in columns.items():
        name = name.replace("__", ".")
        made[name] = Column.of(values, schema.attribute(class_name, name).arrow)
        rows = len(values)
    return Events.build(class_name, made, rows)


def joined(intelligence: Intelligence, some: Events, kinds: frozenset[str] = frozenset(KINDS)) -> dict[str, list[Any]]:
    found, _ = IntelJoin(intelligence, kinds).join(some)
    return {name: found.column(name).to_pylist() for name in found.names if name.startswith("intel.")}  # type: ignore[union-attr]


FEED = Claim("sector", tlp="green", confidence=80, labels=("c2",), reference="i-1")
PERSONAL = Claim("case", basis="legitimate_interest", until=DAY_MS)


def test_a_match_says_what_it_is() -> None:
    traffic = events(
        "network_activity",
        time=[5, 5, 5],
        src_endpoint__ip=["10.0.0.1", "203.0.113.9", None],
        dst_endpoint__ip=["198.51.100.7", "10.0.0.2", None],
        dst_endpoint__hostname=["a.bad.example", None, None],
    )
    network = FEED._replace(source="nets", confidence=90, tlp="red")
    found = joined(
        known(("ip", "198.51.100.7", FEED), ("ip", "203.0.113.0/24", network), ("domain", "bad.example", FEED)), traffic
    )
    assert found["intel.ip.matched"] == [True, True, None]
    assert found["intel.ip.value"] == ["198.51.100.7", "203.0.113.0/24", None]
    assert found["intel.ip.attribute"] == ["dst_endpoint.ip", "src_endpoint.ip", None]
    assert found["intel.ip.labels"][0] == ["c2"]
    assert found["intel.domain.matched"] == [True, None, None]
    assert found["intel.domain.value"] == ["bad.example", None, None]
    assert found["intel.matched"] == [True, True, None]
    assert found["intel.source"] == ["sector", "nets", None]
    assert found["intel.tlp"] == ["green", "red", None]
    assert found["intel.confidence"] == [80, 90, None]


def test_nobody_knows_is_not_no() -> None:
    traffic = events("network_activity", time=[1, 1], dst_endpoint__ip=["10.0.0.1", None])
    assert joined(known(("ip", "198.51.100.7", FEED)), traffic) == {
        "intel.ip.matched": [False, None],
        "intel.matched": [False, None],
    }
    assert joined(known(("domain", "bad.example", FEED)), traffic) == {}
    assert joined(known(("ip", "10.0.0.1", FEED)), traffic, frozenset({"url"})) == {}


def test_the_time_of_the_event_and_verdicts_decide() -> None:
    traffic = events("network_activity", time=[5, 15, 5], dst_endpoint__ip=["198.51.100.7"] * 2 + ["198.51.100.8"])
    benign = Claim("verdicts", confidence=100, verdict=-1)
    intelligence = known(
        ("ip", "198.51.100.7", FEED._replace(until=10)), ("ip", "198.51.100.8", FEED), ("ip", "198.51.100.8", benign)
    )
    assert joined(intelligence, traffic)["intel.ip.matched"] == [True, False, False]


@pytest.mark.parametrize(
    ("class_name", "columns", "kind", "indicator", "attribute"),
    [
        (
            "http_activity",
            {"http_request__url__url_string": ["HTTP://a.example"]},
            "url",
            "http://a.example/",
            "http_request.url.url_string",
        ),
        ("http_activity", {"http_request__user_agent": ["Evil/1"]}, "user_agent", "Evil/1", "http_request.user_agent"),
        (
            "http_activity",
            {"http_request__x_forwarded_for": [["10.0.0.1", "198.51.100.7"]]},
            "ip",
            "198.51.100.7",
            "http_request.x_forwarded_for",
        ),
        ("dns_activity", {"query__hostname": ["x.bad.example."]}, "domain", "bad.example", "query.hostname"),
        ("dns_activity", {"answers": [[{"rdata": "198.51.100.7"}]]}, "ip", "198.51.100.7", "answers.rdata"),
        (
            "process_activity",
            {"process__file__hashes": [[{"value": "AB" * 16}, {"value": "cd" * 20}]]},
            "hash",
            "cd" * 20,
            "process.file.hashes.value",
        ),
        ("network_activity", {"tls__ja3_hash__value": ["ab" * 16]}, "ja3", "ab" * 16, "tls.ja3_hash.value"),
        (
            "network_activity",
            {"ja4_fingerprint_list": [[{"value": "t13_a_b"}]]},
            "ja4",
            "t13_a_b",
            "ja4_fingerprint_list.value",
        ),
        ("email_activity", {"email__from": ["Eve@example.org"]}, "email", "eve@example.org", "email.from"),
        (
            "vulnerability_finding",
            {"vulnerabilities": [[{"cve": {"uid": "CVE-2025-48384"}}]]},
            "cve",
            "CVE-2025-48384",
            "vulnerabilities.cve.uid",
        ),
        (
            "physical_access_activity",
            {"credential__credential_number": ["0123"], "credential__facility_code": ["42"]},
            "badge",
            "42:123",
            "credential.credential_number",
        ),
        (
            "physical_access_activity",
            {"credential__uid": ["AB 1"], "credential__type_id": [5]},
            "plate",
            "AB1",
            "credential.uid",
        ),
        ("physical_access_activity", {"wf__person_uid": ["p-1"]}, "person", "p-1", "wf.person_uid"),
        (
            "drone_flights_activity",
            {"unmanned_aerial_system__serial_number": ["1596f"]},
            "drone",
            "1596F",
            "unmanned_aerial_system.serial_number",
        ),
    ],
)
def test_where_each_kind_is_looked_for(
    class_name: str, columns: dict[str, list[Any]], kind: str, indicator: str, attribute: str
) -> None:
    found = joined(known((kind, indicator, PERSONAL)), events(class_name, time=[1], **columns))
    assert found[f"intel.{kind}.value"] == [indicator] and found[f"intel.{kind}.attribute"] == [attribute]
    assert found["intel.kind"] == [kind]


def test_where_something_was() -> None:
    area = "CIRCLE (51.95 4.1 500)"
    flights = events(
        "drone_flights_activity",
        time=[1, 1, 1],
        unmanned_aerial_system__location__lat=[51.9501, 51.99, None],
        unmanned_aerial_system__location__long=[4.1001, 4.1, 4.1],
    )
    intelligence = known(("geofence", area, FEED), ("geofence", "circle(51.95 4.1 500)", FEED))
    found = joined(intelligence, flights)
    assert found["intel.geofence.matched"] == [True, False, None]
    assert found["intel.geofence.value"] == [area, None, None]
    assert [one.standing for one in intelligence.about("51.95,4.1", 1)] == ["holds"]


def test_a_plate_is_no_badge() -> None:
    passage = events("physical_access_activity", time=[1], credential__uid=["123"], credential__type_id=[5])
    assert "intel.badge.value" not in joined(known(("badge", "123", PERSONAL)), passage)


def test_every_kind_is_looked_for_somewhere_that_ocsf_has() -> None:
    assert set(CARRIES) == set(KINDS)
    for kind in KINDS:
        assert schema.attribute("network_activity", f"intel.{kind}.value").type == "string_t"


def test_what_matched_is_a_row_of_its_own() -> None:
    traffic = events(
        "network_activity",
        time=[5, 6, 7],
        metadata__uid=["e1", "e2", "e3"],
        src_endpoint__ip=["198.51.100.7", "10.0.0.1", "10.0.0.1"],
        dst_endpoint__ip=["198.51.100.7", "10.0.0.1", "198.51.100.7"],
    )
    _, seen = IntelJoin(known(("ip", "198.51.100.7", FEED)), KINDS).join(traffic)
    assert seen.select(["event_uid", "attribute", "time"]).to_pylist() == [
        {"event_uid": "e1", "attribute": "dst_endpoint.ip", "time": 5},
        {"event_uid": "e1", "attribute": "src_endpoint.ip", "time": 5},
        {"event_uid": "e3", "attribute": "dst_endpoint.ip", "time": 7},
    ]
    assert set(seen["source"].to_pylist()) == {"sector"} and set(seen["value"].to_pylist()) == {"198.51.100.7"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 20)), max_size=20), st.integers(1, 5))
def test_how_a_batch_is_cut_does_not_matter(rows: list[tuple[int, int, int]], size: int) -> None:
    def made(some: list[tuple[int, int, int]]) -> Events:
        return events(
            "network_activity",
            time=[time for _, _, time in some],
            src_endpoint__ip=[f"198.51.100.{one}" for one, _, _ in some],
            dst_endpoint__ip=[f"198.51.100.{other}" for _, other, _ in some],
        )

    intelligence = known(
        ("ip", "198.51.100.1", FEED._replace(until=10)),
        ("ip", "198.51.100.2/31", FEED._replace(since=5, confidence=40)),
        ("ip", "198.51.100.3", FEED._replace(source="other", confidence=60)),
    )
    join = IntelJoin(intelligence, KINDS)
    if not rows:
        return
    whole, seen = join.join(made(rows))
    parts = [join.join(made(rows[start : start + size])) for start in range(0, len(rows), size)]
    assert pa.concat_tables([table for _, table in parts]).num_rows == seen.num_rows
    for name in ("matched", "value", "source", "confidence", "attribute"):
        column = whole.column(f"intel.ip.{name}")
        expected = [None] * len(rows) if column is None else column.to_pylist()
        got: list[Any] = []
        for part, _ in parts:
            mine = part.column(f"intel.ip.{name}")
            got += [None] * len(part) if mine is None else mine.to_pylist()
        assert got == expected


@given(st.permutations(["198.51.100.1", "198.51.100.2", "203.0.113.7", "192.0.2.9"]), st.integers(1, 2**63))
def test_of_equals_the_same_comes_first_in_every_process(values: list[str], key: int) -> None:
    gathered = Gathered()
    for value in values:
        gathered.add("ip", value, FEED, Path("f"), 1)
        gathered.add("hash", value.encode().hex().ljust(32, "0")[:32], FEED, Path("f"), 1)
    keys = np.uint64(key), np.uint64(key + 1)
    intelligence = Intelligence.of(gathered, Warninglists([], keys), keys)
    hashes = [{"value": value.encode().hex().ljust(32, "0")[:32]} for value in sorted(values)]
    some = events("file_activity", time=[1], file__hashes=[hashes])
    found, seen = IntelJoin(intelligence, KINDS).join(some)
    first = min(one["value"] for one in hashes)
    assert found.column("intel.hash.value").to_pylist() == [first]  # type: ignore[union-attr]
    assert seen["value"].to_pylist() == sorted(one["value"] for one in hashes)


def test_which_kinds_rules_ask_for() -> None:
    assert asked_kinds(["user.name", "intel.ip.matched", "intel.url.source"], ["hash"]) == {"ip", "url", "hash"}
    assert asked_kinds(["intel.confidence"]) == set(KINDS)
    assert asked_kinds(["intelx", "asof.person.zone"]) == set()


def test_a_finding_names_the_indicator() -> None:
    assert naming(["user.name", "intel.ip.matched"]) == (
        "user.name", "intel.ip.matched", "intel.ip.value", "intel.ip.source", "intel.ip.confidence", "intel.ip.tlp",
        "intel.ip.attribute",
    )  # fmt: skip
    assert "intel.kind" in naming(["intel.matched"])
