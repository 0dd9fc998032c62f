"""Make the files of this estate anew: people, badges, equipment, floor plans, zones, aliases, coverage, estate.toml.

The same seed gives the same bytes. What people wrote (rules, playbooks, watch.md) stays as it is. The rules of the
pack that need a whole site are tried in this one, so the same files lie there:

    python estates/harbour/make_harbour.py
"""

from __future__ import annotations

from pathlib import Path

from watchfloor.estate import PACK
from watchfloor.simulate.founding.estate import found

if __name__ == "__main__":
    for folder in (Path(__file__).resolve().parent, PACK / "converged"):
        found(folder, people=400, seed=1)
