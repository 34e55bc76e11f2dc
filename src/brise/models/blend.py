"""Forecast at stations: a ridge regression of each lead's anomaly on what is known now, with conformal quantiles.

All stations are pooled, so a station needs no long record and no identity: its anomalies (last, means of 3 h to 30 d,
same hour of previous days), its network's, and other pollutants'. The regression is drawn towards damped persistence,
exp(-lead / 12 h), which is what a network of a few days gets. Quantiles are those of errors on blocks of time that the
coefficients did not see, by lead and forecast level.
"""

from collections.abc import Mapping as Dict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from brise.formulas.interpolation import Array, nearest
from brise.models.climatology import HISTORY_HOURS
from brise.models.optimal_interpolation import DAMPING_H

MEMORY_HOURS = 24
"""A station without a value for longer than this has no present of its own."""

LEADS: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 21, 24, 30, 36, 42, 48, 60, 72, 84, 96)
"""Leads fitted for the product; between them, anomalies and quantiles are interpolated."""

_WINDOWS = (3, 6, 24, 72, 168, 720)
PENALTIES = (30.0, 300.0, 3000.0)
"""Ridge penalties, in rows of data; blocks of time left out choose among them."""
_ROWS = 30_000
_BLOCKS = 5
_BINS = 6
_PER_BIN = 100
_AROUND = 24
_OTHER_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Blend:
    """A fitted blend.

    Attributes:
        leads: (L,) hours, increasing.
        others: Pollutants whose anomalies are predictors.
        coefficients: (L, F) of `present` and `same_hour`, on the square-root scale.
        level: (L, J) forecast anomalies at which the quantiles are given.
        quantiles: (L, J, 3) 10, 50 and 90 % of the error (truth minus forecast).
        variance: (L, J) of the error.
    """

    leads: NDArray[np.int64]
    others: tuple[str, ...]
    coefficients: Array
    level: Array
    quantiles: Array
    variance: Array


def window_means(anomalies: Array, rows: NDArray[np.intp], window: int) -> tuple[Array, NDArray[np.intp]]:
    """Mean over the `window` hours that end at each row, and how many were known, (N, S) each."""
    known = np.isfinite(anomalies)
    total = np.cumsum(np.vstack([np.zeros((1, known.shape[1])), np.where(known, anomalies, 0.0)]), axis=0)
    count = np.cumsum(np.vstack([np.zeros((1, known.shape[1]), int), known]), axis=0)
    start = np.maximum(rows + 1 - window, 0)
    size = count[rows + 1] - count[start]
    return np.where(size > 0, (total[rows + 1] - total[start]) / np.maximum(size, 1), np.nan), size


def at_rows(anomalies: Array, rows: NDArray[np.intp]) -> Array:
    """Rows of (T, S); NaN before the first and after the last."""
    inside = (rows >= 0) & (rows < len(anomalies))
    return np.where(inside[:, None], anomalies[np.clip(rows, 0, len(anomalies) - 1)], np.nan)


def newest(anomalies: Array, rows: NDArray[np.intp]) -> Array:
    """(N, S) the newest value of the last 24 h."""
    out = at_rows(anomalies, rows)
    for back in range(1, MEMORY_HOURS):
        if not np.isnan(out).any():
            break
        out = np.where(np.isnan(out), at_rows(anomalies, rows - back), out)
    return out


def ages(anomalies: Array, rows: NDArray[np.intp], limit: int) -> NDArray[np.intp]:
    """(N, S) hours since the newest value, -1 where there is none at most `limit` hours old."""
    out = np.full((len(rows), anomalies.shape[1]), -1)
    for back in range(limit, -1, -1):
        out[np.isfinite(at_rows(anomalies, rows - back))] = back
    return out


def _or(first: Array, *others: Array) -> Array:
    """The first that is known, else 0: no anomaly."""
    for other in others:
        first = np.where(np.isnan(first), other, first)
    return np.where(np.isnan(first), 0.0, first)


def surroundings(places: Array) -> csr_array:
    """(S, S) membership: each station's 24 nearest, itself among them; in a city, the whole network."""
    near, _ = nearest(places, places, min(_AROUND, len(places)))
    rows = np.repeat(np.arange(len(places)), near.shape[1])
    return csr_array((np.ones(near.size), (rows, near.ravel())), shape=(len(places), len(places)))


