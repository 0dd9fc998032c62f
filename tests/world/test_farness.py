"""How much further away than anybody can have come: row by row what the formula says of each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.world.test_resolve import built
from tests.world.test_world import HOUR, T0, context, passed, port_estate

from watchfloor.world.directory import Directory, load
from watchfloor.world.farness import GUESS_KM, kilometres
from watchfloor.world.traversal import FLYING_KMH, great_circle_km
from watchfloor.world.world import World


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Directory:
    return load(port_estate(tmp_path_factory.mktemp("estate")))


LONGITUDE, LATITUDE = st.floats(-180, 180), st.floats(-90, 90)


@given(st.lists(st.tuples(LONGITUDE, LATITUDE, LONGITUDE, LATITUDE), min_size=1, max_size=9))
def test_the_columns_are_the_rows(points: list[tuple[float, float, float, float]]) -> None:
    found = kilometres(*(np.array(column) for column in zip(*points, strict=True)))
    assert found == pytest.approx([great_circle_km(*point) for point in points], abs=1e-6)


def signed_in(hours: float, **more: Any) -> dict[str, Any]:
    return {"time": T0 + int(hours * HOUR), "activity_id": 1, "user.name": "ada", **more}


FAR: dict[str, Any] = {"src_endpoint.location.lat": 1.3, "src_endpoint.location.long": 103.8}


def joined(port: Directory, *rows: dict[str, Any]) -> list[Any]:
    events, _ = World(port).take(
        {
            "authentication": built("authentication", list(rows)),
            "physical_access_activity": built("physical_access_activity", [passed("gate", "1", T0)]),
        }
    )
    return [context(events["authentication"], row).get("lag.presence.beyond_km") for row in range(len(rows))]


def test_from_where_the_person_was_seen(port: Directory) -> None:
    soon, later, near, before, nowhere, nobody = joined(
        port,
        signed_in(1, **FAR),
        signed_in(20, **FAR),
        signed_in(1, **{"src_endpoint.location.lat": 52.1, "src_endpoint.location.long": 4.1}),
        signed_in(-1, **FAR),
        signed_in(1),
        {**signed_in(1, **FAR), "user.name": "somebody"},
    )
    away = great_circle_km(4.0, 52.0, 103.8, 1.3)
    assert soon == pytest.approx(away - GUESS_KM - FLYING_KMH) and soon > 9000
    assert later == pytest.approx(away - GUESS_KM - 20 * FLYING_KMH) and later < 0, "an airliner would do"
    assert near is not None and near < -GUESS_KM
    assert before is None and nowhere is None and nobody is None
    assert math.isfinite(soon)
