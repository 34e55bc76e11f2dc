"""The any-point model in service: the exported graph's shifts on the base forecast, and calibrated quantiles.

At stations an artifact may bring boosted trees along, which then have half the word. What stations are moved by is
carried to any other place by the map's weights: the graph's own word on unmonitored places knew the places it had
learnt from by heart, and was worse than none at new ones (docs/science/air-model.md).

Where the base knows nothing, so does the model; beyond the leads it was trained for its shifts fade out.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import EARTH_RADIUS_KM, unit_vectors
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
_CELLS = 250_000  # forecasts x leads x stations that the graph sees at a time: 0.5 GB
FAMILIAR_KM = 75.0
STRANGE = 0.25
"""Share of the shifts that counts in a city farther than FAMILIAR_KM from all that the model learnt in."""
_STILL = np.zeros(4)


@dataclass(frozen=True, slots=True)
class _Answer:
    network: Network  # also holds what the key names by id, which is one object's only while that lives
    outlooks: dict[str, Outlook]
    shifts: Array


@dataclass
class _Runner:
    """A graph with its last answers: a task asks for one pollutant, the graph tells all."""

    session: Session
    calibration: Calibration
    trees: Sessions
    cities: Array  # (C, 3) unit vectors of those it learnt in
    answers: dict[tuple[object, ...], _Answer] = field(default_factory=dict)

    def shifts(self, task: Task) -> _Answer:
        """The base's outlooks at the stations and (N, L, S, C, 4) shifts."""
        key = (
            id(task.hours),
            id(task.fitted),
            id(task.background),
            task.leads,
            task.rows.tobytes(),
            np.asarray(task.error_variance).tobytes(),
        )
        if key not in self.answers:
            network = Network(task.fitted, task.hours, task.error_variance, task.background)
            step = max(1, _CELLS // (len(network.places) * len(task.leads)))
            told = [self._some(network, task, task.rows[n : n + step]) for n in range(0, len(task.rows), step)]
            outlooks = {name: _joined([one[name] for one, _ in told]) for name in told[0][0]}
            while len(self.answers) >= _KEPT:
                self.answers.pop(next(iter(self.answers)))
            shifts = np.concatenate([one for _, one in told])
            self.answers[key] = _Answer(network, outlooks, shifts)
        return self.answers[key]

    def _some(self, network: Network, task: Task, rows: NDArray[np.intp]) -> tuple[dict[str, Outlook], Array]:
        ours = scene(network, rows, task.leads)
        feeds: dict[str, NDArray[Any]] = {name: getattr(ours, name) for name in _INPUTS}
        feeds |= {"station_near": ours.near, "station_edges": ours.edges}
        shifts = np.clip(self.session.run(feeds)[0], -LIMIT, LIMIT)
        return ours.outlooks, shifts * _fade(task)[:, None, None, None]

    def predict(self, task: Task, places: Array | None) -> Prediction:
        """In concentrations."""
        if task.variable not in TARGETS or task.variable not in task.hours.values:
            outlook = station_outlook(task) if places is None else point_outlook(task, places)
            return outlook.prediction(task.own.climatology)
        if places is not None:
            return self._carried(task, places)
        base, moves = self._moves(task)
        told = shifted(base, moves, self.calibration.at(task.variable, task.leads, None), task)
        return _measured(task, told, base) if 0 in task.leads else told

    def _carried(self, task: Task, places: Array) -> Prediction:
        """What the stations' forecasts were moved by, carried to any place by the map's own weights."""
        moved = None
        if max(task.leads) > 0:
            base, moves = self._moves(task)
            moved = np.nan_to_num(np.sqrt(base.variance) * moves[..., 0])
        outlook = point_outlook(task, places, moved)
        km = nearest(task.places, places)[1][:, 0]
        return shifted(outlook, _STILL, self.calibration.at(task.variable, task.leads, km), task)

    def _moves(self, task: Task) -> tuple[Outlook, Array]:
        """The base at the stations, and (N, L, S, 4) shifts of one pollutant, as far as they are to be trusted."""
        answer = self.shifts(task)
        base, moves = answer.outlooks[task.variable], answer.shifts[..., TARGETS.index(task.variable), :]
        if self.trees:
            moves = self._stacked(answer.network, task, base, moves)
        middle = task.places.mean(axis=0)
        km = np.linalg.norm(self.cities - middle, axis=1) * EARTH_RADIUS_KM
        return base, moves * (1.0 if (km < FAMILIAR_KM).any() else STRANGE)

    def _stacked(self, network: Network, task: Task, base: Outlook, moves: Array) -> Array:
        """Half the graph's word and half the trees' on where the middle lies; how wide it is, the graph says."""
        trees = station_shifts(self.trees, network, task.variable, task.rows, task.leads)
        width = width_of(base, task.own.climatology)
        theirs = np.divide(trees, width, out=np.zeros_like(trees), where=width > 0)
        out = moves.copy()
        out[..., :2] += TREES * (theirs - moves[..., 0])[..., None]
        return out


def _fade(task: Task) -> Array:
    """(L,) full to the last trained lead, then fading."""
    return np.asarray(np.clip((FADED_H - np.array(task.leads)) / (FADED_H - TRAINED_H), 0, 1))


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
    cities = np.array(list(dict(card.get("places", {})).values()), float).reshape(-1, 2)
    runner = _Runner(open_session(files[GRAPH], threads), calibration, trees, unit_vectors(cities[:, 0], cities[:, 1]))
    told = partial(_stations, runner), partial(_points, runner)
    return Model(str(card["name"]), str(card["title"]), *told, learns_leads=True, reads_all=True)


def _stations(runner: _Runner, task: Task) -> Prediction:
    return runner.predict(task, None)


def _points(runner: _Runner, task: Task, places: Array) -> Prediction:
    return runner.predict(task, places)
