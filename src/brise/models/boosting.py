"""Gradient boosting on the base forecast's error at monitored stations: what the trees read, and what they say.

One model a pollutant and group of leads, for all cities together: the target is truth minus base in units of the
network's usual spread, so that what is learnt in one city serves another. Short leads want many trees, long ones few.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.variables import WEATHER
from brise.formulas.interpolation import Array
from brise.models.blend import around_mean, surroundings
from brise.models.features import STATE, Network, brief, calendar, neighbours, past, same_hour, task_of, weather_now
from brise.models.network import Outlook, station_outlook

GROUPS: tuple[tuple[int, ...], ...] = ((1,), (2, 3), (4, 6), (9, 12), (18, 24), (36, 48))
"""Leads that share a model, hours."""

FADED_H = 96
"""Beyond the last group's leads what the trees say fades out until here."""

Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Design:
    """What the trees read, for one pollutant at some rows of a network.

    Attributes:
        state: (N, S, F) what no lead changes.
        ahead: (L, N, S, G) what the lead changes.
        base: (L, N, S) the base's expectation, concentration; NaN = it knows nothing.
        outlook: The base.
    """

    state: Single
    ahead: Single
    base: Single
    outlook: Outlook

    def rows(self, lead: NDArray[np.intp], n: NDArray[np.intp], s: NDArray[np.intp]) -> Single:
        """(R, F + G) of some leads, forecasts and stations."""
        return np.concatenate([self.state[n, s], self.ahead[lead, n, s]], axis=1)


def unit(network: Network, name: str) -> float:
    """Concentration that one usual spread of the anomalies is worth at the network's mean level."""
    return 2 * network.fitted[name].climatology.level * network.scale(name)


def group_weights(leads: Sequence[int]) -> Array:
    """(G, L) share of each group's model in what is said of a lead.

    Example:
        >>> group_weights((12, 15, 18, 72))[3:].tolist()
        [[1.0, 0.5, 0.0, 0.0], [0.0, 0.5, 1.0, 0.0], [0.0, 0.0, 0.0, 0.5]]
    """
    ends = [lead for group in GROUPS for lead in (group[0], group[-1])]
    out = np.zeros((len(GROUPS), len(leads)))
    for number in range(len(GROUPS)):
        held = [float(place // 2 == number) for place in range(len(ends))]
        out[number] = np.interp(leads, [*ends, FADED_H], [*held, 0.0])
    return out


def station_design(network: Network, name: str, rows: NDArray[np.intp], leads: tuple[int, ...]) -> Design:
    """For the stations themselves, later than now."""
    outlook = station_outlook(task_of(network, name, rows, leads))
    own, around = network.scaled[name], surroundings(network.places)
    near = around_mean(own, around)
    parts = [past(own, rows), brief(near, rows), neighbours(network, name, rows, network.places, own=True)]
    for other in STATE:  # a station's own or, where it has none, its surroundings'
        if other != name:
            field = network.scaled.get(other)
            parts.append(_told(None if field is None else _else(field, around_mean(field, around)), rows, own))
    for quantity in WEATHER:
        field = network.weather.get(quantity)
        parts.append(np.full((len(rows), own.shape[1], 4), np.nan) if field is None else weather_now(field, rows))
    now = calendar(network, rows, 0)
    parts.append(np.broadcast_to(now[:, None], (len(rows), own.shape[1], now.shape[1])))
    scale, ahead = network.scale(name), []
    for place, lead in enumerate(leads):
        root, sigma = outlook.root[:, place], np.sqrt(outlook.variance[:, place])
        hour = np.broadcast_to(calendar(network, rows, lead)[:, None], (*root.shape, 5))
        base = np.stack([root, sigma / scale, np.full(root.shape, float(lead)), np.full(root.shape, scale)], axis=-1)
        days = [same_hour(own, rows, lead), same_hour(near, rows, lead)]
        ahead.append(np.concatenate([*days, hour, base], axis=-1).astype(np.float32))
    value = network.fitted[name].climatology.from_root(outlook.root, outlook.variance)
    state = np.concatenate([part.astype(np.float32) for part in parts], axis=-1)
    return Design(state, np.stack(ahead), value.transpose(1, 0, 2).astype(np.float32), outlook)


def _else(first: Array, second: Array) -> Array:
    return np.where(np.isnan(first), second, first)


def _told(field: Array | None, rows: NDArray[np.intp], like: Array) -> Array:
    return np.full((len(rows), like.shape[1], 4), np.nan) if field is None else brief(field, rows)
