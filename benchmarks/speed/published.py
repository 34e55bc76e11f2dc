"""A generated published run for benchmarks: 12,000 cells, four pollutants, two indices, the layout of a real one."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.variables import VARIABLES
from brise.formulas.indices.registry import INDICES
from brise.io import cubes

GRID = Grid("bench", 52.0, -1.0, 0.01, 100, 120)
VARIABLE_NAMES = ("pm25", "pm10", "no2", "o3")
INDEX_NAMES = ("us_aqi", "european_aqi")
HOURS = tuple(range(-24, 97))
STATIONS = 60


def arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Values that vary by the hour, so that their text is as long as real text."""
    value = rng.gamma(3, 8, (GRID.cells, len(VARIABLE_NAMES), 1, len(HOURS))).astype(np.float32)
    index = np.full((GRID.cells, len(INDEX_NAMES), 3, len(HOURS)), np.nan, np.float32)
    for place, name in enumerate(INDEX_NAMES):
        if INDICES[name].has_value:
            index[:, place, 0] = np.round(value[:, 0, 0] * 2)
        index[:, place, 1] = rng.integers(0, 5, index[:, place, 1].shape)
        index[:, place, 2] = rng.integers(0, 4, index[:, place, 2].shape)
    return {"concentration": np.concatenate([value, value * 0.6, value * 1.5], axis=2), "index": index}


def nearest(rng: np.random.Generator, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """(cells, C, 3): each station measures a pollutant with probability 0.6."""
    here, there = GRID.points()
    squares = (here[:, None] - latitude) ** 2 + (0.6 * (there[:, None] - longitude)) ** 2
    some = [np.where(rng.random(STATIONS) < 0.6, squares, np.inf) for _ in VARIABLE_NAMES]
    return np.stack([np.argsort(one, axis=1)[:, :3] for one in some], axis=1).astype(np.int32)


def station(place: int, latitude: float, longitude: float, init: str) -> dict[str, object]:
    """One entry of meta["stations"]."""
    return {
        "station_id": f"simulated:{place}",
        "name": f"Station {place}",
        "latitude": latitude,
        "longitude": longitude,
        "kind": "simulated",
        "source": "simulated",
        "attribution": "Simulated by Brise",
        "licence": "CC0-1.0",
        "latest": dict.fromkeys(VARIABLE_NAMES, init),
    }


def cube() -> xr.Dataset:
    """The smallest that passes: the API reads the arrays."""
    row = VARIABLES["pm25"]
    attributes = {"units": row.unit, "standard_name": row.cf_name}
    here = {"latitude": GRID.latitude, "longitude": GRID.longitude, "lead_time": pd.to_timedelta([0], unit="h")}
    field = np.zeros((1, GRID.rows, GRID.columns), np.float32)
    return xr.Dataset({"pm25": (("lead_time", "latitude", "longitude"), field, attributes)}, here)


def publish(folder: Path) -> None:
    """Publish it under a data folder, as of the current hour."""
    rng = np.random.default_rng(0)
    init = datetime.now(UTC).strftime("%Y-%m-%dT%H:00:00Z")
    latitude = GRID.north - rng.random(STATIONS) * GRID.rows * GRID.step
    longitude = GRID.west + rng.random(STATIONS) * GRID.columns * GRID.step
    places = zip(latitude.tolist(), longitude.tolist(), strict=True)
    meta = {
        "init_time": init,
        "hours": list(HOURS),
        "variables": list(VARIABLE_NAMES),
        "indices": list(INDEX_NAMES),
        "model": "blend",
        "background": None,
        "simulated": True,
        "reach_km": dict.fromkeys(VARIABLE_NAMES, 30.0),
        "stations": [station(place, a, b, init) for place, (a, b) in enumerate(places)],
        "sources": ["simulated"],
        "created_at": init,
        "notes": [],
    }
    content = arrays(rng) | {"nearest": nearest(rng, latitude, longitude)}
    cubes.publish(folder / "products", "air_quality", GRID, content, meta, cube())
