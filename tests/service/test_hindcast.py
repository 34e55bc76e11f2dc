"""`brise hindcast`: blind to the future and to withheld stations; clear about bad questions."""

import runpy
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.service.jobs.hindcast import (
    Question,
    hindcast,
    hindcast_command,
    predict,
    read_archive,
    read_inits,
    read_leads,
    regular_inits,
)

MAKE = runpy.run_path(str(Path(__file__).parents[1] / "data" / "network" / "make.py"))["make_network"]
INITS = np.array(["2024-02-20T05:00:00", "2024-02-22T06:00:00"], "datetime64[s]")
HOUR = np.timedelta64(3600, "s")


def wide():
    hours = MAKE(days=30, stations=5)
    time, station = np.meshgrid(hours.time - HOUR, np.arange(5), indexing="ij")
    frame = pd.DataFrame({"station_id": hours.station_id[station.ravel()]})
    frame["time_utc"] = pd.to_datetime(time.ravel(), utc=True)
    frame["lat"], frame["lon"] = hours.latitude[station.ravel()], hours.longitude[station.ravel()]
    frame["pm25_ugm3"] = hours.values["pm25"].ravel()
    frame["no2_ppb"] = hours.values["no2"].ravel()
    frame["temp_c"] = 10.0
    return frame


@pytest.fixture(scope="module")
def frame():
    return wide()


@pytest.fixture
def archive(frame, tmp_path):
    path = tmp_path / "archive.parquet"
    frame.to_parquet(path)
    return path


def answers(frame, folder, question):
    path = folder / "other.parquet"
    frame.to_parquet(path)
    return pd.concat(predict(read_archive(path), question), ignore_index=True)


def test_the_contract(archive, tmp_path):
    out = tmp_path / "out.parquet"
    count = hindcast(archive, Question(INITS, (0, 1, 24), ("no2",), frozenset({"test:1"})), out)
    found = pd.read_parquet(out)
    assert list(found.columns) == ["init_time", "lead_hours", "station_id", "variable", "value", "q10", "q50", "q90"]
    assert len(found) == count == 2 * 3 * 5
    assert set(found["variable"]) == {"no2"}
    assert str(found["init_time"].dt.tz) == "UTC"
    assert list(tmp_path.glob(".*.part")) == []
    withheld = found[found["station_id"] == "test:1"]
    assert sorted(withheld["lead_hours"].unique()) == [0, 1, 24]


def test_lead_zero_of_a_read_station_is_its_own_row(archive, frame):
    found = pd.concat(predict(read_archive(archive), Question(INITS, (0,), ("pm25",))))
    truth = frame.rename(columns={"time_utc": "init_time"})
    both = found.merge(truth, on=["init_time", "station_id"]).dropna(subset=["pm25_ugm3"])
    assert len(both) >= 8
    # The root scale and back, written as float32.
    np.testing.assert_allclose(both["value"], both["pm25_ugm3"], rtol=1e-5)


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_after_an_init_is_read(frame, tmp_path, number):
    question = Question(INITS, (0, 1, 24), ("pm25",), withhold=frozenset({"test:2"}))
    moment = pd.Timestamp(INITS[number], tz="UTC")
    later = frame.copy()
    later.loc[later["time_utc"] > moment, ["pm25_ugm3", "no2_ppb"]] = 900.0
    one, other = (answers(each, tmp_path, question) for each in (frame, later))
    pd.testing.assert_frame_equal(one[one["init_time"] <= moment], other[other["init_time"] <= moment])


@pytest.mark.parametrize("model", ["blend", "nearest"])
def test_a_withheld_station_is_never_read(frame, tmp_path, model):
    question = Question(INITS, (0, 6), withhold=frozenset({"test:3"}), model=model)
    changed = frame.copy()
    own, noise = changed["station_id"] == "test:3", np.random.default_rng(0).uniform(0, 800, len(changed))
    for name in ("pm25_ugm3", "no2_ppb"):
        changed[name] = changed[name].mask(own, noise.astype(np.float32))
    pd.testing.assert_frame_equal(answers(frame, tmp_path, question), answers(changed, tmp_path, question))


