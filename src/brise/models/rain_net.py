"""What the learned rain nowcaster reads: the newest frames in the air's own frame of reference, at seven scales.

Older frames are carried along the motion onto the newest, so that at one pixel all of them show the same air and their
differences are growth and decay. A target looks up the pixel its air departed from; since everything is aligned there,
a few numbers at each scale say what a wide window of raw frames would. How long a scale lives is measured in the frames
themselves, around the place: the correlation of each band with itself one and three steps before, as S-PROG does for a
whole field (Seed 2003, doi 10.1175/1520-0450(2003)042<0381:ADASTM>2.0.CO;2). Training and serving share this file.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from brise.conventions.errors import InputError
from brise.formulas.advection import advect, departure_points
from brise.formulas.compiled import Array32, compiled
from brise.formulas.motion import Motion, usable_frames
from brise.formulas.motion_kernels import between, blur, halve

FRAMES = 4
"""Newest frames that are read; an older one is ignored, a missing one is taken to be like the next newer."""

SCALES = (0, 1, 2, 4, 8, 16, 32)
"""Pixels: standard deviation of the smoothing at each level."""

BANDS = 5
"""Differences of neighbouring scales whose lifetime is measured: up to 16 pixels."""

AHEAD = ((3, 2), (7, 3), (15, 4))
"""Pixels ahead of and behind the departure point along the motion, and the level that is read there."""

NODES = (5.0, 20.0, 60.0, 120.0)
"""Minutes: the network's weights are linear in the lead between these and constant beyond."""

_LIVES = len(SCALES) * FRAMES
_SLOPES = _LIVES + 2 * BANDS
_LEADS = _SLOPES + 2 * len(AHEAD)
FEATURES = _LEADS + len(NODES) + 1
"""Per scale the newest log1p rate and how it differs from each older frame; per band the correlation with itself one
and three steps before; per distance ahead the slope of the rain and of its growth; the lead's share of each node; the
lead in steps."""

_CELL = 16  # pixels: lifetimes are known on cells of this size
_LEAST = 0.02  # correlations are kept above, so that powers of them stay defined


def _bell(sigma: float, reach: int) -> Array32:
    kernel = np.exp(-0.5 * (np.arange(reach + 1) / sigma) ** 2)
    return np.asarray(kernel / (2 * kernel.sum() - 1), np.float32)


_NARROW, _WIDE = _bell(1.0, 3), _bell(2.0, 6)


@dataclass(frozen=True, slots=True)
class Aligned:
    """Frames in the air's own frame of reference. Y X grid of the newest frame.

    Attributes:
        motion: Of the frames, pixels per step.
        levels: One a scale: (h, w, FRAMES) log1p of mm/h: the newest frame (NaN = unknown), then the newest less the
            one before it, less the one before that, …
        lives: (h, w, 2 * BANDS) correlation of each band with itself one step before, then three steps before.
        frames: How many of the frames say something.
    """

    motion: Motion
    levels: tuple[Array32, ...]
    lives: Array32
    frames: int


def aligned_inputs(rain: Array32, motion: Motion) -> Aligned:
    """Carry the older frames onto the newest and smooth them at every scale.

    Args:
        rain: (T, Y, X) mm/h, oldest first, one step apart; NaN missing.
        motion: Of these frames.

    Raises:
        InputError: `rain` is not (T, Y, X), or the motion is of another grid.
    """
    if rain.ndim != 3 or 0 in rain.shape or motion.displacement.shape[1:] != rain.shape[1:]:
        raise InputError(f"rain {rain.shape} and motion {motion.displacement.shape} do not fit: (T, Y, X), (2, Y, X)")
    recent = np.log1p(np.maximum(rain[-FRAMES:], np.float32(0.0)), dtype=np.float32)
    usable = [index for index in usable_frames(rain[-FRAMES:]) if index < len(recent) - 1]
    newest = recent[-1]
    back = departure_points(motion, np.arange(1.0, FRAMES))
    stack = np.empty((FRAMES, *newest.shape), np.float32)
    stack[0] = newest
    change = np.where(np.isnan(newest), newest, np.float32(0.0))
    for age in range(1, FRAMES):
        at = len(recent) - 1 - age
        if at in usable:
            found = newest - advect(recent[at], back[age - 1 : age])[0]
            change = np.where(np.isnan(found), change, found)
        stack[age] = change
    levels = _pyramid(stack)
    return Aligned(motion, levels, _lives(levels), len(usable) + bool(np.isfinite(newest).any()))


