"""From an artifact's files to a model: one clear line for whatever is wrong with them."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from brise.conventions.errors import InputError
from brise.models import runtime
from brise.models.registry import MODELS, Model
from brise.models.runtime import open_model, read_card
from brise.models.sessions import open_session, read_json

CARD = {"family": "test", "name": "tiny", "title": "A tiny model"}


def graph():
    """Twice the input."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in "xy")
    two = helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])
    body = helper.make_graph([helper.make_node("Mul", ["x", "two"], ["y"])], "double", [x], [y], [two])
    made = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 9
    return made.SerializeToString()


def opened(files, threads):
    session = open_session(files["model.onnx"], threads)
    weight = json.loads(files["calibration.json"])["weight"]
    assert session.outputs == ("y",)
    return Model("tiny", f"weight {weight}", MODELS["idw"].stations, MODELS["idw"].points)


@pytest.fixture
def whole(monkeypatch):
    monkeypatch.setitem(runtime.FAMILIES, "test", opened)
    return {
        "card.json": json.dumps(CARD).encode(),
        "model.onnx": graph(),
        "calibration.json": b'{"weight": 1.5}',
    }


def test_a_family_makes_the_model(whole):
    assert open_model(whole).title == "weight 1.5"
    assert read_card(whole) == CARD


def test_a_session_runs():
    session = open_session(graph(), 1)
    assert list(session.inputs) == ["x"]
    (found,) = session.run({"x": np.ones((3, 2), np.float32)})
    np.testing.assert_array_equal(found, np.full((3, 2), 2.0))
    with pytest.raises(InputError, match=r"ONNX graph does not take x float32\[3, 5\]"):
        session.run({"x": np.ones((3, 5), np.float32)})
    with pytest.raises(InputError, match="ONNX graph does not take z"):
        session.run({"z": np.ones((3, 2), np.float32)})


@pytest.mark.parametrize("payload", [b"", b"not a graph", graph()[:40], onnx.ModelProto().SerializeToString()])
def test_other_bytes_are_no_graph(payload):
    with pytest.raises(InputError, match=f"ONNX graph of {len(payload)} bytes: cannot be read"):
        open_session(payload)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"card.json": None}, "no card.json; it holds calibration.json, model.onnx"),
        ({"card.json": b"{"}, "card.json is not JSON"),
        ({"card.json": b"[]"}, "card.json is a list, expected an object"),
        ({"card.json": b'{"family": "test", "name": ""}'}, "card.json has no text 'name'"),
        (
            {"card.json": b'{"family": "alien", "name": "x", "title": "X"}'},
            "unknown family 'alien'; this version opens",
        ),
        ({"calibration.json": None}, "'tiny': not a whole test artifact: KeyError: 'calibration.json'"),
        ({"calibration.json": b"\xff"}, "not a whole test artifact: UnicodeDecodeError"),
        ({"model.onnx": b"\x00" * 9}, "ONNX graph of 9 bytes: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(whole, change, message):
    files = {name: content for name, content in {**whole, **change}.items() if content is not None}
    with pytest.raises(InputError, match=message) as caught:
        open_model(files)
    assert "\n" not in str(caught.value)


def test_an_empty_artifact_says_so():
    with pytest.raises(InputError, match="it holds nothing"):
        read_json({}, "manifest.json")
