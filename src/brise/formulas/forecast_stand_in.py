"""A stand-in for a chemistry-transport forecast of the simulated atmosphere: the truth, made worse in known ways."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from brise.formulas.nature_run import Domain, generator
from brise.formulas.synthetic_weather import red_noise

BIAS = {"pm25": 0.78, "pm10": 0.65, "no2": 0.80, "no": 0.60, "o3": 1.12, "so2": 1.35, "co": 0.75}
"""Mean of forecast over truth: regional models give too little of what streets emit and too much ozone (e.g. Marécal
et al. 2015, Geosci. Model Dev. 8, 2777-2813)."""

SMOOTHING_CELLS = 1.6
LATE_H = 1
PATTERN = 0.25
"""Standard deviation of the logarithm of the static bias field."""

WEATHER_ERROR = 0.18
"""Of the error that changes with the weather, shared by all runs."""

LEAD_ERROR = 0.40
"""Of the error of one run at 96 h; it grows with the square root of the lead."""


def forecast(
    domain: Domain,
    time: NDArray[np.datetime64],
    truth: dict[str, NDArray[np.float32]],
    cycle: np.datetime64,
    seed: int,
) -> dict[str, NDArray[np.float32]]:
    """The truth one hour late, smoothed, times a bias, a weather error and a run's own error that grows with lead.

    f(t) = b G * c(t - 1 h) exp(p(x) + 0.18 w(t) + 0.4 sqrt(lead / 96 h) r(t, x)), G a Gaussian filter, b the species'
    bias, p, w and r smooth Gaussian processes.

    Args:
        domain: The domain.
        time: (T,) END of each hour, hourly.
        truth: species -> (T, Y, X), µg m-3.
        cycle: When the run started; leads count from it, negative ones as 0.
        seed: Of the atmosphere.

    Returns:
        species -> (T - LATE_H, Y, X): the hours from time[LATE_H] on.
    """
    when = time[LATE_H:]
    hours = when.astype("datetime64[h]").astype(np.float64)
    lead = np.maximum((when - cycle) / np.timedelta64(3600, "s"), 0.0)
    growth = LEAD_ERROR * np.sqrt(np.minimum(lead, 120.0) / 96.0)
    y = np.linspace(-1, 1, domain.grid.rows)[:, None]
    x = np.linspace(-1, 1, domain.grid.columns)[None, :]
    own = int(cycle.astype("datetime64[h]").astype(np.int64))
    out = {}
    for k, (name, values) in enumerate(truth.items()):
        pattern = _smooth_field(generator(0, domain, 100 + k), domain.density.shape)
        shared = red_noise(hours, np.array([48.0]), generator(seed, domain, 200 + k))[:, 0]
        mine = red_noise(hours, np.full(3, 30.0), generator(seed, domain, 1000 + 16 * own + k))
        tilt = mine[:, 0, None, None] + 0.5 * (mine[:, 1, None, None] * y + mine[:, 2, None, None] * x)
        error = PATTERN * pattern + WEATHER_ERROR * shared[:, None, None] + growth[:, None, None] * tilt
        smooth = gaussian_filter(values[:-LATE_H], (0, SMOOTHING_CELLS, SMOOTHING_CELLS), mode="nearest")
        out[name] = (smooth * BIAS[name] * np.exp(error)).astype(np.float32)
    return out


def _smooth_field(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """(Y, X) of unit variance, smooth over five cells."""
    field = gaussian_filter(rng.standard_normal(shape), 5.0, mode="reflect")
    return np.asarray((field - field.mean()) / field.std())
