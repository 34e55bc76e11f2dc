"""Weather that never happened but could: a smooth deterministic function of the seed and the time.

Every process is a sum of harmonics with random phases whose spectrum is that of an Ornstein-Uhlenbeck process, so any
hour of any century can be asked for alone, and two spans that touch have no seam.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from brise.conventions.units import pressure_at_altitude
from brise.formulas.boundary_layer import LID_M, MEMORY_H, mixing_height
from brise.formulas.cities import City
from brise.formulas.meteorology import dew_point, relative_humidity
from brise.formulas.sun import solar_position

Array = NDArray[np.float64]

PROCESSES: dict[str, float] = {
    "east": 36.0, "north": 36.0, "heat": 72.0, "damp": 48.0, "pressure": 60.0, "cloud": 20.0, "rain": 6.0,
    "haze": 48.0, "ozone": 72.0, "dust": 36.0, "plume": 24.0, "work": 30.0, "dilution": 8.0,
    "swirl0": 14.0, "swirl1": 14.0, "swirl2": 14.0,
}  # fmt: skip
"""Independent processes of unit variance and their e-folding times, h."""

HARMONICS = 24
TOP_WIND = 8.0
"""Transport winds are bent to stay under this, m s-1, so that the time step holds."""

_YEAR_H = 365.2425 * 24.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What the weather is at the middle of each hour; every array is (T, N), T hours and N domains.

    Attributes:
        temperature: K, at 2 m.
        dew_point: K.
        relative_humidity: Share.
        pressure: Pa, at the surface.
        eastward_wind: m s-1, mean over the mixed layer.
        northward_wind: m s-1, mean over the mixed layer.
        rain_rate: mm h-1.
        cloud: Share of the sky.
        mixing_height: m, at the END of each hour.
        sine_elevation: Sine of the sun's elevation.
        season: cos of the year's phase, 1 at the warmest day, -1 at the coldest.
        noise: process name -> (T, N) unit variance.
    """

    temperature: Array
    dew_point: Array
    relative_humidity: Array
    pressure: Array
    eastward_wind: Array
    northward_wind: Array
    rain_rate: Array
    cloud: Array
    mixing_height: Array
    sine_elevation: Array
    season: Array
    noise: dict[str, Array]


def red_noise(hours: Array, memory: Array, rng: np.random.Generator) -> Array:
    """Smooth Gaussian processes of unit variance that forget within `memory`.

    A random-phase sum of HARMONICS sines of equal variance; their frequencies are the quantiles of the
    Ornstein-Uhlenbeck spectrum, w = tan(pi u / 2) / memory (Shinozuka and Deodatis 1991, Appl. Mech. Rev. 44, 191).

    Args:
        hours: (T,) any hours, same origin every time.
        memory: (P,) e-folding times, h.
        rng: Draws the frequencies and phases; the same state gives the same processes.

    Returns:
        (T, P).
    """
    rank = (np.arange(HARMONICS) + rng.uniform(0.05, 0.95, (len(memory), HARMONICS))) / HARMONICS
    frequency = np.minimum(np.tan(np.pi / 2 * rank) / memory[:, None], 2 * np.pi / 3.0)
    phase = rng.uniform(0, 2 * np.pi, frequency.shape)
    return np.asarray(np.sqrt(2 / HARMONICS) * np.sin(hours[:, None, None] * frequency + phase).sum(axis=-1))


def season_phase(hours: Array, warmest_day: float) -> Array:
    """Cosine of the time of year, 1 on `warmest_day` (day of the year), -1 half a year away."""
    return np.asarray(np.cos(2 * np.pi * (hours / _YEAR_H - (warmest_day - 1) / 365.2425)))


def weather(cities: tuple[City, ...], hours: NDArray[np.int64], rngs: list[np.random.Generator]) -> Weather:
    """The weather over each city.

    Args:
        cities: N cities.
        hours: (T,) consecutive UTC hours since 1970: hour n runs from n to n + 1.
        rngs: One a city; the same state gives the same weather.
    """
    parts = [_city_weather(city, hours, rng) for city, rng in zip(cities, rngs, strict=True)]
    names = [name for name in Weather.__slots__ if name != "noise"]
    columns = {name: np.stack([getattr(part, name) for part in parts], axis=1) for name in names}
    noise = {name: np.stack([part.noise[name] for part in parts], axis=1) for name in PROCESSES}
    return Weather(**columns, noise=noise)


