"""Map tiles: a window of a published field as a 256 x 256 palette PNG in web Mercator (EPSG:3857, XYZ scheme).

Unknown is transparent. A tile reads only the cells that its pixels show: at most 257 x 257 of them, however large the
grid.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.formulas.indices.index import Index

SIZE = 256
MAX_ZOOM = 14

PALETTES: dict[str, tuple[str, ...]] = {
    "breeze": ("#2fb7b0", "#8fd18a", "#f2e06a", "#f4a340", "#e2553d", "#a8276b", "#5b1a66", "#2b0a3d"),
    "safe": ("#fdf3c8", "#f6d55c", "#e8963e", "#c7583f", "#8f2d56", "#4a1a5c", "#170b3b"),
    "grey": ("#f2f2f2", "#1a1a1a"),
}
"""Stops of even spacing. "safe" darkens steadily, so that it reads without colour vision."""

TOP: dict[str, float] = {
    "pm1": 100,
    "pm25": 150,
    "pm10": 250,
    "no2": 200,
    "no": 200,
    "o3": 240,
    "so2": 350,
    "co": 15_000,
}
"""Concentration (µg m-3) where a pollutant's colours end; evenly spaced in its square root: low values matter most."""

LEVELS = 254


@dataclass(frozen=True, slots=True)
class Scale:
    """Colours by value.

    Attributes:
        edges: (N-1,) ascending; a value on an edge has the colour below it.
        colours: (N, 3) uint8, N at most 255.
    """

    edges: NDArray[np.float64]
    colours: NDArray[np.uint8]


def _ramp(stops: tuple[str, ...], count: int) -> NDArray[np.uint8]:
    rgb = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in stops], float)
    at = np.linspace(0, len(stops) - 1, count)
    return np.stack([np.interp(at, np.arange(len(stops)), channel) for channel in rgb.T], 1).round().astype(np.uint8)


def _stops(palette: str) -> tuple[str, ...]:
    if palette not in PALETTES:
        raise InputError(f"palette={palette!r}: default or one of {', '.join(PALETTES)}")
    return PALETTES[palette]


def pollutant_scale(name: str, palette: str = "default") -> Scale:
    """Smooth colours for a concentration in µg m-3.

    Raises:
        InputError: No such palette, or no scale for the pollutant.
    """
    colours = _ramp(tuple(colour for _, colour in pollutant_stops(name, palette)), LEVELS)
    return Scale(TOP[name] * (np.arange(1, LEVELS) / (LEVELS - 1)) ** 2, colours)


def pollutant_stops(name: str, palette: str = "default") -> list[tuple[float, str]]:
    """Value (µg m-3) and colour of each stop of `pollutant_scale`; between two, colours go evenly with its root.

    Raises:
        InputError: No such palette, or no scale for the pollutant.

    >>> pollutant_stops("pm25")[-1]
    (150.0, '#2b0a3d')
    """
    if name not in TOP:
        raise InputError(f"layer={name!r}: no colour scale; known are {', '.join(TOP)}")
    stops = _stops("breeze" if palette == "default" else palette)
    return [(TOP[name] * (place / (len(stops) - 1)) ** 2, colour) for place, colour in enumerate(stops)]


def index_scale(index: Index, palette: str = "default") -> Scale:
    """One colour a band: the index's own, or as many of a palette. For category-only indices the value is the band.

    An index whose bands end at whole numbers has whole numbers for values.

    Raises:
        InputError: No such palette.
    """
    bands = index.bands
    uppers = np.array([band.upper for band in bands[:-1]]) if index.has_value else np.arange(len(bands) - 1.0)
    if (uppers == uppers.round()).all():
        # Whole numbers: between a cell of 50 and one of 51 the band changes half-way, not just past the one of 50.
        uppers = uppers + 0.5
    if palette == "default":
        colours = np.concatenate([_ramp((band.colour,), 1) for band in bands])
    else:
        colours = _ramp(_stops(palette), len(bands))
    return Scale(uppers, colours)


