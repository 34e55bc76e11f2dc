"""Validators and lifetimes of answers."""

from starlette.requests import Request
from starlette.responses import Response


def etag(*parts: object) -> str:
    """A weak validator: same meaning, though ages within may differ by the minutes that passed."""
    return f'W/"{"-".join(str(part) for part in parts)}"'


class Encoded(Response):
    """A response whose headers are written as they are sent, for hot paths."""

    def __init__(self, body: bytes, media: bytes, validator: str, max_age: int) -> None:
        """Keep what will be sent."""
        self.body, self.status_code, self.background = body, 200, None
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media),
            (b"cache-control", b"public, max-age=%d" % max_age),
            (b"etag", validator.encode()),
        ]


def headers(validator: str | None, max_age: int) -> dict[str, str]:
    """Cache headers of an answer that may be reused for `max_age` seconds."""
    control = {"Cache-Control": f"public, max-age={max_age}"}
    return control if validator is None else control | {"ETag": validator}


def matches(request: Request, validator: str) -> bool:
    """Whether the client already has this (If-None-Match, compared weakly as RFC 9110 asks)."""
    found = [value for name, value in request.scope["headers"] if name == b"if-none-match"]
    if not found:
        return False
    given = b",".join(found).decode("latin-1")
    opaque = validator.removeprefix("W/")
    return given.strip() == "*" or any(one.strip().removeprefix("W/") == opaque for one in given.split(","))


def not_modified(validator: str, max_age: int) -> Response:
    """304 with the headers that RFC 9110 asks for."""
    return Response(status_code=304, headers=headers(validator, max_age))
