"""Surface fire: Rothermel's rate of spread, its direction, flame length and intensity.

Rothermel (1972), INT-115, with the changes of Albini (1976), INT-30 (net load by size class, total mineral content in
the net load, A = 133 sigma**-0.7913) as gathered by Andrews (2018), RMRS-GTR-371, whose numbers the comments give.
Correlations are in the units they were fitted in (ft-1, ft min-1, lb ft-3, Btu) and turned to SI where they are used.

Vectors are (2, …): eastward and northward. The wind vector is where the midflame wind blows to, m s-1; the slope vector
points uphill and its length is the tangent of the slope. Any right-angled frame does: take uphill for north and
directions come out clockwise from uphill.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.conventions.errors import InputError
from brise.formulas.fire.ellipse import LIMIT, LengthToWidth, backing_rate, flanking_rate, length_to_width
from brise.formulas.fire.fuel_models import BTU, FOOT, KG_M2_PER_LB_FT2, FuelArrays, cured_fraction

Array = NDArray[np.float64]
WindLimit = Literal["none", "rothermel", "andrews"]

WIND_LIMITS: tuple[WindLimit, ...] = ("none", "rothermel", "andrews")

_PARTICLE_DENSITY = 32.0  # lb ft-3
_MINERAL_TOTAL, _MINERAL_EFFECTIVE = 0.0555, 0.010
_FT_MIN = FOOT / 60.0  # m s-1
_KG_M3_PER_LB_FT3 = KG_M2_PER_LB_FT2 / FOOT
_W_M2_PER_BTU_FT2_MIN = BTU / FOOT**2 / 60.0
_J_KG_PER_BTU_LB = BTU / 0.45359237
_SIZE_LIMITS = (16.0, 48.0, 96.0, 192.0, 1200.0)  # ft-1, between the six size classes of the net load


@dataclass(frozen=True, slots=True)
class FuelBed:
    """What fuel and moisture alone decide, each (…); wind and slope come after (`spread`).

    Attributes:
        rate: Rate of spread without wind or slope, m s-1 (0 where nothing burns, NaN where something is unknown).
        reaction_intensity: W m-2.
        residence_time: Of the flames at a point, s.
        wind_scale: Wind factor at a midflame wind of 1 ft min-1 (its C (beta/beta_op)**-E).
        wind_exponent: B of the wind factor.
        slope_scale: Slope factor at a tangent of 1.
    """

    rate: Array
    reaction_intensity: Array
    residence_time: Array
    wind_scale: Array
    wind_exponent: Array
    slope_scale: Array

    def take(self, index: ArrayLike) -> "FuelBed":
        """The bed at positions of a one-dimensional table; `index` gives the new shape."""
        at = np.asarray(index)
        return FuelBed(
            self.rate[at], self.reaction_intensity[at], self.residence_time[at], self.wind_scale[at],
            self.wind_exponent[at], self.slope_scale[at],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SurfaceFire:
    """A surface fire at each place, each (…).

    Attributes:
        rate: Of the head, m s-1.
        direction: The head's heading, radians clockwise from north, 0 to 2 pi (0 where neither wind nor slope pushes).
        length_to_width: Of the ellipse.
        effective_wind: Midflame wind that alone would give this rate, m s-1.
        flame_length: At the head, m.
        intensity: Fireline intensity at the head, W m-1.
        heat_per_area: J m-2.
        reaction_intensity: W m-2.
        residence_time: s.
    """

    rate: Array
    direction: Array
    length_to_width: Array
    effective_wind: Array
    flame_length: Array
    intensity: Array
    heat_per_area: Array
    reaction_intensity: Array
    residence_time: Array

    @property
    def backing(self) -> Array:
        """Rate of the rear, m s-1."""
        return backing_rate(self.rate, self.length_to_width)

    @property
    def flanking(self) -> Array:
        """Rate of the sides, m s-1."""
        return flanking_rate(self.rate, self.length_to_width)


def _over(numerator: Array, denominator: Array) -> Array:
    """The quotient, 0 where the denominator is 0 (no fuel of that kind)."""
    return np.asarray(np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator != 0))


def _damping(ratio: Array) -> Array:
    """Moisture damping (Andrews eq. 29): a cubic of moisture over extinction, 0 from extinction on."""
    r = np.minimum(ratio, 1.0)
    cubic = np.clip(1.0 - 2.59 * r + 5.11 * r**2 - 3.52 * r**3, 0.0, 1.0)
    return np.asarray(np.where(r < 1.0 - 1e-12, cubic, cubic * 0.0))  # at 1 rounding leaves the cubic just off 0


def _net_load(load: Array, savr: Array, share: Array) -> Array:
    """Net load of a category, (…): each particle's, weighted by its size class's share of the surface (Albini 1976)."""
    size = np.digitize(savr, _SIZE_LIMITS)
    weight = sum(np.where(size == size[k], share[k], 0.0) for k in range(len(savr)))
    return np.asarray((weight * load * (1.0 - _MINERAL_TOTAL)).sum(0))


@dataclass(frozen=True, slots=True)
class _Category:
    """Dead or live fuel of a bed, in the paper's units: surface, and surface-weighted means."""

    area: Array
    net_load: Array
    heat: Array
    moisture: Array
    savr: Array
    sink: Array  # heat of preignition times the effective heating number, Btu lb-1


