"""Every edge, on both sides, of the indices that are tables of bands: European AQI and UK DAQI."""

import numpy as np
import pytest

from brise.formulas.indices.european_aqi import european_aqi
from brise.formulas.indices.uk_daqi import uk_daqi

EUROPE = {
    "pm25": [5, 15, 50, 90, 140],
    "pm10": [15, 45, 120, 195, 270],
    "no2": [10, 25, 60, 100, 150],
    "o3": [60, 100, 120, 160, 180],
    "so2": [20, 40, 125, 190, 275],
}
BRITAIN = {
    "o3": [33, 66, 100, 120, 140, 160, 187, 213, 240],
    "no2": [67, 134, 200, 267, 334, 400, 467, 534, 600],
    "so2": [88, 177, 266, 354, 443, 532, 710, 887, 1064],
    "pm25": [11, 23, 35, 41, 47, 53, 58, 64, 70],
    "pm10": [16, 33, 50, 58, 66, 75, 83, 91, 100],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "upper", "band"), [(name, u, i) for name, row in EUROPE.items() for i, u in enumerate(row)]
)
def test_european_edges(name, upper, band, dtype):
    result = european_aqi({name: np.array([0.0, upper, upper + 0.1, upper + 1], dtype)})
    assert result.category.tolist() == [0, band, band + 1, band + 1]
    assert result.sub[name].tolist() == [1, band + 1, band + 2, band + 2]
    assert np.isnan(result.value).all()


def test_european_worst_pollutant():
    result = european_aqi({"pm25": [3.0, 3.0], "no2": [30.0, np.nan], "o3": [70.0, np.nan]})
    assert result.category.tolist() == [2, 0]
    assert result.dominant.tolist() == [2, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "upper", "index"), [(name, u, i + 1) for name, row in BRITAIN.items() for i, u in enumerate(row)]
)
def test_british_edges_round_to_whole_numbers(name, upper, index, dtype):
    levels = [upper, upper + 0.4, upper + 0.5, upper + 1]
    values = [uk_daqi({name: np.full(24, level, dtype)}).value[-1] for level in levels]
    assert values == [index, index, index + 1, index + 1]


@pytest.mark.parametrize(("name", "hours", "required"), [("pm25", 24, 18), ("pm10", 24, 18), ("o3", 8, 6)])
def test_british_capture_is_three_quarters(name, hours, required):
    series = np.full(hours, 20.0)
    series[: hours - required] = np.nan
    assert uk_daqi({name: series}).category[-1] >= 0
    series[hours - required] = np.nan
    assert uk_daqi({name: series}).category[-1] == -1


def test_british_day_forgets_what_is_older():
    series = np.concatenate([np.full(24, 200.0), np.full(24, 5.0)])
    assert uk_daqi({"pm25": series}).value[-1] == 1
    assert uk_daqi({"pm25": series}).value[-2] > 1
