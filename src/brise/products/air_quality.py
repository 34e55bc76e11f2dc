"""The live map and the forecast of air quality: pure, one domain at a time.

Hours -24 to 0 are analyses of what was measured, hours 1 to 96 forecasts; both are concentrations with an 80 %
interval at every cell, and indices computed from them. A cell farther from every station than the stations' reach is
unknown, unless a background speaks there.
"""

from collections.abc import Mapping as Dict
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from brise.conventions.cubes import check_cube
from brise.conventions.errors import InputError
from brise.conventions.grids import Grid, unit_vectors
from brise.conventions.observations import StationHours
from brise.conventions.variables import POLLUTANTS, VARIABLES, WEATHER
from brise.formulas.indices.registry import INDICES
from brise.formulas.interpolation import Array, nearest
from brise.models.background import Background
from brise.models.network import Fitted, Task, fit
from brise.models.registry import MODELS, Model
from brise.products.air_indices import SIDES, index_sides

HOURS: tuple[int, ...] = tuple(range(-24, 97))
"""Published, relative to init_time."""

BEFORE = 23
"""Hours analysed before the first published one, for indices that average over a day."""

READ_HOURS = 32 * 24
"""The forecast looks no further back."""

LOW_COST_ERROR = 0.5
"""Error variance of a low-cost sensor, as a share of the local variance; a reference instrument's is in the nugget."""

KIND_ERROR = {"low_cost": LOW_COST_ERROR, "mobile": 8 * LOW_COST_ERROR}
"""By kind of station; "mobile" is a cell of people's trackers."""

OLD_HOURS, FEW_STATIONS = 2, 2
"""Of measurements older, or of fewer stations, a run says so."""

_CHUNK = 8192


@dataclass(frozen=True)
class Inputs:
    """What a run is made from.

    Attributes:
        hours: Every station's hours; rows after `init_time` are ignored.
        stations: STATION_COLUMNS, a row for each station of `hours` at least.
        init_time: End of the newest hour, UTC, on the hour.
        fitted: What was learnt for this domain (`fit_domain`).
        background: Chemistry-transport forecast, if there is one.
        model: What predicts.
        indices: Which indices to compute.
        simulated: Whether the measurements are; a single simulated station makes them so.
    """

    hours: StationHours
    stations: pd.DataFrame
    init_time: datetime
    fitted: Dict[str, Fitted]
    background: Background | None = None
    model: Model = MODELS["blend"]
    indices: tuple[str, ...] = tuple(INDICES)
    simulated: bool = False


@dataclass(frozen=True)
class Run:
    """One published run.

    Attributes:
        grid: The domain.
        concentration: (cells, variables, 3, hours) float32: value, 10 % and 90 % quantile, storage units.
        index: (cells, indices, 5, hours) float32: SIDES of products/air_indices.py.
        nearest: (cells, variables, 3) int32 positions in meta["stations"], -1 none.
        meta: As meta.json, but for `created_at`.
        cube: The forecast as a CF cube.
        analysis: The analysed hours as a CF cube.
    """

    grid: Grid
    concentration: NDArray[np.float32]
    index: NDArray[np.float32]
    nearest: NDArray[np.int32]
    meta: dict[str, Any] = field(repr=False)
    cube: xr.Dataset = field(repr=False)
    analysis: xr.Dataset = field(repr=False)


def inside(hours: StationHours, grid: Grid) -> NDArray[np.bool_]:
    """(S,) which stations lie on the grid."""
    return grid.holds(hours.latitude, hours.longitude)


def fit_domain(hours: StationHours, grid: Grid) -> dict[str, Fitted]:
    """Learn a domain from its stations' history, which must end at "now"."""
    known = tuple(name for name in POLLUTANTS if name in hours.values)
    some = replace(hours, values={name: hours.values[name] for name in known})
    return fit(some.stations(inside(hours, grid)))


