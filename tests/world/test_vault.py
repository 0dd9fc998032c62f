"""The vault: only its owner reads it, names go when their time is over, and nobody sees one without a line."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from tests.world.test_directory import small

from watchfloor.errors import StoreDamaged, StoreError
from watchfloor.world.directory import load
from watchfloor.world.vault import DAY_MS, FILE, PURPOSES, UNMASKED, Vault

NOW = 1_770_000_000_000


def test_it_keeps_names_and_a_key(tmp_path: Path) -> None:
    vault = Vault(tmp_path, entropy=lambda size: b"k" * size)
    vault.keep(load(small(tmp_path / "estate")), NOW)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert vault.key == b"k" * 32
    assert Vault(tmp_path, entropy=lambda size: b"z" * size).key == b"k" * 32, "chosen once"
    found = vault.unmask(["p-1", "p-9"], who="guard", reason="case 7", at=NOW)
    assert {uid: (one.name, one.email, one.personnel_no) for uid, one in found.items()} == {
        "p-1": ("Ada Example", "ada@example.com", "1001")
    }


def test_who_looks_leaves_a_line(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.unmask(["p-2", "p-1"], who="guard", reason=" case 7 ", at=NOW)
    with pytest.raises(StoreError, match="for a reason only"):
        vault.unmask(["p-1"], who="guard", reason=" ", at=NOW)
    lines = [json.loads(line) for line in (tmp_path / UNMASKED).read_text().splitlines()]
    assert lines == [{"time": NOW, "who": "guard", "reason": "case 7", "what": "names", "persons": ["p-1", "p-2"]}]
    assert stat.S_IMODE((tmp_path / UNMASKED).stat().st_mode) == 0o600
    (tmp_path / UNMASKED).unlink()
    (tmp_path / UNMASKED).mkdir()
    with pytest.raises(StoreError):
        vault.unmask(["p-1"], who="guard", reason="case 7", at=NOW)


def test_names_of_those_who_left_go(tmp_path: Path) -> None:
    estate = small(tmp_path / "estate")
    (estate / "people/people.csv").write_text(
        "uid,personnel_no,name,email,end\np-1,1001,Ada Example,ada@example.com,\np-2,1002,Bo Example,,2026-01-31\n"
    )
    directory = load(estate)
    vault = Vault(tmp_path)
    left = directory.persons["p-2"].end
    vault.keep(directory, left)
    name, number = PURPOSES["name"].days, PURPOSES["personnel_no"].days
    assert vault.forget(left + name * DAY_MS - 1) == 0
    assert vault.forget(left + name * DAY_MS) == 1
    vault.keep(directory, left + name * DAY_MS)
    found = vault.unmask(["p-1", "p-2"], who="a", reason="b", at=NOW)
    assert (found["p-2"].name, found["p-2"].personnel_no) == ("", "1002"), "and do not come back"
    assert vault.forget(left + number * DAY_MS) == 1
    assert found["p-1"].name == "Ada Example"
    assert b"Bo Example" not in (tmp_path / FILE).read_bytes()


def test_what_is_no_vault(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(StoreDamaged, match=r"vault\.sqlite"):
        Vault(tmp_path)
