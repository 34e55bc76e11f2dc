"""A landscape, or a window of it, made ready to burn: kinds of fuel bed, shelter from the wind, uphill, crowns."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from brise.conventions.fire import FireStart, Landscape
from brise.formulas.fire.cells import Ground
from brise.formulas.fire.crown import Canopy
from brise.formulas.fire.front import along, inside_of
from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE, FuelArrays, fuel_arrays
from brise.formulas.fire.wind import wind_adjustment
from brise.products.fire_run import FireOptions
from brise.products.fire_sun import SHADOWS, Exposures, Shadows

Window = tuple[int, int, int, int]
"""First row, end of rows, first column, end of columns."""

BARE = 99
_SLOPES, _SLOPE_EDGES = (
    (0.0, 0.2, 0.45, 0.8),
    (0.1, 0.3, 0.6),
)  # tangents that stand for classes, and the classes' edges
_COVERS, _COVER_EDGES = (0.0, 0.3, 0.65, 0.9), (0.1, 0.5, 0.8)
_OCTANTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """A window (Y, X) of a landscape; beds are kinds of fuel in kinds of place (K).

    Attributes:
        window: Of the landscape.
        codes: (K) fuel model numbers.
        exposure: (K) positions in `exposures`.
        fuel: (K).
        exposures: (E) kinds of place that differ in sun.
        ground: (N = Y X).
        crowns: (M) int64 cells that have crowns to burn.
        canopy: (M) of these.
    """

    window: Window
    codes: NDArray[np.int64]
    exposure: NDArray[np.int64]
    fuel: FuelArrays
    exposures: Exposures
    ground: Ground
    crowns: NDArray[np.int64]
    canopy: Canopy

    @property
    def shape(self) -> tuple[int, int]:
        """(Y, X)."""
        return self.window[1] - self.window[0], self.window[3] - self.window[2]


def terrain_of(
    landscape: Landscape, window: Window, options: FireOptions, sunlit: bool, shadows: Shadows | None = None
) -> Terrain:
    """A window made ready; with `sunlit`, slopes, canopies and shadows of different sun are told apart.

    Raises:
        InputError: A fuel model that is unknown.
    """
    code = _cut(landscape.fuel, window).astype(np.int64).ravel()
    rise = _uphill(landscape, window)
    cover = _layer(landscape.canopy_cover, window)
    shade = np.zeros(code.size, np.int64) if shadows is None else shadows.within(window)
    place, exposures = _exposures(rise, cover, shade) if sunlit else (np.zeros(code.size, np.int64), _flat())
    kinds, bed = np.unique(code * len(exposures.cover) + place, return_inverse=True)
    codes, exposure = np.divmod(kinds, len(exposures.cover))
    known = np.where(codes < 0, BARE, codes)
    fuel = fuel_arrays(known, {**FUEL_MODELS, **options.models})
    burns = fuel.load.sum(axis=0) > 0
    row = np.where(burns, np.arange(len(codes)), -1).astype(np.int32)
    height = _layer(landscape.canopy_height, window)
    shelter = _shelter(fuel.depth, bed, cover, height)
    ground = Ground(row[bed.ravel()], shelter, rise.astype(np.float32))
    crowns, canopy = _canopy(landscape, window, (height, ground.bed), options)
    return Terrain(window, codes, exposure, fuel, exposures, ground, crowns, canopy)


def _shelter(depth: NDArray[np.float64], bed: NDArray[np.intp], *canopy: NDArray[np.float32]) -> NDArray[np.float32]:
    cover, height = canopy
    shelter = wind_adjustment(depth).astype(np.float32)[bed.ravel()]
    trees = np.flatnonzero((cover > 0) & (height > 0))
    shelter[trees] = wind_adjustment(depth[bed.ravel()[trees]], height[trees], cover[trees])
    return shelter


def _cut(layer: NDArray[np.generic], window: Window) -> NDArray[np.generic]:
    return layer[window[0] : window[1], window[2] : window[3]]


def _layer(layer: NDArray[np.float32] | None, window: Window) -> NDArray[np.float32]:
    """A layer's window, flat; 0 where unknown."""
    if layer is None:
        return np.zeros((window[1] - window[0]) * (window[3] - window[2]), np.float32)
    return np.nan_to_num(np.asarray(_cut(layer, window), np.float32), nan=0.0).ravel()


