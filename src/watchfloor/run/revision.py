"""Rules as they were at a revision of the repository that an estate is kept in, and which of them differ today.

Git is asked by its own program, and only read.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import msgspec

from watchfloor.detect.rule import Correlation, Rule
from watchfloor.detect.rulebook import Rulebook, load_rules
from watchfloor.errors import UsageError
from watchfloor.estate import Estate

__all__ = ["Change", "changed", "rulebook_at"]

Change = Literal["new", "changed", "removed"]


def rulebook_at(estate: Estate, revision: str) -> Rulebook:
    """The estate's rules as they were; those that lie outside its repository as they are.

    Raises:
        UsageError: there is no git, no repository, no such revision.
    """
    top = Path(_git(estate.folder, "rev-parse", "--show-toplevel").decode().strip())
    commit = _git(estate.folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
    paths = []
    with TemporaryDirectory(prefix="watchfloor-rules-") as folder:
        into = Path(folder)
        for path in estate.rules:
            try:
                inside = path.resolve().relative_to(top.resolve())
            except ValueError:
                paths += [path] if path.exists() else []
                continue
            if _git(top, "ls-tree", "--name-only", commit, "--", str(inside)):
                packed = _git(top, "archive", "--format=tar", commit, "--", str(inside))
                with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                    archive.extractall(into, filter="data")
                paths.append(into / inside)
        book = load_rules(paths, placeholders=estate.placeholders)
    return book if estate.min_level is None else book.of_level(estate.min_level)


def changed(before: Rulebook, now: Rulebook) -> dict[str, Change]:
    """Per id of a rule or correlation what became of it; those that mean the same are left out.

    A correlation has changed, too, where a rule has that it counts on.
    """
    old, new = _meaning(before), _meaning(now)
    found: dict[str, Change] = {}
    for uid in old.keys() | new.keys():
        if old.get(uid) != new.get(uid):
            found[uid] = "new" if uid not in old else "removed" if uid not in new else "changed"
    for one in now.correlations:  # those others count on stand before them
        if one.id not in found and any(uid in found for uid in now.members[one.id]):
            found[one.id] = "changed"
    return found


def _meaning(book: Rulebook) -> Mapping[str, bytes]:
    """What a rule says, wherever it stands."""
    every: tuple[Rule | Correlation, ...] = (*book.rules, *book.correlations)
    return {
        one.id: msgspec.msgpack.encode((one.id in book.silent, msgspec.structs.replace(one, file="", line=0)))
        for one in every
    }


def _git(folder: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True)
    except FileNotFoundError:
        raise UsageError("there is no git", remedy="--rules all, or --rules and the files that changed") from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ") or "no such revision"
        raise UsageError(
            f"git cannot tell what changed: {said}",
            file=folder,
            remedy="--against names a revision; --rules all, or --rules and the files that changed, needs none",
        ) from None
    return done.stdout
