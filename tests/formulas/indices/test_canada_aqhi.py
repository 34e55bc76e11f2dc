"""Canada AQHI: the published sum, its three-hour means, both sides of every band."""

import math

import numpy as np
import pytest

from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, ppb_to_ugm3
from brise.formulas.indices.canada_aqhi import BANDS, canada_aqhi


def published(no2_ppb, o3_ppb, pm25):
    total = math.exp(0.000871 * no2_ppb) + math.exp(0.000537 * o3_ppb) + math.exp(0.000487 * pm25) - 3
    return 10 / 10.4 * 100 * total


def air(no2_ppb, o3_ppb, pm25, hours=3):
    def gas(ppb, name):
        return np.full(hours, float(ppb_to_ugm3(ppb, name, TEMPERATURE_25C, STANDARD_PRESSURE)))

    return {"no2": gas(no2_ppb, "no2"), "o3": gas(o3_ppb, "o3"), "pm25": np.full(hours, float(pm25))}


@pytest.mark.parametrize("levels", [(20, 30, 10), (5, 40, 3), (60, 5, 35), (40, 60, 80), (10, 20, 42.6), (0, 0, 0)])
def test_the_published_sum(levels):
    result = canada_aqhi(air(*levels))
    assert result.value[-1] == max(1, round(published(*levels)))
    # 1e-9: float64 algebra, the gas factors cancel
    np.testing.assert_allclose(sum(result.sub.values())[-1], published(*levels), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("edge", range(2, 12))
def test_both_sides_of_every_band(edge):
    # PM2.5 that makes the sum edge - 1/2, where rounding turns to `edge`
    pm25 = math.log1p((edge - 0.5) / (1000 / 10.4)) / 0.000487
    below, above = (canada_aqhi(air(0, 0, pm25 * f)) for f in (0.999, 1.001))
    assert (below.value[-1], above.value[-1]) == (edge - 1, edge)
    assert (below.category[-1], above.category[-1]) == (edge - 2, edge - 1)


def test_more_than_ten_is_one_band():
    result = canada_aqhi(air(100, 100, 500))
    assert result.value[-1] > 11
    assert BANDS[result.category[-1]].key == "canada_aqhi.very_high"


def test_all_three_pollutants_and_two_of_three_hours():
    full = air(20, 30, 10)
    for name in full:
        assert canada_aqhi({k: v for k, v in full.items() if k != name}).category[-1] == -1
        gap = full[name].copy()
        gap[0] = np.nan
        assert canada_aqhi(full | {name: gap}).value[-1] == 4
        gap[1] = np.nan
        result = canada_aqhi(full | {name: gap})
        assert (result.category[-1], result.dominant[-1]) == (-1, -1)


def test_dominant_is_the_largest_share():
    assert canada_aqhi(air(60, 5, 5)).dominant[-1] == 1
    assert canada_aqhi(air(5, 60, 5)).dominant[-1] == 2
    assert canada_aqhi(air(5, 5, 200)).dominant[-1] == 0
