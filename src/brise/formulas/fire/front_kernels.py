"""The compiled loops of the fire front: travel times over a grid, cell by cell in the order of arrival.

An ellipse that grows from its focus crosses the vector v in `a |v| - b · v` seconds, with a = 1 / (R (1 - e)) and
b = e a along the head (R rate of the head, e eccentricity). So arrival T obeys `|∇T + b| = a`: after b is taken off, an
isotropic eikonal equation, solved here on the eight triangles round a cell. Each cell also carries the offset from the
(virtual) source of its ray: where a and b do not vary, times telescope to the exact straight ray, in any direction;
where they do, the measured difference between the two corners of a triangle turns the ray.

One row of `cells` a cell (float32; the grid has a rim one cell wide that never burns; x to the east, y to the south,
lengths in cells): T, offset x, offset y, a, b x, b y, state, and what is added to T for the order of visits (a drift
that all cells share: without theirs T grows along every ray, and hardly a cell is visited twice). One row of `links`
(int32) a cell: next, previous, bucket: every cell waits in at most one bucket of a circular queue, so memory is linear
in the cells.
"""

from math import atan2, cos, pi, sin, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from brise.formulas.compiled import Array32, compiled, inlined

Floats: TypeAlias = NDArray[np.floating]
Spreads: TypeAlias = tuple[Floats, Floats, Floats]

BUCKETS = 4096
_IDLE, _WAITING, _SETTLED, _BURNED = 0.0, 1.0, 2.0, 3.0
_IMPROVED = 1e-4  # of the crossing time of a cell: a smaller gain is not worth another visit
_ALIKE = 0.06  # squared share of the radius by which the sources of two corners may lie apart
_LONGER = 1.0 + 1e-6


@compiled
def unfit(rate: Floats, direction: Floats, eccentricity: Floats) -> tuple[int, int, int]:
    """Which of the three (Y, X) tables first has a value that cannot be (0, 1, 2), and where; -1 where all can be."""
    for row in range(rate.shape[0]):
        for column in range(rate.shape[1]):
            if not 0.0 <= rate[row, column] < np.inf:
                return 0, row, column
            if not abs(direction[row, column]) < np.inf:
                return 1, row, column
            if not 0.0 <= eccentricity[row, column] < 1.0:
                return 2, row, column
    return -1, 0, 0


@inlined
def _pace(rate: float, direction: float, eccentricity: float, side: float) -> tuple[float, float, float]:
    # a, b x, b y
    if not rate > 0.0:
        return np.inf, 0.0, 0.0
    a = side / (rate * (1.0 - eccentricity))
    return a, eccentricity * a * sin(direction), -eccentricity * a * cos(direction)


@compiled
def pack(spread: Spreads, side: float, table: Array32) -> None:
    """Fill a, b x and b y of every cell; the rim, which `table` has too, stays as it is.

    Args:
        spread: (Y, X) rate (m s-1), direction (radians from north), eccentricity.
        side: of a cell, m.
        table: ((Y + 2) (X + 2), 3).
    """
    rate, direction, eccentricity = spread
    for row in range(rate.shape[0]):
        for column in range(rate.shape[1]):
            k = (row + 1) * (rate.shape[1] + 2) + column + 1
            table[k, 0], table[k, 1], table[k, 2] = _pace(
                rate[row, column], direction[row, column], eccentricity[row, column], side
            )


@inlined
def _unlink(cell: int, links: NDArray[np.int32], heads: NDArray[np.int32]) -> None:
    after, before, bucket = links[cell, 0], links[cell, 1], links[cell, 2]
    if before >= 0:
        links[before, 0] = after
    else:
        heads[bucket] = after
    if after >= 0:
        links[after, 1] = before
    links[cell, 2] = -1


@inlined
def _put(cell: int, slot: int, links: NDArray[np.int32], heads: NDArray[np.int32]) -> None:
    if links[cell, 2] == slot:
        return
    if links[cell, 2] >= 0:
        _unlink(cell, links, heads)
    first = heads[slot]
    links[cell, 0], links[cell, 1], links[cell, 2] = first, -1, slot
    if first >= 0:
        links[first, 1] = cell
    heads[slot] = cell