def _uphill(landscape: Landscape, window: Window) -> NDArray[np.float32]:
    """(2, N) tangents eastward and northward, uphill; 0 where slope or aspect is unknown."""
    tangent = _layer(landscape.slope, window)
    if landscape.aspect is None:
        return np.zeros((2, tangent.size), np.float32)
    facing = np.radians(np.asarray(_cut(landscape.aspect, window), np.float32)).ravel()
    rise = -tangent * np.stack([np.sin(facing), np.cos(facing)])
    return np.asarray(np.nan_to_num(rise, nan=0.0), np.float32)


def _flat() -> Exposures:
    return Exposures(np.zeros((2, 1)), np.zeros(1), np.zeros((2, 1)))


def _exposures(
    rise: NDArray[np.float32], cover: NDArray[np.float32], shade: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Exposures]:
    """The kind of place of every cell, and every kind: by slope, octant of aspect, cover and shadows."""
    steep = np.digitize(np.hypot(rise[0], rise[1]), _SLOPE_EDGES)
    octant = np.rint(np.arctan2(rise[0], rise[1]) / (2 * np.pi / _OCTANTS)).astype(np.int64) % _OCTANTS
    octant[steep == 0] = 0
    axes = (len(_SLOPES), _OCTANTS, len(_COVERS), len(SHADOWS) ** 2)
    kinds = np.ravel_multi_index((steep, octant, np.digitize(cover, _COVER_EDGES), shade), axes)
    used, place = np.unique(kinds, return_inverse=True)
    steep, octant, covered, shade = np.unravel_index(used, axes)
    bearing = octant * (2 * np.pi / _OCTANTS)
    uphill = np.array(_SLOPES)[steep] * np.stack([np.sin(bearing), np.cos(bearing)])
    shadow = np.array(SHADOWS)[np.stack(np.divmod(shade, len(SHADOWS)))]
    return place.ravel(), Exposures(uphill, np.array(_COVERS)[covered], shadow)


def _canopy(
    landscape: Landscape, window: Window, cells: tuple[NDArray[np.float32], NDArray[np.int32]], options: FireOptions
) -> tuple[NDArray[np.int64], Canopy]:
    height, bed = cells
    base, density = _layer(landscape.canopy_base, window), _layer(landscape.canopy_density, window)
    burn = (density > 0) & (base > 0) & (bed >= 0)
    at = np.flatnonzero(burn if options.crown != "none" else np.zeros_like(burn))
    foliar = np.float64(options.foliar_moisture)
    return at, Canopy(base[at].astype(float), height[at].astype(float), density[at].astype(float), np.asarray(foliar))


def barred(landscape: Landscape, barriers: list[FireStart]) -> Landscape:
    """The landscape with bare ground where barriers lie: cells that a line crosses, and those within closed lines."""
    fuel = landscape.fuel.copy()
    grid = landscape.grid
    for barrier in barriers:
        x = (np.asarray(barrier.x) - grid.west) / grid.cell_m - 0.5
        y = (grid.north - np.asarray(barrier.y)) / grid.cell_m - 0.5
        corners = np.stack([x, y], axis=-1)
        if barrier.closed:
            fuel[inside_of(corners, grid.shape)] = BARE
        points = along(np.vstack([corners, corners[:1]]) if barrier.closed else corners)
        column, row = np.floor(points + 0.5).astype(int).T
        inside = (row >= 0) & (row < grid.rows) & (column >= 0) & (column < grid.columns)
        fuel[row[inside], column[inside]] = BARE
    return replace(landscape, fuel=fuel)


def what_lies(code: int, options: FireOptions) -> str:
    """A fuel number in words, for messages."""
    words = {91: "urban", 92: "snow or ice", 93: "farmland that does not burn", 98: "water", 99: "bare ground"}
    if code < 0:
        return "unknown fuel"
    if code in NON_BURNABLE:
        return f"{words[code]} ({NON_BURNABLE[code]}, {code})"
    model = {**FUEL_MODELS, **options.models}.get(code)
    return f"fuel model {model.name if model else code}"
