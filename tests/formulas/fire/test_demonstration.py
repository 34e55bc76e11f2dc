"""The demonstration landscape: plausible, whole, repeatable, and never mistaken for a real place."""

import numpy as np
import pytest
from rasterio.warp import transform

from brise.conventions.fire import LAYERS, FireGrid
from brise.formulas.fire import demonstration
from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE


@pytest.fixture(scope="module")
def made():
    return demonstration.site()


def test_every_layer_is_there_finite_and_in_its_range(made):
    assert made.simulated
    assert "no such place exists" in made.assumptions[0]
    for name in LAYERS:
        assert getattr(made, name).dtype == np.float32
    assert np.isfinite(made.elevation).all()
    assert ((made.slope >= 0) & (made.slope < 1.5)).all()
    assert ((made.canopy_cover >= 0) & (made.canopy_cover <= 1)).all()
    trees = made.canopy_cover > 0
    assert 0.05 < trees.mean() < 0.4
    assert (made.canopy_height[trees] > made.canopy_base[trees]).all()


def test_fuels_are_known_and_mostly_burn(made):
    assert set(np.unique(made.fuel).tolist()) <= set(FUEL_MODELS) | set(NON_BURNABLE)
    burnable = np.isin(made.fuel, list(FUEL_MODELS)).mean()
    assert 0.9 < burnable < 0.99
    assert {demonstration.WATER, demonstration.BUILT, demonstration.FIELDS} <= set(np.unique(made.fuel).tolist())


def test_same_seed_same_hills(made):
    again = demonstration.landscape(demonstration.SITE)
    np.testing.assert_array_equal(again.elevation, made.elevation)
    other = demonstration.landscape(demonstration.Plan(demonstration.SITE.grid, seed=8))
    assert (other.fuel != made.fuel).mean() > 0.2


def test_it_lies_in_the_highveld_and_its_largest_village_where_heidelberg_is(made):
    grid = made.grid
    x, y = transform("EPSG:4326", grid.crs, [28.35921], [-26.50476])
    row, column = int((grid.north - y[0]) / grid.cell_m), int((x[0] - grid.west) / grid.cell_m)
    assert made.fuel[row, column] == demonstration.BUILT


def test_power_falls_with_the_wavenumber_as_hills_do(made):
    # Between 8 and 40 waves a side the fractal part rules: slope -(2 H + 2) = -3.6, +-0.8 for one draw of 420 rows.
    grid = FireGrid(demonstration.utm(35, south=True), 0.0, 7e6, 30.0, 256, 256)
    field = demonstration._fractal(grid.shape, np.random.default_rng(3))
    window = np.hanning(256)[:, None] * np.hanning(256)
    power = np.abs(np.fft.fft2(field * window)) ** 2
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(256, 1 / 256), np.fft.fftfreq(256, 1 / 256)))
    rings = [power[(k >= low) & (k < low + 2)].mean() for low in range(4, 20, 2)]
    slope = np.polyfit(np.log(np.arange(5.0, 21.0, 2.0)), np.log(rings), 1)[0]
    assert -4.6 < slope < -3.0
