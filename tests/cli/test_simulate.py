"""`watchfloor simulate`: founds, lives, sums up; what makes no sense is said."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.conftest import PROJECT
from watchfloor import cli

HARBOUR = PROJECT / "estates" / "harbour"


def test_it_founds_an_estate_and_lives_there(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    estate, logs = tmp_path / "port", tmp_path / "port" / "logs"
    given = ["--people", "40", "--days", "1", "--inject", "S1:new-device", "--json"]
    assert cli.main(["simulate", str(estate), "--out", str(logs), *given]) == 0
    captured = capsysbinary.readouterr()
    summary = orjson.loads(captured.out)
    assert summary["people"] == 40
    assert summary["cases"] == 1
    assert summary["total"] == sum(summary["records"].values()) > 1000
    assert b"truth" in captured.err
    assert cli.main(["check", str(estate)]) == 0


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--start", "tomorrow"], b"is no day"),
        (["--faults", "plague"], b"there is no fault"),
        (["--inject", "S77"], b"there is no scenario"),
        (["--people", "50"], b"holds an estate already"),
        (["--days", "0"], b"days"),
    ],
)
def test_what_makes_no_sense(
    given: list[str], says: bytes, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert cli.main(["simulate", str(HARBOUR), "--out", str(tmp_path / "logs"), *given]) == 2
    assert says in capsysbinary.readouterr().err
