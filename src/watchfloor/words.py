"""What compiled kernels are made with: bytes taken eight or sixty-four at a time, a keyed hash, and their cache.

    data     . . c : \\ W i n d o w s \\ x . e x e . .
                 |at                       |at + length
                 [ load, 8 bytes ][ load ][tail]             little-endian; a tail is masked: zeros above its bytes

A load may begin at any byte and must lie within its array; `tail` sees to that itself. Positions are int64, words and
hashes uint64 (Numba turns a mixture of the two into floating point).

A kernel calls kernels of other files, and Numba's cache watches only the file of the kernel itself. `kernel` makes it
watch all of `FILES`: a change in any of them compiles all of them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

__all__ = [
    "Bytes", "Flags", "Hashes", "Int32s", "Int64s",
    "bytes_at", "copy", "differing", "fold", "hashed", "int32s_at", "kernel", "load", "lower", "same", "sixty_four",
    "store", "tail", "where", "zeros",
]  # fmt: skip

Bytes = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

FILES = (
    "words.py",
    "collect/tokeniser.py",
    "collect/formats/cells.py",
    "detect/addresses.py",
    "detect/arena.py",
    "detect/comparing.py",
    "detect/counting.py",
    "detect/intel/lists.py",
    "detect/intel/probing.py",
    "detect/intel/spelling.py",
    "detect/numbers.py",
    "detect/rows.py",
    "detect/scanning.py",
    "detect/sliding.py",
    "detect/verifying.py",
)

U = np.uint64
ONES = U(0x0101010101010101)
HIGH = U(0x8080808080808080)
SEVEN = U(0x7F7F7F7F7F7F7F7F)
FROM_A = U(0x80 - ord("A")) * ONES
PAST_Z = U(0x7F - ord("Z")) * ONES
FINISH = U(0xD6E8FEB86659FD93)

Function = TypeVar("Function", bound=Callable[..., Any])


def _stamp() -> tuple[tuple[float, int], ...]:
    found = [(Path(__file__).parent / name).stat() for name in FILES]
    return tuple((one.st_mtime, one.st_size) for one in found)


STAMP = _stamp()


def kernel(function: Function) -> Function:
    """Compile with Numba; kept on disk until one of `FILES` changes."""
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    compiled._cache._cache_file._source_stamp = STAMP  # Numba has no other way to say it; a test holds it to this one
    return cast(Function, compiled)


# -- words ------------------------------------------------------------------------------------------------------------


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any, size: int) -> Any:
    """Where byte `at` of an array lies, `size` to be touched; refused outside under NUMBA_BOUNDSCHECK."""
    held = context.make_array(kind)(context, builder, array)
    if config.BOUNDSCHECK:
        room = builder.sub(held.nitems, ir.Constant(ir.IntType(64), size))
        outside = builder.icmp_unsigned(">", at, room)  # a negative one is large then
        small = builder.icmp_signed("<", room, ir.Constant(ir.IntType(64), 0))
        with cgutils.if_unlikely(builder, builder.or_(outside, small)):
            context.call_conv.return_user_exc(builder, IndexError, ("bytes outside the array are touched",))
    return builder.gep(held.data, [at])


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def load(context: Any, array: Any, at: Any) -> Any:
    """Eight bytes of a uint8 array as a little-endian word, at any alignment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], arguments[0], arguments[1], 8)
        word = builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def store(context: Any, array: Any, at: Any, word: Any) -> Any:
    """Write eight bytes into a uint8 array, at any alignment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], arguments[0], arguments[1], 8)
        stored = builder.store(arguments[2], builder.bitcast(place, ir.IntType(64).as_pointer()))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def fold(context: Any, left: Any, right: Any) -> Any:
    """The 128-bit product of two words, its halves xored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wide, word = ir.IntType(128), ir.IntType(64)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), word)
        return builder.xor(builder.trunc(product, word), high)

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def zeros(context: Any, word: Any) -> Any:
    """Trailing zero bits of a word that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


def _splat(builder: Any, value: Any, vector: Any) -> Any:
    """A vector that holds `value` everywhere."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, first, places)


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def where(context: Any, array: Any, at: Any, byte: Any) -> Any:
    """Which of the next 64 bytes of a uint8 array are `byte`: one bit each, lowest first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], arguments[0], arguments[1], 64)
        vector = ir.VectorType(ir.IntType(8), 64)
        octets = builder.load(builder.bitcast(place, vector.as_pointer()))
        octets.align = 1
        wanted = _splat(builder, arguments[2], vector)
        return builder.bitcast(builder.icmp_unsigned("==", octets, wanted), ir.IntType(64))

    return types.uint64(array, types.int64, types.uint8), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def differing(context: Any, one: Any, a: Any, other: Any, b: Any) -> Any:
    """Which of the next 64 bytes of two uint8 arrays differ: one bit each, lowest first."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), 64)
        octets = []
        for kind, array, at in ((0, arguments[0], arguments[1]), (2, arguments[2], arguments[3])):
            place = _place(context, builder, signature.args[kind], array, at, 64)
            octets.append(builder.load(builder.bitcast(place, vector.as_pointer())))
            octets[-1].align = 1
        return builder.bitcast(builder.icmp_unsigned("!=", *octets), ir.IntType(64))

    return types.uint64(one, types.int64, other, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def sixty_four(context: Any, array: Any, at: Any, length: Any) -> Any:
    """The next `length` bytes (0 to 64) of a uint8 array as eight words, zero behind them: without a branch."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature.args[0], arguments[0], arguments[1], 64)
        byte, vector = ir.IntType(8), ir.VectorType(ir.IntType(8), 64)
        octets = builder.load(builder.bitcast(place, vector.as_pointer()))
        octets.align = 1
        end = _splat(builder, builder.trunc(arguments[2], byte), vector)
        inside = builder.icmp_unsigned("<", ir.Constant(vector, list(range(64))), end)
        kept = builder.select(inside, octets, ir.Constant(vector, [0] * 64))
        words = builder.bitcast(kept, ir.VectorType(ir.IntType(64), 8))
        parts = [builder.extract_element(words, ir.Constant(ir.IntType(32), i)) for i in range(8)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.uint64, 8)(array, types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def _octets(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.uint8)(types.int64), generate


@intrinsic  # type: ignore[untyped-decorator, unused-ignore]
def _integers(context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.int32)(types.int64), generate


# -- arrays by their address ------------------------------------------------------------------------------------------


@kernel
def bytes_at(address: Any, size: Any) -> Any:
    """The bytes at an address as an array: so one call takes any number of columns. The caller keeps them alive."""
    return numba.carray(_octets(address), (size,))


@kernel
def int32s_at(address: Any, size: Any) -> Any:
    """The int32s at an address as an array; as `bytes_at`."""
    return numba.carray(_integers(address), (size,))


# -- runs of bytes ----------------------------------------------------------------------------------------------------


@kernel
def tail(data: Any, at: Any, length: Any) -> Any:
    """data[at:at+length] as a word, less than eight bytes; reads nothing behind the end of the array."""
    if at + 8 <= len(data):
        return load(data, at) & ((U(1) << U(length * 8)) - U(1))
    word = U(0)
    for i in range(length):
        word |= U(data[at + i]) << U(i * 8)
    return word


@kernel
def hashed(data: Any, at: Any, length: Any, k0: Any, k1: Any) -> Any:
    """Keyed 64-bit hash of data[at:at+length]: products of words under a secret key (after wyhash, Wang Yi).

    Who does not know the key cannot choose texts that collide; who relies on equality compares the bytes all the same.
    """
    h = k1 ^ U(length)
    left = length
    while left > 16:
        h = fold(load(data, at) ^ k0, load(data, at + 8) ^ h)
        at += 16
        left -= 16
    first = U(0)
    second = U(0)
    if left >= 8:
        first = load(data, at)
        second = load(data, at + left - 8)
    elif left > 0:
        first = tail(data, at, left)
    return fold(fold(first ^ k0, second ^ h) ^ k1, FINISH)


@kernel
def same(left: Any, a: Any, right: Any, b: Any, length: Any) -> Any:
    """left[a:a+length] == right[b:b+length]"""
    end = a + length
    while a + 8 <= end:
        if load(left, a) != load(right, b):
            return False
        a += 8
        b += 8
    return a == end or tail(left, a, end - a) == tail(right, b, end - a)


@kernel
def copy(source: Any, at: Any, length: Any, target: Any, to: Any) -> None:
    """Copy in words: up to seven bytes of `target` behind the copy are overwritten."""
    end = at + length
    while at + 8 <= end:
        store(target, to, load(source, at))
        at += 8
        to += 8
    if at < end:
        store(target, to, tail(source, at, end - at))


@kernel
def lower(word: Any) -> Any:
    """Eight bytes with A-Z as a-z; all others, also those above 127, as they are."""
    low = word & SEVEN
    return word | ((((low + FROM_A) ^ (low + PAST_Z)) & ~word & HIGH) >> U(2))
