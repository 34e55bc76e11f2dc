"""A landscape that exists nowhere: fractal hills with a river, villages, roads and the fuels that would grow there.

For demonstrations and tests without a download. Terrain is a Gaussian field whose power falls with the wavenumber k as
k^-(2 H + 2), H the Hurst exponent (Mandelbrot 1982, *The Fractal Geometry of Nature*; 0.8 is usual of hills), with a
valley cut along the river. Fuels follow height and wetness: grass on dry tops, shrubs on slopes, timber where water
gathers and on shaded slopes, fields in the valley.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brise.conventions.fire import FireGrid, Landscape
from brise.formulas.fire.terrain import slope_and_aspect

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

NAME = "demonstration"
SENTENCE = "Simulated: fractal terrain and invented fuels; no such place exists."

GRASS, GRASS_SHRUB, SHRUB, TIMBER_SHRUB, LITTER = 102, 122, 145, 165, 183
BUILT, FIELDS, WATER = 91, 93, 98

_HURST = 0.8
_RELIEF_M = 170.0  # standard deviation of the height
_BASE_M = 1500.0
_ROUGHEST_CELLS = 6.0  # smoother below: a slope is one of hills, not of stones
_RIVER_DEPTH_M, _VALLEY_CELLS = 140.0, 28.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes:
        grid: Where it is drawn.
        seed: The same seed gives the same hills, to the bit.
        villages: (row, column, radius) in cells.
    """

    grid: FireGrid
    seed: int = 7
    villages: tuple[tuple[float, float, float], ...] = ()


def utm(zone: int, south: bool = False) -> str:
    """Well-known text of a UTM zone on WGS 84.

    >>> utm(35, south=True)[:36]
    'PROJCS["WGS 84 / UTM zone 35S",GEOGC'
    """
    hemisphere, base = ("S", 32_700) if south else ("N", 32_600)
    return (
        f'PROJCS["WGS 84 / UTM zone {zone}{hemisphere}",GEOGCS["WGS 84",DATUM["WGS_1984",'
        'SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],'
        'PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],'
        'AUTHORITY["EPSG","4326"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],'
        f'PARAMETER["central_meridian",{6 * zone - 183}],PARAMETER["scale_factor",0.9996],'
        f'PARAMETER["false_easting",500000],PARAMETER["false_northing",{10_000_000 if south else 0}],'
        'UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH],'
        f'AUTHORITY["EPSG","{base + zone}"]]'
    )


SITE = Plan(FireGrid(utm(35, south=True), 622_000.0, 7_073_500.0, 30.0, 420, 500), villages=((193.0, 448.0, 15.0),
            (120.0, 150.0, 7.0), (345.0, 190.0, 6.0)))  # fmt: skip
"""12.6 by 15 km beside Heidelberg in the Highveld (its largest village lies where that town does)."""


def landscape(plan: Plan = SITE) -> Landscape:
    """The whole landscape, canopy included.

    >>> made = landscape(Plan(FireGrid(utm(35, south=True), 622_000.0, 7_073_500.0, 30.0, 60, 80)))
    >>> made.simulated, made.fuel.shape, bool((made.fuel == WATER).any())
    (True, (60, 80), True)
    """
    rng = np.random.default_rng(plan.seed)
    shape = plan.grid.shape
    river = _river(shape, rng)
    ground = _BASE_M + _RELIEF_M * _fractal(shape, rng)
    elevation = ground - _RIVER_DEPTH_M * np.exp(-((river / _VALLEY_CELLS) ** 2))
    slope, aspect = (layer.astype(np.float32) for layer in slope_and_aspect(elevation, plan.grid.cell_m))
    wet = _wetness(elevation, aspect, slope, river) + 0.35 * _fractal(shape, rng)
    fuel = _fuel(elevation, wet, river, plan)
    cover, height, base, density = _canopy(fuel, wet)
    return Landscape(
        plan.grid, fuel, elevation.astype(np.float32), slope, aspect, cover, height, base, density, (SENTENCE,), True
    )


