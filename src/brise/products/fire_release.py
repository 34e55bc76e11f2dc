"""What a fire consumed and gave off by the hour: ground, fuel, heat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.fire import Landscape
from brise.formulas.fire.emissions import CROWN_HEAT, consumed
from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE, FuelModel
from brise.products.fire_run import FireResult

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """By hour since the start (H); the last one may be cut short.

    Attributes:
        area_ha: That burned within the hour.
        fuel_kg: Dry fuel consumed, crowns counted.
        heat_mj: Given off by it.
    """

    area_ha: Array
    fuel_kg: Array
    heat_mj: Array


def hourly_release(landscape: Landscape, result: FireResult, models: Mapping[int, FuelModel] | None = None) -> Release:
    """What burned in each hour: a cell's fuel goes in the hour in which fire reached it.

    Args:
        landscape: What burned.
        result: When, and which share of the crowns.
        models: Beside the built-in ones.
    """
    rows, columns = np.nonzero(np.isfinite(result.arrival))
    hours = int(np.ceil(result.hours - 1e-9))
    hour = np.clip((result.arrival[rows, columns] / 60.0).astype(int), 0, hours - 1)
    known = {**FUEL_MODELS, **(models or {})}
    codes, which = np.unique(landscape.fuel[rows, columns], return_inverse=True)
    none = (0.0, 0.0)
    table = np.array([none if k in NON_BURNABLE or k not in known else consumed(known[k]) for k in codes.tolist()])
    mass, heat = table.reshape(-1, 2)[which.ravel()].T
    leaves = crown_fuel(landscape, result, (rows, columns))
    ground = result.grid.cell_m**2

    def by_hour(values: Array) -> Array:
        return np.asarray(np.bincount(hour, values, hours) * ground, float)

    return Release(by_hour(np.ones(len(hour))) / 1e4, by_hour(mass + leaves), by_hour(heat + leaves * CROWN_HEAT) / 1e6)


def crown_fuel(landscape: Landscape, result: FireResult, at: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Array:
    """Crown fuel that burned, kg m-2: density times length of the crowns times the share that burned."""
    layers = (landscape.canopy_density, landscape.canopy_height, landscape.canopy_base)
    density, height, base = (
        np.zeros(len(at[0])) if layer is None else np.nan_to_num(layer[at].astype(float)) for layer in layers
    )
    return np.asarray(density * np.maximum(height - base, 0.0) * np.nan_to_num(result.fraction[at]))
