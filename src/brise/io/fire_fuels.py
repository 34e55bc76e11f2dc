"""Fuel models from files: our own CSV, FARSITE's and BehavePlus's .fmd, and the CSV of the R package Rothermel.

Our CSV, a row a model, a unit in every name:

    number, code, dynamic (yes or no),
    load_1h_t_ha, load_10h_…, load_100h_…, load_herb_…, load_woody_…        (or _kg_m2, _ton_acre, _lb_ft2)
    savr_1h_per_m, savr_herb_…, savr_woody_… [savr_10h_…, savr_100h_…]      (or _per_cm, _per_ft; 109 and 30 ft-1)
    depth_m (or _cm, _ft), extinction_percent
    heat_kj_kg, or heat_dead_… and heat_live_…, or one a class               (or _btu_lb; left out: 8,000 Btu lb-1)

A number or a code that is built in may be given another meaning only by a file that holds the line
`# replaces standard models`.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from brise.conventions.errors import InputError, NotFoundError
from brise.formulas.fire.fuel_models import (
    CLASSES,
    FOOT,
    FUEL_MODELS,
    J_KG_PER_BTU_LB,
    KG_M2_PER_LB_FT2,
    KG_M2_PER_TON_ACRE,
    NON_BURNABLE,
    NUMBERS,
    FuelModel,
    fuel_model,
)

MAX_BYTES = 2 * 2**20
MAX_NUMBER = 32_000
"""The fuel layer holds 16-bit integers."""

FIRST_FREE = 1001
"""Numbers of models whose file gives them none."""

REPLACES = "# replaces standard models"

_UNITS: dict[str, dict[str, float]] = {  # factor to SI
    "load": {"t_ha": 0.1, "kg_m2": 1.0, "ton_acre": KG_M2_PER_TON_ACRE, "lb_ft2": KG_M2_PER_LB_FT2},
    "savr": {"per_m": 1.0, "per_cm": 100.0, "per_ft": 1.0 / FOOT},
    "depth": {"m": 1.0, "cm": 0.01, "ft": FOOT},
    "extinction": {"percent": 0.01, "fraction": 1.0},
    "heat": {"kj_kg": 1e3, "btu_lb": J_KG_PER_BTU_LB},
}
_SAVR_COARSE = {"10h": 109.0 / FOOT, "100h": 30.0 / FOOT}
_HEAT = 8000.0 * J_KG_PER_BTU_LB
_NAME = re.compile(rf"^(load|savr|depth|extinction|heat)(?:_({'|'.join(CLASSES)}|dead|live))?_([a-z0-9_]+)$")
_YES, _NO = {"yes", "y", "true", "1", "dynamic", "d"}, {"no", "n", "false", "0", "static", "s", ""}

Row = dict[str, float]
"""Quantity and class, such as "load 1h" or "depth", in SI."""


def read_fuel_models(path: Path) -> dict[int, FuelModel]:
    """The models of a file by number; `FUEL_MODELS | models` adds them to those built in.

    Args:
        path: .fmd, or CSV of either layout.

    Raises:
        NotFoundError: There is no such file.
        InputError: What is wrong, with the line, the model and the value.
    """
    if not path.is_file():
        raise NotFoundError(f"{path}: no such fuel-model file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name}: {path.stat().st_size:,} bytes, over the limit of {MAX_BYTES:,}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not text (byte {error.start})") from None
    reader: Callable[[list[tuple[int, str]], str], list[tuple[int, int | None, FuelModel]]]
    lines = [(k, line) for k, line in enumerate(text.splitlines(), 1) if line.strip() and line.strip()[0] != "#"]
    if not lines:
        raise InputError(f"{path.name}: no fuel models")
    header = lines[0][1].replace('"', "").lower()
    if "," in header and "fuel_model_type" in header:
        reader = _cran
    elif "," in header and "load" in header:
        reader = _ours
    else:
        reader = _fmd
    replaces = any(line.strip().lower().startswith(REPLACES) for line in text.splitlines())
    return _numbered(reader(lines, path.name), replaces, path.name)


def fuel_codes(models: Mapping[int, FuelModel]) -> dict[str, int]:
    """Number of every code that a table may name a model by, upper case; non-burnable ones included.

    >>> codes = fuel_codes(FUEL_MODELS)
    >>> codes["GR2"], codes["FM4"], codes["4"], codes["NB8"]
    (102, 4, 4, 98)
    """
    codes = {name.upper(): number for name, number in NUMBERS.items()}
    codes |= {f"{prefix}{n}": n for n in range(1, 14) for prefix in ("A", "FBFM")}
    codes |= {str(number): number for number in (*models, *NON_BURNABLE)}
    return codes | {model.name.upper(): number for number, model in models.items()}


def _numbered(found: list[tuple[int, int | None, FuelModel]], replaces: bool, name: str) -> dict[int, FuelModel]:
    models: dict[int, FuelModel] = {}
    lines: dict[str, int] = {}
    free = FIRST_FREE
    standard = {code.upper(): number for code, number in fuel_codes(FUEL_MODELS).items()}
    for line, given, model in found:
        code = model.name.upper()
        number = given if given is not None else standard.get(code)
        if number is None:
            number, free = free, free + 1
        where = f"{name} line {line}: fuel model {model.name}"
        if not 1 <= number <= MAX_NUMBER:
            raise InputError(f"{where}: number {number} is outside 1 to {MAX_NUMBER}")
        if number in models or code in lines:
            raise InputError(f"{where} (number {number}): given twice, first on line {lines.get(code, 0) or '?'}")
        if number in NON_BURNABLE:
            raise InputError(f"{where}: number {number} is {NON_BURNABLE[number]}, which does not burn")
        clash = number in FUEL_MODELS or standard.get(code, number) != number or code in standard
        if clash and not replaces:
            raise InputError(
                f"{where} (number {number}) is built in; take another number and code, or add the line '{REPLACES}'"
            )
        models[number], lines[code] = model, line
    if not models:
        raise InputError(f"{name}: no fuel models")
    return models


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{what} is {text[:40]!r}, a number is wanted")
    return value


def _whole(text: str, what: str) -> int:
    value = _number(text, what)
    if value != int(value):
        raise InputError(f"{what} is {text[:40]!r}, a whole number is wanted")
    return int(value)


def _dynamic(text: str, what: str) -> bool:
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise InputError(f"{what}: {text[:40]!r}, expected dynamic or static (yes or no)")
    return word in _YES


def _checked(name: str, row: Row, dynamic: bool, where: str) -> FuelModel:
    """The model of a row in SI; coarse fuel and heat have the standard values where the row has none."""
    heats = tuple(row.get(f"heat {c}", _HEAT) for c in CLASSES)
    loads = tuple(row.get(f"load {c}", 0.0) for c in CLASSES)
    savrs = tuple(row.get(f"savr {c}", 0.0) or _SAVR_COARSE.get(c, 0.0) for c in CLASSES)
    try:
        return fuel_model(name, loads, savrs, (row["depth"], row["extinction"]), heats, dynamic)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _cells(lines: list[tuple[int, str]], name: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    rows = [(line, next(csv.reader(io.StringIO(text)))) for line, text in lines]
    header = [cell.strip() for cell in rows[0][1]]
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise InputError(f"{name} line {line}: {len(cells)} cells, the header has {len(header)}")
    return header, [(line, [cell.strip() for cell in cells]) for line, cells in rows[1:]]


def _ours(lines: list[tuple[int, str]], name: str) -> list[tuple[int, int | None, FuelModel]]:
    header, rows = _cells(lines, name)
    low = [column.lower() for column in header]
    meant = {k: found for k, column in enumerate(low) if (found := _meant(column, name)) is not None}
    have = {quantity for quantity, _ in meant.values()}
    if not {"depth", "extinction"} <= have or not any(quantity.startswith("load") for quantity in have):
        raise InputError(f"{name}: columns {', '.join(low)[:100]}; loads, depth and extinction with units are wanted")
    if "code" not in low and "number" not in low:
        raise InputError(f"{name}: a column code or number is wanted")
    out = []
    for line, cells in rows:
        about = dict(zip(low, cells, strict=True))
        code = about.get("code") or about.get("number", "")
        where = f"{name} line {line}"
        number = _whole(about["number"], f"{where}: number") if about.get("number") else None
        row: Row = {}
        for k, (quantity, factor) in meant.items():
            if cells[k]:
                value = _number(cells[k], f"{where}: {header[k]}") * factor
                row |= {key: value for key in _spread(quantity) if key not in row or quantity == key}
        row = {**dict.fromkeys(("depth", "extinction"), float("nan")), **row}
        dynamic = _dynamic(about.get("dynamic", ""), f"{where}: dynamic")
        out.append((line, number, _checked(code, row, dynamic, where)))
    return out


def _meant(column: str, name: str) -> tuple[str, float] | None:
    """What a column of our CSV holds and its factor to SI, or None for a remark."""
    match = _NAME.match(column)
    if match is None:
        return None
    quantity, part, unit = match.groups()
    factor = _UNITS[quantity].get(unit)
    if factor is None:
        raise InputError(f"{name}: column {column}: unit {unit!r} is none of {', '.join(_UNITS[quantity])}")
    return (f"{quantity} {part}" if part else quantity), factor


def _spread(quantity: str) -> tuple[str, ...]:
    """The classes that a column stands for: heat of all, of the dead, of the living."""
    dead, live = CLASSES[:3], CLASSES[3:]
    groups = {"heat": CLASSES, "heat dead": dead, "heat live": live}
    return tuple(f"heat {c}" for c in groups[quantity]) if quantity in groups else (quantity,)


def _cran(lines: list[tuple[int, str]], name: str) -> list[tuple[int, int | None, FuelModel]]:
    """The R package's layout: t/ha, m-1, cm, percent, kJ/kg; the first column names the model."""
    header, rows = _cells(lines, name)
    low = [column.lower() for column in header]
    ends = dict(zip(CLASSES, ("1h", "10h", "100h", "live_herb", "live_woody"), strict=True))
    wanted = [f"{kind}_{end}" for kind in ("load", "sa/v") for end in ends.values()]
    lacking = [column for column in (*wanted, "fuel_bed_depth", "mx_dead") if column not in low]
    if lacking:
        raise InputError(f"{name}: columns {', '.join(lacking)} are missing")
    out = []
    for line, cells in rows:
        where, about = f"{name} line {line}", dict(zip(low, cells, strict=True))
        value = {c: _number(about[c], f"{where}: {c}") for c in low if c.startswith(("load_", "sa/v_", "heat_"))}
        row: Row = {f"load {c}": value[f"load_{end}"] * 0.1 for c, end in ends.items()}
        row |= {f"savr {c}": value[f"sa/v_{end}"] for c, end in ends.items()}
        row |= {f"heat {c}": value[f"heat_{end}"] * 1e3 for c, end in ends.items() if f"heat_{end}" in value}
        row["depth"] = _number(about["fuel_bed_depth"], f"{where}: Fuel_Bed_Depth") * 0.01
        row["extinction"] = _number(about["mx_dead"], f"{where}: Mx_dead") * 0.01
        code = about.get("code") or cells[0] or str(line)
        number = _whole(about["number"], f"{where}: number") if about.get("number") else None
        number = int(code) if number is None and code.isdigit() and int(code) > 0 else number
        dynamic = _dynamic(about["fuel_model_type"], f"{where}: Fuel_Model_Type")
        out.append((line, number, _checked(code, row, dynamic, where)))
    return out


