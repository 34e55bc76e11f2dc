"""2,000 trackers at one value a second into each database: nothing acknowledged may be lost, p99 under 250 ms.

`python -m benchmarks.speed.push [--database sqlite|postgresql] [--seconds 30] [--full] [--restart]`: starts the server
in a second process and speaks to it from this one over one keep-alive connection a tracker, each sending one value a
second, whatever became of the one before. `--full` is 10 minutes. `--restart` stops the database in the middle for some
seconds (PostgreSQL: at once, as a crash does; SQLite has no server, so the process that serves is killed and started
again). What was acknowledged is then looked for in the database, row by row.
"""

import argparse
import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import uvicorn
import uvloop
from benchmarks.speed.postgres import postgres
from sqlalchemy import create_engine, make_url, text

from brise.io.tables import Tables
from brise.service.api.app import create_app
from brise.service.settings import Settings

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
DEVICES, MAX_P99_MS = 2_000, 250.0
PATIENCE_S = 10.0


class Tracker(asyncio.Protocol):
    """One device: sends its value each second; what is not acknowledged it sends again with the next."""

    def __init__(self, place: int, tracker: tuple[str, str], load: "Load") -> None:
        self.place, (self.id, self.key), self.load = place, tracker, load
        self.transport: asyncio.Transport | None = None
        self.unsent: list[int] = []
        self.flying: tuple[list[int], float] | None = None
        self.answer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def send(self) -> None:
        if self.flying is not None or not self.unsent or self.transport is None:
            return
        times, self.unsent = self.unsent[:1000], self.unsent[1000:]
        rows = [{"time": one, "latitude": 51.5, "longitude": -0.1, "pm25": 12.5} for one in times]
        body = orjson.dumps({"observations": rows})
        head = (
            f"POST /v1/trackers/{self.id}/observations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.flying = times, time.perf_counter()
        self.transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head = self.answer.find(b"\r\n\r\n")
        if head < 0 or len(self.answer) < head + 4 + int(LENGTH.search(self.answer).group(1)):
            return
        status, self.answer = int(self.answer[9:12]), b""
        times, sent = self.flying
        self.flying = None
        self.load.latencies.append((time.time(), time.perf_counter() - sent, status))
        if status == 200:
            self.load.acknowledged.extend((self.place, one) for one in times)
        else:
            self.unsent = times + self.unsent

    def connection_lost(self, _error: Exception | None) -> None:
        if self.flying is not None:
            self.unsent, self.flying, self.answer = self.flying[0] + self.unsent, None, b""
        self.transport = None


class Load:
    """All devices of this run."""

    def __init__(self, port: int, trackers: list[tuple[str, str]]) -> None:
        self.port = port
        self.latencies: list[tuple[float, float, int]] = []
        self.acknowledged: list[tuple[int, int]] = []
        self.devices = [Tracker(place, one, self) for place, one in enumerate(trackers)]

    async def connect(self, device: Tracker) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: device, "127.0.0.1", self.port)
        except OSError:
            device.transport = None

    async def play(self, device: Tracker, start: float, seconds: int) -> None:
        """One value a second at this device's own moment within the second; then wait for the last answers."""
        first = start + device.place / len(self.devices)
        for tick in range(seconds + int(PATIENCE_S)):
            await asyncio.sleep(max(0.0, first + tick - time.time()))
            if tick < seconds:
                device.unsent.append(int(first) + tick)
            elif not device.unsent and device.flying is None:
                return
            if device.transport is None:
                await self.connect(device)
            device.send()

    async def run(self, seconds: int) -> None:
        for device in self.devices:
            await self.connect(device)
        warm = self.devices[0]
        warm.unsent.append(int(time.time()) - 3600)
        warm.send()  # opens the database
        await asyncio.sleep(3)
        self.latencies.clear()
        start = time.time() + 1
        await asyncio.gather(*(self.play(device, start, seconds) for device in self.devices))
        for device in self.devices:
            if device.transport is not None:
                device.transport.close()


def serve(url: str, folder: str, port: int) -> None:
    app = create_app(Settings(data_dir=Path(folder), database_url=url))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, backlog=4096)


