"""Owners, trackers and samples in both databases: everything through the owner, twice is once, erased is gone."""

import sqlite3
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.trackers import check_samples
from brise.formulas.calibration import Calibration
from brise.io.owners import MAX_TOKENS, MAX_TRACKERS
from brise.io.tables import Tables
from brise.io.tracker_calibrations import Fitted
from brise.io.tracker_choices import Label, NamedPlace, Period
from brise.io.tracker_samples import COLUMNS, Push
from brise.io.tracker_schema import METADATA, OF_DEVICE, OF_OWNER, owners, trackers

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
WARM = (("temperature", 290.0, 0.1),)
CALIBRATION = Calibration("pm25", 1.0, 0.5, WARM, FIRST, LAST, 100, 2.0, 0.1, "100 hours beside a reference")


def row(device: int, when: int, **values: object) -> tuple:
    known = {"device": device, "time": when, "period_s": 60, "flags": 0, "suspect": 0, "received_at": 7} | values
    return tuple(known.get(name) for name in COLUMNS)


def frame(count: int, **columns: object) -> pd.DataFrame:
    moments = pd.date_range("2026-01-01", periods=count, freq="60s", tz="UTC")
    return check_samples(pd.DataFrame({"time": moments, "pm25": np.arange(count) % 50.0} | columns))


class Someone:
    def __init__(self, tables: Tables, **about: object) -> None:
        self.owner, self.token = tables.owners.create()
        self.tracker, self.key = tables.owners.register(self.owner.key, about)
        self.mine = self.owner.key, self.tracker.key

    def push(self, tables: Tables, *rows: tuple) -> bool:
        prefix = tables.owners.by_key(self.key).prefix
        return tables.samples.store_pushes([Push(self.tracker.key, prefix, list(rows))])[0]


@pytest.fixture
def someone(tables):
    return Someone(tables, name="Bag")


@pytest.fixture
def other(tables):
    return Someone(tables, name="Bike")


def test_migrations_make_the_tables_that_the_code_knows(tables, database_url):
    engine = create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg" if "post" in database_url else "sqlite")
    )
    there = inspect(engine)
    for table in METADATA.sorted_tables:
        assert {one["name"] for one in there.get_columns(table.name)} == {one.name for one in table.columns}
        assert there.get_pk_constraint(table.name)["constrained_columns"] == [one.name for one in table.primary_key]
    engine.dispose()


def test_tokens_and_keys_open_what_they_are_for(tables, someone, other):
    assert tables.owners.by_token(someone.token) == someone.owner
    assert tables.owners.by_key(someone.key).tracker == someone.tracker
    for wrong in ("", "bo_", someone.key, someone.token[:-1] + ("0" if someone.token[-1] != "0" else "1")):
        assert tables.owners.by_token(wrong) is None
    assert tables.owners.by_key(someone.token) is None
    assert tables.owners.by_keys([other.key, "x", someone.key])[0].tracker == other.tracker
    second = tables.owners.add_token(someone.owner.key)
    prefixes = [prefix for prefix, _ in tables.owners.tokens(someone.owner.key)]
    assert len(prefixes) == 2
    with pytest.raises(NotFoundError, match="no token"):
        tables.owners.revoke_token(other.owner.key, prefixes[0])
    tables.owners.revoke_token(someone.owner.key, someone.token.split("_")[1])
    assert tables.owners.by_token(someone.token) is None
    assert tables.owners.by_token(second) == someone.owner
    renewed = tables.owners.new_key(someone.owner.key, someone.tracker.id)
    assert tables.owners.by_key(someone.key) is None
    assert tables.owners.by_key(renewed).tracker == someone.tracker


def test_nothing_in_the_store_is_a_key(tables, someone, database_url):
    with tables.owners._engine.connect() as connection:
        kept = str([connection.execute(text(f"SELECT * FROM {name}")).all() for name in ("tracker_tokens", "trackers")])
    for secret in (someone.token, someone.key):
        assert secret not in kept
        assert secret.split("_")[2] not in kept


def test_there_are_limits(tables, someone):
    for _ in range(MAX_TRACKERS - 1):
        tables.owners.register(someone.owner.key, {})
    with pytest.raises(InputError, match=f"at most {MAX_TRACKERS} trackers"):
        tables.owners.register(someone.owner.key, {})
    for _ in range(MAX_TOKENS - 1):
        tables.owners.add_token(someone.owner.key)
    with pytest.raises(InputError, match=f"at most {MAX_TOKENS} tokens"):
        tables.owners.add_token(someone.owner.key)


