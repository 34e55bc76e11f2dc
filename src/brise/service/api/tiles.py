"""`/v1/tiles/{layer}/{z}/{x}/{y}.png`: concentrations, indices and rain on a map."""

from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.conventions.variables import POLLUTANTS, VARIABLES
from brise.formulas.indices.registry import INDICES
from brise.products import rain_tiles, tiles
from brise.service.api import caching, rain_map
from brise.service.api.answers import UNIT, encode
from brise.service.api.dependencies import Domain, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.parameters import parse_time
from brise.service.api.rain import MAX_AGE as RAIN_AGE
from brise.service.api.rain import rain_of

router = APIRouter(tags=["tiles"])
Layer = Literal[(*POLLUTANTS, *INDICES, *rain_tiles.LAYERS)]  # type: ignore[valid-type]
Palette = Literal[("default", *tiles.PALETTES)]  # type: ignore[valid-type]
FIRST_LEAD, LAST_LEAD = -24, 96
LAST_MINUTE = 120
MAX_AGE = 60
"""Seconds a tile may be reused unasked: a run may be made again, or a first one appear, within the hour."""

LEGEND_AGE = 86_400


class TileQuery(BaseModel):
    """When, and in which colours."""

    model_config = ConfigDict(extra="forbid")

    lead: Annotated[
        int | None, Field(ge=FIRST_LEAD, le=LAST_LEAD, description="Hours after the run's start; now by default.")
    ] = None
    time: Annotated[str | None, Field(max_length=40, description="End of the hour, ISO 8601; instead of `lead`.")] = (
        None
    )
    minutes: Annotated[
        int | None, Field(ge=0, le=LAST_MINUTE, description="Of rain: after the newest frame; now by default.")
    ] = None
    palette: Palette = "default"


class Stop(BaseModel):
    """One colour. It holds from the stop's value (in an index not included, in rain included) to the next one's."""

    value: Annotated[float | None, Field(description="µg/m³, or the index's; null in an index without numbers.")]
    colour: str
    key: Annotated[str | None, Field(description="Text key of the index's band.")]


class Legend(BaseModel):
    """What a layer's colours mean; transparent is unknown. Of rain, transparent is dry and a grey veil unknown."""

    layer: str
    title: str
    unit: Annotated[str | None, Field(description="Null in an index.")]
    smooth: Annotated[bool, Field(description="Between two stops colours go evenly with the value's square root.")]
    stops: list[Stop]


@lru_cache(maxsize=64)
def _scale(layer: str, palette: str) -> tiles.Scale:
    if layer in INDICES:
        return tiles.index_scale(INDICES[layer], palette)
    return tiles.pollutant_scale(layer, palette)


@lru_cache(maxsize=1)
def _empty() -> bytes:
    return tiles.empty()


def _values(domain: Domain, part: tiles.Window, layer: str, lead: int) -> NDArray[np.float32] | None:
    """(Y, X) of the window alone; None where the run has no such layer or lead."""
    place = domain.zero + lead
    if not 0 <= place < len(domain.times):
        return None
    cells = part.rows[:, None] * domain.grid.columns + part.columns
    values: NDArray[np.float32] | None = None
    if layer in domain.variables:
        values = domain.concentration[cells, domain.variables[layer], 0, place]
    elif layer in domain.indices:
        values = domain.index[cells, domain.indices[layer], 0 if INDICES[layer].has_value else 1, place]
    return values


def _draw(domains: list[tuple[Domain, int]], layer: str, palette: str, tile: tuple[int, int, int]) -> bytes:
    scale, drawn = _scale(layer, palette), None
    smooth = layer not in INDICES or INDICES[layer].has_value
    for domain, lead in domains:
        part = tiles.window(domain.grid, *tile)
        values = None if part is None else _values(domain, part, layer, lead)
        if part is not None and values is not None:
            colour = tiles.shade(values, part, scale, smooth)
            drawn = colour if drawn is None else np.where(drawn == 0, colour, drawn)  # newest, finest first
    return _empty() if drawn is None or not drawn.any() else tiles.png(drawn, scale)


