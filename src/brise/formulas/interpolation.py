"""Values between stations: nearest, inverse distance, and optimal interpolation (simple kriging) with its error.

Everything is local: only the K stations around a place enter, so cost grows with the number of places, not with places
times stations. Places are unit vectors (..., 3) (`conventions.grids.unit_vectors`): no date line, no poles. Distances
are chords in km, which differ from great circles by less than 0.03 % below 500 km and keep every covariance here
positive definite on the sphere.

Optimal interpolation (Gandin 1963; Cressie 1993, ch. 3): anomalies y at K stations have covariance
A = C(d_ij) + diag(nugget + error variance); at a place with covariances c to the stations the weights are A^-1 c and
the error variance is sill - c' A^-1 c.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from brise.conventions.errors import InputError
from brise.conventions.grids import EARTH_RADIUS_KM

Array: TypeAlias = NDArray[np.float64]

BLOCK_RADIUS = 0.4
"""Largest radius of a block, as a share of the distance from its centre to the K-th station: every place of the block
then has all stations within 0.6 of that distance, and the choice of stations changes little across a border."""

_BLOCK_POINTS = 8192
_BATCH = 256
_SINGLE = 0.01  # of the sill: with this much nugget and error, weights hold to 1e-5 in single precision
_JITTER = 1e-8  # of the sill: keeps co-located, error-free stations solvable


@dataclass(frozen=True, slots=True)
class Covariance:
    """Sum of exponentials plus a nugget: variance_1 exp(-d / length_1) + ... for d > 0, the sill at d = 0.

    Attributes:
        variances: (M,) of each part, squared unit of the values.
        lengths_km: (M,) e-folding distance of each part.
        nugget: Variance that no neighbour knows (below the scale of the network, and instrument noise).
    """

    variances: tuple[float, ...]
    lengths_km: tuple[float, ...]
    nugget: float

    def __post_init__(self) -> None:
        """Refuse what is no covariance.

        Raises:
            InputError: Sizes differ, a variance or the nugget is negative, a length is not positive.
        """
        if len(self.variances) != len(self.lengths_km):
            raise InputError(f"covariance: {len(self.variances)} variances for {len(self.lengths_km)} lengths")
        if min((*self.variances, self.nugget)) < 0 or min(self.lengths_km, default=1.0) <= 0:
            raise InputError(f"covariance: negative variance or length not positive: {self}")

    @property
    def sill(self) -> float:
        """Variance of the anomaly at a place, nugget included."""
        return sum(self.variances) + self.nugget

    def between(self, distance_km: ArrayLike) -> Array:
        """Covariance of two different places.

        >>> round(float(Covariance((4.0,), (10.0,), 1.0).between(10.0)), 4)
        1.4715
        """
        distance = np.asarray(distance_km)
        out = np.zeros(distance.shape, distance.dtype if distance.dtype.kind == "f" else np.float64)
        for variance, length in zip(self.variances, self.lengths_km, strict=True):
            part = np.asarray(np.exp(distance * (-1.0 / length)))
            part *= variance
            out += part
        return out


@dataclass(frozen=True, slots=True)
class Weights:
    """One geometry's interpolation, for any number of right-hand sides.

    Attributes:
        blocks: For each block, positions of its places (n,), positions of its stations (K,), weights (n, K).
        variance: (P,) error variance; the sill where nothing is within reach.
        distance_km: (P,) to the nearest station that was used; inf without stations.
    """

    blocks: tuple[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]], ...]
    variance: Array
    distance_km: Array

    def apply(self, values: ArrayLike) -> Array:
        """Interpolate.

        Args:
            values: (..., S) anomalies at the stations; a NaN spreads to every place that uses the station.

        Returns:
            (..., P) anomalies; NaN at places beyond reach.
        """
        known = np.asarray(values, np.float64)
        out = np.full((*known.shape[:-1], len(self.variance)), np.nan)
        for places, stations, weights in self.blocks:
            out[..., places] = known[..., stations] @ weights.T.astype(np.float64)
        return out

    def shares(self) -> "Weights":
        """The same places and stations with absolute weights that sum to 1: for averaging spreads, not values."""
        blocks = []
        for places, stations, weights in self.blocks:
            size = np.abs(weights) + np.float32(1e-12)
            blocks.append((places, stations, size / size.sum(axis=1, keepdims=True)))
        return replace(self, blocks=tuple(blocks))


def neighbourhood(
    stations: Array,
    places: Array,
    covariance: Covariance,
    error_variance: ArrayLike = 0.0,
    neighbours: int = 40,
    reach_km: float = np.inf,
) -> Weights:
    """Optimal-interpolation weights of the stations around every place.

    Places are grouped into blocks small against their distance to the K-th station; a block shares its K stations and
    one Cholesky factor.

    Args:
        stations: (S, 3) unit vectors.
        places: (P, 3) unit vectors.
        covariance: Of the anomalies.
        error_variance: (S,) or scalar, of the measurements, on top of the nugget.
        neighbours: K.
        reach_km: Places farther than this from every station get NaN.

    Raises:
        InputError: `neighbours` is below 1, or an error variance is negative or not finite.
    """
    error = np.broadcast_to(np.asarray(error_variance, float), len(stations))
    if neighbours < 1 or not (np.isfinite(error) & (error >= 0)).all():
        raise InputError(f"neighbourhood: {neighbours} neighbours (at least 1), error variances finite and >= 0")
    variance = np.full(len(places), covariance.sill)
    distance = np.full(len(places), np.inf)
    blocks = []
    leaves = list(_blocks(stations, places, neighbours)) if len(stations) else []
    for (inside, around), inverse in zip(leaves, _inverses(stations, leaves, covariance, error), strict=True):
        weights, variance[inside], near = _solve(stations[around], places[inside], covariance, inverse)
        distance[inside] = near
        keep = near <= reach_km
        if not keep.all():
            variance[inside[~keep]] = covariance.sill
            inside, weights = inside[keep], weights[keep]
        blocks.append((inside, around, weights))
    return Weights(tuple(blocks), variance, distance)


def _inverses(
    stations: Array, leaves: list[tuple[NDArray[np.intp], NDArray[np.intp]]], covariance: Covariance, error: Array
) -> Iterator[NDArray[np.floating]]:
    """(K, K) inverse covariance of each block's stations, many at a time; single precision where that is enough."""
    for start in range(0, len(leaves), _BATCH):
        around = np.stack([which for _, which in leaves[start : start + _BATCH]])
        where = stations[around]
        where = (where - where.mean(axis=1, keepdims=True)) * EARTH_RADIUS_KM  # about its middle: metres stay exact
        square = where @ (-2.0 * where.transpose(0, 2, 1))
        own = np.einsum("bkd,bkd->bk", where, where)
        square += own[:, :, None]
        square += own[:, None, :]
        exact = covariance.nugget + error[around].min() < _SINGLE * covariance.sill
        distance = np.sqrt(np.maximum(square, 0.0, out=square), dtype=np.float64 if exact else np.float32)
        matrix = covariance.between(distance).astype(np.float64, copy=False)
        diagonal = np.arange(around.shape[1])
        matrix[:, diagonal, diagonal] = covariance.sill * (1 + _JITTER) + error[around] + 1e-300
        inverse = np.linalg.inv(matrix)
        yield from inverse if exact else inverse.astype(np.float32)


