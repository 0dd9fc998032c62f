"""Records before they are delivered, a column each: what they say, when it happened, and whom and what they name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from watchfloor.simulate.lines import Ints

__all__ = ["NOBODY", "Codes", "Draft", "draft", "joined"]

Codes = npt.NDArray[np.int32]

NOBODY = -1
"""Code of no person, asset, place, portal or case."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Records of one source.

    Args:
        source: id of the source.
        time: when it happened, UTC epoch milliseconds.
        arrival: when it is delivered; records are written in this order.
        lines: the records, with line ends.
        person: code of who acts, in the site's list of people; like the next ones `NOBODY` where none is named.
        asset: code of the asset acted on, or on which it happened.
        source_asset: code of the asset it came from.
        place: code of the place.
        portal: code of the portal.
        case: number of the injected case the record belongs to.
    """

    source: str
    time: Ints
    arrival: Ints
    lines: pa.Array
    person: Codes
    asset: Codes
    source_asset: Codes
    place: Codes
    portal: Codes
    case: Codes

    def __len__(self) -> int:
        return len(self.time)

    def take(self, index: npt.NDArray[Any]) -> Draft:
        """Some of the records; a mask or positions."""
        positions = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return Draft(
            self.source, self.time[positions], self.arrival[positions], self.lines.take(pa.array(positions)),
            self.person[positions], self.asset[positions], self.source_asset[positions], self.place[positions],
            self.portal[positions], self.case[positions],
        )  # fmt: skip

    def of_case(self, number: int) -> Draft:
        """The same, as records of an injected case."""
        return replace(self, case=np.full(len(self), number, np.int32))


def draft(
    source: str,
    time: Ints,
    lines: pa.Array,
    *,
    person: npt.NDArray[Any] | int = NOBODY,
    asset: npt.NDArray[Any] | int = NOBODY,
    source_asset: npt.NDArray[Any] | int = NOBODY,
    place: npt.NDArray[Any] | int = NOBODY,
    portal: npt.NDArray[Any] | int = NOBODY,
    delay: npt.NDArray[Any] | int = 0,
) -> Draft:
    """Records that arrive when they happen, or `delay` milliseconds later."""
    time = np.asarray(time, np.int64)

    def codes(given: npt.NDArray[Any] | int) -> Codes:
        return np.full(len(time), given, np.int32) if isinstance(given, int) else np.asarray(given, np.int32)

    nothing = np.full(len(time), NOBODY, np.int32)
    return Draft(
        source, time, time + delay, lines, codes(person), codes(asset), codes(source_asset), codes(place),
        codes(portal), nothing,
    )  # fmt: skip


def joined(drafts: Sequence[Draft]) -> Draft:
    """Records of one source, one after the other."""
    if len(drafts) == 1:
        return drafts[0]

    def column(name: str) -> Any:
        return np.concatenate([getattr(one, name) for one in drafts])

    lines = pa.concat_arrays([one.lines for one in drafts])
    return Draft(
        drafts[0].source, column("time"), column("arrival"), lines, column("person"), column("asset"),
        column("source_asset"), column("place"), column("portal"), column("case"),
    )  # fmt: skip
