"""Scenes: what the any-point model reads of a network and of the places asked for, as arrays, for training and serving.

A scene reads rows up to each forecast's own row and nothing of a place that is not in its network: what is withheld is
left out of the network before anything is fitted or built.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.grids import EARTH_RADIUS_KM
from brise.conventions.variables import WEATHER
from brise.formulas.interpolation import Array, nearest
from brise.models.blend import around_mean, newest, surroundings
from brise.models.features import PAST, STATE, TARGETS, Network, brief, calendar, past, same_hour, task_of, weather_now
from brise.models.network import Outlook, point_outlook, station_outlook

HISTORY_HOURS = 24
NEIGHBOURS = 8
CHANNELS = 2 * len(STATE) + len(WEATHER)
EDGE_FEATURES = 6
AHEAD_FEATURES = 7
WHEN_FEATURES = 8
STATE_BLOCK = PAST + 4
"""Features of one pollutant in `Scene.state`, in the order of STATE; the weather's follow."""

STATE_FEATURES = len(STATE) * STATE_BLOCK + 4 * len(WEATHER) + 5

INPUTS: dict[str, tuple[str | int, ...]] = {
    "series": ("batch", "stations", HISTORY_HOURS, CHANNELS),
    "state": ("batch", "stations", STATE_FEATURES),
    "station_near": ("stations", "neighbours"),
    "station_edges": ("batch", "stations", "neighbours", EDGE_FEATURES),
    "own": ("places",),
    "near": ("places", "neighbours"),
    "edges": ("batch", "places", "neighbours", EDGE_FEATURES),
    "ahead": ("batch", "leads", "places", len(TARGETS), AHEAD_FEATURES),
    "when": ("batch", "leads", WHEN_FEATURES),
}
"""The model's inputs in order, with their sizes; `station_` ones are those of a scene of the stations themselves."""

Single = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """Inputs of N forecasts for P places from S stations, L leads and C = 4 pollutants; unknown is 0 and masked.

    Attributes:
        series: (N, S, T, 20) scaled anomalies, whether they are known, weather; oldest hour first.
        state: (N, S, F) slower features of the stations.
        own: (P,) the station that stands at a place, -1 = none.
        near: (P, K) stations around each place, itself left out.
        edges: (N, P, K, 6) log distance, direction, wind along and across, whether the station exists.
        ahead: (N, L, P, C, 7) the base at a place, and the same hour of days before.
        when: (N, L, 8) calendar and lead.
        value: (N, L, P, C) the base's expectation, concentration; NaN = the base knows nothing.
        width: (N, L, P, C) its standard error, concentration.
        outlooks: The base by pollutant.
    """

    series: Single
    state: Single
    own: NDArray[np.int64]
    near: NDArray[np.int64]
    edges: Single
    ahead: Single
    when: Single
    value: Single
    width: Single
    outlooks: dict[str, Outlook]


def channels(network: Network) -> Single:
    """(T, S, 20) what the recurrent part reads of each hour."""
    shape = network.hours.values[next(iter(network.hours.values))].shape
    blank = np.full(shape, np.nan)
    fields = [network.scaled.get(name, blank) for name in STATE]
    weather = [network.weather.get(name, blank) for name in WEATHER]
    return np.stack(
        [*(np.nan_to_num(f) for f in fields), *(np.isfinite(f) for f in fields), *(np.nan_to_num(f) for f in weather)],
        axis=-1,
    ).astype(np.float32)


def series(channel: Single, rows: NDArray[np.intp]) -> Single:
    """(N, S, T, 20) the last 24 hours of `channels`; hours before the first are unknown."""
    back = rows[:, None] + np.arange(1 - HISTORY_HOURS, 1)
    inside = back >= 0
    return np.where(inside[:, :, None, None], channel[np.maximum(back, 0)], 0).transpose(0, 2, 1, 3).astype(np.float32)


def station_state(network: Network, rows: NDArray[np.intp]) -> Single:
    """(N, S, F) slower features of the stations."""
    size, around = len(network.places), surroundings(network.places)
    parts: list[Array] = []
    for name in STATE:
        field = network.scaled.get(name)
        if field is None:
            parts.append(np.zeros((len(rows), size, STATE_BLOCK)))
        else:
            parts += [past(field, rows), brief(around_mean(field, around), rows)]
    for name in WEATHER:
        told = network.weather.get(name)
        parts.append(np.zeros((len(rows), size, 4)) if told is None else weather_now(told, rows))
    now = calendar(network, rows, 0)
    parts.append(np.broadcast_to(now[:, None], (len(rows), size, now.shape[1])))
    return np.nan_to_num(np.concatenate(parts, axis=-1), posinf=0, neginf=0).astype(np.float32)


