"""The app at `/`: built files, compressed beforehand, and a page that already holds the first screen's values."""

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from brise.conventions.errors import BriseError
from brise.formulas.indices.registry import INDICES
from brise.io.gazetteer import cities, find_cities, nearest_city
from brise.service.api import air_quality, caching
from brise.service.api.dependencies import Domain, Snapshot, Store, store_of
from brise.service.api.errors import problem
from brise.service.api.parameters import MAX_HOURS, PointsQuery
from brise.service.api.search import NEAR_KM, found

LOG = logging.getLogger(__name__)
DIST = Path(str(resources.files("brise.service"))) / "web_dist"
PAGES = ("/", "/map", "/places", "/place", "/tracker", "/alerts", "/settings")
"""The app's own addresses: one page serves them all."""

OFFERS = {
    "rain": "/v1/rain/nowcast",
    "scores": "/v1/scores",
    "fires": "/v1/fires",
    "weather": "/v1/weather",
    "tracker": "/v1/trackers",
    "alerts": "/v1/alerts",
}
"""What the app shows only where the server has a route that begins so."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors {frames}"
)
IMMUTABLE = "public, max-age=31536000, immutable"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
_PLACE = re.compile(r"(-?\d{1,2}(?:\.\d{1,8})?),(-?\d{1,3}(?:\.\d{1,8})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Built:
    """A file of the app.

    Attributes:
        media: Its type.
        bodies: Content coding ("" = none) -> bytes.
        tag: Strong validator.
    """

    media: str
    bodies: dict[str, bytes]
    tag: str


def read_build(folder: Path) -> dict[str, Built]:
    """Every file of a build by its address, with its `.br` and `.gz` beside it; empty where nothing is built."""
    out = {}
    for path in sorted(folder.rglob("*")) if (folder / "index.html").is_file() else ():
        media = TYPES.get(path.suffix)
        if media and path.is_file() and not path.name.startswith("."):
            body = path.read_bytes()
            bodies = {"": body}
            for coding, suffix in (("br", ".br"), ("gzip", ".gz")):
                packed = path.with_name(path.name + suffix)
                if packed.is_file():
                    bodies[coding] = packed.read_bytes()
            tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
            out["/" + path.relative_to(folder).as_posix()] = Built(media, bodies, tag)
    return out


def security(frames: str = "'none'") -> dict[str, str]:
    """Headers of every page: nothing from elsewhere, no inline script, who may frame it."""
    return {
        "Content-Security-Policy": POLICY.format(frames=frames),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(self), camera=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _serve(request: Request, built: Built, control: str) -> Response:
    if caching.matches(request, built.tag):
        return Response(status_code=304, headers={"ETag": built.tag, "Cache-Control": control})
    accepted = request.headers.get("accept-encoding", "")
    coding = next((one for one in ("br", "gzip") if one in built.bodies and one in accepted), "")
    headers = {"Cache-Control": control, "ETag": built.tag, "Vary": "Accept-Encoding", **security()}
    if coding:
        headers["Content-Encoding"] = coding
    return Response(built.bodies[coding], headers=headers, media_type=built.media)


@lru_cache(maxsize=64)
def _main_city(bounds: tuple[float, float, float, float]) -> dict[str, Any] | None:
    """The most populous city within south, west, north, east."""
    known = cities()
    south, west, north, east = bounds
    inside = (known.latitude >= south) & (known.latitude <= north)
    inside &= (known.longitude - west) % 360.0 <= (east - west) % 360.0
    places = np.flatnonzero(inside)
    return found(int(places[known.population[places].argmax()])) if len(places) else None


def _bounds(domain: Domain) -> tuple[float, float, float, float]:
    grid = domain.grid
    south, east = grid.north - grid.step * (grid.rows - 1), grid.west + grid.step * (grid.columns - 1)
    return south, grid.west, grid.north, east


def home(snapshot: Snapshot) -> dict[str, Any] | None:
    """Where a first visit begins: the main city of the domain with the most stations; None where nothing is published.

    Of equally many the domain that sorts first by name, so that visits agree.
    """
    for domain in sorted(snapshot.domains, key=lambda one: (-len(one.stations), one.name)):
        city = _main_city(_bounds(domain))
        if city is not None:
            return city
        if len(domain.stations):
            row = domain.meta["stations"][0]
            return {"name": row["name"], "latitude": row["latitude"], "longitude": row["longitude"]}
    return None


def named(text: str) -> dict[str, Any] | None:
    """The place that an address speaks of: "latitude,longitude" or a city's name; None = no such place."""
    if match := _PLACE.fullmatch(text):
        latitude, longitude = float(match[1]), float(match[2])
        if abs(latitude) > 90 or abs(longitude) > 180:
            return None
        near = nearest_city(latitude, longitude, NEAR_KM)
        city = {} if near is None else {key: found(near)[key] for key in ("name", "country", "timezone")}
        return city | {"latitude": latitude, "longitude": longitude}
    places = find_cities(text[:80], 1)
    return found(places[0]) if places else None


