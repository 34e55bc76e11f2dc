"""What every registered model must do, and that fitted models survive a round trip."""

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.conventions.grids import unit_vectors
from brise.models.artifacts import from_bytes, to_bytes
from brise.models.network import Task, fit
from brise.models.registry import MODELS, model

LEADS = (0, 1, 6, 24)
PLACES = unit_vectors([48.8, 48.9], [2.25, 2.35])
MAKE = runpy.run_path(str(Path(__file__).parents[1] / "data" / "network" / "make.py"))["make_network"]


@pytest.fixture(scope="module")
def task():
    hours = MAKE(days=30)
    rows = np.array([len(hours.time) - 30, len(hours.time) - 1])
    return Task(fit(hours.until(hours.time[-48]), leads=LEADS[1:]), "pm25", hours, rows, LEADS)


@pytest.mark.parametrize("name", MODELS)
def test_shapes_order_and_repeatability(name, task):
    for answer in (lambda: MODELS[name].stations(task), lambda: MODELS[name].points(task, PLACES)):
        found, again = answer(), answer()
        count = found.value.shape[2]
        assert found.value.shape == (2, len(LEADS), count)
        assert count in (len(task.hours.station_id), len(PLACES))
        for side in ("value", "q10", "q50", "q90"):
            np.testing.assert_array_equal(getattr(found, side), getattr(again, side))
        assert np.isfinite(found.value).all()
        assert not (found.q10 > found.q50).any()
        assert not (found.q50 > found.q90).any()


@pytest.mark.parametrize("name", MODELS)
def test_blind_to_what_comes_after(name, task):
    row = int(task.rows[0])
    values = {key: np.where(np.arange(len(m))[:, None] > row, 777.0, m) for key, m in task.hours.values.items()}
    first = replace(task, rows=task.rows[:1])
    later = replace(first, hours=replace(task.hours, values=values))
    np.testing.assert_array_equal(MODELS[name].stations(first).value, MODELS[name].stations(later).value)
    np.testing.assert_array_equal(MODELS[name].points(first, PLACES).value, MODELS[name].points(later, PLACES).value)


@pytest.mark.parametrize("name", MODELS)
def test_names_match_keys_and_have_titles(name):
    assert MODELS[name].name == name
    assert MODELS[name].title


def test_an_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"unknown model 'nope'; known are persistence, .*blend"):
        model("nope")


def test_fitted_models_survive_a_round_trip(task):
    again = replace(task, fitted=from_bytes(to_bytes(task.fitted)))
    assert list(again.fitted) == list(task.fitted)
    np.testing.assert_array_equal(
        MODELS["blend"].points(again, PLACES).value, MODELS["blend"].points(task, PLACES).value
    )


@pytest.mark.parametrize("payload", [b"", b"PK\x03\x04 not a zip", b"\x00" * 100])
def test_other_bytes_are_refused(payload):
    with pytest.raises(InputError, match="not a file of ours"):
        from_bytes(payload)


def test_a_cut_file_is_refused(task):
    whole = to_bytes(task.fitted)
    with pytest.raises(InputError, match="not a file of ours"):
        from_bytes(whole[: len(whole) // 2])


def test_another_format_is_refused(task, monkeypatch):
    monkeypatch.setattr("brise.models.artifacts.FORMAT", 0)
    payload = to_bytes(task.fitted)
    monkeypatch.undo()
    with pytest.raises(InputError, match="format 0, this version reads"):
        from_bytes(payload)
