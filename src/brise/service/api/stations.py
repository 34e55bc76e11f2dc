"""`/v1/stations` and their observations."""

import csv
import io
import math
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from brise.conventions.errors import NotFoundError, TermsError
from brise.conventions.grids import distance_km
from brise.conventions.observations import KINDS
from brise.conventions.variables import VARIABLES
from brise.io.tables import Area, Position, Tables
from brise.service.api.answers import encode
from brise.service.api.dependencies import iso, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.parameters import Format, parse_box, parse_names, parse_number, parse_time
from brise.service.api.schemas import ObservationOut, ObservationPage, StationCollection, StationFeature
from brise.service.api.terms import refusal

router = APIRouter(tags=["stations"])
MAX_RADIUS_KM = 500.0
MAX_LIMIT = 1_000
KM_PER_DEGREE = 110.5
"""Of latitude, at its least (the equator), so that the box around a circle holds it."""

PEOPLE_UNITS = {"ug m-3": "µg/m³"}
HEADERS = {"Cache-Control": "public, max-age=60"}
CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}

Id = Annotated[str, Path(min_length=3, max_length=200, examples=["simulated:1"])]
Kind = Literal[KINDS]  # type: ignore[valid-type]
Text = Annotated[str | None, Field(max_length=400)]


class GeoJson(JSONResponse):
    """RFC 7946, encoded already; a JSONResponse so that the description says what it holds."""

    media_type = "application/geo+json"

    def render(self, content: bytes) -> bytes:
        """The content is the body."""
        return content


