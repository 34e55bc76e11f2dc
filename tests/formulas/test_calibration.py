"""The PurpleAir correction: its published pieces, its joints, and that it helps on real pairs."""

import numpy as np
import pandas as pd
import pytest

from brise.formulas.calibration import channels_agree, purpleair_pm25


def test_published_pieces():
    np.testing.assert_allclose(purpleair_pm25(100.0, 0.4), 0.524 * 100 - 0.0862 * 40 + 5.75, rtol=1e-12)
    np.testing.assert_allclose(purpleair_pm25(800.0, 0.4), 4.21e-4 * 800**2 + 0.392 * 800 + 3.44, rtol=1e-12)


@pytest.mark.parametrize("joint", [570.0, 611.0])
def test_it_is_continuous_at_its_joints(joint):
    below, above = purpleair_pm25([joint - 1e-6, joint + 1e-6], 0.5)
    np.testing.assert_allclose(below, above, atol=1e-4)  # the slopes are below 5 per unit


def test_unknown_stays_unknown():
    assert np.isnan(purpleair_pm25([np.nan, 5.0, -1.0, 5.0, 1e300], [0.5, np.nan, 0.5, 1.01, 0.5])).all()
    assert not channels_agree(np.nan, 5.0)


def test_agreement_needs_both_limits_broken():
    # 5 apart; 5.1 apart and 73 % of the mean; 50 apart but 50 %; 80 apart and 133 %
    a, b = [1.0, 4.45, 75.0, 20.0], [6.0, 9.55, 125.0, 100.0]
    assert channels_agree(a, b).tolist() == [True, False, True, False]


def test_it_helps_on_real_pairs(shared_data):
    pairs = pd.read_csv(shared_data / "calibration" / "purpleair_vs_aqs_daily_2021_2023.csv")
    corrected = purpleair_pm25(pairs["A_B_Avg"], pairs["humidity_a"] / 100)

    def rmse(value):
        return float(np.sqrt(np.nanmean((value - pairs["conc"]) ** 2)))

    assert rmse(corrected) < 0.5 * rmse(pairs["A_B_Avg"])  # 2.8 against 7.3 µg/m³