def compute(inputs: Inputs, grid: Grid) -> Run:
    """Make one domain's run.

    Raises:
        InputError: No hour of the history is at `init_time`, an index or the model is unknown, or a station of the
            domain is not described in `stations`.
    """
    unknown = sorted(set(inputs.indices) - set(INDICES))
    if unknown:
        raise InputError(f"unknown index {unknown[0]!r}; known are {', '.join(INDICES)}")
    hours = _window(inputs, grid)
    here = inputs.stations["station_id"].isin(hours.station_id)
    inputs = replace(inputs, simulated=inputs.simulated or bool((inputs.stations["kind"][here] == "simulated").any()))
    variables = _variables(inputs, hours)
    latitude, longitude = grid.points()
    places = unit_vectors(latitude, longitude)
    span = BEFORE + len(HOURS)
    concentration = np.full((len(places), len(variables), 3, span), np.nan, np.float32)
    closest = np.full((len(places), len(variables), 3), -1, np.int32)
    index = np.full((len(places), len(inputs.indices), len(SIDES), len(HOURS)), np.nan, np.float32)
    for start in range(0, len(places), _CHUNK):
        some = slice(start, start + _CHUNK)
        for column, name in enumerate(variables):
            concentration[some, column], closest[some, column] = _variable(inputs, hours, name, places[some])
        index[some] = _indices(inputs.indices, variables, concentration[some])
    published = np.ascontiguousarray(concentration[..., BEFORE:])
    meta = _meta(inputs, grid, hours, variables)
    return Run(grid, published, index, closest, meta, *_cubes(inputs, grid, variables, published))


def _window(inputs: Inputs, grid: Grid) -> StationHours:
    """The domain's stations and the hours that the forecast reads."""
    init = np.datetime64(inputs.init_time.astimezone(UTC).replace(tzinfo=None), "s")
    # The domain's stations first: a domain is a small part of the world's network, all of which is here.
    hours = inputs.hours.stations(inside(inputs.hours, grid)).until(init)
    if not len(hours.time) or hours.time[-1] != init:
        last = hours.time[-1] if len(hours.time) else "nothing"
        raise InputError(f"domain {grid.name}: the history ends at {last}, init_time is {init}")
    return replace(
        hours, time=hours.time[-READ_HOURS:], values={name: rows[-READ_HOURS:] for name, rows in hours.values.items()}
    )


def _variables(inputs: Inputs, hours: StationHours) -> list[str]:
    """Pollutants this run can say something about."""
    measured = {name for name, rows in hours.values.items() if np.isfinite(rows).any()} & set(inputs.fitted)
    modelled = set(inputs.background.values) if inputs.background else set()
    return [name for name in POLLUTANTS if name in measured | modelled]


def _variable(
    inputs: Inputs, hours: StationHours, name: str, places: Array
) -> tuple[NDArray[np.floating], NDArray[np.int32]]:
    """(P, 3, T) value and quantiles of one pollutant, and (P, 3) its nearest stations."""
    steps = np.arange(-BEFORE + HOURS[0], HOURS[-1] + 1)
    time = hours.time[-1] + steps * np.timedelta64(3600, "s")
    behind = (
        inputs.background.at(name, time, places) if inputs.background else np.full((len(time), len(places)), np.nan)
    )
    if name not in inputs.fitted or name not in hours.values:
        unknown = np.full(behind.shape, np.nan)
        return np.stack([behind, unknown, unknown]).transpose(2, 0, 1), np.full((len(places), 3), -1, np.int32)
    rows = len(hours.time) - 1 + steps[steps <= 0]
    rows = rows[rows >= 0]
    task = Task(inputs.fitted, name, hours, rows, (0,), _station_error(inputs, hours), inputs.background)
    points, leads = inputs.model.points, tuple(range(1, HOURS[-1] + 1))
    past, ahead = points(task, places), points(replace(task, rows=rows[-1:], leads=leads), places)
    out = np.full((3, len(steps), len(places)), np.nan, np.float32)
    first, most = len(steps) - len(leads) - len(rows), VARIABLES[name].maximum
    for side, part in enumerate(("value", "q10", "q90")):
        np.clip(getattr(past, part)[:, 0], 0.0, most, out=out[side, first : first + len(rows)])
        np.clip(getattr(ahead, part)[0], 0.0, most, out=out[side, -len(leads) :])
    recent = np.flatnonzero(np.isfinite(hours.values[name][-24:]).any(axis=0))
    which, distance = nearest(task.places[recent], places, 3)
    far = distance[:, 0] > task.own.mapping.reach_km
    out[:, far & np.isnan(behind)] = np.nan
    out[0] = np.where(np.isnan(out[0]), np.maximum(behind, 0.0), out[0])  # where no station speaks, the background does
    near = np.where(which >= 0, np.append(recent, -1)[which], -1).astype(np.int32)
    return out.transpose(2, 0, 1), near


