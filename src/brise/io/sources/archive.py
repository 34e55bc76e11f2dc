"""Station-hour Parquet archives, wide (a column a variable, its unit in the column's name) or long (OpenAQ's columns).

`time_utc` labels an hour by its START, so `time` is one hour later. In a replay we "had" a value when its hour ended:
`received_at` = `time`. Gases in ppb and ppm are converted at 25 °C and 1013.25 hPa, or at the standard atmosphere's
pressure where a column `altitude_m` (or `elevation_m`) gives the station's height.

Columns that end in `_era5` are a reanalysis, not a measurement. They are left out unless asked for; then they belong to
a second station, `archive:ID.era5` of kind "model", and were "had" five days later, as ERA5 is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from brise.conventions.errors import DecodeError, InputError, NotFoundError
from brise.conventions.observations import STATION_COLUMNS, Batch
from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, pressure_at_altitude
from brise.io.sources.openaq import kind_of
from brise.io.sources.payload import snippet, unpack
from brise.io.sources.rows import NAT, Rows, finish, merge, to_storage, variable_name
from brise.io.sources.source import Source

HOUR_S = 3600
CHUNK = 65_536
"""Rows decoded at a time: with a dozen variables, about 60 MB of observations."""

REANALYSIS = "_era5"
REANALYSIS_DELAY_S = 5 * 86_400
_PLACE = {"lat": "latitude", "lon": "longitude", "location_id": "station_id", "location_name": "name",
          "elevation_m": "altitude_m"}  # fmt: skip
_ABOUT = ("station_id", "name", "city", "latitude", "longitude", "altitude_m", "kind", "provider", "ingest", "licence")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of measurements.

    Attributes:
        name: In the file.
        variable: Ours, or None where it is none of ours.
        unit: As the column's name ends.
        reanalysis: It was modelled, not measured.
    """

    name: str
    variable: str | None
    unit: str
    reanalysis: bool = False


def column(name: str) -> Column:
    """What a column's name says.

    >>> column("no2_ppb")
    Column(name='no2_ppb', variable='no2', unit='ppb', reanalysis=False)
    >>> column("temp_c_era5").variable, column("uva_mwcm2").variable
    ('temperature', None)
    """
    stem = name.removesuffix(REANALYSIS)
    quantity, _, unit = stem.rpartition("_")
    variable = variable_name(quantity)
    known = variable is not None and to_storage(variable, unit) is not None
    return Column(name, variable if known else None, unit, stem != name)


def columns(path: Path) -> list[Column]:
    """The measured columns of a wide archive, in order; units as in the file.

    Raises:
        NotFoundError: No such file.
        DecodeError: Not a Parquet archive.
    """
    with _open(path) as file:
        return _measured(file)


def archive_span(path: Path) -> tuple[datetime, datetime]:
    """END of the archive's first and last hour, UTC, from the file's own statistics.

    Raises:
        NotFoundError: No such file.
        DecodeError: Not a Parquet archive with a `time_utc`, or it is empty.
    """
    with _open(path) as file:
        if "time_utc" not in file.schema_arrow.names or not file.metadata.num_rows:
            raise DecodeError(f"archive: {path.name} holds no time_utc")
        time = file.read(columns=["time_utc"])["time_utc"]
    first, last = (pd.Timestamp(pc.min_max(time)[side].as_py()) for side in ("min", "max"))
    hour = timedelta(seconds=HOUR_S)
    return first.to_pydatetime() + hour, last.to_pydatetime() + hour


def _open(where: "Path | BytesIO") -> pq.ParquetFile:
    try:
        return pq.ParquetFile(where)
    except FileNotFoundError as error:
        raise NotFoundError(f"no archive at {where}") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise DecodeError(f"archive: not Parquet: {str(error).splitlines()[0]}") from error


def _measured(file: pq.ParquetFile) -> list[Column]:
    numeric = [f.name for f in file.schema_arrow if pa.types.is_floating(f.type) or pa.types.is_integer(f.type)]
    found = [
        column(n) for n in numeric if n not in ("lat", "lon", "latitude", "longitude", "altitude_m", "elevation_m")
    ]
    return [c for c in found if c.unit]


