"""Any table, with a file that says what its columns are (`--mapping FILE.toml`).

delimiter = ";"                     # default: found
timezone = "Europe/Paris"           # of times without one; default UTC
[time]
column = "Zeit"                     # or columns = ["Datum", "Uhrzeit"]
format = "%d.%m.%Y %H:%M:%S"        # default: ISO 8601, or seconds since 1970
[columns]
"Feinstaub" = { variable = "pm25", unit = "ug/m3" }
"Breite" = "latitude"
"Länge" = "longitude"
"Gerät" = "device"
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from brise.conventions.errors import InputError
from brise.conventions.trackers import MEASURED
from brise.io.sources.tracker_dialect import DEVICE, SKIP, Dialect, Plan, Section, clock_at, decimal_commas
from brise.io.sources.tracker_names import PLACES, Meaning, linear, plain, split_label

MOST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Mapping:
    """What a mapping file says.

    Attributes:
        dialect: Of the columns named.
        times: Headings of the time, as `plain` writes them.
        pattern: For strptime; "" = ISO 8601 or an epoch.
        delimiter: "" = to be found.
        zone: IANA zone; "" = not said.
    """

    dialect: Dialect
    times: tuple[str, ...]
    pattern: str
    delimiter: str
    zone: str


def read_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        InputError: It cannot be read, has a key that is not known, or a unit that does not fit its variable.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; a mapping has at most {MOST_BYTES}")
        said = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML: {error}") from None
    strange = set(said) - {"delimiter", "timezone", "time", "columns"}
    if strange:
        raise InputError(f"{path}: unknown key {min(strange)!r}; known are columns, delimiter, time, timezone")
    time, columns = said.get("time", {}), said.get("columns", {})
    if not isinstance(time, dict) or not isinstance(columns, dict) or set(time) - {"column", "columns", "format"}:
        raise InputError(f"{path}: [time] has column or columns and format, [columns] has a line a heading")
    times = tuple(plain(str(name)) for name in time.get("columns", [time["column"]] if "column" in time else []))
    if not times or not columns:
        raise InputError(f"{path}: [time] column and [columns] are both wanted")
    exact = {plain(label): _meaning(path, label, value) for label, value in columns.items()}
    wanted = set(exact)

    def recognise(labels: set[str]) -> bool:
        return set(times) <= labels and bool(wanted & labels)

    dialect = Dialect(name="mapped", title=f"Table mapped by {path.name}", recognise=recognise, exact=exact)
    words = [str(said.get(key, "")) for key in ("delimiter", "timezone")]
    return Mapping(dialect, times, str(time.get("format", "")), *words)


def mapped_plan(section: Section, rows: list[list[str]], mapping: Mapping, zone: str) -> Plan:
    """The plan of a table that a mapping describes; headings it does not name are listed and not read.

    Args:
        section: The table's headings.
        rows: The first rows, as text.
        mapping: What the owner says.
        zone: Of times that state none, where the mapping does not say it either.
    """
    columns, unknown = {}, []
    for position, label in enumerate(section.labels):
        found = mapping.dialect.exact.get(plain(label))
        if found is None and plain(label) not in mapping.times and label.strip():
            unknown.append(f"{label.strip()} (not in the mapping)")
        elif found is not None and found.target != "skip":
            columns[position] = found
    labels = [plain(label) for label in section.labels]
    positions = tuple(labels.index(name) for name in mapping.times)
    clock = clock_at(positions, mapping.pattern, rows)
    decimal = "," if section.delimiter != "," and decimal_commas(rows, columns) else "."
    names = tuple(section.labels)
    said = mapping.zone or zone
    return Plan(mapping.dialect, names, section.delimiter, decimal, clock, columns, tuple(unknown), said)


def _meaning(path: Path, label: str, value: Any) -> Meaning:
    said = {"variable": value} if isinstance(value, str) else value
    if not isinstance(said, dict) or set(said) - {"variable", "unit"} or "variable" not in said:
        raise InputError(f"{path}: {label!r} wants a name, or {{ variable = ..., unit = ... }}; got {value!r}")
    name, unit = str(said["variable"]), split_label(f"x ({said.get('unit', '')})")[1]
    if name in ("device", "skip"):
        return DEVICE if name == "device" else SKIP
    if name not in (*MEASURED, *PLACES):
        raise InputError(f"{path}: {label!r}: unknown variable {name!r}; known are {', '.join((*MEASURED, *PLACES))}")
    found = linear(name, unit or {"accuracy_m": "m", "altitude_m": "m", "speed_m_s": "m/s"}.get(name, ""))
    if found is None:
        raise InputError(f"{path}: {label!r}: unit {said.get('unit', '')!r} is not one of {name}")
    return Meaning(name, *found, unit=unit)