def around_mean(values: Array, around: csr_array) -> Array:
    """(N, S) mean over the stations around each, NaN where none is known."""
    known = np.isfinite(values)
    count = (around @ known.T.astype(float)).T
    return np.where(count > 0, (around @ np.where(known, values, 0.0).T).T / np.maximum(count, 1), np.nan)


def _present(
    anomalies: Dict[str, Array], variable: str, others: tuple[str, ...], rows: NDArray[np.intp], around: csr_array
) -> tuple[list[Array], NDArray[np.bool_]]:
    """Predictors that no lead changes, (N, S) each, the last value first; and where a present is known at all."""
    own = anomalies[variable]
    latest = newest(own, rows)
    means = [window_means(own, rows, window)[0] for window in _WINDOWS]
    network = [_or(around_mean(field, around)) for field in (latest, means[2], means[3])]
    day = _or(means[2], network[1])
    last = _or(latest, day)
    three, six, month = _or(means[0], last), _or(means[1], last), _or(means[5], means[4], network[2])
    now = _or(at_rows(own, rows), last)
    change = [now - _or(at_rows(own, rows - back), last) for back in (1, 3)]
    out = [last, three, six, day, _or(means[3], day), _or(means[4], network[2]), month, *network, *change]
    for name in others:
        other = newest(anomalies[name], rows)
        other = _or(other, around_mean(other, around))
        out += [other, _or(window_means(anomalies[name], rows, MEMORY_HOURS)[0], other)]
    return out, np.isfinite(around_mean(latest, around))


def _design(present: list[Array], solar: Array) -> Array:
    """(N, S, F) a constant, the predictors, and how the main ones act at each hour of the day."""
    shape = present[0].shape
    angle = 2 * np.pi * solar[:, None] / 24
    waves = [np.broadcast_to(wave(k * angle), shape) for k in (1, 2) for wave in (np.sin, np.cos)]
    main = (present[0], present[2], present[3], present[7])  # last, 6 h, 24 h, the network's last
    return np.stack([np.ones(shape), *present, *waves, *(wave * part for wave in waves for part in main)], axis=-1)


