"""Corrections of low-cost sensors: what the instrument said, what it should have said."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError

BARKJOHN = "Barkjohn et al. 2021 (doi:10.5194/amt-14-4617-2021) and, for smoke, 2022 (doi:10.3390/s22249669)"
"""The name of the PurpleAir correction, shown with every value it made."""

BLENDED, _HIGH = 570.0, 611.0
"""µg m-3 of the cf_1 channel between which the two fits are blended."""

_MOST = 1e5
"""µg m-3; no counter reads more."""

_ROUNDS = 25
"""Of reweighting; it settles in ten or so."""

AGREEMENT_UGM3, AGREEMENT_SHARE = 5.0, 0.7
"""Two channels of one sensor disagree when they differ by more than both."""


def purpleair_pm25(cf1: ArrayLike, relative_humidity: ArrayLike) -> NDArray[np.float64]:
    """PM2.5 of a PurpleAir sensor, corrected to US reference monitors.

    Below 570:     PM = 0.524 PA - 0.0862 RH + 5.75
    from 611 up:   PM = 4.21e-4 PA^2 + 0.392 PA + 3.44
    in between the two are blended linearly; RH in percent, PA the mean of both channels' cf_1 output.

    Args:
        cf1: (...) mean of channels A and B, cf_1, µg m-3.
        relative_humidity: (...) of the sensor's own hygrometer, 1.

    Returns:
        (...) µg m-3; NaN where either input is NaN, or no humidity (0..1) or mass (0..1e5) at all.

    >>> float(purpleair_pm25(20.0, 0.5).round(3))
    11.92
    >>> float(purpleair_pm25(700.0, 0.2).round(2))
    484.13
    """
    pa, rh = np.broadcast_arrays(np.asarray(cf1, float), 100.0 * np.asarray(relative_humidity, float))
    known = (pa >= 0) & (pa <= _MOST) & (rh >= 0) & (rh <= 100)
    pa = np.where(known, pa, np.nan)
    return np.where(known, barkjohn(pa, rh / 100.0), np.nan)


def barkjohn(raw: ArrayLike, relative_humidity: ArrayLike) -> NDArray[np.float64]:
    """`purpleair_pm25`, without its demand that the inputs be possible: for fits.

    >>> barkjohn([20.0, 700.0], [0.5, 0.2]).round(2).tolist()
    [11.92, 484.13]
    """
    pa, rh = np.asarray(raw, float), 100.0 * np.asarray(relative_humidity, float)
    weight = np.clip((pa - BLENDED) / (_HIGH - BLENDED), 0.0, 1.0)
    return (1.0 - weight) * barkjohn_linear(pa, rh / 100.0) + weight * (4.21e-4 * pa**2 + 0.392 * pa + 3.44)


def barkjohn_linear(raw: ArrayLike, relative_humidity: ArrayLike) -> NDArray[np.float64]:
    """The piece below 570: 0.524 PA - 0.0862 RH + 5.75.

    >>> float(barkjohn_linear(20.0, 0.5).round(2))
    11.92
    """
    return np.asarray(0.524 * np.asarray(raw, float) - 8.62 * np.asarray(relative_humidity, float) + 5.75)


def channels_agree(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Whether a sensor's two counters agree (Barkjohn 2021): they differ by at most 5 µg m-3, or at most 70 %.

    Args:
        a: (...) channel A, µg m-3.
        b: (...) channel B, µg m-3.

    Returns:
        (...) False where either is NaN.

    >>> channels_agree([4.0, 10.0, 100.0], [8.0, 30.0, 130.0]).tolist()
    [True, False, True]
    """
    first, second = np.asarray(a, float), np.asarray(b, float)
    apart = np.abs(first - second)
    return np.asarray((apart <= AGREEMENT_UGM3) | (apart <= AGREEMENT_SHARE * (first + second) / 2))


GROWTH = "Crilley et al. 2018 (doi:10.5194/amt-11-709-2018): kappa-Koehler growth, kappa 0.4, density 1.65 g cm-3"

KAPPA, DENSITY = 0.4, 1.65
"""Hygroscopicity of mixed urban aerosol (Petters and Kreidenweis 2007) and the dry particles' density, g cm-3."""

WETTEST, REFERENCE_HUMIDITY = 0.95, 0.35
"""Beyond the first, hygrometers cannot tell growth from fog; the second is that of weighed filters."""


