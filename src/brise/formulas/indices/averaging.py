"""Trailing means of hourly series, each with its data-capture rule. Time is the last axis, hourly, gaps are NaN."""

import numpy as np

from brise.formulas.indices.index import Array


def running_mean(x: Array, hours: int, required: int) -> Array:
    """Mean of the newest `hours` hours at every hour, over those that are known.

    Args:
        x: (..., T), NaN unknown.
        hours: Window length.
        required: Known hours the window must hold, else NaN. A window that begins before the series counts what is
            before as unknown.

    Returns:
        (..., T).

    >>> running_mean(np.array([1.0, np.nan, 3.0, 5.0]), hours=3, required=2).tolist()
    [nan, nan, 2.0, 4.0]
    """
    known = ~np.isnan(x)
    total = np.cumsum(np.where(known, x, 0.0), axis=-1)
    count = np.cumsum(known, axis=-1, dtype=np.float64)
    total[..., hours:] -= total[..., :-hours].copy()
    count[..., hours:] -= count[..., :-hours].copy()
    count[count < required] = np.nan
    return np.asarray(np.maximum(total, 0.0) / count)


def nowcast(x: Array) -> Array:
    """US EPA NowCast of particles: a mean of 12 hours that leans on the newest when the air changes fast.

    With c_i the hour i hours ago, w = max(min(c) / max(c), 1/2) and the result is sum(w^i c_i) / sum(w^i),
    i = 0 ... 11, unknown hours left out of both sums. It needs 2 of the newest 3 hours.

    Source: US EPA, EPA-454/B-24-002 (2024) and the AirNow description of the NowCast.

    Args:
        x: (..., T) µg m-3, NaN unknown.

    Returns:
        (..., T) µg m-3, not truncated.

    >>> series = np.array([13.0, 16, 10, 21, 74, 64, 53, 82, 90, 75, 80, 50])
    >>> round(float(nowcast(series)[-1]), 2)
    64.26
    """
    steps = x.shape[-1]
    padding = [(0, 0)] * (x.ndim - 1) + [(11, 0)]
    known = np.pad(~np.isnan(x), padding)
    filled = np.pad(np.nan_to_num(x), padding)
    low, high = _window_extreme(x, np.fmin), _window_extreme(x, np.fmax)
    # all zero: 0 / 0, any weight gives 0; nothing known: refused below
    w = np.maximum(np.divide(low, high, out=np.ones_like(x), where=high > 0), 0.5)
    above, below = np.zeros_like(x), np.zeros_like(x)
    for start in range(12):  # oldest hour first: Horner's rule in w
        above *= w
        above += filled[..., start : start + steps]
        below *= w
        below += known[..., start : start + steps]
    newest = sum(known[..., 11 - i : 11 - i + steps].astype(np.int8) for i in range(3))
    return np.divide(above, below, out=np.full_like(x, np.nan), where=newest >= 2)


def _window_extreme(x: Array, pick: np.ufunc) -> Array:
    """Smallest or largest known value of the newest 12 hours, by doubling the window: 2, 4, then 4 + 4 + 4."""
    out = x
    for lag in (1, 2):
        out = _with_earlier(out, out, lag, pick)
    return _with_earlier(_with_earlier(out, out, 4, pick), out, 8, pick)


def _with_earlier(x: Array, earlier: Array, lag: int, pick: np.ufunc) -> Array:
    out = x.copy()
    if lag < x.shape[-1]:
        pick(x[..., lag:], earlier[..., :-lag], out=out[..., lag:])
    return out
