"""Each provider's own rules, on payloads of our own making."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brise.conventions.errors import DecodeError, InputError, NotFoundError
from brise.conventions.observations import Flag
from brise.conventions.units import pressure_at_altitude, ugm3_per_ppb
from brise.io.sources import airgradient, airnow, archive, open_meteo, purpleair, sensor_community, waqi
from brise.io.sources.rows import NAT
from brise.io.sources.source import Window, public

DATA = Path(__file__).parents[2] / "data" / "sources"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=20)


def read(name):
    return (DATA / name).read_bytes()


# PurpleAir


def test_purpleair_keeps_raw_and_corrected_apart():
    batch = purpleair.decode(read("purpleair_sensors.json"), LATER)
    pm25 = batch.observations.query("variable == 'pm25'").set_index("station_id")
    np.testing.assert_allclose(pm25.loc["purpleair:901", "value"], 11.92, atol=1e-9)  # 0.524 20 - 0.0862 50 + 5.75
    assert pm25.loc["purpleair:901", "quality_flag"] == Flag.NOT_EVALUATED
    assert pm25.loc["purpleair-raw:901", "value"] == 20.0
    assert pm25.loc["purpleair-raw:901", "quality_flag"] == Flag.SUSPECT
    assert pm25.loc["purpleair-raw:902", "quality_flag"] == Flag.FAIL
    assert "purpleair:902" not in pm25.index
    assert "purpleair:904" not in pm25.index
    assert batch.rejected == {"channels_disagree": 1, "indoor": 3, "not_corrected": 1, "no_coordinates": 3}
    credit = batch.stations.set_index("station_id")["attribution"]
    assert "Barkjohn" in credit["purpleair:901"]
    assert "uncorrected" in credit["purpleair-raw:901"]


def test_purpleair_one_counter_makes_no_corrected_value():
    body = json.loads(read("purpleair_sensor.json"))
    del body["sensor"]["pm2.5_cf_1_b"]
    batch = purpleair.decode(json.dumps(body).encode(), LATER)
    assert batch.rejected == {"one_channel": 1}


def test_purpleair_history_has_no_place_of_its_own():
    head = "time_stamp,sensor_index,humidity,pm2.5_cf_1_a,pm2.5_cf_1_b\n"
    batch = purpleair.decode((head + "2024-05-01T11:52:04Z,9,53,8.8,8.8\n1714563000,9,53,8.8,8.8\n").encode(), LATER)
    assert batch.rejected == {"no_coordinates": 4}


# WAQI


def test_waqi_stores_the_index_and_no_concentration():
    for name in ("waqi_feed.json", "waqi_bounds.json"):
        batch = waqi.decode(read(name), LATER)
        assert batch.observations["variable"].tolist() == ["us_aqi_reported"]
        assert batch.observations["value"].tolist() == [57.0]
        assert batch.observations["time"].tolist() == [NOON]


def test_waqi_errors_hide_in_ok():
    with pytest.raises(DecodeError, match="waqi: Unknown ID"):
        waqi.decode(b'{"status":"ok","data":{"status":"error","msg":"Unknown ID"}}', LATER)
    with pytest.raises(DecodeError, match="waqi: an entry without `aqi`"):
        waqi.decode(b'{"status":"ok","data":[1]}', LATER)
    odd = waqi.decode(b'{"status":"ok","data":{"aqi":5,"idx":1,"city":{"geo":[]},"time":{"s":"x"}}}', LATER)
    assert odd.rejected == {"impossible_time": 1}
    assert waqi._time({}) == NAT


# AirNow


def test_airnow_hours_end_one_hour_after_their_label():
    batch = airnow.decode(read("airnow_hourly.csv"), LATER)
    assert set(batch.observations["time"]) == {NOON}
    values = batch.observations.query("station_id == 'airnow:060000001'").set_index("variable")["value"]
    np.testing.assert_allclose(values["o3"], 74.55, rtol=1e-3)  # 38 ppb at 25 °C; four digits
    monitors = airnow.decode(read("airnow_monitors.json"), LATER)
    assert set(monitors.observations["time"]) == {NOON}
    assert monitors.rejected == {"sentinel": 1}


def test_airnow_areas_give_only_the_largest_index():
    batch = airnow.decode(read("airnow_area.json"), LATER)
    assert batch.observations[["variable", "value"]].to_numpy().tolist() == [["us_aqi_reported", 44.0]]
    assert batch.rejected == {"not_dominant": 2}
    assert batch.observations["time"].tolist() == [NOON]


def test_airnow_zones_that_are_unknown():
    body = read("airnow_area.json").replace(b"PST", b"LMT")
    assert airnow.decode(body, LATER).rejected == {"not_dominant": 2, "impossible_time": 1}


def test_airnow_odd_answers():
    assert airnow.decode(b"[]", LATER).read == 0
    with pytest.raises(DecodeError, match="not a list of observations"):
        airnow.decode(b'{"a": 1}', LATER)
    with pytest.raises(DecodeError, match="an observation without AQI or UTC"):
        airnow.decode(b'[{"a": 1}]', LATER)
    window = Window(NOON - timedelta(hours=2), NOON)
    assert [r.url[-25:] for r in airnow.requests(window, None)] == [
        "HourlyAQObs_2024050110.dat",
        "HourlyAQObs_2024050111.dat",
    ] or len(airnow.requests(window, None)) == 2


# Sensor.Community


def test_sensor_community_live():
    batch = sensor_community.decode(read("sensor_community_live.json"), LATER)
    rows = batch.observations.set_index(["station_id", "variable"])["value"]
    assert rows["sensor_community:301", "pm10"] == 11.3
    assert rows["sensor_community:301", "pm25"] == 6.1
    np.testing.assert_allclose(rows["sensor_community:302", "temperature"], 287.35, rtol=1e-12)  # float64 algebra
    assert rows["sensor_community:302", "relative_humidity"] == 0.61
    assert rows["sensor_community:302", "pressure"] == 98_600
    assert batch.rejected == {"not_a_number": 1, "indoor": 1}


def test_sensor_community_archive_and_series():
    day = sensor_community.decode(read("sensor_community_archive.csv"), LATER)
    assert len(day.observations) == 30
    series = sensor_community.decode(read("sensor_community_series.json"), LATER)
    place = series.stations.loc[0]
    assert (round(place["latitude"], 1), round(place["longitude"], 1)) == (48.8, 9.3)
    with pytest.raises(DecodeError, match="no series with time and geohash"):
        sensor_community.decode(b'{"results": [{"series": [{"columns": ["a"]}]}]}', LATER)
    with pytest.raises(DecodeError, match="an entry without a sensor"):
        sensor_community.decode(b'[{"id": 1}]', LATER)
    with pytest.raises(DecodeError, match="not a list of readings"):
        sensor_community.decode_live(b'{"id": 1}', LATER)
    assert np.isnan(sensor_community.geohash_place("ai!")).all()


# AirGradient


def test_airgradient_corrected_and_raw():
    batch = airgradient.decode(read("airgradient_cloud.json"), LATER)
    first = batch.observations[batch.observations["time"] == NOON].set_index(["station_id", "variable"])
    assert first.loc[("airgradient:5001", "pm25"), "value"] == 6.0
    assert first.loc[("airgradient-raw:5001", "pm25"), "value"] == 7.5
    assert first.loc[("airgradient-raw:5001", "pm25"), "quality_flag"] == Flag.SUSPECT
    assert set(batch.observations["period_s"]) == {300}


def test_airgradient_needs_places():
    local = read("airgradient_local.json")
    assert airgradient.decode(local, LATER).rejected == {"no_coordinates": 7}
    placed = airgradient.decode_at({"abc123": (51.5, -0.1)})(local, LATER)
    assert len(placed.observations) == 7
    assert set(placed.observations["time"]) == {LATER}
    export = airgradient.decode_at({"5001": (51.5, -0.1), "5002": (51.5, -0.1)})(read("airgradient_export.csv"), LATER)
    assert export.rejected == {"indoor": 4}
    with pytest.raises(DecodeError, match="a measure without serialno or locationId"):
        airgradient.decode(b'[{"pm02": 1}]', LATER)


# Open-Meteo


def test_open_meteo_may_lie_in_the_future():
    batch = open_meteo.decode(read("open_meteo_air.json"), LATER)
    assert batch.observations["time"].max() == NOON + timedelta(hours=5)
    assert set(batch.stations["kind"]) == {"model"}
    assert "CC BY 4.0" in batch.stations.loc[0, "licence"]
    early = open_meteo.decode(read("open_meteo_air.json"), NOON - timedelta(days=40))
    assert early.rejected == {"impossible_time": 22}
    weather = open_meteo.decode(read("open_meteo_weather.json"), LATER)
    rows = weather.observations[weather.observations["time"] == NOON].set_index("variable")["value"]
    assert (rows["temperature"], rows["pressure"], rows["wind_from_direction"]) == (284.15, 101_150, 270)


def test_open_meteo_asks_a_thousand_points_at_a_time():
    points = tuple((i / 100, 10.0) for i in range(1001))
    asked = open_meteo.requests(Window(NOON, NOON + timedelta(days=4), points=points), None)
    assert len(asked) == 4
    assert asked[0].params["latitude"].count(",") == 999
    assert asked[0].params["start_hour"] == "2024-05-01T12:00"
    paid = open_meteo.requests(Window(NOON, NOON, points=points[:1]), "k")
    assert paid[0].url == "https://customer-api.open-meteo.com/v1/forecast"
    with pytest.raises(InputError, match="the window has no points"):
        open_meteo.requests(Window(NOON, NOON), None)
    body = json.loads(read("open_meteo_weather.json"))
    body["hourly"]["temperature_2m"].pop()
    with pytest.raises(DecodeError, match="temperature_2m does not have one value an hour"):
        open_meteo.decode(json.dumps(body).encode(), LATER)
    with pytest.raises(DecodeError, match="without its hourly block"):
        open_meteo.decode(b'{"latitude": 1}', LATER)


# Archives


def test_archive_hours_end_one_hour_after_their_label_and_are_had_then():
    (batch,) = archive.read_archive(DATA / "archive_wide.parquet")
    assert batch.observations["time"].min() == NOON - timedelta(hours=5)
    assert (batch.observations["time"] == batch.observations["received_at"]).all()
    assert set(batch.observations["period_s"]) == {3600}


def test_archive_converts_at_the_stations_pressure():
    (batch,) = archive.read_archive(DATA / "archive_wide.parquet")
    o3 = batch.observations.query("variable == 'o3'").groupby("station_id", observed=True)["value"].first()
    for name, height in (("archive:A1", 0.0), ("archive:B2", 2240.0)):
        expected = 40 * ugm3_per_ppb("o3", 298.15, pressure_at_altitude(height))
        np.testing.assert_allclose(o3[name], expected, rtol=1e-12)  # float64 algebra
    temperature = batch.observations.query("variable == 'temperature'")["value"]
    np.testing.assert_allclose(temperature, 289.45, rtol=1e-12)  # float32 16.3 comes back as written


def test_archive_window_is_after_start_up_to_end():
    start, end = NOON - timedelta(hours=3), NOON - timedelta(hours=1)
    (batch,) = archive.read_archive(DATA / "archive_wide.parquet", start, end)
    assert sorted(set(batch.observations["time"])) == [NOON - timedelta(hours=2), NOON - timedelta(hours=1)]
    assert list(archive.read_archive(DATA / "archive_wide.parquet", NOON)) == []
    with pytest.raises(InputError, match="times need a zone"):
        list(archive.read_archive(DATA / "archive_wide.parquet", datetime(2024, 5, 1)))  # noqa: DTZ001


def test_archive_reanalysis_only_when_asked_and_five_days_late():
    measured, modelled = archive.read_archive(DATA / "archive_wide.parquet", reanalysis=True)
    assert set(measured.stations["kind"]) == {"reference"}
    assert set(modelled.stations["station_id"]) == {"archive:A1.era5", "archive:B2.era5"}
    assert set(modelled.stations["kind"]) == {"model"}
    delay = modelled.observations["received_at"] - modelled.observations["time"]
    assert set(delay) == {timedelta(days=5)}


def test_archive_long_form():
    (batch,) = archive.read_archive(DATA / "archive_long.parquet")
    assert batch.rejected == {"unknown_variable": 6}
    assert batch.stations["name"].tolist() == ["Lighthouse"]
    assert batch.stations["kind"].tolist() == ["reference"]
    assert [c.variable for c in archive.columns(DATA / "archive_wide.parquet")][:3] == ["pm25", "o3", "co"]


def test_archive_that_is_none(tmp_path):
    with pytest.raises(NotFoundError, match="no archive at"):
        list(archive.read_archive(tmp_path / "none.parquet"))
    other = BytesIO()
    pq.write_table(pa.table({"a": [1]}), other)
    with pytest.raises(DecodeError, match="archive: no time_utc, station_id and lat among 'a'"):
        list(archive.read_archive(other))
    body = bytearray(read("archive_wide.parquet"))
    body[10:200] = bytes(190)
    with pytest.raises(DecodeError, match="archive: damaged"):
        archive.decode(bytes(body), LATER)


def test_real_archives_stream(shared_data):
    """Rows and stations of the data's README, a slice of each city."""
    start = datetime(2016, 3, 1, tzinfo=UTC)
    for name, stations in (("beijing_2013_2017", 12), ("mexico_city_2009_2016", 48)):
        seen, rows = set(), 0
        for batch in archive.read_archive(shared_data / "air" / f"{name}.parquet", start, start + timedelta(days=30)):
            seen |= set(batch.stations["station_id"])
            rows += len(batch.observations)
        assert 0.5 * stations <= len(seen) <= stations
        assert rows > 30 * 24 * len(seen)


