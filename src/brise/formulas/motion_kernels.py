"""Compiled loops of the motion estimate. Images are float32 with NaN where missing; lattices hold one value a cell."""

from typing import Any

import numpy as np

from brise.formulas.compiled import Array32, compiled


@compiled
def decibels(rain: Array32, floor: float) -> Array32:
    """(Y, X) log10 of the rate over `floor`, 0 below it; NaN stays."""
    rows, columns = rain.shape
    out = np.empty((rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            rate = rain[i, j]
            out[i, j] = np.log10(rate / floor) if rate > floor else rate * 0.0
    return out


@compiled
def halve(image: Array32) -> Array32:
    """(Y // 2, X // 2) means of the known pixels of each 2 x 2 block."""
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    out = np.empty((rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            total = np.float32(0.0)
            known = 0
            for a in range(2):
                for b in range(2):
                    value = image[2 * i + a, 2 * j + b]
                    if value == value:
                        total += value
                        known += 1
            out[i, j] = total / known if known else np.nan
    return out


@compiled
def gradients(image: Array32) -> Array32:
    """(2, Y, X) central differences; 0 beside missing pixels and on the edge."""
    rows, columns = image.shape
    out = np.zeros((2, rows, columns), np.float32)
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            down = np.float32(0.5) * (image[i + 1, j] - image[i - 1, j])
            right = np.float32(0.5) * (image[i, j + 1] - image[i, j - 1])
            if down == down and right == right:
                out[0, i, j] = down
                out[1, i, j] = right
    return out


@compiled
def between(image: Array32, row: Any, column: Any) -> Any:
    """Bilinear value of (Y, X), the nearest edge's beyond it; NaN if a pixel that counts is NaN."""
    u = min(max(row, 0.0), image.shape[0] - 1.0)
    v = min(max(column, 0.0), image.shape[1] - 1.0)
    i, j = int(u), int(v)
    f, e = np.float32(u - i), np.float32(v - j)
    below, right = i + (f > 0), j + (e > 0)
    above = image[i, j] + e * (image[i, right] - image[i, j])
    return above + f * (image[below, j] + e * (image[below, right] - image[below, j]) - above)


@compiled
def normal_equations(
    reference: Array32, gradient: Array32, frames: Array32, lags: Array32, lattice: Array32, cell: int
) -> Array32:
    """Sums for the next correction of the motion, cell by cell.

    Frame k, `lags[k]` steps older, is read at x - lag d(x) and compared with the reference; a correction c of d
    minimises sum w (residual - lag gradient . c)^2, with w = 1 / (1 + 4 residual^2 / lag) against outliers.

    Args:
        reference: (Y, X) newest image.
        gradient: (2, Y, X) of the reference.
        frames: (K, Y, X) older images.
        lags: (K,) steps before the reference.
        lattice: (2, h, w) motion at the centres of the cells, pixels a step.
        cell: Pixels along the side of a cell.

    Returns:
        (7, h, w): the three entries of the matrix, the two of the right side, residual energy, image energy.
    """
    rows, columns = reference.shape
    height, width = lattice.shape[1], lattice.shape[2]
    sums = np.zeros((7, height, width), np.float32)
    for i in range(rows):
        for j in range(columns):
            gi, gj = gradient[0, i, j], gradient[1, i, j]
            if gi == 0.0 and gj == 0.0:
                continue
            di = between(lattice[0], (i + 0.5) / cell - 0.5, (j + 0.5) / cell - 0.5)
            dj = between(lattice[1], (i + 0.5) / cell - 0.5, (j + 0.5) / cell - 0.5)
            here = reference[i, j]
            a, b = min(i // cell, height - 1), min(j // cell, width - 1)
            for k in range(len(lags)):
                lag = lags[k]
                p, q = i - lag * di, j - lag * dj
                if not (p >= 0.0 and q >= 0.0 and p <= rows - 1 and q <= columns - 1):
                    continue
                residual = between(frames[k], p, q) - here
                if residual != residual:
                    continue
                weight = 1 / (1 + np.float32(4.0) * residual * residual / lag)
                steep = weight * lag * lag
                sums[0, a, b] += steep * gi * gi
                sums[1, a, b] += steep * gi * gj
                sums[2, a, b] += steep * gj * gj
                sums[3, a, b] += weight * lag * gi * residual
                sums[4, a, b] += weight * lag * gj * residual
                sums[5, a, b] += weight * residual * residual
                sums[6, a, b] += weight * here * here
    return sums


@compiled
def blur(stack: Array32, kernel: Array32) -> Array32:
    """(N, h, w) convolved along both axes with a symmetric kernel (R + 1,), zero outside."""
    count, height, width = stack.shape
    reach = len(kernel) - 1
    rows = np.zeros((height, width), np.float32)
    out = np.zeros((count, height, width), np.float32)
    for n in range(count):
        rows[:] = 0.0
        for i in range(height):
            for a in range(max(0, i - reach), min(height, i + reach + 1)):
                k = kernel[abs(a - i)]
                for j in range(width):
                    rows[i, j] += k * stack[n, a, j]
        for i in range(height):
            for j in range(width):
                total = np.float32(0.0)
                for b in range(max(0, j - reach), min(width, j + reach + 1)):
                    total += kernel[abs(b - j)] * rows[i, b]
                out[n, i, j] = total
    return out


@compiled
def resample(lattice: Array32, rows: int, columns: int, side: float) -> Array32:
    """(N, rows, columns) bilinear values of a lattice (N, h, w) whose cells are `side` of the new pixels wide."""
    count, height, width = lattice.shape
    out = np.empty((count, rows, columns), np.float32)
    left = np.empty(columns, np.int64)
    share = np.empty(columns, np.float32)
    for j in range(columns):
        v = min(max((j + 0.5) / side - 0.5, 0.0), width - 1.0)
        left[j] = min(int(v), max(width - 2, 0))
        share[j] = v - left[j]
    step = 1 if width > 1 else 0
    line = np.empty(width, np.float32)
    for n in range(count):
        for i in range(rows):
            u = min(max((i + 0.5) / side - 0.5, 0.0), height - 1.0)
            a0 = int(u)
            a1 = min(a0 + 1, height - 1)
            f = np.float32(u - a0)
            for b in range(width):
                line[b] = (1 - f) * lattice[n, a0, b] + f * lattice[n, a1, b]
            for j in range(columns):
                b0 = left[j]
                out[n, i, j] = line[b0] + share[j] * (line[b0 + step] - line[b0])
    return out
