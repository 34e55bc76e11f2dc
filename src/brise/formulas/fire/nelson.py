"""Moisture of dead sticks by diffusion: the physical model of Nelson (2000), each class a cylinder of its own radius.

Water moves through the wood as bound water and as vapour in its pores; at the surface it is exchanged with air of known
temperature and humidity, and rain wets it. Frame and isotherm: Nelson 2000 (Can. J. For. Res. 30, 1071); radii and
surface rates as fitted by Carlson et al. 2007 (Int. J. Wildland Fire 16, 204) and used by the National Fire Danger
Rating System. Left out: heat within the stick (it takes minutes; the stick has the fuel's temperature), capillary flow
as such, and hysteresis. SI; moistures are fractions of dry mass.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError

Array = NDArray[np.float64]

_UNDER_RAIN_H = 1.0 / 12.0
SHELLS = 10  # of equal volume, so thin at the surface where moisture varies
_SATURATED = 0.99  # humidity beyond which the isotherm is not asked
_WATER, _GAS = 18.015e-3, 8.314  # kg mol-1, J mol-1 K-1
_CAL = 4.184
_WALL = 0.685e-3  # m3 kg-1, of dry cell wall
_PORES = 0.016  # share of the free diffusion of vapour that the structure of wood leaves


@dataclass(frozen=True, slots=True)
class Stick:
    """A class of dead fuel.

    Attributes:
        radius: m.
        adsorption: Exchange at the surface while it takes up water, kg m-2 h-1 for a gap of 1 in moisture.
        desorption: The same while it dries.
        runoff: Share of rain, as a depth on its surface, that it can take up.
        soaked: Moisture of the outermost wood that rain can reach.
        density: Of dry wood, kg m-3.
        substep_h: Within which the exchange is taken as steady in dry weather; under rain it is 5 minutes.
    """

    radius: float
    adsorption: float
    desorption: float
    runoff: float
    soaked: float
    density: float = 400.0
    substep_h: float = 1.0 / 12.0


STICKS = {
    "1h": Stick(0.0020, 4.62252733, 0.6, 0.55, 0.85),
    "10h": Stick(0.0064, 0.79548303, 0.6, 0.15, 0.60, substep_h=0.25),
    "100h": Stick(0.0200, 0.6, 0.6, 0.05, 0.40, substep_h=0.5),
    "1000h": Stick(0.0381, 0.6, 0.6, 0.07, 0.32, substep_h=0.5),
}


def stick_equilibrium(temperature: ArrayLike, humidity: ArrayLike) -> Array:
    """Moisture at which wood is at rest with the air (…): c1 (-ln(1 - h))**c2 (Nelson 2000), T in Celsius.

    c1 = 0.1617 - 0.001419 T and c2 = 0.4657 + 0.003578 T; humidity (0 to 1) counts up to 0.99.

    >>> stick_equilibrium(300.15, [0.2, 0.5, 0.8]).round(3).tolist()
    [0.053, 0.1, 0.161]
    """
    first, second = _isotherm(np.asarray(temperature, float))
    air = np.clip(np.asarray(humidity, float), 0.0, _SATURATED)
    return np.asarray(first * (-np.log1p(-air)) ** second)


def _isotherm(temperature: Array) -> tuple[Array, Array]:
    celsius = temperature - 273.15
    return 0.1617 - 0.001419 * celsius, 0.4657 + 0.003578 * celsius


def diffusivity(temperature: ArrayLike, moisture: ArrayLike, density: float = 400.0) -> Array:
    """How fast water spreads through wood (…), m2 s-1: bound in the cell walls, and as vapour through the pores.

    Bound: 9.85e-6 f exp(-E / R T) / (2 - v) with the activation energy E of latent heat and sorption heat over 1.2;
    vapour: 0.016 (1 - u) D_air dρ/dm / density. v: bound water's share of the wall, u: the moist wall's of the stick,
    f = 1 / (u (1 - sqrt(1 - u))) the wall's geometry.

    A class's time lag of τ hours wants about r**2 / (5.8 τ), 0.7 mm2 h-1 for each of them:

    >>> (diffusivity(300.15, [0.04, 0.07, 0.12]) * 3.6e9).round(2).tolist()
    [0.45, 0.79, 1.63]
    """
    t = np.asarray(temperature, float)
    first, second = _isotherm(t)
    wettest = stick_equilibrium(t, _SATURATED)
    m = np.clip(np.asarray(moisture, float), 1e-4, wettest)
    dryness = (m / first) ** (1.0 / second)  # -ln(1 - h)
    rising = np.exp(-dryness) * dryness ** (1.0 - second) / (first * second)  # dh / dm
    saturation = 611.2 * np.exp(17.67 * (t - 273.15) / (t - 29.65)) * _WATER / (_GAS * t)  # kg m-3 of vapour
    water = m / (1300.0 - 640.0 * m)  # volume of bound water, m3 per kg of wood
    bound, wall = water / (_WALL + water), (_WALL + water) / (1.0 / density + water)
    vapour = _PORES * (1.0 - wall) * 2.2e-5 * (t / 273.15) ** 1.75 * saturation * rising / density
    heat = _CAL * (13_550.0 - 10.22 * t + 5040.0 * np.exp(-14.0 * m) - (7.22 + 0.002374 * t + 2.67e-7 * t**2) * t)
    shape = 1.0 / (wall * (1.0 - np.sqrt(1.0 - wall)))
    return np.asarray(vapour + 9.85e-6 * shape * np.exp(-heat / 1.2 / (_GAS * t)) / (2.0 - bound))


def stick_moisture(
    weather: tuple[ArrayLike, ArrayLike, ArrayLike], start: ArrayLike, kind: Stick, step_h: ArrayLike = 1.0
) -> Array:
    """Mean moisture of a stick at the end of each step, (T, …).

    Shells exchange water implicitly over steps of 5 to 30 minutes: no step is too long to be stable, and no moisture
    leaves the range that the surface and the start span.

    Args:
        weather: (T, …) temperature at the fuel (K), humidity there (0 to 1; `moisture.at_the_fuel` gives both) and rain
            (mm h-1), steady over each step. NaN makes the moisture NaN from there on.
        start: (…) moisture before the first step, the same throughout the stick.
        kind: One of `STICKS`, or another.
        step_h: Length of a step, or (T) of each.

    Raises:
        InputError: A step that is not positive, or weather of different lengths.

    From 12 % into air of 27 degrees and 20 % (equilibrium 5.3 %) a ten-hour stick has come three-quarters of the way:

    >>> drying = stick_moisture((np.full(10, 300.15), np.full(10, 0.2), np.zeros(10)), 0.12, STICKS["10h"])
    >>> drying[-1].round(3).item()
    0.072
    """
    warm, damp, rain = (np.asarray(series, float) for series in weather)
    long = np.broadcast_to(np.asarray(step_h, float), len(warm))
    if not (long > 0).all() or not len(warm) == len(damp) == len(rain):
        counts = f"{len(warm)}, {len(damp)} and {len(rain)}"
        raise InputError(f"steps of {long.min(initial=np.inf):g} h; {counts} of the three series")
    shape = np.broadcast_shapes(np.shape(start), warm.shape[1:], damp.shape[1:], rain.shape[1:])
    shells = np.broadcast_to(np.asarray(start, float), (SHELLS, *shape)).copy()
    out = np.empty((len(warm), *shape))
    for k in range(len(warm)):
        steady = np.broadcast_to(stick_equilibrium(warm[k], damp[k]), shape)
        fall = np.broadcast_to(np.where(rain[k] > 0, rain[k], rain[k] * 0.0), shape)  # mm h-1 is kg m-2 h-1
        within = min(kind.substep_h, _UNDER_RAIN_H) if np.any(rain[k] > 0) else kind.substep_h
        parts = max(round(long[k] / within), 1)
        for _ in range(parts):
            shells = _exchange(shells, (np.broadcast_to(warm[k], shape), steady, fall), kind, long[k] / parts)
        out[k] = shells.mean(axis=0)
    return out


def _exchange(shells: Array, air: tuple[Array, Array, Array], kind: Stick, hours: float) -> Array:
    # one implicit step: conductances between shells and to the air, m2 of shell by m2, then a tridiagonal solution
    warm, steady, fall = air
    spread = diffusivity(warm, shells, kind.density) * 3600.0
    edges = kind.radius * np.sqrt(np.arange(SHELLS + 1) / SHELLS)
    volume = kind.radius**2 / SHELLS  # over pi and the length
    resists = np.diff(edges)[(slice(None), *(None,) * warm.ndim)] / 2.0 / spread
    inner = edges[1:-1][(slice(None), *(None,) * warm.ndim)]
    between = 2.0 * inner / (resists[:-1] + resists[1:])
    rate = np.where(shells[-1] < steady, kind.adsorption, kind.desorption)
    open_ = 2.0 * kind.radius / (kind.density / rate + resists[-1])
    wets = (fall > 0) & (shells[-1] < kind.soaked)
    gain = np.where(wets, 2.0 * kind.radius * kind.runoff * fall / kind.density, 0.0)
    room = np.where(wets, np.maximum(kind.soaked - shells[-1], 0.0) * volume / hours, 0.0)
    gain = np.minimum(gain, room)
    open_ = np.where(fall > 0, 0.0, open_)  # under rain it neither dries nor takes up vapour
    lower = np.concatenate([np.zeros_like(between[:1]), between]) * hours / volume
    upper = np.concatenate([between, np.zeros_like(between[:1])]) * hours / volume
    out = open_ * hours / volume
    right = shells.copy()
    right[-1] += out * steady + gain * hours / volume
    middle = 1.0 + lower + upper
    middle[-1] += out
    for k in range(1, SHELLS):  # Thomas's elimination
        factor = lower[k] / middle[k - 1]
        middle[k] -= factor * upper[k - 1]
        right[k] += factor * right[k - 1]
    right[-1] /= middle[-1]
    for k in range(SHELLS - 2, -1, -1):
        right[k] = (right[k] + upper[k] * right[k + 1]) / middle[k]
    return np.asarray(right + 0.0 * fall)
