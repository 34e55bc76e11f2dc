"""What every rain nowcaster returns: one record, whichever model made it.

Units: rain rate mm/h float32, NaN = unknown. Leads are minutes after the newest frame. Rows run north to south.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import ConventionError

Array32 = NDArray[np.float32]

QUANTILES: tuple[float, ...] = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of the rain rate at a place and lead."""

THRESHOLDS: tuple[float, ...] = (0.1, 1.0, 5.0, 10.0)
"""mm/h that a chance is given for: the chance that the rate is at least this."""


@dataclass(frozen=True, slots=True)
class RainForecast:
    """Rain at every lead and place. Q quantiles, K thresholds, L leads, Y X grid.

    Attributes:
        leads: (L,) minutes after the newest frame.
        value: (L, Y, X) mm/h, the best single number under the squared error of log1p; NaN unknown.
        quantiles: (Q, L, Y, X) mm/h at `QUANTILES`, not falling along Q; None where nobody asked.
        chance: (K, L, Y, X) 0 to 1 of at least `THRESHOLDS`, not rising along K; None where nobody asked.
        notes: In plain words, what the nowcast had to do without (frames missing, no motion found); empty when whole.
    """

    leads: NDArray[np.float64]
    value: Array32
    quantiles: Array32 | None = None
    chance: Array32 | None = None
    notes: tuple[str, ...] = ()


def check_rain_forecast(forecast: RainForecast) -> None:
    """Raise unless the shapes fit together and the numbers are possible.

    Raises:
        ConventionError: Which array, and what is wrong with it.
    """
    shape = forecast.value.shape
    if len(shape) != 3 or shape[0] != len(forecast.leads):
        raise ConventionError(f"rain forecast: value is {shape}, expected ({len(forecast.leads)}, rows, columns)")
    if np.nanmin(forecast.value, initial=0.0) < 0.0:
        raise ConventionError(f"rain forecast: value {np.nanmin(forecast.value):g} mm/h is below 0")
    for name, array, first, sign in (
        ("quantiles", forecast.quantiles, len(QUANTILES), 1.0),
        ("chance", forecast.chance, len(THRESHOLDS), -1.0),
    ):
        if array is None:
            continue
        if array.shape != (first, *shape):
            raise ConventionError(f"rain forecast: {name} is {array.shape}, expected {(first, *shape)}")
        if np.nanmin(sign * np.diff(array, axis=0), initial=0.0) < 0.0:
            raise ConventionError(f"rain forecast: {name} cross each other")
        if np.nanmin(array, initial=0.0) < 0.0 or (name == "chance" and np.nanmax(array, initial=0.0) > 1.0):
            raise ConventionError(f"rain forecast: {name} leave their range")