def _pyramid(stack: Array32) -> tuple[Array32, ...]:
    levels = [_last(stack)]
    for scale in SCALES[1:]:
        if scale > 1 and min(stack.shape[1:]) >= 2:
            stack = np.stack([halve(part) for part in stack])
        levels.append(_last(_smoothed(stack)))
    return tuple(levels)


def _smoothed(stack: Array32) -> Array32:
    known = np.isfinite(stack[0])
    parts = np.concatenate([np.where(known, stack, np.float32(0.0)), known[None].astype(np.float32)])
    sums = blur(parts, _NARROW)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(sums[-1] > 1e-6, sums[:-1] / sums[-1], np.float32(np.nan))


def _last(stack: Array32) -> Array32:
    return np.ascontiguousarray(np.moveaxis(stack, 0, -1))


def _lives(levels: tuple[Array32, ...]) -> Array32:
    """(h, w, 2 * BANDS): 1 - E[(now - before)^2] / 2 E[now^2] of each band, over 32 pixels around."""
    told = []
    for scale, (fine, coarse) in zip(SCALES, pairwise(levels[: BANDS + 1]), strict=False):
        if fine.shape[0] > coarse.shape[0]:
            coarse = coarse.repeat(2, axis=0).repeat(2, axis=1)
        rows, columns = (min(pair) for pair in zip(fine.shape[:2], coarse.shape[:2], strict=True))
        band = np.nan_to_num(fine[:rows, :columns] - coarse[:rows, :columns])
        squares = np.stack([band[..., at] ** 2 for at in (0, 1, 3)])
        for _ in range((_CELL // max(scale, 1)).bit_length() - 1):
            if min(squares.shape[1:]) >= 2:
                squares = np.stack([halve(part) for part in squares])
        told.append(blur(squares, _WIDE))
    size = [min(one.shape[axis] for one in told) for axis in (1, 2)]
    cut = np.stack([one[:, : size[0], : size[1]] for one in told])
    lives = 1 - cut[:, 1:] / (2 * cut[:, :1] + np.float32(1e-6))
    return _last(np.clip(lives, _LEAST, 1).transpose(1, 0, 2, 3).reshape(2 * BANDS, *size).astype(np.float32))


def look_up(aligned: Aligned, targets: Array32, departures: Array32, steps: Array32, step_minutes: float) -> Array32:
    """(N, FEATURES) what the network reads for targets whose air departed from these points.

    A departure beyond the field reads its edge. A scale at which nothing is known there reads the next coarser one;
    where none is, its features are NaN.

    Args:
        aligned: The frames.
        targets: (2, N) rows and columns, pixels.
        departures: (2, N) of `departures_of`.
        steps: (N,) lead in steps.
        step_minutes: Between frames.

    Raises:
        InputError: The shapes do not fit.
    """
    if targets.ndim != 2 or len(targets) != 2 or departures.shape != targets.shape or steps.shape != targets.shape[1:]:
        raise InputError(f"targets {targets.shape}, departures {departures.shape}, steps {steps.shape}: (2, N), (N,)")
    out = np.empty((len(steps), FEATURES), np.float32)
    for level in range(len(SCALES) - 1, -1, -1):
        coarser = min(level + 1, len(SCALES) - 1)
        _gather(aligned.levels[level], _side(level), departures, out, (level * FRAMES, coarser * FRAMES))
    _gather(aligned.lives, _CELL, departures, out, (_LIVES, _LIVES))
    for at, (distance, level) in enumerate(AHEAD):
        column = _SLOPES + 2 * at
        _slopes(aligned.levels[level], (_side(level), distance), targets, departures, out, column)
    minutes = steps * np.float32(step_minutes)
    for at, row in enumerate(np.eye(len(NODES))):
        out[:, _LEADS + at] = np.interp(minutes, NODES, row)
    out[:, -1] = steps
    return out


def _side(level: int) -> int:
    return max(SCALES[level], 1)


def departures_of(motion: Motion, targets: Array32, steps: Array32) -> Array32:
    """(2, N) where the air over each target was, each its own number of steps before; as `departure_points` traces.

    Args:
        motion: Pixels per step.
        targets: (2, N) rows and columns.
        steps: (N,) 0 or more, fractions allowed.

    Raises:
        InputError: The shapes do not fit.

    >>> motion = Motion(np.full((2, 3, 4), 1.0, np.float32), np.ones((3, 4), np.float32))
    >>> departures_of(motion, np.array([[2.0], [3.5]], np.float32), np.array([1.5], np.float32)).ravel().tolist()
    [0.5, 2.0]
    """
    if targets.ndim != 2 or len(targets) != 2 or steps.shape != targets.shape[1:]:
        raise InputError(f"targets are {targets.shape} with steps {steps.shape}, expected (2, N) and (N,)")
    return _trace(np.ascontiguousarray(motion.displacement), np.ascontiguousarray(targets), steps)


@compiled
def _trace(displacement: Array32, targets: Array32, steps: Array32) -> Array32:
    out = np.empty_like(targets)
    for n in range(targets.shape[1]):
        p, q = targets[0, n], targets[1, n]
        count = int(np.ceil(steps[n] - 1e-6))
        for _ in range(count):
            part = np.float32(steps[n] / count)
            half = np.float32(0.5) * part
            di, dj = between(displacement[0], p, q), between(displacement[1], p, q)
            u, v = p - half * di, q - half * dj
            p -= part * between(displacement[0], u, v)
            q -= part * between(displacement[1], u, v)
        out[0, n], out[1, n] = p, q
    return out


@compiled
def _inside(place: np.float32, side: int, count: int) -> np.float32:
    """A pixel of the finest level in pixels that are `side` wide, at most at the edge."""
    return min(
        max((place + np.float32(0.5)) / np.float32(side) - np.float32(0.5), np.float32(0)), np.float32(count - 1)
    )


@compiled
def _value(field: Array32, u: np.float32, v: np.float32, c: int) -> np.float32:
    """Bilinear value of one channel of (h, w, C); NaN if a pixel that counts is NaN."""
    a, b = int(u), int(v)
    f, e = u - np.float32(a), v - np.float32(b)
    below, right = a + (f > 0), b + (e > 0)
    above = field[a, b, c] + e * (field[a, right, c] - field[a, b, c])
    return np.float32(above + f * (field[below, b, c] + e * (field[below, right, c] - field[below, b, c]) - above))


@compiled
def _gather(field: Array32, side: int, points: Array32, out: Array32, columns: tuple[int, int]) -> None:
    """Bilinear values of (h, w, C), whose pixels are `side` wide, at (2, N) points; unknown: what `out` holds later."""
    height, width, channels = field.shape
    at, coarser = columns
    for n in range(points.shape[1]):
        u, v = _inside(points[0, n], side, height), _inside(points[1, n], side, width)
        for c in range(channels):
            value = _value(field, u, v, c)
            out[n, at + c] = value if value == value or coarser == at else out[n, coarser + c]


@compiled
def _slopes(
    field: Array32, read: tuple[int, int], targets: Array32, departures: Array32, out: Array32, column: int
) -> None:
    """Half of ahead less behind of the first two channels, along the way from departure to target; unknown = 0."""
    side, distance = read
    for n in range(targets.shape[1]):
        y, x = targets[0, n] - departures[0, n], targets[1, n] - departures[1, n]
        length = max(np.sqrt(y * y + x * x), np.float32(0.2))
        y, x = y / length * distance, x / length * distance
        for c in range(2):
            ends = np.float32(0.0)
            for sign in (-1, 1):
                u = _inside(departures[0, n] + sign * y, side, field.shape[0])
                v = _inside(departures[1, n] + sign * x, side, field.shape[1])
                ends += np.float32(0.5) * sign * _value(field, u, v, c)
            out[n, column + c] = ends if ends == ends else 0.0
