"""What a small town publishes: air, rain, weather, fires and how good its forecasts were. Imported by conftest.py."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.variables import POLLUTANTS, VARIABLES
from brise.formulas.indices.registry import INDICES
from brise.io import analyses, cubes, rain_runs
from brise.io.hotspots import Hotspots
from brise.io.score_tables import write_scores
from brise.io.sources.firms import Hotspot
from brise.io.tables import Tables
from brise.products.air_indices import index_sides
from brise.service.jobs.verify import folder_of

GRID = Grid("town", 51.6, -0.3, 0.02, 10, 20)
HOURS = np.arange(-24, 97)
MEAN = {"pm25": 14.0, "pm10": 24.0, "no2": 38.0, "o3": 55.0, "so2": 4.0, "co": 320.0}


def concentration(hours: np.ndarray) -> np.ndarray:
    """(cells, C, 3, H): two rushes a day; the first cell is unknown."""
    east = np.linspace(0.8, 1.3, GRID.columns)[None, :].repeat(GRID.rows, 0).reshape(-1, 1)
    day = 1 + 0.45 * np.cos((hours - 8) / 12 * 2 * np.pi) + 0.3 * np.sin(hours / 40)
    value = np.stack([mean * east * day[None, :] for mean in MEAN.values()], axis=1)
    out = np.stack([value, value * 0.7, value * 1.4], axis=2).astype(np.float32)
    out[0] = np.nan
    return out


def publish(folder: Path, init: datetime) -> None:
    values = concentration(HOURS)
    hours = [{name: values[:, place, side] for place, name in enumerate(MEAN)} for side in range(3)]
    index = np.stack([index_sides(name, *hours) for name in INDICES], axis=1)
    nearest = np.tile(np.array([0, -1, -1], np.int32), (GRID.cells, len(MEAN), 1))
    station = {"station_id": "openaq:1", "name": "Quay", "latitude": 51.53, "longitude": -0.1}
    station |= {"kind": "reference", "source": "openaq", "attribution": "OpenAQ", "licence": "CC BY 4.0"}
    meta = {
        "init_time": init.isoformat(),
        "hours": HOURS.tolist(),
        "variables": list(MEAN),
        "indices": list(INDICES),
        "model": "blend",
        "background": None,
        "simulated": False,
        "reach_km": dict.fromkeys(MEAN, 20.0),
        "stations": [station | {"latest": dict.fromkeys(MEAN, init.isoformat())}],
        "sources": ["openaq"],
        "created_at": init.isoformat(),
        "notes": [],
    }
    arrays = {"concentration": values, "index": index, "nearest": nearest}
    cubes.publish(folder / "products", "air_quality", GRID, arrays, meta, _cube(init))
    for day in (init - timedelta(days=1), init):
        _store_day(folder, init, day.replace(hour=0))


def _cube(init: datetime) -> xr.Dataset:
    row = VARIABLES["pm25"]
    places = {"latitude": GRID.latitude, "longitude": GRID.longitude}
    values = np.full((1, GRID.rows, GRID.columns), 9, np.float32)
    coordinates = {"lead_time": pd.to_timedelta([0], unit="h"), **places}
    attributes = {"units": row.unit, "standard_name": row.cf_name}
    return xr.Dataset({"pm25": (("lead_time", "latitude", "longitude"), values, attributes)}, coordinates)


def _store_day(folder: Path, init: datetime, day: datetime) -> None:
    times = [day + timedelta(hours=hour) for hour in range(24) if day + timedelta(hours=hour) <= init]
    hours = np.array([(time - init).total_seconds() / 3600 for time in times])
    values = concentration(hours)
    data = {}
    for place, name in enumerate(POLLUTANTS):
        attributes = {"units": VARIABLES[name].unit, "standard_name": VARIABLES[name].cf_name}
        for side, suffix in enumerate(("", "_q10", "_q90")):
            block = values[:, place, side].T.reshape(len(times), GRID.rows, GRID.columns)
            data[name + suffix] = (("time", "latitude", "longitude"), block, attributes)
    naive = pd.DatetimeIndex(times).tz_localize(None)
    cube = xr.Dataset(data, {"time": naive, "latitude": GRID.latitude, "longitude": GRID.longitude})
    analyses.store_analysis(folder / "products", "air_quality", "town", cube)


def publish_rain(folder: Path, init: datetime) -> None:
    """4 mm/h from minute 15 to 40 over the town's middle."""
    grid = Grid("town", 51.56, -0.2, 0.01, 12, 16)
    leads = list(range(0, 121, 5))
    wet = [15 <= lead <= 40 for lead in leads]

    def field(value: float) -> np.ndarray:
        return np.full((grid.rows, grid.columns), value, np.float32)

    fields = {
        "rate": [[field(4.0 * scale * one) for one in wet] for scale in (1.0, 0.5, 2.0)],
        "chance": [[field(max(0.02, share * one)) for one in wet] for share in (1.0, 0.9, 0.1, 0.0)],
        "totals": [[field(one) for one in row] for row in ((0.9, 1.0, 2.0, 4.0), (0.95, 1.1, 2.1, 4.1))],
    }
    meta = {
        "init_time": init.isoformat(),
        "leads": leads,
        "thresholds": [0.1, 1.0, 5.0, 10.0],
        "windows": [60, 120],
        "model": "for tests",
        "simulated": True,
        "degraded": False,
        "sources": [{"name": "simulated", "title": "No radar", "licence": "CC0-1.0", "attribution": "Brise"}],
        "created_at": init.isoformat(),
        "notes": [],
    }
    rain_runs.publish(folder / "products", grid, fields, meta)


