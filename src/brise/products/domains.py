"""Which maps to draw: regular grids around groups of stations."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from brise.conventions.grids import Grid, km_to_chord, unit_vectors

LINK_KM = 150.0
"""Stations closer than this belong to one domain."""

STEPS = (0.01, 0.02, 0.05, 0.1, 0.25)
EXTENT = 5.0
"""Degrees; a wider group is cut in halves, so that a connected continent still gets maps of cities."""

PADDING = 0.1
_MINIMUM_CELLS = 4096
_CELLS_A_STATION = 40


def place_label(latitude: float, longitude: float) -> str:
    """A stable name for a place that has none.

    >>> place_label(51.51, -0.12)
    'n515w001'
    """
    north, east = round(latitude * 10), round(longitude * 10)
    return f"{'n' if north >= 0 else 's'}{abs(north):03d}{'e' if east >= 0 else 'w'}{abs(east):03d}"


def domains(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    name: Callable[[float, float], str] = place_label,
) -> list[Grid]:
    """Grids that hold every station: linked groups, padded, in steps that keep cells in proportion to stations.

    Args:
        latitude: (S,) degrees north.
        longitude: (S,) degrees east.
        name: Names a group from its middle; a name met twice gets "-2", "-3" ...
    """
    if not len(latitude):
        return []
    coarse, which = np.unique(np.round(np.stack([latitude, longitude], axis=1) * 5) / 5, axis=0, return_inverse=True)
    vectors = unit_vectors(coarse[:, 0], coarse[:, 1])
    one, other = cKDTree(vectors).query_pairs(float(km_to_chord(LINK_KM)), output_type="ndarray").T
    link = coo_array((np.ones(len(one)), (one, other)), shape=(len(coarse), len(coarse)))
    group = connected_components(link, directed=False)[1][which.ravel()]
    taken: dict[str, int] = {}
    out = []
    for number in range(int(group.max()) + 1):
        members = np.flatnonzero(group == number)
        parts = _cut(latitude[members], _unwrapped(longitude[members]))
        out += [_grid(*part, name, taken) for part in parts]
    return out


def _unwrapped(longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes without a jump at the date line, around the first."""
    return np.asarray(longitude[0] + (longitude - longitude[0] + 180) % 360 - 180)


def _cut(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Halve a group until no part is wider than EXTENT."""
    tall, wide = np.ptp(latitude), np.ptp(longitude)
    if max(tall, wide) <= EXTENT:
        return [(latitude, longitude)]
    axis = latitude if tall >= wide else longitude
    low = axis <= (axis.min() + axis.max()) / 2
    return _cut(latitude[low], longitude[low]) + _cut(latitude[~low], longitude[~low])


def _grid(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    name: Callable[[float, float], str],
    taken: dict[str, int],
) -> Grid:
    middle = float(latitude.mean()), (float(longitude.mean()) + 180) % 360 - 180
    label = name(*middle)
    taken[label] = taken.get(label, 0) + 1
    if taken[label] > 1:
        label = f"{label}-{taken[label]}"
    limit = max(_MINIMUM_CELLS, _CELLS_A_STATION * len(latitude))
    south, north = max(float(latitude.min()) - PADDING, -90), min(float(latitude.max()) + PADDING, 90)
    west, east = float(longitude.min()) - PADDING, float(longitude.max()) + PADDING
    for step in STEPS:
        # Edges snap to whole steps, so that a station more or less rarely moves the cells.
        top, left = np.floor(north / step) * step, np.floor(west / step) * step
        rows, columns = int(np.ceil((top - south) / step)) + 1, int(np.ceil((east - left) / step)) + 1
        if rows * columns <= limit or step == STEPS[-1]:
            break
    rows = min(rows, int((top + 90) / step + 1e-6) + 1)
    return Grid(label, round(float(top), 6), round((float(left) + 180) % 360 - 180, 6), step, rows, columns)