def growth_factor(relative_humidity: ArrayLike, kappa: float = KAPPA) -> NDArray[np.float64]:
    """By how much water makes particles heavier for a counter than a filter at 35 % would weigh them.

    C(a) = 1 + (kappa / density) / (1 / a - 1), a the relative humidity (at most 0.95); the factor is C(a) / C(0.35),
    and never below 1 (a drier sample keeps the water of the filter).

    Args:
        relative_humidity: (...) 1.
        kappa: Hygroscopicity.

    Returns:
        (...) NaN where the humidity is unknown.

    >>> growth_factor([0.35, 0.8, 0.99]).round(3).tolist()
    [1.0, 1.742, 4.959]
    """

    def heavier(a: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 + kappa / DENSITY / (1.0 / a - 1.0)

    humidity = np.clip(np.asarray(relative_humidity, float), REFERENCE_HUMIDITY, WETTEST)
    return heavier(humidity) / heavier(np.array(REFERENCE_HUMIDITY))


def robust_ridge(
    design: NDArray[np.float64],
    target: NDArray[np.float64],
    penalty: NDArray[np.float64],
    weights: NDArray[np.float64],
    clip: float = 3.0,
    constant: bool = True,
) -> NDArray[np.float64]:
    """Ridge regression with Huber weights (Huber 1964), by reweighted least squares.

    Args:
        design: (N, F) terms, of comparable size.
        target: (N,).
        penalty: (F,) pseudo-observations that hold each coefficient at zero.
        weights: (N,) of the rows, mean 1.
        clip: Errors beyond this many robust standard deviations count linearly; infinite = least squares.
        constant: Whether a free constant comes first.

    Returns:
        (F,) coefficients, or (1 + F,) with the constant.

    >>> x = np.arange(8.0)[:, None]
    >>> y = 1.0 + 2.0 * x[:, 0] + np.array([0, 0, 0, 0, 50.0, 0, 0, 0])
    >>> robust_ridge(x, y, np.zeros(1), np.ones(8)).round(2).tolist()
    [1.0, 2.0]
    """
    x = np.hstack([np.ones((len(design), 1)), design]) if constant else design
    held = np.diag(np.concatenate([[0.0], penalty]) if constant else penalty)
    heed = np.ones(len(target))
    found = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        w = (weights * heed)[:, None]
        before, found = found, np.linalg.solve(x.T @ (w * x) + held, x.T @ (w[:, 0] * target))
        apart = np.abs(target - x @ found)
        reach = clip * 1.4826 * max(float(np.median(apart)), 1e-12)
        heed = np.minimum(1.0, reach / np.maximum(apart, 1e-12))
        if np.allclose(found, before, rtol=1e-4, atol=1e-6):
            break
    return found


@dataclass(frozen=True, slots=True)
class Calibration:
    """One sensor against references, over a span of time: reference = offset + slope value + sum of its terms.

    Attributes:
        variable: Which quantity, in its storage unit.
        offset: Storage unit.
        slope: 1; of the value that the general law gives for particles, of the measured one for gases.
        terms: What else counts: a column of the samples ("temperature") or the logarithm of one ("log voc"), the
            value at which it counts nothing, and the storage units that one unit of it adds.
        start: Of the first hour that it was fitted on, UTC.
        end: Of the last.
        hours: How many hours it rests on.
        uncertainty: Standard deviation of one corrected hour, storage unit.
        share: What is added as the value grows, as a share of it.
        name: In words, shown with every value it made.
    """

    variable: str
    offset: float
    slope: float
    terms: tuple[tuple[str, float, float], ...]
    start: datetime
    end: datetime
    hours: int
    uncertainty: float
    share: float
    name: str

    def to_json(self) -> dict[str, Any]:
        """What `read_calibration` reads."""
        return {**asdict(self), "start": self.start.isoformat(), "end": self.end.isoformat()}


def read_calibration(found: Mapping[str, Any]) -> Calibration:
    """From its JSON form.

    Raises:
        InputError: A field is missing, or is no number or time.
    """
    try:
        return Calibration(
            variable=str(found["variable"]),
            offset=float(found["offset"]),
            slope=float(found["slope"]),
            terms=tuple((str(column), float(centre), float(size)) for column, centre, size in found["terms"]),
            start=datetime.fromisoformat(found["start"]),
            end=datetime.fromisoformat(found["end"]),
            hours=int(found["hours"]),
            uncertainty=float(found["uncertainty"]),
            share=float(found["share"]),
            name=str(found["name"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"calibration {dict(found)!r:.200}: not as written: {error!r}") from error
