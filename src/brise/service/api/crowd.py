"""`/v1/crowd/cells` and `/v1/tiles/crowd-{variable}`: what owners of trackers share, several to a cell."""

import hashlib
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.formulas.privacy import EPSILON, K
from brise.products import tiles
from brise.products.crowd_map import (
    PERIODS,
    RESOLUTIONS,
    VARIABLES_SHOWN,
    CrowdMap,
    feature,
    inside,
    tile_png,
)
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.dependencies import store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.parameters import parse_box, parse_time
from brise.service.api.schemas import Shape, Text
from brise.service.api.stations import GeoJson
from brise.service.clock import read_clock
from brise.service.jobs.crowd import crowd_file, published

router = APIRouter(tags=["crowd"])
Variable = Literal[VARIABLES_SHOWN]  # type: ignore[valid-type]
Period = Literal["hour", "day"]
Palette = Literal[("default", *tiles.PALETTES)]  # type: ignore[valid-type]
MAX_AGE = 60
"""Seconds: what is withdrawn should not be shown on for long."""

MOST_CELLS = 20_000
ZOOMS = (10, 12, 13)
"""Up to which the cells of each resolution but the finest are drawn."""


class CrowdQuery(BaseModel):
    """Where, what and when."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bbox": "2.2,48.8,2.5,48.9"}]})

    bbox: Annotated[str, Field(max_length=200, description="west,south,east,north; west > east crosses the date line.")]
    variable: Variable = "pm25"
    period: Annotated[Period, Field(description="A whole hour or day of UTC that is over.")] = "hour"
    start: Annotated[str | None, Field(max_length=40, description="Of the period, ISO 8601; the newest one.")] = None
    resolution: Annotated[int, Field(ge=RESOLUTIONS[0], le=RESOLUTIONS[-1], description="H3.")] = 9


class CrowdTileQuery(BaseModel):
    """Of which period, and in which colours."""

    model_config = ConfigDict(extra="forbid")

    period: Period = "hour"
    palette: Palette = "default"


class CellShape(Shape):
    """The hexagon."""

    type: Literal["Polygon"]
    coordinates: list[list[list[float]]]


class CellProperties(Shape):
    """What several owners measured in a cell."""

    cell: Annotated[str, Field(description="H3.")]
    resolution: Annotated[int, Field(description="Coarser than asked where finer cells have too few owners.")]
    variable: str
    value: Annotated[float, Field(description="Median of the owners' corrected medians.")]
    unit: str
    uncertainty: Annotated[float, Field(description="Standard deviation of the value.")]
    owner_hours: Annotated[int, Field(description="Hours that owners spent here, with noise.")]
    start: str
    end: str


class CellFeature(Shape):
    """A cell."""

    type: Literal["Feature"]
    id: str
    geometry: CellShape
    properties: CellProperties


class CrowdCells(Shape):
    """Cells of a period, and what protects those who made them."""

    type: Literal["FeatureCollection"]
    bbox: list[float]
    variable: str
    period: str
    start: Annotated[Text, Field(description="Null where nothing is shared.")]
    made: Annotated[Text, Field(description="When the map was made; null where there is none.")]
    age_s: Annotated[int | None, Field(description="Seconds since the end of the period.")]
    k: Annotated[int, Field(description="Owners behind every cell, at least.")]
    epsilon: Annotated[float, Field(description="Of each count's Laplace noise.")]
    truncated: bool
    notes: list[str]
    features: list[CellFeature]


@lru_cache(maxsize=2)
def _read(folder: FilePath, stamp: tuple[int, int]) -> CrowdMap | None:  # noqa: ARG001  # another stamp, another map
    return published(folder)


def _published(request: Request) -> tuple[CrowdMap | None, str]:
    """The map and its tag."""
    folder = store_of(request).root
    try:
        about = crowd_file(folder).stat()
    except FileNotFoundError:
        return None, "none"
    stamp = about.st_mtime_ns, about.st_ino
    return _read(folder, stamp), f"{stamp[0]:x}.{stamp[1]:x}"


@router.get(
    "/v1/crowd/cells",
    summary="What owners of trackers share, on hexagons: at least three owners to each.",
    response_model=None,
    response_class=GeoJson,
    responses={200: {"model": CrowdCells}, 304: {"description": "Not modified."}, **problems(422, 429, 503)},
)
def cells(request: Request, query: Annotated[CrowdQuery, Query()]) -> Response:
    """Nothing is shown of homes, places of work, stays and the ends of trips, nor of a cell with fewer owners."""
    box = parse_box(query.bbox)
    wanted = None if query.start is None else parse_time("start", query.start)
    found, tag = _published(request)
    now = read_clock(store_of(request).products.parent).now()
    minute = int(now.timestamp()) // MAX_AGE
    asked = hashlib.blake2b(repr(query).encode(), digest_size=8).hexdigest()
    validator = caching.etag("crowd", tag, asked, minute)
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    start = None if found is None else wanted or found.newest(query.period, query.variable)
    if found is None or start is None:
        shown = []
    else:
        shown = inside(found.shown(query.period, query.variable, start, query.resolution), box)
    end = None if start is None else start + PERIODS[query.period]
    body = encode(
        {
            "type": "FeatureCollection",
            "bbox": box,
            "variable": query.variable,
            "period": query.period,
            "start": None if start is None else f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "made": None if found is None else f"{found.made:%Y-%m-%dT%H:%M:%SZ}",
            "age_s": None if end is None else int((now - end).total_seconds()),
            "k": K,
            "epsilon": EPSILON,
            "truncated": len(shown) > MOST_CELLS,
            "notes": [] if shown else ["nobody, or too few, share anything here"],
            "features": [feature(one) for one in shown[:MOST_CELLS]],
        }
    )
    return GeoJson(body, headers=caching.headers(validator, MAX_AGE))


@router.get(
    "/v1/tiles/crowd-{variable}/{z}/{x}/{y}.png",
    summary="The crowd's hexagons as a 256 x 256 PNG in web Mercator; transparent where nothing may be said.",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "Not modified."},
        **problems(422, 429, 503),
    },
)
def crowd_tile(
    request: Request,
    variable: Annotated[Variable, Path(examples=["pm25"])],
    z: Annotated[int, Path(ge=0, le=tiles.MAX_ZOOM, examples=[12])],
    x: Annotated[int, Path(ge=0, lt=2**tiles.MAX_ZOOM, examples=[2074])],
    y: Annotated[int, Path(ge=0, lt=2**tiles.MAX_ZOOM, examples=[1409])],
    query: Annotated[CrowdTileQuery, Query()],
) -> Response:
    """Draw one tile of the newest period; the headers `Brise-K`, `Brise-Epsilon` and `Brise-End` say what it is."""
    for name, value in (("x", x), ("y", y)):
        if value >= 2**z:
            raise ParameterError(name, value, f"less than 2^z = {2**z}")
    found, tag = _published(request)
    validator = caching.etag("crowd", tag, variable, query.period, query.palette, z, x, y)
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    start = None if found is None else found.newest(query.period, variable)
    told = {"Brise-K": str(K), "Brise-Epsilon": f"{EPSILON:g}"}
    body = None
    if found is not None and start is not None:
        told["Brise-End"] = f"{start + PERIODS[query.period]:%Y-%m-%dT%H:%M:%SZ}"
        resolution = next((one for one, most in zip(RESOLUTIONS, ZOOMS, strict=False) if z <= most), RESOLUTIONS[-1])
        body = tile_png(found.shown(query.period, variable, start, resolution), (z, x, y), query.palette)
    return Response(
        body or tiles.empty(), headers={**caching.headers(validator, MAX_AGE), **told}, media_type="image/png"
    )
