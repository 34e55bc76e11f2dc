"""Samples of an observing-system experiment: what a few stations and a flawed forecast know of a simulated atmosphere.

The truth is known in every cell, so a model can be trained and scored where no station stands. All fields are
logarithms, log(c + FLOOR), since the forecast errs by factors. Equations and scores: docs/science/conv-lstm.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.formulas.forecast_stand_in import LATE_H, forecast
from brise.formulas.instruments import MEASURED, NOISE
from brise.formulas.interpolation import Array, Covariance, neighbourhood
from brise.formulas.nature_run import BLOCK_H, SPECIES, Domain, Run, generator, simulate
from brise.formulas.synthetic_weather import red_noise

TARGETS: tuple[str, ...] = ("pm25", "no2", "o3")
"""C, in the order of every array here."""

FLOOR = 3.0
"""µg m-3 added before the logarithm: below it instruments only show noise."""

SITE = 0.10
"""Standard deviation of the logarithm of what a station's place adds to its cell."""

DEPARTURES: tuple[Covariance, ...] = (
    Covariance((0.070, 0.013), (80.0, 300.0), 0.002),
    Covariance((0.136, 0.193), (25.0, 300.0), 0.002),
    Covariance((0.252, 0.058), (80.0, 300.0), 0.002),
)
"""Of log(truth / forecast), by TARGETS; fitted on training weeks, see docs/science/conv-lstm.md."""

ANOMALIES: tuple[Covariance, ...] = (
    Covariance((0.081,), (40.0,), 0.002),
    Covariance((0.368,), (80.0,), 0.002),
    Covariance((0.294,), (80.0,), 0.002),
)
"""Of log concentrations about the stations' mean, fitted likewise."""

DECAY_H: tuple[float, ...] = (48.0, 96.0, 200.0)
"""e-folding time of a departure, fitted likewise."""

WEATHER: tuple[str, ...] = ("eastward_wind", "northward_wind", "mixing_height", "rain_rate", "hour_sin", "hour_cos")
"""Columns of `weather`, scaled to order 1."""

_NOISE = NOISE[[MEASURED.index(name) for name in TARGETS]]


@dataclass(frozen=True, slots=True)
class Week:
    """One simulated week over one city, and how it is seen.

    Attributes:
        city: Name in formulas.cities.
        seed: Of the atmosphere.
        block: Which week since 1970.
        stations: How many; (low, high) = drawn for each sample, evenly in its logarithm.
        past: T, hours that a model reads.
        ahead: L, leads in hours that it predicts, besides lead 0.
        every: Hours between samples.
    """

    city: str
    seed: int
    block: int
    stations: tuple[int, int] = (5, 80)
    past: int = 12
    ahead: int = 24
    every: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.stations[0] <= self.stations[1] or min(self.past, self.ahead, self.every) < 1:
            raise InputError(f"{self}: at least one station, and hours of at least 1, expected")
        if self.past + self.ahead >= BLOCK_H:
            raise InputError(f"{self}: past and ahead must be under the {BLOCK_H} h of a week together")


def samples(domain: Domain, week: Week) -> dict[str, NDArray[Any]]:
    """Simulate a week and cut it into samples.

    Returns:
        N samples of:
        observed (N, T, C, Y, X): log(measured / forecast) in the cells that have a station, 0 elsewhere;
        mask (N, 1, Y, X): 1 in those cells;
        spread (N, T, C, Y, X): optimal interpolation of `observed`;
        background (N, T + L, C, Y, X): the forecast, from T - 1 hours before the init on;
        analysis (N, C, Y, X): optimal interpolation of the stations alone at the init;
        weather (N, T + L, 6): see WEATHER; after the init with the errors of a forecast;
        emissions (N, 1, Y, X): logarithm of people per km²;
        truth (N, L + 1, C, Y, X): leads 0 to L;
        stations (N,): how many there are.
    """
    begin = np.datetime64(week.block * BLOCK_H, "h")
    run = simulate((domain,), begin, begin + np.timedelta64(BLOCK_H, "h"), week.seed)
    inits = np.arange(week.past, BLOCK_H - week.ahead, week.every)
    rng = generator(week.seed, domain, 5_000_000 + week.block)
    parts = [_sample(domain, run, week, int(init), rng) for init in inits]
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def log_of(value: NDArray[Any]) -> NDArray[Any]:
    """Concentration, µg m-3, to the scale of all fields here; below zero counts as zero."""
    return np.asarray(np.log(np.maximum(value, 0.0) + FLOOR))


def from_log(value: NDArray[Any]) -> NDArray[Any]:
    """Back to µg m-3, not below zero.

    >>> float(np.round(from_log(log_of(np.array(40.0))), 6))
    40.0
    """
    return np.asarray(np.maximum(np.exp(value) - FLOOR, 0.0))


