"""Indicators: what looking values up among many costs, and how it grows; a Python set and DuckDB beside it.

Lists of invented domains, addresses, hashes and URLs, and a million distinct values asked for, one in a hundred
of them known. Ours reads the list as a file, and finds what lies below a listed domain or inside a listed network too;
the peers are given the values ready and look only for the same text. CPU time of one core.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import machine
from watchfloor.detect.intel.gathered import Defaults, Gathered
from watchfloor.detect.intel.intelligence import Intelligence
from watchfloor.detect.intel.join import IntelJoin
from watchfloor.detect.intel.lists import read_list
from watchfloor.detect.intel.warninglists import Warninglists
from watchfloor.ocsf.column import Column
from watchfloor.ocsf.events import Events
from watchfloor.run.memory import give_back

GOAL_RATE, GOAL_MB = 2_000_000, 150
"""Values a second and core, and megabytes for five million indicators, asked for in the issue."""

SIZES = (50_000, 500_000, 5_000_000)
EVENTS = 150_000
ASKED, KNOWN = 1_000_000, 0.01
KEY = np.uint64(11), np.uint64(13)


def _domain(number: int) -> str:
    return f"h{number % 99991:05x}.c{number // 7:x}.example"


def _ip(number: int) -> str:
    one = number * 2654435761 % (1 << 32)
    text = f"{one >> 24}.{one >> 16 & 255}.{one >> 8 & 255}.{one & 255}"
    return text if number % 10 else f"{one >> 24}.{one >> 16 & 255}.{one >> 8 & 255}.0/24"


def _hash(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 128):032x}{number:032x}"


def _url(number: int) -> str:
    return f"https://{_domain(number)}/a/{number:x}?id={number}"


MADE: dict[str, Callable[[int], str]] = {"domain": _domain, "ip": _ip, "hash": _hash, "url": _url}


def main(sizes: Sequence[int] = SIZES) -> str:
    """Measure; gives the table."""
    asked = [("domain", size) for size in sizes] + [(kind, sizes[-1]) for kind in ("ip", "hash", "url")]
    rows = [_apart(_ours, kind, size) for kind, size in asked]
    mixed = _apart(_mixed, "", sizes[-1])
    onto = _apart(_joined, "", sizes[-1])
    peers = [_apart(peer, "domain", size) for size in sizes for peer in (_python, _duckdb)]
    head = ("what", "indicators", "read and built in", "memory, MB", "bytes an indicator", "values/s and core", "known")
    text = machine.table(head, [*rows, mixed, onto, *peers])
    return (
        f"## Indicators\n\n{ASKED:,} distinct values asked for, one in a hundred known. Goal: {GOAL_RATE:,} values/s "
        f"against five million indicators in {GOAL_MB} MB. A `domain` is looked for with each of its parents, an `ip` "
        f"also in networks (one in ten); `mixed` is 40 % domains, 30 % addresses, 20 % hashes, 10 % URLs. Peers "
        f"compare whole texts only.\n\n{text}"
    )


def _apart(measure: Callable[[str, int], tuple[object, ...]], kind: str, size: int) -> tuple[object, ...]:
    """Measured in a process of its own, so that memory is nobody else's."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_pinned, (measure, kind, size))


def _pinned(measure: Callable[[str, int], tuple[object, ...]], kind: str, size: int) -> tuple[object, ...]:
    machine.pin()
    return measure(kind, size)


def _list(kind: str, size: int) -> bytes:
    make = MADE[kind]
    return "\n".join([make(number) for number in range(size)]).encode()


def _questions(kind: str, size: int) -> list[str]:
    random = np.random.default_rng(3)
    numbers = random.permutation(np.arange(size, size + ASKED))
    known = random.choice(min(size, ASKED), int(ASKED * KNOWN), replace=False)
    numbers[: len(known)] = known
    make = MADE[kind]
    return [make(int(number)).partition("/24")[0] for number in random.permutation(numbers)]


def _built(lists: dict[str, bytes]) -> tuple[Intelligence, float, float]:
    """The index, seconds, and megabytes."""
    small = Gathered()
    for kind in lists:
        read_list(MADE[kind](1).encode(), Path(kind), Defaults("warm", kind=kind), small)
    warm = Intelligence.of(small, Warninglists([], KEY), KEY)
    for kind in lists:
        warm.find(kind, pa.array([MADE[kind](1)]))
    gc.collect()
    before, began = machine.rss_mb(), time.process_time()
    gathered = Gathered()
    for kind, payload in lists.items():
        read_list(payload, Path(kind), Defaults("list", kind=kind), gathered)
    known = Intelligence.of(gathered, Warninglists([], KEY), KEY)
    seconds = time.process_time() - began
    assert not gathered.problems
    del gathered
    gc.collect()
    give_back()
    return known, seconds, max(known.nbytes / 1e6, machine.rss_mb() - before)


