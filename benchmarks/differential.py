"""100,000 recorded events: the hits of every rule, ours against pySigma's SQLite backend, each difference by name."""

from __future__ import annotations

import argparse

from benchmarks import events, machine


def main(records: int = 100_000) -> str:
    """Compare; gives what differs."""
    from tests.detect.differential import EXPLAINED, compare

    source = events.corpus(records=records)
    with machine.workspace() as folder:
        found = compare(events.rules(folder), source.ndjson.splitlines(keepends=True))
    left = ", ".join(f"{count} {reason}" for reason, count in sorted(found.left_out.items()))
    said = (
        f"### Differential against pySigma's SQLite backend\n\n{found.records:,} events ({source.name}), "
        f"{found.rules:,} rules both run ({left} left out): {found.hits:,} hits the same, "
        f"**{len(found.unexplained)} rules differ without a reason**."
    )
    differing = sorted(set(found.only_ours) | set(found.only_theirs))
    rows = [
        (rule, len(found.only_ours.get(rule, ())), len(found.only_theirs.get(rule, ())), EXPLAINED.get(rule, "?"))
        for rule in differing
    ]
    return said + ("\n\n" + machine.table(("rule", "only ours", "only theirs", "reason"), rows) if rows else "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=machine.count_of, default=100_000)
    print(main(parser.parse_args().records))
