"""Column headings of trackers' tables: which quantity, in which unit. What is not certain is not guessed.

A heading is a name and a unit however they are written together: `NO2 (ppb)`, `VOC, ppm`, `Temperature [°C]`,
`pm25_ugm3`, `Humidity_%`. A name alone says nothing of its unit, so it is only taken where a format's own documents fix
the unit, or for a place, which is in degrees.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from brise.conventions.trackers import REPORTED
from brise.conventions.units import STANDARD_PRESSURE, TEMPERATURE_25C, ugm3_per_ppb
from brise.conventions.variables import VARIABLES

_NAMES: dict[str, str] = {
    "no2": "no2", "nitrogendioxide": "no2", "no": "no", "nitrogenmonoxide": "no", "nitricoxide": "no",
    "o3": "o3", "ozone": "o3", "so2": "so2", "sulphurdioxide": "so2", "sulfurdioxide": "so2",
    "co": "co", "carbonmonoxide": "co", "nh3": "nh3", "ammonia": "nh3", "co2": "co2", "carbondioxide": "co2",
    "rco2": "co2", "voc": "voc", "vocs": "voc", "tvoc": "voc", "totalvoc": "voc",
    "temperature": "temperature", "temp": "temperature", "airtemperature": "temperature",
    "humidity": "relative_humidity", "relativehumidity": "relative_humidity", "rh": "relative_humidity",
    "pressure": "pressure", "airpressure": "pressure", "barometricpressure": "pressure",
    "latitude": "latitude", "lat": "latitude", "geolat": "latitude", "gpslat": "latitude", "gpslatitude": "latitude",
    "longitude": "longitude", "lon": "longitude", "lng": "longitude", "long": "longitude", "geolong": "longitude",
    "geolon": "longitude", "geolng": "longitude", "gpslon": "longitude", "gpslng": "longitude",
    "gpslongitude": "longitude", "accuracy": "accuracy_m", "gpsaccuracy": "accuracy_m",
    "horizontalaccuracy": "accuracy_m", "positionaccuracy": "accuracy_m", "locationaccuracy": "accuracy_m",
    "speed": "speed_m_s", "gpsspeed": "speed_m_s", "altitude": "altitude_m", "alt": "altitude_m",
    "elevation": "altitude_m", "ele": "altitude_m", "gpsaltitude": "altitude_m",
}  # fmt: skip
"""Names without their spaces and signs; particles have a pattern of their own."""

_PARTICLES = re.compile(r"pm[\s_.-]*(\d+)(?:[\s._,p-](\d))?")

PLACES = ("latitude", "longitude", "accuracy_m", "speed_m_s", "altitude_m")

TIMES: tuple[str, ...] = (
    "timestamp", "epoch", "unixtime", "time", "timestamputc", "timestampgmt", "utcdatetime", "utctime", "utcdate",
    "datetime", "datetimeutc", "createdat", "measuredat", "recordedat", "date", "localdatetime", "localtime",
)  # fmt: skip
"""Names of times, the most certain first."""

_UNITS: dict[str, str] = {
    "ug/m3": "ug/m3", "ug/m^3": "ug/m3", "ugm3": "ug/m3", "ug m-3": "ug/m3", "ugm-3": "ug/m3",
    "micrograms per cubic meter": "ug/m3", "microgram per cubic meter": "ug/m3",
    "micrograms per cubic metre": "ug/m3", "mg/m3": "mg/m3", "mg/m^3": "mg/m3", "mgm3": "mg/m3",
    "ppb": "ppb", "parts per billion": "ppb", "ppm": "ppm", "parts per million": "ppm",
    "c": "c", "degc": "c", "celsius": "c", "degrees celsius": "c", "degree celsius": "c",
    "f": "f", "degf": "f", "fahrenheit": "f", "degrees fahrenheit": "f", "degree fahrenheit": "f",
    "k": "k", "kelvin": "k", "kelvins": "k", "degrees kelvin": "k", "%": "%", "percent": "%", "pct": "%", "%rh": "%",
    "% rh": "%", "pa": "pa", "hpa": "hpa", "mbar": "hpa", "mb": "hpa", "millibar": "hpa", "hectopascal": "hpa",
    "kpa": "kpa", "m": "m", "meters": "m", "metres": "m", "m/s": "m/s", "mps": "m/s", "km/h": "km/h", "kmh": "km/h",
    "deg": "deg", "degrees": "deg", "": "", "plume aqi": "plume aqi", "plumeaqi": "plume aqi",
    "utc": "utc", "gmt": "utc", "s": "s", "ms": "ms", "plume_aqi": "plume aqi", "fraction": "1", "1": "1",
}  # fmt: skip

_LINEAR: dict[str, dict[str, tuple[float, float]]] = {
    "voc": {"ppb": (1, 0), "ppm": (1e3, 0)},
    "co2": {"ppm": (1, 0), "ppb": (1e-3, 0)},
    "temperature": {"k": (1, 0), "c": (1, 273.15), "f": (5 / 9, 273.15 - 160 / 9)},
    "relative_humidity": {"%": (0.01, 0), "1": (1, 0)},
    "pressure": {"pa": (1, 0), "hpa": (100, 0), "kpa": (1e3, 0)},
    "latitude": {"deg": (1, 0), "": (1, 0)},
    "longitude": {"deg": (1, 0), "": (1, 0)},
    "accuracy_m": {"m": (1, 0)},
    "altitude_m": {"m": (1, 0)},
    "speed_m_s": {"m/s": (1, 0), "km/h": (1 / 3.6, 0)},
}

CONDITIONS = "gases given as mole fractions became µg m-3 at 25 °C and 1013.25 hPa"

_BRACKETS = re.compile(r"^(.*?)\s*[(\[]([^)\]]*)[)\]]\s*(.*)$")
_PLAIN = str.maketrans({"μ": "u", "µ": "u", "³": "3", "˚": "", "º": "", "°": "", "\ufeff": "", "₂": "2", "₃": "3"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column holds: value here = scale x value there + offset."""

    target: str
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""


