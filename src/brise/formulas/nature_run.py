"""A simulated atmosphere over a few cities: offline default, and truth everywhere for experiments.

Emissions feed a mixed layer of changing depth that exchanges air with a residual layer above it, is carried by a
turning wind, reacts, settles and rains out. It is deterministic by seed and by time: the air at an hour does not depend
on when a run starts, because time is cut into blocks of BLOCK_H hours since 1970 and every block is spun up afresh over
the SPIN_UP_H hours before it, under weather that is a function of time alone.

Equations, sources, limits and a comparison with real stations: docs/science/nature-run.md.
"""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError
from brise.conventions.grids import EARTH_RADIUS_KM, Grid, distance_km
from brise.conventions.units import ugm3_per_ppb
from brise.formulas.boundary_layer import LID_M
from brise.formulas.cities import City
from brise.formulas.emissions import activity, heating_factor, population_density
from brise.formulas.photochemistry import photolysis_rate, photostationary_no2, titration_rate
from brise.formulas.synthetic_weather import TOP_WIND, Weather, weather
from brise.formulas.transport import GHOST, advect, courant_weights, diffuse, pad

Array = NDArray[np.float64]
Field = NDArray[np.float32]

BLOCK_H = 168
SPIN_UP_H = 48
STEPS = 6
"""Transport steps an hour: 10 minutes."""

STACK_M = 700.0
"""A mixed layer this deep holds every industrial plume; a shallower one leaves part of them above it."""

DIFFUSIVITY = 800.0
"""Horizontal, m2 s-1: what the wind of one cell leaves unresolved."""

RESIDUAL_H = 10.0
"""The residual layer is renewed by regional air within this e-folding time."""

TRACERS: tuple[str, ...] = ("nox", "ox", "so2", "co", "fine", "secondary", "coarse")
"""What is transported: NO + NO2 and O3 + NO2 in ppb, the rest in µg m-3."""

SPECIES: tuple[str, ...] = ("pm25", "pm10", "no2", "no", "o3", "so2", "co")
"""What a run gives, µg m-3."""

# Share of each tracer's emission by sector (traffic, homes, industry), rows as TRACERS; rough, after EDGAR v8.
_SHARES = np.array(
    [[0.62, 0.12, 0.26], [0.62, 0.12, 0.26], [0.03, 0.12, 0.85], [0.62, 0.28, 0.10],
     [0.18, 0.50, 0.32], [0.0, 0.0, 0.0], [0.60, 0.05, 0.35]]
)  # fmt: skip
PRIMARY_NO2 = 0.15
"""Share of NOx emitted as NO2 (Carslaw 2005, Atmos. Environ. 39, 4793)."""

# Dry deposition, m s-1 (typical urban means, Wesely and Hicks 2000, Atmos. Environ. 34, 2261).
_DRY_NO2, _DRY_O3 = 0.0015, 0.006
_DRY = np.array([0.0, 0.0, 0.005, 0.0, 0.001, 0.0012, 0.006])
# Wet: scavenging coefficient at 1 mm h-1, s-1 (Seinfeld and Pandis 2016, ch. 20, orders of magnitude).
_WET = np.array([2e-6, 0.0, 2e-5, 0.0, 6e-5, 9e-5, 2e-4])

_SECONDS_A_YEAR = 31_556_952.0


@dataclass(frozen=True, slots=True, eq=False)
class Domain:
    """One simulated region.

    Attributes:
        city: The city in its middle.
        grid: Its cells.
        density: (Y, X) people per km².
        industry: (Y, X) industrial activity, in people per km² that would emit as much.
    """

    city: City
    grid: Grid
    density: Array
    industry: Array

    @property
    def spacing_m(self) -> tuple[float, float]:
        """Cell size in m along Y and along X, the latter at the middle row."""
        along = np.radians(self.grid.step) * EARTH_RADIUS_KM * 1000.0
        return float(along), float(along * np.cos(np.radians(self.grid.latitude.mean())))


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Where a run stands; feeding it back goes on as if it had never stopped.

    Attributes:
        hour: The next hour to simulate, UTC hours since 1970.
        block: The block it belongs to.
        mixed: (C, Y, X, N) tracers in the mixed layer.
        residual: (C, Y, X, N) tracers above it.
    """

    hour: int
    block: int
    mixed: Field
    residual: Field


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Simulated hours.

    Attributes:
        time: (T,) datetime64[s], END of each hour.
        fields: name of SPECIES -> (T, N, Y, X) hourly means, µg m-3.
        weather: (T, N) at the middle of each hour.
        state: To go on from.
    """

    time: NDArray[np.datetime64]
    fields: dict[str, Field]
    weather: Weather
    state: State


