"""Maps from stations: optimal interpolation of anomalies about the climatology, its parameters learnt by leaving out.

Leaving one station out needs no loop: with A the covariance of the stations present and y their anomalies, the error
(truth minus prediction from the others) at station i is [A^-1 y]_i / [A^-1]_ii, its variance 1 / [A^-1]_ii (Dubrule
1983).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brise.conventions.grids import EARTH_RADIUS_KM, unit_vectors
from brise.conventions.observations import StationHours
from brise.formulas.interpolation import Array, Covariance, Weights, nearest, neighbourhood
from brise.models.climatology import HISTORY_HOURS, Climatology, solar_hour

LENGTHS_KM = (7.0, 20.0, 60.0)
NUGGETS = (0.03, 0.1, 0.25, 0.5)
DEVIATIONS = ((0.2, 5.0), (0.5, 15.0), (0.8, 15.0), (0.8, 40.0), (0.95, 40.0))
"""Choices of the share and length (km) of what neighbours share of the stations' deviations."""

REGIONAL_KM = 1000.0
REGIONAL = 30.0
"""Variance of what a region shares, in local variances: so much that the stations, not the climatology, set the level
(ordinary kriging in the limit)."""

NEIGHBOURS = 40
DAMPING_H = 12.0
"""e-folding time of an anomaly, before anything is learnt of it."""

_SAMPLES = 16_000  # station-hours
_RECENT_HOURS = 366 * 24
_STATIONS = 48
_MINIMUM = 300  # left-out errors below which nothing is chosen and the defaults stay


@dataclass(frozen=True, slots=True)
class Mapping:
    """How anomalies of one pollutant spread in space, on the square-root scale.

    Attributes:
        local: Variance of the local part.
        length_km: e-folding distance of the local part.
        regional: Variance of what a whole region shares (1,000 km).
        nugget: Variance that no neighbour knows.
        spread: Variance of the anomalies at a station.
        low: 10 % quantile of left-out errors (truth minus map), in standard errors.
        middle: Their median.
        high: Their 90 % quantile.
    """

    local: float
    length_km: float
    regional: float
    nugget: float
    spread: float
    low: float = -1.2816
    middle: float = 0.0
    high: float = 1.2816

    @property
    def covariance(self) -> Covariance:
        """For `neighbourhood`."""
        return Covariance((self.local, self.regional), (self.length_km, REGIONAL_KM), self.nugget)

    @property
    def reach_km(self) -> float:
        """How far a station informs: 1.5 local lengths, between 30 and 150 km."""
        return float(np.clip(1.5 * self.length_km, 30.0, 150.0))


@dataclass(frozen=True, slots=True)
class _Sample:
    """Some hours of a network: (N,) hour of the solar day, and (N, S) truth, root scale, and anomalies."""

    hour: NDArray[np.intp]
    truth: Array
    root: Array
    rest: Array


def fit_mapping(hours: StationHours, variable: str, climatology: Climatology) -> tuple[Climatology, Mapping]:
    """Choose how deviations and anomalies spread by predicting each station from the others over the history.

    What is chosen rests on the last year, since networks change; how wrong it then is, on the last four.

    Args:
        hours: History; some 16,000 station-hours are read, at up to 48 stations.
        variable: One of `hours.values`.
        climatology: Fitted on the same history.

    Returns:
        The climatology with its deviations' share and length chosen, and the mapping.
    """
    few = hours.stations(_compact(hours, variable))
    deviation = climatology.deviation_of(few)
    recent, all_ = (_sample(few, variable, climatology, deviation, span) for span in (_RECENT_HOURS, HISTORY_HOURS))
    spread = float(np.nanvar(all_.rest)) + 1e-9 if len(all_.rest) else 0.1
    if np.isfinite(recent.rest).sum() < _MINIMUM or recent.rest.shape[1] < 4:
        local = 0.5 * spread
        return climatology, Mapping(0.7 * local, 20.0, REGIONAL * local, 0.3 * local, spread)
    places = unit_vectors(few.latitude, few.longitude)
    gap = np.linalg.norm(places[:, None] - places, axis=-1) * EARTH_RADIUS_KM
    extras = [_unshared(deviation, gap, *choice) for choice in DEVIATIONS]
    length, nugget, choice = _choose(recent, gap, extras, climatology)
    error, sigma = left_out(_matrix(gap, length, nugget), all_.rest)
    ratio = (error + extras[choice][:, all_.hour].T) / sigma
    scale = float(np.nanmean(ratio**2))
    quantiles = (float(part) for part in np.nanquantile(ratio / np.sqrt(scale), (0.1, 0.5, 0.9)))
    share, shared_km = DEVIATIONS[choice]
    mapping = Mapping(scale * (1 - nugget), length, scale * REGIONAL, scale * nugget, spread, *quantiles)
    return replace(climatology, share=share, length_km=shared_km), mapping


