"""From a nowcast to its chances: a logistic law for each threshold, and the quantiles that agree with it.

The log-odds of at least r are a weighted sum of one, the logarithm of the forecast value, and the log-odds of r in
neighbourhoods of three sizes around where the rain comes from (Theis et al. 2005 for the idea); weights by lead.
"""

import numpy as np
from numpy.typing import NDArray

from brise.formulas.advection import advect
from brise.formulas.advection_kernels import convolve
from brise.formulas.compiled import Array32, compiled
from brise.formulas.motion_kernels import halve, resample
from brise.models.rain_forecast import QUANTILES, THRESHOLDS

SIZES = (0, 2, 4)
"""Levels of the pyramid whose neighbourhoods count: Gaussians of 2, 8 and 32 pixels."""

TERMS = 2 + len(SIZES)

_KERNEL = np.exp(-0.5 * (np.arange(7) / 2.0) ** 2).astype(np.float32)
_EPSILON = np.float32(0.02)  # added to log1p of a rate before its logarithm
_SHARE = np.float32(0.01)  # added to a share of pixels before its odds


def height(rate: Array32) -> Array32:
    """The scale of the law: ln(log1p(mm/h) + 0.02)."""
    return np.asarray(np.log(np.log1p(rate) + _EPSILON), np.float32)


def odds(rate: Array32, threshold: float) -> tuple[Array32, ...]:
    """Log-odds of at least `threshold` mm/h around each pixel of (Y, X): one array a size, on its level's grid."""
    reached = (rate >= np.float32(0.999 * threshold)).astype(np.float32)
    level = np.where(np.isnan(rate), np.float32(np.nan), reached)
    found = []
    for at in range(max(SIZES) + 1):
        if at and min(level.shape) > 1:
            level = halve(level)
        if at in SIZES:
            share = np.clip(np.nan_to_num(convolve(level, _KERNEL, True)), 0.0, 1.0)
            found.append(np.log((share + _SHARE) / (1 + _SHARE - share)))
    return tuple(found)


def chances(rate: Array32, value: Array32, where: Array32, law: NDArray[np.float64]) -> tuple[Array32, Array32]:
    """Chances (K, L, Y, X) and quantiles (Q, L, Y, X) mm/h.

    Args:
        rate: (Y, X) mm/h, the newest frame.
        value: (L, Y, X) mm/h forecast.
        where: (L, 2, Y, X) departure points.
        law: (L, K, TERMS).
    """
    shares = law.astype(np.float32)
    scores = np.empty((len(THRESHOLDS), *value.shape), np.float32)
    for at, threshold in enumerate(THRESHOLDS):
        around = odds(rate, threshold)
        for lead in range(len(value)):
            fine, *coarse = (share * part for share, part in zip(shares[lead, at, 2:], around, strict=True))
            for size, part in zip(SIZES[1:], coarse, strict=True):
                fine = fine + resample(part[None], fine.shape[0], fine.shape[1], 2.0**size)[0]
            scores[at, lead] = advect(fine, where[lead : lead + 1])[0]
            scores[at, lead] += shares[lead, at, 0] + shares[lead, at, 1] * height(value[lead])
    told = np.empty((len(QUANTILES), *value.shape), np.float32)
    marks = height(np.array(THRESHOLDS, np.float32)).astype(np.float32)
    wanted = np.array([np.log((1 - q) / q) for q in QUANTILES], np.float32)
    speak(scores.reshape(len(scores), -1), marks, wanted, told.reshape(len(told), -1))
    return scores, told


@compiled
def speak(scores: Array32, marks: Array32, wanted: Array32, told: Array32) -> None:
    """Log-odds (K, P) to chances in place, not rising with the threshold; quantiles into `told` (Q, P).

    The log-odds are linear in `height` between the thresholds and beyond the last; below the first it is dry.
    """
    count = len(marks)
    line = np.empty(count, np.float32)
    for p in range(scores.shape[1]):
        for k in range(count):
            line[k] = scores[k, p]
            if k and line[k] > line[k - 1] - np.float32(1e-3):
                line[k] = line[k - 1] - np.float32(1e-3)
            scores[k, p] = 1 / (1 + np.exp(-line[k]))
        for q in range(len(wanted)):
            if line[0] != line[0]:
                told[q, p] = np.nan
            elif line[0] < wanted[q]:
                told[q, p] = 0.0
            else:
                k = 0
                while k < count - 2 and line[k + 1] >= wanted[q]:
                    k += 1
                slope = max((line[k] - line[k + 1]) / (marks[k + 1] - marks[k]), np.float32(1.0))
                at = marks[k] + (line[k] - wanted[q]) / slope
                if line[k + 1] < wanted[q]:
                    at = min(at, marks[k + 1])
                told[q, p] = np.exp(np.exp(min(at, np.float32(1.7))) - np.float32(0.02)) - 1
