"""A foundation time-series model behind our protocol, with a stand-in that is as small as the protocol."""

import json
import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from brise.conventions.errors import ConfigurationError, InputError
from brise.conventions.grids import unit_vectors
from brise.models.foundation import CONTEXT_HOURS, OPTIONAL, chronos, foundation_model
from brise.models.network import Task, fit
from brise.models.registry import MODELS
from brise.models.runtime import open_model

LEADS = (0, 1, 6, 24)
PLACES = unit_vectors([48.8, 48.9], [2.25, 2.35])


class Last:
    """The newest value stays, with a band that widens; remembers what it was given."""

    def predict_quantiles(self, context, horizon):
        self.context = context
        place = context.shape[1] - 1 - np.argmax(np.isfinite(context[:, ::-1]), axis=1)
        newest = context[np.arange(len(context)), place]
        width = np.sqrt(np.arange(1, horizon + 1))
        return newest[:, None, None] + width[:, None] * np.array([-1.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def task(make_network):
    hours = make_network(days=30)
    rows = np.array([300, len(hours.time) - 1])
    return Task(fit(hours.until(hours.time[-48]), leads=()), "pm25", hours, rows, LEADS)


def test_stations_and_points(task):
    pipeline = Last()
    model = foundation_model(pipeline)
    at_stations, at_points = model.stations(task), model.points(task, PLACES)
    assert pipeline.context.shape == (2 * 8, CONTEXT_HOURS)
    assert np.isnan(pipeline.context[:8, : CONTEXT_HOURS - 301]).all()  # before the archive begins
    for found, count in ((at_stations, 8), (at_points, 2)):
        assert found.value.shape == (2, 4, count)
        assert np.isfinite(found.value).all()
        assert (found.q10 <= found.q50).all()
        assert (found.q50 <= found.q90).all()
    newest = task.hours.values["pm25"][-1]
    np.testing.assert_allclose(at_stations.q50[1, 2], newest, rtol=1e-6)  # float32
    np.testing.assert_array_equal(
        at_stations.value[:, 0], MODELS["blend"].stations(replace(task, leads=(0,))).value[:, 0]
    )
    np.testing.assert_array_equal(
        at_points.value[:, 0], MODELS["blend"].points(replace(task, leads=(0,)), PLACES).value[:, 0]
    )
    levels = np.sqrt(newest)
    assert (np.abs(np.sqrt(at_points.q50[1, 1:]) - levels.mean()) < 1.5 * np.ptp(levels)).all()


def test_points_are_surer_where_stations_are(task):
    near = foundation_model(Last()).points(task, task.places[:1])
    far = foundation_model(Last()).points(task, unit_vectors([49.8], [2.3]))
    assert ((far.q90 - far.q10) > (near.q90 - near.q10))[:, 1:].all()


def test_a_silent_station_is_unknown_and_nothing_later_is_read(task):
    silent = np.where(np.arange(8) == 3, np.nan, task.hours.values["pm25"])
    hours = replace(task.hours, values={**task.hours.values, "pm25": silent.astype(np.float32)})
    found = foundation_model(Last()).stations(replace(task, hours=hours))
    assert np.isnan(found.value[:, 1:, 3]).all()
    assert np.isfinite(found.value[..., [0, 1, 2, 4, 5, 6, 7]]).all()
    assert np.isfinite(foundation_model(Last()).points(replace(task, hours=hours), PLACES).value).all()
    first = replace(task, rows=task.rows[:1])
    later = {name: np.where(np.arange(len(m))[:, None] > 300, 777.0, m) for name, m in task.hours.values.items()}
    for ask in (
        lambda one: foundation_model(Last()).stations(one),
        lambda one: foundation_model(Last()).points(one, PLACES),
    ):
        np.testing.assert_array_equal(
            ask(first).value, ask(replace(first, hours=replace(task.hours, values=later))).value
        )


def test_leads_may_come_in_any_mix(task):
    model = foundation_model(Last())
    np.testing.assert_array_equal(
        model.stations(replace(task, leads=(6,))).q90[:, 0], model.stations(task).q90[:, LEADS.index(6)]
    )
    assert model.stations(replace(task, leads=(0,))).value.shape == (2, 1, 8)
    with pytest.raises(InputError, match="no lead is asked for"):
        model.stations(replace(task, leads=()))


def test_a_pipeline_that_answers_otherwise_is_refused(task):
    class Short:
        def predict_quantiles(self, context, horizon):
            return np.zeros((len(context), horizon, 2))

    with pytest.raises(InputError, match=r"pipeline gave \(16, 24, 2\), expected \(16, 24, 3\)"):
        foundation_model(Short()).stations(task)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "chronos", None)  # as if it were not installed
    for opening in (chronos, OPTIONAL["chronos_2"]):
        with pytest.raises(
            ConfigurationError, match=r"amazon/chronos-2: needs a package: pip install 'chronos-forecast"
        ):
            opening()


def test_an_artifact_may_name_a_pipeline(task, monkeypatch):
    class Package:
        @classmethod
        def from_pretrained(cls, name, device_map):
            if name != "some/model":
                raise OSError(f"no {name} on the hub")
            return cls()

        def predict_quantiles(self, inputs, prediction_length, quantile_levels):
            found = Last().predict_quantiles(inputs[:, 0], prediction_length)
            return [one[None] for one in found], [one[None, :, 1] for one in found]

    monkeypatch.setitem(sys.modules, "chronos", types.SimpleNamespace(BaseChronosPipeline=Package))
    card = {"family": "foundation", "name": "zero", "title": "Zero-shot", "pipeline": "some/model"}
    model = open_model({"card.json": json.dumps(card).encode()})
    assert (model.name, model.title) == ("zero", "Zero-shot")
    # The package answers in float32.
    np.testing.assert_allclose(model.stations(task).q90, foundation_model(Last()).stations(task).q90, rtol=1e-6)
    with pytest.raises(ConfigurationError, match=r"some/other: cannot be loaded: no some/other on the hub"):
        chronos("some/other")
