"""What people ask of a fire: its perimeters by hour, and one page of numbers."""

from itertools import pairwise
from typing import Any

import contourpy
import numpy as np
from numpy.typing import NDArray

from brise.conventions.fire import FireGrid
from brise.formulas.north import convergence
from brise.products.fire_run import Array32, FireEnsemble, FireResult

Polygon = list[NDArray[np.float64]]
"""Rings (N, 2) of x and y, closed: the outer one against the clock, holes with it."""

QUANTILES = (0.1, 0.5, 0.9)

_PARTS, _CUT_UP_TO = 3, 1_000_000  # parts a side of a cell for outlines, and the cells up to which they are cut


def marks(hours: float) -> NDArray[np.float64]:
    """Minutes at which a fire is looked at: each full hour, and the end.

    >>> marks(2.5).tolist()
    [60.0, 120.0, 150.0]
    """
    full = np.arange(1, int(np.floor(hours + 1e-9)) + 1) * 60.0
    last = full.size and np.isclose(full[-1], hours * 60.0)
    return np.asarray(full if last else np.append(full, hours * 60.0), float)


def perimeters(grid: FireGrid, arrival: Array32, minutes: float) -> list[Polygon]:
    """The outline of what had burned at a time, in the plane of the grid.

    Between cells that burned before and after the time the outline lies where the front was by linear interpolation; a
    neighbour that never burned (a barrier, or past the end) is taken to lie half a cell beyond the front.

    Args:
        grid: Of the landscape.
        arrival: (Y, X) minutes; NaN where fire did not come.
        minutes: When.
    """
    burned = arrival <= minutes
    if not burned.any():
        return []
    rows, columns = np.flatnonzero(burned.any(axis=1)), np.flatnonzero(burned.any(axis=0))
    top, left = int(rows[0]) - 1, int(columns[0]) - 1
    field = np.full((int(rows[-1]) - top + 2, int(columns[-1]) - left + 2), np.nan)
    at = (max(top, 0) - top, max(left, 0) - left)
    inner = arrival[max(top, 0) : rows[-1] + 2, max(left, 0) : columns[-1] + 2]
    field[at[0] : at[0] + inner.shape[0], at[1] : at[1] + inner.shape[1]] = inner
    parts = _PARTS if field.size <= _CUT_UP_TO else 1
    fine = _beyond(_cut(field, parts), minutes)
    lines = contourpy.contour_generator(z=fine, fill_type=contourpy.FillType.OuterOffset)
    filled: Any = lines.filled(np.nanmin(fine) - 1.0, minutes)
    found = []
    for corners, ends in zip(*filled, strict=True):
        x = grid.west + ((corners[:, 0] + 0.5) / parts + left) * grid.cell_m
        y = grid.north - ((corners[:, 1] + 0.5) / parts + top) * grid.cell_m
        plane = np.stack([x, y], axis=-1)
        found.append([_turned(plane[a:b], k == 0) for k, (a, b) in enumerate(pairwise(ends))])
    return found


def _cut(field: NDArray[np.float64], parts: int) -> NDArray[np.float64]:
    """Cells cut in parts, each cell's times linear by the lesser of its differences to its neighbours.

    So fire crosses a cell at that cell's pace, however slow the next one is, and cells keep their corners.
    """
    if parts == 1:
        return field
    at = (np.arange(parts) + 0.5) / parts - 0.5  # of the parts' centres from their cell's, in cells
    down, right = _slope(field), _slope(field.T).T
    out = field[:, None, :, None] + down[:, None, :, None] * at[None, :, None, None]
    out = out + right[:, None, :, None] * at[None, None, None, :]
    return np.asarray(out.reshape(field.shape[0] * parts, field.shape[1] * parts))


