"""The directory: what an estate's files say about its world, and every way in which they can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from watchfloor.errors import EstateError
from watchfloor.world.directory import load
from watchfloor.world.entities import FOREVER, LONG_AGO
from watchfloor.world.rows import moment

PEOPLE = "uid,personnel_no,name,email,role,employer,site,start,end\n"
CREDENTIALS = "uid,kind,value,facility,holder,holder_kind,valid_from,valid_to\n"


def feature(kind: str, uid: str, geometry: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    square = {"type": "Polygon", "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]}
    return {"type": "Feature", "geometry": geometry or square, "properties": {"kind": kind, "uid": uid, **properties}}


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


def written(folder: Path, files: dict[str, Any]) -> Path:
    """An estate of these files; a floor plan is given as its features."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, str):
            content = json.dumps({"type": "FeatureCollection", "features": content}, indent=1)
        path.write_text(content, "utf-8")
    return folder


def small(folder: Path) -> Path:
    """A site with a hall and a control room in it, a door between, two people, one badge that changed hands."""
    return written(
        folder,
        {
            "people/people.csv": PEOPLE
            + "p-1,1001,Ada Example,ada@example.com,clerk,own,s,2026-01-01,\n"
            + "p-2,1002,Bo Example,bo@example.com,guard,contractor,s,2026-01-01,2026-01-31\n"
            + "p-2,1002,Bo Example,bo@example.com,guard,own,s,2026-03-01,\n",
            "people/credentials.csv": CREDENTIALS
            + "c-1,badge,4711,12,p-1,person,2026-01-01,2026-02-28\n"
            + "c-1,badge,4711,12,p-2,person,2026-03-01,\n"
            + "c-2,account,HARBOUR\\ada,,p-1,person,,\nc-2,account,ada@example.com,,p-1,person,,\n"
            + "c-3,badge,9001,12,,pool,,\n",
            "assets/assets.csv": "uid,kind,name,place,purdue,criticality,owner,hostname,ip\n"
            "a-1,hmi,HMI one,control,2,4,p-1,hmi1;hmi1.example.com,192.0.2.7\n",
            "places/ground.geojson": [
                feature("site", "s", point(4.0, 52.0), name="Harbour"),
                feature("building", "b", name="Hall", parent="s"),
                feature("room", "control", name="Control room", parent="b"),
                feature(
                    "portal",
                    "d-1",
                    point(5, 0),
                    name="Door 1",
                    outside="b",
                    inside="control",
                    readers=[{"uid": "r-1", "side": "in"}, {"uid": "r-2", "side": "out"}],
                ),
                feature("camera", "cam-1", point(5, 1), covers=["control", "d-1"]),
            ],
            "places/zones.toml": '[[zone]]\nuid = "z-site"\nplaces = ["s"]\n'
            '[[zone]]\nuid = "z-control"\nparent = "z-site"\nkind = "critical"\nplaces = ["control"]\n'
            '[[conduit]]\nuid = "k"\nsource = "z-site"\ntarget = "z-control"\nvia = ["d-1"]\n',
            "aliases.csv": "source,kind,value,entity\nonguard,door,D-0407,d-1\n",
        },
    )


def test_no_files_no_world(tmp_path: Path) -> None:
    directory = load(tmp_path)
    assert not directory and directory.aliases == () and directory.persons == {}


