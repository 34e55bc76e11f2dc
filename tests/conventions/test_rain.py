import numpy as np
import pytest

from brise.conventions.errors import ConventionError, InputError
from brise.conventions.grids import Grid
from brise.conventions.rain import MAX_SLOTS, RainFrame, check_frames

LATITUDES, LONGITUDES = 50 - 0.01 * np.arange(20), 4 + 0.01 * np.arange(30)
START = np.datetime64("2026-01-01T12:00:00")


def frame(minutes, value=1.0, columns=30, shift=0.0, **changes):
    time = START + np.timedelta64(round(minutes * 60), "s")
    rate = np.full((20, columns), value, np.float32)
    parts = {"time": time, "rate": rate, "latitudes": LATITUDES, "longitudes": shift + 4 + 0.01 * np.arange(columns)}
    return RainFrame(**(parts | {"source": "x"} | changes))


def first_pixels(sequence):
    return sequence.rate[:, 0, 0].tolist()


def test_clean_frames_pass_without_a_note():
    sequence = check_frames([frame(5 * i, i) for i in range(4)])
    assert first_pixels(sequence) == [0, 1, 2, 3]
    assert sequence.times.tolist() == [START.item().replace(minute=5 * i) for i in range(4)]
    assert (sequence.step_minutes, sequence.sources, sequence.simulated) == (5, ("x",), False)
    assert sequence.notes == ()
    assert not sequence.degraded


def test_out_of_order_is_sorted_and_said():
    sequence = check_frames([frame(10, 2), frame(0, 0), frame(5, 1)])
    assert first_pixels(sequence) == [0, 1, 2]
    assert sequence.notes == ("frames came out of order and were sorted",)


def test_repeated_keeps_the_frame_that_knows_most():
    thin = frame(5, 9)
    thin.rate[:10] = np.nan
    sequence = check_frames([frame(0), thin, frame(5, 1), frame(10)])
    assert first_pixels(sequence) == [1, 1, 1]
    assert sequence.notes == ("frames came more than once, kept the one that knows most: 2026-01-01T12:05:00",)


def test_a_missing_frame_is_a_layer_of_nan_and_named():
    sequence = check_frames([frame(0), frame(5), frame(20)])
    np.testing.assert_array_equal(sequence.rate[:, 3, 3], [1, 1, np.nan, np.nan, 1])
    assert sequence.notes == ("no frame for 2026-01-01T12:10:00, 2026-01-01T12:15:00",)
    assert sequence.degraded


def test_a_wrong_grid_is_left_out_and_named():
    for odd in (frame(10, columns=29), frame(10, shift=0.005)):
        sequence = check_frames([frame(0), frame(5), odd])
        assert len(sequence.times) == 2
        assert "left out for a wrong grid (20x" in sequence.notes[0]
        assert "12:10:00" in sequence.notes[0]
    nearly = check_frames([frame(0), frame(5, shift=1e-5)])
    assert not nearly.degraded


def test_of_two_grids_as_common_the_newer_stays():
    assert check_frames([frame(0), frame(5, columns=29)], step_minutes=5).rate.shape == (1, 20, 29)


def test_frames_without_a_known_pixel_are_missing_frames():
    sequence = check_frames([frame(0), frame(5), frame(10, np.nan), frame(15)])
    np.testing.assert_array_equal(sequence.rate[:, 3, 3], [1, 1, np.nan, 1])
    assert sequence.notes == ("every pixel is missing at 2026-01-01T12:10:00", "no frame for 2026-01-01T12:10:00")
    ended = check_frames([frame(0), frame(5), frame(10, np.nan)])
    assert str(ended.times[-1]) == "2026-01-01T12:05:00"
    assert ended.notes == ("every pixel is missing at 2026-01-01T12:10:00",)


def test_all_dry_is_said():
    assert check_frames([frame(0, 0), frame(5, 0.05)]).notes == ("all dry: no pixel of 2 frames reaches 0.1 mm/h",)


def test_frames_between_steps_are_left_out_and_jitter_is_not():
    sequence = check_frames([frame(0), frame(5.2), frame(10), frame(12.5, 9), frame(14.9), frame(20), frame(25)])
    assert first_pixels(sequence) == [1, 1, 1, 1, 1, 1]
    assert sequence.step_minutes == pytest.approx(5, abs=0.1)  # the median of jittered differences
    assert len(sequence.notes) == 1
    assert "left out, not on steps of" in sequence.notes[0]
    assert "12:12:30" in sequence.notes[0]


def test_count_keeps_the_newest():
    sequence = check_frames([frame(5 * i, i) for i in range(10)], count=4)
    assert first_pixels(sequence) == [6, 7, 8, 9]
    assert check_frames([frame(0), frame(5)], count=4).rate.shape[0] == 2


def test_simulated_stays_simulated():
    assert check_frames([frame(0), frame(5, simulated=True)]).simulated


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        ([], {}, "none were given"),
        ([frame(0, np.nan), frame(5, np.nan)], {}, r"none of 2 \(2026-01-01T12:00:00, 2026-01-01T12:05:00\) has"),
        ([frame(0)], {}, "a single one .* tells no step"),
        ([frame(0), frame(5)], {"step_minutes": -5}, "a step of -5 minutes"),
        ([frame(0), frame(1), frame(2000)], {}, f"2001 steps of 1 minutes; at most {MAX_SLOTS}"),
    ],
)
def test_what_makes_no_sequence_is_refused(frames, options, message):
    with pytest.raises(InputError, match=message):
        check_frames(frames, **options)


def test_one_frame_with_a_step_is_a_sequence():
    assert check_frames([frame(0)], step_minutes=5).rate.shape == (1, 20, 30)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": np.zeros((20, 30))}, "rates float64"),
        ({"rate": np.zeros((20, 31), np.float32)}, r"\(20, 31\), expected float32 \(20, 30\)"),
        ({"rate": np.full((20, 30), -0.1, np.float32)}, "rates from -0.1"),
        ({"rate": np.full((20, 30), np.inf, np.float32)}, "to inf mm/h, allowed 0 to 500"),
        ({"latitudes": LATITUDES[::-1]}, "latitudes must fall in even steps"),
        ({"longitudes": LONGITUDES**2}, "longitudes must rise in even steps"),
        ({"longitudes": np.full(30, np.nan)}, "longitudes must rise in even steps"),
        ({"time": np.datetime64("NaT", "s")}, "it has no time"),
    ],
)
def test_what_is_no_frame_is_refused(changes, message):
    with pytest.raises(ConventionError, match=message):
        frame(0, **changes)


def test_a_frames_grid():
    assert frame(0).grid("x") == Grid("x", 50.0, 4.0, 0.01, 20, 30)
    with pytest.raises(ConventionError, match=r"pixels of 0.01000 by 0.02000 degrees are not square"):
        frame(0, longitudes=4 + 0.02 * np.arange(30)).grid("x")
