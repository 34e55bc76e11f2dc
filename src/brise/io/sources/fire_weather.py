"""Fire weather from our own CSV, Cell2Fire's, FARSITE's .wxs and .wtr + .wnd, and forecasts in our own tables.

Our CSV has a header and a row a time. Columns: `time` (ISO 8601, UTC unless it says otherwise), a wind speed
(`wind_speed_m_s`, `_km_h` or `_mph`), `wind_from_deg`; and, each optional, `wind_height` ("10m", else the default, or
"20ft"), `temperature_c` (or `_k`, `_f`), `relative_humidity_percent`, `rain_mm_h`, `cloud_percent`,
`moisture_1h_percent`, `_10h_`, `_100h_`, `_herb_`, `_woody_`.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.fire import MOISTURES, FireWeather
from brise.conventions.observations import Batch
from brise.formulas.meteorology import wind_speed_and_direction
from brise.io.sources.fire_weather_farsite import Series, read_wtr, read_wxs

Array = NDArray[np.float64]

MAX_BYTES = 64 * 2**20
MAX_ROWS = 200_000
LONGEST_STEP_S = 24 * 3600
"""No row of weather holds longer."""

MPH, KM_H = 0.44704, 1.0 / 3.6

# column, in lower case: (quantity, factor, offset) to SI
COLUMNS: dict[str, tuple[str, float, float]] = {
    "wind_speed_m_s": ("wind_speed", 1.0, 0.0), "wind_speed_ms": ("wind_speed", 1.0, 0.0),
    "wind_speed_km_h": ("wind_speed", KM_H, 0.0), "wind_speed_kmh": ("wind_speed", KM_H, 0.0),
    "wind_speed_mph": ("wind_speed", MPH, 0.0), "wind_m_s": ("wind_speed", 1.0, 0.0),
    "wind_km_h": ("wind_speed", KM_H, 0.0), "wind_kmh": ("wind_speed", KM_H, 0.0), "wind_mph": ("wind_speed", MPH, 0.0),
    "wind_from_deg": ("wind_from", 1.0, 0.0), "wind_from_degrees": ("wind_from", 1.0, 0.0),
    "wind_direction_deg": ("wind_from", 1.0, 0.0), "wind_from_direction": ("wind_from", 1.0, 0.0),
    "wind_direction": ("wind_from", 1.0, 0.0), "wind_direction_degrees": ("wind_from", 1.0, 0.0),
    "temperature_c": ("temperature", 1.0, 273.15), "temperature_k": ("temperature", 1.0, 0.0),
    "temperature_f": ("temperature", 5 / 9, 255.3722222222222),
    "relative_humidity_percent": ("relative_humidity", 0.01, 0.0), "rh_percent": ("relative_humidity", 0.01, 0.0),
    "rain_mm_h": ("rain", 1.0, 0.0), "cloud_percent": ("cloud", 0.01, 0.0),
    **{f"{name}_percent": (name, 0.01, 0.0) for name in MOISTURES},
}  # fmt: skip
CELL2FIRE: dict[str, tuple[str, float, float]] = {
    "ws": ("wind_speed", KM_H, 0.0), "wd": ("wind_from", 1.0, 0.0), "tmp": ("temperature", 1.0, 273.15),
    "rh": ("relative_humidity", 0.01, 0.0), "apcp": ("rain", 1.0, 0.0),
}  # fmt: skip
_TIMES = ("time", "time_utc", "datetime", "date_time", "timestamp")
_FORMATS = ("%d/%m/%y %H:%M", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M", "%Y/%m/%d %H:%M")  # beside ISO 8601
_RANGES = {  # SI: what is beyond is another unit or a code for missing
    "wind_speed": (0.0, 110.0), "wind_from": (-360.0, 720.0), "temperature": (200.0, 340.0),
    "relative_humidity": (0.0, 1.05), "rain": (0.0, 500.0), "cloud": (0.0, 1.0), **dict.fromkeys(MOISTURES, (0.0, 5.0)),
}  # fmt: skip
_MET = ("temperature", "relative_humidity", "rain", "cloud")


@dataclass(frozen=True, slots=True)
class WeatherOptions:
    """How to read a weather stream.

    Attributes:
        step_s: Length of a row where all rows carry one time (Cell2Fire), s.
        wind_height: "10m" or "20ft", over what the format means; "" = as it means (CSV 10 m, FARSITE 20 ft).
        start: Of the simulation, UTC; the year of files that name none (.wtr, .wnd).
        utc_offset_h: Of the file's clock, where its times name no zone.
        hold_gaps: Let a row hold over a gap, up to a day, instead of refusing it.
    """

    step_s: int = 3600
    wind_height: str = ""
    start: datetime | None = None
    utc_offset_h: float = 0.0
    hold_gaps: bool = False


def read_weather(path: Path, options: WeatherOptions | None = None) -> FireWeather:
    """Read a weather stream; its kind is told by the suffix and, for CSV, by the header.

    Args:
        path: .csv, .wxs, or .wtr or .wnd with the other beside it.
        options: How to read it.

    Raises:
        NotFoundError: There is no such file.
        InputError: What is wrong, with the file, the row and the value.
    """
    chosen = options or WeatherOptions()
    text = _text(path)
    suffix = path.suffix.lower()
    if suffix in (".wtr", ".wnd"):
        other = path.with_suffix(".wnd" if suffix == ".wtr" else ".wtr")
        if not other.is_file():
            raise NotFoundError(f"{path.name} wants {other.name} beside it: daily weather and winds come as a pair")
        pair = (text, _text(other)) if suffix == ".wtr" else (_text(other), text)
        year = None if chosen.start is None else chosen.start.year
        return _stream(read_wtr(pair, path.stem, year), replace(chosen, hold_gaps=True), path.name)
    if suffix == ".wxs" or text.lstrip()[:4].upper() == "RAWS":
        return _stream(read_wxs(text, path.name), chosen, path.name)
    return _stream(_csv(text, path.name, chosen), chosen, path.name)


def _text(path: Path) -> str:
    if not path.is_file():
        raise NotFoundError(f"{path}: no such weather file")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"{path.name}: {path.stat().st_size:,} bytes, over the limit of {MAX_BYTES:,}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: not text (byte {error.start})") from None


def _csv(text: str, name: str, options: WeatherOptions) -> Series:
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise InputError(f"{name}: a header and at least one row are wanted")
    if len(rows) > MAX_ROWS + 1:
        raise InputError(f"{name}: {len(rows) - 1:,} rows, over the limit of {MAX_ROWS:,}")
    header = [" ".join(cell.lower().split()) for cell in rows[0]]
    cell2fire = {"ws", "wd"} <= set(header)
    known = CELL2FIRE if cell2fire else COLUMNS
    where = {known[column][0]: (k, *known[column][1:]) for k, column in enumerate(header) if column in known}
    when = next((k for k, column in enumerate(header) if column in _TIMES), None)
    lacking = [want for want in ("wind_speed", "wind_from") if want not in where]
    if when is None or lacking:
        wanted = "time, wind_speed_m_s (or _km_h, _mph) and wind_from_deg, or Cell2Fire's datetime, WS and WD"
        raise InputError(f"{name}: columns {', '.join(header)[:120]}; wanted are {wanted}")
    bad = next((k for k, row in enumerate(rows[1:], 1) if len(row) != len(header)), None)
    if bad is not None:
        raise InputError(f"{name} row {bad}: {len(rows[bad])} cells, the header has {len(header)}")
    values = {q: _column(rows, at, q, name) for q, at in where.items()}
    step_s = options.step_s if cell2fire else 0
    times, notes = _times([row[when].strip() for row in rows[1:]], name, options.utc_offset_h, step_s)
    height = _height(rows, header, name) or "10m"
    if cell2fire:
        notes.append("Cell2Fire's weather: wind in km/h, taken as 10 m above the ground")
    elif "wind_height" not in header and not options.wind_height:
        notes.append("the height of the wind is not given: taken as 10 m above the ground")
    return Series(times, values, height, tuple(notes))


def _column(rows: list[list[str]], at: tuple[int, float, float], quantity: str, name: str) -> Array:
    index, factor, offset = at
    out = np.full(len(rows) - 1, np.nan)
    for k, row in enumerate(rows[1:]):
        cell = row[index].strip()
        if not cell and quantity in _MET:
            continue  # unknown
        try:
            out[k] = float(cell) * factor + offset
        except ValueError:
            raise InputError(f"{name} row {k + 1}: {rows[0][index].strip()} is {cell!r}, a number is wanted") from None
    return out


def _height(rows: list[list[str]], header: list[str], name: str) -> str:
    if "wind_height" not in header:
        return ""
    at = header.index("wind_height")
    found = {row[at].strip().lower().replace(" ", "") for row in rows[1:]}
    if len(found) != 1 or not found <= {"10m", "20ft"}:
        raise InputError(f"{name}: wind_height {', '.join(sorted(found))[:60]!r}; one of 10m or 20ft for all rows")
    return found.pop()


def _times(cells: list[str], name: str, offset_h: float, step_s: int) -> tuple[list[datetime], list[str]]:
    """Times of the rows; where the format lets all rows carry one time, they follow each other by the step."""
    notes: list[str] = []
    times = [_time(cell, k, name) for k, cell in enumerate(cells, 1)]
    if any(cell and _day_first(cell) for cell in cells):
        notes.append("dates are read day first")
    if all(moment.tzinfo is None for moment in times):
        notes.append(_zone(offset_h))
    if step_s > 0 and len(times) > 1 and len(set(times)) == 1:
        step = timedelta(seconds=step_s)
        times = [times[0] + k * step for k in range(len(times))]
        notes.append(f"all rows carry one time: taken as steps of {step_s / 60:g} minutes from it")
    return times, notes


def _zone(offset_h: float) -> str:
    return f"times without a zone: taken as UTC{offset_h:+g} h" if offset_h else "times without a zone: taken as UTC"


def _day_first(cell: str) -> bool:
    return cell[2:3] in "/-" and cell[:2].isdigit()


def _time(cell: str, row: int, name: str) -> datetime:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        pass
    for pattern in _FORMATS:
        try:
            return datetime.strptime(cell, pattern)  # noqa: DTZ007 (its zone is an option)
        except ValueError:
            continue
    raise InputError(f"{name} row {row}: {cell!r} is no time such as 2025-03-23T14:00Z or 23/03/25 14:00")


def _stream(series: Series, options: WeatherOptions, name: str) -> FireWeather:
    """The checked stream of a file."""
    if options.wind_height not in ("", "10m", "20ft"):
        raise InputError(f"wind height {options.wind_height!r}: one of 10m, 20ft")
    zone = timedelta(hours=options.utc_offset_h)
    naive = [
        (m - zone) if m.tzinfo is None else m.astimezone(UTC).replace(tzinfo=None) for m in series.times
    ]  # zone dropped once UTC: NumPy's times have none
    time = np.array(naive, dtype="datetime64[s]")
    _check_times(time, series.irregular or options.hold_gaps, name)
    for quantity, values in series.values.items():
        _check_values(quantity, values, time, name)
    count = len(time)
    unknown = {quantity: series.values.get(quantity, np.full(count, np.nan)) for quantity in _MET}
    return FireWeather(
        time=time,
        wind_speed=series.values["wind_speed"],
        wind_from=series.values["wind_from"] % 360.0,
        wind_height=options.wind_height or series.wind_height,
        temperature=unknown["temperature"],
        relative_humidity=np.minimum(unknown["relative_humidity"], 1.0),
        rain=unknown["rain"],
        cloud=unknown["cloud"],
        moisture={key: series.values[key] for key in MOISTURES if key in series.values},
        assumptions=series.notes,
    )


def _check_times(time: NDArray[np.datetime64], irregular: bool, name: str) -> None:
    steps = np.diff(time).astype("timedelta64[s]").astype(float)
    if (steps <= 0).any():
        k = int(np.flatnonzero(steps <= 0)[0])
        word = "again" if steps[k] == 0 else f"before row {k + 1}, {time[k]}"
        raise InputError(f"{name} row {k + 2}: time {time[k + 1]} {word}; times must rise")
    usual = LONGEST_STEP_S if irregular or len(steps) < 2 else min(1.5 * float(np.median(steps)), LONGEST_STEP_S)
    if len(steps) and steps.max() > usual:
        k = int(np.argmax(steps))
        raise InputError(
            f"{name} row {k + 2}: a gap of {steps[k] / 60:g} minutes before {time[k + 1]}, where "
            f"{usual / 60:g} are the most; fill in the missing rows"
        )


def _check_values(quantity: str, values: Array, time: NDArray[np.datetime64], name: str) -> None:
    low, high = _RANGES[quantity]
    bad = ~((values >= low) & (values <= high))
    if quantity in _MET:
        bad &= ~np.isnan(values)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"{name} row {k + 1} ({time[k]}): {quantity} {values[k]:g} is outside {low:g} to {high:g} "
            "(m/s, degrees, K, fractions, mm/h)"
        )


def weather_of_batch(batch: Batch, latitude: float, longitude: float) -> FireWeather:
    """The stream at the nearest place of decoded weather, such as Open-Meteo's forecast, wind 10 m above the ground.

    Args:
        batch: With wind speed and direction, or eastward and northward wind.
        latitude: Degrees.
        longitude: Degrees.

    Raises:
        InputError: No place, no wind, or gaps in time.
    """
    stations = batch.stations
    if stations.empty or batch.observations.empty:
        raise InputError("fire weather: the batch holds no weather")
    north = np.radians(stations["latitude"].to_numpy(float) - latitude)
    east = np.radians(stations["longitude"].to_numpy(float) - longitude) * np.cos(np.radians(latitude))
    place = str(stations["station_id"].iloc[int(np.argmin(np.hypot(north, east)))])
    rows = batch.observations[batch.observations["station_id"].astype(str) == place]
    table = rows.pivot_table(index="time", columns="variable", values="value", aggfunc="last", observed=True)
    series: Mapping[str, Array] = {str(name): table[name].to_numpy(float) for name in table.columns}
    if {"eastward_wind", "northward_wind"} <= series.keys():
        speed, direction = wind_speed_and_direction(series["eastward_wind"], series["northward_wind"])
    elif {"wind_speed", "wind_from_direction"} <= series.keys():
        speed, direction = series["wind_speed"], series["wind_from_direction"]
    else:
        raise InputError(f"fire weather: {place} has no wind, only {', '.join(sorted(series)) or 'nothing'}")
    values = {"wind_speed": np.asarray(speed, float), "wind_from": np.asarray(direction, float)}
    ours = {"temperature": "temperature", "relative_humidity": "relative_humidity", "rain": "rain_rate"}
    values |= {quantity: series[name] for quantity, name in ours.items() if name in series}
    times = [moment.to_pydatetime() for moment in table.index]
    return _stream(Series(times, values, "10m", (f"weather of {place}",)), WeatherOptions(), place)
