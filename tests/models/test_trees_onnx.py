"""The graph says what LightGBM says, at the thresholds and where nothing is known too."""

import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.models.sessions import open_session
from brise.models.trees_onnx import float32_floor, trees_to_onnx

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is installed for training alone")


@pytest.fixture(scope="module")
def trained():
    rng = np.random.default_rng(3)
    features = rng.normal(size=(3000, 5)).astype(np.float32)
    features[:, 2] = np.round(features[:, 2], 1)  # float32 values that are thresholds' neighbours
    features[rng.random(features.shape) < [0.3, 0, 0.1, 0, 0.5]] = np.nan
    target = np.nan_to_num(features[:, 0]) * (features[:, 1] > 0) + np.isnan(features[:, 4]) + features[:, 3] ** 2
    options = {"num_leaves": 15, "min_data_in_leaf": 10, "verbose": -1, "num_threads": 1, "seed": 1}
    return lightgbm.train(options, lightgbm.Dataset(features, target), 60), features


def told(payload, features):
    return open_session(payload).run({"features": features})[0][:, 0]


def test_parity(trained):
    booster, features = trained
    payload = trees_to_onnx(booster.dump_model())
    rng = np.random.default_rng(4)
    thresholds = np.array([t for tree in booster.dump_model()["tree_info"] for t in splits(tree["tree_structure"])])
    thresholds = thresholds[np.abs(thresholds) < 100]  # not those that stand for infinity
    near = rng.choice(thresholds, (4000, 5)).astype(np.float32)  # rounded to either side
    for some in (features, near, np.full((1, 5), np.nan, np.float32), np.zeros((1, 5), np.float32)):
        # float32 sums of 60 leaves
        np.testing.assert_allclose(told(payload, some), booster.predict(some), atol=1e-5)
    with_gaps = np.where(rng.random(near.shape) < 0.3, np.float32(np.nan), near)  # also where none was in training
    np.testing.assert_allclose(told(payload, with_gaps), booster.predict(with_gaps), atol=1e-5)


def splits(node):
    if "split_feature" not in node:
        return []
    return [node["threshold"], *splits(node["left_child"]), *splits(node["right_child"])]


def test_gain_scales_the_leaves(trained):
    booster, features = trained
    twice = told(trees_to_onnx(booster.dump_model(), 2.0), features)
    np.testing.assert_allclose(twice, 2 * booster.predict(features), atol=2e-5)  # as above, twice


@pytest.mark.parametrize("number", [0.1, -0.1, 1.0, 0.0, 1e300, -3.3e-7])
def test_the_floor_is_the_neighbour_below(number):
    found = float32_floor(number)
    assert found == np.float32(found)
    assert found <= number
    with np.errstate(over="ignore"):
        assert float(np.nextafter(np.float32(found), np.float32(np.inf))) > number


@pytest.mark.parametrize(("kind", "missing"), [("==", "NaN"), ("<=", "Zero")])
def test_other_splits_are_refused(kind, missing):
    leaf = {"leaf_value": 1.0}
    split = {"split_feature": 0, "threshold": 0.5, "decision_type": kind, "missing_type": missing, "default_left": True}
    tree = {"tree_structure": {**split, "left_child": leaf, "right_child": leaf}}
    with pytest.raises(InputError, match="only x <= t with NaN as missing"):
        trees_to_onnx({"tree_info": [tree], "max_feature_idx": 0})
