"""Make the files of this estate anew: people, badges, equipment, floor plans, zones, aliases, coverage, estate.toml.

The same seed gives the same bytes. What people wrote (rules, playbooks, watch.md) stays as it is:

    python estates/harbour/make_harbour.py
"""

from __future__ import annotations

from pathlib import Path

from watchfloor.simulate.founding.estate import found

if __name__ == "__main__":
    found(Path(__file__).resolve().parent, people=400, seed=1)
