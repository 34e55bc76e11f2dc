"""The history of analyses: one cube a domain, grid and UTC day, as a single file that is replaced in one step.

Whole months that are past are put together into one file each.
"""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
import zarr
from numpy.typing import NDArray

from brise.conventions.cubes import check_cube
from brise.conventions.errors import InputError, StoreError
from brise.io.cubes import TILE, domain_folder, replace_file, write_cube, writing
from brise.io.schema import epoch

MOST_COMPACTED = 8192
"""Cells; a month of eighteen arrays of so many is half a gigabyte."""

MONTH_TILE = 16
"""Cells along a side of a chunk that holds a month."""


def store_analysis(root: Path, product: str, domain: str, cube: xr.Dataset) -> None:
    """Put hours of analysis into the cubes of their UTC days; an hour stored again replaces the one there.

    Args:
        root: Folder of all products.
        product: Its name.
        domain: Its name.
        cube: (time, latitude, longitude); a time counts for its own date.

    Raises:
        ConventionError: The cube breaks its contract.
        InputError: The cube has other dimensions, or a name cannot name a folder.
        StoreError: The disk is full or fails; what was stored stays.
    """
    check_cube(cube)
    if set(cube.sizes) != {"time", "latitude", "longitude"}:
        raise InputError(f"analysis of {domain}: dimensions {tuple(cube.sizes)}, expected time, latitude, longitude")
    folder = domain_folder(root, product, domain)
    days = cube["time"].to_numpy().astype("datetime64[D]")
    with writing(folder):
        (folder / "analyses").mkdir(exist_ok=True)
        for day in np.unique(days):
            _replace_day(folder, str(day), cube.isel(time=np.flatnonzero(days == day)))


def compact(root: Path, product: str, domain: str, before: datetime) -> int:
    """Put the days of every month that ended before `before` into one file, so that a year is read from a dozen.

    Domains of more than MOST_COMPACTED cells keep their days: a month of them would not fit in memory.

    Returns:
        Days put together.

    Raises:
        StoreError: The disk is full or fails, or a day cannot be read; what was stored stays.
    """
    folder = domain_folder(root, product, domain)
    months: dict[str, list[Path]] = {}
    for path in sorted((folder / "analyses").glob("????-??-??.*.zarr.zip")):
        if path.name[:7] < f"{before.astimezone(UTC):%Y-%m}":
            months.setdefault(f"{path.name[:7]}{path.name[10:]}", []).append(path)
    done = 0
    for name, days in months.items():
        with writing(folder):
            done += _compact(folder / "analyses" / name, days)
    return done


def _compact(month: Path, days: list[Path]) -> int:
    cubes = []
    for path in [*([month] if month.exists() else []), *days]:
        with _opened(path) as stored:
            if stored.sizes["latitude"] * stored.sizes["longitude"] > MOST_COMPACTED:
                return 0
            cubes.append(stored.load())
    newest = max(path.stat().st_mtime_ns for path in days)
    _write_packed(_joined(cubes).drop_duplicates("time", keep="last"), month, MONTH_TILE)
    os.utime(month, ns=(newest, newest))  # of two grids that have an hour, the one stored later still wins
    for path in days:
        path.unlink()
    return len(days)


def _joined(cubes: list[xr.Dataset]) -> xr.Dataset:
    """Hours of several cubes of one grid; an array that only some of them have is unknown (NaN) in the others'."""
    if len(cubes) == 1:
        return cubes[0]
    joined = xr.concat(
        cubes, "time", data_vars="all", coords="minimal", compat="override", join="override", combine_attrs="override"
    )
    return joined.sortby("time")


def _replace_day(folder: Path, day: str, fresh: xr.Dataset) -> None:
    path = folder / "analyses" / f"{day}.{_grid_key(fresh)}.zarr.zip"
    if path.exists():
        with _opened(path) as stored:
            old = stored.load()
        kept = old.isel(time=~np.isin(old["time"].to_numpy(), fresh["time"].to_numpy()))
        fresh = _joined([kept, fresh] if kept.sizes["time"] else [fresh])
    _write_packed(fresh, path)


def _write_packed(cube: xr.Dataset, path: Path, tile: int = TILE) -> None:
    """Write a cube as one file, whole and then visible; call it under the domain's lock."""
    folder = path.parent.parent
    draft, packed = folder / f".{path.name}.draft", folder / f".{path.name}"
    write_cube(cube, draft / "cube", tile)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted((draft / "cube").rglob("*")):
            if file.is_file():
                archive.write(file, str(file.relative_to(draft / "cube")))
    shutil.rmtree(draft)
    replace_file(path, draft=packed)


def _grid_key(cube: xr.Dataset) -> str:
    places = [np.asarray(cube[name].to_numpy(), np.float64).round(6).tobytes() for name in ("latitude", "longitude")]
    return hashlib.blake2s(b"/".join(places), digest_size=4).hexdigest()


