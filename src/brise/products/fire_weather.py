"""The part of a weather stream that a simulation uses: which row holds when, and what its wind is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.fire import FireWeather
from brise.formulas.fire.wind import twenty_foot_wind
from brise.products.fire_run import FireOptions

LATE_S = 3600.0
"""The first row may begin so much after the fire."""
GAP_S = 3 * 3600.0
"""A longer step is a gap, unless the stream's usual step is about as long."""
HELD_S = 12 * 3600.0
"""The last row of several may be held so much longer than a usual step; a single row is constant weather."""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The rows (T) in use.

    Attributes:
        rows: Positions in the stream.
        start: s since the fire's start, when each takes over; the first is 0.
        speed: 20-ft wind, m s-1.
        wind_from: Degrees clockwise from the grid's north.
        assumptions: In sentences.
    """

    rows: NDArray[np.intp]
    start: NDArray[np.float64]
    speed: NDArray[np.float64]
    wind_from: NDArray[np.float64]
    assumptions: tuple[str, ...]


def slots(weather: FireWeather, options: FireOptions, north: float = 0.0) -> Slots:
    """The rows from the fire's start to its end.

    Args:
        weather: Its directions are from true north.
        options: When, and how the wind differs from the weather's.
        north: Where the grid's north points, degrees clockwise from true north.

    Raises:
        InputError: The weather begins too late, ends too early, or has a gap in the time that is simulated.
    """
    since = (weather.time - options.start.astype("datetime64[s]")) / np.timedelta64(1, "s")
    end = options.hours * 3600.0
    said = list(weather.assumptions)
    if since[0] > LATE_S:
        raise InputError(f"the weather begins at {weather.time[0]}, {since[0] / 3600:.1f} h after the fire's start")
    if since[0] > 0:
        said.append(f"The weather begins {since[0] / 60:.0f} min after the fire; its first row was used until then.")
    step = float(np.median(np.diff(since))) if len(since) > 1 else np.inf
    _refuse_gaps(weather, since, (end, step))
    over = end - since[-1] - min(step, 3600.0 * 24)
    if len(since) > 1 and over > HELD_S:
        raise InputError(
            f"the weather ends at {weather.time[-1]}; the fire goes on for {over / 3600:.1f} h after that row's step, "
            f"over the limit of {HELD_S / 3600:.0f} h"
        )
    if len(since) == 1 and end > 3600.0:
        said.append(f"The weather has one row: it holds for all {options.hours:g} h.")
    elif over > 0:
        said.append(f"The weather ends {over / 3600:.1f} h before the fire; its last row was held.")
    rows = np.flatnonzero((since < end) & np.append(since[1:] > 0, True))
    speed = weather.wind_speed[rows]
    return Slots(
        rows,
        np.maximum(np.where(np.arange(len(rows)) == 0, 0.0, since[rows]), 0.0),
        np.asarray(twenty_foot_wind(speed) if weather.wind_height == "10m" else speed) * options.wind_factor,
        weather.wind_from[rows] + options.wind_turn - north,
        tuple(said),
    )


def _refuse_gaps(weather: FireWeather, since: NDArray[np.float64], span: tuple[float, float]) -> None:
    end, step = span
    gaps = np.diff(since)
    used = (since[:-1] < end) & (since[1:] > 0)
    bad = used & (gaps > max(GAP_S, 2.0 * step if step <= 6 * 3600.0 else 0.0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"the weather has a gap of {gaps[row] / 3600:.1f} h from {weather.time[row]} to {weather.time[row + 1]}; "
            f"the limit is {GAP_S / 3600:.0f} h"
        )
