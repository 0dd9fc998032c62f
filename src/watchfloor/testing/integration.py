"""The contract of an integration, checked: samples become golden byte for byte, and everything is accounted for.

Third-party integrations run the same checks: `problems(folder)` gives what is wrong, `accept(folder)` rewrites the
golden files for a human to review.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson

import watchfloor.integrations
from watchfloor.collect.formats.recognise import FORMATS, recognise
from watchfloor.collect.integration import Integration, load_manifest
from watchfloor.collect.mapper import Leftovers, Mapper, Observer
from watchfloor.collect.records import Piece, tokenise
from watchfloor.ocsf.events import Events
from watchfloor.ocsf.validate import validate
from watchfloor.testing.fuzz import fuzzed
from watchfloor.testing.sigma_law import SigmaLaw

__all__ = ["RECEIVED", "Sample", "accept", "problems", "read_sample", "samples"]

RECEIVED = 1_767_225_600_000
"""The received time of every sample: 2026-01-01T00:00:00Z, so that golden files hold no wall clock."""


@dataclass(slots=True)
class Sample:
    """What one sample file became."""

    path: Path
    events: list[Events] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    leftovers: Leftovers = field(default_factory=Counter)
    integrations: Counter[str] = field(default_factory=Counter)

    def golden(self) -> bytes:
        """One event per line in the order of the records, keys sorted."""
        rows: list[tuple[int, bytes]] = []
        for events in self.events:
            for event in events.to_pylist():
                rows.append((event["wf"]["source_seq"], orjson.dumps(event, option=orjson.OPT_SORT_KEYS)))
        return b"".join(line + b"\n" for _, line in sorted(rows))


def samples(folder: Path) -> list[Path]:
    """The sample files of an integration."""
    return sorted(path for path in (folder / "samples").glob("*") if path.is_file() and not path.name.startswith("."))


def read_sample(path: Path, mapper: Mapper, *, only: str | None = None) -> Sample:
    """Read one sample through format recognition, tokeniser and mapper."""
    sample = Sample(path)
    head = path.read_bytes()[: 1 << 16]
    format_ = recognise(head, path.name)
    sequence = 0
    with path.open("rb") as file:
        for framed in format_.frame(file):
            decoded = format_.decode(framed.block)
            count = len(decoded.offsets) - 1
            numbers = np.arange(sequence, sequence + count, dtype=np.int64)
            piece = Piece(decoded.ndjson, decoded.offsets, numbers, np.full(count, RECEIVED, np.int64))
            records, bad = tokenise([piece], source=only or "sample", stream=path.name)
            sequence += count
            sample.raw += [records.raw(i) for i in range(records.rows)]
            batch = mapper.map(records)
            sample.events += batch.events
            sample.leftovers.update(batch.leftovers)
            sample.integrations.update(batch.integrations)
            sample.bad += [found.reason for found in (*framed.bad, *decoded.bad, *bad, *batch.bad)]
    return sample


def _read_all(folder: Path, observe: Observer | None = None) -> tuple[Integration, list[Sample]]:
    integration = load_manifest(folder)
    mapper = Mapper([integration], observe)
    return integration, [read_sample(path, mapper, only=integration.id) for path in samples(folder)]


def _leftovers(found: list[Sample]) -> bytes:
    """`golden/leftovers.toml`: per family the raw names nobody took."""
    families: dict[str, set[str]] = {}
    for sample in found:
        for _, family, name in sample.leftovers:
            families.setdefault(family, set()).add(name)
    lines = ["# What rides under `unmapped`, by family. Written by `watchfloor golden`; review the diff."]
    for family in sorted(families):
        names = "".join(f"    {orjson.dumps(name).decode()},\n" for name in sorted(families[family]))
        lines.append(f"{family} = [\n{names}]")
    return ("\n".join(lines) + "\n").encode()


def accept(folder: Path) -> list[Path]:
    """Write the golden files of an integration; returns those that changed."""
    _, found = _read_all(folder)
    golden = folder / "golden"
    golden.mkdir(exist_ok=True)
    wanted = {golden / f"{sample.path.stem}.ndjson": sample.golden() for sample in found}
    wanted[golden / "leftovers.toml"] = _leftovers(found)
    changed = []
    for path, content in wanted.items():
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
            changed.append(path)
    for path in set(golden.iterdir()) - set(wanted):
        path.unlink()
        changed.append(path)
    return changed


def problems(folder: Path) -> list[str]:
    """Everything in which an integration falls short of its contract; empty when it holds."""
    law = SigmaLaw()
    integration, found = _read_all(folder, law)
    wrong: list[str] = []
    ours = Path(watchfloor.integrations.__path__[0])
    asked = folder.name if folder.resolve().parent == ours.resolve() else folder  # as the command line finds it
    if integration.claims.get("sigma") == "done":
        wrong += law.broken
    if integration.claims.get("fuzz") == "done":
        wrong += fuzzed(integration, [record for sample in found for record in sample.raw], RECEIVED)
    if not (folder / "README.md").is_file():
        wrong.append(f"{folder.name}: README.md is missing")
    if not found:
        wrong.append(f"{folder.name}: samples/ is empty")
    unknown = sorted(set(integration.formats) - set(FORMATS))
    wrong += [f"{folder.name}: there is no format {name!r}; there are: {', '.join(FORMATS)}" for name in unknown]
    stems = Counter(sample.path.stem for sample in found)
    wrong += [f"{folder.name}: two samples named {stem}" for stem, count in stems.items() if count > 1]
    mapped: set[str] = set()
    for sample in found:
        where = f"{folder.name}/samples/{sample.path.name}"
        wrong += [f"{where}: {reason}" for reason in sample.bad]
        if set(sample.integrations) - {integration.id}:
            wrong.append(f"{where}: recognised as {', '.join(sorted(sample.integrations))}")
        golden = folder / "golden" / f"{sample.path.stem}.ndjson"
        if not golden.is_file():
            wrong.append(f"{where}: no golden file yet; run `watchfloor golden {asked} --accept` and review it")
        elif golden.read_bytes() != sample.golden():
            wrong.append(f"{where}: differs from {golden.name}; `watchfloor golden {asked}` shows how")
        for events in sample.events:
            mapped.add(events.class_name)
            wrong += [f"{where}: {events.class_name}: {problem}" for problem in validate(events)]
    leftovers = folder / "golden" / "leftovers.toml"
    if found and leftovers.is_file() and leftovers.read_bytes() != _leftovers(found):
        wrong.append(f"{folder.name}: leftovers differ from golden/leftovers.toml")
    declared = {family.class_name for family in integration.families.values()}
    wrong += [f"{folder.name}: maps to class {name}, which no family declares" for name in sorted(mapped - declared)]
    return wrong


def main(arguments: list[str]) -> int:
    """`python -m watchfloor.testing.integration NAME [--accept]`, for use while writing one."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    root = Path(next(iter(watchfloor.integrations.__path__)))
    status = 0
    for name in names:
        folder = Path(name) if "/" in name else root / name
        if "--accept" in arguments:
            sys.stdout.write("".join(f"wrote {path.name}\n" for path in accept(folder)))
        for line in problems(folder):
            status = 1
            sys.stdout.write(line + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
