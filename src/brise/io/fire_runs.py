"""A fire simulation's results on disk: GeoTIFF (COG), GeoJSON and JSON, written whole and then made visible.

    arrival.tif                  float32 minutes since the start, NaN where fire did not come
    rate.tif, flame_length.tif   float32 m min-1, m, where fire came
    burn_probability.tif         float32 0 to 1; of one run: 1 where it burned, 0 elsewhere
    arrival_q10.tif, q50, q90    float32 minutes at which so many of all members had burned the cell (ensembles)
    flame_length_mean.tif        float32 m, over the members that burned the cell (ensembles)
    perimeters.geojson           what had burned at each hour, RFC 7946 (WGS 84)
    summary.json                 one page of numbers

The products say what is in them; here they become files.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine
from rasterio.warp import transform

from brise.conventions.errors import InputError, StoreError
from brise.conventions.fire import FireGrid

_DECIMALS = 7  # degrees: a centimetre
OPTIONAL = ("arrival_q10", "arrival_q50", "arrival_q90", "flame_length_mean")
"""Rasters that only an ensemble has: a single run in the same folder takes them away."""

Array32 = NDArray[np.float32]
Rings = list[NDArray[np.float64]]
Outline = tuple[Mapping[str, Any], Sequence[Rings]]
"""Properties, and the polygons that they are of: an outer ring (N, 2) of x and y, and its holes."""


def lonlat(grid: FireGrid, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Any, Any]:
    """Longitudes and latitudes (WGS 84) of points in the grid's plane.

    Raises:
        InputError: The grid names no reference system that can be read.
    """
    try:
        points = (np.atleast_1d(x).tolist(), np.atleast_1d(y).tolist())
        east, north = transform(CRS.from_wkt(grid.crs), "EPSG:4326", *points)
    except (CRSError, RasterioError) as error:
        raise InputError(f"the landscape's reference system cannot be read: {error}") from None
    return np.asarray(east), np.asarray(north)


def place_of(grid: FireGrid) -> tuple[float, float] | None:
    """Latitude and longitude of the grid's middle, degrees; None where it names no reference system."""
    if not grid.crs:
        return None
    middle = (grid.west + grid.columns * grid.cell_m / 2, grid.north - grid.rows * grid.cell_m / 2)
    longitude, latitude = lonlat(grid, np.array([middle[0]]), np.array([middle[1]]))
    return float(latitude[0]), float(longitude[0])


def geojson(grid: FireGrid, outlines: Sequence[Outline]) -> dict[str, Any]:
    """A collection of the outlines: WGS 84 where the grid's plane is known, else metres of that plane, said so.

    Args:
        grid: Of the landscape.
        outlines: In its plane.
    """
    features = []
    for properties, polygons in outlines:
        parts = [[_ring(grid, ring) for ring in rings] for rings in polygons]
        shape = {"type": "Polygon", "coordinates": parts[0]} if len(parts) == 1 else None
        geometry = shape or {"type": "MultiPolygon", "coordinates": parts}
        features.append({"type": "Feature", "properties": dict(properties), "geometry": geometry})
    found: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if not grid.crs:
        found["note"] = "The landscape names no reference system: coordinates are metres of its own plane."
    return found


def _ring(grid: FireGrid, ring: NDArray[np.float64]) -> list[list[float]]:
    if not grid.crs:
        return np.round(ring, 2).tolist()  # type: ignore[no-any-return]
    longitude, latitude = lonlat(grid, ring[:, 0], ring[:, 1])
    return np.round(np.stack([longitude, latitude], axis=-1), _DECIMALS).tolist()  # type: ignore[no-any-return]


def write_raster(path: Path, grid: FireGrid, values: Array32) -> None:
    """One layer as a cloud-optimised GeoTIFF, NaN as no data.

    Raises:
        StoreError: It cannot be written.
    """
    profile = {
        "driver": "COG",
        "width": grid.columns,
        "height": grid.rows,
        "count": 1,
        "dtype": "float32",
        "nodata": float("nan"),
        "transform": Affine(grid.cell_m, 0.0, grid.west, 0.0, -grid.cell_m, grid.north),
        "compress": "deflate",
        "predictor": 3,
        "overview_resampling": "nearest",
    }
    if grid.crs:
        profile["crs"] = CRS.from_wkt(grid.crs)
    try:
        with rasterio.open(path, "w", **profile) as file:
            file.write(np.asarray(values, np.float32), 1)
    except (RasterioError, OSError) as error:
        raise StoreError(f"{path}: cannot be written: {error}") from None


def write_run(
    out: Path, grid: FireGrid, rasters: Mapping[str, Array32], outlines: Sequence[Outline], page: Mapping[str, Any]
) -> None:
    """A run's files; an earlier run's in the same folder are replaced, other files there are left alone.

    Args:
        out: Folder, made if it is not there.
        grid: Of the rasters.
        rasters: (Y, X) by file name without suffix.
        outlines: For perimeters.geojson.
        page: For summary.json, which is put there last.

    Raises:
        InputError: `out` is a file.
        StoreError: The disk fails; what was there before stays.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; a folder is wanted")
    draft = out.parent / f".{out.name}.{os.getpid()}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        for name, values in rasters.items():
            write_raster(draft / f"{name}.tif", grid, values)
        (draft / "perimeters.geojson").write_text(json.dumps(geojson(grid, outlines)) + "\n", encoding="utf-8")
        (draft / "summary.json").write_text(
            json.dumps(page, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
        _show(draft, out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _show(draft: Path, out: Path) -> None:
    if not out.exists():
        draft.rename(out)
        return
    names = {path.name for path in draft.iterdir()}
    (out / "summary.json").unlink(missing_ok=True)  # what is there is no whole run until the new one is
    for name in OPTIONAL:
        if f"{name}.tif" not in names:
            (out / f"{name}.tif").unlink(missing_ok=True)
    for name in sorted(names - {"summary.json"}):
        (draft / name).replace(out / name)
    (draft / "summary.json").replace(out / "summary.json")
