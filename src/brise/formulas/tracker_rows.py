"""Rows of a tracker put in order, those of one time put together, and each given its place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.trackers import SampleFlag

Array = NDArray[np.float64]
Times = NDArray[np.int64]

JOIN_S = 60
"""A fix so near in time is where the row was measured: rows are a minute long."""

BETWEEN_S = 600
"""Between two fixes so near to each other, the way is a straight line."""

HELD_S, HELD_M = 12 * 3600, 100.0
"""Between two fixes so near in space, a night apart at most, the wearer did not move: phones tell only of moves."""

FASTEST = 350.0
"""m s-1; no airliner's speed over ground is more."""

EARTH_RADIUS = 6_371_008.8
"""m, mean (IUGG)."""


@dataclass(frozen=True, slots=True)
class Together:
    """Rows of which no two have one time.

    Attributes:
        time: (N,) seconds since 1970, increasing.
        columns: Name -> (N,).
        flags: (N,) SampleFlag.
        same: Rows left out because they said what was there already.
        other: Rows left out because they said something else; the first stands, flagged.
        merged: Rows that gave what was not there yet.
    """

    time: Times
    columns: dict[str, Array]
    flags: NDArray[np.int64]
    same: int
    other: int
    merged: int


def put_together(time: Times, columns: dict[str, Array], flags: NDArray[np.int64]) -> Together:
    """Order rows by time and put those of one time together.

    Of rows of one time the first known value of each column stands.

    Args:
        time: (M,) seconds since 1970, any order.
        columns: Name -> (M,), NaN unknown.
        flags: (M,) SampleFlag.

    >>> t = np.array([60, 0, 60])
    >>> out = put_together(t, {"pm25": np.array([4.0, 3.0, 4.0])}, np.zeros(3, np.int64))
    >>> out.time.tolist(), out.columns["pm25"].tolist(), out.same
    ([0, 60], [3.0, 4.0], 1)
    """
    if len(time) > 1 and not (np.diff(time) > 0).all():
        order = np.argsort(time, kind="stable")
        time, flags = time[order], flags[order]
        columns = {name: value[order] for name, value in columns.items()}
    first = np.r_[True, np.diff(time) > 0] if len(time) else np.zeros(0, bool)
    if first.all():
        return Together(time, columns, flags, 0, 0, 0)
    group = np.cumsum(first) - 1
    later = ~first
    news, conflict = np.zeros(len(time), bool), np.zeros(len(time), bool)
    out = {}
    for name, value in columns.items():
        known = np.flatnonzero(~np.isnan(value))
        supplies = known[np.r_[True, np.diff(group[known]) > 0]] if len(known) else known
        merged = np.full(int(first.sum()), np.nan)
        merged[group[supplies]] = value[supplies]
        out[name] = merged
        news[supplies] = True
        conflict[known] |= value[known] != merged[group[known]]
    joint = np.bitwise_or.reduceat(flags, np.flatnonzero(first))
    joint[group[conflict]] |= int(SampleFlag.DUPLICATE)
    other, fresh = later & conflict, later & news & ~conflict
    same = int(later.sum() - other.sum() - fresh.sum())
    return Together(time[first], out, joint, same, int(other.sum()), int(fresh.sum()))


def distance_m(latitude: Array, longitude: Array, to_latitude: Array, to_longitude: Array) -> Array:
    """Great-circle distance, by the haversine formula.

    Args:
        latitude: (...) degrees.
        longitude: (...) degrees.
        to_latitude: (...) degrees.
        to_longitude: (...) degrees.

    >>> round(float(distance_m(np.array(48.0), np.array(2.0), np.array(49.0), np.array(2.0))))
    111195
    """
    a, b = np.radians(latitude), np.radians(to_latitude)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(to_longitude - longitude) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS * np.arcsin(np.sqrt(half)))


