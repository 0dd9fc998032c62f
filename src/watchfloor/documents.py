"""YAML and TOML files of people's own making, read so that every value still knows its line.

Both come back as `Document`: plain data plus `line(path)`. What a hostile or broken file can do is fenced here once:
size, depth, number of values, aliases that multiply or bite their own tail, tags that would build objects, duplicate
keys. YAML is YAML 1.1 as PyYAML reads it (Sigma's own tools do the same) with two deviations: keys are always the text
as written (`on:` stays "on"), and timestamps stay text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.errors import EstateError

if TYPE_CHECKING:
    import yaml

__all__ = ["MAX_ALIASED", "MAX_BYTES", "MAX_DEPTH", "MAX_VALUES", "Document", "parse_toml", "parse_yaml", "read_toml"]

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 200_000
MAX_ALIASED = 10_000  # values that aliases may add on top of what is written

_MARK = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r\n]|\Z)", re.MULTILINE)
_BLANK = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)|%[^\n]*(?:\n|\Z))*\Z")
_DEEP_LEAD = re.compile(rf"^[ \t\-?:]{{{2 * MAX_DEPTH},}}", re.MULTILINE)
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset((_TAG + "str", _TAG + "timestamp", _TAG + "value"))
_TRUE = frozenset(("yes", "true", "on"))
SCALAR, SEQUENCE, MAPPING = "scalar", "sequence", "mapping"
"""What PyYAML's nodes say of themselves: who reads only TOML need not load it."""

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file.

    Args:
        data: dict, list, str, int, float, bool or None, nested; keys are text.
        file: what to call the file in messages.
        first_line: 1-based line on which the document begins.
    """

    data: Any
    file: str
    first_line: int
    _node: Any = field(default=None, repr=False, compare=False)
    _lines: dict[Path_, int] | None = field(default=None, repr=False, compare=False)

    def line(self, *path: str | int) -> int:
        """1-based line of the value at `path` (its key, in a map), or of the nearest enclosing value that exists."""
        if self._lines is not None:
            for size in range(len(path), 0, -1):
                if path[:size] in self._lines:
                    return self._lines[path[:size]]
            return self.first_line
        node, line = self._node, self.first_line
        if node is not None:
            line = self.first_line + node.start_mark.line
        for step in path:
            if node is not None and node.id == MAPPING:
                found = next(((k, v) for k, v in node.value if k.value == step), None)
                if found is None:
                    break
                line, node = self.first_line + found[0].start_mark.line, found[1]
            elif node is not None and node.id == SEQUENCE and isinstance(step, int) and 0 <= step < len(node.value):
                node = node.value[step]
                line = self.first_line + node.start_mark.line
            else:
                break
        return line


def parse_yaml(payload: bytes, file: str | Path) -> Iterator[Document | EstateError]:
    """Every document of a YAML stream; a document that cannot be read comes as the error it is, the rest goes on.

    Empty documents are left out. `---` at the start of a line always separates documents (YAML 1.1, section 9.1), so
    one that is broken cannot take its neighbours with it.
    """
    name = str(file)
    if len(payload) > MAX_BYTES:
        what = f"the file has {len(payload):,} bytes; at most {MAX_BYTES:,} are read"
        yield EstateError(what, file=name, line=1, remedy="split it into several files")
        return
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = payload.count(b"\n", 0, error.start) + 1
        yield EstateError("the file is not UTF-8 text", file=name, line=line, remedy="save it as UTF-8")
        return
    start, line = 0, 1
    for chunk in (*(m.start() for m in _MARK.finditer(text)), len(text)):
        piece = text[start:chunk]
        if piece:
            body = piece
            if _MARK.match(piece):
                body = "   " + piece[3:]
            if not _BLANK.match(body):
                yield _document(body, name, line)
        line += piece.count("\n")
        start = chunk


def _document(text: str, file: str, first_line: int) -> Document | EstateError:
    """One document's text (no separators) into a Document or the reason why not."""
    import yaml

    try:
        if text.count("[") + text.count("{") > MAX_DEPTH or _DEEP_LEAD.search(text):
            _measure_depth(text)
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
            data = None if node is None else _Builder(loader).build(node)
        finally:
            loader.dispose()
    except _NotAllowed as error:
        return EstateError(error.what, file=file, line=first_line + error.line, remedy=error.remedy)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"not valid YAML: {error.problem or error.context or 'cannot be read'}"
        remedy = "check indentation, quotes and colons around this line"
        return EstateError(what, file=file, line=first_line + (0 if mark is None else mark.line), remedy=remedy)
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        line = first_line + (text.count("\n", 0, position) if isinstance(position, int) else 0)
        reason = getattr(error, "reason", None) or "cannot be read"
        remedy = "this does not look like a text file; remove the binary or control characters"
        return EstateError(f"not valid YAML: {reason}", file=file, line=line, remedy=remedy)
    except (ValueError, OverflowError) as error:
        return EstateError(
            f"a value cannot be read: {error}", file=file, line=first_line, remedy="put the value in quotes"
        )
    return Document(data, file, first_line, _node=node)


class _NotAllowed(Exception):
    """Valid YAML that we refuse; `line` counts from the start of the document, from 0."""

    def __init__(self, what: str, line: int, remedy: str) -> None:
        super().__init__(what)
        self.what, self.line, self.remedy = what, line, remedy


