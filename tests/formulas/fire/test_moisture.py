"""Dead fuel moisture: from the weather, through the day, over the terrain."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.conventions.errors import InputError
from brise.formulas.fire.moisture import at_the_fuel, dead_moisture, equilibrium, fosberg, in_sun, irradiance
from brise.formulas.sun import solar_position

HOURS = np.datetime64("2024-07-01T00") + np.arange(24).astype("timedelta64[h]")


def test_wetter_air_makes_wetter_fuel() -> None:
    humidity = np.linspace(0.01, 1.0, 100)
    wet = equilibrium(300.0, humidity)
    # Simard's three pieces meet within 0.3 % moisture
    assert (np.diff(wet) > -0.003).all()
    assert wet[0] >= 0
    assert wet[-1] < 0.35
    one, ten = fosberg(300.0, humidity)
    assert (ten >= one).all()


def test_the_day_and_the_terrain() -> None:
    """A July day in Provence: driest after noon, a steep south slope drier than a north one, shade wetter than both."""
    elevation, azimuth = solar_position(HOURS[:, None], 43.5, 5.5)
    light = irradiance(elevation, azimuth, (np.zeros(2), np.array([0.7, -0.7])))  # uphill north: facing south
    assert_allclose(light[elevation[:, 0] < 0], 0.0, atol=0)
    air = 299.0 + 6.0 * np.sin((np.arange(24)[:, None] - 9) * np.pi / 12)
    warm, dry = at_the_fuel(air, 0.35, light, 1.5)
    steady = equilibrium(warm, dry)
    fuel = dead_moisture(np.concatenate([steady] * 3), np.zeros((72, 1), bool), np.full((3, 2), 0.08))[-24:]
    assert 10 <= int(fuel[:, 0, 0].argmin()) <= 16
    assert fuel[12, 0, 0] < fuel[12, 0, 1]
    shaded = irradiance(elevation, azimuth, (0.0, 0.0), cover=0.9)
    assert (shaded <= irradiance(elevation, azimuth, (0.0, 0.0))).all()
    swing = np.ptp(fuel[:, :, 0], axis=0)
    assert swing[0] > swing[1] > swing[2]


def test_rain_wets_and_unknown_weather_stays_unknown() -> None:
    wetted = dead_moisture([0.06] * 4, [False, True, True, False], [0.06] * 3)
    assert wetted[2, 0] > 0.28
    assert wetted[3, 0] < wetted[2, 0]
    assert wetted[2, 2] < 0.07
    assert np.isnan(dead_moisture([0.06, np.nan, 0.06], [False] * 3, [0.06] * 3)[1:]).all()


def test_impossible_steps_are_refused() -> None:
    with pytest.raises(InputError, match="step 0 h"):
        dead_moisture([0.06], [False], [0.06] * 3, step_h=0)


def test_shadows_are_as_long_as_the_sun_is_low() -> None:
    ground = np.zeros((60, 60))
    ground[30:] = 100.0  # a plateau in the south, cells of 10 m
    for elevation, azimuth in ((45.0, 180.0), (20.0, 180.0), (30.0, 150.0), (30.0, 240.0)):
        lit = in_sun(ground, 10.0, elevation, azimuth)
        across = 10.0 / np.tan(np.radians(elevation)) * abs(np.cos(np.radians(azimuth)))  # cells, towards the north
        shade = ~lit[:30, 25:35]
        assert_allclose(shade.sum(axis=0), across, atol=1.0)  # a cell: its edge is one wide
        assert lit[30:].all()
    assert not in_sun(ground, 10.0, 0.0, 180.0).any()
    ground[:, :5] = np.nan
    assert in_sun(ground, 10.0, 45.0, 90.0)[:, :5].all()
    with pytest.raises(InputError, match=r"shape \(3,\)"):
        in_sun(np.zeros(3), 10.0, 45.0, 180.0)


def test_shadows_turn_with_the_sun() -> None:
    rng = np.random.default_rng(0)
    bumps = np.cumsum(np.cumsum(rng.standard_normal((40, 40)), axis=0), axis=1)
    south = in_sun(bumps, 10.0, 25.0, 180.0)
    assert_allclose(in_sun(np.rot90(bumps), 10.0, 25.0, 90.0), np.rot90(south), atol=0)
    assert_allclose(in_sun(bumps[::-1], 10.0, 25.0, 0.0), south[::-1], atol=0)
    assert south.mean() < in_sun(bumps, 10.0, 60.0, 180.0).mean()
