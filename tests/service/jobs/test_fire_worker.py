"""Workers: they stop when told, give back what they hold, sweep what expired; the cycle's watch on fires."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from brise.conventions.errors import InputError, StoreError
from brise.formulas.fire import demonstration
from brise.io.fire_jobs import FireJobs, Room
from brise.io.hotspots import Hotspots
from brise.io.sources import firms
from brise.io.tables import Tables
from brise.service.jobs import fire_forecast, fire_landscapes, fire_worker
from brise.service.jobs.fires import DEMONSTRATION, FireWatch, demonstration_fire
from brise.service.settings import Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, fire_workers=1, fire_threads=1)


@pytest.fixture
def jobs(settings):
    queue = FireJobs.open(settings.resolved_database_url())
    yield queue
    queue.close()


def submit(jobs, keep_s=3600.0):
    request = {"asked": demonstration_fire(NOW), "assumptions": [], "simulated": True}
    return jobs.submit(request, "a", Room(9, 9), keep_s)


def simulated(monkeypatch, work):
    monkeypatch.setattr("brise.service.jobs.fire_simulation.simulate_job", work)


def test_a_worker_takes_finishes_and_stops(settings, jobs, monkeypatch):
    stop, done = threading.Event(), threading.Event()
    monkeypatch.setattr(fire_worker.os, "nice", lambda _: 0)
    simulated(monkeypatch, lambda request, *_: done.set())
    job = submit(jobs)
    thread = threading.Thread(target=fire_worker.work, args=(settings, stop))
    thread.start()
    assert done.wait(20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert jobs.find(job.id).state == "done"


def test_cancelled_while_it_runs_it_stops_and_leaves_nothing(settings, jobs, monkeypatch):
    monkeypatch.setattr(fire_worker, "RENEW_S", 0.01)
    job = submit(jobs)

    def slow(request, _settings, folder, tell):
        folder.mkdir(parents=True)
        jobs.cancel(job.id)
        for step in range(1000):
            tell("goes on", step / 1000)
            time.sleep(0.01)

    simulated(monkeypatch, slow)
    fire_worker.run(settings, jobs, jobs.take("w"), ("w", threading.Event()))
    assert jobs.find(job.id).state == "cancelled"
    assert not fire_worker.folder_of(settings.data_dir, job.id).exists()


def test_told_to_stop_it_gives_its_job_back(settings, jobs, monkeypatch):
    stop = threading.Event()
    job = submit(jobs)

    def stopped(_request, _settings, _folder, tell):
        stop.set()
        tell("goes on", 0.5)

    simulated(monkeypatch, stopped)
    fire_worker.run(settings, jobs, jobs.take("w"), ("w", stop))
    assert (jobs.find(job.id).state, jobs.find(job.id).attempts) == ("queued", 0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InputError("fuel 77"), "fuel 77"),
        (StoreError("disk full"), "disk full"),
        (MemoryError(), "memory"),
        (KeyError("x"), "KeyError"),
    ],
)
def test_a_job_that_breaks_says_why(settings, jobs, monkeypatch, error, said):
    job = submit(jobs)

    def broken(*_):
        raise error

    simulated(monkeypatch, broken)
    fire_worker.run(settings, jobs, jobs.take("w"), ("w", threading.Event()))
    assert jobs.find(job.id).state == "failed"
    assert said in jobs.find(job.id).message


def test_what_expired_and_what_nobody_owns_is_swept(settings, jobs, monkeypatch):
    monkeypatch.setattr(fire_worker, "SWEEP_S", -60.0)  # as if what lies there were old
    old, new = submit(jobs, keep_s=-1.0), submit(jobs)
    folders = {name: fire_worker.folder_of(settings.data_dir, name) for name in (old.id, new.id, "stray")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    assert fire_worker.sweep(settings.data_dir, jobs) == 1
    assert [name for name, folder in folders.items() if folder.exists()] == [new.id]


def test_the_simulated_fire_is_asked_for_once_a_day(settings, jobs):
    with Tables.open(settings.resolved_database_url()) as tables:
        for watch in (FireWatch(settings, True), FireWatch(settings, True)):  # the second as after a restart
            watch.turn(tables, NOW)
            watch.turn(tables, NOW + timedelta(hours=1))
        assert [job.request["asked"]["start"] for job in jobs.of_client(DEMONSTRATION)] == ["2026-11-23T09:00:00Z"]
        watch.turn(tables, NOW + timedelta(days=1))
        FireWatch(settings, False).turn(tables, NOW)
    assert len(jobs.of_client(DEMONSTRATION)) == 2


def test_hotspots_are_fetched_with_a_key_and_a_failure_is_written_down(settings, monkeypatch):
    spot = firms.Hotspot(1.0, 2.0, NOW - timedelta(hours=1), "N20", "VIIRS", "high", 330.0, 3.0, 400.0, 400.0)
    answers = [[spot], firms.DecodeError("firms: cut")]

    def fetch(*_):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(firms, "fetch_hotspots", fetch)
    keyed = settings.model_copy(update={"firms_key": "secret"})
    with Tables.open(settings.resolved_database_url()) as tables:
        watch = FireWatch(keyed, False)
        watch.turn(tables, NOW)
        watch.turn(tables, NOW + timedelta(minutes=1))  # not yet due
        watch.turn(tables, NOW + timedelta(hours=1))
        status = {one.source: one for one in tables.runs.read_sources()}["firms"]
    assert (status.counts["stored"], status.last_error) == (1, "firms: cut")
    assert len(Hotspots.open(settings.resolved_database_url()).read(NOW - timedelta(days=1), NOW)) == 1


def test_weather_comes_from_the_nearest_that_knows_the_wind(settings, town_of_wind):
    tables, header = town_of_wind
    told = fire_forecast.stream_of(tables, header, {"start": "2026-11-23T10:30Z", "hours": 2})
    assert told["time"] == [f"2026-11-23T{hour}:00:00Z" for hour in (10, 11, 12)]
    assert told["wind_speed_m_s"] == [5.0, 5.0, 5.0]
    assert told["wind_from_degrees"] == [270.0, 270.0, 270.0]
    assert "near" in told["assumptions"][0]
    with pytest.raises(InputError, match=r"within 60 km of demonstration .* wind from 2026-11-25"):
        fire_forecast.stream_of(tables, header, {"start": "2026-11-25T10:30Z", "hours": 2})


@pytest.fixture
def town_of_wind(settings):
    import numpy as np
    import pandas as pd

    station = {
        "source": "x", "name": "x", "altitude_m": 1500.0, "kind": "weather", "operator": "x",
        "timezone": "Africa/Johannesburg", "licence": "CC0", "attribution": "x",
    }  # fmt: skip
    places = {"x:near": (-26.4, 28.3), "x:far": (-26.0, 28.3), "x:dumb": (-26.5, 28.3)}
    hours = pd.date_range("2026-11-23T08:00Z", periods=8, freq="h")
    rows = [
        {"station_id": name, "time": time, "variable": variable, "value": value}
        for name in ("x:near", "x:far")
        for time in hours
        for variable, value in (("eastward_wind", 5.0 if name == "x:near" else 9.0), ("northward_wind", 0.0))
    ]
    frame = pd.DataFrame(rows).assign(
        period_s=3600, uncertainty=np.nan, coverage=np.nan, quality_flag=1, received_at=pd.Timestamp(NOW)
    )
    with Tables.open(settings.resolved_database_url()) as tables:
        tables.upsert_stations(
            pd.DataFrame([station | {"station_id": n, "latitude": a, "longitude": b} for n, (a, b) in places.items()])
        )
        tables.store_observations(frame)
        yield tables, fire_landscapes.find(settings.data_dir, demonstration.NAME)
