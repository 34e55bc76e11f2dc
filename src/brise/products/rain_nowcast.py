"""Rain to two hours ahead at every pixel of a radar field: rates, chances, and what falls within an hour or two."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from brise.conventions.grids import Grid
from brise.conventions.rain import DRY, RainFrame, RainSequence
from brise.formulas.motion import estimate_motion
from brise.models.rain_forecast import RainForecast
from brise.products.rain_ensemble import members

PRODUCT = "rain"
FRAMES = 4
"""How many of the newest frames a nowcast reads."""

LEADS: tuple[int, ...] = tuple(range(5, 121, 5))
"""Minutes after the newest frame."""

WINDOWS: tuple[int, ...] = (60, 120)
"""Minutes after the newest frame within which rain is summed up."""

MEMBERS = 20
SPREAD = (0.1, 0.5, 0.9)
"""Quantiles of a sum."""

FEW = 0.5
"""A newest frame that knows less than this share of what the frames before know is called gappy."""

Array32 = NDArray[np.float32]
Nowcaster = Callable[[Array32, float, NDArray[np.float64]], RainForecast]
"""Frames (T, Y, X) in mm h-1, minutes between them, leads (L,) in minutes: the forecast."""


@dataclass(frozen=True, slots=True)
class RainRun:
    """A nowcast that is ready to publish.

    Attributes:
        grid: Its pixels.
        init_time: When the newest frame was measured, UTC.
        observed: (Y, X) mm h-1, the newest frame.
        forecast: At LEADS.
        totals: (W, 4, Y, X) within WINDOWS: the chance of any rain, and the 10, 50 and 90 % quantiles of its sum, mm.
        sources: Names of the radar sources.
        simulated: No radar saw it.
        degraded: Frames were missing, left out, or know little.
        notes: What the nowcast had to do without.
    """

    grid: Grid
    init_time: datetime
    observed: Array32
    forecast: RainForecast
    totals: Array32
    sources: tuple[str, ...]
    simulated: bool
    degraded: bool
    notes: tuple[str, ...]


def compute(sequence: RainSequence, nowcaster: Nowcaster, name: str, count: int = MEMBERS, seed: int = 0) -> RainRun:
    """Make the nowcast of one area.

    Args:
        sequence: The newest frames, FRAMES of them or fewer.
        nowcaster: Any model.
        name: Of the area.
        count: Members from which sums are told.
        seed: Of the members.

    Raises:
        ConventionError: The frames' pixels are not square.
    """
    newest = RainFrame(sequence.times[-1], sequence.rate[-1], sequence.latitudes, sequence.longitudes, name)
    leads = np.array(LEADS, float)
    forecast = nowcaster(sequence.rate, sequence.step_minutes, leads)
    stories = members(
        sequence.rate, estimate_motion(sequence.rate), forecast, sequence.step_minutes, count=count, seed=seed
    )
    dry = not (sequence.rate >= DRY).any()
    faults = [note for note in sequence.notes if not (dry and note.startswith("all dry"))]
    faults += () if dry else forecast.notes
    faults += _gappy(sequence)
    seconds = int(sequence.times[-1].astype("datetime64[s]").astype(np.int64))
    return RainRun(
        grid=newest.grid(name),
        init_time=datetime.fromtimestamp(seconds, UTC),
        observed=newest.rate,
        forecast=forecast,
        totals=totals(stories, leads),
        sources=sequence.sources,
        simulated=sequence.simulated,
        degraded=bool(faults),
        notes=tuple(dict.fromkeys((*sequence.notes, *faults))),
    )


def _gappy(sequence: RainSequence) -> list[str]:
    known = np.isfinite(sequence.rate)
    share = known[-1].mean() / max(known.any(axis=0).mean(), 1e-9)
    return [f"the newest frame knows {100 * share:.0f} % of the pixels that the frames know"] if share < FEW else []


def totals(stories: Iterable[Array32], leads: NDArray[np.float64]) -> Array32:
    """Chance of rain and its sum within WINDOWS, told by members: each adds up its own steps.

    Args:
        stories: (M, Y, X) mm h-1 at each lead.
        leads: (L,) minutes, each the end of what its rate stands for.

    Returns:
        (W, 4, Y, X): the chance that any step has rain, and quantiles SPREAD of the sum in mm; NaN where any step is
        unknown.
    """
    out: list[Array32] = []
    amount: Array32 | None = None
    wet: NDArray[np.bool_] | None = None
    spans = np.diff(leads, prepend=0.0) / 60.0
    for lead, span, story in zip(leads, spans, stories, strict=True):
        amount = story * np.float32(span) if amount is None else amount + story * np.float32(span)
        wet = story >= DRY if wet is None else wet | (story >= DRY)
        if lead in WINDOWS:
            out.append(_summary(amount, wet))
    return np.stack(out)


def _summary(amount: Array32, wet: NDArray[np.bool_]) -> Array32:
    unknown = np.isnan(amount[0])
    chance = np.where(unknown, np.float32(np.nan), wet.mean(axis=0, dtype=np.float32))
    found = np.zeros((len(SPREAD), *unknown.shape), np.float32)
    rainy = (chance > 0) & ~unknown
    found[:, rainy] = np.quantile(np.ascontiguousarray(amount[:, rainy].T), SPREAD, axis=1)
    found[:, unknown] = np.nan
    return np.concatenate([chance[None], found])
