"""What is said about the air at a point now: the newest analysis, or the measurement itself beside a station."""

import logging
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from brise.conventions.grids import km_to_chord, unit_vectors
from brise.formulas.indices.registry import INDICES
from brise.service.api.answers import (
    DECIMALS,
    UNIT,
    Known,
    contributors,
    locate,
    place_of,
    provenance,
    reason_unknown,
    too_old,
)
from brise.service.api.dependencies import Domain, Snapshot, iso
from brise.service.api.parameters import PointsQuery
from brise.service.api.terms import refusal

LOG = logging.getLogger(__name__)

MEASURED_KM = 0.3
"""A trusted station this near speaks for the point."""

FRESH_SECONDS = 2 * 3600
NORMAL_80 = 1.2815515655446004
"""Standard deviations from the mean to the 10 % and 90 % quantiles of a normal distribution."""

TRUSTED_KINDS = ("reference", "low_cost", "simulated")


@dataclass(frozen=True, slots=True)
class Reading:
    """A fresh, trusted observation: its value and standard deviation in µg m-3 (NaN = not stated)."""

    value: float
    uncertainty: float
    time: int
    period_s: int


Readings = Mapping[str, Mapping[str, Reading]]
"""Station id -> variable -> newest reading."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a point falls.

    Attributes:
        known: Its domain and cell.
        lead: The one that is now.
        station: The one that speaks for it: id, km.
        note: Why a nearer one does not.
    """

    known: Known | None
    lead: int | None
    station: tuple[str, float] | None
    note: str = ""


