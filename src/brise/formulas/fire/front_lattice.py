"""Minimum travel time as FlamMap computes it: straight ways between the corners of cells, sixteen from each.

Kept beside `front` to compare with FlamMap on its own terms, not to forecast: its answer depends on the lattice. Fire
goes along the edge of two cells at the pace of the faster one, slips between barriers that touch by their corners, and
a cell's arrival is the mean over those of its corners that fire reached. One table, no change in time.
What FlamMap's lattice is was inferred from its published output; the idea is M. A. Finney 2002, Can. J. For. Res. 32.
"""

from heapq import heappop, heappush
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from brise.formulas.compiled import Array32, compiled
from brise.formulas.fire.front import Clock, Ignition, Spread, along, checked, inside_of, table_of

_STEPS = tuple((x, y) for y in range(-2, 3) for x in range(-2, 3) if {abs(x), abs(y)} in ({0, 1}, {1}, {1, 2}))


def lattice_arrival(spread: Spread, ignitions: list[Ignition], clock: Clock, cell_m: float) -> Array32:
    """Arrival by the lattice, s, (Y, X) float32; NaN where fire did not come. Burn periods are not taken.

    Raises:
        InputError: as `front.front`.

    >>> still = Spread(0.0, np.full((41, 41), 0.5), np.zeros((41, 41)), np.zeros((41, 41)))
    >>> found = lattice_arrival(still, [Ignition([20], [20], 0.0)], Clock(0.0, 3600.0), 10.0)
    >>> round(float(found[32, 29]), 1)  # 300 s from the point itself
    289.7
    """
    shape = checked([spread], ignitions, clock, cell_m)
    table = table_of(spread, cell_m)
    times = np.full((shape[0] + 1, shape[1] + 1), np.inf)
    lit = np.full(shape, np.inf)
    for ignition in ignitions:
        corners = np.stack([np.asarray(ignition.columns, float), np.asarray(ignition.rows, float)], axis=-1)
        points = along(np.vstack([corners, corners[:1]]) if ignition.closed else corners)
        column, row = np.floor(points + 0.5).astype(int).T
        lit[row, column] = np.minimum(lit[row, column], ignition.time)
        if ignition.closed:
            within = inside_of(corners, shape)
            lit[within] = np.minimum(lit[within], ignition.time)
    lit[~(spread.rate > 0)] = np.inf
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):  # a lit cell burns whole
        corner = times[y : y + shape[0], x : x + shape[1]]
        np.minimum(corner, lit, out=corner)
    _spread(times, table, clock.end)
    quarters = np.stack([times[:-1, :-1], times[:-1, 1:], times[1:, :-1], times[1:, 1:]])
    reached = quarters <= clock.end
    count = reached.sum(axis=0)
    found = np.where(count, np.where(reached, quarters, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    found = np.where(lit <= clock.end, lit, found)
    return np.where(spread.rate > 0, found, np.nan).astype(np.float32)


@compiled
def _across(c: Array32, dx: int, dy: int) -> float:
    return float(c[0] * sqrt(1.0 * dx * dx + 1.0 * dy * dy) - c[1] * dx - c[2] * dy)


@compiled
def _way(table: Array32, width: int, node: tuple[int, int], step: tuple[int, int]) -> float:
    # the time from a corner to another: along an edge, across one cell, or through halves of two
    y, x = node
    dx, dy = step
    cell = (y + (1 if dy > 0 else 0)) * width + x + (1 if dx > 0 else 0)
    if dx == 0:
        return min(_across(table[cell], dx, dy), _across(table[cell + 1], dx, dy))
    if dy == 0:
        return min(_across(table[cell], dx, dy), _across(table[cell + width], dx, dy))
    if abs(dx) == abs(dy):
        return _across(table[cell], dx, dy)
    beyond = cell + dx // 2 if abs(dx) == 2 else cell + dy // 2 * width
    return 0.5 * (_across(table[cell], dx, dy) + _across(table[beyond], dx, dy))


@compiled
def _spread(times: NDArray[np.float64], table: Array32, end: float) -> None:
    height, columns = times.shape
    queue = [(np.inf, 0, 0)]
    for y in range(height):
        for x in range(columns):
            if times[y, x] < np.inf:
                heappush(queue, (times[y, x], y, x))
    while len(queue) > 0:
        time, y, x = heappop(queue)
        if time > end:
            break
        if time > times[y, x]:
            continue
        for dx, dy in _STEPS:
            v, u = y + dy, x + dx
            if 0 <= v < height and 0 <= u < columns:
                later = time + _way(table, columns + 1, (y, x), (dx, dy))
                if later < times[v, u]:
                    times[v, u] = later
                    heappush(queue, (later, v, u))
