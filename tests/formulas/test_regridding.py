import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.formulas.regridding import MAX_PIXELS, Raster, covering, finer, plain_projection, regrid

LAEA = "+proj=laea +lat_0=52 +lon_0=5 +ellps=WGS84"
GRID = Grid("x", 52.3, 4.6, 0.01, 61, 81)


def raster(size, half=60_000.0, projection=LAEA):
    count = round(2 * half / size)
    return Raster(projection, -half, half, size, size, count, count)


def plane(place):
    """Something linear in latitude and longitude, whose mean over a pixel is its value in the middle."""
    longitude, latitude = place.centres()
    return (20 + 10 * (latitude - 52) + 5 * (longitude - 5)).astype(np.float32)


@pytest.mark.parametrize("size", [400.0, 1000.0, 3000.0])
def test_values_land_where_they_were(size):
    place = raster(size)
    assert finer(place, GRID) == (size < 500)
    got = regrid(plane(place), place, GRID)
    latitude, longitude = (part.reshape(61, 81) for part in GRID.points())
    # Nearest is off by up to half a source pixel's diagonal; a mean by the middle of the few pixels it took.
    reach = 0.7 * max(size, 1100.0) / 111_000
    np.testing.assert_allclose(got, 20 + 10 * (latitude - 52) + 5 * (longitude - 5), atol=reach * 15)


def test_a_mean_keeps_the_amount_and_nearest_the_peaks():
    rng = np.random.default_rng(0)
    fine, coarse = raster(250.0), raster(2000.0)
    values = rng.gamma(0.3, 4, (fine.rows, fine.columns)).astype(np.float32)
    got = regrid(values, fine, GRID)
    np.testing.assert_allclose(np.nanmean(got), values.mean(), rtol=0.02)  # edges differ
    assert got.max() < values.max()
    lumps = rng.gamma(0.3, 4, (coarse.rows, coarse.columns)).astype(np.float32)
    assert np.isin(regrid(lumps, coarse, GRID), lumps).all()


def test_missing_stays_missing():
    fine = raster(250.0)
    values = np.ones((fine.rows, fine.columns), np.float32)
    values[:, : fine.columns // 2] = np.nan
    got = regrid(values, fine, GRID)
    longitude = GRID.longitude
    assert np.isnan(got[:, longitude < 4.98]).all()
    assert (got[:, longitude > 5.02] == 1).all()
    assert set(got[np.isfinite(got)].tolist()) == {1.0}  # never mixed with a zero
    chess = np.where(np.indices(values.shape).sum(axis=0) % 4 == 0, 1, np.nan).astype(np.float32)
    assert np.isnan(regrid(chess, fine, GRID)).mean() > 0.9  # a quarter known is too little


def test_outside_is_missing():
    place = raster(1000.0, half=10_000.0)
    got = regrid(np.zeros((20, 20), np.float32), place, GRID)
    assert np.isnan(got[0]).all()
    assert got[30, 40] == 0
    other_side = Raster(LAEA, 0, 0, 1000.0, 1000.0, 20, 20)
    assert np.isnan(regrid(np.zeros((20, 20), np.float32), other_side, Grid("y", -51.9, -175.1, 0.01, 20, 20))).all()


def test_degrees_cross_the_date_line():
    place = Raster("", 179.9, 10.0, 0.01, 0.01, 10, 20)
    values = np.arange(200, dtype=np.float32).reshape(10, 20)
    got = regrid(values, place, Grid("fiji", 9.995, -179.995, 0.01, 10, 12))
    np.testing.assert_array_equal(got[:, :10], values[:, 10:])
    assert np.isnan(got[:, 10:]).all()


def test_a_covering_grid_covers():
    place = raster(1000.0)
    grid = covering(place, "all")
    south, west, north, east = place.bounds()
    assert grid.north >= north - 0.01
    assert grid.latitude[-1] <= south + 0.01
    assert grid.west <= west + 0.01
    assert grid.longitude[-1] >= east - 0.01
    np.testing.assert_allclose(grid.north * 100, round(grid.north * 100), atol=1e-6)  # whole hundredths
    assert np.isfinite(regrid(plane(place), place, grid)).mean() > 0.9


def test_projection_strings():
    assert plain_projection("proj=stere lat_0=90  +lon_0=0 +type=crs") == "+proj=stere +lat_0=90 +lon_0=0"
    assert Raster("EPSG:3067", 0, 0, 1, 1, 1, 1).degrees is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LAEA, 0, 0, 1, 1, 0, 5), "raster of 0 x 5 pixels"),
        ((LAEA, 0, 0, 1, 1, MAX_PIXELS, 2), f"1 to {MAX_PIXELS} are allowed"),
        ((LAEA, 0, 0, -1, 1, 5, 5), "pixels of -1 x 1"),
        ((LAEA, 0, 0, 1, float("nan"), 5, 5), "pixels of 1 x nan"),
        ((LAEA, float("nan"), 0, 1, 1, 5, 5), "raster from nan"),
        ((LAEA, 1e12, 0, 1, 1, 5, 5), r"raster from 1e\+12, 0, 5 wide and 5 high: beyond 1e\+09"),
        (("", 0, 95, 1, 1, 5, 5), "raster from 95 north, 0 east, 5 x 5 degrees: not on Earth"),
        (("+proj=pipeline +step +proj=laea", 0, 0, 1, 1, 5, 5), "not a plain PROJ string"),
        (("/etc/passwd", 0, 0, 1, 1, 5, 5), "not a plain PROJ string"),
        (("+proj=laea +x=" + "1" * 600, 0, 0, 1, 1, 5, 5), "not a plain PROJ string"),
    ],
)
def test_impossible_rasters_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Raster(*arguments)


def test_impossible_requests_are_refused():
    with pytest.raises(InputError, match=r"values \(3, 3\) of a raster of 120 x 120"):
        regrid(np.zeros((3, 3), np.float32), raster(1000.0), GRID)
    with pytest.raises(InputError, match="grid world: 64800000 cells"):
        regrid(np.zeros((120, 120), np.float32), raster(1000.0), Grid("world", 89.9, -180.0, 0.03, 5400, 12_000))
    with pytest.raises(InputError, match=r"raster: .* pixels of 0.001 degrees cover it"):
        covering(raster(1e5, half=1e6), "all", step=0.001)
    with pytest.raises(InputError, match="its outline is not on Earth"):
        covering(Raster("+proj=ortho +lat_0=0 +lon_0=0", 1e8, 1e8, 1e3, 1e3, 5, 5), "space")
    with pytest.raises(InputError, match="is unknown"):
        covering(Raster("EPSG:999999", 0, 0, 1, 1, 1, 1), "nowhere")