@inlined
def _slot(time: float, now: int, start: float, width: float) -> int:
    steps = int((time - start) / width)  # buckets hold the next BUCKETS steps; what is later waits in the last of them
    return min(max(steps, now), now + BUCKETS - 1) % BUCKETS


@inlined
def _through(
    cells: Array32, target: int, corners: tuple[int, int], ray: tuple[float, float, float, float]
) -> tuple[float, float, float]:
    # corners: beside the target (p) and diagonal to it (q); ray: the steps (x, y) from q, and from p, to the target
    sx, sy, px, py = ray
    beside, slant = corners
    fx, fy, gx, gy = cells[beside, 1] + px, cells[beside, 2] + py, cells[slant, 1] + sx, cells[slant, 2] + sy
    minor, major = (abs(fy), abs(fx)) if px != 0.0 else (abs(fx), abs(fy))
    share = minor / major if minor < major else 1.0
    ox, oy = fx + share * (gx - fx), fy + share * (gy - fy)
    radius = sqrt(ox * ox + oy * oy)
    a = 0.5 * (cells[target, 3] + cells[beside, 3] + share * (cells[slant, 3] - cells[beside, 3]))
    bx = 0.5 * (cells[target, 4] + cells[beside, 4] + share * (cells[slant, 4] - cells[beside, 4]))
    by = 0.5 * (cells[target, 5] + cells[beside, 5] + share * (cells[slant, 5] - cells[beside, 5]))
    first, second = cells[beside, 0] - bx * px - by * py, cells[slant, 0] - bx * sx - by * sy
    apart = (fx - gx) ** 2 + (fy - gy) ** 2
    if apart < _ALIKE * radius * radius:
        time, minor = _curved(
            (cells[beside, 1], cells[beside, 2], cells[slant, 1], cells[slant, 2]),
            ray,
            (first, second, a),
            (share, ox / radius, oy / radius),
        )
    else:  # rays of two origins: a plane front between the corners
        minor = min(max((first - second) / a, 0.0), 0.7071067811865476)
        time = first + (a + minor * (second - first)) / sqrt(1.0 - minor * minor)
    major = radius * sqrt(1.0 - minor * minor)
    minor *= radius
    if px != 0.0:
        return time, major * sx, minor * sy
    return time, minor * sx, major * sy


@inlined
def _curved(
    origins: tuple[float, float, float, float],
    ray: tuple[float, float, float, float],
    values: tuple[float, float, float],
    middle: tuple[float, float, float],
) -> tuple[float, float]:
    # each corner foretells the time by its own circle; between the two, the cubic of values and slopes (Yabe's CIP):
    # stable, and exact where both circles are one
    ux, uy, vx, vy = origins
    sx, sy, px, py = ray
    first, second, a = values
    share, mx, my = middle
    fx, fy, gx, gy = ux + px, uy + py, vx + sx, vy + sy
    far_p, far_q = sqrt(fx * fx + fy * fy), sqrt(gx * gx + gy * gy)
    first += a * (2.0 * (ux * px + uy * py) + 1.0) / (far_p + sqrt(ux * ux + uy * uy))
    second += a * (2.0 * (vx * sx + vy * sy) + 2.0) / (far_q + sqrt(vx * vx + vy * vy))
    if px != 0.0:
        major, minor = mx * sx, my * sy
        turn_p, turn_q = minor - fy * sy / far_p, minor - gy * sy / far_q
    else:
        major, minor = my * sy, mx * sx
        turn_p, turn_q = minor - fx * sx / far_p, minor - gx * sx / far_q
    rest = 1.0 - share
    first -= a * share * turn_p
    second += a * rest * turn_q
    time = first + share * share * (3.0 - 2.0 * share) * (second - first)
    time += a * share * rest * (rest * turn_p - share * turn_q)
    slope = 6.0 * share * rest * (second - first) / a
    slope += rest * (1.0 - 3.0 * share) * turn_p - share * (2.0 - 3.0 * share) * turn_q
    slope = min(max(slope, -0.5), 0.5)
    time -= 0.5 * a * slope * slope / (major * major * major)
    return time, min(max(minor - slope, -0.7), 0.7)


