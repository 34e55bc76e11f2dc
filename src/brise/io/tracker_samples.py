"""Samples of trackers in SQL: many pushes a transaction, whole files in one, and reading back by owner alone."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, func, select

from brise.conventions.errors import StoreError
from brise.conventions.trackers import MEASURED, REPORTED, check_samples
from brise.io.database import reading, translated, writing
from brise.io.owners import hold_tracker
from brise.io.tracker_schema import PLACE, samples, sharing, trackers

COLUMNS = tuple(column.name for column in samples.columns)
"""The order of values in a `SampleRow`."""

SampleRow = tuple[Any, ...]

_CHUNK = 20_000
_READ_AT_ONCE = 50_000
_KEPT = ("device", "time", "received_at")
_JOINED = ("flags", "suspect")
_CHANGED = [name for name in COLUMNS if name not in (*_KEPT, *_JOINED)]
_MERGE = ", ".join(
    [f'"{name}" = coalesce(excluded."{name}", old."{name}")' for name in _CHANGED]
    + [f"{name} = excluded.{name} | old.{name}" for name in _JOINED]
)
_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_TAIL = f"ON CONFLICT (device, time) DO UPDATE SET {_MERGE}"
_SQLITE = f"INSERT INTO tracker_samples AS old ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))}) {_TAIL}"  # noqa: S608
_TYPES = [
    "float8[]" if name in (*PLACE, *MEASURED) else "text[]" if name == "reported" else "int8[]" for name in COLUMNS
]
_UNNEST = ", ".join(f"%s::{kind}" for kind in _TYPES)
_FROM = f"FROM unnest({_UNNEST}) AS incoming ({_NAMES})"
_POSTGRESQL = (
    f"INSERT INTO tracker_samples AS old ({_NAMES}) SELECT "
    + ", ".join("reported::json" if name == "reported" else f'"{name}"' for name in COLUMNS)
    + f" {_FROM} {_TAIL}"
)
_VALID = f"{_FROM} WHERE device IN (SELECT key FROM valid)"  # noqa: S608
# The devices whose keys are still right, none of which can be erased until this has ended; and what they sent.
_PUSH = (
    "WITH valid AS (SELECT key FROM trackers JOIN unnest(%s::int8[], %s::text[]) AS shown (device, prefix) "  # noqa: S608
    "ON key = device AND key_prefix = prefix ORDER BY key FOR KEY SHARE OF trackers), "
    f"stored AS ({_POSTGRESQL.replace(_FROM, _VALID)}) "
    "SELECT key FROM valid"
)


class Push(NamedTuple):
    """What one device sent at once.

    Attributes:
        device: Its number in the store.
        prefix: Of the key it has shown.
        rows: Values in the order of COLUMNS; what is not known is None.
    """

    device: int
    prefix: str
    rows: list[SampleRow]


class Summary(NamedTuple):
    """What is stored of one tracker.

    Attributes:
        samples: Rows.
        first: Seconds since 1970 UTC of the oldest; None where there are none.
        last: Of the newest.
    """

    samples: int
    first: int | None
    last: int | None


class Samples:
    """Each method is one transaction; StoreError when the database cannot serve.

    The same device and time again is the same sample: what is new in it is added, what differs is taken, and what it
    does not say stays. So anything may be sent twice, late, in any order and in parts.
    """

    def __init__(self, engine: Engine) -> None:
        """Use `Tables.open(url).samples`."""
        self._engine = engine
        self._lane: Connection | None = None
        self._in_lane = Lock()

    def store_pushes(self, pushes: Sequence[Push]) -> list[bool]:
        """Store what any number of devices sent; when this returns, it survives a kill and a power cut.

        Returns:
            For each push whether its key is still the device's; what came with another is not stored.
        """
        if self._engine.dialect.name == "postgresql":
            return self._push_postgresql(pushes)
        with writing(self._engine) as connection:
            valid = _valid_prefixes(connection, sorted({push.device for push in pushes}))
            good = [valid.get(push.device) == push.prefix for push in pushes]
            rows = _merged(push for push, right in zip(pushes, good, strict=True) if right)
            if rows:
                _upsert(connection, rows)
        return good

    def _push_postgresql(self, pushes: Sequence[Push]) -> list[bool]:
        """One statement, which is a transaction, on a connection kept for it: each way to the server costs its turn.

        Two keys of one device at once are for two statements: only the right one may bring rows.
        """
        prefixes: dict[int, str] = {}
        for push in pushes:
            prefixes.setdefault(push.device, push.prefix)
        first = [push for push in pushes if prefixes[push.device] == push.prefix]
        others = [push for push in pushes if prefixes[push.device] != push.prefix]
        rows = _merged(first)
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in COLUMNS]
        valid = self._in_the_lane([list(prefixes), list(prefixes.values()), *columns])
        answers = {id(push): push.device in valid for push in first}
        if others:
            answers |= zip(map(id, others), self._push_postgresql(others), strict=True)
        return [answers[id(push)] for push in pushes]

    def _in_the_lane(self, parameters: list[list[Any]]) -> set[int]:
        with self._in_lane:
            for attempt in (1, 2):  # the server may have been away since the last push
                kept = self._lane is not None
                try:
                    with translated(self._engine, "write"):
                        if self._lane is None:
                            self._lane = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                        driver: Any = self._lane.connection.driver_connection
                        return {int(key) for (key,) in driver.execute(_PUSH, parameters).fetchall()}
                except StoreError:
                    self._leave_lane()
                    if attempt == 2 or not kept:
                        raise
        raise StoreError("store (postgresql): write failed")

    def _leave_lane(self) -> None:
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.invalidate()
            lane.close()

    def close(self) -> None:
        """Give the connection for pushes back."""
        with self._in_lane:
            self._leave_lane()

    def store_frames(self, owner: int, device: int, frames: Iterable[pd.DataFrame], received_at: int) -> int:
        """Store files of one tracker: all of it or, where a frame or the store fails, nothing.

        Args:
            owner: Whose.
            device: The tracker's number.
            frames: Of samples, as `check_samples` returns them.
            received_at: Seconds since 1970 UTC.

        Returns:
            Rows.

        Raises:
            NotFoundError: The tracker is another's, or erased.
        """
        count = 0
        with writing(self._engine) as connection:
            hold_tracker(connection, owner, device)
            for frame in frames:
                for rows in _chunks(_encode(frame, device, received_at)):
                    _upsert(connection, rows)
                    count += len(rows)
        return count

    def summary(self, owner: int, device: int) -> Summary:
        """How much is stored of a tracker."""
        counted = select(func.count(), func.min(samples.c.time), func.max(samples.c.time))
        with reading(self._engine) as connection:
            count, first, last = connection.execute(_mine(counted, owner, device)).one()
        return Summary(count, first, last)

    def read(
        self, owner: int, device: int, start: int | None = None, end: int | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Samples of a tracker with start < time ≤ end (seconds since 1970 UTC), oldest first.

        Args:
            owner: Whose.
            device: The tracker's number.
            start: Not included.
            end: Included.
            limit: At most so many.

        Returns:
            As `check_samples`: with the quantities that these rows have.
        """
        query = _mine(select(samples), owner, device).order_by(samples.c.time)
        if start is not None:
            query = query.where(samples.c.time > start)
        if end is not None:
            query = query.where(samples.c.time <= end)
        with reading(self._engine) as connection:
            rows = connection.execute(query.limit(limit)).all()
        return _decode([tuple(row) for row in rows])

    def thinned(self, owner: int, device: int, period: tuple[int, int], every_s: int, limit: int) -> pd.DataFrame:
        """The newest samples of start < time ≤ end, about one in each `every_s` seconds, oldest first.

        Args:
            owner: Whose.
            device: The tracker's number.
            period: Seconds since 1970 UTC.
            every_s: What stands for less time than this is passed over but for the first of each.
            limit: At most so many.
        """
        time = samples.c.time
        query = _mine(select(samples), owner, device).where(time > period[0], time <= period[1])
        query = query.where(time % every_s < samples.c.period_s).order_by(time.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return _decode([tuple(row) for row in reversed(rows)])

    def pages(self, owner: int, device: int) -> Iterator[pd.DataFrame]:
        """All samples of a tracker, in pieces of bounded size, oldest first."""
        after: int | None = None
        while True:
            page = self.read(owner, device, start=after, limit=_READ_AT_ONCE)
            if page.empty:
                return
            yield page
            after = int(page["time"].iloc[-1].timestamp())

    def shared(self, start: int, end: int) -> Iterator[tuple[int, int, pd.DataFrame]]:
        """What owners share of start < time ≤ end: for the crowd's map, which shows no owner alone.

        Yields:
            Number of the owner, number of the tracker, its samples within its shared periods.
        """
        who = select(trackers.c.owner, trackers.c.key).where(
            trackers.c.key.in_(select(sharing.c.device).where(sharing.c.start <= end))
        )
        with reading(self._engine) as connection:
            found = connection.execute(who.order_by(trackers.c.owner, trackers.c.key)).all()
        inside = (samples.c.time > sharing.c.start) & ((sharing.c.end.is_(None)) | (samples.c.time <= sharing.c.end))
        for owner, device in found:
            query = _mine(select(samples), owner, device).join(sharing, (sharing.c.device == device) & inside)
            query = query.where(samples.c.time > start, samples.c.time <= end).order_by(samples.c.time)
            with reading(self._engine) as connection:
                rows = connection.execute(query).all()
            if rows:
                yield owner, device, _decode([tuple(row) for row in rows])


def _mine(query: Any, owner: int, device: int) -> Any:
    """Rows of a tracker, if it is this owner's."""
    own = select(trackers.c.key).where(trackers.c.owner == owner, trackers.c.key == device)
    return query.select_from(samples).where(samples.c.device.in_(own))


def _valid_prefixes(connection: Connection, devices: list[int]) -> dict[int, str]:
    """Device -> prefix of its key, in SQLite."""
    driver: Any = connection.connection.driver_connection
    marks = ", ".join("?" * len(devices))
    return dict(driver.execute(f"SELECT key, key_prefix FROM trackers WHERE key IN ({marks})", devices))  # noqa: S608


def _merged(pushes: Iterable[Push]) -> list[SampleRow]:
    """All rows, those of one device and time as one."""
    merged: dict[tuple[int, int], SampleRow] = {}
    for push in pushes:
        for row in push.rows:
            place = (row[0], row[1])
            merged[place] = _joined(merged[place], row) if place in merged else row
    return list(merged.values())


def _joined(old: SampleRow, new: SampleRow) -> SampleRow:
    """Two rows of one device and time, as the database would merge them."""
    row = [before if now is None else now for before, now in zip(old, new, strict=True)]
    for place in (COLUMNS.index(name) for name in _JOINED):
        row[place] = old[place] | new[place]
    return tuple(row)


def _upsert(connection: Connection, rows: list[SampleRow]) -> None:
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.executemany(_SQLITE, rows)
    else:
        driver.execute(_POSTGRESQL, [list(column) for column in zip(*rows, strict=True)])


def _chunks(rows: Iterator[SampleRow]) -> Iterator[list[SampleRow]]:
    while chunk := list(islice(rows, _CHUNK)):
        # One statement of PostgreSQL may not meet a key twice.
        yield list({row[1]: row for row in chunk}.values())


def _encode(frame: pd.DataFrame, device: int, received_at: int) -> Iterator[SampleRow]:
    """Rows in the order of COLUMNS."""
    n = len(frame)
    reported = [str(name) for name in frame.columns if str(name).startswith(REPORTED)]
    known: dict[str, list[Any]] = {
        "device": [device] * n,
        "time": frame["time"].dt.as_unit("s").astype("int64").tolist(),
        "received_at": [received_at] * n,
        "reported": _reported(frame[reported]) if reported else [None] * n,
    }
    for name in COLUMNS:
        if name not in known:
            values = frame[name].to_numpy() if name in frame else np.full(n, np.nan)
            known[name] = values.tolist() if values.dtype.kind == "i" else _nullable(values)
    return zip(*(known[name] for name in COLUMNS), strict=True)


def _nullable(values: Any) -> list[float | None]:
    boxed = values.astype(object)
    boxed[np.isnan(values)] = None
    return list(boxed)


def _reported(frame: pd.DataFrame) -> list[str | None]:
    names = [str(name).removeprefix(REPORTED) for name in frame.columns]
    rows = ({name: value for name, value in zip(names, row, strict=True) if value == value}
            for row in frame.itertuples(index=False, name=None))  # fmt: skip  # NaN alone differs from itself
    return [json.dumps(row, separators=(",", ":")) if row else None for row in rows]


def _decode(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    said = [row if isinstance(row, dict) else {} for row in frame["reported"]]
    names = sorted({name for row in said for name in row})
    more = {f"{REPORTED}{name}": [row.get(name, np.nan) for row in said] for name in names}
    frame = frame.drop(columns=["device", "received_at", "reported"]).assign(**more)
    frame["time"] = pd.to_datetime(frame["time"].astype("int64"), unit="s", utc=True)
    empty = [name for name in MEASURED if frame[name].isna().all()]
    typed = dict.fromkeys((*PLACE, *MEASURED, *more), "float64")
    return check_samples(frame.astype(typed).drop(columns=empty))
