"""What is usual: a network's own cycle of hour, weekday and season, and each station's steady difference from it.

Concentrations are skewed, and their spread grows with their level; on a square-root scale both are mild. Everything
learnt lives on z = sqrt((max(y, -0.9 c) + c) / m), m the network's mean level and c = 0.2 m, so that readings a
little below zero (noise) still count.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.formulas.interpolation import Array, Covariance, neighbourhood

HISTORY_HOURS = 4 * 365 * 24
"""Older rows teach little about today: networks and emissions change."""

SEASONAL_DAYS = 300
WEEKLY_DAYS = 21
_OFFSET = 0.2
_PENALTY = 24.0  # hours of data that the coefficients' prior (no cycle) is worth
_DEVIATION_DAYS = 5.0  # days of data that the prior of a station's own hour (its mean difference) is worth
_EPOCH = np.datetime64("2000-01-01T00:00:00", "s")  # a Saturday


@dataclass(frozen=True, slots=True)
class Climatology:
    """A network's cycle and its stations' deviations, on the square-root scale.

    Attributes:
        level: m, mean concentration of the network.
        longitude: Mean longitude, degrees; sets the solar hour.
        cycle: (F,) coefficients of `cycle_terms`.
        station_id: (S,) the stations it knows.
        places: (S, 3) unit vectors.
        deviation: (S, 24) mean difference from the network's cycle by solar hour.
        share: Of the deviations' variance, what neighbours share; the rest is the station's own.
        length_km: e-folding distance of what they share.
    """

    level: float
    longitude: float
    cycle: Array
    station_id: NDArray[np.str_]
    places: Array
    deviation: Array
    share: float = 0.8
    length_km: float = 40.0

    @property
    def offset(self) -> float:
        """c, in the unit of the concentration."""
        return _OFFSET * self.level

    def to_root(self, values: NDArray[np.floating]) -> Array:
        """Concentrations to the square-root scale."""
        return np.asarray(
            np.sqrt((np.maximum(values, -0.9 * self.offset, dtype=np.float64) + self.offset) / self.level)
        )

    def from_root(self, root: Array, variance: Array | float = 0.0) -> Array:
        """Back to concentrations: E[y] = (E[z]^2 + Var[z]) m - c; with variance 0, the plain (monotone) inverse."""
        return np.asarray((np.square(np.maximum(root, 0.0)) + variance) * self.level - self.offset)

    def network(self, time: NDArray[np.datetime64]) -> Array:
        """(T,) the network's cycle."""
        return np.asarray(cycle_terms(time, self.longitude)[:, : len(self.cycle)] @ self.cycle)

    def deviation_at(self, places: Array) -> Array:
        """(P, 24) deviations at any place, from its neighbours' and shrunk towards none."""
        shared = Covariance((self.share,), (self.length_km,), 1.0 - self.share)
        return (
            neighbourhood(self.places, places, shared).apply(self.deviation.T).T
            if len(self.places)
            else np.zeros((len(places), 24))
        )

    def deviation_of(self, hours: StationHours) -> Array:
        """(S, 24) deviations of a network's stations: a known station's own, else its neighbours'."""
        known = {name: row for row, name in enumerate(self.station_id.tolist())}
        rows = np.array([known.get(name, -1) for name in hours.station_id.tolist()], int)
        out = np.zeros((len(rows), 24))
        out[rows >= 0] = self.deviation[rows[rows >= 0]]
        new = rows < 0
        if new.any():
            out[new] = self.deviation_at(unit_vectors(hours.latitude[new], hours.longitude[new]))
        return out

    def without(self, station_ids: set[str]) -> "Climatology":
        """As if it had never known these stations (the network's cycle stays)."""
        keep = np.array([name not in station_ids for name in self.station_id.tolist()], bool)
        return replace(self, station_id=self.station_id[keep], places=self.places[keep], deviation=self.deviation[keep])

    def expected(self, time: NDArray[np.datetime64], deviation: Array) -> Array:
        """(T, S) what is usual, on the square-root scale, given deviations (S, 24)."""
        return np.asarray(self.network(time)[:, None] + deviation.T[solar_hour(time, self.longitude)])


