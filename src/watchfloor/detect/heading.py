"""What stands at the top of any Sigma document: id, level, status, tags, and what people wrote about it."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any

from watchfloor.detect.lowering import Refused

__all__ = ["attack", "id_of", "one_of", "text", "texts"]

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_ATTACK_OTHER = re.compile(r"attack\.[a-z]\d{4}(?:\.\d{3})?", re.IGNORECASE)
CONTENT = ("title", "logsource", "detection", "filter")
"""What decides the id of a document that has none."""


def id_of(data: dict[str, Any], content: Sequence[str] = CONTENT) -> str:
    """The document's own id in lower case, or one that its content decides.

    Raises:
        Refused: it is not text.
    """
    given = data.get("id")
    if given is None or given == "":
        written = json.dumps([data.get(key) for key in content], default=str)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "sigma:" + hashlib.sha256(written.encode()).hexdigest()))
    if not isinstance(given, str):
        raise Refused(("id",), "the id is not text", "use a UUID")
    return given.strip().lower()


def text(data: dict[str, Any], key: str) -> str | None:
    """The value as text."""
    value = data.get(key)
    return None if value is None else str(value)


def texts(data: dict[str, Any], key: str) -> tuple[str, ...]:
    """The values of a list as texts; a single value is a list of one."""
    value = data.get(key)
    if value is None:
        return ()
    return tuple(str(item) for item in value if item is not None) if isinstance(value, list) else (str(value),)


def one_of(data: dict[str, Any], key: str, allowed: Sequence[str]) -> str | None:
    """One of some words, in lower case.

    Raises:
        Refused: it is another.
    """
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or value.lower() not in allowed:
        raise Refused((key,), f"{value!r} is no {key}", f"use one of: {', '.join(allowed)}")
    return value.lower()


def attack(tags: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """ATT&CK techniques ("T1059.001") and tactics ("defense-evasion") out of tags."""
    techniques = tuple(dict.fromkeys(m[1].upper() for m in map(_TECHNIQUE.fullmatch, tags) if m))
    tactics = tuple(
        dict.fromkeys(
            tag[7:].lower().replace("_", "-")
            for tag in tags
            if tag.lower().startswith("attack.") and not _ATTACK_OTHER.fullmatch(tag)
        )
    )
    return techniques, tactics
