"""The store's SQL side, the same behaviour on SQLite and PostgreSQL."""

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from brise.conventions.errors import ConfigurationError, ConventionError, InputError, StoreError
from brise.conventions.observations import OBSERVATION_COLUMNS, STATION_COLUMNS, check_observations
from brise.conventions.variables import VARIABLES
from brise.io.database import alembic_config, open_engine, reading, writing
from brise.io.schema import METADATA
from brise.io.tables import Stored, Tables

MIDNIGHT = datetime(2023, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def station_frame(*ids: str, **columns: object) -> pd.DataFrame:
    base = {
        "source": "test",
        "name": "A place",
        "latitude": 51.5,
        "longitude": -0.1,
        "altitude_m": 20.0,
        "kind": "reference",
        "operator": "",
        "timezone": "Europe/London",
        "licence": "CC BY 4.0",
        "attribution": "a network",
    }
    return pd.DataFrame({"station_id": list(ids), **base, **columns})


def observation_frame(**columns: object) -> pd.DataFrame:
    base = {
        "station_id": "test:a",
        "time": MIDNIGHT,
        "period_s": 3600,
        "variable": "pm25",
        "value": 10.0,
        "uncertainty": np.nan,
        "coverage": np.nan,
        "quality_flag": 2,
        "received_at": MIDNIGHT + timedelta(minutes=5),
    }
    return check_observations(pd.DataFrame({**base, **columns}, index=range(_length(columns))))


def _length(columns: dict[str, object]) -> int:
    return max((len(value) for value in columns.values() if isinstance(value, (list, pd.DatetimeIndex))), default=1)


@pytest.fixture
def known(tables):
    """A store that knows stations test:a, test:b and test:c."""
    tables.upsert_stations(station_frame("test:a", "test:b", "test:c"))
    return tables


class TestStations:
    def test_round_trip(self, tables):
        frame = station_frame("test:b", "test:a", altitude_m=[np.nan, 3.0], name=["Zürich’s", "半角"])
        assert tables.upsert_stations(frame) == 2
        read = tables.read_stations()
        assert list(read.columns) == list(STATION_COLUMNS)
        assert read["station_id"].tolist() == ["test:a", "test:b"]
        assert read["name"].tolist() == ["半角", "Zürich’s"]
        assert np.isnan(read["altitude_m"][1])

    def test_again_changes_only_what_differs(self, tables):
        tables.upsert_stations(station_frame("test:a", "test:b"))
        assert tables.upsert_stations(station_frame("test:b", "test:c", name="New name")) == 1
        assert tables.read_stations()["name"].tolist() == ["A place", "New name", "New name"]

    def test_empty(self, tables):
        assert tables.upsert_stations(station_frame()) == 0
        assert list(tables.read_stations().columns) == list(STATION_COLUMNS)

    def test_refuses_what_is_no_station(self, tables):
        with pytest.raises(ConventionError, match="place is not on Earth"):
            tables.upsert_stations(station_frame("test:a", latitude=91.0))

    def test_filters(self, tables):
        tables.upsert_stations(
            station_frame(
                "a:1", "b:1", "b:2", source=["a", "b", "b"], kind=["reference", "low_cost", "reference"],
                latitude=[0.0, 10.0, 20.0], longitude=[179.5, -179.5, 0.0],
            )
        )  # fmt: skip
        ids = lambda **which: tables.read_stations(**which)["station_id"].tolist()  # noqa: E731
        assert ids(area=(5, -180, 15, 0)) == ["b:1"]
        assert ids(area=(-5, 179, 15, -179)) == ["a:1", "b:1"]
        assert ids(ids=["b:2", "b:2", "nowhere:1"]) == ["b:2"]
        assert ids(source="b", kinds=["reference"]) == ["b:2"]
        assert ids(ids=[]) == []

    def test_pages_meet(self, tables):
        names = [f"t:{letter}" for letter in "BaAbZz_é0"]
        tables.upsert_stations(station_frame(*names))
        pages, after = [], None
        while len(page := tables.read_stations(limit=2, after=after)):
            pages += page["station_id"].tolist()
            after = pages[-1]
        assert pages == sorted(names)  # by code point, on both databases

    def test_many_ids(self, tables):
        names = [f"t:{number:05}" for number in range(1201)]
        tables.upsert_stations(station_frame(*names))
        assert tables.upsert_stations(station_frame(*names)) == 0
        assert len(tables.read_stations(ids=names)) == 1201
        assert len(tables.read_stations(ids=names, limit=700)) == 700


class TestStoring:
    def test_round_trip(self, known):
        frame = observation_frame(
            variable=["pm25", "temperature"], value=[10.0, 280.0], uncertainty=[1.5, np.nan], coverage=[np.nan, 0.75]
        )
        assert known.store_observations(frame) == Stored(2, 0, 0)
        pd.testing.assert_frame_equal(known.read_observations("test:a"), frame, check_dtype=False)

    def test_the_same_again_adds_nothing(self, known):
        frame = observation_frame(time=pd.date_range(MIDNIGHT, periods=50, freq="h"))
        later = frame.assign(received_at=MIDNIGHT + timedelta(days=3))
        assert known.store_observations(frame) == Stored(50, 0, 0)
        assert known.store_observations(frame) == Stored(0, 0, 50)
        assert known.store_observations(later) == Stored(0, 0, 50)
        # We had the value the first time, and a replay may use it from then on.
        assert (known.read_observations("test:a")["received_at"] == frame["received_at"]).all()

    def test_a_newer_report_wins_and_brings_its_flag(self, known):
        known.store_observations(observation_frame())
        known.flag_hours(observation_frame(quality_flag=3))
        newer = observation_frame(value=12.0, quality_flag=1, received_at=MIDNIGHT + HOUR)
        assert known.store_observations(newer) == Stored(0, 1, 0)
        older = observation_frame(value=99.0)
        assert known.store_observations(older) == Stored(0, 0, 1)
        row = known.read_observations("test:a").iloc[0]
        assert (row["value"], row["quality_flag"], row["received_at"]) == (12.0, 1, MIDNIGHT + HOUR)

    def test_a_payload_decoded_anew_replaces_its_first_reading(self, known):
        known.store_observations(observation_frame(value=10.0))
        assert known.store_observations(observation_frame(value=11.0)) == Stored(0, 1, 0)

    def test_duplicates_within_a_batch(self, known):
        frame = observation_frame(
            value=[1.0, 3.0, 2.0, 3.0],
            received_at=[MIDNIGHT, MIDNIGHT + 2 * HOUR, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR],
        )
        assert known.store_observations(frame) == Stored(1, 0, 3)
        assert known.read_observations("test:a")["value"].tolist() == [3.0]
        assert known.store_observations(frame) == Stored(0, 0, 4)

    def test_other_key_other_row(self, known):
        frame = observation_frame(
            station_id=["test:a", "test:b", "test:a", "test:a", "test:a"],
            variable=["pm25", "pm25", "no2", "pm25", "pm25"],
            time=[MIDNIGHT, MIDNIGHT, MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT],
            period_s=[3600, 3600, 3600, 3600, 60],
        )
        assert known.store_observations(frame) == Stored(5, 0, 0)
        assert known.counts() == {"stations": 3, "observations": 5}

    def test_text_may_be_categorical(self, known):
        frame = observation_frame(station_id=["test:a", "test:b"]).astype(
            {"station_id": "category", "variable": "category"}
        )
        assert known.store_observations(frame) == Stored(2, 0, 0)

    def test_more_than_a_chunk(self, known):
        frame = observation_frame(time=pd.date_range(MIDNIGHT, periods=45_001, freq="min"), period_s=60)
        assert known.store_observations(frame.sample(frac=1, random_state=1)) == Stored(45_001, 0, 0)
        changed = frame.assign(value=frame["value"].where(frame.index % 3 > 0, 20.0))
        assert known.store_observations(changed) == Stored(0, 15_001, 30_000)

    def test_empty(self, known):
        assert known.store_observations(observation_frame().iloc[:0]) == Stored(0, 0, 0)

    def test_station_must_be_stored(self, known):
        with pytest.raises(InputError, match="station 'test:z' is not in the store"):
            known.store_observations(observation_frame(station_id=["test:a", "test:z"]))
        assert known.counts()["observations"] == 0


class TestFlags:
    def test_set_and_counted_once(self, known):
        frame = observation_frame(time=[MIDNIGHT, MIDNIGHT + HOUR])
        known.store_observations(frame)
        assert known.flag_hours(frame.assign(quality_flag=4).iloc[:1]) == 1
        assert known.flag_hours(frame.assign(quality_flag=4)) == 1
        assert known.flag_hours(frame.assign(quality_flag=4, time=MIDNIGHT + 9 * HOUR)) == 0
        assert known.flag_hours(frame.iloc[:0]) == 0
        assert known.read_observations("test:a")["quality_flag"].tolist() == [4, 4]

    def test_key_columns_are_enough(self, known):
        known.store_observations(observation_frame())
        keys = observation_frame(quality_flag=1)[["station_id", "variable", "time", "period_s", "quality_flag"]]
        assert known.flag_hours(keys) == 1


class TestHours:
    def read(self, store, names=("pm25",), hours=3, **which):
        return store.read_hours(list(names), MIDNIGHT, MIDNIGHT + hours * HOUR, **which)

    def test_labelled_by_the_end_of_the_hour(self, known):
        known.store_observations(
            observation_frame(time=[MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR], value=[1.0, 2.0, 4.0])
        )
        found = self.read(known)
        assert found.time.astype(str).tolist() == [f"2023-02-01T0{hour}:00:00" for hour in (1, 2, 3)]
        np.testing.assert_array_equal(found.values["pm25"], [[2], [np.nan], [4]])
        assert found.values["pm25"].dtype == np.float32

    def test_shorter_rows_are_weighted_by_period(self, known):
        times = [MIDNIGHT + timedelta(minutes=minutes) for minutes in (2, 30, 60, 61)]
        known.store_observations(
            observation_frame(time=times, period_s=[120, 600, 1800, 60], value=[7.0, 1.0, 4.0, 9.0])
        )
        mean = (120 * 7 + 600 * 1 + 1800 * 4) / 2520
        # 1e-6: matrices are float32.
        np.testing.assert_allclose(self.read(known, hours=2).values["pm25"], [[mean], [9.0]], rtol=1e-6)

    def test_longer_periods_suspect_and_failed_rows_never_count(self, known):
        times = [MIDNIGHT + HOUR * n for n in (1, 2, 3, 3)]
        known.store_observations(
            observation_frame(time=times, quality_flag=[1, 3, 4, 2], period_s=[3600, 3600, 3600, 86400])
        )
        np.testing.assert_array_equal(self.read(known).values["pm25"], [[10], [np.nan], [np.nan]])

    def test_only_what_was_received_by_then(self, known):
        known.store_observations(
            observation_frame(
                time=[MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR], received_at=[MIDNIGHT + HOUR, MIDNIGHT + 9 * HOUR]
            )
        )
        found = self.read(known, received_by=MIDNIGHT + 2 * HOUR)
        np.testing.assert_array_equal(found.values["pm25"], [[10], [np.nan], [np.nan]])

    def test_stations_with_something_in_order(self, tables):
        tables.upsert_stations(
            station_frame(
                "test:c", "test:a", "test:b", latitude=[3.0, 1.0, 2.0], altitude_m=[np.nan, 1.0, 2.0],
                kind=["low_cost", "reference", "reference"],
            )
        )  # fmt: skip
        tables.store_observations(
            observation_frame(station_id=["test:c", "test:a"], time=MIDNIGHT + HOUR, variable=["no2", "pm25"])
        )
        found = self.read(tables, ["pm25", "no2"], hours=1)
        assert found.station_id.tolist() == ["test:a", "test:c"]
        np.testing.assert_array_equal(found.latitude, [1.0, 3.0])
        np.testing.assert_array_equal(found.altitude_m, [1.0, np.nan])
        np.testing.assert_array_equal(found.values["pm25"], [[10, np.nan]])
        np.testing.assert_array_equal(found.values["no2"], [[np.nan, 10]])
        assert self.read(tables, ["pm25", "no2"], kinds=["low_cost"]).station_id.tolist() == ["test:c"]
        assert self.read(tables, ["pm25", "no2"], area=(0, -1, 2, 1)).station_id.tolist() == ["test:a"]

    def test_directions_average_across_north(self, known):
        known.store_observations(
            observation_frame(
                variable="wind_from_direction", value=[350.0, 20.0], period_s=1800,
                time=[MIDNIGHT + HOUR / 2, MIDNIGHT + HOUR],
            )
        )  # fmt: skip
        # 1e-5 degrees: float32.
        found = self.read(known, ["wind_from_direction"], hours=1).values["wind_from_direction"]
        np.testing.assert_allclose(found, [[5.0]], atol=1e-5)

    def test_only_whole_hours(self, known):
        found = known.read_hours(["pm25"], MIDNIGHT + HOUR / 2, MIDNIGHT + 3.9 * HOUR)
        assert found.time.astype(str).tolist() == [f"2023-02-01T0{hour}:00:00" for hour in (2, 3)]
        assert found.values["pm25"].shape == (2, 0)
        with pytest.raises(InputError, match="no whole hour"):
            known.read_hours(["pm25"], MIDNIGHT + HOUR / 2, MIDNIGHT + 1.4 * HOUR)

    def test_refuses_unknown_variables_and_times_without_a_zone(self, known):
        with pytest.raises(InputError, match="unknown variable 'pm3'"):
            self.read(known, ["pm3"])
        with pytest.raises(InputError, match="has no zone"):
            known.read_hours(["pm25"], datetime(2023, 2, 1), MIDNIGHT)  # noqa: DTZ001


class TestReading:
    def test_pages_meet(self, known):
        times = [MIDNIGHT + HOUR * (n // 4) for n in range(20)]
        frame = observation_frame(time=times, variable=["pm25", "no2"] * 10, period_s=[60, 60, 3600, 3600] * 5)
        known.store_observations(frame)
        known.store_observations(frame.assign(station_id="test:b"))
        pages, after = [], None
        while len(page := known.read_observations("test:a", limit=3, after=after)):
            pages.append(page)
            last = page.iloc[-1]
            after = (last["time"], last["variable"], int(last["period_s"]))
        together = pd.concat(pages, ignore_index=True)
        pd.testing.assert_frame_equal(together, known.read_observations("test:a"))
        assert len(together) == 20
        assert together["time"].is_monotonic_increasing

    def test_range_and_variables(self, known):
        known.store_observations(
            observation_frame(time=[MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR], variable=["pm25", "no2", "pm25"])
        )
        found = known.read_observations("test:a", start=MIDNIGHT, end=MIDNIGHT + 2 * HOUR)
        assert found["variable"].tolist() == ["no2", "pm25"]
        assert len(known.read_observations("test:a", ["pm25"])) == 2
        assert list(known.read_observations("test:z").columns) == list(OBSERVATION_COLUMNS)

    def test_latest(self, known):
        known.store_observations(
            observation_frame(
                station_id=["test:a", "test:a", "test:a", "test:a", "test:b"],
                time=[MIDNIGHT, MIDNIGHT + HOUR, MIDNIGHT + HOUR, MIDNIGHT, MIDNIGHT],
                variable=["pm25", "pm25", "pm25", "no2", "pm25"],
                period_s=[3600, 60, 3600, 3600, 3600],
                value=[1.0, 2.0, 3.0, 4.0, 5.0],
            )
        )
        newest = known.latest().set_index(["station_id", "variable"])["value"].to_dict()
        assert newest == {("test:a", "pm25"): 3.0, ("test:a", "no2"): 4.0, ("test:b", "pm25"): 5.0}
        assert known.latest(["pm25"], ids=["test:b"])["value"].tolist() == [5.0]
        assert known.latest(ids=[]).empty

    def test_retention(self, known):
        frame = observation_frame(time=pd.date_range(MIDNIGHT, periods=48, freq="h"))
        for name in ("test:a", "test:c"):
            known.store_observations(frame.assign(station_id=name))
        assert known.delete_older_than(MIDNIGHT + timedelta(days=1)) == 48
        assert known.read_observations("test:c")["time"].min() == pd.Timestamp(MIDNIGHT + timedelta(days=1))
        assert known.delete_older_than(MIDNIGHT) == 0


class TestOpening:
    def test_again_finds_everything_and_the_same_variable_ids(self, database_url):
        first = Tables.open(database_url)
        first.upsert_stations(station_frame("test:a"))
        first.store_observations(observation_frame())
        first.close()
        second = Tables.open(database_url)
        assert len(second.read_observations("test:a", ["pm25"])) == 1
        second.close()

    def test_a_new_variable_gets_the_next_id(self, database_url, monkeypatch):
        Tables.open(database_url).close()
        monkeypatch.setattr("brise.io.tables.VARIABLES", {"fresh": VARIABLES["no"], **VARIABLES})
        store = Tables.open(database_url)
        assert store._variables["fresh"] == len(VARIABLES) + 1
        assert store._variables["pm1"] == 1
        store.close()

    def test_the_schema_is_what_the_migrations_make(self, database_url):
        Tables.open(database_url).close()
        engine = open_engine(database_url)
        with reading(engine) as connection:
            options = {
                "compare_type": True,
                # BRIN is PostgreSQL's; elsewhere this index does not exist.
                "include_object": lambda thing, name, *_: (
                    connection.dialect.name == "postgresql" or name != "observations_time"
                ),
            }
            assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
        engine.dispose()

    def test_down_and_up_again(self, database_url):
        engine = open_engine(database_url)
        config = alembic_config()
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
        engine.dispose()
        store = Tables.open(database_url)
        assert store.counts() == {"stations": 0, "observations": 0}
        store.close()

    def test_any_folder_and_text_will_do(self, tmp_path):
        store = Tables.open(f"sqlite:///{tmp_path}/50% of ~ #1 é/brise.sqlite")
        store.upsert_stations(station_frame("test:'; DROP TABLE stations; --", name="O'Hare 100%"))
        kinds = ["x' OR '1'='1", "100%"]
        assert store.read_hours(["pm25"], MIDNIGHT, MIDNIGHT + HOUR, kinds=kinds).station_id.size == 0
        assert store.read_stations(kinds=kinds).empty
        assert store.read_stations()["name"].tolist() == ["O'Hare 100%"]
        store.close()

    def test_refuses_a_newer_schema(self, database_url):
        engine = open_engine(database_url)
        with writing(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
        with pytest.raises(ConfigurationError, match="schema 9999 is newer than this Brise"):
            Tables.open(database_url)

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("nonsense", "cannot be read"),
            ("mysql://x/y", "must be sqlite"),
            ("postgres://me:secret@x/y", r"got postgres://me:\*\*\*@x/y"),
        ],
    )
    def test_refuses_other_urls(self, url, why):
        with pytest.raises(ConfigurationError, match=why):
            Tables.open(url)

    def test_no_server(self):
        pytest.importorskip("psycopg")
        with pytest.raises(StoreError, match=r"store \(postgresql\): read failed: .*refused"):
            Tables.open("postgresql://nobody@127.0.0.1:1/nothing")

    def test_not_a_database(self, tmp_path):
        path = tmp_path / "brise.sqlite"
        path.write_bytes(b"this is no database" * 100)
        with pytest.raises(StoreError, match="not a database"):
            Tables.open(f"sqlite:///{path}")


def test_a_day_of_the_world_in_seconds(tables):
    """230,000 rows over 4,300 stations; 3 s of CPU a run is the requirement, about 0.6 s what a quiet core needs."""
    rng = np.random.default_rng(7)
    ids = np.array([f"test:{number}" for number in range(4300)])
    tables.upsert_stations(station_frame(*ids))
    cell = rng.choice(4300 * 6 * 60, 230_000, replace=False)
    frame = observation_frame(
        station_id=ids[cell // 360].tolist(),
        variable=np.array(["pm25", "pm10", "no2", "o3", "so2", "co"])[cell // 60 % 6].tolist(),
        time=pd.DatetimeIndex(MIDNIGHT + pd.to_timedelta(cell % 60, "h")),
        value=rng.random(230_000).tolist(),
    )
    for expected in (Stored(230_000, 0, 0), Stored(0, 0, 230_000)):
        before = time.process_time()
        assert tables.store_observations(frame) == expected
        assert time.process_time() - before < 3.0