def test_everything_is_there(tmp_path: Path) -> None:
    directory = load(small(tmp_path), timezone="Europe/Amsterdam")
    assert directory
    assert set(directory.persons) == {"p-1", "p-2"}
    assert directory.persons["p-2"].employer == "own", "the latest row describes a person"
    zone = ZoneInfo("Europe/Amsterdam")
    assert directory.employed["p-2"] == (
        (moment("2026-01-01", zone), moment("2026-02-01", zone)),
        (moment("2026-03-01", zone), FOREVER),
    )
    assert list(directory.up("control")) == ["control", "b", "s"]
    assert directory.site_of("control") == "s"
    assert directory.zone_of("control") == "z-control" and directory.zone_of("b") == "z-site", "inherited"
    assert list(directory.around("z-control")) == ["z-control", "z-site"]
    assert directory.inside("s") == {"s", "b", "control"}
    assert [portal.uid for portal in directory.portals_of("z-control")] == ["d-1"]
    assert directory.portals_of("z-site") == (), "both sides of the door lie in it"
    assert directory.zone_of_asset("a-1") == "z-control"
    assert directory.cameras == {"cam-1": ("control", "d-1")}
    names = {(alias.source, alias.kind, alias.value): alias for alias in directory.aliases if alias.kind != "badge"}
    assert names["onguard", "door", "D-0407"].entity == "d-1"
    assert names["", "hostname", "hmi1.example.com"].entity == "a-1"
    assert names["", "account", "HARBOUR\\ada"].person == "p-1"
    badges = [alias for alias in directory.aliases if alias.kind == "badge"]
    assert [(b.value, b.entity, b.person) for b in badges] == [
        ("12:4711", "c-1", "p-1"),
        ("12:4711", "c-1", "p-2"),
        ("12:9001", "c-3", ""),
    ]
    assert badges[0].valid_to == badges[1].valid_from and badges[2].valid_from == LONG_AGO


def test_names_stay_out_of_sight(tmp_path: Path) -> None:
    directory = load(small(tmp_path))
    assert "Ada" not in repr(directory) and "1001" not in repr(directory) and "ada@" not in repr(directory)
    assert {named.name for named in directory.named} == {"Ada Example", "Bo Example"}


@pytest.mark.parametrize(
    ("text", "zone", "end", "ms"),
    [
        ("2026-03-29", "Europe/Amsterdam", False, 1_774_738_800_000),
        ("2026-03-29", "Europe/Amsterdam", True, 1_774_738_800_000 + 23 * 3_600_000),  # a day of 23 hours
        ("2026-03-29", "UTC", False, 1_774_742_400_000),
        ("2026-03-29T12:00:00+02:00", "UTC", True, 1_774_778_400_000),
        ("2026-03-29T10:00:00Z", "America/New_York", False, 1_774_778_400_000),
        ("1601-01-01", "UTC", False, -11_644_473_600_000),
    ],
)
def test_times(text: str, zone: str, end: bool, ms: int) -> None:
    assert moment(text, ZoneInfo(zone), end=end) == ms


