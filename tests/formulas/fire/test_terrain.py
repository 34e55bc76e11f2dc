import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.formulas.fire.terrain import slope_and_aspect


@pytest.mark.parametrize("bearing", range(0, 360, 30))
def test_a_plane_faces_away_from_uphill(bearing):
    east, north = np.sin(np.radians(bearing)), np.cos(np.radians(bearing))
    x, y = np.meshgrid(np.arange(7) * 20.0, -np.arange(6) * 20.0)
    slope, aspect = slope_and_aspect(500.0 + 0.3 * (east * x + north * y), 20.0)
    assert_allclose(slope[1:-1, 1:-1], 0.3, rtol=1e-12)  # float64 algebra
    turn = (aspect[1:-1, 1:-1] - bearing - 180.0 + 180.0) % 360.0 - 180.0
    assert_allclose(turn, 0.0, atol=1e-9)


def test_level_ground_faces_nowhere():
    slope, aspect = slope_and_aspect(np.full((4, 5), 12.0), 10.0)
    assert_allclose(slope, 0.0)
    assert np.isnan(aspect).all()


def test_an_unknown_height_leaves_its_neighbours_known():
    height = np.arange(5.0) * np.ones((5, 1)) * 10.0
    height[2, 2] = np.nan
    slope, aspect = slope_and_aspect(height, 10.0)
    assert np.isnan(slope[2, 2])
    assert np.isnan(aspect[2, 2])
    assert np.isfinite(slope).sum() == 24
    assert_allclose(slope[1, 0], 0.5)  # the edge goes on level: half the slope
    assert_allclose(aspect[1, 1:-1], 270.0, atol=20.0)  # beside the unknown cell it turns a little