@lru_cache(maxsize=1)
def site() -> Landscape:
    """The demonstration landscape, made once a process."""
    return landscape(SITE)


def _fractal(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """(Y, X) of mean 0 and standard deviation 1, with no seam because it is cut out of a wider periodic field."""
    size = [scipy.fft.next_fast_len(int(1.25 * side) + 8) for side in shape]
    longest = max(size)
    ky, kx = np.fft.fftfreq(size[0])[:, None] * longest, np.fft.rfftfreq(size[1])[None, :] * longest
    k = np.hypot(ky, kx)
    k[0, 0] = np.inf
    amplitude = np.maximum(k, 1.0) ** -(_HURST + 1.0) * np.exp(-((k * _ROUGHEST_CELLS / longest) ** 2)) * (k < np.inf)
    field = scipy.fft.irfft2(scipy.fft.rfft2(rng.standard_normal(size)) * amplitude, s=size)
    part = field[: shape[0], : shape[1]]
    return np.asarray((part - part.mean()) / max(float(part.std()), 1e-12))


def _river(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """(Y, X) cells to the middle of a river that winds from west to east."""
    along = np.arange(shape[1]) / shape[1]
    phases = rng.uniform(0, 2 * np.pi, 4)
    bends = sum(np.sin(2 * np.pi * (n + 1) * along + phases[n]) / (n + 1.5) for n in range(4))
    middle = shape[0] * (0.62 + 0.10 * np.asarray(bends) - 0.08 * along)
    gradient = np.gradient(middle)
    return np.asarray(np.abs(np.arange(shape[0])[:, None] - middle) / np.hypot(1.0, gradient))


def _wetness(elevation: Array, aspect: Floats, slope: Floats, river: Array) -> Array:
    """About -1 dry to 1 wet: low ground, hollows, slopes that face away from the noon sun (south, in the south)."""
    low = -(elevation - elevation.mean()) / max(float(elevation.std()), 1e-9)
    hollow = gaussian_filter(elevation, 12.0) - elevation
    shade = np.nan_to_num(np.cos(np.radians(aspect.astype(float) - 180.0))) * np.minimum(1.0, slope * 4.0)
    return np.asarray(0.45 * low + hollow / 40.0 + 0.5 * shade + 0.6 * np.exp(-river / 12.0))


def _fuel(elevation: Array, wet: Array, river: Array, plan: Plan) -> NDArray[np.int16]:
    dry, damp, moist, wettest = np.quantile(wet, (0.34, 0.62, 0.84, 0.93))
    fuel = np.select(
        [wet < dry, wet < damp, wet < moist, wet < wettest],
        [GRASS, GRASS_SHRUB, SHRUB, TIMBER_SHRUB],
        LITTER,
    ).astype(np.int16)
    row, column = np.indices(elevation.shape)
    ploughed = (river < 16) & (np.sin(row / 5.3) * np.sin(column / 7.1 + 1.0) > 0.35)
    fuel[ploughed] = FIELDS
    road = np.abs(row - (0.30 * elevation.shape[0] + 14.0 * np.sin(column / 61.0))) < 0.8
    fuel[road & (column > 0.28 * elevation.shape[1])] = BUILT
    fuel[river < 1.6] = WATER
    for top, left, radius in plan.villages:
        lobes = 1 + 0.2 * np.sin(3 * np.arctan2(row - top, column - left))
        fuel[np.hypot(row - top, column - left) < radius * lobes] = BUILT
    return fuel


def _canopy(fuel: NDArray[np.int16], wet: Array) -> tuple[Floats, Floats, Floats, Floats]:
    """Cover, height, base and bulk density where trees stand, 0 elsewhere."""
    trees = (fuel == TIMBER_SHRUB) | (fuel == LITTER)
    thick = np.clip(0.4 + 0.2 * (wet - wet.mean()), 0.2, 0.8)

    def layer(values: Array | float) -> Floats:
        return np.where(trees, values, 0.0).astype(np.float32)

    return layer(thick), layer(6.0 + 14.0 * thick), layer(0.6 + 2.0 * thick), layer(0.05 + 0.12 * thick)
