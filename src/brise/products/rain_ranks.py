"""The compiled part of the rain members: noise that grows, and members ranked pixel by pixel."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from brise.formulas.compiled import Array32, compiled

_BINS = 2048
_SURE = 0.002
_PROBIT = ndtri(np.clip(np.arange(_BINS + 1) / _BINS, _SURE, 1 - _SURE)).astype(np.float32)
"""Standard normal quantile by probability; chances nearer to 0 or 1 than 0.002 are not told apart."""

_NEARLY = 0.01
"""A chance nearer to 0 or 1 than this says nothing about how fast the rest falls off, where quantiles say more."""

_TAIL = 0.35
"""Steepest slope beyond the last known quantile, log1p of mm/h a standard deviation: what a forecast does not tell of
its tail is rain that is heavy already, and hardly doubles from one standard deviation to the next."""


@compiled
def grow(
    state: NDArray[np.complex64], normal: Array32, kept: Array32, amplitude: Array32, out: NDArray[np.complex64]
) -> None:
    """One step of a first-order autoregression at every wavenumber, and its shaped spectrum.

    Args:
        state: (Y, K) replaced by kept * state + sqrt(1 - kept²) * noise.
        normal: (Y, K, 2) standard normal numbers.
        kept: (Y, K) correlation over the step.
        amplitude: (Y, K) of the noise.
        out: (Y, K) amplitude * state.
    """
    for y in range(state.shape[0]):
        for x in range(state.shape[1]):
            keep = kept[y, x]
            new = np.sqrt(np.float32(1.0) - keep * keep)
            value = np.complex64(keep * state[y, x] + complex(new * normal[y, x, 0], new * normal[y, x, 1]))
            state[y, x] = value
            out[y, x] = np.complex64(amplitude[y, x] * value)


@compiled
def _add(z: Array32, y: Array32, count: int, at: np.float32, value: np.float32) -> int:
    """Insert a knot in order of z."""
    place = count
    while place > 0 and z[place - 1] > at:
        z[place], y[place] = z[place - 1], y[place - 1]
        place -= 1
    z[place], y[place] = at, value
    return count + 1


@compiled
def _knots(
    quantile: Array32, levels: Array32, chance: Array32, thresholds: Array32, knots: tuple[Array32, Array32]
) -> int:
    """Standard normal deviates and log1p of rates of what the forecast says at a pixel, both rising; how many."""
    z, y = knots
    count = 0
    for place in range(len(levels)):
        at = _PROBIT[int(levels[place] * _BINS + 0.5)]
        count = _add(z, y, count, at, np.log1p(quantile[place]))
    for place in range(len(thresholds)):
        share = chance[place]
        if len(levels) == 0 or (_NEARLY < share < 1 - _NEARLY):
            at = _PROBIT[int((1 - share) * _BINS + 0.5)]
            count = _add(z, y, count, at, np.log1p(thresholds[place]))
    for place in range(1, count):
        y[place] = max(y[place], y[place - 1])
    return count


@compiled
def _rates(knots: tuple[Array32, Array32], count: int, wet: np.float32, deviates: Array32, out: Array32) -> None:
    """Rates at rising deviates; 0 below `wet`, the deviate from which it rains."""
    z, y = knots
    knot = 0
    for place in range(len(deviates)):
        at = deviates[place]
        if at < wet:
            out[place] = 0.0
            continue
        while knot < count - 1 and z[knot + 1] <= at:
            knot += 1
        if knot == count - 1:
            run = z[knot] - z[knot - 1] if knot else np.float32(0.0)
            slope = (y[knot] - y[knot - 1]) / run if run > np.float32(0.01) else np.float32(_TAIL)
            value = y[knot] + min(slope, np.float32(_TAIL)) * (at - z[knot])
        elif at < z[knot]:
            value = y[knot]
        else:
            share = (at - z[knot]) / max(z[knot + 1] - z[knot], np.float32(1e-6))
            value = y[knot] + share * (y[knot + 1] - y[knot])
        out[place] = np.expm1(value)


@compiled
def _between(field: Array32, y: int, x: int, down: np.float32, across: np.float32) -> np.float32:
    upper = field[y, x] + across * (field[y, x + 1] - field[y, x])
    lower = field[y + 1, x] + across * (field[y + 1, x + 1] - field[y + 1, x])
    return np.float32(upper + down * (lower - upper))


@compiled
def rank(
    rows: tuple[int, int],
    fields: tuple[Array32, Array32, Array32, Array32],
    places: tuple[Array32, Array32],
    forecast: tuple[Array32, Array32, Array32, Array32],
    deviates: Array32,
    out: Array32,
) -> None:
    """Give each member, at each pixel, the rate of its rank.

    Args:
        rows: First and past the last to do.
        fields: Latent field, strength of noise, highest rate (Y, X), and noise of each member (M, Y, X).
        places: Where each pixel's rain comes from (2, Y, X), and how far off the members are (M, 2), in pixels.
        forecast: Quantiles (Q, Y, X), their levels (Q,), chances (K, Y, X), their thresholds (K,).
        deviates: (M,) standard normal deviates of the ranks, rising.
        out: (M, Y, X) mm h-1.
    """
    latent, strength, ceiling, noise = fields
    came, off = places
    quantile, levels, chance, thresholds = forecast
    count, height, width = noise.shape
    value, order, rate = np.empty(count, np.float32), np.empty(count, np.intp), np.empty(count, np.float32)
    knots = (np.empty(len(levels) + len(thresholds), np.float32), np.empty(len(levels) + len(thresholds), np.float32))
    for y in range(rows[0], rows[1]):
        for x in range(width):
            share = chance[0, y, x] if len(thresholds) else np.float32(1.0)
            top = quantile[-1, y, x] if len(levels) else np.float32(0.0)
            if np.isnan(share) or np.isnan(top):
                out[:, y, x] = np.nan
                continue
            wet = _PROBIT[int((1 - share) * _BINS + 0.5)] if len(thresholds) else np.float32(-9.0)
            if wet > deviates[-1]:
                out[:, y, x] = 0.0
                continue
            for member in range(count):
                down = min(max(came[0, y, x] + off[member, 0], np.float32(0.0)), np.float32(height - 1.001))
                across = min(max(came[1, y, x] + off[member, 1], np.float32(0.0)), np.float32(width - 1.001))
                row, column = int(down), int(across)
                down, across = down - row, across - column
                here = _between(latent, row, column, down, across)
                here += _between(strength, row, column, down, across) * _between(
                    noise[member], row, column, down, across
                )
                place = member
                while place > 0 and value[place - 1] > here:
                    value[place], order[place] = value[place - 1], order[place - 1]
                    place -= 1
                value[place], order[place] = here, member
            found = _knots(quantile[:, y, x], levels, chance[:, y, x], thresholds, knots)
            _rates(knots, found, wet, deviates, rate)
            row = int(min(max(came[0, y, x] + np.float32(0.5), np.float32(0.0)), np.float32(height - 1)))
            column = int(min(max(came[1, y, x] + np.float32(0.5), np.float32(0.0)), np.float32(width - 1)))
            for member in range(count):
                out[order[member], y, x] = min(rate[member], ceiling[row, column])
