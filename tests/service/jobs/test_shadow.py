"""The challenger beside the champion: kept, compared, never in the way; a champion that drifts gives way."""

import json
import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brise.io import cubes
from brise.io.artifacts import Artifacts
from brise.io.station_forecasts import add_score, read_forecasts, read_scores
from brise.models import runtime
from brise.models.network import Prediction
from brise.models.registry import MODELS, Model
from brise.service.clock import Clock
from brise.service.jobs import cycle, shadow
from brise.service.jobs.analyse import PRODUCT, Analyst
from brise.service.jobs.champion import model_rows, model_table, reference_of, with_running
from brise.service.jobs.feeds import ReplayFeed
from brise.service.jobs.ingest import open_tables
from brise.service.jobs.shadow import LIMITS, Shadow, drifted
from brise.service.settings import Settings

AT = datetime(2023, 1, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def overconfident(task):
    found = MODELS["blend"].stations(task)
    return Prediction(found.value + 30, found.value, found.value, found.value)


def breaks(task):
    raise RuntimeError("no such operator")


@pytest.fixture
def town(archive, tmp_path, monkeypatch):
    """A cycle at the town, with a challenger in its store."""
    tiny = {"good": Model("good", "", MODELS["optimal_interpolation"].stations, MODELS["idw"].points),
            "bad": Model("bad", "", overconfident, MODELS["idw"].points),
            "broken": Model("broken", "", breaks, MODELS["idw"].points)}  # fmt: skip
    monkeypatch.setitem(runtime.FAMILIES, "tiny", lambda files, threads: tiny[json.loads(files["card.json"])["name"]])
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    store = Artifacts(settings.data_dir / "models" / "artifacts")
    digests = {
        name: store.add({"card.json": json.dumps({"family": "tiny", "name": name, "title": name}).encode()})
        for name in tiny
    }
    analyst = Analyst(settings.data_dir, shadow=Shadow(store, settings.data_dir / "models" / "shadow"))
    feed = ReplayFeed.open(archive, AT, 1.0, None)
    tables = open_tables(settings)
    feed.prepare(tables, AT)
    state = cycle.State()

    def turn(moment):
        state.clock = Clock(moment.timestamp() + 60, 0.0, 1e-9)
        cycle.turn(tables, settings, feed, analyst, state)

    yield turn, store, digests, analyst, tables
    tables.close()


def test_without_a_challenger_nothing_runs(town):
    turn, _, _, analyst, _ = town
    turn(AT)
    assert not analyst.shadow.root.exists()


def test_both_are_kept_and_compared_when_the_truth_is_known(town):
    turn, store, digests, analyst, tables = town
    store.move({"challenger": digests["good"]}, "")
    for hour in (0, 24, 49):
        turn(AT + timedelta(hours=hour))
    root = analyst.shadow.root
    first = read_forecasts(root, AT, AT)
    assert set(first["model"]) == {"blend", digests["good"]}
    assert set(first["lead_hours"]) == {1, 6, 24}
    assert len(first) == 2 * 2 * 3 * 4  # models, pollutants, leads, stations
    scores = read_scores(root)
    assert len(scores) == 2  # a day after the first forecast, and a day after that
    last = scores[-1]
    assert last["sides"] == {"champion": "blend", "challenger": digests["good"], "baseline": "blend"}
    assert last["pairs"] >= 24
    assert last["over_baseline"] == 1.0
    assert last["skill"]["lower"] <= last["skill"]["value"] <= last["skill"]["upper"]
    assert 0.3 < last["coverage"] <= 1.0
    (job, *_) = tables.runs.read_runs(shadow.PRODUCT)
    assert "challenger: skill" in job.message
    rows = with_running(model_rows(store), root)
    running = {row["name"]: row["running"] for row in rows}
    assert running["good"] == running["blend"] == last["message"]
    assert running["idw"] is None
    assert {"digest", "running"} <= set(model_table(rows)[0])


def test_truth_of_the_shadow_is_the_measurement(town, archive):
    turn, store, digests, analyst, tables = town
    store.move({"challenger": digests["good"]}, "")
    turn(AT)
    forecasts = read_forecasts(analyst.shadow.root, AT, AT)
    turn(AT + DAY)
    truth = tables.read_hours(("pm25", "no2"), AT - DAY, AT + DAY)
    some = forecasts[(forecasts["station_id"] == "archive:N") & (forecasts["variable"] == "pm25")]
    found = shadow._measured(some, truth)
    column = truth.station_id.tolist().index("archive:N")
    where = [
        int(np.flatnonzero(truth.time == np.datetime64("2023-01-15") + np.timedelta64(h, "h"))[0]) for h in (1, 6, 24)
    ]
    wanted = {h: truth.values["pm25"][row, column] for h, row in zip((1, 6, 24), where, strict=True)}
    np.testing.assert_array_equal(found, [wanted[h] for h in some["lead_hours"]])


def test_a_challenger_that_breaks_stops_nothing(town, caplog):
    turn, store, digests, analyst, _ = town
    store.move({"challenger": digests["broken"]}, "")
    with caplog.at_level(logging.WARNING):
        turn(AT)
    assert "no such operator" in caplog.text
    assert len(cubes.current(analyst.products, PRODUCT)) == 1
    assert set(read_forecasts(analyst.shadow.root, AT, AT)["model"]) == {"blend"}
    (store.root / "aliases.json").write_text("{")
    turn(AT + timedelta(hours=1))
    assert "aliases.json: damaged" in caplog.text


def test_of_many_stations_the_same_few_are_kept(town, monkeypatch):
    turn, store, digests, analyst, _ = town
    store.move({"challenger": digests["good"]}, "")
    whole = shadow.station_forecasts
    monkeypatch.setattr(shadow, "station_forecasts", lambda *given: whole(*given[:3], 2))
    for hour in range(2):
        turn(AT + timedelta(hours=hour))
    found = read_forecasts(analyst.shadow.root, AT, AT + timedelta(hours=1))
    assert found["station_id"].nunique() == 2
    assert found.groupby("init_time")["station_id"].nunique().tolist() == [2, 2]


def test_no_time_is_no_failure(town, caplog, monkeypatch):
    turn, store, digests, analyst, _ = town
    store.move({"challenger": digests["good"]}, "")
    monkeypatch.setattr(shadow, "SECONDS", -1.0)
    turn(AT)
    assert "no time for 1 of 1 domains" in caplog.text
    assert read_forecasts(analyst.shadow.root, AT, AT).empty


def test_a_champion_that_drifts_gives_way(town, monkeypatch, caplog):
    turn, store, digests, *_ = town
    store.move({"champion": digests["good"]}, "")
    store.move({"champion": digests["bad"]}, "")
    monkeypatch.setattr(shadow, "LIMITS", shadow.Limits(days=1, pairs=8))
    for day in range(2):
        turn(AT + day * DAY)
    assert reference_of(store, "champion") == digests["good"]
    assert store.aliases().history[-1].why.startswith("rolled back by itself: its 80 % interval held 0 %, outside")
    assert "gave way to" in caplog.text


def record(coverage=0.8, ratio=0.9, pairs=1000, champion="c" * 64):
    return {"sides": {"champion": champion}, "coverage": coverage, "over_baseline": ratio, "pairs": pairs}


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([record()] * 3, None),
        ([record(0.5)] * 2, None),
        ([record(0.5)] * 3, "its 80 % interval held 50 %, outside 65 % to 92 %, for 3 days"),
        ([record(0.5)] * 3 + [record()], None),
        ([record(0.99)] * 3, "its 80 % interval held 99 %"),
        ([record(ratio=1.2)] * 3, "its RMSE was 1.20 times the baseline's, more than 1.1, for 3 days"),
        ([record(ratio=1.2)] * 2 + [record(ratio=1.05)], None),
        ([record(0.5, pairs=10)] * 3, None),
        ([record(0.5, champion="d" * 64)] + [record(0.5)] * 2, None),
        ([record(0.5, champion="blend")] * 3, None),
        ([record(None, None)] * 3, None),
    ],
)
def test_drift(records, why):
    found = drifted(records, LIMITS)
    assert (found is None) if why is None else found.startswith(why)


def test_scores_of_a_clock_that_was_set_back_do_not_silence_the_next(town):
    turn, store, digests, analyst, _ = town
    store.move({"challenger": digests["good"]}, "")
    add_score(analyst.shadow.root, {"made": (AT + 300 * DAY).isoformat(), "sides": {}, "pairs": 0, "message": ""})
    turn(AT)
    turn(AT + DAY + timedelta(hours=1))
    assert len(read_scores(analyst.shadow.root)) == 2
