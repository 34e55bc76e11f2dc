"""`air-quality/current`, `forecast` and `history` through the HTTP door."""

import csv
import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brise.conventions.grids import Grid

CURRENT, FORECAST, HISTORY = (f"/v1/air-quality/{name}" for name in ("current", "forecast", "history"))
INIT = datetime(2026, 11, 23, 7, tzinfo=UTC)
AT = "latitude=51.5&longitude=-0.1"
HERE_CELL = 5 * 10 + 5
UNKNOWN_AT = "latitude=51.6&longitude=-0.2"
DAY = "start=2026-11-22T00:00Z&end=2026-11-22T23:00Z"
TENTH = 0.051
"""Answers are rounded to one decimal; float32 adds less than 0.001."""


def test_forecast_gives_columns_of_one_length_from_lead_0(client):
    answer = client.get(f"{FORECAST}?{AT}").json()
    assert answer["status"] == "ok"
    assert answer["reason"] is None
    assert answer["init_time"] == answer["time"][0] == "2026-11-23T07:00:00Z"
    assert answer["time"][-1] == "2026-11-27T07:00:00Z"
    assert len(answer["time"]) == 97
    pm25 = answer["concentrations"]["pm25"]
    assert pm25["unit"] == "µg/m³"
    expected = 10 + HERE_CELL / 10 + np.arange(24, 121) / 100
    for column, factor in (("value", 1), ("q10", 0.5), ("q90", 2)):
        np.testing.assert_allclose(pm25[column], expected * factor, atol=TENTH)
    assert set(answer["concentrations"]) == {"pm25", "no2"}
    aqi = answer["indices"]["us_aqi"]
    assert {len(aqi[column]) for column in ("value", "category", "dominant")} == {97}
    assert aqi["categories"][aqi["category"][0]] == "us_aqi.moderate"
    assert aqi["pollutants"][aqi["dominant"][0]] == "pm25"
    assert set(answer["indices"]["european_aqi"]["value"]) == {None}
    assert answer["indices"]["european_aqi"]["category"][0] >= 0


@pytest.mark.parametrize("name", ["us_aqi", "european_aqi"])
def test_an_index_lies_between_those_of_the_quantiles(client, name):
    series = client.get(f"{FORECAST}?{AT}").json()["indices"][name]
    middle = "value" if name == "us_aqi" else "category"
    low, value, high = (np.array(series[side], float) for side in ("q10", middle, "q90"))
    assert (low <= value).all()
    assert (value <= high).all()
    assert name == "european_aqi" or (low < high).all()
    now = client.get(f"{CURRENT}?{AT}").json()["indices"][name]
    np.testing.assert_allclose([now["q10"], now["q90"]], [low[0], high[0]], atol=TENTH)
    past = client.get(f"{HISTORY}?{AT}&{DAY}").json()["indices"][name]
    assert set(past) >= {"q10", "q90"}


def test_a_run_of_before_has_indices_without_an_interval(tmp_path, make_client, town):
    town.publish(tmp_path, sides=3)
    town.stop_clock(tmp_path, INIT)
    client = make_client()
    series = client.get(f"{FORECAST}?{AT}&hours=2").json()["indices"]["us_aqi"]
    assert series["q10"] == series["q90"] == [None] * 3
    assert None not in series["value"]
    now = client.get(f"{CURRENT}?{AT}").json()["indices"]["us_aqi"]
    assert now["value"] == series["value"][0]
    assert now["q10"] is now["q90"] is None


def test_forecast_selects_hours_pollutants_and_indices_in_the_order_asked(client):
    answer = client.get(f"{FORECAST}?{AT}&hours=3&pollutants=no2,pm25,o3&indices=european_aqi").json()
    assert len(answer["time"]) == 4
    assert list(answer["concentrations"]) == ["no2", "pm25", "o3"]
    assert answer["concentrations"]["o3"]["value"] == [None] * 4
    assert list(answer["indices"]) == ["european_aqi"]


def test_an_index_that_the_run_lacks_is_unknown(client):
    answer = client.get(f"{FORECAST}?{AT}&hours=1&indices=uk_daqi").json()
    daqi = answer["indices"]["uk_daqi"]
    assert [daqi[column] for column in ("value", "category", "dominant")] == [[None] * 2] * 3


def test_no_index_at_all_is_a_valid_wish(client):
    assert client.get(f"{FORECAST}?{AT}&hours=1&indices=").json()["indices"] == {}


