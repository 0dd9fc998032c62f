"""Our engine over a file of NDJSON: from bytes to verdicts, each part's CPU time, memory. A process of its own.

`judged` starts one; it is pinned to one core, warms up on the first records (rules, compiled kernels, the plans of the
commonest routes), then reads the file in batches, several times: in the first pass values are new, later ones find
those they still remember.
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
from pathlib import Path

import numpy as np

from benchmarks import machine

BATCH = 150_000
"""Records of a batch, as the path makes them."""

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
    file: Path, rules: Sequence[Path], cache: Path, *, count: int | None = None, batch: int = BATCH, passes: int = 2
) -> Judged:
    """Measure in a process of its own.

    Args:
        file: NDJSON.
        rules: paths of Sigma rules.
        cache: folder that keeps lowered rules.
        count: so many rules, by lot; None all.
    """
    asked = {
        "file": str(file), "rules": [str(path) for path in rules], "cache": str(cache),
        "count": count, "batch": batch, "passes": passes,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.judge", json.dumps(asked)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=machine.PROJECT, check=True)
    said = json.loads(done.stdout)
    return Judged(**{**said, "passes": tuple(Pass(**part) for part in said["passes"])})


def main(file: str, rules: list[str], cache: str, count: int | None, batch: int, passes: int) -> Judged:
    """The measured process."""
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
    taxonomy = Taxonomy.load()
    chosen = list(load_rules([Path(path) for path in rules], taxonomy=taxonomy, cache=Path(cache)).rules)
    if count is not None:
        chosen = random.Random(7).sample(chosen, min(count, len(chosen)))
    mapper = Mapper(find_integrations())

    def once(engine: Engine, parts: Iterator[bytes]) -> Pass:
        framed = tokenised = mapped = matched = 0.0
        read = hits = 0
        before = engine.counters["values_judged"]
        for part in parts:
            clock = time.process_time()
            blocks = [framed_.block for framed_ in NDJSON.frame(io.BytesIO(part))]
            framed, clock = framed + time.process_time() - clock, time.process_time()
            pieces = [Piece(block.payload, block.offsets, *2 * (np.arange(len(block)),)) for block in blocks]
            records, bad = tokenise(pieces, source="s", stream="s", size=len(part))
            assert not bad, bad[0]
            tokenised, clock = tokenised + time.process_time() - clock, time.process_time()
            batch_ = mapper.draft(records)
            assert not batch_.bad, batch_.bad[0]
            mapped, clock = mapped + time.process_time() - clock, time.process_time()
            hits += sum(len(engine.match(events).rows) for events in batch_.drafts)
            matched += time.process_time() - clock
            read += sum(map(len, blocks))
        judged_ = engine.counters["values_judged"] - before
        return Pass(read, hits, framed, tokenised, mapped, matched, judged_)

    def head() -> Iterator[bytes]:
        yield from in_batches(Path(file), WARM_UP, WARM_UP)

    once(Engine(chosen, taxonomy), head())  # kernels load
    began = time.process_time()
    engine = Engine(chosen, taxonomy)
    first = once(engine, head())
    start = time.process_time() - began - first.framed - first.tokenised - first.mapped
    done = [once(engine, in_batches(Path(file), batch)) for _ in range(passes)]
    return Judged(len(chosen), start, machine.peak_mb(), machine.rss_mb(), tuple(done))


def in_batches(file: Path, records: int, most: int | None = None) -> Iterator[bytes]:
    """The lines of a file, so many at a time, `most` in all."""
    held: list[bytes] = []
    with file.open("rb") as opened:
        for number, line in enumerate(opened):
            if number == most:
                break
            held.append(line)
            if len(held) == records:
                yield b"".join(held)
                held = []
    if held:
        yield b"".join(held)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("asked", help="the arguments of `main` as a JSON object")
    print(json.dumps(asdict(main(**json.loads(parser.parse_args().asked)))))
