"""`scores` and `weather` through the HTTP door."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from brise.io.score_tables import write_scores
from brise.io.tables import Tables
from brise.service.jobs.verify import folder_of

SCORES, WEATHER = "/v1/scores", "/v1/weather"
AT = "latitude=51.5&longitude=-0.1"


@pytest.fixture
def scored(tmp_path, town, make_client):
    town.publish(tmp_path)
    town.stop_clock(tmp_path, town.init)
    row = {"station_id": "simulated:1", "variable": "pm25", "mean": 12.0, "mae": 2.04, "bias": -0.5, "coverage": 0.8123}
    frame = pd.DataFrame(
        [
            row | {"first_lead": 1, "last_lead": 6, "n": 40, "band_n": 30, "band_hit": 0.9},
            row | {"first_lead": 7, "last_lead": 24, "n": 11, "band_n": 11, "band_hit": 1.0},
            row | {"first_lead": 25, "last_lead": 48, "n": 20, "band_n": 3, "band_hit": 1.0, "coverage": np.nan},
        ]
    )
    write_scores(folder_of(tmp_path), "town", frame, town.init - timedelta(days=30), town.init)
    return make_client()


def test_scores_of_the_nearest_station_that_can_judge(scored):
    answer = scored.get(f"{SCORES}?{AT}").json()
    assert answer["station"]["id"] == "simulated:1"
    assert answer["station"]["distance_km"] < 1
    assert (answer["start"], answer["end"]) == ("2026-10-24T07:00:00Z", "2026-11-23T07:00:00Z")
    assert answer["simulated"]
    first, second, third, last = answer["pollutants"]["pm25"]["leads"]
    assert (first["n"], first["mae"], first["bias"], first["coverage"], first["band_hit"]) == (
        40,
        2.0,
        -0.5,
        0.812,
        0.9,
    )
    assert first["reason"] is None
    assert second["mae"] is second["band_hit"] is None, "too few pairs"
    assert second["reason"] == "11 pairs of forecast and measurement; 12 are wanted"
    assert third["coverage"] is third["band_hit"] is None
    assert third["mae"] == 2.0
    assert (last["first_lead"], last["last_lead"], last["n"]) == (49, 96, 0)
    same = scored.get(f"{SCORES}?station=simulated:1").json()
    assert same["pollutants"] == answer["pollutants"]
    assert same["station"]["distance_km"] is None


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("latitude=10&longitude=10", "no station within 25 km"),
        ("station=openaq:7", "no forecast here is old enough to be compared with what was measured"),
        ("station=openaq:none", "no station 'openaq:none'"),
    ],
)
def test_unknown_scores_say_why(scored, query, reason):
    answer = scored.get(f"{SCORES}?{query}").json()
    assert answer["station"] is None
    assert answer["reason"] == reason
    assert answer["pollutants"] == {}


def test_a_place_is_asked_whole(scored):
    assert scored.get(f"{SCORES}?latitude=51").status_code == 422


def weather_rows(station: str, now, hours: range, **values: float) -> pd.DataFrame:
    rows = [
        {"station_id": station, "time": now + timedelta(hours=hour), "variable": name, "value": value}
        for hour in hours
        for name, value in values.items()
    ]
    fixed = {"period_s": 3600, "uncertainty": np.nan, "coverage": np.nan, "quality_flag": 1}
    return pd.DataFrame(rows).assign(**fixed, received_at=pd.Timestamp(now))


@pytest.fixture
def weathered(tmp_path, town, make_client):
    town.publish(tmp_path)
    town.stop_clock(tmp_path, town.init + timedelta(minutes=20))
    url = f"sqlite:///{tmp_path / 'brise.sqlite'}"
    town.fill_tables(url)
    return make_client(), url


def test_weather_is_as_last_measured_where_nothing_is_forecast(weathered, town):
    client, url = weathered
    tables = Tables.open(url)
    wind = {"eastward_wind": 3.0, "northward_wind": -4.0}
    tables.store_observations(weather_rows("simulated:1", town.init, range(-1, 0), temperature=280.15, **wind))
    tables.close()
    answer = client.get(f"{WEATHER}?{AT}").json()
    assert answer["status"] == "ok"
    assert answer["time"] == ["2026-11-23T06:00:00Z", "2026-11-23T07:00:00Z"]
    np.testing.assert_allclose(answer["values"]["temperature"], [7, 7.85], atol=0.051)  # told to a tenth
    assert answer["values"]["wind_speed"][0] == 5.0
    assert answer["values"]["wind_from_direction"][0] == 323  # from the north-west
    assert answer["values"]["rain"] == [None, None]
    origin = answer["provenance"]
    assert (origin["kind"], origin["simulated"], origin["station_id"]) == ("measured", True, "simulated:1")


def test_a_forecast_comes_before_what_was_measured(weathered, town):
    client, url = weathered
    tables = Tables.open(url)
    cell = {"station_id": "open_meteo:51.5000_-0.1000", "source": "open_meteo", "name": "cell", "kind": "model"}
    cell |= {"latitude": 51.5, "longitude": -0.1, "altitude_m": 5.0, "operator": "", "timezone": "UTC"}
    tables.upsert_stations(pd.DataFrame([cell | {"licence": "CC BY 4.0", "attribution": "Open-Meteo.com"}]))
    rows = weather_rows(cell["station_id"], town.init, range(-2, 40), temperature=275.0, rain_rate=0.4)
    tables.store_observations(rows)
    tables.close()
    answer = client.get(f"{WEATHER}?{AT}").json()
    assert answer["provenance"]["kind"] == "forecast"
    assert answer["provenance"]["attribution"] == "Open-Meteo.com"
    assert len(answer["time"]) == 24
    assert answer["time"][0] == "2026-11-23T08:00:00Z"
    assert set(answer["values"]["rain"]) == {0.4}


def test_weather_far_from_everything_is_unknown(weathered):
    answer = weathered[0].get(f"{WEATHER}?latitude=-40&longitude=150").json()
    assert answer["status"] == "unknown"
    assert answer["reason"] == "no weather is measured or forecast within 25 km"
    assert answer["values"]["temperature"] == []