@inlined
def _by_ray(cells: Array32, source: int, target: int, step: tuple[int, int], width: int) -> tuple[float, float, float]:
    # the time at `target` along the ray that `source` carries, infinite where that ray does not enter beside `source`
    dx, dy = step
    ox, oy = cells[source, 1] + dx, cells[source, 2] + dy
    ax, ay = abs(ox), abs(oy)
    if ax + ay == 0.0:  # back at the origin of the ray
        return np.inf, 0.0, 0.0
    sx, sy = (1 if ox > 0 else -1), (1 if oy > 0 else -1)
    px, py = (sx, 0) if ax >= ay else (0, sy)
    straight = dx == px and dy == py
    if not straight and (dx != sx or dy != sy):
        return np.inf, 0.0, 0.0
    share = (ay / ax) if ax >= ay else (ax / ay)
    if straight:
        other = target - sy * width - sx
        weight = 1.0 - share
    else:
        other = target - py * width - px
        weight = share
    if weight == 0.0:
        return np.inf, 0.0, 0.0
    if weight > 0.9999 or (weight >= 0.5 and cells[other, 3] == np.inf):
        a = 0.5 * (cells[source, 3] + cells[target, 3])
        length = dx * dx + dy * dy
        reach = (2 * (cells[source, 1] * dx + cells[source, 2] * dy) + length) / (
            sqrt(ox * ox + oy * oy) + sqrt(cells[source, 1] * cells[source, 1] + cells[source, 2] * cells[source, 2])
        )
        return (
            cells[source, 0]
            + a * reach
            - 0.5 * ((cells[source, 4] + cells[target, 4]) * dx + (cells[source, 5] + cells[target, 5]) * dy),
            ox,
            oy,
        )
    if cells[other, 6] != _SETTLED:
        return np.inf, 0.0, 0.0
    corners = (source, other) if straight else (other, source)
    return _through(cells, target, corners, (sx, sy, px, py))


@inlined
def _relax(cells: Array32, source: int, target: int, step: tuple[int, int], width: int) -> bool:
    # whether `target` is now reached earlier, by the step from cell to cell or by the ray
    dx, dy = step
    if cells[target, 3] == np.inf or cells[target, 6] == _BURNED:
        return False
    drift = 0.5 * ((cells[source, 4] + cells[target, 4]) * dx + (cells[source, 5] + cells[target, 5]) * dy)
    if cells[target, 0] <= cells[source, 0] - drift:  # with the drift off, times only grow along a ray
        return False
    slanted = dx != 0 and dy != 0
    if slanted and cells[source + dx, 3] == np.inf and cells[source + dy * width, 3] == np.inf:
        return False
    a = 0.5 * (cells[source, 3] + cells[target, 3])
    reach = 1.4142135623730951 if slanted else 1.0
    time = cells[source, 0] + a * reach - drift
    x, y = float(dx), float(dy)
    along = cells[source, 1] * dx + cells[source, 2] * dy
    if along > 0.0 and along * along > 0.9 * reach * reach * (
        cells[source, 1] * cells[source, 1] + cells[source, 2] * cells[source, 2]
    ):
        x, y = x + cells[source, 1], y + cells[source, 2]
    ray, rx, ry = _by_ray(cells, source, target, step, width)
    if ray <= time * _LONGER:
        time, x, y = ray, rx, ry
    if time >= cells[target, 0]:
        return False
    again = time < cells[target, 0] - _IMPROVED * a or cells[target, 6] != _SETTLED
    cells[target, 0], cells[target, 1], cells[target, 2] = time, x, y
    return bool(again)


@inlined
def _per_cell(c: Array32) -> float:
    # the slope of the arrival time, s per cell
    far = sqrt(c[1] * c[1] + c[2] * c[2])
    if far == 0.0:
        return float(c[3])
    x, y = c[3] * c[1] / far - c[4], c[3] * c[2] / far - c[5]
    return sqrt(x * x + y * y)


@inlined
def _light(
    cells: Array32,
    links: NDArray[np.int32],
    heads: NDArray[np.int32],
    place: tuple[int, int, int],
    queue: tuple[float, float],
) -> int:
    # try the eight neighbours; returns how many more cells wait
    cell, width, now = place
    start, step = queue
    more = 0
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            target = cell + dy * width + dx
            if (dx != 0 or dy != 0) and _relax(cells, cell, target, (dx, dy), width):
                if links[target, 2] < 0:
                    more += 1
                cells[target, 6] = _WAITING
                _put(target, _slot(cells[target, 0] + cells[target, 7], now, start, step), links, heads)
    return more


