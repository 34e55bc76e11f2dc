"""How good forecasts of rain fields were: sums over pixels that add up, and scores out of the sums.

Each class holds sums. `.of(...)` makes them from one pair of fields, `+` merges those of two chunks (two leads, days or
areas), `.score()` turns sums into scores. Merging is exact: scores of chunks merged are scores of the whole, except
that windows (`FractionSums`) and waves (`SpectrumSums`) do not reach across chunks. A default instance is empty.

A pixel unknown on either side takes no part; without any pair every score is NaN. Rates are in mm/h.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import rfft2
from scipy.ndimage import uniform_filter

from brise.conventions.errors import InputError

THRESHOLDS = (0.1, 1.0, 5.0, 10.0)
"""mm/h."""

WINDOWS = (1, 5, 11, 21, 41)
"""Pixels along a side of the neighbourhoods of FSS."""

BINS = 10
"""Of probability, in reliability diagrams."""

VALUES_AT_ONCE = 2_000_000
"""Members' values that are sorted at a time, so that memory stays small."""

FLOOR_DB = -15.0
"""10 log10 of the rate given to dry pixels in spectra: 0.03 mm/h, as pySTEPS does below its threshold of -10 dB."""

_NAN = float("nan")


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else _NAN


@dataclass(frozen=True, slots=True)
class _Sums:
    """Adds field by field; what is set to compare must agree."""

    def __add__(self, other: Self) -> Self:
        """The sums of both.

        Raises:
            InputError: Thresholds, windows or shapes differ.
        """
        merged: dict[str, Any] = {}
        for part in fields(self):
            mine, theirs = getattr(self, part.name), getattr(other, part.name)
            if part.metadata.get("setting"):
                if None not in (mine, theirs) and mine != theirs:
                    raise InputError(f"{type(self).__name__}: {part.name} {mine} and {theirs} do not add up")
                merged[part.name] = theirs if mine is None else mine
            elif np.size(mine) > 1 and np.size(theirs) > 1 and np.shape(mine) != np.shape(theirs):
                raise InputError(f"{type(self).__name__}: {part.name} {np.shape(mine)} and {np.shape(theirs)} differ")
            else:
                merged[part.name] = mine + theirs
        return type(self)(**merged)


def _setting() -> Any:
    return field(default=None, metadata={"setting": True})


