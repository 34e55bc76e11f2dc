"""What attackers make of what is shown: homes stay hidden, counts stay noisy, repeats tell nothing new."""

import math

import h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brise.formulas.privacy import (
    ANCHOR,
    EPSILON,
    RADII_M,
    distance_m,
    draw,
    noisy_count,
    outside,
    private_anchors,
    stays,
    trimmed,
    zone_of,
)

NOBODY = np.zeros((0, 3))
DAY = 86_400.0
M = 1 / 111_194.9  # degrees of a metre


def days_of(home, work, days, rng):
    """A commuter at one fix a minute: nights at home, 10 to 16 h at work, 5 km in 30 minutes, GPS noise of 8 m."""
    minutes = np.arange(days * 1440)
    hour = minutes / 60 % 24
    share = np.interp(hour, [0, 9.5, 10, 16, 16.5, 24], [0, 0, 1, 1, 0, 0])[:, None]
    path = np.array(home) + share * (np.array(work) - np.array(home))
    path = path + rng.normal(0, 8 * M, path.shape)
    return minutes * 60.0, path[:, 0], path[:, 1]


def shown_of(time, latitude, longitude, secret, others=NOBODY):
    zones = [zone_of(one, secret, others) for one in private_anchors(stays(time, latitude, longitude))]
    keep = outside(latitude, longitude, zones) & trimmed(time, latitude, longitude, secret)
    return zones, keep


def circle_fit(latitude, longitude):
    """The centre of the circle through the points (Kasa), in degrees: what trip ends at a zone's border give away."""
    x = np.column_stack([longitude, latitude, np.ones(len(latitude))])
    b = np.linalg.lstsq(x, longitude**2 + latitude**2, rcond=None)[0]
    return b[1] / 2, b[0] / 2


def test_stays_are_found_and_short_halts_are_not():
    time = np.arange(0, 4000, 60.0)
    latitude = np.where(time < 1800, 0.0, (time - 1800) / 60 * 80 * M)  # half an hour, then walking off
    found = stays(time, latitude, np.zeros_like(time))
    assert len(found) == 1
    assert (found[0].start, abs(found[0].end - 1800) <= 180) == (0.0, True)
    assert stays(time[:10], latitude[:10], np.zeros(10)) == []
    assert stays(time, np.full_like(time, np.nan), np.zeros_like(time)) == []


def test_home_and_work_are_private_and_the_way_between_is_shown():
    rng = np.random.default_rng(1)
    home, work = (0.1, 0.1), (0.1 + 12_000 * M, 0.1)
    time, latitude, longitude = days_of(home, work, 3, rng)
    zones, keep = shown_of(time, latitude, longitude, b"me")
    assert len(zones) == 2
    for place in (home, work):
        assert distance_m(latitude[keep], longitude[keep], place).min() > 200  # the least of 800 m less shift and cell
    assert keep.sum() > 20


def test_averages_circles_and_more_data_do_not_find_homes():
    rng = np.random.default_rng(7)
    best: dict[str, list[float]] = {"mean of the ends": [], "circle of the ends": [], "all points": []}
    for k in range(40):
        home = (0.3 + 0.01 * rng.random(), 0.3 + 0.01 * rng.random())
        ends, points = [], []
        for _ in range(6):  # six places to go to, in all directions: the most that an attacker can hope for
            turn = 2 * math.pi * rng.random()
            there = (home[0] + 6000 * M * math.sin(turn), home[1] + 6000 * M * math.cos(turn))
            time, latitude, longitude = days_of(home, there, 1, rng)
            crowd = np.array([[*home, 1], [*home, 2], [*home, 3]])  # a busy quarter: the smallest zone
            zones, keep = shown_of(time, latitude, longitude, f"owner {k}".encode(), crowd)
            assert zones[0].radius_m == RADII_M[0]
            rows = np.flatnonzero(keep)
            near = rows[np.argsort(distance_m(latitude[rows], longitude[rows], home))[:2]]
            ends.append(np.column_stack([latitude[near], longitude[near]]))
            points.append(np.column_stack([latitude[rows], longitude[rows]]))
        e, p = np.concatenate(ends), np.concatenate(points)
        guesses = zip(best, (e.mean(axis=0), circle_fit(e[:, 0], e[:, 1]), p.mean(axis=0)), strict=True)
        for name, guess in guesses:
            best[name].append(float(distance_m(np.array([guess[0]]), np.array([guess[1]]), home)[0]))
    for name, errors in best.items():
        assert np.median(errors) > 200, (name, np.median(errors))  # 12 ha of town and more


def test_a_zone_is_the_same_however_often_it_is_asked_and_holds_its_place():
    rng = np.random.default_rng(2)
    for k in range(200):
        place = (float(rng.uniform(-60, 60)), float(rng.uniform(-179, 179)))
        anchor = h3.latlng_to_cell(*place, ANCHOR)
        zone = zone_of(anchor, b"s", NOBODY)
        assert zone == zone_of(anchor, b"s", NOBODY)
        assert zone != zone_of(anchor, b"t", NOBODY)
        apart = distance_m(np.array([place[0]]), np.array([place[1]]), (zone.latitude, zone.longitude))[0]
        assert apart < zone.radius_m - 100, k  # a shift of half of 3,200 m, and 260 m to a cell's corner
        assert zone.radius_m == RADII_M[-1]


def test_zones_are_small_where_others_are():
    anchor = h3.latlng_to_cell(51.5, -0.12, ANCHOR)
    others = np.column_stack([np.tile(h3.cell_to_latlng(anchor), (5, 1)), [1, 1, 2, 2, 2]])
    assert zone_of(anchor, b"s", others).radius_m == RADII_M[-1]  # two owners, however many places
    others[4, 2] = 3
    assert zone_of(anchor, b"s", others).radius_m == RADII_M[0]


def test_trips_to_one_door_end_at_one_distance():
    time = np.arange(0, 1200, 10.0)
    out = time * 3 * M  # 3 m/s
    keep = trimmed(time, out, np.zeros_like(out), b"s")
    first = np.flatnonzero(keep)[0]
    assert 150 <= out[first] / M <= 380
    again = trimmed(time + 5000, out, np.zeros_like(out), b"s")
    assert (again == keep).all()


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 500), cell=st.text(max_size=12))
def test_a_count_repeats_its_noise(count, cell):
    assert noisy_count(count, b"s", cell) == noisy_count(count, b"s", cell) >= 0


def test_noise_is_laplace_and_new_for_another_count():
    noise = np.array([noisy_count(1000, b"s", k) - 1000 for k in range(4000)])
    np.testing.assert_allclose(noise.mean(), 0, atol=4 * math.sqrt(2) / EPSILON / math.sqrt(4000))
    np.testing.assert_allclose(np.abs(noise).mean(), 1 / EPSILON, rtol=0.06)  # mean of |Laplace|; 4 standard errors
    steps = np.array([noisy_count(1001, b"s", k) - noisy_count(1000, b"s", k) for k in range(500)])
    assert np.std(steps) > 1.5 / EPSILON  # one more does not show


def test_draws_are_even():
    drawn = np.array([draw(b"s", k) for k in range(2000)])
    np.testing.assert_allclose(drawn.mean(), 0.5, atol=4 / math.sqrt(12 * 2000))
    assert 0 <= drawn.min() <= drawn.max() < 1


@pytest.mark.parametrize("empty", [np.zeros(0)])
def test_nothing_is_nothing(empty):
    assert trimmed(empty, empty, empty, b"s").tolist() == []
    assert outside(empty, empty, []).tolist() == []
