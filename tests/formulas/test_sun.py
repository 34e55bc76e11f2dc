"""The sun against published worked examples."""

import numpy as np
import pytest

from brise.formulas.sun import declination, equation_of_time, solar_noon, solar_position


def test_declination_and_equation_of_time_of_meeus() -> None:
    day = np.datetime64("1992-10-13T00:00:00")
    np.testing.assert_allclose(declination(day), -7.78507, atol=1e-4)  # example 25.a; 4 decimals of the method
    np.testing.assert_allclose(
        equation_of_time(day) * 60, 822.7, atol=1.5
    )  # example 28.a: 13 min 42.7 s; 1 s of nutation


def test_position_and_noon_of_nrel() -> None:
    """Reda and Andreas (2008), NREL/TP-560-34302, A.5: zenith 50.11162 with 0.016 of refraction, azimuth 194.34024."""
    elevation, azimuth = solar_position(np.datetime64("2003-10-17T19:30:30"), 39.742476, -105.1786)
    np.testing.assert_allclose(elevation, 39.872, atol=0.01)  # the method's own error
    np.testing.assert_allclose(azimuth, 194.34, atol=0.01)
    noon = solar_noon(np.datetime64("2003-10-17"), -105.1786)
    assert abs(noon - np.datetime64("2003-10-17T18:46:05")) <= np.timedelta64(2, "s")  # transit 18:46:04.97


@pytest.mark.parametrize(
    ("moment", "expected"),  # solstices and equinoxes of 2024 (US Naval Observatory), to the minute
    [("2024-06-20T20:51", 23.44), ("2024-12-21T09:21", -23.44), ("2024-03-20T03:06", 0.0), ("2024-09-22T12:44", 0.0)],
)
def test_declination_at_the_turns_of_the_year(moment: str, expected: float) -> None:
    np.testing.assert_allclose(declination(np.datetime64(moment)), expected, atol=0.01)


def test_the_sun_stands_highest_at_noon_and_below_at_midnight() -> None:
    day = np.datetime64("2024-06-20")
    noon = solar_noon(day, 116.4)
    around = noon + np.arange(-60, 61) * np.timedelta64(60, "s")
    elevation, azimuth = solar_position(around, 39.9, 116.4)
    assert abs(int(elevation.argmax()) - 60) <= 1
    np.testing.assert_allclose(elevation.max(), 90 - 39.9 + 23.44, atol=0.02)
    assert azimuth[0] < 180 < azimuth[-1]
    assert solar_position(noon + np.timedelta64(12, "h"), 39.9, 116.4)[0] < -20
