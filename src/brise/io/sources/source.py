"""What a source is: a frozen record of its terms, how to ask it and how to read what it answers.

A provider that we ask has `requests`; one that is only read from files or pushed to us has none. A payload that names
further pages carries a `follow` on its request; a payload that does not say what it holds (OpenAQ's latest values name
no parameter) carries its own `decode`, bound to what we know. Both keep decoders pure functions of bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from brise.conventions.errors import InputError
from brise.conventions.observations import Batch, Kind

Decoder = Callable[[bytes, datetime], Batch]
"""(payload, received_at) -> Batch; raises DecodeError when the payload as a whole cannot be read."""

KEY_NAMES = ("key", "token", "api_key", "apikey", "appid", "x-api-key", "authorization")
"""Query parameters and headers that carry a secret, lower case."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a fetch is for.

    Attributes:
        start: UTC; values of periods that end after it.
        end: UTC; values of periods that end at or before it (a forecast source reads it as its horizon).
        area: (south, west, north, east) in degrees, or None for everywhere.
        points: (latitude, longitude) pairs, for sources that answer per point.
    """

    start: datetime
    end: datetime
    area: tuple[float, float, float, float] | None = None
    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Check order and place.

        Raises:
            InputError: A time has no zone, `end` is before `start`, or the area is not on Earth.
        """
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InputError(f"window {self.start} to {self.end}: times need a zone")
        if self.end < self.start:
            raise InputError(f"window ends {self.end}, before it starts {self.start}")
        if self.area is not None:
            south, west, north, east = self.area
            if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
                raise InputError(f"area {self.area} is not (south, west, north, east) in degrees")


@dataclass(frozen=True, slots=True)
class Request:
    """One GET.

    Attributes:
        url: https, without query; "{key}" in it stands for `path_key`.
        params: Query; what carries a secret is kept out of `repr`.
        headers: Likewise.
        decode: How to read the answer, where it differs from the source's own.
        follow: What else to ask, given the answer: next pages, or the values of the stations just listed.
        path_key: A key that the provider wants within the path.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    decode: Decoder | None = field(default=None, repr=False)
    follow: "Callable[[bytes], list[Request]] | None" = field(default=None, repr=False)
    path_key: str = field(default="", repr=False)

    def __repr__(self) -> str:
        """The request without its secrets."""
        return f"Request({self.url!r}, {public(self.params)!r})"

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.url).hostname or ""


def public(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields with every secret replaced.

    >>> public({"bounds": "1,2,3,4", "token": "s3cret"})
    {'bounds': '1,2,3,4', 'token': '***'}
    """
    return {name: "***" if name.lower() in KEY_NAMES else value for name, value in fields.items()}


@dataclass(frozen=True, slots=True)
class Source:
    """One provider.

    Attributes:
        name: Prefix of its station ids.
        title: For people.
        licence: Of the data.
        attribution: The line to show beside them.
        terms_url: Where the terms are.
        kind: What most of its stations are; a station may say otherwise.
        interval: How often asking again is worth it.
        latency: How long after a period's end its value usually arrives.
        decode: Payload to Batch.
        key_setting: Name of the setting that holds its key; None = no key is needed.
        optional_key_setting: Name of the setting of a key that it can do without, and answers better with.
        requests: (window, key) -> what to ask; None = files only.
        decode_many: Several payloads, each with its received_at, as one Batch; None = decode one by one.
        file_time: When a file of this source was received, by its name; None = not in the name.
        forecast: Times may lie in the future.
        redistributable: Its terms let the values themselves be passed on; what is computed from them always may be.
    """

    name: str
    title: str
    licence: str
    attribution: str
    terms_url: str
    kind: Kind
    interval: timedelta
    latency: timedelta
    decode: Decoder
    key_setting: str | None = None
    optional_key_setting: str | None = None
    requests: Callable[[Window, str | None], list[Request]] | None = None
    decode_many: Callable[[Sequence[tuple[bytes, datetime]]], Batch] | None = None
    file_time: Callable[[str], datetime | None] | None = None
    forecast: bool = False
    redistributable: bool = True
