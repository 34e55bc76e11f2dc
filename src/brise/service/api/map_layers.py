"""`/v1/map`: what the app's map needs beside tiles: areas, stations by columns, their values, city names."""

import logging
import math
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.conventions.errors import StoreError
from brise.conventions.grids import Grid
from brise.conventions.variables import POLLUTANTS
from brise.formulas.indices.registry import INDICES
from brise.io.gazetteer import cities
from brise.products import rain_tiles
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.current import TRUSTED_KINDS
from brise.service.api.dependencies import Domain, Snapshot, Store, iso, store_of
from brise.service.api.documented import problems
from brise.service.api.parameters import parse_box, parse_time
from brise.service.api.rain import rain_of
from brise.service.api.readings import readings_of
from brise.service.api.schemas import Number, Shape

LOG = logging.getLogger(__name__)
router = APIRouter(tags=["map"])
MAX_AGE = 60
CITY_AGE = 86_400
MAX_CITIES = 200
DECIMALS = 1
Layer = Literal[(*POLLUTANTS, *INDICES)]  # type: ignore[valid-type]
Numbers = list[Number]


class Area(Shape):
    """Where a field is published, and for which hours."""

    name: str
    bounds: Annotated[list[float], Field(description="south, west, north, east: the outer edges of its cells.")]
    init_time: str
    first_time: str
    last_time: str
    simulated: bool
    stations: int


class MapLayers(Shape):
    """What there is to draw now."""

    now: str
    clock_speed: float
    layers: Annotated[list[str], Field(description="Names that `/v1/tiles/{layer}` draws something of.")]
    air: list[Area]
    rain: list[Area]


class MapStations(Shape):
    """The stations of the published runs, by columns."""

    tag: Annotated[str, Field(description="Changes with the list; `/v1/map/values` repeats it.")]
    id: list[str]
    name: list[str]
    kind: list[str]
    latitude: list[float]
    longitude: list[float]


class MapValues(Shape):
    """One number a station, in the order of `/v1/map/stations`; null unknown."""

    tag: str
    layer: str
    time: Annotated[str, Field(description="End of the hour.")]
    value: Annotated[Numbers, Field(description="µg/m³, or the index's number.")]
    category: Annotated[list[int | None], Field(description="Position among the index's bands; of pollutants null.")]
    measured: Annotated[list[bool], Field(description="The station's own value; else the model's where it stands.")]


class MapCities(Shape):
    """Cities within a box by columns, the most populous first."""

    name: list[str]
    latitude: list[float]
    longitude: list[float]
    population: list[int]
    attribution: str


class ValuesQuery(BaseModel):
    """What and when."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"layer": "pm25"}]})

    layer: Annotated[Layer, Field(description="A pollutant or an index.")]
    time: Annotated[str | None, Field(max_length=40, description="End of the hour, ISO 8601; now by default.")] = None


class CitiesQuery(BaseModel):
    """Where, and how many."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bbox": "-1,51,1,52"}]})

    bbox: Annotated[str, Field(max_length=200, description="west,south,east,north; west > east crosses the date line.")]
    limit: Annotated[int, Field(ge=1, le=MAX_CITIES)] = 60


def _bounds(grid: Grid) -> list[float]:
    half = grid.step / 2
    south, east = grid.north - grid.step * (grid.rows - 1) - half, grid.west + grid.step * (grid.columns - 1) + half
    return [round(one, 5) for one in (south, grid.west - half, grid.north + half, east)]


def _sent(request: Request, body: bytes, validator: str, age: int) -> Response:
    if caching.matches(request, validator):
        return caching.not_modified(validator, age)
    return Response(body, headers=caching.headers(validator, age), media_type="application/json")


@router.get(
    "/v1/map/layers",
    summary="What can be drawn: layers, areas, hours.",
    response_model=None,
    responses={200: {"model": MapLayers}, **problems(429, 503)},
)
def layers(request: Request) -> Response:
    """Areas of the air and of rain that reach beyond now; none where nothing is published."""
    air, rain = store_of(request).snapshot(), rain_of(request).published()
    offered = {name for domain in air.domains for name in (*domain.variables, *domain.indices)}
    names = [name for name in (*INDICES, *POLLUTANTS) if name in offered]
    body = {
        "now": iso(air.now()),
        "clock_speed": air.clock.speed,
        "layers": names + (list(rain_tiles.LAYERS) if rain.domains else []),
        "air": [
            {
                "name": one.name,
                "bounds": _bounds(one.grid),
                "init_time": one.times[one.zero],
                "first_time": one.times[0],
                "last_time": one.times[-1],
                "simulated": bool(one.meta["simulated"]),
                "stations": len(one.stations),
            }
            for one in air.domains
        ],
        "rain": [
            {
                "name": one.name,
                "bounds": _bounds(one.grid),
                "init_time": iso(one.init),
                "first_time": iso(one.init),
                "last_time": iso(one.end),
                "simulated": bool(one.meta.get("simulated")),
                "stations": 0,
            }
            for one in rain.domains
        ],
    }
    return Response(encode(body), headers={"Cache-Control": "no-cache"}, media_type="application/json")


def _rows(domains: Iterable[Domain]) -> list[tuple[Domain, list[dict[str, Any]]]]:
    """Each station once: with the first (newest, finest) run that has it."""
    seen: set[str] = set()
    out = []
    for domain in domains:
        rows = [row for row in domain.meta["stations"] if row["station_id"] not in seen]
        seen.update(row["station_id"] for row in rows)
        out.append((domain, rows))
    return out


