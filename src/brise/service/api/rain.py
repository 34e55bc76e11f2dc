"""`/v1/rain/nowcast`: rain in the next two hours, at points or over an area."""

import hashlib
import math
import time
import zlib
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from brise.io import rain_runs
from brise.service.api import caching, rain_answers
from brise.service.api.answers import encode
from brise.service.api.dependencies import REFRESH_SECONDS, Store, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.parameters import MAX_POINTS, Format, parse_box, parse_number
from brise.service.api.rain_answers import QUANTITIES, RainDomain, prepare
from brise.service.api.rain_schemas import RainArea, RainPoint, RainPoints
from brise.service.clock import read_clock

router = APIRouter(tags=["rain"])
MAX_NUMBERS = 50_000
"""Cells times leads of one area's answer: about 0.3 MB of JSON."""

MAX_AGE = 30
"""Seconds an answer may be reused unasked: a frame comes each five minutes, and an answer begins with now."""

MEDIA = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
Text = Annotated[str | None, Field(min_length=1, max_length=20_000)]


class RainQuery(BaseModel):
    """Points, or an area."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"latitude": "51.5", "longitude": "0"}]})

    latitude: Annotated[Text, Field(description=f"Degrees north, or a comma list of up to {MAX_POINTS}.")] = None
    longitude: Annotated[Text, Field(description="Degrees east, as many as latitude.")] = None
    bbox: Annotated[Text, Field(description="west,south,east,north instead of points.", max_length=200)] = None
    leads: Annotated[
        Text, Field(description="Of an area: comma list of minutes after init_time; now by default.", max_length=200)
    ] = None
    quantity: Annotated[str, Field(description=f"Of an area: one of {', '.join(QUANTITIES)}.", max_length=20)] = "value"
    format: Format = "json"


@dataclass(frozen=True, slots=True)
class RainSnapshot:
    """The nowcasts published at one moment.

    Attributes:
        domains: That reach beyond now, the newest first, of equally new ones the finest.
        ended: The others.
        now: Seconds since 1970 by the data's clock.
        tag: Changes when any run changes or ends.
    """

    domains: tuple[RainDomain, ...]
    ended: tuple[RainDomain, ...]
    now: int
    tag: str


class RainStore:
    """One process's view of the published nowcasts; cheap to ask on every request."""

    def __init__(self, store: Store) -> None:
        """Open nothing yet."""
        self._store = store
        self._checked = -math.inf
        self._known: dict[str, tuple[str, RainDomain]] = {}

    def published(self) -> RainSnapshot:
        """What is published now, at most REFRESH_SECONDS old.

        Raises:
            StoreError: A run cannot be read.
        """
        if time.monotonic() - self._checked > REFRESH_SECONDS:
            known = self._known
            runs = rain_runs.current(self._store.products)
            self._known = {
                name: known[name] if name in known and known[name][0] == run.name else (run.name, prepare(run))
                for name, run in runs.items()
            }
            self._checked = time.monotonic()
        now = int(read_clock(self._store.products.parent).now().timestamp())
        found = sorted((one for _, one in self._known.values()), key=lambda one: (-one.init, one.grid.step, one.name))
        domains, ended = (tuple(one for one in found if (one.end < now) is past) for past in (False, True))
        tags = f"{' '.join(one.tag for one in domains)}/{' '.join(one.tag for one in ended)}"
        return RainSnapshot(domains, ended, now, hashlib.blake2b(tags.encode(), digest_size=8).hexdigest())


def rain_of(request: Request) -> RainStore:
    """The application's view of the nowcasts."""
    state = request.app.state
    if not hasattr(state, "rain"):
        state.rain = RainStore(store_of(request))
    rain: RainStore = state.rain
    return rain


def _points(query: RainQuery) -> list[tuple[float, float]]:
    sides = []
    for name, text, limit in (("latitude", query.latitude, 90.0), ("longitude", query.longitude, 180.0)):
        if text is None:
            raise ParameterError(name, "absent", f"required without bbox: a number from {-limit:g} to {limit:g}")
        parts = text.split(",")
        if len(parts) > MAX_POINTS:
            raise ParameterError(name, f"{len(parts)} values", f"at most {MAX_POINTS} points")
        sides.append([parse_number(name, part, -limit, limit) for part in parts])
    if len(sides[0]) != len(sides[1]):
        raise ParameterError("longitude", f"{len(sides[1])} values", f"as many as latitude: {len(sides[0])}")
    for name, value in (("leads", query.leads), ("quantity", None if query.quantity == "value" else query.quantity)):
        if value is not None:
            raise ParameterError(name, value, "goes with bbox; points get every lead and quantity")
    return list(zip(*sides, strict=True))


