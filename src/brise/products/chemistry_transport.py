"""A chemistry-transport forecast as the background of a domain."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from brise.conventions.grids import Grid, unit_vectors
from brise.conventions.observations import StationHours
from brise.conventions.variables import POLLUTANTS
from brise.models.background import Background

MARGIN_DEGREES = 1.0
"""How far around a domain a forecast's points are read."""

POINTS_NAME = "CAMS by Open-Meteo"


def background_for(grid: Grid, fields: Iterable[xr.Dataset], points: StationHours | None) -> Background | None:
    """What forecasts say in and around a domain: on grids if they cover it, else at points if those do.

    A pollutant's forecast that does not reach every cell is left out: where it ended, the map would break.

    Args:
        grid: The domain.
        fields: Cubes (time, latitude, longitude) of a forecast, hours labelled by their END; of one set of times.
        points: The same at scattered points.
    """
    found = [part for part in (_around(grid, cube) for cube in fields) if part is not None]
    for candidate in (_merged(found), None if points is None else _at_points(grid, points)):
        covering = None if candidate is None else _covering(candidate, grid)
        if covering is not None:
            return covering
    return None


def _around(grid: Grid, cube: xr.Dataset) -> Background | None:
    latitude, longitude = (a.ravel() for a in np.meshgrid(cube["latitude"], cube["longitude"], indexing="ij"))
    near = _near(latitude, longitude, grid)
    if not near.any():
        return None
    flat = {n: cube[n].to_numpy().reshape(cube.sizes["time"], -1)[:, near] for n in POLLUTANTS if n in cube}
    title = str(cube.attrs.get("title", "chemistry-transport forecast"))
    return Background(title, cube["time"].to_numpy().astype("datetime64[s]"), latitude[near], longitude[near], flat)


def _merged(parts: list[Background]) -> Background | None:
    """Neighbouring cubes of one forecast as one."""
    if not parts:
        return None
    first = parts[0]
    parts = [part for part in parts if np.array_equal(part.time, first.time)]
    names = [name for name in first.values if all(name in part.values for part in parts)]
    return Background(
        first.name,
        first.time,
        np.concatenate([part.latitude for part in parts]),
        np.concatenate([part.longitude for part in parts]),
        {name: np.concatenate([part.values[name] for part in parts], axis=1) for name in names},
    )


def _at_points(grid: Grid, points: StationHours) -> Background | None:
    near = _near(points.latitude, points.longitude, grid)
    if not near.any():
        return None
    values = {name: matrix[:, near] for name, matrix in points.values.items() if np.isfinite(matrix[:, near]).any()}
    return Background(POINTS_NAME, points.time, points.latitude[near], points.longitude[near], values)


def _covering(background: Background, grid: Grid) -> Background | None:
    """The background with the pollutants that are known in every cell in some hour."""
    places = unit_vectors(*grid.points())

    def covers(name: str) -> bool:
        whole = background.time[np.isfinite(background.values[name]).all(axis=1)][:1]
        return bool(len(whole)) and bool(np.isfinite(background.at(name, whole, places)).all())

    reach = {name: field for name, field in background.values.items() if covers(name)}
    return replace(background, values=reach) if reach else None


def _near(latitude: NDArray[np.float64], longitude: NDArray[np.float64], grid: Grid) -> NDArray[np.bool_]:
    """Which places lie on the domain or within MARGIN_DEGREES of it."""
    south, north = float(grid.latitude[-1]) - MARGIN_DEGREES, float(grid.latitude[0]) + MARGIN_DEGREES
    eastward = (longitude - float(grid.longitude[0]) + MARGIN_DEGREES) % 360
    width = grid.step * (grid.columns - 1) + 2 * MARGIN_DEGREES
    return np.asarray((latitude >= south) & (latitude <= north) & (eastward <= width))
