"""`brise fire behaviour`: a table of fuels, moistures, winds and slopes, answered row by row.

The table is read and written in blocks, so its length does not matter; what comes out is the rows as they came in, with
the answers beside them. The file is there whole once every row was read, or not at all.
"""

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.formulas.fire.ellipse import FORMULAS, LengthToWidth
from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE, FuelArrays, FuelModel, stack
from brise.formulas.fire.surface import WIND_LIMITS, SurfaceFire, WindLimit, surface_spread
from brise.io.fire_fuels import fuel_codes, read_fuel_models

Array = NDArray[np.float64]

MOISTURES = ("moisture_1h", "moisture_10h", "moisture_100h", "moisture_herb", "moisture_woody")
WIND, WIND_TO, SLOPE = "midflame_wind_km_h", "wind_to_deg", "slope_percent"
REQUIRED = ("fuel_model", *MOISTURES, WIND, WIND_TO, SLOPE)
ADDED = (
    "ros_m_min", "direction_deg", "flame_length_m", "intensity_kw_m", "heat_per_area_kj_m2", "backing_ros_m_min",
    "flanking_ros_m_min", "length_to_width",
)  # fmt: skip
MOST = {**dict.fromkeys(MOISTURES, 1000.0), WIND: 500.0, SLOPE: 1000.0}
"""Largest value that is read, percent or km/h: more is another unit, or a code for missing."""

LIMITS: dict[str, WindLimit] = {
    **{name: name for name in WIND_LIMITS},
    **dict.fromkeys(("", "no", "off", "false", "0"), "none"),
    **dict.fromkeys(("behave", "behaveplus", "behave0.9", "0.9", "yes", "on", "true", "1"), "rothermel"),
}
SHAPES: dict[str, LengthToWidth] = {
    **{name: name for name in FORMULAS},
    **dict.fromkeys(("", "behaveplus", "farsite", "anderson"), "behave"),
}

_BLOCK_BYTES = 4 << 20  # some 40,000 rows: their arrays stay near the processor
_DIGITS = 9

_STILL = 1e-12
"""m/s: what rounding leaves of a rate of 0, where herbs are cured to the last bit or dead fuel is just too wet."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fuels:
    """The known models side by side, and the place of each code among them."""

    arrays: FuelArrays
    names: list[str]
    place: dict[str, int]

    def find(self, text: str) -> int:
        """Position of a code; -1 = unknown."""
        code = text.upper()
        if code not in self.place and code.endswith(".0"):
            code = code[:-2]
        return self.place.get(code, -1)


def behaviour_table(source: Path, out: Path, fuel_models: Path | None = None) -> int:
    """Answer every row of a table.

    Args:
        source: CSV with the columns of `REQUIRED` (percent, km/h, degrees clockwise from upslope), and maybe
            `wind_limit` and `length_to_width` (names of formulas; empty = none, behave).
        out: CSV with the same rows and `ADDED`; replaced. An input column that bears the name of an answer is kept as
            NAME_input, the formula as length_to_width_formula.
        fuel_models: Of models that are not built in.

    Returns:
        Rows answered.

    Raises:
        NotFoundError: There is no such file.
        InputError: What is wrong, with the row (from 1, without the header), the column and the value.
        StoreError: The answer cannot be written.
    """
    if not source.is_file():
        raise NotFoundError(f"{source}: no such file")
    own = read_fuel_models(fuel_models) if fuel_models is not None else {}
    fuels = _fuels({**FUEL_MODELS, **own})
    header = _header(source)
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write((",".join(_quoted(name) for name in _names(header)) + "\n").encode())
            rows = 0
            for block in _blocks(source, header):
                file.write(_answered(block, fuels, source.name, rows))
                rows += block.num_rows
            file.flush()
            os.fsync(file.fileno())
        draft.replace(out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _fuels(models: dict[int, FuelModel]) -> _Fuels:
    numbers = [*models, *NON_BURNABLE]
    at = {number: k for k, number in enumerate(numbers)}
    names = [models[n].name if n in models else NON_BURNABLE[n] for n in numbers]
    place = {code: at[number] for code, number in fuel_codes(models).items()}
    return _Fuels(stack([models.get(n) for n in numbers]), names, place)


def _header(source: Path) -> list[str]:
    """Names of the columns, as they are; every required one is there once."""
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            names = next(csv.reader(file), [])
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise InputError(f"{source.name}: its header cannot be read: {str(error)[:100]}") from None
    plain = [_plain(name) for name in names]
    missing = [name for name in REQUIRED if name not in plain]
    if missing:
        raise InputError(f"{source.name}: no column {', '.join(missing)}; it has {', '.join(plain)[:200] or 'none'}")
    twice = next((name for name in plain if plain.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source.name}: column {twice!r} is there {plain.count(twice)} times")
    return names


def _plain(name: str) -> str:
    return " ".join(name.lower().split())


def _names(header: list[str]) -> list[str]:
    """Columns of the answer; those of the input give way to the answers' names."""
    kept = {"length_to_width": "length_to_width_formula"}
    return [kept.get(_plain(n), f"{_plain(n)}_input") if _plain(n) in ADDED else n for n in header] + list(ADDED)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def _blocks(source: Path, header: list[str]) -> Iterator[Any]:
    """Record batches of strings, columns by plain name."""
    bad: list[str] = []

    def refuse(row: Any) -> str:
        where = "" if row.number is None else f" row {row.number - 1}"
        bad.append(f"{source.name}{where}: {row.actual_columns} cells, the header has {row.expected_columns}")
        return "error"

    names = [_plain(name) for name in header]
    try:
        reader = pa_csv.open_csv(
            source,
            pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, skip_rows=1, column_names=names),
            pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
        yield from reader
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise InputError(bad[0] if bad else f"{source.name}: {str(error).splitlines()[0][:160]}") from None


