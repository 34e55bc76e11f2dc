"""The simulated atmosphere as a source."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from brise.conventions.cubes import check_cube
from brise.conventions.errors import DecodeError, InputError
from brise.conventions.observations import OBSERVATION_COLUMNS, check_observations, check_stations
from brise.formulas.cities import CITIES
from brise.io.sources.simulated import (
    SOURCE,
    Atmosphere,
    atmosphere,
    decode,
    domains,
    observations,
    stations,
)
from brise.io.sources.simulated_fields import ctm_background, truth

START = datetime(2024, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)
CITY = ("london",)


@pytest.fixture(scope="module")
def day():
    return observations(START, START + DAY, cities=CITY)


def test_every_city_has_its_stations() -> None:
    table = stations(atmosphere())
    counts = table["station_id"].str.extract(r"simulated:(\w+)-\d\d")[0].value_counts()
    assert set(counts.index) == set(CITIES)
    assert len(CITIES) == 14
    assert counts.between(10, 24).all()
    assert (table["kind"] == "simulated").all()
    assert table["name"].str.startswith("Simulated ").all()
    assert (table["attribution"] == "Simulated by Brise; not a measurement").all()
    assert (table["licence"] == "CC0").all()
    assert table["name"].str.contains("traffic").any()
    assert table["name"].str.contains("background").any()


def test_rows_pass_the_schema_and_end_their_hours(day) -> None:
    rows = check_observations(day.observations)
    check_stations(day.stations)
    assert list(rows.columns) == list(OBSERVATION_COLUMNS)
    assert rows["time"].min() == pd.Timestamp(START + timedelta(hours=1))
    assert rows["time"].max() == pd.Timestamp(START + DAY)
    assert (rows["period_s"] == 3600).all()
    delay = rows["received_at"] - rows["time"]
    assert delay.between(pd.Timedelta("1min"), pd.Timedelta("15min")).all()
    assert not rows.duplicated(["station_id", "time", "variable"]).any()
    assert set(rows["station_id"]) <= set(day.stations["station_id"])
    assert {"pm25", "pm10", "no", "no2", "o3", "so2", "co", "temperature", "wind_speed"} <= set(rows["variable"])
    assert day.read == len(rows)


def test_hours_asked_one_by_one_are_the_same_rows(day) -> None:
    parts = [
        observations(START + i * DAY / 8, START + (i + 1) * DAY / 8, cities=CITY).observations for i in (0, 1, 7, 2)
    ]
    keys = ["time", "station_id", "variable"]
    asked = pd.concat(parts).astype({"station_id": str, "variable": str}).sort_values(keys, ignore_index=True)
    whole = day.observations.astype({"station_id": str, "variable": str}).sort_values(keys, ignore_index=True)
    whole = whole[whole["time"].isin(asked["time"].unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(asked, whole, check_exact=True)


def test_a_warm_atmosphere_gives_what_a_cold_one_gives() -> None:
    warm, cold = Atmosphere(domains(CITY)), Atmosphere(domains(CITY))
    t = np.datetime64("2024-03-06T00", "h")
    hour = np.timedelta64(1, "h")
    for _ in range(3):
        last = warm.hours(t, t + hour)
        t += hour
    back = warm.hours(t - 30 * hour, t - 25 * hour)
    np.testing.assert_array_equal(cold.hours(t - hour, t).fields["pm25"], last.fields["pm25"])
    np.testing.assert_array_equal(
        Atmosphere(domains(CITY)).hours(t - 30 * hour, t - 25 * hour).fields["o3"], back.fields["o3"]
    )


def test_seeds_differ_but_stations_stay() -> None:
    other = observations(START, START + DAY / 24, seed=5, cities=CITY)
    mine = observations(START, START + DAY / 24, cities=CITY)
    pd.testing.assert_frame_equal(other.stations, mine.stations)
    assert other.observations["value"].sum() != mine.observations["value"].sum()


def test_received_at_can_be_given() -> None:
    late = datetime(2025, 1, 1, tzinfo=UTC)
    rows = observations(START, START + DAY / 24, received_at=late, cities=CITY).observations
    assert (rows["received_at"] == pd.Timestamp(late)).all()


def test_nothing_between_two_equal_times() -> None:
    assert observations(START, START, cities=CITY).observations.empty


def test_instruments_gap_read_below_zero_and_sometimes_fail() -> None:
    with_faults = observations(START, START + 12 * DAY, cities=CITY)
    clean = observations(START, START + 12 * DAY, cities=CITY, faults=False).observations
    rows = with_faults.observations
    instruments = rows.groupby(["station_id", "variable"], observed=True).size()
    assert 0.97 < instruments.mean() / 288 < 0.9999
    assert (rows.loc[rows["variable"].isin(["no", "so2", "pm25"]), "value"] < 0).any()
    assert len(clean) == len(rows)
    changed = rows["value"].to_numpy() != clean["value"].to_numpy()
    assert 1e-5 < changed.mean() < 0.02
    no2 = rows["variable"] == "no2"
    assert rows.loc[no2 & changed, "value"].max() > 150 or rows.loc[changed, "value"].max() > 150


def test_traffic_stations_see_more_no2_than_background() -> None:
    batch = observations(START, START + 7 * DAY, cities=CITY, faults=False)
    rows = batch.observations.merge(batch.stations[["station_id", "name"]], on="station_id")
    no2 = rows[rows["variable"] == "no2"]
    traffic = no2.loc[no2["name"].str.contains("traffic"), "value"].mean()
    assert traffic > 1.3 * no2.loc[no2["name"].str.contains("background"), "value"].mean()


def test_truth_is_a_valid_cube_that_stations_follow(day) -> None:
    cube = truth(START, START + DAY, cities=CITY)["london"]
    check_cube(cube)
    assert cube["pm25"].dims == ("time", "latitude", "longitude")
    assert cube.sizes == {"time": 24, "latitude": 32, "longitude": 32}
    assert cube["time"].to_numpy()[-1] == np.datetime64("2024-03-05T00:00:00")
    assert {"temperature", "relative_humidity", "pressure", "eastward_wind", "northward_wind", "rain_rate"} <= set(cube)
    rows = day.observations[day.observations["variable"] == "o3"]
    places = day.stations.set_index("station_id").loc[rows["station_id"].astype(str)]
    hour = ((rows["time"] - pd.Timestamp(START)) // pd.Timedelta("1h")).to_numpy() - 1
    row = np.rint((cube["latitude"].to_numpy()[0] - places["latitude"].to_numpy()) / 0.1).astype(int)
    column = np.rint((places["longitude"].to_numpy() - cube["longitude"].to_numpy()[0]) / 0.1).astype(int)
    at = cube["o3"].to_numpy()[hour, row, column]
    assert np.corrcoef(at, rows["value"])[0, 1] > 0.6


def test_the_forecast_stand_in_is_biased_correlated_and_worse_with_lead() -> None:
    leads = range(-24, 97)
    exact = truth(START - DAY - timedelta(hours=1), START + 4 * DAY, cities=CITY)["london"]
    cube = ctm_background(START, leads, cities=CITY)["london"]
    check_cube(cube)
    np.testing.assert_array_equal(cube["time"], exact["time"])
    assert cube.attrs["title"].endswith("not a measurement")
    for name, factor in (("pm25", 0.78), ("no2", 0.80), ("o3", 1.12)):
        ratio = float(cube[name].mean() / exact[name].mean())
        assert 0.6 * factor < ratio < 1.6 * factor
        assert np.corrcoef(np.log(cube[name] + 1).values.ravel(), np.log(exact[name] + 1).values.ravel())[0, 1] > 0.5
    again = ctm_background(START, [0, 24], cities=CITY)["london"]
    np.testing.assert_allclose(again["pm25"], cube["pm25"][[24, 48]], rtol=1e-6)  # float32


def test_lead_error_grows_over_many_runs() -> None:
    errors = []
    for i in range(4):
        start = START + i * DAY / 2
        cube = ctm_background(start, [1, 96], cities=CITY)["london"]["co"]
        exact = truth(start, start + 4 * DAY, cities=CITY)["london"]["co"][[0, -1]]
        errors.append(np.log(cube / exact.values).mean(("latitude", "longitude")))
    spread = np.std(errors, axis=0)
    assert spread[1] > spread[0]


def test_orders_are_decoded_and_never_from_the_future() -> None:
    payload = b'{"start": "2024-03-04T00:00:00+00:00", "end": "2024-03-04T06:00:00+00:00", "cities": ["london"]}'
    batch = SOURCE.decode(payload, START + timedelta(hours=3, minutes=5))
    assert batch.observations["time"].max() == pd.Timestamp(START + timedelta(hours=3))
    assert SOURCE.requests is None
    assert SOURCE.kind == "simulated"


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"<html></html>", b"[]", b'{"start": "yesterday", "end": "now"}', b'{"start": 3}', b"\xff\xfe",
     b'{"start": "2024-03-04T00:00Z", "end": "2024-03-05T00:00Z", "cities": ["atlantis"]}'],
)  # fmt: skip
def test_bad_orders_are_refused(payload: bytes) -> None:
    with pytest.raises(DecodeError, match="not an order"):
        decode(payload, START)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(DecodeError, match="at most"):
        decode(b'{"start": "2000-01-01T00:00Z", "end": "2024-03-05T00:00Z"}', START)
    with pytest.raises(InputError, match="needs a zone"):
        observations(START.replace(tzinfo=None), START, cities=CITY)
    with pytest.raises(InputError, match="unknown city"):
        observations(START, START + DAY, cities=("atlantis",))
    with pytest.raises(InputError, match="not after start"):
        truth(START, START, cities=CITY)
    with pytest.raises(InputError, match="increasing"):
        ctm_background(START, [3, 1], cities=CITY)
