"""The learned rain nowcaster: an artifact's files become forecasts of fields, or of the middle of windows. No torch."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.rain import DRY
from brise.formulas.advection import departure_points
from brise.formulas.compiled import Array32, compiled
from brise.formulas.motion import Motion, estimate_motion, usable_frames
from brise.models.rain_forecast import QUANTILES, THRESHOLDS, RainForecast
from brise.models.rain_net import FEATURES, FRAMES, SCALES, Aligned, aligned_inputs, departures_of, look_up
from brise.models.sessions import Files, Session, open_session, read_json

FAMILY = "rain"

LEVELS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
"""mm/h that the network gives chances for; quantiles are read between them."""

_TOLD = tuple(LEVELS.index(threshold) for threshold in THRESHOLDS)
_HEIGHTS = np.log1p(np.array(LEVELS)).astype(np.float32)
_TAIL = 0.4  # log1p per e-fold of the chance above the highest level
_HIGHEST = math.log1p(200.0)
_CHUNK = 1 << 14  # targets at a time: what they read stays in the cache
_WIDE, _LATE = 1 << 18, 30.0  # pixels and minutes from which a field is told by blocks of 2 x 2, as it was learnt
_RAINLESS = 0.002  # log1p of the newest frame smoothed to 16 pixels: below it a place is far from any rain
_NEAR_LEVEL = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Chances as they come true: logit = a + b t + (c + d t) logit of the network, t = ln(lead / 30 min).

    Attributes:
        law: (LEVELS, 4) a, b, c, d.
    """

    law: NDArray[np.float64]

    def at(self, minutes: NDArray[np.float64]) -> Array32:
        """(L, LEVELS, 2) offset and slope at these leads."""
        t = np.log(np.maximum(minutes, 1.0) / 30.0)[:, None]
        pairs = (self.law[:, 0] + self.law[:, 1] * t, np.maximum(self.law[:, 2] + self.law[:, 3] * t, 0.05))
        return np.stack(pairs, axis=-1).astype(np.float32)


UNCHANGED = Calibration(np.tile([0.0, 0.0, 1.0, 0.0], (len(LEVELS), 1)))


@dataclass(frozen=True, slots=True)
class Nowcaster:
    """A learned nowcaster.

    Attributes:
        name: On its card.
        session: Inputs (N, FEATURES) -> (N, 1 + LEVELS).
        calibration: Of its chances.
        threads: Leads that are worked on at a time.
    """

    name: str
    session: Session
    calibration: Calibration
    threads: int = 1

    def nowcast(self, rain: Array32, step_minutes: float, leads_minutes: NDArray[np.float64]) -> RainForecast:
        """Rain at every pixel; NaN where its air comes from outside or from a missing pixel.

        Args:
            rain: (T, Y, X) mm/h, oldest first, one step apart, NaN missing.
            step_minutes: Between frames.
            leads_minutes: (L,) after the last frame, not falling.

        Raises:
            InputError: Shapes, rates, step or leads are impossible.
        """
        rain, leads = _checked(rain, step_minutes, leads_minutes)
        scene = _scene(rain, step_minutes)
        steps = (leads / step_minutes + scene.age).astype(np.float32)
        out = _empty(leads, rain.shape[1:], scene.notes)
        if scene.blind:
            return out
        where = departure_points(scene.aligned.motion, steps.astype(np.float64))
        jobs = list(zip(range(len(leads)), steps, where, self.calibration.at(leads), strict=True))
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda job: self._fill(scene, job, out), jobs))
        return out

    def _fill(self, scene: "_Scene", job: "_Job", out: RainForecast) -> None:
        """One lead of the forecast."""
        lead, steps, where, law = job
        levels = scene.aligned.levels
        kinds = _kinds(levels[0], levels[_NEAR_LEVEL], SCALES[_NEAR_LEVEL], where).reshape(-1)
        if out.quantiles is None or out.chance is None:
            raise InputError("rain nowcast: no room for quantiles and chances")
        room = _flat(out.value[None], lead), _flat(out.quantiles, lead), _flat(out.chance, lead)
        far = np.zeros((2, 1), np.float32)
        nothing = self._told(_nothing(), far, far, float(steps), scene.step)
        nothing[:, 0] = 0.0
        dry, near = np.flatnonzero(kinds == _DRY), np.flatnonzero(kinds == _NEAR)
        _write(nothing, (law, _PROBABILITIES), (dry, np.zeros_like(dry)), room)
        wide = len(kinds) >= _WIDE and steps * scene.step >= _LATE
        places, departures, rows = _blocks(near, where, 2 if wide else 1)
        told = [
            self._told(scene.aligned, places[:, part], departures[:, part], float(steps), scene.step)
            for part in _chunks(places.shape[1])
        ]
        _write(np.concatenate([*told, nothing]), (law, _PROBABILITIES), (near, rows), room)

    def _told(self, aligned: Aligned, targets: Array32, departures: Array32, steps: float, step: float) -> Array32:
        inputs = look_up(aligned, targets, departures, np.full(targets.shape[1], steps, np.float32), step)
        return np.asarray(self.session.run({"inputs": inputs})[0], np.float32)

    def centre(self, x: Array32, step_minutes: float, leads_minutes: NDArray[np.float64] | None = None) -> Array32:
        """(N, L) mm/h: the mean of the central 2 x 2 pixels of windows (N, T, Y, X) at L leads, by default 8 steps.

        NaN only where a window knows nothing at all.

        Raises:
            InputError: Shapes, rates, step or leads are impossible.
        """
        wanted = step_minutes * np.arange(1.0, 9.0) if leads_minutes is None else leads_minutes
        inputs = [centre_inputs(rain, step_minutes, wanted) for rain in x]
        if not inputs:
            return np.zeros((0, len(wanted)), np.float32)
        told = self.session.run({"inputs": np.concatenate(inputs)})[0][:, 0]
        return np.asarray(np.expm1(np.maximum(told, 0.0)), np.float32).reshape(len(x), len(wanted))


