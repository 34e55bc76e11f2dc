"""The any-point model in service: the exported graph's shifts on the base forecast, and calibrated quantiles.

Where the base knows nothing, so does the model; beyond the leads it was trained for its shifts fade out.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.interpolation import Array, nearest
from brise.models.calibration import Calibration, read_calibration
from brise.models.features import TARGETS, Network
from brise.models.network import Outlook, Prediction, Task, point_outlook, station_outlook
from brise.models.registry import Model
from brise.models.samples import scene
from brise.models.sessions import Files, Session, open_session, read_json

FAMILY = "anypoint"
LIMIT = 3.0
"""No shift is larger, in standard errors of the base; as in training."""

TRAINED_H, FADED_H = 48, 96
_INPUTS = ("series", "state", "own", "near", "edges", "ahead", "when")
_CELLS = 1_000_000  # places x leads at a time: 0.5 GB


@dataclass
class _Runner:
    """A graph with the answer it gave last: a task asks for one pollutant, the graph tells all."""

    session: Session
    calibration: Calibration
    key: tuple[object, ...] = ()
    answer: tuple[dict[str, Outlook], Array] | None = field(default=None, repr=False)
    held: tuple[object, ...] = ()

    def shifts(self, task: Task, places: Array | None) -> tuple[dict[str, Outlook], Array]:
        """The base's outlooks and (N, L, P, C, 4) shifts."""
        key = (
            id(task.hours),
            id(task.fitted),
            id(task.background),
            task.leads,
            task.rows.tobytes(),
            np.asarray(task.error_variance).tobytes(),
            None if places is None else places.tobytes(),
        )
        if self.answer is None or key != self.key:
            network = Network(task.fitted, task.hours, task.error_variance, task.background)
            size = len(network.places) if places is None else len(places)
            step = max(1, _CELLS // (size * len(task.leads)))
            told = [self._some(network, task, part, places) for part in _parts(task.rows, step)]
            outlooks = {name: _joined([one[name] for one, _ in told]) for name in told[0][0]}
            self.key, self.answer = key, (outlooks, np.concatenate([shifts for _, shifts in told]))
            self.held = (task.hours, task.fitted, task.background)  # an id is one object's while that lives
        return self.answer

    def _some(
        self, network: Network, task: Task, rows: NDArray[np.intp], places: Array | None
    ) -> tuple[dict[str, Outlook], Array]:
        ours = scene(network, rows, task.leads, places)
        theirs = ours if places is None else scene(network, rows, (task.leads[0],))
        feeds: dict[str, NDArray[Any]] = {name: getattr(ours, name) for name in _INPUTS}
        feeds |= {"station_near": theirs.near, "station_edges": theirs.edges}
        shifts = np.clip(self.session.run(feeds)[0], -LIMIT, LIMIT)
        fade = np.clip((FADED_H - np.array(task.leads)) / (FADED_H - TRAINED_H), 0, 1)
        return ours.outlooks, shifts * fade[:, None, None, None]

    def predict(self, task: Task, places: Array | None) -> Prediction:
        """In concentrations."""
        if task.variable not in TARGETS or task.variable not in task.hours.values:
            outlook = station_outlook(task) if places is None else point_outlook(task, places)
            return outlook.prediction(task.own.climatology)
        outlooks, shifts = self.shifts(task, places)
        km = None if places is None else nearest(task.places, places)[1][:, 0]
        factors = self.calibration.at(task.variable, task.leads, km)
        told = shifted(outlooks[task.variable], shifts[..., TARGETS.index(task.variable), :], factors, task)
        if places is not None or 0 not in task.leads:
            return told
        return _measured(task, told, outlooks[task.variable])


def _parts(rows: NDArray[np.intp], step: int) -> list[NDArray[np.intp]]:
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _joined(parts: list[Outlook]) -> Outlook:
    sides = ("root", "variance", "low", "middle", "high")
    return Outlook(*(np.concatenate([getattr(part, side) for part in parts]) for side in sides))


def shifted(base: Outlook, shifts: Array, factors: Array, task: Task) -> Prediction:
    """The base moved by shifts (N, L, P, 4) in its standard errors, its quantiles spread by factors (2, L, P)."""
    climatology, sigma = task.own.climatology, np.sqrt(base.variance)
    width = 2 * np.maximum(base.root, 0.2) * sigma * climatology.level
    value = climatology.from_root(base.root, base.variance) + width * shifts[..., 0]
    middle = base.root + base.middle + sigma * shifts[..., 1]
    low = middle - (base.middle - base.low) * np.exp(shifts[..., 2]) * factors[0]
    high = middle + (base.high - base.middle) * np.exp(shifts[..., 3]) * factors[1]
    quantiles = (climatology.from_root(side) for side in (low, middle, high))
    return Prediction(np.maximum(value, -climatology.offset), *quantiles)


def _measured(task: Task, told: Prediction, base: Outlook) -> Prediction:
    """Lead 0 at the stations is what the base says: the measurement, or the map of the others."""
    plain = base.prediction(task.own.climatology)
    now = task.leads.index(0)
    sides = {}
    for side in ("value", "q10", "q50", "q90"):
        sides[side] = getattr(told, side).copy()
        sides[side][:, now] = getattr(plain, side)[:, now]
    return Prediction(**sides)


def open_files(files: Files, threads: int) -> Model:
    """The model of an artifact.

    Raises:
        InputError: A file is missing or damaged.
    """
    card = read_json(files, "card.json")
    if "model.onnx" not in files:
        raise InputError(f"model artifact {card['name']!r}: no model.onnx")
    runner = _Runner(open_session(files["model.onnx"], threads), read_calibration(read_json(files, "calibration.json")))
    return Model(
        str(card["name"]), str(card["title"]), partial(_stations, runner), partial(_points, runner), learns_leads=True
    )


def _stations(runner: _Runner, task: Task) -> Prediction:
    return runner.predict(task, None)


def _points(runner: _Runner, task: Task, places: Array) -> Prediction:
    return runner.predict(task, places)
