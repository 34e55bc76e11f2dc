"""Radar reflectivity to rain rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError


@dataclass(frozen=True, slots=True)
class Relation:
    """A power law between reflectivity and rain, Z = a R^b, and between which reflectivities it is trusted.

    Attributes:
        a: mm6 m-3 (mm h-1)^-b.
        b: Exponent.
        floor_dbz: Echoes weaker than this are noise, insects or clutter: dry.
        cap_dbz: Echoes stronger than this are hail or melting snow: counted as this strong.
    """

    a: float
    b: float
    floor_dbz: float = 7.0
    cap_dbz: float = 55.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            InputError: a or b is not positive, or the floor is not below the cap.
        """
        if not (self.a > 0 and self.b > 0 and self.floor_dbz < self.cap_dbz):
            raise InputError(f"Z = a R^b: {self}; a and b must be positive and floor_dbz below cap_dbz")


MARSHALL_PALMER = Relation(200.0, 1.6)
"""Widespread rain (Marshall, Hitschfeld and Gunn 1955, Adv. Geophys. 2, 1-56); the habit of most European services."""

WSR_88D = Relation(300.0, 1.4, cap_dbz=53.0)
"""Convective rain, the default of the US network; hail cap 53 dBZ = 104 mm/h (Fulton et al. 1998, WAF 13)."""

FINLAND = Relation(223.0, 1.53)
"""Rain in Finland (Leinonen et al. 2012, J. Appl. Meteorol. Climatol. 51, 392-404)."""


def rain_from_dbz(dbz: ArrayLike, relation: Relation = MARSHALL_PALMER) -> NDArray[np.float32]:
    """Rain rate of a reflectivity, R = (10^(dBZ/10) / a)^(1/b).

    Args:
        dbz: Any shape; NaN = missing, -inf = no echo.
        relation: The Z-R relation.

    Returns:
        mm h-1, float32, same shape; 0 below the floor, NaN where missing.

    >>> rain_from_dbz([float("-inf"), 5.0, 23.0103, 40.0, 70.0]).round(2).tolist()
    [0.0, 0.0, 1.0, 11.529999732971191, 99.8499984741211]
    >>> rain_from_dbz(60.0, WSR_88D).round(0).item()
    104.0
    """
    value = np.asarray(dbz, np.float32)
    scale = np.float32(np.log(10) / (10 * relation.b))
    rate = np.exp(np.minimum(value, np.float32(relation.cap_dbz)) * scale) * np.float32(relation.a ** (-1 / relation.b))
    return np.where(value < relation.floor_dbz, np.float32(0), rate).astype(np.float32)


def dbz_from_rain(rate: ArrayLike, relation: Relation = MARSHALL_PALMER) -> NDArray[np.float32]:
    """Reflectivity of a rain rate, 10 log10(a R^b).

    Args:
        rate: mm h-1, any shape; NaN = missing.
        relation: The Z-R relation.

    Returns:
        dBZ, float32, same shape; -inf where dry, NaN where missing.

    >>> dbz_from_rain([0.0, 1.0, 10.0]).round(2).tolist()
    [-inf, 23.010000228881836, 39.0099983215332]
    """
    with np.errstate(divide="ignore"):
        return np.asarray(10 * (np.log10(relation.a) + relation.b * np.log10(np.asarray(rate, float))), np.float32)
