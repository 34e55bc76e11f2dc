"""The HTTP application: any number of copies may serve the same data folder and database."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from brise.service.api import (
    air_quality,
    crowd,
    errors,
    fire_simulations,
    fires,
    indices,
    map_layers,
    rain,
    scores,
    search,
    stations,
    status,
    tiles,
    tracker_data,
    tracker_imports,
    tracker_owners,
    tracker_push,
    tracker_timeline,
    trackers,
    weather,
    web,
)
from brise.service.api.dependencies import ApiSettings, Store
from brise.service.api.documented import with_problem_schema
from brise.service.api.fire_desk import FireDesk
from brise.service.api.middleware import Edge, Meter, RateLimit, parse_limit
from brise.service.api.schemas import Health

LOG = logging.getLogger(__name__)
VERSION = "1"
PACKED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "application/zip", "image/tiff")
"""Types that are compressed already."""

DESCRIPTION = """Air quality now, next and before, at any point: concentrations with their 10-90 % interval, the world's
indices, and where every value comes from; and rain in the next two hours. Unknown is null, never good. Times are UTC
and mark the end of the hour."""


def create_app(settings: ApiSettings) -> FastAPI:
    """The application.

    Args:
        settings: Where the data are, and what clients may do.

    Raises:
        ConfigurationError: The rate limit cannot be read.
    """
    store = Store(settings)
    desk = FireDesk(settings, store.tables)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        gc.collect()
        gc.freeze()  # what is loaded by now lives as long as the process: the collector need not walk it again
        yield
        store.close()
        desk.close()

    app = FastAPI(
        lifespan=lifespan, title="Brise", version=VERSION, description=DESCRIPTION, docs_url=None, redoc_url=None
    )
    app.state.store, app.state.fire = store, desk
    meter = Meter()
    meter.registry.register(status.Freshness(store))
    errors.install(app)
    air_quality.add_routes(app)
    tracker_push.add_routes(app)
    for module in (tracker_owners, trackers, tracker_data, tracker_imports, tracker_timeline):
        app.include_router(module.router)
    for module in (
        rain,
        crowd,
        tiles,
        stations,
        indices,
        search,
        map_layers,
        scores,
        weather,
        fires,
        fire_simulations,
        status,
    ):
        app.include_router(module.router)
    _add_pages(app, meter)
    # the last added is the outermost
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=1, exclude_content_types=PACKED)
    if settings.rate_limit:
        app.add_middleware(RateLimit, item=parse_limit(settings.rate_limit))
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
        max_age=86_400,
    )
    app.add_middleware(Edge, meter=meter)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        return with_problem_schema(plain())

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _page(name: str) -> str:
    return resources.files("brise.service.api").joinpath(name).read_text("utf-8")


def _add_pages(app: FastAPI, meter: Meter) -> None:
    cached = {"Cache-Control": "public, max-age=300"}

    async def health() -> Health:
        return Health(status="ok")

    def metrics() -> Response:  # in a worker thread: the gauges may ask the database
        return Response(
            generate_latest(meter.registry), headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST
        )

    async def home(_request: Request) -> Response:
        return HTMLResponse(_page("map.html"), headers=cached)

    async def docs(_request: Request) -> Response:
        return HTMLResponse(_page("docs.html"), headers=cached)

    app.add_api_route("/health", health, tags=["operation"], summary="The process answers.")
    text: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    app.add_api_route(
        "/metrics",
        metrics,
        tags=["operation"],
        summary="Prometheus metrics.",
        response_class=Response,
        response_model=None,
        responses=text,
    )
    if not web.add_routes(app):
        app.add_route("/", home, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
