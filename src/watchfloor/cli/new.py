"""`watchfloor new integration NAME`: a folder that passes its own checks but for the golden it has not yet accepted."""

from __future__ import annotations

import re
from pathlib import Path

from cyclopts import App

from watchfloor.cli.screen import console
from watchfloor.errors import UsageError

app = App(name="new", help="Start something of your own.")

MANIFEST = """\
id = "{name}"
name = "{title}"
vendor = "Example"
product = "{title}"
formats = ["ndjson"]

# What records of this product look like: field names that are all present, and values that tell it from others.
[[recognise]]
fields = ["{name}.action", "{name}.user"]

[families.access]
class = "api_activity"
title = "Somebody did something"

[families.other]
class = "base_event"
title = "Everything we have no better mapping for"

[ignored]
# "raw.field" = "why nobody needs it"

[settings]
# [settings.time_zone]
# help = "zone of times without an offset"
# default = "UTC"

[quality]
golden = "done"
schema = "done"
leftovers = "done"
fuzz = "done"
"""

MAPPING = '''\
"""{title}: what its manual says, in OCSF."""

from __future__ import annotations

from watchfloor.collect.convert import ip, iso
from watchfloor.collect.mapping import Mapped, Record, event, maps
from watchfloor.ocsf.column import Column

ACTIVITY = {{"create": 1, "read": 2, "update": 3, "delete": 4}}


def classify(r: Record) -> Column:
    """The family of each record: asked once per distinct value, not per row."""
    return r.read("{name}.action").map(lambda action: "access" if action in ACTIVITY else None)


@maps("access")
def access(r: Record) -> Mapped:
    """Somebody did something."""
    return event(
        "api_activity",
        time=r.take("time", iso),
        activity_id=r.read("{name}.action").replace(ACTIVITY, 99),
        actor={{"user": {{"name": r.take("{name}.user")}}}},
        api={{"operation": r.take("{name}.action")}},
        src_endpoint={{"ip": r.take("{name}.from", ip)}},
        severity_id=1,
    )


@maps("other")
def other(r: Record) -> Mapped:
    """Everything else keeps all it said under `unmapped`."""
    return event("base_event", time=r.take("time", iso), activity_id=99, severity_id=1)
'''

SAMPLE = """\
{{"time": "2026-01-31T10:00:00Z", "{name}": {{"action": "create", "user": "ada.example", "from": "192.0.2.7"}}}}
{{"time": "2026-01-31T10:00:05Z", "{name}": {{"action": "reticulate", "user": "ada.example"}}}}
"""

README = """\
# {title}

What it reads, and how to get the records out of the product.

| family | OCSF class | what it is |
|---|---|---|
| access | api_activity | somebody did something |
| other | base_event | everything else |

Next: put vendor-true records with invented people (192.0.2.0/24, example.com) into `samples/`, adapt `mapping.py`, then

    watchfloor golden {name} --accept

and review what it wrote to `golden/`.
"""


@app.command
def integration(name: str, *, estate: Path = Path()) -> int:
    """Scaffold an integration.

    Args:
        name: its id: lower case letters, digits and underscores.
        estate: the estate that gets it, under integrations/.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name):
        raise UsageError(f"{name!r} is no id", remedy="lower case letters, digits and underscores, a letter first")
    folder = estate / "integrations" / name
    if folder.exists():
        raise UsageError(f"{folder} is there already", remedy="choose another name, or remove it first")
    title = name.replace("_", " ").title()
    files = {
        "manifest.toml": MANIFEST,
        "mapping.py": MAPPING,
        "README.md": README,
        "samples/access.ndjson": SAMPLE,
    }
    for relative, text in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(name=name, title=title), "utf-8")
    screen = console()
    screen.print("[green]made[/]", end=" ")
    screen.print(folder, markup=False)
    screen.print(f"next: watchfloor golden {folder} --accept", markup=False)
    return 0