def _city_weather(city: City, hours: NDArray[np.int64], rng: np.random.Generator) -> Weather:
    climate = city.climate
    middle = np.arange(hours[0] - MEMORY_H, hours[-1] + 1) + 0.5  # the mixed layer remembers the hours before
    series = red_noise(middle, np.array(list(PROCESSES.values())), rng)
    noise = dict(zip(PROCESSES, series.T, strict=True))
    sine = _sine(middle, city)
    season = season_phase(middle, climate.warmest_day)
    wet, rain = _rain(city, middle, noise)
    cloud = np.clip(0.25 + 0.5 * climate.humidity - 0.15 + 0.25 * noise["cloud"] + 0.3 * (wet > 0), 0, 1)
    clock = 2 * np.pi * ((middle + city.longitude / 15.0) / 24.0 - 15.0 / 24.0)  # warmest at 15 h by the sun
    daily = climate.mean_c + 273.15 + climate.season_k * season + climate.synoptic_k * noise["heat"]
    swing = climate.day_k * (1.25 - 0.5 * cloud) * np.cos(clock)
    temperature = daily + swing - 1.5 * (rain > 0)
    dew = dew_point(daily, np.clip(climate.humidity + 0.12 * noise["damp"], 0.08, 0.97)) + 1.5 * (rain > 0)
    dew = np.minimum(dew, temperature - 0.05)
    pressure = pressure_at_altitude(city.altitude_m) + _pressure_anomaly(city, noise, clock)
    east, north = _wind(city, noise, sine, clock, season)
    height_wind = np.hypot(east, north)[MEMORY_H:]
    sunshine = sine * (1.0 - 0.65 * cloud)
    now = slice(MEMORY_H, None)
    return Weather(
        temperature=temperature[now],
        dew_point=dew[now],
        relative_humidity=np.minimum(relative_humidity(temperature, dew), 1.0)[now],
        pressure=pressure[now],
        eastward_wind=east[now],
        northward_wind=north[now],
        rain_rate=rain[now],
        cloud=cloud[now],
        mixing_height=np.minimum(
            mixing_height(sunshine, height_wind) * np.exp(0.18 * noise["dilution"][now]), 0.97 * LID_M
        ),
        sine_elevation=sine[now],
        season=season[now],
        noise={name: values[now] for name, values in noise.items()},
    )


def _sine(middle: Array, city: City) -> Array:
    time = np.datetime64("1970-01-01", "s") + (middle * 3600).astype("timedelta64[s]")
    return np.sin(np.radians(solar_position(time, city.latitude, city.longitude)[0]))


def _rain(city: City, middle: Array, noise: dict[str, Array]) -> tuple[Array, Array]:
    """How far the air is past raining, and mm h-1: low pressure, damp air and a fast process of its own."""
    climate = city.climate
    share = climate.wet * (1 + climate.wet_contrast * season_phase(middle, climate.wettest_day))
    threshold = -ndtri(np.clip(share, 1e-4, 0.5))
    index = -0.45 * noise["pressure"] + 0.45 * noise["damp"] + 0.77 * noise["rain"]
    wet = np.maximum(index - threshold, 0.0)
    return wet, 5.0 * wet**1.5


def _pressure_anomaly(city: City, noise: dict[str, Array], clock: Array) -> Array:
    """Pa: synoptic swings that grow poleward, and the semi-diurnal tide that grows towards the equator."""
    latitude = np.radians(city.latitude)
    return np.asarray(
        (150.0 + 1300.0 * np.sin(latitude) ** 2) * noise["pressure"] + 110.0 * np.cos(latitude) ** 3 * np.cos(2 * clock)
    )


def _wind(city: City, noise: dict[str, Array], sine: Array, clock: Array, season: Array) -> tuple[Array, Array]:
    """Synoptic wind, stronger by day and in winter, and a breeze that turns once a day."""
    winter = 1.0 - 0.08 * season * np.abs(np.sin(np.radians(city.latitude)))
    size = winter * city.climate.wind_m_s / 1.2533  # Rayleigh: the mean speed of two independent components
    evening = np.exp(2.0 * (np.cos(clock - 2 * np.pi / 24.0) - 1.0))  # sea breezes and gap winds peak at 16 h
    stirred = 0.80 + 0.36 * np.clip(1.4 * sine, 0, 1) + city.climate.breeze * evening
    toward = np.radians(city.climate.prevailing_from + 180.0)
    east = stirred * size * (0.9 * noise["east"] + 0.5 * np.sin(toward)) + 0.7 * np.cos(clock)
    north = stirred * size * (0.9 * noise["north"] + 0.5 * np.cos(toward)) + 0.7 * np.sin(clock)
    bend = (1.0 + (np.hypot(east, north) / TOP_WIND) ** 4) ** -0.25
    return east * bend, north * bend
