"""Settled hours become one row a station and variable, and what products read stays the same, on both databases."""

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError, StoreError
from brise.conventions.observations import check_observations
from brise.io import rollup
from brise.io.tables import Stored

MIDNIGHT = datetime(2023, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ROW = ["time", "period_s", "variable", "value", "uncertainty", "coverage", "quality_flag", "received_at"]


def station_frame(*ids):
    return pd.DataFrame(
        {
            "station_id": list(ids),
            "source": "test",
            "name": "",
            "latitude": 51.5,
            "longitude": -0.1,
            "altitude_m": np.nan,
            "kind": "low_cost",
            "operator": "",
            "timezone": "",
            "licence": "",
            "attribution": "",
        }
    )


def rows(minutes, value, station="test:a", variable="pm25", period_s=300, flag=2, late=60):
    """Rows that end so many minutes after midnight, received `late` seconds after that."""
    ends = pd.DatetimeIndex([MIDNIGHT + timedelta(minutes=m) for m in minutes])
    return check_observations(
        pd.DataFrame(
            {
                "station_id": station,
                "time": ends,
                "period_s": period_s,
                "variable": variable,
                "value": value,
                "uncertainty": 0.5,
                "coverage": np.nan,
                "quality_flag": flag,
                "received_at": ends + pd.to_timedelta(late, "s"),
            }
        )
    )


@pytest.fixture
def known(tables):
    tables.upsert_stations(station_frame("test:a", "test:b"))
    return tables


def roll(tables, received_by=MIDNIGHT + 3 * DAY):
    return tables.roll_up(MIDNIGHT, MIDNIGHT + DAY, received_by)


def test_an_hour_becomes_one_row(known):
    known.store_observations(rows([5, 10, 60], [1.0, 2.0, 6.0], period_s=[300, 300, 600], flag=[1, 2, 1]))
    assert roll(known) == 3
    row = known.read_observations("test:a").iloc[0]
    assert len(known.read_observations("test:a")) == 1
    assert (row["time"], row["period_s"], row["quality_flag"]) == (MIDNIGHT + HOUR, 3600, 2)
    assert row["value"] == pytest.approx((300 * 1 + 300 * 2 + 600 * 6) / 1200, rel=1e-12)  # one rounding or two
    assert row["coverage"] == pytest.approx(1200 / 3600, rel=1e-12)
    assert np.isnan(row["uncertainty"])
    assert row["received_at"] == MIDNIGHT + timedelta(minutes=61)


def test_overlapping_periods_cover_no_more_than_the_hour(known):
    known.store_observations(rows([20, 40, 60], [1.0, 1.0, 1.0], period_s=1800))
    roll(known)
    assert known.read_observations("test:a")["coverage"].tolist() == [1.0]


def test_whole_numbers_are_not_divided_as_such(known):
    known.store_observations(rows([5, 10], [1.0, 2.0]))
    roll(known)
    assert known.read_observations("test:a")["value"].tolist() == [1.5]


def test_directions_are_averaged_as_vectors(known):
    for station, angles, mean in (("test:a", [350.0, 20.0], 5.0), ("test:b", [340.0, 10.0], 355.0)):
        known.store_observations(rows([5, 10], angles, station, "wind_from_direction"))
        roll(known)
        # Sines and arctangent in double precision.
        assert known.read_observations(station)["value"].tolist() == pytest.approx([mean], rel=1e-12)


def test_flagged_rows_stay(known):
    known.store_observations(rows([5, 10, 15, 70], [1.0, 900.0, 901.0, 902.0], flag=[1, 3, 4, 4]))
    assert roll(known) == 1
    kept = known.read_observations("test:a")
    assert kept[["period_s", "value", "quality_flag"]].to_numpy().tolist() == [
        [300, 900.0, 3], [300, 901.0, 4], [3600, 1.0, 1], [300, 902.0, 4],
    ]  # fmt: skip
    assert roll(known) == 0


def test_an_hourly_row_wins(known):
    hourly = rows([60], [50.0], period_s=3600)
    known.store_observations(pd.concat([hourly, rows([5, 60], [1.0, 2.0])]))
    assert roll(known) == 2
    pd.testing.assert_frame_equal(known.read_observations("test:a"), hourly, check_dtype=False)


def test_a_flagged_hourly_row_takes_nothing_away(known):
    known.store_observations(pd.concat([rows([60], [50.0], period_s=3600, flag=4), rows([5, 60], [1.0, 2.0])]))
    assert roll(known) == 0
    assert len(known.read_observations("test:a")) == 3


def test_rows_stored_again_go_again(known):
    frame = rows(range(5, 65, 5), 7.0)
    known.store_observations(frame)
    assert roll(known) == 12
    first = known.read_observations("test:a")
    assert roll(known) == 0
    assert known.store_observations(frame) == Stored(12, 0, 0)
    assert roll(known) == 12
    pd.testing.assert_frame_equal(known.read_observations("test:a"), first)


def test_only_settled_hours_that_we_had(known):
    known.store_observations(rows([0, 60, 65, 24 * 60, 24 * 60 + 5], 1.0, late=[0, 0, 9000, 0, 0]))
    assert roll(known, MIDNIGHT + 2 * HOUR) == 1  # not midnight's own hour, nor one not had in full, nor tomorrow's
    assert known.read_observations("test:a")["period_s"].tolist() == [300, 3600, 300, 300, 300]


def test_refuses_what_holds_no_hour(known):
    with pytest.raises(InputError, match="no whole hour"):
        known.roll_up(MIDNIGHT, MIDNIGHT, MIDNIGHT)


def test_what_products_read_stays_the_same(known):
    rng = np.random.default_rng(3)
    frames = []
    for station in ("test:a", "test:b"):
        for variable, top in (("pm25", 80.0), ("wind_from_direction", 360.0), ("temperature", 300.0)):
            minutes = np.sort(rng.choice(np.arange(2, 1440), 300, replace=False)).tolist()
            seconds = rng.choice([60, 120, 150, 300], 300)
            flags = rng.choice([1, 2, 3, 4], 300, p=[0.5, 0.4, 0.05, 0.05])
            frames.append(rows(minutes, rng.uniform(0.8, 1, 300) * top, station, variable, seconds, flags))
    frame = pd.concat(frames)
    known.store_observations(frame)
    read = lambda: known.read_hours(["pm25", "wind_from_direction", "temperature"], MIDNIGHT, MIDNIGHT + DAY)  # noqa: E731
    before = read()
    assert roll(known) == (frame["quality_flag"] <= 2).sum()
    after = read()
    np.testing.assert_array_equal(after.station_id, before.station_id)
    for name, values in before.values.items():
        # Means are handed over in single precision.
        np.testing.assert_allclose(after.values[name], values, rtol=1e-6, err_msg=name)


def test_a_stop_in_between_loses_nothing(known, monkeypatch):
    known.store_observations(rows(range(5, 65, 5), 7.0))

    def killed(*_arguments):
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(rollup, "_forget", killed)
        with pytest.raises(StoreError, match="gone"):
            roll(known)
    assert known.read_observations("test:a")["period_s"].tolist() == [300] * 12
    assert roll(known) == 12


def test_a_day_of_sensors_in_seconds(known):
    """28,800 rows of 50 sensors; 3 s of CPU is the requirement, some tenths what a quiet core needs."""
    ids = [f"test:{number}" for number in range(50)]
    known.upsert_stations(station_frame(*ids))
    for name in ("pm25", "pm10"):
        known.store_observations(rows(np.tile(np.arange(5, 1445, 5), 50).tolist(), 1.0, np.repeat(ids, 288), name))
    start = time.process_time()
    assert roll(known) == 28_800
    assert time.process_time() - start < 3.0
    assert known.counts()["observations"] == 50 * 2 * 24
