"""What is known, against a reference that looks at every claim of every indicator, one after the other."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect.intel.claims import Held
from watchfloor.detect.intel.exact import Found
from watchfloor.detect.intel.gathered import Gathered
from watchfloor.detect.intel.indicator import DAY_MS, DECAYS, Claim, score
from watchfloor.detect.intel.intelligence import Intelligence
from watchfloor.detect.intel.warninglists import Warninglists
from watchfloor.ocsf.column import Column
from watchfloor.world.entities import FOREVER, LONG_AGO

KEY = np.uint64(11), np.uint64(13)
FILE = Path("feed.txt")

Said = tuple[str, Claim]

labels = st.sampled_from(["a", "bb", "c-c", "x1"])
domains = st.lists(labels, min_size=2, max_size=4).map(".".join)
fours = st.integers(0, 255).map(lambda last: f"198.51.100.{last}")
sixes = st.integers(0, 15).map(lambda last: f"2001:db8::{last:x}")
addresses = fours | sixes
networks = addresses | st.tuples(fours, st.integers(24, 32)).map(
    lambda pair: str(ipaddress.ip_network(f"{pair[0]}/{pair[1]}", strict=False))
) | st.tuples(sixes, st.integers(120, 128)).map(
    lambda pair: str(ipaddress.ip_network(f"{pair[0]}/{pair[1]}", strict=False))
)  # fmt: skip
times = st.integers(0, 200).map(lambda day: day * DAY_MS)
claims = st.builds(
    lambda source, confidence, since, lasts, decay, seen, verdict: Claim(
        "verdicts" if verdict else source,
        confidence=100 if verdict else confidence,
        since=since,
        until=since + lasts * DAY_MS if lasts else FOREVER,
        decay="none" if verdict else decay,
        seen=seen,
        verdict=verdict,
    ),
    st.sampled_from(["one", "two", "three"]),
    st.integers(0, 100),
    times | st.just(LONG_AGO),
    st.integers(0, 60),
    st.sampled_from(sorted(DECAYS)),
    times,
    st.sampled_from([0, 0, 0, 0, 1, -1]),
)


def made(kind: str, said: Sequence[Said], warninglists: Sequence[Mapping[str, Any]] = ()) -> Intelligence:
    gathered = Gathered()
    for number, (value, claim) in enumerate(said):
        gathered.add(kind, value, claim, FILE, number + 1)
    lists = [(str(one["name"]), FILE, one) for one in warninglists]
    known = Intelligence.of(gathered, Warninglists(lists, KEY), KEY)
    assert not gathered.problems
    return known


def asked(known: Intelligence, kind: str, values: Sequence[str], at: Sequence[int]) -> list[tuple[str, Claim] | None]:
    """Per (value, time) the indicator and the claim that hold."""
    column = Column.of(values, pa.string())
    found: Found = known.find(kind, column.values)
    held: Held = known.claims.holding(found, column.codes, np.array(at, np.int64))
    return [
        None if claim < 0 else (known.value(kind, int(found.places[pair])), known.claims.said[claim])
        for pair, claim in zip(held.pairs.tolist(), held.claims.tolist(), strict=True)
    ]


def covers(kind: str, indicator: str, value: str) -> int:
    """How much of a value an indicator says; 0 where it is another."""
    if kind == "domain":
        return len(indicator) if value == indicator or value.endswith("." + indicator) else 0
    network, one = ipaddress.ip_network(indicator), ipaddress.ip_address(value)
    return network.prefixlen + 1 if one.version == network.version and one in network else 0


def reference(kind: str, said: Sequence[Said], value: str, at: int) -> tuple[str, Claim] | None:
    holding = [
        (-abs(claim.verdict), -covers(kind, indicator, value), -score(claim, at), claim, indicator)
        for indicator, claim in said
        if covers(kind, indicator, value)
        and claim.since <= at < claim.until
        and score(claim, at) >= DECAYS[claim.decay].threshold
    ]
    best = min(holding, default=None)
    if best is None:
        return None
    indicator = str(ipaddress.ip_network(best[4])) if kind == "ip" else best[4]
    return indicator.removesuffix("/32").removesuffix("/128"), best[3]


@pytest.mark.parametrize(("kind", "indicators", "values"), [("domain", domains, domains), ("ip", networks, addresses)])
def test_matching_is_what_the_reference_says(
    kind: str, indicators: st.SearchStrategy[str], values: st.SearchStrategy[str]
) -> None:
    @settings(deadline=None, max_examples=300)
    @given(
        st.lists(st.tuples(indicators, claims), min_size=1, max_size=12),
        st.lists(st.tuples(values, times), max_size=12),
    )
    def holds(said: list[Said], questions: list[tuple[str, int]]) -> None:
        got = asked(made(kind, said), kind, [one for one, _ in questions], [at for _, at in questions])
        assert got == [reference(kind, said, value, at) for value, at in questions]

    holds()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(domains, claims), min_size=1, max_size=6), st.lists(domains, min_size=1, max_size=4), times)
def test_the_order_of_feeds_does_not_matter(said: list[Said], values: list[str], at: int) -> None:
    usual = asked(made("domain", said), "domain", values, [at] * len(values))
    for other in itertools.islice(itertools.permutations(said), 6):
        assert asked(made("domain", [*other, *other]), "domain", values, [at] * len(values)) == usual


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.tuples(domains, claims.filter(lambda claim: not claim.verdict)), max_size=8),
    domains,
    st.booleans(),
    times,
)
def test_a_verdict_wins_whatever_feeds_and_warninglists_say(said: list[Said], value: str, bad: bool, at: int) -> None:
    verdict = Claim("verdicts", confidence=100, verdict=1 if bad else -1)
    lists = [{"name": "top sites", "type": "string", "matching_attributes": ["domain"], "list": [value]}]
    for held in ([], lists):
        known = made("domain", [*said, (value, verdict)], held)
        assert asked(known, "domain", [value, f"www.{value}"], [at, at]) == [(value, verdict)] * 2


@settings(deadline=None, max_examples=100)
@given(domains, claims.filter(lambda claim: not claim.verdict and claim.decay == "none" and claim.until < FOREVER))
def test_the_time_of_the_event_counts(value: str, claim: Claim) -> None:
    known = made("domain", [(value, claim)])
    moments = [claim.since, claim.until - 1, claim.until, claim.until + DAY_MS, claim.since - 1]
    assert asked(known, "domain", [value] * 5, moments) == [(value, claim)] * 2 + [None] * 3


def test_what_a_warninglist_holds_never_matches_and_says_so() -> None:
    lists: list[Mapping[str, Any]] = [
        {"name": "hosts", "type": "hostname", "matching_attributes": ["domain", "url"], "list": [".cloud.example"]},
        {"name": "nets", "type": "cidr", "matching_attributes": ["ip-src"], "list": ["192.0.2.0/24", "2001:db8::/64"]},
        {"name": "part", "type": "substring", "matching_attributes": ["email-src"], "list": ["@throwaway.example"]},
        {"name": "odd", "type": "regex", "matching_attributes": ["domain"], "list": ["/^ns[0-9]+\\./i", "/(?<!a)b/"]},
    ]
    odd = {**lists[3], "list": lists[3]["list"][:1]}
    for kind, value, name in (
        ("domain", "x.cloud.example", "hosts"),
        ("domain", "ns17.example.net", "odd"),
        ("url", "https://files.cloud.example/a", "hosts"),
        ("ip", "192.0.2.77", "nets"),
        ("ip", "192.0.2.64/26", "nets"),
        ("email", "Ada@Throwaway.example", "part"),
    ):
        known = made(kind, [(value, Claim("feed"))], lists[:3] if name != "odd" else [odd])
        assert asked(known, kind, [value.partition("/")[0] if kind == "ip" else value], [0]) == [None]
        (answer,) = known.about(value, 0)
        assert (answer.standing, answer.claim.held) == ("warninglisted", name)
        assert known.tally(0)[kind].held == 1
    wide = made("ip", [("192.0.0.0/16", Claim("feed"))], lists[:2])
    assert asked(wide, "ip", ["192.0.2.1"], [0]) != [None]
    assert "expression" in Warninglists([("odd", FILE, lists[3])], KEY).problems[0].what


@pytest.mark.parametrize(
    ("kind", "indicator", "value"),
    [
        ("url", "https://example.com/a", "HTTPS://EXAMPLE.com:443/a#x"),
        ("hash", "44d88612fea8a8f36de82e1278abb02f", "44D88612FEA8A8F36DE82E1278ABB02F"),
        ("hash", "a" * 64, "A" * 64),
        ("email", "eve@example.org", "Eve@Example.org"),
        ("user_agent", "Evil/1.0 (x)", "Evil/1.0 (x)"),
        ("ja3", "0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789abcdef"),
        ("ja4", "t13d1516h2_8daaf6152771_b186095e22b6", "t13d1516h2_8daaf6152771_b186095e22b6"),
        ("cve", "CVE-2025-48384", "cve-2025-48384"),
        ("plate", "AB-12 CDE", "ab12cde"),
        ("badge", "1234", "H10301/42:01234"),
        ("badge", "42:1234", "42:1234"),
        ("person", "p-1", "p-1"),
        ("drone", "1596F3ABC", "1596f3abc"),
    ],
)
def test_kinds_and_their_spelling(kind: str, indicator: str, value: str) -> None:
    until = Claim("feed", basis="public_task", until=DAY_MS)
    known = made(kind, [(indicator, until)])
    (hit,) = asked(known, kind, [value], [0])
    assert hit is not None and hit[1] == until
    other = f"{value}9" if kind == "badge" else f"9{value}"
    assert asked(known, kind, [other, "", "zz"], [0, 0, 0]) == [None] * 3


def test_a_badge_of_another_facility_is_another() -> None:
    known = made("badge", [("42:1234", Claim("feed", basis="public_task", until=DAY_MS))])
    assert asked(known, "badge", ["41:1234", "1234", "142:1234"], [0, 0, 0]) == [None] * 3


def test_fading_is_what_misp_says() -> None:
    """domain-reference: base 80, 120 days: 54.7 after 12 days, 40.0 after 30, 23.4 after 60, nothing after 120."""
    claim = Claim("feed", confidence=80, decay="nids", seen=0)
    assert [round(score(claim, day * DAY_MS), 1) for day in (-5, 0, 12, 30, 60, 120, 500)] == [
        80,
        80,
        54.7,
        40,
        23.4,
        0,
        0,
    ]
    known = made("domain", [("bad.example", claim)])
    held = asked(known, "domain", ["bad.example"] * 4, [0, 46 * DAY_MS, 47 * DAY_MS, -1])
    assert [one is not None for one in held] == [True, True, False, True]


def test_a_great_many_values_and_no_mistake() -> None:
    random = np.random.default_rng(5)
    listed = [f"h{number}.example{number % 977}.net" for number in random.integers(0, 1 << 40, 20_000).tolist()]
    known = made("domain", [(value, Claim("feed")) for value in listed])
    others = [f"g{value}" for value in listed[:5000]]
    got = asked(known, "domain", [*listed, *others], [0] * 25_000)
    assert [one[0] if one else None for one in got] == [*listed, *[None] * 5000]
    assert known.nbytes < 20_000 * 60
