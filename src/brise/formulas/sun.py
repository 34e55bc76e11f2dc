"""Where the sun is, from the time and the place.

Low-precision solar coordinates of Meeus, *Astronomical Algorithms*, 2nd ed. (1998), chapters 25 and 28: about 0.01
degree between 1900 and 2100. Refraction and parallax are left out (together at most 0.6 degree, at the horizon).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Times = NDArray[np.datetime64]

_J2000 = np.datetime64("2000-01-01T12:00:00", "ms")


def _days(time: ArrayLike) -> NDArray[np.float64]:
    """Days since J2000.0 (UTC stands in for terrestrial time: 70 s move the sun by 0.001 degree)."""
    return np.asarray((np.asarray(time, "datetime64[ms]") - _J2000) / np.timedelta64(86_400_000, "ms"), float)


def _ecliptic(days: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean longitude (from the true equinox), apparent longitude and obliquity, radians (Meeus 25.2 to 25.8)."""
    t = days / 36_525.0
    mean = 280.46646 + t * (36_000.76983 + t * 0.0003032)
    anomaly = np.radians(357.52911 + t * (35_999.05029 - t * 0.0001537))
    centre = (
        (1.914602 - t * (0.004817 + t * 0.000014)) * np.sin(anomaly)
        + (0.019993 - t * 0.000101) * np.sin(2 * anomaly)
        + 0.000289 * np.sin(3 * anomaly)
    )
    node = np.radians(125.04 - 1934.136 * t)
    apparent = mean + centre - 0.00569 - 0.00478 * np.sin(node)
    obliquity = 23.4392911 - 0.0130042 * t + 0.00256 * np.cos(node)
    mean -= 0.00478 * np.sin(node) * np.cos(np.radians(obliquity))
    return np.radians(mean), np.radians(apparent), np.radians(obliquity)


def _right_ascension(apparent: NDArray[np.float64], obliquity: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.arctan2(np.cos(obliquity) * np.sin(apparent), np.cos(apparent)))


def declination(time: ArrayLike) -> NDArray[np.float64]:
    """Declination of the sun, degrees (Meeus example 25.a: -7.785 on 1992 October 13).

    >>> round(float(declination(np.datetime64("1992-10-13T00:00:00"))), 3)
    -7.785
    """
    _, apparent, obliquity = _ecliptic(_days(time))
    return np.asarray(np.degrees(np.arcsin(np.sin(obliquity) * np.sin(apparent))))


def equation_of_time(time: ArrayLike) -> NDArray[np.float64]:
    """Minutes by which a sundial is ahead of a clock (Meeus example 28.a: 13 min 42 s on 1992 October 13).

    >>> round(float(equation_of_time(np.datetime64("1992-10-13T00:00:00"))), 2)
    13.7
    """
    mean, apparent, obliquity = _ecliptic(_days(time))
    angle = mean - np.radians(0.0057183) - _right_ascension(apparent, obliquity)
    return np.asarray(np.degrees((angle + np.pi) % (2 * np.pi) - np.pi) * 4.0)


def solar_noon(day: ArrayLike, longitude: ArrayLike) -> NDArray[np.datetime64]:
    """UTC at which the sun crosses the meridian, to the second.

    Args:
        day: Dates, broadcast with `longitude`.
        longitude: Degrees east.

    >>> solar_noon(np.datetime64("2003-10-17"), -105.1786).item().isoformat()
    '2003-10-17T18:46:05'
    """
    noon = np.asarray(day, "datetime64[D]").astype("datetime64[s]") + np.timedelta64(43_200, "s")
    first = noon - (np.asarray(longitude, float) * 240.0).astype("timedelta64[s]")
    return np.asarray(first - np.rint(equation_of_time(first) * 60.0).astype("timedelta64[s]"))


def solar_position(
    time: ArrayLike, latitude: ArrayLike, longitude: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Elevation above the horizon and azimuth clockwise from north, degrees, broadcasting.

    Args:
        time: UTC.
        latitude: Degrees north.
        longitude: Degrees east.

    Returns:
        Elevation without refraction, and azimuth 0..360.

    >>> e, a = solar_position(np.datetime64("2003-10-17T19:30:30"), 39.742476, -105.1786)  # NREL/TP-560-34302, A.5
    >>> round(float(e), 1), round(float(a), 1)
    (39.9, 194.3)
    """
    days = _days(time)
    _, apparent, obliquity = _ecliptic(days)
    dec = np.arcsin(np.sin(obliquity) * np.sin(apparent))
    sidereal = np.radians(280.46061837 + 360.98564736629 * days + np.asarray(longitude, float))
    hour_angle = sidereal - _right_ascension(apparent, obliquity)
    phi = np.radians(np.asarray(latitude, float))
    sine = np.sin(phi) * np.sin(dec) + np.cos(phi) * np.cos(dec) * np.cos(hour_angle)
    azimuth = np.arctan2(np.sin(hour_angle), np.cos(hour_angle) * np.sin(phi) - np.tan(dec) * np.cos(phi))
    return np.degrees(np.arcsin(np.clip(sine, -1, 1))), (np.degrees(azimuth) + 180.0) % 360.0
