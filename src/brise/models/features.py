"""What learned models read of a place: its own past, its neighbours', the weather, the calendar, the base forecast.

All of it comes from rows up to a forecast's own; an unmonitored place has no past of its own (NaN). Anomalies are those
of `network.anomalies` in units of the network's usual spread, so that a model learnt in one city reads another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from brise.conventions.grids import EARTH_RADIUS_KM, unit_vectors
from brise.conventions.observations import StationHours
from brise.conventions.variables import POLLUTANTS, WEATHER
from brise.formulas.interpolation import Array
from brise.models.background import Background
from brise.models.blend import around_mean, at_rows, newest, surroundings, window_means
from brise.models.climatology import solar_hours
from brise.models.network import Fitted, Task, anomalies

STATE: tuple[str, ...] = (*POLLUTANTS, "no")
"""Pollutants whose past is read."""

TARGETS: tuple[str, ...] = ("pm25", "pm10", "no2", "o3")
"""Pollutants that learned models forecast."""

LAGS = (0, 1, 2, 3, 5, 8, 11, 23)
WINDOWS = (3, 6, 12, 24, 72)
"""Neither the season nor a longer mean is among what is read: they tell one episode of the training years from another,
and a model remembers what came after it."""

PAST = len(LAGS) + len(WINDOWS) + 2
"""Features of `past`."""
NEIGHBOURS = 4
FRESH_HOURS = 3
"""A neighbour whose newest value is older than this does not count."""

_WEATHER_SCALE = {
    "temperature": (288.0, 10.0),
    "relative_humidity": (0.6, 0.25),
    "pressure": (101_325.0, 1_000.0),
    "wind_speed": (2.5, 2.0),
    "eastward_wind": (0.0, 2.5),
    "northward_wind": (0.0, 2.5),
}
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Network:
    """A network's hours as learned models read them.

    Attributes:
        fitted: Pollutant -> what was learnt.
        hours: Its hours; NaN = unknown.
        error_variance: Of the stations' own errors, as in `Task`.
        background: Carries the map between stations, as in `Task`.
    """

    fitted: Mapping[str, Fitted]
    hours: StationHours
    error_variance: Array | float = 0.0
    background: Background | None = None

    @cached_property
    def places(self) -> Array:
        """(S, 3) unit vectors."""
        return unit_vectors(self.hours.latitude, self.hours.longitude)

    def scale(self, name: str) -> float:
        """The usual spread of a pollutant's anomalies on the square-root scale."""
        return float(np.sqrt(self.fitted[name].mapping.spread))

    @cached_property
    def scaled(self) -> dict[str, Array]:
        """Pollutant -> (T, S) anomalies in usual spreads, within 8."""
        return {
            name: np.clip(rows / self.scale(name), -8, 8)
            for name, rows in anomalies(self.fitted, self.hours).items()
            if name in STATE
        }

    @cached_property
    def weather(self) -> dict[str, Array]:
        """Quantity -> (T, S) standardised, a station's own, else its surroundings' mean; only what is measured."""
        around, out = surroundings(self.places), {}
        for name in WEATHER:
            if name in self.hours.values and np.isfinite(self.hours.values[name]).any():
                middle, width = _WEATHER_SCALE[name]
                own = (self.hours.values[name].astype(float) - middle) / width
                if name == "pressure":  # against the last days: the altitude's part says nothing about the weather
                    own = own - window_means(own, np.arange(len(own)), 72)[0]
                out[name] = np.where(np.isnan(own), around_mean(own, around), own)
        return out


def past(field: Array, rows: NDArray[np.intp]) -> Array:
    """(N, S, PAST) lags, means of windows, and spread and range of the last 24 h, of (T, S)."""
    lags = [at_rows(field, rows - lag) for lag in LAGS]
    means = [window_means(field, rows, window)[0] for window in WINDOWS]
    square = window_means(field**2, rows, 24)[0]
    spread = np.sqrt(np.maximum(square - means[3] ** 2, 0))
    return np.stack([*lags, *means, spread, newest(field, rows)], axis=-1)


