"""FARSITE's weather: hourly .wxs (RAWS), and the pair of daily .wtr and winds .wnd. Winds are 20 ft above the canopy.

.wxs: `RAWS_UNITS: English` (F, inches, mph) or `Metric` (C, mm, km/h), then year month day hhmm temperature humidity
precipitation wind-speed wind-from cloud-percent. .wtr: `ENGLISH` (F, hundredths of an inch) or `METRIC` (C, mm), then
month day precipitation hour-of-lowest hour-of-highest lowest highest humidity-then humidity-then elevation [rain from
and to]. .wnd: month day hhmm speed direction cloud-percent, mph or km/h.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError

Array = NDArray[np.float64]
Wind = tuple[float, float, float]
"""Speed, direction, cloud, as the file has them."""

_MPH, _KM_H, _INCH_MM = 0.44704, 1.0 / 3.6, 25.4


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """What a file of weather holds, before it is checked.

    Attributes:
        times: Of the rows; naive ones are in the file's own clock.
        values: By quantity, SI, NaN = unknown.
        wind_height: "20ft" or "10m".
        notes: What was assumed.
        irregular: Whether the format lets a row hold for as long as it likes.
    """

    times: list[datetime]
    values: dict[str, Array]
    wind_height: str
    notes: tuple[str, ...]
    irregular: bool = False


_LOCAL = "FARSITE's times are local: taken as UTC unless an offset is given (--utc-offset)"


def _kelvin(value: float, english: bool) -> float:
    return (value - 32.0) * 5.0 / 9.0 + 273.15 if english else value + 273.15


def _numbers(cells: list[str], least: int, line: int, name: str) -> list[float]:
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        values = [np.nan]
    if not np.isfinite(values).all():
        raise InputError(f"{name} line {line}: {' '.join(cells)[:80]!r}, numbers are wanted")
    if len(values) < least:
        raise InputError(f"{name} line {line}: {len(values)} numbers, {least} are wanted")
    return values


def _moment(year: float, month: float, day: float, hhmm: float, where: str) -> datetime:
    hour, minute = divmod(int(hhmm), 100)
    try:
        moment = datetime(int(year), int(month), int(day), 0, minute)  # noqa: DTZ001 (the file's own clock)
    except (ValueError, OverflowError):
        raise InputError(f"{where}: {year:g}-{month:g}-{day:g} {hhmm:g} is no time") from None
    if not 0 <= hour <= 24:
        raise InputError(f"{where}: {hhmm:g} is no time of day (hhmm)")
    return moment + timedelta(hours=hour)


def _units(word: str, name: str) -> bool:
    """Whether a word for the units is English."""
    if word.strip().upper() in ("ENGLISH", "METRIC"):
        return word.strip().upper() == "ENGLISH"
    raise InputError(f"{name}: units {word.strip()[:40]!r}: ENGLISH or METRIC are wanted")


def read_wxs(text: str, name: str) -> Series:
    """Rows of a .wxs file.

    Raises:
        InputError: No units, no rows, or a line that is none.
    """
    english: bool | None = None
    times: list[datetime] = []
    rows: list[list[float]] = []
    for line, raw in enumerate(text.splitlines(), 1):
        key, colon, rest = raw.partition(":")
        if colon and key.strip().upper().startswith("RAWS"):
            english = _units(rest, f"{name} line {line}") if key.strip().upper() == "RAWS_UNITS" else english
            continue
        cells = raw.replace(",", " ").split()
        if not cells or cells[0].startswith("#") or cells[0].lower() in ("year", "yr"):
            continue
        values = _numbers(cells, 10, line, name)
        times.append(_moment(values[0], values[1], values[2], values[3], f"{name} line {line}"))
        rows.append(values[4:10])
    if english is None:
        raise InputError(f"{name}: no line RAWS_UNITS: English or Metric")
    if not rows:
        raise InputError(f"{name}: no rows of weather")
    temperature, humidity, rain, speed, direction, cloud = np.array(rows).T
    values_si = {
        "temperature": np.array([_kelvin(t, english) for t in temperature]),
        "relative_humidity": humidity / 100.0,
        "rain": rain * (_INCH_MM if english else 1.0),
        "wind_speed": speed * (_MPH if english else _KM_H),
        "wind_from": direction,
        "cloud": cloud / 100.0,
    }
    return Series(times, values_si, "20ft", (_LOCAL,))


@dataclass(frozen=True, slots=True)
class _Day:
    date: datetime
    rain: float  # mm
    coldest: tuple[datetime, float, float]  # when, K, humidity
    warmest: tuple[datetime, float, float]
    rains: tuple[datetime, datetime]


def read_wtr(pair: tuple[str, str], name: str, year: int | None) -> Series:
    """Winds of a .wnd file with the weather of its .wtr between them.

    Temperature and humidity follow a cosine from each day's lowest to its highest and on to the next day's lowest, as
    in FARSITE; the day's rain falls evenly over its hours. A wind holds until the next; rows are put in at each hour
    between, so that the air changes under it.

    Args:
        pair: Text of the .wtr and of the .wnd.
        name: Of both, without suffix.
        year: Neither names one; of the simulation.

    Raises:
        InputError: No year, no rows, a line that is none, or winds on a day without weather.
    """
    if year is None:
        raise InputError(f"{name}.wtr names no year; give the start of the simulation")
    days = _days(pair[0], f"{name}.wtr", year)
    times: list[datetime] = []
    rows: list[tuple[float, float, float]] = []
    english = True
    for line, cells in _lines(pair[1]):
        if cells[0].upper() in ("ENGLISH", "METRIC"):
            english = _units(cells[0], f"{name}.wnd")
            continue
        values = _numbers(cells, 6, line, f"{name}.wnd")
        times.append(_moment(year, values[0], values[1], values[2], f"{name}.wnd line {line}"))
        rows.append((values[3], values[4], values[5]))
    if not rows:
        raise InputError(f"{name}.wnd: no winds")
    times, rows = _hourly(times, rows)
    speed, direction, cloud = np.array(rows).T
    air = np.array([_air(days, moment, name) for moment in times])
    values_si = {
        "temperature": air[:, 0], "relative_humidity": air[:, 1], "rain": air[:, 2],
        "wind_speed": speed * (_MPH if english else _KM_H), "wind_from": direction, "cloud": cloud / 100.0,
    }  # fmt: skip
    notes = (_LOCAL, f"{name}.wtr names no year: taken as {year}")
    return Series(times, values_si, "20ft", notes, irregular=True)


def _hourly(times: list[datetime], rows: list[tuple[float, float, float]]) -> tuple[list[datetime], list[Wind]]:
    """The winds, again at every hour until the next one, up to a day."""
    found: list[tuple[datetime, Wind]] = []
    for k, (moment, wind) in enumerate(zip(times, rows, strict=True)):
        found.append((moment, wind))
        until = times[k + 1] if k + 1 < len(times) else moment
        steps = range(1, 24) if until - moment <= timedelta(days=1) else ()
        found += [(moment + timedelta(hours=n), wind) for n in steps if moment + timedelta(hours=n) < until]
    return [moment for moment, _ in found], [wind for _, wind in found]


def _lines(text: str) -> list[tuple[int, list[str]]]:
    cut = ((k, raw.replace(",", " ").split()) for k, raw in enumerate(text.splitlines(), 1))
    return [(k, c) for k, c in cut if c and not c[0].startswith("#") and c[0].lower() not in ("month", "mth")]


def _days(text: str, name: str, year: int) -> list[_Day]:
    days: list[_Day] = []
    english = True
    for line, cells in _lines(text):
        if cells[0].upper() in ("ENGLISH", "METRIC"):
            english = _units(cells[0], name)
            continue
        v = _numbers(cells, 9, line, name)
        where = f"{name} line {line}"
        day = _moment(year, v[0], v[1], 0, where)
        first, last = (_moment(year, v[0], v[1], hour, where) for hour in (v[3], v[4]))
        rains = (day, day + timedelta(days=1))
        if len(v) >= 12 and v[11] > v[10]:
            rains = (_moment(year, v[0], v[1], v[10], where), _moment(year, v[0], v[1], v[11], where))
        if last <= first:
            raise InputError(f"{where}: the warmest hour {v[4]:g} must follow the coldest, {v[3]:g}")
        low, high = (_kelvin(v[k], english) for k in (5, 6))
        rain = v[2] * (_INCH_MM / 100.0 if english else 1.0)
        days.append(_Day(day, rain, (first, low, v[7] / 100), (last, high, v[8] / 100), rains))
    if not days:
        raise InputError(f"{name}: no days of weather")
    return days


def _air(days: list[_Day], moment: datetime, name: str) -> tuple[float, float, float]:
    """Temperature (K), humidity and rain (mm/h) at a moment."""
    today = next((day for day in days if day.date <= moment < day.date + timedelta(days=1)), None)
    if today is None:
        raise InputError(f"{name}: a wind at {moment}, but no weather for that day in {name}.wtr")
    turns = sorted(turn for day in days for turn in (day.coldest, day.warmest))
    before = [turn for turn in turns if turn[0] <= moment]
    after = [turn for turn in turns if turn[0] > moment]
    if before and after:
        a, b = before[-1], after[0]
        share = 0.5 - 0.5 * np.cos(np.pi * ((moment - a[0]) / (b[0] - a[0])))
        air = (a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)
    else:
        air = (after[0] if after else before[-1])[1:]  # before the first and after the last turn: as there
    start, end = today.rains
    falling = start <= moment < end
    return air[0], air[1], today.rain / ((end - start) / timedelta(hours=1)) if falling else 0.0