def test_provenance_names_stations_nearest_first_with_distance_age_and_terms(client):
    origin = client.get(f"{FORECAST}?{AT}&hours=0&pollutants=pm25").json()["provenance"]
    assert origin["kind"] == "modelled"
    assert origin["simulated"] is True
    assert (origin["model"], origin["domain"], origin["background"]) == ("blend", "town", None)
    assert origin["newest_input"] == {"time": "2026-11-23T07:00:00Z", "age_minutes": 30}
    assert origin["answered_at"] == "2026-11-23T07:30:00Z"
    first, second = origin["stations"]
    assert (first["id"], second["id"]) == ("simulated:1", "openaq:7")
    assert first["distance_km"] == pytest.approx(0.07, abs=0.01)  # 0.0005 degrees both ways
    assert second["distance_km"] == pytest.approx(10.5, abs=0.2)
    assert first["age_minutes"] == 30
    assert first["variables"] == ["pm25"]
    assert first["licence"] == "CC0-1.0"


def test_current_beside_a_station_is_the_measurement_itself(client):
    answer = client.get(f"{CURRENT}?{AT}").json()
    assert answer["provenance"]["kind"] == "measured"
    pm25 = answer["concentrations"]["pm25"]
    assert (pm25["value"], pm25["kind"]) == (23.5, "measured")
    # mean -/+ 1.2816 standard deviations of 2, to one decimal
    assert (pm25["q10"], pm25["q90"]) == (20.9, 26.1)
    assert answer["concentrations"]["no2"]["kind"] == "modelled"  # its reading is a day old
    assert answer["measured"]["station_id"] == "simulated:1"
    assert answer["measured"]["values"]["pm25"]["time"] == "2026-11-23T07:00:00Z"


def test_current_away_from_stations_is_the_analysis_with_indices_in_full(client):
    answer = client.get(f"{CURRENT}?latitude=51.54&longitude=-0.1").json()
    assert answer["provenance"]["kind"] == "modelled"
    assert answer["measured"] is None
    assert (answer["lead_hours"], answer["time"]) == (0, "2026-11-23T07:00:00Z")
    value = answer["concentrations"]["pm25"]["value"]
    assert value == pytest.approx(10 + 35 / 10 + 0.24, abs=TENTH)
    aqi = answer["indices"]["us_aqi"]
    assert aqi["category"] == "us_aqi.moderate"
    assert aqi["colour"].startswith("#")
    assert aqi["advice"] == "us_aqi.moderate.advice"
    assert aqi["sub"]["pm25"] == aqi["value"]
    assert aqi["from"] == ["pm25", "no2"]  # all that the run has
    assert answer["dominant_pollutant"] == aqi["dominant"] == "pm25"


def test_current_moves_along_the_forecast_when_the_run_grows_old(tmp_path, make_client, town):
    town.publish(tmp_path)
    town.stop_clock(tmp_path, INIT + timedelta(hours=2, minutes=10))
    answer = make_client().get(f"{CURRENT}?{AT}").json()
    assert (answer["lead_hours"], answer["time"]) == (2, "2026-11-23T09:00:00Z")


def test_a_run_that_ended_speaks_for_no_point_and_says_why(tmp_path, make_client, town):
    town.publish(tmp_path)
    town.stop_clock(tmp_path, INIT + timedelta(hours=96))
    assert make_client().get(f"{CURRENT}?{AT}").json()["lead_hours"] == 96
    town.stop_clock(tmp_path, INIT + timedelta(hours=96, minutes=1))
    client = make_client()
    answer = client.get(f"{CURRENT}?{AT}&pollutants=pm25").json()
    assert (answer["status"], answer["lead_hours"]) == ("unknown", None)
    assert answer["reason"].startswith("the newest run, of 2026-11-23T07:00:00Z, is too old: it reaches 96 h ahead")
    assert answer["concentrations"]["pm25"]["value"] is None
    assert answer["indices"]["us_aqi"]["category"] is None
    later = client.get(f"{FORECAST}?{AT}").json()
    assert (later["status"], later["reason"], later["time"]) == ("unknown", answer["reason"], [])


def test_a_run_that_ends_while_it_is_served_changes_the_tag(tmp_path, make_client, town, monkeypatch):
    monkeypatch.setattr("brise.service.api.dependencies.REFRESH_SECONDS", -1.0)
    town.publish(tmp_path)
    town.stop_clock(tmp_path, INIT)
    client = make_client()
    url = f"{FORECAST}?{AT}"
    known = {"If-None-Match": client.get(url).headers["etag"]}
    assert client.get(url, headers=known).status_code == 304
    town.stop_clock(tmp_path, INIT + timedelta(hours=97))
    assert client.get(url, headers=known).json()["status"] == "unknown"