def test_a_silent_network_is_forecast_from_its_newest_hour(frame, tmp_path):
    init = INITS[1:]
    label = frame["time_utc"].dt.tz_localize(None).to_numpy("datetime64[s]")
    silent = frame[(label <= init[0] - 6 * HOUR) | (label > init[0])]
    late = answers(silent, tmp_path, Question(init, (6, 12, 18), ("no2",)))
    late = late[late["lead_hours"] < 18]  # the longest lead fitted is the longest told
    before = answers(frame, tmp_path, Question(init - 6 * HOUR, (6, 12, 18), ("no2",)))
    before = before[before["lead_hours"] > 6]
    assert len(late)
    # learnt of six hours more: not to the bit
    np.testing.assert_allclose(late["value"], before["value"], rtol=0.05)
    wide_, narrow = late["q90"] - late["q10"], before["q90"] - before["q10"]
    np.testing.assert_allclose(wide_, narrow, rtol=0.1)


def test_duplicates_strangers_and_gaps_are_borne(frame, tmp_path):
    messy = pd.concat([frame, frame.iloc[:50]]).sample(frac=1, random_state=0)
    messy = messy[(messy["station_id"] != "test:4") | (messy["time_utc"] < "2024-02-10")]
    messy.loc[messy.index[:5], "station_id"] = None
    found = answers(messy, tmp_path, Question(INITS, (0, 6), ("pm25",)))
    assert set(found["station_id"]) == {f"test:{n}" for n in range(5)}
    assert found["value"].notna().all()


def test_a_station_unknown_before_the_first_init_is_still_predicted(frame, tmp_path):
    new = frame[(frame["station_id"] != "test:4") | (frame["time_utc"] > "2024-02-20T12:00Z")]
    found = answers(new, tmp_path, Question(INITS[1:], (1,), ("pm25",)))
    assert "test:4" in set(found["station_id"])


def test_bad_questions_are_named(archive):
    hours = read_archive(archive)
    for question, message in (
        (Question(INITS, variables=("o3",)), "unknown variable 'o3'; the archive has pm25, no2"),
        (Question(INITS, withhold=frozenset({"mars"})), "withheld station 'mars' is not in the archive"),
        (Question(INITS, withhold=frozenset(hours.station_id)), "all 5 stations are withheld"),
        (Question(INITS - 400 * 24 * HOUR), "init_time 2023-01-16T05:00:00 is outside the archive"),
        (Question(INITS + 400 * 24 * HOUR), "is outside the archive"),
        (Question(INITS[:0]), "init_time none is outside"),
        (Question(INITS, model="nope"), "unknown model 'nope'"),
    ):
        with pytest.raises(InputError, match=message):
            list(predict(hours, question))


def test_a_history_without_the_variable_is_refused(frame, tmp_path):
    late = frame.assign(pm25_ugm3=frame["pm25_ugm3"].where(frame["time_utc"] > "2024-02-25"))
    with pytest.raises(InputError, match="no measurement of pm25 before 2024-02-20T05:00:00"):
        answers(late, tmp_path, Question(INITS, (1,), ("pm25",)))


