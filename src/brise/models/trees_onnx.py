"""A LightGBM model as an ONNX graph of one TreeEnsembleRegressor, so that serving needs no LightGBM.

LightGBM compares float64 thresholds; the graph's are float32. For a float32 x, x <= t is the same as x <= the largest
float32 not above t, so that every decision is the same. What is unknown (NaN) goes where LightGBM sends it: a feature
that was never unknown in training is read as 0.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from brise.conventions.errors import InputError

_OPSETS = (("", 17), ("ai.onnx.ml", 3))


def float32_floor(threshold: float) -> float:
    """The largest float32 that is not above a number.

    Example:
        >>> float32_floor(0.1) < 0.1 < float(np.float32(0.1))
        True
    """
    with np.errstate(over="ignore"):
        rounded = np.float32(threshold)
    return float(np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded)


def trees_to_onnx(dumped: Mapping[str, Any], gain: float = 1.0) -> bytes:
    """The graph: input `features` (N, F) float32, output `told` (N, 1).

    Args:
        dumped: `Booster.dump_model()` of a regression with numerical features.
        gain: Every leaf's value is multiplied by it.

    Raises:
        InputError: A split that is not of the form x <= t, or zeros read as unknown.
    """
    nodes: dict[str, Any] = {
        key: []
        for key in (
            "nodes_treeids",
            "nodes_nodeids",
            "nodes_featureids",
            "nodes_modes",
            "nodes_values",
            "nodes_truenodeids",
            "nodes_falsenodeids",
            "nodes_missing_value_tracks_true",
            "target_treeids",
            "target_nodeids",
            "target_ids",
            "target_weights",
        )
    }
    for number, tree in enumerate(dumped["tree_info"]):
        _add(nodes, number, tree["tree_structure"], gain)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["told"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        **nodes,
    )
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", dumped["max_feature_idx"] + 1])
    told = helper.make_tensor_value_info("told", TensorProto.FLOAT, ["rows", 1])
    graph = helper.make_graph([node], "trees", [given], [told])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(*opset) for opset in _OPSETS])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _add(nodes: dict[str, Any], tree: int, root: Mapping[str, Any], gain: float) -> None:
    """A tree's nodes, numbered from its root as they are met."""
    waiting, count = [(0, root)], 1
    while waiting:
        place, told = waiting.pop()
        leaf = "split_feature" not in told
        row: dict[str, Any] = {
            "treeids": tree,
            "nodeids": place,
            "featureids": 0,
            "modes": "LEAF",
            "values": 0.0,
            "truenodeids": 0,
            "falsenodeids": 0,
            "missing_value_tracks_true": 0,
        }
        if leaf:
            for key, value in (("treeids", tree), ("nodeids", place), ("ids", 0)):
                nodes[f"target_{key}"].append(value)
            nodes["target_weights"].append(float(told["leaf_value"]) * gain)
        else:
            row |= _split(told) | {"truenodeids": count, "falsenodeids": count + 1}
            waiting += [(count, told["left_child"]), (count + 1, told["right_child"])]
            count += 2
        for key, value in row.items():
            nodes[f"nodes_{key}"].append(value)


def _split(told: Mapping[str, Any]) -> dict[str, Any]:
    if told["decision_type"] != "<=" or told["missing_type"] not in ("None", "NaN"):
        raise InputError(
            f"LightGBM split of feature {told['split_feature']}: {told['decision_type']!r} with missing values "
            f"{told['missing_type']!r}; only x <= t with NaN as missing becomes a graph"
        )
    left = told["default_left"] if told["missing_type"] == "NaN" else told["threshold"] >= 0
    return {
        "featureids": int(told["split_feature"]),
        "modes": "BRANCH_LEQ",
        "values": float32_floor(float(told["threshold"])),
        "missing_value_tracks_true": int(left),
    }
