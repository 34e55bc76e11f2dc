"""Members of a rain forecast: equally likely stories whose every pixel agrees with the forecast's own chances.

In two steps. First each member gets a latent field in the manner of STEPS (Bowler et al. 2006, doi:10.1256/qj.04.100):
the newest frame in log space, its small scales fading at the rate at which they faded before, carried by a motion that
is off by a plausible error, plus noise that has the spectrum of what faded and the strength of the rain around it.
Then the members are ranked at each pixel and lead, and the i-th takes the (i - 1/2)/M quantile of the forecast there
(ensemble copula coupling, Schefzik et al. 2013, doi:10.1214/13-STS443). So structure in space and time is that of
rain, and chances, wet fraction and intensities are those of the forecast, whichever model made it.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import maximum_filter
from scipy.special import ndtri

from brise.conventions.errors import InputError
from brise.formulas.advection import advect, departure_points
from brise.formulas.motion import Motion
from brise.models.rain_forecast import QUANTILES, THRESHOLDS, RainForecast
from brise.products.rain_ranks import grow, rank

FLOOR = 0.05
"""mm h-1 that counts as dry in log space: half the rate from which a pixel is wet."""

LOCAL_PX = 12.0
"""Standard deviation of the window within which rain says how strong noise is around it, pixels."""

FAINT = 0.02
"""Strength of noise where no rain is near: it only decides who comes first where all are alike."""

NEARBY_PX = 33
GROWTH = np.float32(1.5)
"""A member's rate is at most GROWTH times the highest of the newest frame in a square of NEARBY_PX pixels around where
the rain comes from, and at least the highest threshold: beyond it a forecast's tail is a law, not knowledge."""

OCTAVES = 8
MIN_CORRELATION, MAX_CORRELATION = 0.02, 0.9995
TYPICAL_MINUTES, TYPICAL_GROWTH = 0.9, 1.4
"""Lagrangian decorrelation time = 0.9 min * (wavelength in pixels)^1.4, where frames do not tell; power law as found by
Germann and Zawadzki (2002, doi:10.1175/1520-0493(2002)130<2859:SDOTPO>2.0.CO;2)."""

SPEED_ERROR = ((10.88, 0.23, -7.68), (5.76, 0.31, -2.72))
"""km h-1 by which motion is off along and across itself after t minutes: a t^b + c, of Laplace distribution
(Bowler et al. 2006, the figures that pySTEPS uses)."""

KM_A_PIXEL = 1.0
MOST_MEMBERS = 200
THREADS = 2
"""Cores that one ensemble uses; the members do not depend on it."""

Array32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Texture:
    """What the newest frames say about rain's structure.

    Attributes:
        spectrum: (Y, X//2+1) complex64, of the newest frame in log space.
        amplitude: (Y, X//2+1) float32, of noise that is shaped like it.
        correlation: (Y, X//2+1) float32, from one frame to the next along the motion.
        strength: (Y, X) float32, local standard deviation in log space.
        ceiling: (Y, X) float32, mm h-1 that no member exceeds.
        shape: (Y, X).
    """

    spectrum: NDArray[np.complex64]
    amplitude: Array32
    correlation: Array32
    strength: Array32
    ceiling: Array32
    shape: tuple[int, int]


def _log_rain(rain: Array32) -> Array32:
    return np.log(np.maximum(np.nan_to_num(rain), np.float32(FLOOR)) / np.float32(FLOOR))


def _wavelength(shape: tuple[int, int]) -> Array32:
    """(Y, X//2+1) pixels; the mean's is the longest side's."""
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    return np.asarray(1.0 / np.maximum(np.hypot(down, across), 1.0 / max(shape)), np.float32)


def texture(rain: Array32, motion: Motion, step_minutes: float) -> Texture:
    """Measure the structure of rain and how fast it fades, by scale.

    Args:
        rain: (T, Y, X) mm h-1, oldest first; NaN = missing.
        motion: Along which frames are compared.
        step_minutes: Between frames.
    """
    shape = (rain.shape[1], rain.shape[2])
    newest = _log_rain(rain[-1])
    spectrum = fft.rfft2(newest)
    wavelength = _wavelength(shape)
    local = np.exp(-2 * np.square(np.pi * LOCAL_PX / wavelength)).astype(np.float32)
    mean = fft.irfft2(spectrum * local, s=shape)
    square = fft.irfft2(fft.rfft2(np.square(newest)) * local, s=shape)
    amplitude = np.abs(spectrum)
    amplitude[0, 0] = 0.0
    if not amplitude.any():  # no rain at all: any texture will do, it is never seen
        amplitude = np.where(wavelength < max(shape), wavelength, 0.0)
    return Texture(
        np.asarray(spectrum, np.complex64),
        np.asarray(amplitude / np.sqrt(np.mean(np.square(amplitude))), np.float32),
        _correlation(rain, motion, step_minutes, wavelength),
        np.sqrt(np.maximum(square - np.square(mean), 0.0)).astype(np.float32),
        np.maximum(GROWTH * maximum_filter(np.nan_to_num(rain[-1]), NEARBY_PX), np.float32(THRESHOLDS[-1])),
        shape,
    )


