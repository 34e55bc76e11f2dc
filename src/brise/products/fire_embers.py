"""Embers of a fire's crowns: how many a cell throws, and what they meet, for `formulas/fire/front_spotting.py`."""

import numpy as np
from numpy.typing import NDArray

from brise.formulas.fire.front_spotting import Embers
from brise.formulas.fire.spotting import ignition_probability
from brise.products.fire_ground import Terrain
from brise.products.fire_run import FireOptions
from brise.products.fire_tables import Beds, heads

FARTHEST_M = 2_000.0
"""Embers that fly farther are lost: they are out before they land, and the map must hold those that are not."""
USUAL_K = 298.0
"""Temperature where the weather has none: ten kelvin change the chance by a tenth."""


def embers_of(
    terrain: Terrain, beds: Beds, moisture: NDArray[np.float64], temperature: float, options: FireOptions
) -> Embers:
    """The embers of every cell of a window under one row of weather.

    Args:
        terrain: What burns.
        beds: Under this row.
        moisture: (E) of dead 1 h fuel in every kind of place.
        temperature: Of the air, K; NaN is unknown.
        options: `embers` is how many a cell with burning crowns throws.
    """
    head = heads(terrain, beds, np.arange(terrain.ground.bed.size), options)
    wet = moisture[terrain.exposure][np.maximum(terrain.ground.bed, 0)]
    chance = ignition_probability(temperature if np.isfinite(temperature) else USUAL_K, wet)
    burns = terrain.ground.bed >= 0
    layers = (np.where(head.kind > 1, options.embers, 0.0), head.intensity, np.where(burns, chance, 0.0))
    count, intensity, lights = (np.asarray(layer, np.float32).reshape(terrain.shape) for layer in layers)
    return Embers(count, intensity, lights, beds.wind)
