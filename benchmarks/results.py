"""Where figures are kept: `benchmarks/RESULTS.md`, a section for each measurement, and the page made from it.

A measurement replaces its own section and leaves the others, each of which says at which commit it was taken. The page
`docs/measured.md` is the same text for the documentation site; pictures are named `docs/NAME.svg` in it.
"""

from __future__ import annotations

import re
import subprocess

from benchmarks.machine import PROJECT, described

RESULTS = PROJECT / "benchmarks" / "RESULTS.md"
PAGE = PROJECT / "docs" / "measured.md"
PICTURE = PROJECT / "docs" / "measured.svg"

SECTIONS = (
    "detection", "rules", "batches", "end_to_end", "spread", "parallel", "differential", "start_up", "asking", "kill9",
    "oracle", "fuzz", "resolution", "asof", "intel", "correlation", "harbour", "scenarios", "real_attacks", "simulator",
    "long_replay", "soak",
)  # fmt: skip
"""In this order."""

HEAD = """# {title}

What `make bench` prints, kept. Read ratios, not rates: the processors are shared, and the same code has run a fifth
faster or slower by the hour. Everything is CPU time of one core unless it says otherwise. Each section tells at which
commit it was measured. The recordings' dates are laid on one day; digits inside identifiers, numbers and fractions of
seconds change from round to round.

Machine: {machine}.
"""

DRAWN = "\n![Events per second of our engine and of others, by workload]({picture})\n"


def commit() -> str:
    """The commit that is measured, and whether files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "benchmarks/*.py")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + (" with changes" if changed else "")


def sections(text: str) -> dict[str, str]:
    """Name -> what stands between its marks."""
    found = re.finditer(r"<!-- (\w+) -->\n(.*?)<!-- /\1 -->", text, re.DOTALL)
    return {match[1]: match[2] for match in found}


def keep(name: str, said: str) -> None:
    """Put one measurement in its place, in both files."""
    text = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    known = sections(text.replace("](../docs/", "](docs/"))
    known[name] = f"{said.strip()}\n\nCommit {commit()}.\n"
    order = [*SECTIONS, *(other for other in known if other not in SECTIONS)]
    body = "\n".join(f"<!-- {part} -->\n{known[part]}<!-- /{part} -->\n" for part in order if part in known)
    for file, title, picture in (
        (RESULTS, "Results", f"../{PICTURE.relative_to(PROJECT)}"),
        (PAGE, "Measured", PICTURE.name),
    ):
        head = HEAD.format(title=title, machine=described())
        drawn = DRAWN.format(picture=picture) if PICTURE.exists() else ""
        beside = body.replace("](docs/", f"]({picture.removesuffix(PICTURE.name)}")
        file.write_text(f"{head}{drawn}\n{beside}", "utf-8")