def test_files_that_are_no_archive(tmp_path, frame):
    with pytest.raises(NotFoundError, match=r"no file .*absent"):
        read_archive(tmp_path / "absent.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("hello")
    with pytest.raises(InputError, match="not a Parquet file"):
        read_archive(text)
    long = tmp_path / "long.parquet"
    frame[["station_id", "time_utc", "temp_c"]].to_parquet(long)
    with pytest.raises(InputError, match="expected columns station_id, time_utc, lat, lon"):
        read_archive(long)
    empty = tmp_path / "empty.parquet"
    frame.iloc[:0].to_parquet(empty)
    with pytest.raises(InputError, match="no row with a station"):
        read_archive(empty)


def test_an_unwritable_place_is_a_store_error(archive, tmp_path):
    with pytest.raises(StoreError, match="cannot write"):
        hindcast(archive, Question(INITS, (1,), ("pm25",)), tmp_path / "absent" / "out.parquet")


def test_the_command_line(archive, tmp_path):
    start, end = datetime(2024, 2, 20, tzinfo=UTC), datetime(2024, 2, 20, 12, tzinfo=UTC)
    withhold = tmp_path / "ids.txt"
    withhold.write_text("test:0\n\ntest:1\n")
    out = tmp_path / "out.parquet"
    count = hindcast_command(archive, out, (start, end, "6h"), None, ("0,6", "pm25", withhold, "idw"))
    assert count == 3 * 2 * 5
    csv = tmp_path / "inits.csv"
    csv.write_text("init_time\n2024-02-20T00:00Z\n")
    assert hindcast_command(archive, out, (None, None, "6h"), csv, ("6", None, None, "persistence")) == 2 * 5


def test_inits():
    found = regular_inits(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 3, tzinfo=UTC), "1d")
    assert [str(each) for each in found] == [f"2024-01-0{day}T00:00:00" for day in (1, 2, 3)]
    with pytest.raises(InputError, match="expected whole hours or days"):
        regular_inits(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), "90min")
    with pytest.raises(InputError, match="give --start and a later --end"):
        regular_inits(datetime(2024, 1, 2, tzinfo=UTC), None, "6h")
    with pytest.raises(InputError, match="2024-01-01T00:30:00 is not on the hour"):
        regular_inits(datetime(2024, 1, 1, 0, 30, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), "6h")


def test_inits_from_a_file(tmp_path):
    path = tmp_path / "inits.csv"
    path.write_text("id,init_time\n1,2024-01-02 00:00:00+00:00\n2,2024-01-01T03:00:00+02:00\n")
    assert [str(each) for each in read_inits(path)] == ["2024-01-01T01:00:00", "2024-01-02T00:00:00"]
    path.write_text("2024-01-01T00:00Z\n")
    assert len(read_inits(path)) == 1
    for text, message in (
        ("a,b\n1,2\n", "a column init_time"),
        ("", "a column init_time"),
        ("init_time\n", "no init_time in it"),
        ("init_time\nyesterday\n", "expected ISO 8601"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_inits(path)
    with pytest.raises(NotFoundError, match="no file"):
        read_inits(tmp_path / "absent.csv")


def test_leads():
    assert read_leads("0, 24,6,6") == (0, 6, 24)
    for text in ("", "1,x", "-1", "1.5", "999"):
        with pytest.raises(InputError, match="whole hours from 0 to 240"):
            read_leads(text)


def test_london_maps_no_worse_than_the_frozen_baseline(shared_data):
    """A withheld London station in 2023 beside optimal interpolation as frozen with the data: one of ten stations."""
    keys = pd.read_parquet(shared_data / "air" / "baselines" / "map_london_2023__oi.parquet")
    keys = keys[(keys["pollutant"] == "no2") & (keys["station_id"].astype(str) == "KC1")]
    hours = read_archive(shared_data / "air" / "london_2020_2023.parquet")
    inits = np.unique(keys["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]"))
    ours = pd.concat(predict(hours, Question(inits, (0,), ("no2",), frozenset({"KC1"}))))
    ours = ours[ours["station_id"] == "KC1"].assign(init_time=lambda f: f["init_time"].astype(keys["init_time"].dtype))
    both = keys[["init_time", "value"]].merge(ours, on="init_time", suffixes=("_oi", ""))
    row = np.searchsorted(hours.time, both["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]") + HOUR)
    truth = hours.values["no2"][row, list(hours.station_id).index("KC1")]
    known = np.isfinite(truth)
    error, peer = (np.sqrt(np.mean((both[side] - truth)[known] ** 2)) for side in ("value", "value_oi"))
    assert known.sum() > 200
    assert error < 1.1 * peer  # one station: the sum over all is within 1 %
