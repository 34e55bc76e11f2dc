"""`/v1/places`: cities by name or by point, from the bundled gazetteer (GeoNames, CC BY 4.0)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from brise.io.gazetteer import cities, find_cities, nearest_city
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.documented import problems
from brise.service.api.schemas import Shape

router = APIRouter(tags=["places"])
MAX_AGE = 86_400
MAX_PLACES = 20
NEAR_KM = 50.0
"""A city farther away than this does not name a point."""

ATTRIBUTION = "GeoNames, CC BY 4.0"


class PlaceFound(Shape):
    """A city of 15,000 people or more."""

    name: str
    country: Annotated[str, Field(description="ISO 3166-1 alpha-2.")]
    latitude: float
    longitude: float
    population: int
    timezone: Annotated[str, Field(description="IANA name.")]


class PlacesFound(Shape):
    """Cities, the best first; none where nothing fits."""

    places: list[PlaceFound]
    attribution: str


class SearchQuery(BaseModel):
    """What is looked for."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, Field(min_length=1, max_length=80, description="Beginning of a name or of a word in it.")]
    limit: Annotated[int, Field(ge=1, le=MAX_PLACES)] = 8


class NearQuery(BaseModel):
    """Where."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]


def found(place: int) -> dict[str, Any]:
    """One city, as it is told."""
    known = cities()
    return {
        "name": known.name[place],
        "country": known.country[place],
        "latitude": float(known.latitude[place]),
        "longitude": float(known.longitude[place]),
        "population": int(known.population[place]),
        "timezone": known.timezone[place],
    }


def _answer(places: tuple[int, ...]) -> Response:
    body = encode({"places": [found(place) for place in places], "attribution": ATTRIBUTION})
    return Response(body, headers=caching.headers(None, MAX_AGE), media_type="application/json")


_RESPONSES: dict[int | str, dict[str, Any]] = {200: {"model": PlacesFound}, **problems(422, 429)}


@router.get("/v1/places/search", summary="Cities by name.", response_model=None, responses=_RESPONSES)
def search_places(_request: Request, query: Annotated[SearchQuery, Query()]) -> Response:
    """Find cities whose name, or a word in it, begins so; diacritics and case do not matter."""
    return _answer(find_cities(query.q, query.limit))


@router.get("/v1/places/near", summary="The city at a point.", response_model=None, responses=_RESPONSES)
def place_near(_request: Request, query: Annotated[NearQuery, Query()]) -> Response:
    """Name a point by the nearest city within 50 km."""
    place = nearest_city(query.latitude, query.longitude, NEAR_KM)
    return _answer(() if place is None else (place,))
