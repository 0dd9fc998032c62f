"""Values that everybody meets: an indicator that stands on a warninglist never matches.

Lists as MISP publishes them: `type` says how an entry holds a value, `matching_attributes` which kinds it speaks of.

    string      the value itself                 cidr       an address or network inside it
    hostname    the host and what lies below it  substring  anywhere in the value
                                                 regex      the expression finds something in the value
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from watchfloor.detect.intel import probing
from watchfloor.detect.intel.exact import Exact, distinct
from watchfloor.detect.intel.networks import Networks, networks
from watchfloor.detect.intel.spelling import NONE, Spelt, shown, spelt
from watchfloor.detect.lookup import texts_of
from watchfloor.detect.texts import Texts
from watchfloor.errors import EstateError
from watchfloor.words import Bytes, Hashes, Int32s

__all__ = ["Warninglists", "read_warninglists"]

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "ip": ("ip-src", "ip-dst", "domain|ip", "ip-src|port", "ip-dst|port"),
    "domain": ("domain", "hostname", "domain|ip", "hostname|port"),
    "url": ("url", "uri", "link"),
    "hash": ("md5", "sha1", "sha256", "filename|md5", "filename|sha1", "filename|sha256"),
    "email": ("email", "email-src", "email-dst", "whois-registrant-email", "dns-soa-email"),
    "user_agent": ("user-agent",),
}
"""Kind -> what MISP calls its attributes."""

HOST = r"^[a-z][a-z0-9+.\-]*://(?P<host>[^/:?]+)"
AT_ONCE = 400
"""Parts of one expression: RE2 refuses very long ones."""


@dataclass(slots=True)
class _Entries:
    """Entries of one kind: the value, and the number of its list."""

    values: list[str] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)

    def exact(self, kind: str, key: tuple[np.uint64, np.uint64], mode: int) -> Exact | None:
        spelled = spelt(kind, Texts.of(self.values))
        fine = np.flatnonzero(spelled.state != NONE)
        if len(fine) == 0:
            return None
        spelled = Spelt(spelled.data, spelled.starts[fine], spelled.stops[fine], spelled.state[fine])
        numbers, _ = distinct(spelled, key)
        _, first = np.unique(numbers, return_index=True)
        kept = Spelt(spelled.data, spelled.starts[first], spelled.stops[first], spelled.state[first])
        made = Exact.of(kind, kept, np.array(self.lists, np.int64)[fine][first], key)
        return Exact(mode, made.key, made.shift, made.bloom, made.directory, made.records, made.count)


class Warninglists:
    """All lists together.

    Args:
        lists: the documents, as `read_warninglists` gives them: (name, document).
        key: of the hashes.

    Attributes:
        names: of the lists; others refer to a list by its place here.
        problems: entries that cannot be used.
    """

    def __init__(self, lists: Iterable[tuple[str, Path, Mapping[str, Any]]], key: tuple[np.uint64, np.uint64]) -> None:
        self.names: list[str] = []
        self.problems: list[EstateError] = []
        whole: dict[str, _Entries] = {}
        below: dict[str, _Entries] = {}
        nets = _Entries()
        self._parts: dict[str, list[tuple[int, str]]] = {}
        for name, file, document in lists:
            number = len(self.names)
            self.names.append(name)
            entries = [str(entry) for entry in document["list"]]
            about = set(document.get("matching_attributes") or ())
            kinds = [kind for kind, attributes in ATTRIBUTES.items() if about & set(attributes)]
            how = document.get("type", "string")
            for kind in kinds:
                if kind == "ip":
                    if how in ("cidr", "string"):
                        nets.values += entries
                        nets.lists += [number] * len(entries)
                elif how == "hostname" and kind in ("domain", "url"):
                    _into(below, "domain", entries, number)
                elif how == "string" and not (kind == "url" and not any("://" in entry for entry in entries)):
                    _into(whole, kind, entries, number)
                elif how in ("substring", "regex"):
                    patterns = [re.escape(entry.lower()) if how == "substring" else _bare(entry) for entry in entries]
                    self._parts.setdefault(kind, []).extend(self._usable(number, patterns, file))
        self._whole = {kind: made for kind, some in whole.items() if (made := some.exact(kind, key, probing.WHOLE))}
        self._below = {kind: made for kind, some in below.items() if (made := some.exact(kind, key, probing.PARENTS))}
        bounds, versions = networks(Texts.of(nets.values))
        held = np.flatnonzero(versions)
        self._nets = Networks.of(bounds[held], versions[held], np.array(nets.lists, np.int64)[held])

    def _usable(self, number: int, patterns: list[str], file: Path) -> list[tuple[int, str]]:
        """Expressions in pieces that RE2 takes."""
        made: list[tuple[int, str]] = []
        for start in range(0, len(patterns), AT_ONCE):
            joined = "|".join(f"(?:{pattern})" for pattern in patterns[start : start + AT_ONCE])
            try:
                pc.match_substring_regex(pa.array([""]), joined)
            except pa.ArrowInvalid as error:
                what = f"an expression cannot be used: {str(error).splitlines()[0]}"
                self.problems.append(EstateError(what, file=file, remedy="take it out, or write it for RE2"))
                continue
            made.append((number, joined))
        return made

    def holding(self, kind: str, values: Spelt) -> Int32s:
        """Per value of a kind the number of a list that holds it, -1 where none does."""
        held = np.full(len(values.starts), -1, np.int32)
        if kind in self._whole:
            _mark(held, self._whole[kind], values)
        if kind == "domain" and "domain" in self._below:
            _mark(held, self._below["domain"], values)
        parts, hosts = self._parts.get(kind, ()), "domain" in self._below and kind == "url"
        if len(held) == 0 or not (parts or hosts):
            return held
        texts = pa.array(
            [shown(kind, values.data[a:b].tobytes()) for a, b in zip(values.starts, values.stops, strict=True)]
        )
        for number, pattern in parts:
            held[np.asarray(pc.match_substring_regex(texts, pattern)) & (held < 0)] = number
        if hosts:
            found = pc.extract_regex(texts, HOST)
            names = pc.fill_null(pc.struct_field(found, "host"), "")
            _mark(held, self._below["domain"], spelt("domain", texts_of(names)))
        return held

    def around(self, bounds: Hashes, versions: Bytes) -> Int32s:
        """Per network, as `networks` reads them, the number of a list that holds it, -1 where none does."""
        held = np.full(len(versions), -1, np.int32)
        found = self._nets.find(bounds, versions)
        held[found.texts[::-1]] = found.claims[::-1]
        return held


def _into(some: dict[str, _Entries], kind: str, entries: list[str], number: int) -> None:
    held = some.setdefault(kind, _Entries())
    held.values += entries
    held.lists += [number] * len(entries)


def _mark(held: Int32s, known: Exact, values: Spelt) -> None:
    found = known.find(values)
    mine = held[found.texts] < 0
    held[found.texts[mine]] = found.claims[mine]


def _bare(pattern: str) -> str:
    """`/expression/flags` without its slashes, with its flags in front."""
    found = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL)
    if found is None:
        return pattern
    flags = "".join(flag for flag in found.group(2) if flag in "ims")
    return (f"(?{flags})" if flags else "") + found.group(1)


def read_warninglists(path: Path) -> tuple[list[tuple[str, Path, Mapping[str, Any]]], list[EstateError]]:
    """Lists of a file, or of a folder at any depth (`list.json`, or any other JSON file), and what cannot be read."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    lists: list[tuple[str, Path, Mapping[str, Any]]] = []
    problems: list[EstateError] = []
    if not path.exists():
        problems.append(EstateError("there is no such warninglist", file=path, remedy="check the path in intel/*.toml"))
        return lists, problems
    for file in files:
        try:
            document = orjson.loads(file.read_bytes())
        except (OSError, orjson.JSONDecodeError) as error:
            line = getattr(error, "lineno", None)
            problems.append(EstateError(f"is not JSON: {error}", file=file, line=line, remedy="fetch it again"))
            continue
        if isinstance(document, dict) and isinstance(document.get("list"), list):
            lists.append((str(document.get("name") or file.parent.name), file, document))
        else:
            problems.append(EstateError("is no warninglist of MISP", file=file, remedy='it has a "list" and a "type"'))
    return lists, problems
