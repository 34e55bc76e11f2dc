"""A small published run, a store with two stations, and a client that speaks to the application in process."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as default
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.variables import VARIABLES
from brise.io import analyses, cubes
from brise.io.runs import JobRun, SourceStatus
from brise.io.tables import Tables
from brise.products.air_indices import index_sides
from brise.service.api.app import create_app
from brise.service.clock import Clock, write_clock

INIT = datetime(2026, 11, 23, 7, tzinfo=UTC)
GRID = Grid("town", 51.6, -0.2, 0.02, 8, 10)
NAMES = ("pm25", "no2")
INDEX_NAMES = ("us_aqi", "european_aqi")
HOURS = tuple(range(-24, 97))
UNKNOWN_CELL = 0
HERE = (51.5, -0.1)
HERE_CELL = 5 * 10 + 5
STATION = {
    "station_id": "simulated:1",
    "source": "simulated",
    "name": "Quay",
    "latitude": 51.5005,
    "longitude": -0.1005,
    "altitude_m": 12.0,
    "kind": "simulated",
    "operator": "Brise",
    "timezone": "Europe/London",
    "licence": "CC0-1.0",
    "attribution": "Simulated by Brise",
}
OTHER = STATION | {"station_id": "openaq:7", "source": "openaq", "name": "Hill", "latitude": 51.58, "longitude": -0.02}
OTHER |= {"kind": "reference", "altitude_m": np.nan}


def run_arrays(grid: Grid = GRID) -> dict[str, np.ndarray]:
    """PM2.5 is 10 + cell / 10 + hour / 100; NO2 is constant 40; the first cell is unknown."""
    shape = (grid.cells, len(NAMES), 3, len(HOURS))
    concentration = np.empty(shape, np.float32)
    value = 10 + np.arange(grid.cells)[:, None] / 10 + np.arange(len(HOURS)) / 100
    concentration[:, 0] = np.stack([value, value * 0.5, value * 2], axis=1)
    concentration[:, 1] = np.array([40.0, 30.0, 55.0])[None, :, None]
    concentration[UNKNOWN_CELL] = np.nan
    hours = [{name: concentration[:, place, side] for place, name in enumerate(NAMES)} for side in range(3)]
    index = np.stack([index_sides(name, *hours) for name in INDEX_NAMES], axis=1)
    nearest = np.tile(np.array([0, 1, -1], np.int32), (grid.cells, len(NAMES), 1))
    nearest[UNKNOWN_CELL] = -1
    return {"concentration": concentration, "index": index, "nearest": nearest}


def field(times: str, coordinate: object, values: np.ndarray, grid: Grid = GRID) -> xr.Dataset:
    row = VARIABLES["pm25"]
    attributes = {"units": row.unit, "standard_name": row.cf_name}
    places = {"latitude": grid.latitude, "longitude": grid.longitude}
    return xr.Dataset({"pm25": ((times, "latitude", "longitude"), values, attributes)}, {times: coordinate, **places})


def publish(folder: Path, init: datetime = INIT, grid: Grid = GRID, sides: int = 5, **changes: object) -> None:
    stations = [
        {name: row[name] for name in ("station_id", "name", "latitude", "longitude", "kind", "source")}
        | {"attribution": row["attribution"], "licence": row["licence"]}
        | {"latest": dict.fromkeys(NAMES, "2026-11-23T07:00:00Z")}
        for row in (STATION, OTHER)
    ]
    meta = {
        "init_time": init.isoformat(),
        "hours": list(HOURS),
        "variables": list(NAMES),
        "indices": list(INDEX_NAMES),
        "model": "blend",
        "background": None,
        "simulated": True,
        "reach_km": dict.fromkeys(NAMES, 12.0),
        "stations": stations,
        "sources": ["simulated"],
        "created_at": init.isoformat(),
        "notes": ["made for tests"],
    } | changes
    values = np.full((1, grid.rows, grid.columns), 9, np.float32)
    lead = field("lead_time", pd.to_timedelta([0], unit="h"), values, grid)
    arrays = run_arrays(grid)
    arrays["index"] = arrays["index"][:, :, :sides]
    cubes.publish(folder / "products", "air_quality", grid, arrays, meta, lead)


def store_day(folder: Path) -> None:
    """Analyses of 2026-11-22: PM2.5 is the hour of the day, except 05:00, which is missing."""
    times = [hour for hour in pd.date_range("2026-11-22", periods=24, freq="h") if hour.hour != 5]
    values = np.array([time.hour for time in times], np.float32)
    values = np.broadcast_to(values[:, None, None], (len(times), GRID.rows, GRID.columns))
    cube = field("time", times, values)
    cube["pm25_q10"], cube["pm25_q90"] = cube["pm25"] * 0.5, cube["pm25"] * 2
    for name in ("pm25_q10", "pm25_q90"):
        cube[name].attrs = cube["pm25"].attrs
    analyses.store_analysis(folder / "products", "air_quality", "town", cube)


def fill_tables(url: str) -> None:
    tables = Tables.open(url)
    tables.upsert_stations(pd.DataFrame([STATION, OTHER]))
    rows = [
        {"station_id": "simulated:1", "time": time, "variable": name, "value": value, "uncertainty": sd}
        for time, name, value, sd in (
            ("2026-11-23T06:00Z", "pm25", 21.0, np.nan),
            ("2026-11-23T07:00Z", "pm25", 23.5, 2.0),
            ("2026-11-22T07:00Z", "no2", 44.0, np.nan),
            ("2026-11-23T07:00Z", "temperature", 281.0, np.nan),
        )
    ]
    frame = pd.DataFrame(rows).assign(
        time=lambda one: pd.to_datetime(one["time"], utc=True),
        period_s=3600,
        coverage=np.nan,
        quality_flag=1,
        received_at=pd.Timestamp("2026-11-23T07:10Z"),
    )
    tables.store_observations(frame)
    tables.runs.record_source(SourceStatus("simulated", INIT, INIT, INIT))
    tables.runs.record_run(JobRun("air_quality", INIT, "done", INIT, INIT))
    tables.close()


def store_value(url: str, station_id: str, value: float) -> None:
    """PM2.5 of the hour that ends at INIT."""
    row = {"station_id": station_id, "time": pd.Timestamp(INIT), "variable": "pm25", "value": value}
    row |= {"uncertainty": np.nan, "period_s": 3600, "coverage": np.nan, "quality_flag": 1}
    with Tables.open(url) as tables:
        tables.store_observations(pd.DataFrame([row | {"received_at": pd.Timestamp("2026-11-23T07:10Z")}]))


@dataclass
class ApiSettings:
    data_dir: Path
    cors_origins: list[str] = default(default_factory=lambda: ["https://map.example"])
    rate_limit: str | None = None
    share_restricted: bool = False
    open_accounts: bool = True
    trusted_push: bool = False
    fire_jobs: int = 50
    fire_jobs_per_client: int = 50
    fire_days_kept: float = 7.0
    database: str = ""

    def resolved_database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir / 'brise.sqlite'}"


class Client:
    """Requests to the application, without a socket."""

    def __init__(self, settings: ApiSettings) -> None:
        self.app = create_app(settings)

    def request(self, method: str, url: str, **more: object) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, url, **more)

        return asyncio.run(ask())

    def get(self, url: str, **more: object) -> httpx.Response:
        return self.request("GET", url, **more)


def stop_clock(folder: Path, now: datetime) -> None:
    """A clock that stands (nearly: a replay's speed is never 0)."""
    write_clock(folder, Clock(now.timestamp(), 1.79e9, 1e-9))


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    publish(folder)
    store_day(folder)
    fill_tables(f"sqlite:///{folder / 'brise.sqlite'}")
    stop_clock(folder, INIT.replace(minute=30))
    return folder


@pytest.fixture(scope="session")
def client(data: Path) -> Client:
    return Client(ApiSettings(data))


@pytest.fixture(scope="session")
def town() -> SimpleNamespace:
    """What tests need to make a data folder of their own."""
    return SimpleNamespace(
        publish=publish, stop_clock=stop_clock, fill_tables=fill_tables, store_value=store_value, init=INIT
    )


@pytest.fixture
def make_client(tmp_path: Path) -> Callable[..., Client]:
    """A client of a data folder of its own; settings by keyword."""

    def make(**settings: object) -> Client:
        return Client(ApiSettings(tmp_path, **settings))

    return make
