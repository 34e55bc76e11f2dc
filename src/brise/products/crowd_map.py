"""The crowd's map: what owners share of their trackers, on H3 cells, several owners to a cell.

Each owner is one voice: the median of their corrected samples in a cell and an hour; the cell has the median of its
owners. Nothing is said of a cell with fewer than three owners; where the finer cells are silent, the coarser one that
holds them may speak. Counts carry noise (formulas/privacy.py).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import h3  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from brise.conventions.errors import InputError
from brise.conventions.observations import StationHours
from brise.conventions.variables import VARIABLES
from brise.formulas.privacy import EPSILON, K, noisy_count
from brise.products import tiles

Array = NDArray[np.float64]

VARIABLES_SHOWN: tuple[str, ...] = ("pm1", "pm25", "pm10", "no2", "o3", "so2", "co")
RESOLUTIONS: tuple[int, ...] = (7, 8, 9, 10)
"""H3: cells of about 5 km², 0.7 km², 0.1 km² and 0.015 km²."""

PERIODS: dict[str, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
"""Of UTC, whole and over; the newest of each is published, and of hours a day's worth."""

KEPT: dict[str, int] = {"hour": 24, "day": 7}
VOICE_COLUMNS = ("owner", "cell", "time", "variable", "value", "uncertainty")

FED, MOST_FED = 8, 500
"""Resolution of the cells that the analysis reads, and how many at most."""

SHARED_ERROR = 0.5
"""Correlation of the errors of two owners' corrections: sensors of a make err alike."""

_SPREAD_OF_MEDIAN = math.pi / 2  # variance of a median of normal values over that of their mean


@dataclass(frozen=True, slots=True)
class Cell:
    """What is published of one cell.

    Attributes:
        cell: H3.
        variable: Name.
        start: Of the period, UTC.
        end: Of the period.
        value: Storage unit, median of the owners, rounded.
        uncertainty: Standard deviation of the value, storage unit.
        count: Hours that owners spent there, with noise.
    """

    cell: str
    variable: str
    start: datetime
    end: datetime
    value: float
    uncertainty: float
    count: int


