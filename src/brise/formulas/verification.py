"""How good a prediction was. Pairs where either side is unknown take no part; no pair at all gives NaN."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError


def _pairs(predicted: ArrayLike, measured: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.broadcast_arrays(np.asarray(predicted, float), np.asarray(measured, float))
    known = np.isfinite(a) & np.isfinite(b)
    return a[known], b[known]


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def rmse(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Root of the mean squared error, in the values' unit.

    >>> rmse([1.0, 5.0, 3.0], [1.0, 1.0, float("nan")])
    2.8284271247461903
    """
    a, b = _pairs(predicted, measured)
    return float(np.sqrt(_mean((a - b) ** 2)))


def mae(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Mean absolute error, in the values' unit.

    >>> mae([1.0, 5.0], [1.0, 1.0])
    2.0
    """
    a, b = _pairs(predicted, measured)
    return _mean(np.abs(a - b))


def bias(predicted: ArrayLike, measured: ArrayLike) -> float:
    """Mean of predicted minus measured, in the values' unit.

    >>> bias([1.0, 5.0], [2.0, 2.0])
    1.0
    """
    a, b = _pairs(predicted, measured)
    return _mean(a - b)


def r_squared(predicted: ArrayLike, measured: ArrayLike) -> float:
    """1 - SSE / SST, SST about the mean of the measured; 0 is as good as that mean, negative is worse.

    >>> r_squared([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    """
    a, b = _pairs(predicted, measured)
    spread = float(np.sum((b - b.mean()) ** 2)) if len(b) else 0.0
    return 1 - float(np.sum((a - b) ** 2)) / spread if spread > 0 else float("nan")


def pinball(predicted: ArrayLike, measured: ArrayLike, quantile: float) -> float:
    """Mean pinball loss of a quantile forecast (Koenker & Bassett 1978), in the values' unit.

    Raises:
        InputError: `quantile` is not between 0 and 1.

    >>> round(pinball([10.0, 10.0], [12.0, 8.0], 0.9), 3)
    1.0
    """
    if not 0 < quantile < 1:
        raise InputError(f"quantile {quantile}: must lie between 0 and 1")
    a, b = _pairs(predicted, measured)
    return _mean(np.maximum(quantile * (b - a), (quantile - 1) * (b - a)))


def coverage(lower: ArrayLike, upper: ArrayLike, measured: ArrayLike) -> float:
    """Share of the measured within [lower, upper].

    >>> coverage([0.0, 0.0], [1.0, 1.0], [0.5, 2.0])
    0.5
    """
    low, high, truth = np.broadcast_arrays(*(np.asarray(part, float) for part in (lower, upper, measured)))
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(truth)
    return _mean(((truth >= low) & (truth <= high))[known].astype(float))


@dataclass(frozen=True, slots=True)
class Scores:
    """What `score` finds: pairs, RMSE, MAE, bias, R², mean of the three pinball losses doubled, coverage of 10-90 %."""

    n: int
    rmse: float
    mae: float
    bias: float
    r_squared: float
    crps3: float
    coverage: float


def score(value: ArrayLike, quantiles: tuple[ArrayLike, ArrayLike, ArrayLike], measured: ArrayLike) -> Scores:
    """All of the above at once.

    Args:
        value: (N,) expected values.
        quantiles: 10, 50 and 90 %, (N,) each.
        measured: (N,).
    """
    low, middle, high = quantiles
    losses = [pinball(part, measured, q) for part, q in ((low, 0.1), (middle, 0.5), (high, 0.9))]
    return Scores(
        len(_pairs(value, measured)[0]),
        rmse(value, measured),
        mae(value, measured),
        bias(value, measured),
        r_squared(value, measured),
        2 * float(np.mean(losses)),
        coverage(low, high, measured),
    )
