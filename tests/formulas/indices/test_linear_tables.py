"""Every breakpoint of the indices that are linear between points: China, India, Plume classic and 2023, WHO."""

import math

import numpy as np
import pytest

from brise.formulas.indices.china_aqi import china_aqi
from brise.formulas.indices.india_naqi import india_naqi
from brise.formulas.indices.plume_2023 import plume_2023
from brise.formulas.indices.plume_classic import plume_classic
from brise.formulas.indices.who_2021 import who_2021

CHINA_LEVELS = [50, 100, 150, 200, 300, 400, 500]
CHINA = {
    "so2": [150, 500, 650, 800],
    "no2": [100, 200, 700, 1200, 2340, 3090, 3840],
    "co": [5000, 10000, 35000, 60000, 90000, 120000, 150000],
    "o3": [160, 200, 300, 400, 800, 1000, 1200],
    "pm10": [50, 120, 250, 350, 420, 500, 600],
    "pm25": [35, 60, 115, 150, 250, 350, 500],
}
INDIA_LEVELS = [50, 100, 200, 300, 400]
INDIA = {
    "pm25": [30, 60, 90, 120, 250],
    "pm10": [50, 100, 250, 350, 430],
    "no2": [40, 80, 180, 280, 400],
    "o3": [50, 100, 168, 208, 748],
    "co": [1000, 2000, 10000, 17000, 34000],
    "so2": [40, 80, 380, 800, 1600],
    "nh3": [200, 400, 800, 1200, 1800],
    "pb": [0.5, 1, 2, 3, 3.5],
}
CLASSIC = {
    "pm25": {10: 20, 25: 50, 50: 100, 100: 150, 128: 178, 450: 500, 900: 500},
    "pm10": {20: 20, 50: 50, 80: 100, 160: 150, 720: 500, 743: 500},
    "pm1": {8: 20, 20: 50, 40: 100, 60: 150, 1000: 500},
    "no2": {40: 20, 80: 50, 200: 100, 400: 150, 656.12: 214, 1800: 500},
    "voc": {250: 20, 660: 50, 2100: 100, 3540: 150},
}
PLUME_2023 = {
    "pm25": [5, 15, 30, 60, 150],
    "pm10": [15, 45, 80, 160, 400],
    "no2": [10, 25, 200, 400, 1000],
    "o3": [50, 100, 160, 240, 480],
}


def rows(table, levels):
    return [(name, c, level) for name, points in table.items() for c, level in zip(points, levels, strict=False)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "c", "index"), rows(CHINA, CHINA_LEVELS))
def test_china_points_and_bands(name, c, index, dtype):
    step = 100 if name == "co" else 1
    result = china_aqi({name: np.array([c, c + 0.4 * step, c + step, c - step], dtype)})
    band = sum(index > edge for edge in (50, 100, 150, 200, 300))
    end = index == 500 or (name == "so2" and index == 200)
    assert result.value[:2].tolist() == [index, index]  # rounded to whole units first, so 0.4 above changes nothing
    assert result.category[0] == band
    assert (result.value[2] == index) if end else (index < result.value[2] <= index + 3)
    assert result.category[2] == (band if end else sum(index + 1 > edge for edge in (50, 100, 150, 200, 300)))
    assert index - 3 <= result.value[3] <= index


