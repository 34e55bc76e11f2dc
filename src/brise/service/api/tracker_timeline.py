"""`/v1/trackers/{id}/timeline`: a day of a tracker, sample by sample, for its owner alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.formulas.indices.registry import INDICES
from brise.service.api.dependencies import store_of
from brise.service.api.errors import ParameterError
from brise.service.api.schemas import Shape
from brise.service.api.tracker_access import MyTracker
from brise.service.api.tracker_owners import private
from brise.service.api.trackers import ONE, REFUSED, seconds_asked
from brise.service.jobs.owner_exposure import told_by
from brise.service.jobs.owner_timeline import LONGEST_S, owner_timeline

router = APIRouter(tags=["trackers"])


class TimelineQuery(BaseModel):
    """Which part of it, and in which index."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[str, Field(max_length=40, description="ISO 8601, not included.")]
    end: Annotated[str, Field(max_length=40, description="ISO 8601, included; at most two days after.")]
    index: Annotated[str, Field(max_length=40)] = "us_aqi"
    timezone: Annotated[str, Field(max_length=40, description="IANA zone (default: by the sun).")] = ""


class Stretch(Shape):
    """A time at one place, in one mode, on one trip, with one kind of surroundings."""

    start: str
    end: str
    mode: Annotated[str, Field(description="unknown, still, walk, cycle, vehicle.")]
    surroundings: Annotated[str, Field(description="unknown, indoors, outdoors, vehicle.")]
    place: Annotated[int | None, Field(description="Position in `places`; null: at none.")]
    trip: Annotated[int | None, Field(description="Number of the trip; null: on none.")]
    confidence: Annotated[float | None, Field(description="That the surroundings are so, 0 to 1; what was told is 1.")]


class StayedAt(Shape):
    """A place that the wearer stayed at."""

    label: Annotated[str, Field(description="home, work, `place N`, or the owner's name for it.")]
    latitude: float
    longitude: float
    seconds: int
    stays: int


class Moments(Shape):
    """Columns of equal length, oldest first."""

    time: Annotated[list[str], Field(description="End of the sample.")]
    latitude: list[float | None]
    longitude: list[float | None]
    flags: Annotated[list[str], Field(description="Why a sample is doubtful or how its place is known, parted by |.")]
    suspect: Annotated[list[str], Field(description="Quantities that are doubtful, parted by |.")]
    value: Annotated[list[float | None], Field(description="Of the index.")]
    category: Annotated[list[int], Field(description="Position of the index's band; -1 unknown.")]


class Quantity(Shape):
    """One quantity, as long as `time`."""

    unit: str
    raw: Annotated[list[float | None], Field(description="As the device said, what is doubtful included.")]
    corrected: Annotated[list[float | None], Field(description="Unknown where doubtful.")]
    uncertainty: Annotated[list[float | None], Field(description="One standard deviation of the corrected value.")]


class Timeline(Shape):
    """Samples raw and corrected, an index, and what the wearer did."""

    tracker: str
    utc_offset_s: int
    index: str
    period_s: Annotated[int, Field(description="Seconds that a row stands for.")]
    columns: Moments
    variables: dict[str, Quantity]
    corrections: Annotated[dict[str, str], Field(description="Quantity -> what corrected it.")]
    places: list[StayedAt]
    stretches: list[Stretch]


@router.get(
    f"{ONE}/timeline",
    summary="Up to two days, at most a row a minute: raw and corrected, an index, places, trips, modes, surroundings.",
    response_model=None,
    responses={200: {"model": Timeline}, **REFUSED},
)
def timeline(request: Request, mine: MyTracker, query: Annotated[TimelineQuery, Query()]) -> Response:
    """Samples of start < time ≤ end."""
    if query.index not in INDICES:
        raise ParameterError("index", query.index, f"one of {', '.join(INDICES)}")
    start, end = seconds_asked("start", query.start), seconds_asked("end", query.end)
    if not 0 < end - start <= LONGEST_S:
        raise ParameterError("end", query.end, "after start, by at most two days")
    tables = store_of(request).tables()
    told = told_by(tables, (mine.owner.key, mine.tracker.key), query.timezone, (start + end) // 2)
    found: dict[str, Any] = owner_timeline(tables, mine.owner, mine.tracker, (start, end), (query.index, told))
    return private(found)
