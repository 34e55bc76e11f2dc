"""Lessons for the rain nowcaster: places and leads of radar events, what the network reads there, and what came.

Two kinds, alike in number: windows of 128 x 128 pixels that know nothing beyond their edge, and whole fields. Some are
made with fewer frames, with stronger or weaker rain, or with every second frame only, so that other intensities, speeds
and steps are no strangers. What is chosen is chosen by the inputs alone; what came plays no part.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.compiled import Array32
from brise.formulas.motion import estimate_motion
from brise.models.rain_net import FRAMES, aligned_inputs, departures_of, look_up

SIDE = 128
"""Pixels of a window."""

WINDOW_STEPS = 8
"""Steps that a window is asked for."""

FIELD_MINUTES = 120.0
"""What a whole field is asked for."""

LEAST_WET = 0.05
"""Share of a window's pixels with at least 0.1 mm/h."""


@dataclass(frozen=True, slots=True)
class RainEvent:
    """A radar sequence without gaps in time.

    Attributes:
        name: Of the event.
        rain: (T, Y, X) mm/h, oldest first; NaN missing.
        step_minutes: Between frames.
    """

    name: str
    rain: Array32
    step_minutes: float


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many lessons to take from an event.

    Attributes:
        windows: Windows as they are; as many again with another intensity, and a third of it with every second frame.
        window_points: Targets of each.
        fields: Times of whole fields, likewise.
        field_points: Targets of each.
        spread: Standard deviation of the logarithm of the intensity's factor.
        fewer: Share of the changed ones that lose their oldest frames.
    """

    windows: int = 450
    window_points: int = 160
    fields: int = 14
    field_points: int = 4000
    spread: float = 0.6
    fewer: float = 0.2

    def __post_init__(self) -> None:
        for name in ("windows", "window_points", "fields", "field_points"):
            if not 1 <= getattr(self, name) <= 100_000:
                raise InputError(f"sampling: {name} is {getattr(self, name)}, expected 1 to 100000")
        if not 0 <= self.spread <= 3 or not 0 <= self.fewer <= 1:
            raise InputError(f"sampling: spread {self.spread} (0 to 3) or fewer {self.fewer} (0 to 1) out of bounds")


@dataclass(frozen=True, slots=True)
class Lessons:
    """N lessons.

    Attributes:
        inputs: (N, FEATURES).
        truth: (N,) log1p of mm/h, mean of 2 x 2 pixels.
        minutes: (N,) lead.
        window: (N,) whether of a window.
        plain: (N,) whether the frames are as they were measured.
    """

    inputs: Array32
    truth: Array32
    minutes: Array32
    window: NDArray[np.bool_]
    plain: NDArray[np.bool_]

    def __len__(self) -> int:
        """How many."""
        return len(self.truth)

    def where(self, mask: NDArray[np.bool_]) -> "Lessons":
        """Some of them."""
        return Lessons(self.inputs[mask], self.truth[mask], self.minutes[mask], self.window[mask], self.plain[mask])


def joined(parts: list[Lessons]) -> Lessons:
    """All of them in one."""
    names = Lessons.__dataclass_fields__
    return Lessons(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def lessons(event: RainEvent, sampling: Sampling, rng: np.random.Generator) -> Lessons:
    """Lessons of an event.

    Raises:
        InputError: The event is too short, or no window of it has rain enough and no gap.
    """
    parts: list[Lessons] = []
    for stride, share in ((1, 1.0), (2, 1 / 3)):
        if len(event.rain) < stride * (FRAMES + WINDOW_STEPS):
            if stride == 1:
                raise InputError(f"rain event {event.name}: {len(event.rain)} frames; {FRAMES + WINDOW_STEPS} needed")
            continue
        count = max(1, round(sampling.windows * share))
        found = list(_windows(event, stride, count, rng))
        if not found and stride == 1:
            raise InputError(f"rain event {event.name}: no window of {SIDE} x {SIDE} pixels with rain and without gaps")
        for time, row, column in found:
            area = slice(row, row + SIDE), slice(column, column + SIDE)
            parts += _both(event, (time, stride, area), sampling, rng)
        times = np.unique(np.linspace((FRAMES - 1) * stride, len(event.rain) - 1 - 4 * stride, sampling.fields))
        for time in times[:: round(1 / share)].astype(int):
            parts += _both(event, (int(time), stride, None), sampling, rng)
    return joined(parts)


Area = tuple[slice, slice]
Scene = tuple[int, int, Area | None]
"""Time of the newest frame, stride, and the window (None = the whole field)."""


def _windows(event: RainEvent, stride: int, count: int, rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    """Time and corner of windows that know everything, are wet enough, and have rain in their middle."""
    frames, rows, columns = event.rain.shape
    if min(rows, columns) < SIDE:
        return
    middle = slice(SIDE // 2 - 16, SIDE // 2 + 16)
    for _ in range(100 * count):
        time = int(rng.integers((FRAMES - 1) * stride, frames - WINDOW_STEPS * stride))
        row, column = int(rng.integers(0, rows - SIDE + 1)), int(rng.integers(0, columns - SIDE + 1))
        x = _inputs(event, (time, stride, (slice(row, row + SIDE), slice(column, column + SIDE))))
        if np.isfinite(x).all() and (x >= 0.1).mean() >= LEAST_WET and (x[-1, middle, middle] > 0).any():
            yield time, row, column
            count -= 1
            if not count:
                return


def _inputs(event: RainEvent, scene: Scene) -> Array32:
    time, stride, area = scene
    frames = event.rain[time - (FRAMES - 1) * stride : time + 1 : stride]
    return frames if area is None else frames[:, *area]


def _both(event: RainEvent, scene: Scene, sampling: Sampling, rng: np.random.Generator) -> list[Lessons]:
    """A scene as it was, and changed."""
    factor = np.float32(np.exp(rng.normal(0.0, sampling.spread)))
    lost = int(rng.integers(1, FRAMES)) if rng.random() < sampling.fewer else 0
    return [_taught(event, scene, change, sampling, rng) for change in ((np.float32(1.0), 0), (factor, lost))]


def _taught(
    event: RainEvent, scene: Scene, change: tuple[np.float32, int], sampling: Sampling, rng: np.random.Generator
) -> Lessons:
    time, stride, area = scene
    factor, lost = change
    x = _inputs(event, scene)[lost:] * factor
    rows, columns = x.shape[1:]
    ahead = min((len(event.rain) - 1 - time) // stride, WINDOW_STEPS if area else 10**6)
    if area is None:
        ahead = min(ahead, int(FIELD_MINUTES / (event.step_minutes * stride)))
    count = sampling.window_points if area else 4 * sampling.field_points
    steps = rng.integers(1, ahead + 1, count)
    corner = np.stack([rng.integers(1, rows, count), rng.integers(1, columns, count)])
    if area:
        steps[:WINDOW_STEPS], corner[:, :WINDOW_STEPS] = np.arange(1, WINDOW_STEPS + 1)[:count], SIDE // 2
    motion = estimate_motion(x)
    targets = (corner - 0.5).astype(np.float32)
    departures = departures_of(motion, targets, steps.astype(np.float32))
    step = event.step_minutes * stride
    inputs = look_up(aligned_inputs(x, motion), targets, departures, steps.astype(np.float32), step)
    truth = _truth(event.rain, time + steps * stride, corner, area) * factor
    limits = np.array([[rows - 1], [columns - 1]])
    within = ((departures >= 0) & (departures <= limits)).all(axis=0)
    at = np.clip(np.rint(departures), 0, limits).astype(int)
    good = within & np.isfinite(truth) & np.isfinite(inputs).all(axis=1) & np.isfinite(x[-1][at[0], at[1]])
    if area is None:  # most of a field is dry far and wide and teaches nothing
        good &= (inputs[:, 20] > 0.002) | (rng.random(count) < 0.1)
        good &= np.cumsum(good) <= sampling.field_points
    plain = np.full(count, stride == 1 and factor == 1 and not lost)
    minutes = (steps * step).astype(np.float32)
    made = Lessons(inputs, np.log1p(truth, dtype=np.float32), minutes, np.full(count, area is not None), plain)
    return made.where(good)


def _truth(rain: Array32, times: NDArray[np.int64], corner: NDArray[np.int64], area: Area | None) -> Array32:
    """(N,) mm/h: mean of the 2 x 2 pixels whose lower right one is (row, column) of the window."""
    row, column = corner + (np.array([[area[0].start], [area[1].start]]) if area else 0)
    return np.asarray(sum(rain[times, row - i, column - j] for i in (0, 1) for j in (0, 1)) / np.float32(4), np.float32)
