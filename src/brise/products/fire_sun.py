"""Sunlight on the fuel of a landscape: kinds of place by slope, canopy and the shadows that ridges cast.

Shadows are found once a landscape, on the day the fire starts: how high the sun stands, before and after its noon, when
ground that is not a cell's own slope hides it last and first (`moisture.in_sun`). Three classes a side.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.fire import FireWeather, Landscape
from brise.formulas.fire.moisture import in_sun, irradiance
from brise.formulas.fire.terrain import slope_and_aspect
from brise.formulas.sun import solar_position
from brise.products.fire_run import FireOptions

Array = NDArray[np.float64]

SHADOWS = (0.0, 14.0, 28.0)
"""Elevations of the sun, degrees, below which a class of places lies in a ridge's shadow."""

_EDGES = (8.0, 20.0)
_MOST_CELLS = 100_000  # on which shadows are followed: a larger landscape is thinned
_LOW, _HIGH = 3.0, 45.0  # degrees of the sun between which its shadows are looked for
_LEAST_RELIEF_M = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Exposures:
    """Kinds of place (E) that differ in sun.

    Attributes:
        rise: (2, E) uphill vectors.
        cover: (E) of the canopy.
        shadow: (2, E) elevation of the sun, degrees, below which ridges hide it before and after its noon.
    """

    rise: Array
    cover: Array
    shadow: Array


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """Classes of `SHADOWS` of every `step`-th cell of a landscape: 3 times the morning's plus the afternoon's."""

    kinds: NDArray[np.int8]
    step: int

    def within(self, window: tuple[int, int, int, int]) -> NDArray[np.int64]:
        """Of each cell of a window (first row, end, first column, end), flat."""
        rows = np.minimum(np.arange(window[0], window[1]) // self.step, self.kinds.shape[0] - 1)
        columns = np.minimum(np.arange(window[2], window[3]) // self.step, self.kinds.shape[1] - 1)
        return self.kinds[np.ix_(rows, columns)].astype(np.int64).ravel()


def shadows_of(landscape: Landscape, options: FireOptions, north: float = 0.0) -> Shadows | None:
    """The shadows on the day the fire starts; None without elevation or place, or where the ground is flat.

    Args:
        landscape: Its elevation casts them.
        options: When and where.
        north: Where the grid's north points, degrees clockwise from true north.
    """
    if landscape.elevation is None or options.place is None:
        return None
    step = max(int(np.ceil(np.sqrt(landscape.elevation.size / _MOST_CELLS))), 1)
    heights = landscape.elevation[step // 2 :: step, step // 2 :: step].astype(float)
    if not np.isfinite(heights).any() or np.nanmax(heights) - np.nanmin(heights) < _LEAST_RELIEF_M:
        return None
    side = landscape.grid.cell_m * step
    slope, aspect = (np.nan_to_num(layer) for layer in slope_and_aspect(heights, side))
    facing = np.radians(aspect)
    uphill = (-slope * np.sin(facing), -slope * np.cos(facing))
    noon = options.start.astype("datetime64[D]") + np.timedelta64(round(43_200 - options.place[1] * 240), "s")
    highest = np.zeros((2, *heights.shape))
    for moment in noon + np.arange(-22, 23) * np.timedelta64(1800, "s"):
        high, bearing = (float(part) for part in solar_position(moment, *options.place))
        if _LOW <= high <= _HIGH:
            hidden = ~in_sun(heights, side, high, bearing - north) & (irradiance(high, bearing - north, uphill) > 0)
            half = int(np.sin(np.radians(bearing)) < 0)
            highest[half] = np.maximum(highest[half], np.where(hidden, high, 0.0))
    kinds = np.digitize(highest, _EDGES)
    return Shadows((kinds[0] * len(SHADOWS) + kinds[1]).astype(np.int8), step)


def sunlight(weather: FireWeather, place: tuple[float, float], exposures: Exposures, north: float = 0.0) -> Array:
    """(T, E) W m-2 on the fuel in the middle of each row of the weather; a sky that is unknown is clear.

    Args:
        weather: Its times and cloud.
        place: Latitude and longitude, degrees.
        exposures: Where.
        north: Where the grid's north points, degrees clockwise from true north.
    """
    step = np.diff(weather.time, append=weather.time[-1:] + np.timedelta64(3600, "s"))
    high, bearing = (part[:, None] for part in solar_position(weather.time + step // 2, *place))
    clear = 1.0 - np.nan_to_num(weather.cloud, nan=0.0)[:, None]
    slope = (exposures.rise[0][None], exposures.rise[1][None])
    light = irradiance(high, bearing - north, slope, clear, exposures.cover[None])
    shadow = np.where(np.sin(np.radians(bearing)) < 0, exposures.shadow[1][None], exposures.shadow[0][None])
    return np.asarray(np.where(high < shadow, 0.0, light))
