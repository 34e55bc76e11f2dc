"""How fast the API answers, as a ratio to a constant body of the same size from the same server process.

`python -m benchmarks.speed.api [--requests N] [--long]`: publishes a generated run, starts the server on 127.0.0.1 in a
second process and asks it from this one over 32 keep-alive connections, in rounds of both. Every forecast is worked
out: nothing keeps answers. Accepts by the medians: ratio at least 0.4, p99 under 40 ms; and (with --long) no growth of
memory. The ratio of the server's CPU time a request, told beside, is what other work on the machine disturbs least.
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
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import uvicorn
import uvloop
from benchmarks.speed.published import GRID, publish
from starlette.responses import Response
from starlette.routing import Route

from brise.service.api.app import create_app
from brise.service.settings import Settings

CONNECTIONS = 32
MIN_RATIO, MAX_P99_MS, MAX_GROWTH_MB = 0.4, 40.0, 8.0
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
QUERY = "hours=96&pollutants=pm25,pm10,no2,o3&indices=us_aqi,european_aqi"


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n".encode()


def forecasts(count: int, seed: int = 1) -> list[bytes]:
    """Requests for random points inside the grid."""
    rng = np.random.default_rng(seed)
    latitude = GRID.north - rng.random(count) * GRID.step * (GRID.rows - 1)
    longitude = GRID.west + rng.random(count) * GRID.step * (GRID.columns - 1)
    pairs = zip(latitude, longitude, strict=True)
    return [request(f"/v1/air-quality/forecast?latitude={a:.5f}&longitude={b:.5f}&{QUERY}") for a, b in pairs]


@dataclass(frozen=True)
class Load:
    rate: float
    p50_ms: float
    p99_ms: float


class Asker(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer before is whole."""

    def __init__(self, work: "Work") -> None:
        self.work, self.buffer, self.wanted, self.sent = work, 0, None, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        item = self.work.next()
        if item is None:
            self.transport.close()
            return
        self.buffer, self.wanted, self.sent = 0, None, time.perf_counter()
        self.transport.write(item)

    def data_received(self, data: bytes) -> None:
        if self.wanted is None:  # heads come whole: the server writes head and body at once
            if not data.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"unexpected answer: {data[:200]!r}")
            self.wanted = data.index(b"\r\n\r\n") + 4 + int(LENGTH.search(data).group(1))
        self.buffer += len(data)
        if self.buffer >= self.wanted:
            self.work.times.append(time.perf_counter() - self.sent)
            self.ask()

    def connection_lost(self, _error: Exception | None) -> None:
        self.work.finished()


class Work:
    """Requests to send, shared by the connections."""

    def __init__(self, items: list[bytes], count: int) -> None:
        self.items, self.count, self.given, self.open = items, count, 0, CONNECTIONS
        self.times: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def next(self) -> bytes | None:
        if self.given == self.count:
            return None
        self.given += 1
        return self.items[self.given % len(self.items)]

    def finished(self) -> None:
        self.open -= 1
        if self.open == 0:
            self.done.set_result(None)


async def _load(port: int, items: list[bytes], count: int) -> Load:
    work, loop, start = Work(items, count), asyncio.get_running_loop(), time.perf_counter()
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: Asker(work), "127.0.0.1", port)
    await work.done
    seconds = time.perf_counter() - start
    p50, p99 = np.percentile(np.array(work.times) * 1e3, [50, 99])
    return Load(count / seconds, float(p50), float(p99))


def load(port: int, items: list[bytes], count: int) -> Load:
    return uvloop.run(_load(port, items, count))


def serve(folder: Path, port: int) -> None:
    """The server, with one more route: a constant body as long as a typical forecast."""
    app = create_app(Settings(data_dir=folder))
    held = {"body": b""}

    async def constant(asked):
        if not held["body"]:
            held["body"] = b"0" * int(asked.query_params["size"])
        return Response(held["body"], media_type="application/json")

    app.router.routes.insert(0, Route("/constant", constant))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


@contextmanager
def server(folder: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.speed.api", "--serve", str(folder), "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).read()
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def own_memory_mb(pid: int) -> float:
    """Memory that is the process's own: mapped files are the kernel's to drop."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Round:
    """One constant load and one of forecasts, right after each other, so that what disturbs one disturbs both."""

    constant: Load
    forecast: Load
    constant_cpu_us: float
    forecast_cpu_us: float


def play_round(pid: int, port: int, constant: list[bytes], asked: list[bytes], count: int) -> Round:
    spent = [cpu_seconds(pid)]
    loads = []
    for items in (constant, asked):
        loads.append(load(port, items, count))
        spent.append(cpu_seconds(pid))
    fixed, own = ((b - a) / count * 1e6 for a, b in pairwise(spent))
    one = Round(*loads, fixed, own)
    print(
        f"constant {one.constant.rate:7.0f}/s ({fixed:.0f} µs CPU)  "
        f"forecast {one.forecast.rate:7.0f}/s ({own:.0f} µs CPU)  "
        f"ratio {one.forecast.rate / one.constant.rate:.2f} (CPU {fixed / own:.2f})  "
        f"p50 {one.forecast.p50_ms:.1f} ms  p99 {one.forecast.p99_ms:.1f} ms"
    )
    return one


def measure(count: int, rounds: int, long: int) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        publish(folder)
        with server(folder) as (pid, port):
            asked = forecasts(20_000)
            path = asked[0].split(b" ")[1].decode()
            size = len(urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read())
            constant = [request(f"/constant?size={size}&{QUERY}")]
            load(port, asked, 2_000)  # warm
            load(port, constant, 2_000)
            print(f"{GRID.cells} cells, body {size} bytes, {CONNECTIONS} connections, {count} requests a load")
            played = [play_round(pid, port, constant, asked, count) for _ in range(rounds)]
            before = own_memory_mb(pid)
            if long:
                load(port, asked, long)
            growth = own_memory_mb(pid) - before
    ratio = median(one.forecast.rate / one.constant.rate for one in played)
    fixed, own = median(one.constant_cpu_us for one in played), median(one.forecast_cpu_us for one in played)
    p99 = median(one.forecast.p99_ms for one in played)
    print(f"median of {rounds} rounds: ratio of rates {ratio:.2f}, p99 {p99:.1f} ms")
    print(f"server CPU a request: constant {fixed:.0f} µs, forecast {own:.0f} µs, ratio {fixed / own:.2f}")
    print(f"own memory {before:.1f} MB, growth over {long} requests {growth:+.1f} MB")
    good = ratio >= MIN_RATIO and p99 < MAX_P99_MS and growth < MAX_GROWTH_MB
    print(f"{'meets' if good else 'MISSES'} ratio >= {MIN_RATIO}, p99 < {MAX_P99_MS} ms, growth < {MAX_GROWTH_MB} MB")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--long", action="store_true", help="watch memory over 200,000 requests")
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.port)
        return
    if not measure(given.requests, given.rounds, 200_000 if given.long else 0):
        sys.exit(1)


if __name__ == "__main__":
    main()
