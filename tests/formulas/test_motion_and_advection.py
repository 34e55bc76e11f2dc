"""Motion found where it is known, calm where nothing tells it; rain carried to the right pixel, gaps kept."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from brise.conventions.errors import InputError
from brise.formulas.advection import advect, departure_points, smooth
from brise.formulas.motion import Motion, estimate_motion, usable_frames


def storm(rows=128, columns=128, seed=0, margin=0):
    """Showers of some 10 pixels with drizzle between, mm/h."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.standard_normal((rows + 2 * margin, columns + 2 * margin)), 4, mode="wrap")
    return np.maximum(np.expm1(3 * noise / noise.std() - 2), 0).astype(np.float32)


def moving(down, right, frames=4, seed=0):
    """(T, 128, 128) windows on a larger field that moves evenly."""
    far = 40 * frames
    field = storm(seed=seed, margin=far)
    views = [shift(field, (down * t, right * t), order=1, mode="wrap") for t in range(frames)]
    return np.stack(views)[:, far : far + 128, far : far + 128]


def uniform(down, right, rows=20, columns=30):
    displacement = np.empty((2, rows, columns), np.float32)
    displacement[0], displacement[1] = down, right
    return Motion(displacement, np.ones((rows, columns), np.float32))


@pytest.mark.parametrize("wanted", [(0.0, 0.2), (0.4, -0.7), (3.0, 5.0), (-12.0, 7.0), (28.0, -28.0), (0.0, 40.0)])
def test_finds_an_even_motion_to_forty_pixels(wanted):
    found = estimate_motion(moving(*wanted))
    middle = found.displacement[:, 48:80, 48:80].mean(axis=(1, 2))
    np.testing.assert_allclose(middle, wanted, atol=0.3)  # a third of a pixel a step, of a field known on a grid
    assert found.quality[48:80, 48:80].mean() > 0.5


def test_finds_two_motions_in_one_field():
    left, right = moving(0.0, 3.0), moving(0.0, -3.0, seed=1)
    found = estimate_motion(np.concatenate([left, right], axis=2)).displacement[1]
    assert found[:, 30:90].mean() > 2
    assert found[:, 166:226].mean() < -2


def test_gaps_do_not_pull_the_motion():
    rain = moving(2.0, 3.0)
    rain[:, 40:70, 20:50] = np.nan
    rain[2, :, 100:] = np.nan
    found = estimate_motion(rain)
    np.testing.assert_allclose(np.median(found.displacement, axis=(1, 2)), (2, 3), atol=0.3)
    assert np.isfinite(found.displacement).all()
    assert np.isfinite(found.quality).all()


def test_a_missing_or_repeated_frame_keeps_its_place_in_time():
    rain = moving(2.0, 3.0)
    rain[1] = np.nan
    np.testing.assert_allclose(np.median(estimate_motion(rain).displacement, axis=(1, 2)), (2, 3), atol=0.3)
    rain = moving(2.0, 3.0)
    rain[3] = rain[2]
    assert usable_frames(rain) == [0, 1, 2]
    np.testing.assert_allclose(np.median(estimate_motion(rain).displacement, axis=(1, 2)), (2, 3), atol=0.3)


@pytest.mark.parametrize(
    "rain",
    [
        np.zeros((4, 64, 64), np.float32),
        np.full((4, 64, 64), np.nan, np.float32),
        storm(64, 64)[None],
        np.repeat(storm(64, 64)[None], 3, axis=0),
        np.zeros((2, 1, 1), np.float32),
    ],
    ids=["dry", "missing", "one frame", "repeated", "one pixel"],
)
def test_stands_still_where_nothing_tells_the_motion(rain):
    found = estimate_motion(rain)
    assert not found.displacement.any()
    assert not found.quality.any()


@pytest.mark.parametrize("shape", [(3, 7), (17, 33), (40, 200)])
def test_any_grid_is_answered(shape):
    rain = np.stack([storm(64, 256, seed=s)[: shape[0], : shape[1]] for s in range(3)])
    found = estimate_motion(rain)
    assert found.displacement.shape == (2, *shape)
    assert np.isfinite(found.displacement).all()


def test_refuses_what_is_no_sequence():
    with pytest.raises(InputError, match=r"rain is \(4, 4\)"):
        estimate_motion(np.zeros((4, 4), np.float32))


def test_trajectories_of_a_rotation_close():
    rows = columns = 101
    y, x = np.mgrid[:rows, :columns] - 50.0
    turn = 2 * np.pi / 64
    motion = Motion(np.stack([turn * x, -turn * y]).astype(np.float32), np.ones((rows, columns), np.float32))
    where = departure_points(motion, np.array([16.0, 64.0]))
    inner = np.hypot(y, x) < 40
    back = np.stack([where[1, 0] - 50 - y, where[1, 1] - 50 - x])[:, inner]
    # The midpoint rule turns by angle^3 / 6 too little a step: 64 steps of 0.098 rad at 40 pixels lose 0.40 pixels.
    assert np.abs(back).max() < 0.45


def test_carries_a_ramp_exactly():
    field = np.add.outer(10.0 * np.arange(20), np.arange(30)).astype(np.float32)
    told = advect(field, departure_points(uniform(1.0, -2.5), np.array([1.0, 2.0])))
    expected = field[3, 10] - 2 * 10 + 2 * 2.5
    np.testing.assert_allclose(told[1, 3, 10], expected, rtol=1e-5)  # float32
    assert np.isnan(told[1, 0]).all()  # came from north of the field
    assert np.isnan(told[1, :, -1]).all()
    many = advect(np.stack([field, 2 * field]), departure_points(uniform(1.0, -2.5), np.array([2.0])))
    np.testing.assert_allclose(many[0, 1], 2 * told[1], rtol=1e-6)  # float32


def test_standing_still_changes_nothing_not_even_the_edge_of_a_gap():
    field = storm(20, 30)
    field[5:8, 5:8] = np.nan
    told = advect(field, departure_points(uniform(0.0, 0.0), np.array([0.0, 3.0])))
    np.testing.assert_array_equal(told, np.stack([field, field]))
    line = np.array([[0.0, 1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(advect(line, departure_points(uniform(0, 0, 1, 3), np.array([1.0])))[0], line)


def test_a_gap_travels_and_grows_by_what_touches_it():
    field = storm(20, 30)
    field[10, 10] = np.nan
    told = advect(field, departure_points(uniform(0.0, 1.5), np.array([1.0])))[0]
    assert np.argwhere(np.isnan(told[:, 2:])).tolist() == [[10, 9], [10, 10]]


def test_smoothing_keeps_gaps_and_a_constant():
    field = np.full((30, 30), 3.0, np.float32)
    field[4:9, 4:9] = np.nan
    told = smooth(field, 2.5)
    np.testing.assert_array_equal(np.isnan(told), np.isnan(field))
    np.testing.assert_allclose(told[~np.isnan(told)], 3.0, rtol=1e-5)  # float32
    np.testing.assert_array_equal(smooth(field, 0.0), field)


@pytest.mark.parametrize("steps", [[2.0, 1.0], [-1.0], [np.nan]])
def test_refuses_impossible_steps(steps):
    with pytest.raises(InputError, match="must be 0 or more and not fall"):
        departure_points(uniform(0, 0), np.array(steps))


def test_refuses_fields_and_widths_that_do_not_fit():
    with pytest.raises(InputError, match="do not fit"):
        advect(np.zeros(3, np.float32), np.zeros((1, 2, 3, 3), np.float32))
    with pytest.raises(InputError, match="sigma -1"):
        smooth(np.zeros((3, 3), np.float32), -1.0)
