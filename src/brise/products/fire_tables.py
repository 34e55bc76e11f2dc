"""How every cell of a window burns under one row of weather: the tables that the front reads, and what flames do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.formulas.fire.cells import CellFires, Ground, surface_cells
from brise.formulas.fire.crown import (
    ACTIVE,
    Canopy,
    CrownMethod,
    critical_intensity,
    crown_fire,
    rate_when_active,
    rothermel_bed,
    rothermel_run,
)
from brise.formulas.fire.ellipse import eccentricity
from brise.formulas.fire.fuel_models import BTU, FOOT
from brise.formulas.fire.surface import FuelBed, SurfaceFire, flame_length, fuel_bed
from brise.products.fire_ground import Terrain
from brise.products.fire_run import Array32, FireOptions

_CROWN_FLAMES = 0.2 * FOOT * (FOOT / BTU) ** (2.0 / 3.0)  # Thomas (1963): m from (W m-1)**(2/3)


@dataclass(frozen=True, slots=True, eq=False)
class Beds:
    """The fuel beds (K) of a terrain under one row of weather.

    Attributes:
        surface: Rates times their multipliers.
        crown: Fuel model 10 at the same moistures, for crown fires; None where there are no crowns.
        wind: 20-ft wind, eastward and northward, blowing to, m s-1.
        crown_factor: Multiplies the rate of crown fires.
    """

    surface: FuelBed
    crown: FuelBed | None
    wind: tuple[float, float]
    crown_factor: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The head of the fire in each cell (N), crowns counted.

    Attributes:
        rate: m s-1.
        direction: Radians clockwise from north.
        length_to_width: Of the ellipse.
        intensity: W m-1.
        kind: As `crown.CrownFire.kind`.
        fraction: Of the crowns that burn.
    """

    rate: Array32
    direction: Array32
    length_to_width: Array32
    intensity: Array32
    kind: NDArray[np.int8]
    fraction: Array32


def beds_of(
    terrain: Terrain,
    moisture: NDArray[np.float64],
    wind: tuple[float, float],
    rate: NDArray[np.float64],
    overall: float,
) -> Beds:
    """The beds under one row of weather.

    Args:
        terrain: What burns.
        moisture: (5, E) of every kind of place.
        wind: As `Beds.wind`.
        rate: (K) multipliers of the rate of spread.
        overall: Multiplies crown fires' rates.
    """
    wet = moisture[:, terrain.exposure]
    bed = fuel_bed(terrain.fuel, wet)
    scaled = FuelBed(
        bed.rate * rate, bed.reaction_intensity, bed.residence_time, bed.wind_scale, bed.wind_exponent, bed.slope_scale
    )
    return Beds(scaled, rothermel_bed(wet) if terrain.crowns.size else None, wind, overall)


def table(terrain: Terrain, beds: Beds, options: FireOptions) -> tuple[Array32, Array32, Array32]:
    """Rate, direction and eccentricity (Y, X), as `front.Spread` wants them."""
    fire = surface_cells(terrain.ground, beds.surface, beds.wind, options.length_to_width, options.wind_limit)
    if terrain.crowns.size:
        _crowned(fire, terrain, (terrain.crowns, terrain.canopy), beds, options)
    ratio = fire.length_to_width
    return (
        fire.rate.reshape(terrain.shape),
        fire.direction.reshape(terrain.shape),
        eccentricity(ratio).astype(np.float32).reshape(terrain.shape),
    )


