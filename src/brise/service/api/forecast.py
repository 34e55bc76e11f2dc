"""The forecast at a point, as JSON.

What answers to one kind of request have in common is encoded once per run, with slots where the point's own words and
numbers go; those are read from the memory-mapped rows of its cell.
"""

from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from brise.products.air_indices import SIDES as INDEX_SIDES
from brise.service.api.answers import (
    UNIT,
    centre,
    encode,
    index_nothing,
    locate,
    place_of,
    provenance,
    reason_unknown,
    stations_used,
)
from brise.service.api.dependencies import Domain, Snapshot, iso, legend
from brise.service.api.numerals import Form, form, rows
from brise.service.api.parameters import PointsQuery

PLANS = 256
SIDES = ("value", "q10", "q90")
CODES = ("category", "dominant")
SLOT = "\0"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run answers one kind of request.

    Attributes:
        pieces: The answer's text, with nothing at the odd places, the slots.
        names: Pollutants that the run has, in the order asked.
        rows: Of these, in the run's concentrations.
        index_rows: Of the indices that the run has.
        hours: To be told, in the run's arrays.
        form: Of all columns.
    """

    pieces: list[bytes]
    names: tuple[str, ...]
    rows: slice | NDArray[np.intp]
    index_rows: slice | NDArray[np.intp]
    hours: slice
    form: Form


def forecast(snapshot: Snapshot, query: PointsQuery, place: int, now: int) -> orjson.Fragment:
    """The forecast at the request's `place`-th point, as columns over leads 0 to `query.hours`."""
    point = latitude, longitude = query.latitude[place], query.longitude[place]
    known = locate(snapshot, latitude, longitude)
    if known is None:
        return orjson.Fragment(encode(_outside(snapshot, query, point)))
    domain, cell = known
    plan = _plan(domain, query)
    columns = rows(
        (domain.concentration[cell, plan.rows, :, plan.hours], domain.index[cell, plan.index_rows, :, plan.hours]),
        plan.form,
    )
    # what strip leaves of a column is a number
    fine = any(column.strip(b"nul,") for column in columns[: 3 * len(plan.names) : 3])
    reason = b"null" if fine else encode(reason_unknown(snapshot, latitude, longitude, inside=True))
    row, column = centre(domain.grid, cell)
    stations, newest = stations_used(domain, cell, plan.names, point, now)
    parts = plan.pieces.copy()
    parts[1::2] = [
        b"%r" % latitude,
        b"%r" % longitude,
        b'"ok"' if fine else b'"unknown"',
        reason,
        b"%r" % row,
        b"%r" % column,
        *columns,
        stations.encode(),
        newest.encode(),
        b'"%b"' % iso(now).encode(),
    ]
    return orjson.Fragment(b"".join(parts))


def _plan(domain: Domain, query: PointsQuery) -> Plan:
    """The usual plans are kept with the run, as many as PLANS."""
    key = (query.pollutants, query.indices, query.hours)
    plan: Plan | None = domain.plans.get(key)
    if plan is None:
        plan = _planned(domain, query)
        if len(domain.plans) < PLANS:
            domain.plans[key] = plan
    return plan


def _planned(domain: Domain, query: PointsQuery) -> Plan:
    wanted = query.pollutants or domain.names
    names = tuple(name for name in wanted if name in domain.variables)
    index_names = [name for name in query.indices if name in domain.indices]
    hours = slice(domain.zero, domain.zero + min(query.hours, domain.last_lead) + 1)
    times = domain.times[hours]
    column, nothing = [SLOT], [None] * len(times)
    sides = INDEX_SIDES[: domain.index.shape[2]]
    answer = {
        **dict.fromkeys(("latitude", "longitude", "status", "reason"), SLOT),
        "cell": place_of(domain, 0) | {"latitude": SLOT, "longitude": SLOT},
        "init_time": domain.times[domain.zero],
        "time": times,
        "concentrations": {
            name: {"unit": UNIT, **dict.fromkeys(SIDES, column if name in names else nothing)} for name in wanted
        },
        "indices": {
            name: dict.fromkeys(INDEX_SIDES, nothing) | dict.fromkeys(sides, column) | legend(name)
            if name in domain.indices
            else index_nothing(name, len(times))
            for name in query.indices
        },
        "provenance": provenance(domain, {"stations": SLOT, "newest_input": SLOT}, "modelled", 0)
        | {"answered_at": SLOT},
    }
    between = encode(answer).split(encode(SLOT))
    pieces = [b""] * (2 * len(between) - 1)
    pieces[::2] = between
    return Plan(
        pieces=pieces,
        names=names,
        rows=_places([domain.variables[name] for name in names]),
        index_rows=_places([domain.indices[name] for name in index_names]),
        hours=hours,
        form=form([False] * 3 * len(names) + [side in CODES for side in sides] * len(index_names)),
    )


def _places(places: list[int]) -> slice | NDArray[np.intp]:
    """Neighbours as a slice, which numpy reads without a copy and several times faster."""
    first = places[0] if places else 0
    if places == list(range(first, first + len(places))):
        return slice(first, first + len(places))
    return np.array(places, np.intp)


def _outside(snapshot: Snapshot, query: PointsQuery, point: tuple[float, float]) -> dict[str, object]:
    nothing: list[None] = []
    return {
        "latitude": point[0],
        "longitude": point[1],
        "status": "unknown",
        "reason": reason_unknown(snapshot, *point, inside=False),
        "cell": None,
        "init_time": None,
        "time": nothing,
        "concentrations": {name: {"unit": UNIT, **dict.fromkeys(SIDES, nothing)} for name in query.pollutants},
        "indices": {name: index_nothing(name, 0) for name in query.indices},
        "provenance": None,
    }