def voices(owner: int, samples: pd.DataFrame, values: pd.DataFrame, errors: pd.DataFrame) -> pd.DataFrame:
    """One owner's samples as voices: a row for each finest cell, hour and variable.

    Args:
        owner: Number.
        samples: `time` (END), `latitude`, `longitude`; only rows that may be shown.
        values: Corrected, same rows.
        errors: Standard deviations, same rows.

    Returns:
        VOICE_COLUMNS; `time` is the END of the hour, epoch seconds; `cell` of the finest resolution.
    """
    placed = samples[["latitude", "longitude"]].to_numpy(float)
    names = [name for name in VARIABLES_SHOWN if name in values]
    if not len(samples) or not names:
        return pd.DataFrame(columns=list(VOICE_COLUMNS))
    cells = [h3.latlng_to_cell(y, x, RESOLUTIONS[-1]) for y, x in placed.tolist()]
    seconds = pd.to_datetime(samples["time"], utc=True).dt.as_unit("s").astype("int64").to_numpy()
    hour = -(-seconds // 3600) * 3600
    parts = []
    for name in names:
        rows = pd.DataFrame({"cell": cells, "time": hour, "v": values[name].to_numpy(), "e": errors[name].to_numpy()})
        grouped = rows.dropna(subset=["v"]).groupby(["cell", "time"])
        found = grouped.agg(value=("v", "median"), uncertainty=("e", "median")).reset_index()
        parts.append(found.assign(owner=owner, variable=name))
    return pd.concat(parts, ignore_index=True)[list(VOICE_COLUMNS)]


def aggregate(heard: pd.DataFrame, resolution: int, period: str, secret: bytes) -> list[Cell]:
    """The cells of one resolution that may be shown, of each period.

    Args:
        heard: VOICE_COLUMNS of all owners.
        resolution: Of RESOLUTIONS.
        period: Of PERIODS.
        secret: The server's, for the noise.
    """
    if heard.empty:
        return []
    step = int(PERIODS[period].total_seconds())
    finest = heard["cell"].unique()
    parent = {cell: h3.cell_to_parent(cell, resolution) for cell in finest}
    rows = heard.assign(cell=heard["cell"].map(parent), start=(heard["time"] - 1) // step * step)
    keys = ["variable", "start", "cell", "owner"]
    each = rows.groupby(keys).agg(value=("value", "median"), uncertainty=("uncertainty", "median"))
    hours = rows.groupby(keys)["time"].nunique()
    found = []
    for key, own in each.join(hours.rename("hours")).groupby(keys[:3]):
        variable, start, cell = str(key[0]), int(str(key[1])), str(key[2])
        if len(own) >= K:
            value, error = _spoken(own["value"].to_numpy(float), own["uncertainty"].to_numpy(float))
            count = noisy_count(int(own["hours"].sum()), secret, cell, period, start, variable)
            begin = datetime.fromtimestamp(start, UTC)
            found.append(Cell(cell, variable, begin, begin + PERIODS[period], round(value), round(error, 1), count))
    return found


def _spoken(value: Array, error: Array) -> tuple[float, float]:
    """Median of owners and its standard deviation: of how they differ, and of what their corrections leave."""
    middle, n = float(np.median(value)), len(value)
    spread = 1.4826 * float(np.median(np.abs(value - middle)))
    own = float(np.mean(error**2))
    variance = _SPREAD_OF_MEDIAN * spread**2 / n + own * (SHARED_ERROR + (1 - SHARED_ERROR) / n)
    return middle, math.sqrt(variance)


@dataclass(frozen=True, slots=True)
class CrowdMap:
    """All that is published.

    Attributes:
        made: UTC.
        cells: (period, resolution) -> its cells.
    """

    made: datetime
    cells: dict[tuple[str, int], list[Cell]]

    def newest(self, period: str, variable: str) -> datetime | None:
        """Start of the newest period with cells of a variable; None where there is none."""
        starts = [one.start for (own, _), found in self.cells.items() if own == period for one in found
                  if one.variable == variable]  # fmt: skip
        return max(starts, default=None)

    def shown(self, period: str, variable: str, start: datetime, resolution: int) -> list[Cell]:
        """Cells of a resolution, and the coarser ones whose part of the map would else be silent."""
        said: list[Cell] = []
        told: set[str] = set()
        for level in [one for one in reversed(RESOLUTIONS) if one <= resolution]:
            level_cells = self.cells.get((period, level), ())
            said += [
                one for one in level_cells if (one.variable, one.start) == (variable, start) and one.cell not in told
            ]
            for cell in said:
                told |= {h3.cell_to_parent(cell.cell, k) for k in RESOLUTIONS if k < h3.get_resolution(cell.cell)}
        return said

    def to_json(self) -> dict[str, Any]:
        """What `read_crowd_map` reads."""
        cells = {f"{period}/{level}": [
            [one.cell, one.variable, int(one.start.timestamp()), one.value, one.uncertainty, one.count]
            for one in found] for (period, level), found in self.cells.items()}  # fmt: skip
        return {"made": self.made.isoformat(), "k": K, "epsilon": EPSILON, "cells": cells}


def make(heard: pd.DataFrame, now: datetime, secret: bytes) -> CrowdMap:
    """The map of all voices: whole periods that are over, the newest of each kind.

    Args:
        heard: VOICE_COLUMNS of all owners.
        now: UTC.
        secret: The server's.
    """
    cells = {}
    for period, length in PERIODS.items():
        step = int(length.total_seconds())
        end = int(now.timestamp()) // step * step
        own = heard[(heard["time"] > end - KEPT[period] * step) & (heard["time"] <= end)]
        for resolution in RESOLUTIONS:
            cells[period, resolution] = aggregate(own, resolution, period, secret)
    return CrowdMap(now, cells)


def reach_back(now: datetime) -> datetime:
    """The earliest time whose samples a map of now may show."""
    return min(now - KEPT[period] * length - length for period, length in PERIODS.items())


def read_crowd_map(found: dict[str, Any]) -> CrowdMap:
    """From its JSON form.

    Raises:
        InputError: It is none.
    """
    try:
        cells = {}
        for key, rows in found["cells"].items():
            period, level = key.split("/")
            length = PERIODS[period]
            cells[period, int(level)] = [
                Cell(cell, variable, begin, begin + length, value, error, count)
                for cell, variable, start, value, error, count in rows
                for begin in [datetime.fromtimestamp(start, UTC)]
            ]
        return CrowdMap(datetime.fromisoformat(found["made"]), cells)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"crowd map: not as written: {error!r}") from error


def with_crowd(hours: StationHours, stations: pd.DataFrame, crowd: CrowdMap) -> tuple[StationHours, pd.DataFrame]:
    """A network with the crowd's cells as stations of low trust (kind "mobile", source "crowd") beside its own.

    Args:
        hours: (T, S) of the network.
        stations: STATION_COLUMNS of the network.
        crowd: Its hourly cells of FED; the 500 with most hours.

    Returns:
        Hours of S + cells stations, and their descriptions; what the network had stays as it is.
    """
    row = {int(one): place for place, one in enumerate(hours.time.astype("datetime64[s]").astype(np.int64))}
    said = [one for one in crowd.cells.get(("hour", FED), ()) if one.variable in hours.values]
    said = [one for one in said if int(one.end.timestamp()) in row]
    weight: dict[str, int] = {}
    for one in said:
        weight[one.cell] = weight.get(one.cell, 0) + one.count
    cells = sorted(sorted(weight), key=lambda cell: -weight[cell])[:MOST_FED]
    if not cells:
        return hours, stations
    place = {cell: k for k, cell in enumerate(cells)}
    added = {name: np.full((len(hours.time), len(cells)), np.nan, np.float32) for name in hours.values}
    for one in said:
        if one.cell in place:
            added[one.variable][row[int(one.end.timestamp())], place[one.cell]] = one.value
    where = np.array([h3.cell_to_latlng(cell) for cell in cells])
    names = np.array([f"crowd:{cell}" for cell in cells])
    wider = StationHours(
        hours.time,
        np.concatenate([hours.station_id, names]),
        np.concatenate([hours.latitude, where[:, 0]]),
        np.concatenate([hours.longitude, where[:, 1]]),
        np.concatenate([hours.altitude_m, np.full(len(cells), np.nan)]),
        {name: np.concatenate([values, added[name]], axis=1) for name, values in hours.values.items()},
    )
    about = {"source": "crowd", "name": "People's trackers", "kind": "mobile", "operator": "", "timezone": ""}
    rows = pd.DataFrame(
        {
            "station_id": names,
            "latitude": where[:, 0],
            "longitude": where[:, 1],
            "altitude_m": np.nan,
            **about,
            "licence": "",
            "attribution": "owners of trackers, three and more to a cell",
        }
    )
    return wider, pd.concat([stations, rows[list(stations.columns)]], ignore_index=True)


def feature(one: Cell) -> dict[str, Any]:
    """A GeoJSON feature."""
    ring = [[round(x, 6), round(y, 6)] for y, x in h3.cell_to_boundary(one.cell)]
    return {
        "type": "Feature",
        "id": one.cell,
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {
            "cell": one.cell,
            "resolution": h3.get_resolution(one.cell),
            "variable": one.variable,
            "value": one.value,
            "unit": VARIABLES[one.variable].unit,
            "uncertainty": one.uncertainty,
            "owner_hours": one.count,
            "start": f"{one.start:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{one.end:%Y-%m-%dT%H:%M:%SZ}",
        },
    }


def tile_png(cells: Sequence[Cell], place: tuple[int, int, int], palette: str = "default") -> bytes | None:
    """Tile (z, x, y) of the cells in the colours of their variable; None where none of them lies.

    Raises:
        InputError: No such palette.
    """
    z, x, y = place
    image = Image.new("P", (tiles.SIZE, tiles.SIZE), 0)
    brush, scale, drawn = ImageDraw.Draw(image), None, False
    for one in cells:
        points = [_pixel(latitude, longitude, z) for latitude, longitude in h3.cell_to_boundary(one.cell)]
        corners = [(across - x * tiles.SIZE, down - y * tiles.SIZE) for across, down in points]
        columns, rows = zip(*corners, strict=True)
        if max(columns) - min(columns) > tiles.SIZE * 2 ** max(z - 1, 0):  # over the date line
            continue
        if max(columns) >= 0 and min(columns) < tiles.SIZE and max(rows) >= 0 and min(rows) < tiles.SIZE:
            scale = scale or tiles.pollutant_scale(one.variable, palette)
            colour = 1 + int(np.searchsorted(scale.edges, one.value))
            brush.polygon(corners, fill=colour)
            drawn = True
    return tiles.png(np.asarray(image, np.uint8), scale) if drawn and scale is not None else None


def _pixel(latitude: float, longitude: float, z: int) -> tuple[float, float]:
    """Web Mercator, pixels from the map's north-western corner."""
    size = tiles.SIZE * 2**z
    sine = math.sin(math.radians(max(-85.0511, min(85.0511, latitude))))
    return (longitude + 180) / 360 * size, (0.5 - math.atanh(sine) / (2 * math.pi)) * size


def inside(cells: Iterable[Cell], box: tuple[float, float, float, float]) -> list[Cell]:
    """Cells whose middle lies in west, south, east, north; west > east crosses the date line."""
    west, south, east, north = box
    kept = []
    for one in cells:
        latitude, longitude = h3.cell_to_latlng(one.cell)
        across = west <= longitude <= east if west <= east else (longitude >= west or longitude <= east)
        if south <= latitude <= north and across:
            kept.append(one)
    return kept
