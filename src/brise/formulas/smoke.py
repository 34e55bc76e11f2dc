"""Smoke of a fire: how high it rises and how it spreads, as Gaussian puffs that the wind carries.

- Stability: Pasquill's classes from wind and net radiation (Turner 1964, J. Appl. Meteorol. 3, 83).
- Rise: buoyant plumes of Briggs (1975), Lectures on Air Pollution and Environmental Impact Analyses, AMS, ch. 3.
- Spread: Briggs's (1973, ATDL-79) open-country widths of the six classes, fitted to 10 km, used as they are beyond.
- Wind aloft: power law with the rural exponents of EPA's ISC3 (EPA-454/B-95-003b, table 1-2).

Classes are numbers, 0 = A (very unstable) to 5 = F (stable).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

Array = NDArray[np.float64]

GRAVITY = 9.80665
AIR_HEAT = 1004.0  # J kg-1 K-1
AIR_DENSITY = 1.2  # kg m-3
CALM = 1.0
"""m s-1: slower winds count as this, as they do in the regulatory models; puffs would pile up without end."""

_SIDE = np.array([0.22, 0.16, 0.11, 0.08, 0.06, 0.04])  # sigma y = a x (1 + 0.0001 x)^-1/2
_UP = np.array([0.20, 0.12, 0.08, 0.06, 0.03, 0.016])  # sigma z = a x (1 + b x)^-p
_BEND = np.array([0.0, 0.0, 0.0002, 0.0015, 0.0003, 0.0003])
_POWER = np.array([0.0, 0.0, 0.5, 0.5, 1.0, 1.0])
_WIND_EXPONENT = np.array([0.07, 0.07, 0.10, 0.15, 0.35, 0.55])
_LAPSE = np.array([0.0, 0.0, 0.0, 0.0, 0.02, 0.035])  # potential temperature, K m-1
_INSOLATION_EDGES = (15.0, 35.0, 60.0)  # degrees of the sun's height

# Turner's table: rows by wind (knots, upper edges), columns by net radiation index 4, 3, 2, 1, 0, -1, -2
_WIND_EDGES_KNOTS = (1.5, 3.5, 5.5, 6.5, 7.5, 9.5, 10.5, 11.5)
_TURNER = np.array([
    [0, 0, 1, 2, 3, 5, 5],
    [0, 1, 1, 2, 3, 5, 5],
    [0, 1, 2, 3, 3, 4, 5],
    [1, 1, 2, 3, 3, 4, 5],
    [1, 1, 2, 3, 3, 3, 4],
    [1, 2, 2, 3, 3, 3, 4],
    [2, 2, 3, 3, 3, 3, 4],
    [2, 2, 3, 3, 3, 3, 3],
    [2, 3, 3, 3, 3, 3, 3],
])  # fmt: skip
_KNOT = 0.514444


def stability(wind_speed: ArrayLike, sun_elevation: ArrayLike, cloud: ArrayLike) -> NDArray[np.intp]:
    """Pasquill's class, 0 (A) to 5 (F), after Turner 1964 (his G counts as F).

    Args:
        wind_speed: (...) at 10 m, m s-1.
        sun_elevation: (...) degrees.
        cloud: (...) share of the sky; NaN (not known) counts as half.

    A light wind at clear noon is class A, at clear night F; a strong wind is D at any hour.

    >>> stability([1.0, 1.0, 8.0], [65.0, -20.0, 65.0], [0.0, 0.0, 1.0]).tolist()
    [0, 5, 3]
    """
    wind, height, sky = np.broadcast_arrays(*(np.asarray(one, float) for one in (wind_speed, sun_elevation, cloud)))
    sky = np.where(np.isnan(sky), 0.5, sky)
    by_sun = 1 + np.searchsorted(_INSOLATION_EDGES, height)
    by_day = np.clip(by_sun - (sky > 0.5) - (sky > 0.9), 1, 4)
    by_night = np.where(sky <= 0.4, -2, -1)
    index = np.where(height > 0, by_day, by_night)
    index = np.where(sky >= 0.99, 0, index)  # overcast: neutral by day and by night
    return np.asarray(_TURNER[np.searchsorted(_WIND_EDGES_KNOTS, wind / _KNOT, "right"), 4 - index], np.intp)


def wind_aloft(wind_speed: ArrayLike, height: ArrayLike, kind: ArrayLike) -> Array:
    """Wind at a height (10 m to 200 m by the law, above as at 200 m), m s-1, from that at 10 m; at least CALM.

    >>> float(wind_aloft(5.0, 100.0, 3).round(2))  # class D: 5 x 10^0.15
    7.06
    """
    ratio = np.clip(np.asarray(height, float), 10.0, 200.0) / 10.0
    return np.asarray(np.maximum(np.asarray(wind_speed, float) * ratio ** _WIND_EXPONENT[np.asarray(kind)], CALM))


def buoyancy(power: ArrayLike, temperature: ArrayLike = 288.15) -> Array:
    """Briggs's buoyancy flux, m4 s-3, of the heat that rises, W: F = g Q / (pi cp rho T).

    >>> float(buoyancy(1e6).round(2))  # one megawatt
    8.99
    """
    return np.asarray(GRAVITY * np.asarray(power, float) / (np.pi * AIR_HEAT * AIR_DENSITY * np.asarray(temperature)))


def plume_rise(power: ArrayLike, wind_speed: ArrayLike, kind: ArrayLike, temperature: ArrayLike = 288.15) -> Array:
    """Final rise of a buoyant plume, m (Briggs 1975; ISC3 eq. 1-8, 1-9 and 1-15).

    Unstable and neutral air: 21.425 F^0.75 / u below F = 55 m4 s-3, 38.71 F^0.6 / u above. Stable air:
    2.6 (F / (u s))^(1/3), s = g / T times the lapse of potential temperature (0.02 K/m in class E, 0.035 in F).

    Args:
        power: Of the heat that rises, W.
        wind_speed: At the source, m s-1; at least CALM counts.
        kind: Stability class.
        temperature: Of the air, K.

    50 MW in a neutral wind of 5 m/s: F = 449, rise 302 m.

    >>> float(plume_rise(50e6, 5.0, 3).round(0))
    302.0
    """
    flux = buoyancy(power, temperature)
    wind, which = np.maximum(np.asarray(wind_speed, float), CALM), np.asarray(kind)
    mixed = np.where(flux < 55, 21.425 * flux**0.75, 38.71 * flux**0.6) / wind
    lapse = _LAPSE[which]
    s = GRAVITY / np.asarray(temperature, float) * np.where(lapse > 0, lapse, 0.02)
    stable = 2.6 * (flux / (wind * s)) ** (1 / 3)
    return np.asarray(np.where(lapse > 0, np.minimum(stable, mixed), mixed))


def widths(distance: ArrayLike, kind: ArrayLike) -> tuple[Array, Array]:
    """Sideways and upright standard deviation of a puff, m, after a way through air of one class (Briggs 1973).

    >>> [float(sigma.round(1)) for sigma in widths(1000.0, 3)]
    [76.3, 37.9]
    """
    x, which = np.asarray(distance, float), np.asarray(kind)
    side = _SIDE[which] * x / np.sqrt(1.0 + 1e-4 * x)
    return np.asarray(side), np.asarray(_UP[which] * x * (1.0 + _BEND[which] * x) ** -_POWER[which])


def side_way(width: ArrayLike, kind: ArrayLike) -> Array:
    """The way after which a puff in air of a class is so wide, m: the inverse of `widths`' first.

    >>> float(side_way(widths(2500.0, 4)[0], 4).round(6))
    2500.0
    """
    square = (np.asarray(width, float) / _SIDE[np.asarray(kind)]) ** 2
    half = 0.5e-4 * square
    return np.asarray(half + np.sqrt(half**2 + square))


def up_way(width: ArrayLike, kind: ArrayLike) -> Array:
    """The way after which a puff in air of a class is so high, m; endless where that class never lets it be so.

    >>> [float(up_way(widths(2500.0, kind)[1], kind).round(6)) for kind in range(6)]
    [2500.0, 2500.0, 2500.0, 2500.0, 2500.0, 2500.0]
    """
    which = np.asarray(kind)
    q = np.asarray(width, float) / _UP[which]
    bend, power = _BEND[which], _POWER[which]
    half = 0.5 * bend * q**2
    room = 1.0 - bend * q
    saturating = np.where(room > 0, q / np.where(room > 0, room, 1.0), np.inf)
    return np.asarray(np.where(power == 0, q, np.where(power == 0.5, half + np.sqrt(half**2 + q**2), saturating)))


def vertical(sigma: ArrayLike, height: ArrayLike, lid: ArrayLike, at: ArrayLike = 0.0) -> Array:
    """Share of a puff's mass a metre of height, m-1, `at` a height: reflected by the ground and by the lid.

    Its integral from the ground to the lid is 1. A puff whose middle is above the lid stays above it (0 below).
    Beyond 1.2 lids wide it is even, 1 / lid.

    >>> float((vertical(50.0, 0.0, 1e5) * 50.0 * np.sqrt(np.pi / 2)).round(6))  # at the ground of an open sky: 2 images
    1.0
    """
    s, h, top, z = (np.asarray(one, float) for one in (sigma, height, lid, at))
    s = np.maximum(s, 1.0)
    images = sum(
        np.exp(-0.5 * ((z - h + 2 * n * top) / s) ** 2) + np.exp(-0.5 * ((z + h + 2 * n * top) / s) ** 2)
        for n in range(-3, 4)
    )
    share = np.where(s > 1.2 * top, 1.0 / top, images / (np.sqrt(2 * np.pi) * s))
    return np.asarray(np.where((h > top) | (z > top), 0.0, share))


def within(edges: Array, middle: Array, sigma: Array) -> Array:
    """(N, X) share of each of N puffs between X + 1 edges along one axis; it sums to 1 over a line that holds it all.

    >>> within(np.array([-1.0, 0.0, 1.0]), np.array([0.0]), np.array([1.0])).round(4).tolist()
    [[0.3413, 0.3413]]
    """
    at = (edges[None, :] - middle[:, None]) / (np.sqrt(2.0) * sigma[:, None])
    return np.asarray(np.diff(0.5 * erf(at), axis=1))


@dataclass(slots=True)
class Puffs:
    """N puffs on their way.

    Attributes:
        x: Eastward, m.
        y: Northward, m.
        mass: kg.
        height: Of the middle, m.
        side: Sideways standard deviation, m.
        up: Upright standard deviation, m.
    """

    x: Array
    y: Array
    mass: Array
    height: Array
    side: Array
    up: Array

    def move(self, wind: tuple[float, float], kind: int, seconds: float) -> None:
        """Let them drift and grow.

        Args:
            wind: Eastward and northward at 10 m, m s-1.
            kind: Stability class.
            seconds: For how long.
        """
        speed = float(np.hypot(*wind))
        carried = wind_aloft(speed, self.height, kind)
        way = carried * seconds
        if speed > 0:
            self.x = self.x + way * wind[0] / speed
            self.y = self.y + way * wind[1] / speed
        self.side = widths(side_way(self.side, kind) + way, kind)[0]
        before = up_way(self.up, kind)
        self.up = np.where(
            np.isfinite(before), widths(np.where(np.isfinite(before), before, 0) + way, kind)[1], self.up
        )

    def keep(self, wanted: NDArray[np.bool_]) -> "Puffs":
        """Those that are wanted."""
        return Puffs(*(getattr(self, name)[wanted] for name in ("x", "y", "mass", "height", "side", "up")))

    def ground(self, east: Array, north: Array, lid: float) -> Array:
        """(Y, X) kg m-3 at the ground, mean over each cell.

        Args:
            east: (X + 1) edges of the columns, m.
            north: (Y + 1) edges of the rows, m, falling.
            lid: Mixing height, m.
        """
        columns = within(east, self.x, self.side) / np.diff(east)
        rows = -within(north, self.y, self.side) / -np.diff(north)
        return np.asarray((rows * (self.mass * vertical(self.up, self.height, lid))[:, None]).T @ columns)


def join(one: Puffs, other: Puffs) -> Puffs:
    """Both, in one cloud."""
    names = ("x", "y", "mass", "height", "side", "up")
    return Puffs(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))
