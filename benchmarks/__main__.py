"""All measurements, one after the other: `make bench`. Prints Markdown; what goes on besides goes to stderr."""

from __future__ import annotations

import argparse
import sys

from benchmarks import detect_peers, differential, end_to_end, kill9, machine, start_up


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=machine.count_of, default=5_000_000, help="events of end_to_end (default: 5M)")
    parser.add_argument("--kills", type=int, default=200, help="kills of kill9 (default: 200)")
    parser.add_argument("--only", choices=("end_to_end", "spread", "detect_peers", "differential", "kill9", "start_up"))
    given = parser.parse_args()
    parts = {
        "end_to_end": lambda: end_to_end.main(given.events),
        "spread": lambda: end_to_end.main(min(given.events, 500_000), one_day=False),
        "kill9": lambda: kill9.main(given.kills),
        "start_up": start_up.main,
        "differential": differential.main,
        "detect_peers": detect_peers.main,  # last: it keeps this process on one core
    }
    print(f"Measured on {machine.described()}.", flush=True)
    for name, measure in parts.items():
        if given.only in (None, name):
            print(f"{name} ...", file=sys.stderr)
            print(f"\n{measure()}", flush=True)


if __name__ == "__main__":
    main()
