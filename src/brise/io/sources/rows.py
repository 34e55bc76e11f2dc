"""The one door between a provider's rows and a checked Batch: units, times, refusals by reason.

Every decoder brings its rows here. A row is one value of one quantity at one place; `read` counts rows, and always
read = len(observations) + sum(rejected).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.observations import (
    STATION_COLUMNS,
    Batch,
    Flag,
    check_observations,
    check_stations,
    empty_observations,
    empty_stations,
)
from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, ugm3_per_ppb
from brise.conventions.variables import VARIABLES

NAT = np.iinfo(np.int64).min
"""A time that could not be read, among seconds since 1970."""

EARLIEST = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp())
"""No network here is older; an earlier time is a device without a clock (1970, 1980) or a misread date."""

CLOCK_SKEW_S = 60
"""How far ahead of `received_at` a period may end: honest clocks differ by seconds."""

SENTINEL = -900.0
"""Providers write -999, -9999, -999000 for "no value"; no quantity here is that far below zero in any unit."""

ALIASES: dict[str, str] = {
    "pm2.5": "pm25", "pm2_5": "pm25", "pm2p5": "pm25", "pm02": "pm25", "p2": "pm25", "pm-2.5": "pm25",
    "p1": "pm10", "pm10.0": "pm10", "pm_10": "pm10",
    "p0": "pm1", "pm01": "pm1", "pm1.0": "pm1", "pm_1": "pm1",
    "ozone": "o3", "carbon_monoxide": "co", "nitrogen_dioxide": "no2", "nitrogen_monoxide": "no",
    "sulphur_dioxide": "so2", "ammonia": "nh3",
    "temp": "temperature", "temperature_2m": "temperature", "atmp": "temperature",
    "dewp": "dew_point", "dew_point_2m": "dew_point",
    "rh": "relative_humidity", "relativehumidity": "relative_humidity", "humidity": "relative_humidity",
    "relative_humidity_2m": "relative_humidity", "rhum": "relative_humidity",
    "pres": "pressure", "surface_pressure": "pressure",
    "wspd": "wind_speed", "wind_speed_10m": "wind_speed",
    "wdir": "wind_from_direction", "wind_direction": "wind_from_direction", "wind_direction_10m": "wind_from_direction",
    "rain": "rain_rate", "precipitation": "rain_rate", "boundary_layer_height": "mixing_height",
    "rco2": "co2", "tvoc": "voc",
}  # fmt: skip
"""Providers' names, lower case, where they differ from ours."""

_MASS = {"µg/m³": 1.0, "ug/m3": 1.0, "μg/m³": 1.0, "ugm3": 1.0, "ug m-3": 1.0, "mg/m³": 1e3, "mg/m3": 1e3}
_MOLE = {"ppb": 1.0, "ppm": 1e3}  # in ppb
_OTHER: dict[str, dict[str, tuple[float, float]]] = {
    "K": {"k": (1, 0), "c": (1, 273.15), "°c": (1, 273.15), "f": (5 / 9, 255.3722222222222)},
    "1": {"1": (1, 0), "%": (0.01, 0), "pct": (0.01, 0)},
    "Pa": {"pa": (1, 0), "hpa": (100, 0), "mb": (100, 0), "mbar": (100, 0)},
    "m s-1": {"m/s": (1, 0), "ms": (1, 0), "m s-1": (1, 0), "km/h": (1 / 3.6, 0)},
    "degree": {"deg": (1, 0), "°": (1, 0), "degree": (1, 0)},
    "mm h-1": {"mm": (1, 0), "mm/h": (1, 0), "mm h-1": (1, 0)},
    "m": {"m": (1, 0)},
    "ppm": {"ppm": (1, 0)},
    "ppb": {"ppb": (1, 0)},
}  # fmt: skip


def variable_name(parameter: str) -> str | None:
    """Our name for a provider's, or None.

    >>> variable_name("PM2.5"), variable_name("um003")
    ('pm25', None)
    """
    name = parameter.strip().lower()
    name = ALIASES.get(name, name)
    return name if name in VARIABLES else None


