"""What a tracker or a low-cost sensor should have said: values corrected, with their uncertainty and by what.

Without a calibration of its own, a counter's particles are corrected by a general law; a sensor that stood beside a
reference, or passed near ones long enough, brings `Calibration`s and is corrected by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.formulas.calibration import BARKJOHN, GROWTH, Calibration, growth_factor, purpleair_pm25

Array = NDArray[np.float64]

PARTICLES: tuple[str, ...] = ("pm1", "pm25", "pm10")
CORRECTED: tuple[str, ...] = (*PARTICLES, "no2", "no", "o3", "so2", "co", "voc")
"""What is corrected, if only by saying how uncertain it is."""

RAW = "as measured"

_SHARE = {"pm1": 0.5, "pm25": 0.4, "pm10": 0.6}
"""Standard error of a value that no reference was ever seen beside, as a share of it; gases 0.8."""

_FLOOR = {"pm1": 3.0, "pm25": 3.0, "pm10": 6.0, "co": 300.0, "voc": 100.0}
"""And its constant part, storage units; other gases 15 µg m-3."""


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
        make: Its maker: "purpleair" and other plain counters' raw output ("plantower"), else "unknown".

    Returns:
        Values, uncertainty and names for each pollutant among the columns; unknown stays unknown.
    """
    humidity, temperature = _column(samples, "relative_humidity"), _column(samples, "temperature")
    values, errors, names = {}, {}, {}
    for variable in (name for name in CORRECTED if name in samples):
        value, name = _general(variable, _column(samples, variable), humidity, make)
        error = np.hypot(_FLOOR.get(variable, 15.0), _SHARE.get(variable, 0.8) * np.abs(value))
        own = sorted((one for one in calibrations if one.variable == variable), key=lambda one: one.start)
        if own:
            value, error, name = _calibrated(value, own, samples["time"], (humidity, temperature))
        values[variable], errors[variable], names[variable] = value, error, name
    return Corrected(pd.DataFrame(values, samples.index), pd.DataFrame(errors, samples.index), names)


def _column(samples: pd.DataFrame, name: str) -> Array:
    if name not in samples:
        return np.full(len(samples), np.nan)
    return np.asarray(samples[name].to_numpy(float))


def _general(variable: str, value: Array, humidity: Array, make: str) -> tuple[Array, str]:
    if variable not in PARTICLES or np.isnan(humidity).all():
        return value, RAW
    if variable == "pm25" and make in {"purpleair", "plantower"}:
        return purpleair_pm25(value, humidity), BARKJOHN
    dry = value / growth_factor(humidity)
    return np.where(np.isnan(humidity), value, dry), GROWTH


def _calibrated(
    value: Array, own: Sequence[Calibration], time: pd.Series, weather: tuple[Array, Array]
) -> tuple[Array, Array, str]:
    """Coefficients linear in time between the middles of the windows, and those of the nearest window beyond."""
    seconds = pd.to_datetime(time, utc=True).astype("datetime64[s, UTC]").astype("int64").to_numpy(float)
    middles = [(one.start.timestamp() + one.end.timestamp()) / 2 for one in own]

    def at(field: str) -> Array:
        return np.asarray(np.interp(seconds, middles, [getattr(one, field) for one in own]))

    humidity, temperature = weather
    fitted = at("offset") + at("slope") * value
    fitted = (
        fitted
        + at("humidity") * np.nan_to_num(humidity - 0.5)
        + at("temperature") * np.nan_to_num(temperature - 293.15)
    )
    fitted = np.where(np.isnan(value), np.nan, fitted)
    return fitted, np.hypot(at("uncertainty"), at("share") * np.abs(fitted)), own[-1].name
