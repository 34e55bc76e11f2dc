"""The landscapes installed on a server: DATA/landscapes/NAME (a file or a folder of layers), and the simulated one."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from brise.conventions.errors import InputError, NotFoundError, StoreError
from brise.conventions.fire import FireGrid, Landscape
from brise.formulas.fire import demonstration

FOLDER = "landscapes"
MAX_CELLS = 4_000_000
"""Of a landscape that the server simulates on: 2,000 x 2,000, some 0.6 GB while a fire burns all of it."""

NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
LAYER_FILES = (".tif", ".tiff", ".lcp", ".asc")


@dataclass(frozen=True, slots=True)
class Installed:
    """A landscape as its header tells it.

    Attributes:
        name: As it is asked for.
        cells: Rows times columns.
        cell_m: Side of a cell, in the units of the plane; 0 where the header cannot be read.
        bounds: West, south, east, north, degrees; None where the header does not say where it is.
        simulated: No such place exists.
        problem: Why it cannot be simulated on; "" = it can.
        tag: Changes with the files.
    """

    name: str
    cells: int
    cell_m: float
    bounds: tuple[float, float, float, float] | None
    simulated: bool
    problem: str
    tag: str


def installed(data_dir: Path) -> list[Installed]:
    """Every landscape, by name, the demonstration first.

    Raises:
        StoreError: The folder cannot be read.
    """
    folder = data_dir / FOLDER
    try:
        paths = sorted(path for path in folder.iterdir() if _is_landscape(path)) if folder.is_dir() else []
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read: {error.strerror}") from error
    return [_demonstration(), *(_header(path) for path in paths)]


def find(data_dir: Path, name: str) -> Installed:
    """One landscape.

    Raises:
        NotFoundError: None of that name; the message lists those there are.
    """
    known = installed(data_dir)
    for one in known:
        if one.name == name:
            return one
    there = ", ".join(one.name for one in known[:20])
    raise NotFoundError(f"landscape {name[:64]!r} is not installed; there are {there}")


def load(data_dir: Path, name: str) -> Landscape:
    """Read a landscape whole; the last one read is kept.

    Raises:
        NotFoundError: None of that name.
        InputError: It is too large, or its files cannot be understood; the message says which value.
    """
    if name == demonstration.NAME:
        return demonstration.site()
    header = find(data_dir, name)
    if header.problem:
        raise InputError(header.problem)
    return _read(data_dir / FOLDER / name, header.tag)


@lru_cache(maxsize=1)
def _read(path: Path, _tag: str) -> Landscape:
    from brise.io.sources.fire_landscape import read_landscape

    return read_landscape(path)


def degrees(grid: FireGrid) -> tuple[float, float, float, float]:
    """West, south, east, north of a grid, degrees.

    Raises:
        InputError: The grid does not say where on Earth it is.
    """
    if not grid.crs:
        raise InputError("the landscape does not say where on Earth it is (no coordinate reference system)")
    east, south = grid.west + grid.columns * grid.cell_m, grid.north - grid.rows * grid.cell_m
    west, low, right, high = transform_bounds(grid.crs, "EPSG:4326", grid.west, south, east, grid.north)
    return round(west, 6), round(low, 6), round(right, 6), round(high, 6)


def _is_landscape(path: Path) -> bool:
    if not NAMES.fullmatch(path.name) or path.name == demonstration.NAME:
        return False
    return _first_layer(path) is not None


def _first_layer(path: Path) -> Path | None:
    """The raster whose header stands for the landscape's."""
    if path.is_file():
        return path if path.suffix.lower() in LAYER_FILES else None
    if not path.is_dir():
        return None
    return next((one for one in sorted(path.iterdir()) if one.suffix.lower() in LAYER_FILES), None)


@lru_cache(maxsize=1)
def _demonstration() -> Installed:
    grid = demonstration.SITE.grid
    cells = grid.rows * grid.columns
    return Installed(demonstration.NAME, cells, grid.cell_m, degrees(grid), True, "", "1")


def _header(path: Path) -> Installed:
    layer = _first_layer(path) or path
    try:
        tag = f"{layer.stat().st_mtime_ns:x}-{path.stat().st_mtime_ns:x}-{layer.stat().st_size:x}"
    except OSError:
        tag = ""
    return _opened(path, layer, tag)


@lru_cache(maxsize=256)
def _opened(path: Path, layer: Path, tag: str) -> Installed:
    try:
        with rasterio.open(layer) as raster:
            cells, found = raster.width * raster.height, _bounds(raster)
            cell = float(abs(raster.transform.a))
    except (RasterioError, OSError) as error:
        return Installed(path.name, 0, 0.0, None, False, f"landscape {path.name}: cannot be read: {error}"[:300], tag)
    problem = ""
    if cells > MAX_CELLS:
        problem = f"landscape {path.name}: {cells:,} cells, over this server's limit of {MAX_CELLS:,}"
    elif found is None:
        problem = f"landscape {path.name}: does not say where on Earth it is (no coordinate reference system)"
    return Installed(path.name, cells, cell, found, False, problem, tag)


def _bounds(raster: Any) -> tuple[float, float, float, float] | None:
    if raster.crs is None:
        return None
    west, south, east, north = transform_bounds(raster.crs, "EPSG:4326", *raster.bounds)
    return round(west, 6), round(south, 6), round(east, 6), round(north, 6)
