"""Every failure leaves as an RFC 9457 problem document; the map from our errors to HTTP statuses is here, once."""

import logging
import time
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from brise.conventions.errors import (
    AccessError,
    BriseError,
    BusyError,
    DecodeError,
    InputError,
    NotFoundError,
    SourceError,
    StoreError,
    TermsError,
)

LOG = logging.getLogger(__name__)

STATUS: dict[type[BriseError], int] = {
    InputError: 422,
    NotFoundError: 404,
    AccessError: 401,
    TermsError: 403,
    DecodeError: 502,
    SourceError: 502,
    BusyError: 429,
    StoreError: 503,
}
"""What is absent here (ConfigurationError, ConventionError) is ours to repair: 500, without its details."""

TITLES: dict[int, str] = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "Not allowed here",
    404: "Not found",
    405: "Method not allowed",
    409: "Not in the state for it",
    413: "The request body is too large",
    415: "The body's media type is not supported",
    422: "A parameter is wrong",
    429: "Too many requests",
    500: "The server failed",
    502: "A provider failed",
    503: "The store cannot serve now",
}

RETRY_SECONDS = 5
"""Told to clients with a 503: a database restart or a run being published takes seconds."""


SAY_AGAIN_SECONDS = 60.0
"""How often the same failure is logged: a store that is away fails every request alike."""

_SAID: dict[str, float] = {}  # line -> when it was last logged
_SAID_MOST = 100


class NotPublishedError(StoreError):
    """No run yet: nothing failed, so nothing is logged."""


class ParameterError(InputError):
    """One parameter is wrong; remembers which, its value and the limit for the problem document."""

    def __init__(self, parameter: str, value: object, limit: str) -> None:
        """Build the message from the three.

        Args:
            parameter: As the client wrote it.
            value: What was given; shown cut to 80 characters.
            limit: What is allowed.
        """
        self.parameter, self.value, self.limit = parameter, str(value)[:80], limit
        super().__init__(f"{parameter}={self.value!r}: {limit}")


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, errors: list[dict[str, Any]] | None = None
) -> Response:
    """An `application/problem+json` response.

    Args:
        status: HTTP status.
        detail: What, which value, which limit.
        headers: Added to the response.
        errors: One entry a wrong parameter: parameter, value, limit.
    """
    title = TITLES.get(status, "The request failed")
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = errors
    return Response(
        orjson.dumps(body),
        status,
        {"Cache-Control": "no-store"} | (headers or {}),
        media_type="application/problem+json",
    )


async def _brise_error(_request: Request, error: Exception) -> Response:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
    if status >= 500 and not isinstance(error, NotPublishedError):
        _say(f"{type(error).__name__}: {error}")
    if isinstance(error, ParameterError):
        entry = {"parameter": error.parameter, "value": error.value, "limit": error.limit}
        return problem(422, str(error), errors=[entry])
    headers = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else None
    if status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    return problem(status, str(error) if status != 500 else "see the server's log", headers)


def _say(line: str) -> None:
    now = time.monotonic()
    if now - _SAID.get(line, -SAY_AGAIN_SECONDS) < SAY_AGAIN_SECONDS:
        return
    if len(_SAID) >= _SAID_MOST:
        _SAID.clear()
    _SAID[line] = now
    LOG.error("%s", line)


async def _http_error(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    detail = f"{request.method} {request.url.path}"[:200]
    if isinstance(error, HTTPException) and error.detail not in ("Not Found", "Method Not Allowed"):
        detail = str(error.detail)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 405:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem(status, detail, headers)


def _allowed(request: Request) -> set[str]:
    """Methods of every route with this path: a resource may have one route a method."""
    routes = [route for route in request.app.routes if route.matches(request.scope)[0] != Match.NONE]
    methods = {method for route in routes for method in getattr(route, "methods", None) or ()}
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _validation_error(_request: Request, error: Exception) -> Response:
    entries: list[dict[str, Any]] = []
    for item in error.errors() if isinstance(error, RequestValidationError) else []:
        if item["type"] == "json_invalid":
            return problem(400, f"the body is not JSON: {item.get('ctx', {}).get('error', 'unreadable')}")
        place = ".".join(str(part) for part in item["loc"][1:]) or "body"
        given = "absent" if item["type"] == "missing" else str(item.get("input"))[:80]
        entries.append({"parameter": place, "value": given, "limit": item["msg"]})
    first = entries[0] if entries else {"parameter": "request", "value": "", "limit": "unreadable"}
    return problem(422, f"{first['parameter']}={first['value']!r}: {first['limit']}", errors=entries[:20])


async def _unexpected(request: Request, error: Exception) -> Response:
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, "see the server's log")


def install(app: FastAPI) -> None:
    """Answer every error of this application with a problem document."""
    app.add_exception_handler(BriseError, _brise_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(Exception, _unexpected)
