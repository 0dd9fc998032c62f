"""`watchfloor pull ESTATE`: feeds of indicators that are kept elsewhere, fetched now and only now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchfloor.cli.screen import json_line, line, progress, readable, side
from watchfloor.errors import SourceError, UsageError

if TYPE_CHECKING:
    from watchfloor.run.taxii import Pulled

FAILED = SourceError.exit_code


def pull(estate: Path, *, feed: str | None = None, json: bool = False) -> int:
    """Fetch what is new in the TAXII 2.1 collections that intel/*.toml names. Nothing is ever fetched unasked.

    Args:
        estate: the folder that holds estate.toml.
        feed: only the feed of this id.
        json: one JSON object a feed.
    """
    from watchfloor.detect.intel.feeds import Feeds
    from watchfloor.estate import load
    from watchfloor.run.taxii import pull as fetched

    named = Feeds.of(load(estate).folder).collections
    chosen = [(one, file) for one, file in named if feed is None or one.feed == feed]
    if not chosen:
        known = ", ".join(one.feed for one, _ in named)
        raise UsageError(
            f"no feed {feed!r} is fetched from elsewhere"
            if feed
            else "no feed of this estate is fetched from elsewhere",
            remedy=f"these are: {known}" if known else "give a [[feed]] in intel/*.toml a `taxii` URL",
        )
    failed = 0
    for collection, file in chosen:
        try:
            with progress(f"fetching {collection.feed}", None, "objects") as bar:
                done = fetched(collection, file, os.environ, advance=bar.advance)
        except SourceError as error:  # the others may be well
            failed += 1
            side().print(readable(str(error)), markup=False, highlight=False)
            if json:
                json_line({"feed": collection.feed, "error": error.what, "remedy": error.remedy})
            continue
        if json:
            json_line(_as_json(done))
        else:
            since = f" since {done.since}" if done.since else ""
            line(f"{done.feed}: {done.fetched:,} objects came{since}, {done.held:,} are in {done.file}")
    return FAILED if failed else 0


def _as_json(done: Pulled) -> dict[str, Any]:
    return {
        "feed": done.feed,
        "file": str(done.file),
        "fetched": done.fetched,
        "held": done.held,
        "pages": done.pages,
        "since": done.since or None,
    }
