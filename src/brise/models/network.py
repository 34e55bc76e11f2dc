"""A network's fitted models, and what they say at its stations and at any place.

`fit` learns one record per pollutant; `Task` is one question (which pollutant, from which hours, how far ahead); an
`Outlook` is the answer on the square-root scale and `Prediction` in concentrations.
"""

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.conventions.variables import WEATHER
from brise.formulas.interpolation import Array
from brise.models.background import Background
from brise.models.blend import LEADS, Blend, ages, errors, fit_blend, newest, predict_blend, surroundings
from brise.models.climatology import Climatology, fit_climatology, solar_hours
from brise.models.optimal_interpolation import DAMPING_H, Mapping, fit_mapping, spread

HOUR = np.timedelta64(3600, "s")
LATE_HOURS = 3
"""A station whose newest value is at most this old still takes part in a map, with an error that grows."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that is learnt about one pollutant in one network."""

    variable: str
    climatology: Climatology
    mapping: Mapping
    blend: Blend


@dataclass(frozen=True, slots=True)
class Prediction:
    """Concentrations in the unit of the hours read: expectation and quantiles, each (N, L, P), NaN = unknown."""

    value: Array
    q10: Array
    q50: Array
    q90: Array


@dataclass(frozen=True, slots=True)
class Outlook:
    """A prediction on the square-root scale, each (N, L, P).

    Attributes:
        root: Expected value.
        variance: Of the error.
        low: 10 % quantile of the error (truth minus `root`).
        middle: Its median.
        high: Its 90 % quantile.
    """

    root: Array
    variance: Array
    low: Array
    middle: Array
    high: Array

    def prediction(self, climatology: Climatology) -> Prediction:
        """In concentrations."""
        quantiles = (climatology.from_root(self.root + part) for part in (self.low, self.middle, self.high))
        return Prediction(climatology.from_root(self.root, self.variance), *quantiles)


@dataclass(frozen=True)
class Task:
    """One question to a network's models.

    Attributes:
        fitted: Pollutant -> what was learnt.
        variable: The pollutant asked for.
        hours: The network; a forecast from row n reads rows up to n only.
        rows: (N,) each forecast's newest row.
        leads: (L,) hours ahead, 0 = the analysis.
        error_variance: (S,) or scalar, of the stations' own errors in units of the mapping's local variance.
        background: Carries the map between and beyond stations in the climatology's stead.
    """

    fitted: Dict[str, Fitted]
    variable: str
    hours: StationHours
    rows: NDArray[np.intp]
    leads: tuple[int, ...]
    error_variance: Array | float = 0.0
    background: Background | None = None

    @cached_property
    def own(self) -> Fitted:
        """What was learnt about the pollutant asked for.

        Raises:
            InputError: Nothing was.
        """
        if self.variable not in self.fitted:
            raise InputError(f"{self.variable}: no model was fitted; fitted are {', '.join(self.fitted) or 'none'}")
        return self.fitted[self.variable]

    @cached_property
    def places(self) -> Array:
        """(S, 3) unit vectors of the stations."""
        return unit_vectors(self.hours.latitude, self.hours.longitude)

    @cached_property
    def anomalies(self) -> dict[str, Array]:
        """Pollutant -> (T, S) anomalies on the square-root scale."""
        return anomalies(self.fitted, self.hours)

    @property
    def measurement_error(self) -> Array | float:
        """(S,) or scalar error variance on the square-root scale."""
        return self.error_variance * self.own.mapping.local

    def time(self, lead: int) -> NDArray[np.datetime64]:
        """(N,) valid times of a lead."""
        return np.asarray(self.hours.time[self.rows] + lead * HOUR)

    def expected(self, deviation: Array) -> Array:
        """(N, L, P) what is usual where the deviations (P, 24) hold."""
        return np.stack([self.own.climatology.expected(self.time(lead), deviation) for lead in self.leads], axis=1)


def anomalies(fitted: Dict[str, Fitted], hours: StationHours) -> dict[str, Array]:
    """Pollutant -> (T, S) differences from what is usual, on the square-root scale."""
    out = {}
    for name, model in fitted.items():
        if name in hours.values:
            usual = model.climatology.expected(hours.time, model.climatology.deviation_of(hours))
            out[name] = model.climatology.to_root(hours.values[name]) - usual
    return out


