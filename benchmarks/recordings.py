"""Recorded attacks that lie beside the project, one recording at a time, and what their makers say they are.

What a label is differs from set to set; each set's `SOURCE.txt` tells, and so does the docstring of each function here.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

SUCCESSORS = {
    "T1562": ("T1685", "T1686", "T1689", "T1690"), "T1562.001": ("T1685",), "T1562.002": ("T1685.001",),
    "T1562.003": ("T1690",), "T1562.004": ("T1686", "T1686.003"), "T1562.007": ("T1686.001",),
    "T1562.008": ("T1685.002",), "T1562.010": ("T1689",), "T1562.012": ("T1685.004",), "T1070.001": ("T1685.005",),
    "T1070.002": ("T1685.006",),
}  # fmt: skip
"""Techniques that ATT&CK v19 renumbered -> how rules written since call them.

The recordings are labelled with older numbers, SigmaHQ's rules carry the new ones. Read off the rules that had the old
number and have the new one; no bundle of v19 is at hand.
"""

TACTICS = {"defense-evasion": ("defense-evasion", "defense-impairment", "stealth")}
"""Tactics that ATT&CK v19 split or renamed."""

CAPTURES = (".cap", ".pcap", ".pcapng")

_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")


@dataclass(frozen=True, slots=True)
class Label:
    """What a recording shows.

    Args:
        name: as a table prints it.
        techniques: ATT&CK ids; one without a sub-technique leaves open which.
        tactics: ATT&CK tactics, where nothing finer is said.
    """

    name: str
    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()

    def exact(self, techniques: tuple[str, ...], tactics: tuple[str, ...]) -> bool:
        """Whether a rule with these tags names what the label names."""
        if not self.techniques:
            return any(name in tactics for tactic in self.tactics for name in TACTICS.get(tactic, (tactic,)))
        return any(
            found == one or ("." not in one and found.startswith(f"{one}."))
            for label in self.techniques
            for one in (label, *SUCCESSORS.get(label, ()))
            for found in techniques
        )

    def family(self, techniques: tuple[str, ...], tactics: tuple[str, ...]) -> bool:
        """The same, whatever the sub-technique."""
        whole = tuple(label.partition(".")[0] for label in self.techniques)
        beside = tuple(one.partition(".")[0] for label in self.techniques for one in SUCCESSORS.get(label, ()))
        return Label(self.name, (*whole, *beside), self.tactics).exact(techniques, tactics)


@dataclass(frozen=True, slots=True)
class Recording:
    """Files of one attack; `unread` says why there are none."""

    name: str
    label: Label
    files: tuple[Path, ...] = ()
    unread: str = ""


def mordor(folder: Path, into: Path) -> Iterator[Recording]:
    """OTRF Security-Datasets: the techniques of `index.csv`. Each is an attack with ordinary life around it, in which
    no record is marked as the one or the other."""
    told = {row["file"]: row for row in csv.DictReader((folder / "index.csv").read_text("utf-8").splitlines())}
    for path in sorted((folder / "files").rglob("*.zip")):
        row = told.get(path.name)
        found = _TECHNIQUE.findall(row["techniques"]) if row else []
        techniques = tuple(one for one in found if one != "T0000")
        label = Label(", ".join(techniques) or "not labelled", techniques)
        name = f"{path.parent.name}/{path.stem}"
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.namelist() if "__MACOSX" not in one and not one.endswith("/")]
            if all(one.endswith(CAPTURES) for one in members):
                yield Recording(name, label, unread="packets only")
                continue
            yield Recording(name, label, tuple(_unpacked(archive, one, into / name) for one in members))


def evtx_to_mitre(folder: Path, into: Path) -> Iterator[Recording]:
    """EVTX-to-MITRE-Attack: one behaviour a file, named by its folder; `xxx` leaves the sub-technique open."""
    manifest = gzip.decompress((folder / "manifest.csv.gz").read_bytes()).decode()
    with zipfile.ZipFile(folder / "evtx.zip") as archive:
        for number, row in enumerate(csv.DictReader(io.StringIO(manifest))):
            techniques = tuple(_TECHNIQUE.findall(row["technique"].removesuffix(".xxx")))
            label = Label(", ".join(techniques) or "not labelled", techniques)
            file = into / f"{number:03d}.evtx"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(archive.read(row["file"]))
            yield Recording(Path(row["file"]).stem, label, (file,))


def stratus(folder: Path, into: Path) -> Iterator[Recording]:
    """Stratus Red Team: CloudTrail of one detonation a file; its name tells the tactic, and no technique of ATT&CK."""
    for path in sorted(folder.glob("aws.*")):
        name = path.name.partition(".json")[0]
        tactic = name.split(".")[1]
        file = into / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
        yield Recording(name, Label(name.removeprefix("aws."), tactics=(tactic,)), (file,))


@dataclass(frozen=True, slots=True)
class Judged:
    """One audit record of the tests of Panther's rules.

    Args:
        source: whose log it is, as Panther names it.
        label: the techniques that Panther's rule names.
        expected: whether Panther's rule must fire on it.
    """

    source: str
    label: Label
    expected: bool


def panther(folder: Path, file: Path) -> list[Judged]:
    """Tests of panther-analysis: writes the records to `file`, one a line; gives what each is, in that order."""
    told = []
    rows = [orjson.loads(line) for line in gzip.decompress((folder / "events.jsonl.gz").read_bytes()).splitlines()]
    with file.open("wb") as out:
        for row in rows:
            out.write(orjson.dumps(row["log"]) + b"\n")
            said = " ".join((row["reports"] or {}).get("MITRE ATT&CK") or ())
            techniques = tuple(_TECHNIQUE.findall(said))
            kinds = row["log_types"] or []
            told.append(Judged(kinds[0] if len(kinds) == 1 else "several", Label("", techniques), row["expected"]))
    return told


def _unpacked(archive: zipfile.ZipFile, member: str, into: Path) -> Path:
    into.mkdir(parents=True, exist_ok=True)
    file = into / Path(member).name
    file.write_bytes(archive.read(member))
    return file