def possible_fixes(time: Times, latitude: Array, longitude: Array) -> NDArray[np.bool_]:
    """(N,) False for a fix that is reached and left faster than an airliner flies: a receiver's error.

    >>> t = np.array([0, 60, 120])
    >>> possible_fixes(t, np.array([48.0, 10.0, 48.001]), np.array([2.0, 2.0, 2.0])).tolist()
    [True, False, True]
    """
    out = np.ones(len(time), bool)
    if len(time) < 3:
        return out
    seconds = np.maximum(np.diff(time), 1)
    fast = distance_m(latitude[:-1], longitude[:-1], latitude[1:], longitude[1:]) > FASTEST * seconds
    out[1:-1] = ~(fast[:-1] & fast[1:])
    if fast[0] and not fast[1]:  # the first alone is far away
        out[0] = False
    if fast[-1] and not fast[-2]:
        out[-1] = False
    return out


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows were measured: columns of samples, their flags, and how many were found how."""

    columns: dict[str, Array]
    flags: NDArray[np.int64]
    joined: int
    interpolated: int
    held: int


def place_rows(time: Times, fix_time: Times, fixes: dict[str, Array]) -> Places:
    """Give rows the place of the fixes around them.

    The nearest fix within JOIN_S is the row's own, with its accuracy and speed. Else, between fixes at most BETWEEN_S
    apart the place is interpolated; between fixes at most HELD_S and HELD_M apart it is held. Else it is unknown.

    Args:
        time: (N,) of the rows, increasing.
        fix_time: (M,) of the fixes, increasing.
        fixes: latitude and longitude, and any of accuracy_m, speed_m_s, altitude_m -> (M,).

    >>> places = place_rows(np.array([30, 300, 4000]), np.array([0, 600]),
    ...                     {"latitude": np.array([48.0, 48.1]), "longitude": np.array([2.0, 2.0])})
    >>> places.columns["latitude"].round(3).tolist(), places.joined, places.interpolated
    ([48.0, 48.05, nan], 1, 1)
    """
    names = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")
    columns = {name: np.full(len(time), np.nan) for name in names}
    flags = np.zeros(len(time), np.int64)
    if not len(fix_time):
        return Places(columns, flags, 0, 0, 0)
    after = np.searchsorted(fix_time, time)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(fix_time) - 1)
    to_before, to_after = np.abs(time - fix_time[before]), np.abs(fix_time[after] - time)
    nearest = np.where(to_after < to_before, after, before)
    joined = np.minimum(to_before, to_after) <= JOIN_S
    for name in names:
        if name in fixes:
            columns[name][joined] = fixes[name][nearest[joined]]
    if len(fix_time) > 1:
        columns["speed_m_s"] = _speeds(columns["speed_m_s"], (before, after), fix_time, fixes)
    inside = ~joined & (fix_time[before] < time) & (time < fix_time[after])
    latitude, longitude = fixes["latitude"], fixes["longitude"]
    gap = fix_time[after] - fix_time[before]
    near = distance_m(latitude[before], longitude[before], latitude[after], longitude[after]) <= HELD_M
    held = inside & near & (gap <= HELD_S)
    between = inside & ~held & (gap <= BETWEEN_S)
    share = np.where(between, (time - fix_time[before]) / np.maximum(gap, 1), 0.0)
    some = held | between
    for name in ("latitude", "longitude"):
        value = fixes[name]
        columns[name][some] = (value[before] + share * _short(value[after] - value[before]))[some]
    columns["longitude"][between] = _short(columns["longitude"][between])
    columns["speed_m_s"][held] = 0.0
    flags[between] |= SampleFlag.INTERPOLATED_POSITION
    flags[held] |= SampleFlag.HELD_POSITION
    return Places(columns, flags, int(joined.sum()), int(between.sum()), int(held.sum()))


def _short(difference: Array) -> Array:
    """A difference of degrees the short way round."""
    return np.asarray((difference + 180.0) % 360.0 - 180.0)


def _speeds(speed: Array, around: tuple[Times, Times], time: Times, fixes: dict[str, Array]) -> Array:
    """Speeds the phone told; else, from the fix before a row to the one after, when at most BETWEEN_S apart."""
    before, after = around
    first = np.where(after == before, np.maximum(before - 1, 0), before)
    seconds = time[after] - time[first]
    there = (fixes["latitude"][first], fixes["longitude"][first], fixes["latitude"][after], fixes["longitude"][after])
    known = (seconds > 0) & (seconds <= BETWEEN_S)
    derived = np.where(known, distance_m(*there) / np.maximum(seconds, 1), np.nan)
    return np.where(np.isnan(speed), derived, speed)
