"""Trees on the base's error, trained and served on a small synthetic network."""

from dataclasses import replace

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.models.boosting import GROUPS, group_weights, station_design
from brise.models.boosting_serving import file_name, open_files, open_sessions, station_shifts
from brise.models.calibration import Excess
from brise.models.features import Network
from brise.models.network import Task, fit, point_outlook, station_outlook

pytest.importorskip("lightgbm", reason="lightgbm is installed for training alone")

from brise.models import boosting_training

LEADS = (1, 2, 3, 5, 12, 24, 48)
RECIPES = {group: boosting_training.Recipe(20, 7, 0.2, 0.01, 0.5) for group in GROUPS}


@pytest.fixture(scope="module")
def hours(make_network):
    made = make_network(days=75)
    # every other day 20 more at noon: what no ridge on last values tells
    hour = made.time.astype("datetime64[h]").astype(int)
    peak = ((hour % 48) == 12).astype(np.float32)[:, None]
    return replace(made, values={name: matrix + 20 * peak for name, matrix in made.values.items()})


@pytest.fixture(scope="module")
def fitted(hours):
    return fit(hours.until(hours.time[-12 * 24]), None, LEADS)


@pytest.fixture(scope="module")
def trained(hours, fitted):
    past = hours.until(hours.time[-12 * 24])
    course = boosting_training.Course(past, len(past.time) - 12 * 24, fitted, fitted, 1)
    excess = Excess(LEADS)
    graphs, trusted = boosting_training.train([course], "pm25", excess, 1, RECIPES)
    card = {"name": "tiny", "title": "Tiny trees", "pollutants": ["pm25"]}
    return boosting_training.artifact(graphs, trusted, boosting_training.calibrated(excess), card, {"seed": 1})


@pytest.fixture(scope="module")
def sessions(trained):
    return open_sessions(trained, 1)


def later(hours):
    return np.arange(len(hours.time) - 11 * 24, len(hours.time) - 48)


def test_the_trees_improve_on_the_base_in_a_later_period(hours, fitted, trained):
    task = Task(fitted, "pm25", hours, later(hours), (1, 3))
    told, base = open_files(trained, 1).stations(task), station_outlook(task).prediction(task.own.climatology)
    truth = np.stack([hours.values["pm25"][task.rows + lead] for lead in task.leads], axis=1)
    ours, theirs = (np.nanmean((one.value - truth) ** 2) for one in (told, base))
    assert ours < 0.9 * theirs
    known = np.isfinite(truth)
    assert 0.7 < ((truth >= told.q10) & (truth <= told.q90))[known].mean() < 0.9
    assert (told.q10 <= told.q50).all()
    assert (told.q50 <= told.q90).all()


def test_the_value_is_the_base_moved_by_the_shifts(hours, fitted, trained, sessions):
    task = Task(fitted, "pm25", hours, later(hours)[:5], (0, 1, 5, 24))
    base = station_outlook(task).prediction(task.own.climatology)
    shifts = station_shifts(sessions, Network(fitted, hours), "pm25", task.rows, task.leads)
    assert shifts.shape == base.value.shape
    assert np.abs(shifts[:, 1]).max() > 0
    found = open_files(trained, 1).stations(task)
    np.testing.assert_allclose(found.value, base.value + shifts, rtol=1e-10)  # float64 algebra
    for side in ("value", "q10", "q50", "q90"):
        np.testing.assert_allclose(getattr(found, side)[:, 0], getattr(base, side)[:, 0], rtol=1e-10)


def test_between_groups_the_models_share_and_later_they_fade():
    leads = (1, 3, 4, 12, 15, 18, 48, 72, 96, 120)
    weights = group_weights(leads)
    np.testing.assert_allclose(weights[:, :7].sum(axis=0), 1)  # shares of one
    np.testing.assert_allclose(weights[3:5, 4], 0.5)
    np.testing.assert_allclose(weights[-1, 6:], [1, 0.5, 0, 0])


def test_nothing_later_than_now_is_read(hours, fitted, sessions):
    rows = later(hours)[:2]
    before = station_shifts(sessions, Network(fitted, hours), "pm25", rows, LEADS)
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    for matrix in values.values():
        matrix[rows[-1] + 1 :] = 1e4
    after = station_shifts(sessions, Network(fitted, replace(hours, values=values)), "pm25", rows[-1:], LEADS)
    np.testing.assert_array_equal(after, before[-1:])


def test_parts_of_the_rows_say_the_same(hours, fitted, sessions, monkeypatch):
    rows, network = later(hours)[:7], Network(fitted, hours)
    whole = station_shifts(sessions, network, "pm25", rows, LEADS)
    monkeypatch.setattr("brise.models.boosting_serving._CELLS", 100)
    np.testing.assert_allclose(station_shifts(sessions, network, "pm25", rows, LEADS), whole, rtol=1e-12)


def test_without_trees_or_base_there_is_no_shift(hours, fitted, sessions):
    rows = later(hours)[:2]
    assert not station_shifts(sessions, Network(fitted, hours), "no2", rows, LEADS).any()
    assert not station_shifts(sessions, Network(fitted, hours), "pm25", rows, (0,)).any()
    values = {name: matrix.copy() for name, matrix in hours.values.items()}
    for matrix in values.values():
        matrix[rows[-1] - 800 :] = np.nan  # a network that fell silent
    silent = Network(fitted, replace(hours, values=values))
    assert np.isnan(station_design(silent, "pm25", rows, LEADS).base).any()
    told = station_shifts(sessions, silent, "pm25", rows, LEADS)
    assert np.isfinite(told).all()
    assert not told[np.isnan(station_design(silent, "pm25", rows, LEADS).base).transpose(1, 0, 2)].any()


def test_at_points_the_base_speaks(hours, fitted, trained):
    task = Task(fitted, "pm25", hours, later(hours)[:2], (0, 6))
    places = unit_vectors(np.array([48.9]), np.array([2.4]))
    found = open_files(trained, 1).points(task, places)
    base = point_outlook(task, places).prediction(task.own.climatology)
    np.testing.assert_array_equal(found.value, base.value)


def test_a_missing_file_is_named(trained):
    gone = file_name("pm25", (18, 24))
    with pytest.raises(InputError, match=f"'tiny': no {gone}"):
        open_files({name: payload for name, payload in trained.items() if name != gone}, 1)


def test_what_a_later_period_does_not_want_is_not_said():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(2000, 3)).astype(np.float32)
    target = rng.normal(size=2000).astype(np.float32)
    lead = np.ones(2000, int)
    trees, size = boosting_training.fit_trees(
        [boosting_training.Examples(features, target, lead)], boosting_training.Recipe(30, 31, 0.3, 0.001, 1.0), 30, 1
    )
    other = boosting_training.Examples(features, -trees.predict(features).astype(np.float32), lead)
    assert boosting_training.trust(trees, size, [other], 30) == (0, 0.0, 1.0)
