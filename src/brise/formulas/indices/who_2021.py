"""The air beside the World Health Organization's short-term guidelines, in percent of the guideline.

Source: WHO global air quality guidelines, 2021. A sub-index is 100 x mean / guideline over the guideline's own period
(24 hours: 18 of 24 known; 8 hours: 6 of 8); where a pollutant also has a shorter guideline, a breach of it counts too.
The value is the largest: 100 is the guideline exactly, 250 two and a half times it.

The bands are one ladder for all pollutants: within the guideline, then the steps at which PM2.5's 24-hour interim
targets 4 to 1 stand (25, 37.5, 50 and 75 of 15 µg m-3: 167, 250, 333 and 500 %). Other pollutants have fewer or other
interim targets, so a band is a multiple of the guideline, and only for PM2.5 also the name of a target.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.formulas.indices.averaging import running_mean
from brise.formulas.indices.index import Array, Index, Result, band_ladder, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2", "co")

BANDS = band_ladder(
    "who_2021",
    ("within_guideline", "above_guideline", "above_167", "above_250", "above_333", "above_500"),
    (100, 2500 / 15, 3750 / 15, 5000 / 15, 7500 / 15),
    ("#4daf7c", "#f4e04d", "#f5a742", "#e5533c", "#9c2a6b", "#5b1a4a"),
)

_GUIDELINES = {  # hours, of which known, µg m-3; the main one first
    "pm25": ((24, 18, 15),),
    "pm10": ((24, 18, 45),),
    "no2": ((24, 18, 25), (1, 1, 200)),
    "o3": ((8, 6, 100),),
    "so2": ((24, 18, 40),),
    "co": ((24, 18, 4_000), (8, 6, 10_000), (1, 1, 35_000)),
}


def _percent(x: Array, hours: int, required: int, guideline: float) -> Array:
    return 100 / guideline * (x if hours == 1 else running_mean(x, hours, required))


def who_2021(concentrations: Mapping[str, ArrayLike]) -> Result:
    """Percent of the strictest short-term guideline at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> who_2021({"pm25": np.full(24, 30.0), "no2": np.full(24, 25.0)}).value[-1].item()
    200.0
    """
    sub = {}
    for name, x in usable(concentrations, POLLUTANTS).items():
        main, *shorter = _GUIDELINES[name]
        sub[name] = _percent(x, *main)
        for other in shorter:  # a shorter guideline that is met says nothing of the longer one
            ratio = _percent(x, *other)
            sub[name] = np.fmax(sub[name], np.where(ratio > 100, ratio, np.nan))
    return worst(sub, POLLUTANTS, BANDS)


INDEX = Index(
    name="who_2021",
    title="WHO guideline (2021)",
    rule_set="WHO global air quality guidelines, 2021, short-term; bands are multiples of the guideline",
    region="world",
    pollutants=POLLUTANTS,
    averaging={
        "pm25": "trailing 24 h, 18 of 24 hours",
        "pm10": "trailing 24 h, 18 of 24 hours",
        "no2": "trailing 24 h, 18 of 24 hours; 1 h when above its guideline",
        "o3": "trailing 8 h, 6 of 8 hours",
        "so2": "trailing 24 h, 18 of 24 hours",
        "co": "trailing 24 h, 18 of 24 hours; 8 h and 1 h when above their guidelines",
    },
    bands=BANDS,
    has_value=True,
    compute=who_2021,
)
