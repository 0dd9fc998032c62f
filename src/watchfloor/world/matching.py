"""Records without a shared key that may mean the same person: suggestions with a score, for somebody to decide.

Splink (Fellegi-Sunter) on DuckDB, with weights that are fixed here: an estate has too few people to learn them from,
and the same files must give the same scores. Candidates share an account's name, a personnel number or a name; rare
names weigh more. Nothing is ever linked by this. `propose` from 95, `review` from 80; below that nothing is said.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from watchfloor.errors import EstateError, UsageError
from watchfloor.world.directory import Directory
from watchfloor.world.links import Links
from watchfloor.world.rows import rows

__all__ = ["PROPOSE", "REVIEW", "Record", "Suggestion", "accounts", "cardholders", "people", "suggest"]

PROPOSE, REVIEW = 95, 80
"""Scores from which a suggestion is proposed, or put up for review."""

LIKE = (
    "((name_l IS NULL AND list_contains(handles_r, mailbox_l))"
    " OR (name_r IS NULL AND list_contains(handles_l, mailbox_r)))"
)
"""An account without a name is called as people of that name are; where both have names, these are compared."""

WEIGHTS: Mapping[str, Sequence[tuple[str, str, float, float]]] = {
    "number": (
        ("the same personnel number", "number_l = number_r", 0.95, 1e-5),
        ("another personnel number", "ELSE", 0.05, 0.99999),
    ),
    "mailbox": (
        ("the same account name", "mailbox_l = mailbox_r", 0.8, 1e-4),
        ("an account named like the person", LIKE, 0.6, 1e-4),
        ("no common account name", "ELSE", 0.2, 0.9998),
    ),
    "name": (
        ("the same name", "name_l = name_r", 0.75, 1e-4),
        ("a similar name", "jaro_winkler_similarity(name_l, name_r) > 0.92", 0.2, 2e-3),
        ("another name", "ELSE", 0.05, 0.9979),
    ),
    "site": (
        ("the same site", "site_l = site_r", 0.95, 0.5),
        ("another site", "ELSE", 0.05, 0.5),
    ),
}
"""Column -> levels: what is said of it, its condition, how often it holds of one person's records, of two people's."""

RARER, RARE = "name_l = name_r", 0.5
"""The level that weighs more for a rare name, and how much of that counts: two lists are too short to know names by."""

BLOCKS = ("number", "name", "site_family")
"""Columns one of which candidates share; and every common handle."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one list says of one person.

    Args:
        uid: of the person or credential in question.
    """

    uid: str
    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    personnel_no: str = field(default="", repr=False)
    site: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two uids that may belong together.

    Args:
        score: 80 to 100.
        because: what speaks for it, without a name in it.
    """

    left: str
    right: str
    score: float
    because: tuple[str, ...]

    @property
    def standing(self) -> str:
        """`propose` or `review`."""
        return "propose" if self.score >= PROPOSE else "review"


def people(directory: Directory) -> Sequence[Record]:
    """The people of a directory, who are not merged into others."""
    return [
        Record(one.uid, one.name, one.email, one.personnel_no, directory.persons[one.uid].site)
        for one in directory.named
        if one.uid not in directory.same
    ]


def accounts(directory: Directory) -> Sequence[Record]:
    """Personal accounts and addresses that nobody holds: their names may tell whose they are."""
    held = {alias.entity for alias in directory.aliases if alias.person}
    return [
        Record(alias.entity, email=alias.value.rpartition("\\")[2])
        for alias in directory.aliases
        if alias.kind in ("account", "email")
        and alias.entity not in held
        and alias.entity in directory.credentials
        and directory.credentials[alias.entity].holder_kind == "person"
    ]


CARDHOLDERS: Mapping[str, str] = {
    "uid": "of the credential in people/credentials.csv",
    "name": "as the door system has it",
    "email": "address, or an account's name",
    "personnel_no": "number in the HR system",
    "site": "uid of the site",
}
"""Columns of a file of cardholders."""


def cardholders(path: Path, directory: Directory) -> Sequence[Record]:
    """The cardholders of a door system, from a CSV file with `CARDHOLDERS`.

    Raises:
        EstateError: no such file, a column nobody knows, a credential the estate does not have; with file and line.
    """
    if not path.is_file():
        raise EstateError("there is no such file", file=path, remedy=f"columns: {', '.join(CARDHOLDERS)}")
    found = []
    for row in rows(path, CARDHOLDERS, directory.timezone):
        uid = row.must("uid")
        if uid not in directory.credentials:
            raise row.wrong(f"{uid!r} is not in people/credentials.csv", "add the credential, with an empty holder")
        found.append(Record(uid, row.text("name"), row.text("email"), row.text("personnel_no"), row.text("site")))
    return found


