"""Rain frames: what a radar reader gives, and the regular sequence that a nowcast reads.

A rate is in mm h-1, float32, NaN where nothing is known; dry is 0. Rows run north to south, columns west to east.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError, InputError
from brise.conventions.grids import Grid
from brise.conventions.variables import VARIABLES

MAX_RATE = VARIABLES["rain_rate"].maximum
"""mm h-1; above it a pixel is clutter, a bird or the sun, not rain. Readers turn it into missing."""

DRY = 0.1
"""mm h-1; below it a pixel is called dry."""

MAX_SLOTS = 600
"""Most frames of one sequence: two days of 5 minutes."""

JITTER = 0.2
"""How far a frame may stand from its place in time, as a part of the step: mosaics are stamped some seconds apart."""


@dataclass(frozen=True, slots=True, eq=False)
class RainFrame:
    """Rain at one moment over one area.

    Attributes:
        time: UTC, datetime64[s]: when it was measured; of an accumulation, its end.
        rate: (Y, X) float32, mm h-1; NaN = missing.
        latitudes: (Y,) float64, degrees north of the rows, falling.
        longitudes: (X,) float64, degrees east of the columns, rising.
        source: Name of the radar source.
        simulated: No radar saw it.
    """

    time: np.datetime64
    rate: NDArray[np.float32]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    source: str
    simulated: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no frame.

        Raises:
            ConventionError: Shapes disagree, the grid is uneven or runs the wrong way, or a rate is impossible.
        """
        shape = (len(self.latitudes), len(self.longitudes))
        if self.rate.dtype != np.float32 or self.rate.shape != shape or 0 in shape:
            raise ConventionError(f"{self}: rates {self.rate.dtype} {self.rate.shape}, expected float32 {shape}")
        if np.isnat(self.time):
            raise ConventionError(f"{self}: it has no time")
        for name, places, sign in (("latitudes", self.latitudes, -1), ("longitudes", self.longitudes, 1)):
            steps = sign * np.diff(places)
            if not np.isfinite(places).all() or (steps.size and not 0 < steps.max() < 1.02 * steps.min()):
                way = "fall" if sign < 0 else "rise"
                raise ConventionError(f"{self}: {name} must {way} in even steps")
        low, high = np.fmin.reduce(self.rate, axis=None), np.fmax.reduce(self.rate, axis=None)
        if low < 0 or high > MAX_RATE:
            raise ConventionError(f"{self}: rates from {low} to {high} mm/h, allowed 0 to {MAX_RATE}")

    def __str__(self) -> str:
        """Which frame, for messages."""
        return f"rain frame of {self.source} at {self.time}"

    def same_grid(self, other: "RainFrame") -> bool:
        """Whether both lie on the same pixels, to a tenth of a pixel."""
        return self.rate.shape == other.rate.shape and all(
            np.abs(mine - theirs).max() < 0.1 * _spacing(mine)
            for mine, theirs in ((self.latitudes, other.latitudes), (self.longitudes, other.longitudes))
        )

    def grid(self, name: str) -> Grid:
        """The frame's pixels as a Grid.

        Raises:
            ConventionError: Steps differ between latitude and longitude.
        """
        step, across = _spacing(self.latitudes), _spacing(self.longitudes)
        if abs(step - across) > 0.02 * step:
            raise ConventionError(f"{self}: pixels of {step:.5f} by {across:.5f} degrees are not square")
        rows, columns = self.rate.shape
        return Grid(name, float(self.latitudes[0]), float(self.longitudes[0]), round(step, 6), rows, columns)


def _spacing(places: NDArray[np.float64]) -> float:
    return float(abs(places[-1] - places[0]) / (len(places) - 1)) if len(places) > 1 else 0.01


@dataclass(frozen=True, slots=True, eq=False)
class RainSequence:
    """Frames at even steps, oldest first; a frame that never came is all NaN.

    Attributes:
        times: (T,) UTC, datetime64[s].
        rate: (T, Y, X) float32, mm h-1; NaN = missing.
        latitudes: (Y,) degrees north.
        longitudes: (X,) degrees east.
        step_minutes: Between two frames.
        sources: Names of the sources, in order of the alphabet.
        simulated: Any frame is simulated.
        notes: What was out of order, in words; empty = nothing.
    """

    times: NDArray[np.datetime64]
    rate: NDArray[np.float32]
    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    step_minutes: float
    sources: tuple[str, ...]
    simulated: bool
    notes: tuple[str, ...]

    @property
    def degraded(self) -> bool:
        """Something was missing, repeated, left out or out of order."""
        return bool(self.notes)


