"""`/v1/fire-simulations`: ask for a simulation, watch it, fetch its results, cancel it."""

import base64
import hashlib
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import FileResponse, Response

from brise.io.fire_jobs import Job
from brise.io.fire_maps import read_maps
from brise.products import fire_tiles, tiles
from brise.products.page_style import STYLE
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.fire_desk import RESULTS, ROOT, FireDesk, client_of, desk_of
from brise.service.api.fire_schemas import Asking, InstalledLandscapes, Listed, Simulation, Smoke
from brise.service.api.tiles import Legend, Stop
from brise.service.jobs import fire_landscapes, fire_request

router = APIRouter(tags=["fire"])
MAX_AGE = 300
"""Seconds a result may be reused unasked: it never changes, but it may be deleted."""

Key = Annotated[str, Path(min_length=1, max_length=64, description="The id, or one that was shared.")]
Layer = Literal[(*fire_tiles.LAYERS,)]  # type: ignore[valid-type]
BINARY = {"schema": {"type": "string", "format": "binary"}}
TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
NO_STORE = {"Cache-Control": "no-store"}
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""A page without scripts, whose only style is the one it was made with."""


class Page(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    before: Annotated[str | None, Field(max_length=40, description="`next` of the page before.")] = None


class SmokeTime(BaseModel):
    """Which hour of smoke."""

    model_config = ConfigDict(extra="forbid")

    hour: Annotated[
        int | None, Field(ge=1, le=fire_request.MAX_HOURS, description="Of the smoke, from 1; the last by default.")
    ] = None


def _json(body: object, status: int = 200, **headers: str) -> Response:
    return Response(encode(body), status, NO_STORE | headers, media_type="application/json")


@router.get(
    "/v1/fire-landscapes",
    summary="The landscapes that this server simulates fire on, and how much may be asked of it.",
    response_model=None,
    responses={200: {"model": InstalledLandscapes}, **problems(429, 503)},
)
def landscapes(request: Request) -> Response:
    """List them; the demonstration, which exists nowhere, is the first."""
    desk = desk_of(request)
    rows = [
        {
            "name": one.name,
            "simulated": one.simulated,
            "cells": one.cells,
            "cell_size": one.cell_m,
            "bounds": one.bounds,
            "usable": not one.problem,
            "problem": one.problem,
        }
        for one in fire_landscapes.installed(desk.data_dir)
    ]
    limits = {
        "cells": fire_landscapes.MAX_CELLS,
        "hours": fire_request.MAX_HOURS,
        "members": fire_request.MAX_MEMBERS,
        "cells_members_hours": fire_request.MAX_WORK,
        "vertices": fire_request.MAX_VERTICES,
        "weather_rows": fire_request.MAX_ROWS,
        "jobs_of_a_client": desk.room.client,
        "jobs": desk.room.total,
        "days_kept": desk.keep_s / 86_400,
    }
    return _json({"results": rows, "limits": limits})


@router.post(
    ROOT,
    status_code=202,
    summary="Ask for a simulation; it waits for a worker, and its resource says how far it is.",
    response_model=None,
    responses={
        202: {
            "model": Simulation,
            "headers": {"Location": {"description": "The resource.", "schema": {"type": "string"}}},
        },
        **problems(400, 413, 422, 429, 503),
    },
)
def ask(request: Request, body: Asking) -> Response:
    """Check it whole, then queue it."""
    desk = desk_of(request)
    asked = body.model_dump(mode="json", by_alias=True, exclude_none=True)
    job = desk.submit(asked, client_of(request))
    return _json(desk.resource(job, job.id), 202, Location=f"{ROOT}/{job.id}")


@router.get(
    ROOT,
    summary="Simulations whose makers let them be listed, newest first.",
    response_model=None,
    responses={200: {"model": Listed}, **problems(422, 429, 503)},
)
def listed(request: Request, query: Annotated[Page, Query()]) -> Response:
    """One page; every other simulation is known to those alone who have its id."""
    desk, before = desk_of(request), None
    if query.before is not None:
        try:
            before = float(query.before)
        except ValueError:
            raise ParameterError("before", query.before, "the `next` of the page before") from None
    jobs = desk.jobs.listed(query.limit + 1, before)
    following = repr(jobs[query.limit - 1].created) if len(jobs) > query.limit else None
    return _json({"results": [desk.resource(job, job.share) for job in jobs[: query.limit]], "next": following})


@router.get(
    ROOT + "/{key}",
    summary="How far a simulation is, and where its results are.",
    response_model=None,
    responses={200: {"model": Simulation}, **problems(404, 422, 429, 503)},
)
def simulation(request: Request, key: Key) -> Response:
    """The resource."""
    desk = desk_of(request)
    return _json(desk.resource(desk.jobs.find(key), key))


@router.delete(
    ROOT + "/{key}",
    status_code=204,
    summary="Cancel a simulation that waits or runs; delete one that ended, with its results.",
    response_model=None,
    responses={204: {"description": "It is cancelled, or gone."}, **problems(403, 404, 422, 429, 503)},
)
def end(request: Request, key: Key) -> Response:
    """By its own id alone, not by the one that is shared."""
    desk_of(request).end(key)
    return Response(status_code=204, headers=NO_STORE)


def _file(request: Request, key: str, result: str, media: str) -> Response:
    """A result as it lies on disk; parts of it by Range."""
    job, path = desk_of(request).file(key, result)
    status = path.stat()
    tag = f'"{hashlib.blake2b(f"{job.share} {result} {status.st_mtime_ns}".encode(), digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": f"private, max-age={MAX_AGE}", "ETag": tag, "X-Content-Type-Options": "nosniff"}
    if caching.matches(request, tag):
        return Response(status_code=304, headers=headers)
    if result == "report":
        headers["Content-Security-Policy"] = POLICY
    return FileResponse(path, headers=headers, media_type=media, stat_result=status)


def _result(name: str, media: str, title: str) -> None:
    schema = {"type": "object"} if media.endswith("json") else {"type": "string"}
    content = {media.split(";")[0]: BINARY if media.startswith("image") else {"schema": schema}}
    partial: dict[int | str, dict[str, Any]] = {
        206: {"description": "The part that was asked for."},
        416: {"description": "No such part."},
    }

    def route(request: Request, key: Key) -> Response:
        return _file(request, key, name, media)

    route.__name__ = name
    router.add_api_route(
        f"{ROOT}/{{key}}/{RESULTS[name][0]}",
        route,
        summary=title,
        response_class=Response,
        response_model=None,
        responses={
            200: {"content": content},
            304: {"description": "Not modified."},
            **partial,
            **problems(404, 409, 422, 429, 503),
        },
    )


_result("summary", "application/json", "One page of numbers: area by hour, rate, uncertainty, places reached.")
_result("report", "text/html; charset=utf-8", "The same to read or to print.")
_result("perimeters", "application/geo+json", "What had burned at each hour.")
_result("arrival", TIFF, "Minutes after the start at which fire comes; cloud-optimised GeoTIFF.")
_result("burn_probability", TIFF, "Share of the members that burned each cell; cloud-optimised GeoTIFF.")
_result("flame_length", TIFF, "Flame length, m; cloud-optimised GeoTIFF.")
_result("smoke_source", "text/csv; charset=utf-8", "What the fire gives off, by hour and place: for other models.")


@router.get(
    ROOT + "/{key}/smoke",
    summary="The fire's smoke by hour (experimental): what it gives off, and how much comes to the ground.",
    response_model=None,
    responses={
        200: {"model": Smoke},
        304: {"description": "Not modified."},
        **problems(404, 409, 422, 429, 503),
    },
)
def smoke(request: Request, key: Key) -> Response:
    """Tiles of the layer `smoke` show it hour by hour."""
    desk = desk_of(request)
    job, _ = desk.file(key, "smoke")
    validator = caching.etag("smoke", job.share[:8], job.finished)
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    maps = read_maps(desk.folder(job), "smoke")
    meta, grid = maps.meta, maps.grid
    names = ("time", "heat_mj", "pm25_kg", "ground_pm25_max", "plume_height_m")
    there = f"{ROOT}/{key}"
    body = {
        "status": "experimental",
        "simulated": meta["simulated"],
        "unit": "µg/m³",
        "north": grid.north,
        "west": grid.west,
        "step_degrees": grid.step,
        "rows": grid.rows,
        "columns": grid.columns,
        "hours": [dict(zip(names, row, strict=True)) for row in zip(*(meta[name] for name in names), strict=True)],
        "emitted_kg": round(float(np.sum(meta["pm25_kg"])), 3),
        "within_kg": meta["within_kg"],
        "left_kg": meta["left_kg"],
        "assumptions": meta["assumptions"],
        "links": {
            "tiles": f"{there}/tiles/smoke/{{z}}/{{x}}/{{y}}.png?hour={{hour}}",
            "source": f"{there}/{RESULTS['smoke_source'][0]}",
        },
    }
    return Response(encode(body), headers=caching.headers(validator, MAX_AGE), media_type="application/json")


@router.get(
    ROOT + "/{key}/tiles/{layer}/legend",
    summary="What the colours of a simulation's layer mean.",
    response_model=None,
    responses={200: {"model": Legend}, **problems(404, 409, 422, 429, 503)},
)
def legend(
    request: Request, key: Key, layer: Annotated[Layer, Path(description="Of the simulation's links.")]
) -> Response:
    """The colours of a layer by value."""
    job, _ = desk_of(request).file(key, "summary")
    found = fire_tiles.stops(layer, float(job.request["asked"]["hours"]))
    stops = [Stop(value=value, colour=colour, key=None) for value, colour in found]
    answer = Legend(
        layer=layer,
        title=fire_tiles.LAYERS[layer],
        unit=fire_tiles.UNITS[layer],
        smooth=layer == "smoke",
        stops=stops,
    )
    return Response(encode(answer.model_dump()), headers=caching.headers(None, MAX_AGE), media_type="application/json")


@router.get(
    ROOT + "/{key}/tiles/{layer}/{z}/{x}/{y}.png",
    summary="A 256 x 256 PNG in web Mercator; transparent where there is nothing.",
    response_class=Response,
    responses={
        200: {"content": {"image/png": BINARY}},
        304: {"description": "Not modified."},
        **problems(404, 409, 422, 429, 503),
    },
)
def tile(
    request: Request,
    key: Key,
    layer: Annotated[Layer, Path(description="Of the simulation's links.")],
    z: Annotated[int, Path(ge=0, le=tiles.MAX_ZOOM)],
    x: Annotated[int, Path(ge=0, lt=2**tiles.MAX_ZOOM)],
    y: Annotated[int, Path(ge=0, lt=2**tiles.MAX_ZOOM)],
    query: Annotated[SmokeTime, Query()],
) -> Any:
    """Draw one tile."""
    for name, value in (("x", x), ("y", y)):
        if value >= 2**z:
            raise ParameterError(name, value, f"less than 2^z = {2**z}")
    if query.hour is not None and layer != "smoke":
        raise ParameterError("hour", query.hour, "goes with the layer smoke")
    desk = desk_of(request)
    job, _ = desk.file(key, "smoke" if layer == "smoke" else "summary")
    validator = caching.etag("fire", job.share[:8], job.finished, layer, query.hour, z, x, y)
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    body = _draw(desk, job, layer, query.hour, (z, x, y))
    return Response(body, headers=caching.headers(validator, MAX_AGE), media_type="image/png")


def _draw(desk: FireDesk, job: Job, layer: str, hour: int | None, place: tuple[int, int, int]) -> bytes:
    maps = read_maps(desk.folder(job), "smoke" if layer == "smoke" else "map")
    part = tiles.window(maps.grid, *place)
    if part is None:
        return tiles.empty()
    if layer == "smoke":
        count = len(maps.values)
        if hour is not None and hour > count:
            raise ParameterError("hour", hour, f"at most {count}, the hours of this simulation")
        which = (hour or count) - 1
    else:
        which = maps.meta["layers"].index(layer)
    values = np.asarray(maps.values[which][np.ix_(part.rows, part.columns)])
    if layer == "smoke":
        values = np.where(values < fire_tiles.SMOKE_FROM, np.float32(np.nan), values)
    scale = fire_tiles.scale(layer, float(job.request["asked"]["hours"]))
    colour = tiles.shade(values, part, scale, interpolate=layer == "smoke")
    return tiles.png(colour, scale) if colour.any() else tiles.empty()
