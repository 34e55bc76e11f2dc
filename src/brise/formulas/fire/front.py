"""The fire front: when each cell of a landscape burns, from ellipses of spread that vary in place and time.

Every cell burns as an ellipse grown from its rear focus (Richards 1990; Finney 2002): at the angle φ from the head
the front of a point fire moves at `R (1 - e) / (1 - e cos φ)`. The arrival is the least travel time (Fermat), solved
as an eikonal equation with drift on the grid (`front_kernels`), free of the shape of the grid: where the spread is
uniform the front is the exact ellipse at any angle. Spread may change at given times (hours of weather); between burn
periods the front rests. Rows run to the south and columns to the east; the centre of the first cell is (0, 0).

Sources: G. D. Richards 1990, Int. J. Numer. Methods Eng. 30, 1163; M. A. Finney 2002, Can. J. For. Res. 32, 1420.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.compiled import Array32
from brise.formulas.fire import front_kernels, front_parts

_POINT_REACH = 3.5  # cells round a point that are given straight rays
_LINE_REACH = 1.5
_LINE_STEP = 0.125  # cells between the points that stand for a line: 0.002 cells off at one cell
_SAMPLE = 4_000  # cells enough to tell the drift of the fast ones
_BUCKET = 0.5  # of the time to the nearest neighbour in the order of visits, in the fastest cells
_FEW = 0.01  # of the cells may have a neighbour that comes before them in that order


@dataclass(frozen=True, slots=True)
class Spread:
    """How each cell burns from `start` on, until the next table.

    Attributes:
        start: s since the scenario's own zero.
        rate: (Y, X) rate of spread of the head, m s-1; 0 is a barrier.
        direction: (Y, X) where the head goes, radians clockwise from north.
        eccentricity: (Y, X) of the ellipse, 0 ≤ e < 1 (`ellipse.eccentricity` gives it).
    """

    start: float
    rate: NDArray[np.floating]
    direction: NDArray[np.floating]
    eccentricity: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Ignition:
    """Where and when fire starts: a point, a line, or (closed) an area such as an observed perimeter.

    Attributes:
        rows: (N,) of its corners, in cells.
        columns: (N,) of its corners, in cells.
        time: s.
        closed: whether the line is closed and all within it burns at `time`.
    """

    rows: Sequence[float]
    columns: Sequence[float]
    time: float
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that is simulated, s; fire moves only within `periods` (none given: always)."""

    start: float
    end: float
    periods: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Front:
    """When and how each cell burned; NaN where fire did not come.

    Attributes:
        arrival: (Y, X) float32, s.
        direction: (Y, X) float32, where the fire that lit the cell was going, radians clockwise from north.
        rate: (Y, X) float32, how fast it went that way, m s-1. Both are NaN where an ignition lit the cell itself.
    """

    arrival: Array32
    direction: Array32
    rate: Array32


Stage = tuple[float, float, Spread]  # from when, until when, by which table


def front(
    spreads: Sequence[Spread],
    ignitions: Sequence[Ignition],
    clock: Clock,
    cell_m: float,
    parts: int = 1,
    touched: bool = False,
) -> Front:
    """The arrival of the fire at every cell.

    Args:
        spreads: tables of one shape (Y, X), in the order of their starts; the first starts no later than `clock.start`.
        ignitions: at least one; later than `clock.end` it never lights, between burn periods when the next one opens.
        clock: from when, until when, and the burn periods.
        cell_m: side of a cell, m.
        parts: cut each cell into this odd number of parts a side, all burning as the cell does. Between the centres of
            two whole cells fire takes the mean of both; in parts it runs along the edge of the faster one, as it does
            where cells are truly uniform. Costs parts squared.
        touched: with parts, whether a cell burns as soon as fire touches a corner of it, as in FlamMap, and not when
            its middle burns or three of its corners are met (`front_parts.whole`).

    Raises:
        InputError: shapes that differ, a rate that is NaN or negative, an eccentricity outside [0, 1), tables or
            periods out of order, an ignition outside the grid, before the start, or wholly on cells that cannot burn;
            parts that are not an odd number.

    >>> still = Spread(0.0, np.full((41, 41), 0.5), np.zeros((41, 41)), np.zeros((41, 41)))
    >>> found = front([still], [Ignition([20], [20], 0.0)], Clock(0.0, 3600.0), 10.0)
    >>> round(float(found.arrival[32, 29]), 2)  # 15 cells of 10 m away, at 0.5 m/s
    300.0
    """
    shape = checked(spreads, ignitions, clock, cell_m)
    if parts < 1 or parts % 2 == 0:
        raise InputError(f"a cell is cut into an odd number of parts a side, not {parts}")
    stages = _stages(spreads, clock)
    fine = _march(stages, ignitions, clock, (shape, cell_m / parts, parts))
    if parts == 1:
        return fine
    found = Front(*front_parts.whole((fine.arrival, fine.direction, fine.rate), parts, touched))
    return _own_pace(found, stages)


