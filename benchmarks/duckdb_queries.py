"""Sigma rules as SQL by pySigma's DuckDB backend. Runs in an environment of its own, and imports nothing of ours.

The backend wants pySigma 1, watchfloor pySigma 2. So `peers` makes an environment with the backend in it and runs this
file there: rules as JSON on stdin (id -> document), conditions as JSON on stdout (id -> SQL).
"""

from __future__ import annotations

import json
import sys
from typing import Any

REQUIREMENT = "pysigma-backend-duckdb==0.1.4"


def main() -> None:
    """Convert what stands on stdin. A rule the backend refuses is left out."""
    from sigma.exceptions import SigmaError
    from sigma.rule import SigmaRule
    from sigma_backend_duckdb import DuckDBBackend  # type: ignore[import-not-found, unused-ignore]

    backend = DuckDBBackend()
    made: dict[str, str] = {}
    rules: dict[str, dict[str, Any]] = json.load(sys.stdin)
    for name, rule in rules.items():
        try:
            (text,) = backend.convert_rule(SigmaRule.from_dict(rule))
        except (SigmaError, NotImplementedError, ValueError, TypeError):
            continue
        made[name] = text.partition(" WHERE ")[2]
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
