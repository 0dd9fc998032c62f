"""Points in areas, against geometry done another way."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from watchfloor.detect.intel.fences import Fences, fence

degrees = st.integers(-800, 800).map(lambda number: number / 100)
corner = st.tuples(degrees, degrees)


def inside(area: str, *points: tuple[float, float]) -> list[bool]:
    one = fence(area)
    assert one is not None
    values = pa.array([f"{lat:.6f},{long:.6f}" for lat, long in points], pa.string())
    found = set(Fences([one], np.zeros(1, np.int64)).find(values).texts.tolist())
    return [number in found for number in range(len(points))]


def polygon(corners: list[tuple[float, float]]) -> str:
    return f"Polygon(({', '.join(f'{long} {lat}' for lat, long in corners)}))"


def side(a: tuple[float, float], b: tuple[float, float], point: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


@given(corner, corner, corner, st.lists(corner, min_size=1, max_size=20))
def test_a_triangle_holds_what_is_on_the_same_side_of_all_its_sides(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], points: list[tuple[float, float]]
) -> None:
    assume(abs(side(a, b, c)) > 1e-6)
    sides = [[side(a, b, point), side(b, c, point), side(c, a, point)] for point in points]
    clear = [point for point, of in zip(points, sides, strict=True) if all(abs(one) > 1e-6 for one in of)]
    expected = [len({one > 0 for one in of}) == 1 for of in sides if all(abs(one) > 1e-6 for one in of)]
    assert inside(polygon([a, b, c]), *clear) == expected
    assert inside(polygon([c, b, a, c]), *clear) == expected


@given(st.floats(-60, 60), st.floats(-170, 170), st.integers(10, 50_000), st.floats(0, 2 * math.pi), st.floats(0, 3))
def test_a_circle_holds_what_is_nearer_than_its_radius(
    lat: float, long: float, radius: int, turn: float, far: float
) -> None:
    assume(abs(far - 1) > 0.02)
    lat, long = round(lat, 4), round(long, 4)
    north = lat + far * radius / 111_320 * math.sin(turn)
    east = long + far * radius / 111_320 / math.cos(math.radians(lat)) * math.cos(turn)
    assert inside(f"CIRCLE ({lat} {long} {radius})", (north, east)) == [far < 1]


def test_the_smaller_area_is_the_nearer() -> None:
    areas = [fence(f"CIRCLE (52 4 {radius})") for radius in (500, 50, 5000)]
    found = Fences([one for one in areas if one is not None], np.arange(3)).find(
        pa.array(["52.0,4.0", "x", "52.02,4.0"])
    )
    assert found.texts.tolist() == [0, 0, 0, 2]
    assert found.claims[np.argsort(-found.near[:3])].tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    "text",
    [
        "POLYGON ((1 1, 2 2))",
        "POLYGON ((1 1, 2 2, x 3))",
        "POLYGON ((1 1, 2 95, 3 1))",
        "POLYGON ((1 1, 1 1, 1 1, 1 1))",
        "CIRCLE (95 1 5)",
        "CIRCLE (1 1 0)",
        "POINT (1 1)",
        "",
    ],
)
def test_what_is_no_area(text: str) -> None:
    assert fence(text) is None


def test_an_area_has_one_spelling() -> None:
    one, other = (
        fence("polygon((4.10 51.95,4.16 51.95 0,4.16 51.98))"),
        fence("POLYGON ((4.1 51.95, 4.16 51.95, 4.16 51.98, 4.1 51.95))"),
    )
    assert one is not None and other is not None and one.text == other.text
    again = fence(one.text)
    assert again is not None and again.text == one.text