def _category(load: Array, savr: Array, heat: Array, moisture: Array) -> _Category:
    """Means over the particles (K, …) of one category, weighted by surface (Andrews eq. 53 to 66)."""
    surface = savr * load / _PARTICLE_DENSITY
    area = surface.sum(0)
    share = _over(surface, np.broadcast_to(area, surface.shape))
    fine = np.where(load > 0, np.exp(-138.0 / np.where(savr > 0, savr, np.inf)), 0.0)
    return _Category(
        area,
        _net_load(load, savr, share),
        (share * heat).sum(0),
        (share * np.where(load > 0, moisture, 0.0)).sum(0),
        (share * savr).sum(0),
        (share * fine * (250.0 + 1116.0 * np.where(load > 0, moisture, 0.0))).sum(0),
    )


def _live_extinction(dead: tuple[Array, Array, Array], live: tuple[Array, Array], extinction: Array) -> Array:
    """Moisture at which live fuel stops burning (Andrews eq. 88): fine, dry dead fuel lets wetter live fuel burn."""
    load, savr, moisture = dead
    fine = np.where(load > 0, load * np.exp(-138.0 / np.where(savr > 0, savr, np.inf)), 0.0)
    live_fine = np.where(live[0] > 0, live[0] * np.exp(-500.0 / np.where(live[1] > 0, live[1], np.inf)), 0.0).sum(0)
    wet = _over((fine * np.where(load > 0, moisture, 0.0)).sum(0), fine.sum(0))
    ratio = _over(fine.sum(0), live_fine)
    return np.asarray(np.maximum(2.9 * ratio * (1.0 - _over(wet, extinction)) - 0.226, extinction))


def _particles(fuel: FuelArrays, moisture: Array) -> tuple[Array, Array, Array, Array]:
    """Load (lb ft-2), SAV (ft-1), heat (Btu lb-1) and moisture of four dead (cured herbs last), two live."""
    load, savr, heat = fuel.load / KG_M2_PER_LB_FT2, fuel.savr * FOOT, fuel.heat / _J_KG_PER_BTU_LB
    cured = load[3] * np.where(fuel.dynamic & (load[3] > 0), cured_fraction(moisture[3]), 0.0)
    order = [0, 1, 2, 3, 3, 4]
    loads = np.stack(np.broadcast_arrays(load[0], load[1], load[2], cured, load[3] - cured, load[4]))
    wet = moisture[[0, 1, 2, 0, 3, 4]]
    return loads, savr[order], heat[order], wet


def fuel_bed(fuel: FuelArrays, moisture: ArrayLike) -> FuelBed:
    """Rothermel's equations up to wind and slope.

    Args:
        fuel: (5, …) and (…), SI.
        moisture: (5, …) fractions of dry mass in the order of `fuel_models.CLASSES`; broadcasts with the fuel. NaN in a
            class that has load makes the bed NaN; where there is no such fuel it does not matter.

    GR2 at 3, 3, 3, 30 and 60 %, without wind: 2.9 ft min-1.

    >>> from brise.formulas.fire.fuel_models import fuel_arrays
    >>> bed = fuel_bed(fuel_arrays(102), [0.03, 0.03, 0.03, 0.30, 0.60])
    >>> (bed.rate * 60).round(3).item(), (bed.reaction_intensity / 1e3).round(1).item()
    (0.884, 233.4)
    """
    wet = np.asarray(moisture, float)
    wet = wet.reshape(wet.shape + (1,) * (fuel.load.ndim - wet.ndim)) if wet.ndim < fuel.load.ndim else wet
    load, savr, heat, water = _particles(fuel, wet)
    load, savr, heat, water = np.broadcast_arrays(load, savr, heat, water)
    dead = _category(load[:4], savr[:4], heat[:4], water[:4])
    live = _category(load[4:], savr[4:], heat[4:], water[4:])
    area = dead.area + live.area
    dead_share, live_share = _over(dead.area, area), _over(live.area, area)
    sigma = dead_share * dead.savr + live_share * live.savr
    bulk = _over(load.sum(0), np.broadcast_to(fuel.depth / FOOT, area.shape))
    live_limit = _live_extinction((load[:4], savr[:4], water[:4]), (load[4:], savr[4:]), fuel.extinction)
    burning = dead.net_load * dead.heat * _damping(_over(dead.moisture, np.broadcast_to(fuel.extinction, area.shape)))
    burning = burning + live.net_load * live.heat * _damping(_over(live.moisture, live_limit))
    return _bed(sigma, bulk, burning, dead_share * dead.sink + live_share * live.sink)