_FMD = ("load 1h", "load 10h", "load 100h", "load herb", "load woody")
_FMD_SAVR = ("savr 1h", "savr herb", "savr woody")


def _fmd(lines: list[tuple[int, str]], name: str) -> list[tuple[int, int | None, FuelModel]]:
    """FARSITE's layout: number code 5 loads type 3 ratios depth extinction dead-heat live-heat [name].

    ENGLISH (and no word at all): ton/acre, ft-1, ft, percent, Btu/lb; METRIC: t/ha, cm-1, cm, percent, kJ/kg.
    """
    word = lines[0][1].strip().upper()
    metric = word == "METRIC"
    body = lines[1:] if word in ("ENGLISH", "METRIC") else lines
    factors = (0.1, 100.0, 0.01, 1e3) if metric else (KG_M2_PER_TON_ACRE, 1.0 / FOOT, FOOT, J_KG_PER_BTU_LB)
    out: list[tuple[int, int | None, FuelModel]] = []
    for line, text in body:
        cells = text.replace(",", " ").split()
        where = f"{name} line {line}"
        if cells[0].lower().startswith("fmodnum"):
            continue
        if len(cells) < 15:
            raise InputError(f"{where}: {len(cells)} fields, 15 are wanted: {text.strip()[:60]!r}")
        number = _whole(cells[0], f"{where}: number")
        dynamic = _dynamic(cells[7], f"{where}: type")
        values = [_number(cell, f"{where}: field {k}") for k, cell in enumerate(cells[2:15], 3) if k != 8]
        row: Row = {key: value * factors[0] for key, value in zip(_FMD, values[:5], strict=True)}
        row |= {key: value * factors[1] for key, value in zip(_FMD_SAVR, values[5:8], strict=True)}
        row |= {"depth": values[8] * factors[2], "extinction": values[9] * 0.01}
        row |= {f"heat {c}": values[10] * factors[3] for c in CLASSES[:3]}
        row |= {f"heat {c}": values[11] * factors[3] for c in CLASSES[3:]}
        out.append((line, number, _checked(cells[1], row, dynamic, where)))
    return out
