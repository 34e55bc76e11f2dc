"""Open-Meteo: weather forecasts and the CAMS chemistry forecast at chosen points, as a background.

A station here is a model cell (kind "model"); times may lie in the future. Values are at the hour; precipitation is the
sum of the hour that ends there. A call holds up to 1,000 points. Data are CC BY 4.0; the keyless service is for
non-commercial use, below 10,000 calls a day, and a call of many points counts as many.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from brise.conventions.errors import DecodeError, InputError
from brise.conventions.observations import Batch
from brise.io.sources.payload import as_json, field_of, snippet
from brise.io.sources.rows import Reading, collect, number, seconds, station
from brise.io.sources.source import Request, Source, Window

HOUR_S = 3600
HORIZON_S = 17 * 86_400
"""The longest forecast served is 16 days."""

MAX_POINTS = 1000
WEATHER = (
    "temperature_2m,dew_point_2m,relative_humidity_2m,surface_pressure,"
    "wind_speed_10m,wind_direction_10m,precipitation,boundary_layer_height"
)
POLLUTANTS = "pm2_5,pm10,nitrogen_dioxide,ozone,sulphur_dioxide,carbon_monoxide,ammonia"
NAMES = frozenset(f"{WEATHER},{POLLUTANTS}".split(","))
_LICENCE = "CC BY 4.0 (the keyless service: non-commercial use)"
_ATTRIBUTION = (
    "Weather and air quality forecasts by Open-Meteo.com; contains modified Copernicus Atmosphere Monitoring Service "
    "information (METEO FRANCE, Institut national de l'environnement industriel et des risques (Ineris), ECMWF)"
)


def decode(payload: bytes, received_at: datetime) -> Batch:
    """One point's forecast, or a list of them.

    Raises:
        DecodeError: The provider reports an error, or the answer holds no hourly block.
    """
    body = as_json(payload, "open_meteo")
    if field_of(body, "error"):
        raise DecodeError(f"open_meteo: {field_of(body, 'reason')}")
    cells = body if isinstance(body, list) else [body]
    stations: list[dict[str, Any]] = []
    readings: list[Reading] = []
    for cell in cells:
        hourly, units = field_of(cell, "hourly"), field_of(cell, "hourly_units")
        times = field_of(hourly, "time")
        if not isinstance(times, list) or not isinstance(units, dict):
            raise DecodeError(f"open_meteo: a point without its hourly block: {snippet(payload)}")
        where = _station(cell)
        stations.append(where)
        shift = 0 if units.get("time") == "unixtime" else int(number(cell.get("utc_offset_seconds") or 0))
        moments = [seconds(t) - shift for t in times]
        for name in sorted(NAMES & set(hourly)):
            readings += _series(where["station_id"], name, str(units.get(name, "")), hourly[name], moments)
    return collect(readings, stations, received_at, HORIZON_S)


def _series(station_id: str, name: str, unit: str, values: Any, moments: list[int]) -> list[Reading]:
    """One variable of one cell; null is no value. A calm's direction is none, yet the models write 0: kept."""
    if not isinstance(values, list) or len(values) != len(moments):
        raise DecodeError(f"open_meteo: {name} does not have one value an hour: {snippet(str(values).encode())}")
    return [
        Reading(station_id, name, unit, number(value), moment, HOUR_S)
        for value, moment in zip(values, moments, strict=True)
        if value is not None
    ]


def _station(cell: dict[str, Any]) -> dict[str, Any]:
    latitude, longitude = number(cell.get("latitude")), number(cell.get("longitude"))
    return station(
        f"open_meteo:{latitude:.4f}_{longitude:.4f}",
        latitude,
        longitude,
        name="Open-Meteo model cell",
        altitude_m=number(cell.get("elevation")),
        kind="model",
        operator="Open-Meteo",
        licence=_LICENCE,
        attribution=_ATTRIBUTION,
    )


def requests(window: Window, key: str | None) -> list[Request]:
    """Weather and pollutants at the points of the window, 1,000 a call, for its days.

    Raises:
        InputError: The window has no points.
    """
    if not window.points:
        raise InputError("open_meteo answers per point: the window has no points")
    first, last = (f"{moment.astimezone(UTC):%Y-%m-%dT%H:00}" for moment in (window.start, window.end))
    out = []
    for at in range(0, len(window.points), MAX_POINTS):
        points = window.points[at : at + MAX_POINTS]
        shared = {
            "latitude": ",".join(f"{latitude:.4f}" for latitude, _ in points),
            "longitude": ",".join(f"{longitude:.4f}" for _, longitude in points),
            "start_hour": first,
            "end_hour": last,
            "timeformat": "unixtime",
            "timezone": "UTC",
        } | ({"apikey": key} if key else {})
        prefix = "customer-" if key else ""
        weather = {"hourly": WEATHER, "wind_speed_unit": "ms"}
        out.append(Request(f"https://{prefix}api.open-meteo.com/v1/forecast", shared | weather))
        out.append(
            Request(f"https://{prefix}air-quality-api.open-meteo.com/v1/air-quality", shared | {"hourly": POLLUTANTS})
        )
    return out


SOURCE = Source(
    name="open_meteo",
    title="Open-Meteo (weather forecast and CAMS pollutants)",
    licence=_LICENCE,
    attribution=_ATTRIBUTION,
    terms_url="https://open-meteo.com/en/terms",
    kind="model",
    interval=timedelta(hours=3),
    latency=timedelta(hours=6),
    decode=decode,
    optional_key_setting="open_meteo_key",
    requests=requests,
    forecast=True,
)
