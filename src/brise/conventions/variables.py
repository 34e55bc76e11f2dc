"""Every quantity Brise stores: one name, one unit, one valid range.

The range is physical plausibility, used at the edge: outside it a value cannot be a measurement of this quantity.
`noise` is how far below zero an honest instrument can read; between -noise and 0 a value is noise, kept as it is.
"""

from dataclasses import dataclass

from brise.conventions.errors import InputError


@dataclass(frozen=True, slots=True)
class Variable:
    """One stored quantity.

    Attributes:
        name: Brise's short name, the field's own habit (CAMS, OpenAQ).
        cf_name: CF standard name.
        unit: Storage unit, UDUNITS spelling.
        minimum: Smallest plausible value, in `unit`.
        maximum: Largest plausible value, in `unit`.
        title: For people.
        molar_mass: g mol-1 for gases, else None.
        noise: Size of negative readings that are instrument noise, in `unit`.
    """

    name: str
    cf_name: str
    unit: str
    minimum: float
    maximum: float
    title: str
    molar_mass: float | None = None
    noise: float = 0.0


_UG = "ug m-3"

_ROWS = (
    Variable("pm1", "mass_concentration_of_pm1_ambient_aerosol_particles_in_air", _UG, -20, 10_000, "PM1", noise=20),
    Variable(
        "pm25", "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air", _UG, -20, 10_000, "PM2.5", noise=20
    ),
    Variable("pm10", "mass_concentration_of_pm10_ambient_aerosol_particles_in_air", _UG, -30, 20_000, "PM10", noise=30),
    Variable("no2", "mass_concentration_of_nitrogen_dioxide_in_air", _UG, -20, 5_000, "NO₂", 46.0055, 20),
    Variable("no", "mass_concentration_of_nitrogen_monoxide_in_air", _UG, -20, 5_000, "NO", 30.0061, 20),
    Variable("o3", "mass_concentration_of_ozone_in_air", _UG, -20, 2_000, "O₃", 47.9982, 20),
    Variable("so2", "mass_concentration_of_sulfur_dioxide_in_air", _UG, -20, 10_000, "SO₂", 64.066, 20),
    Variable("co", "mass_concentration_of_carbon_monoxide_in_air", _UG, -500, 200_000, "CO", 28.0101, 500),
    Variable("nh3", "mass_concentration_of_ammonia_in_air", _UG, -20, 10_000, "NH₃", 17.0305, 20),
    Variable("pb", "mass_concentration_of_lead_in_air", _UG, 0, 1_000, "Pb"),
    Variable(
        "bc",
        "mass_concentration_of_elemental_carbon_dry_aerosol_particles_in_air",
        _UG,
        -10,
        1_000,
        "Black carbon",
        noise=10,
    ),
    Variable("voc", "mole_fraction_of_nmvoc_in_air", "ppb", 0, 100_000, "VOC"),
    Variable("co2", "mole_fraction_of_carbon_dioxide_in_air", "ppm", 150, 50_000, "CO₂"),
    Variable("temperature", "air_temperature", "K", 180, 335, "Temperature"),
    Variable("dew_point", "dew_point_temperature", "K", 150, 315, "Dew point"),
    Variable("relative_humidity", "relative_humidity", "1", 0, 1.05, "Relative humidity"),
    Variable("pressure", "surface_air_pressure", "Pa", 40_000, 110_000, "Pressure"),
    Variable("wind_speed", "wind_speed", "m s-1", 0, 120, "Wind speed"),
    Variable("wind_from_direction", "wind_from_direction", "degree", 0, 360, "Wind from"),
    Variable("eastward_wind", "eastward_wind", "m s-1", -120, 120, "Eastward wind"),
    Variable("northward_wind", "northward_wind", "m s-1", -120, 120, "Northward wind"),
    Variable("mixing_height", "atmosphere_boundary_layer_thickness", "m", 0, 10_000, "Mixing height"),
    Variable("rain_rate", "rainfall_rate", "mm h-1", 0, 500, "Rain rate"),
    Variable("uv_index", "ultraviolet_index", "1", 0, 30, "UV index"),
    Variable("us_aqi_reported", "air_quality_index_us_epa", "1", 0, 2_000, "US AQI as reported"),
)

VARIABLES: dict[str, Variable] = {row.name: row for row in _ROWS}

POLLUTANTS: tuple[str, ...] = ("pm25", "pm10", "no2", "o3", "so2", "co")
"""What the air-quality product can analyse and forecast, in the order it is shown."""

WEATHER: tuple[str, ...] = (
    "temperature",
    "relative_humidity",
    "pressure",
    "wind_speed",
    "eastward_wind",
    "northward_wind",
)
"""What learned models read of the weather, where it is measured."""


def variable(name: str) -> Variable:
    """Look one up.

    Raises:
        InputError: No such variable; the message lists the known ones.
    """
    if name not in VARIABLES:
        raise InputError(f"unknown variable {name!r}; known are {', '.join(VARIABLES)}")
    return VARIABLES[name]
