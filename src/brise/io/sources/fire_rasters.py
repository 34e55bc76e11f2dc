"""Layers of a landscape as GDAL reads them: headers first, a window of them, one plane in metres.

Only GeoTIFF, LCP and ESRI ASCII files are opened, whatever a file calls itself.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.transform import Affine, array_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform, transform, transform_bounds

from brise.conventions.errors import InputError
from brise.conventions.fire import MAX_CELLS, FireGrid

logging.getLogger("rasterio").setLevel(logging.CRITICAL)  # GDAL's own complaints come back as our one line

DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".lcp": "LCP", ".asc": "AAIGrid"}
NO_DATA = (-9999.0, 32767.0, -32768.0)
"""LANDFIRE's and FARSITE's "no value", whatever the header says."""

_MOST_STRETCH = 0.02  # how far a plane's metres may be from metres on the ground before the layers are warped
_LINEAR = {"Meters": 1.0, "Feet": 0.3048, "Kilometers": 1000.0}

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Band:
    """One layer in one file.

    Attributes:
        path: The file.
        index: Of the band, from 1.
        layer: A key of `fire_layers.UNITS`.
        unit: Of its values.
    """

    path: Path
    index: int
    layer: str
    unit: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a raster lies: as its header says.

    Attributes:
        crs: None where the file does not say.
        transform: Of the cells.
        rows: Y.
        columns: X.
    """

    crs: Any
    transform: Affine
    rows: int
    columns: int

    def described(self) -> str:
        """For messages: size, corner and cell."""
        t = self.transform
        return f"{self.rows} x {self.columns} cells of {t.a:g} x {-t.e:g} from ({t.c:.8g}, {t.f:.8g})"

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north."""
        west, south, east, north = array_bounds(self.rows, self.columns, self.transform)
        return float(west), float(south), float(east), float(north)


def opened(path: Path) -> Any:
    """The raster of a file, to be closed by the caller.

    Raises:
        InputError: It is no raster of a kind that is read here.
    """
    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise InputError(f"{path.name}: a landscape is a folder, or a file that ends in {', '.join(DRIVERS)} or .toml")
    try:
        return rasterio.open(path, driver=driver)
    except (RasterioError, OSError):
        raise InputError(f"{path.name}: not a raster that can be read (GeoTIFF, LCP or ESRI ASCII)") from None


def frame_of(bands: list[Band], crs: str = "") -> Frame:
    """The one frame of all the layers, from their headers.

    Args:
        bands: The layers.
        crs: Reference system where the files name none.

    Raises:
        InputError: Layers that do not lie on each other, a turned raster, cells that are not square in a metric plane.
    """
    first: tuple[Band, Frame] | None = None
    for band in bands:
        with opened(band.path) as raster:
            frame = _frame(raster, band.path)
        if first is None:
            first = (band, frame)
        elif not _same(first[1], frame):
            raise InputError(
                f"{first[0].path.name} and {band.path.name} do not lie on one grid: "
                f"{first[1].described()}; {frame.described()}"
                f"{_planes(first[1], frame)}"
            )
        elif first[1].crs is None and frame.crs is not None:
            first = (band, frame)
    if first is None:
        raise InputError("a landscape without layers")
    if not crs or first[1].crs is not None:
        return first[1]
    try:
        return replace(first[1], crs=CRS.from_user_input(crs))
    except CRSError as error:
        raise InputError(f"crs {crs[:60]!r}: {str(error)[:100]}") from None


def _frame(raster: Any, path: Path) -> Frame:
    t = raster.transform
    if t.b or t.d or t.a <= 0:
        raise InputError(f"{path.name}: a turned raster is not read; warp it north up")
    if t.e > 0:
        raise InputError(f"{path.name}: its rows run south to north; write them north to south")
    crs = _earthly(raster.crs)
    metres = _LINEAR.get(raster.tags().get("LINEAR_UNIT", "Meters"), 1.0) if crs is None else 1.0
    return Frame(crs, Affine.scale(metres) @ t, raster.height, raster.width)


def _earthly(crs: Any) -> Any:
    """The reference system, or None where it ties the plane to no place on Earth (a drawing's own coordinates)."""
    if not crs:
        return None
    try:
        transform(crs, "EPSG:4326", [0.0], [0.0])
    except RasterioError:
        return None
    return crs


def _planes(first: Frame, second: Frame) -> str:
    """Both reference systems, where they differ."""
    if first.crs is None or second.crs is None or first.crs == second.crs:
        return ""
    return f"; in {first.crs.to_string()[:60]} and {second.crs.to_string()[:60]}"


def _same(one: Frame, other: Frame) -> bool:
    if (one.rows, one.columns) != (other.rows, other.columns):
        return False
    if one.crs is not None and other.crs is not None and one.crs != other.crs:
        return False
    tolerance = 0.01 * one.transform.a  # a hundredth of a cell: headers round
    corners = np.array(one.bounds) - np.array(other.bounds)
    return bool(np.abs(corners).max() <= tolerance)


def stretch(frame: Frame) -> float:
    """How many metres on the ground a unit of the plane is, at the middle of the raster, eastward; 1 without a CRS."""
    if frame.crs is None:
        return 1.0
    west, south, east, north = frame.bounds
    x, y = (west + east) / 2.0, (south + north) / 2.0
    step = abs(frame.transform.a)
    longitudes, latitudes = transform(frame.crs, "EPSG:4326", [x - step / 2, x + step / 2], [y, y])
    along = np.radians(longitudes[1] - longitudes[0]) * np.cos(np.radians(np.mean(latitudes)))
    return float(np.hypot(along, np.radians(latitudes[1] - latitudes[0])) * 6_371_008.8 / step)


def metric(frame: Frame, name: str) -> tuple[Frame, bool]:
    """The frame in a plane of metres, and whether it had to be warped: degrees, feet and Web Mercator go to local UTM.

    Raises:
        InputError: Cells that are not square, or a place outside the Earth's coordinates.
    """
    a, e = frame.transform.a, -frame.transform.e
    if frame.crs is None and frame.columns * a <= 360 and a < 0.1:
        raise InputError(f"{name}: cells of {a:g} look like degrees, and it names no coordinate reference system")
    metres = 1.0 if frame.crs is None else stretch(frame)
    plane = frame.crs is None or not frame.crs.is_geographic
    if plane and abs(metres - 1.0) <= _MOST_STRETCH:
        if abs(a - e) > 1e-4 * a:
            raise InputError(f"{name}: cells of {a:g} x {e:g} m are not square; resample them")
        return frame, False
    west, south, east, north = transform_bounds(frame.crs, "EPSG:4326", *frame.bounds)
    if not (np.isfinite([west, south, east, north]).all() and -80 <= south <= north <= 84):
        raise InputError(f"{name}: latitudes {south:g} to {north:g} lie outside the UTM zones; warp it to metres first")
    zone = int(((west + east) / 2 + 180) // 6) % 60 + 1
    utm = CRS.from_epsg((32600 if south + north > 0 else 32700) + zone)
    laid, columns, rows = calculate_default_transform(frame.crs, utm, frame.columns, frame.rows, *frame.bounds)
    return Frame(utm, laid, int(rows), int(columns)), True


def cropped(frame: Frame, window: Bounds | None, name: str) -> tuple[Frame, tuple[int, int]]:
    """The part of a frame that a window (west, south, east, north, its plane) touches, and its first row and column.

    Raises:
        InputError: A window outside the frame, or more cells than a landscape may have.
    """
    first = (0, 0)
    if window is not None:
        west, south, east, north = window
        t = frame.transform
        left, right = int(np.floor((west - t.c) / t.a)), int(np.ceil((east - t.c) / t.a))
        top, bottom = int(np.floor((north - t.f) / t.e)), int(np.ceil((south - t.f) / t.e))
        left, right = max(left, 0), min(right, frame.columns)
        top, bottom = max(top, 0), min(bottom, frame.rows)
        if right <= left or bottom <= top:
            raise InputError(f"{name}: window {_told(window)} lies outside its extent {_told(frame.bounds)}")
        first = (top, left)
        frame = replace(frame, transform=t @ Affine.translation(left, top), rows=bottom - top, columns=right - left)
    if frame.rows * frame.columns > MAX_CELLS:
        raise InputError(
            f"{name}: {frame.rows:,} x {frame.columns:,} = {frame.rows * frame.columns:,} cells, over the limit of "
            f"{MAX_CELLS:,}; crop it round the ignition, or make the cells larger"
        )
    return frame, first


def _told(bounds: Bounds) -> str:
    west, south, east, north = bounds
    return f"{west:.8g} to {east:.8g}, {south:.8g} to {north:.8g}"


def read_band(band: Band, source: Frame, target: Frame, first: tuple[int, int], warped: bool) -> NDArray[np.float32]:
    """(Y, X) values of a layer in the target's frame, as stored, NaN where there is none.

    Raises:
        InputError: The file breaks off.
    """
    try:
        with opened(band.path) as raster:
            values, no_data = _read(raster, band, source, target, first if not warped else None)
    except (RasterioError, OSError, MemoryError):
        raise InputError(f"{band.path.name}: breaks off while reading; it may be cut short") from None
    missing = np.isnan(values)
    for code in {*NO_DATA, *([] if no_data is None else [float(no_data)])}:
        missing |= values == np.float32(code)
    values[missing] = np.nan
    return values


def _read(
    raster: Any, band: Band, source: Frame, target: Frame, first: tuple[int, int] | None
) -> tuple[NDArray[np.float32], float | None]:
    if first is not None:
        part = ((first[0], first[0] + target.rows), (first[1], first[1] + target.columns))
        return raster.read(band.index, window=part).astype(np.float32), raster.nodata
    smooth = band.layer in ("elevation", "canopy_cover", "canopy_height", "canopy_base", "canopy_density")
    no_data = NO_DATA[0] if raster.nodata is None else raster.nodata
    with WarpedVRT(
        raster, src_crs=source.crs, crs=target.crs, transform=target.transform, height=target.rows,
        width=target.columns, src_nodata=no_data, nodata=no_data,
        resampling=Resampling.bilinear if smooth else Resampling.nearest,
    ) as laid:  # fmt: skip
        return laid.read(band.index).astype(np.float32), no_data


def grid_of(frame: Frame) -> FireGrid:
    """The grid of a metric frame."""
    crs = "" if frame.crs is None else str(frame.crs.to_wkt())
    t = frame.transform
    return FireGrid(crs, float(t.c), float(t.f), float(t.a), frame.rows, frame.columns)
