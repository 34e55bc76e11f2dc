"""US AQI: published edges, worked examples, NowCast, capture rules."""

import numpy as np
import pytest

from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, ppb_to_ugm3
from brise.formulas.indices.us_aqi import us_aqi

# Written from the published table, in its own units: (unit step, [(first, last) of each band])
TABLE = {
    "pm25": (0.1, [(0, 9.0), (9.1, 35.4), (35.5, 55.4), (55.5, 125.4), (125.5, 225.4), (225.5, 325.4)]),
    "pm10": (1, [(0, 54), (55, 154), (155, 254), (255, 354), (355, 424), (425, 604)]),
    "no2": (1, [(0, 53), (54, 100), (101, 360), (361, 649), (650, 1249), (1250, 2049)]),
    "o3": (1, [(0, 54), (55, 70)]),
    "so2": (1, [(0, 35), (36, 75), (76, 185)]),
    "co": (100, [(0, 4400), (4500, 9400), (9500, 12400), (12500, 15400), (15500, 30400), (30500, 50400)]),
}
EDGES = [(0, 50), (51, 100), (101, 150), (151, 200), (201, 300), (301, 500)]


def ugm3(name, value):
    return value if name.startswith("pm") else ppb_to_ugm3(value, name, TEMPERATURE_25C, STANDARD_PRESSURE)


def at(name, value, dtype=np.float64, hours=24):
    """The index at the end of a day at one level, `value` in the table's unit (ppb for gases)."""
    result = us_aqi({name: np.full(hours, ugm3(name, value)).astype(dtype)})
    return float(result.value[-1]), int(result.category[-1])


CASES = [
    (name, level, index, band)
    for name, (_, rows) in TABLE.items()
    for band, (ends, indices) in enumerate(zip(rows, EDGES, strict=False))
    for level, index in zip(ends, indices, strict=True)
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "level", "index", "band"), CASES)
def test_band_edges(name, level, index, band, dtype):
    assert at(name, level, dtype) == (index, band)


@pytest.mark.parametrize(
    ("name", "last", "step", "index", "band"),
    [
        (name, last, step, EDGES[band][1], band)
        for name, (step, rows) in TABLE.items()
        for band, (_, last) in enumerate(rows[:-1])
    ],
)
def test_concentrations_are_truncated_not_rounded(name, last, step, index, band):
    assert at(name, last + 0.9 * step) == (index, band)


@pytest.mark.parametrize(
    ("hourly", "index"),
    [(86, 151), (105, 200), (106, 201), (124, 207), (200, 300)],  # 106 to 200 ppb: 201 + 99 x (C - 106) / 94... below
)
def test_ozone_eight_hours(hourly, index):
    expected = {124: round(201 + 99 * 18 / 94)}.get(hourly, index)
    assert at("o3", hourly, hours=8)[0] == expected


def test_ozone_eight_hours_middle_bands():
    assert [at("o3", level)[0] for level in (71, 85)] == [101, 150]


@pytest.mark.parametrize(
    ("level", "index"), [(405, 301), (404, 300), (604, 500), (205, 300), (804, 500 + 200 * 199 / 199)]
)
def test_ozone_above_the_eight_hour_table_goes_by_the_hour(level, index):
    # 205 ppb for 8 hours: no 8-hour breakpoints, at least 300; one hour of it is 201
    assert at("o3", level)[0] == index


def test_one_hour_ozone_counts_from_125_ppb():
    def newest(level):
        series = np.full(24, 10.0)
        series[-1] = level
        return us_aqi({"o3": ugm3("o3", series)}).value[-1]

    assert newest(124) == round(50 * 24 / 54)  # the 8-hour mean alone: (7 x 10 + 124) / 8 = 24.25 ppb
    assert [newest(level) for level in (125, 164, 165, 204, 205)] == [101, 150, 151, 200, 201]


def test_sulfur_dioxide_switches_to_24_hours():
    def newest(level, background):
        series = np.full(24, float(background))
        series[-1] = level
        return us_aqi({"so2": ugm3("so2", series)}).value[-1]

    assert newest(186, 10) == 151
    assert newest(304, 10) == 200
    assert newest(305, 10) == 200  # one hour above the table, day below 305 ppb
    assert newest(900, 10) == 200
    assert [at("so2", level)[0] for level in (305, 604, 605, 1004)] == [201, 300, 301, 500]


def test_above_500_the_last_segment_goes_on():
    assert at("pm25", 325.4 + 99.9)[0] == 699
    assert at("pm25", 1847)[1] == 5


@pytest.mark.parametrize(("name", "value", "index"), [("pm25", 35.9, 102), ("o3", 78, 126), ("co", 8400, 90)])
def test_worked_examples_of_the_assistance_document(name, value, index):
    # O3 8 h 0.078 ppm → 126; PM2.5 35.9 → 102; CO 8.4 ppm → 90
    assert at(name, value)[0] == index


def test_nowcast_worked_example():
    # weight 13/90 is below 1/2, so 1/2: (50 + 80/2 + 75/4 + ...) / (1 + 1/2 + 1/4 + ...) = 64.26, truncated 64.2
    series = np.array([13.0, 16, 10, 21, 74, 64, 53, 82, 90, 75, 80, 50])
    assert us_aqi({"pm25": series}).value[-1] == round(151 + 49 * (64.2 - 55.5) / 69.9)


def test_nowcast_of_a_steady_hour_weighs_all_twelve():
    series = np.array([9.0] + [10.0] * 11)
    w = 0.9
    expected = (10 * sum(w**i for i in range(11)) + 9 * w**11) / sum(w**i for i in range(12))
    assert us_aqi({"pm25": series}).value[-1] == round(51 + 49 * (np.floor(expected * 10) / 10 - 9.1) / 26.3)


@pytest.mark.parametrize(("known", "index"), [((0, 1), 57), ((0, 2), 57), ((1, 2), 57), ((2, 3), None), ((0, 3), None)])
def test_nowcast_needs_two_of_the_newest_three_hours(known, index):
    series = np.full(24, np.nan)
    series[[-1 - hour for hour in known]] = 12.4
    value = us_aqi({"pm25": series}).value[-1]
    assert (np.isnan(value) and index is None) or value == index


def test_eight_hour_mean_needs_six():
    series = np.full(24, float(ugm3("o3", 60)))
    series[-3:-1] = np.nan
    assert us_aqi({"o3": series}).value[-1] == round(51 + 49 * 5 / 15)
    series[-4] = np.nan
    assert np.isnan(us_aqi({"o3": series}).value[-1])


def test_zero_air_is_good_and_small_negatives_are_zero():
    result = us_aqi({"pm25": [0.0, -3.0, 0.0], "no2": [-1.0, -1.0, -1.0]})
    assert result.value[-1] == 0
    assert result.category[-1] == 0


def test_dominant_is_the_larger_and_the_earlier_of_equals():
    air = {"no2": np.full(12, float(ugm3("no2", 53))), "pm25": np.full(12, 9.0), "pm10": np.full(12, 20.0)}
    assert us_aqi(air).dominant[-1] == 0
    assert us_aqi(air | {"pm10": np.full(12, 55.0)}).dominant[-1] == 1