def _march(
    stages: list[Stage], ignitions: Sequence[Ignition], clock: Clock, frame: tuple[tuple[int, int], float, int]
) -> Front:
    # one cell of the kernels for each part of a cell
    (rows, columns), side, parts = frame
    shape = rows * parts, columns * parts
    width = shape[1] + 2
    cells = np.zeros(((shape[0] + 2) * width, 8), np.float32)
    cells[:, 0] = cells[:, 3] = np.inf
    links = np.full((len(cells), 3), -1, np.int32)
    arrival, direction, rate = (np.full(shape, np.nan, np.float32) for _ in range(3))
    end = clock.start
    for number, (opens, closes, spread) in enumerate(stages):
        table = _plain(spread)
        order, step = _order(table, side)
        front_kernels.turn(cells, table, (side, parts), order, (end, opens))
        for ignition in ignitions:
            if end <= ignition.time < closes or (not number and ignition.time == clock.start):
                _ignite(cells, ignition, max(ignition.time, opens), (width, parts))
        waiting = np.flatnonzero(cells[:, 6] == 1)
        if waiting.size:
            first = float((cells[waiting, 0] + cells[waiting, 7]).min())
            front_kernels.march(cells, links, waiting, (width, first, closes, step))
        front_kernels.record(cells, (arrival, direction, rate), closes)
        end = closes
    rate *= np.float32(side)
    return Front(arrival, direction, rate)


def _own_pace(found: Front, stages: list[Stage]) -> Front:
    # where fire met a cell's corners without burning a part of it, the rate is that of its own ellipse; barriers stay
    done = np.isfinite(found.rate) | np.isnan(found.arrival)
    for _, closes, spread in stages:
        late = ~done & (found.arrival <= closes)
        toward = np.cos(found.direction[late] - spread.direction[late])
        e = spread.eccentricity[late]
        found.rate[late] = spread.rate[late] * (1.0 - e) / (1.0 - e * toward)
        done |= late
    barrier = found.rate == 0
    for layer in (found.arrival, found.direction, found.rate):
        layer[barrier] = np.nan
    return found


Scenario = tuple[Sequence[Spread], Sequence[Ignition]]


def fronts(
    scenario: Callable[[int, np.random.Generator], Scenario],
    members: int,
    clock: Clock,
    cell_m: float,
    seed: int = 0,
    workers: int = 2,
) -> Iterator[Front]:
    """The fronts of an ensemble in the order of its members, computed in parallel threads.

    Args:
        scenario: makes a member's tables and ignitions from its number and its own random numbers; called in threads.
        members: how many.
        clock: as in `front`.
        cell_m: side of a cell, m.
        seed: the same seed gives the same ensemble, whatever the number of workers.
        workers: threads (the compiled loops leave Python's lock); at most twice as many members are held at once.

    Raises:
        InputError: as `front`; or fewer than one member or worker.
    """
    if members < 1 or workers < 1:
        raise InputError(f"an ensemble needs at least one member and one worker, not {members} and {workers}")
    seeds = np.random.SeedSequence(seed).spawn(members)

    def one(member: int) -> Front:
        tables, ignitions = scenario(member, np.random.default_rng(seeds[member]))
        return front(tables, ignitions, clock, cell_m)

    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(one, member) for member in range(min(members, 2 * workers))]
        for member in range(members):
            yield running.pop(0).result()
            if member + 2 * workers < members:
                running.append(pool.submit(one, member + 2 * workers))


