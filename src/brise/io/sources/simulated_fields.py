"""The simulated atmosphere on its grids: the truth everywhere, and a stand-in for a chemistry-transport forecast.

Apart from the source itself, so that a command that only reads stations does not load what cubes need.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from brise.conventions.cubes import check_cube
from brise.conventions.errors import InputError
from brise.conventions.variables import VARIABLES
from brise.formulas.cities import CITIES
from brise.formulas.forecast_stand_in import LATE_H, forecast
from brise.formulas.nature_run import SPECIES, Domain
from brise.formulas.surface import surface_weather
from brise.io.sources.simulated import atmosphere, full_hour


def truth(
    start: datetime, end: datetime, seed: int = 0, cities: tuple[str, ...] = tuple(CITIES)
) -> dict[str, xr.Dataset]:
    """The simulated air itself in every cell, for the hours that end after `start`, at or before `end`.

    Returns:
        domain -> cube (time, latitude, longitude), hourly means labelled by their END.

    Raises:
        InputError: A time has no zone, `end` is not after `start`, or a city is unknown.
    """
    air = atmosphere(seed, cities)
    first, last = full_hour(start), full_hour(end)
    if last <= first:
        raise InputError(f"simulated: end {last} is not after start {first}")
    run = air.hours(first, last)
    cubes = {}
    for place, domain in enumerate(air.domains):
        fields = {name: run.fields[name][:, place] for name in SPECIES}
        fields |= {name: v.astype(np.float32) for name, v in surface_weather(domain, run.weather, place).items()}
        cubes[domain.grid.name] = _cube(domain, run.time, fields, "Simulated atmosphere, truth; not a measurement")
    return cubes


def ctm_background(
    init_time: datetime, hours: Sequence[int], seed: int = 0, cities: tuple[str, ...] = tuple(CITIES)
) -> dict[str, xr.Dataset]:
    """A stand-in for a chemistry-transport forecast: the truth, smoothed, late, biased, worse with lead.

    Args:
        init_time: UTC; the run used is the last one of 00 or 12 UTC at or before it.
        hours: Leads after `init_time` in hours, increasing; negative ones are hours already past.
        seed: Of the atmosphere.
        cities: Which.

    Returns:
        domain -> cube (time, latitude, longitude), hourly means labelled by their END.

    Raises:
        InputError: A time has no zone, `hours` is empty or not increasing, or a city is unknown.
    """
    leads = np.asarray(hours, np.int64)
    if len(leads) == 0 or (np.diff(leads) <= 0).any():
        raise InputError(f"ctm_background: hours {list(hours)[:5]} must be increasing and not empty")
    air = atmosphere(seed, cities)
    now = full_hour(init_time)
    cycle = now - np.timedelta64(int(now.astype("datetime64[h]").astype(np.int64)) % 12, "h")
    run = air.hours(now + np.timedelta64(int(leads[0]) - 1 - LATE_H, "h"), now + np.timedelta64(int(leads[-1]), "h"))
    cubes = {}
    for place, domain in enumerate(air.domains):
        fields = {name: run.fields[name][:, place] for name in SPECIES}
        predicted = forecast(domain, run.time, fields, cycle, seed)
        chosen = leads - leads[0]
        fields = {name: values[chosen] for name, values in predicted.items()}
        title = "Stand-in for a chemistry-transport forecast of the simulated atmosphere; not a measurement"
        cubes[domain.grid.name] = _cube(domain, now + leads.astype("timedelta64[h]"), fields, title)
    return cubes


def _cube(
    domain: Domain, time: NDArray[np.datetime64], fields: dict[str, NDArray[np.float32]], title: str
) -> xr.Dataset:
    dims = ("time", "latitude", "longitude")
    arrays = {
        name: (dims, values, {"units": VARIABLES[name].unit, "standard_name": VARIABLES[name].cf_name})
        for name, values in fields.items()
    }
    coordinates = {
        "time": time.astype("datetime64[s]"),
        "latitude": ("latitude", domain.grid.latitude, {"units": "degrees_north", "standard_name": "latitude"}),
        "longitude": ("longitude", domain.grid.longitude, {"units": "degrees_east", "standard_name": "longitude"}),
    }
    attributes = {"Conventions": "CF-1.11", "title": title, "source": "simulated", "license": "CC0"}
    return check_cube(xr.Dataset(arrays, coordinates, attributes))
