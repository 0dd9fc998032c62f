"""Our engine over a file of NDJSON: from bytes to verdicts, each part's CPU time, memory. A process of its own.

`judged` starts one; it is pinned to one core, warms up on the first records (rules, compiled kernels, the plans of the
commonest routes), then reads the file in batches as `watchfloor detect` makes them, several times: in the first pass
values are new, later ones find those they still remember. What is measured holds one batch at a time and no more.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from benchmarks import machine

if TYPE_CHECKING:
    from watchfloor.collect.formats.format import Block
    from watchfloor.collect.records import Piece

WARM_UP = 2_000
"""Records that warm up."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The whole file once. CPU seconds of each part; `framed` is finding the line ends."""

    events: int
    hits: int
    framed: float
    tokenised: float
    mapped: float
    matched: float
    judged: int

    @property
    def whole(self) -> float:
        """Events per CPU second from bytes to verdicts."""
        return self.events / (self.framed + self.tokenised + self.mapped + self.matched)

    @property
    def match(self) -> float:
        """Events per CPU second of matching alone."""
        return self.events / self.matched


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of it.

    Args:
        rules: how many were run.
        start: CPU seconds from loaded rules to verdicts on the first records: what compiling plans costs.
        peak: the most memory the process held, MB.
        held: memory at the end, MB.
        passes: the first with new values.
    """

    rules: int
    start: float
    peak: float
    held: float
    passes: tuple[Pass, ...]


def judged(
    file: Path,
    rules: Sequence[Path],
    cache: Path,
    *,
    count: int | None = None,
    batch: int | None = None,
    passes: int = 2,
) -> Judged:
    """Measure in a process of its own.

    Args:
        file: NDJSON.
        rules: paths of Sigma rules.
        cache: folder that keeps lowered rules.
        count: so many rules, by lot; None all.
        batch: bytes of a batch; None as many as `watchfloor detect` takes.
    """
    asked = {
        "file": str(file), "rules": [str(path) for path in rules], "cache": str(cache),
        "count": count, "batch": batch, "passes": passes,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.judge", json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=machine.PROJECT, check=True)
    said = json.loads(done.stdout)
    return Judged(**{**said, "passes": tuple(Pass(**part) for part in said["passes"])})


def main(file: str, rules: list[str], cache: str, count: int | None, batch: int | None, passes: int) -> Judged:
    """The measured process."""
    machine.pin()
    from watchfloor.collect.formats.ndjson import NDJSON
    from watchfloor.collect.mapper import Mapper
    from watchfloor.collect.records import tokenise
    from watchfloor.detect.engine import Engine
    from watchfloor.detect.rulebook import load_rules
    from watchfloor.detect.taxonomy import Taxonomy
    from watchfloor.estate import find_integrations
    from watchfloor.run.memory import give_back, settled, use_system_allocator
    from watchfloor.run.oneshot import STEP_BYTES

    use_system_allocator()
    taxonomy = Taxonomy.load()
    chosen = list(load_rules([Path(path) for path in rules], taxonomy=taxonomy, cache=Path(cache)).rules)
    if count is not None:
        chosen = random.Random(7).sample(chosen, min(count, len(chosen)))
    mapper = Mapper(find_integrations())
    settled()

    def once(engine: Engine, opened: BinaryIO, most: int) -> Pass:
        framed = tokenised = mapped = matched = 0.0
        read = hits = 0
        before = engine.counters["values_judged"]
        frames = (one.block for one in NDJSON.frame(opened))
        clock = time.process_time()
        while blocks := _batch(frames, most):
            framed, clock = framed + time.process_time() - clock, time.process_time()
            size = sum(len(block.payload) for block in blocks)
            records, bad = tokenise(_pieces(blocks), source="s", stream="s", size=size)
            assert not bad, bad[0]
            read += records.rows
            tokenised, clock = tokenised + time.process_time() - clock, time.process_time()
            batch_ = mapper.draft(records)
            assert not batch_.bad, batch_.bad[0]
            mapped, clock = mapped + time.process_time() - clock, time.process_time()
            hits += sum(len(engine.match(events).rows) for events in batch_.drafts)
            matched, clock = matched + time.process_time() - clock, time.process_time()
            del records, batch_  # before the next batch is read
            give_back()
        judged_ = engine.counters["values_judged"] - before
        return Pass(read, hits, framed, tokenised, mapped, matched, judged_)

    with open(file, "rb") as opened:
        head = b"".join(islice(opened, WARM_UP))
    once(Engine(chosen, taxonomy), io.BytesIO(head), STEP_BYTES)  # kernels load
    began = time.process_time()
    engine = Engine(chosen, taxonomy)
    first = once(engine, io.BytesIO(head), STEP_BYTES)
    start = time.process_time() - began - first.framed - first.tokenised - first.mapped
    done = []
    for _ in range(passes):
        with open(file, "rb") as opened:
            done.append(once(engine, opened, batch or STEP_BYTES))
    return Judged(len(chosen), start, machine.peak_mb(), machine.rss_mb(), tuple(done))


def _batch(blocks: Iterator[Block], most: int) -> list[Block]:
    """The next blocks, so many bytes."""
    held: list[Block] = []
    size = 0
    for block in blocks:
        held.append(block)
        size += len(block.payload)
        if size + len(block.payload) > most:
            break
    return held


def _pieces(blocks: list[Block]) -> Iterator[Piece]:
    """The blocks to tokenise; their text goes with them, as on the path."""
    from watchfloor.collect.records import Piece

    while blocks:
        block = blocks.pop(0)
        yield Piece(block.payload, block.offsets, *2 * (np.arange(len(block)),), bytes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("asked", help="the arguments of `main` as a JSON object")
    print(json.dumps(asdict(main(**json.loads(parser.parse_args().asked)))))
