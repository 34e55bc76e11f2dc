"""Stations and observations in SQL: SQLite by default, PostgreSQL by URL, the same statements on both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update
from sqlalchemy.dialects import postgresql, sqlite

from brise.conventions.errors import InputError
from brise.conventions.observations import (
    OBSERVATION_COLUMNS,
    STATION_COLUMNS,
    Flag,
    StationHours,
    check_observations,
    check_stations,
    empty_observations,
    empty_stations,
)
from brise.conventions.variables import VARIABLES
from brise.io import bulk, hours, rollup
from brise.io.database import open_engine, reading, writing
from brise.io.owners import Owners
from brise.io.runs import Runs
from brise.io.schema import epoch, observations, stations, variables
from brise.io.tracker_calibrations import Calibrations
from brise.io.tracker_choices import Choices
from brise.io.tracker_samples import Samples

Area = tuple[float, float, float, float]
"""south, west, north, east in degrees; west > east crosses the date line."""

Position = tuple[datetime, str, int]
"""time, variable and period of the last row of a page: where the next one goes on."""

_IDS_AT_ONCE = 500
_STATIONS_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch.

    Attributes:
        inserted: Rows that are new.
        updated: Rows whose value a newer report changed.
        duplicate: Rows that changed nothing: already stored, repeated within the batch, or older than what is stored.
    """

    inserted: int
    updated: int
    duplicate: int


