"""Killed writers, full disks, databases that go and come back, two at once: nothing acknowledged is lost."""

import contextlib
import importlib.util
import multiprocessing
import re
import resource
import runpy
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from brise.conventions.errors import StoreError
from brise.conventions.grids import Grid
from brise.conventions.observations import check_observations, check_stations
from brise.io import cubes
from brise.io.analyses import store_analysis
from brise.io.cubes import current, history, publish
from brise.io.tables import Stored, Tables

TESTS = Path(__file__).resolve().parents[1]
MIDNIGHT = datetime(2023, 2, 1, tzinfo=UTC)
STATIONS = 4_000
GRID = Grid("london", 51.6, -0.3, 0.1, 3, 4)


def _stores():
    specification = importlib.util.spec_from_file_location("brise_test_stores", TESTS / "io" / "conftest.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


postgres_server = _stores().postgres_server  # one of our own, because we stop it


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store/brise.sqlite"
    return _empty_postgres(request.getfixturevalue("postgres_server"))


def _empty_postgres(server) -> str:
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return server.url


def station_rows() -> pd.DataFrame:
    ids = [f"test:{number}" for number in range(STATIONS)]
    text = dict.fromkeys(("name", "operator", "timezone", "licence", "attribution"), "")
    place = {"latitude": 0.0, "longitude": 0.0, "altitude_m": np.nan}
    return check_stations(pd.DataFrame({"station_id": ids, "source": "test", "kind": "reference", **place, **text}))


def batch(number: int) -> pd.DataFrame:
    """One hour of all stations: written wholly or not at all."""
    return check_observations(
        pd.DataFrame(
            {
                "station_id": [f"test:{station}" for station in range(STATIONS)],
                "time": MIDNIGHT + number * timedelta(hours=1),
                "period_s": 3600,
                "variable": "pm25",
                "value": float(number % 50),
                "uncertainty": np.nan,
                "coverage": np.nan,
                "quality_flag": 1,
                "received_at": MIDNIGHT,
            }
        )
    )


def publish_value(root: Path, value: float, cells: int = 1) -> None:
    grid = Grid("london", 51.6, -0.3, 0.001, cells, 100)
    attributes = {"units": "ug m-3", "standard_name": "x"}
    values = np.full((1, grid.rows, grid.columns), value, np.float32)
    cube = xr.Dataset(
        {"pm25": (("lead_time", "latitude", "longitude"), values, attributes)},
        {"lead_time": [0], "latitude": grid.latitude, "longitude": grid.longitude},
    )
    arrays = {name: np.full((grid.cells, 10), value, np.float32) for name in ("concentration", "index")}
    publish(root, "air_quality", grid, arrays, {"init_time": MIDNIGHT.isoformat(), "value": value}, cube)


PROCESSES = multiprocessing.get_context("forkserver")  # real processes, that share one start of the interpreter
PROCESSES.set_forkserver_preload(["brise.io.tables", "brise.io.analyses", "alembic.command", "psycopg", "pytest"])


class Child:
    """Another process that runs a function of this file and talks over a pipe."""

    def __init__(self, function, *arguments: object) -> None:
        self.pipe, theirs = PROCESSES.Pipe()
        call = {"CALL": (function.__name__, arguments), "PARENT": theirs}
        self.process = PROCESSES.Process(target=runpy.run_path, args=(__file__, call, "child"), daemon=True)
        self.process.start()
        theirs.close()

    def hear(self) -> object:
        assert self.pipe.poll(60)
        return self.pipe.recv()

    def go(self) -> None:
        self.pipe.send("go")

    def kill(self) -> list[object]:
        """kill -9, and what it still said."""
        self.process.kill()
        self.process.join()
        said = []
        with contextlib.suppress(EOFError):
            while True:
                said.append(self.pipe.recv())
        self.pipe.close()
        return said

    def end(self) -> None:
        self.process.join(60)
        assert self.process.exitcode == 0
        self.pipe.close()


def say(word: object) -> None:
    globals()["PARENT"].send(word)


def wait() -> None:
    globals()["PARENT"].recv()


def ingest_for_ever(url: str) -> None:
    store = Tables.open(url)
    store.upsert_stations(station_rows())
    for number in range(10_000):
        store.store_observations(batch(number))
        say(number)


def ingest_some(url: str, first: int) -> None:
    with closing(Tables.open(url)) as store:
        rows = [batch(first + number) for number in range(8)]
        say("ready")
        wait()
        say(sum(store.store_observations(row).inserted for row in rows))


def open_only(url: str) -> None:
    say("ready")
    wait()
    with closing(Tables.open(url)) as store:
        say(store.counts()["stations"])


def stop_half_way(root: Path) -> None:
    publish_value(root, 1.0)

    def stuck(*_arguments: object) -> None:
        say("half")
        wait()

    cubes.write_cube = stuck
    publish_value(root, 2.0)


def publish_often(root: Path, first: float) -> None:
    for number in range(3):
        publish_value(root, first + number)


def fill_the_disk(root: Path) -> None:
    publish_value(root, 1.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        publish_value(root, 2.0, cells=100)
    except StoreError as error:
        say(str(error))
    publish_value(root, 3.0)


@pytest.mark.parametrize("acknowledged", [2, 5])
def test_kill_during_ingest(url, acknowledged):
    child = Child(ingest_for_ever, url)
    for _ in range(acknowledged):
        child.hear()
    last = acknowledged - 1 + len(child.kill())
    with closing(Tables.open(url)) as store:
        rows = store.read_hours(["pm25"], MIDNIGHT - timedelta(hours=1), MIDNIGHT + timedelta(hours=last + 2))
        stored = (~np.isnan(rows.values["pm25"])).sum(axis=1)
        assert (stored[: last + 1] == STATIONS).all()  # what was acknowledged is there
        assert set(stored[last + 1 :]) <= {0, STATIONS}  # the batch that was under way: all or nothing
        held = int(store.counts()["observations"] / STATIONS)
        assert store.store_observations(batch(held - 1)) == Stored(0, 0, STATIONS)
        assert store.store_observations(batch(held)) == Stored(STATIONS, 0, 0)


def test_a_killed_holder_loses_its_lease(url):
    child = Child(hold_a_lease, url)
    assert child.hear() is True
    with closing(Tables.open(url)) as store:
        with store.lease("cycle", timedelta(hours=1)) as mine:
            assert not mine
        child.kill()
        with store.lease("cycle", timedelta(hours=1)) as mine:
            assert mine


def hold_a_lease(url: str) -> None:
    with closing(Tables.open(url)) as store, store.lease("cycle", timedelta(hours=1)) as mine:
        say(mine)
        wait()


def test_two_writers_at_once(url):
    with closing(Tables.open(url)) as store:
        store.upsert_stations(station_rows())
        writers = [Child(ingest_some, url, first) for first in (0, 4)]
        assert [writer.hear() for writer in writers] == ["ready"] * 2
        for writer in writers:
            writer.go()
        inserted = [writer.hear() for writer in writers]
        # Hours 4 to 7 come from both, and count as new once.
        assert sum(inserted) == 12 * STATIONS
        assert store.counts()["observations"] == 12 * STATIONS


def test_two_migrations_at_once(url):
    openers = [Child(open_only, url) for _ in range(3)]
    assert [opener.hear() for opener in openers] == ["ready"] * 3
    for opener in openers:
        opener.go()
    assert [opener.hear() for opener in openers] == [0] * 3


def test_sqlite_disk_full(tmp_path):
    with closing(Tables.open(f"sqlite:///{tmp_path}/brise.sqlite")) as store:
        store.upsert_stations(station_rows())
        store.store_observations(batch(0))
        _limit_pages(store, 300)
        with pytest.raises(StoreError, match=r"store \(sqlite\): write failed: database or disk is full"):
            _store_many(store)
        assert store.counts()["observations"] % STATIONS == 0
        assert len(store.read_hours(["pm25"], MIDNIGHT - timedelta(hours=1), MIDNIGHT).station_id) == STATIONS
        _limit_pages(store, 1_000_000)
        store.store_observations(batch(49))
        assert store.store_observations(batch(49)) == Stored(0, 0, STATIONS)


def _store_many(store: Tables) -> None:
    for number in range(1, 50):
        store.store_observations(batch(number))


def _limit_pages(store: Tables, pages: int) -> None:
    with store._engine.begin() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")


def test_sqlite_gone_and_back(tmp_path):
    folder, away = tmp_path / "store", tmp_path / "away"
    with closing(Tables.open(f"sqlite:///{folder}/brise.sqlite")) as store:
        store.upsert_stations(station_rows())
        store.store_observations(batch(0))
        folder.rename(away)
        with pytest.raises(StoreError, match="unable to open database file"):
            store.store_observations(batch(1))
        with pytest.raises(StoreError, match="unable to open database file"):
            store.read_stations(limit=1)
        assert not folder.exists()  # no empty store in its place
        away.rename(folder)
        assert store.store_observations(batch(1)) == Stored(STATIONS, 0, 0)
        assert store.counts()["observations"] == 2 * STATIONS


def test_postgresql_gone_and_back(postgres_server):
    with closing(Tables.open(_empty_postgres(postgres_server))) as store:
        store.upsert_stations(station_rows())
        store.store_observations(batch(0))
        postgres_server.stop()
        try:
            for _ in range(2):
                with pytest.raises(StoreError, match=r"store \(postgresql\): write failed: "):
                    store.store_observations(batch(1))
            with pytest.raises(StoreError, match=r"store \(postgresql\): read failed: "):
                store.counts()
        finally:
            postgres_server.start()
        assert store.store_observations(batch(0)) == Stored(0, 0, STATIONS)
        assert store.store_observations(batch(1)) == Stored(STATIONS, 0, 0)


def test_kill_during_a_cube_write(tmp_path):
    child = Child(stop_half_way, tmp_path)
    assert child.hear() == "half"
    folder = tmp_path / "air_quality" / "london"
    assert [path for path in folder.glob(".*") if path.is_dir()]  # half a run lies there
    child.kill()
    assert current(tmp_path, "air_quality")["london"].meta["value"] == 1.0
    assert len(history(tmp_path, "air_quality", "london")) == 1
    publish_value(tmp_path, 3.0)
    assert not [path for path in folder.glob(".*") if path.is_dir()]
    assert current(tmp_path, "air_quality")["london"].meta["value"] == 3.0


def test_disk_full_during_a_cube_write(tmp_path):
    child = Child(fill_the_disk, tmp_path)
    said = child.hear()
    child.end()
    assert re.fullmatch(r"product .*/london: cannot be written: .*File too large.*", said)
    assert current(tmp_path, "air_quality")["london"].meta["value"] == 3.0
    assert len(list((tmp_path / "air_quality" / "london" / "runs").iterdir())) == 2


def test_two_publishers_at_once_and_a_reader(tmp_path):
    publish_value(tmp_path, 0.0)
    writers = [Child(publish_often, tmp_path, first) for first in (10.0, 20.0)]
    while any(writer.process.is_alive() for writer in writers):
        time.sleep(0.01)
        run = current(tmp_path, "air_quality")["london"]
        assert {float(array.min()) for array in run.arrays.values()} == {run.meta["value"]}
    for writer in writers:
        writer.end()
    assert current(tmp_path, "air_quality")["london"].meta["value"] in (12.0, 22.0)
    assert len(list((tmp_path / "air_quality" / "london" / "runs").iterdir())) == 7


def test_analysis_after_a_killed_writer(tmp_path):
    folder = tmp_path / "air_quality" / "london"
    (folder / ".2023-02-01").mkdir(parents=True)
    (folder / ".2023-02-01.zip").write_bytes(b"half")
    attributes = {"units": "ug m-3", "standard_name": "x"}
    values = np.ones((1, GRID.rows, GRID.columns), np.float32)
    cube = xr.Dataset(
        {"pm25": (("time", "latitude", "longitude"), values, attributes)},
        {"time": [np.datetime64("2023-02-01", "ns")], "latitude": GRID.latitude, "longitude": GRID.longitude},
    )
    store_analysis(tmp_path, "air_quality", "london", cube)
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "analyses"]


if __name__ == "child":
    name, arguments = globals()["CALL"]
    globals()[name](*arguments)
