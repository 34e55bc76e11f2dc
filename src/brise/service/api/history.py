"""Past analyses at a point, from the daily cubes, with the indices they make."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.formulas.indices.registry import INDICES
from brise.io.analyses import read_analyses_at
from brise.products.air_indices import SIDES, index_sides
from brise.service.api.answers import DECIMALS, UNIT, index_nothing, place_of, reason_unknown
from brise.service.api.dependencies import PRODUCT, Domain, Snapshot, Store, iso, legend
from brise.service.api.parameters import PointsQuery

BEFORE = timedelta(hours=24)
"""Read before the period, for indices that average over a day."""

SKIP = int(BEFORE / timedelta(hours=1))

Fields = Mapping[str, NDArray[np.float64]]
"""Array of the cubes (a pollutant, or its `_q10`, `_q90`) -> (SKIP + hours,) at one point."""


def history(
    store: Store, snapshot: Snapshot, query: PointsQuery, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """Past hours at every point, one row an hour from `start` to `end` or now, null where nothing was analysed."""
    hour = timedelta(hours=1)
    first = datetime.fromtimestamp(-(-start.timestamp() // 3600) * 3600, UTC)
    count = max(0, (min(end, snapshot.clock.now()) - first) // hour + 1)
    points = list(zip(query.latitude, query.longitude, strict=True))
    placed = [_domain_of(snapshot, point) for point in points]
    found: dict[int, Fields] = {}
    for domain in {one.name: one for one, _ in placed if one is not None}.values():
        here = [place for place, (one, _) in enumerate(placed) if one is domain]
        fields = _read(store, domain, (first, count), [points[place] for place in here]) if count else {}
        for column, place in enumerate(here):
            found[place] = {name: values[:, column] for name, values in fields.items()}
    times = [iso(int(first.timestamp()) + 3600 * step) for step in range(count)]
    return [
        _point(snapshot, query, place, (domain, cell), found.get(place, {}), times)
        for place, (domain, cell) in enumerate(placed)
    ]


def _domain_of(snapshot: Snapshot, point: tuple[float, float]) -> tuple[Domain | None, int]:
    cells = [(one, one.grid.cell(*point)) for one in (*snapshot.domains, *snapshot.ended)]
    return next(((one, cell) for one, cell in cells if cell is not None), (None, -1))


def _point(
    snapshot: Snapshot,
    query: PointsQuery,
    place: int,
    where: tuple[Domain | None, int],
    found: Fields,
    times: list[str],
) -> dict[str, Any]:
    latitude, longitude = query.latitude[place], query.longitude[place]
    domain, cell = where
    names = query.pollutants or (domain.names if domain else ())
    known = any(np.isfinite(found[name][SKIP:]).any() for name in names if name in found)
    count = len(times) if domain else 0
    return {
        "latitude": latitude,
        "longitude": longitude,
        "status": "ok" if known else "unknown",
        "reason": None if known else _reason(snapshot, (latitude, longitude), domain is not None),
        "cell": place_of(domain, cell) if domain else None,
        "time": times[:count],
        "concentrations": {name: _series(found, name, count) for name in names},
        "indices": {name: _index(name, found, count) for name in query.indices},
        "provenance": _provenance(domain) if domain else None,
    }


def _read(
    store: Store, domain: Domain, hours: tuple[datetime, int], points: list[tuple[float, float]]
) -> dict[str, NDArray[np.float64]]:
    """(SKIP + hours, P) of each array, from 24 h before the first hour; NaN where nothing was analysed."""
    first, count = hours
    begin = first - BEFORE
    period = (begin - timedelta(hours=1), first + timedelta(hours=count - 1))
    kept = read_analyses_at(store.products, PRODUCT, domain.name, period, points)
    since = kept["time"].to_numpy() - np.datetime64(begin.replace(tzinfo=None), "ns")
    whole = since % np.timedelta64(1, "h") == np.timedelta64(0, "h")
    rows = (since[whole] // np.timedelta64(1, "h")).astype(np.intp)
    fields = {}
    for name, array in kept.data_vars.items():
        fields[str(name)] = np.full((SKIP + count, len(points)), np.nan)
        fields[str(name)][rows] = array.to_numpy()[whole]
    return fields


def _reason(snapshot: Snapshot, point: tuple[float, float], inside: bool) -> str:
    if inside:
        return "no analysis of this period is kept for this place"
    return reason_unknown(snapshot, *point, inside=False)


def _provenance(domain: Domain) -> dict[str, Any]:
    meta = domain.meta
    return {
        "kind": "modelled",
        "simulated": bool(meta["simulated"]),
        "model": meta["model"],
        "domain": domain.name,
        "notes": ["analyses; hours without one are null"],
    }


def _series(found: Fields, name: str, count: int) -> dict[str, Any]:
    def numbers(array: str) -> Any:
        return np.round(found[array][SKIP:], DECIMALS) if array in found else [None] * count

    return {"unit": UNIT, "value": numbers(name), "q10": numbers(f"{name}_q10"), "q90": numbers(f"{name}_q90")}


def _index(name: str, found: Fields, count: int) -> dict[str, Any]:
    index = INDICES[name]
    fields = {one: found[one] for one in index.pollutants if one in found}
    if not count or not fields:
        return index_nothing(name, count)
    low, high = ({one: found.get(f"{one}_{side}", rows) for one, rows in fields.items()} for side in ("q10", "q90"))
    sides = dict(zip(SIDES, index_sides(name, fields, low, high)[:, SKIP:], strict=True))
    numbers: dict[str, Any] = {side: np.round(rows.astype(float), DECIMALS) for side, rows in sides.items()}
    codes = {side: [None if np.isnan(one) else int(one) for one in sides[side]] for side in ("category", "dominant")}
    return numbers | codes | legend(name)
