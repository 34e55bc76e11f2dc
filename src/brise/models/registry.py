"""Every model of concentrations, by name; `blend` is what the product publishes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from brise.conventions.errors import InputError
from brise.formulas.interpolation import Array
from brise.models.baselines import (
    climatology_at_points,
    climatology_at_stations,
    inverse_distance_at_points,
    nearest_at_points,
    persistence_at_stations,
)
from brise.models.network import Outlook, Prediction, Task, point_outlook, station_outlook
from brise.models.optimal_interpolation import DAMPING_H


@dataclass(frozen=True, slots=True)
class Model:
    """One way to predict.

    Attributes:
        name: In commands and in provenance.
        title: For people.
        stations: At the stations of the task, (N, L, S).
        points: At any place, given unit vectors (P, 3): (N, L, P).
        learns_leads: Whether each lead must be fitted.
        reads_all: Whether every pollutant must be fitted, whichever is asked for.
    """

    name: str
    title: str
    stations: Callable[[Task], Prediction]
    points: Callable[[Task, Array], Prediction]
    learns_leads: bool = False
    reads_all: bool = False


def _blend_at_stations(task: Task) -> Prediction:
    return station_outlook(task).prediction(task.own.climatology)


def _blend_at_points(task: Task, places: Array) -> Prediction:
    return point_outlook(task, places).prediction(task.own.climatology)


def _now(task: Task) -> Task:
    return replace(task, leads=(0,))


def _damped(task: Task, now: Outlook, expected: Array, usual: Array) -> Prediction:
    """Today's anomaly, decaying by exp(-lead / 12 h) towards what is usual; errors grow to the anomalies' variance."""
    left = np.exp(-np.array(task.leads)[:, None] / DAMPING_H)
    sill = task.own.mapping.spread
    variance = now.variance * left**2 + sill * (1 - left**2)
    width = np.sqrt(variance)
    mapping = task.own.mapping
    sides = (side * width for side in (mapping.low, mapping.middle, mapping.high))
    return Outlook(expected + (now.root - usual) * left, variance, *sides).prediction(task.own.climatology)


def _damped_at_stations(task: Task) -> Prediction:
    deviation = task.own.climatology.deviation_of(task.hours)
    return _damped(task, station_outlook(_now(task)), task.expected(deviation), _now(task).expected(deviation))


def _damped_at_points(task: Task, places: Array) -> Prediction:
    deviation = task.own.climatology.deviation_at(places)
    return _damped(task, point_outlook(_now(task), places), task.expected(deviation), _now(task).expected(deviation))


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("persistence", "The newest value stays", persistence_at_stations, nearest_at_points),
        Model("climatology", "What is usual at this hour", climatology_at_stations, climatology_at_points),
        Model("nearest", "The nearest station", persistence_at_stations, nearest_at_points),
        Model("idw", "Inverse-distance weights", persistence_at_stations, inverse_distance_at_points),
        Model(
            "optimal_interpolation",
            "Optimal interpolation, anomalies decaying",
            _damped_at_stations,
            _damped_at_points,
        ),
        Model("blend", "Optimal interpolation of a fitted blend", _blend_at_stations, _blend_at_points, True),
    )
}


def model(name: str) -> Model:
    """Look one up.

    Raises:
        InputError: No such model; the message lists the known ones.
    """
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}; known are {', '.join(MODELS)}")
    return MODELS[name]
