"""One spelling: what is spelt once stays as it is, what means the same is the same, and nothing breaks the kernels."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.detect.intel.spelling import NONE, SPELT, shown, spelt
from watchfloor.detect.texts import Texts


def spell(kind: str, *values: str) -> list[str | None]:
    made = spelt(kind, Texts.of(values))
    texts = [shown(kind, made.data[a:b].tobytes()) for a, b in zip(made.starts, made.stops, strict=True)]
    return [None if state == NONE else text for text, state in zip(texts, made.state, strict=True)]


anything = st.text(max_size=40) | st.text(alphabet="aZ0.:/@%[]-_ ?#\\*", max_size=40)


@given(st.sampled_from(sorted(SPELT)), st.lists(anything, min_size=1, max_size=5))
def test_what_is_spelt_stays(kind: str, values: list[str]) -> None:
    once = [one for one in spell(kind, *values) if one is not None]
    assert not once or spell(kind, *once) == once


@given(st.lists(anything, min_size=2, max_size=6), st.sampled_from(sorted(SPELT)))
def test_a_value_does_not_depend_on_its_neighbours(values: list[str], kind: str) -> None:
    assert spell(kind, *values) == [spell(kind, one)[0] for one in values]


hosts = st.lists(st.text(alphabet="abcXYZ019-_", min_size=1, max_size=8), min_size=1, max_size=3).map(
    lambda labels: ".".join([*labels, "Example"])
)
segments = st.lists(st.text(alphabet="aB1~.%/ é", max_size=5), max_size=4)


@given(hosts, segments, st.text(alphabet="a=&é%", max_size=8), st.sampled_from(["", ":443", ":8443", ":"]))
def test_a_url_means_what_it_meant(host: str, parts: list[str], query: str, port: str) -> None:
    url = f"HTTPS://{host}{port}/" + "/".join(parts) + (f"?{query}" if query else "") + "#here"
    (made,) = spell("url", url)
    assert made is not None and "#" not in made and made.isascii()
    split = urlsplit(made)
    assert (split.scheme, split.hostname) == ("https", host.lower())
    assert split.port == (8443 if port == ":8443" else None)
    assert not {".", ".."} & set(split.path.split("/"))
    if not any(part.strip(".") == "" and part for part in "/".join(parts).split("/")) and "%" not in url:
        assert unquote(split.path) == "/" + "/".join(parts)


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("domain", "Update.Example.COM.", "update.example.com"),
        ("domain", "*.bücher.example", "xn--bcher-kva.example"),
        ("domain", "evil[.]example[dot]net", "evil.example.net"),
        ("domain", "com", None),
        ("domain", "198.51.100.7", None),
        ("domain", "a..example", None),
        ("domain", "x" * 64 + ".example", None),
        ("url", "https://Example.com:443/%7ea/./b/../c?x=%2f", "https://example.com/~a/c?x=%2F"),
        ("url", "http://u:p@example.com", "http://example.com/"),
        ("url", "hxxp://a[.]example:80?x", "http://a.example/?x"),
        ("url", "http://[2001:DB8::1]/x", "http://[2001:db8::1]/x"),
        ("url", "/index.html", None),
        ("url", "http://a.example:70000/", None),
        ("hash", "zz" * 16, None),
        ("email", "Ada Example <ADA@example.org>", "ada@example.org"),
        ("email", "@example.org", None),
        ("plate", "ä-b 1", "AB1"),
        ("badge", "H10301/0042:000", "H10301/42:0"),
        ("badge", ":1", None),
        ("cve", "CVE-25-1", None),
        ("ja3", "0" * 40, None),
    ],
)
def test_spellings(kind: str, value: str, meant: str | None) -> None:
    assert spell(kind, value) == [meant]
