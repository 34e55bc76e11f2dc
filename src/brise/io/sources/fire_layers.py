"""What a layer of a landscape is and in which unit, by the documented names of the field.

Known are LANDFIRE's products (`LC22_F40_230.tif`, `US_200FBFM40`, `LC20_SlpP_220.tif`), ELMFIRE's and Cell2Fire's
folders, and plain names (`fuel`, `elevation_m`, `slope_percent`, `canopy_height_m`). What a name leaves open is
declared in a `landscape.toml`; a slope without a unit, or a canopy layer without one, is never guessed.
"""

import re
from dataclasses import dataclass

from brise.conventions.errors import InputError

UNITS: dict[str, dict[str, float]] = {
    "fuel": {"": 1.0},
    "elevation": {"m": 1.0, "ft": 0.3048},
    "slope": {"percent": 0.01, "degrees": 0.0, "fraction": 1.0},  # degrees go through the tangent
    "aspect": {"degrees": 1.0, "grass degrees": 0.0},  # where it faces; GRASS counts from east, counter-clockwise
    "upslope": {"degrees": 1.0},
    "canopy_cover": {"percent": 0.01, "fraction": 1.0},
    "canopy_height": {"m": 1.0, "m*10": 0.1, "ft": 0.3048, "ft*10": 0.03048},
    "canopy_base": {"m": 1.0, "m*10": 0.1, "ft": 0.3048, "ft*10": 0.03048},
    "canopy_density": {"kg/m3": 1.0, "kg/m3*100": 0.01, "lb/ft3": 16.018463, "lb/ft3*1000": 0.016018463},
}
"""Layer, unit as declared, factor to SI."""

UNDECLARED = "?"

