"""How good a prediction was. Pairs where either side is unknown take no part; no pair at all gives NaN."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError

QUANTILES = (0.1, 0.5, 0.9)
"""What a forecast states beside its value."""


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


def crps3(quantiles: tuple[ArrayLike, ArrayLike, ArrayLike], measured: ArrayLike) -> NDArray[np.float64]:
    """Each pair's continuous ranked probability score as far as three quantiles tell: twice their mean pinball loss.

    Args:
        quantiles: 10, 50 and 90 %, (N,) each.
        measured: (N,).

    Returns:
        (N,) in the values' unit, NaN where anything is unknown; its mean is `Scores.crps3`.

    >>> crps3(([8.0], [10.0], [12.0]), [10.0]).round(4).tolist()
    [0.2667]
    """
    truth = np.asarray(measured, float)
    total = np.zeros(truth.shape)
    for part, quantile in zip(quantiles, QUANTILES, strict=True):
        over = truth - np.asarray(part, float)
        total = total + np.maximum(quantile * over, (quantile - 1) * over)
    return np.asarray(2 * total / len(QUANTILES))


def coverage_by(
    lower: ArrayLike, upper: ArrayLike, measured: ArrayLike, groups: ArrayLike
) -> dict[str | int | float, float]:
    """Coverage within each group, such as each lead; groups in order.

    >>> coverage_by([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 2.0, 0.5], [1, 1, 6])
    {1: 0.5, 6: 1.0}
    """
    low, high, truth = (np.asarray(part, float) for part in (lower, upper, measured))
    names, which = np.unique(np.asarray(groups), return_inverse=True)
    return {
        name: coverage(*(part[which == place] for part in (low, high, truth)))
        for place, name in enumerate(names.tolist())
    }


def reliability(quantiles: tuple[ArrayLike, ArrayLike, ArrayLike], measured: ArrayLike) -> tuple[float, float, float]:
    """Share of the measured at or below each quantile; a reliable forecast gives 0.1, 0.5 and 0.9.

    >>> reliability(([1.0, 1.0], [2.0, 2.0], [3.0, 3.0]), [0.5, 2.5])
    (0.5, 0.5, 1.0)
    """
    below, middle, above = (coverage(np.full(np.shape(part), -1e300), part, measured) for part in quantiles)
    return below, middle, above


@dataclass(frozen=True, slots=True)
class Skill:
    """How much less one forecast loses than another: 0.03 = 3 % less.

    Attributes:
        value: 1 minus the geometric mean over groups of the ratio of losses.
        lower: Lower end of the interval that block bootstrap gives it.
        upper: Upper end.
        groups: (G,) of each group alone.
        blocks: How many blocks there were.
    """

    value: float
    lower: float
    upper: float
    groups: NDArray[np.float64]
    blocks: int


def paired_skill(
    losses: tuple[NDArray[np.float64], NDArray[np.float64]],
    strata: NDArray[np.intp],
    rng: np.random.Generator,
    power: float = 1.0,
    draws: int = 2000,
) -> Skill:
    """Skill of a challenger over a champion on the same pairs, with a 90 % interval by block bootstrap (Künsch 1989).

    A block is a span of consecutive days at all stations: errors of neighbouring hours and stations are alike, and
    resampling them one by one would take one bad week for a hundred independent proofs. Blocks are drawn with
    replacement, each stratum (a city with its own calendar) from its own, and both forecasts get the same draw, so that
    what is hard for both cancels. Ratios are averaged over groups (city and pollutant) as logarithms: no unit, and no
    pollutant outweighs the others by its numbers.

    Args:
        losses: (blocks, G) sums of the champion's losses and of the challenger's; 0 where a block has no pair.
        strata: (blocks,) which stratum each block belongs to.
        rng: Source of the draws.
        power: Of the ratio of sums; 0.5 makes RMSE of squared errors.
        draws: How many resamplings.

    Returns:
        The skill; NaN where no group has a loss to compare. Groups without one take no part.

    Raises:
        InputError: Shapes differ.

    >>> half = np.full((8, 1), 4.0), np.full((8, 1), 1.0)
    >>> found = paired_skill(half, np.zeros(8, int), np.random.default_rng(0), 0.5)
    >>> found.value, found.lower, found.blocks
    (0.5, 0.5, 8)
    """
    champion, challenger = losses
    if champion.shape != challenger.shape or len(strata) != len(champion):
        raise InputError(f"losses {champion.shape} and {challenger.shape} in {len(strata)} blocks: shapes must agree")
    both = (champion.sum(axis=0) > 0) & (challenger.sum(axis=0) > 0)
    each = np.full(champion.shape[1], np.nan)
    logs = power * np.log(challenger[:, both].sum(axis=0) / champion[:, both].sum(axis=0))
    each[both] = 1 - np.exp(logs)
    if not both.any():
        return Skill(float("nan"), float("nan"), float("nan"), each, len(champion))
    times = np.zeros((draws, len(champion)))
    for stratum in np.unique(strata):
        own = np.flatnonzero(strata == stratum)
        times[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=draws)
    above, below = times @ challenger[:, both], times @ champion[:, both]
    known = (above > 0) & (below > 0)  # a draw may miss every block in which a rare group has pairs
    ratio = np.where(known, power * np.log(np.where(known, above, 1.0) / np.where(known, below, 1.0)), 0.0)
    drawn = 1 - np.exp(ratio.sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    lower, upper = np.quantile(drawn, (0.05, 0.95))
    return Skill(float(1 - np.exp(logs.mean())), float(lower), float(upper), each, len(champion))
