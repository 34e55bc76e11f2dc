"""Motion of rain between radar frames: a dense field, robust to gaps, dry air and repeated frames.

Coarse to fine (Lucas and Kanade 1981 in a pyramid): the newest frame is compared with every older one, each traced back
along the motion for its own number of steps, so that one stationary motion explains them all; the longest step in time
weighs most, as it tells small motions best. Images are log10 of the rate over 0.1 mm/h. The start is the shift of the
whole field with the highest normalised correlation (Padfield 2012); where nothing tells the motion, it leans on its
surroundings. Rows run north to south.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from brise.conventions.errors import InputError
from brise.formulas.compiled import Array32
from brise.formulas.motion_kernels import blur, decibels, gradients, halve, normal_equations, resample

FLOOR = 0.1
"""mm/h: below it a pixel is dry."""

REACH = 40
"""Largest shift of the whole field that is searched, pixels a step."""

_CELL = 4  # pixels of a level along the side of a cell of its lattice
_WINDOW = 2.5  # cells: standard deviation of the window that one motion is fitted in
_REGION = 10.0  # cells: of the surroundings leant on
_TRUST = 0.01  # weight of the surroundings, as a share of the mean gradient energy
_ITERATIONS = 3
_COARSEST = 32  # pixels: a level whose shorter side is below it is not halved again


@dataclass(frozen=True, slots=True)
class Motion:
    """How rain moves. Y X grid.

    Attributes:
        displacement: (2, Y, X) pixels per step: southward, eastward.
        quality: (Y, X) 0 to 1: how much of the change between frames the motion explains there; 0 = leant on others.
    """

    displacement: Array32
    quality: Array32


def estimate_motion(rain: Array32) -> Motion:
    """The motion that best carries the older frames onto the newest.

    Frames without any known pixel and frames that repeat the one before are left out, the others keep their place in
    time. With fewer than two frames left, or no rain, the motion is zero and its quality too.

    Args:
        rain: (T, Y, X) mm/h, oldest first, one step apart; NaN missing.

    Raises:
        InputError: Not (T, Y, X), or empty.

    >>> field = np.random.default_rng(0).gamma(0.3, 4.0, (70, 80)).astype(np.float32)
    >>> field = blur(field[None], np.exp(-np.arange(7.0, dtype=np.float32) ** 2 / 8))[0]
    >>> moved = estimate_motion(np.stack([np.roll(field, (2 * t, -3 * t), (0, 1)) for t in range(3)]))
    >>> [round(float(np.median(part))) for part in moved.displacement]
    [2, -3]
    """
    if rain.ndim != 3 or 0 in rain.shape:
        raise InputError(f"motion: rain is {rain.shape}, expected (frames, rows, columns)")
    frames = usable_frames(rain)
    shape = rain.shape[1:]
    newest = frames[-1] if frames else 0
    if len(frames) < 2 or not (rain[newest] > FLOOR).any():
        return Motion(np.zeros((2, *shape), np.float32), np.zeros(shape, np.float32))
    lags = np.array([newest - index for index in frames[-2::-1]], np.float32)
    pyramid = [np.stack([decibels(rain[index], FLOOR) for index in reversed(frames)])]
    finest = 1 if min(shape) >= 2 * _COARSEST else 0
    while len(pyramid) <= finest or min(pyramid[-1].shape[1:]) >= _COARSEST:
        pyramid.append(np.stack([halve(image) for image in pyramid[-1]]))
    lattice, quality = _descend(pyramid, finest, lags)
    side = float(_CELL * 2**finest)
    dense = resample(lattice * np.float32(2**finest), shape[0], shape[1], side)
    return Motion(dense, resample(quality[None], shape[0], shape[1], side)[0])


def usable_frames(rain: Array32) -> list[int]:
    """Positions of the frames that know something, and are no copy of the frame before.

    A radar that hangs sends its last picture again; taken as a new one it would say that rain stands still.

    >>> rain = np.ones((4, 2, 2), np.float32)
    >>> rain[1], rain[2] = np.nan, 2.0
    >>> rain[3] = rain[2]
    >>> usable_frames(rain)
    [0, 2]
    """
    found: list[int] = []
    for index, frame in enumerate(rain):
        if not np.isfinite(frame).any():
            continue
        if found and (frame > FLOOR).any() and np.array_equal(frame, rain[found[-1]], equal_nan=True):
            continue
        found.append(index)
    return found


def _descend(pyramid: list[Array32], finest: int, lags: Array32) -> tuple[Array32, Array32]:
    """Lattice (2, h, w) in pixels of the finest level used, and its quality (h, w)."""
    lattice: Array32 | None = None
    quality = np.zeros((1, 1), np.float32)
    for level in range(len(pyramid) - 1, finest - 1, -1):
        images = pyramid[level]
        height, width = (-(-side // _CELL) for side in images.shape[1:])
        if lattice is None:
            lattice = np.empty((2, height, width), np.float32)
            lattice[:] = _whole_shift(pyramid, lags)[:, None, None] / 2**level
        else:
            lattice = resample(2 * lattice, height, width, 2.0)
        gradient = gradients(images[0])
        for _ in range(_ITERATIONS):
            sums = normal_equations(images[0], gradient, images[1:], lags, lattice, _CELL)
            lattice, quality = _corrected(lattice, blur(sums, _bell(_WINDOW)))
    if lattice is None:
        raise InputError("motion: no level to estimate it on")
    return lattice, quality


def _corrected(lattice: Array32, sums: Array32) -> tuple[Array32, Array32]:
    """The lattice after one step of the normal equations, held towards its surroundings; and its quality."""
    xx, xy, yy, bx, by, residual, energy = sums
    weight = xx + yy
    trust = np.float32(_TRUST * float(weight.mean()) + 1e-6)
    determinant = (xx + trust) * (yy + trust) - xy * xy
    step = np.stack([(yy + trust) * bx - xy * by, (xx + trust) * by - xy * bx]) / determinant
    # Surroundings: the mean of what cells themselves found, each weighed by how well its rain tells a motion.
    around = blur(np.concatenate([(lattice + step) * weight, weight[None]]), _bell(_REGION))
    everywhere = around[:2].sum(axis=(1, 2)) / max(float(around[2].sum()), 1e-9)
    floor = np.float32(1e-3 * float(around[2].mean()) + 1e-9)
    prior = (around[:2] + floor * everywhere[:, None, None]) / (around[2] + floor)
    bx, by = bx + trust * (prior[0] - lattice[0]), by + trust * (prior[1] - lattice[1])
    step = np.stack([(yy + trust) * bx - xy * by, (xx + trust) * by - xy * bx]) / determinant
    length = np.sqrt((step * step).sum(axis=0))
    step *= np.minimum(1.0, 3.0 / np.maximum(length, 1e-9))  # linear only near: at most 3 pixels at a time
    explained = np.clip(1.0 - residual / np.maximum(energy, 1e-9), 0.0, 1.0)
    quality = explained * weight / (weight + 10.0 * trust)
    return (lattice + step).astype(np.float32), quality.astype(np.float32)


def _bell(sigma: float) -> Array32:
    kernel = np.exp(-0.5 * (np.arange(int(2.5 * sigma) + 1) / sigma) ** 2)
    return np.asarray(kernel / (2 * kernel.sum() - 1), np.float32)


def _whole_shift(pyramid: list[Array32], lags: Array32) -> Array32:
    """(2,) pixels a step: the one shift with the highest correlation, over all pairs of neighbouring frames."""
    level = next((at for at, images in enumerate(pyramid) if max(images.shape[1:]) <= 160), len(pyramid) - 1)
    level = max(level, min(1, len(pyramid) - 1))
    images = pyramid[level]
    reach = min(REACH >> level, (min(images.shape[1:]) * 3) // 4)
    known = np.isfinite(images)
    mean = float(images[known].mean())
    centred = np.where(known, images - np.float32(mean), np.float32(0.0))
    mask = known.astype(np.float32)
    size = [scipy.fft.next_fast_len(side + reach, real=True) for side in images.shape[1:]]
    value, square, inside = (scipy.fft.rfft2(part, size) for part in (centred, centred * centred, mask))
    gaps = np.diff(lags, prepend=np.float32(0.0))
    shortest = float(gaps.min())
    pairs = [at for at, gap in enumerate(gaps) if gap == shortest]
    spectra = np.zeros((3, *value.shape[1:]), value.dtype)
    for at in pairs:  # image `at` is newer than image `at + 1`
        spectra[0] += value[at] * np.conj(value[at + 1])
        spectra[1] += square[at] * np.conj(inside[at + 1])
        spectra[2] += inside[at] * np.conj(square[at + 1])
    shifts = np.arange(-reach, reach + 1)
    product, newer, older = scipy.fft.irfft2(spectra, size)[:, shifts[:, None] % size[0], shifts % size[1]]
    least = 1e-2 * max(float(newer.max()), float(older.max())) + 1e-9
    correlation = product / np.sqrt(np.maximum(newer, least) * np.maximum(older, least))
    row, column = np.unravel_index(np.argmax(correlation), correlation.shape)
    return np.array([shifts[row], shifts[column]], np.float32) * np.float32(2**level / shortest)
