"""Compiled loops of the advection."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.formulas.compiled import Array32, compiled
from brise.formulas.motion_kernels import between

_RUN = 96  # points whose places are worked out together; they stay in the nearest cache


@compiled
def follow(displacement: Array32, row: Any, column: Any, steps: NDArray[np.float64], out: Array32) -> None:
    """Into `out` (L, 2): where a point came from, `steps` (L,) ago; midpoint rule, at most one step at a time."""
    p, q, done = np.float32(row), np.float32(column), 0.0
    for lead in range(len(steps)):
        count = int(np.ceil(steps[lead] - done - 1e-9))
        for _ in range(count):
            part = np.float32((steps[lead] - done) / count)
            half = np.float32(0.5) * part
            u = p - half * between(displacement[0], p, q)
            v = q - half * between(displacement[1], p, q)
            p -= part * between(displacement[0], u, v)
            q -= part * between(displacement[1], u, v)
        done = steps[lead]
        out[lead, 0], out[lead, 1] = p, q


@compiled
def trace(displacement: Array32, steps: NDArray[np.float64], spacing: int) -> Array32:
    """(L, 2, Y, X) where every pixel came from, along (2, Y, X) pixels a step.

    Trajectories of every `spacing`-th row and column; how far they went is linear between them.
    """
    rows, columns = displacement.shape[1], displacement.shape[2]
    height, width = (rows + spacing - 2) // spacing + 1, (columns + spacing - 2) // spacing + 1
    away = np.empty((len(steps), 2, height, width), np.float32)
    path = np.empty((len(steps), 2), np.float32)
    for a in range(height):
        for b in range(width):
            follow(displacement, a * spacing, b * spacing, steps, path)
            for lead in range(len(steps)):
                away[lead, 0, a, b] = path[lead, 0] - a * spacing
                away[lead, 1, a, b] = path[lead, 1] - b * spacing
    out = np.empty((len(steps), 2, rows, columns), np.float32)
    line = np.empty(width, np.float32)
    for lead in range(len(steps)):
        for axis in range(2):
            for i in range(rows):
                a = i // spacing
                f = np.float32(i - a * spacing) / np.float32(spacing)
                for b in range(width):
                    line[b] = (1 - f) * away[lead, axis, a, b] + f * away[lead, axis, min(a + 1, height - 1), b]
                for b in range(width):
                    rise = (line[min(b + 1, width - 1)] - line[b]) / np.float32(spacing)
                    for j in range(b * spacing, min((b + 1) * spacing, columns)):
                        here = line[b] + rise * np.float32(j - b * spacing)
                        out[lead, axis, i, j] = here + np.float32(i if axis == 0 else j)
    return out


@compiled
def trace_points(displacement: Array32, points: Array32, steps: NDArray[np.float64]) -> Array32:
    """(L, P, 2) where the points (P, 2) came from."""
    out = np.empty((len(steps), len(points), 2), np.float32)
    for index in range(len(points)):
        follow(displacement, points[index, 0], points[index, 1], steps, out[:, index])
    return out


@compiled
def sample(field: Array32, rows: Array32, columns: Array32, out: Array32) -> None:
    """Bilinear values of (Y, X), at least 2 x 2, at the points, into `out`; NaN outside.

    In short runs: where each point lies (arithmetic alone, many at a time), then four loads a point and nothing else.
    """
    height, width = np.int32(field.shape[0]), np.int32(field.shape[1])
    zero, one, bottom, side = np.float32(0.0), np.float32(1.0), np.float32(height - 1), np.float32(width - 1)
    here = field.reshape(-1)
    right, below, across = here[1:], here[width:], here[width + 1 :]
    index, f, e = np.empty(_RUN, np.int32), np.empty(_RUN, np.float32), np.empty(_RUN, np.float32)
    for i in range(out.shape[0]):
        for start in range(0, out.shape[1], _RUN):
            count = min(_RUN, out.shape[1] - start)
            us, vs = rows[i, start : start + count], columns[i, start : start + count]
            told = out[i, start : start + count]
            for j in range(count):
                u, v = us[j], vs[j]
                inside = (u >= zero) & (v >= zero) & (u <= bottom) & (v <= side)
                u, v = u if inside else zero, v if inside else zero
                a, b = np.int32(u), np.int32(v)
                a, b = min(a, np.int32(height - 2)), min(b, np.int32(width - 2))
                f[j] = u - np.float32(a) if inside else np.float32(np.nan)
                e[j] = v - np.float32(b)
                index[j] = a * width + b
            for j in range(count):
                n = np.uint32(index[j])
                above = here[n] + e[j] * (right[n] - here[n])
                under = below[n] + e[j] * (across[n] - below[n])
                told[j] = above + f[j] * (under - above)
            touched = 0  # a missing pixel with no share spoils the sum: those few are done again with care
            for j in range(count):
                touched += (told[j] != told[j]) & (f[j] * e[j] * (one - f[j]) * (one - e[j]) == zero)
            if touched:
                for j in range(count):
                    if told[j] != told[j] and f[j] == f[j]:
                        told[j] = between(field, us[j], vs[j])


@compiled
def convolve(field: Array32, kernel: Array32, fill: bool) -> Array32:
    """(Y, X) mean of the known pixels around, weighed by a symmetric separable kernel (R + 1,).

    A missing pixel stays missing, or with `fill` takes the mean of its known neighbours if it has any.
    """
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
            if not fill and field[i, j] != field[i, j]:
                out[i, j] = np.nan
                continue
            above = np.float32(0.0)
            below = np.float32(0.0)
            for b in range(max(0, j - reach), min(columns, j + reach + 1)):
                k = kernel[abs(b - j)]
                above += k * total[i, b]
                below += k * known[i, b]
            out[i, j] = above / below if below > 0.0 else np.nan
    return out


@compiled
def add(total: Array32, one: Array32, other: Array32, share: Any, gain: Any) -> None:
    """Add share one + gain other to `total`, (Y, X), in one pass."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] += share * one[i, j] + gain * other[i, j]