def centre_inputs(rain: Array32, step_minutes: float, leads_minutes: NDArray[np.float64]) -> Array32:
    """(L, FEATURES) what the network reads for the middle of (T, Y, X) mm/h.

    Raises:
        InputError: Shapes, rates, step or leads are impossible.
    """
    rain, leads = _checked(rain, step_minutes, leads_minutes)
    scene = _scene(rain, step_minutes)
    steps = (leads / step_minutes + scene.age).astype(np.float32)
    middle = np.array([[(side - 1) / 2] for side in rain.shape[1:]], np.float32)
    targets = np.repeat(middle, len(steps), axis=1)
    departures = departures_of(scene.aligned.motion, targets, steps)
    return look_up(scene.aligned, targets, departures, steps, scene.step)


def open_nowcaster(files: Files, threads: int = 1, without: str | None = None) -> Nowcaster:
    """The nowcaster that an artifact's files are.

    Args:
        files: Name -> content.
        threads: Leads that are worked on at a time.
        without: Name of an event: the network that never saw it, as kept for scoring.

    Raises:
        InputError: A file is missing or damaged, or there is no network without this event.
    """
    card = read_json(files, "card.json")
    name = "model.onnx" if without is None else f"without_{without}.onnx"
    if name not in files:
        raise InputError(f"rain artifact: no {name}; it holds {', '.join(sorted(files))}")
    laws = read_json(files, "calibration.json")
    try:
        law = np.array(laws["law"] if without is None else laws["without"][without], np.float64)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"rain artifact: calibration.json: {type(error).__name__}: {error}") from None
    if card.get("family") != FAMILY or law.shape != (len(LEVELS), 4) or card.get("features") != FEATURES:
        raise InputError(
            f"rain artifact: family {card.get('family')!r}, {card.get('features')} features, calibration {law.shape}; "
            f"{FAMILY!r}, {FEATURES} and {(len(LEVELS), 4)} expected"
        )
    return Nowcaster(str(card.get("name")), open_session(files[name]), Calibration(law), threads)


_Job = tuple[int, np.float32, Array32, Array32]
"""Position of a lead, its steps, (2, Y, X) departure points, (LEVELS, 2) calibration."""

