"""Where the path stands: what has been committed, and what was about to be.

One small JSON file, replaced as a whole and synced: after a crash it holds the old state or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watchfloor.errors import StoreDamaged, StoreNewer
from watchfloor.store.disk import explained, make_folder, replace_durably

__all__ = ["FORMAT", "Cursor", "CursorFile", "Intent"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch about to be committed: exactly the records `start` < sequence <= `end` of each source.

    Args:
        batch: its number; 1 is the first. Serves as the version of the lake's application transactions.
        start: per source the sequence of the last record before it.
        end: per source the sequence of its last record.
        maker: what would make it anew in the same way (version of watchfloor, hash of rules and mappings).
    """

    batch: int
    start: Mapping[str, int]
    end: Mapping[str, int]
    maker: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """What has been committed.

    Args:
        batch: number of the last committed batch; 0 when there is none.
        positions: per source the sequence of the last committed record.
        intent: the batch whose commit has begun and not ended.
    """

    batch: int = 0
    positions: Mapping[str, int] = field(default_factory=dict)
    intent: Intent | None = None


class CursorFile:
    """The cursor's file; reading never changes it, so it may lie in a read-only folder.

    Raises:
        StoreNewer: written by a newer watchfloor.
        StoreDamaged: cannot be read.
        StoreError, StoreFull: the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)

    def read(self) -> Cursor:
        """The state; the empty one when there is no file yet."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return Cursor()
        except OSError as error:
            raise explained(error, self.path) from error
        try:
            body: dict[str, Any] = json.loads(data)
            if body["format"] > FORMAT:
                raise StoreNewer(
                    f"cursor format {body['format']}, this watchfloor knows {FORMAT}",
                    file=self.path,
                    remedy="use a newer watchfloor",
                )
            intent = body["intent"]
            return Cursor(
                body["batch"],
                body["positions"],
                None if intent is None else Intent(intent["batch"], intent["start"], intent["end"], intent["maker"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StoreDamaged(
                "the cursor cannot be read",
                file=self.path,
                remedy="restore it from a backup, or move lake and cursor away together and replay the landing",
            ) from error

    def write(self, cursor: Cursor) -> None:
        """Make `cursor` the durable state."""
        intent = cursor.intent
        body = {
            "format": FORMAT,
            "batch": cursor.batch,
            "positions": dict(cursor.positions),
            "intent": None
            if intent is None
            else {
                "batch": intent.batch,
                "start": dict(intent.start),
                "end": dict(intent.end),
                "maker": intent.maker,
            },
        }
        make_folder(self.path.parent)
        replace_durably(self.path, json.dumps(body, indent=1, sort_keys=True).encode("utf-8", "surrogatepass"))