def make_domain(city: City, latitude: Array, longitude: Array, population: Array, size: int = 32) -> Domain:
    """A region of size x size cells of 0.1 degree around a city.

    Args:
        city: Its middle.
        latitude: (N,) places of a gazetteer, degrees north.
        longitude: (N,) degrees east.
        population: (N,) people.
        size: Y = X.
    """
    step = 0.1
    half = step * (size - 1) / 2
    grid = Grid(city.name, round(city.latitude + half, 2), round(city.longitude - half, 2), step, size, size)
    near = (np.abs(latitude - city.latitude) < half + 0.5) & (np.abs(longitude - city.longitude) < half + 0.7)
    density = population_density(grid, latitude[near], longitude[near], population[near])
    return Domain(city, grid, density, _industry(grid, density))


def _industry(grid: Grid, density: Array) -> Array:
    """Half of industry sits among the people, half in eight plants near them, the same in every run."""
    rng = np.random.default_rng(zlib.crc32(grid.name.encode()))
    cells = rng.choice(grid.cells, size=8, p=(density**0.7 / (density**0.7).sum()).ravel())
    latitude, longitude = grid.points()
    plants = np.zeros(density.shape)
    for cell, size in zip(cells, rng.lognormal(0, 0.7, 8), strict=True):
        far = distance_km(latitude[cell], longitude[cell], latitude, longitude)
        plants += size * np.exp(-0.5 * (far / 6.0) ** 2).reshape(density.shape)
    return np.asarray(0.5 * density + 0.5 * plants * density.sum() / plants.sum())


def generator(seed: int, domain: Domain, what: int = 0) -> np.random.Generator:
    """The random numbers of one domain in one run; `what` separates uses."""
    return np.random.default_rng([seed, zlib.crc32(domain.grid.name.encode()), what])


