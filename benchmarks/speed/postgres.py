"""A PostgreSQL server of one benchmark alone, from Debian's binaries, with its durability as installed."""

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A running server."""

    binaries: Path
    folder: Path
    port: int
    user: str | None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, name: str, *arguments: str) -> None:
        command = [str(self.binaries / name), "-D", str(self.folder / "data"), *arguments]
        with (self.folder / "log").open("a") as log:
            subprocess.run(command, check=True, user=self.user, stdout=log, stderr=log, cwd=self.folder, timeout=120)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-w", "-l", str(self.folder / "server.log"), "-o", options, "start")

    def stop(self) -> None:
        """At once, as a crash: what was not on the disk is gone."""
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def postgres():
    """Start one; SystemExit where there are no binaries."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if not found:
        raise SystemExit("no PostgreSQL server binaries (apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="brise-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(found[0], folder, probe.getsockname()[1], user)
    try:
        server.run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8")
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
