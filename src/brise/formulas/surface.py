"""Weather near the ground in a simulated domain, cell by cell."""

import numpy as np
from numpy.typing import NDArray

from brise.formulas.meteorology import relative_humidity
from brise.formulas.nature_run import Domain, swirl_faces, swirl_strength
from brise.formulas.synthetic_weather import Weather

Array = NDArray[np.float64]


def surface_weather(domain: Domain, air: Weather, place: int) -> dict[str, Array]:
    """What a weather station would show in each cell.

    A city is warmer than its surroundings, by up to 2.5 K on a calm clear night (Oke 1982, Q. J. R. Meteorol. Soc. 108,
    1-24); the dew point is the same. Wind at 10 m is a share of the mixed layer's, less where it is built up and at
    night. Rain falls everywhere alike.

    Args:
        domain: The domain.
        air: The weather of a run.
        place: Which of the run's domains this is.

    Returns:
        variable -> (T, Y, X), storage units.
    """
    built = np.minimum(domain.density / 6000.0, 1.0)
    day = np.clip(4 * air.sine_elevation[:, place], 0, 1)
    east, north = _cell_wind(domain, air, place)
    calm = 1 / (1 + np.hypot(east, north).mean(axis=(1, 2)) / 3.0)
    island = (3.5 * calm * (1 - 0.75 * day) * (1 - 0.5 * air.cloud[:, place]))[:, None, None] * np.sqrt(built)
    temperature = air.temperature[:, place, None, None] + island
    drag = 0.82 * (1 - 0.25 * built)
    everywhere = np.ones(domain.density.shape)
    return {
        "temperature": temperature,
        "relative_humidity": np.minimum(relative_humidity(temperature, air.dew_point[:, place, None, None]), 1.0),
        "pressure": air.pressure[:, place, None, None] * everywhere,
        "eastward_wind": east * drag,
        "northward_wind": north * drag,
        "rain_rate": air.rain_rate[:, place, None, None] * everywhere,
    }


def _cell_wind(domain: Domain, air: Weather, place: int) -> tuple[Array, Array]:
    """(T, Y, X) of the mixed layer: the wind that carried the air, averaged from the cell's faces."""
    east, south = (face[..., 0] for face in swirl_faces((domain,)))
    strength = swirl_strength(air)[:, :, place]
    eastward = np.tensordot(strength, (east[:, :, 1:] + east[:, :, :-1]) / 2, axes=1)
    southward = np.tensordot(strength, (south[:, 1:] + south[:, :-1]) / 2, axes=1)
    return (
        eastward + air.eastward_wind[:, place, None, None],
        air.northward_wind[:, place, None, None] - southward,
    )
