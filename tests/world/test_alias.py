"""Names as of a moment: the table answers as somebody would who reads all aliases for every row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.ocsf.column import Column
from watchfloor.world.alias import Aliases
from watchfloor.world.entities import FOREVER, LONG_AGO, Alias
from watchfloor.world.naming import forms
from watchfloor.world.timeline import Timelines

Answer = tuple[str | None, str | None, int, bool]


def asked(
    aliases: Aliases,
    kind: str,
    names: Sequence[str | None],
    times: Sequence[int],
    source: str = "",
    known: int | None = None,
) -> list[Answer]:
    meant = aliases.ask(kind, Column.of(names), np.array(times, np.int64), source=source, known_at=known)
    return list(
        zip(
            meant.entity.to_pylist(),
            meant.person.to_pylist(),
            meant.confidence.tolist(),
            meant.ambiguous.tolist(),
            strict=True,
        )
    )


def read_row_by_row(
    aliases: list[Alias], kind: str, name: str | None, time: int, source: str, known: int | None
) -> Answer:
    """The reference: plain names only, one row at a time."""
    left = [
        alias
        for alias in set(aliases)
        if alias.kind == kind
        and name is not None
        and alias.value.lower() == name.lower()
        and alias.source in ("", source)
        and alias.status != "rejected"
        and alias.valid_from <= time < alias.valid_to
        and (alias.known_to == FOREVER if known is None else alias.known_from <= known < alias.known_to)
    ]
    left = [alias for alias in left if alias.status == "verified"] or left
    left = [alias for alias in left if alias.source] or left
    if not left:
        return None, None, 0, False
    persons = {alias.person for alias in left}
    person = persons.pop() if len(persons) == 1 else ""
    sure = max(alias.confidence for alias in left)
    if len({(alias.entity, alias.person) for alias in left}) > 1:
        return None, person or None, sure if person else 0, True
    return left[0].entity, person or None, sure, False


TIMES = st.integers(0, 12)
SPANS = st.tuples(TIMES, TIMES).map(sorted).map(lambda span: (span[0], span[1] + 1))


def _alias(
    source: str,
    value: str,
    entity: str,
    person: str,
    valid: tuple[int, int],
    known: tuple[int, int],
    sure: int,
    status: str,
) -> Alias:
    return Alias(
        source, "device", value, entity, person, valid[0], valid[1], known[0], known[1], confidence=sure, status=status
    )


ALIASES = st.builds(
    _alias,
    st.sampled_from(["", "one"]),
    st.sampled_from(["x", "X", "y"]),
    st.sampled_from(["e-1", "e-2", "e-3"]),
    st.sampled_from(["", "p-1", "p-2"]),
    SPANS | st.just((LONG_AGO, FOREVER)),
    SPANS | st.just((LONG_AGO, FOREVER)),
    st.sampled_from([50, 100]),
    st.sampled_from(["verified", "proposed", "rejected"]),
)


@given(
    st.lists(ALIASES, max_size=8),
    st.lists(st.tuples(st.sampled_from(["x", "y", "z", None]), TIMES), min_size=1),
    st.data(),
)
def test_as_read_row_by_row(aliases: list[Alias], rows: list[tuple[str | None, int]], data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(["", "one", "other"]))
    known = data.draw(st.none() | TIMES)
    names, times = [name for name, _ in rows], [time for _, time in rows]
    expected = [read_row_by_row(aliases, "device", name, time, source, known) for name, time in rows]
    table = Aliases()
    for alias in data.draw(st.permutations(aliases)):
        table.add([alias])
    assert asked(table, "device", names, times, source, known) == expected


def test_a_badge_that_changed_hands_keeps_its_past() -> None:
    table = Aliases(
        [
            Alias("", "badge", "12:04711", "c-1", "p-1", 0, 100),
            Alias("", "badge", "12:4711", "c-1", "p-2", 100, FOREVER),
        ]
    )
    people = [person for _, person, _, _ in asked(table, "badge", ["12:4711"] * 4, [0, 99, 100, 10**13])]
    assert people == ["p-1", "p-1", "p-2", "p-2"]
    assert asked(table, "badge", ["4711", "012:4711", "13:4711"], [5, 5, 5]) == [
        ("c-1", "p-1", 100, False),
        ("c-1", "p-1", 100, False),
        (None, None, 0, False),
    ], "the number alone will do where only one has it; another facility is another badge"


def test_equal_numbers_of_two_facilities() -> None:
    table = Aliases([Alias("", "badge", "1:7", "c-1", "p-1"), Alias("", "badge", "2:7", "c-2", "p-2")])
    assert asked(table, "badge", ["1:7", "2:7", "7"], [0, 0, 0]) == [
        ("c-1", "p-1", 100, False),
        ("c-2", "p-2", 100, False),
        (None, None, 0, True),
    ]


def test_a_correction_changes_what_is_believed_and_not_what_was() -> None:
    wrong = Alias("", "badge", "7", "c-1", "p-1", known_from=10)
    table = Aliases([wrong])
    table.close(wrong, 50)
    table.add([Alias("", "badge", "7", "c-1", "p-2", known_from=50)])
    assert [asked(table, "badge", ["7"], [0], known=known)[0][1] for known in (9, 10, 49, 50)] == [
        None,
        "p-1",
        "p-1",
        "p-2",
    ]
    assert asked(table, "badge", ["7"], [0])[0][1] == "p-2"


ACCOUNTS = Aliases(
    [
        Alias("", "account", r"HARBOUR\ada", "c-1", "p-1"),
        Alias("", "account", "ada@example.com", "c-1", "p-1"),
        Alias("", "account", "bo", "c-2", "p-2"),
        Alias("", "account", r"HARBOUR\svc-backup", "c-3", ""),
    ]
)


@pytest.mark.parametrize(
    ("name", "entity", "person"),
    [
        (r"harbour\ADA", "c-1", "p-1"),
        ("Ada@Example.com", "c-1", "p-1"),
        ("ada", "c-1", "p-1"),
        (r"HARBOUR\bo", "c-2", "p-2"),
        (r"LT-0392\ada", None, None),  # a user of that laptop
        ("ada@example.org", None, None),
        (r"HARBOUR\svc-backup", "c-3", None),
        ("SYSTEM", None, None),
        (r"NT AUTHORITY\SYSTEM", None, None),
        ("LT-0392$", None, None),
        ("DWM-1", None, None),
        ("", None, None),
        ("-", None, None),
    ],
)
def test_accounts(name: str, entity: str | None, person: str | None) -> None:
    assert asked(ACCOUNTS, "account", [name], [0])[0][:2] == (entity, person)


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("ip", "::ffff:192.0.2.7", ("192.0.2.7",)),
        ("ip", "[2001:DB8:0::1]", ("2001:db8::1",)),
        ("ip", "fe80::1%eth0", ("fe80::1",)),
        ("ip", "127.0.0.1", ()),
        ("ip", "999.1.1.1", ()),
        ("mac", "00-1B-21-AA-BB-CC", ("001b21aabbcc",)),
        ("mac", "001b.21aa.bbcc", ("001b21aabbcc",)),
        ("mac", "ff:ff:ff:ff:ff:ff", ()),
        ("hostname", r"\\HMI1.Example.com.", ("hmi1.example.com", "hmi1")),
        ("hostname", "192.0.2.7", ()),
        ("badge", "012:00047", ("12:47", "47")),
        ("badge", "0", ()),
        ("door", "  Gate 3 ", ("gate 3",)),
    ],
)
def test_forms(kind: str, text: str, found: tuple[str, ...]) -> None:
    assert forms(kind, text) == found


def test_hosts_of_one_first_name() -> None:
    table = Aliases(
        [
            Alias("", "hostname", "hmi.a.example", "a-1"),
            Alias("", "hostname", "hmi.b.example", "a-2"),
            Alias("", "hostname", "pc", "a-3"),
        ]
    )
    names = ["hmi.a.example", "hmi", "hmi.c.example", "pc.any.example", "pc"]
    assert [entity for entity, *_ in asked(table, "hostname", names, [0] * 5)] == ["a-1", None, None, "a-3", "a-3"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 20), st.integers(1, 6)), max_size=12),
    st.lists(st.tuples(st.integers(-1, 3), st.integers(-8, 30)), min_size=1, max_size=40),
)
def test_timelines_find_what_a_look_at_each_finds(
    given_: list[tuple[int, int, int]], rows: list[tuple[int, int]]
) -> None:
    kept: list[tuple[int, int, int]] = []
    for key, since, length in given_:
        if all(key != k or since >= e or since + length <= s for k, s, e in kept):
            kept.append((key, since, since + length))
    timelines = Timelines(4, [k for k, _, _ in kept], [s for _, s, _ in kept], [e for _, _, e in kept])
    found = timelines.at(np.array([k for k, _ in rows], np.int32), np.array([t for _, t in rows], np.int64))
    expected = [next((i for i, (k, s, e) in enumerate(kept) if k == key and s <= time < e), -1) for key, time in rows]
    assert found.tolist() == expected


def test_overlapping_intervals_are_refused() -> None:
    with pytest.raises(ValueError, match="overlap"):
        Timelines(1, [0, 0], [0, 5], [6, 9])
    with pytest.raises(ValueError, match="empty"):
        Timelines(1, [0], [5], [5])
