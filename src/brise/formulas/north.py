"""True north and the north of a map's grid: the meridian convergence of a projected plane.

Weather's directions are from true north, along the meridian; rows and columns of a map run along its grid. In the
Albers plane of LANDFIRE the two differ by up to 17 degrees, in UTM by up to 3, in Belgium's Lambert by up to 2.
"""

import math
from functools import lru_cache

import pyproj
from pyproj.exceptions import CRSError, ProjError

from brise.conventions.errors import InputError

_STEP = 1e-4  # degrees of latitude: 11 m


@lru_cache(maxsize=8)
def _from_degrees(wkt: str) -> pyproj.Transformer | None:
    crs = pyproj.CRS.from_user_input(wkt)
    return None if crs.geodetic_crs is None else pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def convergence(wkt: str, x: float, y: float) -> float:
    """Where the grid's north points at a place of its plane, degrees clockwise from true north.

    A bearing from true north less this is the bearing on the grid. 0 where the plane is unknown ("") or bound to no
    place on earth.

    Args:
        wkt: Of the plane, well-known text or such as "EPSG:5070".
        x: m.
        y: m.

    Raises:
        InputError: Text that is no reference system, or a place where it has no meaning.

    In Vermont, far east of the Albers plane's middle meridian (96 W, n = 0.6029), 23.43 degrees x 0.6029:

    >>> round(convergence("EPSG:5070", 1842060.0, 2608410.0), 2)
    14.12
    """
    if not wkt:
        return 0.0
    try:
        plane = _from_degrees(wkt)
        if plane is None:
            return 0.0
        longitude, latitude = plane.transform(x, y, direction="INVERSE", errcheck=True)
        north = plane.transform(longitude, latitude + _STEP, errcheck=True)
        return float(-_bearing(north[0] - x, north[1] - y))
    except (CRSError, ProjError) as error:
        raise InputError(f"grid north at x {x:.1f}, y {y:.1f} is not to be found: {str(error)[:120]}") from None


def _bearing(east: float, north: float) -> float:
    return math.degrees(math.atan2(east, north))
