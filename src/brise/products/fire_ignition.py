"""Where fire starts, checked against the landscape and brought to its cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from brise.conventions.errors import InputError
from brise.conventions.fire import FireGrid, FireStart, Landscape
from brise.formulas.fire.front import Ignition, along, inside_of
from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE
from brise.products.fire_ground import what_lies
from brise.products.fire_run import FireOptions

_POCKET = 4  # cells: a smaller patch is a gap in the raster of a road, and not a place that fire cannot leave


@dataclass(frozen=True, slots=True)
class Placed:
    """Ignitions in rows and columns of the whole landscape, seconds since the start; and what was moved."""

    ignitions: tuple[Ignition, ...]
    assumptions: tuple[str, ...] = ()


def place(landscape: Landscape, starts: list[FireStart], options: FireOptions) -> Placed:
    """The ignitions on the landscape's cells; a point beside the fuel moves to the nearest cell that touches it.

    Raises:
        InputError: No ignition, one outside the landscape, before the start or after the end, or where nothing burns.
    """
    if not starts:
        raise InputError("no ignition was given")
    found, said = [], []
    for start in starts:
        ignition = _placed(landscape.grid, start, options)
        moved = _on_fuel(landscape, ignition, start, options)
        if moved is not ignition:
            said.append(
                f"The ignition at {start.x[0]:.0f}, {start.y[0]:.0f} lies on "
                f"{_there(landscape, ignition, options)}; the nearest cell that burns was lit."
            )
        found.append(moved)
        out = _ways_out(landscape, moved, options)
        if out:
            said.append(
                f"The ignition at {start.x[0]:.0f}, {start.y[0]:.0f} is shut in by cells that do not burn; "
                "fire was let through their corners."
            )
        found += out
    return Placed(tuple(found), tuple(said))


def burnable(fuel: NDArray[np.int16], options: FireOptions) -> NDArray[np.bool_]:
    """Cells with a fuel model that has fuel."""
    known = [code for code in {**FUEL_MODELS, **options.models} if code not in NON_BURNABLE]
    return np.isin(fuel, known)


def lit_cells(
    ignition: Ignition, shape: tuple[int, ...], corner: tuple[int, int] = (0, 0)
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cells that an ignition touches, within `shape` from `corner` of the landscape on."""
    x, y = np.asarray(ignition.columns, float) - corner[1], np.asarray(ignition.rows, float) - corner[0]
    corners = np.stack([x, y], axis=-1)
    points = along(np.vstack([corners, corners[:1]]) if ignition.closed else corners)
    columns, rows = np.floor(points + 0.5).astype(np.intp).T
    if ignition.closed:
        top, left = int(rows.min()), int(columns.min())
        size = (int(rows.max()) - top + 1, int(columns.max()) - left + 1)
        more = np.argwhere(inside_of(corners - (left, top), size))
        rows, columns = np.append(rows, more[:, 0] + top), np.append(columns, more[:, 1] + left)
    kept = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    return rows[kept], columns[kept]


def _placed(grid: FireGrid, start: FireStart, options: FireOptions) -> Ignition:
    x, y = np.asarray(start.x, float), np.asarray(start.y, float)
    columns, rows = (x - grid.west) / grid.cell_m - 0.5, (grid.north - y) / grid.cell_m - 0.5
    spans = ((columns, grid.columns), (rows, grid.rows))
    if start.closed and all(part.min() < count - 0.5 and part.max() > -0.5 for part, count in spans):
        columns, rows = (np.clip(part, -0.499, count - 0.501) for part, count in spans)  # the part within burns
    inside = (rows >= -0.5) & (rows < grid.rows - 0.5) & (columns >= -0.5) & (columns < grid.columns - 0.5)
    if not inside.all():
        k = int(np.argmin(inside))
        east, south = grid.west + grid.columns * grid.cell_m, grid.north - grid.rows * grid.cell_m
        raise InputError(
            f"the ignition at x {x[k]:.1f}, y {y[k]:.1f} is outside the landscape: x {grid.west:.1f} to {east:.1f}, "
            f"y {south:.1f} to {grid.north:.1f}"
        )
    time = 0.0
    if start.time is not None:
        time = float((start.time - options.start) / np.timedelta64(1, "s"))
        if not 0 <= time <= options.hours * 3600:
            raise InputError(
                f"an ignition at {start.time} is outside the simulation: {options.hours:g} h from {options.start}"
            )
    return Ignition(rows.tolist(), columns.tolist(), time, start.closed)


def _on_fuel(landscape: Landscape, ignition: Ignition, start: FireStart, options: FireOptions) -> Ignition:
    rows, columns = lit_cells(ignition, landscape.grid.shape)
    if burnable(landscape.fuel[rows, columns], options).any():
        return ignition
    if not ignition.closed:
        rows, columns = np.asarray(ignition.rows), np.asarray(ignition.columns)
        near = _nearest(landscape, (float(rows[0]), float(columns[0])), options)
        if near is not None:
            return Ignition([near[0]], [near[1]], ignition.time)
    raise InputError(
        f"nothing burns at the ignition x {start.x[0]:.1f}, y {start.y[0]:.1f}: "
        f"{_there(landscape, ignition, options)}, and no fuel touches it"
    )


def _ways_out(landscape: Landscape, ignition: Ignition, options: FireOptions) -> list[Ignition]:
    """Of a point in a pocket of a few cells: the cells that touch the pocket by a corner, lit too."""
    if len(ignition.rows) > 1:
        return []
    row, column = int(np.floor(ignition.rows[0] + 0.5)), int(np.floor(ignition.columns[0] + 0.5))
    top, left = max(row - _POCKET, 0), max(column - _POCKET, 0)
    burns = burnable(landscape.fuel[top : row + _POCKET + 1, left : column + _POCKET + 1], options)
    labels, _ = label(burns)
    pocket = labels == labels[row - top, column - left]
    if pocket.sum() >= _POCKET or not burns[row - top, column - left]:
        return []
    beyond = np.argwhere(binary_dilation(pocket, np.ones((3, 3), bool)) & burns & ~pocket)
    return [Ignition([float(r + top)], [float(c + left)], ignition.time) for r, c in beyond]


def _there(landscape: Landscape, ignition: Ignition, options: FireOptions) -> str:
    row, column = int(np.floor(ignition.rows[0] + 0.5)), int(np.floor(ignition.columns[0] + 0.5))
    return what_lies(int(landscape.fuel[row, column]), options)


def _nearest(landscape: Landscape, point: tuple[float, float], options: FireOptions) -> tuple[float, float] | None:
    row, column = int(np.floor(point[0] + 0.5)), int(np.floor(point[1] + 0.5))
    best: tuple[float, int, int] | None = None
    for r in range(max(row - 1, 0), min(row + 2, landscape.grid.rows)):
        for c in range(max(column - 1, 0), min(column + 2, landscape.grid.columns)):
            if burnable(landscape.fuel[r : r + 1, c], options).any():
                far = float(np.hypot(r - point[0], c - point[1]))
                best = min(best, (far, r, c)) if best else (far, r, c)
    return None if best is None else (float(best[1]), float(best[2]))
