"""Boosted trees in service: shifts of the base at monitored stations, and calibrated quantiles.

At unmonitored places, at lead 0 and where the base or the trees know nothing, the base speaks.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.interpolation import Array
from brise.models.boosting import GROUPS, Design, group_weights, station_design, unit
from brise.models.calibration import Calibration, read_calibration
from brise.models.features import Network
from brise.models.network import Prediction, Task, point_outlook, station_outlook
from brise.models.registry import Model
from brise.models.sessions import Files, Session, open_session, read_json
from brise.models.shifts import shifted, width_of

FAMILY = "boosting"
_CELLS = 400_000  # stations x leads at a time: 0.3 GB

Sessions = Mapping[str, Session]
"""File name -> graph; see `file_name`."""


def file_name(name: str, group: tuple[int, ...]) -> str:
    """Of the trees of a pollutant and a group of leads."""
    return f"{name}_{group[0]}h.onnx"


def open_sessions(files: Files, threads: int) -> dict[str, Session]:
    """The graphs of an artifact's files."""
    return {name: open_session(payload, threads) for name, payload in files.items() if name.endswith(".onnx")}


def station_shifts(
    sessions: Sessions, network: Network, name: str, rows: NDArray[np.intp], leads: tuple[int, ...]
) -> Array:
    """Shift of the expectation at the network's stations.

    Args:
        sessions: From `open_sessions`.
        network: The network and its base.
        name: Pollutant.
        rows: (N,) rows of its hours to forecast from.
        leads: (L,) hours ahead, within those the base was fitted for.

    Returns:
        (N, L, S) in the unit of the concentrations; 0 at lead 0, where the base is unknown, and without trees.
    """
    out = np.zeros((len(rows), len(leads), len(network.places)))
    later = [place for place, lead in enumerate(leads) if lead > 0]
    if not later or not any(file_name(name, group) in sessions for group in GROUPS):
        return out
    ahead = tuple(leads[place] for place in later)
    step = max(1, _CELLS // (out.shape[2] * len(ahead)))
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        design = station_design(network, name, rows[some], ahead)
        out[some, later] = _told(sessions, design, name, ahead).transpose(1, 0, 2) * unit(network, name)
    return out


def _told(sessions: Sessions, design: Design, name: str, leads: tuple[int, ...]) -> Array:
    """(L, N, S) in the network's unit."""
    out, known = np.zeros(design.base.shape), np.isfinite(design.base)
    for group, weights in zip(GROUPS, group_weights(leads), strict=True):
        trees = sessions.get(file_name(name, group))
        if trees is None:
            continue
        lead, n, s = np.nonzero(known & (weights > 0)[:, None, None])
        if len(lead):
            out[lead, n, s] += weights[lead] * trees.run({"features": design.rows(lead, n, s)})[0][:, 0]
    return out


def open_files(files: Files, threads: int) -> Model:
    """The model of an artifact.

    Raises:
        InputError: A file is missing or damaged.
    """
    card, sessions = read_json(files, "card.json"), open_sessions(files, threads)
    missing = [n for name in card["pollutants"] for g in GROUPS if (n := file_name(name, g)) not in sessions]
    if missing:
        raise InputError(f"model artifact {card['name']!r}: no {missing[0]}")
    told = partial(trees_at_stations, sessions, read_calibration(read_json(files, "calibration.json")))
    return Model(str(card["name"]), str(card["title"]), told, _points, learns_leads=True, reads_all=True)


def trees_at_stations(sessions: Sessions, calibration: Calibration, task: Task) -> Prediction:
    """The base moved, its quantiles spread by the calibration."""
    network = Network(task.fitted, task.hours, task.error_variance, task.background)
    base = station_outlook(task)
    shifts = station_shifts(sessions, network, task.variable, task.rows, task.leads)
    width = width_of(base, task.own.climatology)
    moved = np.divide(shifts, width, out=np.zeros_like(shifts), where=width > 0)
    factors = calibration.at(task.variable, task.leads, None)
    factors[:, [lead == 0 for lead in task.leads]] = 1.0
    return shifted(base, np.stack([moved, moved, 0 * moved, 0 * moved], axis=-1), factors, task)


def _points(task: Task, places: Array) -> Prediction:
    return point_outlook(task, places).prediction(task.own.climatology)
