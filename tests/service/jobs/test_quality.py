"""Quality control of what is stored: what is judged, when, and what nobody may judge again."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from brise.conventions.observations import OBSERVATION_COLUMNS, STATION_COLUMNS
from brise.service.jobs.ingest import open_tables
from brise.service.jobs.quality import check_history, check_recent
from brise.service.settings import Settings

NOW = datetime(2024, 5, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stations(kinds):
    rows = [
        dict.fromkeys(STATION_COLUMNS, "")
        | {"station_id": name, "source": "test", "latitude": 10.0, "longitude": 20.0 + place / 1e3, "kind": kind,
           "altitude_m": np.nan}
        for place, (name, kind) in enumerate(kinds.items())
    ]  # fmt: skip
    return pd.DataFrame(rows)


def series(name, values, end=NOW, flag=2):
    """Hourly values, the last at `end`; each had when its hour ended."""
    time = pd.date_range(end=end, periods=len(values), freq="h")
    frame = pd.DataFrame(dict.fromkeys(OBSERVATION_COLUMNS), index=range(len(values)))
    return frame.assign(station_id=name, time=time, period_s=3600, variable="pm25", value=values, uncertainty=np.nan,
                        coverage=np.nan, quality_flag=flag, received_at=time)  # fmt: skip


@pytest.fixture
def tables(tmp_path):
    with open_tables(Settings(data_dir=tmp_path)) as opened:
        yield opened


def flags(tables, name):
    return tables.read_observations(name)["quality_flag"].tolist()


def test_uncorrected_values_keep_the_flag_of_their_decoder(tables):
    tables.upsert_stations(stations({"test:1": "low_cost", "test-raw:1": "low_cost"}))
    values = 20 + np.arange(5.0)
    tables.store_observations(pd.concat([series("test:1", values), series("test-raw:1", 2 * values, flag=3)]))
    check_recent(tables, NOW)
    check_history(tables, NOW - 12 * HOUR, NOW)
    assert flags(tables, "test:1") == [1] * 5
    assert flags(tables, "test-raw:1") == [3] * 5
    assert tables.read_hours(["pm25"], NOW - 5 * HOUR, NOW).station_id.tolist() == ["test:1"]


def test_a_model_is_not_judged_and_no_neighbour_to_judge_by(tables):
    cells = {f"model:{place}": "model" for place in range(4)}
    tables.upsert_stations(stations({"test:1": "reference"} | cells))
    smoke = np.where(np.arange(30) < 29, 20 + np.arange(30) % 3, 300.0)
    rows = [series(name, 20.0 + np.arange(30) % 3) for name in cells]
    tables.store_observations(pd.concat([series("test:1", smoke), *rows]))
    check_recent(tables, NOW)
    assert flags(tables, "model:0") == [2] * 30
    assert flags(tables, "test:1")[-1] == 1  # models that know of no fire do not gainsay a monitor


def test_what_comes_late_is_judged_and_what_was_judged_stays(tables):
    tables.upsert_stations(stations({"test:1": "reference"}))
    early = series("test:1", 20.0 + np.arange(4), end=NOW - 20 * HOUR)
    tables.store_observations(early.assign(quality_flag=[1, 1, 2, 2], value=[20.0, 9999.0, 22.0, 9999.0]))
    assert check_recent(tables, NOW) == 1
    assert flags(tables, "test:1") == [1, 1, 2, 4]


def test_flags_of_the_newest_hours_may_still_change(tables):
    tables.upsert_stations(stations({"test:1": "reference"}))
    tables.store_observations(series("test:1", [20.0, 21.0, 22.0], flag=3))
    assert check_recent(tables, NOW) == 3
    assert flags(tables, "test:1") == [1, 1, 1]
