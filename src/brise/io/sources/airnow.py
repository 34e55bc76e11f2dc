"""AirNow (US EPA and partners): hourly monitor files (no key), monitor data by area (a key), and reporting-area AQI.

Hourly files and monitor data hold concentrations; AirNow labels an hour by its START, so `time` is one hour later.
Reporting-area answers hold only the NowCast AQI of each pollutant: the largest is stored as `us_aqi_reported`, the
others are counted as `not_dominant`; none becomes a concentration. Gases in ppb and ppm are at 25 °C, 1013.25 hPa.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from brise.conventions.errors import DecodeError
from brise.conventions.observations import Batch
from brise.io.sources.payload import as_json, as_records, field_of, snippet, unpack
from brise.io.sources.rows import NAT, Reading, collect, number, seconds, station
from brise.io.sources.source import Request, Source, Window

HOUR_S = 3600
ZONES = {"GMT": 0, "UTC": 0, "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6,
         "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10, "HDT": -9, "SST": -11, "CHST": 10}  # fmt: skip
"""Hours east of Greenwich of the zone names AirNow writes."""

FILES = "https://s3-us-west-1.amazonaws.com/files.airnowtech.org/airnow"
_LICENCE = "US public domain; preliminary data, not for regulation"
_ATTRIBUTION = "US EPA AirNow and the state, local and tribal agencies"
_HOURLY = ("PM25", "PM10", "OZONE", "NO2", "CO", "SO2")
_NEEDED = ("AQSID", "Latitude", "Longitude", "ValidDate", "ValidTime", "PM25", "PM25_Unit")


def _station(native: str, latitude: Any, longitude: Any, **fields: Any) -> dict[str, Any]:
    return station(f"airnow:{native}", latitude, longitude, kind="reference", licence=_LICENCE,
                   attribution=_ATTRIBUTION, **fields)  # fmt: skip


def decode_hourly(payload: bytes, received_at: datetime) -> Batch:
    """An HourlyAQObs file: one line is one monitor's hour.

    Raises:
        DecodeError: Not such a CSV.
    """
    stations, readings = [], []
    for row in as_records(payload, "airnow hourly", _NEEDED):
        place = _station(
            row["AQSID"],
            row["Latitude"],
            row["Longitude"],
            name=row.get("SiteName") or "",
            altitude_m=number(row.get("Elevation")),
            operator=row.get("DataSource") or "",
        )
        stations.append(place)
        end = _end(_american(row["ValidDate"]), row["ValidTime"], "GMT")
        readings += [
            Reading(place["station_id"], name, row.get(f"{name}_Unit") or "", number(row[name]), end, HOUR_S)
            for name in _HOURLY
            if row.get(name)
        ]
    return collect(readings, stations, received_at)


def _american(date: str) -> str:
    """MM/DD/YYYY or MM/DD/YY to YYYY-MM-DD; anything else as it is."""
    parts = date.split("/")
    if len(parts) != 3:
        return date
    month, day, year = parts
    return f"{year if len(year) == 4 else '20' + year}-{month:0>2}-{day:0>2}"


def _end(date: str, hour: str, zone: str) -> int:
    """END of the hour that AirNow labels by its start."""
    offset = ZONES.get(zone.strip().upper())
    start = seconds(f"{date}T{hour.strip().rjust(5, '0')}")
    return NAT if offset is None or start == NAT else start - offset * HOUR_S + HOUR_S


def _decode_monitors(rows: list[dict[str, Any]], received_at: datetime) -> Batch:
    """Monitor data of an area: concentrations."""
    stations, readings = [], []
    for row in rows:
        place = _station(
            str(row.get("FullAQSCode") or row.get("IntlAQSCode") or row.get("SiteName")),
            row.get("Latitude"),
            row.get("Longitude"),
            name=str(row.get("SiteName") or ""),
            operator=str(row.get("AgencyName") or ""),
        )
        stations.append(place)
        start = seconds(row.get("UTC"))
        readings.append(
            Reading(
                place["station_id"],
                str(row.get("Parameter") or ""),
                str(row.get("Unit") or ""),
                number(row.get("Value")),
                start if start == NAT else start + HOUR_S,
                HOUR_S,
            )
        )
    return collect(readings, stations, received_at)


def _decode_areas(rows: list[dict[str, Any]], received_at: datetime) -> Batch:
    """Reporting-area AQI, in the spelling before and after the change of 2026."""
    stations, found = [], []
    for row in rows:
        area = str(row.get("ReportingArea") or row.get("reportingAreaName") or "")
        state = str(row.get("StateCode") or "")
        native = str(row.get("siteID") or f"area_{state}_{area}".replace(" ", "-"))
        stations.append(_station(native, row.get("Latitude"), row.get("Longitude"), name=area,
                                 operator=str(row.get("reportingAgency") or "")))  # fmt: skip
        hour = str(row.get("HourObserved", row.get("hourObserved", "")))
        date = str(row.get("DateObserved", row.get("dateObserved", ""))).strip()
        zone = str(row.get("LocalTimeZone", row.get("localTimeZone", "")))
        end = _end(date, hour if ":" in hour else f"{hour}:00", zone)
        found.append((f"airnow:{native}", end, number(row.get("AQI", row.get("nowcastAQI")))))
    best: dict[tuple[str, int], int] = {}
    for i, (name, end, value) in enumerate(found):
        if value == value and value > found[best.setdefault((name, end), i)][2]:
            best[name, end] = i
    readings = [
        Reading(name, "us_aqi_reported", "1", value, end, HOUR_S,
                refused="not_dominant" if best.get((name, end), i) != i else "")
        for i, (name, end, value) in enumerate(found)
    ]  # fmt: skip
    return collect(readings, stations, received_at)


def decode(payload: bytes, received_at: datetime) -> Batch:
    """Any of AirNow's answers.

    Raises:
        DecodeError: The provider reports an error, or the answer is none of these.
    """
    if unpack(payload, "airnow").lstrip(b"\xef\xbb\xbf \r\n")[:8].strip(b'"').startswith(b"AQSID"):
        return decode_hourly(payload, received_at)
    body = as_json(payload, "airnow")
    first = body[0] if isinstance(body, list) and body else body
    error = field_of(first, "WebServiceError")
    if error:
        raise DecodeError(f"airnow: {field_of(error[0], 'Message') if isinstance(error, list) else error}")
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise DecodeError(f"airnow: not a list of observations: {snippet(payload)}")
    if body and "UTC" in body[0]:
        return _decode_monitors(body, received_at)
    if body and not ({"AQI", "nowcastAQI"} & set(body[0])):
        raise DecodeError(f"airnow: an observation without AQI or UTC: {snippet(payload)}")
    return _decode_areas(body, received_at)


def requests(window: Window, key: str | None) -> list[Request]:
    """With a key and an area, monitor data; else the hourly files of the world, two days at most."""
    if key and window.area is not None:
        south, west, north, east = window.area
        params = {
            "startDate": f"{window.start.astimezone(UTC):%Y-%m-%dT%H}",
            "endDate": f"{window.end.astimezone(UTC):%Y-%m-%dT%H}",
            "parameters": "PM25,PM10,OZONE,NO2,CO,SO2",
            "BBOX": f"{west},{south},{east},{north}",
            "dataType": "C",
            "format": "application/json",
            "verbose": "1",
            "API_KEY": key,
        }
        return [Request("https://www.airnowapi.org/aq/data/", params)]
    first = max(window.start, window.end - timedelta(days=2)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = int((window.end - first) // timedelta(hours=1))
    labels = [first + timedelta(hours=h) for h in range(hours)]
    return [Request(f"{FILES}/{t:%Y/%Y%m%d}/HourlyAQObs_{t:%Y%m%d%H}.dat") for t in labels]


SOURCE = Source(
    name="airnow",
    title="US EPA AirNow",
    licence=_LICENCE,
    attribution=_ATTRIBUTION,
    terms_url="https://docs.airnowapi.org/docs/DataUseGuidelines.pdf",
    kind="reference",
    interval=timedelta(minutes=30),
    latency=timedelta(minutes=55),
    decode=decode,
    optional_key_setting="airnow_key",
    requests=requests,
)
