"""Spotting: how far firebrands can fly, where they fall, and whether they light what they fall on.

Greatest distances: Albini (1979, INT-56) for torching trees and burning piles, Morris (1987, INT-374) after Albini
(1983, INT-309) for wind-driven surface fires, Chase (1981, INT-298) over hills, with the constants of BEHAVE. Where
embers fall: Sardoy et al. (2008, Combustion and Flame 154, 478) along the wind and Himoto and Tanaka (2005) across it,
as Perryman et al. (2013, Int. J. Wildland Fire 22, 344) use them. Ignition: Schroeder (1969). SI, winds at 20 ft.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.formulas.fire.fuel_models import FOOT

Array = NDArray[np.float64]
Location = Literal["midslope_windward", "valley_bottom", "midslope_leeward", "ridge_top"]

LOCATIONS: tuple[Location, ...] = ("midslope_windward", "valley_bottom", "midslope_leeward", "ridge_top")
_MPH, _MILE, _INCH = 0.44704, 1609.344, 0.0254

_FLAMES = {"spruce": (15.7, 0.451), "pine": (12.9, 0.453), "fir": (16.5, 0.515), "southern": (2.71, 1.0)}
_LASTING = {"spruce": (12.6, -0.256), "fir": (10.7, -0.278), "hemlock": (6.3, -0.249), "southern": (11.9, -0.389)}
TREES = {
    "engelmann_spruce": (_FLAMES["spruce"], _LASTING["spruce"]),
    "douglas_fir": (_FLAMES["spruce"], _LASTING["fir"]),
    "subalpine_fir": (_FLAMES["spruce"], _LASTING["fir"]),
    "western_hemlock": (_FLAMES["spruce"], _LASTING["hemlock"]),
    "ponderosa_pine": (_FLAMES["pine"], _LASTING["spruce"]),
    "lodgepole_pine": (_FLAMES["pine"], _LASTING["spruce"]),
    "western_white_pine": (_FLAMES["pine"], _LASTING["fir"]),
    "grand_fir": (_FLAMES["fir"], _LASTING["fir"]),
    "balsam_fir": (_FLAMES["fir"], _LASTING["fir"]),
    "slash_pine": (_FLAMES["southern"], _LASTING["southern"]),
    "longleaf_pine": (_FLAMES["southern"], _LASTING["southern"]),
    "pond_pine": (_FLAMES["southern"], (7.91, -0.344)),
    "shortleaf_pine": (_FLAMES["southern"], (7.91, -0.344)),
    "loblolly_pine": (_FLAMES["southern"], (13.5, -0.544)),
}
"""Of a torching tree of d inches: flame height (ft) a d**b and its dimensionless duration c d**e (Albini 1979)."""


@dataclass(frozen=True, slots=True, eq=False)
class Brand:
    """A firebrand at the top of its flight, each (…).

    Attributes:
        height: m.
        drift: How far the wind took it on its way up, m.
    """

    height: Array
    drift: Array


def torching_brand(species: str, diameter: ArrayLike, height: ArrayLike, trees: ArrayLike = 1.0) -> Brand:
    """The brand of a group of trees that torch together (Albini 1979).

    Args:
        species: One of `TREES`.
        diameter: At breast height, m.
        height: Of the trees, m.
        trees: How many torch at once.

    Raises:
        InputError: A species that is none of these.

    >>> torching_brand("engelmann_spruce", 20 * 0.0254, 30 * 0.3048, 15).height.round(1).item()
    257.8
    """
    if species not in TREES:
        raise InputError(f"species {species!r} is unknown: one of {', '.join(TREES)}")
    (a, b), (c, d) = TREES[species]
    inches, feet, count = (
        np.asarray(diameter, float) / _INCH,
        np.asarray(height, float) / FOOT,
        np.asarray(trees, float),
    )
    flame = a * inches**b * count**0.4
    lasting = c * inches**d * count**-0.2
    ratio = feet / flame
    lift = np.select(
        [ratio >= 1.0, ratio >= 0.5, lasting < 3.5],
        [4.24 * lasting**0.332, 3.64 * lasting**0.391, 2.78 * lasting**0.418],
        4.70,
    )
    top = (lift * flame + feet / 2.0) * FOOT
    return Brand(np.asarray(top), np.zeros_like(top))


def pile_brand(flame_height: ArrayLike) -> Brand:
    """The brand of a burning pile: 12.2 flame heights up (Albini 1979).

    >>> pile_brand(2.0).height.round(1).item()
    24.4
    """
    top = 12.2 * np.asarray(flame_height, float)
    return Brand(top, np.zeros_like(top))


def surface_brand(flame_length: ArrayLike, wind: ArrayLike) -> Brand:
    """The brand of a surface fire in the open that the wind drives (Albini 1983 as fitted by Morris 1987).

    1.055 sqrt(I f) ft high, I Byram's intensity (Btu ft-1 s-1) of this flame length, f = 322 (0.474 U)**-1.01; it
    drifts 0.000278 U z**0.643 miles on its way up (U mph, z ft). No wind, no brand.

    >>> one = surface_brand(8.523320 * 0.3048, 5 * 0.44704)
    >>> one.height.round(1).item(), one.drift.round(1).item()
    (91.3, 87.5)
    """
    mph, feet = np.asarray(wind, float) / _MPH, np.asarray(flame_length, float) / FOOT
    blows = (mph > 0) & (feet > 0)
    speed = np.where(blows, mph, 1.0)
    intensity = (np.maximum(feet, 0.0) / 0.45) ** (1.0 / 0.46)
    top = np.where(blows, 1.055 * np.sqrt(322.0 * (0.474 * speed) ** -1.01 * intensity), 0.0)
    return Brand(np.asarray(top * FOOT), np.asarray(0.000278 * mph * top**0.643 * _MILE))


def spotting_distance(brand: Brand, wind: ArrayLike, cover: ArrayLike) -> Array:
    """Farthest that a brand lights a fire over level ground, m (Albini 1979).

    0.000718 U sqrt(H) (0.362 + sqrt(z / H) / 2 ln(z / H)) miles and the drift; U mph, z ft the brand's height, H ft the
    cover it falls into, taken as no lower than 2.2 z**0.337 - 4.

    Args:
        brand: From `torching_brand`, `pile_brand` or `surface_brand`.
        wind: m s-1.
        cover: Height of the vegetation downwind, m; where it is open half of that.

    BEHAVE's own case, fifteen torching spruces in a wind of 5 mph (0.181 miles):

    >>> trees = torching_brand("engelmann_spruce", 20 * 0.0254, 30 * 0.3048, 15)
    >>> spotting_distance(trees, 5 * 0.44704, 30 * 0.3048).round(1).item()
    292.0
    """
    mph, z = np.asarray(wind, float) / _MPH, np.asarray(brand.height, float) / FOOT
    flies = (z > 0) & (mph > 0)
    top = np.where(flies, z, 1.0)
    low = np.maximum(np.maximum(np.asarray(cover, float) / FOOT, 2.2 * top**0.337 - 4.0), 1e-3)
    ratio = top / low
    miles = 0.000718 * mph * np.sqrt(low) * (0.362 + np.sqrt(ratio) / 2.0 * np.log(ratio))
    return np.asarray(np.where(flies, np.maximum(miles, 0.0) * _MILE + brand.drift, 0.0))


def over_hills(distance: ArrayLike, location: Location, valley: ArrayLike, relief: ArrayLike) -> Array:
    """That distance where ridges and valleys cross the wind, m (Chase 1981).

    Args:
        distance: Over level ground, m.
        location: Of the fire.
        valley: Ridge to valley floor along the wind, m; 0 is level ground.
        relief: Ridge above valley floor, m; 0 is level ground.

    Raises:
        InputError: A location that is none of these.

    Those spruces on a ridge, a mile from the valley and 2,000 ft above it: BEHAVE's 0.222396 miles.

    >>> (over_hills(0.181449065 * 1609.344, "ridge_top", 1609.344, 2000 * 0.3048) / 1609.344).round(6).item()
    0.222396
    """
    if location not in LOCATIONS:
        raise InputError(f"location {location!r} is unknown: one of {', '.join(LOCATIONS)}")
    turn = LOCATIONS.index(location) * np.pi / 2.0
    flat, across, tall = (np.asarray(value, float) for value in (distance, valley, relief))
    hilly = (across > 0) & (tall > 0)
    level = flat / np.where(hilly, across, 1.0)
    scale = tall / FOOT / (10_000.0 * np.pi)
    x = level
    for _ in range(6):  # as BEHAVE iterates
        x = level - scale * (np.cos(np.pi * x - turn) - np.cos(turn))
    return np.asarray(np.where(hilly, x * across, flat))


def ignition_probability(temperature: ArrayLike, moisture: ArrayLike) -> Array:
    """Chance that an ember lights the fine dead fuel it lands on (…), from that fuel's temperature and moisture.

    Schroeder (1969): 0.000048 x**4.3 / 50 with x = (400 - Q) / 10, Q the heat of ignition, cal g-1:
    144.512 - 0.266 T - 0.00058 T**2 - T M + 18.54 (1 - exp(-15.1 M)) + 640 M (T Celsius, M fraction).

    >>> ignition_probability(303.15, [0.03, 0.08, 0.25]).round(2).tolist()
    [0.81, 0.4, 0.01]
    """
    t, m = np.asarray(temperature, float) - 273.15, np.asarray(moisture, float)
    heat = 144.512 - 0.266 * t - 0.00058 * t**2 - t * m + 18.54 * (1.0 - np.exp(-15.1 * m)) + 640.0 * m
    return np.asarray(np.minimum(0.000048 * (np.maximum(400.0 - heat, 0.0) / 10.0) ** 4.3 / 50.0, 1.0))


def landing(intensity: ArrayLike, wind: ArrayLike) -> tuple[Array, Array]:
    """Mean and standard deviation of the logarithm of the distance (m) at which embers land, downwind (…).

    Sardoy et al. (2008), with I in MW m-1 and U in m s-1: under wind-driven plumes (Froude number U / sqrt(g L) above
    1) 1.47 I**0.54 U**-0.55 + 1.14 and 0.86 I**-0.21 U**0.44 + 0.19; under buoyant ones 1.32 I**0.26 U**0.11 - 0.02 and
    4.95 I**-0.01 U**-0.02 - 3.48. L = (I / (rho c T sqrt(g)))**(2/3), the plume's length. No wind: taken as 0.1 m s-1.

    Args:
        intensity: Of the fire line, W m-1.
        wind: m s-1.

    >>> [part.round(2).item() for part in landing(20e6, 15.0)]
    [2.81, 1.7]
    """
    power = np.maximum(np.asarray(intensity, float), 1e3) / 1e6
    speed = np.maximum(np.asarray(wind, float), 0.1)
    length = (power * 1e3 / (1.1 * 1.121 * 300.0 * np.sqrt(9.81))) ** (2.0 / 3.0)
    driven = speed / np.sqrt(9.81 * length) > 1.0
    middle = np.where(driven, 1.47 * power**0.54 * speed**-0.55 + 1.14, 1.32 * power**0.26 * speed**0.11 - 0.02)
    wide = np.where(driven, 0.86 * power**-0.21 * speed**0.44 + 0.19, 4.95 * power**-0.01 * speed**-0.02 - 3.48)
    return np.asarray(middle), np.asarray(np.maximum(wide, 0.0))
