import numpy as np
import pytest
from shapely.geometry import Polygon
from tests.products.fire_cases import grass, middle, options, stream

from brise.conventions.fire import FireGrid
from brise.products.fire_spread import simulate
from brise.products.fire_summary import area_ha, length_m, outlines, perimeters, rasters, summarise

GRID = FireGrid("", 0.0, 1010.0, 10.0, 101, 101)
Y, X = np.mgrid[:101, :101]
AWAY = np.hypot(X - 50, Y - 50)


@pytest.mark.parametrize("radius", [5.0, 20.7, 40.0])
def test_a_circle_that_goes_on_is_outlined_within_a_cell(radius):
    found = perimeters(GRID, AWAY.astype(np.float32), radius)
    assert len(found) == 1
    np.testing.assert_allclose(area_ha(found), np.pi * (radius * 10) ** 2 / 1e4, rtol=4e-3)  # less than half a cell
    np.testing.assert_allclose(length_m(found), 2 * np.pi * radius * 10, rtol=1e-2)
    assert all(Polygon(polygon[0], polygon[1:]).is_valid for polygon in found)


def test_islands_are_holes():
    arrival = np.where((AWAY > 10) & (AWAY < 30), AWAY, np.nan).astype(np.float32)
    found = perimeters(GRID, arrival, 100.0)
    assert len(found) == 1
    assert len(found[0]) == 2
    whole = Polygon(found[0][0], found[0][1:])
    assert whole.is_valid
    np.testing.assert_allclose(whole.area / 100.0, np.isfinite(arrival).sum(), rtol=0.02)  # cells keep their corners
    np.testing.assert_allclose(area_ha(found), whole.area / 1e4)
    assert Polygon(found[0][0]).exterior.is_ccw
    assert not Polygon(found[0][1]).exterior.is_ccw


def test_a_fire_to_the_edge_is_closed():
    arrival = np.zeros((5, 5), np.float32)
    grid = FireGrid("", 0.0, 50.0, 10.0, 5, 5)
    np.testing.assert_allclose(area_ha(perimeters(grid, arrival, 1.0)), 0.25, rtol=0.03)
    assert perimeters(grid, arrival + 2, 1.0) == []


def test_the_page_and_the_layers():
    land = grass(201, 201)
    result = simulate(land, stream(speed=2.0), [middle(land)], options(1.5))
    page = summarise(result)
    assert page["minutes"] == [60.0, 90.0]
    assert page["area_ha"][0] == pytest.approx(result.area_ha(60), abs=1e-3)
    assert page["area_ha"][0] < page["area_ha"][1]
    assert page["spread"]["direction_deg"] == pytest.approx(90, abs=3)
    assert page["rate_m_min"]["max"] > page["rate_m_min"]["mean"] > 0
    lines = outlines(result)
    assert [line[0]["minutes"] for line in lines] == [60.0, 90.0]
    assert lines[0][0]["time"] == "2025-07-01T13:00:00Z"
    assert lines[1][0]["area_ha"] == pytest.approx(page["area_ha"][1], rel=0.05)
    layers = rasters(result)
    assert set(layers) == {"arrival", "rate", "flame_length", "burn_probability"}
    assert set(np.unique(layers["burn_probability"])) == {0.0, 1.0}


def test_a_fire_that_never_was_has_an_empty_page():
    land = grass()
    result = simulate(land, stream(), [middle(land)], options(moisture=(0.4, 0.4, 0.4, 1.5, 1.5)))
    page = summarise(result)
    assert page["area_ha"] == [0.0]
    assert page["rate_m_min"] == {"mean": None, "max": None}
    assert page["spread"]["direction_deg"] is None
    assert outlines(result)[0][1] == []