@compiled
def march(
    cells: Array32, links: NDArray[np.int32], waiting: NDArray[np.int64], frame: tuple[int, float, float, float]
) -> int:
    """Spread from the `waiting` cells until `end`; a cell later than that keeps its time but lights no other.

    Args:
        cells: (cells, 8) float32, the module's rows; changed in place.
        links: (cells, 3) int32, all -1; changed in place.
        waiting: cells that have a time and are yet to light others.
        frame: width of the grid with its rim, start and end (s), width of a bucket (s).

    Returns:
        How many times a cell was settled.
    """
    width, start, end, step = frame
    heads = np.full(BUCKETS, -1, np.int32)
    for cell in waiting:
        cells[cell, 6] = _WAITING
        _put(cell, _slot(cells[cell, 0] + cells[cell, 7], 0, start, step), links, heads)
    count, settled, now, empty = len(waiting), 0, 0, 0
    while count > 0 and empty < BUCKETS:
        cell = heads[now % BUCKETS]
        if cell < 0:
            now += 1
            empty += 1
            continue
        empty = 0
        _unlink(cell, links, heads)
        if int((cells[cell, 0] + cells[cell, 7] - start) / step) > now:  # it waited in the last bucket
            _put(cell, _slot(cells[cell, 0] + cells[cell, 7], now, start, step), links, heads)
            continue
        count -= 1
        cells[cell, 6] = _SETTLED
        settled += 1
        if cells[cell, 0] > end + _per_cell(cells[cell]):
            continue
        count += _light(cells, links, heads, (cell, width, now), (start, step))
    return settled


@compiled
def ignite(cells: Array32, points: NDArray[np.float64], frame: tuple[int, float, float]) -> None:
    """Give the cells round the points of an ignition their times along straight rays, where these are earlier.

    Args:
        cells: (cells, 8) float32, the module's rows; changed in place.
        points: (points, 2) x and y in the grid with its rim.
        frame: width of the grid with its rim, time of the ignition (s), how far to reach (cells).
    """
    width, time, reach = frame
    height = len(cells) // width
    for k in range(len(points)):
        x, y = points[k, 0], points[k, 1]
        for row in range(max(1, int(y - reach)), min(height - 1, int(y + reach) + 2)):
            for column in range(max(1, int(x - reach)), min(width - 1, int(x + reach) + 2)):
                dx, dy = column - x, row - y
                far = sqrt(dx * dx + dy * dy)
                if far > reach and far > 0.75:  # a point always lights the cell that it lies in
                    continue
                took = _straight(cells, x, y, (dx, dy, far), width)
                cell = cells[row * width + column]
                if time + took < cell[0] and cell[6] != _BURNED:
                    cell[0], cell[1], cell[2], cell[6] = time + took, dx, dy, _WAITING


@compiled
def _straight(cells: Array32, x: float, y: float, way: tuple[float, float, float], width: int) -> float:
    # the time from (x, y) along a straight way; infinite where a barrier lies across it
    dx, dy, far = way
    samples = int(3.0 * far) + 2
    a, bx, by = 0.0, 0.0, 0.0
    for k in range(samples):
        share = (k + 0.5) / samples
        c = cells[int(y + share * dy + 0.5) * width + int(x + share * dx + 0.5)]
        if c[3] == np.inf:
            return np.inf
        a, bx, by = a + c[3], bx + c[4], by + c[5]
    return (a * far - bx * dx - by * dy) / samples


@compiled
def record(cells: Array32, out: tuple[Array32, Array32, Array32], end: float) -> None:
    """Keep what burned by `end`: (Y, X) arrival (s), direction (rad from north), cells per second along the ray."""
    arrival, direction, rate = out
    for row in range(arrival.shape[0]):
        for column in range(arrival.shape[1]):
            k = (row + 1) * (arrival.shape[1] + 2) + column + 1
            if cells[k, 0] > end or cells[k, 6] == _BURNED:
                continue
            cells[k, 6] = _BURNED
            arrival[row, column] = cells[k, 0]
            far = sqrt(cells[k, 1] * cells[k, 1] + cells[k, 2] * cells[k, 2])
            if far > 0.0:
                x, y = cells[k, 1] / far, cells[k, 2] / far
                direction[row, column] = atan2(x, -y) % (2.0 * pi)
                rate[row, column] = 1.0 / (cells[k, 3] - cells[k, 4] * x - cells[k, 5] * y)


