"""Chances of rain after calibration come true; the sums of reliability are right."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training extra is not installed")

from brise.conventions.errors import InputError
from brise.models.rain_calibration import calibrated, fit_calibration, reliability
from brise.models.rain_net import FEATURES
from brise.models.rain_samples import Lessons
from brise.models.rain_serving import LEVELS, UNCHANGED


def made(seed: int, count: int = 30_000) -> tuple[np.ndarray, Lessons]:
    """What came with a known chance, and a network twice too sure of it."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(0, 2, count)
    truth = np.log1p(np.exp(middle + rng.logistic(0, 1, count)))
    logits = 2 * (middle[:, None] - np.log(np.array(LEVELS)))
    told = np.concatenate([truth[:, None], logits], axis=1).astype(np.float32)
    flat = np.ones(count, bool)
    minutes = rng.choice([5.0, 30.0, 120.0], count).astype(np.float32)
    return told, Lessons(
        np.zeros((count, FEATURES), np.float32), truth.astype(np.float32), minutes, rng.random(count) < 0.5, flat
    )


def test_overconfidence_is_taken_back_on_lessons_it_never_saw():
    learnt, unseen = made(0), made(1)
    fitted = fit_calibration([learnt[0]], [learnt[1]])
    at = LEVELS.index(1.0)
    came = unseen[1].truth >= np.float32(np.log(2))

    def worst(law) -> float:
        table = reliability(calibrated(unseen[0], unseen[1].minutes, law)[:, at], came)
        return float(np.abs(table[:, 1] - table[:, 2]).max())

    assert worst(UNCHANGED) > 0.1
    assert worst(fitted) < 0.05  # a decile holds some 2000 lessons: 3 standard errors are 0.034
    chances = calibrated(unseen[0], unseen[1].minutes, fitted)
    assert (np.diff(chances, axis=1) <= 0).all()


def test_without_an_event_there_is_no_calibration():
    with pytest.raises(InputError, match="no event"):
        fit_calibration([], [])
