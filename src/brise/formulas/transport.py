"""Finite-volume transport on a regular grid: advection and diffusion in flux form, so mass is kept exactly.

Arrays are laid out (C, Y, X, N): tracers, rows from north to south, columns from west to east, domains. The last axis
runs over independent domains so that a shift along Y or X stays one long run in memory.
"""

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating]

GHOST = 2
"""Rows and columns around the grid that hold the air outside; the limiter looks two cells upwind."""

_TINY = 1e-30  # keeps 0 / 0 out of the limiter; far below any concentration difference


def pad(field: Field, outside: Field) -> Field:
    """The field with GHOST cells of outside air all around.

    Args:
        field: (C, Y, X, N).
        outside: (C, N) concentration of the air that flows in.

    Returns:
        (C, Y + 4, X + 4, N).
    """
    tracers, rows, columns, domains = field.shape
    padded = np.empty((tracers, rows + 2 * GHOST, columns + 2 * GHOST, domains), field.dtype)
    padded[:] = outside[:, None, None, :]
    padded[:, GHOST:-GHOST, GHOST:-GHOST] = field
    return padded


def courant_weights(courant: Field) -> tuple[Field, Field, Field, Field]:
    """What `advect` multiplies with at every face, from the Courant numbers there (share of a cell per step, < 1)."""
    ahead, back = np.maximum(courant, 0), np.minimum(courant, 0)
    return ahead, back, ahead * (1 - ahead), -back * (1 + back)


def advect(padded: Field, weights: tuple[Field, Field, Field, Field], axis: int) -> None:
    """One step along one axis, in place: van Leer's limited second-order upwind scheme.

    c_i -= F_{i+1/2} - F_{i-1/2}, with F = n (c_up + (1 - |n|) s_up / 2) and s = 2 ab / (a + b) where the neighbouring
    differences a and b have one sign, else 0 (van Leer 1977, J. Comput. Phys. 23, 276-299). What leaves a cell enters
    its neighbour, so mass changes only through the outer faces. Nothing turns negative while |n| <= 1.

    Args:
        padded: (C, Y + 4, X + 4, N), see `pad`; only the inside changes.
        weights: `courant_weights` of the Courant numbers at the faces: (Y + 1, X, N) positive southward for axis 1,
            (Y, X + 1, N) positive eastward for axis 2.
        axis: 1 along Y, 2 along X.
    """
    inner, other = slice(GHOST, -GHOST), slice(None)
    field = padded[:, other, inner] if axis == 1 else padded[:, inner]
    lower, upper = _along(axis, slice(None, -1)), _along(axis, slice(1, None))
    step = field[upper] - field[lower]
    first, second = step[lower], step[upper]
    slope = first * second
    np.maximum(slope, 0, out=slope)
    total = first + second
    total += _TINY
    slope /= total
    ahead, back, ahead_slope, back_slope = weights
    values = field[_along(axis, slice(1, -1))]
    flux = ahead * values[lower]
    flux += back * values[upper]
    flux += ahead_slope * slope[lower]
    flux += back_slope * slope[upper]
    inside = field[_along(axis, inner)]
    inside -= flux[upper]
    inside += flux[lower]


def diffuse(padded: Field, rate: Field) -> None:
    """One explicit step of horizontal diffusion in flux form, in place; nothing crosses the outer faces.

    Args:
        padded: (C, Y + 4, X + 4, N).
        rate: (2, N) K dt / dx² along Y and along X; stable and positive while their sum is at most 1/2.
    """
    inside = padded[:, GHOST:-GHOST, GHOST:-GHOST]
    for axis in (1, 2):
        lower, upper = _along(axis, slice(None, -1)), _along(axis, slice(1, None))
        flux = (inside[upper] - inside[lower]) * rate[axis - 1]
        inside[lower] += flux
        inside[upper] -= flux


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (slice(None), part) if axis == 1 else (slice(None), slice(None), part)
