"""What was asked of a fire simulation, as JSON, turned into what the product takes; the server's limits, once.

The API checks a request with these functions before it queues it; a worker builds the same things again to run it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError, InputError
from brise.conventions.fire import FireGrid, FireStart, FireWeather, Landscape
from brise.io.sources.fire_ignition import read_geojson
from brise.products.fire_run import FireOptions, Spreads
from brise.service.jobs.fire_landscapes import degrees

MAX_HOURS = 96
MAX_MEMBERS = 1_000
MAX_WORK = 10_000_000_000
"""Cells x members x hours: an hour or so on two cores, were all of it to burn."""

MAX_ROWS = 24 * 14 + 1
"""Of a weather stream."""

FITTING = 480
"""Fires that fitting observed perimeters simulates."""

MAX_STARTS = 200
MAX_VERTICES = 5_000
MAX_OBSERVED = 24
FUELS = ("1h", "10h", "100h", "herb", "woody")

_SERIES = {
    "temperature_c": ("temperature", 1.0, 273.15),
    "relative_humidity_percent": ("relative_humidity", 0.01, 0.0),
    "rain_mm_h": ("rain", 1.0, 0.0),
    "cloud_percent": ("cloud", 0.01, 0.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request, ready for the product.

    Attributes:
        weather: The stream.
        starts: Where fire begins.
        options: How to simulate.
        observed: Perimeters seen, in order of time; each is the polygons of one time.
    """

    weather: FireWeather
    starts: list[FireStart]
    options: FireOptions
    observed: list[FireStart]


def build(request: Mapping[str, Any], landscape: Landscape) -> Asked:
    """Turn a request's JSON into the product's records.

    Args:
        request: As `api/fire_schemas.py` describes it, `weather` a stream.
        landscape: The one that it names.

    Raises:
        InputError: Something in it cannot be used; the message says what, which value, where.
    """
    start = moment(request["start"])
    options = _options(request, start, landscape)
    starts = starts_of(request["ignition"], landscape.grid, "ignition")
    observed = [
        part
        for number, one in enumerate(request.get("observed") or ())
        for part in starts_of(one["perimeter"], landscape.grid, f"observed.{number}.perimeter", moment(one["time"]))
    ]
    if any(not part.closed for part in observed):
        raise InputError("observed: a perimeter is a Polygon or a MultiPolygon")
    return Asked(stream(request["weather"]), starts, options, observed)


def check_size(cells: int, members: int, hours: float) -> None:
    """Refuse what would keep a worker too long.

    Args:
        cells: Of the landscape.
        members: Fires in all; fitting observed perimeters takes FITTING of them.
        hours: Of each.

    Raises:
        InputError: The product of the three is over the limit.
    """
    work = cells * max(members, 1) * hours
    if work > MAX_WORK:
        raise InputError(
            f"{cells:,} cells x {max(members, 1):,} members x {hours:g} hours = {work:,.0f}, over the server's limit "
            f"of {MAX_WORK:,}; ask for fewer members or hours, or a smaller landscape"
        )


def check(asked: Asked, landscape: Landscape) -> tuple[str, ...]:
    """Find out before it is queued whether a request can run; what is assumed of it, in sentences.

    Raises:
        InputError: Weather that does not cover the fire or is impossible, an ignition outside or where nothing burns.
    """
    from brise.products.fire_burn import scene_of  # loads the compiled loops, which nothing else in the API needs

    said = scene_of(landscape, asked.weather, asked.starts, asked.options).assumptions
    if asked.observed:
        from brise.products.fire_calibration import masks

        masks(landscape.grid, asked.options, asked.observed)
    return said


def moment(text: str) -> np.datetime64:
    """UTC of an ISO 8601 time; without an offset it is UTC already.

    Raises:
        InputError: It is none.

    >>> str(moment("2026-11-23T14:00+02:00"))
    '2026-11-23T12:00:00'
    """
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(f"time {text[:40]!r} is not ISO 8601, such as 2026-11-23T12:00Z") from None
    if not 1950 <= found.year <= 2150:
        raise InputError(f"time {text[:40]!r}: a year from 1950 to 2150")
    return np.datetime64(found.replace(tzinfo=None), "s")


def stream(given: Mapping[str, Any]) -> FireWeather:
    """A weather stream from its columns.

    Raises:
        InputError: Columns of different lengths, times that do not rise, a wind that cannot be.
    """
    times = np.array([moment(text) for text in given["time"]], "datetime64[s]")
    columns: dict[str, NDArray[np.float64]] = {}
    for name, (field, scale, offset) in _SERIES.items():
        values = given.get(name)
        known = [np.nan] * len(times) if values is None else [np.nan if one is None else one for one in values]
        columns[field] = np.array(known, float) * scale + offset
    for name in ("wind_speed_m_s", "wind_from_degrees", *_SERIES):
        values = given.get(name)
        if values is not None and len(values) != len(times):
            raise InputError(f"weather.{name}: {len(values)} values for {len(times)} times")
    series: dict[str, Any] = {
        "time": times,
        "wind_speed": np.array(given["wind_speed_m_s"], float),
        "wind_from": np.array(given["wind_from_degrees"], float) % 360.0,
        "wind_height": given.get("wind_height", "10m"),
        "temperature": columns["temperature"],
        "relative_humidity": columns["relative_humidity"],
        "rain": columns["rain"],
        "cloud": columns["cloud"],
        "assumptions": tuple(given.get("assumptions", ())),
    }
    try:
        return FireWeather(**series)
    except ConventionError as error:
        raise InputError(str(error)) from None


def _options(request: Mapping[str, Any], start: np.datetime64, landscape: Landscape) -> FireOptions:
    given = dict(request.get("options") or {})
    wet = request.get("moisture_percent")
    west, south, east, north = degrees(landscape.grid)
    periods = [(moment(one["from"]), moment(one["to"])) for one in given.pop("burn_periods", None) or ()]
    foliar = given.pop("foliar_moisture_percent", None)
    more: dict[str, Any] = {} if foliar is None else {"foliar_moisture": foliar / 100}
    more["fuel_factors"] = {int(code): factor for code, factor in (given.pop("fuel_factors", None) or {}).items()}
    if (spreads := given.pop("spreads", None)) is not None:
        more["spreads"] = Spreads(**spreads)
    if wet is not None:
        share = [None if wet.get(name) is None else wet[name] / 100 for name in FUELS]
        more["moisture"] = tuple(share)
    return FireOptions(
        start=start,
        hours=float(request["hours"]),
        burn_periods=tuple(periods),
        place=((south + north) / 2, (west + east) / 2),
        members=int(request.get("members") or 0),
        seed=int(request.get("seed") or 0),
        **given,
        **more,
    )


def starts_of(
    geojson: Mapping[str, Any], grid: FireGrid, where: str, time: np.datetime64 | None = None
) -> list[FireStart]:
    """Ignitions in the plane of a grid from GeoJSON in longitude and latitude.

    Args:
        geojson: A geometry, a Feature or a FeatureCollection; a feature's property `time` says when it lights.
        grid: Whose plane is meant.
        where: Told in messages.
        time: When those light that do not say; None = at the start of the simulation.

    Raises:
        InputError: No place, one outside the landscape, or too many of them.
    """
    starts = read_geojson(geojson, grid, where)
    corners = sum(len(one.x) for one in starts)
    if len(starts) > MAX_STARTS or corners > MAX_VERTICES:
        raise InputError(
            f"{where}: {len(starts)} places with {corners} corners: at most {MAX_STARTS} with {MAX_VERTICES}"
        )
    return [one if one.time is not None else replace(one, time=time) for one in starts]
