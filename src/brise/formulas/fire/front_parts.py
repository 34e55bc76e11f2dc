"""From the parts that cells were cut into back to the cells: when, which way and how fast each one burned."""

import numpy as np

from brise.formulas.compiled import Array32, compiled, inlined

Layers = tuple[Array32, Array32, Array32]


def whole(fine: Layers, parts: int, touched: bool) -> Layers:
    """Arrival (s), direction (rad) and rate of whole cells, (Y, X), from those of their parts, (Y parts, X parts).

    Fire meets a corner when it burns one of the four parts there. A cell burns when its middle part does, or once fire
    has met three of its corners, at the mean of these times: neither changes the area of a fire in uniform fuel.
    `touched`: once fire has met any corner, at the mean over those that it met (FlamMap's reading). Where an ignition
    lit one of its parts a cell has the ignition's time. Direction and rate are those of the middle part, else of the
    earliest; where fire met the corners in other cells only, the direction is taken there and the rate is NaN, for the
    caller to fill.
    """
    rows, columns = (size // parts for size in fine[0].shape)
    out = (
        np.full((rows, columns), np.nan, np.float32),
        np.full((rows, columns), np.nan, np.float32),
        np.full((rows, columns), np.nan, np.float32),
    )
    _gather(fine, parts, touched, out)
    return out


@compiled
def _gather(fine: Layers, parts: int, touched: bool, out: Layers) -> None:
    for row in range(out[0].shape[0]):
        for column in range(out[0].shape[1]):
            met, total, earliest, way = 0, 0.0, np.inf, np.nan
            for y in range(row * parts, (row + 1) * parts + 1, parts):
                for x in range(column * parts, (column + 1) * parts + 1, parts):
                    time, v, u = _corner(fine[0], y, x)
                    if time < np.inf:
                        met, total = met + 1, total + time
                        if time < earliest:
                            earliest, way = time, fine[1][v, u]
            v, u, lit = _own(fine, parts, row, column)
            middle = fine[0][row * parts + parts // 2, column * parts + parts // 2]
            time = np.inf if touched or np.isnan(middle) else float(middle)
            if met >= (1 if touched else 3):
                time = min(time, total / met)
            if lit < np.inf:
                out[0][row, column] = lit
            elif time < np.inf:
                out[0][row, column] = time
                out[1][row, column] = fine[1][v, u] if v >= 0 else way
                out[2][row, column] = fine[2][v, u] if v >= 0 else np.nan


@inlined
def _corner(arrival: Array32, y: int, x: int) -> tuple[float, int, int]:
    # the earliest of the four parts that meet there
    best, at_y, at_x = np.inf, 0, 0
    for v in range(max(y - 1, 0), min(y + 1, arrival.shape[0])):
        for u in range(max(x - 1, 0), min(x + 1, arrival.shape[1])):
            if arrival[v, u] < best:
                best, at_y, at_x = float(arrival[v, u]), v, u
    return best, at_y, at_x


@inlined
def _own(fine: Layers, parts: int, row: int, column: int) -> tuple[int, int, float]:
    # the cell's part that tells its direction (-1: none burned), and when an ignition lit a part (infinite: none)
    best, at_y, at_x, lit = np.inf, -1, -1, np.inf
    for v in range(row * parts, (row + 1) * parts):
        for u in range(column * parts, (column + 1) * parts):
            time = float(fine[0][v, u])
            if time < lit and np.isnan(fine[1][v, u]):
                lit = time
            if v == row * parts + parts // 2 and u == column * parts + parts // 2 and time < np.inf:
                time = -np.inf  # the middle part is preferred
            if time < best:
                best, at_y, at_x = time, v, u
    return at_y, at_x, lit
