"""Scores, on numbers worked by hand."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.formulas.verification import (
    bias,
    coverage,
    coverage_by,
    crps3,
    mae,
    paired_skill,
    pinball,
    r_squared,
    reliability,
    rmse,
    score,
)

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


def test_crps_of_three_quantiles_agrees_with_the_score():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    quantiles = np.full(200, -1.28), np.zeros(200), np.full(200, 1.28)
    each = crps3(quantiles, truth)
    np.testing.assert_allclose(each.mean(), score(np.zeros(200), quantiles, truth).crps3, rtol=1e-12)  # float64
    assert np.isnan(crps3((0.0, 0.0, np.nan), 1.0))


def test_reliable_quantiles_hold_their_shares():
    truth = np.random.default_rng(1).normal(size=20_000)
    quantiles = tuple(np.full(truth.shape, side) for side in (-1.2816, 0.0, 1.2816))
    # Four standard errors of a share of 20,000: 4 x 0.0035.
    np.testing.assert_allclose(reliability(quantiles, truth), (0.1, 0.5, 0.9), atol=0.014)
    groups = np.where(np.arange(20_000) % 2, "odd", "even")
    found = coverage_by(quantiles[0], quantiles[2], truth, groups)
    assert list(found) == ["even", "odd"]
    np.testing.assert_allclose(list(found.values()), 0.8, atol=0.016)


def squares(rng, blocks, groups, gain):
    """Losses that good and bad weeks share, the challenger's smaller by `gain` in RMSE."""
    week = rng.lognormal(0, 0.5, (blocks, 1))
    champion = week * rng.lognormal(0, 0.05, (blocks, groups))
    return champion, champion * (1 - gain) ** 2 * rng.lognormal(0, 0.05, (blocks, groups))


def test_paired_skill_sees_through_bad_weeks():
    rng = np.random.default_rng(2)
    found = paired_skill(squares(rng, 40, 3, 0.05), np.zeros(40, int), rng, power=0.5)
    assert 0.03 < found.lower < found.value < found.upper < 0.07
    assert found.blocks == 40
    np.testing.assert_allclose(found.groups, 0.05, atol=0.02)  # noise of 40 blocks: 0.05 / sqrt(40), twice


def test_ninety_per_cent_of_intervals_hold_the_truth():
    rng, hits = np.random.default_rng(3), 0
    for _ in range(200):
        found = paired_skill(squares(rng, 30, 2, 0.0), np.zeros(30, int), rng, 0.5, draws=300)
        hits += found.lower <= 0 <= found.upper
    assert 165 <= hits <= 195  # of 200 at 90 %: 180 +- 3.5 standard deviations of 4.2


def test_strata_are_drawn_apart_and_empty_groups_take_no_part():
    champion = np.array([[4.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 9.0, 0.0]])
    found = paired_skill((champion, champion / 4), np.array([0, 0, 1, 1]), np.random.default_rng(4), 0.5)
    np.testing.assert_allclose([found.value, found.lower, found.upper], 0.5, rtol=1e-12)  # every draw has both cities
    assert np.isnan(found.groups[2])
    nothing = paired_skill((champion * 0, champion * 0), np.zeros(4, int), np.random.default_rng(5))
    assert np.isnan([nothing.value, nothing.lower, nothing.upper]).all()


def test_losses_of_other_shapes_are_refused():
    with pytest.raises(InputError, match=r"losses \(2, 1\) and \(3, 1\) in 2 blocks"):
        paired_skill((np.ones((2, 1)), np.ones((3, 1))), np.zeros(2, int), np.random.default_rng(6))
