"""What a point request may ask, parsed once for GET and POST, every input bounded."""

import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote_plus

from pydantic import BaseModel, ConfigDict, Field

from brise.conventions.variables import POLLUTANTS
from brise.formulas.indices.registry import INDICES
from brise.service.api.errors import ParameterError

MAX_POINTS = 1_000
MAX_HOURS = 96
MAX_DAYS = 366
MAX_POINT_DAYS = 10_000
"""Points times days of one history answer: about 30 MB of JSON."""

DEFAULT_INDICES = ("us_aqi", "european_aqi")
Format = Literal["json", "csv"]
EXAMPLE = (51.5074, -0.1278)


class PointsQuery(NamedTuple):
    """One checked request.

    Attributes:
        latitude: (P,) degrees north.
        longitude: (P,) degrees east, -180 to 180.
        pollutants: Asked for; empty = all that are published.
        indices: Names of INDICES.
        hours: Leads 0 to `hours` (forecast).
        format: "json" or "csv".
        start: First hour end, UTC (history).
        end: Last hour end, UTC (history).
    """

    latitude: tuple[float, ...]
    longitude: tuple[float, ...]
    pollutants: tuple[str, ...]
    indices: tuple[str, ...]
    hours: int
    format: str
    start: datetime | None = None
    end: datetime | None = None


def parse_number(name: str, text: str, low: float, high: float) -> float:
    """One finite number within its limits.

    Raises:
        ParameterError: It is not.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ParameterError(name, text, f"a number from {low:g} to {high:g}")
    return value


def parse_box(text: str) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees of a `bbox`; west > east crosses the date line.

    Raises:
        ParameterError: Not four numbers, one beyond its limits, or south above north.
    """
    parts = text.split(",")
    if len(parts) != 4:
        raise ParameterError("bbox", text, "west,south,east,north in degrees")
    west, east = (parse_number("bbox", part, -180, 180) for part in parts[::2])
    south, north = (parse_number("bbox", part, -90, 90) for part in parts[1::2])
    if south > north:
        raise ParameterError("bbox", text, "west,south,east,north with south at most north")
    return west, south, east, north


def parse_time(name: str, text: str) -> datetime:
    """An ISO 8601 date or time; without offset it is UTC.

    Raises:
        ParameterError: It is not, or is not between 1900 and 2200.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise ParameterError(name, text, "an ISO 8601 date or time, e.g. 2026-11-23T12:00Z") from None
    if not 1900 <= value.year < 2200:
        raise ParameterError(name, text, "a year from 1900 to 2199")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def parse_names(name: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """A comma list of known names, each once, in the order given.

    Raises:
        ParameterError: A name is not known.
    """
    names = tuple(dict.fromkeys(part for part in text.split(",") if part))
    for one in names:
        if one not in known:
            raise ParameterError(name, one, f"one or more of {', '.join(known)}")
    return names


_ONE_POINT = re.compile(r"latitude=([-.\d]+)&longitude=([-.\d]+)&?((?!.*itude).{0,400})", re.ASCII)
"""How most ask; any other way of saying the same is read part by part."""


def parse_query(text: str) -> PointsQuery:
    """A GET request's query string.

    Places differ from request to request, the rest hardly ever: its parsed form is kept.

    Raises:
        ParameterError: A parameter is absent, unknown or outside its limit.
    """
    if match := _ONE_POINT.fullmatch(text):
        north = parse_number("latitude", match[1], -90.0, 90.0)
        east = parse_number("longitude", match[2], -180.0, 180.0)
        return PointsQuery((north,), (east,), *_kept_options(match[3]))
    place, rest = {}, []
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name in ("latitude", "longitude"):
            place[name] = unquote_plus(value) if "%" in value or "+" in value else value
        elif part:
            rest.append(part)
    latitude, longitude = _numbers("latitude", place, 90.0), _numbers("longitude", place, 180.0)
    if len(latitude) != len(longitude):
        raise ParameterError("longitude", f"{len(longitude)} values", f"as many as latitude: {len(latitude)}")
    options = "&".join(rest)
    known = _kept_options(options) if len(options) < 400 else _options(options)
    return PointsQuery(latitude, longitude, *known)


def _options(text: str) -> tuple[Any, ...]:
    """What follows the places in a PointsQuery."""
    query = dict(parse_qsl(text, keep_blank_values=True))
    for name, value in query.items():
        if name not in _KNOWN:
            raise ParameterError(name, value, f"no such parameter; known are {', '.join(sorted(_KNOWN))}")
    kind = query.get("format", "json")
    if kind not in ("json", "csv"):
        raise ParameterError("format", kind, "json or csv")
    start, end, indices = query.get("start"), query.get("end"), query.get("indices")
    return (
        parse_names("pollutants", query.get("pollutants", ""), POLLUTANTS),
        DEFAULT_INDICES if indices is None else parse_names("indices", indices, tuple(INDICES)),
        _hours(query.get("hours", str(MAX_HOURS))),
        kind,
        parse_time("start", start) if start else None,
        parse_time("end", end) if end else None,
    )


_kept_options = lru_cache(maxsize=256)(_options)


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= MAX_HOURS):
        raise ParameterError("hours", text, f"a whole number from 0 to {MAX_HOURS}")
    return int(text)


def _numbers(name: str, place: dict[str, str], limit: float) -> tuple[float, ...]:
    text = place.get(name)
    if not text:
        raise ParameterError(name, "absent", f"required: a number from {-limit:g} to {limit:g}, or a comma list")
    parts = text.split(",")
    if len(parts) > MAX_POINTS:
        raise ParameterError(name, f"{len(parts)} values", f"at most {MAX_POINTS} points")
    return tuple([parse_number(name, part, -limit, limit) for part in parts])


class Point(BaseModel):
    """A place on Earth."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    latitude: Annotated[float, Field(ge=-90, le=90, description="Degrees north.")]
    longitude: Annotated[float, Field(ge=-180, le=180, description="Degrees east.")]