def _answered(block: Any, fuels: _Fuels, name: str, before: int) -> bytes:
    """The rows of a block with their answers, as lines."""
    columns = {column: block.column(column) for column in block.schema.names}
    if block.num_rows == 0:
        return b""
    rows = _Rows(columns, name, before)
    fuel = rows.mapped("fuel_model", fuels.find, "fuel model {} is not known; give it in a fuel-model file")
    fire = _burn(rows, fuel, fuels)
    burns = fire.rate > _STILL
    answers = {
        "ros_m_min": fire.rate * 60.0 * burns,
        "direction_deg": np.degrees(fire.direction) * burns,
        "flame_length_m": fire.flame_length * burns,
        "intensity_kw_m": fire.intensity / 1e3 * burns,
        "heat_per_area_kj_m2": fire.heat_per_area / 1e3 * burns,
        "backing_ros_m_min": fire.backing * 60.0 * burns,
        "flanking_ros_m_min": fire.flanking * 60.0 * burns,
        "length_to_width": np.where(burns, fire.length_to_width, 1.0),
    }
    answers = {key: _rounded(values) for key, values in answers.items()}
    answers["direction_deg"] = np.round(answers["direction_deg"], 7) % 360.0  # what rounds to 360 is 0
    texts = [_cells(column) for column in columns.values()]
    texts += [pc.cast(pa.array(answers[key]), pa.string()) for key in ADDED]
    lines = pc.binary_join_element_wise(*texts, ",")
    return ("\n".join(lines.to_pylist()) + "\n").encode()


def _rounded(values: Array) -> Array:
    """To nine digits, so that a file is the same on any machine."""
    scale = 10.0 ** (_DIGITS - 1 - np.floor(np.log10(np.where(values > 0, values, 1.0))))
    return np.asarray(np.rint(values * scale) / scale)


