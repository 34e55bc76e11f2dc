import numpy as np
import pytest

from brise.formulas.fire.cells import Ground, surface_cells
from brise.formulas.fire.ellipse import FORMULAS
from brise.formulas.fire.fuel_models import fuel_arrays
from brise.formulas.fire.surface import WIND_LIMITS, fuel_bed, spread

CODES = [102, 5, 10, 106, 183, 186, 98, 145, 8]


def scattered(n=5000):
    rng = np.random.default_rng(0)
    return Ground(
        rng.integers(-1, len(CODES), n).astype(np.int32),
        rng.uniform(0.05, 0.5, n).astype(np.float32),
        (rng.normal(size=(2, n)) * 0.3).astype(np.float32),
    )


@pytest.mark.parametrize("limit", WIND_LIMITS)
@pytest.mark.parametrize("shape", FORMULAS)
def test_every_cell_burns_as_the_equations_say(shape, limit):
    ground, bed = scattered(), fuel_bed(fuel_arrays(CODES), [0.06, 0.07, 0.08, 0.60, 0.90])
    found = surface_cells(ground, bed, (9.0, -12.0), shape, limit)
    burns = ground.bed >= 0
    wind = np.array([9.0, -12.0])[:, None] * ground.shelter[burns].astype(float)
    want = spread(bed.take(ground.bed[burns]), wind, ground.rise[:, burns].astype(float), shape, limit)
    lit = want.rate > 0
    # single precision through two powers: a few 1e-6
    np.testing.assert_allclose(found.rate[burns], want.rate, rtol=1e-5)
    turn = (found.direction[burns] - want.direction + np.pi) % (2 * np.pi) - np.pi
    np.testing.assert_allclose(turn[lit], 0.0, atol=2e-5)
    np.testing.assert_allclose(found.length_to_width[burns][lit], want.length_to_width[lit], rtol=1e-5)
    assert (found.rate[~burns] == 0).all()


def test_calm_flat_ground_burns_in_circles():
    flat = Ground(np.zeros(3, np.int32), np.full(3, 0.4, np.float32), np.zeros((2, 3), np.float32))
    bed = fuel_bed(fuel_arrays([102]), [0.06, 0.07, 0.08, 0.60, 0.90])
    found = surface_cells(flat, bed, (0.0, 0.0))
    np.testing.assert_allclose(found.rate, bed.rate[0], rtol=1e-6)
    np.testing.assert_allclose(found.length_to_width, 1.0, rtol=1e-3)  # the formula gives 1.000 in still air, clipped