def _bed(sigma: Array, bulk: Array, burning: Array, sink: Array) -> FuelBed:
    """The bed from characteristic SAV (ft-1), bulk density (lb ft-3), damped heat (Btu ft-2), heat of preignition."""
    fuel = bulk > 0
    s, beta = np.where(fuel, sigma, 1000.0), np.where(fuel, bulk, 1.0) / _PARTICLE_DENSITY
    relative = beta / (3.348 * s**-0.8189)  # (37)
    fastest = s**1.5 / (495.0 + 0.0594 * s**1.5)  # (36)
    a = 133.0 * s**-0.7913  # (39)
    mineral = min(1.0, 0.174 * _MINERAL_EFFECTIVE**-0.19)  # (30)
    reaction = fastest * relative**a * np.exp(a * (1.0 - relative)) * burning * mineral  # (27), (38)
    flux = np.exp((0.792 + 0.681 * np.sqrt(s)) * (beta + 0.1)) / (192.0 + 0.2595 * s)  # (42)
    rate = _over(reaction * flux, bulk * sink)  # (52)
    e = 0.715 * np.exp(-3.59e-4 * s)  # (50)
    return FuelBed(
        np.asarray(rate * _FT_MIN),
        np.asarray(reaction * _W_M2_PER_BTU_FT2_MIN),
        np.asarray(np.where(fuel, 384.0 / s * 60.0, 0.0)),
        np.asarray(np.where(fuel, 7.47 * np.exp(-0.133 * s**0.55) * relative**-e, 0.0)),  # (47), (48)
        np.asarray(np.where(fuel, 0.02526 * s**0.54, 1.0)),  # (49)
        np.asarray(np.where(fuel, 5.275 * beta**-0.3, 0.0)),  # (51)
    )


def wind_limit_of(reaction_intensity: ArrayLike, limit: WindLimit = "rothermel") -> Array:
    """Largest effective midflame wind that still speeds a fire up, m s-1, from its reaction intensity, W m-2.

    rothermel: 0.9 I_R ft min-1, I_R in Btu ft-2 min-1 (Rothermel 1972, eq. 87; BehavePlus and FlamMap when asked);
    andrews: 96.8 I_R**(1/3) (Andrews, Cruz and Rothermel 2013); none: infinity.

    Raises:
        InputError: A limit that is none of these.

    >>> (wind_limit_of(448.0 * 189.27, "rothermel") / 0.44704).round(2).item()
    4.58
    """
    reaction = np.asarray(reaction_intensity, float) / _W_M2_PER_BTU_FT2_MIN
    if limit == "rothermel":
        return np.asarray(0.9 * reaction * _FT_MIN)
    if limit == "andrews":
        return np.asarray(96.8 * np.cbrt(reaction) * _FT_MIN)
    if limit == "none":
        return np.full_like(reaction, np.inf)
    raise InputError(f"wind limit {limit!r} is unknown: one of {', '.join(WIND_LIMITS)}")


def flame_length(intensity: ArrayLike) -> Array:
    """Length of a surface fire's flames, m, from fireline intensity, W m-1.

    Byram (1959): 0.45 I**0.46 ft, I in Btu ft-1 s-1.

    >>> flame_length(1e6).round(3).item()
    1.859
    """
    return np.asarray(0.45 * FOOT * (np.asarray(intensity, float) * FOOT / BTU) ** 0.46)


def _slope_wind(bed: FuelBed, steep: Array) -> Array:
    """The uphill wind, m s-1, that would push as the slope does."""
    scale = np.where(bed.wind_scale > 0, bed.wind_scale, 1.0)
    return np.asarray((bed.slope_scale * steep**2 / scale) ** (1.0 / bed.wind_exponent) * _FT_MIN)


