"""Members of a rain forecast: they agree with its chances, look like rain, and depend on nothing but the seed."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.formulas.motion import estimate_motion
from brise.models.rain_forecast import QUANTILES, THRESHOLDS, RainForecast
from brise.products import rain_ensemble
from brise.products.rain_ensemble import members, texture

LEADS = np.array([5.0, 30.0, 60.0])
GRID = Grid("sea", 51.0, 0.0, 0.01, 96, 110)


def drifting(rows: int, columns: int) -> np.ndarray:
    """(4, Y, X) mm/h: patches of rain that move 2 pixels east a step, a third of it wet."""
    field = gaussian_filter(np.random.default_rng(3).normal(size=(rows, columns + 20)), 4, mode="wrap")
    rate = np.maximum(np.expm1(1.5 * (field / field.std() - 0.4)), 0).astype(np.float32)
    return np.stack([rate[:, 6 - 2 * step : 6 - 2 * step + columns] for step in range(4)])


@pytest.fixture(scope="module")
def rain():
    return drifting(GRID.rows, GRID.columns)


@pytest.fixture(scope="module")
def motion(rain):
    return estimate_motion(rain)


def flat(value, shape):
    return np.full((len(LEADS), *shape), value, np.float32)


def forecast(chances, quantiles=None, shape=(GRID.rows, GRID.columns)):
    chance = None if chances is None else np.stack([flat(one, shape) for one in chances])
    some = None if quantiles is None else np.stack([flat(one, shape) for one in quantiles])
    return RainForecast(LEADS, flat(1.0, shape), some, chance)


def test_members_have_the_chances_of_the_forecast_at_every_pixel(rain, motion):
    chances = (0.75, 0.5, 0.2, 0.05)
    for story in members(rain, motion, forecast(chances), 5.0, count=20):
        assert story.shape == (20, GRID.rows, GRID.columns)
        assert story.dtype == np.float32
        for limit, chance in zip(THRESHOLDS, chances, strict=True):
            # 20 members tell chances in twentieths; a rank half-way between two may fall on either side
            np.testing.assert_allclose((story >= limit * 0.999).mean(axis=0), chance, atol=0.051)
            assert np.ptp((story >= limit).sum(axis=0)) == 0  # the same at every pixel, as the forecast


def test_members_have_the_quantiles_of_the_forecast(rain, motion):
    rates = (0.0, 1.0, 2.0, 4.0, 8.0)
    stories = list(members(rain, motion, forecast(None, rates), 5.0, count=100))
    found = np.quantile(stories[-1], QUANTILES, axis=0)
    # the quantiles of a hundred members lie half a rank beside those of the distribution
    np.testing.assert_allclose(found, np.broadcast_to(np.array(rates)[:, None, None], found.shape), rtol=0.05, atol=0.1)


def test_sharp_quantiles_are_not_widened_by_chances_that_are_certain(rain, motion):
    stories = list(members(rain, motion, forecast((1.0, 1.0, 0.0, 0.0), (1.9, 1.95, 2.0, 2.05, 2.1)), 5.0, count=20))
    assert stories[0].min() > 1.7
    assert stories[0].max() < 3.5


def test_the_same_seed_gives_the_same_members_on_any_number_of_cores(rain, motion, monkeypatch):
    said = forecast((0.6, 0.4, 0.1, 0.0))
    one = np.stack(list(members(rain, motion, said, 5.0, count=4, seed=7)))
    monkeypatch.setattr(rain_ensemble, "THREADS", 1)
    np.testing.assert_array_equal(one, np.stack(list(members(rain, motion, said, 5.0, count=4, seed=7))))
    assert (one != np.stack(list(members(rain, motion, said, 5.0, count=4, seed=8)))).any()


def test_what_is_unknown_stays_unknown_and_what_is_surely_dry_is_dry(rain, motion):
    said = forecast((0.5, 0.3, 0.1, 0.0))
    said.chance[:, :, :10] = np.nan
    said.chance[:, :, -10:] = 0.0
    for story in members(rain, motion, said, 5.0, count=5):
        assert np.isnan(story[:, :10]).all()
        assert (story[:, -10:] == 0).all()
        assert np.isfinite(story[:, 10:]).all()


def test_members_are_patches_not_pepper_and_go_on_from_lead_to_lead(rain, motion):
    said = forecast((0.5, 0.3, 0.1, 0.0))
    *_, last = members(rain, motion, said, 5.0, count=10)
    wet = last >= 0.1
    alike = (wet[:, :, 1:] == wet[:, :, :-1]).mean()
    far = (wet[:, :, 50:] == wet[:, :, :-50]).mean()
    assert alike > 0.8  # independent pixels would agree half the time
    assert far < 0.7
    # five minutes on, a member's rain lies about where its own was, not where another's was
    leads = np.array([55.0, 60.0, 65.0])
    before, after, _ = members(rain, motion, RainForecast(leads, said.value, None, said.chance), 5.0, count=10)
    assert ((before >= 0.1) == (after >= 0.1)).mean() > 0.65
    assert ((before >= 0.1) == np.roll(after >= 0.1, 1, axis=0)).mean() < 0.6


def test_large_scales_last_longer_and_faster_change_is_seen(rain, motion):
    slow = texture(rain, motion, 5.0).correlation
    order = np.argsort(rain_ensemble._wavelength((GRID.rows, GRID.columns)).ravel())
    assert (np.diff(slow.ravel()[order]) >= -1e-6).all()
    mixed = rain.copy()
    mixed[-2] = mixed[-2][::-1]  # the frame before tells nothing of the newest
    assert texture(mixed, motion, 5.0).correlation.mean() < slow.mean()


def test_one_frame_dry_frames_and_gaps_still_give_members(rain, motion):
    said = forecast((0.5, 0.3, 0.1, 0.0))
    dry = np.zeros_like(rain)
    gaps = rain.copy()
    gaps[:, 20:40] = np.nan
    gaps[1] = np.nan
    for frames in (rain[-1:], dry, gaps):
        stories = np.stack(list(members(frames, estimate_motion(frames), said, 5.0, count=4)))
        assert np.isfinite(stories).all()
        np.testing.assert_allclose((stories >= 0.1).mean(), 0.5, atol=0.01)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"count": 0}, "0 asked for, from 1 to 200"),
        ({"count": 201}, "201 asked for"),
        (
            {"forecast": forecast((0.5, 0.3, 0.1, 0.0), shape=(5, 5))},
            r"frames are \(96, 110\), the forecast is \(5, 5\)",
        ),
        ({"forecast": RainForecast(LEADS, flat(1.0, (96, 110)))}, "neither quantiles nor chances"),
    ],
)
def test_what_cannot_be_made_is_refused(rain, motion, change, match):
    given = {"forecast": forecast((0.5, 0.3, 0.1, 0.0)), "count": 2} | change
    with pytest.raises(InputError, match=match):
        members(rain, motion, given["forecast"], 5.0, count=given["count"])
