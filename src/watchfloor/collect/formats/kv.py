"""Lines of `key=value`: firewalls (FortiGate, Sophos, pf), logfmt, and much else."""

from __future__ import annotations

import re
from typing import Any

from watchfloor.collect.formats.cef import add
from watchfloor.collect.formats.lines import LineFormat, share
from watchfloor.collect.formats.syslog import header

__all__ = ["KV", "KeyValue", "pairs"]

_PAIR = re.compile(
    r"""(?:^|(?<=[\s,;]))([A-Za-z_@][\w.@/:-]*)=(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s,;"'][^\s]*|))"""
)
_SNIFF = re.compile(
    rb"""(?:<\d{1,3}>)?(?:[A-Za-z_@][\w.@/:-]*=(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"]*)[\s,;]+){2,}"""
    rb"""[A-Za-z_@][\w.@/:-]*="""
)
_ESCAPED = re.compile(r'\\(["\'\\])')


class KeyValue(LineFormat):
    """`key=value` lines, values bare or quoted; a syslog header before them becomes `syslog.<field>`."""

    name = "kv"

    def sniff(self, head: bytes, name: str) -> float:
        """By the share of lines that begin with three pairs."""
        return 0.82 * share(head, _SNIFF)

    def fields(self, line: str) -> dict[str, Any]:
        """The pairs; words outside them are `_text`; a line without any pair is `message`."""
        before, rest = header(line)
        if before and "app_name" in before and "=" in before["app_name"]:
            before, rest = {}, line  # a pair taken for a syslog tag
        record, text = pairs(rest)
        if not record:
            return {"message": rest, **({"syslog": before} if before else {})}
        if text:
            record["_text"] = text
        if before:
            record["syslog"] = before
        return record


def pairs(line: str) -> tuple[dict[str, Any], str]:
    """The pairs of a line, and what stands between them."""
    record: dict[str, Any] = {}
    loose: list[str] = []
    at = 0
    for found in _PAIR.finditer(line):
        loose.append(line[at : found.start()])
        at = found.end()
        if found[2] is not None or found[3] is not None:
            value = found[2] if found[2] is not None else found[3]
            value = _ESCAPED.sub(r"\1", value) if "\\" in value else value
        else:
            value = found[4].rstrip(",;")
        add(record, found[1], value)
    loose.append(line[at:])
    return record, " ".join(part.strip(" ,;\t") for part in loose if part.strip(" ,;\t"))


KV = KeyValue()
