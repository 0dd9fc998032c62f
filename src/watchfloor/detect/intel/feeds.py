"""Which files hold indicators: `intel/*.toml` of an estate, and `intel/verdicts.csv`.

    [[feed]]                                    [[warninglist]]
    id = "sector-cert"                          path = "feeds/warninglists"
    path = "feeds/sector/*.json"
    tlp = "amber"                               [join]
    decay = "nids"                              always = ["ip", "domain"]

How a file is written is seen from its first bytes, whatever it is called.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from watchfloor.detect.intel.collection import KEYS as COLLECTION
from watchfloor.detect.intel.collection import Collection, NoCollection, collection_of
from watchfloor.detect.intel.gathered import Defaults, Gathered
from watchfloor.detect.intel.indicator import BASES, DAY_MS, DECAYS, KINDS, TLPS
from watchfloor.detect.intel.intelligence import Intelligence
from watchfloor.detect.intel.lists import COLUMNS, read_csv, read_kev, read_list
from watchfloor.detect.intel.misp import read_misp
from watchfloor.detect.intel.stix import moment_of, read_stix
from watchfloor.detect.intel.verdicts import read_verdicts
from watchfloor.detect.intel.warninglists import Warninglists, read_warninglists
from watchfloor.documents import Document, read_toml
from watchfloor.errors import EstateError

__all__ = ["FEED", "FOLDER", "JOIN", "WARNINGLIST", "Feeds", "Read", "files_of", "read"]

FOLDER = "intel"
"""Folder of an estate in which its feeds are named."""

FORMATS = ("stix", "misp", "kev", "csv", "list")

FEED: Mapping[str, str] = {
    "id": "stable name of the feed; findings name it",
    "path": "file, folder or glob, relative to estate.toml; `.gz` is unpacked",
    "format": f"one of {', '.join(FORMATS)}, where it should not be seen from the file",
    "kind": "kind of a list's values, where they should not be told by their looks",
    "tlp": "who may see it, where the feed does not say (default: amber)",
    "basis": "lawful basis (GDPR, article 6); required for plates, badges and persons",
    "confidence": "0 to 100, where the feed does not say (default: 50)",
    "expires_days": "an indicator ends so long after it was written or last seen (default: never)",
    "decay": f"how confidence fades: {', '.join(DECAYS)} (default: none)",
    "labels": "what all of it is called (list)",
    "written": "when the feed was written, like 2026-05-31, where it does not say (default: the file's own time)",
    "columns": "what a CSV file calls our columns (table)",
    **COLLECTION,
}
"""Keys of `[[feed]]`."""

WARNINGLIST: Mapping[str, str] = {"path": "a warninglist of MISP (JSON), or a folder of them, relative to estate.toml"}
"""Keys of `[[warninglist]]`."""

JOIN: Mapping[str, str] = {"always": "kinds that are looked up in every event, whether or not a rule asks (list)"}
"""Keys of `[join]`."""


@dataclass(slots=True)
class Feeds:
    """What the files under `intel/` name; `collections` are those that fill files of feeds, when somebody asks."""

    feeds: list[tuple[Defaults, Path, str]] = field(default_factory=list)
    collections: list[tuple[Collection, Path]] = field(default_factory=list)
    warninglists: list[Path] = field(default_factory=list)
    always: frozenset[str] = frozenset()

    @classmethod
    def of(cls, folder: Path) -> Feeds:
        """From the estate's folder; nothing where it has no folder `intel`.

        Raises:
            EstateError: a TOML file there is wrong; with file and line.
        """
        made = cls()
        for file in sorted((folder / FOLDER).glob("*.toml")):
            made._read(read_toml(file), folder)
        return made

    def _read(self, document: Document, folder: Path) -> None:
        for table in document.data:
            if table not in ("feed", "warninglist", "join"):
                raise _wrong(document, (table,), f"unknown table [{table}]", "known: [[feed]], [[warninglist]], [join]")
        for number, one in enumerate(_tables(document, "feed")):
            defaults, path, format_ = _feed(document, number, one)
            if defaults.source in {other.source for other, _, _ in self.feeds} | {"verdicts"}:
                what = f"two feeds are named {defaults.source!r}"
                raise _wrong(document, ("feed", number, "id"), what, "give each its own id; `verdicts` is taken")
            self.feeds.append((defaults, folder / path, format_))
            collection = _collection(document, number, one, path)
            if collection is not None:
                self.collections.append((collection, folder / path))
        for number, one in enumerate(_tables(document, "warninglist")):
            _known(document, ("warninglist", number), one, WARNINGLIST)
            self.warninglists.append(folder / _text(document, ("warninglist", number), one, "path"))
        join = document.data.get("join", {})
        if not isinstance(join, dict):
            raise _wrong(document, ("join",), "[join] is not a table", "write [join] on a line of its own")
        _known(document, ("join",), join, JOIN)
        self.always |= frozenset(_texts(document, ("join",), join, "always", KINDS))

    @property
    def any(self) -> bool:
        """Whether anything is named at all."""
        return bool(self.feeds or self.warninglists or self.always)


@dataclass(frozen=True, slots=True)
class Read:
    """What came of an estate's feeds.

    Args:
        problems: what cannot be read, with file, line and remedy; at most `MOST_PROBLEMS` of a file.
        unread: per file how many entries could not be read.
        passed: per reason how many entries are no indicators of ours.
        broken: files of which nothing could be read.
        digest: by which all files together are known.
    """

    intelligence: Intelligence
    always: frozenset[str]
    problems: tuple[EstateError, ...]
    unread: Mapping[str, int]
    passed: Mapping[str, int]
    broken: tuple[EstateError, ...]
    digest: str


def read(folder: Path, zone: ZoneInfo, key: tuple[np.uint64, np.uint64]) -> Read | None:
    """All indicators of an estate; None where it names none.

    Args:
        folder: the estate's.
        zone: of days and times that name none.
        key: of the hashes.

    Raises:
        EstateError: a TOML file under `intel/` is wrong. What is wrong in a feed is a problem; the rest is read.
    """
    feeds, verdicts = Feeds.of(folder), folder / FOLDER / "verdicts.csv"
    if not feeds.any and not verdicts.is_file():
        return None
    gathered, digest = Gathered(), blake2b(digest_size=8)
    for defaults, path, format_ in feeds.feeds:
        files = _files(path)
        if not files:
            fetched = any(one.feed == defaults.source for one, _ in feeds.collections)
            remedy = "fetch it: watchfloor pull ESTATE" if fetched else "check its path in intel/*.toml"
            gathered.breaks(path, None, f"feed {defaults.source!r} has no file", remedy)
        for file in files:
            _file(file, defaults, format_, gathered, digest)
    if verdicts.is_file():
        digest.update(verdicts.read_bytes())
        read_verdicts(verdicts, zone, gathered)
    lists = []
    for path in feeds.warninglists:
        found, problems = read_warninglists(path)
        lists += found
        gathered.problems += problems
        digest.update(repr([(name, len(one["list"]), one.get("version")) for name, _, one in found]).encode())
    warninglists = Warninglists(lists, key)
    made = Intelligence.of(gathered, warninglists, key)
    told = (*gathered.problems, *warninglists.problems)
    return Read(made, feeds.always, told, gathered.unread, gathered.passed, tuple(gathered.broken), digest.hexdigest())


def files_of(folder: Path) -> list[Path]:
    """All files that an estate's indicators come from, as far as they are there.

    Raises:
        EstateError: a TOML file under `intel/` is wrong.
    """
    feeds = Feeds.of(folder)
    named = [file for _, path, _ in feeds.feeds for file in _files(path)]
    lists = [file for path in feeds.warninglists for file in (path.rglob("*.json") if path.is_dir() else [path])]
    return [*(folder / FOLDER).glob("*"), *named, *lists]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.is_file() and one.name != "manifest.json")
    if path.is_file():
        return [path]
    parts = path.parts
    magic = next((number for number, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return (
        sorted(one for one in Path(*parts[:magic]).glob("/".join(parts[magic:])) if one.is_file())
        if parts[magic:]
        else []
    )


def _file(file: Path, defaults: Defaults, format_: str, gathered: Gathered, digest: Any) -> None:
    try:
        payload = file.read_bytes()
        if payload[:2] == b"\x1f\x8b":
            payload = gzip.decompress(payload)
        written = int(file.stat().st_mtime * 1000) if defaults.written is None else defaults.written
    except (OSError, EOFError, zlib.error) as error:
        return gathered.breaks(file, None, f"cannot be read: {error}", "it should be a whole file that we may read")
    digest.update(blake2b(payload, digest_size=8).digest())
    if defaults.lifetime_ms is not None or defaults.decay != "none":
        defaults = replace(defaults, written=written)
    if format_ in ("csv", "list"):
        return (read_csv if format_ == "csv" else read_list)(payload, file, defaults, gathered)
    head = payload[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not format_ and head[:1] not in (b"{", b"["):
        return (read_csv if _has_header(head, defaults) else read_list)(payload, file, defaults, gathered)
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return gathered.breaks(file, error.lineno, f"is not JSON: {error.msg}", "fetch it again, or say its format")
    objects = document.get("objects") if isinstance(document, dict) else document
    if isinstance(document, dict) and "type" in document and "id" in document and objects is None:
        objects = [document]  # one object by itself
    if objects is document and not (document and isinstance(document[0], dict) and "type" in document[0]):
        objects = None  # a list of something else
    if isinstance(objects, list) and format_ in ("", "stix"):
        return read_stix(objects, payload, file, defaults, gathered)
    if isinstance(document, dict) and isinstance(document.get("vulnerabilities"), list) and format_ in ("", "kev"):
        return read_kev(document, payload, file, defaults, gathered)
    if (isinstance(document, list) or {"Event", "response", "Attribute"} & set(document)) and format_ in ("", "misp"):
        return read_misp(document, payload, file, defaults, gathered)
    return gathered.breaks(file, 1, f"is no {format_ or 'feed that is known'}", f"formats: {', '.join(FORMATS)}")


def _has_header(head: bytes, defaults: Defaults) -> bool:
    """Whether the first lines of a text name a column for the value."""
    names = {"value", "indicator", "ioc", *(theirs.lower() for ours, theirs in defaults.columns if ours == "value")}
    for line in head.decode("utf-8", "replace").splitlines()[:20]:
        cells = {cell.strip().strip('"').lower() for cell in line.lstrip("# ").split(",")}
        if len(cells) > 1 and cells & names:
            return True
        if line.strip() and not line.startswith("#"):
            return bool(cells & names)
    return False


# -- TOML -------------------------------------------------------------------------------------------------------------


def _feed(document: Document, number: int, one: Mapping[str, Any]) -> tuple[Defaults, str, str]:
    at = ("feed", number)
    _known(document, at, one, FEED)
    days = one.get("expires_days")
    if days is not None and (isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days < 40_000):
        raise _wrong(document, (*at, "expires_days"), f"expires_days {days!r} is no number of days", "like 30")
    confidence = one.get("confidence", 50)
    if isinstance(confidence, bool) or not isinstance(confidence, int) or not 0 <= confidence <= 100:
        raise _wrong(document, (*at, "confidence"), f"confidence {confidence!r} is not from 0 to 100", "like 80")
    columns = one.get("columns", {})
    if not isinstance(columns, dict) or not all(k in COLUMNS and isinstance(v, str) for k, v in columns.items()):
        raise _wrong(document, (*at, "columns"), "columns is no table of our columns", f"ours: {', '.join(COLUMNS)}")
    try:
        written = moment_of(one["written"]) if "written" in one else None
    except (ValueError, OverflowError) as error:
        raise _wrong(document, (*at, "written"), str(error), "like 2026-05-31") from None
    defaults = Defaults(
        source=_text(document, at, one, "id"),
        kind=_one_of(document, at, one, "kind", KINDS, ""),
        tlp=_one_of(document, at, one, "tlp", TLPS, "amber"),
        basis=_one_of(document, at, one, "basis", BASES, ""),
        confidence=confidence,
        lifetime_ms=None if days is None else int(days * DAY_MS),
        decay=_one_of(document, at, one, "decay", DECAYS, "none"),
        labels=tuple(sorted(_texts(document, at, one, "labels"))),
        written=written,
        columns=tuple(sorted(columns.items())),
    )
    return defaults, _text(document, at, one, "path"), _one_of(document, at, one, "format", FORMATS, "")


def _collection(document: Document, number: int, one: Mapping[str, Any], path: str) -> Collection | None:
    at = ("feed", number)
    try:
        found = collection_of(str(one["id"]), one)
    except NoCollection as error:
        raise _wrong(document, (*at, error.key), error.what, error.remedy) from None
    if found is not None and (set(path) & set("*?[") or path.endswith("/")):
        raise _wrong(document, (*at, "path"), f"{path!r} is not one file", 'like "feeds/sector.json"')
    if found is not None and one.get("format", "stix") != "stix":
        raise _wrong(document, (*at, "format"), "TAXII gives STIX", 'leave format out, or write "stix"')
    return found


def _tables(document: Document, name: str) -> list[dict[str, Any]]:
    found = document.data.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _wrong(document, (name,), f"{name} is not a list of tables", f"write [[{name}]] before each")
    return found


def _known(document: Document, at: tuple[str | int, ...], one: Mapping[str, Any], keys: Mapping[str, str]) -> None:
    for key in one:
        if key not in keys:
            raise _wrong(document, (*at, key), f"there is no key {key!r} here", f"it has: {', '.join(keys)}")


def _text(document: Document, at: tuple[str | int, ...], one: Mapping[str, Any], key: str) -> str:
    value = one.get(key)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise _wrong(document, (*at, key), f"{key} is missing, or no text", {**FEED, **WARNINGLIST}[key])
    return value


def _one_of(
    document: Document, at: tuple[str | int, ...], one: Mapping[str, Any], key: str, known: Any, default: str
) -> str:
    value = one.get(key, default)
    if value != default and value not in known:
        raise _wrong(document, (*at, key), f"{key} {value!r} is not known", f"one of: {', '.join(known)}")
    return str(value)


def _texts(
    document: Document, at: tuple[str | int, ...], one: Mapping[str, Any], key: str, known: Any = None
) -> list[str]:
    value = one.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise _wrong(document, (*at, key), f"{key} is no list of text", f'write {key} = ["..."]')
    for part in value:
        if known is not None and part not in known:
            raise _wrong(document, (*at, key), f"{part!r} in {key} is not known", f"one of: {', '.join(known)}")
    return value


def _wrong(document: Document, at: tuple[str | int, ...], what: str, remedy: str) -> EstateError:
    return EstateError(what, file=document.file, line=document.line(*at), remedy=remedy)
