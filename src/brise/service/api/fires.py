"""`/v1/fires`: fires that burn now, as satellites see them, or a simulated one where everything is simulated."""

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.conventions.errors import StoreError
from brise.io.hotspots import Seen
from brise.io.sources import firms
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.dependencies import iso, seconds_of, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.fire_desk import ROOT, FireDesk, desk_of
from brise.service.api.parameters import parse_box, parse_time
from brise.service.api.schemas import Number, Shape, Text
from brise.service.api.stations import GeoJson
from brise.service.clock import read_clock
from brise.service.jobs.fires import DEMONSTRATION

router = APIRouter(tags=["fire"])
MAX_DAYS = 31
MAX_AGE = 60
KINDS = ("hotspot", "perimeter")
SIMULATED = "Simulated by Brise; no such fire burns"

Box = tuple[float, float, float, float]
Level = Literal["low", "nominal", "high"]


class FiresQuery(BaseModel):
    """Where and when."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"bbox": "27,-27,29,-26"}]})

    bbox: Annotated[
        str | None, Field(max_length=200, description="west,south,east,north; west > east crosses the date line.")
    ] = None
    start: Annotated[str | None, Field(max_length=40, description="ISO 8601; 24 h before `end` by default.")] = None
    end: Annotated[str | None, Field(max_length=40, description="ISO 8601; now by default.")] = None
    confidence: Annotated[Level, Field(description="Hotspots of at least so much; `low` is all.")] = "low"
    limit: Annotated[int, Field(ge=1, le=5_000)] = 1_000


class FireProperties(Shape):
    """What is known of a fire."""

    kind: Literal[KINDS]  # type: ignore[valid-type]
    simulated: bool
    time: Annotated[str, Field(description="When the satellite passed, or of the perimeter.")]
    source: str
    licence: Text
    attribution: str
    satellite: Text
    instrument: Text
    confidence: Annotated[Text, Field(description="low, nominal or high; null where it is not said.")]
    power_mw: Annotated[Number, Field(description="Radiated.")]
    brightness_k: Number
    pixel_m: Annotated[Number, Field(description="Side of the pixel that the fire lies in somewhere.")]
    area_ha: Number
    simulation: Annotated[Text, Field(description="The simulation that the perimeter is of.")]
    received_at: Text


class FirePoint(Shape):
    """Middle of a pixel."""

    type: Literal["Point"]
    coordinates: list[float]


class FireArea(Shape):
    """What has burned."""

    type: Literal["Polygon", "MultiPolygon"]
    coordinates: list[Any]


class FireFeature(Shape):
    """A hotspot or a perimeter."""

    type: Literal["Feature"]
    geometry: FirePoint | FireArea
    properties: FireProperties


class FireCollection(Shape):
    """Fires of a time and place, the newest first."""

    type: Literal["FeatureCollection"]
    bbox: Annotated[list[float] | None, Field(description="As asked.")]
    start: str
    end: str
    simulated: Annotated[bool, Field(description="Whether any of it is.")]
    truncated: Annotated[bool, Field(description="There are more hotspots than `limit`.")]
    notes: list[str]
    features: list[FireFeature]


@router.get(
    "/v1/fires",
    summary="Fires that burn now: hotspots of satellites, perimeters.",
    response_model=None,
    response_class=GeoJson,
    responses={
        200: {"model": FireCollection},
        304: {"description": "Not modified."},
        **problems(422, 429, 503),
    },
)
def fires(request: Request, query: Annotated[FiresQuery, Query()]) -> Response:
    """A hotspot is a pixel in which something burns, not an outline; no hotspot does not mean no fire."""
    store, desk = store_of(request), desk_of(request)
    now = read_clock(store.products.parent).now()
    end = now if query.end is None else parse_time("end", query.end)
    start = end - timedelta(days=1) if query.start is None else parse_time("start", query.start)
    if not timedelta(0) < end - start <= timedelta(days=MAX_DAYS):
        raise ParameterError("start", query.start, f"before end, by at most {MAX_DAYS} days")
    box = None if query.bbox is None else parse_box(query.bbox)
    seen = _hotspots(desk, (start, end), box, query)
    features = [*_simulated(desk, (start, end), box), *(_point(one) for one in seen[: query.limit])]
    body = encode(
        {
            "type": "FeatureCollection",
            "bbox": box,
            "start": iso(int(start.timestamp())),
            "end": iso(int(end.timestamp())),
            "simulated": any(one["properties"]["simulated"] for one in features),
            "truncated": len(seen) > query.limit,
            "notes": _notes(store.tables().runs.read_sources(), bool(features)),
            "features": features,
        }
    )
    told = b"".join(encode(one) for one in features)
    minute = f"{int(now.timestamp()) // 60:x}"
    validator = caching.etag("fires", hashlib.blake2b(told, digest_size=8).hexdigest(), minute)
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    return GeoJson(body, headers=caching.headers(validator, MAX_AGE))


def _notes(sources: list[Any], any_there: bool) -> list[str]:
    status = next((one for one in sources if one.source == firms.NAME), None)
    if status is None:
        return [] if any_there else ["no source of hotspots is set up (BRISE_FIRMS_KEY)"]
    return [f"{firms.NAME}: {status.last_error}"] if status.last_error else []


def _hotspots(desk: FireDesk, span: tuple[datetime, datetime], box: Box | None, query: FiresQuery) -> list[Seen]:
    area = None if box is None else (box[1], box[0], box[3], box[2])
    found = desk.hotspots.read(*span, area, query.limit + 1)
    levels = ("low", "nominal", "high")
    least = levels.index(query.confidence)
    return [one for one in found if not least or one.spot.confidence in levels[least:]]


def _point(seen: Seen) -> dict[str, Any]:
    spot = seen.spot
    known = {name: None if math.isnan(value) else round(value, 2) for name, value in (
        ("power_mw", spot.power_mw), ("brightness_k", spot.brightness_k), ("pixel_m", spot.pixel_m))}  # fmt: skip
    properties = {
        "kind": "hotspot",
        "simulated": False,
        "time": iso(int(spot.time.timestamp())),
        "source": seen.source,
        "licence": firms.LICENCE if seen.source == firms.NAME else None,
        "attribution": firms.ATTRIBUTION if seen.source == firms.NAME else seen.source,
        "satellite": spot.satellite or None,
        "instrument": spot.instrument or None,
        "confidence": spot.confidence or None,
        **known,
        "area_ha": None,
        "simulation": None,
        "received_at": iso(int(seen.received_at.timestamp())),
    }
    place = {"type": "Point", "coordinates": [spot.longitude, spot.latitude]}
    return {"type": "Feature", "geometry": place, "properties": properties}


def _simulated(desk: FireDesk, span: tuple[datetime, datetime], box: Box | None) -> list[dict[str, Any]]:
    """The perimeter, by the end of the span, of the newest simulated fire that burns within it."""
    found: list[dict[str, Any]] = []
    for job in desk.jobs.of_client(DEMONSTRATION):
        path = desk.folder(job) / "perimeters.geojson"
        if job.state != "done" or not path.is_file():
            continue
        try:
            features = json.loads(path.read_text("utf-8"))["features"]
        except (OSError, ValueError) as error:
            raise StoreError(f"{path}: cannot be read: {error}") from error
        by_then = [one for one in features if _between(one["properties"]["time"], span)]
        if by_then:
            newest = max(by_then, key=lambda one: str(one["properties"]["time"]))
            if newest["geometry"]["coordinates"] and (box is None or _touches(newest["geometry"], box)):
                found.append(_perimeter(newest, f"{ROOT}/{job.share}"))
    return sorted(found, key=lambda one: str(one["properties"]["time"]), reverse=True)[:1]


def _between(text: str, span: tuple[datetime, datetime]) -> bool:
    return span[0] < datetime.fromtimestamp(seconds_of(text), UTC) <= span[1]


def _touches(geometry: dict[str, Any], box: Box) -> bool:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    ring = [corner for polygon in polygons for corner in polygon[0]]
    west, south, east, north = box
    across = [west <= x <= east if west <= east else x >= west or x <= east for x, _ in ring]
    return any(inside and south <= corner[1] <= north for inside, corner in zip(across, ring, strict=True))


def _perimeter(feature: dict[str, Any], simulation: str) -> dict[str, Any]:
    nothing = dict.fromkeys(
        ("licence", "satellite", "instrument", "confidence", "power_mw", "brightness_k", "pixel_m", "received_at")
    )
    told = feature["properties"]
    properties = nothing | {
        "kind": "perimeter",
        "simulated": True,
        "time": told["time"],
        "source": "simulated",
        "attribution": SIMULATED,
        "area_ha": told["area_ha"],
        "simulation": simulation,
    }
    return {"type": "Feature", "geometry": feature["geometry"], "properties": properties}
