"""A radar that does not exist, for a start without any: frames of formulas/nature_rain, labelled as simulated."""

from datetime import UTC, datetime, timedelta

import numpy as np

from brise.conventions.grids import Grid
from brise.conventions.rain import RainFrame
from brise.formulas.nature_rain import rain_field
from brise.io.sources.radar import Radar

SEED = 20_260
"""The weather of the demonstration: the same on every machine."""


def simulate(grid: Grid, time: datetime, seed: int = SEED) -> RainFrame:
    """The frame at a moment; one that needs no other before it.

    Args:
        grid: Pixels wanted, whole hundredths of a degree.
        time: UTC.
        seed: Of the weather.

    Raises:
        InputError: The time has no zone.
    """
    rate = rain_field(grid, time, seed)
    moment = np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "s")
    return RainFrame(moment, rate, grid.latitude, grid.longitude, "simulated_radar", simulated=True)


RADAR = Radar(
    "simulated_radar",
    "Simulated radar",
    "Apache-2.0",
    "Simulated rain, not measured: no radar saw it",
    "",
    timedelta(minutes=5),
    timedelta(0),
    simulate=simulate,
)
