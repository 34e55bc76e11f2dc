"""Which forecast carries a domain's map: the one that covers it, never half of one."""

import numpy as np
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.observations import StationHours
from brise.products.chemistry_transport import background_for

TIME = np.array(["2024-01-01T00", "2024-01-01T01"], "datetime64[s]")
GRID = Grid("paris", 49.4, 1.5, 0.05, 29, 39)


def cube(north, west, value, side=32):
    field = np.full((2, side, side), value, np.float32)
    coordinates = {
        "time": TIME,
        "latitude": north - 0.1 * np.arange(side),
        "longitude": west + 0.1 * np.arange(side),
    }
    return xr.Dataset({"o3": (("time", "latitude", "longitude"), field)}, coordinates, {"title": "a forecast"})


LONDON, PARIS = cube(53.0, -1.7, 100.0), cube(50.4, 0.8, 10.0)


def points(latitude, longitude):
    places = np.array([latitude, longitude], float)
    return StationHours(
        TIME, np.array([f"cams:{i}" for i in range(places.shape[1])]), *places, np.zeros(places.shape[1]),
        {"o3": np.full((2, places.shape[1]), 55.0, np.float32)},
    )  # fmt: skip


def value_at(background, latitude, longitude):
    phi, lam = np.radians([latitude, longitude])
    place = np.array([[np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)]])
    return float(background.at("o3", TIME[:1], place)[0, 0])


def test_the_neighbour_that_comes_first_does_not_stand_in_for_the_domain():
    background = background_for(GRID, [LONDON, PARIS], None)
    np.testing.assert_allclose(value_at(background, 48.86, 2.35), 10.0, rtol=1e-6)  # single-precision field


def test_a_field_that_ends_within_the_domain_is_left_out():
    assert background_for(GRID, [LONDON], None) is None


def test_points_speak_where_no_grid_does():
    near = points([48.2, 48.2, 49.2, 49.2], [1.9, 3.0, 1.9, 3.0])
    background = background_for(GRID, [LONDON], near)
    assert background.name == "CAMS by Open-Meteo"
    np.testing.assert_allclose(value_at(background, 48.86, 2.35), 55.0, rtol=1e-6)  # single-precision field


def test_points_too_far_away_say_nothing():
    assert background_for(GRID, [], points([60.0], [2.0])) is None
    assert background_for(GRID, [], points([47.5], [0.6])) is None  # near a corner, out of reach of the others
    assert background_for(GRID, [], None) is None


def test_a_pollutant_that_is_never_known_is_left_out():
    unknown = PARIS.assign(no2=PARIS["o3"] * np.nan)
    assert set(background_for(GRID, [unknown], None).values) == {"o3"}