def _correlation(rain: Array32, motion: Motion, step_minutes: float, wavelength: Array32) -> Array32:
    """(Y, X//2+1) Lagrangian correlation over a step, measured by octave where two wet frames allow it.

    A power law in the wavelength, as rain has it, is drawn through the octaves, each weighted by its modes.
    """
    time = TYPICAL_MINUTES * wavelength**TYPICAL_GROWTH
    pair = rain[-2:]
    known = np.isfinite(pair).all(axis=0) if len(pair) == 2 else np.zeros(1, bool)
    if known.any():
        moved = advect(_log_rain(pair[0]), departure_points(motion, np.ones(1)))[0]
        before = np.where(known & np.isfinite(moved), moved, np.float32(0.0))
        here = np.where(known & np.isfinite(moved), _log_rain(pair[1]), np.float32(0.0))
        one, other = fft.rfft2(before - before.mean()), fft.rfft2(here - here.mean())
        octave = np.clip(np.log2(wavelength / 2), 0, OCTAVES - 1).astype(np.intp).ravel()
        sums = [
            np.bincount(octave, part.ravel().astype(np.float64), OCTAVES)
            for part in ((one * np.conj(other)).real, np.abs(one) ** 2, np.abs(other) ** 2)
        ]
        modes = np.bincount(octave, minlength=OCTAVES)
        share = sums[0] / np.sqrt(np.maximum(sums[1] * sums[2], 1e-12))
        use = (modes > 0) & (sums[1] * sums[2] > 1e-9)
        if use.sum() >= 3:
            minutes = -step_minutes / np.log(np.clip(share[use], MIN_CORRELATION, MAX_CORRELATION))
            centre = 3.0 * 2.0 ** np.flatnonzero(use)
            slope, level = np.polyfit(np.log(centre), np.log(minutes), 1, w=np.sqrt(np.sqrt(modes[use])))
            time = np.exp(level) * wavelength ** max(float(slope), 0.0)
    return np.asarray(np.clip(np.exp(-step_minutes / time), MIN_CORRELATION, MAX_CORRELATION), np.float32)


def members(
    rain: Array32, motion: Motion, forecast: RainForecast, step_minutes: float, count: int = 20, seed: int = 0
) -> Iterator[Array32]:
    """The members, lead after lead, so that they never are in memory all at once.

    Args:
        rain: (T, Y, X) mm h-1, the frames that the forecast was made from, oldest first; NaN = missing.
        motion: Of the rain.
        forecast: With quantiles or chances, or both.
        step_minutes: Between frames.
        count: M.
        seed: The same seed gives the same members, on any number of cores.

    Yields:
        (M, Y, X) mm h-1 at each lead of the forecast; NaN where the forecast is unknown.

    Raises:
        InputError: M is out of bounds, shapes disagree, or the forecast has neither quantiles nor chances.
    """
    shape = (rain.shape[1], rain.shape[2])
    if not 1 <= count <= MOST_MEMBERS:
        raise InputError(f"rain members: {count} asked for, from 1 to {MOST_MEMBERS} can be made")
    if forecast.value.shape[1:] != shape:
        raise InputError(f"rain members: frames are {shape}, the forecast is {forecast.value.shape[1:]}")
    if forecast.quantiles is None and forecast.chance is None:
        raise InputError("rain members: the forecast has neither quantiles nor chances")
    return _members(rain, motion, forecast, step_minutes, (count, seed))