def _ask(ask: Callable[[], int]) -> tuple[float, int]:
    """Seconds, the middle of five times, and how many were known."""
    taken, found = [], 0
    for _ in range(5):
        began = time.process_time()
        found = ask()
        taken.append(time.process_time() - began)
    return sorted(taken)[2], found


def _ours(kind: str, size: int) -> tuple[object, ...]:
    known, seconds, memory = _built({kind: _list(kind, size)})
    values = pa.array(_questions(kind, size), pa.string())
    each, found = _ask(lambda: len(np.unique(known.find(kind, values).texts)))
    return (kind, f"{size:,}", f"{seconds:.1f} s", f"{memory:.0f}", f"{memory * 1e6 / size:.0f}",
            f"{ASKED / each:,.0f}", f"{found:,}")  # fmt: skip


def _mixed(_: str, size: int) -> tuple[object, ...]:
    shares = {"domain": 0.4, "ip": 0.3, "hash": 0.2, "url": 0.1}
    known, seconds, memory = _built({kind: _list(kind, int(size * share)) for kind, share in shares.items()})
    values = {kind: pa.array(_questions(kind, int(size * share))) for kind, share in shares.items()}
    each, found = _ask(lambda: sum(len(np.unique(known.find(kind, some).texts)) for kind, some in values.items()))
    return ("mixed", f"{size:,}", f"{seconds:.1f} s", f"{memory:.0f}", f"{memory * 1e6 / size:.0f}",
            f"{4 * ASKED / each:,.0f}", f"{found:,}")  # fmt: skip


def _joined(_: str, size: int) -> tuple[object, ...]:
    """Onto events, in batches as the path has them: 150,000 with two addresses and a host name each."""
    known, seconds, memory = _built({kind: _list(kind, size // 2) for kind in ("domain", "ip")})
    join, random = IntelJoin(known, ("domain", "ip")), np.random.default_rng(3)
    columns: dict[str, Any] = {"time": Column.of(range(EVENTS), pa.int64())}
    for name, kind, distinct in (
        ("src_endpoint.ip", "ip", 2_000),
        ("dst_endpoint.ip", "ip", 30_000),
        ("dst_endpoint.hostname", "domain", 20_000),
    ):
        values = pa.array(_questions(kind, size // 2)[:distinct])
        columns[name] = Column(random.integers(0, distinct, EVENTS).astype(np.int32), values)
    events = Events.build("network_activity", columns, EVENTS)
    join.join(events)
    each, found = _ask(lambda: int(join.join(events)[1].num_rows))
    return ("events, 3 columns", f"{size:,}", f"{seconds:.1f} s", f"{memory:.0f}", f"{memory * 1e6 / size:.0f}",
            f"{EVENTS / each:,.0f} events", f"{found:,}")  # fmt: skip


def _python(kind: str, size: int) -> tuple[object, ...]:
    listed = _list(kind, size).decode().split("\n")
    gc.collect()
    before, began = machine.rss_mb(), time.process_time()
    known: set[str] = {text.lower() for text in listed}
    seconds = time.process_time() - began
    memory = machine.rss_mb() - before
    values = _questions(kind, size)
    each, found = _ask(lambda: sum(value.lower() in known for value in values))
    return ("Python set", f"{size:,}", f"{seconds:.1f} s", f"{memory:.0f}", f"{memory * 1e6 / size:.0f}",
            f"{ASKED / each:,.0f}", f"{found:,}")  # fmt: skip


def _duckdb(kind: str, size: int) -> tuple[object, ...]:
    listed = pa.table({"value": _list(kind, size).decode().split("\n")})
    connection: Any = duckdb.connect()
    connection.execute("set threads = 1")
    connection.register("listed", listed)
    gc.collect()
    before, began = machine.rss_mb(), time.process_time()
    connection.execute("create table known as select value from listed")
    seconds = time.process_time() - began
    memory = machine.rss_mb() - before
    connection.register("asked", pa.table({"value": _questions(kind, size)}))
    question = "select count(*) from asked where value in (select value from known)"
    each, found = _ask(lambda: int(connection.execute(question).fetchone()[0]))
    return ("DuckDB join", f"{size:,}", f"{seconds:.1f} s", f"{memory:.0f}", f"{memory * 1e6 / size:.0f}",
            f"{ASKED / each:,.0f}", f"{found:,}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=machine.count_of, default=SIZES, metavar="INDICATORS")
    print(main(tuple(parser.parse_args().sizes)))
