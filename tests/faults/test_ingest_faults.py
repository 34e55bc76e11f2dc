"""`brise ingest` and bad days: rubbish, a full disk, kill -9. One line, nothing lost, the next run heals."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from brise.io.tables import Tables
from brise.service import cli
from brise.service.jobs import feeds
from brise.service.jobs.ingest import open_tables
from brise.service.settings import Settings

NAME = "1517918796.ndjson.gz"  # when a stream's file was fetched is in its name
STREAM = {
    "date": {"utc": "2018-02-06T11:00:00.000Z", "local": "2018-02-06T11:00:00+00:00"},
    "parameter": "pm25",
    "location": "Somewhere",
    "value": 12.5,
    "unit": "µg/m³",
    "city": "Town",
    "attribution": [{"name": "Agency", "url": "http://example.org"}],
    "averagingPeriod": {"value": 1, "unit": "hours"},
    "coordinates": {"latitude": 10.0, "longitude": 20.0},
    "country": "XX",
    "sourceName": "Agency",
    "sourceType": "government",
    "mobile": False,
}
DAMAGED = {
    "empty": b"",
    "web page": b"<!DOCTYPE html><html><body>[/b] 502 Bad gateway</body></html>",
    "UTF-16": json.dumps(STREAM).encode("utf-16"),
    "Latin-1": json.dumps(STREAM, ensure_ascii=False).encode("latin-1"),
    "cut gzip": gzip.compress(json.dumps([STREAM] * 50).encode())[:-30],
    "cut JSON": b'{"results": [{"id": 1, "coordinates": {"lat',
}
JSON_SOURCES = ("airnow", "airgradient", "open_meteo", "openaq", "purpleair", "sensor_community", "simulated", "waqi")


def run(monkeypatch, capsys, *arguments, status=0):
    """A command in this process; what it said on standard error."""
    monkeypatch.setattr("sys.argv", ["brise", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    heard = capsys.readouterr()
    assert (ended.value.code or 0) == status, heard.err
    return heard


def command(*arguments):
    return [sys.executable, "-m", "brise", *map(str, arguments)]


def rows_in(folder: Path) -> int:
    with open_tables(Settings(data_dir=folder)) as tables:
        return tables.counts()["observations"]


@pytest.mark.parametrize("fault", DAMAGED)
@pytest.mark.parametrize("source", [*JSON_SOURCES, "archive"])
def test_a_damaged_payload_is_one_line_and_the_next_run_heals(monkeypatch, capsys, tmp_path, store, source, fault):
    bad, data = tmp_path / NAME, store
    bad.write_bytes(DAMAGED[fault])
    heard = run(monkeypatch, capsys, "ingest", source, "--data", data, "--file", bad, status=1)
    lines = heard.err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("brise: ")
    assert source in lines[0]
    assert len(lines[0]) < 500
    assert rows_in(data) == 0


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A data folder that no fault of this module may leave a row in."""
    return tmp_path_factory.mktemp("store")


def test_a_good_file_beside_damaged_ones_is_stored_and_they_are_named(monkeypatch, capsys, tmp_path):
    good = tmp_path / NAME
    good.write_bytes(json.dumps(STREAM).encode() + b"\n")
    for place, payload in enumerate(DAMAGED.values()):
        (tmp_path / f"15179187{place}0.ndjson.gz").write_bytes(payload)
    files = sorted(tmp_path.glob("*.ndjson.gz"))
    told = run(monkeypatch, capsys, "ingest", "openaq", "--data", tmp_path / "data", *files, "--json")
    report = json.loads(told.out)
    assert report["stored"] == 1
    assert len(report["failed"]) == len(DAMAGED)
    table = run(monkeypatch, capsys, "ingest", "openaq", "--data", tmp_path / "data", *files).out
    assert "[/b]" in table  # brackets of a payload are text, not markup
    assert rows_in(tmp_path / "data") == 1


def test_rows_from_the_future_are_counted_and_never_stored(monkeypatch, capsys, tmp_path):
    late = STREAM | {"date": {"utc": "2048-02-06T11:00:00.000Z", "local": "2048-02-06T11:00:00+00:00"}}
    rows = [late, STREAM, *(STREAM | {"parameter": name} for name in ("pm10", "no2"))]
    (tmp_path / NAME).write_bytes("".join(json.dumps(row) + "\n" for row in rows).encode())
    told = run(monkeypatch, capsys, "ingest", "openaq", "--data", tmp_path / "d", tmp_path / NAME, "--json")
    report = json.loads(told.out)
    assert report["rejected"] == {"impossible_time": 1}
    assert report["stored"] == rows_in(tmp_path / "d") == 3


