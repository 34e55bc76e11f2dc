"""The model that comes with the program is the champion, says what it is, and is worth it on real measurements."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions.observations import StationHours
from brise.models.features import TARGETS
from brise.models.registry import MODELS
from brise.service.jobs.champion import choose, open_artifacts
from brise.service.jobs.hindcast import Question, predict, read_archive
from brise.service.settings import Settings


@pytest.fixture
def champion(tmp_path):
    return choose(open_artifacts(Settings(data_dir=tmp_path)), "champion", 1)


def test_it_is_the_champion_and_its_card_is_complete(champion):
    assert champion.model.name == "anypoint-trees"
    card = champion.card
    assert card["pollutants"] == list(TARGETS)
    assert set(card["training"]) == {"beijing", "london", "mexico_city"}
    assert card["training"]["beijing"][1] <= "2016-03-01"
    for key in ("intended_use", "limits", "licence", "data_licences", "metrics", "created"):
        assert card[key], key


def test_a_city_it_never_saw_gets_finite_ordered_quantiles(champion):
    rng = np.random.default_rng(0)
    shape = (24 * 60, 3)
    values = {"no2": rng.gamma(4, 8, shape).astype(np.float32), "pm25": rng.gamma(3, 5, shape).astype(np.float32)}
    time = np.datetime64("2024-03-01T00", "s") + np.timedelta64(3600, "s") * np.arange(shape[0])
    places = np.array([10.0, 10.05, 10.1]), np.array([20.0, 20.05, 20.2])
    hours = StationHours(time, np.array(["a", "b", "c"]), *places, np.full(3, np.nan), values)
    question = Question(time[-60:-58], (0, 1, 24, 48), None, frozenset(["c"]))
    told = pd.concat(predict(hours, question, champion.model))
    assert set(told["variable"]) == {"no2", "pm25"}
    assert {"a", "b", "c"} == set(told["station_id"])
    sides = told[["q10", "q50", "q90"]].to_numpy()
    assert np.isfinite(sides).all()
    ahead = sides[(told["lead_hours"] > 0).to_numpy()]
    assert (np.diff(ahead, axis=1) >= 0).all()


def test_it_beats_the_blend_on_measurements_it_never_saw(champion, shared_data):
    hours = read_archive(shared_data / "air" / "london_2020_2023.parquet")
    inits = np.arange(np.datetime64("2023-01-10T00", "s"), np.datetime64("2023-12-20", "s"), np.timedelta64(77, "h"))
    question = Question(inits, (1, 6, 12), ("no2",))
    error = {}
    for model in (champion.model, MODELS["blend"]):
        told = pd.concat(predict(hours, question, model))
        valid = told["init_time"].dt.tz_localize(None).to_numpy("datetime64[s]")
        row = ((valid - hours.time[0]) // np.timedelta64(3600, "s")).astype(int) + 1 + told["lead_hours"].to_numpy()
        truth = hours.values["no2"][row, np.searchsorted(hours.station_id, told["station_id"])]
        error[model.name] = np.sqrt(np.nanmean((told["value"].to_numpy() - truth) ** 2))
    assert error["anypoint-trees"] < 0.985 * error["blend"]
