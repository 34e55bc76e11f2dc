"""`/v1/air-quality/current`, `forecast` and `history`, for one point or up to a thousand."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from orjson import Fragment
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

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

MEDIA = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
INLINE_POINTS = 4
"""More points than this are answered in a worker thread, so that one big request does not delay the small ones."""

Answer = Callable[[Store, Snapshot, PointsQuery], tuple[Sequence[dict[str, Any] | Fragment], str]]
"""Answers by point, and what their validator must add to the run's tag and the query."""


class HotRoute(APIRoute):
    """A GET without what FastAPI and Starlette wrap around a function: that costs as much as a forecast."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The plain case by comparing, else as always."""
        if scope["path"] == self.path and scope.get("method") == "GET":
            return Match.FULL, {"route": self, "endpoint": self.endpoint}
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; failures are for the layers around."""
        if scope["method"] != "GET":
            await super().handle(scope, receive, send)
            return
        response: Response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def _current(store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[list[dict[str, Any]], str]:
    now = snapshot.now()
    points = list(zip(query.latitude, query.longitude, strict=True))
    spots: list[Spot] = [spot(snapshot, *point, now, store.withheld) for point in points]
    readings, note = fresh_readings(store, {one.station[0] for one in spots if one.station}, now)
    subs = sub_indices(spots, query.indices)
    answers = [current(snapshot, query, place, here, subs[place], readings) for place, here in enumerate(spots)]
    for answer, here in zip(answers, spots, strict=True):
        if answer["provenance"]:
            answer["provenance"]["notes"] = [*answer["provenance"]["notes"], *filter(None, (here.note, note))]
    newest = max((one.time for by in readings.values() for one in by.values()), default=0)
    return answers, f"{now // 3600:x}-{newest:x}-{len(note):x}"


def _forecast(_store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[list[Fragment], str]:
    now = snapshot.now()
    return [forecast(snapshot, query, place, now) for place in range(len(query.latitude))], "f"


def _history(store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[list[dict[str, Any]], str]:
    start, end = check_period(query)
    return history(store, snapshot, query, start, end), "h"


ANSWERS: dict[str, Answer] = {"current": _current, "forecast": _forecast, "history": _history}
"""By the last part of their address."""


def answer_body(answer: Answer, store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[bytes, str]:
    """What is sent, and what its validator must add."""
    answers, mark = answer(store, snapshot, query)
    if query.format == "csv":
        return tables_of_points.csv(answers), mark
    return encode(answers[0] if len(answers) == 1 else {"results": answers}), mark


async def _answered(answer: Answer, store: Store, snapshot: Snapshot, query: PointsQuery) -> tuple[bytes, str]:
    if answer is _forecast and len(query.latitude) <= INLINE_POINTS:
        return answer_body(answer, store, snapshot, query)
    return await run_in_threadpool(answer_body, answer, store, snapshot, query)


def _get(answer: Answer, store: Store) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        asked: bytes = request.scope["query_string"]
        query = parse_query(asked.decode("latin-1"))
        snapshot = store.published()
        body, mark = await _answered(answer, store, snapshot, query)
        validator = caching.etag(snapshot.tag, f"{zlib.crc32(asked):08x}", mark)
        if caching.matches(request, validator):
            return caching.not_modified(validator, snapshot.max_age)
        return caching.Encoded(body, MEDIA[query.format].encode(), validator, snapshot.max_age)

    return endpoint


async def _posted(request: Request, answer: Answer, query: PointsQuery) -> Response:
    store = store_of(request)
    body, _ = await _answered(answer, store, store.published(), query)
    return Response(body, headers={"Cache-Control": "no-store"}, media_type=MEDIA[query.format])


async def post_current(request: Request, body: PointsBody) -> Response:
    """The air now at the body's points."""
    return await _posted(request, _current, body.query())


async def post_forecast(request: Request, body: ForecastBody) -> Response:
    """The forecast at the body's points."""
    return await _posted(request, _forecast, body.query())


async def post_history(request: Request, body: HistoryBody) -> Response:
    """Past analyses at the body's points."""
    return await _posted(request, _history, body.query())


def add_routes(app: FastAPI) -> None:
    """Add the three resources, each by GET (its hot path) and POST."""
    store: Store = app.state.store
    rows = (
        ("forecast", _forecast, post_forecast, FORECAST_PARAMETERS, Forecast | ForecastMany, "The next hours."),
        ("current", _current, post_current, CURRENT_PARAMETERS, Current | CurrentMany, "The air now."),
        ("history", _history, post_history, HISTORY_PARAMETERS, History | HistoryMany, "Past analyses."),
    )
    for name, answer, post, parameters, model, summary in rows:
        responses: dict[int | str, dict[str, Any]] = {
            200: {"model": model, "content": {"text/csv": {"schema": {"type": "string"}}}},
            **problems(422, 429, 503),
        }
        common: dict[str, Any] = {"response_model": None, "response_class": Response, "tags": ["air quality"]}
        path = f"/v1/air-quality/{name}"
        app.router.add_api_route(
            path,
            _get(answer, store),
            methods=["GET"],
            name=f"get_{name}",
            summary=summary,
            openapi_extra={"parameters": parameters},
            responses=responses | {304: {"description": "Not modified."}},
            route_class_override=HotRoute,
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
    app.router.routes.sort(key=lambda route: not isinstance(route, HotRoute))  # these are compared first