def _station_error(inputs: Inputs, hours: StationHours) -> Array:
    """(S,) error variance of each station, in local variances."""
    kinds = inputs.stations.set_index("station_id")["kind"].astype(str)
    return np.array([KIND_ERROR.get(kind, 0.0) for kind in kinds.reindex(hours.station_id)])


def _indices(names: tuple[str, ...], variables: list[str], concentration: NDArray[np.float32]) -> NDArray[np.float32]:
    """(P, indices, SIDES, hours) of concentrations (P, variables, 3, T); unknown is NaN."""
    out = np.full((len(concentration), len(names), len(SIDES), len(HOURS)), np.nan, np.float32)
    known = np.isfinite(concentration[:, :, 0]).any(axis=(1, 2))
    fields = [{name: concentration[known, column, side] for column, name in enumerate(variables)} for side in range(3)]
    if not known.any():
        return out
    for place, name in enumerate(names):
        out[known, place] = index_sides(name, *fields)[..., BEFORE:]
    return out


def _meta(inputs: Inputs, grid: Grid, hours: StationHours, variables: list[str]) -> dict[str, Any]:
    some = inputs.stations[inputs.stations["station_id"].isin(hours.station_id)]
    described: dict[str, Any] = {str(row["station_id"]): row for row in some.to_dict("records")}
    missing = sorted(set(hours.station_id.tolist()) - set(described))
    if missing:
        raise InputError(f"domain {grid.name}: station {missing[0]!r} has hours but is not described")
    stations = []
    for column, station_id in enumerate(hours.station_id.tolist()):
        row = described[station_id]
        latest = {}
        for name in variables:
            known = np.flatnonzero(np.isfinite(hours.values[name][:, column]) if name in hours.values else [])
            if len(known):
                latest[name] = f"{hours.time[known[-1]]}Z"
        text = {key: str(row[key]) for key in ("name", "kind", "source", "attribution", "licence")}
        place = {"latitude": float(hours.latitude[column]), "longitude": float(hours.longitude[column])}
        stations.append({"station_id": station_id, **place, **text, "latest": latest})
    reach = {name: inputs.fitted[name].mapping.reach_km for name in variables if name in inputs.fitted}
    return {
        "product": "air_quality",
        "domain": grid.name,
        "grid": asdict(grid),
        "init_time": _iso(inputs.init_time),
        "hours": list(HOURS),
        "variables": variables,
        "indices": list(inputs.indices),
        "model": inputs.model.name,
        "background": inputs.background.name if inputs.background else None,
        "simulated": inputs.simulated,
        "reach_km": reach,
        "stations": stations,
        "sources": sorted({station["source"] for station in stations}),
        "notes": _notes(inputs, grid, hours, variables),
    }