def _sample(few: StationHours, variable: str, climatology: Climatology, deviation: Array, span: int) -> _Sample:
    """Some of the last `span` hours, of those with three stations or more."""
    values = few.values[variable]
    rows = np.arange(max(0, len(values) - span), len(values))
    rows = rows[np.isfinite(values[rows]).sum(axis=1) >= 3]
    rows = rows[:: len(rows) * values.shape[1] // _SAMPLES | 1]  # an odd step meets every hour of the day
    time, root = few.time[rows], climatology.to_root(values[rows])
    rest = root - climatology.expected(time, deviation)
    return _Sample(solar_hour(time, climatology.longitude), values[rows].astype(float), root, rest)


def _matrix(gap: Array, length: float, nugget: float) -> Array:
    matrix = (1 - nugget) * np.exp(-gap / length) + REGIONAL * np.exp(-gap / REGIONAL_KM)
    np.fill_diagonal(matrix, 1 + REGIONAL)
    return np.asarray(matrix)


def _choose(sample: _Sample, gap: Array, extras: list[Array], climatology: Climatology) -> tuple[float, float, int]:
    """Length, nugget's share and position in DEVIATIONS with the least squared error in concentrations."""
    best = (np.inf, LENGTHS_KM[0], NUGGETS[0], 0)
    for length in LENGTHS_KM:
        for nugget in NUGGETS:
            error, _ = left_out(_matrix(gap, length, nugget), sample.rest)
            for choice, extra in enumerate(extras):
                total = error + extra[:, sample.hour].T
                guess = climatology.from_root(sample.root - total, float(np.nanmean(total**2)))
                score = float(np.nanmean(np.square(sample.truth - guess)))
                best = min(best, (score, length, nugget, choice))
    return best[1:]


def left_out(matrix: Array, values: Array) -> tuple[Array, Array]:
    """Errors of predicting each station from the others, and their standard deviations, (N, S) each.

    Args:
        matrix: (S, S) covariance, nugget on its diagonal.
        values: (N, S) anomalies; NaN stations take no part in their row.
    """
    known = np.isfinite(values)
    both = known[:, :, None] & known[:, None, :]
    inverse = np.linalg.inv(np.where(both, matrix, np.eye(len(matrix))))
    own = np.diagonal(inverse, axis1=1, axis2=2)
    error = np.einsum("nij,nj->ni", inverse, np.where(known, values, 0.0)) / own
    return np.where(known, error, np.nan), 1 / np.sqrt(own)


def _unshared(deviation: Array, gap: Array, share: float, length: float) -> Array:
    """(S, 24) each station's deviation minus what the others say of it."""
    matrix = share * np.exp(-gap / length)
    np.fill_diagonal(matrix, 1.0)
    return left_out(matrix, deviation.T)[0].T


def _compact(hours: StationHours, variable: str) -> NDArray[np.bool_]:
    """(S,) at most 48 stations with data: four with the most, and the nearest of each."""
    count = np.isfinite(hours.values[variable][-HISTORY_HOURS:]).sum(axis=0)
    keep = count > 0
    if keep.sum() > _STATIONS:
        places = unit_vectors(hours.latitude, hours.longitude)
        with_data = np.flatnonzero(keep)
        seeds = with_data[np.argsort(-count[with_data], kind="stable")[:4]]
        near, _ = nearest(places[with_data], places[seeds], _STATIONS // 4)
        keep = np.isin(np.arange(len(count)), with_data[near])
    return np.asarray(keep)


def spread(
    mapping: Mapping, stations: Array, places: Array, age: NDArray[np.intp], error_variance: Array | float = 0.0
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], Weights]]:
    """Weights for every set of stations that report together.

    An old value has an error of its own: (local variance + nugget) x (1 - exp(-2 age / 12 h)).

    Args:
        mapping: Fitted.
        stations: (S, 3) unit vectors.
        places: (P, 3) unit vectors.
        age: (N, S) hours since each station's value; -1 = it has none.
        error_variance: (S,) of the measurements.

    Yields:
        Rows (n,) with the same stations, those stations' positions, and the weights from them to the places.
    """
    patterns, which = np.unique(age, axis=0, return_inverse=True)
    error = np.broadcast_to(np.asarray(error_variance, float), len(stations))
    for number, pattern in enumerate(patterns):
        present = np.flatnonzero(pattern >= 0)
        aged = error[present] + (mapping.local + mapping.nugget) * (1 - np.exp(-2 * pattern[present] / DAMPING_H))
        weights = neighbourhood(stations[present], places, mapping.covariance, aged, NEIGHBOURS)
        yield np.flatnonzero(which.ravel() == number), present, weights
