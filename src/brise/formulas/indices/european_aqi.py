"""European Air Quality Index, 2024 revision: a category without a number.

Source: European Topic Centre on Human Health and the Environment, ETC HE 2024/17. Hourly means for every pollutant.
The table is printed in whole µg m-3 (good to 5, fair from 6) and does not say what 5.4 is; the upper bound is taken as
it stands, so anything above 5 is fair: never the kinder band. Where the European Environment Agency fills gaps with a
model, we leave the hour unknown.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.formulas.indices.index import TOLERANCE, Array, Index, Result, band_ladder, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2")

BANDS = band_ladder(
    "european_aqi",
    ("good", "fair", "moderate", "poor", "very_poor", "extremely_poor"),
    (1, 2, 3, 4, 5),
    ("#50f0e6", "#50ccaa", "#f0e641", "#ff5050", "#960032", "#7d2181"),
)

_UPPER = {  # µg m-3, largest of each band but the last
    "pm25": (5, 15, 50, 90, 140),
    "pm10": (15, 45, 120, 195, 270),
    "no2": (10, 25, 60, 100, 150),
    "o3": (60, 100, 120, 160, 180),
    "so2": (20, 40, 125, 190, 275),
}


def band_number(x: Array, uppers: tuple[float, ...]) -> Array:
    """1 for values to the first upper bound, 2 to the second ...; NaN stays NaN.

    >>> band_number(np.array([5.0, 5.1, 141.0, np.nan]), (5, 15, 50, 90, 140)).tolist()
    [1.0, 2.0, 6.0, nan]
    """
    out = np.where(np.isnan(x), np.nan, 1.0)
    for upper in uppers:
        out += x > upper + TOLERANCE
    return out


def european_aqi(concentrations: Mapping[str, ArrayLike]) -> Result:
    """European AQI at every hour: the worst pollutant's category; `value` is NaN.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> european_aqi({"pm25": [16.0], "o3": [61.0]}).category.tolist()  # moderate, by PM2.5
    [2]
    """
    given = usable(concentrations, POLLUTANTS)
    result = worst({name: band_number(x, _UPPER[name]) for name, x in given.items()}, POLLUTANTS, BANDS)
    return Result(np.full_like(result.value, np.nan), result.category, result.dominant, result.sub)


INDEX = Index(
    name="european_aqi",
    title="European AQI",
    rule_set="European Environment Agency, 2024 revision (ETC HE 2024/17); hours without a measurement stay unknown",
    region="Europe",
    pollutants=POLLUTANTS,
    averaging=dict.fromkeys(POLLUTANTS, "1 h"),
    bands=BANDS,
    has_value=False,
    compute=european_aqi,
)
