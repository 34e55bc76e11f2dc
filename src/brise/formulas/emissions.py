"""Where, when and how much a city emits."""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from brise.conventions.grids import Grid, distance_km

SECTORS: tuple[str, ...] = ("traffic", "homes", "industry")

# Share of a working day's total by local hour, after the shape of urban traffic counts, of cooking and heating, and of
# industry with a day shift; rows sum to 24.
_TRAFFIC_WORKDAY = (0.32, 0.22, 0.19, 0.21, 0.36, 0.85, 1.55, 2.10, 2.00, 1.65, 1.40, 1.25,
                    1.18, 1.15, 1.15, 1.22, 1.35, 1.48, 1.38, 1.10, 0.88, 0.75, 0.68, 0.55)  # fmt: skip
_TRAFFIC_WEEKEND = (0.60, 0.45, 0.35, 0.28, 0.25, 0.30, 0.45, 0.65, 0.90, 1.15, 1.35, 1.45,
                    1.50, 1.45, 1.40, 1.40, 1.45, 1.50, 1.45, 1.30, 1.10, 1.00, 0.90, 0.70)  # fmt: skip
_HOMES = (0.75, 0.60, 0.50, 0.48, 0.55, 0.80, 1.05, 1.15, 1.10, 1.00, 0.90, 0.90,
          0.95, 0.90, 0.80, 0.80, 0.90, 1.15, 1.45, 1.70, 1.75, 1.65, 1.35, 1.00)  # fmt: skip
_INDUSTRY = (0.80, 0.78, 0.76, 0.76, 0.78, 0.84, 0.92, 1.02, 1.12, 1.18, 1.20, 1.20,
             1.18, 1.18, 1.18, 1.16, 1.12, 1.08, 1.04, 1.00, 0.96, 0.92, 0.88, 0.84)  # fmt: skip
HOUR_PROFILES = np.array([_TRAFFIC_WORKDAY, _TRAFFIC_WEEKEND, _HOMES, _INDUSTRY])
HOUR_PROFILES /= HOUR_PROFILES.mean(axis=1, keepdims=True)

SETTLED_KM2 = 3500.0
"""People per km² of built-up land in a large city (order of magnitude of Demographia World Urban Areas, 2023)."""

RURAL_KM2 = 25.0
"""People per km² that a gazetteer of places above 15,000 leaves out."""


def population_density(
    grid: Grid, latitude: NDArray[np.float64], longitude: NDArray[np.float64], population: NDArray[np.float64]
) -> NDArray[np.float64]:
    """People per km² on a grid, each place spread as a Gaussian over the land that its people need.

    A place of P people covers A = P / SETTLED_KM2; a Gaussian of standard deviation 0.6 sqrt(A / pi), at least 3 km,
    spreads them with their number kept.

    Args:
        grid: The grid.
        latitude: (N,) degrees north; places outside the grid reach into it.
        longitude: (N,) degrees east.
        population: (N,) people.

    Returns:
        (Y, X).
    """
    density = np.full(grid.cells, RURAL_KM2)
    cells = grid.points()
    for place_latitude, place_longitude, people in zip(latitude, longitude, population, strict=True):
        spread = max(3.0, 0.6 * float(np.sqrt(people / SETTLED_KM2 / np.pi)))
        far = distance_km(place_latitude, place_longitude, *cells)
        density += people / (2 * np.pi * spread**2) * np.exp(-0.5 * (far / spread) ** 2)
    return density.reshape(grid.rows, grid.columns)


def local_clock(hours: NDArray[np.int64], timezone: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Local hour (0..23) and weekday (Monday 0) of UTC hours since 1970; summer time is kept.

    >>> hour, weekday = local_clock(np.array([464_556]), "Asia/Kolkata")  # 2022-12-30T12:00Z, a Friday
    >>> int(hour[0]), int(weekday[0])
    (17, 4)
    """
    clock = pd.to_datetime(hours * 3600, unit="s", utc=True).tz_convert(ZoneInfo(timezone))
    return clock.hour.to_numpy().astype(np.int64), clock.day_of_week.to_numpy().astype(np.int64)


def activity(
    hours: NDArray[np.int64], timezone: str, weekend: tuple[int, int], weekend_traffic: float
) -> NDArray[np.float64]:
    """How busy each of SECTORS is, as a multiple of a working day's mean.

    Args:
        hours: (T,) UTC hours since 1970.
        timezone: IANA name.
        weekend: Its two weekdays, Monday 0; the second is the quieter.
        weekend_traffic: Traffic of the quieter day, as a share of a working day's.

    Returns:
        (T, 3).
    """
    hour, weekday = local_clock(hours, timezone)
    traffic, homes, industry = HOUR_PROFILES[0, hour], HOUR_PROFILES[2, hour], HOUR_PROFILES[3, hour]
    for day, share in zip(weekend, ((1 + weekend_traffic) / 2, weekend_traffic), strict=True):
        traffic = np.where(weekday == day, share * HOUR_PROFILES[1, hour], traffic)
        industry = np.where(weekday == day, (0.7 + 0.3 * share) * industry, industry)
    return np.stack([traffic, homes, industry], axis=-1)


def heating_factor(temperature: NDArray[np.float64], heating: float) -> NDArray[np.float64]:
    """What homes emit at a daily temperature (K), as a multiple of cooking alone: 1 + heating x (16 °C - T) / 10 K.

    >>> float(heating_factor(np.array(279.15), 2.0))
    3.0
    """
    return 1.0 + heating * np.maximum(0.0, 289.15 - temperature) / 10.0
