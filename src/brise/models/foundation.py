"""A time-series model trained by others on everything, as one of ours: zero-shot, one station at a time.

Such a model knows no map, no weather and no neighbours; each station's own last weeks are its whole context. Between
stations its forecasts are carried by the weights of the map. Optional: the package it needs is no dependency of ours.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import ConfigurationError, InputError
from brise.formulas.interpolation import Array
from brise.models.blend import ages
from brise.models.network import Outlook, Prediction, Task, point_outlook, station_outlook
from brise.models.optimal_interpolation import spread
from brise.models.registry import Model

FAMILY = "foundation"
CHRONOS = "amazon/chronos-2"
CONTEXT_HOURS = 512
"""How far back each station is read: three weeks."""

MEMORY_HOURS = 23
"""A station without a value for longer than this is not forecast."""

SWANSON = (0.3, 0.4, 0.3)
"""Weights of the 10, 50 and 90 % quantiles in the mean (Swanson's rule; Hurst et al. 2000, AAPG Bulletin 84)."""

_Parts = tuple[Array, Array, Array]


class Pipeline(Protocol):
    """What the adapter needs of a model."""

    def predict_quantiles(self, context: NDArray[np.float32], horizon: int) -> NDArray[np.floating]:
        """Forecast many series.

        Args:
            context: (N, T) hourly values, newest last, NaN = unknown.
            horizon: Steps ahead.

        Returns:
            (N, horizon, 3) quantiles of 10, 50 and 90 %.
        """


@dataclass(frozen=True, slots=True)
class Chronos:
    """A pipeline of the package chronos-forecasting behind our protocol (Ansari et al. 2025, arXiv:2510.15821)."""

    pipeline: Any

    def predict_quantiles(self, context: NDArray[np.float32], horizon: int) -> NDArray[np.floating]:
        """(N, T) -> (N, horizon, 3)."""
        found, _ = self.pipeline.predict_quantiles(
            context[:, None], prediction_length=horizon, quantile_levels=[0.1, 0.5, 0.9]
        )
        return np.stack([np.asarray(one, np.float32)[0] for one in found])


def chronos(name: str = CHRONOS) -> Pipeline:
    """Load a Chronos-2 model: a name on the Hugging Face hub or a folder.

    Raises:
        ConfigurationError: The package is not installed, or has no such model at hand.
    """
    try:
        package: Any = import_module("chronos")
    except ImportError:
        raise ConfigurationError(f"model {name}: needs a package: pip install 'chronos-forecasting>=2.0'") from None
    try:
        return Chronos(package.BaseChronosPipeline.from_pretrained(name, device_map="cpu"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"model {name}: cannot be loaded: {error}") from error


def foundation_model(
    pipeline: Pipeline, name: str = "foundation", title: str = "A foundation time-series model"
) -> Model:
    """A pipeline as a model of the registry."""

    def stations(task: Task) -> Prediction:
        return _joined(task, station_outlook, lambda later: _at_stations(pipeline, later))

    def points(task: Task, places: Array) -> Prediction:
        return _joined(task, lambda now: point_outlook(now, places), lambda later: _at_points(pipeline, later, places))

    return Model(name, title, stations, points)


def open_files(files: Mapping[str, bytes], threads: int) -> Model:
    """An artifact that names a pipeline in its card: `pipeline`, a model that `chronos` can load; no weights.

    Raises:
        ConfigurationError: The package is not installed, or has no such model at hand.
    """
    del threads  # the package's own
    card = json.loads(files["card.json"])
    return foundation_model(chronos(card["pipeline"]), card["name"], card["title"])


OPTIONAL: dict[str, Callable[[], Model]] = {
    "chronos_2": lambda: foundation_model(chronos(), "chronos_2", "Chronos-2, zero-shot, a station at a time")
}
"""Models that need a package we do not depend on, by name."""


def _joined(task: Task, now: Callable[[Task], Outlook], ahead: Callable[[Task], Prediction]) -> Prediction:
    """Lead 0 from the map, later ones from the pipeline."""
    later = tuple(lead for lead in task.leads if lead > 0)
    found = ahead(replace(task, leads=later)) if later else None
    if 0 not in task.leads:
        if found is None:
            raise InputError("no lead is asked for")
        return found
    first = now(replace(task, leads=(0,))).prediction(task.own.climatology)
    which = [later.index(lead) + 1 if lead else 0 for lead in task.leads]
    sides = (
        getattr(first, side)
        if found is None
        else np.concatenate([getattr(first, side), getattr(found, side)], axis=1)[:, which]
        for side in ("value", "q10", "q50", "q90")
    )
    return Prediction(*sides)


def _quantiles(pipeline: Pipeline, task: Task) -> _Parts:
    """10, 50 and 90 % at the stations, (N, L, S) each, increasing; NaN where the last day knows nothing."""
    values = np.asarray(task.hours.values[task.variable], np.float32)
    back = np.arange(-CONTEXT_HOURS + 1, 1)
    rows = task.rows[:, None] + back
    context = np.where((rows >= 0)[..., None], values[np.maximum(rows, 0)], np.float32(np.nan)).transpose(0, 2, 1)
    recent = np.isfinite(context[..., -MEMORY_HOURS - 1 :]).any(axis=-1)
    out = np.full((*recent.shape, len(task.leads), 3), np.nan)
    if recent.any():
        horizon = max(task.leads)
        found = np.asarray(pipeline.predict_quantiles(context[recent], horizon), float)
        if found.shape != (int(recent.sum()), horizon, 3):
            raise InputError(f"pipeline gave {found.shape}, expected {(int(recent.sum()), horizon, 3)}")
        out[recent] = np.sort(found, axis=-1)[:, np.array(task.leads) - 1]
    low, middle, high = np.moveaxis(out, -1, 0).transpose(0, 1, 3, 2)
    return low, middle, high


def _at_stations(pipeline: Pipeline, task: Task) -> Prediction:
    quantiles = [np.maximum(part, 0.0) for part in _quantiles(pipeline, task)]
    mean = sum((weight * part for weight, part in zip(SWANSON, quantiles, strict=True)), np.zeros(1))
    return Prediction(mean, *quantiles)


def _at_points(pipeline: Pipeline, task: Task, places: Array) -> Prediction:
    """Departures from what is usual, carried by the map's weights; spreads of forecast and map add as variances."""
    climatology, mapping = task.own.climatology, task.own.mapping
    usual = task.expected(climatology.deviation_of(task.hours))
    low, middle, high = (climatology.to_root(np.maximum(part, 0.0)) - usual for part in _quantiles(pipeline, task))
    expected = task.expected(climatology.deviation_at(places))
    parts = np.full((5, *expected.shape), np.nan)
    known = np.isfinite(middle[:, 0])
    age = np.where(known, np.minimum(ages(task.anomalies[task.variable], task.rows, MEMORY_HOURS), 0), -1)
    for rows, present, weights in spread(mapping, task.places, places, age, task.measurement_error):
        if not len(present):
            continue
        shares = weights.shares()
        one, two, three = (part[rows][..., present] for part in (low, middle, high))
        parts[0, rows] = expected[rows] + weights.apply(two)
        sigma = np.sqrt(weights.variance)
        sides = [
            np.hypot(side * sigma, shares.apply(width))
            for side, width in ((mapping.low, two - one), (mapping.high, three - two))
        ]
        parts[1, rows] = ((sides[0] + sides[1]) / (mapping.high - mapping.low)) ** 2
        parts[2, rows], parts[3, rows], parts[4, rows] = -sides[0], 0.0, sides[1]
    return Outlook(*parts).prediction(climatology)