def spread(
    bed: FuelBed,
    wind: ArrayLike,
    slope: ArrayLike,
    shape: LengthToWidth = "behave",
    limit: WindLimit = "none",
    longest: float = LIMIT,
) -> SurfaceFire:
    """The fire of a bed under wind and slope: the vectors of their two factors add (Andrews 2018, section 5.2).

    Args:
        bed: (…).
        wind: (2, …) m s-1, blowing to, at midflame height.
        slope: (2, …) uphill, tangent.
        shape: Formula of length to width, from the effective wind; flammap instead adds the wind and the slope's
            equivalent wind as vectors (its own output: within 0.1 %), which differs by up to a quarter on steep ground.
        limit: Cap of the effective wind.
        longest: Largest length to width.
    """
    blow, rise = np.asarray(wind, float), np.asarray(slope, float)
    speed, steep = np.hypot(blow[0], blow[1]), np.hypot(rise[0], rise[1])
    by_wind = bed.wind_scale * (speed / _FT_MIN) ** bed.wind_exponent
    by_slope = bed.slope_scale * steep**2
    east = by_wind * _over(blow[0], speed) + by_slope * _over(rise[0], steep)
    north = by_wind * _over(blow[1], speed) + by_slope * _over(rise[1], steep)
    factor = np.hypot(east, north)
    scale = np.where(bed.wind_scale > 0, bed.wind_scale, 1.0)
    effective = (factor / scale) ** (1.0 / bed.wind_exponent) * _FT_MIN
    capped = np.minimum(effective, wind_limit_of(bed.reaction_intensity, limit))
    factor = np.where(capped < effective, bed.wind_scale * (capped / _FT_MIN) ** bed.wind_exponent, factor)
    rate = np.asarray(bed.rate * (1.0 + factor))
    uphill = _slope_wind(bed, steep)
    pushes = [blow[k] + uphill * _over(rise[k], steep) for k in (0, 1)]
    shaping = np.hypot(pushes[0], pushes[1]) if shape == "flammap" else capped
    heat = np.broadcast_to(bed.reaction_intensity * bed.residence_time, rate.shape)
    return SurfaceFire(
        rate=rate,
        direction=np.asarray(np.arctan2(east, north) % (2.0 * np.pi)),
        length_to_width=length_to_width(shaping, shape, longest),
        effective_wind=np.asarray(capped),
        flame_length=flame_length(heat * rate),
        intensity=np.asarray(heat * rate),
        heat_per_area=np.asarray(heat),
        reaction_intensity=np.broadcast_to(bed.reaction_intensity, rate.shape),
        residence_time=np.broadcast_to(bed.residence_time, rate.shape),
    )


def heading_on_slope(direction: ArrayLike, slope: ArrayLike) -> Array:
    """A heading as FlamMap reports it, radians: in the plane of the slope, where uphill is 1 / cos(slope) longer.

    Its own output follows this to 0.03 degrees (median; 0.4 without it). Uphill stays uphill.

    Args:
        direction: (…) radians clockwise from north.
        slope: (2, …) uphill vector, tangent.

    >>> np.degrees(heading_on_slope(np.radians(45.0), [0.0, 1.0])).round(2).item()
    35.26
    """
    rise = np.asarray(slope, float)
    uphill = np.arctan2(rise[0], rise[1])
    turn = np.asarray(direction, float) - uphill
    flat = 1.0 / np.hypot(1.0, np.hypot(rise[0], rise[1]))
    return np.asarray((uphill + np.arctan2(np.sin(turn) * flat, np.cos(turn))) % (2.0 * np.pi))


def surface_spread(
    fuel: FuelArrays,
    moisture: ArrayLike,
    wind: ArrayLike,
    slope: ArrayLike,
    shape: LengthToWidth = "behave",
    limit: WindLimit = "none",
) -> SurfaceFire:
    """The surface fire of every cell: `spread` of its `fuel_bed`.

    Args:
        fuel: (5, …) and (…), from `fuel_arrays`.
        moisture: (5, …) fractions in the order of `fuel_models.CLASSES`.
        wind: (2, …) eastward and northward midflame wind (blowing to), m s-1.
        slope: (2, …) uphill vector, tangent of the slope.
        shape: Formula of length to width (`ellipse.FORMULAS`).
        limit: Cap of the effective wind (`WIND_LIMITS`).

    ELMFIRE's verification case: GR2, 3.62 mph to the north: 46.15 ft min-1, 843.99 m h-1.

    >>> from brise.formulas.fire.fuel_models import fuel_arrays
    >>> fire = surface_spread(fuel_arrays(102), [0.03, 0.03, 0.03, 0.30, 0.60], [0, 3.62 * 0.44704], [0, 0], "elmfire")
    >>> (fire.rate * 3600).round(0).item(), fire.direction.item(), fire.length_to_width.round(2).item()
    (844.0, 0.0, 2.24)
    """
    return spread(fuel_bed(fuel, moisture), wind, slope, shape, limit)
