"""What a fire burns on and in: the landscape, the weather and the ignitions that readers give and the product takes.

SI throughout: slope is rise over run, moisture and cover are fractions, directions are degrees clockwise from north.
Rows run north to south, columns west to east, cells are square.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError

MAX_CELLS = 25_000_000
"""Most cells of one landscape: 57 bytes each in the front, about 180 in the product if all burn, so 4.5 GB."""

MOISTURES = ("moisture_1h", "moisture_10h", "moisture_100h", "moisture_herb", "moisture_woody")


@dataclass(frozen=True, slots=True)
class FireGrid:
    """A north-up grid of square cells in a projected plane.

    Attributes:
        crs: Well-known text, or "" where the source does not say; then x and y are metres of no known place.
        west: x of the west edge of the first column, m.
        north: y of the north edge of the first row, m.
        cell_m: Side of a cell, m.
        rows: Y.
        columns: X.
    """

    crs: str
    west: float
    north: float
    cell_m: float
    rows: int
    columns: int

    def __post_init__(self) -> None:
        """Refuse what is no grid.

        Raises:
            ConventionError: No cells, a side that is not positive, or too many cells.
        """
        if self.rows < 1 or self.columns < 1 or not 0 < self.cell_m < np.inf:
            raise ConventionError(f"fire grid: {self.rows} x {self.columns} cells of {self.cell_m} m")
        if self.rows * self.columns > MAX_CELLS:
            raise ConventionError(
                f"fire grid: {self.rows} x {self.columns} = {self.rows * self.columns:,} cells, over the limit of "
                f"{MAX_CELLS:,}; crop it, or make the cells larger"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.rows, self.columns


@dataclass(frozen=True, slots=True, eq=False)
class Landscape:
    """Ground and fuel; a layer that is None was not given, and what stands for it is said in `assumptions`.

    Attributes:
        grid: Where it is.
        fuel: (Y, X) int16 fuel model numbers (Anderson 1-13, non-burnable 91-99, Scott and Burgan 101-204, or a
            number of the fuel models given beside it); -1 = unknown, does not burn.
        elevation: (Y, X) float32 m, NaN = unknown.
        slope: (Y, X) float32 rise over run.
        aspect: (Y, X) float32 where the slope faces (downhill), degrees clockwise from north; NaN where flat.
        canopy_cover: (Y, X) float32 fraction.
        canopy_height: (Y, X) float32 m.
        canopy_base: (Y, X) float32 m.
        canopy_density: (Y, X) float32 kg m-3.
        assumptions: What stands for missing layers, in sentences for the user.
        simulated: No such place exists.
    """

    grid: FireGrid
    fuel: NDArray[np.int16]
    elevation: NDArray[np.float32] | None = None
    slope: NDArray[np.float32] | None = None
    aspect: NDArray[np.float32] | None = None
    canopy_cover: NDArray[np.float32] | None = None
    canopy_height: NDArray[np.float32] | None = None
    canopy_base: NDArray[np.float32] | None = None
    canopy_density: NDArray[np.float32] | None = None
    assumptions: tuple[str, ...] = ()
    simulated: bool = False

    def __post_init__(self) -> None:
        """Refuse layers that do not lie on the grid.

        Raises:
            ConventionError: A layer whose shape is not the grid's.
        """
        for name in ("fuel", *LAYERS):
            layer = getattr(self, name)
            if layer is not None and layer.shape != self.grid.shape:
                raise ConventionError(f"landscape layer {name}: shape {layer.shape}, the grid has {self.grid.shape}")


LAYERS = (
    "elevation",
    "slope",
    "aspect",
    "canopy_cover",
    "canopy_height",
    "canopy_base",
    "canopy_density",
)


@dataclass(frozen=True, slots=True, eq=False)
class FireWeather:
    """A weather stream over the whole landscape; row i holds from its time to the next row's.

    Attributes:
        time: (T,) datetime64[s] UTC, rising.
        wind_speed: (T,) m s-1 at `wind_height`.
        wind_from: (T,) degrees clockwise from north, where the wind comes from.
        wind_height: "20ft" above the canopy (FARSITE, FlamMap), or "10m" in the open (weather services).
        temperature: (T,) K, NaN = unknown.
        relative_humidity: (T,) fraction, NaN = unknown.
        rain: (T,) mm h-1, NaN = unknown.
        cloud: (T,) fraction of the sky, NaN = unknown.
        moisture: Fuel moisture by name of `MOISTURES`, (T,) fraction; a name that is absent is worked out or assumed.
        assumptions: What was assumed, in sentences for the user.
    """

    time: NDArray[np.datetime64]
    wind_speed: NDArray[np.float64]
    wind_from: NDArray[np.float64]
    wind_height: str
    temperature: NDArray[np.float64]
    relative_humidity: NDArray[np.float64]
    rain: NDArray[np.float64]
    cloud: NDArray[np.float64]
    moisture: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no stream.

        Raises:
            ConventionError: No rows, lengths that differ, times that do not rise, a wind that is NaN or impossible.
        """
        count = len(self.time)
        series = (self.wind_speed, self.wind_from, self.temperature, self.relative_humidity, self.rain, self.cloud)
        if count == 0 or any(len(each) != count for each in (*series, *self.moisture.values())):
            raise ConventionError(f"fire weather: {count} times and series of {[len(each) for each in series]}")
        if np.isnat(self.time).any() or (np.diff(self.time) <= np.timedelta64(0, "s")).any():
            raise ConventionError("fire weather: times are missing or do not rise")
        if self.wind_height not in ("20ft", "10m"):
            raise ConventionError(f"fire weather: wind height {self.wind_height!r}, expected '20ft' or '10m'")
        bad = ~((self.wind_speed >= 0) & (self.wind_speed < 150) & np.isfinite(self.wind_from))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise ConventionError(
                f"fire weather at {self.time[row]}: wind {self.wind_speed[row]} m/s from {self.wind_from[row]} degrees"
            )


@dataclass(frozen=True, slots=True)
class FireStart:
    """Where fire starts, in the plane of the landscape's grid.

    Attributes:
        x: (N,) of its corners, m.
        y: (N,) of its corners, m.
        closed: Whether the corners bound an area that burns as a whole (a polygon, an observed perimeter).
        time: datetime64[s] UTC, or None for the start of the simulation.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    closed: bool = False
    time: np.datetime64 | None = None
