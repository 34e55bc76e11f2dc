"""Erasure that erases: the rows first, then the bytes that they leave behind in the database's files.

SQLite: the transaction overwrites what it frees; then VACUUM writes the file anew from what is alive, because pages
that were split before keep old copies in their gaps, and the write-ahead log is emptied. PostgreSQL: VACUUM FULL does
the same for the trackers' tables; samples beyond FULL_UP_TO get a plain VACUUM, which frees their space for new rows.
What is beyond the database's own files (its server's log archive, backups, a disk's spare cells) is the operator's.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, text

from brise.conventions.errors import NotFoundError, StoreError
from brise.io.database import BUSY_S, translated, writing
from brise.io.tracker_schema import OF_DEVICE, OF_OWNER, calibrations, owners, samples, trackers

FULL_UP_TO = 2**30
"""Bytes of samples up to which PostgreSQL writes them anew; it keeps writers out meanwhile, some seconds a GB."""


def erase_owner(engine: Engine, owner: int) -> int:
    """Delete an owner's rows, all of them.

    Returns:
        Samples deleted.

    Raises:
        StoreError: The database cannot serve now; nothing was deleted.
    """
    with _erasing(engine) as connection:
        connection.execute(delete(owners).where(owners.c.key == owner))
        # Devices first: a push that is being stored holds its device, so it either ends before or finds none.
        gone = connection.execute(delete(trackers).where(trackers.c.owner == owner).returning(trackers.c.key))
        count = _erase_devices(connection, [int(key) for key in gone.scalars()])
        for table in OF_OWNER:
            connection.execute(delete(table).where(table.c.owner == owner))
    return count


def erase_tracker(engine: Engine, owner: int, device: int) -> int:
    """Delete one tracker's rows, all of them.

    Returns:
        Samples deleted.

    Raises:
        NotFoundError: The tracker is another's, or erased already.
        StoreError: The database cannot serve now; nothing was deleted.
    """
    with _erasing(engine) as connection:
        mine = (trackers.c.owner == owner) & (trackers.c.key == device)
        if connection.execute(delete(trackers).where(mine)).rowcount == 0:
            raise NotFoundError("this tracker has been erased")
        return _erase_devices(connection, [device])


def erase_period(engine: Engine, owner: int, device: int, start: int, end: int) -> int:
    """Delete a tracker's samples of start < time ≤ end (seconds since 1970 UTC), and what was learned of its samples.

    Returns:
        Samples deleted.

    Raises:
        StoreError: The database cannot serve now; nothing was deleted.
    """
    own = select(trackers.c.key).where(trackers.c.owner == owner, trackers.c.key == device)
    within = samples.c.device.in_(own) & (samples.c.time > start) & (samples.c.time <= end)
    with _erasing(engine) as connection:
        connection.execute(delete(calibrations).where(calibrations.c.device.in_(own)))
        return int(connection.execute(delete(samples).where(within)).rowcount)


def _erase_devices(connection: Connection, keys: list[int]) -> int:
    counts = [connection.execute(delete(table).where(table.c.device.in_(keys))).rowcount for table in OF_DEVICE]
    return int(counts[OF_DEVICE.index(samples)])


@contextmanager
def _erasing(engine: Engine) -> Iterator[Connection]:
    with writing(engine) as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        try:
            yield connection
        finally:
            if sqlite:
                connection.exec_driver_sql("PRAGMA secure_delete = OFF")


def scrub(engine: Engine) -> None:
    """Make the bytes of deleted rows go; safe at any time, and while others read and write.

    Raises:
        StoreError: The database cannot serve now, or somebody read for too long; call it again later.
    """
    with translated(engine, "scrub"):
        if engine.dialect.name == "sqlite":
            _scrub_sqlite(engine)
        else:
            _scrub_postgresql(engine)


def _scrub_sqlite(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        driver: Any = raw.driver_connection
        driver.execute("VACUUM")
        deadline = time.monotonic() + BUSY_S
        while driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise StoreError("store (sqlite): the write-ahead log is still being read; what was erased is in it")
            time.sleep(0.05)
    finally:
        raw.close()


def _scrub_postgresql(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        size = connection.scalar(text("SELECT pg_total_relation_size('tracker_samples')"))
        full = int(size or 0) <= FULL_UP_TO
        for table in (owners, trackers, *OF_OWNER, *OF_DEVICE):
            how = "VACUUM (FULL)" if full or table is not samples else "VACUUM"
            connection.execute(text(f"{how} {table.name}"))