def _solve(
    stations: Array, places: Array, covariance: Covariance, inverse: NDArray[np.floating]
) -> tuple[NDArray[np.float32], Array, Array]:
    """Weights (n, K), error variance (n,) and distance to the nearest station (n,) of one block."""
    centre = stations.mean(axis=0)
    ours, theirs = (
        ((part - centre) * EARTH_RADIUS_KM).astype(inverse.dtype, copy=False) for part in (stations, places)
    )
    distance = _chords_km(theirs, ours)
    cross = covariance.between(distance)
    weights = cross @ inverse
    variance = np.maximum(covariance.sill - np.einsum("nk,nk->n", weights, cross), 0.0)
    return weights.astype(np.float32, copy=False), variance, distance.min(axis=1)


def _chords_km(one: Array, other: Array) -> Array:
    """(n, m) straight-line distances of places in km about a common centre, which keeps metres exact."""
    square = one @ (-2.0 * other.T)
    square += np.einsum("nd,nd->n", one, one)[:, None]
    square += np.einsum("nd,nd->n", other, other)
    np.maximum(square, 0.0, out=square)
    return np.asarray(np.sqrt(square, out=square))


def _blocks(stations: Array, places: Array, neighbours: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Split places in halves until each block is small against the distance to its K-th station."""
    tree = cKDTree(stations)
    ranks = np.arange(1, min(neighbours, len(stations)) + 1)
    share = BLOCK_RADIUS if len(stations) > len(ranks) else np.inf
    stack = [(inside, np.ascontiguousarray(places[inside].T), np.inf) for inside in _coarse(places)]
    while stack:
        inside, where, bound = stack.pop()
        low, high = where.min(axis=1), where.max(axis=1)
        centre, extent = (low + high) / 2, high - low
        radius = float(np.sqrt(extent @ extent)) / 2
        # The K-th station is at most a radius of the parent farther than from the parent's centre.
        if len(inside) <= _BLOCK_POINTS and (radius <= share * bound or radius < 1e-9):
            distance, around = (np.asarray(part) for part in tree.query(centre, ranks))
            bound = float(distance[-1])
            if radius <= share * bound or radius < 1e-9:
                yield inside, around.astype(np.intp)
                continue
        axis = int(np.argmax(extent))
        left = where[axis] <= centre[axis]
        if left.all():  # many places at one spot
            left = np.arange(len(left)) < len(left) // 2
        for side in (np.flatnonzero(~left), np.flatnonzero(left)):
            stack += [(inside.take(side), where.take(side, axis=1), bound + radius)]


def _coarse(places: Array) -> list[NDArray[np.intp]]:
    """Places by the cells of a 16 x 16 x 16 cube around them: one radix sort in place of many halvings."""
    if len(places) <= _BLOCK_POINTS:
        return [np.arange(len(places))] if len(places) else []
    low = places.min(axis=0)
    size = float((places.max(axis=0) - low).max()) / 16 or 1.0
    cell = np.minimum((places - low) / size, 15.0).astype(np.uint16)
    code = cell[:, 0] << 8 | cell[:, 1] << 4 | cell[:, 2]
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def nearest(stations: Array, places: Array, count: int = 1) -> tuple[NDArray[np.intp], Array]:
    """Positions (P, count) of the nearest stations, -1 where there are fewer, and their distances in km, inf there."""
    if not len(stations):
        return np.full((len(places), count), -1), np.full((len(places), count), np.inf)
    chord, place = cKDTree(stations).query(places, k=np.arange(1, count + 1))
    return np.where(np.isfinite(chord), place, -1), np.asarray(chord) * EARTH_RADIUS_KM


def inverse_distance(
    stations: Array, places: Array, values: ArrayLike, power: float = 2.0, neighbours: int = 12
) -> Array:
    """Inverse-distance weighting (Shepard 1968): sum(v d^-p) / sum(d^-p) over the nearest stations.

    Args:
        stations: (S, 3) unit vectors.
        places: (P, 3) unit vectors.
        values: (..., S).
        power: p.
        neighbours: How many stations enter.

    Returns:
        (..., P); NaN without stations.
    """
    known = np.asarray(values, float)
    if not len(stations):
        return np.full((*known.shape[:-1], len(places)), np.nan)
    place, distance = nearest(stations, places, min(neighbours, len(stations)))
    weights = np.maximum(distance, 1e-3) ** -power  # a metre: at the station itself its value wins
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("...pk,pk->...p", known[..., place], weights))
