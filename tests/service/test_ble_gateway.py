"""Atmotube by Bluetooth, from a simulated device to a table and to a server."""

import asyncio
import contextlib
import csv
import struct
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
from typer.testing import CliRunner

from brise.conventions.errors import InputError, SourceError
from brise.service.cli import app
from brise.service.jobs import ble_gateway
from brise.service.jobs.ble_gateway import Minute, csv_sink, decode_particles, run_gateway, server_sink

LAST = "b2"
VOC = struct.pack("<HH", 300, 0)
WEATHER = struct.pack("<BbIh", 45, 21, 101_325, 2150)
PARTICLES = b"".join(value.to_bytes(3, "little") for value in (550, 1234, 2000, 1500))


class Peripheral:
    """A device that notifies what it is told to, then goes out of reach."""

    def __init__(self, radio) -> None:
        self.radio, self.is_connected = radio, True
        numbers = radio.numbers
        rows = [SimpleNamespace(uuid=ble_gateway.UUID.format(number).upper() + LAST.upper()) for number in numbers]
        self.services = [SimpleNamespace(characteristics=rows)]
        self.listening = {}

    async def start_notify(self, which, callback) -> None:
        self.listening[which.uuid[7]] = callback
        if len(self.listening) == len(set(self.radio.numbers) & {2, 3, 5}):
            self.task = asyncio.create_task(self.tell())

    async def tell(self) -> None:
        for number, payload in self.radio.says:
            self.listening[number](None, bytearray(payload))
        await asyncio.sleep(0.15)
        self.is_connected = False


class Radio:
    def __init__(self, says, numbers=(1, 2, 3, 4, 5), found=True) -> None:
        self.says, self.numbers, self.found, self.connections = says, numbers, found, 0

    async def find(self, address, seconds):
        return address or "AA:BB" if self.found else None

    @contextlib.asynccontextmanager
    async def connect(self, device):
        self.connections += 1
        yield Peripheral(self)


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(ble_gateway, "BACKOFF_S", (0.0,))
    monkeypatch.setattr(ble_gateway, "PERIOD_S", 0.05)


def gather(radio, rows: int) -> list[dict]:
    got, stop = [], threading.Event()

    def sink(row) -> None:
        got.append(row)
        if len(got) >= rows:
            stop.set()

    run_gateway(sink, None, stop, radio)
    return got


def test_a_minute_is_the_mean_of_what_was_heard():
    other = b"".join(value.to_bytes(3, "little") for value in (650, 0xFFFFFF, 2000))
    radio = Radio([("2", VOC), ("3", WEATHER), ("5", PARTICLES), ("5", other), ("5", b"\x01"), ("2", b"")])
    (row, *_) = gather(radio, 1)
    assert row["voc"] == 300.0
    assert row["pm1"] == 6.0
    assert row["pm25"] == 12.34
    assert row["pm10"] == 20.0
    assert row["relative_humidity"] == 0.45
    assert row["temperature"] == pytest.approx(294.65)
    assert row["pressure"] == 101_325.0
    assert abs(row["time"] - time.time()) < 60


def test_a_device_that_went_away_is_heard_again():
    radio = Radio([("2", VOC)])
    assert len(gather(radio, 3)) == 3
    assert radio.connections == 3


def test_what_no_sensor_can_measure_is_left_out():
    minute = Minute()
    minute.hear(decode_particles, (9_000_000).to_bytes(3, "little") * 3)
    assert minute.row(0) is None
    assert minute.unreadable == 3


def test_no_device_and_a_strange_device_are_named():
    with pytest.raises(SourceError, match="no Atmotube was heard"):
        gather(Radio([], found=False), 1)
    with pytest.raises(InputError, match="none of Atmotube Pro's services"):
        gather(Radio([], numbers=(7,)), 1)


def test_a_table_grows_row_by_row_and_another_is_not_touched(tmp_path):
    path = tmp_path / "air.csv"
    for row in gather(Radio([("2", VOC), ("5", PARTICLES)]), 2):
        csv_sink(path)(row)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [one["voc"] for one in rows] == ["300.0", "300.0"]
    assert rows[0]["time"].endswith("Z")
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="not a table of this command"):
        csv_sink(path)


def test_rows_wait_for_a_server_that_is_away():
    taken, away = [], [True, True]

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer bd_key"
        if away:
            if away.pop():
                raise httpx.ConnectError("refused")
        else:
            taken.extend(httpx.Response(200, content=request.content).json()["observations"])
        return httpx.Response(200)

    sink = server_sink("http://brise/", "t1", "bd_key", httpx.MockTransport(answer))
    for moment in range(4):
        sink({"time": moment, "period_s": 60, "pm25": 1.0})
    assert [row["time"] for row in taken] == [2, 3] or [row["time"] for row in taken][-2:] == [2, 3]
    refusing = httpx.MockTransport(lambda _: httpx.Response(401))
    with pytest.raises(InputError, match="refuses the tracker's key"):
        server_sink("http://brise", "t1", "bd_key", refusing)({"time": 1})


@pytest.mark.parametrize("arguments", [[], ["--server", "http://x"], ["--server", "http://x", "--out", "y.csv"]])
def test_the_command_wants_one_place_to_write_to(arguments, monkeypatch):
    monkeypatch.delenv("BRISE_TRACKER_KEY", raising=False)
    result = CliRunner().invoke(app, ["tracker", "listen", *arguments])
    assert isinstance(result.exception, InputError)
