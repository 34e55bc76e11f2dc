"""Wind and humidity."""

import numpy as np
import pytest

from brise.formulas.meteorology import (
    dew_point,
    relative_humidity,
    saturation_vapour_pressure,
    wind_components,
    wind_speed_and_direction,
)


@pytest.mark.parametrize(
    ("direction", "u", "v"), [(0, 0, -5), (90, -5, 0), (180, 0, 5), (270, 5, 0), (225, 3.5355, 3.5355)]
)
def test_wind_is_named_by_where_it_comes_from(direction: float, u: float, v: float) -> None:
    np.testing.assert_allclose(wind_components(5.0, direction), (u, v), atol=1e-4)  # 5 digits given


def test_wind_round_trip() -> None:
    rng = np.random.default_rng(0)
    speed, direction = rng.uniform(0.1, 40, 1000), rng.uniform(0, 360, 1000)
    back = wind_speed_and_direction(*wind_components(speed, direction))
    np.testing.assert_allclose(back, (speed, direction), rtol=1e-12)  # float64 algebra


def test_direction_stays_below_360_and_calm_is_zero() -> None:
    speed, direction = wind_speed_and_direction([0.0, 1e-17, 0.0], [0.0, -1.0, -1.0])
    np.testing.assert_array_equal(speed, [0.0, 1.0, 1.0])
    assert (direction >= 0).all()
    assert (direction < 360).all()
    assert direction[0] == 0


def test_saturation_against_the_goff_gratch_table() -> None:
    """Smithsonian Meteorological Tables, table 94: 6.1078, 12.272, 23.373, 42.430 hPa; Bolton claims 0.3 %."""
    table = [610.78, 1227.2, 2337.3, 4243.0]
    np.testing.assert_allclose(saturation_vapour_pressure([273.15, 283.15, 293.15, 303.15]), table, rtol=3e-3)


def test_dew_point_inverts_relative_humidity() -> None:
    kelvin = np.linspace(240, 315, 50)
    for share in (0.05, 0.5, 1.0):
        dew = dew_point(kelvin, share)
        np.testing.assert_allclose(relative_humidity(kelvin, dew), share, rtol=1e-10)  # exact inverse in float64
        assert (dew <= kelvin + 1e-9).all()


def test_dew_point_of_no_humidity_is_unknown() -> None:
    assert np.isnan(dew_point(290.0, [0.0, -0.1, np.nan])).all()