class PointsBody(BaseModel):
    """The body of a POST: the same parameters as GET, points as a list."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"points": [{"latitude": 51.5074, "longitude": -0.1278}]}]},
    )

    points: Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]
    pollutants: Annotated[list[Literal[POLLUTANTS]], Field(max_length=20)] | None = None  # type: ignore[valid-type]
    indices: Annotated[list[Literal[tuple(INDICES)]], Field(max_length=20)] | None = None  # type: ignore[valid-type]
    format: Format = "json"

    def query(self) -> PointsQuery:
        """As a checked request."""
        return PointsQuery(
            latitude=tuple(point.latitude for point in self.points),
            longitude=tuple(point.longitude for point in self.points),
            pollutants=tuple(dict.fromkeys(self.pollutants or ())),
            indices=DEFAULT_INDICES if self.indices is None else tuple(dict.fromkeys(self.indices)),
            hours=MAX_HOURS,
            format=self.format,
        )


class ForecastBody(PointsBody):
    """Points and how far ahead."""

    hours: Annotated[int, Field(ge=0, le=MAX_HOURS)] = MAX_HOURS

    def query(self) -> PointsQuery:
        """As a checked request."""
        return PointsBody.query(self)._replace(hours=self.hours)


class HistoryBody(PointsBody):
    """Points and a period."""

    start: Annotated[str, Field(description="First hour's end, ISO 8601.")]
    end: Annotated[str, Field(description="Last hour's end, ISO 8601.")]

    def query(self) -> PointsQuery:
        """As a checked request."""
        start, end = parse_time("start", self.start), parse_time("end", self.end)
        return PointsBody.query(self)._replace(start=start, end=end)


def check_period(query: PointsQuery) -> tuple[datetime, datetime]:
    """The period of a history request.

    Raises:
        ParameterError: It is absent, reversed, or longer than the limits.
    """
    for name, value in (("start", query.start), ("end", query.end)):
        if value is None:
            raise ParameterError(name, "absent", "required: an ISO 8601 date or time")
    start, end = query.start, query.end
    if start is None or end is None or end < start:
        raise ParameterError("end", end, f"not before start ({start})")
    if end - start > timedelta(days=MAX_DAYS):
        raise ParameterError("end", end, f"at most {MAX_DAYS} days after start ({start})")
    days = ((end - start).days + 2) * len(query.latitude)
    if days > MAX_POINT_DAYS:
        raise ParameterError("end", f"{days} point-days", f"at most {MAX_POINT_DAYS} points x days in one answer")
    return start, end


def _text(name: str, description: str, example: str, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": {"type": "string", "minLength": 1 if required else 0, "maxLength": 20_000},
        "example": example,
    }


_PLACE = [
    _text("latitude", f"Degrees north, or a comma list of up to {MAX_POINTS}.", str(EXAMPLE[0]), True),
    _text("longitude", "Degrees east, as many as latitude.", str(EXAMPLE[1]), True),
    _text("pollutants", f"Comma list of {', '.join(POLLUTANTS)}; all that are published by default.", "pm25,no2"),
    _text(
        "indices",
        f"Comma list of {', '.join(INDICES)}; {','.join(DEFAULT_INDICES)} by default.",
        ",".join(DEFAULT_INDICES),
    ),
    {"name": "format", "in": "query", "required": False, "schema": {"enum": ["json", "csv"], "default": "json"}},
]
_HOURS = {
    "name": "hours",
    "in": "query",
    "required": False,
    "description": "Hours ahead; the answer holds leads 0 to this.",
    "schema": {"type": "integer", "minimum": 0, "maximum": MAX_HOURS, "default": MAX_HOURS},
}

CURRENT_PARAMETERS = _PLACE
FORECAST_PARAMETERS = [*_PLACE, _HOURS]
HISTORY_PARAMETERS = [
    *_PLACE,
    _text("start", "First hour's end, ISO 8601; UTC without offset.", "2026-11-01", True),
    _text("end", f"Last hour's end, ISO 8601; at most {MAX_DAYS} days after start.", "2026-11-02", True),
]
_KNOWN = {str(parameter["name"]) for parameter in [*FORECAST_PARAMETERS, *HISTORY_PARAMETERS]}
