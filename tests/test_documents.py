"""Files of people's own making: what is read, on which line it stands, and what is refused."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.documents import MAX_BYTES, MAX_DEPTH, Document, parse_toml, parse_yaml
from watchfloor.errors import EstateError


def one(text: str | bytes) -> Document | EstateError:
    found = list(parse_yaml(text if isinstance(text, bytes) else text.encode(), "rule.yml"))
    assert len(found) == 1
    return found[0]


def refused(text: str | bytes) -> EstateError:
    error = one(text)
    assert isinstance(error, EstateError)
    assert error.file == "rule.yml"
    assert error.remedy
    return error


def read(text: str) -> Document:
    document = one(text)
    assert isinstance(document, Document), document
    return document


def test_values_know_their_lines() -> None:
    document = read("# head\ntitle: a\nlist:\n  - 1\n  - x: 2\n    y: 3\n")
    assert document.data == {"title": "a", "list": [1, {"x": 2, "y": 3}]}
    assert document.line("title") == 2
    assert document.line("list", 1, "y") == 6
    assert document.line("list", 9) == 3, "the nearest enclosing value that exists"
    assert document.line("nowhere") == 2


def test_documents_of_a_stream_count_lines_through() -> None:
    documents = list(parse_yaml(b"a: 1\n---\n# note\nb: 2\n--- # c\nc: 3\n...\n---\n", "f"))
    assert [d.data for d in documents if isinstance(d, Document)] == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert [d.line(k) for d, k in zip(documents, "abc", strict=True) if isinstance(d, Document)] == [1, 4, 6]


def test_a_broken_document_leaves_its_neighbours_alone() -> None:
    first, second, third = parse_yaml(b"a: 1\n---\nb: [1\nc: 2\n---\nd: 4\n", "f")
    assert isinstance(first, Document)
    assert isinstance(third, Document)
    assert isinstance(second, EstateError)
    assert second.line in (3, 4)


def test_dashes_inside_a_block_text_are_text() -> None:
    assert read("a: |\n  ---\n  b\n").data == {"a": "---\nb\n"}


def test_keys_and_times_stay_text() -> None:
    assert read("on: yes\n1: 2024-01-02\nnull: ~\n").data == {"on": True, "1": "2024-01-02", "null": None}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "%YAML 1.1\n", "---\n---\n"])
def test_nothing_is_no_document(text: str) -> None:
    assert list(parse_yaml(text.encode(), "f")) == []


def test_a_duplicate_key_is_refused_on_its_line() -> None:
    error = refused("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert error.line == 4
    assert "'c'" in error.what


def test_an_alias_may_repeat_a_little() -> None:
    assert read("a: &x [1, 2]\nb: *x\n").data == {"a": [1, 2], "b": [1, 2]}
    assert read("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  k: 3\n").data["b"] == {"k": 3, "l": 2}


def test_a_cycle_is_refused() -> None:
    assert "alias" in refused("a: &x [1, *x]\n").what
    assert "alias" in refused("&x a: &y\n  b: *y\n").what


def test_a_bomb_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    assert "repeat" in refused("\n".join(lines)).what


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 50_000,
        "- " * 50_000 + "x",
        "? " * 10_000 + "x",
        "\n".join(" " * n + "a:" for n in range(900)),
    ],
    ids=["flow lists", "flow maps", "compact lists", "complex keys", "indentation"],
)
def test_depth_is_refused_before_it_can_hurt(text: str) -> None:
    refused(text)


def test_ordinary_depth_is_read() -> None:
    text = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert isinstance(one(text), Document)


@pytest.mark.parametrize(
    ("payload", "line"),
    [
        (b"a: 1\nb: \xff\xfe\n", 2),
        (b"a: 1\nb: \x00\x01\n", 2),
        (b"a: b: c\n", 1),
        (b"a: 'open\n", 1),
        (b"a: !!python/object/apply:os.system [x]\n", 1),
        (b"x: 1\na: !!binary aGk=\n", 2),
        (b"[a]: 1\n", 1),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(payload: bytes, line: int) -> None:
    error = refused(payload)
    assert error.line is not None
    assert abs(error.line - line) <= 1


def test_a_file_beyond_the_limit_is_refused() -> None:
    assert "bytes" in refused(b"a: " + b"x" * MAX_BYTES).what


def test_a_number_of_ten_thousand_digits_is_refused() -> None:
    refused("a: " + "9" * 10_000)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="ascii"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=2), plain, min_size=1, max_size=4))
def test_what_yaml_writes_is_what_is_read(data: dict[str, object]) -> None:
    assert read(yaml.safe_dump(data)).data == data


@given(st.binary(max_size=200))
def test_any_bytes_give_documents_or_reasons(payload: bytes) -> None:
    for found in parse_yaml(payload, "f"):
        assert isinstance(found, Document) or (found.line is not None and found.remedy)


def test_toml_values_know_their_lines() -> None:
    text = 'a = 1\n\n[[x]]\nb = 1\n[x.y]\nc = """\nb = 7\n"""\n"q.r" = 2\n[[x]]\nb = [\n  1,\n]\n'
    document = parse_toml(text.encode(), "f.toml")
    assert document.data["x"][1] == {"b": [1]}
    assert document.line("a") == 1
    assert document.line("x", 0, "b") == 4
    assert document.line("x", 0, "y", "q.r") == 9
    assert document.line("x", 1, "b") == 11
    assert document.line("x", 1, "b", 0) == 11


@pytest.mark.parametrize(
    ("payload", "line"), [(b"a = 1\na = 2\n", 2), (b"a = \n", 1), (b"\xff", 1), (b"a = [" * 9000, 1), (b"a = {", 1)]
)
def test_broken_toml_is_refused_with_its_line(payload: bytes, line: int) -> None:
    with pytest.raises(EstateError) as caught:
        parse_toml(payload, "f.toml")
    assert caught.value.line == line
    assert caught.value.remedy
