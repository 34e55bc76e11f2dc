"""What a tracker or a low-cost sensor should have said: values corrected, with their uncertainty and by what.

Without a calibration of its own, a counter's particles are corrected by a general law; a sensor that stood beside a
reference, or passed near ones long enough, brings `Calibration`s and is corrected by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.formulas.calibration import GROWTH, Calibration, growth_factor
from brise.models.sensor_correction_constants import LAWS

Array = NDArray[np.float64]

PARTICLES: tuple[str, ...] = ("pm1", "pm25", "pm10")
CORRECTED: tuple[str, ...] = (*PARTICLES, "no2", "no", "o3", "so2", "co", "voc")
"""What is corrected, if only by saying how uncertain it is."""

RAW = "as measured"

_SHARE = {"pm1": 0.5, "pm25": 0.4, "pm10": 0.6}
"""Standard error of a value that no reference was ever seen beside, as a share of it; gases 0.8."""

_FLOOR = {"pm1": 3.0, "pm25": 3.0, "pm10": 6.0, "co": 300.0, "voc": 100.0}
"""And its constant part, storage units; other gases 15 µg m-3."""

TO_Q90 = 1.2816
"""Standard deviations of a normal law to its 90 % quantile."""

DRIFT_S = 60 * 86_400.0

COUNTERS = {"purpleair": "purpleair", "airgradient": "plantower", "airbeam": "plantower", "plantower": "plantower"}
"""Word in the name of a device -> the law of the counter inside it."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """Beside the samples, row by row.

    Attributes:
        values: Corrected, storage units; the samples' index; a column for each of CORRECTED that the samples have.
        uncertainty: One standard deviation, storage units; same shape.
        names: Variable -> the correction, in words.
    """

    values: pd.DataFrame
    uncertainty: pd.DataFrame
    names: dict[str, str]


def correct(samples: pd.DataFrame, calibrations: Sequence[Calibration] = (), make: str = "unknown") -> Corrected:
    """Correct the samples of one sensor.

    Args:
        samples: Columns named as variables, in storage units (`pm25` µg m-3, `relative_humidity` 1, `temperature` K);
            `time`, UTC, where calibrations are given. Humidity and temperature may lack, whole or in rows.
        calibrations: Of this very sensor; those of one variable follow each other in time.
        make: What counts its particles, or the device as its owner calls it; "unknown" where no word is in COUNTERS.

    Returns:
        Values, uncertainty and names for each pollutant among the columns; unknown stays unknown.
    """
    values, errors, names = {}, {}, {}
    for variable in (name for name in CORRECTED if name in samples):
        value, error, name = general(samples, variable, make)
        own = sorted((one for one in calibrations if one.variable == variable), key=lambda one: one.start)
        if own:
            value, error, name = _calibrated(value, samples, own)
        values[variable], errors[variable], names[variable] = value, error, name
    return Corrected(pd.DataFrame(values, samples.index), pd.DataFrame(errors, samples.index), names)


def counter_of(make: str) -> str:
    """The key of LAWS of a device, "unknown" where none is known.

    >>> counter_of("PurpleAir PA-II"), counter_of("AirBeam3"), counter_of("Flow 2")
    ('purpleair', 'plantower', 'unknown')
    """
    return next((law for word, law in COUNTERS.items() if word in make.lower()), "unknown")


def column(samples: pd.DataFrame, name: str) -> Array:
    """(N,) numbers of a column, or of the logarithm of one ("log voc"); NaN where there is none."""
    if name.startswith("log "):
        inner = column(samples, name.removeprefix("log "))
        return np.log(np.where(inner > 0, inner, np.nan))
    if name not in samples:
        return np.full(len(samples), np.nan)
    return np.asarray(samples[name].to_numpy(float))


def general(samples: pd.DataFrame, variable: str, make: str) -> tuple[Array, Array, str]:
    """What is known of every sensor of a make: (N,) values, (N,) standard deviations, and the law's name."""
    value, humidity = column(samples, variable), column(samples, "relative_humidity")
    name, counter = RAW, counter_of(make)
    if variable == "pm25" and counter in LAWS:
        low, value, high = interval(samples, counter)
        return value, (high - low) / TO_Q90 / 2, LAWS[counter].name
    if variable in PARTICLES and not np.isnan(humidity).all():
        value, name = value / np.where(np.isnan(humidity), 1.0, growth_factor(humidity)), GROWTH
    return value, np.hypot(_FLOOR.get(variable, 15.0), _SHARE.get(variable, 0.8) * np.abs(value)), name


def interval(samples: pd.DataFrame, make: str) -> tuple[Array, Array, Array]:
    """PM2.5 by the law of a make: (N,) 10 % quantile, value and 90 % quantile, µg m-3.

    Raises:
        InputError: No law of that make.
    """
    if make not in LAWS:
        raise InputError(f"no law of the make {make!r}; those with one: {', '.join(LAWS)}")
    humidity, temperature = column(samples, "relative_humidity"), column(samples, "temperature")
    learned = LAWS[make].best(humidity, temperature)
    value = learned.law.apply(column(samples, "pm25"), humidity, temperature)
    low, high = learned.spread.interval(value)
    return low, value, high


def _calibrated(value: Array, samples: pd.DataFrame, own: Sequence[Calibration]) -> tuple[Array, Array, str]:
    """Each row by the calibrations whose spans' middles lie around it, weighed by time; by the nearest one beyond.

    A term that a row does not know adds nothing. Beyond the spans the uncertainty grows by its half in 60 days.
    """
    seconds = pd.to_datetime(samples["time"], utc=True).astype("datetime64[s, UTC]").astype("int64").to_numpy(float)
    middles = [(one.start.timestamp() + one.end.timestamp()) / 2 for one in own]
    shares = [np.interp(seconds, middles, row) for row in np.eye(len(own))]
    fitted, error = np.zeros(len(samples)), np.zeros(len(samples))
    for share, one in zip(shares, own, strict=True):
        said = one.offset + one.slope * value
        for term, centre, size in one.terms:
            said = said + size * np.nan_to_num(column(samples, term) - centre)
        fitted, error = fitted + share * said, error + share * (one.uncertainty + one.share * np.abs(said))
    away = np.maximum(own[0].start.timestamp() - seconds, seconds - own[-1].end.timestamp())
    error = error * (1 + 0.5 * np.maximum(away, 0.0) / DRIFT_S)
    return np.where(np.isnan(value), np.nan, fitted), error, own[-1].name
