"""What a person breathed: means with a rule of coverage, dose by activity, time in each band.

Samples have uneven steps and gaps, so every figure is weighted by the seconds a sample stands for, and says how much of
its period was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError

Array = NDArray[np.float64]
Times = NDArray[np.int64]

HOUR_S, DAY_S = 3600, 86_400

COVERAGE = 0.75
"""Share of a period that must be measured for its mean to stand for it (EU directive 2008/50/EC, annex XI)."""

VENTILATION: Mapping[str, float] = {
    "sleep": 4.6e-3,
    "still": 4.3e-3,
    "vehicle": 4.3e-3,
    "walk": 1.2e-2,
    "cycle": 2.7e-2,
}
"""m3 min-1 of an adult by what they do.

US EPA, Exposure Factors Handbook 2011 (EPA/600/R-09/052F), table 6-2: short-term inhalation rates, means of ages 31 to
under 41, both sexes. Sleep or nap 4.6e-3, sedentary 4.3e-3, light 1.2e-2, moderate 2.7e-2 (high, 4.9e-2, is not used).
Walking is counted as light, cycling as moderate, sitting in a vehicle as sedentary.
"""


@dataclass(frozen=True, slots=True)
class Means:
    """Means of equal periods one after another.

    Attributes:
        end: (P,) seconds since 1970, the END of each.
        value: (P,) NaN where too little was measured.
        coverage: (P,) share of each that was measured, 0..1.
    """

    end: Times
    value: Array
    coverage: Array


def means(time: Times, value: Array, period_s: int, length_s: int = HOUR_S, offset_s: int = 0) -> Means:
    """Means over equal periods, by the seconds that samples stand for.

    A sample ends at its time, so one at 10:00 belongs to the hour that ends at 10:00.

    Args:
        time: (N,) seconds since 1970, increasing.
        value: (N,) NaN unknown.
        period_s: Seconds a sample stands for.
        length_s: Of a period.
        offset_s: By how much local time is ahead of UTC, for local days.

    Raises:
        InputError: A length is not positive.

    >>> hour = means(np.arange(60, 3601, 60), np.full(60, 12.0), 60)
    >>> hour.end.tolist(), hour.value.tolist(), hour.coverage.tolist()
    ([3600], [12.0], [1.0])
    """
    if period_s <= 0 or length_s <= 0:
        raise InputError(f"a mean wants positive seconds; got samples of {period_s} s and periods of {length_s} s")
    if not len(time):
        return Means(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    number = -(-(time + offset_s) // length_s)
    first = int(number[0])
    known = ~np.isnan(value)
    index = (number - first)[known]
    size = int(number[-1]) - first + 1
    count = np.bincount(index, minlength=size)
    total = np.bincount(index, weights=value[known], minlength=size)
    coverage = np.minimum(count * period_s / length_s, 1.0)
    enough = coverage >= COVERAGE - 1e-9
    mean = np.divide(total, count, out=np.full(size, np.nan), where=enough & (count > 0))
    return Means((np.arange(size, dtype=np.int64) + first) * length_s - offset_s, mean, coverage)


def inhaled_ug(value: Array, period_s: int, ventilation: Array) -> Array:
    """(N,) mass inhaled in each sample's period: concentration x ventilation x time; NaN where unknown.

    Args:
        value: (N,) µg m-3.
        period_s: Seconds a sample stands for.
        ventilation: (N,) m3 min-1.

    >>> round(float(inhaled_ug(np.array([10.0]), 3600, np.array([1.2e-2]))[0]), 1)  # an hour's walk
    7.2
    """
    return np.asarray(value * ventilation * period_s / 60.0)


@dataclass(frozen=True, slots=True)
class Share:
    """One quantity over some of the samples.

    Attributes:
        seconds: Measured.
        mean: Weighted by time; NaN where nothing was measured.
        highest: Largest sample.
        inhaled_ug: Mass; NaN for what has none.
    """

    seconds: int
    mean: float
    highest: float
    inhaled_ug: float


def share(value: Array, inhaled: Array, period_s: int, rows: NDArray[np.bool_] | None = None) -> Share:
    """A quantity over some of the samples, by the seconds that they stand for.

    Args:
        value: (N,) NaN unknown.
        inhaled: (N,) µg.
        period_s: Seconds a sample stands for.
        rows: (N,) which samples; None = all.

    >>> share(np.array([1.0, np.nan, 3.0]), np.array([1.0, np.nan, 2.0]), 60)
    Share(seconds=120, mean=2.0, highest=3.0, inhaled_ug=3.0)
    """
    known = ~np.isnan(value) if rows is None else rows & ~np.isnan(value)
    some = value[known]
    if not len(some):
        return Share(0, float("nan"), float("nan"), float("nan"))
    breathed = inhaled[known]
    total = float(np.nansum(breathed)) if not np.isnan(breathed).all() else float("nan")
    return Share(int(known.sum()) * period_s, float(some.mean()), float(some.max()), total)


def band_seconds(category: NDArray[np.integer], period_s: int, bands: int) -> list[int]:
    """Seconds in each band of an index; where it is unknown, in none.

    Args:
        category: (N,) position of each sample's band, -1 unknown.
        period_s: Seconds a sample stands for.
        bands: How many there are.

    >>> band_seconds(np.array([0, 0, 2, -1]), 60, 3)
    [120, 0, 60]
    """
    known = category[category >= 0].astype(np.int64)
    return [int(count) * period_s for count in np.bincount(known, minlength=bands)]
