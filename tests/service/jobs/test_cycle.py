"""The cycle over a replayed archive: what is published, when, and from what was known then."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.conventions.observations import check_observations
from brise.io import cubes
from brise.service.clock import WALL, Clock, read_clock, write_clock
from brise.service.jobs import cycle
from brise.service.jobs.analyse import PRODUCT, Analyst
from brise.service.jobs.feeds import ReplayFeed
from brise.service.jobs.ingest import open_tables
from brise.service.settings import Settings

AT = datetime(2023, 1, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def town(archive, tmp_path_factory):
    """A data folder after the first turn of a replay that hides station N, its parts, and that turn's run."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    withhold = settings.data_dir / "hidden.txt"
    withhold.write_text("N\n")
    feed = ReplayFeed.open(archive, AT, 1.0, withhold)
    analyst = Analyst(settings.data_dir)
    state = cycle.State(clock=Clock(AT.timestamp() + 60, 0.0, 1e-9))  # stands still
    tables = open_tables(settings)
    feed.prepare(tables, AT)
    cycle.turn(tables, settings, feed, analyst, state)
    runs = cubes.current(analyst.products, PRODUCT)
    yield settings, tables, feed, analyst, state, runs
    tables.close()


def test_the_first_turn_publishes_the_newest_hour(town):
    runs = town[-1]
    assert len(runs) == 1
    run = next(iter(runs.values()))
    assert run.meta["init_time"].startswith("2023-01-15T00:00")
    assert run.meta["simulated"] is False
    assert {"pm25", "no2"} == set(run.meta["variables"])
    here = run.arrays["concentration"][run.grid.cell(10.0, 20.0)]
    assert np.isfinite(here).all()
    low, high = here[:, 1], here[:, 2]
    assert (low <= here[:, 0] + 1e-3).all()
    assert (high >= low).all()


def test_a_hidden_station_is_nowhere(town):
    _, tables, *_, runs = town
    assert "archive:N" not in tables.read_stations()["station_id"].tolist()
    assert all("archive:N" not in str(run.meta["stations"]) for run in runs.values())


def test_a_store_that_knows_what_is_to_be_hidden_is_refused(town, archive, tmp_path):
    tables, feed = town[1], town[2]
    feed.refuse_known(tables)
    hidden = tmp_path / "hidden.txt"
    hidden.write_text("S\n")
    other = ReplayFeed.open(archive, AT, 1.0, hidden)
    with pytest.raises(InputError, match="holds archive:S already; give another with --data"):
        other.refuse_known(tables)
    assert len({feed.mode, other.mode, ReplayFeed.open(archive, AT, 1.0, None).mode}) == 3


def test_nothing_later_than_now_is_stored(town):
    tables = town[1]
    assert tables.latest(["pm25"])["time"].max() <= AT + HOUR


def test_the_same_hour_is_not_made_twice_and_the_next_is(town):
    settings, tables, feed, analyst, state, _ = town
    before = {name: run.name for name, run in cubes.current(analyst.products, PRODUCT).items()}
    cycle.turn(tables, settings, feed, analyst, state)
    assert {name: run.name for name, run in cubes.current(analyst.products, PRODUCT).items()} == before
    state.clock = Clock(AT.timestamp() + 3660, 0.0, 1e-9)
    cycle.turn(tables, settings, feed, analyst, state)
    run = next(iter(cubes.current(analyst.products, PRODUCT).values()))
    assert run.meta["init_time"].startswith("2023-01-15T01:00")
    done = tables.runs.read_runs(PRODUCT)
    assert [one.state for one in done] == ["done", "done"]


def test_once_a_day_settled_rows_become_hourly(town):
    settings, tables, feed, analyst, state, _ = town
    now = state.clock.now()
    station = tables.read_stations()["station_id"].iloc[0]
    ends = [now.replace(minute=0, second=0) - timedelta(hours=h, minutes=m) for h in (72, 24) for m in (15, 0)]
    rows = pd.DataFrame({"time": ends, "value": [280.0, 282.0, 280.0, 282.0]}).assign(
        station_id=station, variable="temperature", period_s=900, uncertainty=np.nan, coverage=1.0, quality_flag=2,
        received_at=now - 24 * HOUR,
    )  # fmt: skip
    tables.store_observations(check_observations(rows))
    state.pruned = now - timedelta(days=1)
    cycle.turn(tables, settings, feed, analyst, state)
    kept = tables.read_observations(station, ["temperature"])
    assert kept["period_s"].tolist() == [3600, 900, 900]
    assert kept["value"].tolist() == [281.0, 280.0, 282.0]


def test_a_second_cycle_stands_by(town, caplog):
    settings, tables, feed, *_ = town
    stop = threading.Event()
    with tables.lease("cycle", cycle.LEASE) as mine:
        assert mine
        threading.Timer(1.0, stop.set).start()
        cycle.run_cycle(settings, feed, stop)
    assert "another cycle works on this store; standing by" in caplog.text
    assert len(tables.runs.read_runs(PRODUCT)) <= 2


def test_a_database_that_is_gone_is_waited_for(archive, tmp_path, caplog):
    blocked = tmp_path / "data"
    blocked.write_text("a file where the folder should be")
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{blocked}/brise.sqlite")
    cycle.run_cycle(settings, ReplayFeed.open(archive, AT, 1.0, None), stop)
    assert "trying again" in caplog.text


def test_a_replay_outside_its_archive_is_refused(archive):
    with pytest.raises(InputError, match=r"town.parquet spans 2023-01-01T01:00Z to .* is outside"):
        ReplayFeed.open(archive, datetime(2024, 1, 1, tzinfo=UTC), 1.0, None)


def test_the_clock_survives_a_restart(tmp_path):
    assert read_clock(tmp_path) == WALL
    clock = Clock(1e9, 2e9, 3600.0)
    write_clock(tmp_path, clock)
    assert read_clock(tmp_path) == clock
    np.testing.assert_allclose(clock.wall_seconds(HOUR), 1.0)