_UNKNOWN, _DRY, _NEAR = 0, 1, 2
_PROBABILITIES = np.array(QUANTILES, np.float32)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the frames say; `age` steps lie between the newest usable one and the last, `blind` = there is none."""

    aligned: Aligned
    age: int
    step: float
    blind: bool
    notes: tuple[str, ...]


def _scene(rain: Array32, step_minutes: float) -> _Scene:
    frames = usable_frames(rain)
    newest = frames[-1] if frames else len(rain) - 1
    known = rain[max(0, newest + 1 - FRAMES) : newest + 1]
    motion = estimate_motion(known)
    age = len(rain) - 1 - newest
    used = sum(frame > newest - FRAMES for frame in frames)
    wet = bool(frames) and bool((rain[newest] > DRY).any())
    found = (
        (not frames, "no usable frame: rain unknown"),
        (bool(frames) and used < FRAMES, f"{used} of the {FRAMES} newest frames are usable"),
        (bool(frames) and age > 0, f"the newest usable frame is {age} steps old"),
        (wet and used < 2, "one frame only: no motion"),
        (wet and used > 1 and not motion.quality.any(), "no motion found"),
    )
    notes = tuple(text for holds, text in found if holds)
    return _Scene(aligned_inputs(known, motion), age, step_minutes, not frames, notes)


def _checked(
    rain: Array32, step_minutes: float, leads_minutes: NDArray[np.float64]
) -> tuple[Array32, NDArray[np.float64]]:
    leads = np.asarray(leads_minutes, np.float64)
    if rain.ndim != 3 or 0 in rain.shape:
        raise InputError(f"rain nowcast: rain is {rain.shape}, expected (frames, rows, columns)")
    if np.nanmin(rain, initial=0.0) < 0.0 or np.isinf(rain).any():
        raise InputError("rain nowcast: rates must be 0 or more and finite, NaN where missing")
    if not (math.isfinite(step_minutes) and step_minutes > 0):
        raise InputError(f"rain nowcast: a step of {step_minutes} minutes must be above 0")
    if leads.ndim != 1 or not np.isfinite(leads).all() or (np.diff(leads, prepend=0.0) < 0).any():
        raise InputError(f"rain nowcast: leads {leads.tolist()} minutes must be 0 or more and not fall")
    return np.ascontiguousarray(rain, np.float32), leads


def _empty(leads: NDArray[np.float64], shape: tuple[int, ...], notes: tuple[str, ...]) -> RainForecast:
    value, quantiles, chance = (
        np.full((*kinds, len(leads), *shape), np.nan, np.float32)
        for kinds in ((), (len(QUANTILES),), (len(THRESHOLDS),))
    )
    return RainForecast(leads, value, quantiles, chance, notes)


def _nothing() -> Aligned:
    """Air without any rain."""
    still = Motion(np.zeros((2, 64, 64), np.float32), np.zeros((64, 64), np.float32))
    return aligned_inputs(np.zeros((FRAMES, 64, 64), np.float32), still)


def _flat(part: Array32, lead: int) -> Array32:
    """(K, Y * X) of one lead of (K, L, Y, X), to be written to."""
    return part[:, lead].reshape(len(part), -1)


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK):
        yield slice(start, start + _CHUNK)


def _blocks(targets: NDArray[np.int64], where: Array32, side: int) -> tuple[Array32, Array32, NDArray[np.int64]]:
    """Middles (2, B) of the blocks of side x side pixels that hold targets, their departures, each target's block."""
    rows, columns = where.shape[1:]
    across = -(-columns // side)
    row, column = np.divmod(targets, columns)
    block = row // side * across + column // side
    held = np.zeros(-(-rows // side) * across, np.bool_)
    held[block] = True
    first = np.stack(np.divmod(np.flatnonzero(held), across)) * side
    last = np.minimum(first + side - 1, [[rows - 1], [columns - 1]])
    departures = np.float32(0.5) * (where[:, first[0], first[1]] + where[:, last[0], last[1]])
    return (0.5 * (first + last)).astype(np.float32), departures, (np.cumsum(held) - 1)[block]


@compiled
def _kinds(newest: Array32, smooth: Array32, side: int, where: Array32) -> NDArray[np.int8]:
    """(Y, X) of each target: its air's origin unknown, far from rain, or near it."""
    rows, columns = where.shape[1:]
    out = np.zeros((rows, columns), np.int8)
    for i in range(rows):
        for j in range(columns):
            u, v = where[0, i, j], where[1, i, j]
            if not (u >= 0.0 and v >= 0.0 and u <= newest.shape[0] - 1 and v <= newest.shape[1] - 1):
                continue
            value = newest[int(u + np.float32(0.5)), int(v + np.float32(0.5)), 0]
            if value != value:
                continue
            a, b = min(int(u) // side, smooth.shape[0] - 1), min(int(v) // side, smooth.shape[1] - 1)
            out[i, j] = _NEAR if value > 0.0 or smooth[a, b, 0] > _RAINLESS else _DRY
    return out


@compiled
def _write(
    told: Array32,
    how: tuple[Array32, Array32],
    which: tuple[NDArray[np.int64], NDArray[np.int64]],
    room: tuple[Array32, Array32, Array32],
) -> None:
    """Rates, quantiles and calibrated chances at the targets, each from a row of what the network told."""
    law, probabilities = how
    targets, rows = which
    value, quantiles, chance = room
    count = len(_HEIGHTS)
    reached = np.empty(count, np.float32)
    for n in range(len(targets)):
        row, place = told[rows[n]], targets[n]
        value[0, place] = np.expm1(max(row[0], np.float32(0.0)))
        for k in range(count):
            reached[k] = np.float32(1.0) / (np.float32(1.0) + np.exp(-(law[k, 0] + law[k, 1] * row[1 + k])))
            if k and reached[k] > reached[k - 1]:
                reached[k] = reached[k - 1]
        for k in range(len(_TOLD)):
            chance[k, place] = reached[_TOLD[k]]
        for q in range(len(probabilities)):
            wanted = np.float32(1.0) - probabilities[q]
            height = 0.0
            if reached[count - 1] > wanted:
                height = min(_HEIGHTS[count - 1] + _TAIL * np.log(reached[count - 1] / wanted), _HIGHEST)
            elif reached[0] > wanted:
                k = 0
                while reached[k + 1] > wanted:
                    k += 1
                share = (reached[k] - wanted) / (reached[k] - reached[k + 1])
                height = _HEIGHTS[k] + share * (_HEIGHTS[k + 1] - _HEIGHTS[k])
            quantiles[q, place] = np.expm1(height)
