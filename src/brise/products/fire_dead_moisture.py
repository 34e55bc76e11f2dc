"""Moisture of dead fuel worked out from the weather: by diffusion in sticks (Nelson), or by time lags (Fosberg)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireWeather
from brise.formulas.fire.moisture import TIME_LAGS_H, WET, at_the_fuel, fosberg
from brise.formulas.fire.nelson import STICKS, stick_equilibrium, stick_moisture
from brise.products.fire_run import FireOptions
from brise.products.fire_sun import Exposures, sunlight

Array = NDArray[np.float64]

DRIEST = 0.02
"""No dead fuel outdoors is drier; the law for sunlit fuel in still air would have it so."""
HISTORY = np.timedelta64(30, "D")
"""Rows longer before the fire are not looked at: the slowest class has forgotten them."""

_AT_THE_FUEL = 0.4  # midflame over 20-ft wind where sun warms the fuel; open fuel's usual ratio
_RAIN = 0.1  # mm h-1 that wets the fuel at once, by Fosberg's law
_CLASSES = {"1h": 4.0, "10h": 12.0, "100h": 30.0}  # days of weather that a class remembers
_WORDS = {"fosberg": "Fosberg, time lags", "nelson": "Nelson, diffusion in sticks"}


def dead_moistures(
    weather: FireWeather, options: FireOptions, exposures: Exposures, north: float = 0.0
) -> tuple[Array, str]:
    """Moistures (T, 3, E) of the classes of 1, 10 and 100 hours in each row, its mean; and how they came about.

    Rows before the fire's start condition the fuel; before the first of them it was at rest with its air (the thickest
    class with that of the first day).

    Args:
        weather: With temperature and humidity in every row.
        options: By which law, where and when.
        exposures: Kinds of place.
        north: Where the grid's north points, degrees clockwise from true north.

    Raises:
        InputError: A temperature or humidity that is missing or impossible.
    """
    _refuse_holes(weather)
    end = options.start + np.timedelta64(round(options.hours * 3600), "s")
    used = np.flatnonzero((weather.time >= options.start - HISTORY) & (weather.time < end))
    first, last = (used[0], used[-1] + 1) if used.size else (0, len(weather.time))
    part = _rows(weather, max(int(first) - 1, 0), int(last))
    step = np.diff(part.time).astype(float) / 3600.0
    step = np.append(step, step[-1] if len(step) else 1.0)
    temperature, humidity = _at_the_fuel(part, options, exposures, north)
    early = max(int((np.cumsum(step) <= 24.0).sum()), 1)
    air = (temperature, humidity, np.nan_to_num(part.rain, nan=0.0))
    ago = np.maximum((options.start - part.time) / np.timedelta64(86_400, "s"), 0.0)
    law = _nelson(air, step, early, ago) if options.dead_moisture == "nelson" else _fosberg(air, step, early)
    found = np.maximum(law, DRIEST)
    out = np.repeat(found[:1], len(weather.time), axis=0)
    out[max(int(first) - 1, 0) : last] = found
    out[last:] = found[-1]
    sun = "no sun, as the place is unknown"
    if options.place is not None:
        sun = "sun on the slopes" + (", shadows of ridges" if (exposures.shadow > 0).any() else "")
    words = _WORDS[options.dead_moisture]
    return out, f"Dead moisture follows the weather ({words}, {sun}); before its first row it was steady."


def _rows(weather: FireWeather, first: int, last: int) -> FireWeather:
    names = ("time", "wind_speed", "wind_from", "temperature", "relative_humidity", "rain", "cloud")
    return replace(weather, moisture={}, **{name: getattr(weather, name)[first:last] for name in names})


def _at_the_fuel(weather: FireWeather, options: FireOptions, exposures: Exposures, north: float) -> tuple[Array, Array]:
    """(T, E) temperature and humidity of the air that touches the fuel."""
    shape = (len(weather.time), len(exposures.cover))
    temperature = np.broadcast_to(weather.temperature[:, None], shape)
    humidity = np.broadcast_to(weather.relative_humidity[:, None], shape)
    if options.place is None:
        return temperature, humidity
    light = sunlight(weather, options.place, exposures, north)
    return at_the_fuel(temperature, humidity, light, _AT_THE_FUEL * weather.wind_speed[:, None])


def _fosberg(air: tuple[Array, Array, Array], step: Array, early: int) -> Array:
    """Each class closes its gap to equilibrium with its time lag; rain wets it as one of 35 %."""
    fine, medium = fosberg(air[0], air[1])
    wet = (air[2] >= _RAIN)[:, None, None]
    target = np.where(wet, WET, np.stack([fine, medium, medium], axis=1))
    now = np.maximum(target[0], DRIEST)
    now[2] = np.maximum(target[:early, 2], DRIEST).mean(axis=0)
    out = np.empty_like(target)
    lags = np.array(TIME_LAGS_H)[:, None]
    for k, level in enumerate(np.maximum(target, DRIEST)):
        after = level + (now - level) * np.exp(-step[k] / lags)
        out[k], now = (now + after) / 2.0, after
    return out


def _nelson(air: tuple[Array, Array, Array], step: Array, early: int, ago: Array) -> Array:
    """Each class is a stick of its own radius, which rain wets by its amount; `ago` is in days before the fire."""
    warm, damp, rain = air
    rest = stick_equilibrium(warm, damp)
    out = np.empty((len(warm), len(_CLASSES), warm.shape[1]))
    for k, (name, days) in enumerate(_CLASSES.items()):
        first = int(np.argmax(ago <= days))
        start = rest[first : first + early].mean(axis=0) if name == "100h" else rest[first]
        weather = (warm[first:], damp[first:], rain[first:, None])
        ends = stick_moisture(weather, start, STICKS[name], step[first:])
        out[:, k] = start
        out[first:, k] = (np.concatenate([start[None], ends[:-1]]) + ends) / 2.0
    return out


def _refuse_holes(weather: FireWeather) -> None:
    bad = ~(np.isfinite(weather.temperature) & np.isfinite(weather.relative_humidity))
    bad |= (weather.temperature < 200) | (weather.temperature > 340)
    bad |= (weather.relative_humidity < 0) | (weather.relative_humidity > 1.05)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"weather at {weather.time[row]}: temperature {weather.temperature[row]:.1f} K, relative humidity "
            f"{weather.relative_humidity[row]:.2f} ({int(bad.sum())} of {len(bad)} rows are missing or impossible)"
        )