def solar_hours(time: NDArray[np.datetime64], longitude: float) -> Array:
    """Hours since Saturday 2000-01-01 00:00, local mean solar time, of the middle of hours that end at `time`."""
    return np.asarray((time - _EPOCH) / np.timedelta64(3600, "s") - 0.5 + longitude / 15.0)


def solar_hour(time: NDArray[np.datetime64], longitude: float) -> NDArray[np.intp]:
    """(T,) hour of the solar day, 0..23."""
    return np.asarray(np.floor(solar_hours(time, longitude)) % 24, np.intp)


def cycle_terms(time: NDArray[np.datetime64], longitude: float) -> Array:
    """(T, F) terms: 1 and four daily harmonics (9), weekend x two daily (5), two yearly x two daily (20)."""
    hours = solar_hours(time, longitude)
    day, year = hours / 24 * 2 * np.pi, hours / 24 / 365.2425 * 2 * np.pi
    daily = [np.ones_like(day)] + [wave(k * day) for k in (1, 2, 3, 4) for wave in (np.sin, np.cos)]
    weekend = (np.floor(hours / 24) % 7 < 2).astype(float)
    yearly = [wave(k * year) for k in (1, 2) for wave in (np.sin, np.cos)]
    rows = daily + [weekend * term for term in daily[:5]] + [season * term for season in yearly for term in daily[:5]]
    return np.stack(rows, axis=1)


def terms_for(days: float) -> int:
    """How many of the terms a history of so many days can teach: daily, then weekly, then yearly."""
    return 34 if days >= SEASONAL_DAYS else 14 if days >= WEEKLY_DAYS else 9


def fit_climatology(hours: StationHours, variable: str) -> Climatology:
    """Learn what is usual from a network's history.

    Args:
        hours: History, nothing later than "now"; the last four years are read.
        variable: One of `hours.values`.

    Raises:
        InputError: The history holds no measurement of the variable.
    """
    time = hours.time[-HISTORY_HOURS:]
    values = np.asarray(hours.values[variable][-HISTORY_HOURS:], np.float64)
    known = np.isfinite(values)
    keep = known.any(axis=0)
    if not keep.any():
        raise InputError(f"no measurement of {variable} in the history of {values.shape[1]} stations")
    values, known = values[:, keep], known[:, keep]
    places = unit_vectors(hours.latitude[keep], hours.longitude[keep])
    level = max(float(values[known].mean()), 1e-6)
    longitude = float(np.degrees(np.arctan2(places[:, 1].mean(), places[:, 0].mean())))
    blank = Climatology(level, longitude, np.zeros(1), hours.station_id[keep], places, np.zeros((int(keep.sum()), 24)))
    root = np.where(known, blank.to_root(np.where(known, values, 0.0)), 0.0)
    counts = known.sum(axis=0)
    mean = root.sum(axis=0) / counts
    mean = mean + (mean.mean() - mean) * 24 / (counts + 24)
    present = known.sum(axis=1)
    used = present > 0
    series = np.where(known, root - mean, 0.0).sum(axis=1)[used] / present[used] + mean.mean()
    terms = cycle_terms(time[used], longitude)[:, : terms_for(used.sum() / 24)]
    penalty = np.full(terms.shape[1], _PENALTY)
    penalty[0] = 1e-6
    cycle = np.linalg.solve(terms.T @ terms + np.diag(penalty), terms.T @ series)
    usual = cycle_terms(time, longitude)[:, : len(cycle)] @ cycle
    deviation = _deviations(np.where(known, root - usual[:, None], 0.0), known, solar_hour(time, longitude))
    return Climatology(level, longitude, cycle, blank.station_id, places, deviation)


def _deviations(rest: Array, known: NDArray[np.bool_], hour: NDArray[np.intp]) -> Array:
    """(S, 24) mean of `rest` (T, S; 0 where unknown) by hour, short records drawn to the station's mean, then to 0."""
    which = (hour == np.arange(24)[:, None]).astype(float)
    total, count = which @ rest, which @ known.astype(float)
    mean = total.sum(axis=0) / (count.sum(axis=0) + 24 * _DEVIATION_DAYS)
    return np.asarray(((total + _DEVIATION_DAYS * mean) / (count + _DEVIATION_DAYS)).T)