def test_a_serial_belongs_to_one(tables, someone, other):
    tables.owners.change(someone.owner.key, someone.tracker.id, {"serial": "84fce6"})
    assert tables.owners.by_serial("84fce6").tracker.id == someone.tracker.id
    with pytest.raises(InputError, match="registered already"):
        tables.owners.change(other.owner.key, other.tracker.id, {"serial": "84fce6"})
    with pytest.raises(InputError, match="registered already"):
        tables.owners.register(other.owner.key, {"serial": "84fce6"})


def test_pushing_twice_late_and_in_parts_is_pushing_once(tables, someone):
    assert someone.push(tables, row(someone.tracker.key, 200, pm25=3.0), row(someone.tracker.key, 100, pm25=1.0))
    assert someone.push(
        tables, row(someone.tracker.key, 100, pm25=1.0), row(someone.tracker.key, 200, no2=9.0, flags=2)
    )
    kept = tables.samples.read(*someone.mine)
    assert kept["time"].astype("int64").tolist() == [100, 200]
    assert kept["pm25"].tolist() == [1.0, 3.0]
    assert kept["no2"].tolist()[1] == 9.0
    assert kept["flags"].tolist() == [0, 2]
    assert someone.push(tables, row(someone.tracker.key, 200, pm25=4.0), row(someone.tracker.key, 200, pm10=5.0))
    last = tables.samples.read(*someone.mine, start=100)
    assert last[["pm25", "pm10", "no2"]].to_numpy().tolist() == [[4.0, 5.0, 9.0]]


def test_a_group_keeps_what_has_a_right_key_and_names_the_rest(tables, someone, other):
    good, bad = tables.owners.by_key(someone.key).prefix, tables.owners.by_key(other.key).prefix
    device = someone.tracker.key
    group = [
        Push(device, good, [row(device, 1, pm25=1.0)]),
        Push(device, bad, [row(device, 2, pm25=2.0)]),
        Push(other.tracker.key, good, [row(other.tracker.key, 3, pm25=3.0)]),
        Push(999_999, good, [row(999_999, 4, pm25=4.0)]),
    ]
    assert tables.samples.store_pushes(group) == [True, False, False, False]
    assert tables.samples.store_pushes(group[::-1]) == [False, False, False, True]
    assert tables.samples.summary(*someone.mine) == (1, 1, 1)
    assert tables.samples.summary(*other.mine) == (0, None, None)


def test_a_file_is_stored_whole_or_not_at_all(tables, someone, other):
    assert tables.samples.store_frames(*someone.mine, [frame(20_001)], 7) == 20_001
    assert tables.samples.store_frames(*someone.mine, [frame(20_001)], 8) == 20_001
    assert tables.samples.summary(*someone.mine).samples == 20_001
    assert sum(len(page) for page in tables.samples.pages(*someone.mine)) == 20_001

    def broken():
        yield frame(100, latitude=51.0, longitude=0.0)
        raise InputError("line 101 cannot be read")

    with pytest.raises(InputError, match="line 101"):
        tables.samples.store_frames(*other.mine, broken(), 7)
    assert tables.samples.summary(*other.mine).samples == 0


def test_what_is_read_is_what_was_stored(tables, someone):
    given = frame(50, latitude=51.5, longitude=-0.1, accuracy_m=4.0, reported_plume=np.arange(50.0), flags=3, suspect=4)
    given.loc[given.index % 2 == 0, ["latitude", "longitude", "reported_plume"]] = np.nan
    tables.samples.store_frames(*someone.mine, [given], 7)
    pd.testing.assert_frame_equal(tables.samples.read(*someone.mine), given, check_freq=False)