def checked(spreads: Sequence[Spread], ignitions: Sequence[Ignition], clock: Clock, cell_m: float) -> tuple[int, int]:
    """The shape of a scenario that `front` can run; raises as `front` says."""
    if not spreads or not ignitions:
        raise InputError(f"a front needs a table of spread and an ignition, not {len(spreads)} and {len(ignitions)}")
    if not cell_m > 0:
        raise InputError(f"a cell's side is {cell_m} m, and must be above 0")
    if not clock.end > clock.start:
        raise InputError(f"the end {clock.end} s is not after the start {clock.start} s")
    edges = [clock.start, *(time for period in clock.periods for time in period)]
    if any(not later > earlier for earlier, later in pairwise(edges[1:])):
        raise InputError(f"burn periods overlap or run backwards: {clock.periods}")
    starts = [spread.start for spread in spreads]
    if not starts[0] <= clock.start or any(not b > a for a, b in pairwise(starts)):
        raise InputError(f"tables start at {starts} s: not in order, or after the fire's start at {clock.start} s")
    shape = np.shape(spreads[0].rate)
    if len(shape) != 2:
        raise InputError(f"rates of spread have shape {shape}, and must be (Y, X)")
    for spread in spreads:
        _checked_spread(spread, (shape[0], shape[1]))
    for ignition in ignitions:
        _checked_ignition(ignition, (shape[0], shape[1]), clock.start)
    return shape[0], shape[1]


def _checked_spread(spread: Spread, shape: tuple[int, int]) -> None:
    names = ("rate", "direction", "eccentricity")
    for name in names:
        given = np.shape(getattr(spread, name))
        if given != shape:
            raise InputError(f"{name} of the table at {spread.start} s has shape {given}, the first rate {shape}")
    which, row, column = front_kernels.unfit(*_plain(spread))
    if which >= 0:
        values = np.asarray(getattr(spread, names[which]))
        low, high = ((0.0, np.inf), (-np.inf, np.inf), (0.0, 1.0))[which]
        bad = int((~np.isfinite(values) | (values < low) | (values >= high)).sum())
        raise InputError(
            f"{names[which]} of the table at {spread.start} s is {values[row, column]} at row {row}, column {column}"
            f" ({bad} such cells)"
        )


def _plain(spread: Spread) -> front_kernels.Spreads:
    # of one type and in rows, as the compiled loops know them; a copy only where they are not
    common = np.result_type(np.float32, spread.rate, spread.direction, spread.eccentricity)
    kind: type[np.floating[Any]] = np.float32 if common == np.float32 else np.float64
    rate, direction, eccentricity = (
        np.ascontiguousarray(layer, kind) for layer in (spread.rate, spread.direction, spread.eccentricity)
    )
    return rate, direction, eccentricity


def _checked_ignition(ignition: Ignition, shape: tuple[int, int], start: float) -> None:
    rows, columns = np.asarray(ignition.rows, float), np.asarray(ignition.columns, float)
    if rows.shape != columns.shape or rows.ndim != 1 or rows.size < (3 if ignition.closed else 1):
        raise InputError(f"an ignition has {rows.shape} rows and {columns.shape} columns (closed: {ignition.closed})")
    inside = (rows >= -0.5) & (rows < shape[0] - 0.5) & (columns >= -0.5) & (columns < shape[1] - 0.5)
    if not inside.all():
        k = int(np.argmin(inside))
        raise InputError(f"an ignition at row {rows[k]}, column {columns[k]} is outside the grid of {shape} cells")
    if not ignition.time >= start:
        raise InputError(f"an ignition at {ignition.time} s is before the start at {start} s")


def _stages(spreads: Sequence[Spread], clock: Clock) -> list[Stage]:
    # the tables cut by the burn periods
    found = []
    for period in clock.periods or ((clock.start, clock.end),):
        for number, spread in enumerate(spreads):
            following = spreads[number + 1].start if number + 1 < len(spreads) else np.inf
            opens = max(period[0], spread.start if number else clock.start, clock.start)
            closes = min(period[1], following, clock.end)
            if closes > opens:
                found.append((float(opens), float(closes), spread))
    return found


