"""The command line, called as a user calls it, in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.run import small
from watchfloor.cli import main


@dataclass(frozen=True)
class Said:
    """What a verb answered."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """stdout as one JSON object a line; fails when anything else is there."""
        return [orjson.loads(line) for line in self.out.splitlines()]

    @property
    def counts(self) -> tuple[int, int, int]:
        """(read, mapped, quarantined) of the closing line; checked to reconcile."""
        import re

        found = re.search(r"read ([\d,]+) = mapped ([\d,]+) \+ quarantined ([\d,]+)", self.err)
        assert found, self.err
        read, mapped, quarantined = (int(number.replace(",", "")) for number in found.groups())
        assert read == mapped + quarantined
        return read, mapped, quarantined


Verb = Callable[..., Said]


@pytest.fixture
def watchfloor(capsys: pytest.CaptureFixture[str]) -> Verb:
    """Call a verb; never a traceback."""

    def call(*arguments: str | Path) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert code != 70, err
        return Said(code, out, err)

    return call


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Two rules, one of them in a folder of the folder."""
    return small.write_rules(tmp_path / "rules")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Fifty launches in two files: ten findings high, ten low."""
    folder = tmp_path / "logs"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.json").write_bytes(small.lines(small.sysmon(i) for i in range(30)))
    (folder / "deeper" / "b.log").write_bytes(small.lines(small.sysmon(i) for i in range(30, 50)))
    return folder
