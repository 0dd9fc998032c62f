"""What belongs to nobody, as of a moment."""

from __future__ import annotations

from pathlib import Path

from tests.world.test_directory import small
from tests.world.test_resolve import APRIL

from watchfloor.world.directory import load
from watchfloor.world.orphans import Orphan, orphans


def test_orphans(tmp_path: Path) -> None:
    folder = small(tmp_path)
    with (folder / "people/credentials.csv").open("a") as more:
        more.write(
            "c-4,badge,77,,,person,,\nc-5,account,ghost,,,person,,\nc-6,account,svc,,,shared,,\n"
            "c-7,account,bo,,p-2,person,,\nc-8,badge,78,,,person,,2026-01-31\n"
        )
    with (folder / "assets/assets.csv").open("a") as more:
        more.write("a-2,plc,PLC,,1,2,,,\n")
    directory = load(folder)
    found = orphans(directory, APRIL)
    assert found == [
        Orphan("badge_without_person", "c-4"),
        Orphan("account_without_person", "c-5"),
        Orphan("asset_without_place", "a-2"),
    ], "pool and shared ones have no holder on purpose; an ended one is over"
    gap = directory.employed["p-2"][0][1]
    left = [one for one in orphans(directory, gap) if one.report == "leaver_with_credential"]
    assert left == [Orphan("leaver_with_credential", "c-7", "p-2", gap)], "between two employments"
    assert not [one for one in orphans(directory, gap - 1) if one.report == "leaver_with_credential"]
