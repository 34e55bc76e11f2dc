"""The checks at the edge, each tripped once."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions import observations as obs
from brise.conventions.errors import ConventionError


def row(**changes):
    good = {
        "station_id": "test:1",
        "time": "2024-01-01T01:00:00Z",
        "period_s": 3600,
        "variable": "pm25",
        "value": 12.0,
        "uncertainty": np.nan,
        "coverage": np.nan,
        "quality_flag": 2,
        "received_at": "2024-01-01T01:05:00Z",
    }
    return pd.DataFrame([good | changes])


def station(**changes):
    good = {
        "station_id": "test:1",
        "source": "test",
        "name": "One",
        "latitude": 1.0,
        "longitude": 2.0,
        "altitude_m": np.nan,
        "kind": "reference",
        "operator": "",
        "timezone": "",
        "licence": "",
        "attribution": "",
    }
    return pd.DataFrame([good | changes])


def test_a_good_row_is_typed_and_ordered():
    checked = obs.check_observations(row().assign(extra=1))
    assert list(checked.columns) == list(obs.OBSERVATION_COLUMNS)
    assert str(checked["time"].dtype) == "datetime64[s, UTC]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": np.nan}, "no value, no row"),
        ({"value": -999.0}, "outside its variable's range"),
        ({"value": 1e9}, "outside its variable's range"),
        ({"variable": "smell"}, "unknown variable 'smell'"),
        ({"period_s": 0}, "period_s is not positive"),
        ({"time": None}, "time or received_at is absent"),
        ({"quality_flag": 9}, "quality_flag"),
        ({"coverage": 1.5}, "coverage outside"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(changes, message):
    with pytest.raises(ConventionError, match=message):
        obs.check_observations(row(**changes))


def test_a_missing_column_is_named():
    with pytest.raises(ConventionError, match="columns missing: value"):
        obs.check_observations(row().drop(columns="value"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"station_id": "one"}, "not source:native_id"),
        ({"latitude": 91.0}, "not on Earth"),
        ({"longitude": np.nan}, "not on Earth"),
        ({"kind": "toy"}, "kind is not one of"),
    ],
)
def test_a_bad_station_is_refused(changes, message):
    with pytest.raises(ConventionError, match=message):
        obs.check_stations(station(**changes))


def test_a_station_appears_once():
    with pytest.raises(ConventionError, match="appears twice"):
        obs.check_stations(pd.concat([station(), station()]))


def test_empty_frames_have_every_column():
    assert list(obs.empty_observations().columns) == list(obs.OBSERVATION_COLUMNS)
    assert list(obs.empty_stations().columns) == list(obs.STATION_COLUMNS)


def hours(**changes):
    time = np.datetime64("2024-01-01T00:00:00", "s") + np.arange(3) * np.timedelta64(3600, "s")
    good = {
        "time": time,
        "station_id": np.array(["a:1", "a:2"]),
        "latitude": np.zeros(2),
        "longitude": np.zeros(2),
        "altitude_m": np.zeros(2),
        "values": {"pm25": np.arange(6, dtype="f4").reshape(3, 2)},
    }
    return obs.StationHours(**(good | changes))


def test_station_hours_can_be_cut_by_time_and_station():
    cut = hours().until(np.datetime64("2024-01-01T01:00:00", "s")).stations(np.array([False, True]))
    assert cut.station_id.tolist() == ["a:2"]
    assert cut.values["pm25"].tolist() == [[1.0], [3.0]]


def test_station_hours_refuse_a_wrong_shape_and_a_gap():
    with pytest.raises(ConventionError, match=r"expected \(3, 2\)"):
        hours(values={"pm25": np.zeros((2, 2), "f4")})
    with pytest.raises(ConventionError, match="2 stations"):
        hours(latitude=np.zeros(3))
    gap = np.array(["2024-01-01T00", "2024-01-01T01", "2024-01-01T03"], "datetime64[s]")
    with pytest.raises(ConventionError, match="not hourly"):
        hours(time=gap)
