"""`/v1/scores`: how good the forecasts of the last 30 days were at a place, against what was measured since."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.conventions.grids import distance_km
from brise.conventions.variables import POLLUTANTS
from brise.io.score_tables import read_scores, score_files
from brise.products.forecast_scores import FEWEST, GROUPS, JUDGE
from brise.service.api import caching
from brise.service.api.answers import UNIT, encode
from brise.service.api.dependencies import Snapshot, Store, iso, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.schemas import Number, Shape, Text
from brise.service.jobs.verify import DAYS, folder_of

router = APIRouter(tags=["air quality"])
MAX_AGE = 600
NEAR_KM = 25.0
"""A station farther away than this does not speak for a place."""

FIGURES = ("mean", "mae", "bias", "coverage", "band_hit")


class LeadScore(Shape):
    """Forecasts of some hours ahead against what was measured; of too few pairs all figures are null."""

    first_lead: int
    last_lead: int
    n: Annotated[int, Field(description="Pairs of a forecast and a measurement.")]
    mean: Annotated[Number, Field(description="Of what was measured.")]
    mae: Annotated[Number, Field(description="Mean absolute error.")]
    bias: Annotated[Number, Field(description="Mean of forecast less measured.")]
    coverage: Annotated[
        Number, Field(description="Share measured within the forecast's 10-90 % interval; 0.8 is meant.")
    ]
    band_hit: Annotated[Number, Field(description="Share whose band, of the pollutant alone, was the one forecast.")]
    reason: Annotated[Text, Field(description="Why nothing is said.")]


class PollutantScores(Shape):
    """By hours ahead."""

    unit: str
    leads: list[LeadScore]


class ScoredStation(Shape):
    """The station whose measurements judge."""

    id: str
    name: str
    distance_km: Number


class Scores(Shape):
    """How good the forecasts were."""

    station: ScoredStation | None
    reason: Annotated[Text, Field(description="Why nothing is known.")]
    days: int
    start: Text
    end: Text
    judge: Annotated[str, Field(description="The index whose bands are meant.")]
    simulated: bool
    pollutants: dict[str, PollutantScores]


class ScoresQuery(BaseModel):
    """A place or a station."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [{"latitude": 51.5, "longitude": -0.1}]}
    )

    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    station: Annotated[str | None, Field(min_length=3, max_length=200, description="Its id, instead of a place.")] = (
        None
    )


@lru_cache(maxsize=128)
def _rows(path: Path, _written: int) -> pd.DataFrame:
    return read_scores(path).set_index("station_id").sort_index()


def _tables(store: Store) -> list[pd.DataFrame]:
    return [_rows(path, written) for path, written in score_files(folder_of(store.root)).items()]


def _stations(snapshot: Snapshot, query: ScoresQuery) -> list[tuple[float, dict[str, Any], bool]]:
    """Stations that may judge, nearest first: km (NaN where no place is asked), description, whether simulated."""
    found: dict[str, tuple[float, dict[str, Any], bool]] = {}
    for domain in (*snapshot.domains, *snapshot.ended):
        for row in domain.meta["stations"]:
            km = math.nan
            if query.latitude is not None and query.longitude is not None:
                km = float(distance_km(query.latitude, query.longitude, row["latitude"], row["longitude"]))
            if row["station_id"] == query.station or (query.station is None and km <= NEAR_KM):
                found.setdefault(row["station_id"], (km, row, bool(domain.meta["simulated"])))
    return sorted(found.values(), key=lambda one: one[0])


def _figure(value: Any, name: str) -> float | None:
    number = float(value)
    return None if math.isnan(number) else round(number, 3 if name in ("coverage", "band_hit") else 1)


def _leads(rows: pd.DataFrame) -> list[dict[str, Any]]:
    by_lead: dict[int, Any] = {int(row["first_lead"]): row for row in rows.to_dict("records")}
    out = []
    for first, last in GROUPS:
        row = by_lead.get(first, {"n": 0})
        n = int(row["n"])
        told: dict[str, Any] = {"first_lead": first, "last_lead": last, "n": n} | dict.fromkeys(FIGURES)
        told["reason"] = None if n >= FEWEST else f"{n} pairs of forecast and measurement; {FEWEST} are wanted"
        if n >= FEWEST:
            told |= {name: _figure(row[name], name) for name in FIGURES}
            told["band_hit"] = told["band_hit"] if row["band_n"] >= FEWEST else None
        out.append(told)
    return out


def _answer(store: Store, query: ScoresQuery) -> dict[str, Any]:
    tables = _tables(store)
    near = _stations(store.published(), query)
    nothing: dict[str, Any] = {"station": None, "reason": None, "days": DAYS.days, "start": None, "end": None}
    nothing |= {"judge": JUDGE, "simulated": False, "pollutants": {}}
    for km, station, simulated in near:
        rows = next((one.loc[[station["station_id"]]] for one in tables if station["station_id"] in one.index), None)
        if rows is not None:
            names = [name for name in POLLUTANTS if (rows["variable"] == name).any()]
            return nothing | {
                "station": {
                    "id": station["station_id"],
                    "name": station["name"],
                    "distance_km": None if math.isnan(km) else round(km, 2),
                },
                "simulated": simulated,
                "start": iso(int(rows["start"].iloc[0].timestamp())),
                "end": iso(int(rows["end"].iloc[0].timestamp())),
                "pollutants": {name: {"unit": UNIT, "leads": _leads(rows[rows["variable"] == name])} for name in names},
            }
    where = f"no station within {NEAR_KM:.0f} km" if query.station is None else f"no station {query.station!r}"
    reason = "no forecast here is old enough to be compared with what was measured" if near else where
    return nothing | {"reason": reason}


@router.get(
    "/v1/scores",
    summary="How good the forecasts of the last 30 days were here.",
    response_model=None,
    responses={200: {"model": Scores}, **problems(422, 429, 503)},
)
def scores(request: Request, query: Annotated[ScoresQuery, Query()]) -> Response:
    """Published forecasts against what was measured since, at the nearest station that can judge."""
    if query.station is None and (query.latitude is None or query.longitude is None):
        raise ParameterError("latitude", query.latitude, "with longitude, or a station")
    body = encode(_answer(store_of(request), query))
    return Response(body, headers=caching.headers(None, MAX_AGE), media_type="application/json")
