"""Many rows in and out, through each driver's own fast path: SQLite's prepared statement, PostgreSQL's binary COPY.

Rows are columns of numpy arrays; NaN stands for NULL. Statements name tables and columns of ours only.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Select

from brise.conventions.errors import InputError
from brise.conventions.observations import Flag

KEY = ("station", "variable", "time", "period_s")
"""The primary key of an observation, in its order."""

PAYLOAD = ("value", "uncertainty", "coverage", "quality_flag", "received_at")
"""What a newer report of the same observation replaces."""

Columns = dict[str, NDArray[Any]]

_CHUNK = 20_000  # rows held as Python objects at once
_REALS = ("value", "uncertainty", "coverage")


def encode(frame: pd.DataFrame, stations: dict[str, int], variables: dict[str, int]) -> Columns:
    """Observations as integers and reals, in the order of their key, one row a key.

    Of rows with the same key the newest `received_at` is kept; of those, the last.

    Args:
        frame: `station_id, variable, time, period_s` and any of `PAYLOAD`.
        stations: station_id -> key.
        variables: name -> id.

    Raises:
        InputError: A station or a variable is not in the mapping.
    """
    out: Columns = {
        "station": _look_up(frame["station_id"], stations, "station"),
        "variable": _look_up(frame["variable"], variables, "variable"),
        "time": epochs(frame["time"]),
        "period_s": frame["period_s"].to_numpy(np.int64),
    }
    for name in PAYLOAD:
        if name == "received_at" and name in frame:
            out[name] = epochs(frame[name])
        elif name in frame:
            out[name] = frame[name].to_numpy(np.float64 if name in _REALS else np.int64)
    received = (out["received_at"],) if "received_at" in out else ()
    order = np.lexsort((*received, *(out[name] for name in reversed(KEY))))
    ordered = {name: column[order] for name, column in out.items()}
    last = np.ones(len(order), bool)
    if len(order) > 1:
        last[:-1] = np.any([column[1:] != column[:-1] for column in (ordered[name] for name in KEY)], axis=0)
    return ordered if last.all() else {name: column[last] for name, column in ordered.items()}


def epochs(times: pd.Series) -> NDArray[np.int64]:
    """Epoch seconds of UTC times."""
    seconds: NDArray[np.int64] = times.dt.as_unit("s").astype("int64").to_numpy(np.int64)
    return seconds


def _look_up(names: pd.Series, ids: dict[str, int], what: str) -> NDArray[np.int64]:
    codes, unique = pd.factorize(names)
    unknown = [name for name in unique if name not in ids]
    if unknown or (codes < 0).any():
        raise InputError(f"{what} {unknown[0] if unknown else None!r} is not in the store: store it before its rows")
    numbers: NDArray[np.int64] = np.array([ids[name] for name in unique], np.int64)
    return numbers[codes]


def merge(connection: Connection, rows: Columns) -> tuple[int, int]:
    """Insert what is new, replace what a newer report changed, leave the rest alone.

    Args:
        connection: In a transaction.
        rows: From `encode`, with all of `PAYLOAD`.

    Returns:
        Rows inserted, rows updated.
    """
    if connection.dialect.name == "sqlite":
        return _merge_sqlite(connection.connection.driver_connection, rows)
    return _merge_postgresql(connection.connection.driver_connection, rows)


def _merge_sqlite(driver: Any, rows: Columns) -> tuple[int, int]:
    updated = 0

    def counted(value: float) -> float:
        """Run by SQLite for each row that it does update: total_changes alone cannot tell these from new ones."""
        nonlocal updated
        updated += 1
        return value

    driver.create_function("counted", 1, counted)
    names = (*KEY, *PAYLOAD)
    changes = ", ".join(f"{name} = excluded.{name}" for name in PAYLOAD[1:])
    statement = (
        f"INSERT INTO observations ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608
        f"ON CONFLICT DO UPDATE SET value = counted(excluded.value), {changes} "
        "WHERE excluded.value <> value AND excluded.received_at >= received_at"
    )
    before = driver.total_changes
    _run_sqlite(driver, statement, [rows[name] for name in names])
    return driver.total_changes - before - updated, updated


def _merge_postgresql(driver: Any, rows: Columns) -> tuple[int, int]:
    names = (*KEY, *PAYLOAD)
    _stage(driver, {name: rows[name] for name in names})
    columns = ", ".join(names)
    chosen = ", ".join(f"NULLIF({name}, 'NaN')" if name in ("uncertainty", "coverage") else name for name in names)
    changes = ", ".join(f"{name} = excluded.{name}" for name in PAYLOAD)
    statement = (
        f"WITH merged AS (INSERT INTO observations AS old ({columns}) SELECT {chosen} FROM incoming "  # noqa: S608
        f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {changes} "
        "WHERE excluded.value <> old.value AND excluded.received_at >= old.received_at "
        "RETURNING (xmax = 0) AS fresh) "
        "SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM merged"
    )
    inserted, updated = driver.execute(statement).fetchone()
    return inserted, updated


def flag_hours(connection: Connection, rows: Columns, unjudged: bool = False) -> int:
    """Set the quality flags of all stored observations whose period ended within an hour.

    Args:
        connection: In a transaction.
        rows: From `encode`, with `quality_flag`; `time` and `period_s` are the hour's end and length.
        unjudged: Only of those that have not been evaluated yet.

    Returns:
        Rows changed; what is not stored, or has this flag already, is not.
    """
    driver: Any = connection.connection.driver_connection
    only = f" AND old.quality_flag = {int(Flag.NOT_EVALUATED)}" if unjudged else ""
    if connection.dialect.name == "sqlite":
        before = driver.total_changes
        _run_sqlite(
            driver,
            "UPDATE observations AS old SET quality_flag = ? WHERE station = ? AND variable = ? AND time > ? "  # noqa: S608
            f"AND time <= ? AND period_s <= ? AND quality_flag <> ?{only}",
            [
                *(rows[name] for name in ("quality_flag", "station", "variable")),
                rows["time"] - rows["period_s"],
                *(rows[name] for name in ("time", "period_s", "quality_flag")),
            ],
        )
        return int(driver.total_changes - before)
    _stage(driver, {name: rows[name] for name in (*KEY, "quality_flag")})
    return int(
        driver.execute(
            "UPDATE observations AS old SET quality_flag = incoming.quality_flag FROM incoming "  # noqa: S608
            "WHERE old.station = incoming.station AND old.variable = incoming.variable "
            "AND old.time > incoming.time - incoming.period_s AND old.time <= incoming.time "
            f"AND old.period_s <= incoming.period_s AND old.quality_flag <> incoming.quality_flag{only}"
        ).rowcount
    )


def _run_sqlite(driver: Any, statement: str, columns: Sequence[NDArray[Any]]) -> None:
    for start in range(0, len(columns[0]), _CHUNK):
        driver.executemany(statement, zip(*(c[start : start + _CHUNK].tolist() for c in columns), strict=True))


def _stage(driver: Any, rows: Columns) -> None:
    """Copy rows, in their order, into the temporary table `incoming`; it goes with the transaction."""
    types = ", ".join(f"{name} {'float8' if name in _REALS else 'int8'}" for name in rows)
    driver.execute(f"CREATE TEMPORARY TABLE incoming ({types}) ON COMMIT DROP")
    layout = _layout([">f8" if name in _REALS else ">i8" for name in rows])
    with driver.cursor().copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(_COPY_HEADER)
        for start in range(0, len(rows["station"]), _CHUNK):
            chunk = [column[start : start + _CHUNK] for column in rows.values()]
            records = np.zeros(len(chunk[0]), layout)
            records["fields"] = len(rows)
            for place, column in enumerate(chunk):
                records[f"size{place}"] = 8
                records[f"field{place}"] = column
            copy.write(records.tobytes())
        copy.write(_COPY_TRAILER)


_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"


def _layout(types: Sequence[str]) -> np.dtype[np.void]:
    """One record of PostgreSQL's binary COPY whose fields all have eight bytes and none is NULL."""
    fields = [
        (f"{part}{i}", kind) for i, type_ in enumerate(types) for part, kind in (("size", ">i4"), ("field", type_))
    ]
    return np.dtype([("fields", ">i2"), *fields])


def fetch(connection: Connection, statement: Select[Any]) -> NDArray[np.float64]:
    """The rows of a query as (rows, columns) float64; every column must be a double and not NULL."""
    driver: Any = connection.connection.driver_connection
    query = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
    width = len(statement.selected_columns)
    if connection.dialect.name == "sqlite":
        return np.fromiter(chain.from_iterable(driver.execute(query)), np.float64).reshape(-1, width)
    # One row of one byte string a column (1 GB, so 134 million values, at most) instead of a message a row.
    names = [f"c{place}" for place in range(width)]
    packed = ", ".join(f"string_agg(float8send({name}), ''::bytea)" for name in names)
    cursor = driver.cursor(binary=True)
    columns = cursor.execute(f"SELECT {packed} FROM ({query}) AS rows ({', '.join(names)})").fetchone()  # noqa: S608
    return np.stack([np.frombuffer(column or b"", ">f8") for column in columns], axis=1).astype(np.float64)
