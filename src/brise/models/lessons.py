"""Lessons: scenes with the truth beside them, a part of the stations hidden as unmonitored places.

A network is split into folds of stations. In a lesson one fold is hidden: nothing is fitted on it or built from it, and
the model must tell it from the others; the others are asked about as well, from their own past.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.observations import StationHours
from brise.formulas.interpolation import Array
from brise.models.blend import at_rows
from brise.models.climatology import HISTORY_HOURS
from brise.models.features import TARGETS, Network
from brise.models.network import Fitted, fit
from brise.models.samples import Scene, Single, channels, scene

LEADS: tuple[int, ...] = (0, 1, 2, 3, 4, 6, 9, 12, 18, 24, 30, 36, 48)
_CHUNK = 256
READ_HOURS = 800
"""What the base and the features read back."""

Half = NDArray[np.float16]


@dataclass(frozen=True)
class Lesson:
    """Forecasts of one network with one fold hidden; M = N x of a `Scene`, P = stations, then hidden places.

    Attributes:
        name: Of the network.
        series: (T, S, 20) channels of the stations' hours.
        rows: (N,) rows of `series`.
        state: (N, S, F).
        station_near: (S, K).
        station_edges: (N, S, K, 6).
        own: (P,).
        near: (P, K).
        edges: (N, P, K, 6).
        ahead: (N, L, P, C, 7).
        when: (N, L, 8).
        base: (7, N, L, P, C) root, standard error, low, middle, high (root scale); value, width (concentration).
        truth: (N, L, P, C) concentration, NaN = unknown or not asked.
        level: (C,) and `offset` (C,) of the square-root scale.
        error: (2, L, C) the base's usual error in concentration, at hidden places and at stations.
    """

    name: str
    series: Half
    rows: NDArray[np.intp]
    state: Half
    station_near: NDArray[np.int64]
    station_edges: Half
    own: NDArray[np.int64]
    near: NDArray[np.int64]
    edges: Half
    ahead: Half
    when: Half
    base: NDArray[np.float32]
    truth: NDArray[np.float32]
    level: NDArray[np.float32]
    offset: NDArray[np.float32]
    error: NDArray[np.float32]


def folds(hours: StationHours, count: int) -> NDArray[np.intp]:
    """(S,) the fold of each station: neighbours in different ones, so that each fold covers the network."""
    order = np.lexsort((hours.longitude, np.round(hours.latitude, 1)))
    out = np.empty(len(order), np.intp)
    out[order] = np.arange(len(order)) % count
    return out


def learnt_without(hours: StationHours, block: slice, leads: tuple[int, ...]) -> dict[str, Fitted]:
    """What is learnt of a network with some rows left out: forecasts from there meet a base that never saw them.

    How anomalies spread in space takes few numbers, which rest on the last year; those are learnt from all rows.
    """
    later = tuple(lead for lead in leads if lead > 0)
    left = {name: matrix.copy() for name, matrix in hours.values.items()}
    for matrix in left.values():
        matrix[block] = np.nan
    whole, part = fit(hours, None, ()), fit(replace(hours, values=left), None, later)
    return {
        name: replace(
            one,
            mapping=whole[name].mapping,
            climatology=replace(
                one.climatology,
                share=whole[name].climatology.share,
                length_km=whole[name].climatology.length_km,
            ),
        )
        for name, one in part.items()
    }


def lesson(
    name: str,
    hours: StationHours,
    hidden: NDArray[np.bool_],
    rows: NDArray[np.intp],
    fitted: dict[str, Fitted],
    leads: tuple[int, ...] = LEADS,
) -> Lesson:
    """Build one.

    Args:
        name: Of the network.
        hours: Its whole record.
        hidden: (S,) stations to be told from the others.
        rows: (N,) rows of `hours` to forecast from.
        fitted: What was learnt from the others, at other times (`learnt_without`, or `fit` on earlier hours).
        leads: Hours ahead.
    """
    known, unknown = hours.stations(~hidden), hours.stations(hidden)
    places = Network(fitted, unknown).places
    parts = [_part(fitted, known, chunk, leads, places) for chunk in _chunks(rows)]
    near = {key: parts[0].pop(key) for key in ("station_near", "near", "own")}
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    base = np.moveaxis(joined.pop("base"), -1, 0)
    truth = np.concatenate([_truth(one, rows, leads) for one in (known, unknown)], axis=2)
    monitored = near["own"] >= 0
    for place, lead in enumerate(leads):
        if lead == 0:
            truth[:, place, monitored] = np.nan  # a station's own measurement is no question
    truth[~np.isfinite(base).all(axis=0)] = np.nan
    climatologies = [fitted[target].climatology if target in fitted else None for target in TARGETS]
    return Lesson(
        name=name,
        series=channels(Network(fitted, known)).astype(np.float16),
        rows=rows,
        base=np.nan_to_num(base),
        truth=truth,
        level=np.array([one.level if one else 1.0 for one in climatologies], np.float32),
        offset=np.array([one.offset if one else 1.0 for one in climatologies], np.float32),
        error=_usual_error(base[5], truth, monitored),
        **near,
        **joined,
    )


def lessons(
    name: str, hours: StationHours, until: np.datetime64, count: int, fold_count: int, rng: np.random.Generator
) -> list[Lesson]:
    """Lessons of a network's last four years, each with a stretch of time and a fold of stations its base never saw.

    Args:
        name: Of the network.
        hours: Its whole record; nothing later than `until` is read.
        until: End of what may be learnt.
        count: Forecasts in all.
        fold_count: Folds of stations, and stretches of time.
        rng: Chooses them.
    """
    past = hours.until(until)
    first, last = max(len(past.time) - HISTORY_HOURS, READ_HOURS), len(past.time) - max(LEADS)
    if last - first < count:
        raise InputError(f"{name}: {count} forecasts asked of the {max(last - first, 0)} hours before {until}")
    rows = np.sort(rng.choice(np.arange(first, last), count, replace=False))
    bounds = np.linspace(first, last, fold_count + 1).astype(int)
    block = np.clip(np.searchsorted(bounds, rows, "right") - 1, 0, fold_count - 1)
    turn, fold = rng.integers(0, 2, count), folds(past, fold_count)
    out = []
    for number in range(fold_count):
        left_out = slice(max(int(bounds[number]) - 24, 0), int(bounds[number + 1]) + 72)
        for other in (0, 1):
            hidden = fold == (number + other) % fold_count
            fitted = learnt_without(past.stations(~hidden), left_out, LEADS)
            out.append(lesson(name, past, hidden, rows[(block == number) & (turn == other)], fitted))
    return out


def validation(
    name: str, hours: StationHours, period: tuple[np.datetime64, np.datetime64], every: int, fold_count: int
) -> list[Lesson]:
    """Lessons of a later period, the base learnt before it: each fold hidden in turn, an init every so many hours."""
    start, until = period
    past, fold = hours.until(until), folds(hours, fold_count)
    rows = np.arange(int(np.searchsorted(past.time, start)), len(past.time) - max(LEADS), every)
    later = tuple(lead for lead in LEADS if lead > 0)
    out = []
    for number in range(fold_count):
        hidden = fold == number
        fitted = fit(past.stations(~hidden).until(start), None, later)
        out.append(lesson(name, past, hidden, rows[number::fold_count], fitted))
    return out


def _chunks(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    yield from np.array_split(rows, max(1, len(rows) // _CHUNK))


def _part(
    fitted: dict[str, Fitted], known: StationHours, rows: NDArray[np.intp], leads: tuple[int, ...], places: Array
) -> dict[str, Any]:
    """Inputs of some forecasts at the stations and at the hidden places."""
    first = max(int(rows[0]) - READ_HOURS, 0)
    span = slice(first, int(rows[-1]) + 1)
    cut = replace(known, time=known.time[span], values={name: rows_[span] for name, rows_ in known.values.items()})
    network = Network(fitted, cut)
    ours = scene(network, rows - first, leads)
    theirs = scene(network, rows - first, leads, places) if len(places) else None
    both = [one for one in (ours, theirs) if one is not None]

    def joined(key: str, axis: int) -> Any:
        return np.concatenate([getattr(one, key) for one in both], axis=axis)

    base = np.stack(
        [joined_sides(both, side) for side in ("root", "sigma", "low", "middle", "high")]
        + [joined("value", 2), joined("width", 2)],
        axis=-1,
    )
    return {
        "state": ours.state.astype(np.float16),
        "station_near": ours.near,
        "station_edges": ours.edges.astype(np.float16),
        "own": joined("own", 0),
        "near": joined("near", 0),
        "edges": joined("edges", 1).astype(np.float16),
        "ahead": joined("ahead", 2).astype(np.float16),
        "when": ours.when.astype(np.float16),
        "base": base.astype(np.float32),
    }


def joined_sides(scenes: list[Scene], side: str) -> Single:
    """(N, L, P, C) one field of the base's outlooks; NaN for a pollutant without."""
    parts = []
    for one in scenes:
        out = np.full(one.value.shape, np.nan, np.float32)
        for column, name in enumerate(TARGETS):
            if name in one.outlooks:
                outlook = one.outlooks[name]
                out[..., column] = np.sqrt(outlook.variance) if side == "sigma" else getattr(outlook, side)
        parts.append(out)
    return np.concatenate(parts, axis=2)


def _truth(hours: StationHours, rows: NDArray[np.intp], leads: tuple[int, ...]) -> Single:
    """(N, L, S, C) what was measured later."""
    out = np.full((len(rows), len(leads), len(hours.station_id), len(TARGETS)), np.nan, np.float32)
    for column, name in enumerate(TARGETS):
        if name in hours.values:
            out[..., column] = np.stack(
                [at_rows(hours.values[name].astype(float), rows + lead) for lead in leads], axis=1
            )
    return out


def _usual_error(value: Single, truth: Single, monitored: NDArray[np.bool_]) -> Single:
    """(2, L, C) root mean square of the base's error, at hidden places and at stations; 1 where none is known."""
    out = np.ones((2, truth.shape[1], truth.shape[3]), np.float32)
    for side in (0, 1):
        error = (value - truth)[:, :, monitored == bool(side)]
        known = np.isfinite(error)
        count = known.sum(axis=(0, 2))
        total = np.where(known, error, 0.0) ** 2
        out[side] = np.where(count > 0, np.sqrt(total.sum(axis=(0, 2)) / np.maximum(count, 1)), 1.0)
    return np.maximum(out, 1e-3)
