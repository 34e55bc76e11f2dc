"""How good forecasts were: small networks whose errors are known."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions.grids import Grid
from brise.conventions.observations import StationHours
from brise.products.forecast_scores import GROUPS, LEADS, bands, said, scores

GRID = Grid("town", 51.6, -0.3, 0.1, 3, 3)
HOURS = list(range(-24, 97))
INIT = np.datetime64("2026-11-01T00:00:00", "s")
META = {
    "init_time": "2026-11-01T00:00:00Z",
    "hours": HOURS,
    "variables": ["pm25", "no2"],
    "stations": [
        {"station_id": "a:1", "latitude": 51.6, "longitude": -0.3},
        {"station_id": "a:2", "latitude": 51.4, "longitude": -0.1},
        {"station_id": "a:far", "latitude": 10.0, "longitude": 10.0},
    ],
}


@pytest.fixture
def published():
    """PM2.5 is 20 (15 to 30), NO2 40 (30 to 50) in every cell; NO2 is unknown in the last cell."""
    out = np.empty((GRID.cells, 2, 3, len(HOURS)), np.float32)
    out[:, 0] = np.array([20, 15, 30])[:, None]
    out[:, 1] = np.array([40, 30, 50])[:, None]
    out[-1, 1] = np.nan
    return out


def measured(**values):
    """Station a:1 alone, 24 h before the forecast to its end; a pollutant is a constant."""
    time = INIT + np.arange(-24, 97) * np.timedelta64(3600, "s")
    rows = {name: np.full((len(time), 1), value, np.float32) for name, value in values.items()}
    place = np.zeros(1)
    return StationHours(time, np.array(["a:1"]), place, place, place, rows)


def test_what_was_published_at_the_stations_is_kept(published):
    rows = said(published, META, GRID)
    assert set(rows["station_id"]) == {"a:1", "a:2"}
    assert sorted(rows.loc[rows["variable"] == "pm25", "lead_hours"].unique()) == list(LEADS)
    assert (rows.loc[rows["variable"] == "no2", "station_id"] == "a:1").all(), "unknown has no row"
    assert set(rows.loc[rows["variable"] == "pm25", "band"]) == {1}, "20 µg/m³ is moderate in the US AQI"
    assert set(rows.loc[rows["variable"] == "no2", "band"]) == {0}


def test_error_bias_coverage_and_band_of_known_forecasts(published):
    made = scores(said(published, META, GRID), measured(pm25=25.0, no2=60.0)).set_index(["variable", "first_lead"])
    assert made["station_id"].unique().tolist() == ["a:1"], "where nothing was measured nothing is scored"
    pm25, no2 = made.loc["pm25"], made.loc["no2"]
    assert pm25["n"].tolist() == [3, 3, 2, 2]
    np.testing.assert_allclose(pm25["mae"], 5)
    np.testing.assert_allclose(pm25["bias"], -5)
    np.testing.assert_allclose(pm25["mean"], 25)
    np.testing.assert_allclose(pm25["coverage"], 1)
    np.testing.assert_allclose(pm25["band_hit"], 1)  # 9.1 to 35.4 is one band
    np.testing.assert_allclose(no2["bias"], -20)
    np.testing.assert_allclose(no2["coverage"], 0)
    assert list(zip(pm25.index, pm25["last_lead"], strict=True)) == list(GROUPS)


def test_another_band_is_a_miss_and_no_interval_is_no_coverage(published):
    published[:, 0, 1:] = np.nan
    made = scores(said(published, META, GRID), measured(pm25=50.0))
    np.testing.assert_allclose(made["band_hit"], 0)
    assert made["coverage"].isna().all()


def test_hours_without_a_measurement_count_for_nothing(published):
    truth = measured(pm25=25.0)
    truth.values["pm25"][24 + 12 :] = np.nan
    made = scores(said(published, META, GRID), truth)
    assert made["n"].tolist() == [3]


def test_nothing_said_is_nothing_scored(published):
    assert said(published, META | {"stations": []}, GRID).empty
    assert scores(pd.DataFrame(), measured(pm25=1.0)).empty
    assert bands({"voc": np.ones(3)}) == {}
