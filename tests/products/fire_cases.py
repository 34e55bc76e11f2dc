"""Small landscapes and weather for the fire product's tests."""

import numpy as np

from brise.conventions.fire import FireGrid, FireStart, FireWeather, Landscape
from brise.products.fire_run import FireOptions

START = np.datetime64("2025-07-01T12:00:00", "s")
DRY = (0.06, 0.07, 0.08, 0.60, 0.90)


def grass(rows=81, columns=81, cell=20.0, code=102, crs="", **layers):
    grid = FireGrid(crs, 1000.0, 5000.0, cell, rows, columns)
    return Landscape(grid, np.full((rows, columns), code, np.int16), **layers)


def stream(hours=4, speed=5.0, wind_from=270.0, **series):
    nan = np.full(hours, np.nan)
    given = {"temperature": nan, "relative_humidity": nan, "rain": nan, "cloud": nan} | series
    return FireWeather(
        START + np.arange(hours) * np.timedelta64(3600, "s"),
        np.broadcast_to(np.asarray(speed, float), (hours,)).copy(),
        np.broadcast_to(np.asarray(wind_from, float), (hours,)).copy(),
        "10m",
        **given,
    )


def middle(landscape, **kwargs):
    grid = landscape.grid
    x = grid.west + (grid.columns // 2 + 0.5) * grid.cell_m
    y = grid.north - (grid.rows // 2 + 0.5) * grid.cell_m
    return FireStart((x,), (y,), **kwargs)


def options(hours=1.0, **kwargs):
    return FireOptions(START, hours, **({"moisture": DRY} | kwargs))
