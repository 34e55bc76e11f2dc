"""The one HTTP client: polite, bounded, and silent about keys.

It waits its turn at each host, retries what may heal (with exponential backoff and full jitter, or as long as the host
asks), asks only for what changed, reads no more than a limit, keeps the payload before anyone decodes it, and ends by a
deadline. No redirect is followed: it would carry a key to wherever it points.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import httpx
import numpy as np

from brise.conventions.errors import InputError, SourceError
from brise.io.raw import RawStore
from brise.io.sources.payload import snippet
from brise.io.sources.source import Request, public

log = logging.getLogger("brise.download")

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that a later attempt may heal."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how often and how much.

    Attributes:
        timeout_s: Longest silence of a host.
        deadline_s: Longest time for one fetch, waiting and retries included.
        max_bytes: Largest body after transfer decoding.
        attempts: Tries of one fetch.
        backoff_s: Mean scale of the first wait; it doubles with each attempt.
        backoff_max_s: Longest wait of our own choosing.
        spacing_s: Least time between two requests to a host: host -> s; "" is every other host.
    """

    timeout_s: float = 20.0
    deadline_s: float = 120.0
    max_bytes: int = 256 * 2**20
    attempts: int = 4
    backoff_s: float = 1.0
    backoff_max_s: float = 30.0
    spacing_s: Mapping[str, float] = field(
        default_factory=lambda: {"": 0.2, "api.openaq.org": 1.0, "api.purpleair.com": 1.0, "www.airnowapi.org": 7.2}
    )


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that tests need not wait."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A payload as it came.

    Attributes:
        payload: Body after transfer decoding.
        received_at: UTC.
        path: Where it is kept, or None.
        version: What to tell the host next time, so that it sends only what changed; see `Client.accept`.
    """

    payload: bytes
    received_at: datetime
    path: Path | None
    version: tuple[str, Mapping[str, str]] = ("", {})


class _Retry(Exception):  # noqa: N818 (never leaves this file)
    """This attempt failed; another may not. `wait` is how long the host asks us to."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Client:
    """Fetches requests; safe to share between threads. Use as a context manager or call `close`."""

    def __init__(
        self,
        raw: RawStore | None = None,
        limits: Limits | None = None,
        rng: np.random.Generator | None = None,
        clock: Clock | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Make a client.

        Args:
            raw: Where payloads are kept; None keeps none.
            limits: How long, how often, how much.
            rng: For jitter.
            clock: Time.
            transport: For tests.
        """
        self.raw = raw
        self.limits = limits or Limits()
        self._rng = rng or np.random.default_rng()
        self._clock = clock or Clock()
        self._http = httpx.Client(
            timeout=self.limits.timeout_s,
            follow_redirects=False,
            headers={"User-Agent": "brise/0.1", "Accept-Encoding": "gzip"},
            transport=transport,
        )
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}
        self._validators: dict[str, dict[str, str]] = {}
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)  # below that they log whole URLs, keys included

    def __enter__(self) -> "Client":
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close connections."""
        self.close()

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def fetch(self, source: str, request: Request) -> Fetched | None:
        """Fetch a request.

        Args:
            source: Whose it is: the folder where the payload is kept.
            request: What to ask.

        Returns:
            The payload, or None where the host says that nothing changed since what we accepted.

        Raises:
            InputError: The URL is neither https nor on this machine.
            SourceError: The host refused, or did not answer in time; one line, no key in it.
            StoreError: The payload could not be kept.
        """
        local = request.host in ("127.0.0.1", "localhost", "::1")
        if not request.url.startswith("https://") and not (local and request.url.startswith("http://")):
            raise InputError(f"{source}: {request.url} is not https")
        where = f"{source}: {request.url}"
        end = self._clock.monotonic() + self.limits.deadline_s
        for attempt in range(1, self.limits.attempts + 1):
            self._wait_turn(request.host, end, where)
            try:
                return self._once(source, request, end)
            except _Retry as error:
                if attempt == self.limits.attempts:
                    raise SourceError(f"{where}: {error}, after {attempt} attempts") from None
                self._back_off(request.host, attempt, error)
        raise SourceError(f"{where}: no attempt allowed")

    def accept(self, fetched: Fetched) -> None:
        """Call once a payload's rows are stored: from then on the host is asked only for what is newer.

        Not before: had storing failed, "not modified" would hide the payload from the next run.
        """
        request, version = fetched.version
        with self._lock:
            self._validators[request] = dict(version)

    def _wait_turn(self, host: str, end: float, where: str) -> None:
        """Take the host's next free moment; threads queue."""
        with self._lock:
            now = self._clock.monotonic()
            start = max(now, self._free_at.get(host, now))
            if start > end:
                raise SourceError(
                    f"{where}: the host is free in {start - now:.0f} s, later than the deadline of "
                    f"{self.limits.deadline_s:.0f} s"
                )
            self._free_at[host] = start + self.limits.spacing_s.get(host, self.limits.spacing_s.get("", 0.0))
        if start > now:
            self._clock.sleep(start - now)

    def _back_off(self, host: str, attempt: int, error: _Retry) -> None:
        ceiling = min(self.limits.backoff_max_s, self.limits.backoff_s * 2**attempt)
        wait = error.wait if error.wait is not None else float(self._rng.uniform(0, ceiling))
        log.info("%s: attempt %d failed (%s); next in %.1f s", host, attempt, error, wait)
        self._hold(host, wait)

    def _hold(self, host: str, wait: float) -> None:
        """Nobody asks the host for `wait` seconds."""
        with self._lock:
            self._free_at[host] = max(self._free_at.get(host, 0.0), self._clock.monotonic() + wait)

    def _once(self, source: str, request: Request, end: float) -> Fetched | None:
        known = hashlib.sha256(repr((request.url, sorted(request.params.items()))).encode()).hexdigest()
        headers = {**request.headers, **self._validators.get(known, {})}
        url = request.url.replace("{key}", quote(request.path_key, safe=""))
        try:
            with self._http.stream("GET", url, params=dict(request.params), headers=headers) as response:
                if response.status_code == 304:
                    return None
                self._mind_limits(request.host, response)
                self._check_status(source, request, response)
                payload = b"".join(self._body(source, request, response, end))
        except httpx.TimeoutException as error:
            raise _Retry(f"no answer within {self.limits.timeout_s:.0f} s ({type(error).__name__})") from None
        except httpx.DecodingError:
            raise _Retry("the body's content encoding is corrupt") from None
        except httpx.TransportError as error:
            raise _Retry(f"the connection failed ({type(error).__name__})") from None
        received_at = self._clock.now()
        path = None if self.raw is None else self.raw.save(source, payload, received_at)
        sent = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        version = {ask: response.headers[name] for ask, name in sent.items() if name in response.headers}
        return Fetched(payload, received_at, path, (known, version))

    def _check_status(self, source: str, request: Request, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status in RETRIED:
            raise _Retry(f"HTTP {status}", self._asked_wait(response))
        said = b"".join(_first(response.iter_bytes(), 200))
        for secret in _secrets(request):
            said = said.replace(secret.encode(), b"***")
        raise SourceError(f"{source}: {request.url} {public(request.params)}: HTTP {status}: {snippet(said)}")

    def _asked_wait(self, response: httpx.Response) -> float | None:
        """Seconds of a Retry-After header, as a number or a date; None without one."""
        text = response.headers.get("retry-after", "").strip()
        if text.isdigit():
            return float(text)
        try:
            return max(0.0, (parsedate_to_datetime(text) - self._clock.now()).total_seconds())
        except (ValueError, TypeError):
            return None

    def _mind_limits(self, host: str, response: httpx.Response) -> None:
        """Hold the host until its allowance renews, where its headers say that none is left."""
        for prefix in ("x-ratelimit-", "ratelimit-"):
            left, reset = (response.headers.get(prefix + name, "").strip() for name in ("remaining", "reset"))
            if left == "0" and reset.isdigit():
                # Some hosts write seconds from now, others the moment itself.
                wait = float(reset) if len(reset) < 9 else float(reset) - self._clock.now().timestamp()
                self._hold(host, max(0.0, wait))

    def _body(self, source: str, request: Request, response: httpx.Response, end: float) -> Iterator[bytes]:
        """The body, as long as it stays within its bounds."""
        limit, size = self.limits.max_bytes, 0
        stated = response.headers.get("content-length", "")
        if stated.isdigit() and int(stated) > limit:
            raise SourceError(f"{source}: {request.url}: {stated} bytes, more than the limit of {limit}")
        for chunk in response.iter_bytes(2**16):
            size += len(chunk)
            if size > limit:
                raise SourceError(f"{source}: {request.url}: more than the limit of {limit} bytes")
            if self._clock.monotonic() > end:
                raise SourceError(
                    f"{source}: {request.url}: {size} bytes within the deadline of {self.limits.deadline_s:.0f} s"
                )
            yield chunk


def _secrets(request: Request) -> list[str]:
    """Values that must not be repeated; longest first."""
    shown = public(request.params)
    hidden = [value for name, value in request.params.items() if shown[name] != value]
    found = {value for value in (*hidden, *request.headers.values(), request.path_key) if value}
    return sorted(found, key=len, reverse=True)


def _first(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Chunks until `size` bytes came."""
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return
