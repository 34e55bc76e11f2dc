"""The any-point model in service: the exported graph's shifts on the base forecast, and calibrated quantiles.

At stations an artifact may bring boosted trees along, which then have half the word.

Where the base knows nothing, so does the model; beyond the leads it was trained for its shifts fade out.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.interpolation import Array, nearest
from brise.models.boosting_serving import Sessions, open_sessions, station_shifts
from brise.models.calibration import Calibration, read_calibration
from brise.models.features import TARGETS, Network
from brise.models.network import Outlook, Prediction, Task, point_outlook, station_outlook
from brise.models.registry import Model
from brise.models.samples import scene
from brise.models.sessions import Files, Session, open_session, read_json
from brise.models.shifts import shifted, width_of

FAMILY = "anypoint"
LIMIT = 3.0
"""No shift is larger, in standard errors of the base; as in training."""

TRAINED_H, FADED_H = 48, 96
GRAPH = "model.onnx"
TREES = 0.5
"""Share of the boosted trees, if there are any, in the expectation at stations: an equal one is hard to beat."""

_INPUTS = ("series", "state", "own", "near", "edges", "ahead", "when")
_KEPT = 2  # answers: a run asks of the same places for the map and for the forecast
_CELLS = 1_000_000  # forecasts x leads x places of inputs at a time
_GRAPH_CELLS = 100_000  # of which the graph sees so many at a time: 0.3 GB, and its layers stay in the cache


@dataclass(frozen=True, slots=True)
class _Answer:
    outlooks: dict[str, Outlook]
    shifts: Array
    held: tuple[object, ...]  # what the key names by id, which is one object's only while that lives


@dataclass
class _Runner:
    """A graph with its last answers: a task asks for one pollutant, the graph tells all."""

    session: Session
    calibration: Calibration
    trees: Sessions
    answers: dict[tuple[object, ...], _Answer] = field(default_factory=dict)

    def shifts(self, task: Task, places: Array | None) -> _Answer:
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
        if key not in self.answers:
            network = Network(task.fitted, task.hours, task.error_variance, task.background)
            size = len(network.places) if places is None else len(places)
            step = max(1, _CELLS // (size * len(task.leads)))
            told = [self._some(network, task, part, places) for part in _parts(task.rows, step)]
            outlooks = {name: _joined([one[name] for one, _ in told]) for name in told[0][0]}
            while len(self.answers) >= _KEPT:
                self.answers.pop(next(iter(self.answers)))
            shifts = np.concatenate([one for _, one in told])
            self.answers[key] = _Answer(outlooks, shifts, (task.hours, task.fitted, task.background))
        return self.answers[key]

    def _some(
        self, network: Network, task: Task, rows: NDArray[np.intp], places: Array | None
    ) -> tuple[dict[str, Outlook], Array]:
        ours = scene(network, rows, task.leads, places)
        theirs = ours if places is None else scene(network, rows, (task.leads[0],))
        feeds: dict[str, NDArray[Any]] = {name: getattr(ours, name) for name in _INPUTS}
        feeds |= {"station_near": theirs.near, "station_edges": theirs.edges}
        shifts = np.clip(self._graph(feeds), -LIMIT, LIMIT)
        fade = np.clip((FADED_H - np.array(task.leads)) / (FADED_H - TRAINED_H), 0, 1)
        return ours.outlooks, shifts * fade[:, None, None, None]

    def _graph(self, feeds: dict[str, NDArray[Any]]) -> Array:
        """(N, L, P, C, 4), some places at a time."""
        count, leads, size = feeds["ahead"].shape[:3]
        step, told = max(1, _GRAPH_CELLS // (count * leads)), []
        for first in range(0, size, step):
            part = slice(first, first + step)
            some = {"own": feeds["own"][part], "near": feeds["near"][part]}
            some |= {"edges": feeds["edges"][:, part], "ahead": feeds["ahead"][:, :, part]}
            told.append(self.session.run(feeds | some)[0])
        return np.concatenate(told, axis=2)

    def predict(self, task: Task, places: Array | None) -> Prediction:
        """In concentrations."""
        if task.variable not in TARGETS or task.variable not in task.hours.values:
            outlook = station_outlook(task) if places is None else point_outlook(task, places)
            return outlook.prediction(task.own.climatology)
        answer = self.shifts(task, places)
        outlooks, shifts = answer.outlooks, answer.shifts
        km = None if places is None else nearest(task.places, places)[1][:, 0]
        factors = self.calibration.at(task.variable, task.leads, km)
        base, moves = outlooks[task.variable], shifts[..., TARGETS.index(task.variable), :]
        if places is None and self.trees:
            moves = self._stacked(task, base, moves)
        told = shifted(base, moves, factors, task)
        if places is not None or 0 not in task.leads:
            return told
        return _measured(task, told, base)

    def _stacked(self, task: Task, base: Outlook, moves: Array) -> Array:
        """Half the graph's word and half the trees' on where the middle lies; how wide it is, the graph says."""
        network = Network(task.fitted, task.hours, task.error_variance, task.background)
        trees = station_shifts(self.trees, network, task.variable, task.rows, task.leads)
        width = width_of(base, task.own.climatology)
        theirs = np.divide(trees, width, out=np.zeros_like(trees), where=width > 0)
        out = moves.copy()
        out[..., :2] += TREES * (theirs - moves[..., 0])[..., None]
        return out


def _parts(rows: NDArray[np.intp], step: int) -> list[NDArray[np.intp]]:
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _joined(parts: list[Outlook]) -> Outlook:
    sides = ("root", "variance", "low", "middle", "high")
    return Outlook(*(np.concatenate([getattr(part, side) for part in parts]) for side in sides))


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
    if GRAPH not in files:
        raise InputError(f"model artifact {card['name']!r}: no {GRAPH}")
    trees = open_sessions({name: payload for name, payload in files.items() if name != GRAPH}, threads)
    calibration = read_calibration(read_json(files, "calibration.json"))
    runner = _Runner(open_session(files[GRAPH], threads), calibration, trees)
    told = partial(_stations, runner), partial(_points, runner)
    return Model(str(card["name"]), str(card["title"]), *told, learns_leads=True, reads_all=True)


def _stations(runner: _Runner, task: Task) -> Prediction:
    return runner.predict(task, None)


def _points(runner: _Runner, task: Task, places: Array) -> Prediction:
    return runner.predict(task, places)
