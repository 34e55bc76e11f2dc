"""Surface fire of every cell of a landscape at once, in one compiled pass: `surface.spread` for grids.

Fuel and moisture decide a few hundred beds; wind, shelter and slope differ from cell to cell. The equations are those
of `surface.spread` and `ellipse.length_to_width`, whose comments name the sources; tests hold the two to each other.
An ensemble asks this a thousand times over, and NumPy's temporaries would cost ten times as much.
"""

from dataclasses import dataclass
from math import atan2, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from brise.formulas.compiled import Array32, compiled
from brise.formulas.fire.ellipse import FORMULAS, LIMIT, LengthToWidth
from brise.formulas.fire.fuel_models import FOOT
from brise.formulas.fire.surface import FuelBed, WindLimit, wind_limit_of

_MPH = 0.44704
_FT_MIN = FOOT / 60.0
_FLAMMAP, _ELMFIRE, _ALEXANDER = (FORMULAS.index(name) for name in ("flammap", "elmfire", "alexander"))


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What of each cell (N) decides its fire beside the weather.

    Attributes:
        bed: int32 row in a table of beds; -1 never burns.
        shelter: float32 midflame over 20-ft wind.
        rise: (2, N) float32 uphill, eastward and northward tangent.
    """

    bed: NDArray[np.int32]
    shelter: Array32
    rise: Array32


@dataclass(frozen=True, slots=True, eq=False)
class CellFires:
    """The heads of surface fires, each (N) float32.

    Attributes:
        rate: m s-1.
        direction: Radians clockwise from north.
        length_to_width: Of the ellipse.
    """

    rate: Array32
    direction: Array32
    length_to_width: Array32


def surface_cells(
    ground: Ground, beds: FuelBed, wind: tuple[float, float], shape: LengthToWidth = "behave", limit: WindLimit = "none"
) -> CellFires:
    """The surface fire of every cell, as `surface.spread` gives it.

    Args:
        ground: (N).
        beds: (K); those of NaN rate do not burn.
        wind: 20-ft wind, eastward and northward, blowing to, m s-1.
        shape: Formula of length to width.
        limit: Cap of the effective wind.

    GR2 in the open under ten miles an hour to the north:

    >>> from brise.formulas.fire.fuel_models import fuel_arrays
    >>> from brise.formulas.fire.surface import fuel_bed
    >>> bed = fuel_bed(fuel_arrays([102]), [0.03, 0.03, 0.03, 0.30, 0.60])
    >>> one = Ground(np.zeros(1, np.int32), np.full(1, 0.362, np.float32), np.zeros((2, 1), np.float32))
    >>> fire = surface_cells(one, bed, (0.0, 4.4704), "elmfire")
    >>> (fire.rate * 3600).round(0).tolist(), fire.length_to_width.round(2).tolist()
    ([844.0], [2.240000009536743])
    """
    cap = wind_limit_of(beds.reaction_intensity, limit)
    rows = (beds.rate, beds.wind_scale, beds.wind_exponent, beds.slope_scale, cap)
    table = np.stack([np.asarray(row, float) for row in rows], axis=-1)
    out = np.zeros((3, ground.bed.size), np.float32)
    speed = float(np.hypot(*wind))
    towards = (wind[0] / speed, wind[1] / speed) if speed > 0 else (0.0, 0.0)
    _burn(table, (ground.bed, ground.shelter, ground.rise), (speed, *towards), FORMULAS.index(shape), out)
    return CellFires(out[0], out[1], out[2])


@compiled
def _ratio(wind: float, formula: int) -> float:
    mph = min(wind / _MPH, 1000.0)
    if formula == _ALEXANDER:
        ratio = 1.0 + 0.0012 * (wind * 3.6 * 1.15 / 0.4) ** 2.154
    elif formula == _ELMFIRE:
        ratio = 0.936 * exp(0.2566 * mph) + 0.461 * exp(-0.1548 * mph) - 0.397
    else:
        ratio = 0.936 * exp(0.1147 * mph) + 0.461 * exp(-0.0692 * mph) - 0.397
    return float(min(max(ratio, 1.0), LIMIT))


@compiled
def _burn(
    table: NDArray[np.float64],
    ground: tuple[NDArray[np.int32], Array32, Array32],
    wind: tuple[float, float, float],
    formula: int,
    out: Array32,
) -> None:
    # one row of `table` a bed: rate, wind scale, wind exponent, slope scale, largest effective wind
    bed, shelter, rise = ground
    speed, to_east, to_north = wind
    for k in range(len(bed)):
        out[2, k] = 1.0
        if bed[k] < 0:
            continue
        still, scale, exponent, slope_scale, cap = table[bed[k]]
        if not still > 0.0:
            continue
        up_east, up_north = rise[0, k], rise[1, k]
        steep = sqrt(up_east * up_east + up_north * up_north)
        midflame = speed * shelter[k]
        by_wind = scale * (midflame / _FT_MIN) ** exponent if midflame > 0.0 else 0.0
        east, north = (
            by_wind * to_east + slope_scale * steep * up_east,
            by_wind * to_north + slope_scale * steep * up_north,
        )
        factor = sqrt(east * east + north * north)
        effective = (factor / scale) ** (1.0 / exponent) * _FT_MIN if factor > 0.0 else 0.0
        if effective > cap:
            effective = cap
            factor = scale * (cap / _FT_MIN) ** exponent
        shaping = effective
        if formula == _FLAMMAP and steep > 0.0:
            uphill = (slope_scale * steep * steep / scale) ** (1.0 / exponent) * _FT_MIN / steep
            x, y = midflame * to_east + uphill * up_east, midflame * to_north + uphill * up_north
            shaping = sqrt(x * x + y * y)
        elif formula == _FLAMMAP:
            shaping = midflame
        out[0, k] = still * (1.0 + factor)
        out[1, k] = atan2(east, north) % (2.0 * pi)
        out[2, k] = _ratio(shaping, formula)