def brief(field: Array, rows: NDArray[np.intp]) -> Array:
    """(N, S, 4) newest value, change over 3 h, means of 24 h and 72 h."""
    now = newest(field, rows)
    return np.stack(
        [now, now - at_rows(field, rows - 3), *(window_means(field, rows, window)[0] for window in (24, 72))], axis=-1
    )


def weather_now(field: Array, rows: NDArray[np.intp]) -> Array:
    """(N, S, 4) now (newest of 24 h), mean of 24 h, changes over 3 h and 24 h."""
    now = newest(field, rows)
    return np.stack(
        [now, window_means(field, rows, 24)[0], now - at_rows(field, rows - 3), now - at_rows(field, rows - 24)],
        axis=-1,
    )


def calendar(network: Network, rows: NDArray[np.intp], lead: int) -> Array:
    """(N, 5) solar hour (sine, cosine twice) and weekend of the hour `lead` ahead."""
    longitude = next(iter(network.fitted.values())).climatology.longitude
    hours = solar_hours(network.hours.time[rows], longitude) + lead
    day = 2 * np.pi * hours / 24
    waves = [wave(k * day) for k in (1, 2) for wave in (np.sin, np.cos)]
    return np.stack([*waves, (np.floor(hours / 24) % 7 < 2).astype(float)], axis=-1)


def neighbours(network: Network, name: str, rows: NDArray[np.intp], places: Array, own: bool) -> Array:
    """(N, P, 4 x 4) of the nearest stations that report: newest value, mean of 6 h, 24 h, log10 of the distance in km.

    Args:
        network: Its stations may report.
        name: Pollutant.
        rows: (N,).
        places: (P, 3) unit vectors; of the stations themselves if `own`, which then do not count as their neighbours.
        own: See `places`.
    """
    field = network.scaled[name]
    distance = np.linalg.norm(places[:, None] - network.places, axis=-1) * EARTH_RADIUS_KM
    if own:
        np.fill_diagonal(distance, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, : min(16, distance.shape[1])]
    fresh = np.full((len(rows), field.shape[1]), np.nan)
    for back in range(FRESH_HOURS, -1, -1):
        value = at_rows(field, rows - back)
        fresh = np.where(np.isnan(value), fresh, value)
    parts = [fresh, window_means(field, rows, 6)[0], window_means(field, rows, 24)[0]]
    known = np.isfinite(fresh)[:, order]  # N, P, 16
    if own:
        known &= np.isfinite(np.take_along_axis(distance, order, axis=1))
    rank = np.cumsum(known, axis=2) - 1
    out = np.full((len(rows), len(places), NEIGHBOURS, 4), np.nan)
    for place in range(order.shape[1]):
        n, p = np.nonzero(known[:, :, place] & (rank[:, :, place] < NEIGHBOURS))
        which, station = rank[n, p, place], order[p, place]
        for side, part in enumerate(parts):
            out[n, p, which, side] = part[n, station]
        out[n, p, which, 3] = np.log10(distance[p, station] + 0.1)
    return out.reshape(len(rows), len(places), -1)


def same_hour(field: Array, rows: NDArray[np.intp], lead: int) -> Array:
    """(N, S, 3) at the target's hour of the newest day, the day before, and seven days' mean."""
    first = max(-(-lead // 24), 1)
    days = np.stack([at_rows(field, rows + lead - 24 * (first + back)) for back in range(7)])
    known = np.isfinite(days)
    count = known.sum(axis=0)
    week = np.where(count > 0, np.where(known, days, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    return np.stack([days[0], days[1], week], axis=-1)


def task_of(network: Network, name: str, rows: NDArray[np.intp], leads: tuple[int, ...]) -> Task:
    """The question to the base model."""
    return Task(network.fitted, name, network.hours, rows, leads, network.error_variance, network.background)