def fit(
    hours: StationHours, variables: tuple[str, ...] | None = None, leads: tuple[int, ...] = LEADS
) -> dict[str, Fitted]:
    """Learn a network from its history.

    Args:
        hours: History; every row is read, so it must end at "now".
        variables: Pollutants to forecast; the others of `hours.values` still serve as predictors. All by default.
        leads: Hours ahead to fit, without 0; none fits the map alone.

    Returns:
        A record per pollutant that has any measurement; predictors alone are among them, with no lead fitted.
    """
    measured = [name for name, matrix in hours.values.items() if name not in WEATHER and np.isfinite(matrix).any()]
    asked = [name for name in measured if variables is None or name in variables]
    usual = {name: fit_climatology(hours, name) for name in (measured if leads else asked)}
    none = Blend(np.zeros(0, np.int64), (), *(np.zeros((0, 1)),) * 2, np.zeros((0, 1, 3)), np.zeros((0, 1)))
    out = {}
    for name, climatology in usual.items():
        better, mapping = (
            fit_mapping(hours, name, climatology) if name in asked else (climatology, Mapping(1.0, 20.0, 1.0, 0.1, 1.0))
        )
        out[name] = Fitted(name, better, mapping, none)
    if not leads:
        return out
    fields = anomalies(out, hours)
    places = unit_vectors(hours.latitude, hours.longitude)
    for name in asked:
        climatology = out[name].climatology
        expected = climatology.expected(hours.time, climatology.deviation_of(hours))
        solar = solar_hours(hours.time, climatology.longitude)
        blend = fit_blend(fields, expected, name, solar, places, tuple(sorted(leads)))
        out[name] = Fitted(name, climatology, out[name].mapping, blend)
    return out


def station_outlook(task: Task) -> Outlook:
    """The blend at the stations.

    Lead 0 is the measurement itself; a station without one gets the map of the others about its own climatology.
    """
    own = task.own
    deviation = own.climatology.deviation_of(task.hours)
    expected = task.expected(deviation)
    later = [lead for lead in task.leads if lead > 0]
    parts = np.zeros((5, *expected.shape))  # anomaly, variance, low, middle, high
    if later:
        parts[:, :, [place for place, lead in enumerate(task.leads) if lead > 0]] = _ahead(task, later, deviation)
    if 0 in task.leads:
        now = task.anomalies[task.variable][task.rows]
        mapped = _mapped(task, task.places, deviation)
        parts[:, :, task.leads.index(0)] = np.where(
            np.isfinite(now), np.stack([now, *np.zeros((4, *now.shape))]), mapped
        )
    return Outlook(expected + parts[0], *parts[1:])


def _ahead(task: Task, leads: list[int], deviation: Array) -> Array:
    """(5, N, L, S) anomaly, variance, low, middle, high of forecasts; between fitted leads, interpolated."""
    blend = task.own.blend
    steps = blend.leads
    if not len(steps) or not steps[0] <= min(leads) <= max(leads) <= steps[-1]:
        raise InputError(f"{task.variable}: leads {min(leads)} to {max(leads)} h asked, fitted are {steps.tolist()}")
    solar = solar_hours(task.hours.time, task.own.climatology.longitude)
    fitted = predict_blend(blend, task.anomalies, task.variable, task.rows, solar, surroundings(task.places))
    out = np.empty((5, len(task.rows), len(leads), fitted.shape[2]))
    for place, lead in enumerate(leads):
        upper = int(np.searchsorted(steps, lead))
        lower = upper - int(steps[upper] != lead)
        share = (lead - int(steps[lower])) / max(int(steps[upper] - steps[lower]), 1)
        out[0, :, place] = (1 - share) * fitted[:, lower] + share * fitted[:, upper]
        level = task.own.climatology.expected(task.time(lead), deviation) + out[0, :, place]
        out[1:, :, place] = (1 - share) * errors(blend, lower, level) + share * errors(blend, upper, level)
    return out


