"""What a fire consumed and gave off by the hour: ground, fuel, heat, fine particles."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.fire import Landscape
from brise.formulas.fire.emissions import emission
from brise.formulas.fire.fuel_models import FUEL_MODELS, FuelModel
from brise.products.fire_run import FireResult

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """By hour since the start (H); the last one may be cut short.

    Attributes:
        area_ha: That burned within the hour.
        fuel_kg: Dry fuel consumed, crowns counted.
        heat_mj: Given off by it.
        pm25_kg: Fine particles of its smoke.
    """

    area_ha: Array
    fuel_kg: Array
    heat_mj: Array
    pm25_kg: Array


def hourly_release(landscape: Landscape, result: FireResult, models: Mapping[int, FuelModel] | None = None) -> Release:
    """What burned in each hour: a cell's fuel goes in the hour in which fire reached it.

    Args:
        landscape: What burned.
        result: When, and which share of the crowns.
        models: Beside the built-in ones.
    """
    at = np.nonzero(np.isfinite(result.arrival))
    hour, hours = hour_of(result, at)
    known = {**FUEL_MODELS, **(models or {})}
    mass, heat, pm25 = emission(landscape.fuel[at], crown_fuel(landscape, result, at), known)

    def by_hour(values: Array) -> Array:
        return np.asarray(np.bincount(hour, values, hours) * result.grid.cell_m**2, float)

    return Release(by_hour(np.ones(len(hour))) / 1e4, by_hour(mass), by_hour(heat) / 1e6, by_hour(pm25))


def hour_of(result: FireResult, at: tuple[NDArray[np.intp], ...]) -> tuple[NDArray[np.intp], int]:
    """The hour in which fire came to each of some cells that burned, and the number of hours, the last cut short."""
    hours = int(np.ceil(result.hours - 1e-9))
    return np.clip((result.arrival[at] / 60.0).astype(np.intp), 0, hours - 1), hours


def crown_fuel(landscape: Landscape, result: FireResult, at: tuple[NDArray[np.intp], ...]) -> Array:
    """Crown fuel that burned, kg m-2: density times length of the crowns times the share that burned."""
    layers = (landscape.canopy_density, landscape.canopy_height, landscape.canopy_base)
    density, height, base = (
        np.zeros(len(at[0])) if layer is None else np.nan_to_num(layer[at].astype(float)) for layer in layers
    )
    return np.asarray(density * np.maximum(height - base, 0.0) * np.nan_to_num(result.fraction[at]))