@compiled
def turn(
    cells: Array32,
    spread: Spreads,
    cut: tuple[float, int],
    order: tuple[float, float],
    frame: tuple[float, float],
) -> None:
    """Go over to a table of spread: the front keeps its place and its shape, and moves on by the new rules.

    Args:
        cells: (cells, 8) float32, the module's rows, recorded up to the old end; changed in place. What burned stays.
        spread: (Y, X) rate (m s-1), direction (radians from north), eccentricity.
        cut: side of a part of a cell (m), parts on a side of a cell.
        order: drift of the order of visits, x and y, s a part.
        frame: end of the old table, start of the new one, s.
    """
    rate, direction, eccentricity = spread
    (side, parts), (end, start) = cut, frame
    columns = rate.shape[1]
    width = columns * parts + 2
    row_of = np.empty((columns, 3), np.float32)
    for y in range(1, rate.shape[0] * parts + 1):
        row = (y - 1) // parts
        if (y - 1) % parts == 0:
            for column in range(columns):
                row_of[column, 0], row_of[column, 1], row_of[column, 2] = _pace(
                    rate[row, column], direction[row, column], eccentricity[row, column], side
                )
        for x in range(1, columns * parts + 1):
            k, column = y * width + x, (x - 1) // parts
            if cells[k, 6] == _BURNED:
                continue
            a = row_of[column, 0]
            time, u, v = np.inf, 0.0, 0.0
            if a < np.inf:
                if cells[k, 3] == np.inf:
                    time, u, v = _from_burned(cells, row_of[column], k, (width, start))
                elif cells[k, 0] < np.inf and _beside_burned(cells, k, width):
                    time, u, v = _turned(cells[k], row_of[column], start, end)
            cells[k, 0], cells[k, 1], cells[k, 2] = time, u, v
            cells[k, 3], cells[k, 4], cells[k, 5] = a, row_of[column, 1], row_of[column, 2]
            cells[k, 6] = _WAITING if time < np.inf else _IDLE
            cells[k, 7] = order[0] * (x - 0.5 * width) + order[1] * y


@compiled
def _beside_burned(cells: Array32, cell: int, width: int) -> bool:
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            if cells[cell + dy * width + dx, 6] == _BURNED:
                return True
    return False


@compiled
def _from_burned(cells: Array32, new: Array32, cell: int, frame: tuple[int, float]) -> tuple[float, float, float]:
    # a cell that could not burn before, entered from the edge it shares with burned ones
    width, start = frame
    time, x, y = np.inf, 0.0, 0.0
    for dx, dy in ((0, -1), (-1, 0), (1, 0), (0, 1)):
        if cells[cell - dy * width - dx, 6] == _BURNED:
            took = start + 0.5 * (new[0] - new[1] * dx - new[2] * dy)
            if took < time:
                time, x, y = took, 0.5 * dx, 0.5 * dy
    return time, x, y


@compiled
def _turned(c: Array32, new: Array32, start: float, end: float) -> tuple[float, float, float]:
    # the distance of a plane front from the cell, then the pace of that front under the new table
    radius = sqrt(c[1] * c[1] + c[2] * c[2])
    if radius == 0.0:
        return start + c[0] - end, 0.0, 0.0
    ux, uy = c[1] / radius, c[2] / radius
    nx, ny = c[3] * ux - c[4], c[3] * uy - c[5]
    pace = sqrt(nx * nx + ny * ny)
    nx, ny = nx / pace, ny / pace
    against = nx * new[1] + ny * new[2]
    now = sqrt(against * against + new[0] * new[0] - new[1] * new[1] - new[2] * new[2]) - against
    vx, vy = (now * nx + new[1]) / new[0], (now * ny + new[2]) / new[0]
    old_lean, lean = ux * nx + uy * ny, vx * nx + vy * ny
    radius *= new[0] * lean * lean * pace / (c[3] * old_lean * old_lean * now)  # the front keeps its curvature
    return start + (c[0] - end) * now / pace, radius * vx, radius * vy
