"""Files of records, source by source, and the truth beside them.

DIR/onguard.csv, windows.ndjson ...      the records, in order of delivery
DIR/truth/records.parquet                source, sequence -> time, person, asset, source_asset, place, portal, case
DIR/truth/presence.parquet               person, place, zone, since_ms, until_ms; any other time is off the site
DIR/truth/scenarios.jsonl                injected cases and what is expected
DIR/truth/faults.jsonl                   what was blind or late when
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from watchfloor.errors import UsageError
from watchfloor.simulate.draft import Draft
from watchfloor.simulate.movement import Stays
from watchfloor.simulate.site import Site
from watchfloor.simulate.sources import SOURCES

__all__ = ["Output"]

TEXT = pa.dictionary(pa.int32(), pa.string())

RECORDS = pa.schema(
    [
        ("source", TEXT), ("sequence", pa.int64()), ("time_ms", pa.int64()), ("person", TEXT), ("asset", TEXT),
        ("source_asset", TEXT), ("place", TEXT), ("portal", TEXT), ("case", pa.int32()),
    ]
)  # fmt: skip
"""Columns of truth/records.parquet; `sequence` counts the records of a file from 1, as `wf.source_seq` does."""

GROUP = 500_000
"""Rows of records.parquet that are written together."""

PRESENCE = pa.schema(
    [("person", TEXT), ("place", TEXT), ("zone", TEXT), ("since_ms", pa.int64()), ("until_ms", pa.int64())]
)
"""Columns of truth/presence.parquet."""


class Output:
    """The folder that is written; a context.

    Raises:
        UsageError: the folder already holds records.
    """

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.site = folder, site
        self.counts: Counter[str] = Counter()
        self.bytes = 0
        self._files: dict[str, IO[bytes]] = {}
        there = [source.file for source in SOURCES.values() if (folder / source.file).exists()]
        if there:
            raise UsageError(
                f"{folder} already holds records ({there[0]})", remedy="give another folder, or remove those files"
            )
        self.truth = folder / "truth"
        self.truth.mkdir(parents=True, exist_ok=True)
        for source in SOURCES.values():
            file = self._files[source.id] = (folder / source.file).open("wb")
            if source.header:
                file.write(source.header.encode() + b"\n")
        texts = [field.name for field in RECORDS if field.type == TEXT]
        self._records = pq.ParquetWriter(
            self.truth / "records.parquet", RECORDS, compression="zstd", use_dictionary=texts, write_statistics=False,
            column_encoding={"sequence": "DELTA_BINARY_PACKED", "time_ms": "DELTA_BINARY_PACKED"},
        )  # fmt: skip
        self._presence = pq.ParquetWriter(self.truth / "presence.parquet", PRESENCE, compression="zstd")
        self._sources = pa.array(list(SOURCES), pa.string())
        self._pending: list[dict[str, npt.NDArray[Any]]] = []
        self._waiting = 0
        self._words = {
            "person": pa.array(site.people, pa.string()),
            "asset": pa.array(site.assets, pa.string()),
            "place": pa.array(site.places, pa.string()),
            "portal": pa.array(site.portals, pa.string()),
        }

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._write_truth()
        for file in self._files.values():
            file.close()
        self._records.close()
        self._presence.close()

    def write(self, records: Draft) -> None:
        """Append records in order of arrival; of equals the earlier first."""
        if not len(records):
            return
        records = records.take(np.lexsort((np.arange(len(records)), records.time, records.arrival)))
        source = SOURCES[records.source]
        file = self._files[source.id]
        self.bytes += _write(file, records.lines)
        self.counts[source.id] += len(records)
        last = self.counts[source.id]
        number = list(SOURCES).index(source.id)
        self._pending.append(
            {
                "source": np.full(len(records), number, np.int32),
                "sequence": np.arange(last - len(records) + 1, last + 1),
                "time_ms": records.time,
                **{name: getattr(records, name) for name in ("person", "asset", "source_asset", "place", "portal")},
                "case": records.case,
            }
        )
        self._waiting += len(records)
        if self._waiting >= GROUP:
            self._write_truth()

    def _write_truth(self) -> None:
        """The rows that wait, as one group: each group repeats the words of its columns."""
        if not self._pending:
            return
        column = {name: np.concatenate([part[name] for part in self._pending]) for name in RECORDS.names}
        self._pending, self._waiting = [], 0
        words = {**self._words, "source": self._sources, "source_asset": self._words["asset"]}
        arrays = [
            _words(words[name], column[name]) if name in words
            else pa.array(column[name], mask=column[name] < 0) if name == "case"
            else pa.array(column[name])
            for name in RECORDS.names
        ]  # fmt: skip
        self._records.write_batch(pa.record_batch(arrays, schema=RECORDS))

    def write_presence(self, where: Stays) -> None:
        """Append who was where."""
        zones = sorted({*self.site.zone})
        code = {uid: i for i, uid in enumerate(zones)}
        zone = np.array([code[uid] for uid in self.site.zone], np.int32)
        self._presence.write_batch(
            pa.record_batch(
                [
                    _words(self._words["person"], where.person),
                    _words(self._words["place"], where.place),
                    _words(pa.array(zones, pa.string()), zone[where.place]),
                    pa.array(where.since),
                    pa.array(where.until),
                ],
                schema=PRESENCE,
            )
        )

    def write_lines(self, name: str, rows: list[Mapping[str, Any]]) -> None:
        """A file of JSON lines in the truth."""
        option = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
        (self.truth / name).write_bytes(b"".join(orjson.dumps(row, option=option) for row in rows))


def _words(words: pa.Array, codes: npt.NDArray[np.int32]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), words)


def _write(file: IO[bytes], lines: pa.Array) -> int:
    """The bytes of all lines, as they stand in one buffer."""
    offsets = np.frombuffer(lines.buffers()[1], np.int32, len(lines) + 1, lines.offset * 4)
    data = memoryview(lines.buffers()[2])[offsets[0] : offsets[-1]]
    return file.write(data)