def _same_hour(own: Array, rows: NDArray[np.intp], lead: int, present: list[Array], around: csr_array) -> Array:
    """(N, S, 3) anomaly at the target's hour: the newest day, seven days' mean, the network's newest day."""
    first = -(-lead // 24)
    days = np.stack([at_rows(own, rows + lead - 24 * (first + back)) for back in range(7)])
    known = np.isfinite(days)
    count = known.sum(axis=0)
    week = np.where(count > 0, np.where(known, days, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return np.stack([_or(days[0], present[3]), _or(week, present[5]), _or(around_mean(days[0], around))], axis=-1)


def fit_blend(
    anomalies: Dict[str, Array],
    expected: Array,
    variable: str,
    solar: Array,
    places: Array,
    leads: tuple[int, ...] = LEADS,
) -> Blend:
    """Fit one pollutant's blend.

    Args:
        anomalies: Pollutant -> (T, S), of the whole history; the last four years are read.
        expected: (T, S) what is usual for `variable`.
        variable: Whose blend.
        solar: (T,) solar hours (`climatology.solar_hours`).
        places: (S, 3) unit vectors.
        leads: Hours to fit.
    """
    own = anomalies[variable]
    others = tuple(
        name
        for name, field in anomalies.items()
        if name != variable and np.isfinite(field).sum() > _OTHER_SHARE * np.isfinite(own).sum()
    )
    rows = np.arange(max(0, len(own) - HISTORY_HOURS), len(own))
    rows = rows[:: int(np.isfinite(own[rows]).sum() / _ROWS) | 1]
    around = surroundings(places)
    present, _ = _present(anomalies, variable, others, rows, around)
    fixed = _design(present, solar[rows])
    has_present = np.isfinite(newest(own, rows))
    results = []
    for lead in leads:
        target = at_rows(own, rows + lead)
        use = has_present & np.isfinite(target)
        design = np.concatenate([fixed[use], _same_hour(own, rows, lead, present, around)[use]], axis=1)
        usual = at_rows(expected, rows + lead)[use]
        results.append(_fit_lead(design, target[use], usual, lead, float(np.nanvar(own)) if has_present.any() else 1.0))
    coefficients, level, quantiles, variance = (np.stack(part) for part in zip(*results, strict=True))
    return Blend(np.array(leads), others, coefficients, level, quantiles, variance)


def _fit_lead(
    design: Array, target: Array, usual: Array, lead: int, spread: float
) -> tuple[Array, Array, Array, Array]:
    """Coefficients (F,), and level (J,), quantiles (J, 3) and variance (J,) of the error on unseen blocks."""
    features = design.shape[1]
    prior = np.zeros(features)
    prior[1] = np.exp(-lead / DAMPING_H)
    scale = np.sqrt(np.mean(design**2, axis=0)) + 1e-6 if len(design) else np.ones(features)
    scaled, rest = design / scale, target - design @ prior
    blocks = np.array_split(np.arange(len(design)), _BLOCKS)
    grams = np.stack([scaled[block].T @ scaled[block] for block in blocks])
    sides = np.stack([scaled[block].T @ rest[block] for block in blocks])
    best = (np.inf, 0.0, np.zeros(len(design)))
    for penalty in PENALTIES:
        ridge = penalty * np.eye(features)
        unseen = np.linalg.solve(grams.sum(axis=0) - grams + ridge, (sides.sum(axis=0) - sides)[..., None])[..., 0]
        error = np.concatenate([rest[block] - scaled[block] @ unseen[n] for n, block in enumerate(blocks)])
        score = float(error @ error)
        if score < best[0]:
            best = (score, penalty, error)
    _, penalty, error = best
    solved = np.linalg.solve(grams.sum(axis=0) + penalty * np.eye(features), sides.sum(axis=0))
    coefficients = prior + solved / scale
    level, quantiles, variance = _error_by_level(usual + target - error, error, spread, lead)
    return coefficients, level, quantiles, variance


def _error_by_level(forecast: Array, error: Array, spread: float, lead: int) -> tuple[Array, Array, Array]:
    """Level (J,), quantiles (J, 3) and variance (J,) of the error; a normal guess counts as `_PER_BIN` errors."""
    guess = np.sqrt(spread * (1 - np.exp(-2 * lead / DAMPING_H)))
    normal = guess * np.array([-1.2816, 0.0, 1.2816])
    level, quantiles, variance = np.arange(_BINS, dtype=float), np.tile(normal, (_BINS, 1)), np.full(_BINS, guess**2)
    bins = int(np.clip(len(error) // (5 * _PER_BIN), 1, _BINS))
    if not len(error):
        return level, quantiles, variance
    groups = np.array_split(np.argsort(forecast, kind="stable"), bins)
    for place in range(_BINS):
        group = groups[min(place, bins - 1)]
        trust = len(group) / (len(group) + _PER_BIN)
        level[place] = forecast[group].mean() + 1e-9 * place
        quantiles[place] = trust * np.quantile(error[group], (0.1, 0.5, 0.9)) + (1 - trust) * normal
        variance[place] = trust * float(np.mean(error[group] ** 2)) + (1 - trust) * guess**2
    return level, quantiles, variance


def predict_blend(
    blend: Blend,
    anomalies: Dict[str, Array],
    variable: str,
    rows: NDArray[np.intp],
    solar: Array,
    around: csr_array,
) -> Array:
    """Forecast anomalies at every fitted lead.

    Args:
        blend: Fitted.
        anomalies: Pollutant -> (T, S); a pollutant the fit read and that is missing here counts as usual.
        variable: Whose blend.
        rows: (N,) the newest row each forecast may read; later rows are never touched.
        solar: (T,) solar hours.
        around: From `surroundings`.

    Returns:
        (N, L, S); NaN where no station around had a value in the last 24 h.
    """
    own = anomalies[variable]
    blank = np.full(own.shape, np.nan)
    fields = {name: anomalies.get(name, blank) for name in (variable, *blend.others)}
    present, known = _present(fields, variable, blend.others, rows, around)
    fixed = _design(present, solar[rows])
    out = np.empty((len(rows), len(blend.leads), own.shape[1]))
    for number, lead in enumerate(blend.leads.tolist()):
        late = _same_hour(own, rows, lead, present, around)
        split = fixed.shape[-1]
        out[:, number] = fixed @ blend.coefficients[number, :split] + late @ blend.coefficients[number, split:]
    return np.where(known[:, None], out, np.nan)


def errors(blend: Blend, place: int, level: Array) -> Array:
    """(4, ...) variance, and 10, 50 and 90 % quantile of the error, of the lead at `place`, by forecast level (...)."""
    tables = (blend.variance[place], *blend.quantiles[place].T)
    return np.stack([np.interp(level, blend.level[place], table) for table in tables])
