"""`/v1/weather`: the weather at a place in the next hours, forecast where a source gives one, else as last measured."""

import logging
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.conventions.grids import distance_km
from brise.conventions.observations import StationHours
from brise.io.tables import Tables
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.dependencies import iso, store_of
from brise.service.api.documented import problems
from brise.service.api.schemas import Number, Shape, Text

LOG = logging.getLogger(__name__)
router = APIRouter(tags=["weather"])
MAX_AGE = 300
NEAR_KM = 25.0
"""Farther away, weather is another."""

BACK_H = 3
AHEAD_H = 24
KM_PER_DEGREE = 110.5
NAMES = ("temperature", "relative_humidity", "wind_speed", "eastward_wind", "northward_wind", "rain_rate")
MEASURED_KINDS = ("weather", "reference", "simulated")
ZERO_CELSIUS = 273.15


class WeatherSeries(Shape):
    """By hour; null unknown."""

    temperature: Annotated[list[Number], Field(description="°C.")]
    relative_humidity: Annotated[list[Number], Field(description="%.")]
    wind_speed: Annotated[list[Number], Field(description="m/s.")]
    wind_from_direction: Annotated[list[Number], Field(description="Degrees clockwise from north; null in a calm.")]
    rain: Annotated[list[Number], Field(description="mm in the hour.")]


class WeatherProvenance(Shape):
    """Where it comes from."""

    kind: Literal["measured", "forecast"]
    simulated: bool
    station_id: str
    name: str
    distance_km: float
    attribution: str
    licence: str


class Weather(Shape):
    """The weather at a place."""

    status: Literal["ok", "unknown"]
    reason: Text
    now: str
    time: Annotated[list[str], Field(description="End of each hour, UTC: a forecast's next hours, or those measured.")]
    values: WeatherSeries
    provenance: WeatherProvenance | None


class WeatherQuery(BaseModel):
    """Where."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [{"latitude": 51.5, "longitude": -0.1}]}
    )

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


def _nearest(hours: StationHours, query: WeatherQuery, after: datetime) -> tuple[int, float] | None:
    """The nearest station with a temperature after a moment, and how far it is."""
    late = hours.time > np.datetime64(after.astimezone(UTC).replace(tzinfo=None), "s")
    if "temperature" not in hours.values:
        return None
    known = np.isfinite(hours.values["temperature"][late]).any(axis=0)
    if not known.any():
        return None
    apart = np.asarray(distance_km(query.latitude, query.longitude, hours.latitude, hours.longitude))
    distance = np.where(known, apart, np.inf)
    place = int(distance.argmin())
    return (place, float(distance[place])) if distance[place] <= NEAR_KM else None


def _series(hours: StationHours, place: int, rows: NDArray[np.bool_]) -> dict[str, list[float | None]]:
    def column(name: str) -> NDArray[np.float64]:
        known = hours.values.get(name)
        return np.full(int(rows.sum()), np.nan) if known is None else known[rows, place].astype(float)

    east, north = column("eastward_wind"), column("northward_wind")
    speed = np.where(np.isnan(column("wind_speed")), np.hypot(east, north), column("wind_speed"))
    direction = np.where(np.hypot(east, north) < 0.1, np.nan, np.degrees(np.arctan2(-east, -north)) % 360)
    columns = {
        "temperature": np.round(column("temperature") - ZERO_CELSIUS, 1),
        "relative_humidity": np.round(100 * column("relative_humidity")),
        "wind_speed": np.round(speed, 1),
        "wind_from_direction": np.round(direction),
        "rain": np.round(column("rain_rate"), 1),
    }
    return {
        name: [None if math.isnan(one) else one for one in np.asarray(values).tolist()]
        for name, values in columns.items()
    }


def _answer(tables: Tables, query: WeatherQuery, now: datetime) -> dict[str, Any]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    north = NEAR_KM / KM_PER_DEGREE
    east = min(180.0, north / max(0.01, math.cos(math.radians(query.latitude))))
    area = (query.latitude - north, query.longitude - east, query.latitude + north, query.longitude + east)
    span = (hour - timedelta(hours=BACK_H), hour + timedelta(hours=AHEAD_H))
    for kind, kinds, after in (
        ("forecast", ("model",), now),
        ("measured", MEASURED_KINDS, span[0]),
    ):
        hours = tables.read_hours(NAMES, *span, received_by=now, kinds=kinds, area=area)
        found = _nearest(hours, query, after)
        if found is not None:
            return _told(tables, hours, found, kind, now)
    return {
        "status": "unknown",
        "reason": f"no weather is measured or forecast within {NEAR_KM:.0f} km",
        "now": iso(int(now.timestamp())),
        "time": [],
        "values": {name: [] for name in WeatherSeries.model_fields},
        "provenance": None,
    }


def _told(tables: Tables, hours: StationHours, found: tuple[int, float], kind: str, now: datetime) -> dict[str, Any]:
    place, km = found
    known = np.isfinite(hours.values["temperature"][:, place])
    moment = np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "s")
    rows = known & (hours.time > moment if kind == "forecast" else hours.time <= moment)
    station = tables.read_stations(ids=[str(hours.station_id[place])]).iloc[0]
    return {
        "status": "ok",
        "reason": None,
        "now": iso(int(now.timestamp())),
        "time": [f"{one}Z" for one in hours.time[rows]],
        "values": _series(hours, place, rows),
        "provenance": {
            "kind": kind,
            "simulated": station["kind"] == "simulated",
            "station_id": station["station_id"],
            "name": station["name"],
            "distance_km": round(km, 2),
            "attribution": station["attribution"],
            "licence": station["licence"],
        },
    }


@router.get(
    "/v1/weather",
    summary="The weather here in the next hours.",
    response_model=None,
    responses={200: {"model": Weather}, **problems(422, 429, 503)},
)
def weather(request: Request, query: Annotated[WeatherQuery, Query()]) -> Response:
    """From the nearest model cell or weather station within 25 km."""
    store = store_of(request)
    now = datetime.fromtimestamp(store.published().now(), UTC)
    body = encode(_answer(store.tables(), query, now))
    return Response(body, headers=caching.headers(None, MAX_AGE), media_type="application/json")