def test_a_gigabyte_is_refused_in_bounded_memory(tmp_path):
    """1 GiB of zeros in a megabyte of gzip, and 1 GiB as a file."""
    (tmp_path / NAME).write_bytes(gzip.compress(bytes(2**23), 9) * 128)
    with (tmp_path / "1517918797.ndjson.gz").open("wb") as large:
        large.truncate(2**30)
    files = sorted(tmp_path.glob("*.ndjson.gz"))
    child = subprocess.Popen(
        command("ingest", "openaq", "--data", tmp_path / "d", *files),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = child.stderr.read()
    child.stderr.close()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 1
    lines = [line for line in said.splitlines() if line.startswith("brise: ")]
    assert len(lines) == 1
    assert lines[0].count("more than the limit of 536870912") == 2
    assert "Traceback" not in said
    assert used.ru_maxrss < 1.5 * 2**20  # KiB: twice the limit while it is joined, and the interpreter; not all of both
    assert rows_in(tmp_path / "d") == 0


def archive_of(path: Path, days: int) -> Path:
    """Six stations, one pollutant, hours in order of time: several chunks of a streamed archive."""
    hours = pd.date_range("2020-01-01", periods=24 * days, freq="h", tz="UTC")
    stations = [f"S{number}" for number in range(6)]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"time_utc": np.repeat(hours, len(stations)), "station_id": stations * len(hours)})
    frame["lat"], frame["lon"] = 10.0, 20.0 + frame["station_id"].str[1:].astype(float) / 50
    frame["pm25_ugm3"] = rng.gamma(3, 4, len(frame)).astype("float32")
    frame.to_parquet(path)
    return path


def test_killed_in_the_middle_it_keeps_whole_batches_and_the_next_run_completes_it(monkeypatch, capsys, tmp_path):
    archive, data = archive_of(tmp_path / "long.parquet", 700), tmp_path / "d"
    with open_tables(Settings(data_dir=data)) as tables:
        child = subprocess.Popen(command("ingest", "archive", "--data", data, "--file", archive),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        kept = _wait_for_rows(tables, child)
        child.send_signal(signal.SIGKILL)
        child.wait()
        left = tables.counts()["observations"]
        assert kept <= left < 100_800  # what was stored stays; it was indeed in the middle
    again = run(monkeypatch, capsys, "ingest", "archive", "--data", data, "--file", archive, "--json")
    report = json.loads(again.out)
    assert (report["read"], report["stored"], report["duplicate"]) == (100_800, 100_800 - left, left)
    assert rows_in(data) == 100_800  # as many as a run that nobody disturbed


def _wait_for_rows(tables: Tables, child: subprocess.Popen) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        rows = tables.counts()["observations"]
        if rows:
            return rows
        assert child.poll() is None
        time.sleep(0.05)
    pytest.fail("nothing stored in 60 s")


@pytest.fixture(params=["small disk", "limited file size"])
def full_place(request, tmp_path):
    """A folder whose disk is nearly full, what limits a process there, and what frees space."""
    if request.param == "limited file size":
        yield tmp_path, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)), lambda: None
        return
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.strip()}")
    try:
        yield place, None, lambda: subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_one_line_and_the_next_run_heals(monkeypatch, capsys, full_place, tmp_path):
    place, limited, free = full_place
    archive = archive_of(tmp_path / "some.parquet", 200)
    ingest = command("ingest", "archive", "--data", place / "data", "--file", archive)
    full = subprocess.run(ingest, capture_output=True, text=True, preexec_fn=limited)
    assert full.returncode == 1, full.stderr
    lines = [line for line in full.stderr.splitlines() if line.startswith("brise: ")]
    assert len(lines) == 1
    assert "store (sqlite): write failed: " in lines[0] or "cannot be opened" in lines[0]
    assert "Traceback" not in full.stderr
    free()
    run(monkeypatch, capsys, "ingest", "archive", "--data", place / "data", "--file", archive)
    assert rows_in(place / "data") == 28_800


def test_a_provider_that_sends_rubbish_is_named_and_heard_again(monkeypatch, tmp_path, caplog):
    """The live door: what comes is kept as it came, the reason is recorded, and the next good answer clears it."""
    import httpx

    from brise.io.download import Client, Limits
    from brise.io.raw import RawStore

    good = (Path(__file__).parents[1] / "data" / "sources" / "sensor_community_live.json").read_bytes()
    payloads = [payload for payload in DAMAGED.values() if payload]
    answers = iter([*payloads, b"", good])
    settings = Settings(data_dir=tmp_path)
    feed = feeds.LiveFeed.of(["sensor_community"], settings)
    feed.client = Client(
        RawStore(tmp_path / "raw"),
        Limits(attempts=1, spacing_s={"": 0.0}),
        transport=httpx.MockTransport(lambda _request: httpx.Response(200, content=next(answers))),
    )
    with open_tables(settings) as tables:
        now = pd.Timestamp("2026-01-01T00:00Z").to_pydatetime()
        for step in range(len(payloads) + 1):
            caplog.clear()
            assert feed.poll(tables, settings, now + step * feeds.CATCH_UP) == 0
            (status,) = tables.runs.read_sources()
            assert status.last_error
            assert "\n" not in status.last_error
            assert not [record for record in caplog.records if record.exc_info]
        feed.poll(tables, settings, now + 100 * feeds.CATCH_UP)
        (status,) = tables.runs.read_sources()
        assert status.last_error == ""
        assert status.last_success is not None
    kept = [path.read_bytes() for path in (tmp_path / "raw").rglob("*.gz")]
    assert DAMAGED["cut gzip"] in kept
    assert gzip.compress(good, 6, mtime=0) in kept