def check_frames(
    frames: Sequence[RainFrame], step_minutes: float | None = None, count: int | None = None
) -> RainSequence:
    """A regular sequence out of whatever came; every repair is named in its notes.

    Frames are sorted; of frames for the same time the one with most known pixels stays; frames of another grid than
    most have, or between two steps, are left out; frames without any known pixel count as missing; times without a
    frame are filled with NaN. The sequence ends at the newest frame that knows anything.

    Args:
        frames: In any order.
        step_minutes: Between two frames; None = found from the times.
        count: How many steps at most, the newest; None = from the oldest frame on.

    Raises:
        InputError: No frame, no frame with a known pixel, one frame and no step, or more than MAX_SLOTS steps.
    """
    notes: list[str] = []
    useful = _known(frames, notes)
    useful = _one_grid(useful, notes)
    useful = _one_each(useful, notes)
    step = round(60 * (_usual_step(useful) if step_minutes is None else step_minutes))
    if step <= 0:
        raise InputError(f"rain frames: a step of {step_minutes} minutes; it must be positive")
    placed = _placed(useful, step, notes)
    slots = max(placed) + 1
    if count is not None and count < slots:
        slots = max(count, 1)
    if slots > MAX_SLOTS:
        raise InputError(f"rain frames: {slots} steps of {step / 60:g} minutes; at most {MAX_SLOTS}")
    newest = placed[0]
    times = newest.time - np.arange(slots)[::-1] * np.timedelta64(step, "s")
    rate = np.full((slots, *newest.rate.shape), np.nan, np.float32)
    chosen = {place: frame for place, frame in placed.items() if place < slots}
    for place, frame in chosen.items():
        rate[slots - 1 - place] = frame.rate
    gaps = [str(times[slots - 1 - place]) for place in range(slots - 1, -1, -1) if place not in chosen]
    if gaps:
        notes.append(f"no frame for {_listed(gaps)}")
    if not (rate >= DRY).any():
        notes.append(f"all dry: no pixel of {len(chosen)} frames reaches {DRY} mm/h")
    return RainSequence(
        times,
        rate,
        newest.latitudes,
        newest.longitudes,
        step / 60,
        tuple(sorted({frame.source for frame in chosen.values()})),
        any(frame.simulated for frame in chosen.values()),
        tuple(notes),
    )


def _listed(names: Sequence[str]) -> str:
    """The first five and how many more."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _known(frames: Sequence[RainFrame], notes: list[str]) -> list[RainFrame]:
    if not frames:
        raise InputError("rain frames: none were given")
    known = [frame for frame in frames if not np.isnan(frame.rate).all()]
    blank = sorted(str(frame.time) for frame in frames if np.isnan(frame.rate).all())
    if not known:
        raise InputError(f"rain frames: none of {len(frames)} ({_listed(blank)}) has a known pixel")
    if blank:
        notes.append(f"every pixel is missing at {_listed(blank)}")
    return known


def _one_grid(frames: list[RainFrame], notes: list[str]) -> list[RainFrame]:
    """The frames on the grid that most have; of two as common, the newer one's."""
    kinds: list[list[RainFrame]] = []
    for frame in frames:
        own = next((kind for kind in kinds if kind[0].same_grid(frame)), None)
        if own is None:
            kinds.append([frame])
        else:
            own.append(frame)
    best = max(kinds, key=lambda kind: (len(kind), max(frame.time for frame in kind)))
    for kind in kinds:
        if kind is not best:
            here, there = kind[0], best[0]
            notes.append(
                f"left out for a wrong grid ({_placed_at(here)} instead of {_placed_at(there)}): "
                f"{_listed(sorted(str(frame.time) for frame in kind))}"
            )
    return best


def _placed_at(frame: RainFrame) -> str:
    rows, columns = frame.rate.shape
    return f"{rows}x{columns} from {frame.latitudes[0]:.3f} north {frame.longitudes[0]:.3f} east"


def _one_each(frames: list[RainFrame], notes: list[str]) -> list[RainFrame]:
    """One frame a time, in order."""
    if any(later.time < earlier.time for earlier, later in pairwise(frames)):
        notes.append("frames came out of order and were sorted")
    repeated = sorted(str(time) for time, times in Counter(frame.time for frame in frames).items() if times > 1)
    if repeated:
        notes.append(f"frames came more than once, kept the one that knows most: {_listed(repeated)}")
    fuller: dict[np.datetime64, RainFrame] = {}
    for frame in frames:
        held = fuller.get(frame.time)
        if held is None or np.isfinite(frame.rate).sum() > np.isfinite(held.rate).sum():
            fuller[frame.time] = frame
    return [fuller[time] for time in sorted(fuller)]


def _usual_step(frames: list[RainFrame]) -> float:
    """Minutes between neighbours: the commonest difference, of two as common the shorter."""
    seconds = np.diff([frame.time.astype("datetime64[s]").astype(np.int64) for frame in frames])
    if not len(seconds):
        raise InputError(f"rain frames: a single one ({frames[0].time}) tells no step; give step_minutes")
    alike = np.abs(seconds[:, None] - seconds) <= JITTER * seconds
    best = np.lexsort((seconds, -alike.sum(axis=0)))[0]
    return float(np.median(seconds[alike[:, best]])) / 60


def _placed(frames: list[RainFrame], step: int, notes: list[str]) -> dict[int, RainFrame]:
    """Steps before the newest -> frame."""
    newest = frames[-1].time
    placed: dict[int, RainFrame] = {}
    between = []
    for frame in frames[::-1]:
        steps = (newest - frame.time) / np.timedelta64(step, "s")
        place = round(steps)
        if abs(steps - place) > JITTER or place in placed:
            between.append(str(frame.time))
        else:
            placed[place] = frame
    if between:
        notes.append(f"left out, not on steps of {step / 60:g} minutes before {newest}: {_listed(between[::-1])}")
    return placed
