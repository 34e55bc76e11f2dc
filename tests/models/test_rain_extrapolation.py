"""The classical rain nowcaster: skill, coherence, and honesty about what was missing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from brise.conventions.errors import ConventionError, InputError
from brise.models.rain_extrapolation import centre, extrapolate, nowcast
from brise.models.rain_forecast import QUANTILES, THRESHOLDS, RainForecast, check_rain_forecast

LEADS = np.array([5.0, 15.0, 30.0, 60.0])


def showers(frames=4, seed=0, side=96):
    """(T, side, side) mm/h moving 2 down and 3 right a step; and the frame 3 steps on."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((256, 256)), 5, mode="wrap")
    field = np.maximum(np.expm1(2 * noise / noise.std() - 1), 0).astype(np.float32)
    views = [np.roll(field, (2 * t, 3 * t), (0, 1))[80 : 80 + side, 80 : 80 + side] for t in range(frames + 3)]
    return np.stack(views[:frames]), views[-1]


def test_beats_persistence_on_moving_showers():
    rain, later = showers()
    told = extrapolate(rain, 5.0, [15.0])[0]
    known = np.isfinite(told)
    assert known.mean() > 0.8

    def error(given):
        return np.mean((np.log1p(given[known]) - np.log1p(later[known])) ** 2)

    assert error(told) < 0.3 * error(rain[-1])


def test_the_whole_forecast_is_coherent():
    rain, _ = showers()
    told = nowcast(rain, 5.0, LEADS)
    check_rain_forecast(told)
    assert told.quantiles.shape == (len(QUANTILES), 4, 96, 96)
    assert told.chance.shape == (len(THRESHOLDS), 4, 96, 96)
    assert told.notes == ()
    np.testing.assert_array_equal(told.value, extrapolate(rain, 5.0, LEADS))
    np.testing.assert_array_equal(np.isnan(told.quantiles[0]), np.isnan(told.value))
    known = np.isfinite(told.value)
    for at, threshold in enumerate(THRESHOLDS):  # the median is above a threshold where its chance is above one half
        sure = known & (np.abs(told.chance[at] - 0.5) > 0.01)
        np.testing.assert_array_equal(told.quantiles[2][sure] >= threshold, told.chance[at][sure] > 0.5)


def test_the_middle_is_the_field_at_the_middle():
    rain, _ = showers(side=128)
    at_centre = centre(rain[None], 5.0)[0]
    field = extrapolate(rain, 5.0, 5.0 * np.arange(1, 9))[:, 63:65, 63:65]
    # One interpolates the weighted sum, the other weighs the interpolated: alike but for the four pixels' spread.
    np.testing.assert_allclose(np.log1p(at_centre), np.log1p(field).mean(axis=(1, 2)), atol=0.1)


def test_dry_stays_dry_and_missing_stays_missing():
    dry = nowcast(np.zeros((4, 40, 50), np.float32), 5.0, LEADS)
    np.testing.assert_allclose(dry.value, 0.0, atol=1e-6)  # float32
    assert dry.chance.max() < 0.1
    missing = nowcast(np.full((4, 40, 50), np.nan, np.float32), 5.0, LEADS)
    assert np.isnan(missing.value).all()
    assert np.isnan(missing.chance).all()
    assert missing.notes == ("no usable frame: rain unknown",)
    rain, _ = showers()
    rain[:, 30:40, 30:40] = np.nan
    assert np.isnan(extrapolate(rain, 5.0, [0.0])[0, 32:38, 32:38]).all()


def test_what_was_missing_is_said():
    rain, _ = showers()
    stale = rain.copy()
    stale[3] = np.nan
    told = nowcast(stale, 5.0, [10.0])
    assert told.notes == ("1 of 4 frames missing or repeated", "newest frame is 1 steps old")
    np.testing.assert_allclose(told.value, extrapolate(rain[:3], 5.0, [15.0]), rtol=1e-5)  # the same frames, float32
    single = nowcast(rain[-1:], 5.0, [5.0])
    assert single.notes == ("one frame only: no motion",)
    repeated = rain.copy()
    repeated[1] = repeated[0]
    assert "1 of 4 frames missing or repeated" in nowcast(repeated, 5.0, [5.0]).notes


def test_constants_are_used_and_leads_between_are_blended():
    rain, _ = showers()
    first, middle, last = extrapolate(rain, 1e6, [5.0, 12.5, 20.0])  # so long a step that nothing moves
    between = (np.log1p(first) + np.log1p(last)) / 2
    np.testing.assert_allclose(np.log1p(middle)[between > 0.3], between[between > 0.3], atol=1e-3)


@pytest.mark.parametrize(
    ("rain", "step", "leads", "message"),
    [
        (np.zeros((4, 4), np.float32), 5.0, [5.0], "expected \\(frames"),
        (np.full((2, 4, 4), -1, np.float32), 5.0, [5.0], "0 or more and finite"),
        (np.full((2, 4, 4), np.inf, np.float32), 5.0, [5.0], "0 or more and finite"),
        (np.zeros((2, 4, 4), np.float32), 0.0, [5.0], "step of 0.0 minutes"),
        (np.zeros((2, 4, 4), np.float32), 5.0, [5.0, 4.0], "not fall"),
    ],
)
def test_refuses_the_impossible(rain, step, leads, message):
    with pytest.raises(InputError, match=message):
        extrapolate(rain, step, leads)


def record(**changes):
    shape = (1, 2, 2)
    parts = {
        "leads": np.array([5.0]),
        "value": np.ones(shape, np.float32),
        "quantiles": np.ones((5, *shape), np.float32),
        "chance": np.full((4, *shape), 0.5, np.float32),
    }
    return RainForecast(**(parts | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": np.ones((2, 2, 2), np.float32)}, r"expected \(1, rows"),
        ({"value": np.full((1, 2, 2), -1, np.float32)}, "below 0"),
        ({"quantiles": np.ones((3, 1, 2, 2), np.float32)}, "quantiles is"),
        ({"chance": np.linspace(0, 1, 4)[:, None, None, None] * np.ones((4, 1, 2, 2))}, "chance cross"),
        ({"chance": np.full((4, 1, 2, 2), 1.5)}, "chance leave"),
    ],
)
def test_an_impossible_forecast_is_refused(changes, message):
    check_rain_forecast(record())
    with pytest.raises(ConventionError, match=message):
        check_rain_forecast(record(**changes))


def test_better_than_pysteps_on_every_recorded_event(shared_data):
    """The shipped constants have seen these events; `benchmarks.skill.rain_challenge` scores with each left out."""
    for event in ("AU_20180616", "NL_20100826", "CH_20170131"):
        with np.load(shared_data / "radar" / "benchmarks" / f"{event}.npz") as file:
            x, y, peer, step = file["x"][::10], file["y"][::10], file["bench_pysteps_lk"][::10], float(file["step_min"])
        rain = np.where(x == 65535, np.nan, x.astype(np.float32) / 100).astype(np.float32)
        ours = np.mean((np.log1p(centre(rain, step)) - np.log1p(y)) ** 2)
        assert ours < 0.9 * np.mean((np.log1p(peer) - np.log1p(y)) ** 2)
