"""ONNX graphs and the JSON of an artifact: what every family of trained models is opened with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brise.conventions.errors import InputError

Files = Mapping[str, bytes]
"""File name -> content."""


@dataclass(frozen=True, slots=True)
class Session:
    """An ONNX graph, ready to run.

    Attributes:
        inputs: Name -> type and shape, as text.
        outputs: Names, in order.
        run: Arrays by input name -> the outputs in order.
    """

    inputs: dict[str, str]
    outputs: tuple[str, ...]
    run: Callable[[Mapping[str, NDArray[Any]]], list[NDArray[Any]]]


def read_json(files: Files, name: str) -> dict[str, Any]:
    """One of an artifact's JSON files.

    Raises:
        InputError: It is missing, or not a JSON object.
    """
    if name not in files:
        raise InputError(f"model artifact: no {name}; it holds {', '.join(sorted(files)) or 'nothing'}")
    try:
        found = json.loads(files[name])
    except ValueError as error:
        raise InputError(f"model artifact: {name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"model artifact: {name} is a {type(found).__name__}, expected an object")
    return found


def open_session(payload: bytes, threads: int = 1) -> Session:
    """Open an ONNX graph with ONNX Runtime on the CPU.

    Args:
        payload: The file.
        threads: Within an operator; 0 = one a core. Operators run one after the other.

    Raises:
        InputError: ONNX Runtime cannot read the graph.
    """
    # Here, since most commands open no graph and it takes 0.2 s; by name, since it has no type stubs.
    onnxruntime: Any = import_module("onnxruntime")
    state: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; they are raised, too
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves the process beside us
    failures = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoModel)
    try:
        opened = onnxruntime.InferenceSession(payload, options, providers=["CPUExecutionProvider"])
    except (*failures, state.NotImplemented, state.RuntimeException, ValueError, TypeError) as error:
        raise InputError(f"ONNX graph of {len(payload)} bytes: cannot be read: {_line(error)}") from None
    outputs = tuple(each.name for each in opened.get_outputs())

    def run(feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            return [np.asarray(each) for each in opened.run(list(outputs), dict(feeds))]
        except (*failures, state.RuntimeException, ValueError) as error:
            shapes = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in feeds.items())
            raise InputError(f"ONNX graph does not take {shapes}: {_line(error)}") from None

    return Session({each.name: f"{each.type} {each.shape}" for each in opened.get_inputs()}, outputs, run)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
