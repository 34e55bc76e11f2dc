"""What is usual: the root scale, the cycle, the deviations."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.models.climatology import cycle_terms, fit_climatology, solar_hour, terms_for


def hours_of(root, latitude=(48.8, 48.9), longitude=(0.0, 0.0)):
    """Stations whose root-scale concentrations (times ten, squared) are given, (T, S)."""
    time = np.datetime64("2024-01-01T00:00:00", "s") + np.arange(1, len(root) + 1) * np.timedelta64(3600, "s")
    names = np.array([f"test:{n}" for n in range(root.shape[1])])
    place = np.array(latitude[: root.shape[1]]), np.array(longitude[: root.shape[1]])
    return StationHours(time, names, *place, np.zeros(root.shape[1]), {"pm25": (root**2).astype(np.float32)})


def test_the_root_scale_goes_there_and_back(make_network):
    usual = fit_climatology(make_network(), "pm25")
    values = np.array([-0.5 * usual.offset, 0.0, 3.0, 40.0, 900.0])
    np.testing.assert_allclose(usual.from_root(usual.to_root(values)), values, rtol=1e-9, atol=1e-9)  # float64 algebra
    assert np.isfinite(usual.to_root(np.array([-1e6]))).all()
    assert np.isnan(usual.to_root(np.array([np.nan]))).all()


def test_the_expectation_adds_the_variance(make_network):
    usual = fit_climatology(make_network(), "pm25")
    rng = np.random.default_rng(0)
    roots = 2.0 + rng.normal(0, 0.3, 200_000)
    # Monte Carlo: standard error of the mean is below 0.3 % of it.
    np.testing.assert_allclose(usual.from_root(np.array(2.0), 0.09), usual.from_root(roots).mean(), rtol=0.01)


def test_a_daily_cycle_and_a_deviation_are_learnt():
    count = 60 * 24
    daily = 4 + np.sin(2 * np.pi * (np.arange(count) + 0.5) / 24)
    hours = hours_of(np.stack([daily + 0.5, daily - 0.5], axis=1))
    usual = fit_climatology(hours, "pm25")
    expected = usual.from_root(usual.expected(hours.time, usual.deviation_of(hours)))
    # The root scale is not quite the one the cycle was made on, and 60 days weigh 12 to 1 against the prior.
    np.testing.assert_allclose(expected, hours.values["pm25"], rtol=0.12)


def test_short_histories_get_fewer_terms():
    assert [terms_for(days) for days in (3, 30, 400)] == [9, 14, 34]
    assert cycle_terms(np.array(["2024-01-01T00:00:00"], "datetime64[s]"), 0.0).shape == (1, 34)


def test_three_days_give_a_finite_cycle(make_network):
    hours = make_network(days=3)
    usual = fit_climatology(hours, "pm25")
    expected = usual.expected(hours.time, usual.deviation_of(hours))
    assert np.isfinite(expected).all()
    # Drawn towards the mean: no wilder than the data.
    assert np.ptp(expected) < np.ptp(usual.to_root(hours.values["pm25"])[np.isfinite(hours.values["pm25"])])


def test_solar_hour_follows_the_longitude():
    noon_end = np.array(["2024-01-01T12:30:00"], "datetime64[s]")  # the hour centred on noon UTC
    assert solar_hour(noon_end, 0.0)[0] == 12
    assert solar_hour(noon_end, 90.0)[0] == 18
    assert solar_hour(noon_end, -90.0)[0] == 6


def test_weekends_are_saturday_and_sunday():
    def weekend(day):
        return cycle_terms(np.array([f"{day}T12:30:00"], "datetime64[s]"), 0.0)[0, 9]

    assert [weekend(f"2024-03-{day:02d}") for day in range(1, 8)] == [0, 1, 1, 0, 0, 0, 0]  # 1 March 2024: Friday


def test_an_unknown_station_borrows_from_its_neighbours():
    count = 40 * 24
    level = np.full(count, 4.0)
    near = [48.80, 48.81, 48.82, 50.8]
    hours = hours_of(np.stack([level + 1, level + 1, level + 1, level - 1], axis=1), near, [2.0] * 4)
    usual = fit_climatology(hours, "pm25")
    close, far = usual.deviation_at(unit_vectors([48.815, 10.0], [2.0, 2.0]))
    assert (close > 0.05).all()
    np.testing.assert_allclose(far, 0.0, atol=1e-6)  # thousands of km away: no information
    without = usual.without({"test:3"})
    assert without.station_id.tolist() == ["test:0", "test:1", "test:2"]


def test_nothing_measured_is_refused():
    hours = hours_of(np.full((48, 2), np.nan))
    with pytest.raises(InputError, match="no measurement of pm25 in the history of 2 stations"):
        fit_climatology(hours, "pm25")
