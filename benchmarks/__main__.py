"""All measurements, one after the other: `make bench`. Prints Markdown; what goes on besides goes to stderr.

python -m benchmarks --quick                 a look, in about two minutes
python -m benchmarks --write                 everything, kept in benchmarks/RESULTS.md and docs/measured.md
python -m benchmarks --only rules --write    one measurement, kept; the others stay
python -m benchmarks --soak 1000M            events without end: pace and memory
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from benchmarks import (
    asking,
    asof,
    correlation,
    detection,
    differential,
    end_to_end,
    fuzz,
    harbour,
    intel,
    kill9,
    long_replay,
    machine,
    oracle,
    parallel,
    real_attacks,
    resolution,
    results,
    scenarios,
    simulator,
    soak,
    start_up,
)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=machine.count_of, default=5_000_000, help="events of end_to_end (default: 5M)")
    parser.add_argument("--kills", type=int, default=200, help="kills of kill9 (default: 200)")
    parser.add_argument("--soak", type=machine.count_of, default=None, metavar="EVENTS", help="only the soak, so long")
    parser.add_argument("--quick", action="store_true", help="few events, detection only")
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/RESULTS.md")
    parser.add_argument("--only", choices=results.SECTIONS)
    given = parser.parse_args()
    sizes = detection.QUICK if given.quick else detection.FULL
    parts: dict[str, Callable[[], str]] = {
        "detection": lambda: detection.main(sizes),
        "rules": lambda: detection.more_rules(sizes),
    }
    if not given.quick:
        parts |= {
            "batches": detection.batches,
            "end_to_end": lambda: end_to_end.main(given.events),
            "spread": lambda: end_to_end.main(min(given.events, 500_000), one_day=False),
            "parallel": parallel.main,
            "differential": differential.main,
            "start_up": start_up.main,
            "asking": asking.main,
            "kill9": lambda: f"{kill9.main(given.kills)}\n\n{kill9.with_a_world(given.kills // 4)}",
            "oracle": lambda: f"{oracle.main()}\n\n{oracle.main(200_000, sqlite=True)}",
            "fuzz": fuzz.main,
            "resolution": resolution.main,
            "asof": asof.main,
            "intel": intel.main,
            "correlation": correlation.main,
            "harbour": harbour.main,
            "scenarios": lambda: scenarios.main(30),
            "real_attacks": real_attacks.main,
            "simulator": simulator.main,
            "long_replay": long_replay.main,
            "soak": lambda: soak.main(given.soak or 10_000_000),  # last: it keeps this process on one core
        }
    only = "soak" if given.soak else given.only
    print(f"Measured on {machine.described()}.", flush=True)
    for name, measure in parts.items():
        if only in (None, name):
            print(f"{name} ...", file=sys.stderr)
            said = measure()
            print(f"\n{said}", flush=True)
            if given.write:
                results.keep(name, said)


if __name__ == "__main__":
    main()
