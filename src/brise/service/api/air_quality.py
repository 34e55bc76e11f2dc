"""`/v1/air-quality/current`, `forecast` and `history`, for one point or up to a thousand."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from orjson import Fragment
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from brise.service.api import caching, tables_of_points
from brise.service.api.answers import encode
from brise.service.api.current import Spot, current, spot, sub_indices
from brise.service.api.dependencies import Snapshot, Store, store_of
from brise.service.api.documented import problems
from brise.service.api.forecast import forecast
from brise.service.api.history import history
from brise.service.api.parameters import (
    CURRENT_PARAMETERS,
    FORECAST_PARAMETERS,
    HISTORY_PARAMETERS,
    ForecastBody,
    HistoryBody,
    PointsBody,
    PointsQuery,
    check_period,
    parse_query,
)
from brise.service.api.readings import fresh_readings
from brise.service.api.schemas import Current, CurrentMany, Forecast, ForecastMany, History, HistoryMany

INLINE_POINTS = 4
"""More points than this are answered in a worker thread, so that one big request does not delay the small ones."""

Answer = Callable[[Store, Snapshot, PointsQuery], tuple[Sequence[dict[str, Any] | Fragment], str]]
"""Answers by point, and what their validator must add to the run's tag and the query."""


class HotRoute(Route):
    """The same endpoint as a documented route, in front of it, without what FastAPI wraps around every call."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As always; tells which route it was, as FastAPI's do, for the metrics."""
        match, child = super().matches(scope)
        child["route"] = self
        return match, child


def _current(store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[list[dict[str, Any]], str]:
    now = snapshot.now()
    points = list(zip(query.latitude, query.longitude, strict=True))
    spots: list[Spot] = [spot(snapshot, latitude, longitude, now) for latitude, longitude in points]
    readings, note = fresh_readings(store, {one.station[0] for one in spots if one.station}, now)
    subs = sub_indices(spots, query.indices)
    answers = [current(snapshot, query, place, here, subs[place], readings) for place, here in enumerate(spots)]
    if note:
        for answer in answers:
            if answer["provenance"]:
                answer["provenance"]["notes"] = [*answer["provenance"]["notes"], note]
    newest = max((one.time for by in readings.values() for one in by.values()), default=0)
    return answers, f"{now // 3600:x}-{newest:x}-{len(note):x}"


def _forecast(_store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[list[Fragment], str]:
    now = snapshot.now()
    return [forecast(snapshot, query, place, now) for place in range(len(query.latitude))], "f"


def _history(store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[list[dict[str, Any]], str]:
    start, end = check_period(query)
    return history(store, snapshot, query, start, end), "h"


def _body(answer: Answer, store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[bytes, str]:
    answers, mark = answer(store, snapshot, query)
    if query.format == "csv":
        return tables_of_points.csv(answers), mark
    return encode(answers[0] if len(answers) == 1 else {"results": answers}), mark


async def _respond(request: Request, answer: Answer, query: PointsQuery, key: str | None) -> Response:
    store = store_of(request)
    snapshot = store.published()
    if len(query.latitude) > INLINE_POINTS or answer is not _forecast:
        body, mark = await run_in_threadpool(_body, answer, store, snapshot, query)
    else:
        body, mark = _body(answer, store, snapshot, query)
    media = "application/json" if query.format == "json" else "text/csv; charset=utf-8"
    if key is None:
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=media)
    validator, age = caching.etag(snapshot.tag, key, mark), snapshot.max_age
    if caching.matches(request, validator):
        return caching.not_modified(validator, age)
    return Response(body, headers=caching.headers(validator, age), media_type=media)


def _get(answer: Answer) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        asked: bytes = request.scope["query_string"]
        return await _respond(request, answer, parse_query(asked.decode("latin-1")), f"{zlib.crc32(asked):08x}")

    return endpoint


async def post_current(request: Request, body: PointsBody) -> Response:
    """The air now at the body's points."""
    return await _respond(request, _current, body.query(), None)


async def post_forecast(request: Request, body: ForecastBody) -> Response:
    """The forecast at the body's points."""
    return await _respond(request, _forecast, body.query(), None)


async def post_history(request: Request, body: HistoryBody) -> Response:
    """Past analyses at the body's points."""
    return await _respond(request, _history, body.query(), None)


def add_routes(app: FastAPI) -> None:
    """Add the three resources, each by GET (its hot path) and POST."""
    rows = (
        ("forecast", _get(_forecast), post_forecast, FORECAST_PARAMETERS, Forecast | ForecastMany, "The next hours."),
        ("current", _get(_current), post_current, CURRENT_PARAMETERS, Current | CurrentMany, "The air now."),
        ("history", _get(_history), post_history, HISTORY_PARAMETERS, History | HistoryMany, "Past analyses."),
    )
    hot: list[BaseRoute] = []
    for name, get, post, parameters, model, summary in rows:
        responses: dict[int | str, dict[str, Any]] = {
            200: {"model": model, "content": {"text/csv": {"schema": {"type": "string"}}}},
            **problems(422, 429, 503),
        }
        common: dict[str, Any] = {"response_model": None, "response_class": Response, "tags": ["air quality"]}
        path = f"/v1/air-quality/{name}"
        hot.append(HotRoute(path, get, methods=["GET"], include_in_schema=False))
        app.router.add_api_route(
            path,
            get,
            methods=["GET"],
            name=f"get_{name}",
            summary=summary,
            openapi_extra={"parameters": parameters},
            responses=responses | {304: {"description": "Not modified."}},
            **common,
        )
        app.router.add_api_route(
            path,
            post,
            methods=["POST"],
            name=f"post_{name}",
            summary=f"{summary[:-1]}, at up to 1,000 points.",
            responses=responses | problems(400, 413),
            **common,
        )
    app.router.routes[:0] = hot
