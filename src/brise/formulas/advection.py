"""Carrying a rain field along its motion: trajectories traced back, then one sampling of the newest field.

Semi-Lagrangian and cumulative (Germann and Zawadzki 2002): the motion stands still, a place's rain at a lead is what
lies where its trajectory began, and the field is interpolated once however long the trajectory, so that it is not
smoothed again at every step. Rows run north to south; coordinates are pixels, (0, 0) the centre of the first.
"""

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.advection_kernels import convolve, sample, trace
from brise.formulas.compiled import Array32
from brise.formulas.motion import Motion

_SPACING = 4  # pixels between trajectories: half a cell of the motion, which is linear between its cells


def departure_points(motion: Motion, steps: NDArray[np.float64]) -> Array32:
    """Where the air over every pixel was: (L, 2, Y, X) rows and columns of the newest field.

    Traced with the midpoint rule in sub-steps of at most one step, for every fourth row and column, linear between;
    beyond the field its edge's motion goes on.

    Args:
        motion: Pixels per step.
        steps: (L,) steps ahead, not falling, 0 or more; fractions allowed.

    Raises:
        InputError: Steps fall, or are negative or not finite.

    >>> displacement = np.stack([np.full((3, 4), 1.0, np.float32), np.full((3, 4), -2.0, np.float32)])
    >>> motion = Motion(displacement, np.ones((3, 4), np.float32))
    >>> departure_points(motion, np.array([0.5, 2.0]))[:, :, 0, 0].tolist()
    [[-0.5, 1.0], [-2.0, 4.0]]
    """
    wanted = np.asarray(steps, np.float64)
    if not np.isfinite(wanted).all() or (np.diff(wanted, prepend=0.0) < 0.0).any():
        raise InputError(f"departure points: steps {wanted.tolist()} must be 0 or more and not fall")
    return trace(np.ascontiguousarray(motion.displacement, np.float32), wanted, _SPACING)


def advect(field: Array32, departures: Array32) -> Array32:
    """The field as it arrives: (L, Y, X), or (L, C, Y, X) of a field (C, Y, X).

    One bilinear sampling. A departure outside the field, or touching a missing pixel, gives NaN.

    Args:
        field: (Y, X) or (C, Y, X), any unit.
        departures: (L, 2, Y, X) of `departure_points`.

    Raises:
        InputError: The shapes do not fit.

    >>> field = np.array([[0.0, 1.0, 4.0]], np.float32)
    >>> where = np.array([[[[0.0, 0.0, 0.0]], [[-1.0, 0.5, 2.0]]]], np.float32)
    >>> advect(field, where).tolist()
    [[[nan, 0.5, 4.0]]]
    """
    if field.ndim not in (2, 3) or departures.ndim != 4 or departures.shape[1] != 2:
        raise InputError(f"advect: field {field.shape} and departures {departures.shape} do not fit")
    fields = np.ascontiguousarray(field if field.ndim == 3 else field[None], np.float32)
    where = np.ascontiguousarray(departures, np.float32)
    if min(fields.shape[1:]) < 2:  # a line has no second row to interpolate with
        fields = np.pad(
            fields, ((0, 0), (0, int(fields.shape[1] < 2)), (0, int(fields.shape[2] < 2))), constant_values=np.nan
        )
    out = np.empty((len(where), len(fields), *where.shape[2:]), np.float32)
    for lead in range(len(where)):
        for at in range(len(fields)):
            sample(fields[at], where[lead, 0], where[lead, 1], out[lead, at])
    return out if field.ndim == 3 else out[:, 0]


def smooth(field: Array32, sigma: float) -> Array32:
    """(Y, X) mm/h after a Gaussian on log1p, over the known pixels only; missing pixels stay missing.

    Args:
        field: (Y, X) mm/h, NaN missing.
        sigma: Pixels; 0 changes nothing.

    Raises:
        InputError: `sigma` is negative or not finite.

    >>> smooth(np.array([[0.0, 3.0, np.nan]], np.float32), 50.0).round(2).tolist()
    [[1.0, 1.0, nan]]
    """
    if not (np.isfinite(sigma) and sigma >= 0.0):
        raise InputError(f"smooth: sigma {sigma} pixels must be 0 or more")
    if sigma == 0.0:
        return np.array(field, np.float32)
    reach = int(3 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2).astype(np.float32)
    return np.expm1(convolve(np.log1p(np.ascontiguousarray(field, np.float32)), kernel, False))
