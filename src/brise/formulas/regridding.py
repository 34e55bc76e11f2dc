"""Rasters in any map projection onto a regular latitude-longitude grid. Missing stays missing.

Where the source is at least as coarse as the target, each target pixel takes the source pixel that holds its centre;
where it is finer, the mean of the source pixels whose centres it holds. Rates are regridded, never their logarithms: a
mean of dBZ is not the mean of rain.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyproj
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid

STEP = 0.01
"""Degrees: the grid that rain is forecast on."""

MAX_PIXELS = 45_000_000
"""Of a source or a target: all of Europe at 0.01 degrees, or all of MRMS, is less."""

PROJECTIONS = (
    "aea", "aeqd", "cea", "eqc", "gnom", "laea", "lcc", "merc", "omerc",
    "ortho", "poly", "somerc", "stere", "sterea", "tmerc", "ups", "utm",
)  # fmt: skip
"""Of PROJ's, those that radar composites use; every other word of PROJ's language could name files."""

FAR = 1e9
"""No projection of the Earth in metres reaches further."""

NEAR = 1e-6
"""No pixel is smaller, in metres or degrees."""

FINER = 0.7
"""A source pixel this much of a target pixel, or smaller, is averaged."""

ROWS_AT_ONCE = 256
"""Rows that are projected at a time, so that memory stays small."""

KNOWN_SHARE = 0.5
"""A mean needs at least this share of its source pixels known."""

_WORD = re.compile(r"\+[a-z_0-9]+(=[-+,\w.]*)?", re.ASCII)
_DEGREES = re.compile(r"\+proj=(longlat|latlong|lonlat|latlon)\b", re.ASCII)
_FILES = re.compile(r"grids|\+init|\+step|catalog|\+file|\+theta_file", re.ASCII)


@dataclass(frozen=True, slots=True)
class Raster:
    """Where the pixels of a projected raster lie; rows run down, columns to the right.

    Attributes:
        projection: PROJ string ("+proj=stere ..."), or "EPSG:3067", or "" where coordinates are degrees.
        left: x of the outer edge of the first column, in the projection's unit.
        top: y of the outer edge of the first row.
        width: Of a pixel, positive.
        height: Of a pixel, positive.
        rows: Y.
        columns: X.
    """

    projection: str
    left: float
    top: float
    width: float
    height: float
    rows: int
    columns: int

    def __post_init__(self) -> None:
        """Check sizes and the projection's words.

        Raises:
            InputError: No pixel, more than MAX_PIXELS, a size that is not positive, or another projection.
        """
        if min(self.rows, self.columns) < 1 or self.rows * self.columns > MAX_PIXELS:
            raise InputError(f"raster of {self.rows} x {self.columns} pixels: 1 to {MAX_PIXELS} are allowed")
        sizes = (self.left, self.top, self.width, self.height)
        if not (np.isfinite(sizes).all() and min(self.width, self.height) >= NEAR):
            raise InputError(f"raster from {self.left}, {self.top} with pixels of {self.width} x {self.height}")
        _check_projection(self.projection)
        high, wide = self.height * self.rows, self.width * self.columns
        if max(abs(self.left), abs(self.top), high, wide) > FAR:
            raise InputError(
                f"raster from {self.left:g}, {self.top:g}, {wide:g} wide and {high:g} high: beyond {FAR:g}"
            )
        if self.degrees and not (self.top - high > -90.1 and self.top < 90.1 and wide < 360.1 and abs(self.left) < 540):
            raise InputError(
                f"raster from {self.top:g} north, {self.left:g} east, {high:g} x {wide:g} degrees: not on Earth"
            )

    @property
    def degrees(self) -> bool:
        """Coordinates are longitude and latitude."""
        return not self.projection

    def project(
        self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Degrees to x and y; not finite where the projection does not reach."""
        if self.degrees:
            return longitude, latitude
        x, y = _projection(self.projection)(longitude, latitude)
        return np.asarray(x), np.asarray(y)

    def centres(self, first: int = 0, end: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude of the pixels' centres of some rows, (Y, X) each; off the Earth not finite."""
        x = self.left + (np.arange(self.columns) + 0.5) * self.width
        y = self.top - (np.arange(first, self.rows if end is None else end) + 0.5) * self.height
        return self._unproject(*np.meshgrid(x, y))

    def _unproject(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.degrees:
            return x, y
        longitude, latitude = _projection(self.projection)(x, y, inverse=True)
        return np.asarray(longitude), np.asarray(latitude)

    def bounds(self) -> tuple[float, float, float, float]:
        """South, west, north, east of the raster's outline, degrees.

        Raises:
            InputError: The projection reaches no corner of it.
        """
        x = self.left + self.width * self.columns * np.linspace(0, 1, 65)
        y = self.top - self.height * self.rows * np.linspace(0, 1, 65)
        edge_x = np.concatenate([x, x, np.full(65, x[0]), np.full(65, x[-1])])
        edge_y = np.concatenate([np.full(65, y[0]), np.full(65, y[-1]), y, y])
        longitude, latitude = self._unproject(edge_x, edge_y)
        on_earth = np.isfinite(longitude) & np.isfinite(latitude)
        if not on_earth.any():
            raise InputError(f"raster in {self.projection!r}: its outline is not on Earth")
        longitude, latitude = longitude[on_earth], latitude[on_earth]
        return float(latitude.min()), float(longitude.min()), float(latitude.max()), float(longitude.max())


def _check_projection(text: str) -> None:
    if not text or re.fullmatch(r"EPSG:\d{4,6}", text, re.ASCII):
        return
    words = text.split()
    kind = next((word.removeprefix("+proj=") for word in words if word.startswith("+proj=")), "")
    plain = len(text) <= 500 and all(_WORD.fullmatch(word) for word in words) and not _FILES.search(text)
    if not plain or kind not in PROJECTIONS:
        raise InputError(f"projection {text[:200]!r}: not a plain PROJ string of {', '.join(PROJECTIONS)}")


def plain_projection(text: str) -> str:
    """A provider's PROJ string as `Raster` takes it: words apart, "" for degrees.

    >>> plain_projection("+proj=longlat +ellps=WGS84"), plain_projection("  +proj=laea   +lat_0=55 ")
    ('', '+proj=laea +lat_0=55')
    """
    text = " ".join(word if word.startswith("+") else f"+{word}" for word in text.split() if word != "+type=crs")
    return "" if _DEGREES.search(text) else text


@lru_cache(maxsize=16)
def _projection(text: str) -> pyproj.Proj:
    try:
        return pyproj.Proj(text)
    except pyproj.exceptions.CRSError as error:
        raise InputError(f"projection {text[:200]!r} is unknown: {error}") from error


Area = tuple[float, float, float, float]
"""South, west, north, east, degrees."""


def covering(raster: Raster, name: str, area: Area | None = None, step: float = STEP) -> Grid:
    """The grid whose cells cover a raster, or its part within an area: the raster's own pixels where they fit.

    Elsewhere cell centres are whole steps from the equator and Greenwich.

    Raises:
        InputError: It would have more than MAX_PIXELS pixels, or not fit on Earth, or the area lies outside.

    >>> covering(Raster("", 4.0, 52.0, 0.02, 0.02, 50, 100), "x").rows
    101
    >>> covering(Raster("", 4.0, 52.0, 0.01, 0.01, 50, 100), "x", (51.7, 0, 60, 10)).rows
    30
    """
    south, west, north, east = raster.bounds()
    turn = west - ((west + 180) % 360 - 180)
    west, east = west - turn, east - turn
    if area is not None:
        south, north = max(south, area[0]), min(north, area[2])
        west, east = max(west, area[1]), min(east, area[3])
    own = own_pixels(raster, step)
    down = (raster.top - step / 2) % step if own else 0.0
    across = (raster.left + step / 2) % step if own else 0.0
    top, bottom = np.floor((north - down) / step + 1e-6), np.ceil((south - down) / step - 1e-6)
    left, right = np.ceil((west - across) / step - 1e-6), np.floor((east - across) / step + 1e-6)
    rows, columns = int(top - bottom) + 1, int(right - left) + 1
    if min(rows, columns) < 1:
        raise InputError(f"none of the raster lies within {area}")
    if rows * columns > MAX_PIXELS or columns * step > 360:
        raise InputError(f"raster: {rows} x {columns} pixels of {step} degrees cover it, at most {MAX_PIXELS}")
    return Grid(name, round(float(top * step + down), 6), round(float(left * step + across), 6), step, rows, columns)


def own_pixels(raster: Raster, step: float = STEP) -> bool:
    """Whether the raster's pixels are already those of a grid in degrees of this step."""
    return raster.degrees and abs(raster.width - step) < 1e-4 * step and abs(raster.height - step) < 1e-4 * step


def regrid(values: NDArray[np.float32], raster: Raster, grid: Grid) -> NDArray[np.float32]:
    """A raster on a grid.

    Args:
        values: (rows, columns) of the raster; NaN = missing.
        raster: Where they lie.
        grid: Where they are wanted.

    Returns:
        (Y, X) float32; NaN outside the raster and where the source is missing.

    Raises:
        InputError: Shapes disagree, or a side is too large.
    """
    if values.shape != (raster.rows, raster.columns):
        raise InputError(f"values {values.shape} of a raster of {raster.rows} x {raster.columns} pixels")
    if grid.cells > MAX_PIXELS:
        raise InputError(f"grid {grid.name}: {grid.cells} cells, at most {MAX_PIXELS}")
    if raster.degrees:
        rows, columns = _row_and_column(raster, grid)
        taken = values[np.maximum(rows, 0)[:, None], np.maximum(columns, 0)]
        taken[rows < 0] = np.nan
        taken[:, columns < 0] = np.nan
        nearest = taken
    else:
        held = _holding(raster, grid)
        nearest = values.ravel()[np.maximum(held, 0)]
        nearest[held < 0] = np.nan
        nearest = nearest.reshape(grid.rows, grid.columns)
    return _mean(values, raster, grid, nearest) if finer(raster, grid) else nearest


def finer(raster: Raster, grid: Grid) -> bool:
    """Whether the raster's pixels are clearly smaller than the grid's, so that they are averaged.

    >>> finer(Raster("", 4.0, 52.0, 0.005, 0.005, 10, 10), Grid("x", 52.0, 4.0, 0.01, 5, 5))
    True
    """
    latitude, longitude = float(np.median(grid.latitude)), float(np.median(grid.longitude))
    half = grid.step / 2
    x, y = raster.project(
        np.array([longitude - half, longitude + half, longitude, longitude]),
        np.array([latitude, latitude, latitude - half, latitude + half]),
    )
    across = np.hypot((x[1] - x[0]) / raster.width, (y[1] - y[0]) / raster.height)
    along = np.hypot((x[3] - x[2]) / raster.width, (y[3] - y[2]) / raster.height)
    return bool(min(across, along) >= 1 / FINER)  # inf or NaN where the projection does not reach: nearest will be NaN


def _row_and_column(raster: Raster, grid: Grid) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Source row of each grid row and source column of each grid column; -1 outside."""
    rows = np.floor((raster.top - grid.latitude) / raster.height + 1e-6).astype(np.intp)
    columns = np.floor((grid.longitude - raster.left + 1e-9) % 360.0 / raster.width + 1e-6).astype(np.intp)
    return (
        np.where((rows < 0) | (rows >= raster.rows), -1, rows),
        np.where(columns >= raster.columns, -1, columns),
    )


@lru_cache(maxsize=4)
def _holding(raster: Raster, grid: Grid) -> NDArray[np.int32]:
    """(Y*X,) flat index of the source pixel that holds each target centre; -1 = none. Kept: frames share it."""
    flat = np.full(grid.cells, -1, np.int32)
    for start in range(0, grid.rows, ROWS_AT_ONCE):
        latitude, longitude = np.meshgrid(grid.latitude[start : start + ROWS_AT_ONCE], grid.longitude, indexing="ij")
        x, y = raster.project(longitude.ravel(), latitude.ravel())
        with np.errstate(invalid="ignore"):
            column, row = (x - raster.left) / raster.width, (raster.top - y) / raster.height
            inside = (column >= 0) & (column < raster.columns) & (row >= 0) & (row < raster.rows)
        part = flat[start * grid.columns :][: len(x)]
        part[inside] = row[inside].astype(np.int32) * raster.columns + column[inside].astype(np.int32)
    flat.flags.writeable = False
    return flat


@lru_cache(maxsize=4)
def _target(raster: Raster, grid: Grid) -> NDArray[np.int32]:
    """(rows*columns,) flat index of the target pixel that holds each source centre; grid.cells = none. Kept."""
    flat = np.full(raster.rows * raster.columns, grid.cells, np.int32)
    for start in range(0, raster.rows, ROWS_AT_ONCE):
        longitude, latitude = raster.centres(start, min(start + ROWS_AT_ONCE, raster.rows))
        with np.errstate(invalid="ignore"):
            row = np.floor((grid.north - latitude.ravel()) / grid.step + 0.5)
            column = np.floor((longitude.ravel() - grid.west + grid.step / 2) % 360.0 / grid.step)
            inside = (row >= 0) & (row < grid.rows) & (column >= 0) & (column < grid.columns)
        part = flat[start * raster.columns :][: len(row)]
        part[inside] = row[inside].astype(np.int32) * grid.columns + column[inside].astype(np.int32)
    flat.flags.writeable = False
    return flat


def _mean(values: NDArray[np.float32], raster: Raster, grid: Grid, nearest: NDArray[np.float32]) -> NDArray[np.float32]:
    target, flat = _target(raster, grid), values.ravel()
    known = np.isfinite(flat)
    held = np.bincount(target, minlength=grid.cells + 1)[: grid.cells]
    count = np.bincount(target[known], minlength=grid.cells + 1)[: grid.cells]
    total = np.bincount(target[known], flat[known], minlength=grid.cells + 1)[: grid.cells]
    mean = np.where((count > 0) & (count >= KNOWN_SHARE * held), total / np.maximum(count, 1), np.nan)
    return np.where(held > 0, mean, nearest.ravel()).astype(np.float32).reshape(grid.rows, grid.columns)
