"""India's National Air Quality Index.

Source: Central Pollution Control Board, National Air Quality Index, 2014. 16 of 24 hours (6 of 8 for ozone and CO)
must be known; at least three pollutants, one of them PM2.5 or PM10, else the index is unknown (sub-indices are given
all the same). Linear between breakpoints, rounded to the nearest integer. Which concentration is 500 is not confirmed
by any source we read: the last segment's slope goes on and the index stops at 500. Ozone's last point (748 µg m-3) is
defined for one hour as an aid to calculation; the 8-hour mean is read on it.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.formulas.indices.averaging import running_mean
from brise.formulas.indices.index import Array, Index, Result, band_ladder, round_half_up, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2", "co", "nh3", "pb")

BANDS = band_ladder(
    "india_naqi",
    ("good", "satisfactory", "moderate", "poor", "very_poor", "severe"),
    (50, 100, 200, 300, 400),
    ("#00b050", "#92d051", "#ffff00", "#ff6500", "#ff0000", "#c00000"),
)

_INDEX = (0.0, 50.0, 100.0, 200.0, 300.0, 400.0, 500.0)
_POINTS = {  # µg m-3 (CO mg m-3) at 0 ... 400
    "pm25": (0, 30, 60, 90, 120, 250),
    "pm10": (0, 50, 100, 250, 350, 430),
    "no2": (0, 40, 80, 180, 280, 400),
    "o3": (0, 50, 100, 168, 208, 748),
    "so2": (0, 40, 80, 380, 800, 1600),
    "co": (0, 1, 2, 10, 17, 34),
    "nh3": (0, 200, 400, 800, 1200, 1800),
    "pb": (0, 0.5, 1, 2, 3, 3.5),
}


def _sub_index(name: str, x: Array) -> Array:
    mean = running_mean(x / 1000, 8, 6) if name == "co" else running_mean(x, *((8, 6) if name == "o3" else (24, 16)))
    points = _POINTS[name]
    return round_half_up(np.interp(mean, (*points, 2 * points[-1] - points[-2]), _INDEX))


def india_naqi(concentrations: Mapping[str, ArrayLike]) -> Result:
    """NAQI at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> air = {"pm25": np.full(24, 75.0), "pm10": np.full(24, 90.0), "no2": np.full(24, 30.0)}
    >>> india_naqi(air).value[-1].item()
    150.0
    """
    sub = {name: _sub_index(name, x) for name, x in usable(concentrations, POLLUTANTS).items()}
    result = worst(sub, POLLUTANTS, BANDS)
    known = {name: ~np.isnan(x) for name, x in sub.items()}
    particles = sum((known[name] for name in ("pm25", "pm10") if name in known), np.zeros(result.value.shape, bool))
    enough = (sum(mask.astype(np.int8) for mask in known.values()) >= 3) & particles
    return Result(
        np.where(enough, result.value, np.nan),
        np.where(enough, result.category, np.int8(-1)),
        np.where(enough, result.dominant, np.int8(-1)),
        sub,
    )


INDEX = Index(
    name="india_naqi",
    title="India NAQI",
    rule_set="CPCB National Air Quality Index, 2014; above 400 the last segment's slope goes on to 500",
    region="India",
    pollutants=POLLUTANTS,
    averaging={
        name: "trailing 8 h, 6 of 8 hours" if name in ("o3", "co") else "trailing 24 h, 16 of 24 hours"
        for name in POLLUTANTS
    },
    bands=BANDS,
    has_value=True,
    compute=india_naqi,
)
