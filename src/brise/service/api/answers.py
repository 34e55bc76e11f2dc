"""What every answer about a point says: pure functions of a prepared run, returning what orjson can write."""

from functools import lru_cache
from math import asin, cos, dist, radians, sin
from typing import Any

import orjson

from brise.conventions.grids import EARTH_RADIUS_KM, Grid
from brise.products.air_indices import SIDES
from brise.service.api.dependencies import Domain, Snapshot, iso, legend, nearest_station

UNIT = "µg/m³"
DECIMALS = 1
DIAMETER_KM = 2 * EARTH_RADIUS_KM
Known = tuple[Domain, int]


def encode(answer: object) -> bytes:
    """JSON; NaN becomes null."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def locate(snapshot: Snapshot, latitude: float, longitude: float) -> Known | None:
    """The first domain (newest, finest) that knows something at a point, else that holds it, and the cell; or None."""
    held: Known | None = None
    for domain in snapshot.domains:
        cell = domain.grid.cell(latitude, longitude)
        if cell is not None:
            # NaN alone differs from itself
            if any(value == value for value in domain.concentration[cell, :, 0, domain.zero].tolist()):
                return domain, cell
            held = held or (domain, cell)
    return held


def reason_unknown(snapshot: Snapshot, latitude: float, longitude: float, inside: bool) -> str:
    """Why nothing is known at a point: the run there ended, or the nearest station's distance and the limit."""
    over = next((one for one in snapshot.ended if one.grid.cell(latitude, longitude) is not None), None)
    if over is not None and not inside:
        return too_old(over)
    where = "no station is near enough" if inside else "outside every published domain"
    found = nearest_station(snapshot.domains, latitude, longitude)
    if found is None:
        return f"{where}; no station reports"
    domain, _, distance = found
    limit = max(domain.reach_km.values(), default=0.0)
    return f"{where}; the nearest station is {distance:.1f} km away, the limit is {limit:.0f} km"


def too_old(domain: Domain) -> str:
    """Why a run says nothing about now."""
    began = domain.times[domain.zero]
    return f"the newest run, of {began}, is too old: it reaches {domain.last_lead} h ahead, which is before now"


def centre(grid: Grid, cell: int) -> tuple[float, float]:
    """Latitude and longitude of a cell, degrees, longitude from -180 to 180."""
    row, column = divmod(cell, grid.columns)
    longitude = grid.west + column * grid.step
    return round(grid.north - row * grid.step, 5), round((longitude + 180.0) % 360.0 - 180.0, 5)


def place_of(domain: Domain, cell: int) -> dict[str, Any]:
    """The cell that answers for a point."""
    latitude, longitude = centre(domain.grid, cell)
    return {
        "domain": domain.grid.name,
        "latitude": latitude,
        "longitude": longitude,
        "step_degrees": domain.grid.step,
    }


def stations_used(
    domain: Domain, cell: int, names: tuple[str, ...], point: tuple[float, float], now: int
) -> tuple[str, str]:
    """The stations used at a cell, nearest first, with their distance from the point and age; and the newest input.

    Returns:
        JSON of each.
    """
    latitude, longitude = radians(point[0]), radians(point[1])
    across = cos(latitude)
    here = (across * cos(longitude), across * sin(longitude), sin(latitude))
    places, masks, bit = domain.nearest[cell].tolist(), dict[int, int](), 1
    for name in names:
        for place in places[domain.variables[name]]:
            masks[place] = masks.get(place, 0) | bit
        bit += bit
    masks.pop(-1, None)  # no station
    found, newest, stations = [], 0, domain.stations
    for place, mask in masks.items():
        head, vector, measured = stations[place]
        distance = DIAMETER_KM * asin(min(1.0, dist(here, vector) / 2))
        age: object = "null"
        if measured is not None:
            age = (now - measured) // 60
            if measured > newest:
                newest = measured
        feeds = _feeds(names, mask)
        found.append((distance, f'{head},"variables":{feeds},"distance_km":{distance:.2f},"age_minutes":{age}}}'))
    found.sort()
    told = f'{{"time":"{iso(newest)}","age_minutes":{(now - newest) // 60}}}' if newest else "null"
    return f"[{','.join([text for _, text in found])}]", told


@lru_cache(maxsize=1024)
def _feeds(names: tuple[str, ...], mask: int) -> str:
    """JSON of the names whose bits are set."""
    return encode([name for place, name in enumerate(names) if mask >> place & 1]).decode()


def contributors(
    domain: Domain, cell: int, names: tuple[str, ...], point: tuple[float, float], now: int
) -> dict[str, Any]:
    """What a value was made of, for its provenance."""
    stations, newest = stations_used(domain, cell, names, point, now)
    return {"stations": orjson.Fragment(stations), "newest_input": orjson.Fragment(newest)}


def provenance(domain: Domain, used: dict[str, Any], kind: str, now: int) -> dict[str, Any]:
    """Where a value comes from."""
    meta = domain.meta
    return {
        "kind": kind,
        "simulated": bool(meta["simulated"]),
        "model": meta["model"],
        "background": meta["background"],
        "domain": domain.name,
        **used,
        "notes": meta["notes"],
        "answered_at": iso(now),
    }


def index_nothing(name: str, count: int) -> dict[str, Any]:
    """An index that is unknown at `count` hours."""
    nothing = [None] * count
    return dict.fromkeys(SIDES, nothing) | legend(name)