def _sample(domain: Domain, run: Run, week: Week, init: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    span = slice(init - week.past, init + week.ahead + 1)
    time = run.time[span]
    now = run.time[init]
    cycle = now - np.timedelta64(int(now.astype("datetime64[h]").astype(np.int64)) % 12, "h")
    fields = {name: run.fields[name][span, 0] for name in SPECIES}
    predicted = forecast(domain, time, fields, cycle, week.seed)
    background = np.stack([log_of(predicted[name]) for name in TARGETS], axis=1)  # (T + L, C, Y, X)
    truth = np.stack([fields[name][LATE_H:] for name in TARGETS], axis=1)
    count = round(float(np.exp(rng.uniform(*np.log(week.stations)))))
    cells = _cells(domain, count, rng)
    measured = _measure(truth[: week.past], cells, rng)  # (T, C, S)
    flat = background[: week.past].reshape(*measured.shape[:2], -1)
    departure = log_of(measured) - flat[..., cells]
    return {
        "observed": _on_grid(departure, cells, flat.shape[-1]).reshape(truth[: week.past].shape).astype(np.float16),
        "mask": np.bincount(cells, minlength=flat.shape[-1]).reshape(1, *truth.shape[2:]).astype(np.uint8),
        "spread": _interpolated(domain, cells, departure, DEPARTURES, flat).astype(np.float16),
        "background": background.astype(np.float16),
        "analysis": analysis(domain, cells, log_of(measured[-1:]))[0].astype(np.float16),
        "weather": _weather(run, slice(span.start + LATE_H, span.stop), week.past, domain.city.longitude, rng),
        "emissions": np.log(domain.density[None] + 10.0).astype(np.float16),
        "truth": log_of(truth[week.past - 1 :]).astype(np.float16),
        "stations": np.int16(count),
    }


def _cells(domain: Domain, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(S,) flat cells with a station each, denser where people live."""
    share = (domain.density.ravel() + 50.0) ** 0.7
    return np.sort(rng.choice(len(share), count, replace=False, p=share / share.sum()))


def _measure(truth: NDArray[Any], cells: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """(T, C, S) what instruments in these cells show: a factor of the place, and noise each hour."""
    exact = truth.reshape(*truth.shape[:2], -1)[..., cells].astype(float)
    site = np.exp(SITE * rng.standard_normal((exact.shape[1], exact.shape[2])))
    error = _NOISE[:, 0, None] + _NOISE[:, 1, None] * exact
    return np.asarray(exact * site + error * rng.standard_normal(exact.shape))


def _on_grid(values: Array, cells: NDArray[np.int64], size: int) -> Array:
    out = np.zeros((*values.shape[:-1], size))
    out[..., cells] = values
    return out


def interpolate(domain: Domain, cells: NDArray[np.int64], values: Array, covariance: Covariance, error: Array) -> Array:
    """Optimal interpolation from cells to all cells: (..., S) with error variance (S,) -> (..., Y, X)."""
    places = unit_vectors(*domain.grid.points())
    weights = neighbourhood(places[cells], places, covariance, error, neighbours=len(cells))
    filled = weights.apply(values)
    return np.asarray(filled).reshape(*values.shape[:-1], *domain.density.shape)


def _interpolated(
    domain: Domain, cells: NDArray[np.int64], values: Array, covariances: tuple[Covariance, ...], level: Array
) -> Array:
    """(T, C, Y, X) from (T, C, S): errors of a measurement as they are on the logarithmic scale at this level."""
    parts = []
    for c, covariance in enumerate(covariances):
        size = np.exp(level[:, c][:, cells].mean(axis=0))
        noise = (_NOISE[c, 0] + _NOISE[c, 1] * np.maximum(size - FLOOR, 0)) / size
        parts.append(interpolate(domain, cells, values[:, c], covariance, SITE**2 + noise**2))
    return np.stack(parts, axis=1)


def analysis(domain: Domain, cells: NDArray[np.int64], values: Array) -> Array:
    """The stations alone, about their mean: (T, C, S) logarithms -> (T, C, Y, X)."""
    mean = values.mean(axis=-1, keepdims=True)
    level = np.zeros((len(values), values.shape[1], domain.grid.cells)) + mean
    return np.asarray(_interpolated(domain, cells, values - mean, ANOMALIES, level) + mean[..., None])


def _weather(run: Run, span: slice, past: int, longitude: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """(T + L, 6) the domain's weather; ahead of the init wrong by 0.5 + sqrt(lead / 24 h) m s-1 and by 25 %."""
    air = run.weather
    hours = run.time[span].astype("datetime64[h]").astype(np.int64) - 1
    lead = np.maximum(np.arange(len(hours)) - past + 1, 0)
    wrong = red_noise(hours.astype(float), np.full(3, 6.0), rng) * (lead > 0)[:, None]
    size = 0.5 + np.sqrt(lead / 24.0)
    angle = 2 * np.pi * (hours + 0.5 + longitude / 15.0) / 24.0
    columns = [
        (air.eastward_wind[span, 0] + size * wrong[:, 0]) / 4.0,
        (air.northward_wind[span, 0] + size * wrong[:, 1]) / 4.0,
        (np.log(air.mixing_height[span, 0]) + 0.25 * wrong[:, 2] - 6.0),
        np.sqrt(air.rain_rate[span, 0]) * (lead == 0),
        np.sin(angle),
        np.cos(angle),
    ]
    return np.stack(columns, axis=1).astype(np.float32)