def test_another_owner_finds_nothing(tables, someone, other):
    someone.push(tables, row(someone.tracker.key, 100, pm25=1.0))
    theirs = other.owner.key, someone.tracker.key
    assert tables.samples.read(*theirs).empty
    assert tables.samples.summary(*theirs).samples == 0
    for ask in (
        lambda: tables.owners.tracker(other.owner.key, someone.tracker.id),
        lambda: tables.owners.change(other.owner.key, someone.tracker.id, {"name": "x"}),
        lambda: tables.owners.new_key(other.owner.key, someone.tracker.id),
        lambda: tables.owners.erase_tracker(other.owner.key, someone.tracker.key),
        lambda: tables.samples.store_frames(*theirs, [frame(3)], 7),
        lambda: tables.choices.share(*theirs, [Period(0, None)]),
        lambda: tables.choices.label(*theirs, [Label("mode", 0, 1, "still")]),
        lambda: tables.choices.begin_import(*theirs),
        lambda: tables.choices.an_import(*theirs, tables.choices.begin_import(*someone.mine)),
    ):
        with pytest.raises(NotFoundError):
            ask()
    assert tables.owners.erase_period(*theirs, 0, 2**31) == 0
    assert tables.samples.summary(*someone.mine).samples == 1


def test_only_shared_periods_are_shared(tables, someone, other):
    for who in (someone, other):
        who.push(tables, *(row(who.tracker.key, when, pm25=1.0) for when in range(100, 200, 10)))
    assert list(tables.samples.shared(0, 1000)) == []
    tables.choices.share(*someone.mine, [Period(100, 130), Period(170, None)])
    ((owner, device, shared),) = tables.samples.shared(0, 1000)
    assert (owner, device) == someone.mine
    assert shared["time"].astype("int64").tolist() == [110, 120, 130, 180, 190]
    tables.choices.share(*someone.mine, [])
    assert list(tables.samples.shared(0, 1000)) == []


def test_calibrations_are_the_owners_and_go_with_the_samples_they_were_learned_of(tables, someone, other):
    assert tables.calibrations.of(*someone.mine) is None
    assert tables.calibrations.due(100, 10) == [someone.mine, other.mine]
    tables.calibrations.keep(*someone.mine, Fitted(50, [CALIBRATION], {}))
    tables.calibrations.keep(*someone.mine, Fitted(99, [CALIBRATION], {"no2": "0 hours"}))
    assert tables.calibrations.of(*someone.mine) == Fitted(99, [CALIBRATION], {"no2": "0 hours"})
    assert tables.calibrations.due(99, 10) == [other.mine]
    assert tables.calibrations.due(100, 10) in ([other.mine, someone.mine], [someone.mine, other.mine])
    theirs = other.owner.key, someone.tracker.key
    assert tables.calibrations.found(*theirs) == []
    with pytest.raises(NotFoundError, match="erased"):
        tables.calibrations.keep(*theirs, Fitted(1, [], {}))
    tables.owners.erase_period(*theirs, 0, 10)
    assert tables.calibrations.found(*someone.mine) == [CALIBRATION]
    tables.owners.erase_period(*someone.mine, 0, 10)
    assert tables.calibrations.found(*someone.mine) == []


def test_thinned_samples_are_the_newest_one_a_minute(tables, someone):
    rows = [row(someone.tracker.key, when, period_s=1, pm25=1.0) for when in range(1, 601)]
    someone.push(tables, *rows)
    found = tables.samples.thinned(*someone.mine, (60, 600), 60, 4)
    assert found["time"].astype("int64").tolist() == [420, 480, 540, 600]


def fill(tables: Tables, who: Someone) -> None:
    tables.samples.store_frames(*who.mine, [frame(1_000, latitude=51.5, longitude=-0.1)], 7)
    tables.choices.share(*who.mine, [Period(0, None)])
    tables.choices.label(*who.mine, [Label("mode", 0, 10, "still")])
    tables.choices.name_places(who.owner.key, [NamedPlace(f"at {who.tracker.name}", 51.5, -0.1, 50.0, True)])
    tables.calibrations.keep(*who.mine, Fitted(7, [CALIBRATION], {"no2": "0 hours"}))
    tables.choices.end_import(tables.choices.begin_import(*who.mine), f"from {who.tracker.name}", {"read": 1})


