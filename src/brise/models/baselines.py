"""The simple models that every other must beat: persistence, climatology, nearest, inverse distance."""

import numpy as np

from brise.formulas.interpolation import Array, inverse_distance, nearest
from brise.models.blend import newest
from brise.models.network import Prediction, Task


def _without_quantiles(value: Array) -> Prediction:
    unknown = np.full(value.shape, np.nan)
    return Prediction(value, unknown, unknown, unknown)


def _each_lead(task: Task, value: Array) -> Prediction:
    """The same (N, P) at every lead."""
    return _without_quantiles(np.repeat(value[:, None], len(task.leads), axis=1))


def _latest(task: Task) -> Array:
    """(N, S) each station's newest value of the last 24 h."""
    return newest(np.asarray(task.hours.values[task.variable], float), task.rows)


def persistence_at_stations(task: Task) -> Prediction:
    """The newest value of the last 24 h stays."""
    return _each_lead(task, _latest(task))


def nearest_at_points(task: Task, places: Array) -> Prediction:
    """The nearest station that has a value in the last 24 h."""
    latest = _latest(task)
    out = np.full((len(latest), len(places)), np.nan)
    for row, values in enumerate(latest):
        known = np.flatnonzero(np.isfinite(values))
        if len(known):
            out[row] = values[known[nearest(task.places[known], places)[0][:, 0]]]
    return _each_lead(task, out)


def inverse_distance_at_points(task: Task, places: Array) -> Prediction:
    """Inverse-distance squared weights of the stations that have a value in the last 24 h."""
    latest = _latest(task)
    out = np.full((len(latest), len(places)), np.nan)
    for row, values in enumerate(latest):
        known = np.isfinite(values)
        out[row] = inverse_distance(task.places[known], places, values[known])
    return _each_lead(task, out)


def climatology_at_stations(task: Task) -> Prediction:
    """What is usual at the station."""
    usual = task.own.climatology
    return _without_quantiles(usual.from_root(task.expected(usual.deviation_of(task.hours))))


def climatology_at_points(task: Task, places: Array) -> Prediction:
    """What is usual at the place, as far as its neighbours tell."""
    usual = task.own.climatology
    return _without_quantiles(usual.from_root(task.expected(usual.deviation_at(places))))
