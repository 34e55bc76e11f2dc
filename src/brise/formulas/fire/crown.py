"""Crown fire: when a surface fire climbs, how fast it then runs, and what kind of fire each place has.

Initiation and the active threshold: Van Wagner (1977). Crown rate of spread: Rothermel (1991), INT-438, or Cruz,
Alexander and Wakimoto (2005). Two published ways join surface and crown fire: Finney (1998, RMRS-RP-4; FARSITE and
FlamMap's "Finney") and Scott and Reinhardt (2001, RMRS-RP-29). Rates m s-1, intensities W m-1, heights m, densities
kg m-3, moistures fractions.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.formulas.fire.fuel_models import BTU, FOOT, fuel_arrays
from brise.formulas.fire.surface import FuelBed, SurfaceFire, flame_length, fuel_bed, spread

Array = NDArray[np.float64]
CrownMethod = Literal["finney", "scott_reinhardt"]

METHODS: tuple[CrownMethod, ...] = ("finney", "scott_reinhardt")
NONE, SURFACE, PASSIVE, ACTIVE = 0, 1, 2, 3  # kinds of fire, as FlamMap numbers them

_CRITICAL_MASS_FLOW = 0.05  # kg m-2 s-1, the 3.0 kg m-2 min-1 of Van Wagner
_CROWN_HEAT = 18.0e6  # J kg-1
_ALMOST_ACTIVE = 0.9075  # of the critical rate; FlamMap's cells at 0.9057 keep the surface rate, those at 0.9095 do not
_CRUZ_LOW, _CRUZ_MIDDLE = 4.613, 1.856


@dataclass(frozen=True, slots=True)
class Canopy:
    """The trees over each cell, each (…); base 0 or density 0: no canopy to burn.

    Attributes:
        base: Height of the crowns' base, m.
        height: Of the canopy's top, m.
        bulk_density: kg m-3.
        foliar_moisture: Fraction, 1.0 where unmeasured is the usual assumption.
    """

    base: Array
    height: Array
    bulk_density: Array
    foliar_moisture: Array


@dataclass(frozen=True, slots=True)
class CrownRun:
    """What a fully active crown fire would do at each place, each (…).

    Attributes:
        rate: m s-1.
        direction: Radians clockwise from north.
        length_to_width: Of its ellipse.
    """

    rate: Array
    direction: Array
    length_to_width: Array


@dataclass(frozen=True, slots=True)
class CrownFire:
    """What burns once crowns are counted, each (…).

    Attributes:
        kind: 0 none, 1 surface, 2 passive crown fire, 3 active crown fire; -1 unknown.
        rate: Of the head, m s-1.
        direction: Of the head, radians clockwise from north; the crown fire's where it is active.
        length_to_width: Of the ellipse; the crown fire's where it is active.
        intensity: W m-1, surface and burned crowns.
        flame_length: m; of a crown fire 0.2 I**(2/3) ft (Thomas 1963).
        fraction_burned: Of the crowns.
    """

    kind: NDArray[np.int8]
    rate: Array
    direction: Array
    length_to_width: Array
    intensity: Array
    flame_length: Array
    fraction_burned: Array


def critical_intensity(base: ArrayLike, foliar_moisture: ArrayLike) -> Array:
    """Surface intensity that lights the crowns, W m-1: (0.010 base (460 + 25.9 M))**1.5 kW m-1, M in percent.

    Van Wagner (1977), eq. 4; infinite where there are no crowns (base 0 or less).

    >>> critical_intensity(3.0, 1.0).round(-2).item()
    875200.0
    """
    low = np.asarray(base, float)
    kilowatts = (0.010 * np.maximum(low, 0.0) * (460.0 + 2590.0 * np.asarray(foliar_moisture, float))) ** 1.5
    return np.asarray(np.where(low <= 0, np.inf, kilowatts * 1e3))


def critical_rate(bulk_density: ArrayLike) -> Array:
    """Rate a crown fire must keep to be active, m s-1: 3.0 kg m-2 min-1 over the bulk density (Van Wagner 1977).

    >>> (critical_rate(0.1) * 60).round(3).item()
    30.0
    """
    dense = np.asarray(bulk_density, float)
    return np.asarray(np.where(dense <= 0, np.inf, _CRITICAL_MASS_FLOW / np.where(dense <= 0, 1.0, dense)))


def cruz_initiation(wind: ArrayLike, base: ArrayLike, moisture: ArrayLike, consumption: ArrayLike) -> Array:
    """Probability that a surface fire climbs (Cruz, Alexander and Wakimoto 2004, eq. 1).

    1 / (1 + exp(-g)), g = 4.236 + 0.357 U10 - 0.710 FSG - 0.331 M - s; s is 4.613 where less than 1 kg m-2 burns,
    1.856 up to 2 kg m-2, else 0.

    Args:
        wind: 10 m wind, m s-1.
        base: Gap between the surface fuel and the crowns, m.
        moisture: Of fine dead fuel, fraction.
        consumption: Surface fuel burned, kg m-2.

    >>> cruz_initiation(20 / 3.6, 6.0, 0.08, 1.5).round(3).item()
    0.932
    """
    burned = np.asarray(consumption, float)
    less = np.where(burned < 1.0, _CRUZ_LOW, np.where(burned <= 2.0, _CRUZ_MIDDLE, 0.0)) + burned * 0.0
    g = 4.236 + 0.357 * 3.6 * np.asarray(wind, float) - 0.710 * np.asarray(base, float) - less
    g = g - 33.1 * np.asarray(moisture, float)
    return np.asarray(1.0 / (1.0 + np.exp(-g)))


def cruz_active_rate(wind: ArrayLike, bulk_density: ArrayLike, moisture: ArrayLike) -> Array:
    """Rate of an active crown fire, m s-1: 11.02 U10**0.9 CBD**0.19 exp(-0.17 M) m min-1 (U10 km h-1, M percent).

    Cruz, Alexander and Wakimoto (2005). `wind` is the 10 m wind in m s-1, `moisture` that of fine dead fuel, fraction.
    ELMFIRE's case, 12 mph at 20 ft (1.15 times that at 10 m), 0.18 kg m-3, 4 %:

    >>> (cruz_active_rate(12 * 0.44704 * 1.15, 0.18, 0.04) * 60).round(1).item()
    65.7
    """
    speed = 3.6 * np.asarray(wind, float)
    per_minute = 11.02 * speed**0.9 * np.asarray(bulk_density, float) ** 0.19 * np.exp(-17.0 * np.asarray(moisture))
    return np.asarray(per_minute / 60.0)


def cruz_rate(wind: ArrayLike, bulk_density: ArrayLike, moisture: ArrayLike) -> Array:
    """Rate of a crown fire, active or passive, m s-1.

    Cruz, Alexander and Wakimoto (2005), eq. 4: below the critical rate a passive fire runs at CROS exp(-CAC), CAC being
    the active rate over the critical one.

    >>> (cruz_rate(12 * 0.44704 * 1.15, 0.03, 0.10) * 60).round(2).item()
    14.23
    """
    active = cruz_active_rate(wind, bulk_density, moisture)
    ratio = active / critical_rate(bulk_density)
    return np.asarray(np.where(ratio >= 1.0, active, active * np.exp(-ratio)))


def rothermel_bed(moisture: ArrayLike) -> FuelBed:
    """The bed of fuel model 10 that stands for a crown fire's (Rothermel 1991), from the five moistures (5, …)."""
    wet = np.asarray(moisture, float)
    return fuel_bed(fuel_arrays(np.full(wet.shape[1:], 10)), wet)