def test_real_payloads(shared_data):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    folder = shared_data / "payloads"

    def stored(module, name):
        return len(module.decode((folder / name).read_bytes(), now).observations)

    assert stored(sensor_community, "sensor_community/2023-04-01_sds011_sensor_60641.csv") == 1334
    assert stored(sensor_community, "sensor_community/2023-04-01_bme280_sensor_60642.csv") == 2109
    assert stored(sensor_community, "sensor_community/sensorCommunity.json") == 2334
    assert stored(purpleair, "purpleair/get_sensor_response.json") == 3
    assert stored(airnow, "airnow/ha_core_airnow_response_94302ed0.json") == 1
    assert stored(waqi, "waqi/here.json") == 1
    placed = airgradient.decode_at({"163763": (52.45, -1.89)})
    assert len(placed((folder / "airgradient/airgradient_163763_data.json").read_bytes(), now).observations) == 2890
    with pytest.raises(DecodeError, match="waqi: Invalid key"):
        stored(waqi, "waqi/unauthenticated.json")


# What a request is


def test_windows_are_checked():
    with pytest.raises(InputError, match="times need a zone"):
        Window(datetime(2024, 1, 1), NOON)  # noqa: DTZ001
    with pytest.raises(InputError, match="before it starts"):
        Window(NOON, NOON - timedelta(hours=1))
    with pytest.raises(InputError, match="is not \\(south, west, north, east\\)"):
        Window(NOON, NOON, (10, 0, 5, 1))


def test_secrets_are_hidden_whatever_their_case():
    assert public({"API_KEY": "a", "x": "b"}) == {"API_KEY": "***", "x": "b"}
