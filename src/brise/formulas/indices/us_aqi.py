"""US EPA Air Quality Index, 2024 breakpoints.

Source: US EPA, Technical Assistance Document for the Reporting of Daily Air Quality, EPA-454/B-24-002, May 2024.
Concentrations are truncated (O3 to 1 ppb, PM2.5 and CO to one decimal, the others to integers), the index is linear
between breakpoints, rounded to the nearest integer, and runs on past 500 on the slope of the last segment.

Where we depart: particles are reported by their NowCast, as AirNow does. AirNow's ozone NowCast fits a partial
least-squares model to each monitor's last two weeks; its inputs and coefficients are not public for any place, so
ozone here is the trailing 8-hour mean (6 of 8 hours), joined by the 1-hour value from 125 ppb up, as the document
says. An 8-hour mean above 200 ppb has no breakpoints of its own: it counts as 300 unless the 1-hour value says more.
SO2 above 304 ppb over one hour counts as 200 unless its 24-hour mean (18 of 24 hours) reaches 305 ppb.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, ugm3_per_ppb
from brise.formulas.indices.averaging import nowcast, running_mean
from brise.formulas.indices.index import Array, Index, Result, band_ladder, round_half_up, truncate, usable, worst

POLLUTANTS = ("pm25", "pm10", "no2", "o3", "so2", "co")

BANDS = band_ladder(
    "us_aqi",
    ("good", "moderate", "unhealthy_sensitive", "unhealthy", "very_unhealthy", "hazardous"),
    (50, 100, 150, 200, 300),
    ("#00e400", "#ffff00", "#ff7e00", "#ff0000", "#8f3f97", "#7e0023"),
)

_INDEX = (0, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 500)
# ends of the segments that _INDEX numbers, in the truncated unit of each pollutant
_PM25 = (0, 9.0, 9.1, 35.4, 35.5, 55.4, 55.5, 125.4, 125.5, 225.4, 225.5, 325.4)  # µg m-3
_PM10 = (0, 54, 55, 154, 155, 254, 255, 354, 355, 424, 425, 604)  # µg m-3
_NO2 = (0, 53, 54, 100, 101, 360, 361, 649, 650, 1249, 1250, 2049)  # ppb, 1 h
_O3_8H = (0, 54, 55, 70, 71, 85, 86, 105, 106, 200)  # ppb
_O3_1H = (125, 164, 165, 204, 205, 404, 405, 604)  # ppb, from index 101
_SO2_1H = (0, 35, 36, 75, 76, 185, 186, 304)  # ppb
_SO2_24H = (305, 604, 605, 1004)  # ppb, from index 201
_CO = (0, 4.4, 4.5, 9.4, 9.5, 12.4, 12.5, 15.4, 15.5, 30.4, 30.5, 50.4)  # ppm, 8 h

_PER_PPB = {gas: float(ugm3_per_ppb(gas, TEMPERATURE_25C, STANDARD_PRESSURE)) for gas in ("no2", "o3", "so2", "co")}


def _segment(x: Array, ends: tuple[float, ...], first: int = 0) -> Array:
    """Linear between the ends, unknown below the first, past the last on the last slope where that ends at 500."""
    values = np.array(_INDEX[first : first + len(ends)], float)
    out = np.interp(x, ends, values, left=np.nan)
    if values[-1] == 500:
        slope = (values[-1] - values[-2]) / (ends[-1] - ends[-2])
        out = out + slope * np.maximum(x - ends[-1], 0.0)
    return round_half_up(out)


def _ozone(x: Array) -> Array:
    ppb = x / _PER_PPB["o3"]
    eight = _segment(truncate(running_mean(ppb, 8, 6)), _O3_8H)
    return np.asarray(np.fmax(eight, _segment(truncate(ppb), _O3_1H, 4)))


def _sulfur_dioxide(x: Array) -> Array:
    ppb = x / _PER_PPB["so2"]
    return np.asarray(
        np.fmax(_segment(truncate(ppb), _SO2_1H), _segment(truncate(running_mean(ppb, 24, 18)), _SO2_24H, 8))
    )


_SUB: dict[str, Callable[[Array], Array]] = {
    "pm25": lambda x: _segment(truncate(nowcast(x), 1), _PM25),
    "pm10": lambda x: _segment(truncate(nowcast(x)), _PM10),
    "no2": lambda x: _segment(truncate(x / _PER_PPB["no2"]), _NO2),
    "o3": _ozone,
    "so2": _sulfur_dioxide,
    "co": lambda x: _segment(truncate(running_mean(x / (1000 * _PER_PPB["co"]), 8, 6), 1), _CO),
}


def us_aqi(concentrations: Mapping[str, ArrayLike]) -> Result:
    """US AQI at every hour.

    Args:
        concentrations: variable -> hourly means (..., T), µg m-3; gases become ppb at 25 °C and 1013.25 hPa.

    Returns:
        Index 0 to 500 and beyond, six bands.

    Raises:
        InputError: Nothing was given, or the shapes differ.

    >>> us_aqi({"pm25": np.full(12, 35.9)}).value[-1].item()
    102.0
    """
    given = usable(concentrations, POLLUTANTS)
    return worst({name: _SUB[name](x) for name, x in given.items()}, POLLUTANTS, BANDS)


INDEX = Index(
    name="us_aqi",
    title="US AQI",
    rule_set=(
        "US EPA, EPA-454/B-24-002, May 2024; ozone by trailing 8-hour mean and 1-hour value in place of AirNow's "
        "NowCast, whose fitted coefficients are not published"
    ),
    region="United States",
    pollutants=POLLUTANTS,
    averaging={
        "pm25": "NowCast 12 h, 2 of the newest 3 hours",
        "pm10": "NowCast 12 h, 2 of the newest 3 hours",
        "no2": "1 h",
        "o3": "trailing 8 h, 6 of 8 hours; 1 h from 125 ppb",
        "so2": "1 h; trailing 24 h from 305 ppb, 18 of 24 hours",
        "co": "trailing 8 h, 6 of 8 hours",
    },
    bands=BANDS,
    has_value=True,
    compute=us_aqi,
)