def to_storage(
    variable: str, unit: str, temperature: float = TEMPERATURE_25C, pressure: float = STANDARD_PRESSURE
) -> tuple[float, float] | None:
    """(scale, offset) that take a provider's unit to the storage unit, or None where the unit does not fit.

    Parts per billion of a gas need a temperature (K) and a pressure (Pa); providers who say nothing mean 25 °C and
    1013.25 hPa.

    >>> to_storage("temperature", "c")
    (1.0, 273.15)
    >>> round(to_storage("o3", "ppm")[0], 1)
    1961.9
    """
    row, unit = VARIABLES[variable], unit.strip()
    if row.unit == "ug m-3":
        if unit.lower() in _MASS:
            return _MASS[unit.lower()], 0.0
        if unit.lower() in _MOLE and row.molar_mass is not None:
            return _MOLE[unit.lower()] * float(ugm3_per_ppb(variable, temperature, pressure)), 0.0
        return None
    known = _OTHER.get(row.unit, {}).get(unit.lower())
    return None if known is None else (float(known[0]), float(known[1]))


def number(value: Any) -> float:
    """A float, or NaN for anything that is not a finite number ("-", "nan", None, True).

    >>> number("3.5"), number("unavailable"), number(True)
    (3.5, nan, nan)
    """
    if isinstance(value, bool) or value is None:
        return float("nan")
    try:
        out = float(value)
    except (TypeError, ValueError):
        return float("nan")
    return out if isfinite(out) else float("nan")


def seconds(value: Any) -> int:
    """Seconds since 1970 of an ISO 8601 time (UTC unless it says otherwise), a datetime or an epoch; NAT if none.

    >>> seconds("2018-02-06T04:00:00.000Z"), seconds("2023-04-01 00:00:09"), seconds("soon") == NAT
    (1517889600, 1680307209, True)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return int(value) if isfinite(value) and abs(value) < 1e11 else NAT
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return NAT


@dataclass(frozen=True, slots=True)
class Rows:
    """Raw rows, N of them, column by column; what has few values is coded.

    Attributes:
        station: (N,) position in `stations`.
        quantity: (N,) position in `quantities`.
        time: (N,) END of the period, seconds since 1970, NAT = unreadable.
        period_s: (N,) seconds.
        value: (N,) in the provider's unit, NaN = not a number.
        received_at: (N,) seconds since 1970.
        quantities: (provider's name, provider's unit) pairs.
        stations: STATION_COLUMNS; a place that is not known is NaN.
        coverage: (N,) share of the period measured, or None.
        flag: (N,) quality flag, or None for NOT_EVALUATED.
        refused: (N,) reason given by the decoder itself, "" = none, or None.
        ambiguous: (N,) for rows of a station name whose place nobody can tell, a code of that name; else -1; or None.
        horizon_s: How far after `received_at` a period may end.
        parts: Temperature (K) and pressure (Pa) at which the provider's mole fractions are converted.
    """

    station: NDArray[np.integer[Any]]
    quantity: NDArray[np.integer[Any]]
    time: NDArray[np.int64]
    period_s: NDArray[np.int32]
    value: NDArray[np.float64]
    received_at: NDArray[np.int64]
    quantities: list[tuple[str, str]]
    stations: pd.DataFrame
    coverage: NDArray[np.float64] | None = None
    flag: NDArray[np.int8] | None = None
    refused: NDArray[Any] | None = None
    ambiguous: NDArray[np.int64] | None = None
    horizon_s: int = CLOCK_SKEW_S
    parts: tuple[float, float] = (TEMPERATURE_25C, STANDARD_PRESSURE)


@dataclass(slots=True)
class _Sieve:
    """Which rows are still in, and why the others are not: the first reason counts."""

    kept: NDArray[np.bool_]
    rejected: dict[str, int] = field(default_factory=dict)

    def refuse(self, bad: NDArray[np.bool_], reason: str) -> None:
        hit = self.kept & bad
        count = int(np.count_nonzero(hit))
        if count:
            self.rejected[reason] = self.rejected.get(reason, 0) + count
            self.kept &= ~hit


def _limits(rows: Rows) -> tuple[NDArray[np.float64], list[str | None]]:
    """(4, quantities): scale, offset, minimum, maximum of each quantity, NaN where its unit is unknown; and names."""
    names = [variable_name(parameter) for parameter, _ in rows.quantities]
    table = np.full((4, max(len(names), 1)), np.nan)
    for i, (name, (_, unit)) in enumerate(zip(names, rows.quantities, strict=True)):
        linear = None if name is None else to_storage(name, unit, *rows.parts)
        if name is not None and linear is not None:
            table[:, i] = (*linear, VARIABLES[name].minimum, VARIABLES[name].maximum)
    return table, names


def finish(rows: Rows) -> Batch:
    """Rows to a checked Batch; every row that cannot be trusted as data is counted by its first reason.

    In this order: the decoder's own reasons, `not_a_number`, `sentinel`, `impossible_time` (unreadable, before 1990,
    or ends later than received), `no_coordinates`, `unknown_variable`, `unknown_unit`, `out_of_range`,
    `ambiguous_place`, `duplicate` (same place, quantity, time, period and value), `superseded` (the same with another
    value: the last row stands).

    Raises:
        ConventionError: The decoder broke the schema; never because of what a provider sent.
    """
    table, names = _limits(rows)
    sieve = _Sieve(np.ones(len(rows.value), bool))
    if rows.refused is not None:
        for reason in sorted({str(r) for r in rows.refused} - {""}):
            sieve.refuse(rows.refused == reason, reason)
    sieve.refuse(~np.isfinite(rows.value), "not_a_number")
    sieve.refuse(rows.value <= SENTINEL, "sentinel")
    sieve.refuse((rows.time < EARLIEST) | (rows.time > rows.received_at + rows.horizon_s), "impossible_time")
    latitude, longitude = (rows.stations[n].to_numpy(float) for n in ("latitude", "longitude"))
    somewhere = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180) & ((latitude != 0) | (longitude != 0))
    sieve.refuse(~somewhere[rows.station] if len(somewhere) else np.ones(len(rows.value), bool), "no_coordinates")
    known = np.array([name is not None for name in names] or [False])
    sieve.refuse(~known[rows.quantity], "unknown_variable")
    sieve.refuse(np.isnan(table[0])[rows.quantity], "unknown_unit")
    scale, offset, low, high = table[:, rows.quantity]
    value = rows.value * scale + offset
    sieve.refuse(~((value >= low) & (value <= high)), "out_of_range")
    if rows.ambiguous is not None:
        _refuse_ambiguous(sieve, rows, rows.ambiguous)
    _refuse_repeats(sieve, rows, value, names)
    return _batch(rows, value, names, sieve)


def _refuse_ambiguous(sieve: _Sieve, rows: Rows, name: NDArray[np.int64]) -> None:
    """Rows whose place nobody can tell: repeats of a name's variable and time as `duplicate`, then the others."""
    at = np.flatnonzero(sieve.kept & (name >= 0))
    key = pd.DataFrame({"name": name[at], "quantity": rows.quantity[at], "time": rows.time[at]})
    repeat = np.zeros(len(name), bool)
    repeat[at] = key.duplicated()
    sieve.refuse(repeat, "duplicate")
    sieve.refuse(name >= 0, "ambiguous_place")


