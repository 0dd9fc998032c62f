"""`watchfloor people suggest|orphans|merge|unmerge|confirm|reject`: who is who, decided by somebody who says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from watchfloor.cli.screen import console, json_line, side
from watchfloor.errors import UsageError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from watchfloor.estate import Estate

app = App(name="people", help="Who is who: suggest, orphans, merge, unmerge, confirm, reject.")

Flag = Annotated[bool, Parameter(negative=())]


@app.command
def suggest(
    estate: Path, *, cardholders: Path | None = None, names: Flag = False, reason: str = "", json: Flag = False
) -> int:
    """Suggest which records mean the same person: doubles, accounts that nobody holds, cardholders. Links nothing.

    Args:
        estate: the folder that holds estate.toml.
        cardholders: a CSV file of the door system, to compare with people.csv: uid,name,email,personnel_no,site.
        names: show names; needs a reason, and is written down.
        reason: what names are needed for.
        json: one JSON object a line.
    """
    from watchfloor.clock import now_ms
    from watchfloor.world import matching
    from watchfloor.world.links import FILE, Links, read_links

    described = _loaded(estate)
    directory = described.world()
    links = Links(read_links(described.folder / FILE), now_ms())
    known = matching.people(directory)
    if cardholders is not None:
        found = list(matching.suggest(matching.cardholders(cardholders, directory), known, links))
    else:
        found = [
            *matching.suggest(known, None, links),
            *matching.suggest(matching.accounts(directory), known, links),
        ]
    called = _names(described, (uid for one in found for uid in (one.left, one.right)), names, reason)
    for one in found:
        if json:
            json_line(
                {
                    "left": one.left,
                    "right": one.right,
                    "score": one.score,
                    "standing": one.standing,
                    "because": list(one.because),
                    **({"names": [called.get(one.left), called.get(one.right)]} if names else {}),
                }
            )
        else:
            console().print(
                f"{one.score:5.1f}  {one.standing:<7}  {_told(one.left, called)}  {_told(one.right, called)}  "
                f"{', '.join(one.because)}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    side().print(f"{len(found)} suggestions; decide with merge, confirm or reject")
    return 0


@app.command
def orphans(estate: Path, *, at: str | None = None, names: Flag = False, reason: str = "", json: Flag = False) -> int:
    """List badges and accounts that nobody holds, live credentials of people who left, assets without a place.

    Args:
        estate: the folder that holds estate.toml.
        at: as of this moment, like 2026-05-31 09:00, in the estate's time zone; now without it.
        names: show names; needs a reason, and is written down.
        reason: what names are needed for.
        json: one JSON object a line.
    """
    from watchfloor.clock import now_ms
    from watchfloor.world.orphans import REPORTS
    from watchfloor.world.orphans import orphans as listed
    from watchfloor.world.rows import moment

    described = _loaded(estate)
    directory = described.world()
    try:
        when = now_ms() if at is None else moment(at.strip(), directory.timezone)
    except (ValueError, OverflowError):
        raise UsageError(f"{at!r} is no time", remedy="write it like 2026-05-31 09:00") from None
    found = listed(directory, when)
    called = _names(described, (one.person for one in found if one.person), names, reason)
    for one in found:
        since = None if one.since is None else _day(one.since, directory.timezone)
        if json:
            json_line(
                {
                    "report": one.report,
                    "uid": one.uid,
                    "person": one.person or None,
                    "since": since,
                    **({"name": called.get(one.person)} if names else {}),
                }
            )
        else:
            told = " ".join(
                part
                for part in (one.report, one.uid, _told(one.person, called), f"since {since}" if since else "")
                if part
            )
            console().print(told, markup=False, highlight=False, soft_wrap=True)
    counted = {report: sum(one.report == report for one in found) for report in REPORTS}
    side().print(", ".join(f"{report} {count}" for report, count in counted.items()))
    return 0


@app.command
def merge(estate: Path, kept: str, other: str, *, reason: str, who: str = "", until: str | None = None) -> int:
    """Decide that two persons are one. Can be taken back with unmerge.

    Args:
        estate: the folder that holds estate.toml.
        kept: uid that stands for both from now on.
        other: uid of the same person.
        reason: why.
        who: who decides; the name of your account without it.
        until: the decision expires then; never without it.
    """
    return _decide(estate, "merge", kept, other, reason, who, until)


@app.command
def unmerge(estate: Path, kept: str, other: str, *, reason: str, who: str = "", until: str | None = None) -> int:
    """Take a merge back: everything follows from the files as before it.

    Args:
        estate: the folder that holds estate.toml.
        kept: uid that stood for both.
        other: uid that was merged.
        reason: why.
        who: who decides; the name of your account without it.
        until: the decision expires then; never without it.
    """
    return _decide(estate, "unmerge", kept, other, reason, who, until)


@app.command
def confirm(estate: Path, credential: str, person: str, *, reason: str, who: str = "", until: str | None = None) -> int:
    """Decide that a credential nobody holds stands for a person.

    Args:
        estate: the folder that holds estate.toml.
        credential: uid of the credential.
        person: uid of the person.
        reason: why.
        who: who decides; the name of your account without it.
        until: the decision expires then; never without it.
    """
    return _decide(estate, "confirm", credential, person, reason, who, until)


@app.command
def reject(estate: Path, left: str, right: str, *, reason: str, who: str = "", until: str | None = None) -> int:
    """Decide that two uids do not belong together: they are not suggested again, and a confirmation ends.

    Args:
        estate: the folder that holds estate.toml.
        left: uid of a person or a credential.
        right: uid of another.
        reason: why.
        who: who decides; the name of your account without it.
        until: the decision expires then; never without it.
    """
    return _decide(estate, "reject", left, right, reason, who, until)


def _decide(estate: Path, verdict: str, left: str, right: str, reason: str, who: str, until: str | None) -> int:
    from getpass import getuser

    from watchfloor.clock import now_ms
    from watchfloor.world.entities import FOREVER
    from watchfloor.world.links import Decision, decide
    from watchfloor.world.rows import moment

    described = _loaded(estate)
    directory = described.world()
    if not reason.strip():
        raise UsageError("a decision has a reason", remedy='say it: --reason "same passport"')
    now = now_ms()
    try:
        ends = FOREVER if until is None else moment(until.strip(), directory.timezone, end=True)
    except (ValueError, OverflowError):
        raise UsageError(f"{until!r} is no time", remedy="write it like 2026-12-31") from None
    if ends <= now:
        raise UsageError("the decision would have expired already", remedy="give a later --until, or none")
    decide(described.folder, Decision(verdict, left, right, now, who or getuser(), reason.strip(), ends), directory)
    side().print(
        f"{verdict} {left} {right}: written to links.jsonl; an engine that runs takes it up when it starts anew"
    )
    return 0


def _loaded(folder: Path) -> Estate:
    from watchfloor.estate import load

    return load(folder)


def _names(described: Estate, uids: Iterable[str], wanted: bool, reason: str) -> Mapping[str, str]:
    """Names of people, once it is written down who wanted to see them."""
    if not wanted:
        return {}
    from getpass import getuser

    from watchfloor.clock import now_ms
    from watchfloor.world.vault import Vault

    if not reason.strip():
        raise UsageError("names are shown for a reason only", remedy='say it: --names --reason "case 7"')
    vault, now = Vault(described.store), now_ms()
    vault.keep(described.world(), now)
    return {uid: one.name for uid, one in vault.unmask(uids, who=getuser(), reason=reason, at=now).items()}


def _told(uid: str, called: Mapping[str, str]) -> str:
    return f"{uid} ({called[uid]})" if called.get(uid) else uid


def _day(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).isoformat(" ", "minutes")