def heads(terrain: Terrain, beds: Beds, cells: NDArray[np.intp], options: FireOptions) -> Heads:
    """The heads of some cells: flat positions in the window, rising."""
    ground = Ground(terrain.ground.bed[cells], terrain.ground.shelter[cells], terrain.ground.rise[:, cells])
    fire = surface_cells(ground, beds.surface, beds.wind, options.length_to_width, options.wind_limit)
    burns = ground.bed >= 0
    heat = (beds.surface.reaction_intensity * beds.surface.residence_time)[np.maximum(ground.bed, 0)]
    intensity = (heat * fire.rate).astype(np.float32)
    kind = (burns & (fire.rate > 0)).astype(np.int8)
    fraction = np.zeros(len(cells), np.float32)
    if terrain.crowns.size:
        place = np.minimum(np.searchsorted(cells, terrain.crowns), max(len(cells) - 1, 0))
        here = np.flatnonzero(cells[place] == terrain.crowns) if len(cells) else np.zeros(0, np.intp)
        canopy = _take(terrain.canopy, here)
        small = Terrain(
            terrain.window, terrain.codes, terrain.exposure, terrain.fuel, terrain.exposures, ground,
            terrain.crowns[here], canopy,
        )  # fmt: skip
        lit, crown = _crowned(fire, small, (place[here], canopy), beds, options)
        intensity[lit], kind[lit], fraction[lit] = crown
    return Heads(fire.rate, fire.direction, fire.length_to_width, intensity, kind, fraction)


def flames(intensity: Array32, kind: NDArray[np.int8]) -> Array32:
    """Flame length, m: Byram's of surface fires, Thomas's of crown fires."""
    tall = _CROWN_FLAMES * np.power(intensity, 2.0 / 3.0, dtype=np.float32)
    return np.asarray(np.where(kind > 1, tall, flame_length(intensity)), np.float32)


def _take(canopy: Canopy, at: NDArray[np.intp]) -> Canopy:
    return Canopy(canopy.base[at], canopy.height[at], canopy.bulk_density[at], canopy.foliar_moisture)


Crowned = tuple[NDArray[np.intp], tuple[Array32, NDArray[np.int8], Array32]]


def _crowned(
    fire: CellFires, terrain: Terrain, trees: tuple[NDArray[np.int64], Canopy], beds: Beds, options: FireOptions
) -> Crowned:
    """Lets crowns change `fire` in place; the cells where they burn, their intensity, kind and fraction."""
    cells, canopy = trees
    ground, bed = terrain.ground, beds.surface.take(terrain.ground.bed[cells])
    heat = bed.reaction_intensity * bed.residence_time
    rate = fire.rate[cells].astype(float)
    near = np.flatnonzero(heat * rate >= critical_intensity(canopy.base, canopy.foliar_moisture))
    if not near.size or beds.crown is None:
        return np.zeros(0, np.intp), (np.zeros(0, np.float32), np.zeros(0, np.int8), np.zeros(0, np.float32))
    at, bed, canopy = cells[near], bed.take(near), _take(canopy, near)
    rise = ground.rise[:, at].astype(float)
    surface = SurfaceFire(
        rate=rate[near],
        direction=fire.direction[at].astype(float),
        length_to_width=fire.length_to_width[at].astype(float),
        effective_wind=np.zeros(near.size),
        flame_length=flame_length(heat[near] * rate[near]),
        intensity=heat[near] * rate[near],
        heat_per_area=heat[near],
        reaction_intensity=bed.reaction_intensity,
        residence_time=bed.residence_time,
    )
    ten = beds.crown.take(ground.bed[at])
    wind = np.repeat(np.array(beds.wind)[:, None], near.size, axis=1)
    run = rothermel_run(ten, wind, rise)
    run = type(run)(run.rate * beds.crown_factor, run.direction, run.length_to_width)
    method: CrownMethod = "scott_reinhardt" if options.crown == "scott_reinhardt" else "finney"
    steep = np.hypot(rise[0], rise[1])
    active = rate_when_active(bed, ten, canopy.bulk_density, ground.shelter[at].astype(float), steep)
    found = crown_fire(surface, canopy, run, method, active)
    fire.rate[at], fire.direction[at], fire.length_to_width[at] = found.rate, found.direction, found.length_to_width
    kind = np.minimum(found.kind, ACTIVE).astype(np.int8)
    return at, (found.intensity.astype(np.float32), kind, found.fraction_burned.astype(np.float32))
