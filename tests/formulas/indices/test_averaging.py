"""Trailing means: against a plain loop, and their capture rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brise.formulas.indices.averaging import nowcast, running_mean

series_with_gaps = st.lists(
    st.one_of(st.just(np.nan), st.floats(0, 2000, allow_subnormal=False)), min_size=1, max_size=40
)


@settings(derandomize=True, deadline=None)
@given(series_with_gaps, st.sampled_from([(3, 2), (8, 6), (24, 18)]))
def test_running_mean_is_the_mean_of_the_window(series, rule):
    hours, required = rule
    x = np.array(series)
    result = running_mean(x, hours, required)
    for t in range(len(x)):
        window = x[max(0, t - hours + 1) : t + 1]
        known = window[~np.isnan(window)]
        expected = known.mean() if len(known) >= required else np.nan
        # 1e-9: a running total of at most 40 values to 2,000
        np.testing.assert_allclose(result[t], expected, rtol=1e-9, atol=1e-9)


@settings(derandomize=True, deadline=None)
@given(series_with_gaps)
def test_nowcast_is_the_weighted_mean_of_twelve_hours(series):
    x = np.array(series)
    result = nowcast(x)
    for t in range(len(x)):
        hours = [(i, x[t - i]) for i in range(12) if t - i >= 0 and not np.isnan(x[t - i])]
        if sum(i < 3 for i, _ in hours) < 2:
            assert np.isnan(result[t])
            continue
        low, high = min(c for _, c in hours), max(c for _, c in hours)
        w = max(1 - (high - low) / high, 0.5) if high > 0 else 1.0
        expected = sum(w**i * c for i, c in hours) / sum(w**i for i, _ in hours)
        # 1e-9: Horner's rule against powers in float64
        np.testing.assert_allclose(result[t], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(5,), (2, 30), (2, 3, 30)])
def test_leading_axes_do_not_mix(shape):
    x = np.random.default_rng(1).gamma(2, 10, shape)
    for average in (nowcast, lambda v: running_mean(v, 8, 6)):
        whole = average(x)
        assert whole.shape == shape
        for at in np.ndindex(shape[:-1]):
            np.testing.assert_array_equal(whole[at], average(x[at]))