def suggest(left: Sequence[Record], right: Sequence[Record] | None, links: Links) -> Sequence[Suggestion]:
    """Pairs that may be the same person, best first; none that was decided already.

    Args:
        left: one list, such as cardholders.
        right: the other, such as HR; None looks for doubles within `left`.
        links: what was decided.

    Raises:
        UsageError: the extra `entity` is not installed.
    """
    if not left or (right is not None and not right) or (right is None and len(left) < 2):
        return ()
    scored = _scored(left, right)
    if right is not None:  # one of several candidates is at most as likely as all of them together
        odds: dict[str, float] = defaultdict(float)
        for one, _, probability, _ in scored:
            odds[one] += _odds(probability)
        scored = [(a, b, _odds(p) / (1 + odds[a]), why) for a, b, p, why in scored]
    best: dict[tuple[str, str], Suggestion] = {}
    for a, b, probability, why in scored:
        made = Suggestion(a, b, round(100 * probability, 1), why)
        if a != b and made.score >= REVIEW and links.verdict(a, b) is None:
            known = best.get((a, b))
            best[a, b] = made if known is None or known.score < made.score else known
    return sorted(best.values(), key=lambda one: (-one.score, one.left, one.right))


def _odds(probability: float) -> float:
    return probability / max(1 - probability, 1e-12)


def _scored(left: Sequence[Record], right: Sequence[Record] | None) -> list[tuple[str, str, float, tuple[str, ...]]]:
    try:
        from splink import Linker, SettingsCreator
        from splink.backends.duckdb import DuckDBAPI
    except ImportError as error:
        raise UsageError(
            "suggestions need Splink, which is not installed", remedy="pip install 'watchfloor[entity]'"
        ) from error
    engine = DuckDBAPI()
    tables = [_table(one) for one in ((left,) if right is None else (left, right))]
    settings = SettingsCreator(
        link_type="dedupe_only" if right is None else "link_only",
        unique_id_column_name="row",
        probability_two_random_records_match=1 / max(len(left), len(right or ()), 2),
        comparisons=[_comparison(column, levels) for column, levels in WEIGHTS.items()],
        blocking_rules_to_generate_predictions=[
            *({"blocking_rule": f"l.{one} = r.{one}", "sql_dialect": "duckdb"} for one in BLOCKS),
            {"blocking_rule": "l.handles = r.handles", "sql_dialect": "duckdb", "arrays_to_explode": ["handles"]},
        ],
        retain_intermediate_calculation_columns=False,
    )
    registered = [engine.register(table, dataset_display_name=name) for table, name in zip(tables, "ab", strict=False)]
    linker = Linker(registered, settings, log_level="ERROR")
    found = linker.inference.predict(threshold_match_probability=0.01).as_record_list()
    lists = (left, left if right is None else right)
    scored = []
    for one in found:
        sides = [("l", "r"), ("r", "l")][one.get("source_dataset_l", "a") != "a"]
        uids = [lists[number][int(one[f"row_{side}"])].uid for number, side in enumerate(sides)]
        if right is None:
            uids.sort()
        why = tuple(
            levels[-1 - one[f"gamma_{column}"]][0] for column, levels in WEIGHTS.items() if one[f"gamma_{column}"] > 0
        )
        scored.append((uids[0], uids[1], float(one["match_probability"]), why))
    return scored


def _comparison(column: str, levels: Sequence[tuple[str, str, float, float]]) -> dict[str, Any]:
    nothing = f"({column}_l IS NULL OR {column}_r IS NULL)"
    if column == "mailbox":
        nothing += f" AND NOT coalesce({LIKE}, false)"
    made: list[dict[str, Any]] = [
        {"sql_condition": nothing, "is_null_level": True, "label_for_charts": "nothing to compare"}
    ]
    for label, condition, same, other in levels:
        made.append(
            {
                "sql_condition": condition,
                "label_for_charts": label,
                "m_probability": same,
                "u_probability": other,
                **({"tf_adjustment_column": column, "tf_adjustment_weight": RARE} if condition == RARER else {}),
            }
        )
    return {"output_column_name": column, "comparison_levels": made}


def _table(records: Iterable[Record]) -> pa.Table:
    made = []
    for number, one in enumerate(records):
        parts = _parts(one.name)
        made.append(
            {
                "row": number,
                "number": one.personnel_no.strip().lower().lstrip("0") or None,
                "name": " ".join(sorted(parts)) or None,
                "site": one.site or None,
                "site_family": f"{one.site} {parts[-1]}" if parts and one.site else None,
                "mailbox": (mailbox := _mailbox(one)) or None,
                "handles": sorted({mailbox, *_usual(parts)} - {""}) or None,
            }
        )
    kinds = {"row": pa.int64(), "handles": pa.list_(pa.string())}
    columns = ("row", "number", "name", "site", "site_family", "mailbox", "handles")
    return pa.table({name: pa.array([row[name] for row in made], kinds.get(name, pa.string())) for name in columns})


def _parts(name: str) -> Sequence[str]:
    """A name's parts without case and accents, the family name last (`Family, Given` is turned round)."""
    family, comma, given = name.partition(",")
    bare = unicodedata.normalize("NFKD", f"{given} {family}" if comma else name)
    return re.findall(r"[^\W\d_]+", "".join(one for one in bare if not unicodedata.combining(one)).lower())


def _mailbox(one: Record) -> str:
    """The local part of an address, or an account's name, in letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", one.email.lower().partition("@")[0])


def _usual(parts: Sequence[str]) -> set[str]:
    """What the account of somebody of that name is usually called."""
    if len(parts) < 2:
        return set()
    given, family = parts[0], parts[-1]
    return {f"{given[0]}{family}", f"{given}{family}", f"{family}{given[0]}", f"{family}{given}"}
