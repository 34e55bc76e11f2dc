"""What a personal tracker measured: one row per device and time, and the report of a reading.

Samples are wide, because a device measures all its quantities at once: `time` is the END of the sampling period, UTC;
a quantity has our name and our unit, NaN = not measured. They never carry their owner: one frame is one device.

What is doubtful is flagged and kept: `flags` says why, `suspect` which quantities are meant.
"""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError
from brise.conventions.variables import VARIABLES


class SampleFlag(IntFlag):
    """Why a row, or a quantity of it, is doubtful; or how its place is known."""

    WARM_UP = 1  # gas cells and fan not yet steady after switching on
    DROPOUT = 2  # the first row after a gap, or a quantity missing while the device ran
    STUCK = 4  # the same value far longer than air ever keeps
    SPIKE = 8  # one value far from both its neighbours
    CLOCK_JUMP = 16  # the device's clock went back here
    IMPOSSIBLE_POSITION = 32  # a place off the Earth, at 0, 0, or reached faster than any vehicle: removed
    OUT_OF_RANGE = 64  # a value its variable cannot have: removed
    CHANNELS_DISAGREE = 128  # two counters of one device differ by more than they may
    INTERPOLATED_POSITION = 256  # between a fix before and one after, a few minutes apart
    HELD_POSITION = 512  # between two fixes at one place: nothing in between told of a move
    DUPLICATE = 1024  # the same time was given again with other values; the first stand


MEASURED: tuple[str, ...] = (
    "pm1",
    "pm25",
    "pm10",
    "no2",
    "no",
    "o3",
    "so2",
    "co",
    "nh3",
    "voc",
    "co2",
    "temperature",
    "relative_humidity",
    "pressure",
)
"""What a tracker may measure. The position here is the bit in `suspect`, so new names go to the end."""

REPORTED = "reported_"
"""Prefix of what the device itself made of its measurements: an index, a value it had corrected."""

SAMPLE_COLUMNS: dict[str, str] = {
    "time": "datetime64[s, UTC]",  # END of the sampling period
    "period_s": "int32",
    "latitude": "float64",  # NaN = unknown, then so is the longitude
    "longitude": "float64",
    "accuracy_m": "float64",  # of the place, as the phone said
    "speed_m_s": "float64",  # as the phone said, else from one fix to the next
    "altitude_m": "float64",
    "flags": "int64",  # SampleFlag
    "suspect": "int64",  # bit i: the quantity MEASURED[i] is doubtful
}
"""The columns of every frame of samples; between them and `reported_...` come the quantities of MEASURED it has."""

_PLACE = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")


def suspect_bit(variable: str) -> int:
    """The bit of a quantity in `suspect`.

    >>> suspect_bit("pm25")
    2
    """
    return 1 << MEASURED.index(variable)


def suspects(samples: pd.DataFrame, variable: str) -> NDArray[np.bool_]:
    """(N,) whether each row's value of a quantity is doubtful."""
    return np.asarray((samples["suspect"].to_numpy(np.int64) & suspect_bit(variable)) != 0)


def measured(samples: pd.DataFrame) -> list[str]:
    """The quantities a frame of samples has, in the order of MEASURED."""
    return [name for name in MEASURED if name in samples.columns]


def flag_names(flags: int) -> str:
    """Flags in words, for tables.

    >>> flag_names(int(SampleFlag.WARM_UP | SampleFlag.HELD_POSITION))
    'warm_up|held_position'
    """
    return "|".join(str(flag.name).lower() for flag in SampleFlag if flags & flag)


