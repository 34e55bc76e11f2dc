"""The map's parameters: the leave-one-out identity, and what is chosen."""

import numpy as np
import pytest

from brise.conventions.grids import EARTH_RADIUS_KM, unit_vectors
from brise.models.climatology import fit_climatology
from brise.models.optimal_interpolation import Mapping, fit_mapping, left_out, spread


def test_leaving_out_by_formula_is_leaving_out_by_hand():
    rng = np.random.default_rng(0)
    places = unit_vectors(rng.uniform(48, 49, 6), rng.uniform(2, 3, 6))
    gap = np.linalg.norm(places[:, None] - places, axis=-1) * EARTH_RADIUS_KM
    matrix = np.exp(-gap / 30) + 0.2 * np.eye(6)
    values = rng.normal(size=(1, 6))
    values[0, 4] = np.nan
    error, sigma = left_out(matrix, values)
    others = [1, 2, 3, 5]
    weights = np.linalg.solve(matrix[np.ix_(others, others)], matrix[others, 0])
    # float64 algebra
    np.testing.assert_allclose(error[0, 0], values[0, 0] - weights @ values[0, others], rtol=1e-9)
    np.testing.assert_allclose(sigma[0, 0] ** 2, matrix[0, 0] - weights @ matrix[others, 0], rtol=1e-9)
    assert np.isnan(error[0, 4])


def test_few_data_leave_the_defaults(make_network):
    hours = make_network(days=3, stations=3)
    usual = fit_climatology(hours, "pm25")
    same, mapping = fit_mapping(hours, "pm25", usual)
    assert same is usual
    assert mapping.length_km == 20.0
    assert mapping.covariance.sill > 0
    assert 30 <= mapping.reach_km <= 150


def test_left_out_errors_have_the_promised_size(make_network):
    hours = make_network(days=60, stations=12, seed=3)
    usual = fit_climatology(hours, "pm25")
    usual, mapping = fit_mapping(hours, "pm25", usual)
    places = unit_vectors(hours.latitude, hours.longitude)
    rest = usual.to_root(hours.values["pm25"]) - usual.expected(hours.time, usual.deviation_of(hours))
    gap = np.linalg.norm(places[:, None] - places, axis=-1) * EARTH_RADIUS_KM
    matrix = mapping.covariance.between(gap)
    np.fill_diagonal(matrix, mapping.covariance.sill)
    error, sigma = left_out(matrix, rest[-500:])
    # The promise includes the unknown deviation of the station; here it is known, so the ratio is at most about 1.
    assert 0.3 < np.nanstd(error / sigma) < 1.1
    assert mapping.low < 0 < mapping.high


@pytest.mark.parametrize("stations", [60])
def test_large_networks_are_sampled(make_network, stations):
    hours = make_network(days=20, stations=stations)
    _, mapping = fit_mapping(hours, "pm25", fit_climatology(hours, "pm25"))
    assert mapping.covariance.sill > 0


def test_old_values_weigh_less():
    stations = unit_vectors([48.8, 48.9], [2.0, 2.0])
    place = unit_vectors([48.85], [2.0])
    mapping = Mapping(1.0, 20.0, 1.0, 0.2, 1.0)
    (_, _, fresh), (_, _, aged) = (
        next(spread(mapping, stations, place, np.array([ages]))) for ages in ([0, 0], [0, 3])
    )
    assert aged.variance[0] > fresh.variance[0]
    assert aged.apply([0.0, 1.0])[0] < fresh.apply([0.0, 1.0])[0]
