"""The classical rain nowcaster: extrapolation along the motion, every scale trusted as long as it lives.

In log1p of the rate, the newest frame and its growth since the frame before (both in Lagrangian coordinates) are split
into scales. A forecast is their weighted sum, sampled once at the departure points: small scales fade first, as in
S-PROG (Seed 2003), and growth counts only where it is broad. The weights are least squares over radar events, each
event counting alike, so a value is the mean of log1p, the best under the squared logarithmic error. The chances are
those of `rain_chances`. `benchmarks.skill.rain_constants` fits the numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.advection import advect, departure_points
from brise.formulas.advection_kernels import add, convolve, trace_points
from brise.formulas.compiled import Array32
from brise.formulas.motion import Motion, estimate_motion, usable_frames
from brise.formulas.motion_kernels import between, halve, resample
from brise.models.rain_chances import chances
from brise.models.rain_constants import CONSTANTS, LEVELS, Constants
from brise.models.rain_forecast import RainForecast

Leads = Sequence[float] | NDArray[np.float64]

_SIGMA = 2.0  # pixels of each level of the pyramid
_KERNEL = np.exp(-0.5 * (np.arange(7) / _SIGMA) ** 2).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Situation:
    """What the last frames say, before any lead is asked for.

    Attributes:
        motion: Pixels per step.
        age: Steps between the newest usable frame and the end of the sequence.
        scales: Of the newest frame, and of its growth per step: the image (Y, X), its Gaussian means in a pyramid whose
            levels are each half as fine, the mean of the field.
        notes: What was missing.
    """

    motion: Motion
    age: int
    scales: tuple[tuple[Array32, ...], tuple[Array32, ...]]
    notes: tuple[str, ...]


def assess(rain: Array32) -> Situation:
    """Motion and bands of (T, Y, X) mm/h, oldest first, NaN missing.

    Raises:
        InputError: Not (T, Y, X), or rates below zero or infinite.
    """
    if rain.ndim != 3 or 0 in rain.shape:
        raise InputError(f"rain nowcast: rain is {rain.shape}, expected (frames, rows, columns)")
    rain = np.ascontiguousarray(rain, np.float32)
    if np.nanmin(rain, initial=0.0) < 0.0 or np.isinf(rain).any():
        raise InputError("rain nowcast: rates must be 0 or more and finite, NaN where missing")
    frames = usable_frames(rain)
    newest = frames[-1] if frames else len(rain) - 1
    motion = estimate_motion(rain)
    last = np.log1p(rain[newest])
    growth = np.zeros_like(last)
    if len(frames) > 1:
        gap = newest - frames[-2]
        before = advect(np.log1p(rain[frames[-2]]), departure_points(motion, np.array([float(gap)])))[0]
        growth = np.nan_to_num((last - before) / np.float32(gap))
    return Situation(motion, len(rain) - 1 - newest, (_scales(last), _scales(growth)), _notes(rain, frames, motion))


def _notes(rain: Array32, frames: list[int], motion: Motion) -> tuple[str, ...]:
    if not frames:
        return ("no usable frame: rain unknown",)
    left_out = len(rain) - len(frames)
    wet = bool((rain[frames[-1]] > 0.1).any())
    found = (
        (left_out > 0, f"{left_out} of {len(rain)} frames missing or repeated"),
        (frames[-1] < len(rain) - 1, f"newest frame is {len(rain) - 1 - frames[-1]} steps old"),
        (wet and len(frames) < 2, "one frame only: no motion"),
        (wet and len(frames) > 1 and not motion.quality.any(), "no motion found"),
    )
    return tuple(text for holds, text in found if holds)


def _scales(image: Array32) -> tuple[Array32, ...]:
    """The image, its Gaussian means level by level (gaps filled by the field's mean), and that mean as (1, 1)."""
    mean = np.float32(np.nanmean(image)) if np.isfinite(image).any() else np.float32(np.nan)
    scales = [image]
    level = image
    for at in range(LEVELS):
        if at and min(level.shape) > 1:
            level = halve(level)
        filled = convolve(level, _KERNEL, True)
        filled[np.isnan(filled)] = mean
        scales.append(filled)
    return (*scales, np.full((1, 1), mean, np.float32))


def _combined(
    scales: tuple[tuple[Array32, ...], tuple[Array32, ...]],
    weights: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> Array32:
    """(Y, X) weighted sum of the scales of the newest frame and its growth, built from coarse to fine."""
    (newest, growth), (share, gain) = scales, np.asarray(weights, np.float32)
    total = np.asarray(share[-1] * newest[-1] + gain[-1] * growth[-1], np.float32)
    for at in range(LEVELS, 0, -1):
        if newest[at].shape != total.shape:
            total = resample(total[None], newest[at].shape[0], newest[at].shape[1], 2.0)[0]
        add(total, newest[at], growth[at], share[at], gain[at])
    add(total, newest[0], growth[0], share[0], gain[0])
    return total


def point_features(situation: Situation, points: Array32) -> NDArray[np.float64]:
    """(P, 2, LEVELS + 2) scales of the newest frame and its growth at points (P, 2) rows, columns; edges go on."""
    out = np.empty((len(points), 2, LEVELS + 2))
    for which, scales in enumerate(situation.scales):
        for at, scale in enumerate(scales[:-1]):
            side = 2.0 ** max(at - 1, 0)
            for index, (row, column) in enumerate(points):
                out[index, which, at] = between(scale, (row + 0.5) / side - 0.5, (column + 0.5) / side - 0.5)
        out[:, which, -1] = scales[-1][0, 0]
        unknown = np.isnan(out[:, which, 0])
        out[unknown, which, 0] = out[unknown, which, 1]
    return out


def extrapolate(rain: Array32, step_minutes: float, leads_minutes: Leads, constants: Constants = CONSTANTS) -> Array32:
    """The classical nowcast: (L, Y, X) mm/h, NaN where the rain comes from outside or from missing pixels.

    Args:
        rain: (T, Y, X) mm/h, oldest first, one step apart, NaN missing.
        step_minutes: Between frames.
        leads_minutes: After the last frame, rising.
        constants: Fitted on other events.

    Raises:
        InputError: Shapes, rates, step or leads are impossible.
    """
    leads, steps = _steps(step_minutes, leads_minutes)
    situation = assess(rain)
    where = departure_points(situation.motion, steps + situation.age)
    return _fields(situation, where, step_minutes, constants.at(leads + situation.age * step_minutes)[0])


def nowcast(rain: Array32, step_minutes: float, leads_minutes: Leads, constants: Constants = CONSTANTS) -> RainForecast:
    """`extrapolate`, with quantiles, chances, and what it had to do without.

    Raises:
        InputError: Shapes, rates, step or leads are impossible.
    """
    leads, steps = _steps(step_minutes, leads_minutes)
    situation = assess(rain)
    weights, law = constants.at(leads + situation.age * step_minutes)
    where = departure_points(situation.motion, steps + situation.age)
    value = _fields(situation, where, step_minutes, weights)
    chance, quantiles = chances(np.expm1(situation.scales[0][0]), value, where, law)
    return RainForecast(leads, value, quantiles, chance, situation.notes)


def centre(
    x: Array32, step_minutes: float, leads_minutes: Leads | None = None, constants: Constants = CONSTANTS
) -> Array32:
    """(N, L) mm/h: the mean of the central 2 x 2 pixels of (N, T, Y, X); never NaN unless a sample knows nothing.

    Args:
        x: mm/h, oldest first, NaN missing.
        step_minutes: Between frames.
        leads_minutes: None = the next eight steps.
        constants: Fitted on other events.

    Raises:
        InputError: Shapes, rates, step or leads are impossible.
    """
    leads, steps = _steps(step_minutes, step_minutes * np.arange(1.0, 9.0) if leads_minutes is None else leads_minutes)
    out = np.empty((len(x), len(leads)), np.float32)
    for index, rain in enumerate(x):
        features, age = centre_features(rain, step_minutes, steps)
        weights = constants.at(leads + age * step_minutes)[0]
        out[index] = np.expm1(np.maximum((features * weights).sum(axis=(1, 2)), 0.0))
    return out


def centre_features(rain: Array32, step_minutes: float, steps: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """(L, 2, LEVELS + 2) features of the middle of (T, Y, X) and the age of the newest usable frame in steps."""
    situation = assess(rain)
    middle = np.array([(side - 1) / 2 for side in rain.shape[1:]], np.float32)
    points = trace_points(situation.motion.displacement, middle[None], steps + situation.age)[:, 0]
    features = point_features(situation, points)
    features[:, 1] /= step_minutes
    return features, situation.age


def _steps(step_minutes: float, leads_minutes: Leads) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    leads = np.asarray(leads_minutes, np.float64)
    if not (np.isfinite(step_minutes) and step_minutes > 0):
        raise InputError(f"rain nowcast: a step of {step_minutes} minutes must be above 0")
    if leads.ndim != 1 or not np.isfinite(leads).all() or (np.diff(leads, prepend=0.0) < 0).any():
        raise InputError(f"rain nowcast: leads {leads.tolist()} minutes must be 0 or more and not fall")
    return leads, leads / step_minutes


def _fields(situation: Situation, where: Array32, step_minutes: float, weights: NDArray[np.float64]) -> Array32:
    """(L, Y, X) mm/h: the weighted scales of each lead, sampled where its air was."""
    out = np.empty((len(where), *where.shape[2:]), np.float32)
    for lead, (newest, growth) in enumerate(weights):
        source = _combined(situation.scales, (newest, growth / step_minutes))
        out[lead] = advect(source, where[lead : lead + 1])[0]
    return np.asarray(np.expm1(np.maximum(out, np.float32(0.0), out=out), out=out))
