"""ATT&CK, pinned: which techniques there are, what they are called, to which tactics of which matrix they belong.

Version 18.1 (13 November 2025), Enterprise and ICS; `attack/v18.1.tsv` holds id, matrix, name and tactics of every
technique that is neither revoked nor deprecated. A newer version regroups them (v19 retires the tactic
defense-evasion), so rules, table and reports speak of one version until all are moved together.

ATT&CK is (c) 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE
Corporation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

__all__ = ["MATRICES", "VERSION", "Matrix", "Technique", "attack"]

VERSION = "18.1"

MATRICES = ("enterprise", "ics")


class Technique(NamedTuple):
    """One technique or sub-technique."""

    uid: str
    matrix: str
    name: str
    tactics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All techniques of all matrices by id, and the tactics of each matrix in their order."""

    techniques: Mapping[str, Technique]
    tactics: Mapping[str, tuple[str, ...]]

    def of(self, matrix: str, tactic: str) -> tuple[Technique, ...]:
        """The techniques of a tactic, sub-techniques not among them."""
        return tuple(
            one for one in self.techniques.values()
            if one.matrix == matrix and tactic in one.tactics and "." not in one.uid
        )  # fmt: skip


@cache
def attack() -> Matrix:
    """The pinned version."""
    text = resources.files("watchfloor.detect").joinpath("attack", f"v{VERSION}.tsv").read_text("utf-8")
    techniques: dict[str, Technique] = {}
    tactics: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        uid, matrix, name, told = line.split("\t")
        if uid == "tactics":
            tactics[matrix] = tuple(told.split(","))
        else:
            techniques[uid] = Technique(uid, matrix, name, tuple(told.split(",")))
    return Matrix(techniques, tactics)
