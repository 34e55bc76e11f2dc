"""Slope and aspect of the ground from its elevation.

Horn, B. K. P. (1981), Hill shading and the reflectance map, Proc. IEEE 69: differences over the eight neighbours, those
beside a cell counted twice; what GDAL, LANDFIRE and FlamMap's tools use.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def slope_and_aspect(elevation: ArrayLike, cell_m: float) -> tuple[Array, Array]:
    """Tangent of the slope and where it faces (downhill), degrees clockwise from north, NaN where flat.

    Beyond the edge, and where a neighbour is unknown, the ground is taken to go on level; a cell of unknown height has
    neither.

    Args:
        elevation: (Y, X) m, rows north to south, NaN = unknown.
        cell_m: Side of a cell, m.

    A plane that rises by 1 m per 10 m to the east faces west:

    >>> slope, aspect = slope_and_aspect(np.arange(5.0) * np.ones((5, 1)), 10.0)
    >>> slope[2, 2].round(3).item(), aspect[2, 2].round(1).item()
    (0.1, 270.0)
    """
    height = np.asarray(elevation, float)
    padded = np.pad(height, 1, mode="edge")
    rows, columns = height.shape

    def beside(down: int, right: int) -> Array:
        near = padded[1 + down : 1 + down + rows, 1 + right : 1 + right + columns]
        return np.where(np.isnan(near), height, near)

    nw, n, ne = beside(-1, -1), beside(-1, 0), beside(-1, 1)
    w, e = beside(0, -1), beside(0, 1)
    sw, s, se = beside(1, -1), beside(1, 0), beside(1, 1)
    eastward = ((ne + 2.0 * e + se) - (nw + 2.0 * w + sw)) / (8.0 * cell_m)
    northward = ((nw + 2.0 * n + ne) - (sw + 2.0 * s + se)) / (8.0 * cell_m)
    steep = np.where(np.isnan(height), np.nan, np.hypot(eastward, northward))
    facing = np.degrees(np.arctan2(-eastward, -northward)) % 360.0
    return np.asarray(steep), np.asarray(np.where(steep > 0, facing, np.nan))
