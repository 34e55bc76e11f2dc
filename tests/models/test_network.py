"""Fitting a network and asking it: degradation, blindness to the future, honesty of intervals."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.conventions.observations import StationHours
from brise.models.background import Background
from brise.models.network import Task, fit, point_outlook, station_outlook

LEADS = (1, 6, 24)


@pytest.fixture(scope="module")
def hours(make_network):
    return make_network(days=50)


@pytest.fixture(scope="module")
def fitted(hours):
    return fit(hours.until(hours.time[-10 * 24]), leads=LEADS)


def changed(hours, change):
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    change(values)
    return StationHours(hours.time, hours.station_id, hours.latitude, hours.longitude, hours.altitude_m, values)


def forecast(fitted, hours, rows, leads=(0, *LEADS)):
    task = Task(fitted, "pm25", hours, np.asarray(rows), leads)
    return station_outlook(task).prediction(task.own.climatology)


def test_a_forecast_beats_persistence_and_climatology(fitted, hours):
    rows = np.arange(len(hours.time) - 9 * 24, len(hours.time) - 24)
    truth = hours.values["pm25"][rows + 6]
    usual = fitted["pm25"].climatology
    climate = usual.from_root(usual.expected(hours.time[rows + 6], usual.deviation_of(hours)))
    ours, last, normal = (
        np.sqrt(np.nanmean((guess - truth) ** 2))
        for guess in (forecast(fitted, hours, rows, (6,)).value[:, 0], hours.values["pm25"][rows], climate)
    )
    assert ours < 0.95 * last
    assert ours < 0.95 * normal


def test_the_interval_covers_about_four_fifths(fitted, hours):
    rows = np.arange(len(hours.time) - 9 * 24, len(hours.time) - 24)
    found = forecast(fitted, hours, rows, LEADS)
    for place, lead in enumerate(LEADS):
        truth = hours.values["pm25"][rows + lead]
        known = np.isfinite(truth)
        inside = ((truth >= found.q10[:, place]) & (truth <= found.q90[:, place]))[known]
        assert 0.65 < inside.mean() < 0.93  # eight days of one weather: few independent draws
    assert (found.q10 <= found.q50).all()
    assert (found.q50 <= found.q90).all()


def test_lead_zero_is_the_measurement_and_a_gap_is_mapped(fitted, hours):
    last = len(hours.time) - 1
    gap = changed(hours, lambda values: values["pm25"].__setitem__((slice(last - 5, None), 2), np.nan))
    found = forecast(fitted, gap, [last], (0,))
    own = gap.values["pm25"][last]
    known = np.isfinite(own)
    # Root scale and back, in float64 from float32 values.
    np.testing.assert_allclose(found.value[0, 0, known], own[known], rtol=1e-5)
    np.testing.assert_allclose(found.q10[0, 0, known], own[known], rtol=1e-5)
    assert not known[2]
    assert found.q10[0, 0, 2] < found.value[0, 0, 2] < found.q90[0, 0, 2]


def test_nothing_after_the_row_is_read(fitted, hours):
    row = len(hours.time) - 60
    later = changed(hours, lambda values: [m.__setitem__(slice(row + 1, None), 999.0) for m in values.values()])
    places = unit_vectors([48.85], [2.35])
    for answer in (
        lambda h: forecast(fitted, h, [row]).value,
        lambda h: point_outlook(Task(fitted, "pm25", h, np.array([row]), (0, *LEADS)), places).root,
    ):
        np.testing.assert_array_equal(answer(hours), answer(later))


def test_a_silent_network_is_unknown(fitted, hours):
    silent = changed(hours, lambda values: [m.__setitem__(slice(-30, None), np.nan) for m in values.values()])
    rows = np.array([len(hours.time) - 1])
    assert np.isnan(forecast(fitted, silent, rows).value).all()
    task = Task(fitted, "pm25", silent, rows, (0, *LEADS))
    assert np.isnan(point_outlook(task, unit_vectors([48.8], [2.3])).root).all()


def test_a_station_without_a_present_is_forecast_from_the_others(fitted, hours):
    one = changed(hours, lambda values: values["pm25"].__setitem__((slice(-30, None), 0), np.nan))
    assert np.isfinite(forecast(fitted, one, [len(hours.time) - 1]).value).all()


def test_a_missing_predictor_counts_as_usual(fitted, hours):
    alone = StationHours(
        hours.time, hours.station_id, hours.latitude, hours.longitude, hours.altitude_m, {"pm25": hours.values["pm25"]}
    )
    assert "no2" in fitted["pm25"].blend.others
    assert np.isfinite(forecast(fitted, alone, [len(hours.time) - 1]).value).all()


def test_three_days_still_forecast_and_shrink_to_what_is_usual(make_network):
    hours = make_network(days=3, stations=3)
    fitted = fit(hours)
    task = Task(fitted, "pm25", hours, np.array([71]), tuple(range(97)))
    found = station_outlook(task)
    assert np.isfinite(found.root).all()
    usual = task.expected(fitted["pm25"].climatology.deviation_of(hours))
    assert np.abs(found.root - usual)[0, 96].max() < np.abs(found.root - usual)[0, 0].max() + 0.05
    assert (found.variance[0, 96] > found.variance[0, 1]).all()


def test_between_fitted_leads_is_between(fitted, hours):
    found = forecast(fitted, hours, [len(hours.time) - 1], (6, 7, 23, 24))
    assert np.isfinite(found.value).all()
    with pytest.raises(InputError, match="leads 30 to 30 h asked, fitted are"):
        forecast(fitted, hours, [len(hours.time) - 1], (30,))


def test_an_unfitted_pollutant_is_refused(fitted, hours):
    with pytest.raises(InputError, match="o3: no model was fitted; fitted are pm25, no2"):
        Task(fitted, "o3", hours, np.array([5]), (0,)).own  # noqa: B018


def test_the_map_meets_its_stations_and_fades_to_usual(fitted, hours):
    row = np.array([len(hours.time) - 1])
    task = Task(fitted, "pm25", hours, row, (0,))
    at = point_outlook(task, task.places)
    own = task.anomalies["pm25"][row] + task.expected(task.own.climatology.deviation_of(hours))[:, 0]
    between = np.abs(at.root[0, 0] - own[0])
    assert between.mean() < 0.8 * np.std(own)  # local anomalies of this network are noise to each other
    assert (at.variance > 0).all()
    far = point_outlook(task, unit_vectors([55.0], [2.3]))
    assert far.variance[0, 0, 0] > at.variance.max()


def test_a_worse_instrument_moves_the_map_less(fitted, hours):
    row, place = np.array([len(hours.time) - 1]), unit_vectors(hours.latitude[:1], hours.longitude[:1])
    spiked = changed(hours, lambda values: values["pm25"].__setitem__((-1, 0), 200.0))
    error = np.where(np.arange(len(hours.station_id)) == 0, 3.0, 0.0)
    trusted, doubted = (
        point_outlook(Task(fitted, "pm25", spiked, row, (0,), worse), place).root[0, 0, 0] for worse in (0.0, error)
    )
    assert doubted < trusted


def test_a_background_carries_the_map_beyond_stations(fitted, hours):
    time = hours.time[-1] + np.arange(-2, 30) * np.timedelta64(3600, "s")
    field = np.tile([20.0, 90.0], (len(time), 1))
    background = Background("test", time, np.array([48.8, 58.0]), np.array([2.3, 2.3]), {"pm25": field})
    task = Task(fitted, "pm25", hours, np.array([len(hours.time) - 1]), (0, 6), 0.0, background)
    far = point_outlook(task, unit_vectors([58.0], [2.3])).root
    plain = point_outlook(Task(fitted, "pm25", hours, task.rows, (0, 6)), unit_vectors([58.0], [2.3])).root
    assert (far > plain + 0.5).all()


def test_a_background_interpolates_in_time_and_knows_its_limits():
    time = np.array(["2024-01-01T00:00:00", "2024-01-01T02:00:00"], "datetime64[s]")
    background = Background("test", time, np.array([48.0]), np.array([2.0]), {"pm25": np.array([[10.0], [30.0]])})
    hour = time[0] + np.arange(-1, 4) * np.timedelta64(3600, "s")
    found = background.at("pm25", hour, unit_vectors([48.1, 60.0], [2.0, 2.0]))
    np.testing.assert_allclose(found[1:4, 0], [10, 20, 30], rtol=1e-9)  # float64 algebra
    assert np.isnan(found[[0, 4], 0]).all()
    assert np.isnan(found[:, 1]).all()
    assert np.isnan(background.at("o3", hour, unit_vectors([48.1], [2.0]))).all()