def _measure_depth(text: str) -> None:
    """Refuse deep nesting from the flat event stream, before anything recursive touches it."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line if event.start_mark else 0
                raise _NotAllowed(f"nested deeper than {MAX_DEPTH} levels", line, "flatten it")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Plain data out of composed nodes, counting what it makes."""

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self.loader = loader
        self.open: set[int] = set()
        self.seen: set[int] = set()
        self.made = 0
        self.repeated = 0

    def build(self, node: Any) -> Any:
        self.made += 1
        if self.made > MAX_VALUES:
            raise _NotAllowed(f"more than {MAX_VALUES:,} values", node.start_mark.line, "split it into several files")
        if node.id == SCALAR:
            return self._scalar(node)
        key = id(node)
        if key in self.open:
            raise _NotAllowed("an alias refers to the value it stands in", node.start_mark.line, "remove the cycle")
        if len(self.open) >= MAX_DEPTH:
            raise _NotAllowed(f"nested deeper than {MAX_DEPTH} levels", node.start_mark.line, "flatten it")
        if key in self.seen:
            self.repeated += 1 + len(node.value)
            if self.repeated > MAX_ALIASED:
                what = f"aliases repeat more than {MAX_ALIASED:,} values"
                raise _NotAllowed(what, node.start_mark.line, "write the values out")
        self.seen.add(key)
        self.open.add(key)
        try:
            if node.id == SEQUENCE and node.tag == _TAG + "seq":
                return [self.build(child) for child in node.value]
            if node.id == MAPPING and node.tag == _TAG + "map":
                return self._mapping(node)
        finally:
            self.open.discard(key)
        raise _NotAllowed(f"the tag {node.tag} is not allowed", node.start_mark.line, "remove the tag")

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        for key, value in node.value:
            if key.id != SCALAR:
                raise _NotAllowed("a key is a list or a map", key.start_mark.line, "use plain text as key")
            if key.tag == _TAG + "merge":
                parts = self.build(value)
                for part in parts if isinstance(parts, list) else [parts]:
                    if not isinstance(part, dict):
                        raise _NotAllowed("`<<` merges something that is no map", key.start_mark.line, "remove it")
                    merged.append(part)
                continue
            name = key.value
            if name in made:
                remedy = "remove one, or give the two different names"
                raise _NotAllowed(f"the key {name!r} occurs twice in one map", key.start_mark.line, remedy)
            made[name] = self.build(value)
        for part in merged:
            made = {**part, **made}
        return made

    def _scalar(self, node: yaml.ScalarNode) -> str | int | float | bool | None:
        tag = node.tag
        if tag in _TEXT_TAGS or tag == _TAG + "merge":
            return str(node.value)
        if tag == _TAG + "int":
            return int(self.loader.construct_yaml_int(node))
        if tag == _TAG + "null":
            return None
        if tag == _TAG + "bool":
            return node.value.lower() in _TRUE
        if tag == _TAG + "float":
            return float(self.loader.construct_yaml_float(node))
        raise _NotAllowed(f"the tag {tag} is not allowed", node.start_mark.line, "remove the tag")


_TOML_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_TOML_KEY = re.compile(
    r"""^\s*((?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)(?:\s*\.\s*(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+))*)\s*="""
)
_TOML_PART = re.compile(r""""([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)""")
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)\s*$")


def parse_toml(payload: bytes, file: str | Path) -> Document:
    """A TOML document.

    Raises:
        EstateError: it is too large, not UTF-8 or not TOML 1.0 (duplicate keys included), with its line.
    """
    name = str(file)
    if len(payload) > MAX_BYTES:
        what = f"the file has {len(payload):,} bytes; at most {MAX_BYTES:,} are read"
        raise EstateError(what, file=name, line=1, remedy="split it into several files")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = payload.count(b"\n", 0, error.start) + 1
        raise EstateError("the file is not UTF-8 text", file=name, line=line, remedy="save it as UTF-8") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        what = f"not valid TOML: {_TOML_PLACE.sub('', str(error))}"
        raise EstateError(what, file=name, line=line, remedy="see https://toml.io for the syntax") from None
    except (RecursionError, ValueError) as error:
        raise EstateError(f"not readable TOML: {error}", file=name, line=1, remedy="flatten it") from None
    return Document(data, name, 1, _lines=_toml_lines(text))


def read_toml(path: Path) -> Document:
    """A TOML file.

    Raises:
        EstateError: it cannot be opened, or as `parse_toml`.
    """
    try:
        payload = path.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise EstateError(what, file=path, remedy="check that it exists and may be read") from None
    return parse_toml(payload, path)


def _toml_parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in _TOML_PART.findall(dotted))


def _toml_lines(text: str) -> dict[Path_, int]:
    """Path -> line for tables and for keys that stand at the start of a line, which is how people write TOML."""
    lines: dict[Path_, int] = {}
    counts: dict[tuple[str, ...], int] = {}
    prefix: Path_ = ()
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        if fence:
            if fence in line:
                fence = ""
            continue
        table = _TOML_TABLE.match(line)
        if table:
            parts = _toml_parts(table[2])
            if table[1] == "[[":
                counts[parts] = counts.get(parts, -1) + 1
            prefix = ()
            for size in range(1, len(parts) + 1):
                prefix += (parts[size - 1],)
                if parts[:size] in counts:
                    lines.setdefault(prefix, number)
                    prefix += (counts[parts[:size]],)
            lines.setdefault(prefix, number)
            continue
        key = _TOML_KEY.match(line)
        if key:
            path: Path_ = prefix
            for part in _toml_parts(key[1]):
                path += (part,)
                lines.setdefault(path, number)
        for quote in ('"""', "'''"):
            if line.count(quote) % 2:
                fence = quote
    return lines
