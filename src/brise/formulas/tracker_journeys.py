"""Where the wearer stayed, how they moved between, and what of it was indoors: inferred, and never certain.

A stay is a time within STAY_M of where it began, at least STAY_S long (Li et al. 2008, doi:10.1145/1463434.1463477).
Stays near each other are one place. The mode between stays follows the speed, with hysteresis: a mode is left only when
the speed is clearly another's, and a stop of a few minutes in a ride belongs to the ride.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from brise.formulas.tracker_rows import distance_m

Array = NDArray[np.float64]
Times = NDArray[np.int64]
Codes = NDArray[np.int64]

STAY_M, STAY_S = 150.0, 600
"""A phone's fixes wander by tens of metres; a traffic light is shorter than ten minutes."""

PLACE_M = 200.0
"""Stays nearer than this to a place's middle are stays at it."""

MODES: tuple[str, ...] = ("unknown", "still", "walk", "cycle", "vehicle")

_LIMITS = (0.5, 2.2, 6.5)
"""m s-1 from still to walk, to cycle, to vehicle: a runner is slower than most cyclists, a cyclist than most cars."""

_CLEARLY = 1.2
"""By what factor a speed must be past a limit to leave a mode."""

_STOP_S = 240
"""A stop so short within a ride belongs to it."""

BLURRED_M = 100.0
"""A fix less accurate than this tells no speed."""

NIGHT, OFFICE = (22, 6), (9, 17)
"""Local hours by which a home and a workplace are told."""

