"""Plume AQI, 2023 revision.

Source: the open-source implementation in breezy-weather (`PollutantIndex.kt`), which cites Plume Labs'
"plume_aqi_2023"; that document itself was not seen. Current concentrations, linear between points, beyond 250 in
proportion to the concentration; rounded to the nearest integer. 20 and 50 sit on the WHO 2021 annual and 24-hour
guidelines.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.formulas.indices.index import Index, Result, band_ladder, round_half_up, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3")

BANDS = band_ladder(  # 20 is fair, 50 is poor ...: whole numbers, so a band ends one below the next
    "plume_2023",
    ("excellent", "fair", "poor", "unhealthy", "very_unhealthy", "dangerous"),
    (19, 49, 99, 149, 249),
    ("#72d572", "#ffca28", "#ffa726", "#e52f35", "#99004c", "#7e0023"),
)

_INDEX = (0, 20, 50, 100, 150, 250)
_POINTS = {  # µg m-3 at _INDEX
    "pm25": (0, 5, 15, 30, 60, 150),
    "pm10": (0, 15, 45, 80, 160, 400),
    "no2": (0, 10, 25, 200, 400, 1000),
    "o3": (0, 50, 100, 160, 240, 480),
}


def plume_2023(concentrations: Mapping[str, ArrayLike]) -> Result:
    """Plume AQI, 2023 scale, at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> plume_2023({"pm25": [10.0, 300.0]}).value.tolist()
    [35.0, 500.0]
    """
    sub = {}
    for name, x in usable(concentrations, POLLUTANTS).items():
        points = _POINTS[name]
        beyond = np.maximum(x - points[-1], 0.0) * (250 / points[-1])
        sub[name] = round_half_up(np.interp(x, points, _INDEX) + beyond)
    return worst(sub, POLLUTANTS, BANDS)


INDEX = Index(
    name="plume_2023",
    title="Plume AQI (2023)",
    rule_set="Plume Labs, plume_aqi_2023, as implemented by breezy-weather",
    region="world",
    pollutants=POLLUTANTS,
    averaging=dict.fromkeys(POLLUTANTS, "1 h"),
    bands=BANDS,
    has_value=True,
    compute=plume_2023,
)