def _pairs(forecast: ArrayLike, observed: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(forecast), np.asarray(observed)
    if a.shape != b.shape:
        raise InputError(f"forecast {a.shape} and observed {b.shape} must have one shape")
    known = np.isfinite(a) & np.isfinite(b)
    return a[known].astype(np.float64), b[known].astype(np.float64)


@dataclass(frozen=True, slots=True)
class ErrorSums(_Sums):
    """Continuous scores of a deterministic forecast."""

    n: int = 0
    error: float = 0.0
    absolute: float = 0.0
    squared: float = 0.0
    squared_log: float = 0.0

    @classmethod
    def of(cls, forecast: ArrayLike, observed: ArrayLike) -> Self:
        """Sums of two arrays of one shape.

        Raises:
            InputError: Shapes differ.
        """
        a, b = _pairs(forecast, observed)
        gap, log_gap = a - b, np.log1p(a) - np.log1p(b)
        return cls(len(a), float(gap.sum()), float(np.abs(gap).sum()), float(gap @ gap), float(log_gap @ log_gap))

    def score(self) -> dict[str, float]:
        """`n`; `msle` (mean squared difference of natural log1p); `rmse`, `mae` and `bias` in mm/h.

        >>> ErrorSums.of([0.0, 3.0, np.nan], [0.0, 1.0, 1.0]).score()["rmse"].__round__(4)
        1.4142
        """
        return {
            "n": float(self.n),
            "msle": _ratio(self.squared_log, self.n),
            "rmse": _ratio(self.squared, self.n) ** 0.5,
            "mae": _ratio(self.absolute, self.n),
            "bias": _ratio(self.error, self.n),
        }


@dataclass(frozen=True, slots=True)
class EventSums(_Sums):
    """The contingency table of one event: rain at or above a threshold."""

    threshold: float | None = _setting()
    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    correct_negatives: int = 0

    @classmethod
    def of(cls, forecast: ArrayLike, observed: ArrayLike, threshold: float) -> Self:
        """Counts of two arrays of one shape.

        Raises:
            InputError: Shapes differ.
        """
        a, b = _pairs(forecast, observed)
        said, was = a >= threshold, b >= threshold
        hits = int((said & was).sum())
        misses, false_alarms = int(was.sum()) - hits, int(said.sum()) - hits
        return cls(threshold, hits, misses, false_alarms, len(a) - hits - misses - false_alarms)

    def score(self) -> dict[str, float]:
        """`csi` critical success index, `pod` probability of detection, `far` false alarm ratio, `frequency_bias`.

        >>> EventSums(1.0, hits=6, misses=2, false_alarms=4, correct_negatives=88).score()
        {'csi': 0.5, 'pod': 0.75, 'far': 0.4, 'frequency_bias': 1.25}
        """
        said, was = self.hits + self.false_alarms, self.hits + self.misses
        return {
            "csi": _ratio(self.hits, was + self.false_alarms),
            "pod": _ratio(self.hits, was),
            "far": _ratio(self.false_alarms, said),
            "frequency_bias": _ratio(said, was),
        }


@dataclass(frozen=True, slots=True)
class FractionSums(_Sums):
    """Fractions skill score (Roberts and Lean 2008, Mon. Weather Rev. 136, 78) of one threshold and window."""

    threshold: float | None = _setting()
    window: int | None = _setting()
    squared_gap: float = 0.0
    squared_sum: float = 0.0

    @classmethod
    def of(cls, forecast: ArrayLike, observed: ArrayLike, threshold: float, window: int) -> Self:
        """Sums of two fields (Y, X).

        A fraction is the share of a window's pixels at or above the threshold. Pixels outside the field or unknown on
        either side count as below it on both sides, and are no centre of a window.

        Args:
            forecast: (Y, X).
            observed: (Y, X).
            threshold: mm/h.
            window: Pixels along a side, odd.

        Raises:
            InputError: Shapes differ, are not two-dimensional, or the window is not odd and positive.
        """
        a, b = np.asarray(forecast), np.asarray(observed)
        if a.shape != b.shape or a.ndim != 2:
            raise InputError(f"forecast {a.shape} and observed {b.shape} must be fields of one shape")
        if window < 1 or window % 2 == 0:
            raise InputError(f"a window of {window} pixels; it must be odd and positive")
        known = np.isfinite(a) & np.isfinite(b)
        shares = [
            uniform_filter(((part >= threshold) & known).astype(np.float64), window, mode="constant")[known]
            for part in (a, b)
        ]
        gap = shares[0] - shares[1]
        return cls(threshold, window, float(gap @ gap), float(shares[0] @ shares[0] + shares[1] @ shares[1]))

    def score(self) -> dict[str, float]:
        """`fss`, 0 no skill to 1 perfect; NaN where neither side ever reached the threshold."""
        return {"fss": 1 - _ratio(self.squared_gap, self.squared_sum)}


@dataclass(frozen=True, slots=True)
class EnsembleSums(_Sums):
    """Continuous ranked probability score of an ensemble."""

    n: int = 0
    spread: float = 0.0
    absolute: float = 0.0
    members: int | None = _setting()

    @classmethod
    def of(cls, members: ArrayLike, observed: ArrayLike) -> Self:
        """Sums of an ensemble (M, ...) and what was observed (...). A pixel unknown to any member takes no part.

        Raises:
            InputError: Shapes differ, or there is no member.
        """
        ensemble, truth = np.asarray(members), np.asarray(observed)
        if ensemble.shape[1:] != truth.shape or not len(ensemble):
            raise InputError(f"members {ensemble.shape} and observed {truth.shape}: expected (M, *observed), M >= 1")
        count = len(ensemble)
        ensemble, truth = ensemble.reshape(count, -1), truth.ravel()
        weights = 2 * np.arange(1, count + 1) - count - 1.0  # sum over pairs |x_i - x_j| of sorted x, halved
        n, spread, absolute = 0, 0.0, 0.0
        chunk = max(1, VALUES_AT_ONCE // count)
        for start in range(0, truth.size, chunk):
            part, seen = ensemble[:, start : start + chunk], truth[start : start + chunk]
            known = np.isfinite(seen) & np.isfinite(part).all(axis=0)
            ordered = np.sort(part[:, known], axis=0).astype(np.float64)
            n += int(known.sum())
            absolute += float(np.abs(ordered - seen[known]).sum())
            spread += float((weights @ ordered).sum())
        return cls(n, spread, absolute, count)

    def score(self) -> dict[str, float]:
        """`crps` of the members as they are, `crps_fair` as if there were infinitely many (Ferro 2014), in mm/h.

        >>> EnsembleSums.of([[1.0], [3.0]], [2.0]).score()
        {'n': 1.0, 'crps': 0.5, 'crps_fair': 0.0}
        """
        m = self.members or 0
        error, spread = _ratio(self.absolute, self.n * m), _ratio(self.spread, self.n)
        return {
            "n": float(self.n),
            "crps": error - spread / m**2 if m else _NAN,
            "crps_fair": error - spread / (m * (m - 1)) if m > 1 else _NAN,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilitySums(_Sums):
    """Reliability of the probability of an event: what was said against what happened, in BINS equal bins."""

    count: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    said: NDArray[np.float64] = field(default_factory=lambda: np.zeros(BINS))
    happened: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, np.int64))
    squared: float = 0.0

    @classmethod
    def of(cls, probability: ArrayLike, event: ArrayLike) -> Self:
        """Sums of probabilities and whether it happened (1 or 0, NaN = unknown), of one shape.

        Raises:
            InputError: Shapes differ, or a probability lies outside 0 to 1.
        """
        p, o = _pairs(probability, event)
        if len(p) and not (p.min() >= -1e-6 and p.max() <= 1 + 1e-6):
            raise InputError(f"probabilities from {p.min()} to {p.max()}; 0 to 1 is possible")
        place = np.clip((p * BINS).astype(np.intp), 0, BINS - 1)
        gap = p - o
        return cls(
            np.bincount(place, minlength=BINS),
            np.bincount(place, p, minlength=BINS).astype(np.float64),
            np.bincount(place[o > 0], minlength=BINS),
            float(gap @ gap),
        )

    def score(self) -> dict[str, Any]:
        """`brier`; by bin `count`, `said` (mean probability) and `happened` (frequency), NaN where a bin is empty."""
        filled = np.maximum(self.count, 1)
        return {
            "brier": _ratio(self.squared, int(self.count.sum())),
            "count": self.count,
            "said": np.where(self.count > 0, self.said / filled, np.nan),
            "happened": np.where(self.count > 0, self.happened / filled, np.nan),
        }


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumSums(_Sums):
    """Radially averaged power spectrum of fields of one shape, as pySTEPS' `rapsd`."""

    n: int = 0
    power: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Power of one field (Y, X) without unknown values, such as `decibels` of rain.

        Raises:
            InputError: Not two-dimensional, or not finite.
        """
        part = np.asarray(values, np.float64)
        if part.ndim != 2 or not np.isfinite(part).all():
            raise InputError(f"a field {part.shape} for a spectrum must be (Y, X) and finite")
        rows, columns = part.shape
        power = np.abs(rfft2(part)) ** 2 / part.size
        down = np.abs(np.fft.fftfreq(rows, 1 / rows))[:, None]
        across = np.arange(columns // 2 + 1)[None, :]
        # A real field's waves come in pairs, of which rfft2 gives one; those on the axis have no twin.
        weight = np.where((across == 0) | (2 * across == columns), 1.0, 2.0) * np.ones_like(down)
        ring = np.round(np.hypot(down, across)).astype(np.intp).ravel()
        longest = max(rows, columns) // 2 + 1
        total = np.bincount(ring, (power * weight).ravel())[:longest]
        return cls(1, total / np.bincount(ring, weight.ravel())[:longest])

    def score(self) -> NDArray[np.float64]:
        """(waves,) mean power of 0, 1, 2 ... waves along the field's longer side."""
        return self.power / self.n if self.n else np.full(1, np.nan)


def decibels(rate: ArrayLike, known: ArrayLike | None = None) -> NDArray[np.float64]:
    """10 log10 of rates for spectra: dry, unknown, or outside `known`, is FLOOR_DB.

    Compare spectra only of fields with the same `known`: its outline has a spectrum of its own.

    >>> decibels([0.0, 10.0, np.nan]).tolist()
    [-15.0, 10.0, -15.0]
    """
    value = np.asarray(rate, np.float64)
    wet = value >= 0.1
    if known is not None:
        wet &= np.asarray(known, bool)
    return np.where(wet, 10 * np.log10(np.where(wet, value, 1.0)), FLOOR_DB)