def rothermel_run(bed: FuelBed, twenty_foot: ArrayLike, slope: ArrayLike) -> CrownRun:
    """An active crown fire: 3.34 times fuel model 10's rate under 0.4 of the 20-ft wind (Rothermel 1991).

    Its length to width is that of behave's formula under half the 20-ft wind and the slope's equivalent wind, as
    FlamMap makes it (65 active cells of its own output: median 1.000).

    Args:
        bed: From `rothermel_bed`.
        twenty_foot: (2, …) 20-ft wind, blowing to, m s-1.
        slope: (2, …) uphill, tangent.

    >>> bed = rothermel_bed([0.06, 0.07, 0.08, 0.6, 0.9])
    >>> run = rothermel_run(bed, [0.0, 20 * 0.44704], [0.0, 0.0])
    >>> (run.rate * 60).round(2).item(), run.length_to_width.round(2).item()
    (19.06, 2.78)
    """
    wind = np.asarray(twenty_foot, float)
    fire = spread(bed, 0.4 * wind, slope)
    return CrownRun(
        np.asarray(3.34 * fire.rate), fire.direction, spread(bed, 0.5 * wind, slope, "flammap").length_to_width
    )


def rate_when_active(
    bed: FuelBed, crown_bed: FuelBed, bulk_density: ArrayLike, adjustment: ArrayLike, slope: ArrayLike
) -> Array:
    """Surface rate under the wind that just keeps crowns active, m s-1 (Scott and Reinhardt 2001, eq. 20 and 22).

    That wind, the crowning index, is where Rothermel's crown rate meets the critical rate, wind and slope taken as
    aligned; infinity without crowns, the calm rate where slope alone suffices.

    Args:
        bed: Of the surface fuel, (…).
        crown_bed: From `rothermel_bed`, (…).
        bulk_density: Of the canopy, (…), kg m-3.
        adjustment: Midflame over 20-ft wind, (…).
        slope: Tangent, (…).

    >>> crown_bed = rothermel_bed([0.06, 0.07, 0.08, 0.6, 0.9])
    >>> (rate_when_active(crown_bed, crown_bed, 0.2, 0.1, 0.0) * 60).round(2).item()
    0.86
    """
    steep2 = np.asarray(slope, float) ** 2
    kept = critical_rate(bulk_density)
    pushed = np.maximum(kept / (3.34 * crown_bed.rate) - 1.0 - crown_bed.slope_scale * steep2, 0.0)
    wind = (pushed / crown_bed.wind_scale) ** (1.0 / crown_bed.wind_exponent) / 0.4 * np.asarray(adjustment, float)
    rate, wind = np.broadcast_arrays(bed.rate, wind)
    still = np.where(rate > 0, wind, 0.0)  # nothing burns there, whatever the wind
    return np.asarray(rate * (1.0 + bed.wind_scale * still**bed.wind_exponent + bed.slope_scale * steep2))