def test_erasure_leaves_no_row_and_touches_no_other(tables):
    gone, stays = Someone(tables, name="Zanzibar"), Someone(tables, name="Bike")
    for who in (gone, stays):
        fill(tables, who)
    assert tables.owners.erase(gone.owner.key) == 1_000
    tables.owners.scrub()
    with tables.owners._engine.connect() as connection:
        for table in (owners, trackers, *OF_OWNER, *OF_DEVICE):
            column = next(name for name in ("device", "owner", "key") if name in table.c)
            found = set(connection.execute(table.select().with_only_columns(table.c[column])).scalars())
            assert found == {stays.tracker.key if column == "device" else stays.owner.key} or table is trackers
        assert list(connection.execute(trackers.select().with_only_columns(trackers.c.id)).scalars()) == [
            stays.tracker.id
        ]
    assert tables.samples.summary(*stays.mine).samples == 1_000
    assert tables.owners.by_token(gone.token) is None
    assert not gone_can_push(tables, gone)
    with pytest.raises(NotFoundError, match="erased"):
        tables.owners.register(gone.owner.key, {})


def gone_can_push(tables: Tables, gone: Someone) -> bool:
    prefix = gone.key.split("_")[1]
    return tables.samples.store_pushes([Push(gone.tracker.key, prefix, [row(gone.tracker.key, 1, pm25=1.0)])])[0]


def test_numbers_are_never_given_twice(tables, someone):
    tables.owners.erase(someone.owner.key)
    again = Someone(tables)
    assert again.owner.key > someone.owner.key
    assert again.tracker.key > someone.tracker.key


def test_erased_bytes_leave_the_files_of_sqlite(tmp_path):
    path = tmp_path / "brise.sqlite"
    marks = [b"Zanzibar-tracker", b"at Zanzibar"]
    with Tables.open(f"sqlite:///{path}") as tables:
        several = [Someone(tables, name=f"Bike {place}") for place in range(8)]
        gone = Someone(tables, name="Zanzibar-tracker")
        for who in (*several[:4], gone, *several[4:]):
            fill(tables, who)
        for moment in range(60):  # pages are split and moved before
            tables.owners.change(
                gone.owner.key, gone.tracker.id, {"model": f"{moment}" * 20, "name": "Zanzibar-tracker"}
            )
        # one longitude that nobody else has, as SQLite keeps it: a big-endian double
        place = 12.3456789
        marks.append(np.array(place, ">f8").tobytes())
        mark = frame(1_000, latitude=51.5, longitude=place)
        mark["time"] += pd.Timedelta("30s")
        tables.samples.store_frames(*gone.mine, [mark], 7)
        files = lambda: b"".join(one.read_bytes() for one in tmp_path.iterdir())  # noqa: E731
        assert all(one in files() for one in marks)
        tables.owners.erase(gone.owner.key)
        tables.owners.scrub()
        assert [one for one in marks if one in files()] == []
        assert tables.samples.summary(*several[3].mine).samples == 1_000
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_erasing_while_others_push_leaves_nothing_and_loses_nothing(tables, someone, other):
    stop, stored, errors = threading.Event(), [0], []

    def push() -> None:
        moment = 0
        while not stop.is_set():
            moment += 1
            try:
                gone_can_push_at(tables, someone, moment)
                stored[0] += other.push(tables, row(other.tracker.key, moment, pm25=1.0))
            except Exception as error:
                errors.append(error)

    worker = threading.Thread(target=push)
    worker.start()
    time.sleep(0.2)
    tables.owners.erase(someone.owner.key)
    tables.owners.scrub()
    time.sleep(0.1)
    stop.set()
    worker.join()
    assert errors == []
    assert tables.samples.summary(*other.mine).samples == stored[0] > 0
    with tables.owners._engine.connect() as connection:
        count = connection.execute(text(f"SELECT count(*) FROM tracker_samples WHERE device = {someone.tracker.key}"))
        assert count.scalar() == 0


def gone_can_push_at(tables: Tables, who: Someone, moment: int) -> None:
    tables.samples.store_pushes(
        [Push(who.tracker.key, who.key.split("_")[1], [row(who.tracker.key, moment, pm25=1.0)])]
    )


def test_after_the_server_was_away_pushes_go_on(postgres_server, postgres_url):
    with Tables.open(postgres_url) as tables:
        who = Someone(tables)
        assert who.push(tables, row(who.tracker.key, 1, pm25=1.0))
        postgres_server.stop()
        postgres_server.start()
        prefix = who.key.split("_")[1]
        assert tables.samples.store_pushes([Push(who.tracker.key, prefix, [row(who.tracker.key, 2, pm25=1.0)])]) == [
            True
        ]
        assert tables.samples.summary(*who.mine).samples == 2