_LANDFIRE = {  # token: layer, unit, rank (lower wins where two fit)
    "fbfm40": ("fuel", "", 0), "f40": ("fuel", "", 0), "fm40": ("fuel", "", 0),
    "fbfm13": ("fuel", "", 1), "f13": ("fuel", "", 1), "fm13": ("fuel", "", 1),
    "elev": ("elevation", "m", 0), "dem": ("elevation", "m", 0),
    "slpp": ("slope", "percent", 0), "slpd": ("slope", "degrees", 1), "slp": ("slope", UNDECLARED, 2),
    "asp": ("aspect", "degrees", 0), "cc": ("canopy_cover", "percent", 0),
    "ch": ("canopy_height", "m*10", 0), "cbh": ("canopy_base", "m*10", 0), "cbd": ("canopy_density", "kg/m3*100", 0),
}  # fmt: skip
_PLAIN = {
    "fuel": ("fuel", ""), "fuels": ("fuel", ""), "fuel model": ("fuel", ""), "fuel models": ("fuel", ""),
    "elevation": ("elevation", "m"), "slope": ("slope", UNDECLARED), "slp": ("slope", UNDECLARED),
    "aspect": ("aspect", "degrees"), "upslope": ("upslope", "degrees"), "upslope azimuth": ("upslope", "degrees"),
    "canopy cover": ("canopy_cover", UNDECLARED), "canopy height": ("canopy_height", UNDECLARED),
    "stand height": ("canopy_height", UNDECLARED), "canopy base height": ("canopy_base", UNDECLARED),
    "canopy base": ("canopy_base", UNDECLARED), "canopy bulk density": ("canopy_density", UNDECLARED),
    "canopy density": ("canopy_density", UNDECLARED),
}  # fmt: skip
_SUFFIX = {
    "percent": "percent", "pct": "percent", "degrees": "degrees", "degree": "degrees", "deg": "degrees",
    "fraction": "fraction", "m": "m", "ft": "ft", "dm": "m*10", "kg m3": "kg/m3", "kgm3": "kg/m3",
}  # fmt: skip
_WRITTEN = {  # units as rasters' own labels write them
    "meters": "m", "metres": "m", "meter": "m", "m": "m", "feet": "ft", "ft": "ft", "percent": "percent",
    "%": "percent",
    "degrees": "degrees", "degree": "degrees", "deg": "degrees", "azimuth degrees": "degrees", "class": "",
    "grass degrees": "grass degrees", "fraction": "fraction",
    "meters x 10": "m*10", "meters * 10": "m*10", "metersx10": "m*10", "m*10": "m*10",
    "feet x 10": "ft*10", "feet * 10": "ft*10", "ft*10": "ft*10",
    "kg/m^3": "kg/m3", "kg/m3": "kg/m3", "kg m-3": "kg/m3", "kg/m^3 x 100": "kg/m3*100", "kg/m3*100": "kg/m3*100",
    "kilograms per cubic meter * 100": "kg/m3*100", "kilograms per cubic meter": "kg/m3",
    "kg/m^3 * 100": "kg/m3*100", "lb/ft^3": "lb/ft3", "lb/ft^3 x 1000": "lb/ft3*1000",
}  # fmt: skip
_CELL2FIRE = {
    "fuels": ("fuel", ""), "elevation": ("elevation", "m"), "slope": ("slope", "percent"),
    "saz": ("upslope", "degrees"), "ccf": ("canopy_cover", "fraction"),
    "cbh": ("canopy_base", "m"), "cbd": ("canopy_density", "kg/m3"),
    "hm": ("canopy_height", "m"),
}  # fmt: skip
_ELMFIRE = {"slp": ("slope", "degrees")}  # beside LANDFIRE's own names and units
_DECORATED = re.compile(
    r"^(?:(?:us|ak|hi|prvi|lc\d{0,2}|lf\d{0,4}|landfire)[_ ]?)?(?:\d{2,4}[_ ]?)?([a-z]+?(?:40|13)?)"
    r"(?:[_ ]?\d{2,4})*(?:[_ ](?:conus|us|ak|hi|prvi))?$"
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name says.

    Attributes:
        layer: A key of `UNITS`.
        unit: One of its units, or `UNDECLARED`.
        rank: Lower wins where two files give one layer.
    """

    layer: str
    unit: str
    rank: int = 0


def meaning_of(name: str) -> Meaning | None:
    """Layer and unit of a file's stem or a band's label, or None where it is no name of the field.

    >>> meaning_of("LC20_SlpP_220"), meaning_of("US_200FBFM40")
    (Meaning(layer='slope', unit='percent', rank=0), Meaning(layer='fuel', unit='', rank=0))
    >>> meaning_of("slope"), meaning_of("fire_type")
    (Meaning(layer='slope', unit='?', rank=0), None)
    """
    low = re.sub(r"[\s_\-.]+", " ", name.strip().lower())
    if low in _PLAIN:
        return Meaning(*_PLAIN[low])
    decorated = _DECORATED.match(low)
    if decorated and decorated.group(1) in _LANDFIRE:
        return Meaning(*_LANDFIRE[decorated.group(1)])
    for plain, (layer, _) in _PLAIN.items():
        unit = _SUFFIX.get(low.removeprefix(f"{plain} ")) if low.startswith(f"{plain} ") else None
        if unit is not None and unit in UNITS[layer]:
            return Meaning(layer, unit)
    return None


def written_unit(layer: str, label: str, where: str) -> str:
    """The unit a raster's own label states, or `UNDECLARED` where it states none.

    Raises:
        InputError: A label that is no unit of the layer.

    >>> written_unit("canopy_base", "Meters x 10", "fire.lcp")
    'm*10'
    """
    low = label.strip().lower()
    if not low:
        return UNDECLARED
    unit = _WRITTEN.get(low, low)
    if unit not in UNITS[layer]:
        known = ", ".join(filter(None, UNITS[layer])) or "none"
        raise InputError(f"{where}: {layer} in {label!r} is not read; units of it: {known}")
    return unit


def meanings(stems: list[str]) -> tuple[dict[str, Meaning], str]:
    """What the files of a folder are, by stem, and a sentence about the layout where the folder's kind decided units.

    Cell2Fire's folder is known by `saz` (upslope azimuth; slope in percent, canopy cover a fraction, heights in m,
    density in kg m-3), ELMFIRE's by `slp` beside `adj`, `phi` or `fbfm40` (slope in degrees; else LANDFIRE's units).
    """
    low = {stem.lower(): stem for stem in stems}
    if "saz" in low:
        found = {low[name]: Meaning(*pair) for name, pair in _CELL2FIRE.items() if name in low}
        return found, "Cell2Fire's layout: slope taken as percent and saz as the azimuth uphill, as it documents"
    found = {stem: meaning for stem in stems if (meaning := meaning_of(stem)) is not None}
    if "slp" in low and {"adj", "phi", "fbfm40"} & low.keys():
        return found | {
            low["slp"]: Meaning(*_ELMFIRE["slp"])
        }, "ELMFIRE's layout: slp taken as degrees, as it documents"
    return found, ""
