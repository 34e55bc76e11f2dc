"""The app at `/`: built files, compressed beforehand, and a page that already holds the first screen's values."""

import base64
import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
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
from brise.service.api import air_quality, caching, first_screen
from brise.service.api.dependencies import Domain, Snapshot, Store, store_of
from brise.service.api.errors import problem
from brise.service.api.first_screen import Words
from brise.service.api.parameters import MAX_HOURS, PointsQuery
from brise.service.api.search import NEAR_KM, found

LOG = logging.getLogger(__name__)
DIST = Path(str(resources.files("brise.service"))) / "web_dist"
WORDS = ".first.json"
"""What the first screen says in every language; not served."""

PAGES = ("/", "/map", "/places", "/place", "/tracker", "/alerts", "/settings")
"""The app's own addresses: one page serves them all."""

OFFERS = {
    "rain": "/v1/rain/nowcast",
    "scores": "/v1/scores",
    "fires": "/v1/fires",
    "weather": "/v1/weather",
    "tracker": "/v1/trackers",
}
"""What the app shows only where the server has a route that begins so (its page of alerts is empty)."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data: blob:; font-src 'self'; "
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


def security(frames: str = "'none'", style: str = "") -> dict[str, str]:
    """Headers of every page: nothing from elsewhere, no inline script, who may frame it.

    Args:
        frames: Who.
        style: The text of the one style that the page holds, allowed by its hash; "" = none.
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "Content-Security-Policy": POLICY.format(frames=frames, styles=f" 'sha256-{digest}'" if style else ""),
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


def _asked(asked: Mapping[str, str]) -> dict[str, Any] | None:
    """The place in the app's own address, under the name that it gives; None where it speaks of none."""
    place = named(asked.get("at", ""))
    if place is None or not asked.get("name"):
        return place
    own = {"name": asked["name"][:120], "country": asked.get("country", "")[:2], "timezone": asked.get("zone", "")[:64]}
    return place | {key: text for key, text in own.items() if text}


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """The answers as they will be read."""
    out: dict[str, Any] = orjson.loads(orjson.dumps(told))
    return out


def offered(paths: Iterable[str]) -> list[str]:
    """Names of OFFERS that some route serves."""
    known = list(paths)
    return [name for name, start in OFFERS.items() if any(path.startswith(start) for path in known)]


def _language(accepted: str, known: Mapping[str, Any]) -> str:
    """The first language of an Accept-Language header that the app speaks; English where it speaks none."""
    codes = (part.split(";")[0].strip().split("-")[0].lower() for part in accepted.split(","))
    return next((code for code in codes if code in known), "en")


@dataclass(frozen=True, slots=True)
class Template:
    """A page of the build, ready to be filled.

    Attributes:
        text: HTML without its stylesheets, with the places <!--head-->, <!--screen--> and <!--first-->.
        style: What its stylesheets say.
        words: By language.
        chunks: The script of a language's messages, by language.
        frames: Who may frame it.
    """

    text: str
    style: str
    words: Mapping[str, Words]
    chunks: Mapping[str, str]
    frames: str = "'none'"

    def filled(
        self, request: Request, told: Mapping[str, Any], values: Mapping[str, Any] | None = None
    ) -> HTMLResponse:
        """The page for a visitor.

        Args:
            request: Of the visitor.
            told: What the app is given.
            values: What the first screen is drawn of; None = it is not drawn.
        """
        asked = request.query_params
        language = asked.get("lang", "")
        if language not in self.words:
            language = _language(request.headers.get("accept-language", ""), self.words)
        scale = asked.get("scale", first_screen.SCALE)
        screen = first_screen.draw(self.words[language], values, scale) if values else None
        style = self.style + (screen.style if screen else "")
        preload = f'<link rel="modulepreload" crossorigin href="{self.chunks[language]}">'
        data = orjson.dumps(told).decode().replace("<", "\\u003c")
        text = self.text.replace("<!--head-->", f"{preload}<style>{style}</style>", 1)
        text = text.replace("<!--first-->", f'<script type="application/json" id="first">{data}</script>', 1)
        if screen:
            side = "rtl" if language in first_screen.RIGHT_TO_LEFT else "ltr"
            text = text.replace('<html lang="en">', f'<html lang="{language}" dir="{side}">', 1)
            text = text.replace("<title>Brise</title>", f"<title>{screen.title}</title>", 1)
            text = text.replace("<!--screen-->", screen.markup, 1)
        # values are never kept by a browser: going back a day later would show them as now's
        headers = {"Cache-Control": "no-store", "Vary": "Accept-Language, Accept-Encoding"}
        return HTMLResponse(text, headers=headers | security(self.frames, style))


_STYLESHEET = re.compile(r'\s*<link rel="stylesheet"[^>]*href="([^"]+)"[^>]*>')


def template(build: Mapping[str, Built], name: str, words: Mapping[str, Words], frames: str = "'none'") -> Template:
    """A page of the build: its styles are read into it, so that nothing waits for them."""
    text = build[name].bodies[""].decode()
    style = "".join(build[path].bodies[""].decode() for path in _STYLESHEET.findall(text))
    chunks = {code: next(path for path in build if path.startswith(f"/assets/text_{code}-")) for code in words}
    return Template(_STYLESHEET.sub("", text), style, words, chunks, frames)


def add_routes(app: FastAPI, folder: Path = DIST) -> bool:
    """Serve the build in a folder.

    Returns:
        False where nothing is built there: then no route is added.
    """
    build = read_build(folder)
    if not build:
        return False
    words = first_screen.read_words((folder / WORDS).read_bytes())
    _add_pages(app, template(build, "/index.html", words))
    _add_widget(app, template(build, "/embed.html", words, "*"))
    for path in build:
        app.add_route(path, _file(build[path], path), include_in_schema=False)
    return True


def _add_pages(app: FastAPI, page: Template) -> None:
    @cache
    def offers() -> list[str]:  # when first asked: describing all routes takes a while, and more may follow these
        return offered(app.openapi()["paths"])

    def made(request: Request) -> Response:
        asked = request.query_params
        told = first_values(store_of(request), _asked(asked))
        drawn = request.url.path == "/" and "hour" not in asked
        return page.filled(request, {"offers": offers(), **told}, _plain(told) if drawn else None)

    async def serve(request: Request) -> Response:
        return await run_in_threadpool(made, request)

    for path in PAGES:
        app.add_route(path, serve, include_in_schema=False)


def _add_widget(app: FastAPI, page: Template) -> None:
    async def serve(request: Request) -> Response:
        place = named(request.path_params["place"])
        if place is None:
            return problem(404, f"no place {request.path_params['place'][:80]!r}: a city or latitude,longitude")
        return page.filled(request, await run_in_threadpool(first_values, store_of(request), place))

    app.add_route("/embed/{place}", serve, include_in_schema=False)


def _file(built: Built, path: str) -> Any:
    control = IMMUTABLE if path.startswith("/assets/") else "no-cache"

    async def serve(request: Request) -> Response:
        return _serve(request, built, control)

    return serve
