"""Regular latitude-longitude grids."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import ConventionError

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A regular grid of cell centres, rows from north to south, columns from west to east.

    Attributes:
        name: Names the domain, e.g. "london".
        north: Latitude of the first row's centre, degrees.
        west: Longitude of the first column's centre, degrees.
        step: Cell size in degrees, the same both ways.
        rows: Y.
        columns: X.
    """

    name: str
    north: float
    west: float
    step: float
    rows: int
    columns: int

    def __post_init__(self) -> None:
        """Refuse what is not on Earth.

        Raises:
            ConventionError: The extent leaves the Earth, or a size is not positive.
        """
        south = self.north - self.step * (self.rows - 1)
        if self.rows < 1 or self.columns < 1 or self.step <= 0:
            raise ConventionError(f"grid {self.name}: {self.rows} x {self.columns} cells of {self.step} degrees")
        if self.north > 90 or south < -90 or self.columns * self.step > 360 + 1e-9:
            raise ConventionError(f"grid {self.name}: extent leaves the Earth ({south} to {self.north} north)")

    @property
    def latitude(self) -> NDArray[np.float64]:
        """(Y,) degrees north, north to south."""
        return self.north - self.step * np.arange(self.rows, dtype=np.float64)

    @property
    def longitude(self) -> NDArray[np.float64]:
        """(X,) degrees east, west to east."""
        return self.west + self.step * np.arange(self.columns, dtype=np.float64)

    @property
    def cells(self) -> int:
        """Y times X."""
        return self.rows * self.columns

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude of every cell, flattened row by row, (Y*X,) each."""
        latitude, longitude = np.meshgrid(self.latitude, self.longitude, indexing="ij")
        return latitude.ravel(), longitude.ravel()

    def cell(self, latitude: float, longitude: float) -> int | None:
        """Flat index of the cell that holds a point, or None outside the grid."""
        row = math.floor((self.north - latitude) / self.step + 0.5)
        column = math.floor(((longitude - self.west) % 360.0) / self.step + 0.5)
        if column == round(360.0 / self.step):  # within half a cell west of the first column
            column = 0
        inside = 0 <= row < self.rows and 0 <= column < self.columns
        return row * self.columns + column if inside else None

    def holds(self, latitude: ArrayLike, longitude: ArrayLike) -> NDArray[np.bool_]:
        """(N,) which points lie in a cell: where `cell` is not None."""
        row = np.floor((self.north - np.asarray(latitude, float)) / self.step + 0.5)
        column = np.floor(((np.asarray(longitude, float) - self.west) % 360.0) / self.step + 0.5)
        column = np.where(column == round(360.0 / self.step), 0, column)
        return np.asarray((row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns))


def unit_vectors(latitude: ArrayLike, longitude: ArrayLike) -> NDArray[np.float64]:
    """Points on the unit sphere, (..., 3), for tree searches without a date line or poles."""
    phi, lam = np.radians(np.asarray(latitude, float)), np.radians(np.asarray(longitude, float))
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def chord_to_km(chord: ArrayLike) -> NDArray[np.float64]:
    """Great-circle distance in km of a chord on the unit sphere.

    >>> round(float(chord_to_km(2.0)))
    20015
    """
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.clip(np.asarray(chord, float) / 2, 0, 1))


def km_to_chord(distance_km: ArrayLike) -> NDArray[np.float64]:
    """Chord on the unit sphere of a great-circle distance in km."""
    return np.asarray(2 * np.sin(np.asarray(distance_km, float) / (2 * EARTH_RADIUS_KM)))


def distance_km(
    latitude: ArrayLike, longitude: ArrayLike, other_latitude: ArrayLike, other_longitude: ArrayLike
) -> NDArray[np.float64]:
    """Great-circle distance in km, broadcasting.

    >>> round(float(distance_km(51.5074, -0.1278, 48.8566, 2.3522)))
    344
    """
    difference = unit_vectors(latitude, longitude) - unit_vectors(other_latitude, other_longitude)
    return chord_to_km(np.linalg.norm(difference, axis=-1))
