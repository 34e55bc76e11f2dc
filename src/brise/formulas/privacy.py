"""What may be shown of where people were: private zones, trimmed trips, counts with noise.

Every random number is drawn from a keyed hash of what it is for (HMAC-SHA256 of a secret, the owner, the place): the
same question has the same noise for ever, so asking again, or publishing anew, averages nothing out.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass

import h3  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

K = 3
"""Owners behind every public value, at least."""

EPSILON = 0.25
"""Of each published count (Dwork et al. 2006). An owner's hour in a place is counted once a resolution (four) and once
an hourly and a daily period: eight counts, 2.0 together."""

STAY_RADIUS_M, STAY_S = 150.0, 15 * 60.0
"""Within so far of where it began, for so long, is a stay."""

NIGHT = (21, 6)
WORK = (9, 17)
"""Local solar hours."""

NIGHT_H, WORK_H = 4.0, 6.0
"""Hours of stays at one place, by night, or in working hours, that make it private."""

ANCHOR = 9
"""H3 resolution to which a private place is rounded before anything else: cells of about 0.1 km², 200 m to a corner."""

RADII_M = (800.0, 1600.0, 3200.0)
"""Of a zone: the first within which there are others enough, else the last."""

SHIFT = 0.5
"""The zone's centre lies up to this part of the radius from its anchor: the centre is not the place."""

TRIM_M = (150.0, 350.0)
"""Of path, taken from both ends of every trip."""

_EARTH_M = 6_371_008.8
_GAP_S = 20 * 60.0
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Stay:
    """A time spent at one place.

    Attributes:
        latitude: Median, degrees north.
        longitude: Median, degrees east.
        start: Seconds since 1970 UTC.
        end: The same.
    """

    latitude: float
    longitude: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Zone:
    """A disc of which nothing is shown; the private place lies in it, not in its middle.

    Attributes:
        latitude: Of its centre, degrees north.
        longitude: Degrees east.
        radius_m: m.
    """

    latitude: float
    longitude: float
    radius_m: float


def draw(secret: bytes, *about: object) -> float:
    """A number in [0, 1) that only the secret tells; the same for the same question.

    >>> draw(b"s", 1, "a") == draw(b"s", 1, "a") != draw(b"s", 1, "b")
    True
    """
    told = hmac.new(secret, "\\x1f".join(map(str, about)).encode(), hashlib.sha256).digest()
    return int.from_bytes(told[:7]) / 2**56


def distance_m(latitude: Array, longitude: Array, place: tuple[float, float]) -> Array:
    """(N,) metres to a place (degrees), on a plane: right to 0.1 % within 50 km.

    >>> distance_m(np.array([51.0]), np.array([0.0]), (51.01, 0.0)).round().tolist()
    [1112.0]
    """
    north = np.radians(latitude - place[0]) * _EARTH_M
    turned = (longitude - place[1] + 180.0) % 360.0 - 180.0
    east = np.radians(turned) * _EARTH_M * math.cos(math.radians(place[0]))
    return np.hypot(north, east)


def stays(time: Array, latitude: Array, longitude: Array) -> list[Stay]:
    """Stays of one track, in order (Li et al. 2008: first fix, then all that stay within the radius of it).

    Args:
        time: (N,) seconds since 1970 UTC, ascending.
        latitude: (N,) degrees north; rows without a place are passed over.
        longitude: (N,) degrees east.
    """
    known = np.isfinite(latitude) & np.isfinite(longitude)
    t, y, x = time[known], latitude[known], longitude[known]
    found, first = [], 0
    while first < len(t):
        far = np.flatnonzero(distance_m(y[first:], x[first:], (y[first], x[first])) > STAY_RADIUS_M)
        last = first + int(far[0]) if len(far) else len(t)
        if t[last - 1] - t[first] >= STAY_S:
            rows = slice(first, last)
            found.append(
                Stay(float(np.median(y[rows])), float(np.median(x[rows])), float(t[first]), float(t[last - 1]))
            )
            first = last
        else:
            first += 1
    return found