class Page(BaseModel):
    """What every list may be asked."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 100
    after: Annotated[Text, Field(description="`next` of the page before.")] = None
    format: Format = "json"


class StationsQuery(Page):
    """Which stations."""

    bbox: Annotated[Text, Field(description="west,south,east,north; west > east crosses the date line.")] = None
    near: Annotated[Text, Field(description="latitude,longitude: those within `radius`, nearest first.")] = None
    radius: Annotated[float, Field(gt=0, le=MAX_RADIUS_KM, description="km around `near`.")] = 25.0
    source: Text = None
    kind: Kind | None = None


class ObservationsQuery(Page):
    """Which observations."""

    variables: Annotated[Text, Field(description="Comma list; all by default.")] = None
    start: Annotated[Text, Field(description="ISO 8601, not included.")] = None
    end: Annotated[Text, Field(description="ISO 8601, included.")] = None


def _area(bbox: str) -> Area:
    west, south, east, north = parse_box(bbox)
    return south, west, north, east


def _around(latitude: float, longitude: float, radius_km: float) -> Area | None:
    """A box that holds the circle; None where the circle comes near a pole (then: everywhere)."""
    tall = radius_km / KM_PER_DEGREE
    widest = abs(latitude) + tall
    if widest >= 89:
        return None
    wide = tall / math.cos(math.radians(widest))
    if wide >= 180:
        return None
    west, east = ((one + 180) % 360 - 180 for one in (longitude - wide, longitude + wide))
    return latitude - tall, west, latitude + tall, east


def _nearest(tables: Tables, near: str, radius_km: float, **wanted: Any) -> pd.DataFrame:
    parts = near.split(",")
    if len(parts) != 2:
        raise ParameterError("near", near, "latitude,longitude in degrees")
    latitude, longitude = parse_number("near", parts[0], -90, 90), parse_number("near", parts[1], -180, 180)
    frame = tables.read_stations(area=_around(latitude, longitude, radius_km), **wanted)
    distance = pd.Series(distance_km(frame["latitude"], frame["longitude"], latitude, longitude), frame.index)
    return frame.loc[distance[distance <= radius_km].sort_values(kind="stable").index]


def _feature(row: dict[Any, Any]) -> dict[str, Any]:
    place = [row["longitude"], row["latitude"]] + ([] if math.isnan(row["altitude_m"]) else [row["altitude_m"]])
    names = ("source", "name", "kind", "operator", "timezone", "licence", "attribution")
    return {
        "type": "Feature",
        "id": row["station_id"],
        "geometry": {"type": "Point", "coordinates": place},
        "properties": {"id": row["station_id"]}
        | {name: row[name] for name in names}
        | {"simulated": row["kind"] == "simulated"},
    }


@router.get(
    "/v1/stations",
    summary="Stations, as GeoJSON or CSV.",
    response_model=None,
    response_class=GeoJson,
    responses={200: {"model": StationCollection, "content": CSV}, **problems(422, 429, 503)},
)
def stations(request: Request, query: Annotated[StationsQuery, Query()]) -> Response:
    """One page of stations, in order of id, or by distance with `near`."""
    tables, kinds = store_of(request).tables(), [query.kind] if query.kind else None
    if query.near is not None:
        if query.bbox is not None or query.after is not None:
            raise ParameterError("near", query.near, "not together with bbox or after")
        frame = _nearest(tables, query.near, query.radius, source=query.source, kinds=kinds).head(query.limit)
        more = False
    else:
        area = _area(query.bbox) if query.bbox is not None else None
        size = query.limit + 1  # one more tells whether there is a next page
        frame = tables.read_stations(area=area, source=query.source, kinds=kinds, limit=size, after=query.after)
        frame, more = frame.head(query.limit), len(frame) > query.limit
    if query.format == "csv":
        return Response(frame.to_csv(index=False), headers=HEADERS, media_type="text/csv; charset=utf-8")
    body = {
        "type": "FeatureCollection",
        "features": [_feature(row) for row in frame.to_dict("records")],
        "next": frame["station_id"].iloc[-1] if more else None,
    }
    return GeoJson(encode(body), headers=HEADERS)


def _one(tables: Tables, station_id: str) -> dict[Any, Any]:
    found = tables.read_stations(ids=[station_id]).to_dict("records")
    if not found:
        raise NotFoundError(f"no station {station_id!r}")
    return found[0]


@router.get(
    "/v1/stations/{station_id}",
    summary="One station, as a GeoJSON feature.",
    response_model=None,
    response_class=GeoJson,
    responses={200: {"model": StationFeature}, **problems(404, 422, 429, 503)},
)
def station(request: Request, station_id: Id) -> Response:
    """The station of an id."""
    body = encode(_feature(_one(store_of(request).tables(), station_id)))
    return GeoJson(body, headers=HEADERS)


def _position(after: str) -> Position:
    parts = after.split("~")
    if len(parts) != 3 or not (parts[0].isdecimal() and parts[2].isdecimal()) or parts[1] not in VARIABLES:
        raise ParameterError("after", after, "`next` of the page before")
    seconds, period = (int(parse_number("after", part, 0, 2**31 - 1)) for part in parts[::2])
    return datetime.fromtimestamp(seconds, UTC), parts[1], period


def _observation(row: dict[Any, Any]) -> dict[str, Any]:
    unit = VARIABLES[row["variable"]].unit
    return {
        "time": iso(int(row["time"].timestamp())),
        "period_s": int(row["period_s"]),
        "variable": row["variable"],
        "value": row["value"],
        "unit": PEOPLE_UNITS.get(unit, unit),
        "uncertainty": row["uncertainty"],
        "coverage": row["coverage"],
        "quality_flag": int(row["quality_flag"]),
        "received_at": iso(int(row["received_at"].timestamp())),
    }


@router.get(
    "/v1/stations/{station_id}/observations",
    summary="A station's observations, oldest first, with their quality flags.",
    response_model=None,
    responses={200: {"model": ObservationPage, "content": CSV}, **problems(403, 404, 422, 429, 503)},
)
def observations(request: Request, station_id: Id, query: Annotated[ObservationsQuery, Query()]) -> Response:
    """One page of a station's observations of start < time ≤ end; 403 where its source's terms forbid it."""
    store = store_of(request)
    tables = store.tables()
    row = _one(tables, station_id)
    if row["source"] in store.withheld:
        raise TermsError(f"observations of {station_id!r}: {refusal(row['source'])}")
    frame = tables.read_observations(
        station_id,
        names=parse_names("variables", query.variables, tuple(VARIABLES)) if query.variables else None,
        start=parse_time("start", query.start) if query.start else None,
        end=parse_time("end", query.end) if query.end else None,
        limit=query.limit + 1,
        after=_position(query.after) if query.after else None,
    )
    page = frame.head(query.limit).to_dict("records")
    if query.format == "csv":
        return _observation_csv([_observation(one) for one in page])
    last = page[-1] if len(frame) > query.limit else None
    body = {
        "station_id": station_id,
        "simulated": row["kind"] == "simulated",
        "observations": [_observation(one) for one in page],
        "next": None if last is None else f"{int(last['time'].timestamp())}~{last['variable']}~{last['period_s']}",
    }
    return Response(encode(body), headers=HEADERS, media_type="application/json")


def _observation_csv(records: list[dict[str, Any]]) -> Response:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ObservationOut.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return Response(text.getvalue(), headers=HEADERS, media_type="text/csv; charset=utf-8")
