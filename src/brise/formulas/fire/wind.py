"""Midflame wind: what the flames feel, from the wind 20 ft or 10 m above the vegetation.

Albini and Baughman (1979), INT-221; Finney (1998), RMRS-RP-4; Andrews (2012), RMRS-GTR-266.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.formulas.fire.fuel_models import FOOT

Array = NDArray[np.float64]

TEN_METRES_TO_TWENTY_FEET = 1.0 / 1.15  # Turner and Lawson (1978), as in BehavePlus, FARSITE and ELMFIRE
_SHELTERED_FROM = 0.05  # cover, or crown fill, from which the canopy governs


def twenty_foot_wind(ten_metre_wind: ArrayLike) -> Array:
    """Wind 20 ft above the vegetation from the 10 m wind, in its own unit: divided by 1.15.

    >>> twenty_foot_wind(23.0).round(2).item()
    20.0
    """
    return np.asarray(np.asarray(ten_metre_wind, float) * TEN_METRES_TO_TWENTY_FEET)


def crown_fill(cover: ArrayLike, crown_ratio: ArrayLike | None = None) -> Array:
    """Share of the space under the canopy's top that crowns fill, from cover and crown ratio (fractions).

    With a crown ratio (crown length over canopy height): cover times ratio over 3, cones (Albini and Baughman 1979;
    BehavePlus). Without: cover times pi / 12, cones as long as the trees are tall on a square grid (Finney 1998,
    FARSITE; FlamMap's own output follows it to 0.1 %, whatever the canopy base).

    >>> crown_fill(0.6, 0.5).round(3).item(), crown_fill(0.6).round(3).item()
    (0.1, 0.157)
    """
    share = np.asarray(cover, float)
    return np.asarray(share * np.pi / 12.0 if crown_ratio is None else share * np.asarray(crown_ratio, float) / 3.0)


def _log_profile(height_ft: Array) -> Array:
    return np.asarray(np.log((20.0 + 0.36 * height_ft) / (0.13 * height_ft)))


def wind_adjustment(
    depth: ArrayLike, height: ArrayLike = 0.0, cover: ArrayLike = 0.0, crown_ratio: ArrayLike | None = None
) -> Array:
    """Midflame over 20-ft wind (…).

    In the open 1.83 / ln((20 + 0.36 H) / (0.13 H)), H the depth of the fuel bed in ft; under a canopy
    0.555 / (sqrt(f H) ln((20 + 0.36 H) / (0.13 H))), H the canopy's height in ft, f its `crown_fill` (Andrews 2012, eq.
    5 and 6). The canopy governs where crowns fill 5 % (BehavePlus, with a crown ratio) or cover above 5 % (FARSITE and
    FlamMap, without).

    Args:
        depth: Of the fuel bed, m; 0 (nothing to burn) gives 0.
        height: Of the canopy's top, m.
        cover: Of the canopy, fraction.
        crown_ratio: Crown length over canopy height, fraction; left out: FlamMap's rule.

    GR2 (1 ft) in the open 0.362, ELMFIRE's 3.62 mph of 10; under 18 m of forest, half covered, half crowns, 0.149:

    >>> wind_adjustment(0.3048).round(3).item(), wind_adjustment(0.3048, 18.0, 0.5, 0.5).round(3).item()
    (0.362, 0.149)
    """
    bed, top = np.asarray(depth, float) / FOOT, np.asarray(height, float) / FOOT
    share = np.asarray(cover, float)
    fill = crown_fill(share, crown_ratio)
    sheltered = ((share > _SHELTERED_FROM) if crown_ratio is None else (fill >= _SHELTERED_FROM)) & (top > 0)
    open_factor = np.where(bed > 0, 1.83 / _log_profile(np.where(bed > 0, bed, 1.0)), bed * 0.0)
    tall, full = np.where(sheltered, top, 1.0), np.where(sheltered, fill, 1.0)
    unknown = np.isnan(top) | np.isnan(fill)
    factor = np.where(sheltered, 0.555 / (np.sqrt(full * tall) * _log_profile(tall)), open_factor)
    return np.asarray(np.where(unknown, np.nan, factor))