def crown_length_to_width(twenty_foot_speed: ArrayLike, limit: float = 8.0) -> Array:
    """Length over width of a crown fire: 1 + 0.125 U, U the 20-ft wind in mph (Rothermel 1991, eq. 9).

    >>> crown_length_to_width(12 * 0.44704).round(2).item()
    2.5
    """
    return np.asarray(np.minimum(1.0 + 0.125 * np.asarray(twenty_foot_speed, float) / 0.44704, limit))


def crown_fire(
    surface: SurfaceFire,
    canopy: Canopy,
    run: CrownRun,
    method: CrownMethod = "finney",
    when_active: ArrayLike | None = None,
) -> CrownFire:
    """Surface and crown fire together.

    finney: crowns light where the surface intensity reaches the critical one. Their burned fraction is
    1 - exp(-a (R - R0)), R0 the surface rate at the critical intensity and a = ln 10 / (0.9 (R_active - R0)); the fire
    would run at R + fraction (crown rate - R), and is active where that reaches the critical rate; a passive fire keeps
    the surface rate, except just short of active, where FlamMap lets it run at the joined rate.

    scott_reinhardt: active where the crown rate itself reaches the critical rate; passive and active fires run at
    R + fraction (crown rate - R), the fraction linear between R0 and the surface rate at which crowns are active.

    Args:
        surface: The surface fire, (…).
        canopy: (…).
        run: A fully active crown fire, (…), from `rothermel_run`, or built from `cruz_active_rate`.
        method: finney or scott_reinhardt.
        when_active: With scott_reinhardt, the surface rate at which crowns are active (`rate_when_active`), (…).

    Raises:
        InputError: A method that is neither, or scott_reinhardt without `when_active`.
    """
    if method not in METHODS:
        raise InputError(f"crown method {method!r} is unknown: one of {', '.join(METHODS)}")
    full = np.asarray(run.rate, float)
    kept = critical_rate(canopy.bulk_density)
    lights = surface.intensity >= critical_intensity(canopy.base, canopy.foliar_moisture)
    lights &= (canopy.bulk_density > 0) & (surface.rate > 0)
    start = np.where(lights, critical_intensity(canopy.base, canopy.foliar_moisture), 0.0)
    heat = np.where(surface.heat_per_area > 0, surface.heat_per_area, 1.0)
    low = start / heat
    if method == "finney":
        fraction = _finney_fraction(surface.rate, low, np.where(lights, kept, 1.0))
    else:
        if when_active is None:
            raise InputError(
                "crown method scott_reinhardt wants when_active, the surface rate at which crowns are active"
            )
        fraction = _linear_fraction(surface.rate, low, np.asarray(when_active, float))
    fraction = np.where(lights, fraction, 0.0)
    joined = surface.rate + fraction * np.maximum(full - surface.rate, 0.0)
    active = lights & ((joined if method == "finney" else full) >= kept)
    runs = lights & ((joined >= _ALMOST_ACTIVE * kept) | (method == "scott_reinhardt"))
    rate = np.where(runs, joined, surface.rate)
    led = (
        np.where(active, run.direction, surface.direction),
        np.where(active, run.length_to_width, surface.length_to_width),
    )
    return _crown_fire(surface, canopy, (lights, active), (rate, fraction, *led))


