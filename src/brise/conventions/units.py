"""Conversions at the edge; inside, every quantity has the one unit of `variables.py`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.conventions.variables import variable

GAS_CONSTANT = 8.314462618
"""J mol-1 K-1 (CODATA 2018)."""

STANDARD_PRESSURE = 101_325.0
"""Pa."""

TEMPERATURE_25C = 298.15
"""K; the reference of US EPA, China and most ppb reports."""

TEMPERATURE_20C = 293.15
"""K; the reference of the EU directive."""


def ugm3_per_ppb(name: str, temperature: ArrayLike, pressure: ArrayLike) -> NDArray[np.float64]:
    """Mass concentration of one part per billion of a gas, in µg m-3.

    M p / (R T) x 1e-3, the ideal-gas law; M in g mol-1, p in Pa, T in K.

    Args:
        name: A gas of `variables.py`.
        temperature: K.
        pressure: Pa.

    Raises:
        InputError: The variable is not a gas with a molar mass.

    >>> round(float(ugm3_per_ppb("no2", TEMPERATURE_25C, STANDARD_PRESSURE)), 3)
    1.88
    >>> round(float(ugm3_per_ppb("o3", TEMPERATURE_20C, STANDARD_PRESSURE)), 4)
    1.9953
    """
    mass = variable(name).molar_mass
    if mass is None:
        raise InputError(f"{name} has no molar mass: parts per billion of it have no mass concentration")
    return np.asarray(mass * np.asarray(pressure, float) / (GAS_CONSTANT * np.asarray(temperature, float)) * 1e-3)


def ppb_to_ugm3(value: ArrayLike, name: str, temperature: ArrayLike, pressure: ArrayLike) -> NDArray[np.float64]:
    """Parts per billion of a gas to µg m-3 at the given temperature (K) and pressure (Pa)."""
    return np.asarray(value, float) * ugm3_per_ppb(name, temperature, pressure)


def ugm3_to_ppb(value: ArrayLike, name: str, temperature: ArrayLike, pressure: ArrayLike) -> NDArray[np.float64]:
    """Mass concentration of a gas in µg m-3 to parts per billion at the given temperature (K) and pressure (Pa)."""
    return np.asarray(value, float) / ugm3_per_ppb(name, temperature, pressure)


def celsius_to_kelvin(value: ArrayLike) -> NDArray[np.float64]:
    """°C to K.

    >>> float(celsius_to_kelvin(25.0))
    298.15
    """
    return np.asarray(value, float) + 273.15


def fahrenheit_to_kelvin(value: ArrayLike) -> NDArray[np.float64]:
    """°F to K.

    >>> round(float(fahrenheit_to_kelvin(77.0)), 2)
    298.15
    """
    return (np.asarray(value, float) - 32.0) / 1.8 + 273.15


def pressure_at_altitude(altitude_m: ArrayLike) -> NDArray[np.float64]:
    """Pa at an altitude in the ICAO standard atmosphere (ISO 2533), for where no barometer is.

    >>> round(float(pressure_at_altitude(2240.0)) / 100)
    772
    """
    return np.asarray(STANDARD_PRESSURE * (1.0 - 2.25577e-5 * np.asarray(altitude_m, float)) ** 5.25588)
