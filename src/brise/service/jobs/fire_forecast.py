"""The weather of a fire from what the server's own store knows of the place: measured hours and model forecasts."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from brise.conventions.errors import InputError
from brise.conventions.grids import EARTH_RADIUS_KM, unit_vectors
from brise.formulas.meteorology import wind_speed_and_direction
from brise.io.tables import Tables
from brise.service.jobs.fire_landscapes import Installed
from brise.service.jobs.fire_request import moment

REACH_KM = 60.0
"""Stations farther from the middle of the landscape say nothing of its wind."""

GAP_H = 3
"""Hours of wind that may be missing one after another."""

_WIND = ("eastward_wind", "northward_wind")
_MORE = ("temperature", "relative_humidity", "rain_rate")


def stream_of(tables: Tables, landscape: Installed, asked: dict[str, Any]) -> dict[str, Any]:
    """A weather stream as a request would give it, from the nearest station or forecast point that has the wind.

    An hour's mean holds from the hour's begin on.

    Args:
        tables: The store.
        landscape: Where.
        asked: The request: `start` and `hours`.

    Raises:
        InputError: Nothing near enough knows the wind of those hours; the message says what there is.
        StoreError: The database cannot serve now.
    """
    start = datetime.fromisoformat(f"{moment(asked['start'])}+00:00")
    first = start.replace(minute=0, second=0, microsecond=0)
    end = first + timedelta(hours=int(np.ceil(asked["hours"])) + 1)
    west, south, east, north = landscape.bounds or (0.0, 0.0, 0.0, 0.0)
    middle = ((south + north) / 2, (west + east) / 2)
    area = _box(middle)
    hours = tables.read_hours((*_WIND, *_MORE), first, end, area=area)
    u, v = (hours.values[name] for name in _WIND)
    known = np.isfinite(u) & np.isfinite(v)
    far = _kilometres(hours.latitude, hours.longitude, middle)
    usable = (far <= REACH_KM) & _covers(known)
    if not usable.any():
        raise InputError(_why(known, far, (first, end), landscape.name))
    nearest = int(np.flatnonzero(usable)[far[usable].argmin()])
    rows = np.flatnonzero(known[:, nearest])
    begins = [first + timedelta(hours=int(row)) for row in rows]
    speed, toward = wind_speed_and_direction(u[rows, nearest], v[rows, nearest])
    return {
        "time": [f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in begins],
        "wind_speed_m_s": np.round(speed, 2).tolist(),
        "wind_from_degrees": np.round(toward, 1).tolist(),
        "wind_height": "10m",
        "temperature_c": _column(hours.values["temperature"][rows, nearest] - 273.15),
        "relative_humidity_percent": _column(hours.values["relative_humidity"][rows, nearest] * 100),
        "rain_mm_h": _column(hours.values["rain_rate"][rows, nearest]),
        "assumptions": [f"Weather of {hours.station_id[nearest]}, {far[nearest]:.0f} km from the landscape's middle."],
    }


def _column(values: Any) -> list[float | None] | None:
    """As JSON; a column with gaps is left out, since moisture is worked out from whole ones."""
    return None if not np.isfinite(values).all() else np.round(values, 2).tolist()


def _box(middle: tuple[float, float]) -> tuple[float, float, float, float]:
    up = REACH_KM / 111.0
    across = up / max(float(np.cos(np.radians(middle[0]))), 0.05)
    west, east = ((middle[1] + side + 180) % 360 - 180 for side in (-across, across))
    return max(middle[0] - up, -90.0), west, min(middle[0] + up, 90.0), east


def _kilometres(latitude: Any, longitude: Any, middle: tuple[float, float]) -> Any:
    gap = np.linalg.norm(unit_vectors(latitude, longitude) - unit_vectors(*middle), axis=-1)
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.minimum(gap / 2, 1.0))


def _covers(known: Any) -> Any:
    """(S) whether the hours of a station begin with the fire's and have no gap of more than GAP_H."""
    hours = len(known)
    if not hours or not known.shape[1]:
        return np.zeros(known.shape[1], bool)
    window = min(GAP_H, hours)
    runs = np.lib.stride_tricks.sliding_window_view(known, window, axis=0).any(axis=-1)
    return known[0] & runs.all(axis=0)


def _why(known: Any, far: Any, span: tuple[datetime, datetime], name: str) -> str:
    begin, end = (f"{one:%Y-%m-%dT%H:%MZ}" for one in span)
    near = known[:, far <= REACH_KM]
    told = f"no station or forecast point within {REACH_KM:.0f} km of {name} has wind"
    if near.size and near.any():
        told = (
            f"within {REACH_KM:.0f} km of {name} at most {int(near.sum(axis=0).max())} of {len(known)} hours have wind"
        )
    return f"weather='forecast': {told} from {begin} to {end}; give a stream"
