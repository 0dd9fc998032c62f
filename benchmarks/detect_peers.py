"""The same events, the same rules, one core: our matching against SQL over SQLite, the way Zircolite works.

pySigma's SQLite backend writes the queries, Python's sqlite3 runs them over a table with an index on EventID. Both
sides start from parsed JSON of the same records: ours from OCSF events, SQLite from its filled table; what it takes to
get there (mapping; flattening and inserting) is given beside it. Zircolite itself is not on PyPI.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import orjson

from benchmarks import events, machine

BATCH = 50_000


def main(records: int = 100_000, peer_records: int = 20_000) -> str:
    """Measure both; gives the table."""
    core = machine.pin()
    from tests.detect import sqlite_peer

    from watchfloor.collect.mapper import Mapper
    from watchfloor.collect.records import Piece, tokenise
    from watchfloor.detect.engine import Engine
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.detect.sentence import fields_of
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.estate import find_integrations

    source = events.corpus(records=records)
    lines = source.ndjson.splitlines(keepends=True)
    with machine.workspace() as folder:
        paths = events.rules(folder)
        conditions, _ = sqlite_peer.queries(paths)
        taxonomy = Taxonomy.load()
        rules = load_rules(paths, taxonomy=taxonomy).rules
    mapper = Mapper(find_integrations())

    def batches(engine: Engine) -> tuple[float, float, int]:
        made = matched = 0.0
        hits = 0
        for start in range(0, len(lines), BATCH):
            part = lines[start : start + BATCH]
            began = time.process_time()
            offsets = np.concatenate([[0], np.cumsum([len(line) for line in part])]).astype(np.int64)
            numbers = np.arange(len(part), dtype=np.int64)
            found, _ = tokenise([Piece(b"".join(part), offsets, numbers, numbers)], source="s", stream="s")
            mapped = mapper.map(found).events
            made += time.process_time() - began
            began = time.process_time()
            hits += sum(len(engine.match(batch).rows) for batch in mapped)
            matched += time.process_time() - began
        return made, matched, hits

    engine = Engine(rules, taxonomy)
    batches(engine)  # kernels load, plans compile
    fresh = Engine(rules, taxonomy)
    made, cold, hits = batches(fresh)
    _, warm, _ = min((batches(fresh) for _ in range(3)), key=lambda figures: figures[1])

    part = lines[:peer_records]
    columns = {field for rule in rules for field in fields_of(rule.condition)}
    began = time.process_time()
    table = sqlite_peer.database((sqlite_peer.flat(orjson.loads(line)) for line in part), columns)
    filled = time.process_time() - began
    began = time.process_time()
    found, _ = sqlite_peer.hits(table, conditions)
    asked = time.process_time() - began
    their_hits = sum(len(rows) for rows in found.values())
    theirs, ours, again = len(part) / asked, len(lines) / cold, len(lines) / warm
    rows = [
        ("watchfloor, nothing known yet", f"{len(lines):,}", len(rules), f"{hits:,}", f"{ours:,.0f}",
         f"{len(lines) / (cold + made):,.0f}", f"{ours / theirs:,.0f} x"),
        ("watchfloor, values known", f"{len(lines):,}", len(rules), f"{hits:,}", f"{again:,.0f}",
         f"{len(lines) / (warm + made):,.0f}", f"{again / theirs:,.0f} x"),
        ("pySigma SQLite backend", f"{len(part):,}", len(found), f"{their_hits:,}", f"{theirs:,.0f}",
         f"{len(part) / (asked + filled):,.0f}", "1 x"),
    ]  # fmt: skip
    head = ("engine", "events", "rules", "hits", "matching, events/s", "with reading and mapping, events/s", "ratio")
    return (
        f"### Detection against peers: {source.name}, one core ({core})\n\n{machine.table(head, rows)}\n\n"
        "The time of SQL grows with the number of events; it is measured on the first "
        f"{len(part):,}. Zircolite runs the same queries the same way; it cannot be installed from PyPI."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=machine.count_of, default=100_000)
    parser.add_argument("--peer-records", type=machine.count_of, default=20_000)
    given = parser.parse_args()
    print(main(given.records, given.peer_records))
