"""`/v1/trackers/{id}/observations`: what a tracker measured, for its owner alone."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.conventions.trackers import MEASURED, flag_names, suspect_bit
from brise.conventions.variables import VARIABLES
from brise.models.sensor_correction import correct
from brise.products.tracker_table import trusted
from brise.service.api.dependencies import iso, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.parameters import Format
from brise.service.api.tracker_access import MyTracker
from brise.service.api.tracker_city import city_of
from brise.service.api.tracker_owners import PRIVATE, private
from brise.service.api.tracker_schemas import Erased, Samples
from brise.service.api.trackers import ONE, REFUSED, seconds_asked
from brise.service.jobs.crowd import withdraw
from brise.service.jobs.erase import erase_period
from brise.service.jobs.export import DECIMALS, samples_csv
from brise.service.jobs.owner_exposure import owner_exposure

router = APIRouter(tags=["trackers"])
MAX_SAMPLES = 10_000
PEOPLE_UNITS = {"ug m-3": "µg/m³"}
PLACE_UNITS = {
    "period_s": "s",
    "latitude": "degree",
    "longitude": "degree",
    "accuracy_m": "m",
    "speed_m_s": "m/s",
    "altitude_m": "m",
}
Text = Annotated[str | None, Field(max_length=40)]


class SamplesQuery(BaseModel):
    """Which samples."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[Text, Field(description="ISO 8601, not included.")] = None
    end: Annotated[Text, Field(description="ISO 8601, included.")] = None
    after: Annotated[Text, Field(description="`next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_SAMPLES)] = 1_000
    format: Format = "json"


class PeriodQuery(BaseModel):
    """Which samples to erase."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[str, Field(max_length=40, description="ISO 8601, not included.")]
    end: Annotated[str, Field(max_length=40, description="ISO 8601, included.")]


@router.get(
    f"{ONE}/observations",
    summary="What a tracker measured, oldest first.",
    response_model=None,
    responses={200: {"model": Samples, "content": {"text/csv": {"schema": {"type": "string"}}}}, **REFUSED},
)
def observations(request: Request, mine: MyTracker, query: Annotated[SamplesQuery, Query()]) -> Response:
    """One page of start < time ≤ end."""
    asked = {name: getattr(query, name) for name in ("start", "after", "end")}
    times = {name: seconds_asked(name, text) for name, text in asked.items() if text is not None}
    starts = [times[name] for name in ("start", "after") if name in times]
    frame = (
        store_of(request)
        .tables()
        .samples.read(
            mine.owner.key,
            mine.tracker.key,
            start=max(starts, default=None),
            end=times.get("end"),
            limit=query.limit + 1,
        )
    )
    page, more = frame.head(query.limit), len(frame) > query.limit
    own = store_of(request).tables().calibrations.found(mine.owner.key, mine.tracker.key)
    corrected = correct(trusted(page), own, mine.tracker.model.lower() or "unknown")
    if query.format == "csv":
        return Response(samples_csv(page, corrected=corrected), headers=PRIVATE, media_type="text/csv; charset=utf-8")
    columns = columns_of(page)
    for side, found in (("corrected", corrected.values), ("uncertainty", corrected.uncertainty)):
        known = found.round(DECIMALS)
        for name in found:
            values = known[name]
            columns[f"{name}_{side}"] = values.astype(object).where(values.notna(), None).tolist()
    return private({
        "tracker": mine.tracker.id,
        "units": {name: unit for name in columns if (unit := unit_of(name))},
        "columns": columns,
        "corrections": corrected.names,
        "next": columns["time"][-1] if more else None,
    })  # fmt: skip


def unit_of(column: str) -> str | None:
    """The unit of a column of samples, as people write it; None where it has none."""
    if column in PLACE_UNITS:
        return PLACE_UNITS[column]
    known = VARIABLES.get(column.removesuffix("_corrected").removesuffix("_uncertainty"))
    return None if known is None else PEOPLE_UNITS.get(known.unit, known.unit)


def columns_of(samples: pd.DataFrame) -> dict[str, list[Any]]:
    """Columns of equal length; NaN is null, flags and doubtful quantities are words."""
    columns: dict[str, list[Any]] = {"time": [iso(int(one)) for one in samples["time"].dt.as_unit("s").astype("int64")]}
    for name in samples.columns:
        if name not in ("time", "flags", "suspect"):
            values = samples[name]
            if name in ("latitude", "longitude") or not values.isna().all():
                columns[str(name)] = values.astype(object).where(values.notna(), None).tolist()
    columns["flags"] = [flag_names(int(one)) for one in samples["flags"]]
    columns["suspect"] = [
        "|".join(name for name in MEASURED if int(one) & suspect_bit(name)) for one in samples["suspect"]
    ]
    return columns


class ExposureQuery(BaseModel):
    """Over which period."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[Text, Field(description="ISO 8601, not included.")] = None
    end: Annotated[Text, Field(description="ISO 8601, included.")] = None
    timezone: Annotated[str, Field(max_length=40, description="IANA zone of the days (default: by the sun).")] = ""


@router.get(
    f"{ONE}/exposure",
    summary="What its wearer breathed: how much, where, doing what, beside the guidelines; in numbers and words.",
    response_model=None,
    responses={200: {"model": dict[str, Any]}, **REFUSED},
)
def exposure(request: Request, mine: MyTracker, query: Annotated[ExposureQuery, Query()]) -> Response:
    """Computed of the corrected samples of start < time ≤ end, at most 100,000."""
    period = tuple(seconds_asked(name, text) if (text := getattr(query, name)) else None for name in ("start", "end"))
    store, whose = store_of(request), (mine.owner, mine.tracker)
    return private(owner_exposure(store.tables(), whose, (period[0], period[1]), query.timezone, city_of(store)))


@router.delete(
    f"{ONE}/observations",
    summary="Erase what was measured within a period.",
    response_model=None,
    responses={200: {"model": Erased}, **problems(401, 404, 422, 429, 503)},
)
def erase(request: Request, mine: MyTracker, query: Annotated[PeriodQuery, Query()]) -> Response:
    """Samples of start < time ≤ end; answered when nothing of them is left in the database."""
    period = seconds_asked("start", query.start), seconds_asked("end", query.end)
    if period[1] <= period[0]:
        raise ParameterError("end", query.end, "after start")
    count = erase_period(store_of(request).tables(), mine.owner.key, mine.tracker.key, period)
    withdraw(store_of(request).root)
    return private({"samples": count})
