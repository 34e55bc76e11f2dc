"""NO, NO2 and ozone in photostationary state, and what turns them into something else."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.units import GAS_CONSTANT

AVOGADRO = 6.02214076e23
"""mol-1 (SI)."""


def photolysis_rate(sine_elevation: ArrayLike, cloud: ArrayLike = 0.0) -> NDArray[np.float64]:
    """j(NO2) in s-1: 0.0167 exp(-0.575 / sin h) under clear sky, 0 at night, up to 60 % less under cloud.

    Dickerson, Stedman and Delany (1982), J. Geophys. Res. 87, 4933-4946; the cloud factor is a rough mean.

    Args:
        sine_elevation: Sine of the sun's elevation.
        cloud: Cloud cover, 0..1.

    >>> round(float(photolysis_rate(1.0)), 4)
    0.0094
    """
    sine = np.asarray(sine_elevation, float)
    clear = np.where(sine > 0.01, 0.0167 * np.exp(-0.575 / np.maximum(sine, 0.01)), 0.0)
    return np.asarray(clear * (1.0 - 0.6 * np.asarray(cloud, float)))


def titration_rate(temperature: ArrayLike, pressure: ArrayLike) -> NDArray[np.float64]:
    """Rate k of NO + O3 -> NO2 + O2 in ppb-1 s-1: 3.0e-12 exp(-1500 / T) cm3 molecule-1 s-1 (JPL Publication 19-5).

    Args:
        temperature: K.
        pressure: Pa.

    >>> round(float(titration_rate(298.15, 101_325.0)) * 1e4, 2)
    4.82
    """
    kelvin = np.asarray(temperature, float)
    molecules_cm3_ppb = np.asarray(pressure, float) / (GAS_CONSTANT * kelvin) * AVOGADRO * 1e-6 * 1e-9
    return np.asarray(3.0e-12 * np.exp(-1500.0 / kelvin) * molecules_cm3_ppb)


def photostationary_no2(nox: ArrayLike, ox: ArrayLike, ratio: ArrayLike) -> NDArray[np.floating]:
    """NO2 in the state where photolysis and titration balance: j [NO2] = k [NO] [O3] (Leighton 1961).

    With NOx = NO + NO2 and Ox = O3 + NO2 both kept by the two reactions, NO2 is the smaller root of
    x² - (NOx + Ox + j/k) x + NOx Ox = 0, and NO = NOx - NO2, O3 = Ox - NO2 are never negative.

    Args:
        nox: NO + NO2, ppb.
        ox: O3 + NO2, ppb.
        ratio: j / k, ppb; 0 at night, when the scarcer of NO and O3 is used up.

    >>> no2 = float(photostationary_no2(30.0, 50.0, 15.0))
    >>> round(no2, 2), round(no2 * 15.0 / (30.0 - no2) / (50.0 - no2), 6)
    (20.0, 1.0)
    """
    n, x = np.asarray(nox), np.asarray(ox)
    half = (n + x + ratio) / 2
    # n x / (half + root) instead of half - root: no cancellation when the balance lies far to one side.
    root = np.sqrt(np.maximum(half * half - n * x, 0))
    return np.asarray(np.minimum(n * x / np.maximum(half + root, 1e-30), np.minimum(n, x)))
