"""One fire simulation from the queue: read, simulate, find what it reaches, its smoke, and write it all."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform

from brise.conventions.errors import StoreError
from brise.conventions.fire import FireGrid
from brise.io.cubes import replace_file
from brise.io.fire_maps import map_grid, on_map, write_maps
from brise.io.fire_runs import lonlat, write_run
from brise.io.gazetteer import cities
from brise.products import smoke
from brise.products.fire_forecast import forecast
from brise.products.fire_page import fire_page
from brise.products.fire_run import FireEnsemble, FireResult
from brise.products.fire_summary import outlines, rasters, summarise
from brise.service.jobs.fire_cluster import on_cluster
from brise.service.jobs.fire_landscapes import degrees, load
from brise.service.jobs.fire_request import build
from brise.service.settings import Settings

LAYERS = ("arrival", "burn_probability", "flame_length")
"""What tiles show; also the order of the layers on disk."""

NEAR_M = 1_000.0
"""A town counts as reached where fire comes so near its middle."""

Tell = Callable[[str, float], None]


def simulate_job(request: Mapping[str, Any], settings: Settings, folder: Path, tell: Tell) -> None:
    """Run a request and write its results.

    Args:
        request: As it was accepted.
        settings: Where landscapes are, how many threads to use.
        folder: Of the results.
        tell: Called with the stage and the share done; what it raises ends the run.

    Raises:
        InputError: What the API could not know when it accepted it.
        StoreError: The disk is full or fails.
    """
    tell("reads the landscape", 0.0)
    landscape = load(settings.data_dir, request["landscape"])
    asked = build(request, landscape)
    asked = replace(asked, options=replace(asked.options, workers=settings.fire_threads))
    inputs = (landscape, asked.weather, asked.starts, asked.options)
    cluster = on_cluster(settings.dask_scheduler)
    result, several, found = forecast(
        inputs, asked.observed, lambda stage, share: tell(stage, 0.05 + 0.8 * share), cluster
    )
    tell("finds what it reaches", 0.86)
    page = (
        summarise(result, several)
        | ({"calibration": found} if found else {})
        | {
            "name": request.get("name", ""),
            "landscape": request["landscape"],
            "places": places(result, several),
        }
    )
    layers = rasters(result, several)
    tell("lets the smoke go", 0.88)
    source = smoke.source_of(landscape, result, partial(lonlat, landscape.grid))
    plume = None if source is None else smoke.compute(source, asked.weather)
    tell("writes the results", 0.95)
    write_run(folder, result.grid, layers, outlines(result), page)
    grid = map_grid(result.grid)
    maps = np.stack([on_map(layers[name], result.grid, grid) for name in LAYERS])
    maps[1][maps[1] == 0] = np.nan  # where no member burned there is nothing to show
    meta = {"layers": list(LAYERS), "start": page["start"], "hours": result.hours, "simulated": result.simulated}
    write_maps(folder, "map", grid, maps, meta)
    _write(folder / "report.html", fire_page(page))
    if source is not None and plume is not None:
        write_smoke(folder, source, plume, result.simulated)


def places(result: FireResult, several: FireEnsemble | None) -> list[dict[str, Any]]:
    """Towns of the gazetteer on the landscape: how near the fire comes, when, and with which chance; nearest first."""
    west, south, east, north = degrees(result.grid)
    known = cities()
    inside = (known.latitude >= south) & (known.latitude <= north)
    inside &= (known.longitude >= west) & (known.longitude <= east)
    found = []
    for place in np.flatnonzero(inside):
        far = _distances(result.grid, float(known.longitude[place]), float(known.latitude[place]))
        if far is None:
            continue
        burned, near = np.isfinite(result.arrival), far <= NEAR_M
        times = result.arrival[near & burned]
        time = None if not times.size else result.start + np.timedelta64(round(float(times.min()) * 60), "s")
        found.append(
            {
                "name": known.name[place],
                "latitude": round(float(known.latitude[place]), 5),
                "longitude": round(float(known.longitude[place]), 5),
                "population": int(known.population[place]),
                "distance_km": round(float(far[burned].min()) / 1000, 2) if burned.any() else None,
                "time": None if time is None else f"{time.astype('datetime64[s]')}Z",
                "probability": None if several is None or not near.any() else _most(several.probability[near]),
            }
        )
    return sorted((one for one in found if one["distance_km"] is not None), key=lambda one: float(one["distance_km"]))


def _most(values: NDArray[np.float32]) -> float:
    return round(float(values.max()), 4)


def _distances(grid: FireGrid, longitude: float, latitude: float) -> NDArray[np.float32] | None:
    """(Y, X) m from a place to each cell; None where it is not on the grid."""
    x, y = transform("EPSG:4326", CRS.from_wkt(grid.crs), [longitude], [latitude])[:2]
    column, row = (x[0] - grid.west) / grid.cell_m, (grid.north - y[0]) / grid.cell_m
    if not (0 <= row < grid.rows and 0 <= column < grid.columns):
        return None
    rows, columns = np.arange(grid.rows, dtype=np.float32)[:, None], np.arange(grid.columns, dtype=np.float32)
    return np.asarray(np.hypot(rows + 0.5 - row, columns + 0.5 - column) * grid.cell_m, np.float32)


def write_smoke(folder: Path, source: smoke.Source, plume: smoke.Smoke, simulated: bool) -> None:
    """The smoke on the map, and what the fire gave off as a table for other models.

    Raises:
        StoreError: The disk is full or fails.
    """
    meta = {
        "simulated": simulated,
        "time": [f"{time.astype('datetime64[s]')}Z" for time in plume.time],
        "heat_mj": (plume.heat / 1e6).round(1).tolist(),
        "pm25_kg": plume.emitted.round(3).tolist(),
        "plume_height_m": [None if np.isnan(height) else round(float(height)) for height in plume.plume],
        "ground_pm25_max": plume.pm25.max(axis=(1, 2)).astype(float).round(2).tolist(),
        "within_kg": round(plume.within, 3),
        "left_kg": round(plume.left, 3),
        "assumptions": list(plume.assumptions),
    }
    values = plume.pm25.copy()
    write_maps(folder, "smoke", plume.grid, values, meta)
    lines = ["time,latitude,longitude,heat_mj,pm25_kg"]
    for hour, place in np.argwhere(source.pm25 > 0):
        end = datetime.fromisoformat(str(plume.time[hour]))
        where = f"{source.latitude[place]:.5f},{source.longitude[place]:.5f}"
        lines.append(
            f"{end:%Y-%m-%dT%H:%M:%SZ},{where},{source.heat[hour, place] / 1e6:.1f},{source.pm25[hour, place]:.4f}"
        )
    _write(folder / "smoke_source.csv", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text.encode())
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