def publish_weather(folder: Path, init: datetime) -> None:
    """A model cell's next two days: 8 °C, wind from the west, rain in the third hour."""
    tables = Tables.open(f"sqlite:///{folder / 'brise.sqlite'}")
    cell = {"station_id": "open_meteo:51.5000_-0.1200", "source": "open_meteo", "name": "cell", "kind": "model"}
    cell |= {"latitude": 51.5, "longitude": -0.12, "altitude_m": 5.0, "operator": "", "timezone": "UTC"}
    tables.upsert_stations(pd.DataFrame([cell | {"licence": "CC BY 4.0", "attribution": "Open-Meteo.com"}]))
    values = {"temperature": 281.15, "relative_humidity": 0.71, "eastward_wind": 5.0, "northward_wind": 0.0}
    rows = [
        {"time": init + timedelta(hours=hour), "variable": name, "value": value}
        for hour in range(48)
        for name, value in (values | {"rain_rate": 1.2 if hour == 3 else 0.0}).items()
    ]
    fixed = {"station_id": cell["station_id"], "period_s": 3600, "uncertainty": np.nan, "coverage": np.nan}
    tables.store_observations(pd.DataFrame(rows).assign(**fixed, quality_flag=1, received_at=pd.Timestamp(init)))
    tables.close()


def publish_scores(folder: Path, init: datetime) -> None:
    """Of the only station: fine a day ahead, too few pairs beyond."""
    row = {"station_id": "openaq:1", "mean": 21.0, "bias": -0.6, "coverage": 0.78, "band_n": 120}
    frame = pd.DataFrame(
        [
            row | {"variable": name, "first_lead": first, "last_lead": last, "n": n, "mae": error, "band_hit": hit}
            for name in ("pm25", "no2")
            for first, last, n, error, hit in ((1, 6, 300, 2.1, 0.91), (7, 24, 280, 3.6, 0.84), (25, 48, 5, 9.0, 0.2))
        ]
    )
    write_scores(folder_of(folder), "town", frame, init - timedelta(days=30), init)


FIRE = (51.56, 0.06)
"""Latitude and longitude of a hotspot, 14 km from the first place."""


def publish_fires(folder: Path, now: datetime) -> None:
    """A hotspot two hours old, and a weaker one at some distance, ten hours old."""
    kept = Hotspots.open(f"sqlite:///{folder / 'brise.sqlite'}")
    two, ten = now - timedelta(hours=2), now - timedelta(hours=10)
    spots = [
        Hotspot(*FIRE, two, "N20", "VIIRS", "nominal", 331.2, 42.5, 400.0, 375.0),
        Hotspot(51.9, 0.5, ten, "N20", "VIIRS", "low", 310.0, 2.0, 400.0, 375.0),
    ]
    kept.store(spots, "firms", now)
    kept.close()
