"""Interpolation: against the dense solution, its seams, its degenerate cases, its growth."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import EARTH_RADIUS_KM, unit_vectors
from brise.formulas.interpolation import (
    Covariance,
    inverse_distance,
    nearest,
    neighbourhood,
)

COVARIANCE = Covariance((4.0, 2.0), (30.0, 1000.0), 1.0)


def scattered(count, rng, span=6.0):
    return unit_vectors(rng.uniform(45, 45 + span, count), rng.uniform(0, span * 1.4, count))


def dense(stations, places, values, error=0.0):
    """Textbook optimal interpolation with every station."""
    gap = np.linalg.norm(stations[:, None] - stations, axis=-1) * EARTH_RADIUS_KM
    matrix = COVARIANCE.between(gap)
    matrix[np.diag_indices_from(matrix)] = COVARIANCE.sill + error
    cross = COVARIANCE.between(np.linalg.norm(places[:, None] - stations, axis=-1) * EARTH_RADIUS_KM)
    weights = np.linalg.solve(matrix, cross.T).T
    return weights @ values, COVARIANCE.sill - (weights * cross).sum(axis=1)


def test_few_stations_give_the_dense_solution():
    rng = np.random.default_rng(0)
    stations, places = scattered(30, rng), scattered(500, rng)
    values, error = rng.normal(size=30), rng.uniform(0, 2, 30)
    weights = neighbourhood(stations, places, COVARIANCE, error, neighbours=40)
    value, variance = dense(stations, places, values, error)
    # Single precision: 1e-7 of terms that reach 100 times the result (sill over nugget), 30 of them.
    np.testing.assert_allclose(weights.apply(values), value, atol=1e-4)
    np.testing.assert_allclose(weights.variance, variance, atol=1e-4)


def test_local_solution_is_close_to_the_dense_one():
    rng = np.random.default_rng(1)
    stations, places = scattered(400, rng), scattered(800, rng)
    # Anomalies that the covariance could have made.
    gap = np.linalg.norm(stations[:, None] - stations, axis=-1) * EARTH_RADIUS_KM
    values = np.linalg.cholesky(COVARIANCE.between(gap) + np.eye(400) * 1.0) @ rng.normal(size=400)
    weights = neighbourhood(stations, places, COVARIANCE)
    value, variance = dense(stations, places, values)
    # 40 of 400 stations: the difference must be small against the error that the dense solution itself has.
    assert np.sqrt(np.mean((weights.apply(values) - value) ** 2)) < 0.15 * np.sqrt(variance.mean())
    np.testing.assert_allclose(weights.variance, variance, rtol=0.05)


def test_seams_between_blocks_are_small_against_the_field():
    rng = np.random.default_rng(2)
    stations = scattered(500, rng)
    longitude = np.linspace(0.5, 7.5, 4001)
    places = unit_vectors(np.full(longitude.shape, 48.0), longitude)  # 130 m apart
    weights = neighbourhood(stations, places, COVARIANCE)
    assert len(weights.blocks) > 5
    gap = np.linalg.norm(stations[:, None] - stations, axis=-1) * EARTH_RADIUS_KM
    values = np.linalg.cholesky(COVARIANCE.between(gap) + np.eye(500) * 1.0) @ rng.normal(size=500)
    line = weights.apply(values)
    # A step over 130 m inside a block is about 0.01; a seam may add a twentieth of the field's own spread.
    assert np.abs(np.diff(line)).max() < 0.05 * 2.6  # sqrt(4 + 2 + 1) = 2.6
    assert line.std() > 0.5


def test_one_geometry_serves_many_right_hand_sides():
    rng = np.random.default_rng(3)
    stations, places = scattered(100, rng), scattered(50, rng)
    values = rng.normal(size=(3, 2, 100))
    weights = neighbourhood(stations, places, COVARIANCE)
    together = weights.apply(values)
    assert together.shape == (3, 2, 50)
    # The same sums in another order: float64 algebra.
    np.testing.assert_allclose(together[1, 1], weights.apply(values[1, 1]), rtol=1e-10, atol=1e-12)


def test_an_exact_station_is_met_and_a_poor_one_is_smoothed():
    stations = unit_vectors([48.0, 48.3], [2.0, 2.5])
    exact = Covariance((4.0,), (30.0,), 0.0)
    # The jitter on the diagonal is 1e-8 of the sill; weights are single precision.
    np.testing.assert_allclose(neighbourhood(stations, stations, exact).apply([3.0, -1.0]), [3.0, -1.0], atol=1e-5)
    smoothed = neighbourhood(stations[:1], stations[:1], exact, error_variance=[4.0])
    np.testing.assert_allclose(smoothed.apply([3.0]), [1.5], rtol=1e-6)  # half the variance is error
    np.testing.assert_allclose(smoothed.variance, [2.0], rtol=1e-6)


def test_no_station_is_unknown_with_the_prior_variance():
    weights = neighbourhood(np.zeros((0, 3)), unit_vectors([1.0, 2.0], [3.0, 4.0]), COVARIANCE)
    assert np.isnan(weights.apply(np.zeros(0))).all()
    np.testing.assert_array_equal(weights.variance, 7.0)
    assert np.isinf(weights.distance_km).all()


def test_beyond_reach_is_unknown_with_the_prior_variance():
    stations = unit_vectors([48.0], [2.0])
    weights = neighbourhood(stations, unit_vectors([48.1, 55.0], [2.0, 2.0]), COVARIANCE, reach_km=50)
    value = weights.apply([1.0])
    assert np.isfinite(value[0])
    assert np.isnan(value[1])
    assert weights.variance[0] < weights.variance[1] == 7.0
    # 0.1 degree of latitude is 11.1 km.
    np.testing.assert_allclose(weights.distance_km[0], 11.12, rtol=1e-3)


def test_stations_at_one_spot_are_solvable_and_share():
    stations = unit_vectors([48.0, 48.0, 48.0], [2.0, 2.0, 2.0])
    weights = neighbourhood(stations, stations[:1], Covariance((4.0,), (30.0,), 0.0))
    np.testing.assert_allclose(weights.apply([1.0, 2.0, 3.0]), [2.0], rtol=1e-4)  # a singular matrix plus 1e-8


def test_many_places_at_one_spot():
    stations = scattered(60, np.random.default_rng(4))
    places = np.repeat(unit_vectors([48.0], [2.0]), 10_000, axis=0)
    value = neighbourhood(stations, places, COVARIANCE).apply(np.ones(60))
    np.testing.assert_array_equal(value, value[0])


@pytest.mark.parametrize(("latitude", "longitude"), [(0.0, 180.0), (90.0, 0.0), (-90.0, 0.0)])
def test_neither_date_line_nor_pole_matters(latitude, longitude):
    """Stations around a point of the sphere: turning them does not change what is said at the point."""
    offsets = np.array([[0.2, 0.0], [-0.2, 0.1], [0.1, -0.3], [0.0, 0.25]])
    equator = unit_vectors(offsets[:, 0], offsets[:, 1])
    lat, lon = np.radians(latitude), np.radians(longitude)
    about_y = np.array([[np.cos(lat), 0, -np.sin(lat)], [0, 1, 0], [np.sin(lat), 0, np.cos(lat)]])
    about_z = np.array([[np.cos(lon), -np.sin(lon), 0], [np.sin(lon), np.cos(lon), 0], [0, 0, 1]])
    turned = equator @ (about_z @ about_y).T
    expected = neighbourhood(equator, unit_vectors([0.0], [0.0]), COVARIANCE).apply([1.0, 2.0, 3.0, 4.0])
    value = neighbourhood(turned, unit_vectors([latitude], [longitude]), COVARIANCE).apply([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(value, expected, rtol=1e-5)  # single-precision weights


def test_an_unknown_value_spreads_only_to_places_that_use_it():
    stations = unit_vectors([10.0, 60.0], [0.0, 0.0])
    weights = neighbourhood(stations, stations, COVARIANCE, neighbours=1)
    value = weights.apply([np.nan, 1.0])
    assert np.isnan(value[0])
    assert np.isfinite(value[1])


def test_shares_are_positive_and_sum_to_one():
    rng = np.random.default_rng(5)
    weights = neighbourhood(scattered(50, rng), scattered(40, rng), COVARIANCE).shares()
    np.testing.assert_allclose(weights.apply(np.ones(50)), 1.0, rtol=1e-5)  # single precision


def test_nearest_and_inverse_distance():
    stations = unit_vectors([48.0, 49.0], [2.0, 2.0])
    place, distance = nearest(stations, unit_vectors([48.2], [2.0]), 3)
    assert place.tolist() == [[0, 1, -1]]
    np.testing.assert_allclose(distance[0, :2], [22.24, 88.96], rtol=1e-3)  # 0.2 and 0.8 degrees
    # Weights 1/0.2^2 and 1/0.8^2: (25 x 1 + 1.5625 x 5) / 26.5625.
    np.testing.assert_allclose(inverse_distance(stations, unit_vectors([48.2], [2.0]), [1.0, 5.0]), [1.2353], rtol=1e-3)
    np.testing.assert_allclose(inverse_distance(stations, stations, [1.0, 5.0]), [1.0, 5.0], rtol=1e-6)
    assert np.isnan(inverse_distance(stations[:0], stations, np.zeros(0))).all()
    assert nearest(stations[:0], stations)[0].tolist() == [[-1], [-1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((1.0,), (1.0, 2.0), 0.0), "1 variances for 2 lengths"),
        (((-1.0,), (1.0,), 0.0), "negative variance"),
        (((1.0,), (0.0,), 0.0), "length not positive"),
        (((1.0,), (1.0,), -0.1), "negative variance"),
    ],
)
def test_what_is_no_covariance_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Covariance(*arguments)


@pytest.mark.parametrize(("error", "neighbours"), [(-1.0, 3), (np.nan, 3), (0.0, 0)])
def test_bad_errors_and_counts_are_refused(error, neighbours):
    stations = unit_vectors([48.0], [2.0])
    with pytest.raises(InputError, match="at least 1"):
        neighbourhood(stations, stations, COVARIANCE, error, neighbours)
