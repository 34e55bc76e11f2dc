"""Past analyses at a point, from the daily cubes, with the indices they make."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.formulas.indices.registry import INDICES
from brise.io.analyses import read_analyses
from brise.service.api.answers import DECIMALS, UNIT, index_nothing, place_of, positions, reason_unknown
from brise.service.api.dependencies import PRODUCT, Domain, Snapshot, Store, iso, legend
from brise.service.api.parameters import PointsQuery

BEFORE = timedelta(hours=24)
"""Read before the period, for indices that average over a day."""


def history(
    store: Store, snapshot: Snapshot, query: PointsQuery, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """Past hours at every point, one row an hour from `start` to `end`, null where nothing was analysed."""
    hour = timedelta(hours=1)
    first = datetime.fromtimestamp(-(-start.timestamp() // 3600) * 3600, UTC)
    count = max(0, (end - first) // hour + 1)
    return [_point(store, snapshot, query, place, (first, count)) for place in range(len(query.latitude))]


def _point(
    store: Store, snapshot: Snapshot, query: PointsQuery, place: int, hours: tuple[datetime, int]
) -> dict[str, Any]:
    latitude, longitude = query.latitude[place], query.longitude[place]
    cells = [(one, one.grid.cell(latitude, longitude)) for one in snapshot.domains]  # finest first
    domain, cell = next(((one, cell) for one, cell in cells if cell is not None), (None, -1))
    found = _read(store, domain, hours, (latitude, longitude)) if domain else pd.DataFrame()
    names = query.pollutants or (domain.names if domain else ())
    skip = int(BEFORE / timedelta(hours=1))
    fields = {name: found[name].to_numpy(np.float64) for name in names if name in found}
    known = any(np.isfinite(values[skip:]).any() for values in fields.values())
    first, count = hours
    times = [iso(int(first.timestamp()) + 3600 * step) for step in range(count)] if domain else []
    return {
        "latitude": latitude,
        "longitude": longitude,
        "status": "ok" if known else "unknown",
        "reason": None if known else _reason(snapshot, (latitude, longitude), domain is not None),
        "cell": place_of(domain, cell) if domain else None,
        "time": times,
        "concentrations": {name: _series(fields.get(name), skip, len(times)) for name in names},
        "indices": {name: _index(name, found, skip, len(times)) for name in query.indices},
        "provenance": _provenance(domain) if domain else None,
    }


def _read(store: Store, domain: Domain, hours: tuple[datetime, int], point: tuple[float, float]) -> pd.DataFrame:
    first, count = hours
    wanted = pd.date_range(first - BEFORE, periods=count + int(BEFORE / timedelta(hours=1)), freq="h")
    period = (first - BEFORE - timedelta(hours=1), wanted[-1].to_pydatetime())
    return read_analyses(store.products, PRODUCT, domain.name, period, point).reindex(wanted)


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


def _numbers(values: NDArray[np.float64] | None, skip: int, count: int) -> Any:
    return [None] * count if values is None else np.round(values[skip:], DECIMALS)


def _series(values: NDArray[np.float64] | None, skip: int, count: int) -> dict[str, Any]:
    nothing = [None] * count
    return {"unit": UNIT, "value": _numbers(values, skip, count), "q10": nothing, "q90": nothing}


def _index(name: str, found: pd.DataFrame, skip: int, count: int) -> dict[str, Any]:
    index = INDICES[name]
    fields = {one: found[one].to_numpy(np.float64) for one in index.pollutants if one in found}
    if not count or not fields:
        return index_nothing(name, count)
    result = index.compute(fields)
    return {
        "value": np.round(result.value[skip:], DECIMALS),
        "category": positions(result.category[skip:].tolist()),
        "dominant": positions(result.dominant[skip:].tolist()),
        **legend(name),
    }
