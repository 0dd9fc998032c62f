"""The harbour from end to end: nothing lost, everybody named rightly, nobody said to be where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import harbour

from watchfloor.cli import main
from watchfloor.estate import Estate, load


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Path, tuple[int, int, int]]:
    """Two days of the port, run through its estate: the estate, the truth, what was read."""
    folder = tmp_path_factory.mktemp("harbour")
    estate = harbour.estate_at(folder / "estate")
    assert main(["simulate", str(estate), "--days", "2", "--seed", "11", "--out", str(estate / "logs")]) == 0
    truth = (estate / "logs" / "truth").rename(folder / "truth")
    counts = harbour.run(estate)
    return load(estate), truth, counts


def test_every_record_is_accounted_for(lived: tuple[Estate, Path, tuple[int, int, int]]) -> None:
    described, truth, (read, mapped, refused) = lived
    assert read == mapped + refused and refused == 0 and read > 50_000
    lost, _ = harbour.resolution(described, truth)
    assert lost == 0


def test_who_and_what_and_where_is_named_rightly(lived: tuple[Estate, Path, tuple[int, int, int]]) -> None:
    described, truth, _ = lived
    _, judged = harbour.resolution(described, truth)
    for role, one in judged.items():
        assert one.named > 1_000, role
        assert one.right >= 0.995 * one.named, (role, one)
        assert one.wrong == 0, (role, one)


def test_nobody_is_said_to_be_where_they_are_not(lived: tuple[Estate, Path, tuple[int, int, int]]) -> None:
    described, truth, _ = lived
    minutes = harbour.presence(described, truth)
    assert minutes.wrong == 0, minutes
    assert minutes.right > 0.6 * sum(minutes), minutes