def _refuse_repeats(sieve: _Sieve, rows: Rows, value: NDArray[np.float64], names: list[str | None]) -> None:
    """Rows that repeat the place, variable, time and period of another."""
    at = np.flatnonzero(sieve.kept)
    order = {name: i for i, name in enumerate(VARIABLES)}
    code = np.array([order.get(name or "", -1) for name in names] or [-1])[rows.quantity[at]]
    what = rows.station[at].astype(np.int64) * len(VARIABLES) + code
    key = pd.DataFrame({"what": what, "time": rows.time[at], "period": rows.period_s[at]})
    repeated = key.duplicated(keep=False).to_numpy()
    some = key[repeated].assign(value=value[at[repeated]])
    same, older = np.zeros(len(value), bool), np.zeros(len(value), bool)
    same[at[repeated]] = some.duplicated(keep="last")
    older[at[repeated]] = some.duplicated(subset=["what", "time", "period"], keep="last")
    sieve.refuse(same, "duplicate")
    sieve.refuse(older, "superseded")


def _batch(rows: Rows, value: NDArray[np.float64], names: list[str | None], sieve: _Sieve) -> Batch:
    at = np.flatnonzero(sieve.kept)
    station, quantity = rows.station[at], rows.quantity[at]
    order = {name: i for i, name in enumerate(VARIABLES)}
    code = np.array([order.get(name or "", 0) for name in names] or [0])
    n = len(at)
    observations = pd.DataFrame(
        {
            "station_id": _category(rows.stations["station_id"].to_numpy(), station),
            "time": _utc(rows.time[at]),
            "period_s": rows.period_s[at],
            "variable": pd.Categorical.from_codes(code[quantity].tolist(), categories=pd.Index(list(VARIABLES))),
            "value": value[at],
            "uncertainty": np.full(n, np.nan),
            "coverage": np.full(n, np.nan) if rows.coverage is None else rows.coverage[at],
            "quality_flag": np.full(n, Flag.NOT_EVALUATED, np.int8) if rows.flag is None else rows.flag[at],
            "received_at": _utc(rows.received_at[at]),
        }
    )
    seen = np.unique(station)
    stations = rows.stations.iloc[seen]
    return Batch(check_stations(stations), check_observations(observations), len(rows.value), sieve.rejected)


