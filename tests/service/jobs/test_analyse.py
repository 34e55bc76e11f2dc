"""When a run is made again, when models are learnt again, how much is made at once, and what one bad domain costs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brise.conventions.grids import Grid
from brise.conventions.observations import StationHours
from brise.io.sources.archive import read_archive
from brise.models.climatology import Climatology
from brise.service.clock import Clock
from brise.service.jobs import analyse, cycle
from brise.service.jobs.feeds import ReplayFeed
from brise.service.jobs.ingest import open_tables
from brise.service.settings import Settings

FIRST = datetime(2023, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def place(archive, tmp_path):
    """A store with the archive's first three hours, and all that a turn needs."""
    settings = Settings(data_dir=tmp_path)
    with open_tables(settings) as tables:
        (batch,) = read_archive(archive, None, FIRST + 12 * HOUR)
        tables.upsert_stations(batch.stations)
        rows = batch.observations
        tables.store_observations(rows[rows["time"] <= FIRST + 3 * HOUR])
        yield settings, tables, rows, analyse.Analyst(tmp_path)


def kept(settings):
    return [path.name.split("@", 1)[1] for path in (settings.data_dir / "models" / "air_quality").glob("*.npz")]


def runs(tables):
    return [(one.time, one.state, one.message) for one in tables.runs.read_runs("air_quality")]


def test_young_models_are_learnt_again_when_their_history_has_doubled(place, archive):
    settings, tables, rows, analyst = place
    feed = ReplayFeed.open(archive, FIRST + 4 * HOUR, 1.0, None)
    for hour, name in ((3, "20230101T0300@3h.npz"), (5, "20230101T0300@3h.npz"), (6, "20230101T0600@6h.npz")):
        now = FIRST + hour * HOUR
        tables.store_observations(rows[rows["time"] <= now])
        analyst.publish(tables, feed, now, now)
        assert kept(settings) == [name]
    again = analyse.Analyst(settings.data_dir)  # another process reads what this one kept
    tables.store_observations(rows)
    again.publish(tables, feed, FIRST + 7 * HOUR, FIRST + 7 * HOUR)
    assert kept(settings) == ["20230101T0600@6h.npz"]


def test_models_of_other_stations_are_not_used(place, archive, monkeypatch):
    _, tables, rows, analyst = place
    feed = ReplayFeed.open(archive, FIRST + 4 * HOUR, 1.0, None)
    tables.store_observations(rows)
    analyst.publish(tables, feed, FIRST + 10 * HOUR, FIRST + 10 * HOUR)
    moment, after, fitted = next(iter(analyst._fitted.values()))
    strangers = {
        name: replace(model, climatology=replace(model.climatology, station_id=np.array(["x:1", "x:2", "x:3", "x:4"])))
        for name, model in fitted.items()
    }
    analyst._fitted = dict.fromkeys(analyst._fitted, (moment, after, strangers))
    analyst.publish(tables, feed, FIRST + 12 * HOUR, FIRST + 12 * HOUR)
    (_, _, learnt) = next(iter(analyst._fitted.values()))
    assert isinstance(learnt["pm25"].climatology, Climatology)
    assert set(learnt["pm25"].climatology.station_id) == {"archive:N", "archive:S", "archive:E", "archive:W"}


def test_an_hour_is_made_again_only_when_more_of_it_is_known(place):
    settings, tables, rows, analyst = place

    class Nothing:
        def poll(self, *_):
            return 10_000  # rows of other hours, forecasts, minutes of the hour that has not ended

        def background(self, *_):
            return []

    state = cycle.State(clock=Clock((FIRST + 3.5 * HOUR).timestamp(), 0.0, 1e-9))
    some = rows["time"] == FIRST + 3 * HOUR
    late = rows[some & (rows["station_id"] == "archive:N")]
    with open_tables(settings.model_copy(update={"data_dir": settings.data_dir / "second"})) as fresh:
        fresh.upsert_stations(tables.read_stations())
        fresh.store_observations(rows[some & (rows["station_id"] != "archive:N")])
        cycle.turn(fresh, settings, Nothing(), analyst, state)
        made = runs(fresh)
        started = [one.started for one in fresh.runs.read_runs("air_quality")]
        cycle.turn(fresh, settings, Nothing(), analyst, state)
        assert [one.started for one in fresh.runs.read_runs("air_quality")] == started
        fresh.store_observations(late)
        cycle.turn(fresh, settings, Nothing(), analyst, state)
        assert [one.started for one in fresh.runs.read_runs("air_quality")] != started
        assert [one[:2] for one in runs(fresh)] == [one[:2] for one in made]


def test_a_domain_that_breaks_is_named_and_ends_nothing(place, archive, monkeypatch):
    _, tables, _, analyst = place

    def broken(*_):
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr(analyse, "compute", broken)
    now = FIRST + 3 * HOUR
    analyst.publish(tables, ReplayFeed.open(archive, now, 1.0, None), now, now)
    ((_, state, message),) = runs(tables)
    assert state == "failed"
    assert "Singular matrix" in message


def test_the_largest_networks_come_first_and_the_rest_waits(monkeypatch):
    monkeypatch.setattr(analyse, "MOST_CELLS", 250)
    grids = [Grid(name, north, 0.0, 1.0, 10, 10) for name, north in (("few", 60.0), ("many", 30.0), ("some", 0.0))]
    latitude = np.array([55.0, 25.0, 25.5, 26.0, -5.0, -4.0])
    hours = StationHours(
        np.array(["2023-01-01T01"], "datetime64[s]"), np.arange(6).astype(str), latitude, np.full(6, 5.0), latitude, {}
    )
    kept_grids, waiting = analyse.affordable(grids, hours)
    assert [grid.name for grid in kept_grids] == ["many", "some"]
    assert waiting == 1
    monkeypatch.setattr(analyse, "MOST_CELLS", 1)
    assert [grid.name for grid in analyse.affordable(grids, hours)[0]] == ["many"]
    assert analyse.affordable([], hours) == ([], 0)