def check_samples(frame: pd.DataFrame) -> pd.DataFrame:
    """Type and check samples; what passes is trusted inside.

    Args:
        frame: `time`, and any of SAMPLE_COLUMNS, MEASURED and `reported_...`. Places, `flags` and `suspect` that are
            absent are unknown and 0; `period_s` is 60.

    Returns:
        (N) rows in the order given: `time` and `period_s`, the place, the quantities in the order of MEASURED, what
        the device reported, `flags`, `suspect`.

    Raises:
        ConventionError: `time` is missing or absent in a row, a column is none of these, a quantity is outside its
            range, a place is half known or off the Earth, or a period is not positive.
    """
    if "time" not in frame.columns:
        raise ConventionError(f"tracker samples: no column time; got {', '.join(map(str, frame.columns))}")
    known = {*SAMPLE_COLUMNS, *MEASURED}
    strange = [str(c) for c in frame.columns if c not in known and not str(c).startswith(REPORTED)]
    if strange:
        raise ConventionError(f"tracker samples: unknown column {strange[0]!r}")
    n = len(frame)
    time = pd.to_datetime(frame["time"], utc=True).dt.as_unit("s")
    out: dict[str, Any] = {"time": pd.DatetimeIndex(time)}
    out["period_s"] = frame["period_s"].to_numpy(np.int32) if "period_s" in frame else np.full(n, 60, np.int32)
    for name in _PLACE:
        out[name] = frame[name].to_numpy(np.float64) if name in frame else np.full(n, np.nan)
    reported = [str(c) for c in frame.columns if str(c).startswith(REPORTED)]
    for name in (*measured(frame), *reported):
        out[name] = frame[name].to_numpy(np.float64)
    for name in ("flags", "suspect"):
        out[name] = frame[name].to_numpy(np.int64) if name in frame else np.zeros(n, np.int64)
    _refuse(time.isna().to_numpy(), time, "time is absent")
    _refuse(out["period_s"] <= 0, time, "period_s is not positive")
    latitude, longitude = out["latitude"], out["longitude"]
    _refuse(np.isnan(latitude) != np.isnan(longitude), time, "only one of latitude and longitude is known")
    _refuse((np.abs(latitude) > 90) | (np.abs(longitude) > 180), time, "the place is not on Earth")
    for name in measured(frame):
        value, limits = out[name], VARIABLES[name]
        _refuse((value < limits.minimum) | (value > limits.maximum), time, f"{name} is outside its range")
    return pd.DataFrame(out)


def _refuse(bad: NDArray[np.bool_], time: pd.Series, what: str) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        raise ConventionError(
            f"tracker samples: {what} in {int(bad.sum())} rows, first row {first} ({time.iloc[first]})"
        )


@dataclass(slots=True)
class ReadReport:
    """What became of the rows of one device's files.

    Attributes:
        device: As the files name it, or as the owner does.
        reader: Which reader understood them.
        files: What was read, with the header variant, encoding and rows of each.
        read: Rows with measurements found in them.
        kept: Rows in the samples.
        rejected: Rows refused, by reason.
        examples: Reason -> the first such line, "FILE line N: ...".
        unknown_columns: Columns nobody read, with the reason, "FILE: NAME (reason)"; never guessed.
        notes: What was assumed or left out: units, time zone, files of other kinds.
        merged: Rows that gave other quantities of a time that was there; read = kept + merged + sum(rejected).
        fixes: Positions found.
        refused_fixes: Positions off the Earth, at 0, 0, or reached faster than any vehicle.
        joined: Rows whose place is a fix of their own or within the tolerance.
        interpolated: Rows between two fixes a few minutes apart.
        held: Rows between two fixes at one place.
        start: Of the first sample, ISO 8601; "" = none.
        end: Of the last.
        flagged: Flag -> rows.
    """

    device: str = ""
    reader: str = ""
    files: list[dict[str, Any]] = field(default_factory=list)
    read: int = 0
    kept: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    unknown_columns: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    merged: int = 0
    fixes: int = 0
    refused_fixes: int = 0
    joined: int = 0
    interpolated: int = 0
    held: int = 0
    start: str = ""
    end: str = ""
    flagged: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str, count: int, example: str = "") -> None:
        """Count rows refused; the first example of a reason stands."""
        if count:
            self.rejected[reason] = self.rejected.get(reason, 0) + count
            if example:
                self.examples.setdefault(reason, example[:200])

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)