def _slope(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change a row down: the lesser of both sides where they agree in sign, the known one where only one is."""
    step = np.diff(field, axis=0)
    edge = np.full((1, field.shape[1]), np.nan)
    before, after = np.concatenate([edge, step]), np.concatenate([step, edge])
    lesser = np.where(np.abs(before) < np.abs(after), before, after)
    both = np.where(before * after > 0, lesser, 0.0)
    one = np.where(np.isnan(before), after, before)
    return np.nan_to_num(np.where(np.isnan(before) | np.isnan(after), one, both), nan=0.0)


def _beyond(field: NDArray[np.float64], minutes: float) -> NDArray[np.float64]:
    """The field, with cells that never burned as late after `minutes` as their burned neighbours are before it."""
    known = np.where(field <= minutes, field, np.nan)
    padded = np.pad(known, 1, constant_values=np.nan)
    shape = field.shape
    near = np.stack(
        [
            padded[1 + dy : 1 + dy + shape[0], 1 + dx : 1 + dx + shape[1]]
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
        ]
    )
    count = np.isfinite(near).sum(axis=0)
    before = np.where(count > 0, np.nansum(near, axis=0) / np.maximum(count, 1), minutes)
    later = np.maximum(2.0 * minutes - before, minutes + 1e-6 * max(minutes, 1.0))
    return np.asarray(np.where(np.isnan(field), later, field))


def _turned(ring: NDArray[np.float64], outer: bool) -> NDArray[np.float64]:
    return ring if (signed_area(ring) > 0) == outer else ring[::-1]


def signed_area(ring: NDArray[np.float64]) -> float:
    """Area of a closed ring, positive against the clock, m2.

    >>> signed_area(np.array([[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]], float))
    2.0
    """
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float(0.5 * (x[:-1] * y[1:] - x[1:] * y[:-1]).sum())


def area_ha(polygons: list[Polygon]) -> float:
    """Area of polygons less their holes, ha."""
    return sum(signed_area(ring) for polygon in polygons for ring in polygon) / 1e4


def length_m(polygons: list[Polygon]) -> float:
    """Length of all their rings, m."""
    return float(sum(np.hypot(*np.diff(ring, axis=0).T).sum() for polygon in polygons for ring in polygon))


def summarise(result: FireResult, ensemble: FireEnsemble | None = None) -> dict[str, Any]:
    """One page of a fire, as JSON; unknown is null.

    Keys: start, hours, minutes (of the lists that follow), area_ha, perimeter_m, rate, flame_length_m, intensity_kw_m,
    crown_ha, spread, uncertainty (of an ensemble), assumptions, warnings, provenance, simulated.
    """
    times = marks(result.hours)
    lines = [perimeters(result.grid, result.arrival, float(time)) for time in times]
    cell_ha = result.grid.cell_m**2 / 1e4
    page: dict[str, Any] = {
        "start": f"{result.start.astype('datetime64[s]')}Z",
        "hours": result.hours,
        "minutes": times.tolist(),
        "area_ha": [round(result.area_ha(float(time)), 4) for time in times],
        "perimeter_m": [round(length_m(line), 1) for line in lines],
        "rate_m_min": _mean_and_most(result.rate * np.float32(60.0)),
        "flame_length_m": _mean_and_most(result.flame_length),
        "intensity_kw_m": _mean_and_most(result.intensity / np.float32(1e3)),
        "crown_ha": {
            "passive": round(float((result.crown == 2).sum()) * cell_ha, 4),
            "active": round(float((result.crown == 3).sum()) * cell_ha, 4),
        },
        "spread": _farthest(result),
    }
    if ensemble is not None:
        page["uncertainty"] = _uncertainty(ensemble)
    return page | {
        "assumptions": list(result.assumptions),
        "warnings": list(result.warnings),
        "provenance": dict(result.provenance),
        "simulated": result.simulated,
    }


def _mean_and_most(values: Array32) -> dict[str, float | None]:
    known = values[np.isfinite(values)]
    if not known.size:
        return {"mean": None, "max": None}
    return {"mean": round(float(known.mean(dtype=float)), 3), "max": round(float(known.max()), 3)}


def _farthest(result: FireResult) -> dict[str, float | None]:
    """Where the fire went farthest from where it began; clockwise from true north."""
    burned = np.argwhere(np.isfinite(result.arrival))
    if not len(burned):
        return {"direction_deg": None, "distance_m": None}
    times = result.arrival[burned[:, 0], burned[:, 1]]
    first = burned[times <= times.min() + 1e-3].mean(axis=0)
    away = burned - first
    far = np.hypot(away[:, 0], away[:, 1])
    k = int(far.argmax())
    if far[k] == 0:
        return {"direction_deg": None, "distance_m": 0.0}
    grid = result.grid
    x, y = grid.west + (first[1] + 0.5) * grid.cell_m, grid.north - (first[0] + 0.5) * grid.cell_m
    bearing = (np.degrees(np.arctan2(away[k, 1], -away[k, 0])) + convergence(grid.crs, float(x), float(y))) % 360.0
    return {"direction_deg": round(float(bearing), 1), "distance_m": round(float(far[k]) * result.grid.cell_m, 1)}


def weighted_quantiles(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The `QUANTILES` of weighted values (N): the smallest value below which so much of the weight lies.

    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.2, 0.6])).tolist()
    [1.0, 2.0, 3.0]
    """
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    at = np.searchsorted(reached / reached[-1], np.array(QUANTILES) - 1e-12)
    return np.asarray(values[order][np.minimum(at, len(values) - 1)])


def _uncertainty(ensemble: FireEnsemble) -> dict[str, Any]:
    quantiles = np.stack([weighted_quantiles(column, ensemble.weights) for column in ensemble.area_ha.T], axis=-1)
    names = [f"area_ha_q{100 * q:.0f}" for q in QUANTILES]
    return {
        "members": ensemble.members,
        "effective_members": round(float(1.0 / (ensemble.weights**2).sum()), 1),
        **{name: np.round(row, 4).tolist() for name, row in zip(names, quantiles, strict=True)},
        "area_ha_mean": np.round(ensemble.weights @ ensemble.area_ha, 4).tolist(),
    }


def rasters(result: FireResult, ensemble: FireEnsemble | None = None) -> dict[str, Array32]:
    """The layers that are published, by name; rates in m min-1, times in minutes, flames in m."""
    found = {
        "arrival": result.arrival,
        "rate": result.rate * np.float32(60.0),
        "flame_length": result.flame_length,
        "burn_probability": np.isfinite(result.arrival).astype(np.float32),
    }
    if ensemble is not None:
        found["burn_probability"] = ensemble.probability
        found["flame_length_mean"] = ensemble.flame_length
        found |= {f"arrival_q{100 * q:.0f}": layer for q, layer in zip(QUANTILES, ensemble.arrival, strict=True)}
    return found


def outlines(result: FireResult) -> list[tuple[dict[str, Any], list[Polygon]]]:
    """The perimeter at each hour and at the end, with what is said of it."""
    found = []
    for minutes in marks(result.hours):
        lines = perimeters(result.grid, result.arrival, float(minutes))
        when = result.start.astype("datetime64[s]") + np.timedelta64(round(minutes * 60.0), "s")
        properties = {
            "time": f"{when}Z",
            "minutes": float(minutes),
            "hours": round(float(minutes) / 60.0, 4),
            "area_ha": round(area_ha(lines), 4),
            "perimeter_m": round(length_m(lines), 1),
        }
        found.append((properties, lines))
    return found
