"""PurpleAir: low-cost twin-counter sensors, corrected as the US EPA does, the raw value kept beside.

Each PM2.5 reading becomes two rows. `purpleair:ID` holds the value corrected after Barkjohn (formulas/calibration.py),
the one that products read; `purpleair-raw:ID` holds the mean of both counters as sent, flagged suspect so that it never
feeds a product. Counters that disagree make no corrected value, and the raw one is flagged as failed. Temperature and
humidity are those inside the housing, used for the correction and not stored.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from brise.conventions.errors import DecodeError
from brise.conventions.observations import Batch, Flag
from brise.formulas.calibration import BARKJOHN, channels_agree, purpleair_pm25
from brise.io.sources.payload import as_json, as_records, field_of, snippet, unpack
from brise.io.sources.rows import Reading, collect, number, seconds, station
from brise.io.sources.source import Request, Source, Window

PERIOD_S = 120
"""A sensor reports means of two minutes."""

FIELDS = (
    "name,latitude,longitude,altitude,location_type,last_seen,humidity,pressure,"
    "pm2.5_cf_1,pm2.5_cf_1_a,pm2.5_cf_1_b,pm10.0_atm,pm1.0_atm"
)
_LICENCE = "PurpleAir API terms (data licence agreement): no redistribution of raw data"
_ATTRIBUTION = "PurpleAir"
_FEET = 0.3048


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One reading of one sensor, any format."""

    fields: dict[str, Any]
    time: int

    def get(self, name: str) -> float:
        return number(self.fields.get(name))


def _sensors(payload: bytes) -> list[_Sensor]:
    head = unpack(payload, "purpleair").lstrip(b"\xef\xbb\xbf \r\n")
    if head.startswith(b"time_stamp"):
        rows = as_records(payload, "purpleair csv", ("time_stamp", "sensor_index", "humidity"))
        return [_Sensor(dict(row), _stamp(row["time_stamp"])) for row in rows]
    body = as_json(payload, "purpleair")
    if field_of(body, "error"):
        raise DecodeError(f"purpleair: {body['error']}: {body.get('description', '')}")
    sensor = field_of(body, "sensor")
    if isinstance(sensor, dict):
        return [_Sensor(sensor, seconds(sensor.get("last_seen")))]
    names, data = field_of(body, "fields"), field_of(body, "data")
    if not isinstance(names, list) or not isinstance(data, list) or "sensor_index" not in names:
        raise DecodeError(f"purpleair: neither `sensor` nor `fields` and `data`: {snippet(payload)}")
    listed = [dict(zip(map(str, names), row, strict=False)) for row in data if isinstance(row, list)]
    fallback = body.get("data_time_stamp")
    return [_Sensor(row, seconds(row.get("last_seen", row.get("time_stamp", fallback)))) for row in listed]


def _stamp(text: str) -> int:
    return seconds(int(text)) if text.isdigit() else seconds(text)


def _particles(sensor: _Sensor, main: str, raw: str, refused: str) -> list[Reading]:
    """The raw and the corrected PM2.5 of one reading; none where the payload holds no PM2.5."""
    a, b, mean = (sensor.get(f"pm2.5_cf_1{channel}") for channel in ("_a", "_b", ""))
    both = a == a and b == b
    value = (a + b) / 2 if both else mean
    if not any(f"pm2.5_cf_1{channel}" in sensor.fields for channel in ("", "_a", "_b")):
        return []
    agree = both and bool(channels_agree(a, b))
    corrected = float(purpleair_pm25(value, sensor.get("humidity") / 100))
    reason = refused or ("channels_disagree" if both and not agree else "one_channel" if not both else "")
    if not reason and corrected != corrected:
        reason = "not_corrected"
    flag = Flag.FAIL if both and not agree else Flag.SUSPECT
    return [
        Reading(raw, "pm25", "µg/m³", value, sensor.time, PERIOD_S, flag=flag, refused=refused),
        Reading(main, "pm25", "µg/m³", corrected, sensor.time, PERIOD_S, refused=reason),
    ]


def decode(payload: bytes, received_at: datetime) -> Batch:
    """One sensor, a list of sensors, or the CSV of a sensor's history.

    Raises:
        DecodeError: The provider reports an error, or the answer is none of these.
    """
    stations, readings = [], []
    for sensor in _sensors(payload):
        native = str(sensor.fields.get("sensor_index"))
        main, raw = f"purpleair:{native}", f"purpleair-raw:{native}"
        place = (sensor.fields.get("latitude"), sensor.fields.get("longitude"))
        about = {"name": str(sensor.fields.get("name") or ""), "kind": "low_cost", "operator": "PurpleAir",
                 "licence": _LICENCE, "altitude_m": sensor.get("altitude") * _FEET}  # fmt: skip
        stations.append(station(main, *place, attribution=f"{_ATTRIBUTION}; corrected: {BARKJOHN}", **about))
        about["source"] = "purpleair"
        stations.append(station(raw, *place, attribution=f"{_ATTRIBUTION}; uncorrected", **about))
        refused = "indoor" if sensor.fields.get("location_type") == 1 else ""
        readings += _particles(sensor, main, raw, refused)
        if sensor.fields.get("pressure") is not None:
            readings.append(
                Reading(main, "pressure", "hpa", sensor.get("pressure"), sensor.time, PERIOD_S, refused=refused)
            )
    return collect(readings, stations, received_at)


def requests(window: Window, key: str | None) -> list[Request]:
    """Outdoor sensors of the area that were seen in the last hour."""
    params = {"fields": FIELDS, "location_type": "0", "max_age": "3600"}
    if window.area is not None:
        south, west, north, east = (str(edge) for edge in window.area)
        params |= {"nwlng": west, "nwlat": north, "selng": east, "selat": south}
    return [Request("https://api.purpleair.com/v1/sensors", params, {"X-API-Key": key or ""})]


SOURCE = Source(
    name="purpleair",
    title="PurpleAir (corrected after Barkjohn)",
    licence=_LICENCE,
    attribution=f"{_ATTRIBUTION}; PM2.5 corrected after Barkjohn et al. 2021",
    terms_url="https://www2.purpleair.com/policies/terms-of-service",
    kind="low_cost",
    interval=timedelta(minutes=10),
    latency=timedelta(minutes=2),
    decode=decode,
    key_setting="purpleair_key",
    requests=requests,
    redistributable=False,
)
