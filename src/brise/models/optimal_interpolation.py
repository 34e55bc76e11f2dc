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
NEIGHBOURS = 36
DAMPING_H = 12.0
"""e-folding time of an anomaly, before anything is learnt of it."""

_SAMPLES = 500
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
        low: 10 % quantile of left-out errors (truth minus map), in standard errors.
        middle: Their median.
        high: Their 90 % quantile.
    """

    local: float
    length_km: float
    regional: float
    nugget: float
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


def fit_mapping(hours: StationHours, variable: str, climatology: Climatology) -> tuple[Climatology, Mapping]:
    """Choose how deviations and anomalies spread by predicting each station from the others over the history.

    Args:
        hours: History; some 500 hours of the last four years are read, at up to 48 stations.
        variable: One of `hours.values`.
        climatology: Fitted on the same history.

    Returns:
        The climatology with its deviations' share and length chosen, and the mapping.
    """
    few = hours.stations(_compact(hours, variable))
    values = few.values[variable]
    recent = np.arange(max(0, len(values) - HISTORY_HOURS), len(values))
    rows = recent[np.isfinite(values[recent]).sum(axis=1) >= 3]
    rows = rows[:: max(1, len(rows) // _SAMPLES) | 1]  # an odd step meets every hour of the day
    time, deviation = few.time[rows], climatology.deviation_of(few)
    root = climatology.to_root(values[rows])
    rest = root - climatology.expected(time, deviation)
    known = np.isfinite(rest)
    if known.sum() < _MINIMUM or known.shape[1] < 4:
        spread = float(np.nanvar(rest)) if known.any() else 0.1
        return climatology, Mapping(0.35 * spread, 20.0, 0.5 * spread, 0.15 * spread)
    average = np.nanmean(rest, axis=1)
    local = float(np.nanmean(np.square(rest - average[:, None]))) + 1e-9
    regional = float(np.var(average)) / local
    places = unit_vectors(few.latitude, few.longitude)
    gap = np.linalg.norm(places[:, None] - places, axis=-1) * EARTH_RADIUS_KM
    truth = values[rows].astype(float)
    unshared = [
        _unshared(deviation, gap, *choice)[:, solar_hour(time, climatology.longitude)].T for choice in DEVIATIONS
    ]

    best: tuple[float, float, float, int, Array] = (np.inf, 0.0, 0.0, 0, rest)
    for length in LENGTHS_KM:
        for nugget in NUGGETS:
            matrix = (1 - nugget) * np.exp(-gap / length) + regional * np.exp(-gap / REGIONAL_KM)
            np.fill_diagonal(matrix, 1 + regional)
            error, sigma = left_out(matrix, rest)
            for choice, extra in enumerate(unshared):
                total = error + extra
                guess = climatology.from_root(root - total, float(np.nanmean(total**2)))
                score = float(np.nanmean(np.square(truth - guess)))
                if score < best[0]:
                    best = (score, length, nugget, choice, total / sigma)
    _, length, nugget, choice, ratio = best
    scale = float(np.nanmean(ratio**2))
    low, middle, high = np.nanquantile(ratio / np.sqrt(scale), (0.1, 0.5, 0.9))
    share, shared_km = DEVIATIONS[choice]
    mapping = Mapping(
        scale * (1 - nugget), length, scale * regional, scale * nugget, float(low), float(middle), float(high)
    )
    return replace(climatology, share=share, length_km=shared_km), mapping


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

    An old value has an error of its own: local variance x (1 - exp(-2 age / 12 h)).

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
        aged = error[present] + mapping.local * (1 - np.exp(-2 * pattern[present] / DAMPING_H))
        weights = neighbourhood(stations[present], places, mapping.covariance, aged, NEIGHBOURS)
        yield np.flatnonzero(which.ravel() == number), present, weights