class Tables:
    """The store's SQL side. Every method is one transaction and raises StoreError when the database cannot serve.

    Attributes:
        runs: Job runs, source status and leases.
        owners: Owners and their trackers.
        samples: What trackers measured.
        choices: What owners share, and what they say of their data.
        calibrations: What trackers were found to read beside references.
    """

    def __init__(self, engine: Engine) -> None:
        """Use `Tables.open`."""
        self._engine = engine
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert
        self.runs = Runs(engine)
        self.lease = self.runs.lease
        self.owners, self.samples, self.choices = Owners(engine), Samples(engine), Choices(engine)
        self.calibrations = Calibrations(engine)
        self._variables = self._number_variables()
        self._names = {number: name for name, number in self._variables.items()}

    @classmethod
    def open(cls, url: str) -> "Tables":
        """Open a database at its newest schema, creating what is missing.

        Args:
            url: `sqlite:///FILE` or `postgresql://user:password@host/name`.

        Raises:
            ConfigurationError: The URL is none of these, or the schema is newer than this Brise.
            StoreError: The database cannot be reached or written.
        """
        return cls(open_engine(url))

    def __enter__(self) -> "Tables":
        """The store itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every idle connection."""
        self.close()

    def close(self) -> None:
        """Close every idle connection."""
        self.samples.close()
        self._engine.dispose()

    def _number_variables(self) -> dict[str, int]:
        """Name -> id; a variable keeps its id for good, a new one gets the next."""
        with reading(self._engine) as connection:
            known = _variable_ids(connection)
        if set(known) >= set(VARIABLES):
            return known
        with writing(self._engine) as connection:
            known = _variable_ids(connection)
            fresh = [name for name in VARIABLES if name not in known]
            first = max(known.values(), default=0) + 1
            rows = [{"id": first + place, "name": name} for place, name in enumerate(fresh)]
            if rows:  # else another process was faster
                connection.execute(self._insert(variables).on_conflict_do_nothing(), rows)
        return self._number_variables()

    # Writing.

    def upsert_stations(self, frame: pd.DataFrame) -> int:
        """Store stations, or change what differs of those known.

        Args:
            frame: STATION_COLUMNS.

        Returns:
            Stations added.

        Raises:
            ConventionError: The frame is not one of stations.
        """
        rows = check_stations(frame)
        if rows.empty:
            return 0
        values = rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None)
        records = [dict(zip(STATION_COLUMNS, row, strict=True)) for row in values]
        with writing(self._engine) as connection:
            stored = {
                row.station_id: row._mapping
                for ids in _slices(rows["station_id"].tolist())
                for row in connection.execute(select(stations).where(stations.c.station_id.in_(ids)))
            }
            fresh = [record for record in records if record["station_id"] not in stored]
            changed = [
                {**record, "stored_id": record["station_id"]}
                for record in records
                if record["station_id"] in stored
                and any(stored[record["station_id"]][name] != record[name] for name in STATION_COLUMNS)
            ]
            if fresh:
                connection.execute(self._insert(stations).on_conflict_do_nothing(), fresh)
            if changed:
                same = stations.c.station_id == bindparam("stored_id")
                connection.execute(sql_update(stations).where(same), changed)
        return len(fresh)

    def store_observations(self, frame: pd.DataFrame) -> Stored:
        """Store observations; storing the same again changes nothing.

        Same station, variable, time and period with the same value is a duplicate; with another value, the report
        received last wins and brings its flag. When this returns, the rows survive a kill and a power cut.

        Args:
            frame: OBSERVATION_COLUMNS, as `check_observations` returns it; its stations are stored already.

        Raises:
            InputError: A station is not in the store.
        """
        if frame.empty:
            return Stored(0, 0, 0)
        with writing(self._engine) as connection:
            rows = bulk.encode(frame, _station_keys(connection, frame["station_id"]), self._variables)
            inserted, updated = bulk.merge(connection, rows)
        return Stored(inserted, updated, len(frame) - inserted - updated)

    def flag_hours(self, frame: pd.DataFrame, unjudged: bool = False) -> int:
        """Set quality flags of stored observations by the hour: every row whose period ended within it.

        Args:
            frame: `station_id, variable, time, quality_flag`; `time` is the END of the hour.
            unjudged: Only of rows that have not been evaluated yet.

        Returns:
            Rows whose flag changed; what is not stored is passed over.

        Raises:
            InputError: A station is not in the store.
        """
        if frame.empty:
            return 0
        with writing(self._engine) as connection:
            keys = _station_keys(connection, frame["station_id"])
            rows = bulk.encode(frame.assign(period_s=hours.HOUR_S), keys, self._variables)
            return bulk.flag_hours(connection, rows, unjudged)

    def delete_older_than(self, time: datetime) -> int:
        """Forget observations whose period ended before `time`, a few stations at a time so that no one waits long.

        Returns:
            Rows deleted.
        """
        with reading(self._engine) as connection:
            last = connection.scalar(select(func.max(stations.c.key))) or 0
        deleted = 0
        for first in range(1, last + 1, _STATIONS_AT_ONCE):
            some = select(stations.c.key).where(stations.c.key.between(first, first + _STATIONS_AT_ONCE - 1))
            with writing(self._engine) as connection:
                deleted += connection.execute(
                    sql_delete(observations).where(
                        observations.c.station.in_(some),
                        observations.c.variable.in_(list(self._names)),
                        observations.c.time < epoch(time),
                    )
                ).rowcount
        return deleted

    def roll_up(self, start: datetime, end: datetime, received_by: datetime) -> int:
        """Replace the rows of less than an hour by hourly means, a few stations at a time so that no one waits long.

        What `read_hours` says stays the same. Rows flagged suspect or failed stay; an hourly row that is there wins.

        Args:
            start: Where the first hour begins, or within the hour before.
            end: Where the last hour ends, or within the hour after.
            received_by: Only hours all of whose rows we had by then.

        Returns:
            Rows of less than an hour that went.

        Raises:
            InputError: No whole hour lies between `start` and `end`.
        """
        span = hours.whole_hours(epoch(start), epoch(end))
        with reading(self._engine) as connection:
            keys = connection.scalars(select(stations.c.key).order_by(stations.c.key)).all()
        gone = 0
        for first in range(0, len(keys), _STATIONS_AT_ONCE):
            some = keys[first : first + _STATIONS_AT_ONCE]
            with writing(self._engine) as connection:
                gone += rollup.roll_up(connection, self._insert, some, self._variables, span, epoch(received_by))
        return gone

    # Reading.

    def read_stations(
        self,
        area: Area | None = None,
        ids: Collection[str] | None = None,
        source: str | None = None,
        kinds: Collection[str] | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> pd.DataFrame:
        """Stations, in order of station_id.

        Args:
            area: Where; None = everywhere.
            ids: Only these.
            source: Only of this source.
            kinds: Only of these kinds.
            limit: At most so many.
            after: Only those whose station_id sorts after this one: the last of the page before.

        Returns:
            STATION_COLUMNS.
        """
        wanted = _chosen(area, kinds)
        if source is not None:
            wanted.append(stations.c.source == source)
        if after is not None:
            wanted.append(stations.c.station_id > after)
        columns = [stations.c[name] for name in STATION_COLUMNS]
        query = select(*columns).where(*wanted).order_by(stations.c.station_id).limit(limit)
        pages = [None] if ids is None else _slices(sorted(set(ids)))
        rows: list[Row[Any]] = []
        with reading(self._engine) as connection:
            for page in pages:
                some = query if page is None else query.where(stations.c.station_id.in_(page))
                rows += connection.execute(some).all()
        if not rows:
            return empty_stations()
        return check_stations(pd.DataFrame(map(tuple, rows[:limit]), columns=list(STATION_COLUMNS)))

    def read_hours(
        self,
        names: Sequence[str],
        start: datetime,
        end: datetime,
        received_by: datetime | None = None,
        kinds: Collection[str] | None = None,
        area: Area | None = None,
    ) -> StationHours:
        """Hourly means of every station that measured, over the whole hours between `start` and `end`.

        Rows of at most an hour count for the hour in which their period ended, weighted by their period; rows flagged
        suspect or failed never count. Wind directions are averaged as unit vectors.

        Args:
            names: Variables.
            start: Where the first hour begins, or within the hour before.
            end: Where the last hour ends, or within the hour after.
            received_by: Only rows that we had by then.
            kinds: Only stations of these kinds.
            area: Only stations in it.

        Returns:
            T hours between the two, S stations in order of station_id, those with nothing left out.

        Raises:
            InputError: A variable is unknown, or no whole hour lies between `start` and `end`.
        """
        return self._hours(names, (start, end), received_by, _chosen(area, kinds), Flag.NOT_EVALUATED)

    def read_raw_hours(
        self,
        names: Sequence[str],
        start: datetime,
        end: datetime,
        received_by: datetime | None = None,
        kinds: Collection[str] | None = None,
    ) -> StationHours:
        """As `read_hours`, whatever the flags: what quality control judges, and nothing else should read."""
        return self._hours(names, (start, end), received_by, _chosen(None, kinds), Flag.FAIL)

    def _hours(
        self,
        names: Sequence[str],
        between: tuple[datetime, datetime],
        received_by: datetime | None,
        chosen: list[ColumnElement[bool]],
        worst: Flag,
    ) -> StationHours:
        span = hours.whole_hours(epoch(between[0]), epoch(between[1]))
        numbers = {name: self._number(name) for name in names}
        by = None if received_by is None else epoch(received_by)
        with reading(self._engine) as connection:
            return hours.read(connection, numbers, span, by, chosen, worst)

    def read_observations(
        self,
        station_id: str,
        names: Sequence[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
        after: Position | None = None,
    ) -> pd.DataFrame:
        """One station's observations of start < time ≤ end, every flag, in order of time, variable and period.

        Args:
            station_id: The station; one that is not known has no rows.
            names: Variables; None = all.
            start: Where the range begins, not included.
            end: Where it ends, included.
            limit: At most so many rows.
            after: Last row of the page before.

        Returns:
            OBSERVATION_COLUMNS.

        Raises:
            InputError: A variable is unknown.
        """
        o = observations.c
        key = select(stations.c.key).where(stations.c.station_id == station_id).scalar_subquery()
        numbers = list(self._names) if names is None else [self._number(name) for name in names]
        wanted = [o.station == key, o.variable.in_(numbers)]
        if start is not None:
            wanted.append(o.time > epoch(start))
        if end is not None:
            wanted.append(o.time <= epoch(end))
        if after is not None:
            last = (epoch(after[0]), self._number(after[1]), after[2])
            wanted += [o.time >= last[0], tuple_(o.time, o.variable, o.period_s) > tuple_(*last)]
        query = select(literal(station_id), *_ROW).where(*wanted).order_by(o.time, o.variable, o.period_s).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return self._frame(rows)

    def latest(self, names: Sequence[str] | None = None, ids: Collection[str] | None = None) -> pd.DataFrame:
        """The newest observation of every station and variable, whatever its flag; of several periods the longest.

        Args:
            names: Variables; None = all.
            ids: Stations; None = all.

        Returns:
            OBSERVATION_COLUMNS.

        Raises:
            InputError: A variable is unknown.
        """
        numbers = list(self._names) if names is None else [self._number(name) for name in names]
        rows: list[Row[Any]] = []
        with reading(self._engine) as connection:
            for page in [None] if ids is None else _slices(sorted(set(ids))):
                rows += connection.execute(_newest(numbers, page)).all()
        frame = self._frame(rows).sort_values(["station_id", "variable", "period_s"])
        return frame.drop_duplicates(["station_id", "variable"], keep="last", ignore_index=True)

    def counts(self) -> dict[str, int]:
        """How many stations and observations are stored; counting observations reads the whole table."""
        with reading(self._engine) as connection:
            return {
                table.name: int(connection.scalar(select(func.count()).select_from(table)) or 0)
                for table in (stations, observations)
            }

    def _number(self, name: str) -> int:
        if name not in self._variables:
            raise InputError(f"unknown variable {name!r}; known are {', '.join(self._variables)}")
        return self._variables[name]

    def _frame(self, rows: Sequence[Row[Any]]) -> pd.DataFrame:
        if not rows:
            return empty_observations()
        # Plain tuples: pandas asks each Row for attributes that it lacks, which costs more than the query.
        frame = pd.DataFrame(map(tuple, rows), columns=["station_id", *(column.name for column in _ROW)])
        frame["variable"] = frame["variable"].map(self._names)
        for name in ("time", "received_at"):
            frame[name] = pd.to_datetime(frame[name], unit="s", utc=True)
        return check_observations(frame)


_ROW = [observations.c[name] for name in OBSERVATION_COLUMNS if name != "station_id"]


def _newest(numbers: Collection[int], ids: Collection[str] | None) -> Select[Any]:
    """Rows of the newest time of each station and variable: a look-up for each pair, then one for each time found."""
    s, o, inner = stations.c, observations.c, observations.alias().c
    newest = select(func.max(inner.time)).where(inner.station == s.key, inner.variable == variables.c.id)
    pairs = select(s.station_id, s.key, variables.c.id, newest.scalar_subquery().label("time")).select_from(
        stations.join(variables, variables.c.id.in_(numbers))
    )
    if ids is not None:
        pairs = pairs.where(s.station_id.in_(ids))
    # MATERIALIZED keeps SQLite from walking through every observation instead.
    found = pairs.cte("newest").prefix_with("MATERIALIZED")
    same = and_(o.station == found.c.key, o.variable == found.c.id, o.time == found.c.time)
    return select(found.c.station_id, *_ROW).select_from(found.join(observations, same))


def _variable_ids(connection: Connection) -> dict[str, int]:
    return {row.name: row.id for row in connection.execute(select(variables))}


def _station_keys(connection: Connection, ids: "pd.Series") -> dict[str, int]:
    query = select(stations.c.station_id, stations.c.key)
    return {
        row.station_id: row.key
        for some in _slices(ids.unique().tolist())
        for row in connection.execute(query.where(stations.c.station_id.in_(some)))
    }


def _slices(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + _IDS_AT_ONCE] for start in range(0, len(ids), _IDS_AT_ONCE)]


def _chosen(area: Area | None, kinds: Collection[str] | None) -> list[ColumnElement[bool]]:
    chosen: list[ColumnElement[bool]] = [] if kinds is None else [stations.c.kind.in_(list(kinds))]
    if area is None:
        return chosen
    south, west, north, east = area
    longitude = stations.c.longitude
    within = longitude.between(west, east) if west <= east else or_(longitude >= west, longitude <= east)
    return [*chosen, stations.c.latitude.between(south, north), within]
