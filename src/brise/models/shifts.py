"""A learned model's shifts on the base forecast, in the base's own standard errors."""

import numpy as np

from brise.formulas.interpolation import Array
from brise.models.climatology import Climatology
from brise.models.network import Outlook, Prediction, Task


def width_of(base: Outlook, climatology: Climatology) -> Array:
    """(N, L, P) the base's standard error in concentrations."""
    return np.asarray(2 * np.maximum(base.root, 0.2) * np.sqrt(base.variance) * climatology.level)


def shifted(base: Outlook, shifts: Array, factors: Array, task: Task) -> Prediction:
    """The base moved by shifts (N, L, P, 4) in its standard errors, its quantiles spread by factors (2, L, P)."""
    climatology, sigma = task.own.climatology, np.sqrt(base.variance)
    value = climatology.from_root(base.root, base.variance) + width_of(base, climatology) * shifts[..., 0]
    middle = base.root + base.middle + sigma * shifts[..., 1]
    low = middle - (base.middle - base.low) * np.exp(shifts[..., 2]) * factors[0]
    high = middle + (base.high - base.middle) * np.exp(shifts[..., 3]) * factors[1]
    quantiles = (climatology.from_root(side) for side in (low, middle, high))
    return Prediction(np.maximum(value, -climatology.offset), *quantiles)