@dataclass(frozen=True, slots=True)
class Window:
    """Which cells of a grid a tile shows.

    Attributes:
        rows: (Y,) rows to read, ascending.
        columns: (X,) columns to read, ascending.
        row: (256,) position of each pixel row between `rows`: fractional row of the grid; NaN outside.
        column: (256,) likewise.
        smooth: Cells are larger than pixels, so that values are interpolated between them.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    smooth: bool


def window(grid: Grid, zoom: int, x: int, y: int) -> Window | None:
    """The part of a grid under a tile; None where they do not meet.

    Pixel centres, from the spherical Mercator projection: longitude = 360 u - 180,
    latitude = atan(sinh(pi (1 - 2 v))), u and v in 0..1 from the north-west corner of the world.

    Raises:
        InputError: No such tile.
    """
    count = 2**zoom if 0 <= zoom <= MAX_ZOOM else 0
    if not (0 <= x < count and 0 <= y < count):
        raise InputError(f"tile {zoom}/{x}/{y}: z from 0 to {MAX_ZOOM}, x and y from 0 to 2^z - 1")
    pixel = (np.arange(SIZE) + 0.5) / SIZE
    longitude = (x + pixel) / count * 360 - 180
    latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y + pixel) / count))))
    around = 360 / grid.step
    row = (grid.north - latitude) / grid.step
    column = ((longitude - grid.west) % 360) / grid.step
    column = np.where(column >= around - 0.5, column - around, column)
    row = np.where((row >= -0.5) & (row < grid.rows - 0.5), row, np.nan)
    column = np.where((column >= -0.5) & (column < grid.columns - 0.5), column, np.nan)
    if np.isnan(row).all() or np.isnan(column).all():
        return None
    smooth = 360 / count / SIZE < grid.step
    return Window(_needed(row, grid.rows, smooth), _needed(column, grid.columns, smooth), row, column, smooth)


def _needed(place: NDArray[np.float64], size: int, smooth: bool) -> NDArray[np.intp]:
    known = place[~np.isnan(place)]
    wanted = [np.floor(known), np.floor(known) + 1] if smooth else [np.floor(known + 0.5)]
    return np.unique(np.clip(np.concatenate(wanted), 0, size - 1).astype(np.intp))


def shade(values: NDArray[np.float32], part: Window, scale: Scale, interpolate: bool = True) -> NDArray[np.uint8]:
    """Colour numbers of a tile's pixels.

    Args:
        values: (Y, X) at the window's rows and columns; NaN unknown.
        part: The window.
        scale: Of the layer.
        interpolate: False for categories, which have no values between.

    Returns:
        (256, 256): 0 unknown (transparent), else 1 + position in `scale.colours`.
    """
    outside = np.isnan(part.row)[:, None] | np.isnan(part.column)
    row, column = np.nan_to_num(part.row), np.nan_to_num(part.column)
    near = values[np.ix_(_position(part.rows, np.floor(row + 0.5)), _position(part.columns, np.floor(column + 0.5)))]
    unknown = outside | np.isnan(near)
    field = _bilinear(values, part, row, column, near) if part.smooth and interpolate else near
    colour = np.searchsorted(scale.edges, field.astype(np.float32), side="left").astype(np.uint8) + np.uint8(1)
    colour[unknown] = 0
    return colour


def _position(wanted: NDArray[np.intp], place: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.clip(np.searchsorted(wanted, place), 0, len(wanted) - 1)


def _bilinear(
    values: NDArray[np.float32],
    part: Window,
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    near: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Between cell centres; an unknown neighbour counts as the nearest cell, so that it neither spreads nor erases."""
    top, left = np.floor(row), np.floor(column)
    down, right = (row - top).astype(np.float32)[:, None], (column - left).astype(np.float32)
    ups, downs = _position(part.rows, top), _position(part.rows, top + 1)
    lefts, rights = _position(part.columns, left), _position(part.columns, left + 1)
    if np.isnan(values).any():

        def pick(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
            corner = values[np.ix_(rows, columns)]
            return np.where(np.isnan(corner), near, corner)

        upper = _between(pick(ups, lefts), pick(ups, rights), right)
        lower = _between(pick(downs, lefts), pick(downs, rights), right)
        return _between(upper, lower, down)
    across = _between(values[:, lefts], values[:, rights], right)  # (Y, 256): rows blend once, not per pixel
    return _between(across[ups], across[downs], down)


def _between(a: NDArray[np.float32], b: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """In this form equal neighbours stay exactly equal: 3 (1 - t) + 3 t can come out above 3, in the next band."""
    return np.asarray(a + (b - a) * share, np.float32)


def png(colour: NDArray[np.uint8], scale: Scale) -> bytes:
    """(256, 256) colour numbers as a palette PNG whose colour 0 is transparent."""
    image = Image.fromarray(colour, "P")
    image.putpalette(b"\x00\x00\x00" + scale.colours.tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", transparency=0, compress_level=3)
    return out.getvalue()


def empty() -> bytes:
    """A tile where nothing is known."""
    return png(np.zeros((SIZE, SIZE), np.uint8), Scale(np.zeros(0), np.zeros((1, 3), np.uint8)))