def read_archive(
    where: "Path | BytesIO", start: datetime | None = None, end: datetime | None = None, reanalysis: bool = False
) -> Iterator[Batch]:
    """Stream an archive as checked batches, oldest row group first.

    Args:
        where: The file.
        start: Only hours that ended after it.
        end: Only hours that ended at or before it.
        reanalysis: Also the `_era5` columns, as model stations.

    Raises:
        NotFoundError: No such file.
        InputError: A bound has no zone.
        DecodeError: Not an archive: not Parquet, or columns are missing.
    """
    if any(bound is not None and bound.tzinfo is None for bound in (start, end)):
        raise InputError(f"archive from {start} to {end}: times need a zone")
    span = tuple(None if bound is None else int(bound.timestamp()) for bound in (start, end))
    with _open(where) as file:
        names = set(file.schema_arrow.names)
        long = {"parameter", "unit", "value"} <= names
        if "time_utc" not in names or not names & {"station_id", "location_id"} or not names & {"lat", "latitude"}:
            raise DecodeError(
                f"archive: no time_utc, station_id and lat among {snippet(', '.join(sorted(names)).encode())}"
            )
        measured = [c for c in _measured(file) if reanalysis or not c.reanalysis]
        needed = [n for n in file.schema_arrow.names if n == "time_utc" or _PLACE.get(n, n) in _ABOUT]
        needed += ["parameter", "unit", "value"] if long else [c.name for c in measured]
        try:
            for chunk in file.iter_batches(CHUNK, columns=needed):
                table, time = _within(pa.Table.from_batches([chunk]), span)
                if len(time):
                    yield from _long(table, time) if long else _wide(table, time, measured)
        except (pa.ArrowInvalid, OSError) as error:
            raise DecodeError(f"archive: damaged: {str(error).splitlines()[0]}") from error


def _within(table: pa.Table, span: tuple[int | None, ...]) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows of the span and the END of their hours, seconds."""
    moment = pc.cast(table["time_utc"], pa.timestamp("s", "UTC"), safe=False)
    time = pc.fill_null(pc.add(pc.cast(moment, pa.int64()), HOUR_S), NAT).to_numpy()
    start, end = span
    keep = np.ones(len(time), bool) if start is None else time > start
    keep = keep if end is None else keep & (time <= end)
    return (table, time) if keep.all() else (table.filter(pa.array(keep)), time[keep])


def _stations(table: pa.Table) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """Position of each row's station, and the stations as STATION_COLUMNS."""
    key = "station_id" if "station_id" in table.column_names else "location_id"
    coded = pc.dictionary_encode(pc.cast(table[key], pa.string())).combine_chunks()
    code = coded.indices.to_numpy()
    first = np.unique(code, return_index=True)[1]
    about = [n for n in table.column_names if _PLACE.get(n, n) in _ABOUT]
    found = table.select(about).take(pa.array(first)).to_pandas().rename(columns=_PLACE)
    get = {n: found[n].astype("str").fillna("").tolist() if n in found else [""] * len(found) for n in _ABOUT}
    ids = pd.Series(get["station_id"], dtype="str")
    operators = [p or i or c for p, i, c in zip(get["provider"], get["ingest"], get["city"], strict=True)]
    kinds = [
        k or ("reference" if not p else kind_of(None, None, p))
        for k, p in zip(get["kind"], get["provider"], strict=True)
    ]
    rows = pd.DataFrame(
        {
            "station_id": "archive:" + ids,
            "source": "archive",
            "name": [n or i for n, i in zip(get["name"], ids, strict=True)],
            "latitude": found["latitude"].to_numpy(float),
            "longitude": found["longitude"].to_numpy(float),
            "altitude_m": found["altitude_m"].to_numpy(float) if "altitude_m" in found else np.nan,
            "kind": kinds,
            "operator": operators,
            "timezone": "",
            "licence": [x or "as the archive's README states" for x in get["licence"]],
            "attribution": [o or "not named in the archive" for o in operators],
        },
        columns=list(STATION_COLUMNS),
    )
    return code.astype(np.int64), rows


