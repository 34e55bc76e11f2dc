"""How deep the air over a city mixes, hour by hour."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MEMORY_H = 9
"""Hours of sunshine that a convective layer remembers."""

LID_M = 2200.0
"""Top of the two-layer column, m; the mixed layer stays below it."""


def mixing_height(sunshine: NDArray[np.float64], wind_speed: ArrayLike) -> NDArray[np.float64]:
    """Mixing height in m: convective by day, mechanical by night.

    By day h grows with the heat Q put in since sunrise, in hours of full sun, as 430 m (Q - 0.4)^0.85: between the
    square root of encroachment into a stable layer and the faster growth once the old residual layer is reached (Stull
    1988, An Introduction to Boundary Layer Meteorology, ch. 11). After sunset turbulence dies first, the memory of the
    warm city within MEMORY_H. At night friction alone stirs: h = 160 m + 35 s U. The two add in quadrature, capped
    softly under LID_M.

    Args:
        sunshine: (T + MEMORY_H, ...) heating at each hour, sine of the sun's elevation times clear-sky share, the first
            MEMORY_H rows being the hours before.
        wind_speed: (T, ...) m s-1.

    Returns:
        (T, ...) m.

    >>> night = mixing_height(np.zeros(10), np.array([4.0]))
    >>> noon = mixing_height(np.array([0, 0, 0, 0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.7]), np.array([4.0]))
    >>> int(night[0]), int(noon[0])
    (299, 972)
    """
    hours = len(sunshine) - MEMORY_H
    positive = np.maximum(sunshine, 0.0)
    heat = sum(positive[lag : lag + hours] for lag in range(MEMORY_H + 1))
    recent = positive[MEMORY_H:] + positive[MEMORY_H - 1 : -1] + 0.5 * positive[MEMORY_H - 2 : -2]
    alive = 0.38 + 0.62 * np.minimum(1.0, 1.6 * recent)
    convective = 430.0 * np.maximum(heat - 0.4, 0.0) ** 0.85 * alive
    mechanical = 160.0 + 35.0 * np.asarray(wind_speed, float)
    free = np.hypot(convective, mechanical)
    ceiling = 0.95 * LID_M
    return np.asarray(free / (1.0 + (free / ceiling) ** 4) ** 0.25)
