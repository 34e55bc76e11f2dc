"""What wraps every request, as plain ASGI: measuring, HEAD, OPTIONS, the size of bodies, how often a client may ask."""

import math
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brise.conventions.errors import ConfigurationError
from brise.service.api.errors import problem

MAX_BODY = 256 * 1024
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BODIES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
FREE = frozenset({"/health", "/metrics"})
"""Paths that no rate limit counts: the machinery that watches the service must not be refused."""

OWN_LIMITS = re.compile(r"/v1/trackers/[^/]+/observations|/v1/push-sensor-data/|/sensors/airgradient:[^/]+/measures")
"""Where devices push: many share one address, so that each has a budget of its own there."""

OWN_SIZE = re.compile(r"/v1/trackers/[^/]+/imports")
"""Where whole files come: the route itself bounds what it takes."""


class Meter:
    """Counts and times requests by route template, never by URL, so that the labels stay few."""

    def __init__(self) -> None:
        """Start at zero, in a registry of this application alone."""
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "brise_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "brise_http_request_seconds",
            "Time to answer.",
            ("route",),
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
        )
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        """Add one request."""
        key = (method if method in METHODS else "other", route, status)
        children = self._children.get(key)
        if children is None:
            counter = self._requests.labels(key[0], route, str(status))
            children = self._children[key] = (counter, self._seconds.labels(route))
        children[0].inc()
        children[1].observe(seconds)


class Edge:
    """The outermost layer: measures; serves HEAD from GET; answers OPTIONS by the Allow of 405; refuses big bodies."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        """Wrap `app`."""
        self.app, self.meter = app, meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, started, status = scope["method"], time.perf_counter(), 500
        if method == "HEAD":
            scope = {**scope, "method": "GET"}  # the server's own must stay: it lets a HEAD go without its body

        async def out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if method == "OPTIONS" and status == 405:
                    status = message["status"] = 204
                    allow = MutableHeaders(raw=message["headers"]).get("allow", "")
                    message["headers"] = [(b"allow", f"{allow}, OPTIONS".encode()), (b"cache-control", b"no-store")]
            elif status == 204 or method == "HEAD":
                message["body"] = b""
            await send(message)

        try:
            length = _declared_length(scope)
            if OWN_SIZE.fullmatch(scope["path"]):
                await self.app(scope, receive, out)
            elif length > MAX_BODY:
                await problem(413, f"content-length={length}: at most {MAX_BODY} bytes")(scope, receive, out)
            else:
                await self.app(scope, _bounded(receive) if method in BODIES else receive, out)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self.meter.record(method, route, status, time.perf_counter() - started)


def _declared_length(scope: Scope) -> float:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else math.inf
    return 0


def _bounded(receive: Receive) -> Receive:
    """Stop reading a body of undeclared length (chunked) where it passes the limit."""
    taken = 0

    async def inner() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise HTTPException(413, f"body: at most {MAX_BODY} bytes")
        return message

    return inner


def parse_limit(text: str) -> RateLimitItem:
    """A rate limit such as "600/minute".

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        return parse(text)
    except ValueError:
        raise ConfigurationError(f"rate_limit={text!r}: expected such as 600/minute") from None


class RateLimit:
    """At most so many requests per client address and window; says how many are left on every answer."""

    def __init__(self, app: ASGIApp, item: RateLimitItem) -> None:
        """Wrap `app`."""
        self._item = item
        self.app = app
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        free = scope["type"] != "http" or scope["path"] in FREE
        if free or (scope["method"] == "POST" and OWN_LIMITS.fullmatch(scope["path"])):
            await self.app(scope, receive, send)
            return
        client = (scope.get("client") or ("unknown", 0))[0]
        allowed = self._limiter.hit(self._item, client)
        reset, left = self._limiter.get_window_stats(self._item, client)
        seconds = max(1, math.ceil(reset - time.time()))
        told = {
            "RateLimit-Limit": str(self._item.amount),
            "RateLimit-Remaining": str(max(0, left)),
            "RateLimit-Reset": str(seconds),
        }
        if not allowed:
            detail = f"more than {self._item} from {client}; try again in {seconds} s"
            await problem(429, detail, told | {"Retry-After": str(seconds)})(scope, receive, send)
            return
        await self.app(scope, receive, _telling(send, told))


def _telling(send: Send, told: dict[str, str]) -> Callable[[Message], Awaitable[None]]:
    async def out(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            for name, value in told.items():
                headers[name] = value
        await send(message)

    return out
