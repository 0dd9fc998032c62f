"""A command line as most people write it, understood at once: `where PERSON --at T --json`.

The parser of all command lines (cyclopts) takes longer to import than some answers take. What is written in the one
usual way is understood here, by what the verb's own function says of its parameters; everything else, and whatever
is wrong, is left to the parser, so that there is one place that complains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["understood"]

READ: Mapping[str, Callable[[str], Any]] = {"str": str, "str | None": str, "Path": Path, "Path | None": Path}
"""Type of a parameter, as it is written -> what makes one of a word."""


def understood(verb: Callable[..., Any], words: Sequence[str]) -> dict[str, Any] | None:
    """The arguments of a verb out of the words behind its name; None where the parser has to judge.

    Args:
        verb: a function whose positional parameters are wanted in order and whose other ones are options.
    """
    code, types = verb.__code__, verb.__annotations__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    places = list(names[: code.co_argcount])
    found: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        option = word.startswith("-")
        written, given, value = word[2:].partition("=") if option else ("", "", word)
        name = written.replace("-", "_") if option else places.pop(0) if places else ""
        if word.startswith("-") and (not word.startswith("--") or name in code.co_varnames[: code.co_argcount]):
            return None
        if name not in names or name in found:
            return None
        if option and types[name] == "bool" and not given:
            found[name] = True
            continue
        if option and not given:
            value = next(left, "-")
        if types[name] not in READ or value.startswith("-") or not value:
            return None
        found[name] = READ[types[name]](value)
    wanted = len(places) - len(verb.__defaults__ or ())
    required = set(names[code.co_argcount :]) - set(verb.__kwdefaults__ or ()) - set(found)
    return None if wanted > 0 or required else found
