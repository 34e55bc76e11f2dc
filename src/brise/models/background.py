"""A background: gridded or scattered concentrations of a chemistry-transport forecast, read at any place and hour."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from brise.conventions.grids import unit_vectors
from brise.formulas.interpolation import Array, nearest

RADIUS_KM = 100.0
"""Farther than this from every point of the background, it says nothing."""


@dataclass(frozen=True, slots=True)
class Background:
    """Concentrations at points and hours.

    Attributes:
        name: Provenance, e.g. "CAMS via Open-Meteo".
        time: (T,) END of each hour, increasing.
        latitude: (P,) degrees north.
        longitude: (P,) degrees east.
        values: variable -> (T, P), NaN = unknown.
    """

    name: str
    time: NDArray[np.datetime64]
    latitude: Array
    longitude: Array
    values: dict[str, NDArray[np.floating]]

    def at(self, variable: str, time: NDArray[np.datetime64], places: Array) -> Array:
        """Values at hours and places (Q, 3): inverse distance of the four nearest points; linear in time.

        Returns:
            (N, Q); NaN outside the hours, beyond 100 km, or where a nearest point is unknown.
        """
        out = np.full((len(time), len(places)), np.nan)
        if variable not in self.values or not len(self.time) or not len(self.latitude):
            return out
        near, weight = _geometry(self.latitude.tobytes(), self.longitude.tobytes(), places.tobytes())
        covered = weight.any(axis=1)
        seconds, wanted = self.time.astype("datetime64[s]").astype(float), time.astype("datetime64[s]").astype(float)
        upper = np.clip(np.searchsorted(seconds, wanted), 0, len(seconds) - 1)
        lower = np.where(seconds[upper] > wanted, np.maximum(upper - 1, 0), upper)
        share = ((wanted - seconds[lower]) / np.maximum(seconds[upper] - seconds[lower], 1.0))[:, None]
        field = np.asarray(self.values[variable], float)
        later = np.where(share > 0, share * field[upper], 0.0)
        value = np.einsum("npk,pk->np", ((1 - share) * field[lower] + later)[:, near], weight)
        inside = (wanted >= seconds[0]) & (wanted <= seconds[-1])
        return np.where(inside[:, None] & covered, value, np.nan)


@lru_cache(maxsize=8)
def _geometry(latitude: bytes, longitude: bytes, places: bytes) -> tuple[NDArray[np.intp], Array]:
    """(Q, 4) nearest points and their weights, 0 beyond RADIUS_KM; kept, as every hour asks at the same places."""
    points = unit_vectors(np.frombuffer(latitude), np.frombuffer(longitude))
    near, distance = nearest(points, np.frombuffer(places).reshape(-1, 3), min(4, len(points)))
    weight = 1 / np.maximum(distance, 1e-3) ** 2
    weight[distance > RADIUS_KM] = 0.0
    covered = weight.any(axis=1)
    weight[covered] /= weight[covered].sum(axis=1, keepdims=True)
    return near, weight
