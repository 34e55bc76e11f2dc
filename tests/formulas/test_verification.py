"""Scores, on numbers worked by hand."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.formulas.verification import bias, coverage, mae, pinball, r_squared, rmse, score

PREDICTED = [1.0, 2.0, 6.0, np.nan]
MEASURED = [2.0, 2.0, 4.0, 1.0]


def test_worked_numbers():
    # Errors -1, 0, 2 over three known pairs; float64 algebra.
    np.testing.assert_allclose(rmse(PREDICTED, MEASURED), np.sqrt(5 / 3), rtol=1e-12)
    np.testing.assert_allclose(mae(PREDICTED, MEASURED), 1.0, rtol=1e-12)
    np.testing.assert_allclose(bias(PREDICTED, MEASURED), 1 / 3, rtol=1e-12)
    np.testing.assert_allclose(r_squared(PREDICTED, MEASURED), 1 - 5 / (8 / 3), rtol=1e-12)
    # 0.9 quantile: under by 1 costs 0.9, over by 2 costs 0.2.
    np.testing.assert_allclose(pinball(PREDICTED, MEASURED, 0.9), (0.9 + 0 + 0.2) / 3, rtol=1e-12)


def test_an_edge_counts_as_covered_and_unknown_pairs_do_not_count():
    assert coverage([1.0, 3.0, np.nan], [2.0, 4.0, 9.0], [2.0, 5.0, 1.0]) == 0.5


def test_no_pair_is_unknown():
    for function in (rmse, mae, bias, r_squared):
        assert np.isnan(function([np.nan], [1.0]))
    assert np.isnan(coverage([], [], []))
    assert np.isnan(r_squared([1.0, 2.0], [3.0, 3.0]))


def test_all_at_once():
    rng = np.random.default_rng(0)
    measured = rng.normal(size=4000)
    found = score(np.zeros(4000), (np.full(4000, -1.2816), np.zeros(4000), np.full(4000, 1.2816)), measured)
    assert found.n == 4000
    np.testing.assert_allclose(found.coverage, 0.8, atol=0.02)  # 3 sd of 4,000 draws
    # Pinball losses of the true normal quantiles: 0.1755, 0.3989, 0.1755; three-quantile CRPS is twice their mean.
    np.testing.assert_allclose(found.crps3, 0.5, rtol=0.05)


def test_a_quantile_outside_the_open_unit_interval_is_refused():
    with pytest.raises(InputError, match="between 0 and 1"):
        pinball([1.0], [1.0], 1.0)