def _members(
    rain: Array32, motion: Motion, forecast: RainForecast, step_minutes: float, choice: tuple[int, int]
) -> Iterator[Array32]:
    count, seed = choice
    made = texture(rain, motion, step_minutes)
    generators = [np.random.Generator(np.random.SFC64([seed, member])) for member in range(count)]
    states = np.zeros((count, *made.spectrum.shape), np.complex64)
    noise = np.empty((count, *made.shape), np.float32)
    wrong = _wrong_ways(motion, np.random.default_rng([seed, count]), count)
    deviates = ndtri((np.arange(count) + 0.5) / count).astype(np.float32)
    steps, before = np.asarray(forecast.leads, float) / step_minutes, 0.0
    came = departure_points(motion, steps)
    with ThreadPoolExecutor(THREADS) as pool:
        for place, step in enumerate(steps.tolist()):
            fade = _fade(made, step, before)
            jobs = [pool.submit(_noise, made, fade, states[one], generators[one], noise[one]) for one in range(count)]
            latent, strength = _carried(made, step)
            off = np.asarray(wrong * _way_off(step * step_minutes), np.float32).sum(axis=1)
            _wait(jobs)
            said, out = _said(forecast, place), np.empty((count, *made.shape), np.float32)
            bounds = pairwise(np.linspace(0, made.shape[0], 4 * THREADS + 1).astype(int).tolist())
            fields, places = (latent, strength, made.ceiling, noise), (came[place], off)
            _wait([pool.submit(rank, rows, fields, places, said, deviates, out) for rows in bounds])
            before = step
            yield out


def _wait(jobs: Iterable[Future[None]]) -> None:
    for job in jobs:
        job.result()


def _fade(made: Texture, step: float, before: float) -> tuple[Array32, Array32]:
    """(Y, X//2+1) what is kept since the step before, and the amplitude that gives noise a standard deviation of 1.

    Noise takes the place of what has faded by this step, so small scales come first.
    """
    kept = made.correlation ** np.float32(step - before)
    faded = 1 - made.correlation ** np.float32(2 * step)
    # a field of N pixels is 2/N times the real part of the sum over half of its spectrum
    spread = 2 * np.sqrt(np.sum(np.square(made.amplitude) * faded, dtype=float)) / np.prod(made.shape)
    return kept, np.asarray(made.amplitude / max(spread, 1e-12), np.float32)


def _noise(
    made: Texture,
    fade: tuple[Array32, Array32],
    state: NDArray[np.complex64],
    rng: np.random.Generator,
    out: Array32,
) -> None:
    """One member's noise at the next step."""
    shaped = np.empty_like(state)
    grow(state, rng.standard_normal((*state.shape, 2), np.float32), *fade, shaped)
    out[:] = fft.irfft2(shaped, s=made.shape, overwrite_x=True)


def _carried(made: Texture, step: float) -> tuple[Array32, Array32]:
    """What is left of the newest frame, and how strong the noise is in its place."""
    left = made.correlation ** np.float32(step)
    latent = np.asarray(fft.irfft2(made.spectrum * left, s=made.shape), np.float32)
    power = np.square(made.amplitude)
    faded = 1 - float(np.sum(power * np.square(left)) / np.sum(power))
    return latent, np.asarray(made.strength * np.sqrt(faded) + FAINT, np.float32)


def _wrong_ways(motion: Motion, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(M, 2, 2) along and across the mean motion, in rows and columns: multiples of the motion's standard error."""
    ahead = np.nanmean(motion.displacement, axis=(1, 2), dtype=float)
    size = float(np.hypot(*ahead))
    ahead = ahead / size if size > 0 else np.array([0.0, 1.0])
    aside = np.array([-ahead[1], ahead[0]])
    return np.asarray(rng.laplace(scale=np.sqrt(0.5), size=(count, 2, 1)) * np.stack([ahead, aside]))


def _way_off(minutes: float) -> NDArray[np.float64]:
    """(2, 1) pixels by which rain has gone astray along and across the motion: the integral of the speed's error."""
    speed = [max(0.0, a * minutes**b / (1 + b) + c) for a, b, c in SPEED_ERROR]
    return np.array(speed)[:, None] * (minutes / 60 / KM_A_PIXEL)


def _said(forecast: RainForecast, place: int) -> tuple[Array32, Array32, Array32, Array32]:
    """Quantiles, levels, chances, thresholds at a lead; none where the forecast gives none."""
    nothing = np.empty((0, *forecast.value.shape[1:]), np.float32)
    none = np.empty(0, np.float32)
    quantiles = (nothing, none)
    if forecast.quantiles is not None:
        quantiles = (np.ascontiguousarray(forecast.quantiles[:, place]), np.array(QUANTILES, np.float32))
    if forecast.chance is None:
        return (*quantiles, nothing, none)
    return (*quantiles, np.ascontiguousarray(forecast.chance[:, place]), np.array(THRESHOLDS, np.float32))
