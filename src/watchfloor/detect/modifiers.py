"""Sigma's value modifiers: pySigma's, and ours where it is narrower than the specification v2.1.0.

* `utf16le` is in the specification and unknown to pySigma 2.0.1;
* text outside ASCII goes through `wide`, `utf16..` and `base64` byte for byte, pySigma refuses it;
* `startswith` and `endswith` anchor a regular expression, pySigma's version says nothing there.

pySigma's own tables stay untouched.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import re2
from sigma.exceptions import SigmaTypeError
from sigma.modifiers import (
    SigmaBase64Modifier,
    SigmaBase64OffsetModifier,
    SigmaContainsModifier,
    SigmaEndswithModifier,
    SigmaStartswithModifier,
    SigmaValueModifier,
    modifier_mapping,
)
from sigma.policy import SigmaPolicy
from sigma.types import SigmaExpansion, SigmaFieldReference, SigmaRegularExpression, SigmaString

__all__ = ["MODIFIERS", "POLICY"]


class _QuietRe2:
    """RE2 for pySigma's checks: says nothing on the console and compiles a pattern once."""

    error = re2.error

    def __init__(self) -> None:
        self.options = re2.Options()
        self.options.log_errors = False
        self.options.max_mem = 8 << 20

    def compile(self, pattern: str, flags: int = 0) -> Any:
        prefix = "".join(name for flag, name in ((re.I, "i"), (re.M, "m"), (re.S, "s")) if flags & flag)
        try:
            return re2.compile(f"(?{prefix}){pattern}" if prefix else pattern, self.options)
        except re2.error as error:
            reason = error.args[0] if error.args else error
            raise re2.error(reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason) from None


class _Utf16(SigmaValueModifier):  # type: ignore[misc]
    """Text as its UTF-16 bytes, each byte one character, so that `base64` after it sees exactly these bytes."""

    codec = "utf-16-le"
    mark = ""

    def modify(self, val: SigmaString) -> SigmaString:
        parts = [part.encode(self.codec).decode("latin-1") if isinstance(part, str) else part for part in val.s]
        made = SigmaString()
        made.s = [self.mark, *parts] if self.mark else parts
        return made._merge_strs()


class _Utf16Be(_Utf16):
    codec = "utf-16-be"


class _Utf16Marked(_Utf16):
    mark = "\xff\xfe"


def _payload(modifier: Any, val: SigmaString) -> bytes:
    """The bytes a base64 modifier encodes."""
    if val.contains_special():
        raise _NotInBase64("a value with wildcards cannot be encoded in base64")
    text = "".join(part for part in val.s if isinstance(part, str))
    wide = any(isinstance(applied, type) and issubclass(applied, _Utf16) for applied in modifier.applied_modifiers)
    return text.encode("latin-1" if wide else "utf-8")


class _NotInBase64(SigmaTypeError):  # type: ignore[misc]
    pass


def _plain(text: str) -> SigmaString:
    """Text without wildcards, whatever characters it has."""
    made = SigmaString()
    made.s = [text] if text else []
    return made


class _Base64(SigmaBase64Modifier):  # type: ignore[misc]
    def modify(self, val: SigmaString) -> SigmaString:
        return _plain(b64encode(_payload(self, val)).decode())


class _Base64Offset(SigmaBase64OffsetModifier):  # type: ignore[misc]
    def modify(self, val: SigmaString) -> SigmaExpansion:
        data = _payload(self, val)
        return SigmaExpansion(
            [
                _plain(
                    b64encode(shift * b" " + data)[
                        self.start_offsets[shift] : self.end_offsets[(len(data) + shift) % 3]
                    ].decode()
                )
                for shift in range(3)
            ]
        )


def _anchored(val: SigmaRegularExpression, before: str, after: str) -> SigmaRegularExpression:
    val.regexp = SigmaString(f"{before}(?:{val.regexp}){after}", escape=False)
    val.compile()
    return val


class _Contains(SigmaContainsModifier):  # type: ignore[misc]
    """A regular expression is searched anyway."""

    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return val if isinstance(val, SigmaRegularExpression) else super().modify(val)


class _Startswith(SigmaStartswithModifier):  # type: ignore[misc]
    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return _anchored(val, r"\A", "") if isinstance(val, SigmaRegularExpression) else super().modify(val)


class _Endswith(SigmaEndswithModifier):  # type: ignore[misc]
    def modify(
        self, val: SigmaString | SigmaRegularExpression | SigmaFieldReference
    ) -> SigmaString | SigmaRegularExpression | SigmaFieldReference:
        return _anchored(val, "", r"\z") if isinstance(val, SigmaRegularExpression) else super().modify(val)


# Every modifier of the specification v2.1.0 and pySigma's additional names.
MODIFIERS: Mapping[str, Any] = {
    **modifier_mapping,
    "base64": _Base64,
    "base64offset": _Base64Offset,
    "contains": _Contains,
    "startswith": _Startswith,
    "endswith": _Endswith,
    "wide": _Utf16,
    "utf16le": _Utf16,
    "utf16be": _Utf16Be,
    "utf16": _Utf16Marked,
}

POLICY = SigmaPolicy(regex_engine=_QuietRe2())