def plain(text: str) -> str:
    """Lower case, one kind of space, µ and ³ and ° in plain letters.

    >>> plain(" PM2.5  (µg/m³) ")
    'pm2.5 (ug/m3)'
    """
    return " ".join(text.translate(_PLAIN).strip().strip('"').lower().split())


def bare(text: str) -> str:
    """Letters and digits only.

    >>> bare("geo:lat"), bare("Local Date/Time")
    ('geolat', 'localdatetime')
    """
    return "".join(c for c in plain(text) if c.isalnum())


def name_of(text: str) -> str | None:
    """Our name of a quantity or place, or None.

    >>> [name_of(n) for n in ("pm 2.5", "PM25", "pm2_5", "PM1.0", "pm 10", "pm02", "NO2", "pm4", "Noise")]
    ['pm25', 'pm25', 'pm25', 'pm1', 'pm10', 'pm25', 'no2', None, None]
    """
    particles = _PARTICLES.fullmatch(plain(text))
    if particles:
        whole, part = particles.groups()
        size = f"{whole}.{part}" if part else {"25": "2.5", "02": "2.5", "01": "1", "100": "10"}.get(whole, whole)
        return {"1": "pm1", "1.0": "pm1", "2.5": "pm25", "10": "pm10", "10.0": "pm10"}.get(size)
    return _NAMES.get(bare(text))


def split_label(label: str) -> tuple[str, str, str]:
    """(name, unit, what follows) of a heading; the unit is "" where none is recognised.

    >>> split_label("NO2 (Plume AQI)"), split_label("VOC, ppm"), split_label("Humidity_%")
    (('no2', 'plume aqi', ''), ('voc', 'ppm', ''), ('humidity', '%', ''))
    >>> split_label("CO2 (ppm) corrected"), split_label("geo:lat"), split_label("PM2.5_CF1_ug/m3")
    (('co2', 'ppm', 'corrected'), ('geo:lat', '', ''), ('pm2.5_cf1', 'ug/m3', ''))
    """
    text = plain(label)
    found = _BRACKETS.match(text)
    if found:
        name, unit, after = (part.strip() for part in found.groups())
        return name, _UNITS.get(unit, unit), after
    for at, sign in enumerate(text):
        if sign in ", _" and _UNITS.get(text[at + 1 :].strip(), ""):
            return text[:at].strip(" ,_"), _UNITS[text[at + 1 :].strip()], ""
    return text, "", ""


def linear(variable: str, unit: str) -> tuple[float, float] | None:
    """(scale, offset) from a recognised unit to ours, or None where it does not fit the quantity.

    >>> linear("temperature", "f")[0] * 77 + linear("temperature", "f")[1]
    298.15
    >>> round(linear("no2", "ppb")[0], 3), linear("pm25", "ppb"), linear("voc", "ug/m3")
    (1.88, None, None)
    """
    if variable in _LINEAR:
        return _LINEAR[variable].get(unit)
    mass = {"ug/m3": 1.0, "mg/m3": 1e3}.get(unit)
    if mass is not None:
        return mass, 0.0
    parts = {"ppb": 1.0, "ppm": 1e3}.get(unit)
    if parts is None or VARIABLES[variable].molar_mass is None:
        return None
    return parts * float(ugm3_per_ppb(variable, TEMPERATURE_25C, STANDARD_PRESSURE)), 0.0


def meaning(label: str, defaults: Mapping[str, str]) -> Meaning | str:
    """What a heading means, or why that is not certain.

    Args:
        label: As in the file.
        defaults: Our name -> unit, for formats whose documents fix the unit of a name that stands alone.

    >>> meaning("NO2 (Plume AQI)", {}), meaning("pm 25 (ug/m3)", {}).target
    (Meaning(target='reported_plume_no2', scale=1.0, offset=0.0, unit='plume aqi'), 'pm25')
    >>> meaning("NO2", {}), meaning("O3 (furlongs)", {}), meaning("Mood", {})
    ('no unit', "unit 'furlongs' is not one of o3", 'not a known quantity')
    """
    name, unit, after = split_label(label)
    if name == "plume aqi" and not unit:
        return Meaning(f"{REPORTED}plume", unit="plume aqi")
    if name == "plume aqi":  # "Plume AQI (NO2)"
        name, unit = unit, "plume aqi"
    ours = name_of(name)
    if ours is None:
        return "not a known quantity"
    if unit == "plume aqi":
        return Meaning(f"{REPORTED}plume_{ours}", unit=unit)
    stated = unit or defaults.get(ours, "")
    if not stated and ours not in ("latitude", "longitude"):
        return "no unit"
    found = linear(ours, stated)
    if found is None:
        return f"unit {unit!r} is not one of {ours}"
    if after in ("", "raw"):
        return Meaning(ours, *found, unit=stated)
    if after in ("corrected", "compensated"):
        return Meaning(f"{REPORTED}{ours}_{after}", *found, unit=stated)
    return f"what {after!r} means is not known"