def read_analyses(
    root: Path, product: str, domain: str, period: tuple[datetime, datetime], point: tuple[float, float]
) -> pd.DataFrame:
    """What was analysed at a point, from the cell that holds it, whatever grid each day had.

    Args:
        root: Folder of all products.
        product: Its name.
        domain: Its name.
        period: start and end, UTC: start < time ≤ end.
        point: latitude, longitude in degrees.

    Returns:
        Index `time` (UTC, increasing, no time twice), one column an array of the cubes; NaN = unknown. Hours with no
        analysis, or whose grid does not hold the point, have no row.

    Raises:
        StoreError: A day cannot be read.
    """
    found = read_analyses_at(root, product, domain, period, [point])
    times = pd.DatetimeIndex(found["time"].to_numpy(), tz=UTC, name="time").as_unit("s")
    frame = pd.DataFrame({str(name): array.to_numpy()[:, 0] for name, array in found.data_vars.items()}, index=times)
    return frame[found["held"].to_numpy()[:, 0]]


def read_analyses_at(
    root: Path,
    product: str,
    domain: str,
    period: tuple[datetime, datetime],
    points: Sequence[tuple[float, float]],
) -> xr.Dataset:
    """As `read_analyses`, for many points of a domain; each day is opened once.

    Args:
        root: Folder of all products.
        product: Its name.
        domain: Its name.
        period: start and end, UTC: start < time ≤ end.
        points: P pairs of latitude, longitude in degrees.

    Returns:
        Arrays (time, point), T hours of which any analysis is kept; NaN = unknown. Coordinate `held` (time, point):
        whether an analysis of that hour covers the point.

    Raises:
        StoreError: A day cannot be read.
    """
    start, end = (datetime.fromtimestamp(epoch(moment), UTC) for moment in period)
    folder = domain_folder(root, product, domain) / "analyses"
    try:
        files = [file for file in folder.glob("*.zarr.zip") if _may_hold(file, start, end)]
        files.sort(key=lambda file: file.stat().st_mtime_ns)
        days = [_read_day(file, points) for file in files]
    except (OSError, ValueError) as error:
        raise StoreError(f"analyses {folder}: cannot be read: {error}") from error
    times = np.unique(np.concatenate([np.array([], "datetime64[s]"), *(day.time for day in days)]))
    held = np.zeros((len(times), len(points)), bool)
    names = sorted({name for day in days for name in day.values})  # a store lists its arrays in any order
    values = {name: np.full(held.shape, np.nan, np.float32) for name in names}
    for day in days:  # the later file wins the hour that two have
        cells = np.ix_(np.searchsorted(times, day.time), np.flatnonzero(day.inside))
        held[cells] = True
        for name, array in values.items():
            array[cells] = day.values.get(name, np.nan)
    dims = ("time", "point")
    found = xr.Dataset(
        {name: (dims, array) for name, array in values.items()},
        {"time": times.astype("datetime64[ns]"), "held": (dims, held)},
    )
    low, high = (np.datetime64(moment.replace(tzinfo=None), "ns") for moment in (start, end))
    return found.isel(time=np.flatnonzero((found["time"].to_numpy() > low) & (found["time"].to_numpy() <= high)))


def _may_hold(path: Path, start: datetime, end: datetime) -> bool:
    """Whether a day's or a month's file may hold hours between the two, by its name."""
    named = path.name.partition(".")[0]
    return start.date().isoformat()[: len(named)] <= named <= end.date().isoformat()[: len(named)]


@dataclass(frozen=True, slots=True)
class _Day:
    time: NDArray[np.datetime64]  # (T,)
    inside: NDArray[np.bool_]  # (P,): whether the grid holds the point
    values: dict[str, NDArray[np.float32]]  # (T, points inside)


def _read_day(path: Path, points: Sequence[tuple[float, float]]) -> _Day:
    with _opened(path) as cube:
        latitude, longitude = cube["latitude"].to_numpy(), cube["longitude"].to_numpy()
        cells = np.array([_cell(latitude, longitude, point) for point in points], np.int64).reshape(-1, 2)
        inside = np.asarray((cells >= 0).all(axis=1))
        rows, columns = (xr.DataArray(cells[inside, axis], dims="point") for axis in (0, 1))
        here = cube.isel(latitude=rows, longitude=columns)
        values = {str(name): array.to_numpy() for name, array in here.data_vars.items()} if inside.any() else {}
        return _Day(cube["time"].to_numpy().astype("datetime64[s]"), inside, values)


@contextmanager
def _opened(path: Path) -> Iterator[xr.Dataset]:
    if not zipfile.is_zipfile(path):
        raise StoreError(f"analyses {path}: cannot be read: not a zip file")
    with zarr.storage.ZipStore(path, mode="r") as store:
        yield xr.open_zarr(store, consolidated=False, chunks=None)


def _cell(latitude: NDArray[np.float64], longitude: NDArray[np.float64], point: tuple[float, float]) -> tuple[int, int]:
    """Row and column of the cell that holds a point, -1 outside; a single cell holds what is within a degree."""
    steps = [abs(float(axis[1] - axis[0])) for axis in (latitude, longitude) if len(axis) > 1]
    half = (min(steps) if steps else 2.0) / 2 + 1e-9
    north = np.abs(latitude - point[0])
    east = np.abs((longitude - point[1] + 180.0) % 360.0 - 180.0)
    row, column = int(np.argmin(north)), int(np.argmin(east))
    return (row if north[row] <= half else -1), (column if east[column] <= half else -1)
