"""Cubes and grids: what is refused, and the geometry."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from brise.conventions.cubes import base_variable, check_cube
from brise.conventions.errors import ConventionError
from brise.conventions.grids import Grid, chord_to_km, distance_km, km_to_chord

ATTRS = {"units": "ug m-3", "standard_name": "mass_concentration_of_ozone_in_air"}


def cube(dims=("lead_time", "latitude", "longitude"), attrs=ATTRS, fill=1.0, latitude=(2.0, 1.0)):
    coords = {"lead_time": [0, 3600], "latitude": list(latitude), "longitude": [5.0, 6.0]}
    data = np.full((2,) * len(dims), fill)
    return xr.Dataset({"o3": (dims, data, attrs)}, {k: v for k, v in coords.items() if k in dims})


def test_a_good_cube_passes():
    assert check_cube(cube()) is not None
    assert base_variable("pm25_quantile") == "pm25"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (cube(dims=("latitude", "lead_time", "longitude")), "allowed, in order"),
        (cube(attrs={"units": "ppb", "standard_name": "x"}), "expected 'ug m-3'"),
        (cube(attrs={"units": "ug m-3"}), "no standard_name"),
        (cube(fill=-999.0), "allowed -20"),
        (cube(fill=np.inf), "infinity"),
        (cube(latitude=(1.0, 2.0)), "north to south"),
        (cube().rename(o3="ozone"), "no known variable"),
        (cube().drop_vars("longitude"), "no coordinate"),
        (cube().assign_coords(longitude=[6.0, 5.0]), "longitude must increase"),
    ],
)
def test_a_bad_cube_says_what(bad, message):
    with pytest.raises(ConventionError, match=message):
        check_cube(bad)


@given(st.integers(0, 4), st.integers(0, 6), st.floats(-0.49, 0.49), st.floats(-0.49, 0.49))
def test_every_point_of_a_cell_finds_it(row, column, up, right):
    grid = Grid("fiji", north=-16.0, west=179.0, step=0.5, rows=5, columns=7)  # across the date line
    longitude = grid.longitude[column] + right * 0.5
    wrapped = (longitude + 180) % 360 - 180
    assert grid.cell(grid.latitude[row] + up * 0.5, wrapped) == row * 7 + column


def test_points_outside_belong_to_no_cell():
    grid = Grid("g", north=10, west=0, step=1, rows=2, columns=2)
    assert grid.cell(10.6, 0) is None
    assert grid.cell(9, -0.6) is None
    assert grid.cell(9, -0.4) == 2


def test_a_grid_holds_what_has_a_cell():
    rng = np.random.default_rng(1)
    latitude, longitude = rng.uniform(-21, -13, 500), rng.uniform(170, 190, 500)
    longitude = (longitude + 180) % 360 - 180
    for grid in (Grid("fiji", -16.0, 179.0, 0.5, 5, 7), Grid("belt", -14.0, -180.0, 1.0, 4, 360)):
        cells = [grid.cell(*place) is not None for place in zip(latitude, longitude, strict=True)]
        assert grid.holds(latitude, longitude).tolist() == cells
        assert 0 < sum(cells) < 500


@pytest.mark.parametrize("bad", [{"rows": 0}, {"step": -1.0}, {"north": 91.0}, {"columns": 500}])
def test_impossible_grids_are_refused(bad):
    with pytest.raises(ConventionError, match="grid g"):
        Grid(**({"name": "g", "north": 10, "west": 0, "step": 1.0, "rows": 2, "columns": 2} | bad))


def test_distances():
    # Paris to Sydney, 16,960 km on a sphere of mean radius.
    np.testing.assert_allclose(distance_km(48.8566, 2.3522, -33.8688, 151.2093), 16960, rtol=1e-3)
    np.testing.assert_allclose(chord_to_km(km_to_chord([0, 1, 500.0])), [0, 1, 500], atol=1e-9)
    np.testing.assert_allclose(distance_km(0, 179.5, 0, -179.5), 111.195, rtol=1e-5)  # one degree, date line