def test_china_rounds_the_index_up_without_float_noise():
    pm25 = np.arange(0, 500.0)
    points, levels = [0, *CHINA["pm25"]], [0, *CHINA_LEVELS]
    expected = []
    for c in pm25.astype(int).tolist():
        i = max(j for j in range(7) if points[j] <= c)
        # integer arithmetic, so exact: -(-a // b) is the ceiling
        expected.append(levels[i] - (-(levels[i + 1] - levels[i]) * (c - points[i]) // (points[i + 1] - points[i])))
    assert china_aqi({"pm25": pm25}).value.tolist() == expected


def test_china_halves_round_up_and_sulfur_dioxide_stops_at_200():
    assert china_aqi({"pm25": [35.5]}).value[0] == math.ceil(50 + 50 / 25)
    assert china_aqi({"so2": [801.0, 5000.0]}).value.tolist() == [200, 200]
    assert china_aqi({"co": [5040.0, 5060.0]}).value.tolist() == [50, 51]


@pytest.mark.parametrize(("name", "c", "index"), rows(INDIA, INDIA_LEVELS))
def test_india_points_and_bands(name, c, index):
    step = max(c * 0.02, 0.01)
    sub = [india_naqi({name: np.full(24, level)}).sub[name][-1] for level in (c - step, c, c + step)]
    assert sub[1] == index
    assert sub[0] < index < sub[2]
    air = {name: np.full(24, 0.0) for name in ("pm25", "no2", "so2")}
    for level, band in ((c, INDIA_LEVELS.index(index)), (c + step, INDIA_LEVELS.index(index) + 1)):
        result = india_naqi(air | {name: np.full(24, level)})
        assert result.category[-1] == band
        assert result.sub[name][-1] == result.value[-1]


def test_india_stops_at_500():
    air = {"pm25": np.full(24, 380.0), "pm10": np.full(24, 510.0), "no2": np.full(24, 10.0)}
    assert [india_naqi(air).sub[name][-1] for name in ("pm25", "pm10")] == [500, 500]
    assert india_naqi(air | {"pm25": np.full(24, 2000.0)}).value[-1] == 500


def test_india_needs_three_pollutants_and_a_particle():
    air = {name: np.full(24, 20.0) for name in ("no2", "o3", "so2")}
    assert india_naqi(air).category[-1] == -1
    assert india_naqi(air | {"pm10": np.full(24, 20.0)}).category[-1] == 0
    assert india_naqi({"pm25": np.full(24, 20.0), "no2": np.full(24, 20.0)}).category[-1] == -1


def test_india_needs_16_of_24_hours():
    air = {name: np.full(24, 20.0) for name in ("no2", "pm10", "pm25")}
    air["pm25"][:8] = np.nan
    assert india_naqi(air).sub["pm25"][-1] == 33
    air["pm25"][8] = np.nan
    result = india_naqi(air)
    assert np.isnan(result.sub["pm25"][-1])
    assert result.category[-1] == -1


@pytest.mark.parametrize(
    ("name", "c", "index"), [(name, c, index) for name, row in CLASSIC.items() for c, index in row.items()]
)
def test_plume_classic_points(name, c, index):
    result = plume_classic({name: [c]})
    assert result.value[0] == index
    assert result.category[0] == sum(index > upper for upper in (20, 50, 100, 150, 200, 250))


@pytest.mark.parametrize(
    ("c", "band"), [(10, 0), (10.5, 1), (25, 1), (25.5, 2), (50, 2), (51, 3), (100, 3), (101, 4), (150, 4), (151, 5)]
)
def test_plume_classic_bands(c, band):
    assert plume_classic({"pm25": [c]}).category[0] == band


def test_plume_classic_last_band():
    assert plume_classic({"pm25": [200.0, 201.0]}).category.tolist() == [5, 6]


def test_plume_classic_agrees_with_a_real_tracker(shared_data):
    """Every row of the export within the rounding of its input (whole ppb) and output (whole index)."""
    path = next((shared_data / "tracker").glob("user_measures_*.csv"))
    columns = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=range(2, 10)).T
    no2, voc, pm10, pm25 = columns[:4]
    reported = dict(zip(("no2", "voc", "pm10", "pm25"), columns[4:], strict=True))
    sub = plume_classic({"no2": no2 * 1.88, "voc": voc, "pm10": pm10, "pm25": pm25}).sub
    for name in ("voc", "pm10", "pm25"):
        known = ~np.isnan(sub[name])
        assert known.sum() > 14_800
        np.testing.assert_array_equal(sub[name][known], reported[name][known])
    # NO2 was exported as whole ppb: the unrounded value is up to half a ppb either side
    low, high = (plume_classic({"no2": np.maximum(no2 + d, 0) * 1.88}).sub["no2"] for d in (-0.5, 0.5))
    inside = (low <= reported["no2"]) & (reported["no2"] <= high)
    assert inside.mean() == 1.0
    assert (no2 * 1.88 > 200).sum() > 250  # so the slope beyond 100 is checked too


@pytest.mark.parametrize(("name", "c", "index"), rows(PLUME_2023, [20, 50, 100, 150, 250]))
def test_plume_2023_points_start_a_band(name, c, index):
    result = plume_2023({name: [c * 0.96, c, c * 1.04]})
    assert result.value[1] == index
    band = [20, 50, 100, 150, 250].index(index)
    assert result.category.tolist() == [band, band + 1, band + 1]


def test_plume_2023_beyond_250_is_proportional():
    assert plume_2023({"o3": [960.0]}).value[0] == 500
    assert plume_2023({"pm25": [600.0]}).value[0] == 1000


@pytest.mark.parametrize(
    ("name", "guideline"), [("pm25", 15), ("pm10", 45), ("no2", 25), ("o3", 100), ("so2", 40), ("co", 4000)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_who_is_percent_of_the_guideline(name, guideline, dtype):
    ratios = [0.5, 1, 1.01, 5 / 3, 1.68, 2.5, 2.51, 10 / 3, 3.34, 5, 5.01]
    results = [who_2021({name: np.full(24, guideline * r, dtype)}) for r in ratios]
    # 1e-6: single-precision input
    np.testing.assert_allclose([r.value[-1] for r in results], 100 * np.array(ratios), rtol=1e-6)
    assert [int(r.category[-1]) for r in results] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_who_ladder_is_the_interim_targets_of_pm25():
    levels = (15, 25, 37.5, 50, 75)
    assert [int(who_2021({"pm25": np.full(24, c)}).category[-1]) for c in levels] == [0, 1, 2, 3, 4]


def test_who_short_guideline_counts_only_when_broken():
    series = np.full(24, np.nan)
    series[-1] = 150.0
    assert who_2021({"no2": series}).category[-1] == -1  # says nothing of the day
    series[-1] = 300.0
    assert who_2021({"no2": series}).value[-1] == pytest.approx(150)
    series[:] = 5.0
    series[-1] = 250.0
    assert who_2021({"no2": series}).value[-1] == pytest.approx(125)
    carbon_monoxide = np.full(24, 500.0)
    carbon_monoxide[-1] = 36_000.0
    assert who_2021({"co": carbon_monoxide}).value[-1] == pytest.approx(3600 / 35)
