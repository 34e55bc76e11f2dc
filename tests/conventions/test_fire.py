"""Landscapes, weather streams and grids of fires."""

import numpy as np
import pytest

from brise.conventions.errors import ConventionError
from brise.conventions.fire import MAX_CELLS, FireGrid, FireWeather, Landscape

GRID = FireGrid("", 0.0, 60.0, 30.0, 2, 3)


def weather(**changes):
    nothing = np.full(2, np.nan)
    given = {
        "time": np.array(["2025-03-23T14:00", "2025-03-23T15:00"], "datetime64[s]"),
        "wind_speed": np.array([3.0, 4.0]),
        "wind_from": np.array([180.0, 190.0]),
        "wind_height": "10m",
        "temperature": nothing,
        "relative_humidity": nothing,
        "rain": nothing,
        "cloud": nothing,
    }
    return FireWeather(**given | changes)


def test_a_grid_has_cells_and_a_limit():
    assert GRID.shape == (2, 3)
    with pytest.raises(ConventionError, match="2 x 0 cells"):
        FireGrid("", 0.0, 0.0, 30.0, 2, 0)
    with pytest.raises(ConventionError, match=f"100,000,000 cells, over the limit of {MAX_CELLS:,}"):
        FireGrid("", 0.0, 0.0, 30.0, 10_000, 10_000)


def test_layers_lie_on_the_grid():
    fuel = np.full((2, 3), 101, np.int16)
    Landscape(GRID, fuel)
    with pytest.raises(ConventionError, match=r"slope: shape \(3, 2\)"):
        Landscape(GRID, fuel, slope=np.zeros((3, 2), np.float32))


def test_a_stream_rises_and_has_wind():
    assert len(weather().time) == 2
    with pytest.raises(ConventionError, match="do not rise"):
        weather(time=np.array(["2025-03-23T14:00"] * 2, "datetime64[s]"))
    with pytest.raises(ConventionError, match="wind nan m/s"):
        weather(wind_speed=np.array([3.0, np.nan]))
    with pytest.raises(ConventionError, match="'2m'"):
        weather(wind_height="2m")
    with pytest.raises(ConventionError, match=r"series of \[1, 2"):
        weather(wind_speed=np.array([3.0]))
