"""Does it keep its pace and its memory? Events without end through tokenising, mapping and matching, on one core.

Every round of the recordings has other values (`events.varied`), so the value store fills, evicts and fills again.
"""

from __future__ import annotations

import argparse
import io
import sys
import time

import numpy as np

from benchmarks import events, machine

BATCH = 150_000


def main(wanted: int = 10_000_000) -> str:
    """Measure; gives the table."""
    machine.pin()
    from watchfloor.collect.formats.ndjson import NDJSON
    from watchfloor.collect.mapper import Mapper
    from watchfloor.collect.records import Piece, tokenise
    from watchfloor.detect.engine import Engine
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.estate import find_integrations
    from watchfloor.run.memory import use_system_allocator

    use_system_allocator()
    taxonomy, source = Taxonomy.load(), events.corpus()
    with machine.workspace() as folder:
        engine = Engine(load_rules(events.rules(folder), taxonomy=taxonomy).rules, taxonomy)
    mapper = Mapper(find_integrations())
    rows: list[tuple[object, ...]] = []
    held: list[float] = []
    read = hits = 0
    cpu = since = 0.0
    step, mark = max(1, wanted // 20), 0
    for count, chunk in events.varied(source, wanted, BATCH):
        began = time.process_time()
        blocks = [framed.block for framed in NDJSON.frame(io.BytesIO(chunk))]
        pieces = [Piece(block.payload, block.offsets, *2 * (np.arange(len(block)),)) for block in blocks]
        records, bad = tokenise(pieces, source="s", stream="s", size=len(chunk))
        assert not bad, bad[0]
        hits += sum(len(engine.match(batch).rows) for batch in mapper.map(records).events)
        del records, pieces, blocks
        taken = time.process_time() - began
        cpu, since, read = cpu + taken, since + taken, read + count
        held.append(machine.rss_mb())
        if read - mark >= step or read >= wanted:
            rate = (read - mark) / since
            counters = engine.counters
            print(f"{read:,} events, {rate:,.0f}/s, {held[-1]:,.0f} MB", file=sys.stderr)
            rows.append((f"{read:,}", f"{rate:,.0f}", f"{held[-1]:,.0f}", f"{machine.peak_mb():,.0f}",
                         f"{counters['values_judged']:,}", f"{counters['value_evictions']:,}"))  # fmt: skip
            mark, since = read, 0.0
    early, late = np.median(held[len(held) // 10 : len(held) // 5 + 1]), np.median(held[-max(1, len(held) // 10) :])
    heads = ("events", "events/s since the last row", "memory MB", "peak MB", "values judged", "evictions")
    return (
        f"### Soak: {source.name}\n\n{read:,} events, {read / cpu:,.0f} per CPU second from bytes to verdicts, "
        f"{hits:,} hits. Memory after a tenth {early:,.0f} MB, at the end {late:,.0f} MB ({late / early - 1:+.1%}); "
        f"the corpus it is fed from takes {len(source.ndjson) * 3 / 1e6:,.0f} MB of it.\n\n{machine.table(heads, rows)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=machine.count_of, default=10_000_000)
    print(main(parser.parse_args().events))
