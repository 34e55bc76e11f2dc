"""UK Daily Air Quality Index, 1 to 10.

Source: Committee on the Medical Effects of Air Pollutants and Defra, DAQI bands as of 2013. Concentrations are rounded
to whole µg m-3; 75 % of the hours of a window must be known. Sulfur dioxide is defined on 15-minute means: hourly
means, all there is here, can only read lower, so its band is a lower bound.
"""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from brise.formulas.indices.averaging import running_mean
from brise.formulas.indices.european_aqi import band_number
from brise.formulas.indices.index import Index, Result, band_ladder, round_half_up, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2")

_WORDS = ("low",) * 3 + ("moderate",) * 3 + ("high",) * 3 + ("very_high",)

BANDS = band_ladder(
    "uk_daqi",
    [f"{word}_{i + 1}" for i, word in enumerate(_WORDS)],
    range(1, 10),
    (
        "#9cff9c",
        "#31ff00",
        "#31cf00",
        "#ffff00",
        "#ffcf00",
        "#ff9a00",
        "#ff6464",
        "#ff0000",
        "#990000",
        "#ce30ff",
    ),
    _WORDS,
)

_WINDOW = {"pm25": (24, 18), "pm10": (24, 18), "o3": (8, 6)}  # hours, of which known

_UPPER = {  # µg m-3, largest of index 1 ... 9
    "pm25": (11, 23, 35, 41, 47, 53, 58, 64, 70),
    "pm10": (16, 33, 50, 58, 66, 75, 83, 91, 100),
    "no2": (67, 134, 200, 267, 334, 400, 467, 534, 600),
    "o3": (33, 66, 100, 120, 140, 160, 187, 213, 240),
    "so2": (88, 177, 266, 354, 443, 532, 710, 887, 1064),
}


def uk_daqi(concentrations: Mapping[str, ArrayLike]) -> Result:
    """DAQI at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> uk_daqi({"pm25": [35.5] * 24}).value[-1].item()  # rounds to 36
    4.0
    """
    sub = {}
    for name, x in usable(concentrations, POLLUTANTS).items():
        mean = running_mean(x, *_WINDOW[name]) if name in _WINDOW else x
        sub[name] = band_number(round_half_up(mean), _UPPER[name])
    return worst(sub, POLLUTANTS, BANDS)


INDEX = Index(
    name="uk_daqi",
    title="UK DAQI",
    rule_set="Defra / COMEAP Daily Air Quality Index, 2013; sulfur dioxide by hourly in place of 15-minute means",
    region="United Kingdom",
    pollutants=POLLUTANTS,
    averaging={
        "pm25": "trailing 24 h, 18 of 24 hours",
        "pm10": "trailing 24 h, 18 of 24 hours",
        "no2": "1 h",
        "o3": "trailing 8 h, 6 of 8 hours",
        "so2": "1 h (the scale is for 15 min)",
    },
    bands=BANDS,
    has_value=True,
    compute=uk_daqi,
)
