"""Layers of a fire simulation for the map: on a latitude-longitude grid, memory-mapped: a tile reads its window.

FOLDER/NAME.npy    float32 (L, Y, X), NaN = nothing there
FOLDER/NAME.json   the grid and what the layers are, written last
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import Resampling, reproject, transform_bounds

from brise.conventions.errors import NotFoundError, StoreError
from brise.conventions.fire import FireGrid
from brise.conventions.grids import Grid
from brise.io.cubes import replace_file

MAX_CELLS = 6_000_000
"""Of one layer; a larger one is drawn on larger cells."""

_DEGREE_M = 111_195.0
Array32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Layers on one grid.

    Attributes:
        grid: Of every layer.
        values: (L, Y, X), memory-mapped.
        meta: What was written with them.
    """

    grid: Grid
    values: Array32
    meta: dict[str, Any]


def map_grid(grid: FireGrid) -> Grid:
    """The latitude-longitude grid that holds a fire grid, its cells about as large.

    >>> from brise.formulas.fire.demonstration import SITE
    >>> map_grid(SITE.grid).rows
    427
    """
    east, south = grid.west + grid.columns * grid.cell_m, grid.north - grid.rows * grid.cell_m
    west, low, right, high = transform_bounds(CRS.from_wkt(grid.crs), "EPSG:4326", grid.west, south, east, grid.north)
    step = grid.cell_m / _DEGREE_M
    step = max(step, math.sqrt((high - low) * (right - west) / MAX_CELLS))
    rows, columns = max(1, math.ceil((high - low) / step)), max(1, math.ceil((right - west) / step))
    return Grid("fire", high - step / 2, west + step / 2, step, rows, columns)


def on_map(values: Array32, grid: FireGrid, onto: Grid) -> Array32:
    """A layer on a latitude-longitude grid, each cell that of the nearest; NaN where the fire grid does not reach."""
    out = np.full((onto.rows, onto.columns), np.nan, np.float32)
    reproject(
        np.ascontiguousarray(values, np.float32),
        out,
        src_transform=Affine(grid.cell_m, 0.0, grid.west, 0.0, -grid.cell_m, grid.north),
        src_crs=CRS.from_wkt(grid.crs),
        src_nodata=float("nan"),
        dst_transform=Affine(onto.step, 0.0, onto.west - onto.step / 2, 0.0, -onto.step, onto.north + onto.step / 2),
        dst_crs="EPSG:4326",
        dst_nodata=float("nan"),
        resampling=Resampling.nearest,
    )
    return out


def write_maps(folder: Path, name: str, grid: Grid, values: Array32, meta: Mapping[str, Any]) -> None:
    """Write layers, in place of earlier ones of the same name.

    Raises:
        StoreError: The disk is full or fails.
    """
    try:
        draft = folder / f".{name}.npy"
        with draft.open("wb") as file:
            np.save(file, np.ascontiguousarray(values, np.float32))
        replace_file(folder / f"{name}.npy", draft=draft)
        head = folder / f".{name}.json"
        head.write_text(json.dumps({"grid": asdict(grid), **meta}, allow_nan=False), encoding="utf-8")
        replace_file(folder / f"{name}.json", draft=head)
    except OSError as error:
        raise StoreError(f"{folder / name}: cannot be written: {error.strerror or error}") from error


def read_maps(folder: Path, name: str) -> Maps:
    """Layers that were written.

    Raises:
        NotFoundError: There are none.
        StoreError: They cannot be read.
    """
    try:
        meta = json.loads((folder / f"{name}.json").read_text("utf-8"))
        values = np.load(folder / f"{name}.npy", mmap_mode="r")
    except FileNotFoundError:
        raise NotFoundError(f"{name}: there is none of this simulation") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder / name}: cannot be read: {error}") from error
    return Maps(Grid(**meta.pop("grid")), np.asarray(values), meta)
