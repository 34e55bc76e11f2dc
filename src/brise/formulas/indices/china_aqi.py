"""China's Air Quality Index, real-time report.

Source: HJ 633-2026, Ministry of Ecology and Environment, issued 14 February 2026, in force 1 March 2026. The real-time
report uses six 1-hour means; particles are read on their 24-hour column. Concentrations are rounded to whole µg m-3
(CO to 0.1 mg m-3), the index is linear and rounded up, 500 is its end. SO2 above 800 µg m-3 over one hour counts as
200. The standard names a primary pollutant only above 50; `dominant` is the largest at any value. Halves round up,
never down. Band colours are those of the 2012 edition: the 2026 text was read for its numbers only.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.formulas.indices.index import TOLERANCE, Index, Result, band_ladder, round_half_up, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2", "co")

BANDS = band_ladder(
    "china_aqi",
    ("excellent", "good", "light", "moderate", "heavy", "severe"),
    (50, 100, 150, 200, 300),
    ("#00e400", "#ffff00", "#ff7e00", "#ff0000", "#99004c", "#7e0023"),
)

_INDEX = (0, 50, 100, 150, 200, 300, 400, 500)
_POINTS = {  # µg m-3 (CO mg m-3) at _INDEX
    "pm25": (0, 35, 60, 115, 150, 250, 350, 500),
    "pm10": (0, 50, 120, 250, 350, 420, 500, 600),
    "no2": (0, 100, 200, 700, 1200, 2340, 3090, 3840),
    "o3": (0, 160, 200, 300, 400, 800, 1000, 1200),
    "so2": (0, 150, 500, 650, 800),
    "co": (0, 5, 10, 35, 60, 90, 120, 150),
}


def china_aqi(concentrations: Mapping[str, ArrayLike]) -> Result:
    """China AQI at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3 at 25 °C and 1013.25 hPa.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> china_aqi({"pm25": [60.0, 61.0]}).value.tolist()  # 100 + 50 x 1 / 55 = 100.9, rounded up
    [100.0, 101.0]
    """
    sub = {}
    for name, x in usable(concentrations, POLLUTANTS).items():
        rounded = round_half_up(x / 1000, 1) if name == "co" else round_half_up(x)
        points = _POINTS[name]
        sub[name] = np.ceil(np.interp(rounded, points, _INDEX[: len(points)]) - TOLERANCE * 1e-3)
    return worst(sub, POLLUTANTS, BANDS)


INDEX = Index(
    name="china_aqi",
    title="China AQI",
    rule_set="HJ 633-2026, in force 1 March 2026, real-time report; colours of HJ 633-2012",
    region="China",
    pollutants=POLLUTANTS,
    averaging=dict.fromkeys(POLLUTANTS, "1 h"),
    bands=BANDS,
    has_value=True,
    compute=china_aqi,
)
