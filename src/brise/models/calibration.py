"""Conformal calibration: how far the outer quantiles must lie from the median so that one in ten falls outside each.

Split conformal prediction (Vovk et al. 2005; Romano et al. 2019 for quantiles): the factor of a side is the 90 %
quantile of how far the truth of unseen forecasts lies beyond the median, in units of the predicted distance. Groups:
stations, and unmonitored places by their distance to the nearest station; by lead; small groups lean on larger ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.interpolation import Array

EDGES_KM = (2.0, 5.0, 12.0)
"""Between the groups of unmonitored places."""

_ENOUGH = 400.0  # forecasts whose own factor counts as much as the larger group's
_MINIMUM = 20


@dataclass(frozen=True)
class Calibration:
    """Factors on the distance of the outer quantiles from the median; re-fittable apart from the weights.

    Attributes:
        leads: (L,) hours at which factors are given; between them, linear.
        edges_km: (D - 2,) distances to the nearest station between the groups of unmonitored places.
        factors: Pollutant -> (2, D, L) of the lower and the upper side; group 0 are the stations themselves.
    """

    leads: NDArray[np.float64]
    edges_km: NDArray[np.float64]
    factors: dict[str, Array]

    def at(self, name: str, leads: Sequence[int], km: Array | None) -> Array:
        """(2, L, P) factors; `km` (P,) to the nearest station, None = at the stations (P = 1)."""
        groups = np.zeros(1, int) if km is None else 1 + np.searchsorted(self.edges_km, km)
        if name not in self.factors:
            return np.ones((2, len(leads), len(groups)))
        told = np.stack([[np.interp(leads, self.leads, group) for group in side] for side in self.factors[name]])
        return told[:, groups].transpose(0, 2, 1)

    def to_json(self) -> dict[str, Any]:
        """What `read_calibration` reads."""
        return {
            "leads": self.leads.tolist(),
            "edges_km": self.edges_km.tolist(),
            "factors": {name: np.round(table, 4).tolist() for name, table in self.factors.items()},
        }


def read_calibration(found: Mapping[str, Any]) -> Calibration:
    """From an artifact's calibration.json.

    Raises:
        InputError: Its tables do not fit together.
    """
    leads, bounds = np.array(found["leads"], float), np.array(found["edges_km"], float)
    factors = {name: np.array(table, float) for name, table in found["factors"].items()}
    for name, table in factors.items():
        if table.shape != (2, len(bounds) + 2, len(leads)):
            raise InputError(f"calibration of {name}: shape {table.shape}, expected {(2, len(bounds) + 2, len(leads))}")
    return Calibration(leads, bounds, factors)


@dataclass
class Excess:
    """How far truths lie beyond the median, in predicted distances, collected by pollutant, group and lead."""

    leads: tuple[int, ...]
    kept: dict[tuple[str, int, int], list[NDArray[np.float32]]] = field(default_factory=dict)

    def add(self, name: str, quantiles: Array, truth: Array, km: Array) -> None:
        """Take in forecasts.

        Args:
            name: Pollutant.
            quantiles: (3, N, L, P) on a scale where they are about symmetric.
            truth: (N, L, P) on it, NaN = unknown.
            km: (P,) to the nearest station, -1 = a station itself.
        """
        low, middle, high = quantiles
        sides = np.stack([(middle - truth) / (middle - low), (truth - middle) / (high - middle)])
        group = np.where(km < 0, 0, 1 + np.searchsorted(EDGES_KM, km))
        for number in np.unique(group):
            for place in range(len(self.leads)):
                told = sides[:, :, place, group == number].reshape(2, -1)
                told = told[:, np.isfinite(told).all(axis=0)].astype(np.float32)
                if told.size:
                    self.kept.setdefault((name, int(number), place), []).append(told)


def fit_calibration(excess: Excess) -> Calibration:
    """Factors by pollutant, group and lead."""
    factors = {}
    for name in sorted({key[0] for key in excess.kept}):
        table = np.ones((2, len(EDGES_KM) + 2, len(excess.leads)))
        for group in range(table.shape[1]):
            for place in range(len(excess.leads)):
                table[:, group, place] = _factor(excess, name, group, place)
        factors[name] = table
    return Calibration(np.array(excess.leads, float), np.array(EDGES_KM), factors)


def _factor(excess: Excess, name: str, group: int, place: int) -> Array:
    """(2,) own factor, drawn to that of all of its kind (stations, or unmonitored places) and lead."""
    kind = (0,) if group == 0 else range(1, len(EDGES_KM) + 2)
    own = excess.kept.get((name, group, place), [])
    all_ = [part for one in kind for part in excess.kept.get((name, one, place), [])]
    broad = _side(all_)
    if not own:
        return broad
    count = sum(part.shape[1] for part in own)
    trust = count / (count + _ENOUGH)
    return np.asarray(trust * _side(own) + (1 - trust) * broad)


def _side(parts: list[NDArray[np.float32]]) -> Array:
    joined = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0))
    if joined.shape[1] < _MINIMUM:
        return np.ones(2)
    level = min(0.9 * (1 + 1 / joined.shape[1]), 1.0)
    return np.asarray(np.clip(np.quantile(joined, level, axis=1), 0.3, 3.0))
