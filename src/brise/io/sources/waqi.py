"""WAQI (aqicn.org): the US AQI of about 12,000 stations, as reported; never a concentration.

Its `iaqi` figures are sub-indices that look like concentrations, so only the overall `aqi` is stored, as
`us_aqi_reported`, which feeds no product. An error comes as HTTP 200 with `status: error`.
"""

from datetime import datetime, timedelta
from typing import Any

from brise.conventions.errors import DecodeError
from brise.conventions.observations import Batch
from brise.io.sources.payload import as_json, field_of, list_of, snippet
from brise.io.sources.rows import NAT, Reading, collect, number, seconds, station
from brise.io.sources.source import Request, Source, Window

PERIOD_S = 3600
_LICENCE = "WAQI API terms: attribution, no resale, no caching for redistribution"
_ATTRIBUTION = "World Air Quality Index Project and the originating agencies"
_WORLD = (-90.0, -180.0, 90.0, 180.0)


def _time(stamp: Any) -> int:
    """A time in any of WAQI's spellings: local text and its offset, or ISO 8601."""
    if isinstance(stamp, str):
        return seconds(stamp)
    local, zone = field_of(stamp, "s") or field_of(stamp, "stime"), field_of(stamp, "tz")
    return seconds(f"{local}{zone}") if local and zone else NAT


def _entries(payload: bytes) -> list[dict[str, Any]]:
    body = as_json(payload, "waqi")
    data = field_of(body, "data")
    if field_of(body, "status") != "ok":
        raise DecodeError(f"waqi: {data}" if isinstance(data, str) else f"waqi: unknown answer: {snippet(payload)}")
    if field_of(data, "status") == "error":
        raise DecodeError(f"waqi: {field_of(data, 'msg')}")
    entries = data if isinstance(data, list) else [data]
    if not all(isinstance(entry, dict) and "aqi" in entry for entry in entries):
        raise DecodeError(f"waqi: an entry without `aqi`: {snippet(payload)}")
    return entries


def decode(payload: bytes, received_at: datetime) -> Batch:
    """A feed (one station), a search, or map bounds (a list).

    Raises:
        DecodeError: The provider reports an error, or the answer is none of these.
    """
    stations, readings = [], []
    for entry in _entries(payload):
        about = entry.get("city") or entry.get("station")
        geo = list_of(about, "geo") or [entry.get("lat"), entry.get("lon")]
        origin = [str(field_of(a, "name") or "").strip() for a in list_of(entry, "attributions")]
        row = station(
            f"waqi:{entry.get('idx', entry.get('uid'))}",
            *(geo if len(geo) == 2 else (None, None)),
            name=str(field_of(about, "name") or ""),
            kind="reference",
            operator=origin[0] if origin else "",
            licence=_LICENCE,
            attribution="; ".join(origin) or _ATTRIBUTION,
        )
        stations.append(row)
        time = _time(entry.get("time") or field_of(about, "time"))
        readings.append(Reading(row["station_id"], "us_aqi_reported", "1", number(entry["aqi"]), time, PERIOD_S))
    return collect(readings, stations, received_at)


def requests(window: Window, key: str | None) -> list[Request]:
    """Every station in the area."""
    bounds = ",".join(str(edge) for edge in window.area or _WORLD)
    return [Request("https://api.waqi.info/v2/map/bounds", {"latlng": bounds, "networks": "all", "token": key or ""})]


SOURCE = Source(
    name="waqi",
    title="World Air Quality Index Project (index only)",
    licence=_LICENCE,
    attribution=_ATTRIBUTION,
    terms_url="https://aqicn.org/api/tos/",
    kind="reference",
    interval=timedelta(hours=1),
    latency=timedelta(hours=1),
    decode=decode,
    key_setting="waqi_key",
    requests=requests,
    redistributable=False,
)
