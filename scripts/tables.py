"""Write what the documentation takes from the code and from a real run; `--check` only says what is out of date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from watchfloor.collect.integration import Integration
from watchfloor.estate import find_integrations

PROJECT = Path(__file__).resolve().parent.parent
README, PAGE = PROJECT / "README.md", PROJECT / "docs" / "integrations.md"

FIRST_FINDING = "watchfloor detect estates/firstlight/logs --rules estates/firstlight/rules"

CLOCK = re.compile(r" \| [\d.]+ s(, [\d,]+ records/s)?")
"""What differs from run to run."""


def integrations(found: list[Integration], *, classes: bool) -> str:
    """One row per integration, by id."""
    head = ["id", "product", "formats", *(["OCSF classes"] if classes else [])]
    rows = [head, ["---"] * len(head)]
    for integration in sorted(found, key=lambda item: item.id):
        mapped = dict.fromkeys(family.class_name for family in integration.families.values())
        formats = ", ".join(integration.formats) or "any"
        rows.append([f"`{integration.id}`", integration.name, formats, *([", ".join(mapped)] if classes else [])])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def first_finding() -> str:
    """The command and what it answers, without the clock."""
    program, *arguments = FIRST_FINDING.split()
    done = subprocess.run(
        [str(Path(sys.executable).parent / program), *arguments],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{FIRST_FINDING} ended with {done.returncode}:\n{done.stdout}")
    told = [line for line in done.stdout.splitlines() if not line.startswith("compiling the kernels")]  # once a machine
    lines = [CLOCK.sub("", line).rstrip() for line in told]
    return f"```sh\n{FIRST_FINDING}\n```\n\n```text\n{chr(10).join(lines)}\n```\n"


def replaced(text: str, name: str, content: str) -> str:
    """The text with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"there is no {start.strip()} ... {end}")
    return f"{before}{start}{content}{end}{after}"


def main(arguments: list[str]) -> int:
    """Rewrite README.md and docs/integrations.md; 1 when `--check` finds one out of date."""
    found = find_integrations()
    readme = replaced(README.read_text("utf-8"), "integrations", integrations(found, classes=False))
    wanted = {
        README: replaced(readme, "first finding", first_finding()),
        PAGE: replaced(PAGE.read_text("utf-8"), "integrations", integrations(found, classes=True)),
    }
    stale = [page for page, text in wanted.items() if page.read_text("utf-8") != text]
    for page in stale:
        if "--check" not in arguments:
            page.write_text(wanted[page], "utf-8")
        word = "out of date" if "--check" in arguments else "wrote"
        sys.stdout.write(f"{word}: {page.relative_to(PROJECT)}\n")
    if stale and "--check" in arguments:
        sys.stdout.write("  -> .venv/bin/python scripts/tables.py, and review the diff\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