def _cells(column: Any) -> Any:
    """A column's text as CSV: quoted where it must be."""
    special = pc.match_substring_regex(column, '[,"\r\n]')
    if not pc.any(special).as_py():
        return column
    doubled = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
    return pc.if_else(special, doubled, column)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A block's columns, and where it stands in the table."""

    columns: dict[str, Any]
    name: str
    before: int

    def mapped(self, column: str, find: Callable[[str], int], told: str) -> NDArray[np.int64]:
        """Each cell's number, found once for each text that occurs; below 0 is refused."""
        coded = pc.utf8_trim_whitespace(self.columns[column]).dictionary_encode()
        texts = coded.dictionary.to_pylist()
        index = coded.indices.to_numpy(zero_copy_only=False)
        found: NDArray[np.int64] = np.array([find(text) for text in texts], np.int64)[index]
        if (found < 0).any():
            row = int(np.flatnonzero(found < 0)[0])
            raise InputError(f"{self.where(row)}: {told.format(repr(texts[index[row]][:40]))}")
        return found

    def numbers(self, column: str) -> Array:
        """Each cell's number, NaN where it is empty."""
        coded = pc.utf8_trim_whitespace(self.columns[column]).dictionary_encode()
        texts = coded.dictionary.to_pylist()
        index = coded.indices.to_numpy(zero_copy_only=False)
        values: Array = np.array([_number(text) for text in texts])[index]
        low = -np.inf if column == WIND_TO else 0.0
        bad = (values < low) | (values > MOST.get(column, 1e6)) | np.isinf(values)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            wanted = f"a number from 0 to {MOST[column]:g}" if column in MOST else "a number of degrees"
            raise InputError(f"{self.where(row)}: {column} is {texts[index[row]][:40]!r}, {wanted} is wanted")
        return values

    def where(self, row: int) -> str:
        return f"{self.name} row {self.before + row + 1}"


def _number(text: str) -> float:
    """The number; infinity (refused later) for what is none, NaN for nothing."""
    if not text:
        return np.nan
    try:
        value = float(text)
    except ValueError:
        return np.inf
    return value if value == value else np.inf


def _burn(rows: _Rows, fuel: NDArray[np.int64], fuels: _Fuels) -> SurfaceFire:
    """The surface fire of every row; north is upslope."""
    moisture = np.array([rows.numbers(column) for column in MOISTURES]) / 100.0
    arrays = fuels.arrays.take(fuel)
    for k, column in enumerate(MOISTURES):
        _complete(rows, column, np.isnan(moisture[k]) & (arrays.load[k] > 0), (fuels, fuel))
    wind, towards, slope = (rows.numbers(column) for column in (WIND, WIND_TO, SLOPE))
    _complete(rows, WIND, np.isnan(wind), (fuels, fuel))
    _complete(rows, SLOPE, np.isnan(slope), (fuels, fuel))
    _complete(rows, WIND_TO, np.isnan(towards) & (wind > 0), (fuels, fuel))
    angle = np.radians(np.where(wind > 0, towards, 0.0) % 360.0)
    blow = wind / 3.6 * np.array([np.sin(angle), np.cos(angle)])
    rise = np.array([np.zeros_like(slope), slope / 100.0])
    limit = _choice(rows, "wind_limit", list(WIND_LIMITS), LIMITS)
    shape = _choice(rows, "length_to_width", list(FORMULAS), SHAPES)
    parts = []
    for pair in np.unique(limit * len(FORMULAS) + shape):
        own = np.flatnonzero(limit * len(FORMULAS) + shape == pair)
        formula, cap = FORMULAS[pair % len(FORMULAS)], WIND_LIMITS[pair // len(FORMULAS)]
        fire = surface_spread(arrays.take(own), moisture[:, own], blow[:, own], rise[:, own], formula, cap)
        parts.append((own, fire))
    return _joined(parts, len(fuel))


def _complete(rows: _Rows, column: str, missing: NDArray[np.bool_], fuel: tuple[_Fuels, NDArray[np.int64]]) -> None:
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        name = fuel[0].names[fuel[1][row]]
        raise InputError(f"{rows.where(row)}: {column} is empty, and fuel model {name} wants it")


def _choice(rows: _Rows, column: str, names: list[Any], words: dict[str, Any]) -> NDArray[np.int64]:
    if column not in rows.columns:
        return np.full(len(rows.columns["fuel_model"]), names.index(words[""]))
    told = f"{column} {{}} is none of {', '.join(names)}"
    return rows.mapped(column, lambda text: names.index(words[text.lower()]) if text.lower() in words else -1, told)


def _joined(parts: list[tuple[NDArray[np.int64], SurfaceFire]], count: int) -> SurfaceFire:
    """Fires of parts of the rows, in the order of the rows."""
    if len(parts) == 1:
        return parts[0][1]
    fields = {name: np.empty(count) for name in SurfaceFire.__dataclass_fields__}
    for own, fire in parts:
        for name, values in fields.items():
            values[own] = getattr(fire, name)
    return SurfaceFire(**fields)
