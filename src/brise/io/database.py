"""Opening a database: SQLite by default, PostgreSQL by URL; migrations, transactions, and what its errors become."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from brise.conventions.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from alembic.config import Config

LOG = logging.getLogger(__name__)

BUSY_S = 30.0
"""How long a writer waits for another one before the store counts as busy."""

_MIGRATIONS = Path(__file__).parent / "migrations"

_MIGRATION_LOCK = 0x42726973  # any fixed number: PostgreSQL's advisory lock that one migration holds


def open_engine(url: str) -> Engine:
    """Connect to a database and bring it to the newest schema; safe when several processes do so at once.

    Args:
        url: `sqlite:///FILE` or `postgresql://user:password@host/name`.

    Raises:
        ConfigurationError: The URL is none of these, its driver is not installed, or the schema is newer than this
            version of Brise knows.
        StoreError: The database cannot be reached or written.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(f"database URL cannot be read: {error}") from error
    family = parsed.get_backend_name()
    if family == "sqlite" and parsed.database not in (None, "", ":memory:"):
        engine = _open_sqlite(Path(str(parsed.database)).absolute())
    elif family == "postgresql":
        try:
            engine = create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                pool_size=10,
                max_overflow=30,
                connect_args={"connect_timeout": 5},
            )
        except (ImportError, NoSuchModuleError) as error:
            raise ConfigurationError("PostgreSQL needs the extra brise[postgres] (psycopg)") from error
    else:
        raise ConfigurationError(f"database URL must be sqlite:///FILE or postgresql://…, got {parsed}")
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _open_sqlite(path: Path) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create_sqlite(path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"store {path}: cannot be opened: {error}") from error
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        creator=_sqlite_creator(path),
        poolclass=QueuePool,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=30,
    )
    _watch_sqlite(engine, path)
    return engine


def _create_sqlite(path: Path) -> None:
    """Make the file and switch it to WAL, which lasts; SQLite does not wait for others at that switch, so we do."""
    deadline = time.monotonic() + BUSY_S
    with closing(sqlite3.connect(path, timeout=BUSY_S)) as connection:
        while not _switch_to_wal(connection, last_try=time.monotonic() > deadline):
            time.sleep(0.05)


def _switch_to_wal(connection: sqlite3.Connection, *, last_try: bool) -> bool:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if last_try or "locked" not in str(error):
            raise
        return False
    return True


def _sqlite_creator(path: Path) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        # mode=rw: a file that has gone is an error; a new empty one in its place would hide the loss.
        uri = f"file:{quote(str(path))}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = FULL")  # an acknowledged batch survives a power cut, not just kill -9
        connection.execute("PRAGMA cache_size = -65536")
        return connection

    return connect


def _watch_sqlite(engine: Engine, path: Path) -> None:
    """Begin transactions ourselves, and drop a connection whose file was moved away or replaced."""

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("brise_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    def remember(_connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["inode"] = path.stat().st_ino

    def compare(_connection: sqlite3.Connection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        try:
            inode = path.stat().st_ino
        except OSError:
            inode = 0
        if inode != entry.info["inode"]:
            raise DisconnectionError(f"{path} was moved or replaced")

    event.listen(engine, "begin", begin)
    event.listen(engine, "connect", remember)
    event.listen(engine, "checkout", compare)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent read.

    Raises:
        StoreError: The database cannot serve now.
    """
    with translated(engine, "read"), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction: all of it is there afterwards, or none.

    Raises:
        StoreError: The database cannot serve now; nothing of this transaction was kept.
    """
    with translated(engine, "write"), engine.execution_options(brise_writes=True).begin() as connection:
        yield connection


@contextmanager
def translated(engine: Engine, what: str) -> Iterator[None]:
    """What a driver raises, as StoreError."""
    drivers = engine.dialect.dbapi.Error if engine.dialect.dbapi is not None else DBAPIError
    try:
        yield
    except (DBAPIError, PoolTimeoutError, drivers, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        line = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise StoreError(f"store ({engine.dialect.name}): {what} failed: {line}") from error


def alembic_config() -> "Config":
    """Alembic's settings: migrations travel inside the package; the connection comes from the caller."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _migrate(engine: Engine) -> None:
    # Revisions are numbered in order, and files are named by them: whether there is anything to do needs no Alembic,
    # which takes a quarter of a second to load.
    known = sorted(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
    head = known[-1]
    with reading(engine) as connection:
        there = inspect(connection).has_table("alembic_version")
        current = connection.scalar(text("SELECT version_num FROM alembic_version")) if there else None
    if current == head:
        return
    from alembic import command

    config = alembic_config()
    if current is not None and current not in known:
        raise ConfigurationError(f"the store's schema {current} is newer than this Brise, which knows up to {head}")
    with writing(engine) as connection:  # SQLite: the write lock keeps others out until the end
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    LOG.info("store: schema brought from %s to %s (process %d)", current or "nothing", head, os.getpid())
