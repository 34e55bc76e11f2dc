"""Rows of a tracker's table, block by block, as arrays in our units; what is no row of it is counted and shown."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from brise.conventions.errors import InputError
from brise.conventions.trackers import MEASURED, ReadReport, SampleFlag
from brise.conventions.variables import VARIABLES
from brise.io.sources.tracker_dialect import Array, Clock, Plan

EARLIEST = int(datetime(2005, 1, 1, tzinfo=UTC).timestamp())
"""No tracker here is older; clocks that were never set say 1970, 1980 or 2000."""

LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())

NO_VALUE = ["", " ", "-", "--", "nan", "NaN", "NAN", "null", "NULL", "Null", "none", "None", "n/a", "N/A", "NA", "#N/A",
            "undefined", "unknown", "unavailable", "inf", "-inf"]  # fmt: skip

MOST_COLUMNS = 2_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one device.

    Attributes:
        device: As the table names it, "" = it does not.
        time: (N,) seconds since 1970, in the order of the file.
        columns: Target -> (N,), our units.
        flags: (N,) SampleFlag, of what was removed from the row.
        measures: Whether the table holds measurements, not places alone.
        period_s: Between two rows, where they do not tell.
        make: The maker, for corrections.
        reader: Which dialect they were written in.
    """

    device: str
    time: NDArray[np.int64]
    columns: dict[str, Array]
    flags: NDArray[np.int64]
    measures: bool
    period_s: int = 60
    make: str = "unknown"
    reader: str = ""


def read_rows(plan: Plan, stream: Iterator[bytes], where: tuple[str, int], report: ReadReport) -> Iterator[Piece]:
    """The rows of a table.

    Args:
        plan: How to read it.
        stream: Its rows, in blocks of whole lines.
        where: The file's name, and the lines before the first row.
        report: Counts what is refused.

    Raises:
        InputError: The table has too many columns.
    """
    if len(plan.labels) > MOST_COLUMNS:
        raise InputError(f"{where[0]}: {len(plan.labels)} columns; at most {MOST_COLUMNS} are read")
    name, line = where
    for block in stream:
        if not block.strip(b" \r\n\0\x1a"):
            line += block.count(b"\n")
            continue
        table, refused = _parse(plan, block, (name, line), report)
        yield from _pieces(plan, table, refused, (name, line), report)
        line += block.count(b"\n")


def _parse(
    plan: Plan, block: bytes, where: tuple[str, int], report: ReadReport
) -> tuple[dict[int, pa.ChunkedArray], NDArray[np.bool_]]:
    """(column position -> values, rows that hold text where a number belongs) of a block."""
    ragged: list[str] = []

    def skip(row: "arrow_csv.InvalidRow") -> str:
        ragged.append(row.text)
        return "skip"

    texts = set(plan.clock.positions) if plan.clock.kind == "text" else set()
    texts |= {at for at, found in plan.columns.items() if found.target == "device"}
    wanted = sorted({*plan.clock.positions, *plan.columns})

    def read(as_text: bool) -> pa.Table:
        ragged.clear()
        types = {f"c{at}": pa.string() if as_text or at in texts else pa.float64() for at in wanted}
        return arrow_csv.read_csv(
            io.BytesIO(block),
            arrow_csv.ReadOptions(
                use_threads=False, block_size=len(block) + 1, column_names=[f"c{i}" for i in range(len(plan.labels))]
            ),
            arrow_csv.ParseOptions(delimiter=plan.delimiter, invalid_row_handler=skip),
            arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types=types,
                include_columns=[f"c{at}" for at in wanted],
                null_values=NO_VALUE,
                strings_can_be_null=True,
                decimal_point=plan.decimal,
            ),
        )

    try:
        try:
            table = read(as_text=False)
            bad = np.zeros(table.num_rows, bool)
            columns = {at: table.column(f"c{at}") for at in wanted}
        except pa.ArrowInvalid:
            table = read(as_text=True)
            columns, bad = _from_text(plan, table, [at for at in wanted if at not in texts])
            columns |= {at: table.column(f"c{at}") for at in wanted if at in texts}
    except pa.ArrowInvalid as error:  # no row of the block can be told from another
        count = block.count(b"\n")
        report.read += count if plan.measures else 0
        report.refuse("unreadable_lines", count, f"{where[0]} line {where[1] + 1}: {error}")
        return {}, np.zeros(0, bool)
    report.read += len(ragged) if plan.measures else 0
    if ragged:
        report.refuse("wrong_number_of_fields", len(ragged), f"{where[0]} after line {where[1]}: {ragged[0]}")
    return columns, bad


def _from_text(plan: Plan, table: pa.Table, wanted: list[int]) -> tuple[dict[int, pa.ChunkedArray], NDArray[np.bool_]]:
    """Numbers out of a block in which some field is none: (columns, rows with such a field)."""
    bad = np.zeros(table.num_rows, bool)
    columns = {}
    for at in wanted:
        text = table.column(f"c{at}").to_pandas().astype("str")
        known = table.column(f"c{at}").is_valid().to_numpy()
        dotted = text.str.replace(",", ".", regex=False) if plan.decimal == "," else text
        value = pd.to_numeric(dotted.where(known), errors="coerce").to_numpy(float, na_value=np.nan)
        bad |= known & ~np.isfinite(value)
        columns[at] = pa.chunked_array([pa.array(value)])
    return columns, bad