def _wide(table: pa.Table, time: NDArray[np.int64], measured: list[Column]) -> Iterator[Batch]:
    """One batch of the measured columns, and one of the reanalysis where asked for."""
    where, stations = _stations(table)
    for modelled in (False, True):
        chosen = [c for c in measured if c.reanalysis == modelled]
        if not chosen:
            continue
        values = np.column_stack([_floats(table[c.name]) for c in chosen])
        row, quantity = np.nonzero(~np.isnan(values))  # no value, no row
        there, ids = stations, stations["station_id"]
        if modelled:
            there = stations.assign(
                station_id=ids + ".era5", kind="model", attribution="ERA5, Copernicus Climate Change Service"
            )
        quantities = [(c.variable or c.name, c.unit) for c in chosen]
        delay = REANALYSIS_DELAY_S if modelled else 0
        yield _batch(there, where[row], time[row], (quantity, quantities), values[row, quantity], delay)


def _floats(values: pa.ChunkedArray) -> NDArray[np.float64]:
    """Values as float64; those of float32 to the 7 digits they hold, so that 16.3 stays 16.3."""
    out: NDArray[Any] = values.to_numpy()
    wide = np.asarray(out, np.float64)
    if out.dtype != np.float32:
        return wide
    size = np.abs(wide)
    power = 10.0 ** (6 - np.floor(np.log10(np.where(size > 0, size, 1.0))))
    return np.asarray(np.rint(wide * power) / power)


def _long(table: pa.Table, time: NDArray[np.int64]) -> Iterator[Batch]:
    where, stations = _stations(table)
    pair = table.group_by(["parameter", "unit"]).aggregate([]).to_pylist()
    order = {(p["parameter"], p["unit"]): i for i, p in enumerate(pair)}
    both = zip(table["parameter"].to_pylist(), table["unit"].to_pylist(), strict=True)
    quantity = np.array([order[p] for p in both], np.int64)
    quantities = [(str(p["parameter"]), str(p["unit"])) for p in pair]
    yield _batch(stations, where, time, (quantity, quantities), _floats(table["value"]))


def _batch(
    stations: pd.DataFrame,
    where: NDArray[np.int64],
    time: NDArray[np.int64],
    what: tuple[NDArray[np.int64], list[tuple[str, str]]],
    value: NDArray[np.float64],
    delay: int = 0,
) -> Batch:
    """Rows to a batch; stations of known height convert mole fractions at their own pressure."""
    altitude = stations["altitude_m"].to_numpy(float)
    heights = np.unique(altitude[np.isfinite(altitude)])
    groups: list[tuple[NDArray[np.bool_], float]] = [(~np.isfinite(altitude), STANDARD_PRESSURE)]
    groups += [(altitude == height, float(pressure_at_altitude(height))) for height in heights]
    out = []
    for members, pressure in groups:
        part = slice(None) if len(groups) == 1 else members[where]
        if members.any():
            out.append(
                finish(
                    Rows(
                        station=where[part],
                        quantity=what[0][part],
                        time=time[part],
                        period_s=np.full(len(time[part]), HOUR_S, np.int32),
                        value=value[part],
                        received_at=np.maximum(time[part], 0) + delay,
                        quantities=what[1],
                        stations=stations,
                        parts=(TEMPERATURE_25C, pressure),
                    )
                )
            )
    return out[0] if len(out) == 1 else merge(out)


def decode(payload: bytes, received_at: datetime) -> Batch:  # noqa: ARG001 (an archive's rows were had when they ended)
    """A whole archive as one batch; for large ones stream `read_archive`.

    Raises:
        DecodeError: As `read_archive`.
    """
    return merge(read_archive(BytesIO(unpack(payload, "archive"))))


SOURCE = Source(
    name="archive",
    title="Station-hour Parquet archive",
    licence="as the archive's README states",
    attribution="the network named in the archive",
    terms_url="https://parquet.apache.org/",
    kind="reference",
    interval=timedelta(hours=1),
    latency=timedelta(0),
    decode=decode,
)
