"""A small town's published air, the API that serves it with the app, and a browser that looks at it."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import uvicorn
import xarray as xr

from brise.conventions.grids import Grid
from brise.conventions.variables import POLLUTANTS, VARIABLES
from brise.formulas.indices.registry import INDICES
from brise.io import analyses, cubes
from brise.io.tables import Tables
from brise.products.air_indices import index_sides
from brise.service.api import web
from brise.service.api.app import create_app
from brise.service.settings import Settings

HERE = "51.5085,-0.1257"
NOWHERE = "0,-30"
GRID = Grid("town", 51.6, -0.3, 0.02, 10, 20)
HOURS = np.arange(-24, 97)
MEAN = {"pm25": 14.0, "pm10": 24.0, "no2": 38.0, "o3": 55.0, "so2": 4.0, "co": 320.0}
PROJECT = Path(__file__).resolve().parents[2]
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
    "--enable-unsafe-swiftshader",
)


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


@pytest.fixture(scope="session")
def built() -> dict[str, web.Built]:
    """The app's files."""
    build = web.read_build(web.DIST)
    if not build:
        reason = "the app is not built: `make web` needs node and npm"
        pytest.skip(reason)
    return build


@pytest.fixture(scope="session")
def server(built: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of the town's air and the app."""
    folder = tmp_path_factory.mktemp("town")
    publish(folder, datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
    Tables.open(f"sqlite:///{folder / 'brise.sqlite'}").close()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    config = uvicorn.Config(create_app(Settings(data_dir=folder)), port=port, log_level="error", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        thread.join(0.02)
        assert thread.is_alive(), "the server ended"
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """A browser for a module's tests: while Playwright runs, no other test of this process can run an event loop."""
    path = os.environ.get("BRISE_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "google-chrome"))), None
    )
    if path is None:
        pytest.skip("no Chromium here (chromium or google-chrome on the path, or BRISE_CHROMIUM)")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: object, server: str) -> Iterator[Callable[..., object]]:
    """Open an address in a fresh profile; every error in it, and every request that leaves, fails the test."""
    contexts, faults, own = [], [], (server, "data:", "blob:")

    def go(path: str = "/", size: tuple[int, int] = (390, 844), workers: str = "block", **options: object) -> object:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            service_workers=workers,
            reduced_motion="reduce",
            **{"locale": "en-GB", "timezone_id": "Europe/London"} | options,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("console", lambda told: faults.append(told.text) if "Security Policy" in told.text else None)
        page.on("request", lambda asked: None if asked.url.startswith(own) else faults.append(asked.url))
        page.goto(server + path, wait_until="commit")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not faults
