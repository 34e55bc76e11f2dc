"""What is said about a point: pure functions of a prepared run, returning what orjson can write.

These run for every request, so constant parts are pre-encoded fragments and numbers go from the memory-mapped row of
the point's cell straight into JSON.
"""

import math
from typing import Any

import numpy as np
import orjson

from brise.conventions.grids import EARTH_RADIUS_KM
from brise.service.api.dependencies import (
    Domain,
    Selection,
    Snapshot,
    iso,
    legend,
    nearest_station,
)
from brise.service.api.parameters import PointsQuery

UNIT = "µg/m³"
DECIMALS = 1
DIAMETER_KM = 2 * EARTH_RADIUS_KM
Known = tuple[Domain, int]


def encode(answer: object) -> bytes:
    """JSON; NaN becomes null."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def locate(snapshot: Snapshot, latitude: float, longitude: float) -> Known | None:
    """The finest domain that knows something at a point, else the finest that holds it: domain and cell, or None."""
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
    """Why nothing is known at a point: the nearest station's distance and the limit."""
    where = "no station is near enough" if inside else "outside every published domain"
    found = nearest_station(snapshot.domains, latitude, longitude)
    if found is None:
        return f"{where}; no station reports"
    domain, _, distance = found
    limit = max(domain.reach_km.values(), default=0.0)
    return f"{where}; the nearest station is {distance:.1f} km away, the limit is {limit:.0f} km"


def place_of(domain: Domain, cell: int) -> dict[str, Any]:
    """The cell that answers for a point."""
    grid = domain.grid
    row, column = divmod(cell, grid.columns)
    longitude = (grid.west + column * grid.step + 180.0) % 360.0 - 180.0
    return {
        "domain": grid.name,
        "latitude": round(grid.north - row * grid.step, 5),
        "longitude": round(longitude, 5),
        "step_degrees": grid.step,
    }


def contributors(
    domain: Domain, cell: int, names: tuple[str, ...], point: tuple[float, float], now: int
) -> dict[str, Any]:
    """The stations used at a cell, nearest first, with their distance from the point and age; and the newest input."""
    latitude, longitude = math.radians(point[0]), math.radians(point[1])
    across = math.cos(latitude)
    here = (across * math.cos(longitude), across * math.sin(longitude), math.sin(latitude))
    places, used = domain.nearest[cell].tolist(), dict[int, str]()
    for name in names:
        for place in places[domain.variables[name]]:
            if place >= 0:
                used[place] = f'{used[place]},"{name}"' if place in used else f'"{name}"'
    found, newest = [], 0
    for place, feeds in used.items():
        station = domain.stations[place]
        distance = DIAMETER_KM * math.asin(min(1.0, math.dist(here, station.vector) / 2))
        measured = station.measured
        if measured is None:
            age: object = "null"
        else:
            age = (now - measured) // 60
            newest = measured if measured > newest else newest
        text = f'{station.head},"variables":[{feeds}],"distance_km":{distance:.2f},"age_minutes":{age}}}'
        found.append((distance, text))
    found.sort()
    return {
        "stations": orjson.Fragment(f"[{','.join([text for _, text in found])}]"),
        "newest_input": {"time": iso(newest), "age_minutes": (now - newest) // 60} if newest else None,
    }


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


def forecast(snapshot: Snapshot, query: PointsQuery, place: int, now: int) -> dict[str, Any]:
    """The forecast at the request's `place`-th point, as columns over leads 0 to `query.hours`."""
    latitude, longitude = query.latitude[place], query.longitude[place]
    known = locate(snapshot, latitude, longitude)
    if known is None:
        return _forecast_outside(snapshot, query, latitude, longitude)
    domain, cell = known
    part = domain.selection(query.pollutants, query.indices)
    first, last = domain.zero, domain.zero + min(query.hours, domain.last_lead) + 1
    block = domain.concentration[cell, part.rows, :, first:last].round(DECIMALS)
    fine = any(value == value for value in block[:, 0, 0].tolist()) or not np.isnan(block[:, 0]).all()
    series: dict[str, Any] = {
        name: {"unit": UNIT, "value": value, "q10": low, "q90": high}
        for name, (value, low, high) in zip(part.names, block, strict=True)
    }
    if part.absent:
        nothing = orjson.Fragment(encode([None] * (last - first)))
        series |= {name: {"unit": UNIT, "value": nothing, "q10": nothing, "q90": nothing} for name in part.absent}
    return {
        "latitude": latitude,
        "longitude": longitude,
        "status": "ok" if fine else "unknown",
        "reason": None if fine else reason_unknown(snapshot, latitude, longitude, inside=True),
        "cell": place_of(domain, cell),
        "init_time": domain.times[domain.zero],
        "time": domain.time_fragment(last - first - 1),
        "concentrations": series,
        "indices": _index_series(domain, part, cell, first, last),
        "provenance": provenance(
            domain, contributors(domain, cell, part.names, (latitude, longitude), now), "modelled", now
        ),
    }


def _index_series(domain: Domain, part: Selection, cell: int, first: int, last: int) -> dict[str, Any]:
    block = domain.index[cell, part.index_rows, :, first:last]
    values = block[:, 0].round(DECIMALS)
    codes = np.fmax(block[:, 1:], -1).astype(np.int8)  # fmax drops NaN: -1 is unknown
    plain = codes if codes.size and codes.min() >= 0 else codes.tolist()
    out = {
        name: {"value": value, "category": positions(category), "dominant": positions(dominant), **labels}
        for name, labels, value, (category, dominant) in zip(part.index_names, part.labels, values, plain, strict=True)
    }
    return out | {name: index_nothing(name, last - first) for name in part.index_absent}


def positions(codes: Any) -> Any:
    """Positions as they are; in a list, those below 0 become None (unknown)."""
    return [None if code < 0 else code for code in codes] if isinstance(codes, list) else codes


def index_nothing(name: str, count: int) -> dict[str, Any]:
    """An index that is unknown at `count` hours."""
    nothing = [None] * count
    return {"value": nothing, "category": nothing, "dominant": nothing, **legend(name)}


def _forecast_outside(snapshot: Snapshot, query: PointsQuery, latitude: float, longitude: float) -> dict[str, Any]:
    nothing: list[None] = []
    return {
        "latitude": latitude,
        "longitude": longitude,
        "status": "unknown",
        "reason": reason_unknown(snapshot, latitude, longitude, inside=False),
        "cell": None,
        "init_time": None,
        "time": nothing,
        "concentrations": {
            name: {"unit": UNIT, "value": nothing, "q10": nothing, "q90": nothing} for name in query.pollutants
        },
        "indices": {name: index_nothing(name, 0) for name in query.indices},
        "provenance": None,
    }