def simulate(
    domains: tuple[Domain, ...], start: np.datetime64, end: np.datetime64, seed: int = 0, state: State | None = None
) -> Run:
    """Simulate the hours that end after `start` and at or before `end`.

    Args:
        domains: N domains of one shape.
        start: UTC, a full hour.
        end: UTC, a full hour after `start`.
        seed: Another seed is another atmosphere over the same cities.
        state: Of an earlier run of the same domains and seed; used if it stands at `start`, else ignored. The result is
            the same to the bit with and without.

    Raises:
        InputError: No domain, domains of several shapes, or `end` not after `start`.
    """
    shapes = {domain.density.shape for domain in domains}
    if len(shapes) != 1:
        raise InputError(f"simulate: domains have {len(shapes)} shapes ({sorted(shapes)}), expected one")
    first, last = _hour(start), _hour(end)
    if last <= first:
        raise InputError(f"simulate: end {end} is not after start {start} by a full hour")
    parts: list[Run] = []
    for block in range(first // BLOCK_H, (last - 1) // BLOCK_H + 1):
        begin, stop = max(first, block * BLOCK_H), min(last, (block + 1) * BLOCK_H)
        if state is None or (state.hour, state.block) != (begin, block):
            state = _spin_up(domains, block, begin, seed)
        parts.append(_advance(domains, state, stop, seed))
        state = parts[-1].state
    return join(parts)


def join(parts: list[Run]) -> Run:
    """Consecutive runs as one."""
    if len(parts) == 1:
        return parts[0]
    names = [name for name in Weather.__slots__ if name != "noise"]
    merged = {name: np.concatenate([getattr(part.weather, name) for part in parts]) for name in names}
    noise = {name: np.concatenate([part.weather.noise[name] for part in parts]) for name in parts[0].weather.noise}
    return Run(
        np.concatenate([part.time for part in parts]),
        {name: np.concatenate([part.fields[name] for part in parts]) for name in SPECIES},
        Weather(**merged, noise=noise),
        parts[-1].state,
    )


def _hour(time: np.datetime64) -> int:
    return int(np.asarray(time, "datetime64[h]").astype(np.int64))


def _spin_up(domains: tuple[Domain, ...], block: int, begin: int, seed: int) -> State:
    """The state at `begin`, from regional air SPIN_UP_H hours before the block."""
    hour = block * BLOCK_H - SPIN_UP_H
    air = weather(tuple(d.city for d in domains), np.arange(hour, hour + 1), [generator(seed, d) for d in domains])
    outside = _regional(domains, air)[0]
    shape = (len(TRACERS), *domains[0].density.shape, len(domains))
    mixed = np.broadcast_to(outside[:, None, None, :], shape).astype(np.float32)
    state = State(hour, block, mixed, mixed.copy())
    while state.hour < begin:
        state = _advance(domains, state, min(begin, state.hour + 48), seed).state
    return state


def _advance(domains: tuple[Domain, ...], state: State, stop: int, seed: int) -> Run:
    """The hours from the state to `stop`, all in one block."""
    hours = np.arange(state.hour - 1, stop)  # one before: the mixing height that the first hour starts from
    air = weather(tuple(d.city for d in domains), hours, [generator(seed, d) for d in domains])
    rates, outside = _emission_rates(domains, hours, air), _regional(domains, air)
    maps = np.stack([[d.density, d.industry] for d in domains], axis=-1).astype(np.float32)  # (2, Y, X, N)
    spacing = np.array([d.spacing_m for d in domains]).T  # (2, N)
    swirl = swirl_faces(domains)
    padded, residual = pad(state.mixed, outside[0]), state.residual.copy()
    out = {name: np.empty((stop - state.hour, *state.mixed.shape[1:]), np.float32) for name in SPECIES}
    for t in range(1, len(hours)):
        source = rates[t, :2, :, None, None, :]  # (2, C, 1, 1, N)
        low = np.clip((air.mixing_height[t] - 50.0) / STACK_M, 0.05, 1.0)  # the rest of the stacks' plumes stays aloft
        industry = source[1] * maps[1]
        emitted = source[0] * maps[0] + industry * low.astype(np.float32)
        residual += industry * ((1 - low) * STEPS * air.mixing_height[t] / (LID_M - air.mixing_height[t])).astype(
            np.float32
        )
        courant = _courant(air, t, swirl, spacing)
        mean = _transport(padded, outside[t], emitted, courant, spacing)
        for name, values in _species(mean, air, t).items():
            out[name][t - 1] = values
        inside = padded[:, GHOST:-GHOST, GHOST:-GHOST]
        _react(inside, air, t, domains)
        _breathe(inside, residual, outside[t], air.mixing_height[t - 1], air.mixing_height[t])
    time = (hours[1:] + 1).astype("datetime64[h]").astype("datetime64[s]")
    fields = {name: np.moveaxis(values, -1, 1) for name, values in out.items()}
    mixed = padded[:, GHOST:-GHOST, GHOST:-GHOST].copy()
    return Run(time, fields, _tail(air), State(stop, state.block, mixed, residual))


def _tail(air: Weather) -> Weather:
    names = [name for name in Weather.__slots__ if name != "noise"]
    return Weather(
        **{name: getattr(air, name)[1:] for name in names},
        noise={name: values[1:] for name, values in air.noise.items()},
    )


def _emission_rates(domains: tuple[Domain, ...], hours: NDArray[np.int64], air: Weather) -> NDArray[np.float32]:
    """(T, 2, C, N): what one person per km² adds to the concentration in a step, and what the same in industry adds."""
    rates = np.empty((len(hours), 2, len(TRACERS), len(domains)), np.float32)
    for n, domain in enumerate(domains):
        made = domain.city.pollution
        busy = activity(hours, domain.city.timezone, made.weekend, made.weekend_traffic)
        climate = domain.city.climate
        daily = (
            climate.mean_c + 273.15 + climate.season_k * air.season[:, n] + climate.synoptic_k * air.noise["heat"][:, n]
        )
        busy[:, 1] *= heating_factor(daily, made.heating)
        busy *= np.exp(0.15 * air.noise["work"][:, n])[:, None]
        per_ppb = ugm3_per_ppb("no2", air.temperature[:, n], air.pressure[:, n])
        kg = np.array([made.nox, made.nox * PRIMARY_NO2, made.so2, made.co, made.pm25, 0.0, made.coarse])
        # 1 kg per person and year at one person per km² = 1e9 µg per 1e6 m² and year
        step = kg * 1e3 / _SECONDS_A_YEAR * (3600.0 / STEPS) / air.mixing_height[:, n, None]
        step[:, :2] /= per_ppb[:, None]
        rates[:, 0, :, n] = step * (busy[:, :2] @ _SHARES[:, :2].T)
        rates[:, 1, :, n] = step * busy[:, 2:] * _SHARES[:, 2]
    return rates


def _regional(domains: tuple[Domain, ...], air: Weather) -> NDArray[np.float32]:
    """(T, C, N): the air that flows in, and that lies above the mixed layer after RESIDUAL_H."""
    out = np.empty((len(air.season), len(TRACERS), len(domains)), np.float32)
    for n, domain in enumerate(domains):
        made, noise = domain.city.pollution, {name: values[:, n] for name, values in air.noise.items()}
        toward = np.radians(made.dirty_from + 180.0)
        size = domain.city.climate.wind_m_s
        along = (air.eastward_wind[:, n] * np.sin(toward) + air.northward_wind[:, n] * np.cos(toward)) / size
        mood = 0.75 * noise["haze"] + 0.6 * along + 0.3 * noise["damp"]
        level = np.exp(made.haze * mood - made.winter * air.season[:, n])
        fine = made.regional_pm25 * level
        nox = (2.0 + 0.1 * fine) * np.exp(0.3 * noise["plume"])
        ozone = made.regional_o3 * (1 + 0.15 * _insolation_season(domain, air.season[:, n]))
        ozone = ozone * np.exp(0.13 * noise["ozone"]) / ugm3_per_ppb("o3", air.temperature[:, n], air.pressure[:, n])
        out[:, :, n] = np.stack(
            [
                nox,
                ozone + 0.8 * nox,
                0.08 * fine * np.exp(-0.5 * made.winter * air.season[:, n]),
                110.0 + 9.0 * fine,
                0.3 * fine,
                0.7 * fine,
                made.regional_coarse * np.exp(0.6 * noise["dust"] + 0.5 * made.haze * mood),
            ],
            axis=1,
        )
    return out


def _insolation_season(domain: Domain, season: Array) -> Array:
    """The year's phase, weakened towards the equator."""
    return season * min(1.0, abs(domain.city.latitude) / 40.0)


def swirl_faces(domains: tuple[Domain, ...]) -> tuple[Field, Field]:
    """Three fixed eddies of unit wind: (3, Y, X + 1, N) eastward and (3, Y + 1, X, N) southward, at the faces.

    Differences of a stream function at the corners, so that no air piles up in a cell.
    """
    rows, columns = domains[0].density.shape
    j, i = np.arange(rows + 1)[:, None] / rows, np.arange(columns + 1)[None, :] / columns
    waves = ((1.3, 0.0), (0.4, 1.4), (1.1, -1.0))  # cycles per domain along X and Y
    east = np.empty((3, rows, columns + 1, len(domains)), np.float32)
    south = np.empty((3, rows + 1, columns, len(domains)), np.float32)
    for n, domain in enumerate(domains):
        dy, dx = domain.spacing_m
        for m, ((kx, ky), phase) in enumerate(
            zip(waves, generator(0, domain, 7).uniform(0, 2 * np.pi, 3), strict=True)
        ):
            length = 1 / np.hypot(kx / (columns * dx), ky / (rows * dy))
            stream = length / (2 * np.pi) * np.sin(2 * np.pi * (kx * i + ky * j) + phase)
            east[m, ..., n] = np.diff(stream, axis=0) / dy
            south[m, ..., n] = -np.diff(stream, axis=1) / dx
    return east, south


def swirl_strength(air: Weather) -> Array:
    """(T, 3, N) m s-1 of each eddy, under 0.16 TOP_WIND."""
    waves = np.stack([air.noise[f"swirl{m}"] for m in range(3)], axis=1)
    return np.asarray(0.08 * TOP_WIND * np.tanh(waves / 1.5) * 2)


def _courant(air: Weather, t: int, swirl: tuple[Field, Field], spacing: Array) -> tuple[Field, Field]:
    """Courant numbers at the faces, southward and eastward."""
    strength = swirl_strength(air)[t][:, None, None, :]
    step = 3600.0 / STEPS
    south = ((swirl[1] * strength).sum(axis=0) - air.northward_wind[t]) * (step / spacing[0])
    east = ((swirl[0] * strength).sum(axis=0) + air.eastward_wind[t]) * (step / spacing[1])
    return south.astype(np.float32), east.astype(np.float32)


def _transport(padded: Field, outside: Field, emitted: Field, courant: tuple[Field, Field], spacing: Array) -> Field:
    """One hour of emission, advection and diffusion, in place; returns the hour's mean (C, Y, X, N)."""
    inside = padded[:, GHOST:-GHOST, GHOST:-GHOST]
    edge = outside[:, None, None, :]
    padded[:, :GHOST], padded[:, -GHOST:] = edge, edge
    padded[:, :, :GHOST], padded[:, :, -GHOST:] = edge, edge
    weights = (courant_weights(courant[0]), courant_weights(courant[1]))
    mean = np.zeros_like(emitted)
    for step in range(STEPS):
        inside += emitted
        for axis in (1, 2) if step % 2 else (2, 1):  # alternating order: Strang (1968)
            advect(padded, weights[axis - 1], axis)
        mean += inside
    diffuse(padded, (DIFFUSIVITY * 3600.0 / spacing**2).astype(np.float32))
    mean /= STEPS
    return mean


def _species(tracers: Field, air: Weather, t: int) -> dict[str, Field]:
    """SPECIES in µg m-3, (Y, X, N) each."""
    nox, ox, so2, co, fine, secondary, coarse = tracers
    ratio = photolysis_rate(air.sine_elevation[t], air.cloud[t]) / titration_rate(air.temperature[t], air.pressure[t])
    no2 = photostationary_no2(nox, ox, ratio.astype(np.float32))
    per = {n: ugm3_per_ppb(n, air.temperature[t], air.pressure[t]).astype(np.float32) for n in ("no", "no2", "o3")}
    pm25 = fine + secondary
    return {
        "pm25": pm25,
        "pm10": pm25 + coarse,
        "no2": no2 * per["no2"],
        "no": (nox - no2) * per["no"],
        "o3": (ox - no2) * per["o3"],
        "so2": so2,
        "co": co,
    }


def _react(tracers: Field, air: Weather, t: int, domains: tuple[Domain, ...]) -> None:
    """One hour of chemistry and deposition, in place: every loss is an exponential, every gain positive."""
    light = photolysis_rate(air.sine_elevation[t], air.cloud[t])
    kelvin, damp = air.temperature[t], air.relative_humidity[t]
    ratio = (light / titration_rate(kelvin, air.pressure[t])).astype(np.float32)
    nox, ox, so2, _, _, secondary, _ = tracers
    no2 = photostationary_no2(nox, ox, ratio)
    bright = light / 0.008
    # NO2 + OH by day (lifetime 5 h at noon), N2O5 by night (14 h); both cost one NO2, so one NOx and one Ox.
    acid = no2 * (1 - np.exp(-(bright / 7.0 + (light == 0) / 14.0))).astype(np.float32)
    smog = np.array([d.city.pollution.smog for d in domains])
    made = smog * 18.0 * bright**2 * np.exp(np.clip(0.055 * (kelvin - 293.15), -2.0, 0.8))
    made = made.astype(np.float32) * (nox / (nox + np.float32(8.0))) / (1 + (nox / np.float32(90.0)) ** 2)
    oxidised = so2 * (1 - np.exp(-(0.006 + 0.012 * bright + 0.03 * air.cloud[t] * damp))).astype(np.float32)
    solid = 0.55 * damp / (1 + np.exp((kelvin - 289.0) / 4.0))  # share of nitric acid that condenses
    nitrate = ugm3_per_ppb("no2", kelvin, air.pressure[t]) * (80.04 / 46.0055) * solid
    secondary += nitrate.astype(np.float32) * acid
    secondary += np.float32(132.14 / 64.066) * oxidised  # as ammonium sulfate
    organic = (0.05 * smog**2 * bright**1.5).astype(
        np.float32
    )  # of the vapours emitted beside NOx, µg m-3 an hour and ppb
    secondary += organic * nox
    nox -= acid
    ox -= acid
    no2 -= acid
    so2 -= oxidised
    ozone = ox - no2  # ozone and NO2 settle at their own speeds, NO does not
    settled = -np.expm1(-3600.0 * np.array([_DRY_NO2, _DRY_O3])[:, None] / air.mixing_height[t]).astype(np.float32)
    nox -= settled[0] * no2
    ox -= settled[0] * no2 + settled[1] * ozone
    ox += made
    rate = _DRY[:, None] / air.mixing_height[t] + _WET[:, None] * air.rain_rate[t] ** 0.8
    tracers *= np.exp(-3600.0 * rate).astype(np.float32)[:, None, None, :]


def _breathe(mixed: Field, residual: Field, outside: Field, before: Array, after: Array) -> None:
    """The mixed layer grows into the residual layer or leaves air to it, in place; the column keeps its mass.

    Args:
        mixed: (C, Y, X, N).
        residual: (C, Y, X, N), from the mixed layer to LID_M.
        outside: (C, N) regional air, which then renews the residual layer.
        before: (N,) mixing height, m.
        after: (N,) an hour later.
    """
    grown = (np.maximum(after - before, 0) / after).astype(np.float32)
    left = (np.maximum(before - after, 0) / (LID_M - after)).astype(np.float32)
    lower, upper = mixed.copy(), residual
    mixed += grown * (upper - lower)
    residual += left * (lower - upper)
    residual += np.float32(-np.expm1(-1 / RESIDUAL_H)) * (outside[:, None, None, :] - residual)
