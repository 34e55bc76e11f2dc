import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import Grid
from brise.formulas.nature_rain import CAP, TILE, rain_field, steering
from brise.formulas.verification_fields import SpectrumSums, decibels

GRID = Grid("x", 53.0, 0.0, 0.01, 256, 256)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes, seed=0, grid=GRID):
    return rain_field(grid, NOON + timedelta(minutes=minutes), seed)


def test_the_same_seed_place_and_time_give_the_same_rain_whatever_was_asked_before():
    first = at(5).copy()
    for minutes in (600, 10, 0):
        at(minutes)
    np.testing.assert_array_equal(at(5), first)
    assert np.abs(at(5, seed=1) - first).max() > 1


def test_overlapping_grids_see_the_same_rain():
    part = Grid("part", 52.5, 0.7, 0.01, 40, 50)
    np.testing.assert_array_equal(at(0, grid=part), at(0)[50:90, 70:120])
    halves = Grid("halves", 52.995, 0.005, 0.01, 100, 100)
    np.testing.assert_array_equal(at(0, grid=halves), at(0)[1:101, 1:101])  # one pixel each, none twice


def test_amounts_are_those_of_rain():
    fields = np.stack([at(7 * 60 * day, day, Grid("tile", 60.0, 0.0, 0.01, 512, 512)) for day in range(12)])
    assert fields.min() == 0
    assert fields[fields > 0].min() >= 0.1
    assert fields.max() <= CAP
    wet = (fields > 0).mean(axis=(1, 2))
    assert 0.08 < wet.mean() < 0.25  # five real events: 0.13 to 0.56, chosen for their rain
    median, high = np.quantile(fields[fields > 0], (0.5, 0.99))
    assert 0.3 < median < 0.8  # real: 0.36 to 1.5
    assert 3 < high < 15  # real: 2.9 to 9.5


def test_the_spectrum_falls_like_that_of_rain():
    total = SpectrumSums()
    for seed in range(4):
        total = total + SpectrumSums.of(decibels(at(0, seed)))
    power, waves = total.score(), np.arange(129)
    large, small = (waves >= 2) & (waves <= 12), (waves >= 12) & (waves <= 60)
    slopes = [np.polyfit(np.log(waves[part]), np.log(power[part]), 1)[0] for part in (large, small)]
    # Real events, the same way: -1.6 to -2.3 at 20 to 256 pixels, -2.9 to -3.7 at 4 to 20.
    assert -2.6 < slopes[0] < -1.3
    assert -3.5 < slopes[1] < -2.2


def shift_between(earlier, later):
    """Pixels by which the log of rain moved, by its correlation under a window that hides the edges."""
    window = np.hanning(256)[:, None] * np.hanning(256)
    spectra = [np.fft.rfft2((part - part.mean()) * window) for part in (np.log1p(earlier), np.log1p(later))]
    place = np.unravel_index(np.fft.irfft2(spectra[1] * np.conj(spectra[0])).argmax(), earlier.shape)
    return (np.array(place) + 128) % 256 - 128


def test_rain_moves_with_its_steering_and_changes_slowly():
    for seed in (0, 2, 5):  # where it rains enough to see it move
        start = (NOON - datetime(2000, 1, 1, tzinfo=UTC)).total_seconds() / 60
        way = steering(seed)
        expected = np.subtract(way.displacement(start + 10, 0.93), way.displacement(start, 0.93))
        now, later = at(0, seed), at(10, seed)
        np.testing.assert_allclose(
            shift_between(now, later), expected, atol=3
        )  # of 12: scales differ in speed, and grow
        moved = np.roll(now, np.round(expected).astype(int), (0, 1))[40:-40, 40:-40]
        still, after = now[40:-40, 40:-40], later[40:-40, 40:-40]
        errors = [np.mean((np.log1p(guess) - np.log1p(after)) ** 2) for guess in (moved, still)]
        assert errors[0] < 0.8 * errors[1]  # a nowcast has skill
        assert errors[0] > 0.02 * errors[1]  # and is not perfect: cells grow and decay


def test_it_repeats_every_tile_and_nearer_never():
    wide = at(0, grid=Grid("wide", 53.0, 0.0, 0.01, 8, TILE + 8))
    np.testing.assert_array_equal(wide[:, :8], wide[:, TILE:])


def test_a_frame_is_cheap():
    grid = Grid("x", 53.0, 0.0, 0.01, 512, 512)
    spent = []
    for minutes in range(5):
        start = time.process_time()
        at(minutes * 5, 77, grid)
        spent.append(time.process_time() - start)
    assert sorted(spent)[2] < 0.1


def test_a_time_without_zone_is_refused():
    with pytest.raises(InputError, match="needs a zone"):
        rain_field(GRID, datetime(2026, 1, 1))  # noqa: DTZ001