def _cells(domain: RainDomain, box: tuple[float, float, float, float]) -> tuple[slice, slice] | None:
    """Rows and columns of the cells whose centres lie in a box; None where there are none."""
    west, south, east, north = box
    grid = domain.grid
    width = (east - west) % 360.0 if east != west + 360 else 360.0
    first_row = max(0, math.ceil((grid.north - north) / grid.step - 1e-6))
    last_row = min(grid.rows - 1, math.floor((grid.north - south) / grid.step + 1e-6))
    offset = (west - grid.west + 180.0) % 360.0 - 180.0  # of the box's west, east of the grid's
    first_column = max(0, math.ceil(offset / grid.step - 1e-6))
    last_column = min(grid.columns - 1, math.floor((offset + width) / grid.step + 1e-6))
    if first_row > last_row or first_column > last_column:
        return None
    return slice(first_row, last_row + 1), slice(first_column, last_column + 1)


def _steps(domain: RainDomain, leads: str | None, now: int) -> list[int]:
    if leads is None:
        return [rain_answers.first_step(domain, now)]
    wanted = [parse_number("leads", part, 0, domain.leads[-1]) for part in leads.split(",")]
    for lead in wanted:
        if lead not in domain.leads:
            raise ParameterError("leads", f"{lead:g}", f"minutes in steps of {domain.leads[1]} to {domain.leads[-1]}")
    return [domain.leads.index(int(lead)) for lead in dict.fromkeys(wanted)]


def _area(snapshot: RainSnapshot, query: RainQuery) -> dict[str, Any]:
    if query.latitude is not None or query.longitude is not None:
        raise ParameterError("bbox", query.bbox, "either bbox or latitude and longitude")
    if query.format != "json":
        raise ParameterError("format", query.format, "json; csv is for points")
    if query.quantity not in QUANTITIES:
        raise ParameterError("quantity", query.quantity, f"one of {', '.join(QUANTITIES)}")
    box = parse_box(query.bbox or "")
    for domain in snapshot.domains:
        cells = _cells(domain, box)
        if cells is None:
            continue
        steps = _steps(domain, query.leads, snapshot.now)
        size = [part.stop - part.start for part in cells]
        numbers = size[0] * size[1] * len(steps)
        if numbers > MAX_NUMBERS:
            told = f"{size[0]} x {size[1]} cells, {len(steps)} leads"
            raise ParameterError("bbox", told, f"at most {MAX_NUMBERS} cells x leads in one answer")
        return rain_answers.area(domain, cells, steps, query.quantity, snapshot.now)
    over = next((one for one in snapshot.ended if _cells(one, box) is not None), None)
    if over is not None:
        return rain_answers.no_area(rain_answers.too_old(over), query.quantity)
    nothing = "outside every radar area" if snapshot.domains or snapshot.ended else rain_answers.NOTHING
    return rain_answers.no_area(nothing, query.quantity)


def _answer(snapshot: RainSnapshot, query: RainQuery) -> bytes:
    if query.bbox is not None:
        return encode(_area(snapshot, query))
    points = _points(query)
    answers = [rain_answers.point(snapshot.domains, snapshot.ended, place, snapshot.now) for place in points]
    if query.format == "csv":
        return rain_answers.csv(answers)
    return encode(answers[0] if len(answers) == 1 else {"results": answers})


@router.get(
    "/v1/rain/nowcast",
    summary="Rain in the next two hours: steps of 5 minutes at points, or a field over an area.",
    response_model=None,
    response_class=Response,
    responses={
        200: {"model": RainPoint | RainPoints | RainArea, "content": {"text/csv": {"schema": {"type": "string"}}}},
        304: {"description": "Not modified."},
        **problems(422, 429, 503),
    },
)
async def nowcast(request: Request, query: Annotated[RainQuery, Query()]) -> Response:
    """Tell rain from now on; what no radar sees is null."""
    snapshot = rain_of(request).published()
    asked: bytes = request.scope["query_string"]
    small = query.bbox is None and (query.latitude or "").count(",") < 4
    body = _answer(snapshot, query) if small else await run_in_threadpool(_answer, snapshot, query)
    validator = caching.etag("rain", snapshot.tag, f"{zlib.crc32(asked):08x}", f"{snapshot.now // 60:x}")
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    return Response(body, headers=caching.headers(validator, MAX_AGE), media_type=MEDIA[query.format])
