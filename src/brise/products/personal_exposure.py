"""What the wearer of a tracker breathed: how much, where, doing what, and beside the city and the guidelines.

A pure function of the samples, so an owner's machine can compute it as well as a server. Everything inferred can be
told otherwise: labels of places, and what was indoors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import h3  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.trackers import measured
from brise.conventions.variables import VARIABLES
from brise.formulas.exposure import (
    COVERAGE,
    DAY_S,
    HOUR_S,
    VENTILATION,
    Share,
    band_seconds,
    inhaled_ug,
    means,
    share,
)
from brise.formulas.indices.index import category
from brise.formulas.indices.registry import INDICES
from brise.formulas.tracker_journeys import MODES, SURROUNDINGS, Journeys, Way, infer, surroundings
from brise.formulas.tracker_rows import distance_m
from brise.products.tracker_table import INSTANT, hourly_indices

Array = NDArray[np.float64]

STREET_LEVEL = 10
"""H3 resolution of a piece of street: cells about 130 m across."""

STREET_SAMPLES, STREETS = 3, 5
"""Samples a cell must have to be ranked, and how many are shown at each end."""

GAP = 5
"""So many periods without a sample end a stretch."""

AIR: tuple[str, ...] = ("pm25", "pm10", "pm1", "no2", "o3", "so2", "co", "voc", "no", "nh3")
"""Quantities of exposure, the most looked-at first."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the wearer says, which stands before what is inferred.

    Attributes:
        offset_s: By how much local time is ahead of UTC; None = by the sun, from the longitude.
        places: (latitude, longitude, label).
        spans: (start, end, surroundings), seconds since 1970.
        modes: (start, end, mode), the same.
        sleep: Local hours, from and to, that the wearer sleeps when at home.
        roofs: (latitude, longitude, radius m, whether being there is being indoors).
    """

    offset_s: int | None = None
    places: Sequence[tuple[float, float, str]] = ()
    spans: Sequence[tuple[int, int, str]] = ()
    modes: Sequence[tuple[int, int, str]] = ()
    sleep: tuple[int, int] = (23, 7)
    roofs: Sequence[tuple[float, float, float, bool]] = ()


@dataclass(frozen=True, slots=True)
class City:
    """The city's air beside the wearer's.

    Attributes:
        end: (H,) END of each hour, seconds since 1970.
        values: Quantity -> (H,) hourly means, NaN unknown.
        simulated: It is not the air of that city: shown as such, and nothing is inferred from it.
    """

    end: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    values: Mapping[str, Array] = field(default_factory=dict)
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """What is known of N samples besides their values."""

    time: NDArray[np.int64]
    period_s: int
    ventilation: Array
    journeys: Journeys
    around: NDArray[np.int64]
    sure: Array
    offset_s: int


def compute(samples: pd.DataFrame, told: Told | None = None, city: City | None = None) -> dict[str, Any]:
    """Exposure over the whole of some samples.

    Args:
        samples: As `check_samples` gives them, corrected, what is doubtful made unknown; in order of time.
        told: What the wearer says.
        city: Hourly means of the city over the same time.

    Returns:
        `start`, `end` (ISO 8601), `measured_s`, `variables` (each with its mean, dose, hours, days, shares by mode,
        place, trip and surroundings, guideline and city), `bands` (index -> band key -> seconds), `places`, `trips`,
        `indoors`, `streets`; NaN is None.

    Raises:
        InputError: There are no samples.
    """
    if not len(samples):
        raise InputError("no samples to compute an exposure of")
    told, city = told or Told(), city or City()
    row = _rows(samples, told, city)
    variables = [name for name in AIR if name in measured(samples)]
    values = {name: samples[name].to_numpy(float) for name in variables}
    out: dict[str, Any] = {
        "start": _iso(int(row.time[0]) - row.period_s),
        "end": _iso(int(row.time[-1])),
        "measured_s": len(samples) * row.period_s,
        "coverage": min(1.0, len(samples) * row.period_s / max(int(row.time[-1] - row.time[0]) + row.period_s, 1)),
        "utc_offset_s": row.offset_s,
        "variables": {name: _variable(name, values[name], row, city) for name in variables},
        "bands": _bands(values, row, variables),
        "places": [asdict(place) for place in row.journeys.places],
        "trips": [asdict(trip) | {"start": _iso(trip.start), "end": _iso(trip.end)} for trip in row.journeys.trips],
        "surroundings": _surroundings(row),
        "streets": {name: _streets(samples, values[name], row) for name in variables[:4]},
    }
    plain: dict[str, Any] = _plain(out)
    return plain


def _rows(samples: pd.DataFrame, told: Told, city: City) -> _Row:
    time: NDArray[np.int64] = np.asarray(samples["time"].astype("int64"), np.int64)
    names = ("latitude", "longitude", "speed_m_s", "accuracy_m")
    way = Way(time, *(samples[name].to_numpy(float) for name in names))
    longitude = way.longitude[~np.isnan(way.longitude)]
    solar = round(float(np.median(longitude)) / 15.0) * HOUR_S if len(longitude) else 0
    offset = solar if told.offset_s is None else told.offset_s
    journeys = _as_told(infer(way, offset, told.places), time, told.modes)
    around, sure = surroundings(way, journeys, _ratio(samples, time, city), told.spans)
    said = np.zeros(len(time), bool)
    for start, end, _ in told.spans:
        said |= (time > start) & (time <= end)
    for y, x, radius, indoors in told.roofs:
        here = ~said & (_apart(way, y, x) <= radius)
        around[here], sure[here] = SURROUNDINGS.index("indoors" if indoors else "outdoors"), 1.0
    rates = np.array([VENTILATION["still"] if mode == "unknown" else VENTILATION[mode] for mode in MODES])
    ventilation = rates[journeys.mode]
    home = np.array([place.label == "home" for place in journeys.places] + [False])[journeys.place]
    hour = (time + offset) // HOUR_S % 24
    asleep = (hour >= told.sleep[0]) | (hour < told.sleep[1])
    ventilation = np.where(home & asleep, VENTILATION["sleep"], ventilation)
    return _Row(time, int(samples["period_s"].iloc[0]), ventilation, journeys, around, sure, offset)


def _apart(way: Way, latitude: float, longitude: float) -> Array:
    return distance_m(way.latitude, way.longitude, np.array(latitude), np.array(longitude))


def _as_told(journeys: Journeys, time: NDArray[np.int64], modes: Sequence[tuple[int, int, str]]) -> Journeys:
    """The same with the modes that the wearer gave."""
    mode = journeys.mode.copy()
    for start, end, name in modes:
        mode[(time > start) & (time <= end)] = MODES.index(name)
    trips = []
    for number, trip in enumerate(journeys.trips):
        counts = np.bincount(mode[journeys.trip == number], minlength=len(MODES))
        said = any(start < trip.end and end > trip.start for start, end, _ in modes)
        trips.append(replace(trip, mode=MODES[int(np.argmax(counts))]) if said else trip)
    return replace(journeys, mode=mode, trips=tuple(trips))


def outdoors(samples: pd.DataFrame, told: Told | None = None) -> NDArray[np.bool_]:
    """(N,) whether each sample was taken outdoors, as far as can be told.

    Args:
        samples: As `compute` takes them.
        told: What the wearer says.
    """
    return np.equal(_rows(samples, told or Told(), City()).around, SURROUNDINGS.index("outdoors"))


def stretches(samples: pd.DataFrame, told: Told | None = None, city: City | None = None) -> dict[str, Any]:
    """The wearer's time as stretches of one place, mode, trip and surroundings, in order.

    Args:
        samples: As `compute` takes them.
        told: What the wearer says.
        city: Hourly means of the city.

    Returns:
        `utc_offset_s`; `places`; and `stretches`, each with `start`, `end` (ISO 8601), `mode`, `surroundings`,
        `confidence` (0..1, None = unknown), `place` (position in `places`, None = at none), `trip` (position among the
        trips, None = on none).
        A stretch ends where nothing was measured for GAP periods.
    """
    row = _rows(samples, told or Told(), city or City())
    journeys, time = row.journeys, row.time
    keys = np.stack([journeys.mode, journeys.place, journeys.trip, row.around])
    begins = np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0) | (np.diff(time) > GAP * row.period_s)]
    first = np.flatnonzero(begins)
    last = np.r_[first[1:], len(time)] - 1
    found = []
    for a, b in zip(first, last, strict=True):
        sure = row.sure[a : b + 1]
        told_at = {"start": _iso(int(time[a]) - row.period_s), "end": _iso(int(time[b]))}
        where = {"place": _position(journeys.place[a]), "trip": _position(journeys.trip[a])}
        confidence = None if np.isnan(sure).all() else round(float(np.nanmean(sure)), 3)
        names = {"mode": MODES[journeys.mode[a]], "surroundings": SURROUNDINGS[row.around[a]]}
        found.append(told_at | names | where | {"confidence": confidence})
    places = [asdict(place) for place in journeys.places]
    return {"utc_offset_s": row.offset_s, "places": places, "stretches": found}


def _position(number: int) -> int | None:
    return int(number) if number >= 0 else None


def _ratio(samples: pd.DataFrame, time: NDArray[np.int64], city: City) -> Array | None:
    """The wearer's PM2.5 over the city's of that hour."""
    if city.simulated or "pm25" not in samples or "pm25" not in city.values:
        return None
    return np.asarray(samples["pm25"].to_numpy(float) / np.maximum(_city_at(time, city, "pm25"), 1.0))


def _city_at(time: NDArray[np.int64], city: City, name: str) -> Array:
    """(N,) the city's mean of the hour that each time lies in."""
    end = -(-time // HOUR_S) * HOUR_S
    at = np.searchsorted(city.end, end)
    found = np.minimum(at, max(len(city.end) - 1, 0))
    if not len(city.end):
        return np.full(len(time), np.nan)
    return np.where(city.end[found] == end, np.asarray(city.values[name], float)[found], np.nan)


def _variable(name: str, value: Array, row: _Row, city: City) -> dict[str, Any]:
    mass = VARIABLES[name].unit == "ug m-3"
    inhaled = inhaled_ug(value, row.period_s, row.ventilation if mass else np.full(len(value), np.nan))
    hours = means(row.time, value, row.period_s)
    days = means(row.time, value, row.period_s, DAY_S, row.offset_s)
    journeys = row.journeys

    def part(rows: NDArray[np.bool_]) -> dict[str, Any]:
        return asdict(share(value, inhaled, row.period_s, rows))

    whole: Share = share(value, inhaled, row.period_s)
    return asdict(whole) | {
        "unit": VARIABLES[name].unit,
        "hours": _series(hours.end, hours.value, hours.coverage),
        "days": _series(days.end, days.value, days.coverage),
        "full_hours": int((hours.coverage >= COVERAGE).sum()),
        "by_mode": {mode: part(journeys.mode == i) for i, mode in enumerate(MODES)},
        "by_place": [{"label": p.label} | part(journeys.place == i) for i, p in enumerate(journeys.places)],
        "by_trip": [{"mode": t.mode} | part(journeys.trip == i) for i, t in enumerate(journeys.trips)],
        "by_surroundings": {where: part(row.around == i) for i, where in enumerate(SURROUNDINGS)},
        "percent_of_who_guideline": _guideline(name, whole.mean),
        "city": _beside(name, hours.end, hours.value, city),
    }


def _series(end: NDArray[np.int64], value: Array, coverage: Array) -> list[dict[str, Any]]:
    """Periods of which anything was measured."""
    some = coverage > 0
    return [
        {"end": _iso(int(e)), "mean": float(v), "coverage": round(float(c), 4)}
        for e, v, c in zip(end[some], value[some], coverage[some], strict=True)
    ]


def _guideline(name: str, mean: float) -> float | None:
    """Percent of the WHO's guideline of a day (ozone: of eight hours) that breathing this mean all day would be."""
    index = INDICES["who_2021"]
    if name not in index.pollutants or np.isnan(mean):
        return None
    return float(index.compute({name: np.full(24, mean)}).sub[name][-1])


def _beside(name: str, end: NDArray[np.int64], value: Array, city: City) -> dict[str, Any] | None:
    """The wearer's hours beside the city's, where both are known."""
    if name not in city.values:
        return None
    theirs = _city_at(end, city, name)
    both = ~np.isnan(theirs) & ~np.isnan(value)
    if not both.any():
        return None
    own, mean = float(value[both].mean()), float(theirs[both].mean())
    found = {"hours": int(both.sum()), "own_mean": own, "city_mean": mean, "ratio": own / mean if mean > 0 else None}
    return found | {"simulated": city.simulated}


def _bands(values: dict[str, Array], row: _Row, variables: list[str]) -> dict[str, dict[str, int]]:
    """Index -> key of each band -> seconds in it; indices defined on hours count the hours after."""
    out = {}
    hourly = hourly_indices(row.time, values, row.period_s, variables)
    for name, index in INDICES.items():
        used = {p: values[p] for p in index.pollutants if p in values}
        if not used:
            continue
        if name in INSTANT:
            code = index.compute(used).category
        elif index.has_value:
            code = category(hourly[name], index.bands)
        else:
            code = np.nan_to_num(hourly[name], nan=0.0).astype(np.int8) - np.int8(1)
        seconds = band_seconds(code, row.period_s, len(index.bands))
        out[name] = {band.key: second for band, second in zip(index.bands, seconds, strict=True)}
    return out


def _surroundings(row: _Row) -> dict[str, Any]:
    out = {}
    for i, where in enumerate(SURROUNDINGS):
        rows = row.around == i
        sure = row.sure[rows]
        confidence = float(np.nanmean(sure)) if len(sure) and not np.isnan(sure).all() else None
        out[where] = {"seconds": int(rows.sum()) * row.period_s, "confidence": confidence}
    return out


def _streets(samples: pd.DataFrame, value: Array, row: _Row) -> dict[str, list[dict[str, Any]]]:
    """The cells of the wearer's own way, on the move, with the lowest and the highest means."""
    rows = (row.journeys.mode >= MODES.index("walk")) & ~np.isnan(value) & ~np.isnan(samples["latitude"].to_numpy())
    places = zip(samples["latitude"].to_numpy()[rows], samples["longitude"].to_numpy()[rows], strict=True)
    cells = pd.Series([h3.latlng_to_cell(y, x, STREET_LEVEL) for y, x in places], dtype="str")
    found = pd.Series(value[rows]).groupby(cells).agg(["mean", "size"])
    ranked = found[found["size"] >= STREET_SAMPLES].sort_values("mean")

    def told(part: pd.DataFrame) -> list[dict[str, Any]]:
        out = []
        for cell, mean, size in part.itertuples():
            y, x = h3.cell_to_latlng(str(cell))
            out.append({"cell": cell, "latitude": y, "longitude": x, "mean": float(mean), "samples": int(size)})
        return out

    half = min(STREETS, len(ranked) // 2)
    return {"cleanest": told(ranked.head(half)), "dirtiest": told(ranked.tail(half)[::-1])}


def _iso(seconds: int) -> str:
    return pd.Timestamp(seconds, unit="s").strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: Any) -> Any:
    """NaN as None, and numbers as Python's."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
