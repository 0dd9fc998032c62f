"""Files that only save time: sealed by a checksum under the version of the code that reads them.

    sha256(key + body) | body        body: msgpack of one type; arrays of numbers as [type, shape, writable, bytes]

What was written by other code, for another purpose, or damaged since does not carry the right checksum, and is as if
it were not there. A file is replaced whole: two processes that write it at once leave one of the two. A folder that
cannot be written is left alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

__all__ = ["fingerprint", "packed", "read_sealed", "unpacked", "write_sealed"]

log = logging.getLogger(__name__)

T = TypeVar("T")
SEAL = hashlib.sha256().digest_size


def fingerprint(*sources: str, more: Iterable[bytes] = ()) -> bytes:
    """A key that changes with the text of these source files (relative to this folder) and with `more`."""
    folder = resources.files("watchfloor.detect")
    key = hashlib.sha256()
    for part in (*(folder.joinpath(source).read_bytes() for source in sources), *more):
        key.update(len(part).to_bytes(8, "little"))
        key.update(part)
    return key.digest()


def read_sealed(path: Path, key: bytes, kind: type[T]) -> T | None:
    """What was written there under this key; None when there is nothing of the kind."""
    try:
        payload = path.read_bytes()
        seal, body = payload[:SEAL], memoryview(payload)[SEAL:]
        if _seal(key, body) == seal:
            return unpacked(body, kind)
        log.info("%s is of another version or damaged: made anew", path.name)
    except OSError:
        pass
    except msgspec.DecodeError:
        log.warning("%s cannot be read although it is whole: made anew", path.name)
    return None


def write_sealed(path: Path, key: bytes, value: Any) -> None:
    """Write it, whole or not at all; not being able to is no error."""
    body = packed(value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_seal(key, body))
                file.write(body)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        log.info("%s cannot be written: %s", path.name, error.strerror)


def packed(value: Any) -> bytes:
    """As it would be written."""
    return msgspec.msgpack.encode(value, enc_hook=_plain)


def unpacked(body: bytes | memoryview, kind: type[T]) -> T:
    """What `packed` packed.

    Raises:
        msgspec.DecodeError: it is nothing of the kind.
    """
    return msgspec.msgpack.decode(body, type=kind, dec_hook=_array)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.flags.writeable, value.tobytes()
    raise NotImplementedError(type(value).__name__)


def _array(kind: type, value: Any) -> Any:
    """Arrays keep whether they may be written: kernels are compiled for one of the two."""
    number, shape, writable, payload = value
    array = np.frombuffer(payload, number).reshape(shape)
    return array.copy() if writable else array


def _seal(key: bytes, body: bytes | memoryview) -> bytes:
    seal = hashlib.sha256(key)
    seal.update(body)
    return seal.digest()
