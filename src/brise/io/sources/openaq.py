"""OpenAQ: the v3 API (a key), its public archive's CSV, and the realtime stream of its first platform.

v3 answers location -> sensor -> value. The stations of an area are listed first; then each one's latest values, or,
for a window of more than three hours, each sensor's hours. Times are the END of the period (`datetimeTo`, and
`datetimeUtc` in the CSV). Gases in ppm are converted at 25 °C and 1013.25 hPa.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from brise.conventions.errors import DecodeError
from brise.conventions.observations import Batch, Kind
from brise.io.sources import openaq_realtime
from brise.io.sources.payload import as_json, as_records, field_of, list_of, snippet, unpack
from brise.io.sources.rows import Reading, collect, number, seconds, station
from brise.io.sources.source import Request, Source, Window

API = "https://api.openaq.org/v3"
PAGE = 1000
LATEST_HOURS = 3
"""A window longer than this asks for hours, a shorter one for the latest values."""

_LICENCE = "as each location's provider states; collected by OpenAQ (CC BY 4.0)"
_NOWHERE = station("openaq:unknown", None, None, kind="low_cost")
_CSV = ("location_id", "parameter", "value", "unit", "datetimeUtc", "latitude", "longitude")
_ARCHIVE = ("location_id", "parameter", "value", "units", "datetime", "lat", "lon")


def kind_of(is_monitor: bool | None, is_mobile: bool | None, provider: str) -> Kind:
    """What a v3 location is; archives leave the flags empty, and then the provider's name must do.

    >>> kind_of(True, False, "AirNow"), kind_of(None, None, "AirNow"), kind_of(None, None, "Clarity")
    ('reference', 'reference', 'low_cost')
    """
    if is_mobile:
        return "mobile"
    known = provider in ("AirNow", "EEA") if is_monitor is None else is_monitor
    return "reference" if known else "low_cost"


def _station(location: dict[str, Any]) -> dict[str, Any]:
    provider = str(field_of(location, "provider", "name") or "")
    return station(
        f"openaq:{location.get('id')}",
        field_of(location, "coordinates", "latitude"),
        field_of(location, "coordinates", "longitude"),
        name=str(location.get("name") or ""),
        kind=kind_of(location.get("isMonitor"), location.get("isMobile"), provider),
        operator=provider,
        timezone=str(location.get("timezone") or ""),
        licence=_LICENCE,
        attribution=f"{field_of(location, 'owner', 'name') or provider} via OpenAQ",
    )


def _results(payload: bytes) -> list[dict[str, Any]]:
    """The `results` of a v3 envelope.

    Raises:
        DecodeError: Not the envelope; what the provider says is passed on.
    """
    body = as_json(payload, "openaq")
    results = body.get("results") if isinstance(body, dict) else None
    if not isinstance(results, list):
        said = field_of(body, "detail") or field_of(body, "message")
        raise DecodeError(f"openaq: {said}" if said else f"openaq: no `results` in the answer: {snippet(payload)}")
    return [row for row in results if isinstance(row, dict)]


def decode_api(payload: bytes, received_at: datetime, location: dict[str, Any] | None = None) -> Batch:
    """Any v3 answer that holds values: latest, sensors (their latest), measurements, hours.

    Args:
        payload: JSON.
        received_at: When we had it.
        location: The v3 location the values belong to. Without it, values have no place and are refused.

    Raises:
        DecodeError: Not a v3 answer.
    """
    sensors = {str(field_of(s, "id")): field_of(s, "parameter") for s in list_of(location, "sensors")}
    home = _station(location) if location else _NOWHERE
    readings, stations = [], [home]
    for row in _results(payload):
        latest = row.get("latest") if "latest" in row else row
        if not isinstance(latest, dict) or "value" not in latest:
            continue  # a location, a provider, a sensor that never measured: no value, no row
        parameter = row.get("parameter") or sensors.get(str(row.get("sensorsId")))
        place = latest.get("coordinates")
        if location is None and place is not None:
            where = field_of(place, "latitude"), field_of(place, "longitude")
            native = row.get("id", row.get("sensorsId"))
            home = station(f"openaq:sensor-{native}", *where, kind="low_cost", licence=_LICENCE, attribution="OpenAQ")
            stations.append(home)
        end = field_of(latest, "period", "datetimeTo", "utc") or field_of(latest, "datetime", "utc")
        start = field_of(latest, "period", "datetimeFrom", "utc")
        period = seconds(end) - seconds(start) if start else 3600
        percent = number(field_of(latest, "coverage", "percentComplete")) if latest is row else float("nan")
        readings.append(
            Reading(
                home["station_id"],
                str(field_of(parameter, "name") or ""),
                str(field_of(parameter, "units") or ""),
                number(latest.get("value")),
                seconds(end),
                period if 0 < period <= 366 * 86_400 else 3600,
                coverage=min(percent, 100.0) / 100 if percent >= 0 else float("nan"),
            )
        )
    return collect(readings, stations, received_at)


def decode_csv(payload: bytes, received_at: datetime) -> Batch:
    """CSV of the download page (`datetimeUtc`) or of the public archive (`datetime`, `units`, `lat`, `lon`).

    Raises:
        DecodeError: Not such a CSV.
    """
    head = unpack(payload, "openaq csv")[:400]
    archive = b"datetimeUtc" not in head
    rows = as_records(payload, "openaq csv", _ARCHIVE if archive else _CSV)
    names = dict(zip(_CSV, _ARCHIVE if archive else _CSV, strict=True))
    readings, stations = [], {}
    for row in rows:
        get = {ours: row.get(theirs) or "" for ours, theirs in names.items()}
        station_id = f"openaq:{get['location_id']}"
        if station_id not in stations:
            provider = row.get("provider") or ""
            stations[station_id] = station(
                station_id,
                get["latitude"],
                get["longitude"],
                name=row.get("location_name") or row.get("location") or "",
                kind=kind_of(_flag(row.get("isMonitor")), _flag(row.get("isMobile")), provider),
                operator=row.get("owner_name") or provider,
                timezone=row.get("timezone") or "",
                licence=_LICENCE,
                attribution=f"{provider or 'OpenAQ'} via OpenAQ",
            )
        readings.append(
            Reading(station_id, get["parameter"], get["unit"], number(get["value"]), seconds(get["datetimeUtc"]), 3600)
        )
    return collect(readings, stations.values(), received_at)


def _flag(text: str | None) -> bool | None:
    return {"true": True, "false": False}.get((text or "").strip().lower())


def decode(payload: bytes, received_at: datetime) -> Batch:
    """Any of OpenAQ's payloads, told apart by its first characters.

    Raises:
        DecodeError: None of them.
    """
    head = unpack(payload, "openaq").lstrip(b"\xef\xbb\xbf \r\n")[:4000]
    if head.lstrip(b'"').startswith(b"location"):
        return decode_csv(payload, received_at)
    if b'"sourceName"' in head and b'"results"' not in head:
        return openaq_realtime.decode(payload, received_at)
    return decode_api(payload, received_at)


def requests(window: Window, key: str | None) -> list[Request]:
    """The locations of the area, and from each page what they measured."""
    headers = {"X-API-Key": key or ""}
    params = {"limit": str(PAGE), "page": "1"}
    if window.area is not None:
        south, west, north, east = window.area
        params["bbox"] = f"{west},{south},{east},{north}"
    page = Request(f"{API}/locations", params, headers, decode=_decode_locations)
    return [replace(page, follow=partial(_follow_locations, page=page, window=window))]


def _decode_locations(payload: bytes, received_at: datetime) -> Batch:
    """A page of locations has no values: their stations come with their values."""
    _results(payload)
    return collect([], [], received_at)


def _follow_locations(payload: bytes, page: Request, window: Window) -> list[Request]:
    locations = _results(payload)
    out: list[Request] = []
    if len(locations) >= PAGE:
        following = replace(page, params={**page.params, "page": str(int(page.params["page"]) + 1)})
        out.append(replace(following, follow=partial(_follow_locations, page=following, window=window)))
    for location in locations:
        last = seconds(field_of(location, "datetimeLast", "utc"))
        if last >= window.start.timestamp():
            out += _values_of(location, page, window)
    return out


def _values_of(location: dict[str, Any], page: Request, window: Window) -> list[Request]:
    def read(payload: bytes, received_at: datetime) -> Batch:
        return decode_api(payload, received_at, location)

    if window.end - window.start <= timedelta(hours=LATEST_HOURS):
        return [Request(f"{API}/locations/{location.get('id')}/latest", {"limit": str(PAGE)}, page.headers, read)]
    params = {
        "datetime_from": window.start.isoformat(),
        "datetime_to": window.end.isoformat(),
        "limit": str(PAGE),
        "page": "1",
    }
    urls = [f"{API}/sensors/{field_of(sensor, 'id')}/hours" for sensor in list_of(location, "sensors")]
    return [_hours(Request(url, params, page.headers, read)) for url in urls]


def _hours(page: Request) -> Request:
    def following(payload: bytes) -> list[Request]:
        if len(_results(payload)) < PAGE:
            return []
        return [_hours(replace(page, params={**page.params, "page": str(int(page.params["page"]) + 1)}))]

    return replace(page, follow=following)


SOURCE = Source(
    name="openaq",
    title="OpenAQ",
    licence=_LICENCE,
    attribution="OpenAQ and the networks it names",
    terms_url="https://docs.openaq.org/about/terms",
    kind="reference",
    interval=timedelta(minutes=30),
    latency=timedelta(hours=1),
    decode=decode,
    key_setting="openaq_key",
    requests=requests,
    decode_many=openaq_realtime.decode_many,
    file_time=openaq_realtime.file_time,
)