def _departure(task: Task, lead: int, places: Array, deviation: Array) -> Array:
    """(N, P) the background minus what is usual, on the square-root scale; 0 where there is no background."""
    if task.background is None:
        return np.zeros((1, len(places)))
    usual, time = task.own.climatology, task.time(lead)
    departure = usual.to_root(task.background.at(task.variable, time, places)) - usual.expected(time, deviation)
    return np.where(np.isnan(departure), 0.0, departure)


def _mapped(task: Task, places: Array, deviation: Array) -> Array:
    """(5, N, P) anomaly, variance, low, middle, high of the map at each row; NaN in a row without any station."""
    mapping, own = task.own.mapping, task.anomalies[task.variable]
    age = ages(own, task.rows, LATE_HOURS)
    aged = newest(own, task.rows) * np.exp(-np.maximum(age, 0) / DAMPING_H)
    at_stations = _departure(task, 0, task.places, task.own.climatology.deviation_of(task.hours))
    aged = aged - at_stations
    out = np.full((5, len(aged), len(places)), np.nan)
    for rows, present, weights in spread(mapping, task.places, places, age, task.measurement_error):
        if len(present):
            sigma = np.sqrt(weights.variance)
            out[0, rows] = weights.apply(aged[np.ix_(rows, present)])
            out[1:, rows] = np.stack(
                [weights.variance, mapping.low * sigma, mapping.middle * sigma, mapping.high * sigma]
            )[:, None]
    out[0] += _departure(task, 0, places, deviation)
    return out


def point_outlook(task: Task, places: Array, moved: Array | None = None) -> Outlook:
    """The map at lead 0 and the blend carried to any place by the map's weights at later leads.

    Args:
        task: The question.
        places: (P, 3) unit vectors.
        moved: (N, L, S) what to add to the blend at the stations, on the square-root scale, before it is carried.
    """
    deviation = task.own.climatology.deviation_at(places)
    expected = task.expected(deviation)
    parts = np.zeros((5, *expected.shape))
    later = [lead for lead in task.leads if lead > 0]
    if later:
        which = [place for place, lead in enumerate(task.leads) if lead > 0]
        parts[:, :, which] = _carried(task, places, later, deviation, 0.0 if moved is None else moved[:, which])
    if 0 in task.leads:
        parts[:, :, task.leads.index(0)] = _mapped(task, places, deviation)
    return Outlook(expected + parts[0], *parts[1:])


def _carried(task: Task, places: Array, leads: list[int], deviation: Array, moved: Array | float) -> Array:
    """(5, N, L, P) station forecasts at any place.

    Variances of the map and of the forecast add; the forecast's counts in the share that stations know of the place,
    without the nugget, which the map's already holds.
    """
    mapping, own = task.own.mapping, task.own.climatology.deviation_of(task.hours)
    ahead = _ahead(task, leads, own)
    ahead[0] += moved
    for place, lead in enumerate(leads):
        ahead[0, :, place] -= _departure(task, lead, task.places, own)
    out = np.full((*ahead.shape[:3], len(places)), np.nan)
    age = np.where(np.isnan(ahead[0, :, 0]), -1, np.minimum(ages(task.anomalies[task.variable], task.rows, 23), 0))
    quantiles = np.array([mapping.low, mapping.middle, mapping.high])[:, None, None, None]
    for rows, present, weights in spread(mapping, task.places, places, age, task.measurement_error):
        if not len(present):
            continue
        some = ahead[:, rows][..., present]
        averaged = weights.shares().apply(some[1:])
        known_share = np.maximum(1 - weights.variance / mapping.covariance.sill, 0)
        shared = known_share * np.maximum(1 - mapping.nugget / np.maximum(averaged[0], 1e-12), 0)
        out[0, rows] = weights.apply(some[0])
        out[1, rows] = weights.variance + shared * averaged[0]
        sigma = quantiles * np.sqrt(weights.variance)
        low, high = (np.sqrt(sigma[side] ** 2 + shared * averaged[1 + side] ** 2) for side in (0, 2))
        out[2:, rows] = np.stack([-low, np.broadcast_to(sigma[1], low.shape) + shared * averaged[2], high])
    for place, lead in enumerate(leads):
        out[0, :, place] += _departure(task, lead, places, deviation)
    return out
