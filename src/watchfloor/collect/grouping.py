"""Columns out of (name, value) tokens: rows of one layout have a name's token at the same place, so it is only taken.

    tokens    row 0: Channel 7, Image 2, User 9     layout A      "Image" is token 1 of layout A, token 0 of layout B
              row 1: Image 2, Hash 4                layout B
              row 2: Channel 7, Image 5, User 9     layout A      order: rows 0 2 | 1

    Image     codes 0 0 1, values 2 5                             cut when somebody asks for it, and only then

A *layout* is the names of a record in their order. One source has few of them, since it writes its fields as it always
does; where each record has another, a column costs a step for each of its rows, which is what it has to cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from watchfloor.collect.tokeniser import PADDING
from watchfloor.words import kernel, load, store

__all__ = ["cut_column", "group_columns"]


@kernel
def group_columns(
    rows: Any,
    layout_of: Any,
    first_of: Any,
    row_ptr: Any,
    token_table: Any,
    layout_scratch: Any,
    name_scratch: Any,
    stamps: Any,
) -> Any:
    """Which names chosen rows have, and where their tokens stand.

    Args:
        rows: int64[n], the rows.
        layout_of: int32, per row of the batch its layout; first_of: int64, per layout a row that has it.
        row_ptr, token_table: where the tokens of each row of the batch begin, and the tokens.
        layout_scratch, name_scratch: int64, a word per layout and per name, and `stamps`, the last stamps given: kept
            between calls so that nothing need be cleared; one call at a time may use them.

    Returns:
        order int32[n] (indexes into `rows`, layout by layout), starts int64[l + 1] (where each layout begins there),
        names int32[k] in the order of their first token, place_ptr int64[k + 1], place_layout int32[..] (among the l)
        and place_token int32[..] (within a row): where the tokens of each name are.
    """
    count = len(rows)
    stamps[0] += 1
    stamp = stamps[0] << 32
    slots = np.empty(count, np.int32)
    sizes = np.empty(count + 1, np.int64)
    of_slot = np.empty(count, np.int32)
    width = 0
    for i in range(count):
        layout = layout_of[rows[i]]
        slot = layout_scratch[layout] - stamp
        if slot < 0:
            slot = np.int64(width)
            layout_scratch[layout] = stamp + slot
            of_slot[width] = layout
            sizes[width] = 0
            width += 1
        sizes[slot] += 1
        slots[i] = slot
    starts = np.zeros(width + 1, np.int64)
    for slot in range(width):
        starts[slot + 1] = starts[slot] + sizes[slot]
        sizes[slot] = starts[slot]
    order = np.empty(count, np.int32)
    for i in range(count):
        slot = slots[i]
        order[sizes[slot]] = i
        sizes[slot] += 1

    places = np.int64(0)
    for slot in range(width):
        row = first_of[of_slot[slot]]
        places += row_ptr[row + 1] - row_ptr[row]
    most: Any = min(places, len(name_scratch))
    names = np.empty(most, np.int32)
    place_ptr = np.zeros(most + 1, np.int64)
    found = 0
    for slot in range(width):
        row = first_of[of_slot[slot]]
        for token in range(row_ptr[row], row_ptr[row + 1]):
            name = token_table[token, 0]
            k = name_scratch[name] - stamp
            if k < 0:
                k = np.int64(found)
                name_scratch[name] = stamp + k
                names[found] = name
                found += 1
            place_ptr[k + 1] += 1
    filled = np.empty(found, np.int64)
    for k in range(found):
        filled[k] = place_ptr[k]
        place_ptr[k + 1] += place_ptr[k]
    place_layout = np.empty(places, np.int32)
    place_token = np.empty(places, np.int32)
    for slot in range(width):
        row = first_of[of_slot[slot]]
        for token in range(row_ptr[row], row_ptr[row + 1]):
            k = name_scratch[token_table[token, 0]] - stamp
            place_layout[filled[k]] = slot
            place_token[filled[k]] = token - row_ptr[row]
            filled[k] += 1
    return order, starts, names[:found].copy(), place_ptr[: found + 1].copy(), place_layout, place_token


@kernel
def cut_column(
    rows: Any,
    order: Any,
    starts: Any,
    first: Any,
    last: Any,
    place_layout: Any,
    place_token: Any,
    row_ptr: Any,
    token_table: Any,
    value_scratch: Any,
    stamps: Any,
    value_table: Any,
    arena: Any,
) -> Any:
    """The column whose tokens are at places[first:last]: see `group_columns`. `value_scratch` has a word per value.

    Returns:
        codes int32[rows], -1 for "no value"; how many rows have one; of the texts the codes mean, each once, the
        offsets int32 and the bytes.
    """
    stamps[1] += 1
    stamp = stamps[1] << 32
    held = np.int64(0)
    for place in range(first, last):
        held += starts[place_layout[place] + 1] - starts[place_layout[place]]
    codes = np.empty(len(rows), np.int32)
    if held < len(rows):
        codes[:] = -1
    values = np.empty(held, np.int32)
    count = 0
    size = np.int64(0)
    before = np.int64(-1)
    code = np.int64(0)
    for place in range(first, last):
        token = place_token[place]
        for j in range(starts[place_layout[place]], starts[place_layout[place] + 1]):
            i = order[j]
            value = np.int64(token_table[row_ptr[rows[i]] + token, 1])
            if value != before:
                before = value
                code = value_scratch[value] - stamp
                if code < 0:
                    code = np.int64(count)
                    value_scratch[value] = stamp + code
                    values[count] = value
                    size += value_table[value, 1]
                    count += 1
            codes[i] = code
    offsets = np.empty(count + 1, np.int32)
    text = np.empty(size + PADDING, np.uint8)
    to = np.int64(0)
    for i in range(count):
        offsets[i] = to
        at = value_table[values[i], 0]
        end = at + value_table[values[i], 1]
        behind = to
        while at < end:  # up to seven bytes behind it are overwritten
            store(text, behind, load(arena, at))
            at += 8
            behind += 8
        to += value_table[values[i], 1]
    offsets[count] = to
    return codes, held, offsets, text
