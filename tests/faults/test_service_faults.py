"""The cycle and the API on bad days: databases that go, full disks, wrong clocks, two at once, kill -9."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import httpx
import numpy as np
import pytest

from brise.conventions.observations import Batch
from brise.io import cubes
from brise.io.sources.archive import read_archive
from brise.service import cli
from brise.service.clock import Clock
from brise.service.jobs import cycle, feeds
from brise.service.jobs.analyse import PRODUCT, Analyst
from brise.service.jobs.ingest import Report, open_tables, store_batch
from brise.service.settings import Settings

TESTS = Path(__file__).resolve().parents[1]
AT = datetime(2023, 1, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE = "latitude=51.5&longitude=-0.1"
TOWN = {"latitude": 10, "longitude": 20}


def made_by(*parts: str) -> ModuleType:
    """What another folder's tests are made with."""
    path = TESTS.joinpath(*parts, "conftest.py")
    specification = importlib.util.spec_from_file_location("brise_test_" + "_".join(parts), path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


api = made_by("service", "api")
postgres_server = made_by("io").postgres_server  # one of our own, because we stop it


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "town.parquet"
    made_by("service", "jobs").town().to_parquet(path)
    return path


def away_and_back(client, leave, come_back):
    """Tables answer 503 while the database is away and 200 again after; the published run answers all the time."""
    assert client.get("/v1/stations").status_code == 200
    leave()
    try:
        for url in ("/v1/stations", "/v1/stations/simulated:1/observations"):
            reply = client.get(url)
            assert reply.status_code == 503
            assert reply.headers["content-type"] == "application/problem+json"
            assert int(reply.headers["retry-after"]) > 0
            assert "\n" not in reply.json()["detail"]
        assert client.get(f"/v1/air-quality/forecast?{HERE}").json()["status"] == "ok"
        assert client.get("/v1/tiles/pm25/8/127/85.png").status_code == 200
        current = client.get(f"/v1/air-quality/current?{HERE}").json()
        assert current["concentrations"]["pm25"]["value"] > 0
        assert client.get("/v1/status").json()["notes"]
    finally:
        come_back()
    assert client.get("/v1/stations").status_code == 200
    assert not client.get("/v1/status").json()["notes"]


def test_the_api_while_sqlite_is_away(tmp_path):
    api.publish(tmp_path)
    api.stop_clock(tmp_path, api.INIT)
    folder, away = tmp_path / "database", tmp_path / "away"
    url = f"sqlite:///{folder}/brise.sqlite"
    api.fill_tables(url)
    client = api.Client(api.ApiSettings(tmp_path, database=url))
    away_and_back(client, lambda: folder.rename(away), lambda: away.rename(folder))


def test_the_api_while_postgresql_is_away(tmp_path, postgres_server):
    api.publish(tmp_path)
    api.stop_clock(tmp_path, api.INIT)
    api.fill_tables(postgres_server.url)
    client = api.Client(api.ApiSettings(tmp_path, database=postgres_server.url))
    away_and_back(client, postgres_server.stop, postgres_server.start)


def stored_until(settings: Settings, archive: Path, until: datetime):
    """A store that holds the archive up to a time."""
    tables = open_tables(settings)
    for batch in read_archive(archive, AT - timedelta(days=7), until):
        store_batch(tables, batch, Report("archive"))
    return tables


def standing(now: datetime) -> cycle.State:
    return cycle.State(clock=Clock(now.timestamp(), 0.0, 1e-9))


class Silent(feeds.SimulatedFeed):
    """Nothing new: what is in the store is all."""

    def prepare(self, tables, now):
        pass

    def poll(self, tables, settings, now):
        return 0

    def background(self, init_time, hours):
        return []


def published(analyst: Analyst):
    return next(iter(cubes.current(analyst.products, PRODUCT).values()))


def test_rows_of_a_clock_that_is_ahead_wait_and_a_clock_that_jumps_back_harms_nothing(archive, tmp_path):
    settings = Settings(data_dir=tmp_path)
    now = AT + timedelta(minutes=10)
    with stored_until(settings, archive, AT) as tables:
        last = next(iter(read_archive(archive, AT - HOUR, AT)))
        rows = last.observations.assign(value=900.0, received_at=np.datetime64("2023-01-15T00:50"))
        late = rows["time"] == rows["time"].max()
        store_batch(tables, Batch(last.stations, rows[late].assign(time=AT - timedelta(minutes=30)), 0), Report("x"))
        analyst, state = Analyst(tmp_path), standing(now)
        cycle.turn(tables, settings, Silent(), analyst, state)
        before = published(analyst)
        assert before.meta["init_time"].startswith("2023-01-15T00:00")
        assert np.nanmax(before.arrays["concentration"][:, :, 0]) < 300  # what a clock ahead received is not known yet

        state.clock = standing(now - HOUR).clock
        cycle.turn(tables, settings, Silent(), analyst, state)
        assert published(analyst).name == before.name  # a clock set back takes nothing away

        restarted = Analyst(tmp_path)
        cycle.turn(tables, settings, Silent(), restarted, standing(now - HOUR))
        run = published(restarted)
        assert run.meta["init_time"].startswith("2023-01-14T23:00")  # the air at that hour, from what was known then
        assert np.isfinite(run.arrays["concentration"][run.grid.cell(10.0, 20.0)]).all()


def test_a_source_asked_before_the_clock_was_set_back_is_asked_again(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(feeds, "ingest_live", lambda *arguments: asked.append(1) or Report("sensor_community"))
    settings = Settings(data_dir=tmp_path)
    feed = feeds.LiveFeed.of(["sensor_community"], settings)
    with open_tables(settings) as tables:
        for now in (AT, AT + timedelta(seconds=1), AT - HOUR):
            feed.poll(tables, settings, now)
    assert len(asked) == 2


def test_a_disk_that_fills_while_a_run_is_published(archive, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(cycle, "STAND_BY_S", 0.2)
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.strip()}")
    settings = Settings(data_dir=place / "data")
    stop = threading.Event()
    stored_until(settings, archive, AT).close()
    monkeypatch.setattr(cycle, "read_clock", lambda folder: standing(AT + timedelta(minutes=5)).clock)
    worker = threading.Thread(target=cycle.run_cycle, args=(settings, Silent(), stop))
    try:
        worker.start()
        _until(lambda: caplog.text.count("trying again") >= 2)
        assert "No space left on device" in caplog.text or "disk is full" in caplog.text
        assert not cubes.current(settings.data_dir / "products", PRODUCT)  # no half of a run
        subprocess.run(["mount", "-o", "remount,size=1g", place], check=True)
        _until(lambda: cubes.current(settings.data_dir / "products", PRODUCT))
        assert all(record.exc_info is None for record in caplog.records)
        with open_tables(settings) as tables:
            assert tables.runs.read_runs(PRODUCT)[0].state in ("done", "running")
    finally:
        stop.set()
        worker.join()
        cubes._OPEN.clear()
        subprocess.run(["umount", "-l", place], check=True)


def _until(reached, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Brise:
    """`brise up` on a replay, in processes of its own."""

    def __init__(self, archive: Path, data: Path, log: Path) -> None:
        self.port, self.log = free_port(), log
        command = [sys.executable, "-m", "brise", "up", "--replay", str(archive), "--at", "2023-01-15T00:00Z"]
        command += ["--speed", "3600", "--data", str(data), "--port", str(self.port)]
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)

    def said(self) -> str:
        return self.log.read_text()

    def now(self) -> str | None:
        """The init_time that it serves; None = nothing yet."""
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(httpx.TransportError):
            reply = httpx.get(f"http://127.0.0.1:{self.port}/v1/air-quality/current", params=TOWN, timeout=5)
            return reply.json().get("init_time") if reply.status_code == 200 else None
        return None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def test_two_at_once_one_works_and_the_other_takes_over_when_it_is_killed_while_it_writes(archive, tmp_path):
    data = tmp_path / "data"
    both = [Brise(archive, data, tmp_path / f"log{number}") for number in range(2)]
    try:
        for one in both:
            _until(one.now)
        _until(lambda: any("standing by" in one.said() for one in both))
        waits = next(one for one in both if "standing by" in one.said())
        works = both[1 - both.index(waits)]
        assert "standing by" not in works.said()
        _until(lambda: [path for path in (data / "products").glob("*/*/.2*") if path.is_dir()])
        works.kill()  # half a run lies there
        seen = waits.now()
        assert seen
        _until(lambda: (waits.now() or "") > seen)
        assert "Traceback" not in waits.said() + works.said()
    finally:
        for one in both:
            one.kill()


def test_a_taken_port_is_one_line_for_serve_too(monkeypatch, capsys, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr("sys.argv", ["brise", "serve", "--data", str(tmp_path), "--port", str(port)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip() == (
        f"brise: cannot listen on 127.0.0.1:{port} (Address already in use); choose another with --port"
    )