def private_anchors(found: Sequence[Stay]) -> list[str]:
    """H3 cells where nights or working days are spent, most hours first.

    Hours of a cell count with those of its neighbours, for a home at a border falls now here, now there; of cells that
    touch, the one with most hours stands for all.
    """
    night: dict[str, float] = {}
    work: dict[str, float] = {}
    for stay in found:
        cell = h3.latlng_to_cell(stay.latitude, stay.longitude, ANCHOR)
        hours = np.arange(stay.start, stay.end, 600.0)
        local = (hours / _HOUR_S + stay.longitude / 15.0) % 24
        for book, inside in (
            (night, (local >= NIGHT[0]) | (local < NIGHT[1])),
            (work, (local >= WORK[0]) & (local < WORK[1])),
        ):
            book[cell] = book.get(cell, 0.0) + float(inside.sum()) / 6
    chosen: list[str] = []
    for book, least in ((night, NIGHT_H), (work, WORK_H)):
        for cell in sorted(book, key=lambda one: (-book[one], one)):
            around = h3.grid_disk(cell, 1)
            if sum(book.get(one, 0.0) for one in around) >= least and not set(around) & set(chosen):
                chosen.append(cell)
    return chosen


def zone_of(anchor: str, secret: bytes, others: Array) -> Zone:
    """The zone around a private place.

    It grows until places of three others lie in it: in a busy quarter it is small, where nobody else is it is large.
    It follows from the anchor cell and the secret alone, so that any number of tracks tell no more than one.

    Args:
        anchor: H3 cell.
        secret: The owner's.
        others: (M, 3) latitude, longitude and number of other owners' places; what is not known is nobody.
    """
    turn, far = 2 * math.pi * draw(secret, anchor, "turn"), math.sqrt(draw(secret, anchor, "far"))
    latitude, longitude = h3.cell_to_latlng(anchor)
    for radius in RADII_M:
        shift = far * SHIFT * radius
        north, east = shift * math.cos(turn), shift * math.sin(turn)
        y = latitude + math.degrees(north / _EARTH_M)
        x = longitude + math.degrees(east / _EARTH_M / math.cos(math.radians(latitude)))
        near = distance_m(others[:, 0], others[:, 1], (y, x)) <= radius
        if len(np.unique(others[near, 2])) >= K:
            break
    return Zone(y, x, radius)


def outside(latitude: Array, longitude: Array, zones: Sequence[Zone]) -> NDArray[np.bool_]:
    """(N,) rows with a place that no zone covers."""
    shown = np.isfinite(latitude) & np.isfinite(longitude)
    for zone in zones:
        shown &= ~(distance_m(latitude, longitude, (zone.latitude, zone.longitude)) <= zone.radius_m)
    return shown


def trimmed(time: Array, latitude: Array, longitude: Array, secret: bytes) -> NDArray[np.bool_]:
    """(N,) rows that remain when both ends of every trip are cut.

    A trip is what lies between stays and gaps of 20 minutes. How much is cut is drawn by the place where it ends, so
    that many trips to one door end at one distance, and tell it no better than one.

    Args:
        time: (N,) seconds since 1970 UTC, ascending.
        latitude: (N,) degrees north.
        longitude: (N,) degrees east.
        secret: The owner's.
    """
    known = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    keep = np.zeros(len(time), bool)
    moving = np.ones(len(time), bool)
    for stay in stays(time, latitude, longitude):
        moving &= ~((time >= stay.start) & (time <= stay.end))
    known = known[moving[known]]
    if not len(known):
        return keep
    cuts = np.flatnonzero(np.diff(time[known]) > _GAP_S) + 1
    cuts = np.union1d(cuts, np.flatnonzero(np.diff(known) > 1) + 1)  # a stay lay between
    for trip in np.split(known, cuts):
        ends = [(float(latitude[trip[k]]), float(longitude[trip[k]])) for k in (0, -1)]
        away = np.ones(len(trip), bool)
        for place in ends:
            door = h3.latlng_to_cell(*place, ANCHOR)
            reach = TRIM_M[0] + (TRIM_M[1] - TRIM_M[0]) * draw(secret, door, "door")
            away &= distance_m(latitude[trip], longitude[trip], place) > reach
        keep[trip] = away
    return keep


def noisy_count(count: int, secret: bytes, *about: object) -> int:
    """A count with Laplace noise of scale 1 / EPSILON, not below 0.

    The noise is drawn for this very count of this very cell and period: published twice it is the same, and when
    somebody is erased, the difference of the two tells no more than each.
    """
    u = draw(secret, "count", count, *about) - 0.5
    noise = -math.copysign(math.log1p(-2 * abs(u)), u) / EPSILON
    return max(0, round(count + noise))