def _pieces(
    plan: Plan,
    table: dict[int, pa.ChunkedArray],
    text: NDArray[np.bool_],
    where: tuple[str, int],
    report: ReadReport,
) -> Iterator[Piece]:
    if not len(text):
        return
    time, timed = read_times(plan.clock, [table[at] for at in plan.clock.positions], plan.zone)
    columns, flags = _columns(plan, table, len(text))
    placed = np.isfinite(columns["latitude"]) if "latitude" in columns else np.zeros(len(text), bool)
    values = [v for name, v in columns.items() if name in MEASURED]
    hollow = ~np.logical_or.reduce([placed, *(np.isfinite(v) for v in values)]) & (flags == 0)
    left = np.ones(len(text), bool)
    report.read += len(text) if plan.measures else 0
    for reason, bad in (("text_in_a_number", text), ("impossible_time", ~timed), ("empty", hollow)):
        hit = left & bad
        if hit.any():
            first = int(np.argmax(hit))
            report.refuse(reason, int(hit.sum()), f"{where[0]} line {where[1] + first + 1}: {_row(table, first)}")
            left &= ~hit
    devices = _devices(plan, table, left)
    for device, rows in devices.items():
        yield Piece(
            device,
            time[rows],
            {n: v[rows] for n, v in columns.items()},
            flags[rows],
            plan.measures,
            plan.dialect.period_s,
            plan.dialect.make,
            plan.dialect.name,
        )


def _row(table: dict[int, pa.ChunkedArray], at: int) -> str:
    return ", ".join(str(table[position][at].as_py()) for position in sorted(table))


def _columns(plan: Plan, table: dict[int, pa.ChunkedArray], n: int) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Targets in our units, with what cannot be removed, and flags for that."""
    columns: dict[str, Array] = {}
    for at, found in plan.columns.items():
        if found.target != "device":
            value = table[at].to_numpy().astype(np.float64, copy=False)
            unchanged = found.scale == 1.0 and found.offset == 0.0
            columns[found.target] = value if unchanged else value * found.scale + found.offset
    if plan.dialect.finish is not None:
        columns = plan.dialect.finish(columns)
    flags = np.zeros(n, np.int64)
    if "extra_flags" in columns:
        flags |= columns.pop("extra_flags").astype(np.int64)
    columns = {name: value for name, value in columns.items() if not name.startswith("extra_")}
    for name in MEASURED:
        if name in columns:
            value, limits = columns[name], VARIABLES[name]
            out = (value < limits.minimum) | (value > limits.maximum)
            if out.any():
                flags[out] |= SampleFlag.OUT_OF_RANGE
                columns[name] = np.where(out, np.nan, value)
    if "latitude" in columns:
        _places(columns, flags)
    return columns, flags


def _places(columns: dict[str, Array], flags: NDArray[np.int64]) -> None:
    """Remove places off the Earth, half known, or at 0, 0, where receivers without a fix say they are."""
    latitude, longitude = columns["latitude"], columns["longitude"]
    given = np.isfinite(latitude) | np.isfinite(longitude)
    there = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    there &= (np.abs(latitude) > 1e-3) | (np.abs(longitude) > 1e-3)
    flags[given & ~there] |= SampleFlag.IMPOSSIBLE_POSITION
    for name in ("latitude", "longitude"):
        columns[name] = np.where(there, columns[name], np.nan)
    for name in ("accuracy_m", "speed_m_s"):
        if name in columns:  # phones say -1 when they do not know
            columns[name] = np.where(columns[name] >= 0, columns[name], np.nan)


def _devices(plan: Plan, table: dict[int, pa.ChunkedArray], left: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    """Device -> its rows."""
    named = next((at for at, found in plan.columns.items() if found.target == "device"), None)
    if named is None:
        return {"": left} if left.any() else {}
    codes, names = pd.factorize(table[named].to_pandas())
    rows = {str(name)[:64]: left & (codes == code) for code, name in enumerate(names)}
    rows[""] = left & (codes < 0)
    return {name: mask for name, mask in rows.items() if mask.any()}


def read_times(clock: Clock, columns: list[pa.ChunkedArray], zone: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(seconds since 1970, whether that can be) of a column of times; a part of a second is dropped.

    Args:
        clock: How they are written.
        columns: One, or dates and times of day.
        zone: IANA zone of times without one.

    Raises:
        InputError: There is no such zone.
    """
    if clock.kind != "text":
        value = columns[0].to_numpy().astype(np.float64) / (1e3 if clock.kind == "ms" else 1.0)
        possible = (value >= EARLIEST) & (value < LATEST)
        return np.where(possible, value, 0.0).astype(np.int64), possible
    text = columns[0].to_pandas().astype("str")
    for more in columns[1:]:
        text = text + " " + more.to_pandas().astype("str")
    moment = pd.to_datetime(text, format=clock.pattern, errors="coerce") if clock.pattern else _iso(text)
    if moment.dt.tz is None:
        try:
            moment = moment.dt.tz_localize(zone, ambiguous=np.ones(len(text), bool), nonexistent="shift_forward")
        except (KeyError, ValueError, OSError):
            raise InputError(f"{zone!r} is no time zone such as Europe/Paris") from None
    moment = moment.dt.tz_convert("UTC")
    seconds = moment.dt.as_unit("s").astype("int64").to_numpy()
    possible = moment.notna().to_numpy() & (seconds >= EARLIEST) & (seconds < LATEST)
    return np.where(possible, seconds, 0), possible


def _iso(text: pd.Series) -> pd.Series:
    """Times as 2026-05-01 10:00:31, 2026/05/01T10:00:31z or with an offset; naive where no row has one."""
    first = next((value for value in text if re.match(r"\d{4}", value)), "")
    if "/" in first:
        text = text.str.replace("/", "-", regex=False)
    if first.endswith((" UTC", " GMT")):
        text = text.str.slice(0, -4) + "Z"
    elif first.endswith("z"):
        text = text.str.upper()
    if re.search(r"([zZ]|UTC|GMT|[+-]\d\d:?\d\d)$", first):
        return pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    return pd.to_datetime(text, format="ISO8601", errors="coerce")
