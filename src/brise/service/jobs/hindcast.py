"""`brise hindcast`: forecast the past as it would have been forecast then, for scoring.

The archive is one wide Parquet row per station and hour, labelled by the START of the hour, in its own units; both
stay as they are. Models are fitted once, on rows before the first init; a forecast reads rows up to its own init; a
withheld station is predicted at every lead and read nowhere.
"""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet
from numpy.typing import NDArray

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.conventions.units import celsius_to_kelvin
from brise.conventions.variables import POLLUTANTS
from brise.formulas.interpolation import Array
from brise.formulas.meteorology import relative_humidity, wind_components
from brise.models.network import HOUR, Fitted, Prediction, Task, fit
from brise.models.registry import Model
from brise.models.registry import model as model_named
from brise.products.air_quality import READ_HOURS

log = logging.getLogger("brise.hindcast")

_parquet: Any = pyarrow.parquet  # it has no type stubs

PREDICTORS: tuple[str, ...] = (*POLLUTANTS, "no")
_WEATHER = re.compile(r"(temp_c|dewp_c|rh_pct|pres_hpa|wspd_ms|wdir_deg)(_era5)?")
_CHUNK = 256  # inits at a time
_UNITS = {"h": 1, "d": 24}
MOST_STALE_H = 24
"""A network silent for longer is forecast as if it had just fallen silent so long ago."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to predict.

    Attributes:
        inits: (N,) datetime64[s], archive labels: the row so labelled is the newest input.
        leads: Hours ahead; 0 = the analysis.
        variables: None = every pollutant of the archive.
        withhold: Stations to predict without ever reading them.
        model: A name of `models.registry`.
    """

    inits: NDArray[np.datetime64]
    leads: tuple[int, ...] = (0, 1, 3, 6, 12, 24, 48)
    variables: tuple[str, ...] | None = None
    withhold: frozenset[str] = frozenset()
    model: str = "blend"


def hindcast_command(
    archive: Path,
    out: Path,
    window: tuple[datetime | None, datetime | None, str],
    inits: Path | None,
    choice: tuple[str, str | None, Path | None, str],
    chosen: Model | None = None,
) -> int:
    """What the command line gives, checked and run.

    Args:
        archive: Wide Parquet.
        out: Predictions, Parquet; replaced whole.
        window: First and last init and the step between, e.g. "6h"; not read when `inits` is given.
        inits: CSV with a column init_time.
        choice: Leads ("0,1,24"), variables ("pm25,no2"), file of withheld station ids, model.
        chosen: A model that is in no registry, instead of the named one.

    Returns:
        How many predictions were written.
    """
    leads, variables, withhold, model = choice
    question = Question(
        read_inits(inits) if inits is not None else regular_inits(*window),
        read_leads(leads),
        tuple(part.strip() for part in variables.split(",") if part.strip()) if variables else None,
        frozenset(_lines(withhold)) if withhold else frozenset(),
        model,
    )
    return hindcast(archive, question, out, chosen)