@router.get(
    "/v1/map/stations",
    summary="Stations of the published runs, by columns.",
    response_model=None,
    responses={200: {"model": MapStations}, 304: {"description": "Not modified."}, **problems(429, 503)},
)
def stations(request: Request) -> Response:
    """Names and places; `/v1/map/values` has a number for each, in this order."""
    snapshot = store_of(request).published()
    rows = [row for _, some in _rows(snapshot.domains) for row in some]
    columns = {"id": "station_id", "name": "name", "kind": "kind", "latitude": "latitude", "longitude": "longitude"}
    body = {"tag": snapshot.tag} | {name: [row[key] for row in rows] for name, key in columns.items()}
    return _sent(request, encode(body), caching.etag(snapshot.tag, "stations"), MAX_AGE)


def _field(domain: Domain, rows: list[dict[str, Any]], layer: str, place: int) -> NDArray[np.float64]:
    """(2, S): the run's value and category of an hour where the stations stand; NaN unknown."""
    out = np.full((2, len(rows)), np.nan)
    known = [(at, domain.grid.cell(row["latitude"], row["longitude"])) for at, row in enumerate(rows)]
    inside = [(at, cell) for at, cell in known if cell is not None]
    if not inside or not 0 <= place < len(domain.times):
        return out
    to, cells = (list(side) for side in zip(*inside, strict=True))
    if layer in domain.variables:
        out[0, to] = domain.concentration[cells, domain.variables[layer], 0, place]
    elif layer in domain.indices:
        out[:, to] = domain.index[cells, domain.indices[layer], :2, place].T
    return out


def _numbers(values: NDArray[np.float64]) -> Numbers:
    return [None if math.isnan(one) else round(one, DECIMALS) for one in values.tolist()]


def _measured(store: Store, layer: str, rows: list[dict[str, Any]], now: int) -> dict[int, float]:
    """What stations that may be shown measured within the last two hours, by position."""
    shown = {
        row["station_id"]: place
        for place, row in enumerate(rows)
        if row["kind"] in TRUSTED_KINDS and row["source"] not in store.withheld
    }
    try:
        found = readings_of(store.tables().latest(names=[layer]), now)
    except StoreError as error:  # the run's values remain
        LOG.warning("map: without measurements: %s", error)
        return {}
    return {shown[name]: values[layer].value for name, values in found.items() if name in shown}


def _values(store: Store, snapshot: Snapshot, layer: str, at: int | None) -> dict[str, Any]:
    now = snapshot.now()
    hour = (now if at is None else at) // 3600 * 3600
    groups = _rows(snapshot.domains)
    parts = [_field(one, rows, layer, one.zero + (hour - one.init) // 3600) for one, rows in groups]
    value, category = np.concatenate([np.empty((2, 0)), *parts], axis=1)
    measured = np.zeros(len(value), bool)
    if layer in POLLUTANTS and hour == now // 3600 * 3600:
        for place, number in _measured(store, layer, [row for _, rows in groups for row in rows], now).items():
            value[place], measured[place] = number, True
    return {
        "tag": snapshot.tag,
        "layer": layer,
        "time": iso(hour),
        "value": _numbers(value),
        "category": [None if math.isnan(one) else int(one) for one in category.tolist()],
        "measured": measured.tolist(),
    }


@router.get(
    "/v1/map/values",
    summary="One number a station at one hour.",
    response_model=None,
    responses={200: {"model": MapValues}, 304: {"description": "Not modified."}, **problems(422, 429, 503)},
)
def values(request: Request, query: Annotated[ValuesQuery, Query()]) -> Response:
    """Now: what the station measured, where that is fresh; else what the run says where it stands."""
    store = store_of(request)
    snapshot = store.published()
    at = None if query.time is None else int(parse_time("time", query.time).timestamp())
    minute = snapshot.now() // MAX_AGE
    validator = caching.etag(snapshot.tag, query.layer, at, minute)
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    return _sent(request, encode(_values(store, snapshot, query.layer, at)), validator, MAX_AGE)


@router.get(
    "/v1/map/cities",
    summary="Names to put on a map: the most populous cities within a box.",
    response_model=None,
    responses={200: {"model": MapCities}, **problems(422, 429)},
)
def city_names(query: Annotated[CitiesQuery, Query()]) -> Response:
    """Cities of 15,000 people or more (GeoNames)."""
    west, south, east, north = parse_box(query.bbox)
    known = cities()
    inside = (known.latitude >= south) & (known.latitude <= north)
    east_of = (known.longitude >= west) & (known.longitude <= east)
    inside &= east_of if west <= east else (known.longitude >= west) | (known.longitude <= east)
    found = np.flatnonzero(inside)
    chosen = found[np.argsort(-known.population[found], kind="stable")[: query.limit]]
    body = {
        "name": [known.name[place] for place in chosen],
        "latitude": known.latitude[chosen].round(4).tolist(),
        "longitude": known.longitude[chosen].round(4).tolist(),
        "population": known.population[chosen].astype(int).tolist(),
        "attribution": "GeoNames, CC BY 4.0",
    }
    return Response(encode(body), headers=caching.headers(None, CITY_AGE), media_type="application/json")
