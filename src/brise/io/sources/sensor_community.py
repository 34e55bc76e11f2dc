"""Sensor.Community: live JSON of the last five minutes, the daily archive's CSV, and its database's exported series.

Volunteers' low-cost sensors: P0, P1, P2 are PM1, PM10, PM2.5 in µg m-3; temperature °C, humidity %, pressure Pa.
Times are UTC, of the moment a reading was sent, which ends the 2.5 minutes it covers. Places are rounded by the network
to about 100 m to protect the volunteers. Indoor sensors are refused.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from brise.conventions.errors import DecodeError
from brise.conventions.observations import Batch
from brise.io.sources.payload import as_json, as_records, field_of, list_of, snippet, unpack
from brise.io.sources.rows import Reading, collect, number, seconds, station
from brise.io.sources.source import Request, Source, Window

PERIOD_S = 150
"""A sensor reports every 145 s by default, the mean of what it counted since."""

FIELDS: dict[str, tuple[str, str]] = {
    "p0": ("pm1", "µg/m³"),
    "p1": ("pm10", "µg/m³"),
    "p2": ("pm25", "µg/m³"),
    "temperature": ("temperature", "c"),
    "humidity": ("relative_humidity", "%"),
    "pressure": ("pressure", "pa"),
}
"""Names of the network that are quantities of ours; counts, noise and derived values are not."""

_LICENCE = "Open Database License 1.0 (contents: Database Contents License)"
_ATTRIBUTION = "Sensor.Community contributors"
_BASE32 = "0123456789bcdefghjkmnpqrstuvwxyz"


def geohash_place(code: str) -> tuple[float, float]:
    """Latitude and longitude of the middle of a geohash cell; NaN where it is none.

    >>> [round(x, 3) for x in geohash_place("ezs42")]
    [42.605, -5.603]
    """
    bounds = [[-90.0, 90.0], [-180.0, 180.0]]
    axis = 1  # bits alternate, longitude first
    for letter in code:
        digit = _BASE32.find(letter)
        if digit < 0:
            return float("nan"), float("nan")
        for bit in (16, 8, 4, 2, 1):
            middle = sum(bounds[axis]) / 2
            bounds[axis][0 if digit & bit else 1] = middle
            axis = 1 - axis
    return sum(bounds[0]) / 2, sum(bounds[1]) / 2


def _station(native: str, latitude: Any, longitude: Any, **fields: Any) -> dict[str, Any]:
    return station(f"sensor_community:{native}", latitude, longitude, kind="low_cost",
                   operator="Sensor.Community", licence=_LICENCE, attribution=_ATTRIBUTION, **fields)  # fmt: skip


def decode_live(payload: bytes, received_at: datetime) -> Batch:
    """The live list: one entry is one sensor's last reading.

    Raises:
        DecodeError: Not a list of readings.
    """
    body = as_json(payload, "sensor_community")
    if not isinstance(body, list):
        raise DecodeError(f"sensor_community: not a list of readings: {snippet(payload)}")
    stations, readings = [], []
    for entry in body:
        native = field_of(entry, "sensor", "id")
        if native is None:
            raise DecodeError(f"sensor_community: an entry without a sensor: {snippet(str(entry).encode())}")
        place = field_of(entry, "location")
        row = _station(str(native), field_of(place, "latitude"), field_of(place, "longitude"),
                       name=str(field_of(entry, "sensor", "sensor_type", "name") or ""),
                       altitude_m=number(field_of(place, "altitude")))  # fmt: skip
        stations.append(row)
        for item in list_of(entry, "sensordatavalues"):
            known = FIELDS.get(str(field_of(item, "value_type")).lower())
            if known is not None:
                readings.append(
                    Reading(row["station_id"], *known, number(field_of(item, "value")), seconds(entry.get("timestamp")),
                            PERIOD_S, refused="indoor" if field_of(place, "indoor") == 1 else "")
                )  # fmt: skip
    return collect(readings, stations, received_at)


def decode_archive(payload: bytes, received_at: datetime) -> Batch:
    """A day of one sensor from archive.sensor.community.

    Raises:
        DecodeError: Not such a CSV.
    """
    rows = as_records(payload, "sensor_community archive", ("sensor_id", "lat", "lon", "timestamp"), ";")
    stations, readings = {}, []
    for row in rows:
        native = row["sensor_id"]
        if native not in stations:
            stations[native] = _station(native, row["lat"], row["lon"], name=row.get("sensor_type") or "")
        time = seconds(row["timestamp"])
        for column, text in row.items():
            known = FIELDS.get(column.lower())
            if known is not None and text:
                readings.append(Reading(f"sensor_community:{native}", *known, number(text), time, PERIOD_S))
    return collect(readings, stations.values(), received_at)


def decode_series(payload: bytes, received_at: datetime) -> Batch:
    """Series exported from the network's time-series database, placed by geohash.

    Raises:
        DecodeError: No series of measurements.
    """
    body = as_json(payload, "sensor_community series")
    stations, readings = {}, []
    found = False
    for columns, values in _series(body):
        if "time" not in columns or "geohash" not in columns:
            continue
        found = True
        at, where = columns.index("time"), columns.index("geohash")
        known = {i: FIELDS.get(name.rpartition("_")[2]) for i, name in enumerate(columns)}
        for row in values:
            native = f"geohash-{row[where]}"
            if native not in stations:
                stations[native] = _station(native, *geohash_place(str(row[where])))
            time = seconds(number(row[at]) / 1000)
            readings += [
                Reading(f"sensor_community:{native}", *quantity, number(row[i]), time, PERIOD_S)
                for i, quantity in known.items()
                if quantity is not None and row[i] is not None
            ]
    if not found:
        raise DecodeError(f"sensor_community series: no series with time and geohash: {snippet(payload)}")
    return collect(readings, stations.values(), received_at)


def _series(body: Any) -> Iterator[tuple[list[str], list[list[Any]]]]:
    for result in list_of(body, "results"):
        for series in list_of(result, "series"):
            columns = [str(name) for name in list_of(series, "columns")]
            rows = list_of(series, "values")
            yield columns, [row for row in rows if isinstance(row, list) and len(row) == len(columns)]


def decode(payload: bytes, received_at: datetime) -> Batch:
    """Any of the three, told apart by the first character.

    Raises:
        DecodeError: None of them.
    """
    head = unpack(payload, "sensor_community").lstrip(b"\xef\xbb\xbf \r\n")[:1]
    if head == b"[":
        return decode_live(payload, received_at)
    if head == b"{":
        return decode_series(payload, received_at)
    return decode_archive(payload, received_at)


def requests(window: Window, key: str | None) -> list[Request]:  # noqa: ARG001 (every source takes a key)
    """The last five minutes, in the area or everywhere."""
    if window.area is None:
        return [Request("https://data.sensor.community/static/v2/data.json")]
    south, west, north, east = window.area
    return [Request(f"https://data.sensor.community/airrohr/v1/filter/box={south},{west},{north},{east}")]


SOURCE = Source(
    name="sensor_community",
    title="Sensor.Community",
    licence=_LICENCE,
    attribution=_ATTRIBUTION,
    terms_url="https://sensor.community/en/",
    kind="low_cost",
    interval=timedelta(minutes=5),
    latency=timedelta(minutes=5),
    decode=decode,
    requests=requests,
)