def edges(network: Network, rows: NDArray[np.intp], places: Array, own: NDArray[np.int64]) -> tuple[Array, Single]:
    """(P, K) stations around each place without its own, and (N, P, K, 6) what lies between."""
    order, _ = nearest(network.places, places, min(NEIGHBOURS + 1, len(network.places)))
    order = np.pad(order, ((0, 0), (0, NEIGHBOURS + 1 - order.shape[1])), constant_values=-1)
    itself = (order == own[:, None]) & (order >= 0)
    order = np.where(itself, -1, order)
    order = np.take_along_axis(order, np.argsort(order < 0, axis=1, kind="stable"), axis=1)[:, :NEIGHBOURS]
    exists = order >= 0
    gap = places[:, None] - network.places[np.maximum(order, 0)]  # from the station to the place
    north = np.stack([-places[:, 0] * places[:, 2], -places[:, 1] * places[:, 2], 1 - places[:, 2] ** 2], -1)
    east = np.stack([-places[:, 1], places[:, 0], np.zeros(len(places))], -1)
    km = np.linalg.norm(gap, axis=-1) * EARTH_RADIUS_KM
    parts = []
    for axis in (east, north):
        unit = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-9)
        parts.append((gap * unit[:, None]).sum(-1) * EARTH_RADIUS_KM / (km + 0.1))
    wind = [network.weather.get(name) for name in ("eastward_wind", "northward_wind")]
    flow = np.zeros((2, len(rows)))
    for side, field in enumerate(wind):
        if field is not None:
            flow[side] = np.nan_to_num(newest(field, rows)).mean(axis=1)
    along = flow[0][:, None, None] * parts[0] + flow[1][:, None, None] * parts[1]
    across = flow[0][:, None, None] * parts[1] - flow[1][:, None, None] * parts[0]
    steady = np.stack([np.log10(km + 0.1), *parts, exists], axis=-1)
    out = np.concatenate(
        [np.broadcast_to(steady, (len(rows), *steady.shape)), along[..., None], across[..., None]], axis=-1
    )
    return np.maximum(order, 0), (out * exists[None, ..., None]).astype(np.float32)


def when(network: Network, rows: NDArray[np.intp], leads: tuple[int, ...]) -> Single:
    """(N, L, 8) calendar of the target's hour, and the lead three ways."""
    out = []
    for lead in leads:
        told = np.array([lead / 48, np.log1p(lead) / 4, np.exp(-lead / 6)])
        out.append(np.concatenate([calendar(network, rows, lead), np.broadcast_to(told, (len(rows), 3))], axis=1))
    return np.stack(out, axis=1).astype(np.float32)


def scene(network: Network, rows: NDArray[np.intp], leads: tuple[int, ...], places: Array | None = None) -> Scene:
    """The inputs for the network's own stations, or for unmonitored places, (P, 3) unit vectors."""
    own = np.arange(len(network.places)) if places is None else np.full(len(places), -1)
    where = network.places if places is None else places
    near, between = edges(network, rows, where, own)
    closest = np.argmax(where @ network.places.T, axis=1) if places is not None else own
    shape = (len(rows), len(leads), len(where), len(TARGETS))
    ahead = np.zeros((*shape, AHEAD_FEATURES), np.float32)
    value, width = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    outlooks = {}
    for column, name in enumerate(TARGETS):
        if name not in network.scaled or (max(leads) > 0 and not len(network.fitted[name].blend.leads)):
            continue
        task, fitted = task_of(network, name, rows, leads), network.fitted[name]
        outlook = station_outlook(task) if places is None else point_outlook(task, where)
        outlooks[name] = outlook
        usual = fitted.climatology
        deviation = usual.deviation_of(network.hours) if places is None else usual.deviation_at(where)
        expected, scale = task.expected(deviation), network.scale(name)
        field = network.scaled[name]
        near_field = field if places is None else around_mean(field, surroundings(network.places))
        days = np.stack([same_hour(near_field, rows, lead)[:, closest] for lead in leads], axis=1)
        ahead[..., column, :] = np.nan_to_num(
            np.concatenate(
                [
                    np.stack([(outlook.root - expected) / scale, np.sqrt(outlook.variance) / scale, expected], axis=-1),
                    days,
                    np.isfinite(outlook.root)[..., None],
                ],
                axis=-1,
            )
        )
        value[..., column] = usual.from_root(outlook.root, outlook.variance)
        width[..., column] = 2 * np.maximum(outlook.root, 0.2) * np.sqrt(outlook.variance) * usual.level
    return Scene(
        series(channels(network), rows),
        station_state(network, rows),
        own.astype(np.int64),
        near.astype(np.int64),
        between,
        ahead,
        when(network, rows, leads),
        value,
        width,
        outlooks,
    )