class Server:
    """The API in a process of its own."""

    def __init__(self, url: str, folder: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [sys.executable, "-m", "benchmarks.speed.push", "--serve", url, folder, "--port", str(self.port)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1).read()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("the server did not start")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(one.split()[1]) for one in lines if one.startswith("VmRSS")) / 1024

    def stop(self, how: int = signal.SIGINT) -> None:
        self.process.send_signal(how)
        self.process.wait(15)


@contextmanager
def database(kind: str, folder: str):
    """URL of an empty one, and what stops and starts it (None: no server)."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/brise.sqlite", None
    else:
        with postgres() as server:
            yield server.url, server


def register(url: str) -> list[tuple[str, str]]:
    with Tables.open(url) as tables:
        found = []
        while len(found) < DEVICES:
            owner, _ = tables.owners.create()
            for _ in range(50):
                tracker, key = tables.owners.register(owner.key, {})
                found.append((tracker.id, key))
    return found


def stored(url: str, trackers: list[tuple[str, str]]) -> set[tuple[int, int]]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg") if "postgres" in url else url)
    places = {tracker: place for place, (tracker, _) in enumerate(trackers)}
    with engine.connect() as connection:
        query = "SELECT t.id, s.time FROM tracker_samples s JOIN trackers t ON t.key = s.device WHERE s.pm25 = 12.5"
        found = {(places[one], int(moment)) for one, moment in connection.execute(text(query))}
    engine.dispose()
    return found


async def disturbed(seconds: int, server: Server, base: object | None, report: list[str]) -> None:
    await asyncio.sleep(seconds / 2)
    loop = asyncio.get_running_loop()
    before = time.time()
    if base is None:
        await loop.run_in_executor(None, server.stop, signal.SIGKILL)
        await loop.run_in_executor(None, server.start)
        report.append(f"server killed and back after {time.time() - before:.1f} s")
    else:
        await loop.run_in_executor(None, base.stop)
        await asyncio.sleep(2)
        await loop.run_in_executor(None, base.start)
        report.append(f"PostgreSQL stopped at once, back after {time.time() - before:.1f} s")
    report.append(str(before))


def measure(kind: str, seconds: int, restart: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder, database(kind, folder) as (url, base):
        trackers = register(url)
        server, report = Server(url, folder), []
        load = Load(server.port, trackers)

        async def run() -> None:
            jobs = [load.run(seconds)] + ([disturbed(seconds, server, base, report)] if restart else [])
            await asyncio.gather(*jobs)

        started = time.time()
        uvloop.run(run())
        cpu, memory = server.cpu_seconds(), server.memory_mb()
        server.stop()
        kept, told = stored(url, trackers), set(load.acknowledged)
    calm = [one for one in load.latencies if not report or not -1 < one[0] - float(report[-1]) < 20]
    took = np.array([one[1] for one in calm]) * 1e3
    p50, p99 = np.percentile(took, [50, 99])
    refused = sum(one[2] != 200 for one in load.latencies)
    print(f"{kind}: {DEVICES} trackers x {seconds} values in {time.time() - started:.0f} s; {refused} answers not 200")
    for line in report[:-1]:
        print(f"  {line}")
    print(f"  acknowledged {len(told)}, of these stored {len(told & kept)}, lost {len(told - kept)}; never sent "
          f"{DEVICES * seconds + 1 - len(told)}")  # fmt: skip
    print(f"  p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {took.max():.0f} ms; server {cpu:.0f} s CPU, {memory:.0f} MB")
    good = not told - kept and len(told) == DEVICES * seconds + 1 and p99 < MAX_P99_MS
    print(f"  {'meets' if good else 'MISSES'}: none lost, all acknowledged, p99 < {MAX_P99_MS:.0f} ms")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--full", action="store_true", help="10 minutes")
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--serve", nargs=2)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve, given.port)
        return
    seconds = 600 if given.full else given.seconds
    good = [measure(kind, seconds, given.restart) for kind in given.database or ["sqlite", "postgresql"]]
    if not all(good):
        sys.exit(1)


if __name__ == "__main__":
    main()
