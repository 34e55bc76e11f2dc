"""What the rain network reads: aligned with the motion, blind to what is not there, defined wherever anything is."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.formulas.advection import departure_points
from brise.formulas.motion import Motion, estimate_motion
from brise.models.rain_net import (
    BANDS,
    FEATURES,
    FRAMES,
    NODES,
    SCALES,
    aligned_inputs,
    departures_of,
    look_up,
)
from brise.models.rain_serving import centre_inputs

LIVES = slice(len(SCALES) * FRAMES, len(SCALES) * FRAMES + 2 * BANDS)


def blobs(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    out = np.zeros(shape)
    for _ in range(25):
        row, column, size = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(3, 9)
        out += rng.gamma(1, 6) * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * size**2))
    return np.where(out > 0.3, out, 0).astype(np.float32)


def moving(frames: int = 4, shape: tuple[int, int] = (128, 128), shift: tuple[int, int] = (2, -3)) -> np.ndarray:
    big = blobs((shape[0] + 80, shape[1] + 80))
    cut = [big[40 - shift[0] * t :, 40 - shift[1] * t :][: shape[0], : shape[1]] for t in range(frames)]
    return np.ascontiguousarray(np.stack(cut))


def uniform(displacement: tuple[float, float], shape: tuple[int, int]) -> Motion:
    field = np.stack([np.full(shape, part, np.float32) for part in displacement])
    return Motion(field, np.ones(shape, np.float32))


def at(rain: np.ndarray, motion: Motion, row: float, column: float, steps: float = 2.0) -> np.ndarray:
    targets, lead = np.array([[row], [column]], np.float32), np.array([steps], np.float32)
    return look_up(aligned_inputs(rain, motion), targets, departures_of(motion, targets, lead), lead, 5.0)[0]


def test_steady_rain_shows_its_air_and_no_change():
    rain = moving()
    read = at(rain, uniform((2, -3), (128, 128)), 64, 60)
    np.testing.assert_allclose(read[0], np.log1p(rain[-1, 60, 66]), rtol=1e-5)  # float32
    scales = read[: len(SCALES) * FRAMES].reshape(len(SCALES), FRAMES)
    np.testing.assert_allclose(scales[0, 1:], 0, atol=1e-4)  # sampled at whole pixels
    assert (read[LIVES] > 0.9).all()
    np.testing.assert_allclose(read[-len(NODES) - 1 :], [2 / 3, 1 / 3, 0, 0, 2], rtol=1e-5)  # 10 min; float32


def test_rain_that_changes_lives_less():
    rng = np.random.default_rng(1)
    rain = moving()
    steady, motion = at(rain, uniform((2, -3), (128, 128)), 64, 60), uniform((2, -3), (128, 128))
    noisy = (rain * rng.lognormal(0, 1, rain.shape)).astype(np.float32)
    assert (at(noisy, motion, 64, 60)[LIVES][[0, 1, 2, 3]] < steady[LIVES][[0, 1, 2, 3]]).all()


def test_points_are_traced_as_fields_are():
    motion = estimate_motion(moving())
    rows, columns = np.meshgrid(np.arange(10, 110, 13.0), np.arange(10, 110, 17.0), indexing="ij")
    targets = np.stack([rows.ravel(), columns.ravel()]).astype(np.float32)
    whole = departure_points(motion, np.array([3.0]))[0][:, rows.astype(int), columns.astype(int)].reshape(2, -1)
    found = departures_of(motion, targets, np.full(targets.shape[1], 3, np.float32))
    np.testing.assert_allclose(found, whole, atol=2e-3)  # pixels: float32 sums in another order


def test_missing_frames_are_like_the_next_newer():
    rain, motion = moving(), uniform((2, -3), (128, 128))
    gap = rain.copy()
    gap[0] = np.nan
    for given in (gap, rain[1:]):
        scales = at(given, motion, 64, 60)[: len(SCALES) * FRAMES].reshape(len(SCALES), FRAMES)
        np.testing.assert_array_equal(scales[:, 3], scales[:, 2])
    alone = at(rain[-1:], motion, 64, 60)
    assert np.isfinite(alone).all()
    np.testing.assert_array_equal(alone[: len(SCALES) * FRAMES].reshape(len(SCALES), FRAMES)[:, 1:], 0)


def test_a_hole_reads_the_scale_above_and_nothing_known_is_nan():
    rain, motion = moving(), uniform((0, 0), (128, 128))
    rain[:, 60:63, 60:63] = np.nan
    read = at(rain, motion, 61, 61)
    assert np.isfinite(read).all()
    assert read[0] == read[FRAMES]
    nothing = at(np.full_like(rain, np.nan), motion, 61, 61)
    assert np.isnan(nothing[: len(SCALES) * FRAMES]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (7, 3), (33, 65), (130, 129)])
def test_any_size_of_field_is_read(shape):
    rain = np.full((4, *shape), 2.0, np.float32)
    read = at(rain, uniform((0, 0), shape), 0, 0)
    np.testing.assert_allclose(read[::FRAMES][: len(SCALES)], np.log(3), rtol=1e-5)  # float32


def test_the_middle_reads_what_a_field_reads():
    rain = moving()
    motion = estimate_motion(rain)
    targets = np.full((2, 3), 63.5, np.float32)
    steps = np.array([1, 2, 3], np.float32)
    whole = look_up(aligned_inputs(rain, motion), targets, departures_of(motion, targets, steps), steps, 6.0)
    np.testing.assert_array_equal(centre_inputs(rain, 6.0, np.array([6.0, 12.0, 18.0])), whole)
    assert whole.shape == (3, FEATURES)


def test_what_does_not_fit_is_refused():
    motion = uniform((0, 0), (8, 8))
    with pytest.raises(InputError, match=r"rain \(4, 9, 8\) and motion \(2, 8, 8\) do not fit"):
        aligned_inputs(np.zeros((4, 9, 8), np.float32), motion)
    with pytest.raises(InputError, match=r"targets are \(2, 3\) with steps \(2,\)"):
        departures_of(motion, np.zeros((2, 3), np.float32), np.zeros(2, np.float32))
    aligned = aligned_inputs(np.zeros((4, 8, 8), np.float32), motion)
    with pytest.raises(InputError, match=r"departures \(2, 2\)"):
        look_up(aligned, np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32), np.zeros(3, np.float32), 5.0)
