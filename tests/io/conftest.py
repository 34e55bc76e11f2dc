"""Stores to test on: SQLite always, PostgreSQL from Debian's server binaries or BRISE_TEST_DATABASE_URL."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from brise.io.tables import Tables


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of this test process alone, on its own port and folder."""

    binaries: Path
    folder: Path
    port: int
    user: str | None  # PostgreSQL refuses to run as root

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, name: str, *arguments: str) -> None:
        command = [str(self.binaries / name), "-D", str(self.folder / "data"), *arguments]
        with (self.folder / "log").open("a") as log:
            subprocess.run(command, check=True, user=self.user, stdout=log, stderr=log, cwd=self.folder, timeout=60)

    def start(self) -> None:
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-w", "-l", str(self.folder / "server.log"), "-o", settings, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")


def _binaries() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("pg_ctl")
    if found:
        folders.append(Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def postgres_server():
    """Started once per test process; skips where there is none to start."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server binaries (apt install postgresql) and no BRISE_TEST_DATABASE_URL")
    user = "postgres" if os.geteuid() == 0 else None
    if user and user not in [entry.pw_name for entry in pwd.getpwall()]:
        pytest.skip("running as root, and there is no user postgres to run the server as")
    folder = Path(tempfile.mkdtemp(prefix="brise-pg-"))
    if user:
        shutil.chown(folder, user)
    server = Server(binaries, folder, _free_port(), user)
    try:
        server.run("initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _postgres_database(request):
    """A database of this test process alone, beside the one that BRISE_TEST_DATABASE_URL names."""
    url = os.environ.get("BRISE_TEST_DATABASE_URL") or request.getfixturevalue("postgres_server").url
    name = f"brise_{uuid.uuid4().hex}"
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    _execute(parsed, f"CREATE DATABASE {name}")
    yield parsed.set(database=name)
    _execute(parsed, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url, *statements):
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.fixture
def postgres_url(_postgres_database):
    """An empty PostgreSQL database."""
    _execute(_postgres_database, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return _postgres_database.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/brise.sqlite"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def tables(database_url):
    """An open store of each kind."""
    store = Tables.open(database_url)
    yield store
    store.close()