def table_of(spread: Spread, cell_m: float) -> Array32:
    """One row a cell, with a rim that cannot burn: a, b x, b y of `front_kernels`, s a cell."""
    rows, columns = spread.rate.shape
    table = np.zeros(((rows + 2) * (columns + 2), 3), np.float32)
    table[:, 0] = np.inf
    front_kernels.pack(_plain(spread), cell_m, table)
    return table


def _order(table: front_kernels.Spreads, side: float) -> tuple[tuple[float, float], float]:
    # a drift for the order of visits, and the width of a bucket, s. The mean drift of the fast cells is best where all
    # burn alike; where they differ, so much of it is taken that few steps go back in that order
    rate, direction, e = (layer.ravel()[:: 1 + layer.size // _SAMPLE].astype(float) for layer in table)
    burns = rate > 0
    if not burns.any():
        return (0.0, 0.0), _BUCKET
    rate, direction, e = rate[burns], direction[burns], e[burns]
    a = side / (rate * (1.0 - e))
    b = e * a * np.array([np.sin(direction), -np.cos(direction)])
    drift = (b / a).mean(axis=1, keepdims=True) * np.quantile(a, 0.1)
    shares = np.linspace(1.0, 0.0, 9)
    least = [a - np.hypot(*(b - share * drift)) for share in shares]  # to the worst neighbour, in that order
    best = int(np.argmax([np.quantile(time / a, _FEW) for time in least]))
    x, y = (shares[best] * drift[:, 0]).tolist()
    return (x, y), _BUCKET * float(max(np.quantile(least[best], 0.1), 0.01 * np.quantile(a, 0.1)))


def _ignite(cells: Array32, ignition: Ignition, time: float, frame: tuple[int, int]) -> None:
    width, parts = frame
    corners = np.stack([np.asarray(ignition.columns, float), np.asarray(ignition.rows, float)], axis=-1)
    corners = (corners + 0.5) * parts + 0.5
    points = along(np.vstack([corners, corners[:1]]) if ignition.closed else corners)
    x, y = np.floor(points + 0.5).astype(int).T
    lit = cells[y * width + x, 3] < np.inf
    within = _within(corners, width) if ignition.closed else np.zeros(0, int)
    within = within[cells[within, 3] < np.inf]
    if not lit.any() and not within.size:
        raise InputError(
            f"an ignition at row {ignition.rows[0]}, column {ignition.columns[0]}, {ignition.time} s"
            " is on a barrier: nothing burns there (rate of spread 0)"
        )
    reach = _POINT_REACH if len(points) == 1 else _LINE_REACH
    front_kernels.ignite(cells, points[lit], (width, time, reach * parts))
    within = within[(cells[within, 6] != 3) & (cells[within, 0] > time)]
    cells[within, 0], cells[within, 1], cells[within, 2], cells[within, 6] = time, 0.0, 0.0, 1.0


def _within(corners: NDArray[np.float64], width: int) -> NDArray[np.intp]:
    # the cells of the grid with its rim that a closed line surrounds, sought where it lies
    first = np.floor(corners.min(axis=0)).astype(int)
    columns, rows = np.ceil(corners.max(axis=0)).astype(int) - first + 1
    y, x = np.nonzero(inside_of(corners - first, (rows, columns)))
    return np.asarray((y + first[1]) * width + x + first[0])


def along(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points close to each other along a line of (x, y) corners."""
    pieces = [corners[:1]]
    for first, last in pairwise(corners):
        count = int(np.ceil(np.hypot(*(last - first)) / _LINE_STEP))
        pieces.append(first + (last - first) * (np.arange(1, count + 1) / max(count, 1))[:, None])
    return np.concatenate(pieces)


def inside_of(corners: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Cells whose centre a closed line surrounds: an odd number of its edges lies to the east."""
    y, x = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    found = np.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            across = (y0 > y) != (y1 > y)
            found ^= across & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return found
