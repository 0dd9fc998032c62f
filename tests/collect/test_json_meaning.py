"""On thousands of broken lines the tokeniser says what Python's json and orjson say: valid or not, and every value.

Ten million with `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
from benchmarks import fuzz
from tests.collect.json_meaning import Blank, Number, Pairs, differences, meaning


@pytest.fixture(scope="module")
def whole() -> list[bytes]:
    return fuzz.pool(Random(5), 2_000)


@pytest.mark.parametrize("seed", range(5))
def test_broken_lines_mean_the_same(seed: int, whole: list[bytes]) -> None:
    chance, tally = Random(seed), Counter[str]()
    lines = fuzz.broken(chance.choices(whole, k=2_000), chance, np.random.default_rng(seed))
    assert list(differences(lines, tally)) == []
    assert tally["valid"] > 500
    assert tally["invalid"] > 500


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"a":1,"a":2}', {"a": "2"}),
        (b'{"a":{"b":1},"a.b":2.50}', {"a.b": "2.50"}),
        (b'{"a":null,"b":{},"c":true}', {"b": "{}", "c": "true"}),
        (b'{"a":[1e3,{"b":null}]}', {"a[]": [Number("1e3"), Pairs([("b", None)])]}),
        (b'{"a":"\\ud800x\\ud83d\\ude00"}', {"a": "\ufffdx\U0001f600"}),
        (b'\xef\xbb\xbf{"a":""} ', {"a": ""}),
        (b'{"a":NaN}', None),
        (b'{"a":"\xff"}', None),
        (b"[1]", None),
        (b'{"a":1}{', None),
    ],
)
def test_the_judge_knows_the_choices(line: bytes, expected: object) -> None:
    assert meaning(line) == expected
    assert list(differences([line], Counter())) == []


def test_nothing_is_nothing() -> None:
    for line in (b"", b" \r\n", b"\xef\xbb\xbf\n"):
        with pytest.raises(Blank):
            meaning(line)
        assert list(differences([line], Counter())) == []


def test_a_difference_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.collect.json_meaning as judge

    for wrong in (None, {"a": "2"}, {"b": "1"}, {}):
        monkeypatch.setattr(judge, "meaning", lambda line, wrong=wrong: wrong)
        assert len(list(differences([b'{"a":1}'], Counter()))) == 1
