"""Canada's Air Quality Health Index.

Source: Stieb et al. 2008 (doi 10.3155/1047-3289.58.3.435), as used by Environment and Climate Change Canada: (10 /
10.4) x 100 x [(e^(0.000871 NO2) - 1) + (e^(0.000537 O3) - 1) + (e^(0.000487 PM2.5) - 1)] with NO2 and O3 in ppb, PM2.5
in µg m-3, all 3-hour means (2 of 3 hours). Rounded to the nearest integer, at least 1, shown as 10+ above 10. All
three pollutants must be known. It under-reads smoke, where British Columbia reports the larger of it and a PM2.5 rule
(AQHI-Plus) whose wording we could not confirm and do not apply.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, ugm3_per_ppb
from brise.formulas.indices.averaging import running_mean
from brise.formulas.indices.index import Index, Result, band_ladder, category, round_half_up, usable, worst

POLLUTANTS = ("pm25", "no2", "o3")

_WORDS = ("low",) * 3 + ("moderate",) * 3 + ("high",) * 4 + ("very_high",)

BANDS = band_ladder(
    "canada_aqhi",
    [f"{word}_{i + 1}" for i, word in enumerate(_WORDS[:-1])] + ["very_high"],
    range(1, 11),
    (
        "#02cbff",
        "#0099ca",
        "#01649b",
        "#fffe02",
        "#ffcb00",
        "#fe9933",
        "#fd6765",
        "#fc0100",
        "#cb0003",
        "#9a0000",
        "#650100",
    ),
    _WORDS,
)

_RATE = {  # per µg m-3: the published rate, divided by the gas's µg m-3 a ppb
    "pm25": 0.000487,
    "no2": 0.000871 / float(ugm3_per_ppb("no2", TEMPERATURE_25C, STANDARD_PRESSURE)),
    "o3": 0.000537 / float(ugm3_per_ppb("o3", TEMPERATURE_25C, STANDARD_PRESSURE)),
}


def canada_aqhi(concentrations: Mapping[str, ArrayLike]) -> Result:
    """AQHI at every hour; a sub-index is the pollutant's own share of the sum, not rounded.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3; gases become ppb at 25 °C and 1013.25 hPa.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> air = {"no2": [37.6] * 3, "o3": [58.9] * 3, "pm25": [10.0] * 3}  # 20 ppb, 30 ppb, 10 µg m-3
    >>> canada_aqhi(air).value[-1].item()  # 1.69 + 1.56 + 0.47 = 3.72
    4.0
    """
    sub = {
        name: 1000 / 10.4 * np.expm1(_RATE[name] * running_mean(x, 3, 2))
        for name, x in usable(concentrations, POLLUTANTS).items()
    }
    total = sum(sub.values()) if len(sub) == len(POLLUTANTS) else np.full_like(next(iter(sub.values())), np.nan)
    value = np.maximum(round_half_up(np.asarray(total)), 1.0)
    dominant = np.where(np.isnan(value), np.int8(-1), worst(sub, POLLUTANTS, BANDS).dominant)
    return Result(value, category(value, BANDS), dominant, sub)


INDEX = Index(
    name="canada_aqhi",
    title="Canada AQHI",
    rule_set="Environment and Climate Change Canada, AQHI (Stieb et al. 2008), without AQHI-Plus: under-reads smoke",
    region="Canada",
    pollutants=POLLUTANTS,
    averaging=dict.fromkeys(POLLUTANTS, "trailing 3 h, 2 of 3 hours"),
    bands=BANDS,
    has_value=True,
    compute=canada_aqhi,
)
