"""Stations and observations: the schemas, their checks, and the hourly matrix that products read.

An observation is one variable, at one place, over one averaging period; `time` is the END of that period, UTC.
No value, no row. `received_at` is when we had it: a replay or a training sample sees only rows with `received_at` at
or before its own "now".
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError
from brise.conventions.variables import VARIABLES

Kind = Literal["reference", "low_cost", "weather", "mobile", "simulated", "model"]
KINDS: tuple[str, ...] = ("reference", "low_cost", "weather", "mobile", "simulated", "model")


RAW = "-raw:"
"""In the id of a station of uncorrected values, beside the station of the corrected ones. Its decoder flags its rows;
nobody judges them again, and they feed nothing."""


class Flag(IntEnum):
    """QARTOD quality flags."""

    PASS = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4


OBSERVATION_COLUMNS: dict[str, str] = {
    "station_id": "text",  # source:native_id
    "time": "datetime64[s, UTC]",  # END of the averaging period
    "period_s": "int32",
    "variable": "text",
    "value": "float64",  # storage unit of the variable
    "uncertainty": "float64",  # standard deviation in the same unit; NaN = not stated
    "coverage": "float64",  # share of the period measured, 0..1; NaN = not stated
    "quality_flag": "int8",
    "received_at": "datetime64[s, UTC]",
}
"""Place and source live with the station (`station_id` names both); moving platforms carry theirs in trackers."""

STATION_COLUMNS: dict[str, str] = {
    "station_id": "text",
    "source": "text",
    "name": "text",
    "latitude": "float64",
    "longitude": "float64",
    "altitude_m": "float64",  # NaN = unknown
    "kind": "text",
    "operator": "text",
    "timezone": "text",  # IANA name; "" = unknown
    "licence": "text",
    "attribution": "text",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """What a decoder makes of a payload.

    Attributes:
        stations: STATION_COLUMNS, one row a station.
        observations: OBSERVATION_COLUMNS.
        read: Records in the payload.
        rejected: Records refused, by reason: "no_coordinates", "sentinel", "impossible_time", "unknown_variable",
            "unknown_unit", "not_a_number", "out_of_range", "duplicate" (exact, within the payload) ...
    """

    stations: pd.DataFrame
    observations: pd.DataFrame
    read: int
    rejected: dict[str, int] = field(default_factory=dict)


def _as_utc_seconds(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values, utc=True).dt.as_unit("s")


def empty_observations() -> pd.DataFrame:
    """Zero rows with every column of OBSERVATION_COLUMNS."""
    return check_observations(pd.DataFrame({name: [] for name in OBSERVATION_COLUMNS}))


def empty_stations() -> pd.DataFrame:
    """Zero rows with every column of STATION_COLUMNS."""
    return check_stations(pd.DataFrame({name: [] for name in STATION_COLUMNS}))


def _typed(frame: pd.DataFrame, schema: dict[str, str], what: str) -> pd.DataFrame:
    missing = [name for name in schema if name not in frame.columns]
    if missing:
        raise ConventionError(f"{what}: columns missing: {', '.join(missing)}; got {', '.join(frame.columns)}")
    out: dict[str, pd.Series] = {}
    for name, kind in schema.items():
        column = frame[name]
        if kind == "text":
            out[name] = (
                column if isinstance(column.dtype, (pd.CategoricalDtype, pd.StringDtype)) else column.astype(str)
            )
        elif kind.startswith("datetime64"):
            out[name] = _as_utc_seconds(column)
        else:
            out[name] = column.astype(np.dtype(kind))
    return pd.DataFrame(out).reset_index(drop=True)


def check_observations(frame: pd.DataFrame) -> pd.DataFrame:
    """Type and check observations; what passes is trusted inside.

    Args:
        frame: Any frame holding OBSERVATION_COLUMNS; other columns are dropped.

    Returns:
        The columns of OBSERVATION_COLUMNS, typed, in order.

    Raises:
        ConventionError: A column is missing; a value is NaN or outside its variable's range; a variable is unknown;
            a period is not positive; a time is absent; a flag is not QARTOD's; `coverage` is outside 0..1.
    """
    out = _typed(frame, OBSERVATION_COLUMNS, "observations")
    if out.empty:
        return out
    unknown = sorted(set(out["variable"].unique()) - set(VARIABLES))
    if unknown:
        raise ConventionError(f"observations: unknown variable {unknown[0]!r}")
    _refuse(out, out["value"].isna(), "value is NaN (no value, no row)")
    names = out["variable"].astype("category")
    low, high = (
        np.array([getattr(VARIABLES[n], side) for n in names.cat.categories])[names.cat.codes]
        for side in ("minimum", "maximum")
    )
    value = out["value"].to_numpy()
    _refuse(out, (value < low) | (value > high), "value outside its variable's range")
    _refuse(out, out["period_s"] <= 0, "period_s is not positive")
    _refuse(out, out["time"].isna() | out["received_at"].isna(), "time or received_at is absent")
    _refuse(out, ~out["quality_flag"].isin([int(f) for f in Flag]), "quality_flag is not one of 1, 2, 3, 4")
    coverage = out["coverage"].to_numpy()
    _refuse(out, (coverage < 0) | (coverage > 1), "coverage outside 0..1")
    return out


def check_stations(frame: pd.DataFrame) -> pd.DataFrame:
    """Type and check stations.

    Raises:
        ConventionError: A column is missing, an id is not `source:native_id` or appears twice, a place is not on
            Earth, or a kind is unknown.
    """
    out = _typed(frame, STATION_COLUMNS, "stations")
    if out.empty:
        return out
    _refuse(out, ~out["station_id"].astype("str").str.contains(":", regex=False), "station_id is not source:native_id")
    _refuse(out, out["station_id"].duplicated(), "station_id appears twice")
    _refuse(out, ~(out["latitude"].between(-90, 90) & out["longitude"].between(-180, 180)), "place is not on Earth")
    _refuse(out, ~out["kind"].isin(KINDS), f"kind is not one of {', '.join(KINDS)}")
    return out


def _refuse(frame: pd.DataFrame, bad: "pd.Series | NDArray[np.bool_]", why: str) -> None:
    mask = np.asarray(bad, bool)
    if mask.any():
        first = frame.iloc[int(np.argmax(mask))].to_dict()
        raise ConventionError(f"{int(mask.sum())} of {len(frame)} rows: {why}; first: {first}")


@dataclass(frozen=True, slots=True)
class StationHours:
    """Hourly means of a network: what analyses and forecasts read.

    Attributes:
        time: (T,) datetime64[s], END of each hour, UTC, strictly hourly, no gap (a missing hour is a row of NaN).
        station_id: (S,) text.
        latitude: (S,) degrees north.
        longitude: (S,) degrees east.
        altitude_m: (S,) m, NaN = unknown.
        values: variable -> (T, S) float32, NaN = not measured or not trusted.
    """

    time: NDArray[np.datetime64]
    station_id: NDArray[np.str_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    altitude_m: NDArray[np.float64]
    values: dict[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        """Check shapes and the hourly step.

        Raises:
            ConventionError: A shape differs from (T, S), or the times are not hourly and gapless.
        """
        shape = (len(self.time), len(self.station_id))
        for name, matrix in self.values.items():
            if matrix.shape != shape:
                raise ConventionError(f"StationHours: {name} has shape {matrix.shape}, expected {shape} (T, S)")
        for name in ("latitude", "longitude", "altitude_m"):
            if len(getattr(self, name)) != shape[1]:
                raise ConventionError(f"StationHours: {len(getattr(self, name))} {name} for {shape[1]} stations")
        if len(self.time) > 1 and not (np.diff(self.time) == np.timedelta64(3600, "s")).all():
            raise ConventionError("StationHours: time is not hourly and gapless")

    def until(self, now: np.datetime64) -> "StationHours":
        """The part whose hours ended at or before `now`."""
        keep = self.time <= now
        return StationHours(
            self.time[keep],
            self.station_id,
            self.latitude,
            self.longitude,
            self.altitude_m,
            {name: matrix[keep] for name, matrix in self.values.items()},
        )

    def stations(self, keep: NDArray[np.bool_]) -> "StationHours":
        """The part of the network where `keep` (S,) is true."""
        return StationHours(
            self.time,
            self.station_id[keep],
            self.latitude[keep],
            self.longitude[keep],
            self.altitude_m[keep],
            {name: matrix[:, keep] for name, matrix in self.values.items()},
        )
