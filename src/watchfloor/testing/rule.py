"""The contract of a rule folder, checked: each file under hits/ gives one finding, each under misses/ gives none.

<rule>/rule.yml     the rule
<rule>/hits/*       raw vendor records, one scenario a file
<rule>/misses/*     the same, for what it must not find: each false-positive trap is one
"""

from __future__ import annotations

from pathlib import Path

from watchfloor.run import oneshot
from watchfloor.run.prepare import prepared
from watchfloor.testing.integration import RECEIVED

__all__ = ["problems"]


def problems(folder: Path) -> list[str]:
    """Everything in which a rule folder falls short of its contract; empty when it holds.

    A rule without a hit and a miss is *unproven*, which is a problem here.
    """
    ready = prepared([folder / "rule.yml"])
    wrong = [str(problem) for problem in ready.rulebook.problems]
    for name, wanted in (("hits", 1), ("misses", 0)):
        files = sorted(path for path in (folder / name).glob("*") if path.is_file())
        if not files:
            wrong.append(f"{folder.name}: {name}/ is empty: no rule without a hit and a miss")
        for file in files:
            totals = oneshot.Totals()
            for _ in oneshot.detect([file], ready.path, totals, now=RECEIVED, show=lambda name, found: None):
                pass
            if totals.quarantined or not totals.read:
                wrong.append(f"{folder.name}/{name}/{file.name}: read {totals.read}, {totals.quarantined} quarantined")
            if totals.findings != wanted:
                wrong.append(f"{folder.name}/{name}/{file.name}: {totals.findings} findings, {wanted} wanted")
    return wrong
