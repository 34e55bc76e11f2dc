"""Published rain nowcasts: as compact point-major arrays, written and made visible like every run (see cubes.py).

    rate.npy    uint16 (cells, 3, L)  value, q10, q90 in 1/100 mm/h; lead 0 is the newest frame
    chance.npy  uint8  (cells, K, L)  of at least meta["thresholds"], in 1/100
    totals.npy  uint16 (cells, W, 4)  within meta["windows"]: chance of rain in 1/100, q10, q50, q90 in 1/100 mm

A type's largest number is unknown.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from brise.conventions.grids import Grid
from brise.conventions.variables import VARIABLES
from brise.io import cubes

PRODUCT = "rain"
KEPT = timedelta(days=1)
EVERY_H = 6
Fields = list[list[NDArray[np.float32]]]
"""Cubes are kept for verification a day long, of every sixth hour."""


def encode(values: NDArray[np.float32], kind: type[np.uint8 | np.uint16]) -> NDArray[Any]:
    """Hundredths; NaN as the type's largest number, what is too large as the one below.

    >>> encode(np.array([0.126, np.nan, 9.0], np.float32), np.uint8).tolist()
    [13, 255, 254]
    """
    unknown = np.iinfo(kind).max
    steps = np.rint(np.clip(values, 0, None) * 100)
    return np.where(np.isnan(steps), unknown, np.minimum(steps, unknown - 1)).astype(kind)


def decode(codes: NDArray[Any]) -> NDArray[np.float32]:
    """What `encode` was given, to a hundredth.

    >>> decode(np.array([13, 255], np.uint8)).tolist()
    [0.12999999523162842, nan]
    """
    known = codes.astype(np.float32) / np.float32(100)
    return np.asarray(np.where(codes == np.iinfo(codes.dtype).max, np.float32(np.nan), known))


def _cells_first(fields: Fields, kind: type[np.uint8 | np.uint16]) -> NDArray[Any]:
    """(Y*X, A, B) codes of A lists of B fields (Y, X)."""
    out = np.empty((fields[0][0].size, len(fields), len(fields[0])), kind)
    for row, group in enumerate(fields):
        for column, field in enumerate(group):
            out[:, row, column] = encode(field.ravel(), kind)
    return out


def publish(root: Path, grid: Grid, fields: Mapping[str, Fields], meta: dict[str, Any]) -> Path:
    """Write a nowcast and make it the visible one of its area.

    Args:
        root: Folder of all products.
        grid: The area.
        fields: "rate", "chance" and "totals": for every row of the array a list of fields (Y, X), mm h-1, 0 to 1, mm.
        meta: With `init_time` (ISO text) and `leads` (minutes).

    Raises:
        ConventionError: A rate is impossible.
        StoreError: The disk is full or fails; the old run stays visible.
    """
    arrays = {
        "rate": _cells_first(fields["rate"], np.uint16),
        "chance": _cells_first(fields["chance"], np.uint8),
        "totals": _cells_first(fields["totals"], np.uint16),
    }
    return cubes.publish(root, PRODUCT, grid, arrays, meta, _cube(grid, fields["rate"][0], meta))


def _cube(grid: Grid, values: list[NDArray[np.float32]], meta: dict[str, Any]) -> xr.Dataset:
    row = VARIABLES["rain_rate"]
    init = pd.Timestamp(datetime.fromisoformat(meta["init_time"]).astimezone(UTC)).tz_localize(None)
    return xr.Dataset(
        {
            "rain_rate": (
                ("lead_time", "latitude", "longitude"),
                np.stack(values),
                {"units": row.unit, "standard_name": row.cf_name},
            )
        },
        {
            "init_time": init,
            "lead_time": pd.to_timedelta(meta["leads"], unit="m"),
            "latitude": grid.latitude,
            "longitude": grid.longitude,
        },
        {"Conventions": "CF-1.11", "title": "Rain nowcast"},
    )


def current(root: Path) -> dict[str, cubes.Run]:
    """The visible nowcast of every area.

    Raises:
        StoreError: One cannot be read.
    """
    return cubes.current(root, PRODUCT)


def prune(root: Path, now: datetime) -> int:
    """Forget nowcasts that neither readers nor verification need; how many went."""
    return cubes.prune(root, PRODUCT, now - KEPT, None, EVERY_H)
