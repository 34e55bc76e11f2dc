"""Sticks that dry and wet by diffusion: time lags, rest, conservation of water, the day, rain, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.conventions.errors import InputError
from brise.formulas.fire.moisture import at_the_fuel, equilibrium, irradiance
from brise.formulas.fire.nelson import STICKS, Stick, diffusivity, stick_equilibrium, stick_moisture
from brise.formulas.sun import solar_position

HOURS = np.datetime64("2024-07-01T00") + np.arange(96).astype("timedelta64[h]")


def steady(count: int, temperature: float, humidity: float, rain: float = 0.0) -> tuple[np.ndarray, ...]:
    return np.full(count, temperature), np.full(count, humidity), np.full(count, rain)


@pytest.mark.parametrize(("name", "lag"), [("1h", 1.0), ("10h", 10.0), ("100h", 100.0)])
def test_each_class_has_about_its_time_lag(name: str, lag: float) -> None:
    """The classes are defined by it: 63 % of the way to rest at 27 degrees and 20 %."""
    after = stick_moisture(steady(400, 300.15, 0.2), 0.12, STICKS[name], 0.01 * lag)
    rest = float(stick_equilibrium(300.15, 0.2))
    gone = 1.0 - (after - rest) / (0.12 - rest)
    found = np.interp(1.0 - np.exp(-1.0), gone, np.arange(1, 401) * 0.01)
    # measured 1.14, 0.71 and 0.57: the radii were fitted to sticks in the field, not to the definition
    assert 0.5 < found < 1.2
    assert (np.diff(after) < 0).all()


def test_at_rest_it_is_the_air_that_decides() -> None:
    for kind in STICKS.values():
        for humidity in (0.1, 0.5, 0.9):
            rest = float(stick_equilibrium(290.0, humidity))
            assert_allclose(stick_moisture(steady(5, 290.0, humidity), rest, kind), rest, rtol=1e-12)
    humidity = np.linspace(0.0, 1.0, 101)
    wood = stick_equilibrium(300.0, humidity)
    assert (np.diff(wood[:-1]) > 0).all()
    assert wood[0] == 0.0
    assert (stick_equilibrium(310.0, humidity[1:]) < wood[1:]).all()
    # another isotherm from other measurements, Simard's: within 2.5 % of dry mass up to 90 % humidity
    assert_allclose(wood[5:91], equilibrium(300.0, humidity[5:91]), atol=0.025)


def test_fine_steps_and_thin_shells_change_little(monkeypatch: pytest.MonkeyPatch) -> None:
    day = np.arange(72) - 9
    wave = np.sin(day * np.pi / 12)
    weather = 295 + 8 * wave, 0.5 - 0.3 * wave, np.zeros(72)
    usual = {name: stick_moisture(weather, 0.08, kind) for name, kind in STICKS.items()}
    monkeypatch.setattr("brise.formulas.fire.nelson.SHELLS", 40)
    for name, kind in STICKS.items():
        fine = replace(kind, substep_h=1.0 / 60.0)
        assert_allclose(usual[name], stick_moisture(weather, 0.08, fine), atol=0.003)  # of dry mass


def test_long_steps_are_stable_and_stay_within_their_bounds() -> None:
    weather = np.array([300.0, 280.0, 310.0]), np.array([0.05, 0.99, 0.3]), np.zeros(3)
    for kind in (*STICKS.values(), Stick(1e-4, 4.6, 0.6, 0.5, 0.8)):
        found = stick_moisture(weather, 0.3, kind, 24.0)
        assert (found > 0.0).all()
        assert (found <= 0.35).all()


def test_a_july_day_on_two_slopes() -> None:
    elevation, azimuth = solar_position(HOURS[:, None], 43.5, 5.5)
    light = irradiance(elevation, azimuth, (np.zeros(2), np.array([0.7, -0.7])))
    air = 297.0 + 6.0 * np.sin((np.arange(96)[:, None] - 9) * np.pi / 12)
    humid = 0.5 - 0.2 * np.sin((np.arange(96)[:, None] - 9) * np.pi / 12)
    warm, dry = at_the_fuel(air, humid, light, 1.5)
    days = {name: stick_moisture((warm, dry, np.zeros((96, 1))), 0.1, kind)[-24:] for name, kind in STICKS.items()}
    swing = [np.ptp(days[name], axis=0)[0] for name in ("1h", "10h", "100h", "1000h")]
    assert swing == sorted(swing, reverse=True)
    assert days["1h"][:, 0].argmin() <= days["10h"][:, 0].argmin()  # thicker sticks lag behind
    assert 11 <= int(days["1h"][:, 0].argmin()) <= 16
    assert (days["10h"][:, 0].mean() < days["10h"][:, 1].mean()).all()
    assert days["1h"].min() > 0.01


def test_rain_soaks_the_outside_and_dries_again() -> None:
    rain = np.zeros(72)
    rain[2:8] = 2.0
    weather = np.full(72, 290.0), np.full(72, 0.6), rain
    rest = float(stick_equilibrium(290.0, 0.6))
    wettest = []
    for kind in STICKS.values():
        found = stick_moisture(weather, rest, kind)
        assert (np.diff(found[1:8]) > 0).all()
        assert (np.diff(found[8:]) <= 0).all()
        assert found[-1] < found[7]
        assert found.max() <= kind.soaked
        wettest.append(found.max())
    assert wettest == sorted(wettest, reverse=True)
    more = stick_moisture((weather[0], weather[1], rain * 2), rest, STICKS["100h"])
    assert more[7] > stick_moisture(weather, rest, STICKS["100h"])[7]


def test_water_that_is_gained_was_rain() -> None:
    """A slow drizzle on a thick stick: all of the share it may take up is found in it."""
    kind = STICKS["100h"]
    found = stick_moisture(steady(3, 290.0, 0.6, 0.02), 0.1, kind)
    surface_to_mass = 2.0 / (kind.radius * kind.density)
    assert_allclose(found[-1] - 0.1, 3 * 0.02 * kind.runoff * surface_to_mass, rtol=1e-9)


def test_places_are_reckoned_together_and_unknown_weather_stays_unknown() -> None:
    warm = np.full((6, 3), 300.0)
    warm[3, 1] = np.nan
    found = stick_moisture((warm, np.full((6, 1), 0.4), np.zeros((6, 1))), [0.1, 0.1, 0.2], STICKS["10h"])
    assert found.shape == (6, 3)
    alone = stick_moisture((warm[:, 2], np.full(6, 0.4), np.zeros(6)), 0.2, STICKS["10h"])
    assert_allclose(found[:, 2], alone, rtol=1e-12)
    assert np.isfinite(found[:3, 1]).all()
    assert np.isnan(found[3:, 1]).all()
    dry = steady(4, 300.0, 0.4)
    assert np.isnan(stick_moisture((*dry[:2], np.array([0, np.nan, 0, 0])), 0.1, STICKS["1h"])[1:]).all()
    assert (diffusivity(300.0, np.linspace(0.0, 2.0, 50)) > 0).all()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"steps of 0 h; 2, 2 and 2"):
        stick_moisture(steady(2, 300.0, 0.4), 0.1, STICKS["1h"], 0)
    with pytest.raises(InputError, match="2, 2 and 3 of the three series"):
        stick_moisture((*steady(2, 300.0, 0.4)[:2], np.zeros(3)), 0.1, STICKS["1h"])
