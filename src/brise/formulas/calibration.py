"""Corrections of low-cost sensors: what the instrument said, what it should have said."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

BARKJOHN = "Barkjohn et al. 2021 (doi:10.5194/amt-14-4617-2021) and, for smoke, 2022 (doi:10.3390/s22249669)"
"""The name of the PurpleAir correction, shown with every value it made."""

_LOW, _HIGH = 570.0, 611.0
"""µg m-3 of the cf_1 channel between which the two fits are blended."""

_MOST = 1e5
"""µg m-3; no counter reads more."""

AGREEMENT_UGM3, AGREEMENT_SHARE = 5.0, 0.7
"""Two channels of one sensor disagree when they differ by more than both."""


def purpleair_pm25(cf1: ArrayLike, relative_humidity: ArrayLike) -> NDArray[np.float64]:
    """PM2.5 of a PurpleAir sensor, corrected to US reference monitors.

    Below 570:     PM = 0.524 PA - 0.0862 RH + 5.75
    from 611 up:   PM = 4.21e-4 PA^2 + 0.392 PA + 3.44
    in between the two are blended linearly; RH in percent, PA the mean of both channels' cf_1 output.

    Args:
        cf1: (...) mean of channels A and B, cf_1, µg m-3.
        relative_humidity: (...) of the sensor's own hygrometer, 1.

    Returns:
        (...) µg m-3; NaN where either input is NaN, or no humidity (0..1) or mass (0..1e5) at all.

    >>> float(purpleair_pm25(20.0, 0.5).round(3))
    11.92
    >>> float(purpleair_pm25(700.0, 0.2).round(2))
    484.13
    """
    pa, rh = np.broadcast_arrays(np.asarray(cf1, float), 100.0 * np.asarray(relative_humidity, float))
    known = (pa >= 0) & (pa <= _MOST) & (rh >= 0) & (rh <= 100)
    pa = np.where(known, pa, np.nan)
    ordinary = 0.524 * pa - 0.0862 * rh + 5.75
    smoke = 4.21e-4 * pa**2 + 0.392 * pa + 3.44
    weight = np.clip((pa - _LOW) / (_HIGH - _LOW), 0.0, 1.0)
    return np.where(known, (1.0 - weight) * ordinary + weight * smoke, np.nan)


def channels_agree(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Whether a sensor's two counters agree (Barkjohn 2021): they differ by at most 5 µg m-3, or at most 70 %.

    Args:
        a: (...) channel A, µg m-3.
        b: (...) channel B, µg m-3.

    Returns:
        (...) False where either is NaN.

    >>> channels_agree([4.0, 10.0, 100.0], [8.0, 30.0, 130.0]).tolist()
    [True, False, True]
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    apart = np.abs(first - second)
    return np.asarray((apart <= AGREEMENT_UGM3) | (apart <= AGREEMENT_SHARE * (first + second) / 2))