WRONG: list[tuple[str, dict[str, Any], str, str, int | None]] = [
    ("column", {"people/people.csv": "uid,nmae\np-1,x\n"}, "'nmae'", "people.csv", 1),
    ("cells", {"people/people.csv": "uid,name\np-1,x,y\n"}, "3 cells", "people.csv", 2),
    ("no uid", {"people/people.csv": "uid,name\n,x\n"}, "no uid", "people.csv", 2),
    ("bad time", {"people/people.csv": "uid,start\np-1,soon\n"}, "'soon' is no time", "people.csv", 2),
    (
        "backwards",
        {"people/people.csv": "uid,start,end\np-1,2026-02-01,2026-01-01\n"},
        "before it starts",
        "people.csv",
        2,
    ),
    ("twice employed", {"people/people.csv": "uid,start\np-1,2026-01-01\np-1,2026-02-01\n"}, "twice", "people.csv", 3),
    ("one number", {"people/people.csv": "uid,personnel_no\np-1,7\np-2,7\n"}, "share a personnel_no", "people.csv", 3),
    ("holder", {"people/credentials.csv": "uid,kind,value,holder\nc,badge,1,p-9\n"}, "'p-9'", "credentials.csv", 2),
    ("kind", {"people/credentials.csv": "uid,kind,value\nc,bagde,1\n"}, "'bagde'", "credentials.csv", 2),
    (
        "two holders at a time",
        {
            "people/people.csv": "uid\np-1\np-2\n",
            "people/credentials.csv": "uid,kind,value,holder,valid_from,valid_to\n"
            "c,badge,1,p-1,2026-01-01,2026-02-01\nc,badge,1,p-2,2026-02-01,\n",
        },
        "two holders",
        "credentials.csv",
        3,
    ),
    ("asset kind", {"assets/assets.csv": "uid,kind\na,toaster\n"}, "'toaster'", "assets.csv", 2),
    ("asset place", {"assets/assets.csv": "uid,kind,name,place\na,plc,x,nowhere\n"}, "'nowhere'", "assets.csv", 2),
    ("level", {"assets/assets.csv": "uid,kind,purdue\na,plc,9\n"}, "no level", "assets.csv", 2),
    ("not json", {"places/a.geojson": '{"type":\n oops}'}, "not JSON", "a.geojson", 2),
    ("not features", {"places/a.geojson": "[]"}, "FeatureCollection", "a.geojson", 1),
    ("property", {"places/a.geojson": [feature("room", "r", colour="red")]}, "'colour'", "a.geojson", None),
    ("parent", {"places/a.geojson": [feature("room", "r", parent="x")]}, "'x'", "a.geojson", None),
    (
        "circle",
        {"assets/assets.csv": "uid,kind,name,part_of\na,crane,A,b\nb,crane,B,a\n"},
        "part of itself",
        "assets.csv",
        2,
    ),
    ("in itself", {"places/a.geojson": [feature("room", "r", parent="r")]}, "lies in itself", "a.geojson", None),
    ("twice", {"places/a.geojson": [feature("room", "r"), feature("room", "r")]}, "stands twice", "a.geojson", None),
    (
        "portal",
        {"places/a.geojson": [feature("portal", "d", point(0, 0), outside="x", inside="y")]},
        "'x'",
        "a.geojson",
        None,
    ),
    ("zone of nothing", {"places/zones.toml": '[[zone]]\nuid = "z"\nplaces = ["r"]\n'}, "'r'", "zones.toml", 1),
    ("zone key", {"places/zones.toml": '[[zone]]\nuid = "z"\ncolour = 1\n'}, "'colour'", "zones.toml", None),
    ("zone parent", {"places/zones.toml": '\n[[zone]]\nuid = "z"\nparent = "y"\n'}, "'y'", "zones.toml", 2),
    (
        "network",
        {"places/zones.toml": '[[zone]]\nuid = "z"\nnetworks = ["192.0.2.1/24"]\n'},
        "network",
        "zones.toml",
        1,
    ),
    ("conduit", {"places/zones.toml": '[[conduit]]\nuid = "k"\nsource = "z"\ntarget = "z"\n'}, "'z'", "zones.toml", 1),
    ("alias", {"aliases.csv": "kind,value,entity\ndoor,x,nobody\n"}, "'nobody'", "aliases.csv", 2),
]


@pytest.mark.parametrize(
    ("files", "says", "name", "line"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_mistakes_are_named(tmp_path: Path, files: dict[str, Any], says: str, name: str, line: int | None) -> None:
    with pytest.raises(EstateError) as caught:
        load(written(tmp_path, files))
    assert says in str(caught.value) and caught.value.remedy
    assert Path(str(caught.value.file)).name == name
    if line is not None:
        assert caught.value.line == line


def test_no_such_time_zone(tmp_path: Path) -> None:
    with pytest.raises(EstateError, match="Middle/Earth"):
        load(tmp_path, timezone="Middle/Earth")


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "people.csv").write_bytes(b"uid,name\np-1,\xff\n")
    with pytest.raises(EstateError, match="UTF-8"):
        load(tmp_path)


def test_a_number_that_left_with_its_holder_names_them_until_somebody_else_has_it(tmp_path: Path) -> None:
    people = (
        "uid,personnel_no,email,start,end\n"
        "p-1,1001,ada@example.com,2020-01-01,2024-12-31\n"
        "p-2,1002,ada@example.com,2026-01-01,\n"
        "p-3,1003,,2020-01-01,2024-12-31\n"
    )
    found = load(written(tmp_path, {"people/people.csv": people}))
    ends = {(one.kind, one.person): one.valid_to for one in found.aliases}
    start = next(one.valid_from for one in found.aliases if one.person == "p-2" and one.kind == "email")
    assert ends["email", "p-1"] == start and ends["email", "p-2"] == FOREVER
    assert ends["personnel_no", "p-1"] == ends["personnel_no", "p-3"] == FOREVER
