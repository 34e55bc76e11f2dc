"""`brise up` as a person runs it: a real server over a replayed archive; killed without warning, it loses nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from brise.service.jobs.ingest import open_tables
from brise.service.settings import Settings

PATIENCE_S = 90


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(archive, folder, port, *more):
    command = [sys.executable, "-m", "brise", "up", "--replay", str(archive), "--at", "2023-01-15T00:00Z",
               "--speed", "600", "--data", str(folder), "--port", str(port), *more]  # fmt: skip
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd=folder)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def answer(port, child, log, path="/v1/air-quality/current?latitude=10&longitude=20", ready=lambda r: True):
    """The answer once it is there."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert child.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            reply = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5)
            if reply.status_code == 200 and ready(reply.json()):
                return reply.json()
        time.sleep(0.3)
    pytest.fail(f"no answer in {PATIENCE_S} s: {log.read_text()}")


def test_up_answers_moves_on_survives_a_kill_and_stops_on_ctrl_c(archive, tmp_path):
    port = free_port()
    with running(archive, tmp_path, port) as child:
        first = answer(port, child, tmp_path / "log")
        assert first["status"] == "ok"
        assert first["concentrations"]["pm25"]["value"] > 0
        assert first["provenance"]["simulated"] is False
        assert httpx.head(f"http://127.0.0.1:{port}/v1/status", timeout=5).status_code == 200
        assert "Content-Length" not in (tmp_path / "log").read_text()  # a HEAD's missing body is no error
        later = answer(port, child, tmp_path / "log", ready=lambda r: r["init_time"] > first["init_time"])
        os.killpg(child.pid, signal.SIGKILL)  # both processes, at whatever they were doing
        child.wait()
    with open_tables(Settings(data_dir=tmp_path)) as tables:
        kept = tables.counts()["observations"]
    assert kept > 2000

    port = free_port()
    with running(archive, tmp_path, port) as child:
        again = answer(port, child, tmp_path / "log", ready=lambda r: r["status"] == "ok")
        assert again["init_time"] <= later["init_time"]
        os.kill(child.pid, signal.SIGINT)
        assert child.wait(timeout=30) == 0
    with open_tables(Settings(data_dir=tmp_path)) as tables:
        assert tables.counts()["observations"] >= kept
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_taken_port_is_said_before_any_work(archive, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with running(archive, tmp_path, port) as child:
            assert child.wait(timeout=60) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in (tmp_path / "log").read_text()
