"""An estate around recorded reads of proximity cards in an office (VAST Challenge 2016, mini challenge 2)."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from tests.world.test_directory import feature, point, written


def card_reads(data: Path) -> list[dict[str, str]]:
    """Every read of a fixed reader."""
    with gzip.open(data / "prox_fixed.csv.gz", "rt") as file:
        return [{key.strip(): value.strip() for key, value in row.items()} for row in csv.DictReader(file)]


def estate(folder: Path, data: Path) -> Path:
    """People and their cards, floors and their zones; the export itself is read where it lies.

    Args:
        data: the folder `vast2016_mc2` of the recorded data.
    """
    with (data / "employees.csv").open() as file:
        employees = [row for row in csv.DictReader(file) if row["Last Name"]]
    holders = {
        f"{row['First Name'][0]}{row['Last Name']}".lower().replace(" ", ""): f"p-{row['Id']}" for row in employees
    }
    cards = sorted({row["prox-id"] for row in card_reads(data)})
    zones = sorted({(row["floor"], row["zone"]) for row in card_reads(data)})
    credentials = [
        f"c-{card},badge,{card},{holders.get(card.rstrip('0123456789'), '')},"
        + ("" if holders.get(card.rstrip("0123456789")) else "pool")
        for card in cards
    ]
    plan = [feature("site", "office", point(24.8, 39.3)), feature("building", "gastech", parent="office")]
    plan += [feature("level", f"floor-{floor}", parent="gastech") for floor in sorted({floor for floor, _ in zones})]
    plan += [
        feature("room", f"f{floor}-z{zone}".replace(" ", ""), name=f"{floor}/{zone}", parent=f"floor-{floor}")
        for floor, zone in zones
    ]
    folder = written(
        folder,
        {
            "people/people.csv": "uid,department\n"
            + "".join(f"p-{row['Id']},{row['Department']}\n" for row in employees),
            "people/credentials.csv": "uid,kind,value,holder,holder_kind\n" + "\n".join(credentials) + "\n",
            "places/office.geojson": plan,
        },
    )
    (folder / "rules").mkdir()
    (folder / "estate.toml").write_text(
        f'[[sources]]\nid = "prox"\npath = "{data}/prox_fixed.csv.gz"\nintegration = "access_csv"\n'
        'settings = { time = "timestamp", event = "type", badge = "prox-id", level = "floor", room = "zone", '
        'words = { "fixed-prox" = "Taken" } }\n'
    )
    return folder
