"""lake.json: which format a lake has; and which versions of the Delta protocol its tables."""

from __future__ import annotations

import json
from pathlib import Path

from watchfloor.errors import StoreDamaged, StoreNewer
from watchfloor.store.disk import explained

__all__ = ["FILE", "FORMAT", "READER", "WRITER", "checked"]

FILE = "lake.json"
FORMAT = 1
READER, WRITER = 1, 2
"""The highest versions of the Delta protocol that this code understands."""


def checked(folder: Path) -> bool:
    """Whether there is a lake, and it is one that this watchfloor can read.

    Raises:
        StoreNewer: it was written by a newer watchfloor.
        StoreDamaged, StoreError: its description cannot be read.
    """
    file = folder / FILE
    try:
        version = json.loads(file.read_bytes())["format"]
    except FileNotFoundError:
        return False
    except OSError as error:
        raise explained(error, file) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreDamaged("not a lake's description", file=file, remedy='it should read {"format": 1}') from error
    if version > FORMAT:
        raise StoreNewer(f"lake format {version}, this watchfloor knows {FORMAT}", file=file, remedy="use a newer one")
    return True
