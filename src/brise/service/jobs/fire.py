"""`brise fire simulate`: read a landscape, its weather and where fire starts; simulate; write what was found."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from brise.conventions.errors import InputError
from brise.conventions.fire import FireStart, FireWeather, Landscape
from brise.formulas.fire.fuel_models import FUEL_MODELS, FuelModel
from brise.io.fire_fuels import read_fuel_models
from brise.io.fire_runs import place_of, write_run
from brise.io.sources.fire_ignition import read_ignitions
from brise.io.sources.fire_landscape import LandscapeOptions, read_landscape
from brise.io.sources.fire_weather import WeatherOptions, read_weather
from brise.products.fire_forecast import forecast
from brise.products.fire_moisture import scenario
from brise.products.fire_release import hourly_release
from brise.products.fire_run import FireOptions, Progress
from brise.products.fire_spread import barred
from brise.products.fire_summary import outlines, rasters, summarise

log = logging.getLogger("brise.fire")

Moistures = tuple[float | None, float | None, float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class FireFiles:
    """What a simulation reads.

    Attributes:
        landscape: File or folder.
        ignition: LAT,LON or a file.
        weather: File.
        fuel_models: Of models beside the built-in ones.
        barrier: Shapes that fire does not cross.
        observed: Perimeters and when they were seen (None: unknown).
        landscape_options: How to read the landscape.
        weather_options: How to read the weather.
    """

    landscape: Path
    ignition: str
    weather: Path
    fuel_models: Path | None = None
    barrier: Path | None = None
    observed: tuple[tuple[Path, np.datetime64 | None], ...] = ()
    landscape_options: LandscapeOptions = field(default_factory=LandscapeOptions)
    weather_options: WeatherOptions = field(default_factory=WeatherOptions)


@dataclass(frozen=True, slots=True, eq=False)
class FireInputs:
    """The files, read."""

    landscape: Landscape
    weather: FireWeather
    starts: list[FireStart]
    models: Mapping[int, FuelModel]
    observed: list[FireStart] = field(default_factory=list)


def moisture_of(text: str) -> Moistures:
    """Five moistures from a scenario such as D2L2, or from percents "1h,10h,100h,herb,woody"; "-" is left to find out.

    Raises:
        InputError: Neither.

    >>> moisture_of("3,4,10,-,131")
    (0.03, 0.04, 0.1, None, 1.31)
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 1:
        return scenario(text)
    try:
        found = [None if part in ("", "-") else float(part) / 100.0 for part in parts]
    except ValueError:
        found = []
    if len(found) != 5:
        raise InputError(f"moisture {text!r}: a scenario such as D2L2, or five percents 1h,10h,100h,herb,woody")
    return found[0], found[1], found[2], found[3], found[4]


def read_inputs(files: FireFiles) -> FireInputs:
    """Read what a simulation needs.

    Raises:
        NotFoundError: A file is not there.
        InputError: One cannot be read; the message names it and the value.
    """
    models = read_fuel_models(files.fuel_models) if files.fuel_models else {}
    reading = replace(files.landscape_options, fuel_models={**FUEL_MODELS, **models})
    landscape = read_landscape(files.landscape, reading)
    weather = read_weather(files.weather, files.weather_options)
    starts = read_ignitions(files.ignition, landscape.grid)
    if files.barrier:
        landscape = barred(landscape, read_ignitions(str(files.barrier), landscape.grid))
    observed = [
        replace(part, time=part.time if when is None else when)
        for path, when in files.observed
        for part in read_ignitions(str(path), landscape.grid)
    ]
    return FireInputs(landscape, weather, starts, models, observed)


def simulate_files(
    files: FireFiles, options: FireOptions, out: Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Simulate from files into a folder; the summary that was written.

    Raises:
        NotFoundError: A file is not there.
        InputError: What is wrong, in one line; nothing is written then.
        StoreError: The folder cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; a folder is wanted")
    began = time.perf_counter()
    inputs = read_inputs(files)
    chosen = replace(options, models=inputs.models, place=options.place or place_of(inputs.landscape.grid))
    read = time.perf_counter()
    parts = (inputs.landscape, inputs.weather, inputs.starts, chosen)

    def tell(_stage: str, share: float) -> None:
        if progress:
            progress(share)

    result, many, fitted = forecast(parts, inputs.observed, tell)
    page = summarise(result, many)
    released = hourly_release(inputs.landscape, result, inputs.models)
    page["fuel_consumed_t"] = np.round(released.fuel_kg / 1e3, 3).tolist()
    page["heat_gj"] = np.round(released.heat_mj / 1e3, 2).tolist()
    page["pm25_kg"] = np.round(released.pm25_kg, 2).tolist()
    if fitted:
        page["calibration"] = fitted
    done = time.perf_counter()
    page["timings_s"] = {"read": round(read - began, 3), "simulate": round(done - read, 3)}
    write_run(out, inputs.landscape.grid, rasters(result, many), outlines(result), page)
    log.info("fire simulated in %.1f s: %s", time.perf_counter() - began, out)
    return page
