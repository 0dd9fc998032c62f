"""links.jsonl: what people decided about who is who. One decision a line, only ever added to; the last in force counts.

    merge A B      B is the same person as A             unmerge A B    takes that back
    confirm C P    credential C stands for person P      reject X Y     these two do not belong together

A merge is a link between two uids and no rewriting: taken back, everything follows from the files as before. What a
person decided stands until it expires, whatever an automatic run says later.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from watchfloor.errors import EstateError
from watchfloor.world.directory import Directory
from watchfloor.world.entities import FOREVER, Alias

__all__ = ["FILE", "VERDICTS", "Decision", "Links", "decide", "read_links"]

FILE = "links.jsonl"

VERDICTS: Mapping[str, str] = {
    "merge": "the second is the same person as the first",
    "unmerge": "takes a merge back",
    "confirm": "the first, a credential, stands for the second, a person",
    "reject": "these two do not belong together",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about two uids.

    Args:
        verdict: one of `VERDICTS`.
        left, right: uids; of a merge the kept one first.
        time: when it was taken; UTC epoch milliseconds.
        who: who took it.
        reason: why.
        until: when it expires; then it is as if it had never been taken.
        automatic: a machine's; never overrules a person's.
    """

    verdict: str
    left: str
    right: str
    time: int
    who: str
    reason: str
    until: int = FOREVER
    automatic: bool = False


class Links:
    """What holds of all decisions at a moment.

    Args:
        decisions: in the order in which they were taken.
        at: UTC epoch milliseconds.
    """

    def __init__(self, decisions: Iterable[Decision], at: int) -> None:
        standing: dict[frozenset[str], Decision] = {}
        for one in decisions:
            if not one.time <= at < one.until:
                continue
            pair = frozenset((one.left, one.right))
            before = standing.get(pair)
            if before is None or before.automatic or not one.automatic:
                standing[pair] = one
        self.standing: Mapping[frozenset[str], Decision] = standing
        """Pair -> the decision that counts."""
        self.same = _representatives([one for one in standing.values() if one.verdict == "merge"])
        """uid -> the uid it is merged into, where that is another."""

    def verdict(self, left: str, right: str) -> str | None:
        """What was decided of two uids; None where nothing holds."""
        one = self.standing.get(frozenset((left, right)))
        return None if one is None else one.verdict

    def canonical(self, uid: str) -> str:
        """The uid that stands for this one."""
        return self.same.get(uid, uid)

    def applied(self, directory: Directory) -> Directory:
        """The directory as decided. Nothing decided gives the directory itself.

        What it names is left out where the estate does not have it (any more).
        """
        same = {uid: kept for uid, kept in self.same.items() if uid in directory.persons and kept in directory.persons}
        stands = {
            one.left: one
            for one in self.standing.values()
            if one.verdict == "confirm" and one.left in directory.credentials and one.right in directory.persons
        }
        if not same and not stands:
            return directory

        def decided(alias: Alias) -> Alias:
            confirmed = stands.get(alias.entity)
            if confirmed is not None and not alias.person:
                alias = replace(
                    alias,
                    person=confirmed.right,
                    known_from=max(alias.known_from, confirmed.time),
                    method="manual",
                    provenance=f"{FILE}: {confirmed.reason}",
                )
            if alias.entity in same or alias.person in same:
                alias = replace(
                    alias, entity=same.get(alias.entity, alias.entity), person=same.get(alias.person, alias.person)
                )
            return alias

        employed: dict[str, list[tuple[int, int]]] = {}
        for uid, spans in directory.employed.items():
            employed.setdefault(same.get(uid, uid), []).extend(spans)
        return replace(
            directory,
            aliases=tuple(map(decided, directory.aliases)),
            employed={uid: _joined(spans) for uid, spans in employed.items()},
            same=same,
        )


def read_links(path: Path) -> Sequence[Decision]:
    """Every decision ever taken, in order; none when there is no such file.

    Raises:
        EstateError: a line is no decision; with file and line.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError as error:
        raise EstateError("is not UTF-8 text", file=path, remedy="bring back what version control has") from error
    except OSError as error:
        raise EstateError(f"cannot be read: {error.strerror or error}", file=path, remedy="make it readable") from error
    return tuple(_decision(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def decide(folder: Path, decision: Decision, directory: Directory) -> None:
    """Write a decision down.

    Raises:
        EstateError: it names what the estate does not have, or makes no sense of what it names.
    """
    from watchfloor.world.vault import append_durably

    path = folder / FILE
    left, right = decision.left, decision.right
    known = {*directory.persons, *directory.credentials}
    for uid in (left, right):
        if uid not in known:
            raise EstateError(f"{uid!r} is no person and no credential", file=path, remedy="name a uid of people/")
    if left == right:
        raise EstateError(f"{left} is one already", file=path, remedy="name two")
    if decision.verdict in ("merge", "unmerge") and not {left, right} <= set(directory.persons):
        raise EstateError("only persons are merged", file=path, remedy="name two persons")
    if decision.verdict == "confirm" and not (left in directory.credentials and right in directory.persons):
        raise EstateError("a credential is confirmed for a person", file=path, remedy="confirm CREDENTIAL PERSON")
    if decision.verdict == "confirm" and directory.credentials[left].holder_kind != "person":
        raise EstateError(
            f"{left} is a {directory.credentials[left].holder_kind} credential: it stands for nobody", file=path,
            remedy="correct its holder_kind in people/credentials.csv first",
        )  # fmt: skip
    append_durably(path, json.dumps({key: value for key, value in asdict(decision).items() if value != FOREVER}))


def _decision(path: Path, number: int, line: str) -> Decision:
    def wrong(what: str) -> EstateError:
        return EstateError(what, file=path, line=number, remedy="lines are written by `watchfloor people`")

    try:
        told: Any = json.loads(line)
    except ValueError:
        raise wrong("is not JSON") from None
    fields: Mapping[str, type] = {
        "verdict": str, "left": str, "right": str, "time": int, "who": str, "reason": str, "until": int,
        "automatic": bool,
    }  # fmt: skip
    if not isinstance(told, dict) or set(told) - set(fields):
        raise wrong("is no decision")
    for key, kind in fields.items():
        if key in told and type(told[key]) is not kind:
            raise wrong(
                f"{key} {told[key]!r} is not {'text' if kind is str else 'a number' if kind is int else 'true'}"
            )
        if key not in told and key not in ("until", "automatic"):
            raise wrong(f"has no {key}")
    if told["verdict"] not in VERDICTS:
        raise wrong(f"verdict {told['verdict']!r} is not known")
    return Decision(**told)


def _representatives(merges: Sequence[Decision]) -> Mapping[str, str]:
    """Each merged uid -> who stands for its group: one that was never merged away, the first of several by uid."""
    groups: dict[str, set[str]] = {}
    for one in merges:
        joined = groups.get(one.left, {one.left}) | groups.get(one.right, {one.right})
        for uid in joined:
            groups[uid] = joined
    away = {one.right for one in merges}
    found: dict[str, str] = {}
    for uid, group in groups.items():
        kept = min(group - away or group)
        if kept != uid:
            found[uid] = kept
    return found


def _joined(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Intervals as one list, those that touch or overlap made one."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if made and start < made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((start, end))
    return tuple(made)