def _category(labels: NDArray[Any], codes: NDArray[np.integer[Any]]) -> pd.Categorical:
    """Station ids as categories; only those that occur, so a few rows do not carry a world of names."""
    seen, position = np.unique(codes, return_inverse=True)
    return pd.Categorical.from_codes(position, categories=pd.Index(labels[seen], dtype="str"))


def _utc(moments: NDArray[np.int64]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(moments.astype("datetime64[s]")).tz_localize("UTC")


def station(station_id: str, latitude: Any, longitude: Any, **fields: Any) -> dict[str, Any]:
    """One row of STATION_COLUMNS from what is known; the rest is unknown."""
    row: dict[str, Any] = dict.fromkeys(STATION_COLUMNS, "")
    source = station_id.partition(":")[0]
    row |= {"station_id": station_id, "source": source, "altitude_m": float("nan")}
    return row | fields | {"latitude": number(latitude), "longitude": number(longitude)}


@dataclass(frozen=True, slots=True)
class Reading:
    """One row as a small decoder finds it."""

    station_id: str
    parameter: str
    unit: str
    value: float
    time: int
    period_s: int
    coverage: float = float("nan")
    flag: Flag = Flag.NOT_EVALUATED
    refused: str = ""


def collect(
    readings: Iterable[Reading],
    stations: Iterable[dict[str, Any]],
    received_at: datetime,
    horizon_s: int = CLOCK_SKEW_S,
) -> Batch:
    """Readings and the stations they name to a checked Batch (the first row of a station stands).

    Raises:
        ConventionError: As `finish`.
    """
    places: dict[str, dict[str, Any]] = {}
    for row in stations:
        places.setdefault(str(row["station_id"]), row)
    where = {name: i for i, name in enumerate(places)}
    quantities: dict[tuple[str, str], int] = {}
    listed = list(readings)
    coded = [quantities.setdefault((r.parameter, r.unit), len(quantities)) for r in listed]
    return finish(
        Rows(
            station=np.array([where[r.station_id] for r in listed], np.int32),
            quantity=np.array(coded, np.int16),
            time=np.array([r.time for r in listed], np.int64),
            period_s=np.array([r.period_s for r in listed], np.int32),
            value=np.array([r.value for r in listed], float),
            received_at=np.full(len(listed), int(received_at.timestamp()), np.int64),
            quantities=list(quantities),
            stations=pd.DataFrame(list(places.values()), columns=list(STATION_COLUMNS)),
            coverage=np.array([r.coverage for r in listed], float),
            flag=np.array([r.flag for r in listed], np.int8),
            refused=np.array([r.refused for r in listed], dtype=object),
            horizon_s=horizon_s,
        )
    )


def merge(batches: Iterable[Batch]) -> Batch:
    """Several batches as one; the last row of a station stands.

    Raises:
        ConventionError: As `check_observations`.
    """
    listed = list(batches)
    rejected: dict[str, int] = {}
    for batch in listed:
        for reason, count in batch.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    if not listed:
        return Batch(empty_stations(), empty_observations(), 0, {})
    stations = pd.concat([b.stations for b in listed]).drop_duplicates("station_id", keep="last")
    observations = pd.concat([b.observations.astype({"station_id": "str", "variable": "str"}) for b in listed])
    return Batch(check_stations(stations), check_observations(observations), sum(b.read for b in listed), rejected)