HOME_S, WORK_S = 3 * 3600, 4 * 3600
"""Least time at a place in those hours."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the wearer stayed.

    Attributes:
        label: "home", "work", or "place N", N from the longest stayed at.
        latitude: Degrees, of its middle.
        longitude: Degrees.
        seconds: Stayed there.
        stays: How many times.
    """

    label: str
    latitude: float
    longitude: float
    seconds: int
    stays: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A way from one stay to the next.

    Attributes:
        start: Seconds since 1970.
        end: Seconds since 1970.
        mode: That of most of its time, or of its mean speed where that is a faster one's.
        metres: Along the fixes.
        origin: Position in the places, -1 = unknown.
        destination: Position in the places, -1 = unknown.
    """

    start: int
    end: int
    mode: str
    metres: float
    origin: int
    destination: int


@dataclass(frozen=True, slots=True)
class Journeys:
    """What was inferred of N samples.

    Attributes:
        place: (N,) position in `places`, -1 = at none or unknown.
        mode: (N,) position in MODES.
        trip: (N,) position in `trips`, -1 = on none.
        places: The longest stayed at first.
        trips: In order of time.
    """

    place: Codes
    mode: Codes
    trip: Codes
    places: tuple[Place, ...]
    trips: tuple[Trip, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """N samples of one wearer: seconds since 1970, degrees, m s-1, m; NaN unknown."""

    time: Times
    latitude: Array
    longitude: Array
    speed: Array
    accuracy: Array


def infer(way: Way, offset_s: int, labels: Sequence[tuple[float, float, str]] = ()) -> Journeys:
    """Places, trips and modes of samples.

    Args:
        way: The samples, in order of time.
        offset_s: By how much local time is ahead of UTC.
        labels: (latitude, longitude, label) that the wearer gave; it names the place it lies in.
    """
    n = len(way.time)
    known = np.flatnonzero(~np.isnan(way.latitude))
    place = np.full(n, -1, np.int64)
    stays = _stays(way.time[known], way.latitude[known], way.longitude[known])
    centres, members = _cluster(stays)
    spans = []
    for number, member in enumerate(members):
        for stay in member:
            rows = known[int(stays[stay, 0]) : int(stays[stay, 1]) + 1]
            place[rows] = number  # between them, where no place is known, nothing is
            spans.append((int(rows[0]), int(rows[-1]), number))
    places = _named(way.time, place, centres, [len(m) for m in members], (offset_s, labels))
    mode = _modes(way, place)
    trips, trip = _trips(way, mode, sorted(spans))
    return Journeys(place, mode, trip, places, trips)


def _stays(time: Times, latitude: Array, longitude: Array) -> Array:
    """(S, 5): first and last row, latitude, longitude and seconds of each stay."""
    found = []
    n, begin = len(time), 0
    north = 111_195.0
    while begin < n - 1:
        east = north * np.cos(np.radians(latitude[begin]))
        end, size = begin + 1, 64
        while end < n:  # in growing pieces, until one leaves
            stop = min(end + size, n)
            dy, dx = (latitude[end:stop] - latitude[begin]) * north, (longitude[end:stop] - longitude[begin]) * east
            away = np.flatnonzero(dy * dy + dx * dx > STAY_M**2)
            if len(away):
                end += int(away[0])
                break
            end, size = stop, size * 4
        if time[end - 1] - time[begin] >= STAY_S:
            rows = slice(begin, end)
            middle = (float(np.median(latitude[rows])), float(np.median(longitude[rows])))
            found.append((begin, end - 1, *middle, time[end - 1] - time[begin]))
            begin = end
        else:
            begin += 1
    return np.array(found, float).reshape(-1, 5)


def _cluster(stays: Array) -> tuple[Array, list[list[int]]]:
    """Middles of places, the longest stayed at first, and the stays at each."""
    centres: list[tuple[float, float]] = []
    members: list[list[int]] = []
    for stay in np.argsort(-stays[:, 4], kind="stable"):
        latitude, longitude = stays[stay, 2], stays[stay, 3]
        if centres:
            at = np.array(centres)
            far = distance_m(at[:, 0], at[:, 1], np.array(latitude), np.array(longitude))
            nearest = int(np.argmin(far))
            if far[nearest] <= PLACE_M:
                members[nearest].append(int(stay))
                continue
        centres.append((float(latitude), float(longitude)))
        members.append([int(stay)])
    order = sorted(range(len(members)), key=lambda i: -float(stays[members[i], 4].sum()))
    return np.array([centres[i] for i in order]).reshape(-1, 2), [members[i] for i in order]


def _named(
    time: Times, place: Codes, centres: Array, stays: list[int], told: tuple[int, Sequence[tuple[float, float, str]]]
) -> tuple[Place, ...]:
    """Places with their labels: the wearer's own, else home by nights and work by office hours."""
    offset_s, labels = told
    step = np.minimum(np.diff(time, append=time[-1:]), 3600)
    hour = (time + offset_s) // 3600 % 24
    weekday = ((time + offset_s) // 86_400 + 3) % 7 < 5
    night = (hour >= NIGHT[0]) | (hour < NIGHT[1])
    office = weekday & (hour >= OFFICE[0]) & (hour < OFFICE[1])
    at = place >= 0
    seconds, nights, offices = (
        np.bincount(place[at & mask], weights=step[at & mask], minlength=len(centres))
        for mask in (np.ones(len(time), bool), night, office)
    )
    names = [f"place {number + 1}" for number in range(len(centres))]
    if len(centres) and nights.max() >= HOME_S:
        home = int(np.argmax(nights))
        names[home] = "home"
        offices[home] = 0
    if len(centres) and offices.max() >= WORK_S:
        names[int(np.argmax(offices))] = "work"
    for latitude, longitude, label in labels:
        if len(centres):
            far = distance_m(centres[:, 0], centres[:, 1], np.array(latitude), np.array(longitude))
            if far.min() <= PLACE_M:
                names[int(np.argmin(far))] = label
    return tuple(
        Place(names[i], float(centres[i, 0]), float(centres[i, 1]), int(seconds[i]), stays[i])
        for i in range(len(names))
    )


def _modes(way: Way, place: Codes) -> Codes:
    """(N,) position in MODES."""
    speed = np.where(way.accuracy > BLURRED_M, np.nan, way.speed)
    around = np.stack([np.r_[np.nan, speed[:-1]], speed, np.r_[speed[1:], np.nan]])
    known = ~np.isnan(around).all(axis=0)
    smooth = np.full(len(speed), np.nan)
    smooth[known] = np.nanmedian(around[:, known], axis=0)
    mode = np.zeros(len(speed), np.int64)
    state = 0
    for i in np.flatnonzero(known & (place < 0)):
        if i == 0 or place[i - 1] >= 0 or not known[i - 1]:
            state = 0
        state = _next(state, float(smooth[i]))
        mode[i] = state
    mode[place >= 0] = MODES.index("still")
    return _rides(way.time, mode, place)


def _next(state: int, speed: float) -> int:
    """The mode after `state` at a speed; it changes only where the speed is clearly another's."""
    plainly = 1 + sum(speed >= limit for limit in _LIMITS)
    if state == 0 or plainly == state:
        return plainly
    if plainly > state:
        return plainly if speed >= _LIMITS[state - 1] * _CLEARLY else state
    return plainly if speed < _LIMITS[state - 2] / _CLEARLY else state


def _rides(time: Times, mode: Codes, place: Codes) -> Codes:
    """Stops, and slow minutes, within a ride or a walk belong to it."""
    out = mode.copy()
    starts = np.flatnonzero(np.r_[True, mode[1:] != mode[:-1]]) if len(mode) else np.zeros(0, int)
    ends = np.r_[starts[1:], len(mode)] if len(mode) else np.zeros(0, int)
    for k in range(1, len(starts) - 1):
        rows = slice(int(starts[k]), int(ends[k]))
        before, after = out[starts[k] - 1], mode[ends[k]]
        short = time[ends[k] - 1] - time[starts[k]] < _STOP_S
        if short and before == after and before > mode[starts[k]] and (place[rows] < 0).all() and mode[starts[k]] > 0:
            out[rows] = before
    return out


def _trips(way: Way, mode: Codes, spans: list[tuple[int, int, int]]) -> tuple[tuple[Trip, ...], Codes]:
    """Ways between stays that lead somewhere."""
    trip = np.full(len(way.time), -1, np.int64)
    found: list[Trip] = []
    edges = [(-1, -1, -1), *spans, (len(way.time), len(way.time), -1)]
    for (_, last, origin), (first, _, destination) in pairwise(edges):
        rows = np.arange(last + 1, first)
        rows = rows[(mode[rows] >= MODES.index("walk")) & ~np.isnan(way.latitude[rows])]
        if len(rows) < 2:
            continue
        for part in np.split(rows, np.flatnonzero(np.diff(way.time[rows]) > 1800) + 1):
            ends = [at for at in (last, first) if 0 <= at < len(way.time)]  # the way leads from a stay and to one
            near = [at for at in ends if np.abs(way.time[part] - way.time[at]).min() <= 1800]
            whole = np.sort(np.r_[part, np.array(near, int)])
            y, x = way.latitude[whole], way.longitude[whole]
            metres = float(distance_m(y[:-1], x[:-1], y[1:], x[1:]).sum())
            if len(part) < 2 or metres < 2 * STAY_M:
                continue
            counts = np.bincount(mode[part], minlength=len(MODES))
            begin, end = int(way.time[whole[0]]), int(way.time[whole[-1]])
            trip[part[0] : part[-1] + 1] = len(found)
            mean = metres / max(end - begin, 1)
            likely = max(int(np.argmax(counts)), 1 + sum(mean >= limit for limit in _LIMITS))
            found.append(Trip(begin, end, MODES[likely], metres, origin, destination))
    return tuple(found), trip


SURROUNDINGS: tuple[str, ...] = ("unknown", "indoors", "outdoors", "vehicle")


def surroundings(
    way: Way, journeys: Journeys, ratio: Array | None = None, told: Sequence[tuple[int, int, str]] = ()
) -> tuple[Codes, Array]:
    """Whether each sample was taken indoors, outdoors or in a vehicle, and how sure that is.

    Log-odds add up: a stay is likely indoors (+1), the longer the more (+0.5 an hour, at most +1.5), at home or work
    more (+0.7); receivers see less of the sky there (+0.5 for an accuracy beyond 25 m); air that is not the city's is
    indoor air (+0.7 for less than 0.6 or more than 1.8 times the city's particles, -0.4 else). On foot or by bicycle
    it is outdoors (-3).

    Args:
        way: N samples.
        journeys: What was inferred of them.
        ratio: (N,) particles over the city's, NaN unknown.
        told: (start, end, surroundings) that the wearer gave, seconds since 1970; certain.

    Returns:
        (N,) position in SURROUNDINGS, and (N,) probability 0..1 that it is so; NaN where unknown.
    """
    odds = np.full(len(way.time), np.nan)
    at = journeys.place >= 0
    begun = np.flatnonzero(np.r_[True, journeys.place[1:] != journeys.place[:-1]]) if len(at) else np.zeros(0, int)
    ends = np.r_[begun[1:], len(at)]
    for start, end in zip(begun, ends, strict=True):
        number = int(journeys.place[start])
        if number >= 0:
            hours = (way.time[end - 1] - way.time[start]) / 3600
            named = journeys.places[number].label in ("home", "work")
            odds[start:end] = 1.0 + min(1.5, 0.5 * hours) + 0.7 * named
    odds[at] += 0.5 * (way.accuracy[at] > 25)
    if ratio is not None:
        odds[at] += np.where(np.isnan(ratio[at]), 0, np.where((ratio[at] < 0.6) | (ratio[at] > 1.8), 0.7, -0.4))
    moving = (journeys.mode == MODES.index("walk")) | (journeys.mode == MODES.index("cycle"))
    odds[moving] = -3.0
    inside = 1.0 / (1.0 + np.exp(-odds))
    which = np.where(np.isnan(odds), 0, np.where(odds >= 0, 1, 2)).astype(np.int64)
    sure = np.where(odds >= 0, inside, 1.0 - inside)
    riding = journeys.mode == MODES.index("vehicle")
    which[riding], sure[riding] = SURROUNDINGS.index("vehicle"), 0.9
    for start, end, label in told:
        rows = (way.time > start) & (way.time <= end)
        which[rows], sure[rows] = SURROUNDINGS.index(label), 1.0
    return which, sure
