"""Plume AQI as the Flow tracker computed it (2018 to 2023).

Not published as a table: fitted to, and checked against, what real trackers exported. The points 20, 50 and 100 stand
on the WHO 2005 annual, 24-hour and 1-hour guidelines. Beyond 100: PM2.5 1, PM10 0.625, PM1 2.5 and NO2 0.25 index
points per µg m-3, the last fitted to 301 rows of up to 366 ppb. VOC beyond 2,100 ppb was never seen; the slope of its
last segment goes on, the steeper of the two guesses. Ozone had no Flow sensor and its points are not known: it is left
out, not guessed. NO2 in ppb became µg m-3 by 1.88 (25 °C). Rounded to integers, at most 500. Colours are ours: Plume's
could not be confirmed.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.formulas.indices.index import Index, Result, band_ladder, round_half_up, usable, worst

POLLUTANTS = ("pm25", "pm10", "pm1", "no2", "voc")

BANDS = band_ladder(
    "plume_classic",
    ("low", "moderate", "high", "very_high", "excessive", "extreme", "airpocalypse"),
    (20, 50, 100, 150, 200, 250),
    ("#72d572", "#ffca28", "#ffa726", "#e52f35", "#99004c", "#7e0023", "#4a0a1c"),
)

_INDEX = (0, 20, 50, 100, 500)
_POINTS = {  # µg m-3 (VOC ppb) at 0, 20, 50, 100 and, on the slope beyond 100, 500
    "pm25": (0, 10, 25, 50, 450),
    "pm10": (0, 20, 50, 80, 720),
    "pm1": (0, 8, 20, 40, 200),
    "no2": (0, 40, 80, 200, 1800),
    "voc": (0, 250, 660, 2100, 13620),
}


def plume_classic(concentrations: Mapping[str, ArrayLike]) -> Result:
    """Plume AQI, classic scale, at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3; voc in ppb.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> plume_classic({"no2": [44 * 1.88], "voc": [146]}).value.tolist()  # a row of a real export: 51 and 12
    [51.0]
    """
    given = usable(concentrations, POLLUTANTS)
    sub = {name: round_half_up(np.interp(x, _POINTS[name], _INDEX)) for name, x in given.items()}
    return worst(sub, POLLUTANTS, BANDS)


INDEX = Index(
    name="plume_classic",
    title="Plume AQI (classic)",
    rule_set="Plume Labs, fitted to Flow exports of 2019 to 2023; ozone left out; VOC beyond 2,100 ppb extrapolated",
    region="world",
    pollutants=POLLUTANTS,
    averaging=dict.fromkeys(POLLUTANTS, "1 h"),
    bands=BANDS,
    has_value=True,
    compute=plume_classic,
)
