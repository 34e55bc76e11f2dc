"""Calibrates one sensor against the reference stations, or the map, that it was near: robust, windowed, refusing.

The prior is what is known without: a slope of one and no offset on the generally corrected value. Few or scattered
hours leave it there, many move it. Hours count less the further they lie from the moment asked about, so that a drift
is followed; `rolling` gives one calibration a step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.calibration import Calibration, robust_ridge
from brise.models.sensor_correction import CORRECTED, column, general
from brise.models.sensor_correction_fit import spread_of

Array = NDArray[np.float64]

FEWEST_HOURS = 48
"""Fewer cannot tell a sensor's error from the weather's."""

FEWEST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Focus:
    """The moment that a calibration is for.

    Attributes:
        when: UTC; None = the newest hour.
        reach: Hours this far from it count 1/e.
    """

    when: datetime | None = None
    reach: timedelta = timedelta(days=45)


NOW = Focus()

LEAST_HEED = 0.02
"""What hours count at least."""

WEATHER = ("relative_humidity", "temperature")

_HELD = 10.0  # pseudo-hours that hold slope and terms at the prior
_HELD_OFFSET = 3.0
_CLIP = 2.0
_FAR = 3.0
_BLOCKS = 10


def fit_against_reference(
    samples: pd.DataFrame,
    reference: pd.Series,
    variable: str,
    also: Sequence[str] = WEATHER,
    make: str = "unknown",
    focus: Focus = NOW,
) -> Calibration:
    """Fit one sensor to the reference hours that it shared.

    Args:
        samples: Hourly means: `time` (END of the hour, UTC), `variable`, and other columns in storage units.
        reference: Values in the variable's storage unit, by the same times.
        variable: Of CORRECTED.
        also: What else may count: columns, or logarithms of columns ("log voc"); those with no value are left out.
        make: As in `correct`.
        focus: The moment it is for.

    Returns:
        The calibration; its uncertainty is that of hours in blocks of time that were left out.

    Raises:
        InputError: Unknown variable; fewer than 48 hours, or hours on fewer than 3 days.
    """
    if variable not in CORRECTED:
        raise InputError(f"{variable!r} is not calibrated; those that are: {', '.join(CORRECTED)}")
    rows, target = _shared(samples, reference, variable)
    time = pd.to_datetime(rows["time"], utc=True)
    days = time.dt.floor("D").nunique()
    if len(rows) < FEWEST_HOURS or days < FEWEST_DAYS:
        raise InputError(
            f"{variable}: {len(rows)} hours on {days} days beside a reference; "
            f"at least {FEWEST_HOURS} on {FEWEST_DAYS} days calibrate a sensor"
        )
    value = general(rows, variable, make)[0]
    names = [name for name in also if not np.isnan(column(rows, name)).all()]
    away = np.abs((time - (focus.when or time.max())).dt.total_seconds().to_numpy(float))
    weights = np.maximum(np.exp(-away / focus.reach.total_seconds()), LEAST_HEED) * _heed(value)
    weights = weights / weights.mean()
    design, centres, scales = _standard([value, *(column(rows, name) for name in names)], weights)
    found = _solve(design, target - value, weights)
    out = np.full(len(rows), np.nan)
    for block in np.array_split(np.argsort(time.to_numpy()), _BLOCKS):
        kept = np.setdiff1d(np.arange(len(rows)), block)
        out[block] = value[block] + _with_one(design[block]) @ _solve(
            design[kept], (target - value)[kept], weights[kept]
        )
    near = away <= np.partition(away, FEWEST_HOURS - 1)[FEWEST_HOURS - 1]  # far hours were hardly fitted to
    near |= away <= focus.reach.total_seconds()
    spread = spread_of(np.maximum(out, 0.0)[near], target[near])
    width = (spread.high - spread.low) / 2.5631
    slopes = found[1:] / scales
    start, end = time.min().to_pydatetime(), time.max().to_pydatetime()
    return Calibration(
        variable,
        offset=float(found[0] - slopes[0] * centres[0]),
        slope=1.0 + float(slopes[0]),
        terms=tuple((name, float(c), float(b)) for name, c, b in zip(names, centres[1:], slopes[1:], strict=True)),
        start=start,
        end=end,
        hours=len(rows),
        uncertainty=spread.floor * width,
        share=spread.share * width,
        name=f"{len(rows)} hours beside a reference, {start:%Y-%m-%d} to {end:%Y-%m-%d}",
    )


def rolling(
    samples: pd.DataFrame,
    reference: pd.Series,
    variable: str,
    also: Sequence[str] = WEATHER,
    make: str = "unknown",
    every: timedelta = timedelta(days=14),
) -> list[Calibration]:
    """One calibration for each step of time, each from the hours of its own step and, less, of those around it.

    Raises:
        InputError: As `fit_against_reference`, of all hours together.
    """
    whole = fit_against_reference(samples, reference, variable, also, make)
    count = max(1, round((whole.end - whole.start) / every))
    step = (whole.end - whole.start) / count
    found = []
    for k in range(count):
        start = whole.start + k * step
        one = fit_against_reference(samples, reference, variable, also, make, Focus(start + step / 2, step))
        found.append(replace(one, start=start, end=start + step))
    return found


def _shared(samples: pd.DataFrame, reference: pd.Series, variable: str) -> tuple[pd.DataFrame, Array]:
    time = pd.DatetimeIndex(pd.to_datetime(samples["time"], utc=True))
    known = reference[~reference.index.duplicated()]
    known.index = pd.DatetimeIndex(pd.to_datetime(known.index, utc=True))
    target = known.reindex(time).to_numpy(float)
    both = np.isfinite(target) & np.isfinite(column(samples, variable))
    return samples[both], target[both]


def _standard(columns: Sequence[Array], weights: Array) -> tuple[Array, Array, Array]:
    """(N, F) of weighted mean 0 and deviation 1, unknown as the mean; (F,) means and (F,) deviations."""
    x = np.stack(columns, axis=1)
    heed = np.where(np.isnan(x), 0.0, weights[:, None])
    centres = np.sum(heed * np.nan_to_num(x), axis=0) / heed.sum(axis=0)
    scales = np.sqrt(np.sum(heed * np.nan_to_num(x - centres) ** 2, axis=0) / heed.sum(axis=0))
    return np.nan_to_num((x - centres) / np.maximum(scales, 1e-9)), centres, np.maximum(scales, 1e-9)


def _heed(value: Array) -> Array:
    """(N,) less where the value itself lies far from most: one such hour would draw the slope (Mallows 1975)."""
    size = np.log1p(np.maximum(value, 0.0))
    apart = np.abs(size - np.median(size))
    return np.asarray(np.minimum(1.0, _FAR * 1.4826 * np.median(apart) / np.maximum(apart, 1e-9)) ** 4)


def _with_one(x: Array) -> Array:
    return np.hstack([np.ones((len(x), 1)), x])


def _solve(design: Array, target: Array, weights: Array) -> Array:
    held = np.array([_HELD_OFFSET, *[_HELD] * design.shape[1]])
    return robust_ridge(_with_one(design), target, held, weights, _CLIP, constant=False)
