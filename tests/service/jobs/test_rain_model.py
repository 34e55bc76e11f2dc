"""Which nowcaster answers: the learned one where one can be opened, else the classical one."""

import json

from brise.io.artifacts import Artifacts
from brise.models import rain_extrapolation
from brise.service.jobs.rain_model import CLASSICAL, open_centre, open_nowcaster


def test_without_a_trained_model_the_classical_one_answers(tmp_path):
    store = Artifacts(tmp_path / "models", None)
    assert open_nowcaster(store) == (rain_extrapolation.nowcast, CLASSICAL)
    assert open_centre(store) == (rain_extrapolation.centre, CLASSICAL)


def test_a_damaged_model_is_left_out_and_named(tmp_path, caplog):
    store = Artifacts(tmp_path / "models", None)
    card = {"name": "rain", "family": "rain", "created": "2026-11-23"}
    digest = store.add(
        {"card.json": json.dumps(card).encode(), "model.onnx": b"not a graph", "calibration.json": b"{}"}
    )
    assert open_nowcaster(store)[1] == CLASSICAL
    assert f"rain model {digest[:12]} is left out" in caplog.text
