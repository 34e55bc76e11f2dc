"""Surface fire of every cell of a landscape at once, in one compiled pass: `surface.spread` for grids.

Fuel and moisture decide a few hundred beds; wind, shelter and slope differ from cell to cell. The equations are those
of `surface.spread` and `ellipse.length_to_width`, whose comments name the sources; tests hold the two to each other.
An ensemble asks this a thousand times over, and NumPy's temporaries would cost ten times as much. Single precision:
its 1e-6 is far below what any input is known to.
"""

from dataclasses import dataclass
from math import atan2, exp, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from brise.formulas.compiled import Array32, compiled, inlined
from brise.formulas.fire.ellipse import FORMULAS, LIMIT, LengthToWidth
from brise.formulas.fire.fuel_models import FOOT
from brise.formulas.fire.surface import FuelBed, WindLimit, wind_limit_of

_MPH, _FT_MIN, _OPEN = np.float32(0.44704), np.float32(FOOT / 60.0), np.float32(3.6 * 1.15 / 0.4)
_ZERO, _ONE, _ROUND, _LONGEST = np.float32(0.0), np.float32(1.0), np.float32(2.0 * pi), np.float32(LIMIT)
_AHEAD, _BACK, _ELM_AHEAD, _ELM_BACK = (np.float32(power) for power in (0.1147, -0.0692, 0.2566, -0.1548))
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
    table = np.stack([np.asarray(row, np.float32) for row in rows], axis=-1)
    out = np.zeros((3, ground.bed.size), np.float32)
    speed = float(np.hypot(*wind))
    blow = np.array([speed, *((wind[0] / speed, wind[1] / speed) if speed > 0 else (0.0, 0.0))], np.float32)
    _burn(table, (ground.bed, ground.shelter, ground.rise), blow, FORMULAS.index(shape), out)
    return CellFires(out[0], out[1], out[2])


_Cells = tuple[NDArray[np.int32], Array32, Array32]


@inlined
def _ratio(wind: np.float32, formula: int) -> np.float32:
    if formula == _ALEXANDER:
        ratio = _ONE + np.float32(0.0012) * (wind * _OPEN) ** np.float32(2.154)
    else:
        mph = min(wind / _MPH, np.float32(300.0))  # beyond any storm; keeps the exponential finite
        ahead, back = (_ELM_AHEAD, _ELM_BACK) if formula == _ELMFIRE else (_AHEAD, _BACK)
        ratio = np.float32(0.936) * exp(ahead * mph) + np.float32(0.461) * exp(back * mph) - np.float32(0.397)
    return min(max(ratio, _ONE), _LONGEST)


@compiled
def _burn(
    table: Array32, ground: tuple[NDArray[np.int32], Array32, Array32], wind: Array32, formula: int, out: Array32
) -> None:
    # one row of `table` a bed: rate, wind scale, wind exponent, slope scale, largest effective wind
    bed, shelter, rise = ground
    speed, to_east, to_north = wind[0], wind[1], wind[2]
    last, last_shelter, by_wind, midflame = -2, _ZERO, _ZERO, _ZERO
    for k in range(len(bed)):
        out[2, k] = _ONE
        if bed[k] < 0:
            continue
        still, scale, exponent = table[bed[k], 0], table[bed[k], 1], table[bed[k], 2]
        if not still > _ZERO:
            continue
        if bed[k] != last or shelter[k] != last_shelter:  # cells beside each other are often alike
            last, last_shelter, midflame = bed[k], shelter[k], speed * shelter[k]
            by_wind = scale * (midflame / _FT_MIN) ** exponent if midflame > _ZERO else _ZERO
        up_east, up_north, slope_scale = rise[0, k], rise[1, k], table[bed[k], 3]
        steep = sqrt(up_east * up_east + up_north * up_north)
        by_slope = slope_scale * steep
        east, north = by_wind * to_east + by_slope * up_east, by_wind * to_north + by_slope * up_north
        factor = sqrt(east * east + north * north)
        effective = (factor / scale) ** (_ONE / exponent) * _FT_MIN if factor > _ZERO else _ZERO
        if effective > table[bed[k], 4]:
            effective = table[bed[k], 4]
            factor = scale * (effective / _FT_MIN) ** exponent
        shaping = effective
        if formula == _FLAMMAP and steep > _ZERO:
            uphill = (by_slope * steep / scale) ** (_ONE / exponent) * _FT_MIN / steep
            x, y = midflame * to_east + uphill * up_east, midflame * to_north + uphill * up_north
            shaping = sqrt(x * x + y * y)
        elif formula == _FLAMMAP:
            shaping = midflame
        out[0, k] = still * (_ONE + factor)
        toward = atan2(east, north)
        out[1, k] = toward if toward >= _ZERO else toward + _ROUND
        out[2, k] = _ratio(shaping, formula)
