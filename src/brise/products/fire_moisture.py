"""Fuel moisture of a simulation: given, worked out from the weather, or assumed, and which of these is said.

Dead classes follow the weather (temperature, humidity, rain, sun on the slope) with their time lags; live classes have
no weather model here: without a value they get the season's, of temperate latitudes.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import MOISTURES, FireWeather
from brise.products.fire_dead_moisture import dead_moistures
from brise.products.fire_run import FireOptions
from brise.products.fire_sun import Exposures

Array = NDArray[np.float64]

DEAD = {1: (0.03, 0.04, 0.05), 2: (0.06, 0.07, 0.08), 3: (0.09, 0.10, 0.11), 4: (0.12, 0.13, 0.14)}
LIVE = {1: (0.30, 0.60), 2: (0.60, 0.90), 3: (0.90, 1.20), 4: (1.20, 1.50)}
"""The moisture scenarios of Scott and Burgan (2005), tables 5 and 6: dead 1, 10, 100 h; live herbs and woody."""

DEFAULT_DEAD, DEFAULT_LIVE = 2, 2
DORMANT, GROWN = (0.30, 0.70), LIVE[DEFAULT_LIVE]
"""Live herbs and woody in winter (National Fire Danger Rating System, subhumid climates), and in a dry summer."""

_TEMPERATE = 43.0  # degrees of latitude from which winter, and not drought, cures the herbs


@dataclass(frozen=True, slots=True, eq=False)
class Moistures:
    """Moistures (T, 5, E) of each weather row and kind of place, fractions; and what was assumed."""

    values: Array
    assumptions: tuple[str, ...]


def scenario(name: str) -> tuple[float, float, float, float, float]:
    """The five moistures of a scenario such as D2L3, fractions.

    Raises:
        InputError: No such scenario.

    >>> scenario("d1l2")
    (0.03, 0.04, 0.05, 0.6, 0.9)
    """
    found = re.fullmatch(r"D([1-4])L([1-4])", name.strip().upper())
    if not found:
        raise InputError(f"moisture scenario {name!r} is unknown: D1L1 to D4L4")
    return (*DEAD[int(found[1])], *LIVE[int(found[2])])


def seasonal_live(day: int, latitude: float) -> tuple[float, float]:
    """Live herbaceous and woody moisture of a day of the year where winter cures the herbs, fractions.

    From dormant (30 and 70 %) to those of a dry summer (L2: 60 and 90 %, on the side of more fire) over 45 days, and
    back in autumn. At 50 degrees leaves open from day 100 on and turn from day 265 on; 3 days later and earlier per
    degree towards the pole. A convention.

    >>> [seasonal_live(day, 50.0) for day in (82, 122, 200)]
    [(0.3, 0.7), (0.45, 0.8), (0.6, 0.9)]
    """
    shift = 3.0 * (abs(latitude) - 50.0)
    when = (day if latitude >= 0 else day + 182) % 365
    rising, falling = (when - 100.0 - shift) / 45.0, (when - 265.0 + shift) / 45.0
    leafy = float(np.clip(rising, 0, 1) * (1.0 - np.clip(falling, 0, 1)))
    herb, woody = (low + leafy * (high - low) for low, high in zip(DORMANT, GROWN, strict=True))
    return round(herb, 2), round(woody, 2)


def moistures(weather: FireWeather, options: FireOptions, exposures: Exposures, north: float = 0.0) -> Moistures:
    """The moistures of every row of the weather.

    What the options give wins, then what the weather gives; then dead classes from temperature and humidity where the
    weather has them, else the defaults.

    Raises:
        InputError: A temperature or humidity that is missing in part of the rows, or impossible; a given moisture that
            is NaN or out of range.
    """
    count, kinds = len(weather.time), len(exposures.cover)
    values = np.full((count, 5, kinds), np.nan)
    said: list[str] = []
    for k, name in enumerate(MOISTURES):
        if options.moisture is not None and (given := options.moisture[k]) is not None:
            values[:, k] = given
        elif name in weather.moisture:
            values[:, k] = _checked(weather, name, weather.moisture[name])[:, None]
    missing = np.isnan(values).any(axis=(0, 2))
    if missing[:3].any():
        dead, words = _dead(weather, options, exposures, north)
        values[:, :3] = np.where(missing[:3, None], dead, values[:, :3])
        said.append(words)
    if missing[3:].any():
        live, words = _live(options)
        values[:, 3:] = np.where(missing[3:, None], np.array(live)[:, None], values[:, 3:])
        said.append(words)
    return Moistures(values, tuple(said))


def _checked(weather: FireWeather, name: str, series: Array) -> Array:
    bad = ~((series >= 0.005) & (series <= 4.0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(f"weather at {weather.time[row]}: {name} {series[row]:.1%} is outside 0.5 to 400 %")
    return series


def _dead(weather: FireWeather, options: FireOptions, exposures: Exposures, north: float) -> tuple[Array, str]:
    if (np.isfinite(weather.temperature) & np.isfinite(weather.relative_humidity)).any():
        return dead_moistures(weather, options, exposures, north)
    dry = np.array(DEAD[DEFAULT_DEAD])
    told = ", ".join(f"{value:.0%}" for value in dry)
    flat = np.broadcast_to(dry[None, :, None], (len(weather.time), 3, len(exposures.cover)))
    return flat, f"Dead moisture was neither given nor in the weather: {told} for 1, 10, 100 h (scenario D2)."


def _live(options: FireOptions) -> tuple[tuple[float, float], str]:
    if options.place is None or abs(options.place[0]) < _TEMPERATE:
        live = LIVE[DEFAULT_LIVE]
        why = "two-thirds cured, the usual scenario L2"
    else:
        date = options.start.astype("datetime64[D]")
        day = int((date - date.astype("datetime64[Y]")).astype(int)) + 1
        live = seasonal_live(day, options.place[0])
        why = f"the season's at {options.place[0]:.1f} degrees on {date}"
    return live, f"Live moisture was not given: herbs {live[0]:.0%}, woody {live[1]:.0%} ({why})."
