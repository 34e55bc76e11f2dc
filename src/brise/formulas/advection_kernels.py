"""Compiled loops of the advection."""

import numpy as np
from numpy.typing import NDArray

from brise.formulas.compiled import Array32, compiled
from brise.formulas.motion_kernels import between


@compiled
def trace(displacement: Array32, steps: NDArray[np.float64]) -> Array32:
    """(L, 2, Y, X) departure points: back along (2, Y, X) pixels a step, midpoint rule, at most one step at a time."""
    rows, columns = displacement.shape[1], displacement.shape[2]
    out = np.empty((len(steps), 2, rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            p, q, done = np.float32(i), np.float32(j), 0.0
            for lead in range(len(steps)):
                count = int(np.ceil(steps[lead] - done - 1e-9))
                for _ in range(count):
                    part = np.float32((steps[lead] - done) / count)
                    half = np.float32(0.5) * part
                    di, dj = between(displacement[0], p, q), between(displacement[1], p, q)
                    u, v = p - half * di, q - half * dj
                    p -= part * between(displacement[0], u, v)
                    q -= part * between(displacement[1], u, v)
                done = steps[lead]
                out[lead, 0, i, j] = p
                out[lead, 1, i, j] = q
    return out


@compiled
def sample(field: Array32, rows: Array32, columns: Array32, out: Array32) -> None:
    """Bilinear values of (Y, X) at the points, into `out`; NaN outside."""
    height, width = field.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            u, v = rows[i, j], columns[i, j]
            if not (u >= 0.0 and v >= 0.0 and u <= height - 1 and v <= width - 1):
                out[i, j] = np.nan
                continue
            a, b = int(u), int(v)
            f, e = u - np.float32(a), v - np.float32(b)
            below, right = a + (f > 0), b + (e > 0)
            above = field[a, b] + e * (field[a, right] - field[a, b])
            out[i, j] = above + f * (field[below, b] + e * (field[below, right] - field[below, b]) - above)


@compiled
def convolve_log(field: Array32, kernel: Array32) -> Array32:
    """(Y, X) mean of the known pixels around, weighed by a symmetric separable kernel (R + 1,); missing stays."""
    rows, columns = field.shape
    reach = len(kernel) - 1
    total = np.zeros((rows, columns), np.float32)
    known = np.zeros((rows, columns), np.float32)
    for i in range(rows):
        for a in range(max(0, i - reach), min(rows, i + reach + 1)):
            k = kernel[abs(a - i)]
            for j in range(columns):
                value = field[a, j]
                if value == value:
                    total[i, j] += k * value
                    known[i, j] += k
    out = np.empty((rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            if field[i, j] != field[i, j]:
                out[i, j] = np.nan
                continue
            above = np.float32(0.0)
            below = np.float32(0.0)
            for b in range(max(0, j - reach), min(columns, j + reach + 1)):
                k = kernel[abs(b - j)]
                above += k * total[i, b]
                below += k * known[i, b]
            out[i, j] = above / below
    return out
