"""How long until something is on the screen: `--help`, and the first finding of `watchfloor detect` with all rules.

Three starts, each from a folder of rules and from a zip archive of the same: with nothing kept of any rule (kernels are
compiled already: that is once per installation), with everything kept, and with one rule changed since. By the clock
until the first finding is out, which grows with what else the machine does; and the processor's time of the whole
process, which does not.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import events, machine

RECORDS = 5_000
WATCHFLOOR = str(Path(sys.executable).with_name("watchfloor"))
CONDITION = re.compile(rb"\n( +)condition: ([^|>\n]+)")
"""What is changed of the first rule of process launches."""


class Taken(NamedTuple):
    """Seconds: by the clock until the first line was out; of the processor until the end."""

    clock: float
    processor: float


def main(repeat: int = 5) -> str:
    """Measure; gives the table."""
    source = events.corpus(records=RECORDS)
    with machine.workspace() as folder:
        file = folder / "events.ndjson"
        file.write_bytes(source.ndjson)
        paths = events.rules(folder)
        archive = folder / "rules.zip"
        texts = {path: path.read_bytes() for given in paths for path in given.rglob("*.yml")}
        _pack(archive, folder, texts)
        changing = next(
            path for path, text in sorted(texts.items()) if b"process_creation" in text and CONDITION.search(text)
        )
        original = texts[changing]
        helped = [_taken([WATCHFLOOR, "--help"], folder) for _ in range(repeat)]

        def detected(rules: Sequence[Path]) -> Taken:
            options = [part for path in rules for part in ("--rules", str(path))]
            return _taken([WATCHFLOOR, "detect", str(file), *options, "--json"], folder)

        detected(paths)  # compiles the kernels
        rows = [_row("`watchfloor --help`", helped)]
        for name, rules in (("folder", paths), ("zip archive", [archive])):
            cold, warm, changed = [], [], []
            for turn in range(repeat):
                shutil.rmtree(folder / "cache", ignore_errors=True)
                cold.append(detected(rules))
                warm.append(detected(rules))
                texts[changing] = _changed(original, turn)
                changing.write_bytes(texts[changing])
                _pack(archive, folder, texts)
                changed.append(detected(rules))
            rows += [
                _row(f"first finding, rules in a {name}, nothing kept", cold),
                _row(f"the same, everything kept (rules in a {name})", warm),
                _row(f"the same, one rule changed (rules in a {name})", changed),
            ]
    return (
        f"### Start\n\n`watchfloor detect` on {RECORDS:,} {source.name} events with {len(texts):,} rules; the best of "
        f"{repeat} starts.\n\n{machine.table(('what', 'by the clock', 'processor'), rows)}"
    )


def _row(what: str, found: Sequence[Taken]) -> tuple[str, str, str]:
    return what, f"{min(one.clock for one in found):.2f} s", f"{min(one.processor for one in found):.2f} s"


def _changed(rule: bytes, turn: int) -> bytes:
    """A rule of processes with one more alternative that no event has."""
    more = rb"\n\g<1>never: {CommandLine: 'never %d'}\n\g<1>condition: (\g<2>) or never" % turn
    return CONDITION.sub(more, rule, count=1)


def _pack(archive: Path, folder: Path, texts: dict[Path, bytes]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, text in texts.items():
            packed.writestr(str(path.relative_to(folder)), text)


def _taken(command: list[str], folder: Path) -> Taken:
    """Start a program and wait for its first line, then for its end."""
    environment = {**os.environ, "WATCHFLOOR_CACHE": str(folder / "cache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed watchfloor has its bytecode
    before, began = _processor(), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as running:
        assert running.stdout is not None
        running.stdout.readline()
        clock = time.perf_counter() - began
        running.stdout.read()
    if running.returncode:
        raise RuntimeError(f"{command[:2]} ended with {running.returncode}")
    return Taken(clock, _processor() - before)


def _processor() -> float:
    """Seconds of the processor that ended children have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    print(main(parser.parse_args().repeat))
