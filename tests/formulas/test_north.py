import math

import numpy as np
import pytest
from pyproj import CRS, Proj
from tests.products.fire_cases import grass, middle, options, stream

from brise.conventions.errors import InputError
from brise.formulas.north import convergence
from brise.products.fire_spread import simulate
from brise.products.fire_summary import summarise


@pytest.mark.parametrize(
    ("crs", "x", "y", "about"),
    [
        ("EPSG:5070", 1_842_060.0, 2_608_410.0, 14.12),  # Worcester, Vermont, in LANDFIRE's Albers
        ("EPSG:5070", -2_200_000.0, 2_000_000.0, -15.51),  # the coast of California
        ("EPSG:3812", 748_468.0, 594_346.0, 1.07),  # Houffalize
        ("EPSG:3812", 629_488.0, 715_946.0, -0.22),  # Clinge
        ("EPSG:32631", 300_000.0, 5_600_000.0, -2.18),
        ("EPSG:32733", 300_000.0, 6_000_000.0, 1.31),  # south of the equator, west of the middle
    ],
)
def test_convergence_is_the_projections_own(crs, x, y, about):
    plane = Proj(CRS.from_user_input(crs))
    theirs = plane.get_factors(*plane(x, y, inverse=True)).meridian_convergence
    found = convergence(CRS.from_user_input(crs).to_wkt(), x, y)
    np.testing.assert_allclose(found, theirs, atol=1e-3)  # a chord of 11 m, and the datum's ellipsoid
    np.testing.assert_allclose(found, about, atol=0.05)  # degrees, as rounded above


def test_a_plane_of_no_known_place_has_no_north():
    assert convergence("", 1.0, 2.0) == 0.0
    assert convergence('LOCAL_CS["mine",UNIT["m",1]]', 1.0, 2.0) == 0.0
    with pytest.raises(InputError, match=r"grid north at x 1\.0"):
        convergence("rubbish", 1.0, 2.0)


def in_vermont(**how):
    land = grass(301, 301, 10.0, crs=CRS.from_epsg(5070).to_wkt())
    moved = type(land)(type(land.grid)(land.grid.crs, 1_840_000.0, 2_610_000.0, 10.0, 301, 301), land.fuel)
    return simulate(moved, stream(speed=8.0), [middle(moved)], options(0.4, parts=1, **how))


def test_wind_from_true_west_drives_a_fire_true_east():
    result = in_vermont()
    page = summarise(result)
    np.testing.assert_allclose(page["spread"]["direction_deg"], 90.0, atol=1.5)  # of whole cells, some 100 away
    rows, columns = np.nonzero(np.isfinite(result.arrival))
    far = int(columns.argmax())
    on_grid = math.degrees(math.atan2(columns[far] - 150, 150 - rows[far]))
    np.testing.assert_allclose(on_grid, 90.0 - 14.1, atol=1.5)
    np.testing.assert_allclose(
        np.nanmedian(result.direction[result.rate > 0.95 * np.nanmax(result.rate)]), 90.0, atol=1
    )
    assert result.provenance["grid_north_deg"] == pytest.approx(14.1, abs=0.1)
    assert any("14.1 degrees east of true north" in line for line in result.assumptions)


def test_directions_from_the_grid_when_asked():
    page = summarise(in_vermont(grid_north=True))
    np.testing.assert_allclose(page["spread"]["direction_deg"], 90.0 + 14.1, atol=1.5)
    assert any("as asked" in line for line in page["assumptions"])