def test_of_several_runs_the_newest_speaks_and_of_equally_new_ones_the_finest(tmp_path, make_client, town):
    fine = Grid("fine", 51.6, -0.2, 0.01, 16, 20)
    town.publish(tmp_path)
    town.stop_clock(tmp_path, INIT + timedelta(hours=1))

    def speaks() -> str:
        return make_client().get(f"{FORECAST}?{AT}").json()["cell"]["domain"]

    for hours, name in ((-1, "town"), (0, "fine"), (1, "fine")):
        town.publish(tmp_path, INIT + timedelta(hours=hours), fine)
        assert speaks() == name


def test_a_domain_without_stations_vanishes_from_points_and_tiles_but_keeps_its_history(tmp_path, make_client, town):
    town.publish(tmp_path)
    town.publish(tmp_path, INIT - timedelta(hours=97), Grid("gone", 51.6, -0.2, 0.01, 30, 60))
    town.stop_clock(tmp_path, INIT)
    client, alone = make_client(), "latitude=51.4&longitude=0.2"
    for path in (CURRENT, FORECAST):
        assert client.get(f"{path}?{AT}").json()["cell"]["domain"] == "town"
        answer = client.get(f"{path}?{alone}").json()
        assert (answer["status"], answer["cell"]) == ("unknown", None)
        assert "too old" in answer["reason"]
    assert client.get(f"{HISTORY}?{alone}&{DAY}").json()["cell"]["domain"] == "gone"
    x, y = 1025, 682  # of zoom 11: around 51.4 N, 0.2 E
    empty = client.get("/v1/tiles/pm25/11/0/0.png").content
    assert client.get(f"/v1/tiles/pm25/11/{x}/{y}.png?lead=0").content == empty
    status = client.get("/v1/status").json()
    assert [domain["name"] for domain in status["domains"]] == ["town"]
    assert status["notes"][0] == "not shown, for their last run ended before now: gone"
    assert 'brise_domain_run_age_seconds{domain="gone"}' in client.get("/metrics").text


@pytest.mark.parametrize("path", [CURRENT, FORECAST])
def test_a_point_outside_every_domain_is_unknown_and_says_how_far_the_nearest_station_is(client, path):
    answer = client.get(f"{path}?latitude=40&longitude=20&pollutants=pm25").json()
    assert answer["status"] == "unknown"
    assert answer["reason"].startswith("outside every published domain; the nearest station is 20")
    assert answer["reason"].endswith("km away, the limit is 12 km")
    assert answer["concentrations"]["pm25"]["value"] in (None, [])
    assert answer["provenance"] is None


@pytest.mark.parametrize("path", [CURRENT, FORECAST])
def test_a_cell_out_of_reach_is_unknown_never_good(client, path):
    answer = client.get(f"{path}?{UNKNOWN_AT}").json()
    assert answer["status"] == "unknown"
    assert answer["reason"].startswith("no station is near enough; the nearest station is")
    values = answer["concentrations"]["pm25"]["value"]
    assert values is None or set(values) == {None}
    index = answer["indices"]["us_aqi"]
    assert index["category"] is None or set(index["category"]) == {None}
    assert index.get("from", []) == []


def test_history_has_every_hour_with_null_where_nothing_was_analysed(client):
    answer = client.get(f"{HISTORY}?{AT}&{DAY}").json()
    assert (answer["status"], len(answer["time"])) == ("ok", 24)
    values = answer["concentrations"]["pm25"]["value"]
    assert values[5] is None
    assert values[:5] + values[6:] == [float(hour) for hour in range(24) if hour != 5]
    assert answer["concentrations"]["pm25"]["q10"][:7] == [0, 0.5, 1, 1.5, 2, None, 3]
    assert answer["concentrations"]["pm25"]["q90"][:7] == [0, 2, 4, 6, 8, None, 12]
    assert answer["concentrations"]["no2"]["value"] == [None] * 24
    aqi = answer["indices"]["us_aqi"]
    assert aqi["categories"][aqi["category"][-1]] == "us_aqi.moderate"
    assert answer["provenance"]["simulated"] is True


def test_history_ends_now(client):
    answer = client.get(f"{HISTORY}?{AT}&start=2026-11-22T22:00Z&end=2026-11-30").json()
    assert (answer["time"][0], answer["time"][-1]) == ("2026-11-22T22:00:00Z", "2026-11-23T07:00:00Z")
    assert answer["concentrations"]["pm25"]["value"] == [22, 23] + [None] * 8
    answer = client.get(f"{HISTORY}?{AT}&start=2026-12-01&end=2026-12-02").json()
    assert (answer["status"], answer["time"], answer["indices"]["us_aqi"]["value"]) == ("unknown", [], [])


