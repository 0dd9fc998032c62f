"""`make run`: the sample estate end to end, then (where they lie beside the project) real recorded attacks.

Everything it shows is done by the same commands a user types; each is printed before it runs.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
WATCHFLOOR = Path(sys.executable).parent / "watchfloor"
ESTATE = Path("estates/firstlight")
REAL = PROJECT.parent / "shared" / "data"
EVTX = Path("it/sigma_regression/regression_data.zip")
SIGMA = Path("knowledge/sigma_rules/sigma_rules.zip")

NEXT = f"""
What to type next (the lake is {ESTATE}/var/lake):

  .venv/bin/watchfloor hunt {ESTATE}                    ask it anything; .help helps, Ctrl-D leaves
  .venv/bin/watchfloor hunt {ESTATE} "select finding_info.uid, message from detection_finding"
  .venv/bin/watchfloor explain UID --estate {ESTATE}    the record and the fields that decided
  .venv/bin/watchfloor detect YOUR-LOGS --rules {ESTATE}/rules
  .venv/bin/watchfloor --help
"""


def main() -> int:
    """Run the tour; the exit code is that of the first command that failed."""
    shutil.rmtree(PROJECT / ESTATE / "var", ignore_errors=True)  # a tour begins at the beginning
    print("watchfloor: one working day and one bad night at an invented plant\n")
    status = _show("run", str(ESTATE), "--once")
    status = status or _show(
        "hunt",
        str(ESTATE),
        "select strftime(to_timestamp(coalesce(start_time, time) / 1000), '%H:%M') as \"when\", severity, "
        "finding_info.title as what, wf.source_uid as source from detection_finding "
        "order by coalesce(start_time, time)",
    )
    if (REAL / EVTX).is_file() and (REAL / SIGMA).is_file():
        print("\nReal recorded attacks, and every rule SigmaHQ has:\n")
        real = Path("..") / "shared" / "data"
        status = status or _show("detect", str(real / EVTX), "--rules", str(real / SIGMA), "--limit", "25")
    else:
        print("\n(../shared/data is not beside the project: the real recorded attacks are left out)")
    print(NEXT)
    return status


def _show(*arguments: str) -> int:
    print(f"$ watchfloor {shlex.join(arguments)}", flush=True)
    done = subprocess.run([str(WATCHFLOOR), *arguments], cwd=PROJECT, check=False)
    print(flush=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
