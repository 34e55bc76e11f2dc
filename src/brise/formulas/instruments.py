"""A simulated network: where stations stand, what is special about each place, and how instruments err."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.units import ugm3_per_ppb
from brise.conventions.variables import VARIABLES
from brise.formulas.emissions import activity
from brise.formulas.meteorology import wind_speed_and_direction
from brise.formulas.nature_run import SPECIES, Domain, Run, generator
from brise.formulas.photochemistry import photolysis_rate, photostationary_no2, titration_rate
from brise.formulas.surface import surface_weather
from brise.formulas.synthetic_weather import red_noise

Array = NDArray[np.float64]

SETTINGS: tuple[str, ...] = ("traffic", "urban", "suburban", "background")

WEATHER: tuple[str, ...] = (
    "temperature",
    "relative_humidity",
    "pressure",
    "wind_speed",
    "wind_from_direction",
    "rain_rate",
)
MEASURED: tuple[str, ...] = (*SPECIES, *WEATHER)
"""V, in the order of every (T, S, V) array here."""

# Standard error of an hourly mean: a constant in storage units, and a share of the value (orders of magnitude of the
# data quality objectives of Directive (EU) 2024/2881 and of good meteorological instruments).
_NOISE = {
    "pm25": (2.0, 0.06), "pm10": (4.0, 0.07), "no2": (1.5, 0.04), "no": (1.0, 0.04), "o3": (2.0, 0.03),
    "so2": (1.2, 0.05), "co": (40.0, 0.04), "temperature": (0.3, 0.0), "relative_humidity": (0.02, 0.0),
    "pressure": (30.0, 0.0), "wind_speed": (0.15, 0.05), "wind_from_direction": (8.0, 0.0), "rain_rate": (0.0, 0.1),
}  # fmt: skip
NOISE = np.array([_NOISE[name] for name in MEASURED])

_DECIMALS = {"co": 0, "temperature": 2, "relative_humidity": 3, "pressure": 0, "wind_from_direction": 0}

REACH_CELLS = (2.5, 3.0, 4.5, 7.0)
"""How far from the middle stations of each setting stand."""

MISSING = 0.006
"""Chance that an hour of one instrument is lost."""

OUTAGE = 0.008
"""Chance that a station starts an outage on a day."""

SPIKE = 4e-4
"""Chance that an hour of one pollutant is a spike."""

STUCK = 0.003
"""Chance that a pollutant's instrument sticks on a day."""


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The stations of one domain.

    Attributes:
        setting: (S,) position in SETTINGS.
        latitude: (S,) degrees north.
        longitude: (S,) degrees east.
        traffic: (S,) strength of the street beside it, 0 without.
        site: (S, V) what its place adds to the cell's mean, as a factor.
        gain: (S, V) calibration error of each instrument, as a factor.
        measures: (S, V) which instruments it has.
    """

    setting: NDArray[np.int64]
    latitude: Array
    longitude: Array
    traffic: Array
    site: Array
    gain: Array
    measures: NDArray[np.bool_]


def make_network(domain: Domain) -> Network:
    """10 to 24 stations, the same in every run: most in the city, some at roads, a few far out."""
    rng = generator(0, domain, 11)
    count = int(rng.integers(10, 25))
    setting = np.searchsorted([0.20, 0.55, 0.85], (np.arange(count) + 0.5) / count)  # 20, 35, 30, 15 %
    density = domain.density.ravel()
    weights = (density**1.2, density, density**0.5, 1 / (density + 150.0))
    far = np.hypot(
        *(np.indices(domain.density.shape) - np.array(domain.density.shape)[:, None, None] / 2 + 0.5)
    ).ravel()
    cells = np.empty(count, np.int64)
    for kind in range(len(SETTINGS)):
        share = weights[kind] * np.exp(-0.5 * (far / REACH_CELLS[kind]) ** 2)
        here = setting == kind
        cells[here] = rng.choice(len(share), here.sum(), p=share / share.sum())
    row, column = np.divmod(cells, domain.grid.columns)
    offset = rng.uniform(-0.45, 0.45, (2, count)) * domain.grid.step
    V = len(MEASURED)
    pollutant = np.arange(V) < len(SPECIES)
    chance = np.array([[0.9, 0.85, 0.95, 0.7, 0.55, 0.45, 0.5, *[0.4] * len(WEATHER)]])
    chance = np.where((setting == 3)[:, None] & (np.arange(V) == SPECIES.index("o3")), 0.95, chance)
    spread = np.array([0.10, 0.14, 0.12, 0.2, 0.04, 0.25, 0.12])
    site = np.ones((count, V))
    site[:, : len(SPECIES)] = rng.lognormal(0, spread, (count, len(SPECIES)))
    site[:, 1] = np.maximum(site[:, 1], site[:, 0])  # PM10 holds PM2.5
    site[:, 4] = 1.0  # ozone follows from NOx
    station = rng.random((count, 1)) < 0.4  # weather comes as a set
    measures = np.where(pollutant, rng.random((count, V)) < chance, station)
    measures[:, SPECIES.index("no")] &= measures[:, SPECIES.index("no2")]
    return Network(
        setting,
        np.round(domain.grid.latitude[row] + offset[0], 4),
        np.round(domain.grid.longitude[column] + offset[1], 4),
        np.where(setting == 0, rng.uniform(0.6, 2.2, count), np.where(setting == 1, rng.uniform(0, 0.3, count), 0.0)),
        site,
        np.where(pollutant, rng.lognormal(0, 0.05, (count, V)), 1.0),
        measures,
    )


def at_stations(network: Network, domain: Domain, run: Run, place: int, seed: int) -> Array:
    """What a perfect instrument would show at each station: the field, and what the place adds.

    Beside a road, exhaust adds to the field in proportion to traffic and against the wind, and the three of NO, NO2 and
    O3 settle into photostationary state again.

    Args:
        network: S stations.
        domain: Their domain.
        run: Simulated hours.
        place: Which of the run's domains this is.
        seed: Of the run.

    Returns:
        (T, S, V), storage units, V as MEASURED.
    """
    corners, weights = _corners(network, domain)
    field = {name: _bilinear(run.fields[name][:, place], corners, weights) for name in SPECIES}
    ground = {
        name: _bilinear(values, corners, weights)
        for name, values in surface_weather(domain, run.weather, place).items()
    }
    speed, direction = wind_speed_and_direction(ground.pop("eastward_wind"), ground.pop("northward_wind"))
    ground |= {"wind_speed": speed, "wind_from_direction": direction}
    hours = run.time.astype("datetime64[h]").astype(np.int64) - 1
    S = len(network.traffic)
    own = red_noise(hours.astype(np.float64) + 0.5, np.full(2 * S, 7.0), generator(seed, domain, 3))
    street = _street(network, domain, hours, speed)
    air = run.weather
    kelvin, pascal = air.temperature[:, place, None], air.pressure[:, place, None]
    per = {name: ugm3_per_ppb(name, kelvin, pascal) for name in ("no", "no2", "o3")}
    site = dict(zip(MEASURED, network.site.T, strict=True))
    raw_nox = field["no"] / per["no"] + field["no2"] / per["no2"]
    nox = raw_nox * site["no2"] * np.exp(0.12 * own[:, :S]) + 26.0 * street
    ox = field["o3"] / per["o3"] + field["no2"] / per["no2"] + 0.18 * (nox - raw_nox)
    ox = np.maximum(ox, 0.0)
    light = photolysis_rate(air.sine_elevation[:, place, None], air.cloud[:, place, None])
    no2 = photostationary_no2(nox, ox, light / titration_rate(kelvin, pascal))
    dust = np.exp(0.13 * own[:, S:])
    pm25 = field["pm25"] * site["pm25"] * dust + 3.0 * street
    values = {
        "pm25": pm25,
        "pm10": pm25 + np.maximum(field["pm10"] - field["pm25"], 0) * site["pm10"] * dust + 6.0 * street,
        "no2": no2 * per["no2"],
        "no": (nox - no2) * per["no"],
        "o3": (ox - no2) * per["o3"],
        "so2": field["so2"] * site["so2"] + 0.3 * street,
        "co": field["co"] * site["co"] + 160.0 * street,
        **ground,
    }
    return np.stack([values[name] for name in MEASURED], axis=-1)


def _street(network: Network, domain: Domain, hours: NDArray[np.int64], speed: Array) -> Array:
    """(T, S) exhaust that a street holds, 1 = a busy road in a light wind."""
    made = domain.city.pollution
    busy = activity(hours, domain.city.timezone, made.weekend, made.weekend_traffic)[:, :1]
    return busy * network.traffic * 1.5 * made.nox / 10.0 / (0.8 + speed)


def _corners(network: Network, domain: Domain) -> tuple[NDArray[np.int64], Array]:
    """(4, S) flat indices of the cells around each station, and their bilinear weights."""
    grid = domain.grid
    row = np.clip((grid.north - network.latitude) / grid.step, 0, grid.rows - 1.000001)
    column = np.clip((network.longitude - grid.west) / grid.step, 0, grid.columns - 1.000001)
    j, i = row.astype(np.int64), column.astype(np.int64)
    y, x = row - j, column - i
    flat = j * grid.columns + i
    corners = np.stack([flat, flat + 1, flat + grid.columns, flat + grid.columns + 1])
    return corners, np.stack([(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x])


def _bilinear(field: NDArray[np.floating], corners: NDArray[np.int64], weights: Array) -> Array:
    flat = field.reshape(len(field), -1)
    return np.asarray((flat[:, corners] * weights).sum(axis=1))


def readings(
    network: Network, domain: Domain, truth: Array, hours: NDArray[np.int64], seed: int, faults: bool = True
) -> tuple[Array, Array]:
    """What the instruments report: noise, calibration error, gaps, and rare spikes and stuck values.

    Low true values can read negative, as real instruments do. The errors of an hour depend on seed and hour alone.

    Args:
        network: S stations.
        domain: Their domain.
        truth: (T, S, V), see `at_stations`.
        hours: (T,) UTC hours since 1970, hour n running from n to n + 1.
        seed: Of the run.
        faults: Whether instruments spike and stick.

    Returns:
        Values and their standard errors, (T, S, V); NaN = no reading.
    """
    shape = truth.shape
    normal, chance = np.empty(shape), np.empty((2, *shape))
    stuck, lost = np.full(shape, np.nan), np.zeros(shape[:2], bool)
    for day in np.unique(hours // 24):
        rng = np.random.default_rng([seed, *generator(0, domain, 13).integers(0, 2**32, 2).tolist(), int(day)])
        here = hours // 24 == day
        hour = hours[here] % 24
        normal[here] = rng.standard_normal((24, *shape[1:]))[hour]
        chance[:, here] = rng.random((2, 24, *shape[1:]))[:, hour]
        begin, length = rng.integers(0, 20, shape[1:]), rng.integers(4, 13, shape[1:])
        spell = (hour[:, None, None] >= begin) & (hour[:, None, None] < begin + length)
        level = np.round(rng.lognormal(3.0, 0.8, shape[1:]), 1)
        stuck[here] = np.where(spell & (rng.random(shape[1:]) < STUCK), level, np.nan)
        away, hours_away = rng.integers(0, 20, shape[1]), rng.integers(2, 15, shape[1])
        gone = (hour[:, None] >= away) & (hour[:, None] < away + hours_away)
        lost[here] = gone & (rng.random(shape[1]) < OUTAGE)
    error = NOISE[:, 0] + NOISE[:, 1] * np.abs(truth)
    values = truth * network.gain + error * normal
    if faults:
        pollutant = np.arange(shape[2]) < len(SPECIES)
        values = np.where((chance[0] < SPIKE) & pollutant, 6 * values + 150.0, values)
        values = np.where(np.isfinite(stuck) & pollutant, stuck, values)
    values = _legible(values, truth)
    values[(chance[1] < MISSING) | lost[:, :, None] | ~network.measures] = np.nan
    return values, error


def _legible(values: Array, truth: Array) -> Array:
    """Values as instruments write them: rounded, directions in a circle, nothing outside its range."""
    out = values.copy()
    for v, name in enumerate(MEASURED):
        row = VARIABLES[name]
        if name == "wind_from_direction":
            out[..., v] %= 360.0
        elif name == "rain_rate":
            out[..., v] = np.where(truth[..., v] > 0, out[..., v], 0.0)
        low = 0.0 if row.noise == 0 else row.minimum
        high = 1.0 if name == "relative_humidity" else row.maximum
        out[..., v] = np.round(np.clip(out[..., v], low, high), _DECIMALS.get(name, 1))
    return out
