"""A tile of the rain layers: which nowcast, which lead, which cells."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from brise.io.rain_runs import decode
from brise.products import rain_tiles, tiles
from brise.service.api.rain import RainSnapshot
from brise.service.api.rain_answers import RainDomain

ROWS = {"rain_rate": ("rate", 0), "rain_chance": ("chance", 0)}
"""Layer -> array of a run, and row in it."""


class Moment(NamedTuple):
    """Which lead is shown.

    Attributes:
        at: Seconds since 1970 UTC; None = `minutes` after each area's newest frame.
        minutes: Used where `at` is None.
    """

    at: int | None
    minutes: int = 0


@lru_cache(maxsize=16)
def _scale(layer: str, palette: str) -> tiles.Scale:
    return rain_tiles.rain_scale(layer, palette)


def _step(domain: RainDomain, moment: Moment) -> int | None:
    """Position of the nearest lead; None where the nowcast does not reach."""
    minutes = moment.minutes if moment.at is None else (moment.at - domain.init) / 60
    gaps = [abs(lead - minutes) for lead in domain.leads]
    step = int(np.argmin(gaps))
    return step if gaps[step] <= domain.leads[1] else None


def shown(snapshot: RainSnapshot, moment: Moment) -> list[tuple[RainDomain, int]]:
    """The areas and leads that a tile may show, newest first."""
    steps = [(domain, _step(domain, moment)) for domain in snapshot.domains]
    return [(domain, step) for domain, step in steps if step is not None]


def draw(found: list[tuple[RainDomain, int]], layer: str, palette: str, place: tuple[int, int, int]) -> bytes | None:
    """The PNG of tile (z, x, y); None where no area is."""
    scale = _scale(layer, palette)
    name, row = ROWS[layer]
    drawn: NDArray[np.uint8] | None = None
    for domain, step in found:
        part = tiles.window(domain.grid, *place)
        if part is None:
            continue
        cells = part.rows[:, None] * domain.grid.columns + part.columns
        colour = rain_tiles.rain_shade(decode(domain.arrays[name][cells, row, step]), part, scale)
        drawn = colour if drawn is None else np.where(drawn <= 1, np.maximum(drawn, colour), drawn)
    return None if drawn is None else rain_tiles.rain_png(drawn, scale)