def _finney_fraction(rate: Array, low: Array, kept: Array) -> Array:
    """Crown fraction burned of Van Wagner (1993): 0.9 where the rate has gone 0.9 of the way to the critical rate."""
    gap = np.maximum(kept - low, 1e-9)
    return np.asarray(1.0 - np.exp(-np.log(10.0) / (0.9 * gap) * np.maximum(rate - low, 0.0)))


def _linear_fraction(rate: Array, low: Array, high: Array) -> Array:
    """Crown fraction burned of Scott and Reinhardt (2001): linear from the first torches to active crowns."""
    gap = high - low
    return np.asarray(np.where(gap > 0, np.clip((rate - low) / np.where(gap > 0, gap, 1.0), 0.0, 1.0), 1.0))


def _crown_fire(
    surface: SurfaceFire,
    canopy: Canopy,
    state: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    found: tuple[Array, Array, Array, Array],
) -> CrownFire:
    (lights, active), (rate, fraction, direction, ratio) = state, found
    foliage = np.maximum(canopy.height - canopy.base, 0.0) * canopy.bulk_density
    crowns = np.where(lights, fraction * foliage * _CROWN_HEAT, 0.0)
    intensity = (surface.heat_per_area + crowns) * rate
    tall = 0.2 * FOOT * (intensity * FOOT / BTU) ** (2.0 / 3.0)
    kind = np.where(surface.rate > 0, SURFACE, NONE) + lights.astype(int) + active.astype(int)
    unknown = np.isnan(surface.rate) | np.isnan(canopy.base) | np.isnan(canopy.bulk_density)
    return CrownFire(
        np.asarray(np.where(unknown, -1, kind), np.int8),
        np.asarray(np.where(unknown, np.nan, rate)),
        np.asarray(np.where(unknown, np.nan, direction)),
        np.asarray(np.where(unknown, np.nan, ratio)),
        np.asarray(np.where(unknown, np.nan, intensity)),
        np.asarray(np.where(unknown, np.nan, np.where(lights, tall, flame_length(intensity)))),
        np.asarray(np.where(unknown, np.nan, fraction)),
    )
