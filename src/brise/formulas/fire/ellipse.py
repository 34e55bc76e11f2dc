"""The ellipse a fire grows into: length to width, back, flanks, and the rate of spread in any direction.

A fire from a point in steady, uniform conditions is an ellipse that keeps its shape, the ignition at its rear focus
(Anderson 1983, INT-305; Catchpole, Alexander and Gill 1992). The published formulas for length to width disagree, so
the formula is a parameter; each is tested against the program that uses it.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError

Array = NDArray[np.float64]
LengthToWidth = Literal["behave", "flammap", "elmfire", "alexander"]

FORMULAS: tuple[LengthToWidth, ...] = ("behave", "flammap", "elmfire", "alexander")
LIMIT = 8.0  # the usual cap of BehavePlus, FARSITE and ELMFIRE

_MPH = 0.44704  # m s-1, exact
_OPEN_TO_MIDFLAME = 1.15 / 0.4  # 10 m wind over midflame wind of open fuel: 1.15 to 20 ft, 0.4 to midflame


def length_to_width(wind: ArrayLike, formula: LengthToWidth = "behave", limit: float = LIMIT) -> Array:
    """Length over width of the ellipse from the effective midflame wind (…), m s-1; 1 in still air, at most `limit`.

    - behave: 0.936 exp(0.1147 U) + 0.461 exp(-0.0692 U) - 0.397, U in mph (Anderson 1983 as in BehavePlus and FARSITE);
    - flammap: the same; `surface.spread` gives it the sum of the wind and of the wind that equals the slope;
    - elmfire: the same with 0.2566 and 0.1548, U in mph (ELMFIRE applies Anderson's m s-1 coefficients to mph);
    - alexander: 1 + 0.0012 W**2.154, W the 10 m wind in km h-1 (Alexander 1985), here 2.875 times the midflame wind
      (1.15 from 10 m to 20 ft, over the wind adjustment 0.4 of open fuels).

    Raises:
        InputError: A formula that is none of these.

    ELMFIRE's own worked case, 3.62 mph, and what behave makes of it:

    >>> length_to_width(3.62 * 0.44704, "elmfire").round(3).item(), length_to_width(3.62 * 0.44704).round(3).item()
    (2.236, 1.38)
    """
    speed = np.maximum(np.asarray(wind, float), 0.0)
    mph = np.minimum(speed / _MPH, 1000.0)  # beyond any storm; keeps the exponential finite
    if formula in ("behave", "flammap"):
        ratio = 0.936 * np.exp(0.1147 * mph) + 0.461 * np.exp(-0.0692 * mph) - 0.397
    elif formula == "elmfire":
        ratio = 0.936 * np.exp(0.2566 * mph) + 0.461 * np.exp(-0.1548 * mph) - 0.397
    elif formula == "alexander":
        ratio = 1.0 + 0.0012 * (speed * 3.6 * _OPEN_TO_MIDFLAME) ** 2.154
    else:
        raise InputError(f"length to width formula {formula!r} is unknown: one of {', '.join(FORMULAS)}")
    return np.asarray(np.clip(ratio, 1.0, limit))


def eccentricity(ratio: ArrayLike) -> Array:
    """Eccentricity of an ellipse from its length over width (…): e = sqrt(1 - 1 / LW**2).

    >>> eccentricity([1.0, 2.236]).round(4).tolist()
    [0.0, 0.8944]
    """
    longer = np.asarray(ratio, float)
    return np.asarray(np.sqrt(1.0 - 1.0 / (longer * longer)))  # a general power costs ten times as much


def backing_rate(head: ArrayLike, ratio: ArrayLike) -> Array:
    """Rate of the rear, in the unit of `head`: R (1 - e) / (1 + e).

    >>> backing_rate(843.99, 2.236).round(2).item()
    47.04
    """
    e = eccentricity(ratio)
    return np.asarray(np.asarray(head, float) * (1.0 - e) / (1.0 + e))


def flanking_rate(head: ArrayLike, ratio: ArrayLike) -> Array:
    """Rate at which the widest part grows to each side: half the length's rate over length to width.

    >>> flanking_rate(843.99, 2.236).round(2).item()
    199.25
    """
    return np.asarray((np.asarray(head, float) + backing_rate(head, ratio)) / (2.0 * np.asarray(ratio, float)))


def rate_towards(head: ArrayLike, ratio: ArrayLike, angle: ArrayLike) -> Array:
    """Rate of travel from the ignition on a ray at `angle` (radians) from the heading: R (1 - e) / (1 - e cos angle).

    The ellipse in polar form about its rear focus: what a travel-time solver needs along its paths.

    >>> rate_towards(843.99, 2.236, [0.0, np.pi]).round(2).tolist()
    [843.99, 47.04]
    """
    e = eccentricity(ratio)
    return np.asarray(np.asarray(head, float) * (1.0 - e) / (1.0 - e * np.cos(np.asarray(angle, float))))


def normal_rate(head: ArrayLike, ratio: ArrayLike, angle: ArrayLike) -> Array:
    """Rate at which a straight front moves along its normal, at `angle` (radians) from the heading.

    Support function of the ellipse about its rear focus (Catchpole et al. 1982; the flank of BehavePlus "from the
    perimeter"): c cos t + sqrt(a**2 cos(t)**2 + b**2 sin(t)**2), a, b the half axes, c the focus offset per second.

    >>> normal_rate(843.99, 2.236, [0.0, np.pi / 2, np.pi]).round(2).tolist()
    [843.99, 199.25, 47.04]
    """
    speed, e = np.asarray(head, float), eccentricity(ratio)
    a = speed / (1.0 + e)
    across = flanking_rate(head, ratio) * np.sin(np.asarray(angle, float))
    along = a * np.cos(np.asarray(angle, float))
    return np.asarray(e * along + np.hypot(along, across))