@router.get(
    "/v1/tiles/{layer}/{z}/{x}/{y}.png",
    summary="A 256 x 256 PNG in web Mercator; transparent where nothing is known.",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "Not modified."},
        **problems(422, 429, 503),
    },
)
def tile(
    request: Request,
    layer: Annotated[Layer, Path(description="A pollutant, an index, rain_rate or rain_chance.")],
    z: Annotated[int, Path(ge=0, le=tiles.MAX_ZOOM, examples=[9])],
    x: Annotated[int, Path(ge=0, lt=2**tiles.MAX_ZOOM, examples=[255])],
    y: Annotated[int, Path(ge=0, lt=2**tiles.MAX_ZOOM, examples=[170])],
    query: Annotated[TileQuery, Query()],
) -> Any:
    """Draw one tile."""
    for name, value in (("x", x), ("y", y)):
        if value >= 2**z:
            raise ParameterError(name, value, f"less than 2^z = {2**z}")
    if layer in rain_tiles.LAYERS:
        return _rain_tile(request, layer, (z, x, y), query)
    if query.minutes is not None:
        raise ParameterError("minutes", query.minutes, f"goes with {' and '.join(rain_tiles.LAYERS)}")
    snapshot = store_of(request).published()
    at = snapshot.now() if query.time is None else int(parse_time("time", query.time).timestamp())
    leads = [(domain, (at - domain.init) // 3600 if query.lead is None else query.lead) for domain in snapshot.domains]
    shown = "-".join(str(one) for _, one in leads)
    validator = caching.etag(snapshot.tag, layer, query.palette, shown, z, x, y)
    age = min(snapshot.max_age, MAX_AGE)
    if caching.matches(request, validator):
        return caching.not_modified(validator, age)
    body = _draw(leads, layer, query.palette, (z, x, y))
    return Response(body, headers=caching.headers(validator, age), media_type="image/png")


def _rain_tile(request: Request, layer: str, place: tuple[int, int, int], query: TileQuery) -> Response:
    if query.lead is not None:
        raise ParameterError("lead", query.lead, f"hours, of air; {layer} takes minutes from 0 to {LAST_MINUTE}")
    snapshot = rain_of(request).published()
    at = snapshot.now if query.time is None else int(parse_time("time", query.time).timestamp())
    moment = rain_map.Moment(at if query.minutes is None else None, query.minutes or 0)
    found = rain_map.shown(snapshot, moment)
    steps = "-".join(f"{domain.tag}.{step}" for domain, step in found)
    validator = caching.etag(layer, query.palette, steps, *place)
    if caching.matches(request, validator):
        return caching.not_modified(validator, RAIN_AGE)
    body = rain_map.draw(found, layer, query.palette, place) or _empty()
    return Response(body, headers=caching.headers(validator, RAIN_AGE), media_type="image/png")


@router.get(
    "/v1/tiles/{layer}/legend",
    summary="What the colours of a layer mean.",
    response_model=None,
    responses={200: {"model": Legend}, **problems(422, 429)},
)
def legend(
    layer: Annotated[Layer, Path(description="A pollutant, an index, rain_rate or rain_chance.")],
    palette: Annotated[Palette, Query()] = "default",
) -> Response:
    """The colours of a layer by value."""
    headers = caching.headers(None, LEGEND_AGE)
    return Response(encode(_legend(layer, palette).model_dump()), headers=headers, media_type="application/json")


def _legend(layer: str, palette: str) -> Legend:
    if layer in rain_tiles.LAYERS:
        stops = [Stop(value=value, colour=colour, key=None) for value, colour in rain_tiles.rain_stops(layer, palette)]
        title, unit = rain_tiles.LAYERS[layer], rain_tiles.UNITS[layer]
        return Legend(layer=layer, title=title, unit=unit, smooth=False, stops=stops)
    if layer not in INDICES:
        stops = [Stop(value=value, colour=colour, key=None) for value, colour in tiles.pollutant_stops(layer, palette)]
        return Legend(layer=layer, title=VARIABLES[layer].title, unit=UNIT, smooth=True, stops=stops)
    index = INDICES[layer]
    stops = [
        Stop(value=band.lower if index.has_value else None, colour="#" + bytes(colour).hex(), key=band.key)
        for band, colour in zip(index.bands, _scale(layer, palette).colours, strict=True)
    ]
    return Legend(layer=layer, title=index.title, unit=None, smooth=False, stops=stops)