def test_history_of_several_points_keeps_their_order(client):
    query = f"latitude=51.5,0,51.52&longitude=-0.1,0,-0.12&{DAY}"
    several = client.get(f"{HISTORY}?{query}").json()["results"]
    assert [one["status"] for one in several] == ["ok", "unknown", "ok"]
    assert several[0] == client.get(f"{HISTORY}?{AT}&{DAY}").json()


def test_history_of_an_unknown_period_or_place_is_unknown(client):
    answer = client.get(f"{HISTORY}?{AT}&start=2020-01-01&end=2020-01-02").json()
    assert answer["reason"] == "no analysis of this period is kept for this place"
    answer = client.get(f"{HISTORY}?latitude=0&longitude=0&{DAY}").json()
    assert answer["reason"].startswith("outside every published domain")
    assert answer["time"] == []


def test_several_points_come_in_the_order_asked_by_get_and_post(client):
    query = "latitude=51.5,40&longitude=-0.1,20&hours=2"
    got = client.get(f"{FORECAST}?{query}").json()["results"]
    body = {"points": [{"latitude": 51.5, "longitude": -0.1}, {"latitude": 40, "longitude": 20}], "hours": 2}
    posted = client.request("POST", FORECAST, json=body).json()["results"]
    assert got == posted
    assert [one["status"] for one in got] == ["ok", "unknown"]
    body.pop("hours")
    assert len(client.request("POST", CURRENT, json=body).json()["results"]) == 2
    body |= {"start": "2026-11-22T00:00Z", "end": "2026-11-22T03:00Z", "indices": [], "pollutants": ["pm25"]}
    past = client.request("POST", HISTORY, json=body).json()["results"]
    assert past[0]["concentrations"]["pm25"]["value"] == [0, 1, 2, 3]


def test_a_thousand_points_are_answered_and_one_more_refused(client):
    points = [{"latitude": 51.5, "longitude": -0.1}] * 1000
    reply = client.request("POST", FORECAST, json={"points": points, "hours": 1})
    assert len(reply.json()["results"]) == 1000
    assert len(client.request("POST", CURRENT, json={"points": points}).json()["results"]) == 1000
    assert client.request("POST", FORECAST, json={"points": [*points, points[0]]}).status_code == 422
    many = ",".join(["51.5"] * 1001)
    reply = client.get(f"{CURRENT}?latitude={many}&longitude={many}")
    assert reply.status_code == 422
    assert reply.json()["errors"][0] == {
        "parameter": "latitude",
        "value": "1001 values",
        "limit": "at most 1000 points",
    }


@pytest.mark.parametrize(
    ("path", "rows"), [(CURRENT, 2), (FORECAST + "?hours=2&", 3 + 1), (f"{HISTORY}?{DAY}&", 24 + 1)]
)
def test_csv_has_a_row_a_point_and_hour_and_empty_fields_for_unknown(client, path, rows):
    reply = client.get(f"{path}{'' if '?' in path else '?'}latitude=51.54,40&longitude=-0.1,20&format=csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.DictReader(io.StringIO(reply.text)))
    assert len(table) == rows
    assert (table[0]["status"], table[0]["simulated"]) == ("ok", "true")
    assert table[0]["us_aqi_category"].startswith("us_aqi.") or path.startswith(HISTORY)
    assert table[-1]["status"] == "unknown"
    assert table[-1]["pm25_ugm3"] == ""


def test_the_order_and_writing_of_parameters_do_not_matter(client):
    usual = client.get(f"{FORECAST}?{AT}&hours=2&pollutants=pm25,no2").content
    for query in (
        f"hours=2&{AT}&pollutants=pm25,no2",
        "longitude=-0.1&latitude=51.5&pollutants=pm25%2Cno2&hours=2",
        "latitude=515e-1&longitude=-1e-1&hours=2&pollutants=pm25,no2",
        "latitude=0&longitude=-0.1&hours=2&pollutants=pm25,no2&latitude=51.5",
    ):
        assert client.get(f"{FORECAST}?{query}").content == usual


def test_the_numbers_of_a_forecast_are_those_of_the_run_to_a_tenth(client, data):
    stored = np.load(next(data.glob("products/air_quality/town/runs/*/concentration.npy")))
    answer = client.get(f"{FORECAST}?{AT}&pollutants=no2,pm25").json()["concentrations"]
    for place, name in enumerate(("pm25", "no2")):
        got = [answer[name][side] for side in ("value", "q10", "q90")]
        # the same decimals, read as float64
        np.testing.assert_allclose(got, stored[HERE_CELL, place, :, 24:].round(1), rtol=1e-6)
