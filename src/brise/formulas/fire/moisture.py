"""Moisture of dead fuel from the weather, through the day and over the terrain.

Fosberg and Deeming (1971, RM-207; the National Fire Danger Rating System, Bradshaw et al. 1983, INT-169): dead fuel
tends to an equilibrium with the air that touches it (Simard 1968) at the pace of its time lag. That air is warmed by
the sun on the slope and under the canopy (Byram and Jemison 1943, as Rothermel et al. 1986, INT-359, use it): the
diurnal part and the terrain's. Moistures are fractions of dry mass, temperatures K, relative humidity 0 to 1.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.formulas.compiled import compiled

Array = NDArray[np.float64]

TIME_LAGS_H = (1.0, 10.0, 100.0)  # of the three dead classes, by definition
WET = 0.35  # fine fuel under rain (NFDRS)

_SOLAR_CONSTANT = 1361.0  # W m-2
_CAL_CM2_MIN_PER_W_M2 = 60.0 / 41_840.0
_MPH = 0.44704


def _fahrenheit(temperature: ArrayLike) -> Array:
    return np.asarray((np.asarray(temperature, float) - 273.15) * 1.8 + 32.0)


def equilibrium(temperature: ArrayLike, humidity: ArrayLike) -> Array:
    """Equilibrium moisture of dead fuel, (…), fraction.

    Simard (1968), with h the humidity in percent and T in degrees Fahrenheit; percent:
    0.03229 + 0.281073 h - 0.000578 h T below 10 %, 2.22749 + 0.160107 h - 0.014784 T to 50 %,
    21.0606 + 0.005565 h**2 - 0.00035 h T - 0.483199 h above.

    >>> equilibrium(300.0, [0.05, 0.3, 0.9]).round(4).tolist()
    [0.0121, 0.0584, 0.2012]
    """
    t, h = _fahrenheit(temperature), 100.0 * np.asarray(humidity, float)
    dry = 0.03229 + 0.281073 * h - 0.000578 * h * t
    middle = 2.22749 + 0.160107 * h - 0.014784 * t
    moist = 21.0606 + 0.005565 * h**2 - 0.00035 * h * t - 0.483199 * h
    percent = np.where(h < 10.0, dry, np.where(h <= 50.0, middle, moist))
    return np.asarray(np.maximum(percent, 0.0) / 100.0)


def fosberg(temperature: ArrayLike, humidity: ArrayLike) -> tuple[Array, Array]:
    """One-hour and ten-hour moisture at once, fractions: 1.03 and 1.28 times the equilibrium (NFDRS, Bradshaw 1983).

    For one observation without a history; the temperature and humidity are those at the fuel (`at_the_fuel`).

    >>> [m.round(4).item() for m in fosberg(300.0, 0.3)]
    [0.0602, 0.0748]
    """
    steady = equilibrium(temperature, humidity)
    return 1.03 * steady, 1.28 * steady


def irradiance(
    elevation: ArrayLike,
    azimuth: ArrayLike,
    slope: tuple[ArrayLike, ArrayLike],
    clear: ArrayLike = 1.0,
    cover: ArrayLike = 0.0,
) -> Array:
    """Sunlight on a slope under a canopy, (…), W m-2.

    The beam through a clear sky, 1361 x 0.7**(1 / sin(elevation)**0.678) (Meinel and Meinel 1976), times the cosine of
    its angle to the ground's normal; 0 where the slope hides the sun. Cloud and canopy each take
    their share of it; scattered light is left out.

    Args:
        elevation: Of the sun, degrees (`sun.solar_position`).
        azimuth: Of the sun, degrees clockwise from north.
        slope: Uphill vector of the ground, eastward and northward tangent.
        clear: Share of the sky that is clear.
        cover: Of the canopy, fraction.

    With the sun 45 degrees high in the south, flat ground, a south slope and a north slope of 45 degrees:

    >>> irradiance(45.0, 180.0, (np.zeros(3), np.array([0.0, 1.0, -1.0]))).round(0).tolist()
    [613.0, 867.0, 0.0]
    """
    high, round_ = np.radians(np.asarray(elevation, float)), np.radians(np.asarray(azimuth, float))
    east, north = (np.asarray(part, float) for part in slope)
    up = np.sin(high)
    # the ground's normal leans downhill: (-east, -north, 1) over its length
    facing = up - np.cos(high) * (np.sin(round_) * east + np.cos(round_) * north)
    facing = np.maximum(facing / np.sqrt(1.0 + east**2 + north**2), 0.0)
    beam = _SOLAR_CONSTANT * 0.7 ** (np.maximum(up, 0.01) ** -0.678)
    through = np.asarray(clear, float) * (1.0 - np.asarray(cover, float))
    return np.asarray(np.where(high > 0, beam * facing, 0.0) * through)


def in_sun(heights: ArrayLike, cell_m: float, elevation: float, azimuth: float) -> NDArray[np.bool_]:
    """Which cells the terrain leaves in the sun, (Y, X): no ground towards it rises above its rays.

    `irradiance` times this is a slope's sunlight with the shadows that ridges cast. Rays are followed cell
    by cell, heights between cells taken as linear; the earth is flat. Unknown ground casts no shadow, and lies in the
    sun.

    Args:
        heights: (Y, X) of the ground, m; rows from north to south.
        cell_m: Side of a cell, m.
        elevation: Of the sun, degrees; at or below 0 nothing is lit.
        azimuth: Of the sun, degrees clockwise from north.

    Raises:
        InputError: Heights that are not a grid, or a side that is not positive.

    A wall 20 m high and a sun 45 degrees high in the south, cells of 10 m: its two northern neighbours lie in shade.

    >>> in_sun([[0.0], [0.0], [0.0], [20.5], [0.0]], 10.0, 45.0, 180.0)[:, 0].tolist()
    [True, False, False, True, True]
    """
    ground = np.ascontiguousarray(heights, float)
    if ground.ndim != 2 or not cell_m > 0:
        raise InputError(
            f"heights of shape {ground.shape} and cells of {cell_m} m: a grid and a side above 0 are wanted"
        )
    lit = np.zeros(ground.shape, bool)
    if elevation > 0:
        bearing = np.radians(azimuth)
        way = (round(float(np.sin(bearing)), 9), round(float(-np.cos(bearing)), 9))  # along rows and columns exactly
        top = float(np.nanmax(ground)) if np.isfinite(ground).any() else 0.0
        _follow_rays(ground, way, (float(np.tan(np.radians(elevation))) * cell_m, top), lit)
    return lit


@compiled
def _follow_rays(ground: Array, way: tuple[float, float], ray: tuple[float, float], lit: NDArray[np.bool_]) -> None:
    rise, top = ray
    scale = max(abs(way[0]), abs(way[1]))
    dx, dy, climb = way[0] / scale, way[1] / scale, rise / scale
    rows, columns = ground.shape
    for row in range(rows):
        for column in range(columns):
            x, y, height = column + dx, row + dy, ground[row, column] + climb
            shaded = False
            while not shaded and height < top and 0.0 <= x <= columns - 1 and 0.0 <= y <= rows - 1:
                left, upper = int(x), int(y)
                right, lower = min(left + 1, columns - 1), min(upper + 1, rows - 1)
                u, v = x - left, y - upper
                near = ground[upper, left] * (1.0 - u) * (1.0 - v) + ground[upper, right] * u * (1.0 - v)
                shaded = near + ground[lower, left] * (1.0 - u) * v + ground[lower, right] * u * v > height
                x, y, height = x + dx, y + dy, height + climb
            lit[row, column] = not shaded


def at_the_fuel(
    temperature: ArrayLike, humidity: ArrayLike, sunlight: ArrayLike, wind: ArrayLike
) -> tuple[Array, Array]:
    """Temperature and humidity of the air that touches the fuel, (…).

    Byram and Jemison (1943): sun of I cal cm-2 min-1 and wind of U mph at the fuel warm it by I / (0.015 U + 0.026)
    degrees Fahrenheit, and the humidity there falls by the factor exp(-0.033 times the warming).

    Args:
        temperature: Of the air, K.
        humidity: Of the air, 0 to 1.
        sunlight: On the fuel, W m-2 (`irradiance`).
        wind: At the fuel (midflame), m s-1.

    >>> warm, dry = at_the_fuel(300.0, 0.3, 697.0, 2.0)
    >>> warm.round(1).item(), dry.round(3).item()
    (306.0, 0.211)
    """
    light = np.asarray(sunlight, float) * _CAL_CM2_MIN_PER_W_M2
    warming = light / (0.015 * np.asarray(wind, float) / _MPH + 0.026)
    near = np.asarray(humidity, float) * np.exp(-0.033 * warming)
    return np.asarray(temperature, float) + warming / 1.8, np.asarray(near)


def dead_moisture(
    steady: ArrayLike, rain: ArrayLike, start: ArrayLike, time_lags_h: ArrayLike = TIME_LAGS_H, step_h: float = 1.0
) -> Array:
    """Moisture of the dead classes step by step: each closes its gap to equilibrium with its time lag.

    m(t + h) = E + (m(t) - E) exp(-h / lag), the exact solution of Fosberg's first-order law over a step in which the
    equilibrium E holds; a rainy step has E = 35 % (NFDRS) instead.

    Args:
        steady: (T, …) equilibrium moisture over each step (`equilibrium` of `at_the_fuel`).
        rain: (T, …) whether it rains.
        start: (K, …) moistures before the first step.
        time_lags_h: (K) hours.
        step_h: Length of a step.

    Returns:
        (T, K, …) moistures at the end of each step. NaN in the weather stays NaN from there on.

    Raises:
        InputError: Steps or time lags that are not positive.

    Half-way from 12 % to 6 % takes 0.69 of the time lag:

    >>> dead_moisture([0.06] * 7, [False] * 7, [0.12, 0.12, 0.12])[-1].round(4).tolist()
    [0.0601, 0.0898, 0.1159]
    """
    lags = np.asarray(time_lags_h, float)
    if step_h <= 0 or not (lags > 0).all():
        raise InputError(f"step {step_h} h and time lags {lags.tolist()} h must be above 0")
    target = np.where(np.asarray(rain, bool), WET, np.asarray(steady, float))
    now = np.array(start, float)
    keep = np.exp(-step_h / lags).reshape(-1, *(1,) * (now.ndim - 1))
    out = np.empty((len(target), *np.broadcast_shapes(now.shape, keep.shape, target.shape[1:] or (1,))))
    for k, level in enumerate(target):
        now = level + (now - level) * keep
        out[k] = now
    return out