def _notes(inputs: Inputs, grid: Grid, hours: StationHours, variables: list[str]) -> list[str]:
    """What this run had to do without."""
    if not variables:
        return [f"no station of {grid.name} has a measurement to work from"]
    known = [np.isfinite(hours.values[name]) for name in POLLUTANTS if name in hours.values]
    rows = np.flatnonzero(np.any(known, axis=(0, 2))) if known else np.zeros(0, int)
    fresh = int(np.any([one[-24:] for one in known], axis=(0, 1)).sum()) if known else 0
    age = len(hours.time) - 1 - int(rows[-1]) if len(rows) else len(hours.time)
    told = {
        f"the newest measurement is {age} h old": age > OLD_HOURS,
        f"only {fresh} of its stations measured within a day": fresh < FEW_STATIONS,
        "no weather is measured here; the model speaks without it": inputs.model.name not in MODELS
        and not any(np.isfinite(hours.values[name][-24:]).any() for name in WEATHER if name in hours.values),
    }
    return [note for note, holds in told.items() if holds]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _cubes(
    inputs: Inputs, grid: Grid, variables: list[str], concentration: NDArray[np.float32]
) -> tuple[xr.Dataset, xr.Dataset]:
    """The forecast (lead_time, latitude, longitude) and the analyses (time, latitude, longitude)."""
    init = np.datetime64(inputs.init_time.astimezone(UTC).replace(tzinfo=None), "ns")
    zero = HOURS.index(0)
    shape = (grid.rows, grid.columns, len(variables), 3, len(HOURS))
    field = concentration.reshape(shape).transpose(2, 3, 4, 0, 1)  # variable, side, hour, latitude, longitude
    space: dict[str, Any] = {
        "latitude": ("latitude", grid.latitude, {"units": "degrees_north", "standard_name": "latitude"}),
        "longitude": ("longitude", grid.longitude, {"units": "degrees_east", "standard_name": "longitude"}),
        "quantile": ("quantile", np.array([0.1, 0.9]), {"units": "1"}),
    }
    leads = np.array(HOURS[zero:]).astype("timedelta64[h]").astype("timedelta64[ns]")
    past = init + np.array(HOURS[: zero + 1]).astype("timedelta64[h]")
    ahead = {**space, "lead_time": ("lead_time", leads, {"standard_name": "forecast_period"})}
    ahead["init_time"] = ((), init, {"standard_name": "forecast_reference_time"})
    behind = {**space, "time": ("time", past, {"standard_name": "time"})}
    about = {
        "Conventions": "CF-1.11",
        "title": f"Air quality, {grid.name}",
        "source": f"Brise, {inputs.model.name}" + (", simulated measurements" if inputs.simulated else ""),
    }
    return (
        check_cube(xr.Dataset(_arrays(variables, field[:, :, zero:], "lead_time"), ahead, about)),
        check_cube(xr.Dataset(_arrays(variables, field[:, :, : zero + 1], "time"), behind, about)),
    )


def _arrays(variables: list[str], field: NDArray[np.float32], axis: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for place, name in enumerate(variables):
        row = VARIABLES[name]
        attributes = {"units": row.unit, "standard_name": row.cf_name, "long_name": row.title}
        out[name] = ((axis, "latitude", "longitude"), field[place, 0], attributes)
        sides = field[place, 1:].transpose(1, 0, 2, 3)
        out[f"{name}_quantile"] = ((axis, "quantile", "latitude", "longitude"), sides, attributes)
    return out


def leave_one_out(inputs: Inputs, grid: Grid, variable: str) -> pd.DataFrame:
    """What the map says at each station's place when that station is not read, beside what it measured.

    The parameters of the map were learnt with the station; its own climatology is withheld too.

    Returns:
        station_id, time, measured, value, q10, q90, sd ((q90 - q10) / 2.563), for the last 24 h.
    """
    hours = _window(inputs, grid)
    rows = np.arange(max(0, len(hours.time) - 24), len(hours.time))
    parts = []
    for column, station_id in enumerate(hours.station_id.tolist()):
        others = hours.stations(hours.station_id != station_id)
        fitted = {
            name: replace(model_, climatology=model_.climatology.without({station_id}))
            for name, model_ in inputs.fitted.items()
        }
        task = Task(fitted, variable, others, rows, (0,), _station_error(inputs, others), inputs.background)
        place = unit_vectors(hours.latitude[[column]], hours.longitude[[column]])
        guess = inputs.model.points(task, place)
        part = pd.DataFrame({"station_id": station_id, "time": pd.to_datetime(hours.time[rows], utc=True)})
        part["measured"] = hours.values[variable][rows, column].astype(float)
        for side in ("value", "q10", "q90"):
            part[side] = np.maximum(getattr(guess, side)[:, 0, 0], 0.0)
        part["sd"] = (part["q90"] - part["q10"]) / 2.5631
        parts.append(part)
    return pd.concat(parts, ignore_index=True).dropna(subset=["measured", "value"]).reset_index(drop=True)
