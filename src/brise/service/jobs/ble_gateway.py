"""A tracker heard by Bluetooth: Atmotube Pro's open services, a row a minute, pushed to a server or kept in a table.

The layout is the maker's published one: little-endian; VOC in ppb as two bytes; humidity in %, whole °C, pressure in
Pa and hundredths of °C as eight bytes; PM1, PM2.5, PM10 (and PM4) in hundredths of µg m-3 as three bytes each, all bits
set where there is none. The last digit of the service's UUID differs between the sources we found, so what comes before
it decides. Bluetooth itself (`bleak`, extra `ble`) is one object that is handed in, so that it can be simulated.
"""

import asyncio
import csv
import logging
import struct
import threading
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import httpx

from brise.conventions.errors import BriseError, ConfigurationError, InputError, SourceError, StoreError
from brise.conventions.variables import VARIABLES

LOG = logging.getLogger(__name__)
UUID = "db45000{}-8e9a-4818-add7-6ed94a328a"
COLUMNS = ("pm1", "pm25", "pm10", "voc", "temperature", "relative_humidity", "pressure")
PERIOD_S = 60
FIND_S = 30.0
BACKOFF_S = (1.0, 5.0, 30.0)
SPACE = 14_400
"""Rows kept while the server is away: ten days, as many as the device itself keeps."""

BATCH = 500
_NO_PM = 0xFFFFFF
Row = dict[str, Any]
Sink = Callable[[Row], None]
"""Takes a row `time, period_s` and quantities in storage units."""


class Characteristic(Protocol):
    """What a device can tell of."""

    uuid: str


class Peripheral(Protocol):
    """A connected device, as `bleak.BleakClient` is one."""

    is_connected: bool
    services: Any

    async def start_notify(self, which: Any, callback: Callable[[Any, bytearray], None]) -> None:
        """Have `callback` called with each value."""


class Radio(Protocol):
    """Bluetooth, or what stands in for it."""

    async def find(self, address: str | None, seconds: float) -> Any:
        """A device, by its address or the first Atmotube that is heard; None within so many seconds."""

    def connect(self, device: Any) -> AbstractAsyncContextManager[Peripheral]:
        """A connection for the length of a block."""


def decode_voc(payload: bytes) -> dict[str, float]:
    """Total VOC.

    >>> decode_voc(bytes([0x2C, 0x01, 0, 0]))
    {'voc': 300.0}
    """
    return {"voc": float(struct.unpack_from("<H", payload)[0])}


def decode_weather(payload: bytes) -> dict[str, float]:
    """Humidity, temperature and pressure.

    >>> decode_weather(struct.pack("<BbIh", 45, 21, 101_325, 2150))
    {'relative_humidity': 0.45, 'temperature': 294.65, 'pressure': 101325.0}
    """
    humidity, _, pressure, hundredths = struct.unpack_from("<BbIh", payload)
    temperature = round(hundredths / 100 + 273.15, 2)
    return {"relative_humidity": humidity / 100, "temperature": temperature, "pressure": float(pressure)}


def decode_particles(payload: bytes) -> dict[str, float]:
    """Particles; what the counter does not know is left out.

    >>> decode_particles((550).to_bytes(3, "little") + (1234).to_bytes(3, "little") + bytes([255] * 6))
    {'pm1': 5.5, 'pm25': 12.34}
    """
    struct.unpack_from("<9B", payload)  # at least three values, or struct.error
    found = {name: int.from_bytes(payload[3 * at : 3 * at + 3], "little") for at, name in enumerate(COLUMNS[:3])}
    return {name: value / 100 for name, value in found.items() if value != _NO_PM}


DECODERS: dict[str, Callable[[bytes], dict[str, float]]] = {
    UUID.format(2): decode_voc,
    UUID.format(3): decode_weather,
    UUID.format(5): decode_particles,
}
"""Beginning of a characteristic's UUID -> what reads its values."""


