import numpy as np
from tests.products.fire_cases import grass, middle, options, stream

from brise.formulas.fire.emissions import consumed
from brise.formulas.fire.fuel_models import FUEL_MODELS
from brise.products.fire_release import hourly_release
from brise.products.fire_spread import simulate


def test_what_burned_in_an_hour_went_in_that_hour():
    land = grass(121, 121)
    result = simulate(land, stream(speed=3.0), [middle(land)], options(1.5))
    found = hourly_release(land, result)
    assert len(found.area_ha) == 2
    np.testing.assert_allclose(np.cumsum(found.area_ha), [result.area_ha(60 - 1e-4), result.area_ha(90)])
    mass, heat = consumed(FUEL_MODELS[102])
    np.testing.assert_allclose(found.fuel_kg, found.area_ha * 1e4 * mass)
    np.testing.assert_allclose(found.heat_mj, found.area_ha * 1e4 * heat / 1e6)


def test_crowns_add_to_it():
    tall = {"canopy_cover": 0.5, "canopy_height": 15.0, "canopy_base": 0.5, "canopy_density": 0.2}
    land = grass(code=145, **{name: np.full((81, 81), value, np.float32) for name, value in tall.items()})
    crowned = hourly_release(land, simulate(land, stream(1, 12.0), [middle(land)], options(0.4)))
    surface = consumed(FUEL_MODELS[145])[0] * crowned.area_ha * 1e4
    assert crowned.fuel_kg[0] > 1.1 * surface[0]


def test_nothing_burned_nothing_given_off():
    land = grass()
    result = simulate(land, stream(), [middle(land)], options(moisture=(0.4, 0.4, 0.4, 1.5, 1.5)))
    assert hourly_release(land, result).heat_mj.tolist() == [0.0]
