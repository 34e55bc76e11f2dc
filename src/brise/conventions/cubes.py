"""Cubes: what an `xarray.Dataset` of ours must satisfy before it is stored or published."""

import numpy as np
import xarray as xr

from brise.conventions.dimensions import CUBE_DIMENSIONS
from brise.conventions.errors import ConventionError
from brise.conventions.variables import VARIABLES

SUFFIXES = ("_quantile", "_q10", "_q90", "_error", "_background")
"""What may follow a variable's name in a cube: its quantiles, one quantile alone, standard error, background."""


def base_variable(name: str) -> str:
    """The variable that a cube's array is about: "pm25_quantile" -> "pm25"."""
    for suffix in SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def check_cube(cube: xr.Dataset) -> xr.Dataset:
    """Check dimensions and their order, coordinates' direction, CF attributes, units and ranges.

    Returns:
        The cube itself.

    Raises:
        ConventionError: Which array, what, and the limit.
    """
    order = {name: place for place, name in enumerate(CUBE_DIMENSIONS)}
    for raw, array in cube.data_vars.items():
        name = str(raw)
        places = [order.get(str(dim), -1) for dim in array.dims]
        if -1 in places or places != sorted(places):
            raise ConventionError(f"cube: {name} has dimensions {array.dims}; allowed, in order: {CUBE_DIMENSIONS}")
        row = VARIABLES.get(base_variable(name))
        if row is None:
            raise ConventionError(f"cube: {name} is about no known variable")
        if array.attrs.get("units") != row.unit:
            raise ConventionError(f"cube: {name} has units {array.attrs.get('units')!r}, expected {row.unit!r}")
        if "standard_name" not in array.attrs:
            raise ConventionError(f"cube: {name} has no standard_name")
        if not name.endswith("_error"):
            _check_range(name, array, row.minimum, row.maximum)
    _check_coordinates(cube)
    return cube


def _check_range(name: str, array: xr.DataArray, low: float, high: float) -> None:
    values = array.to_numpy()
    known = np.isfinite(values)
    if np.isinf(values).any():
        raise ConventionError(f"cube: {name} holds infinity; unknown is NaN")
    if known.any() and (values[known].min() < low or values[known].max() > high):
        raise ConventionError(
            f"cube: {name} spans {values[known].min()} to {values[known].max()}, allowed {low} to {high}"
        )


def _check_coordinates(cube: xr.Dataset) -> None:
    if "latitude" in cube.dims and cube.sizes["latitude"] > 1 and not (np.diff(cube["latitude"]) < 0).all():
        raise ConventionError("cube: latitude must run north to south")
    for name in ("longitude", "lead_time", "quantile", "time"):
        if name in cube.dims and cube.sizes[name] > 1:
            steps = np.diff(cube[name].to_numpy())
            if not (steps > np.zeros(1, steps.dtype)).all():
                raise ConventionError(f"cube: {name} must increase")
    for dim in cube.dims:
        if dim not in cube.coords and dim not in ("y", "x"):
            raise ConventionError(f"cube: dimension {dim} has no coordinate")