class Minute:
    """Means of what was heard since the last row; what no sensor of its kind can measure is counted, not kept."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._heard: dict[str, list[float]] = {}
        self.unreadable = 0

    def hear(self, decode: Callable[[bytes], dict[str, float]], payload: bytes) -> None:
        """Add one notification."""
        try:
            values = decode(payload)
        except struct.error:
            self.unreadable += 1
            return
        for name, value in values.items():
            if VARIABLES[name].minimum <= value <= VARIABLES[name].maximum:
                self._heard.setdefault(name, []).append(value)
            else:
                self.unreadable += 1

    def row(self, now: int) -> Row | None:
        """The means of this minute, and begin the next; None where nothing was heard."""
        heard, self._heard = self._heard, {}
        if not heard:
            return None
        means = {name: round(sum(values) / len(values), 4) for name, values in heard.items()}
        return {"time": now, "period_s": PERIOD_S, **means}


class _Bleak:
    """Bluetooth by the library `bleak`.

    Raises:
        ConfigurationError: It is not installed.
    """

    def __init__(self) -> None:
        try:
            import bleak
        except ImportError:
            raise ConfigurationError("Bluetooth needs the extra brise[ble] (bleak)") from None
        self._bleak = bleak

    async def find(self, address: str | None, seconds: float) -> Any:
        from bleak.exc import BleakError

        def wanted(device: Any, heard: Any) -> bool:
            if address is not None:
                return str(device.address).lower() == address.lower()
            ours = any(uuid.lower().startswith(UUID.format(1)) for uuid in heard.service_uuids)
            return ours or (heard.local_name or "").upper().startswith("ATMOTUBE")

        try:
            return await self._bleak.BleakScanner.find_device_by_filter(wanted, timeout=seconds)
        except (BleakError, OSError) as error:
            raise SourceError(f"Bluetooth: {error}") from None

    def connect(self, device: Any) -> AbstractAsyncContextManager[Peripheral]:
        return self._bleak.BleakClient(device)  # type: ignore[return-value]


def run_gateway(sink: Sink, address: str | None, stop: threading.Event, radio: Radio | None = None) -> None:
    """Listen until `stop`; a device that goes out of reach is looked for again.

    Raises:
        ConfigurationError: Bluetooth's library is not installed.
        SourceError: There is no Bluetooth here, or no device was heard at the start.
    """
    asyncio.run(_listen(sink, address, stop, radio or _Bleak()))


async def _listen(sink: Sink, address: str | None, stop: threading.Event, radio: Radio) -> None:
    attempt, ever = 0, False
    while not stop.is_set():
        device = await radio.find(address, FIND_S)
        if device is None and not ever:
            raise SourceError(f"no {'device ' + address if address else 'Atmotube'} was heard within {FIND_S:.0f} s")
        if device is not None:
            try:
                async with radio.connect(device) as peripheral:
                    ever, attempt = True, 0
                    LOG.info("listening to a tracker by Bluetooth")
                    await _hear(peripheral, sink, stop)
            except (OSError, EOFError, TimeoutError) as error:  # bleak's errors of the connection are among these
                LOG.warning("Bluetooth: %s", type(error).__name__)
        if not stop.is_set():
            await asyncio.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
            attempt += 1


async def _hear(peripheral: Peripheral, sink: Sink, stop: threading.Event) -> None:
    minute = Minute()
    known = 0
    for characteristic in (one for service in peripheral.services for one in service.characteristics):
        decode = next((d for uuid, d in DECODERS.items() if characteristic.uuid.lower().startswith(uuid)), None)
        if decode is not None:
            known += 1
            await peripheral.start_notify(characteristic, _hearing(minute, decode))
    if not known:
        raise InputError("the device has none of Atmotube Pro's services")
    due = time.monotonic() + PERIOD_S
    while peripheral.is_connected and not stop.is_set():
        await asyncio.sleep(min(0.2, PERIOD_S))
        if time.monotonic() >= due:
            due += PERIOD_S
            await _give(minute, sink)
    await _give(minute, sink)


def _hearing(minute: Minute, decode: Callable[[bytes], dict[str, float]]) -> Callable[[Any, bytearray], None]:
    return lambda _, payload: minute.hear(decode, bytes(payload))


async def _give(minute: Minute, sink: Sink) -> None:
    row = minute.row(int(time.time()))
    if row is not None:
        await asyncio.to_thread(sink, row)


def csv_sink(path: Path) -> Sink:
    """Append rows to a table, each whole on the disk before the next.

    Raises:
        InputError: The file is there and is another table.
    """
    names = ("time", "period_s", *COLUMNS)
    first = path.read_bytes()[:1000].split(b"\n")[0].decode("utf-8", "replace") if path.exists() else ""
    if first and first != ",".join(names):
        raise InputError(f"{path}: is not a table of this command; name another")

    def write(row: Row) -> None:
        try:
            with path.open("a", newline="") as file:
                writer = csv.DictWriter(file, names, lineterminator="\n")
                if not file.tell():
                    writer.writeheader()
                moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(row["time"]))
                writer.writerow(row | {"time": moment})
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from None

    return write


def server_sink(server: str, tracker: str, key: str, transport: httpx.BaseTransport | None = None) -> Sink:
    """Push rows to a Brise; what it cannot take now waits for the next, up to SPACE rows."""
    url = f"{server.rstrip('/')}/v1/trackers/{tracker}/observations"
    client = httpx.Client(headers={"Authorization": f"Bearer {key}"}, timeout=20, transport=transport)
    waiting: list[Row] = []

    def push(row: Row) -> None:
        waiting.append(row)
        del waiting[:-SPACE]
        while waiting:
            batch = waiting[:BATCH]
            try:
                answer = client.post(url, json={"observations": batch})
            except httpx.HTTPError as error:
                LOG.warning("server: %s; %d rows wait", type(error).__name__, len(waiting))
                return
            if answer.status_code in (401, 404):
                raise _refused(answer)
            if answer.status_code != 200:
                LOG.warning("server: status %d; %d rows wait", answer.status_code, len(waiting))
                return
            del waiting[: len(batch)]

    return push


def _refused(answer: httpx.Response) -> BriseError:
    return InputError(f"the server refuses the tracker's key (status {answer.status_code})")
