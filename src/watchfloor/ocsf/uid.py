"""The deterministic `metadata.uid`: the same record from the same source has the same uid on every machine.

    source   = first 128 bits of BLAKE2b(source uid, UTF-8)                      two words a0 a1, big-endian
    h0       = mix(f0 ^ a0) + mix(sequence ^ a1)                                 all arithmetic modulo 2**64
    h1       = mix(f1 ^ a1) + mix(sequence + GOLDEN) ^ rotl(h0, 32)
    uid      = hex(mix(h0)) + hex(mix(h1))                                       32 lower-case characters

`f0 f1` is the record's 128-bit fingerprint, `sequence` its number in its stream, `mix` the finaliser of splitmix64
(Steele, Lea, Flood 2014). So a replay makes no duplicates: an equal uid is an equal record. The uid names a record; it
is not a proof of it (the landing's SHA-256 is).
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.ocsf.column import Column

Words = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint16)
"""Per byte its two digits, in one number that is never calculated with."""


def event_uids(fingerprint: Words, source: str, sequence: npt.NDArray[np.int64]) -> Column:
    """One uid per row.

    Args:
        fingerprint: shape (n, 2), hash of the raw record's bytes.
        source: uid of the source.
        sequence: shape (n,), number of the record in its stream.
    """
    digest = hashlib.blake2b(source.encode(), digest_size=16).digest()
    a0, a1 = (np.uint64(int.from_bytes(part, "big")) for part in (digest[:8], digest[8:]))
    number = np.ascontiguousarray(sequence, np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        h0 = _mix(fingerprint[:, 0] ^ a0) + _mix(number ^ a1)
        h1 = (_mix(fingerprint[:, 1] ^ a1) + _mix(number + GOLDEN)) ^ ((h0 << np.uint64(32)) | (h0 >> np.uint64(32)))
        words = np.stack([_mix(h0), _mix(h1)], axis=1)
    return Column(np.arange(len(words), dtype=np.int32), hexadecimal(words))


def finding_uid(rule: str, event: str) -> str:
    """Uid of "this rule claims something about this event": 32 hex characters, BLAKE2b-128 of both."""
    return hashlib.blake2b(f"{rule}\0{event}".encode(), digest_size=16).hexdigest()


def hexadecimal(words: Words) -> pa.Array:
    """Rows of 64-bit words as lower-case hexadecimal text, most significant digit first.

    Args:
        words: shape (n, k).

    Returns:
        n strings of 16 * k characters.
    """
    rows, count = words.shape
    octets = np.frombuffer(words.astype(">u8").tobytes(), np.uint8)
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(16 * count)
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(_HEX[octets]))


def _mix(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
