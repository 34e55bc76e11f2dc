"""Wind and humidity as meteorologists write them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Bolton (1980), Mon. Wea. Rev. 108, 1046-1053, eq. 10: over liquid water, within 0.3 % from -35 to 35 °C.
_BOLTON = (611.2, 17.67, 243.5)


def wind_components(speed: ArrayLike, from_direction: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eastward and northward wind of a speed and the direction it comes FROM.

    Args:
        speed: Any unit; the components have the same.
        from_direction: Degrees clockwise from north.

    >>> [round(float(c), 3) for c in wind_components(10.0, 270.0)]  # a westerly blows to the east
    [10.0, 0.0]
    """
    size, angle = np.asarray(speed, float), np.radians(np.asarray(from_direction, float))
    return -size * np.sin(angle), -size * np.cos(angle)


def wind_speed_and_direction(
    eastward: ArrayLike, northward: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Speed, and the direction it comes FROM in degrees clockwise from north, 0 <= direction < 360; calm gives 0.

    >>> [float(v) for v in wind_speed_and_direction(3.0, 4.0)]
    [5.0, 216.86989764584402]
    """
    u, v = np.asarray(eastward, float), np.asarray(northward, float)
    speed = np.hypot(u, v)
    direction = np.degrees(np.arctan2(-u, -v)) % 360.0
    direction = np.where(direction >= 360.0, 0.0, direction)  # -1e-15 % 360 rounds up to 360
    return speed, np.where(speed == 0, 0.0, direction)


def saturation_vapour_pressure(temperature: ArrayLike) -> NDArray[np.float64]:
    """Pa over liquid water at a temperature in K (Bolton 1980, eq. 10).

    >>> round(float(saturation_vapour_pressure(293.15)))
    2337
    """
    base, slope, offset = _BOLTON
    celsius = np.asarray(temperature, float) - 273.15
    return np.asarray(base * np.exp(slope * celsius / (celsius + offset)))


def relative_humidity(temperature: ArrayLike, dew_point: ArrayLike) -> NDArray[np.float64]:
    """Share of saturation, 0..1 (above 1 where the dew point is above the temperature); both in K.

    >>> round(float(relative_humidity(293.15, 283.15)), 3)
    0.525
    """
    return saturation_vapour_pressure(dew_point) / saturation_vapour_pressure(temperature)


def dew_point(temperature: ArrayLike, humidity: ArrayLike) -> NDArray[np.float64]:
    """Dew point in K of a temperature in K and a relative humidity (share); NaN where the humidity is not positive.

    >>> round(float(dew_point(293.15, 0.525)), 2)
    283.15
    """
    base, slope, offset = _BOLTON
    share = np.asarray(humidity, float)
    share = np.where(share > 0, share, np.nan)
    logarithm = np.log(share * saturation_vapour_pressure(temperature) / base)
    return np.asarray(offset * logarithm / (slope - logarithm) + 273.15)
