"""What a fire gives off: how much of the fuel burns, its heat, and the fine particles of its smoke.

Emission factors are means of field measurements over flames and smouldering together, g of PM2.5 per kg of dry fuel:

    grass, savanna      6.7 +- 3.3   Andreae (2019), Atmos. Chem. Phys. 19, 8523
    shrub (chaparral)  11.9 +- 5.8   Akagi et al. (2011), Atmos. Chem. Phys. 11, 4039
    timber, slash      18   +- 14    Andreae (2019), temperate forest

Fuel models hold the fuel that spreads a fire. Duff, peat and logs are in none of them and are not counted, so in deep
organic soil the true emission is several times this one.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE, FuelModel

Array = NDArray[np.float64]

CONSUMED = (1.0, 0.9, 0.65, 0.93, 0.6)
"""Share of each class of `fuel_models.CLASSES` that a passing front and what smoulders behind it consume; rounded from
the rules of FOFEM 6 (Lutes 2020, RMRS-GTR-404) for dry seasons."""

CROWN_HEAT = 18.6e6
"""J kg-1, of crown fuel (Rothermel 1991: 8,000 Btu/lb)."""

PM25: dict[str, float] = {"grass": 6.7e-3, "shrub": 11.9e-3, "timber": 18.0e-3}
"""kg kg-1."""


def kind_of(number: int) -> str:
    """What burns in a fuel model, by its number; one's own models count as timber.

    >>> [kind_of(number) for number in (1, 4, 10, 102, 122, 145, 165, 183, 202)]
    ['grass', 'shrub', 'timber', 'grass', 'shrub', 'shrub', 'timber', 'timber', 'timber']
    """
    if number in (1, 2, 3) or 101 <= number <= 109:
        return "grass"
    return "shrub" if 4 <= number <= 7 or 121 <= number <= 149 else "timber"


def consumed(model: FuelModel) -> tuple[float, float]:
    """Surface fuel that burns, kg m-2, and its heat, J m-2.

    GR2 has 1.1 short tons an acre, of which 1.03 burn:

    >>> mass, heat = consumed(FUEL_MODELS[102])
    >>> round(mass, 4), round(heat / 1e6, 2)
    (0.2309, 4.3)
    """
    masses = [load * share for load, share in zip(model.load, CONSUMED, strict=True)]
    return sum(masses), sum(mass * heat for mass, heat in zip(masses, model.heat, strict=True))


def emission(
    fuel: ArrayLike, crown: ArrayLike = 0.0, models: Mapping[int, FuelModel] = FUEL_MODELS
) -> tuple[Array, Array, Array]:
    """Dry fuel consumed, kg m-2, its heat, J m-2, and PM2.5, kg m-2, of ground that burned.

    Args:
        fuel: (...) numbers of fuel models; what does not burn, or is unknown, gives nothing.
        crown: (...) crown fuel that burned, kg m-2.
        models: Those that the numbers may mean.

    >>> mass, heat, pm25 = emission([102, 98], [0.5, 0.0])
    >>> mass.round(3).tolist()
    [0.731, 0.0]
    >>> (heat / 1e6).round(2).tolist(), (pm25 * 1e3).round(2).tolist()  # MJ and g a square metre
    ([13.6, 0.0], [10.55, 0.0])
    """
    numbers = np.asarray(fuel)
    leaves = np.asarray(crown, float)
    found, which = np.unique(numbers, return_inverse=True)
    rows = []
    for number in found.tolist():
        model = None if number in NON_BURNABLE else models.get(number)
        mass, heat = (0.0, 0.0) if model is None else consumed(model)
        rows.append((mass, heat, mass * PM25[kind_of(number)]))
    surface = np.array(rows, float).reshape(-1, 3)[which.reshape(numbers.shape)]
    burned = surface + leaves[..., None] * np.array([1.0, CROWN_HEAT, PM25["timber"]])
    return burned[..., 0], burned[..., 1], burned[..., 2]