def hindcast(archive: Path, question: Question, out: Path, chosen: Model | None = None) -> int:
    """Predict and write; returns how many predictions.

    Raises:
        StoreError: `out` cannot be written.
    """
    chosen = chosen or model_named(question.model)
    if not out.parent.is_dir():  # known now, not after an hour's work
        raise StoreError(f"cannot write {out}: no folder {out.parent}")
    frames = list(predict(read_archive(archive), question, chosen))
    table = pd.concat(frames, ignore_index=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        table.to_parquet(part, index=False)
        part.replace(out)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return len(table)


def regular_inits(start: datetime | None, end: datetime | None, every: str) -> NDArray[np.datetime64]:
    """Inits from `start` to `end`, both included, `every` so many hours ("6h") or days ("1d").

    Raises:
        InputError: An end is missing, they are in the wrong order, or the step cannot be read.
    """
    step = re.fullmatch(r"\s*([1-9]\d*)\s*([hd])\s*", every)
    if step is None:
        raise InputError(f"--every {every!r}: expected whole hours or days, such as 6h or 1d")
    if start is None or end is None or end < start:
        raise InputError(f"inits from {start} to {end}: give --start and a later --end, or --inits FILE.csv")
    first, last = (np.datetime64(_utc(moment), "s") for moment in (start, end))
    return _on_the_hour(np.arange(first, last + np.timedelta64(1, "s"), int(step[1]) * _UNITS[step[2]] * HOUR))


def read_inits(path: Path) -> NDArray[np.datetime64]:
    """Inits from a CSV with a column init_time, or with one column alone; sorted, each once.

    Raises:
        InputError: No such column, no row, or a time that cannot be read.
    """
    lines = [line.split(",") for line in _lines(path)]
    header = [name.strip().strip('"') for name in lines[0]] if lines else []
    column = header.index("init_time") if "init_time" in header else 0
    if not lines or ("init_time" not in header and len(header) > 1):
        raise InputError(f"{path}: expected a CSV with a column init_time, got {header}")
    texts = [line[column].strip().strip('"') for line in lines[int("init_time" in header) :] if len(line) > column]
    try:
        times = [np.datetime64(_utc(datetime.fromisoformat(text)), "s") for text in texts]
    except ValueError as error:
        raise InputError(f"{path}: {error}; expected ISO 8601 times such as 2023-01-01T00:00Z") from error
    if not times:
        raise InputError(f"{path}: no init_time in it")
    return _on_the_hour(np.unique(np.array(times, "datetime64[s]")))


def read_leads(text: str) -> tuple[int, ...]:
    """Leads from a comma list.

    Raises:
        InputError: One is no whole number from 0 to 240.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    bad = [part for part in parts if not part.isdecimal() or int(part) > 240]
    if bad or not parts:
        raise InputError(f"--leads {text!r}: whole hours from 0 to 240, comma between; got {(bad or ['nothing'])[0]!r}")
    return tuple(sorted({int(part) for part in parts}))


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _on_the_hour(times: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    off = times != times.astype("datetime64[h]")
    if off.any():
        raise InputError(f"init_time {times[np.argmax(off)]} is not on the hour")
    return times


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"no file {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_archive(path: Path) -> StationHours:
    """A wide station-hour Parquet as a network, in its own units; times become the END of the hour.

    Of several rows of one station and hour the last known value counts; a station without a place is left out.

    Raises:
        NotFoundError: No such file.
        InputError: Not Parquet, or not wide: a column is missing, or no pollutant is there.
    """
    try:
        names = _parquet.read_schema(path).names
    except FileNotFoundError:
        raise NotFoundError(f"no file {path}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a Parquet file: {error}") from error
    places = next((pair for pair in (("lat", "lon"), ("latitude", "longitude")) if set(pair) <= set(names)), None)
    columns = {name: column for name in PREDICTORS for column in names if re.fullmatch(f"{name}(_[a-z0-9]+)?", column)}
    if places is None or not {"station_id", "time_utc"} <= set(names) or not columns:
        raise InputError(
            f"{path}: expected columns station_id, time_utc, lat, lon and pollutants such as pm25_ugm3; "
            f"got {', '.join(names)}"
        )
    weather = [name for name in names if _WEATHER.fullmatch(name)]
    frame = pd.read_parquet(path, columns=["station_id", "time_utc", *places, *columns.values(), *weather])
    frame = frame.dropna(subset=["station_id", "time_utc", *places])
    if frame.empty:
        raise InputError(f"{path}: no row with a station, a time and a place")
    stations, column = np.unique(frame["station_id"].astype(str).to_numpy(str), return_inverse=True)
    starts = pd.to_datetime(frame["time_utc"], utc=True).dt.tz_localize(None).to_numpy("datetime64[s]")
    first = starts.min().astype("datetime64[h]").astype("datetime64[s]")
    row = ((starts - first) // HOUR).astype(np.intp)
    time = first + HOUR * np.arange(1, int(row.max()) + 2)
    where = np.full((2, len(stations)), np.nan)
    for side, name in enumerate(places):
        where[side, column] = frame[name].to_numpy(float)
    values = {}
    given = [(name, frame[source].to_numpy(np.float32)) for name, source in columns.items()]
    for name, value in given + _weather(frame):
        matrix = np.full((len(time), len(stations)), np.nan, np.float32)
        known = np.isfinite(value)
        matrix[row[known], column[known]] = value[known]
        values[name] = matrix
    return StationHours(time, stations, where[0], where[1], np.full(len(stations), np.nan), values)


def _weather(frame: pd.DataFrame) -> list[tuple[str, NDArray[np.float32]]]:
    """What an archive says of the weather, in our units; wind is given by its parts where it has a direction."""
    given = {match[1]: frame[name].to_numpy(float) for name in frame if (match := _WEATHER.fullmatch(str(name)))}
    out = {}
    if "temp_c" in given:
        out["temperature"] = celsius_to_kelvin(given["temp_c"])
    if "rh_pct" in given:
        out["relative_humidity"] = given["rh_pct"] / 100
    elif {"temp_c", "dewp_c"} <= set(given):
        out["relative_humidity"] = relative_humidity(out["temperature"], celsius_to_kelvin(given["dewp_c"]))
    if "pres_hpa" in given:
        out["pressure"] = given["pres_hpa"] * 100
    if "wspd_ms" in given:
        out["wind_speed"] = given["wspd_ms"]
        if "wdir_deg" in given:
            out["eastward_wind"], out["northward_wind"] = wind_components(given["wspd_ms"], given["wdir_deg"])
    return [(name, value.astype(np.float32)) for name, value in out.items()]


def predict(hours: StationHours, question: Question, chosen: Model | None = None) -> Iterator[pd.DataFrame]:
    """Predictions of every init, some inits and one variable at a time.

    Args:
        hours: The archive's network, from `read_archive`.
        question: What to predict.
        chosen: A model that is in no registry, instead of the named one.

    Raises:
        InputError: A variable, station or init that the archive does not have, or no history to fit on.
    """
    variables = _checked(hours, question)
    withheld = np.isin(hours.station_id, sorted(question.withhold))
    others, hidden = hours.stations(~withheld), unit_vectors(hours.latitude[withheld], hours.longitude[withheld])
    chosen = chosen or model_named(question.model)
    before = others.until(question.inits.min())  # labels before the first init: hours that ended by its start
    ahead = tuple(lead for lead in question.leads if lead > 0) if chosen.learns_leads else ()
    fitted = fit(before, None if chosen.reads_all else variables, ahead)
    usable = [name for name in variables if name in fitted]
    if not usable:
        raise InputError(f"no measurement of {', '.join(variables)} before {question.inits.min()} to learn from")
    for start in range(0, len(question.inits), _CHUNK):
        inits = question.inits[start : start + _CHUNK]
        for name in usable:
            yield _frame(others, fitted, name, (question, inits, chosen), (hours.station_id[withheld], hidden))


def _checked(hours: StationHours, question: Question) -> tuple[str, ...]:
    known = [name for name in POLLUTANTS if name in hours.values]
    variables = tuple(dict.fromkeys(question.variables or known))
    for name in variables:
        if name not in known:
            raise InputError(f"unknown variable {name!r}; the archive has {', '.join(known)}")
    strangers = sorted(question.withhold - set(hours.station_id.tolist()))
    if strangers:
        raise InputError(f"withheld station {strangers[0]!r} is not in the archive ({len(strangers)} such)")
    if len(question.withhold) == len(hours.station_id):
        raise InputError(f"all {len(hours.station_id)} stations are withheld: nothing to predict from")
    first, last = hours.time[0] - HOUR, hours.time[-1] - HOUR
    outside = (question.inits <= first) | (question.inits > last)
    if not len(question.inits) or outside.any():
        which = question.inits[np.argmax(outside)] if len(question.inits) else "none"
        raise InputError(f"init_time {which} is outside the archive, whose hours start from {first} to {last}")
    return variables


def _frame(
    others: StationHours,
    fitted: dict[str, Fitted],
    name: str,
    asked: tuple[Question, NDArray[np.datetime64], Model],
    hidden: tuple[NDArray[np.str_], Array],
) -> pd.DataFrame:
    """One variable's predictions for some inits, long."""
    question, inits, chosen = asked
    first = max(int((inits.min() + HOUR - others.time[0]) // HOUR) - READ_HOURS, 0)
    last = int((inits.max() + HOUR - others.time[0]) // HOUR)
    read = replace(
        others,
        time=others.time[first : last + 1],
        values={key: rows[first : last + 1] for key, rows in others.values.items()},
    )
    rows = ((inits + HOUR - read.time[0]) // HOUR).astype(np.intp)
    steps, parts = fitted[name].blend.leads, []
    silent = silence(read, rows) if len(steps) else np.zeros(len(rows), np.intp)
    for hours in np.unique(silent):  # a silent network is forecast from its newest hour, as the cycle does
        these = silent == hours
        leads = question.leads
        if hours:
            leads = tuple(int(lead) for lead in np.clip(np.array(leads) + hours, steps[0], steps[-1]))
        task = Task(fitted, name, read, rows[these] - hours, leads)
        parts.append(_long(chosen.stations(task), others.station_id, question, inits[these]))
        if len(hidden[0]):
            parts.append(_long(chosen.points(task, hidden[1]), hidden[0], question, inits[these]))
    out = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    out.insert(3, "variable", name)
    log.info("%s: %d predictions, inits %s to %s", name, len(out), inits.min(), inits.max())
    return out


def silence(hours: StationHours, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """(N,) hours since any station measured any pollutant, at most MOST_STALE_H; 0 = it has in the row itself."""
    some = [np.isfinite(hours.values[key]).any(axis=1) for key in POLLUTANTS if key in hours.values]
    heard = np.maximum.accumulate(np.where(np.any(some, axis=0), np.arange(len(hours.time)), -1))
    return np.asarray(np.minimum(rows - heard[rows], np.minimum(MOST_STALE_H, rows)))


def _long(
    prediction: Prediction, stations: NDArray[np.str_], question: Question, inits: NDArray[np.datetime64]
) -> pd.DataFrame:
    shape = prediction.value.shape
    init, lead, station = (index.ravel() for index in np.indices(shape))
    columns = {
        "init_time": pd.to_datetime(inits, utc=True).as_unit("s")[init],
        "lead_hours": np.array(question.leads, np.int16)[lead],
        "station_id": stations[station],
    }
    for side in ("value", "q10", "q50", "q90"):
        columns[side] = getattr(prediction, side).astype(np.float32).ravel()
    return pd.DataFrame(columns)
