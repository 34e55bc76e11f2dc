"""Simulated rain: bands and cells that move, grow and decay. For demonstrations and tests without a radar.

A Gaussian field is built of octaves from ELONGATION x 128 down to 4 pixels. Each octave lives in its own moving frame
and turns smoothly from one random field to the next over its own lifetime, short for small scales; where the sum
exceeds a threshold it rains, and the excess makes the rate, so that rain is intermittent and nearly lognormal. The
result is a function of seed, place and time alone: no run has a state, and two grids that overlap see the same rain.

The pattern repeats every TILE pixels (10.24 degrees). Scaling of rain over wavenumbers: Lovejoy and Schertzer (1985),
Water Resour. Res. 21, 1233; lifetimes that grow with size: Germann and Zawadzki (2002), Mon. Weather Rev. 130, 2859.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.conventions.rain import DRY

STEP = 0.01
"""Degrees of a pixel; the simulated rain is defined on whole pixels of the Earth."""

TILE = 1024
"""Pixels after which the pattern repeats."""

OCTAVES = (2, 4, 8, 16, 32, 64, 128, 256)
"""Upper end of each octave, waves a tile: 512 to 4 pixels."""

SLOPE = 2.9
"""Of the spectrum of the Gaussian field, power ~ wavenumber^-SLOPE of each wave; near that of log rain."""

OUTER = 3.0
"""Waves a tile below which the spectrum is flat: systems of some 350 pixels."""

ELONGATION = 2.0
"""How much longer than wide the bands are."""

LIFETIME_MIN = 16.0
"""Of 8-pixel features; others live (size / 8) ^ LIFETIME_GROWTH as long."""

LIFETIME_GROWTH = 0.75
SPREAD = 1.7
"""Logarithm of the rate, per standard deviation above the threshold."""

UNIT_RATE = 0.35
"""mm/h: the rate is UNIT_RATE x (exp(SPREAD x excess) - 1)."""

CAP = 150.0
"""mm/h."""

_MINUTES_A_DAY = 1440.0


@dataclass(frozen=True, slots=True)
class Steering:
    """Where the rain goes, and how much of it there is, by the minute; made from a seed by `steering`.

    Attributes:
        speed: Pixels a minute of the mean motion.
        bearing: Radians from east, anticlockwise, of the mean motion.
        veer: Pixels a minute by which the motion turns about its mean.
        phases: (4,) radians of the slow cycles.
    """

    speed: float
    bearing: float
    veer: float
    phases: tuple[float, ...]

    def displacement(self, minutes: float, share: float = 1.0) -> tuple[float, float]:
        """Pixels gone since the origin of time, southward and eastward, at a share of the mean motion."""
        east = share * self.speed * np.cos(self.bearing) * minutes
        north = share * self.speed * np.sin(self.bearing) * minutes
        for period, phase, way in ((33 * 60.0, self.phases[0], 0), (21 * 60.0, self.phases[1], 1)):
            swing = self.veer * period / (2 * np.pi) * np.sin(2 * np.pi * minutes / period + phase)
            east, north = (east + swing, north) if way == 0 else (east, north + swing)
        return float(-north), float(east)

    def threshold(self, minutes: float) -> float:
        """Standard deviations above which it rains: 0.65 (26 % of the tile) to 1.45 (7 %)."""
        slow = np.sin(2 * np.pi * minutes / (19 * 60) + self.phases[2])
        slower = np.sin(2 * np.pi * minutes / (4.3 * _MINUTES_A_DAY) + self.phases[3])
        return float(1.05 + 0.2 * slow + 0.2 * slower)


def steering(seed: int) -> Steering:
    """The motion and amount of a seed: 20 to 50 km/h, mostly eastward."""
    rng = np.random.default_rng([seed, 1])
    speed, bearing = rng.uniform(0.35, 0.75), rng.normal(0.35, 0.6)
    return Steering(float(speed), float(bearing), 0.15, tuple(rng.uniform(0, 2 * np.pi, 4).tolist()))


def rain_field(grid: Grid, time: datetime, seed: int = 0) -> NDArray[np.float32]:
    """Simulated rain on a grid.

    Args:
        grid: Steps of 0.01 degree; others take the rain at the nearest of its pixels.
        time: UTC.
        seed: Of the weather.

    Returns:
        (Y, X) float32, mm h-1; 0 = dry, below 0.1 never.

    Raises:
        InputError: The time has no zone.

    >>> field = rain_field(Grid("x", 51.0, 0.0, 0.01, 60, 80), datetime(2026, 1, 1, tzinfo=UTC))
    >>> field.shape, float(field.min()), bool(field.max() > 0)
    ((60, 80), 0.0, True)
    """
    if time.tzinfo is None:
        raise InputError(f"simulated rain at {time}: the time needs a zone")
    minutes = (time - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds() / 60
    # Not np.round, which would take every second pixel twice on a grid of half hundredths.
    rows = np.floor(-grid.latitude / STEP + 0.5 + 1e-6).astype(np.intp) % TILE
    columns = np.floor(grid.longitude / STEP + 0.5 + 1e-6).astype(np.intp) % TILE
    way = steering(seed)
    excess = _gaussian(seed, minutes)[rows[:, None], columns] - np.float32(way.threshold(minutes))
    rate = np.float32(UNIT_RATE) * np.expm1(np.float32(SPREAD) * np.maximum(excess, 0))
    rate[rate < DRY] = 0
    return np.asarray(np.minimum(rate, np.float32(CAP)), np.float32)


@lru_cache(maxsize=8)
def _gaussian(seed: int, minutes: float) -> NDArray[np.float32]:
    """(TILE, TILE) field of mean 0 and variance 1. Kept: several domains ask for the same minute."""
    way = steering(seed)
    spectrum = np.zeros((TILE, TILE // 2 + 1), np.complex64)
    for place, top in enumerate(OCTAVES):
        size = TILE / top
        life = LIFETIME_MIN * (size / 8) ** LIFETIME_GROWTH
        knot, part = divmod(minutes / life, 1.0)
        angle = np.float32(part * np.pi / 2)
        now = np.cos(angle) * _noise(seed, place, int(knot)) + np.sin(angle) * _noise(seed, place, int(knot) + 1)
        # Cells run somewhat faster than the band they belong to, which they therefore pass through.
        south, east = way.displacement(minutes, 0.85 + 0.15 * place / (len(OCTAVES) - 1))
        waves = np.r_[0:top, -top:0]
        turn = np.exp(-2j * np.pi / TILE * (waves * (south % TILE))).astype(np.complex64)
        shift = np.exp(-2j * np.pi / TILE * (np.arange(top + 1) * (east % TILE))).astype(np.complex64)
        now = now * turn[:, None] * shift
        spectrum[:top, : top + 1] += now[:top]
        spectrum[-top:, : top + 1] += now[top:]
    field = np.asarray(scipy.fft.irfft2(spectrum, (TILE, TILE), norm="forward", overwrite_x=True), np.float32)
    field.flags.writeable = False
    return field


@lru_cache(maxsize=48)
def _noise(seed: int, octave: int, knot: int) -> NDArray[np.complex64]:
    """(2 top, top + 1) random amplitudes of one octave at one knot of its time, scaled to its share of the variance."""
    top = OCTAVES[octave]
    rng = np.random.default_rng([seed, 2, octave, knot + 2**40])
    parts = rng.standard_normal((2, 2 * top, top + 1), np.float32)
    return np.asarray((parts[0] + np.complex64(1j) * parts[1]) * _amplitude(octave, seed), np.complex64)


@lru_cache(maxsize=64)
def _amplitude(octave: int, seed: int) -> NDArray[np.float32]:
    """(2 top, top + 1) amplitude of each wave of an octave; the squares of all octaves add to a variance of 1."""
    top, bottom = OCTAVES[octave], OCTAVES[octave - 1] if octave else 0
    return np.asarray(np.sqrt(_power(top, bottom, seed) / _total(seed)), np.float32)


def _power(top: int, bottom: int, seed: int) -> NDArray[np.float32]:
    rng = np.random.default_rng([seed, 3])
    tilt = rng.uniform(0, np.pi)
    down, across = np.r_[0:top, -top:0][:, None].astype(float), np.arange(top + 1)[None, :].astype(float)
    along = across * np.cos(tilt) + down * np.sin(tilt)
    beside = -across * np.sin(tilt) + down * np.cos(tilt)
    stretched = np.hypot(along * ELONGATION, beside / ELONGATION)
    plain = np.hypot(down, across)
    # Large scales are bands, small ones cells without direction.
    share = np.clip(np.log2(np.maximum(plain, 1) / 4) / 4, 0, 1)
    waves = np.maximum(stretched * (1 - share) + plain * share, OUTER)
    inside = (plain > bottom) & (plain <= top)
    inside[:, 0] &= down[:, 0] > 0  # a real field: the first column's other half follows from this one
    power = np.where(inside, waves**-SLOPE, 0)
    return np.asarray(power, np.float32)


@lru_cache(maxsize=8)
def _total(seed: int) -> np.float32:
    """Variance of the sum of all octaves before scaling: each complex amplitude counts twice, for both its signs."""
    bottoms = (0, *OCTAVES)
    return np.float32(sum(4 * _power(top, bottom, seed).sum() for top, bottom in zip(OCTAVES, bottoms, strict=False)))