def spot(
    snapshot: Snapshot, latitude: float, longitude: float, now: int, withheld: Collection[str] = frozenset()
) -> Spot:
    """Find what speaks for a point; the stations of `withheld` sources do not."""
    known = locate(snapshot, latitude, longitude)
    lead = None
    if known is not None:
        elapsed = max(0, (now - known[0].init) // 3600)
        lead = elapsed if elapsed <= known[0].last_lead else None
    standing = _standing(snapshot, latitude, longitude)
    station = next(((name, km) for km, name, source in standing if source not in withheld), None)
    note = ""
    if standing and standing[0][2] in withheld:
        km, name, source = standing[0]
        note = f"the measurements of {name}, {1000 * km:.0f} m away, are not shown: {refusal(source)}"
    return Spot(known, lead, station, note)


def _standing(snapshot: Snapshot, latitude: float, longitude: float) -> list[tuple[float, str, str]]:
    """Trusted stations at a point, nearest first: km, id, source."""
    point, limit, found = unit_vectors(latitude, longitude), float(km_to_chord(MEASURED_KM)) ** 2, []
    for domain in snapshot.domains:
        squares = np.square(domain.vectors - point).sum(axis=1)
        for place in np.flatnonzero(squares <= limit).tolist():
            row = domain.meta["stations"][place]
            distance = 6371.0088 * math.sqrt(float(squares[place]))
            if row["kind"] in TRUSTED_KINDS:
                found.append((distance, str(row["station_id"]), str(row["source"])))
    return sorted(found)


def sub_indices(spots: list[Spot], names: tuple[str, ...]) -> dict[int, dict[str, dict[str, float | None]]]:
    """Sub-indices now, by point and index, from the run's last 24 hours, vectorised over the points of a domain."""
    groups: dict[tuple[str, int], list[int]] = {}
    for place, one in enumerate(spots):
        if one.known is not None and one.lead is not None:
            groups.setdefault((one.known[0].tag, one.lead), []).append(place)
    out: dict[int, dict[str, dict[str, float | None]]] = {place: {} for place in range(len(spots))}
    for (_, lead), places in groups.items():
        pairs = [known for known in (spots[place].known for place in places) if known is not None]
        domain = pairs[0][0]
        until = domain.zero + lead + 1
        block = domain.concentration[[cell for _, cell in pairs], :, 0, max(0, until - 25) : until]
        hours = {name: block[:, row] for name, row in domain.variables.items()}
        for name in names:
            last = {key: values[..., -1] for key, values in INDICES[name].compute(hours).sub.items()}
            for position, place in enumerate(places):
                out[place][name] = {key: _number(values[position]) for key, values in last.items()}
    return out


def _number(value: Any) -> float | None:
    number = round(float(value), DECIMALS)
    return None if math.isnan(number) or number < 0 else number


def _finite(value: Any) -> float | None:
    number = round(float(value), DECIMALS)
    return None if math.isnan(number) else number


def current(
    snapshot: Snapshot,
    query: PointsQuery,
    place: int,
    here: Spot,
    subs: dict[str, dict[str, float | None]],
    readings: Readings,
) -> dict[str, Any]:
    """The air now at the request's `place`-th point."""
    latitude, longitude = query.latitude[place], query.longitude[place]
    now = snapshot.now()
    measured = readings.get(here.station[0], {}) if here.station else {}
    domain, cell = here.known or (None, -1)
    names = query.pollutants or (tuple(domain.variables) if domain else tuple(measured))
    values = {name: _value(domain, cell, here.lead, name, measured.get(name)) for name in names}
    indices = {name: _index(domain, cell, here.lead, name, subs.get(name, {})) for name in query.indices}
    known = any(value["value"] is not None for value in values.values())
    origin = None
    if domain is not None:
        feeding = tuple(name for name in names if name in domain.variables)
        kind = "measured" if any(name in measured for name in names) else "modelled"
        origin = provenance(domain, contributors(domain, cell, feeding, (latitude, longitude), now), kind, now)
    return {
        "latitude": latitude,
        "longitude": longitude,
        "status": "ok" if known else "unknown",
        "reason": None if known else _reason(snapshot, here, latitude, longitude),
        "cell": place_of(domain, cell) if domain else None,
        "init_time": domain.times[domain.zero] if domain else None,
        "time": domain.times[domain.zero + here.lead] if domain and here.lead is not None else None,
        "lead_hours": here.lead,
        "concentrations": values,
        "indices": indices,
        "dominant_pollutant": next((one["dominant"] for one in indices.values() if one["dominant"]), None),
        "measured": _measured(here, measured, names),
        "provenance": origin,
    }


def _reason(snapshot: Snapshot, here: Spot, latitude: float, longitude: float) -> str:
    if here.known is not None and here.lead is None:
        return too_old(here.known[0])
    return reason_unknown(snapshot, latitude, longitude, inside=here.known is not None)


def _value(domain: Domain | None, cell: int, lead: int | None, name: str, reading: Reading | None) -> dict[str, Any]:
    if reading is not None:
        half = NORMAL_80 * reading.uncertainty
        return {
            "value": _finite(reading.value),
            "unit": UNIT,
            "q10": _finite(reading.value - half),
            "q90": _finite(reading.value + half),
            "kind": "measured",
        }
    value = low = high = None
    if domain is not None and lead is not None and name in domain.variables:
        row = domain.concentration[cell, domain.variables[name], :, domain.zero + lead]
        value, low, high = (_finite(one) for one in row)
    return {"value": value, "unit": UNIT, "q10": low, "q90": high, "kind": "modelled"}


def _index(
    domain: Domain | None, cell: int, lead: int | None, name: str, subs: dict[str, float | None]
) -> dict[str, Any]:
    index, value, category, dominant = INDICES[name], None, -1, -1
    low = high = None
    if domain is not None and lead is not None and name in domain.indices:
        row = domain.index[cell, domain.indices[name], :, domain.zero + lead]
        value = _finite(row[0])
        category, dominant = (int(code) if math.isfinite(code) else -1 for code in row[1:3].tolist())
        low, high = (_finite(one) for one in row[3:]) if len(row) > 3 else (None, None)
    band = index.bands[category] if category >= 0 else None
    return {
        "value": value,
        "q10": low,
        "q90": high,
        "category": band.key if band else None,
        "colour": band.colour if band else None,
        "advice": band.advice if band else None,
        "dominant": index.pollutants[dominant] if dominant >= 0 else None,
        "from": [key for key, number in subs.items() if number is not None] if band else [],
        "sub": subs,
        "rule_set": index.rule_set,
    }


def _measured(here: Spot, measured: Mapping[str, Reading], names: tuple[str, ...]) -> dict[str, Any] | None:
    shown = {name: measured[name] for name in names if name in measured}
    if here.station is None or not shown:
        return None
    return {
        "station_id": here.station[0],
        "distance_km": round(here.station[1], 3),
        "values": {
            name: {"value": _finite(one.value), "unit": UNIT, "time": iso(one.time), "period_s": one.period_s}
            for name, one in shown.items()
        },
    }
