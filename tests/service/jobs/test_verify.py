"""Forecasts kept, scored and served; run twice it is the same."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from brise.conventions.grids import Grid
from brise.io.score_tables import read_scores, score_files
from brise.io.station_forecasts import read_forecasts
from brise.io.tables import Tables
from brise.products.air_quality import HOURS, Run
from brise.service.jobs.verify import Verifier, folder_of

GRID = Grid("town", 51.6, -0.3, 0.1, 3, 3)
INIT = datetime(2026, 11, 1, tzinfo=UTC)
AREA = (51.0, -1.0, 52.0, 0.5)
STATION = {
    "station_id": "openaq:1",
    "source": "openaq",
    "name": "Quay",
    "latitude": 51.6,
    "longitude": -0.3,
    "altitude_m": 1.0,
    "kind": "reference",
    "operator": "",
    "timezone": "Europe/London",
    "licence": "",
    "attribution": "",
}


def run_at(init: datetime) -> Run:
    values = np.empty((GRID.cells, 1, 3, len(HOURS)), np.float32)
    values[:, 0] = np.array([20, 15, 30])[:, None]
    meta = {"init_time": init.isoformat(), "hours": list(HOURS), "variables": ["pm25"], "stations": [STATION]}
    return Run(GRID, values, np.empty(0), np.empty(0), meta, None, None)


@pytest.fixture
def tables(tmp_path):
    tables = Tables.open(f"sqlite:///{tmp_path / 'brise.sqlite'}")
    tables.upsert_stations(pd.DataFrame([STATION]))
    times = pd.date_range(INIT - timedelta(days=2), periods=24 * 9, freq="h")
    rows = {"station_id": "openaq:1", "variable": "pm25", "value": 25.0, "uncertainty": np.nan, "period_s": 3600}
    rows |= {"coverage": np.nan, "quality_flag": 1}
    tables.store_observations(pd.DataFrame({"time": times, **rows}).assign(received_at=times))
    yield tables
    tables.close()


def test_synoptic_forecasts_are_kept_and_scored_once(tmp_path, tables):
    verifier = Verifier(tmp_path)
    for hour in range(0, 72, 3):
        verifier.keep(run_at(INIT + timedelta(hours=hour)), INIT + timedelta(hours=hour))
    kept = read_forecasts(folder_of(tmp_path) / "town", INIT, INIT + timedelta(days=4))
    assert sorted(kept["init_time"].dt.hour.unique()) == [0, 6, 12, 18]
    now = INIT + timedelta(days=5)
    assert verifier.score(tables, {"town": AREA, "nowhere": AREA}, now) == 4
    (path,) = score_files(folder_of(tmp_path))
    first = read_scores(path)
    np.testing.assert_allclose(first["bias"], -5)
    assert first["n"].tolist() == [36, 36, 24, 14], "of the longest leads only what is due by now"
    verifier.score(tables, {"town": AREA}, now)
    pd.testing.assert_frame_equal(read_scores(path), first)


def test_nothing_later_than_now_is_read(tmp_path, tables):
    verifier = Verifier(tmp_path)
    verifier.keep(run_at(INIT), INIT)
    verifier.score(tables, {"town": AREA}, INIT + timedelta(hours=4))
    (path,) = score_files(folder_of(tmp_path))
    assert read_scores(path)["n"].tolist() == [2]


def test_a_run_of_a_synoptic_hour_is_written_down(tmp_path, tables):
    verifier = Verifier(tmp_path)
    verifier.keep(run_at(INIT), INIT)
    verifier.run(tables, {"town": AREA}, INIT + timedelta(hours=5), INIT + timedelta(hours=5))
    assert tables.runs.read_runs("verify") == []
    verifier.run(tables, {"town": AREA}, INIT + timedelta(hours=6), INIT + timedelta(hours=6))
    assert [one.message for one in tables.runs.read_runs("verify")] == ["1 scores of 1 domains"]
