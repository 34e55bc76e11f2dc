"""Chances of rain that come true as often as they say: fitted on events that the network had not seen."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.models.rain_samples import Lessons
from brise.models.rain_serving import LEVELS, UNCHANGED, Calibration

_ROUNDS = 25
_PENALTY = 1e-3  # towards chances as the network told them, in shares of all lessons
DECILES = 10
LEAST = 200
"""Lessons in a decile that count as populated."""


def fit_calibration(told: Sequence[NDArray[np.float32]], events: Sequence[Lessons]) -> Calibration:
    """Logistic regression of what came on the network's logit and the lead, events and kinds alike.

    Args:
        told: (N, 1 + LEVELS) of each event, by a network that never saw it.
        events: Their lessons.

    Raises:
        InputError: There is no event.
    """
    if not events:
        raise InputError("calibration of rain: no event")
    weights = np.concatenate([_alike(one) for one in events])
    weights /= weights.sum()
    t = np.log(np.concatenate([one.minutes for one in events]).astype(np.float64) / 30.0)
    truth = np.concatenate([one.truth for one in events])
    logits = np.concatenate([one[:, 1:] for one in told]).astype(np.float64)
    law = [
        _logistic(logits[:, at], t, (truth >= np.float32(np.log1p(level))).astype(np.float64), weights)
        for at, level in enumerate(LEVELS)
    ]
    return Calibration(np.stack(law))


def _alike(lessons: Lessons) -> NDArray[np.float64]:
    weights = np.zeros(len(lessons))
    for kind in (False, True):
        mask = lessons.window == kind
        weights[mask] = 1.0 / max(mask.sum(), 1)
    return weights


def _logistic(
    logit: NDArray[np.float64], t: NDArray[np.float64], came: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(4,) by Newton's method, held towards the logit itself."""
    x = np.stack([np.ones_like(t), t, logit, t * logit], axis=1)
    start = np.array(UNCHANGED.law[0])
    law = start.copy()
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(x @ law, -30, 30)))
        slope = x.T @ (weights * (came - chance)) - _PENALTY * (law - start)
        curvature = (x * (weights * chance * (1 - chance))[:, None]).T @ x + _PENALTY * np.eye(4)
        step = np.linalg.solve(curvature, slope)
        law = law + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-6:
            break
    return law


def calibrated(
    told: NDArray[np.float32], minutes: NDArray[np.float32], calibration: Calibration
) -> NDArray[np.float64]:
    """(N, LEVELS) chances, not rising with the level."""
    laws = calibration.at(np.asarray(minutes, np.float64))
    chances = 1 / (1 + np.exp(-(laws[..., 0] + laws[..., 1] * told[:, 1:].astype(np.float64))))
    return np.asarray(np.minimum.accumulate(chances, axis=1))


def reliability(chance: NDArray[np.float64], came: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(DECILES, 3): how many, the mean chance told, and how often it came; NaN where there are none.

    >>> reliability(np.array([0.02, 0.04, 0.98]), np.array([False, False, True]))[[0, 9]].round(2).tolist()
    [[2.0, 0.03, 0.0], [1.0, 0.98, 1.0]]
    """
    decile = np.clip((chance * DECILES).astype(int), 0, DECILES - 1)
    counts = np.bincount(decile, minlength=DECILES).astype(float)
    sums = [np.bincount(decile, part.astype(float), DECILES) for part in (chance, came)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([counts, *(part / counts for part in sums)], axis=1)