def first_values(store: Store, place: Mapping[str, Any] | None) -> dict[str, Any]:
    """The place and its values now, next and before, as the API would answer; what fails is left out.

    Args:
        store: What is published.
        place: Asked for; None = `home`.
    """
    try:
        snapshot = store.published()
        place = place or home(snapshot)
        if place is None:
            return {}
        now = datetime.fromtimestamp(snapshot.now(), UTC)
        hour = now.replace(minute=0, second=0, microsecond=0)
        point = ((float(place["latitude"]),), (float(place["longitude"]),))
        query = PointsQuery(*point, (), tuple(INDICES), MAX_HOURS, "json", hour - timedelta(hours=24), now)
        bodies = {
            name: orjson.Fragment(air_quality.answer_body(answer, store, snapshot, query)[0])
            for name, answer in air_quality.ANSWERS.items()
        }
    except BriseError as error:
        LOG.warning("page without values: %s", error)
        return {"place": place} if place else {}
    return {"place": place, **bodies}


def offered(paths: Iterable[str]) -> list[str]:
    """Names of OFFERS that some route serves."""
    known = list(paths)
    return [name for name, start in OFFERS.items() if any(path.startswith(start) for path in known)]


def _language(accepted: str, build: Mapping[str, Built]) -> str | None:
    """The chunk of messages that a visitor will need, by the Accept-Language header."""
    chunks = {path.removeprefix("/assets/").split("-")[0]: path for path in build if path.startswith("/assets/")}
    for part in accepted.split(","):
        code = part.split(";")[0].strip().split("-")[0].lower()
        if len(code) == 2 and (chunk := chunks.get(f"text_{code}")):
            return chunk
    return chunks.get("text_en")


def _page(request: Request, build: Mapping[str, Built], name: str, told: Mapping[str, Any]) -> HTMLResponse:
    text = build[name].bodies[""].decode()
    data = orjson.dumps(told).decode().replace("<", "\\u003c")
    chunk = _language(request.headers.get("accept-language", ""), build)
    preload = f'<link rel="modulepreload" crossorigin href="{chunk}">' if chunk else ""
    text = text.replace("<!--first-->", f'{preload}<script type="application/json" id="first">{data}</script>')
    frames = "*" if name == "/embed.html" else "'none'"
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Accept-Encoding", **security(frames)}
    return HTMLResponse(text, headers=headers)


def add_routes(app: FastAPI, folder: Path = DIST) -> bool:
    """Serve the build in a folder.

    Returns:
        False where nothing is built there: then no route is added.
    """
    build = read_build(folder)
    if not build:
        return False
    offers = offered(getattr(route, "path", "") for route in app.routes)

    async def page(request: Request) -> Response:
        asked = request.query_params.get("at", "")
        told = await run_in_threadpool(first_values, store_of(request), named(asked) if asked else None)
        return _page(request, build, "/index.html", {"offers": offers, **told})

    async def embed(request: Request) -> Response:
        place = named(request.path_params["place"])
        if place is None:
            return problem(404, f"no place {request.path_params['place'][:80]!r}: a city or latitude,longitude")
        told = await run_in_threadpool(first_values, store_of(request), place)
        return _page(request, build, "/embed.html", {"offers": offers, **told})

    def file(path: str) -> Any:
        control = IMMUTABLE if path.startswith("/assets/") else "no-cache"

        async def serve(request: Request) -> Response:
            return _serve(request, build[path], control)

        return serve

    for path in PAGES:
        app.add_route(path, page, include_in_schema=False)
    app.add_route("/embed/{place}", embed, include_in_schema=False)
    for path in build:
        app.add_route(path, file(path), include_in_schema=False)
    return True
