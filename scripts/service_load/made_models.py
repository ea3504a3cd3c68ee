"""Model files that the scripts make themselves: a constant one, and one whose network takes as long as wanted."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trus import __version__
from trus.inference.metadata import SCHEMA_VERSION, STATEMENT
from trus.inference.predictor import METADATA_KEY
from trus.preprocessing import Preprocessor

Shape = tuple[int, int, int]
"""Channels, height and width of a network's input."""

_OPSET, _IR_VERSION = 18, 9


def document(shape: Shape) -> dict[str, Any]:
    """The metadata of a made model of one class."""
    preprocessing = {"size": list(shape[1:]), "channels": "grey" if shape[0] == 1 else "grey3"}
    training = {"data_hash": "0" * 64, "split_hash": "0" * 64, "fold": 0, "seed": 0, "epoch": 0, "config": {}}
    return {
        "schema_version": SCHEMA_VERSION, "name": "made", "created": datetime.now(UTC).isoformat(),
        "trus_version": __version__, "classes": {"labels": {"0": "background", "1": "disc"}, "contains": {}},
        "thresholds": [0.5], "preprocessing": Preprocessor.from_dict(preprocessing).to_dict(),
        "input_shape": list(shape),
        "training": training | {"initial_weights": "none", "initial_weights_licence": "none needed"},
        "data": {"sources": ["made by scripts"], "licences": ["CC0-1.0"], "frames": 0, "patients": 0, "cropped": 0},
        "statement": STATEMENT,
    }  # fmt: skip


def constant_model(shape: Shape) -> onnx.ModelProto:
    """A graph that answers a disc in the middle, whatever the frame: 0 x the frame's first channel + the disc."""
    y, x = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    disc = np.where(np.hypot(y, x) < 0.5, 4, -4).astype(np.float32)
    nodes = [
        helper.make_node("Slice", ["image", "zero", "one", "one"], ["first"]),
        helper.make_node("Mul", ["first", "nothing"], ["blank"]),
        helper.make_node("Add", ["blank", "disc"], ["logits"]),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1]), "nothing": np.float32(0), "disc": disc[None, None]}
    return _model(shape, nodes, constants)


def convolutions(shape: Shape, width: int, depth: int) -> onnx.ModelProto:
    """`depth` convolutions 3x3 of `width` channels at a quarter of the size, with random weights, then enlarged."""
    random = np.random.default_rng(0)
    constants = {
        "stem": random.normal(0, 0.2, (width, shape[0], 4, 4)),
        "head": random.normal(0, 0.5, (1, width, 1, 1)),
        "scales": np.array([1, 1, 4, 4]),
    }
    nodes = [helper.make_node("Conv", ["image", "stem"], ["c0"], strides=[4, 4])]
    for layer in range(1, depth + 1):
        constants[f"w{layer}"] = random.normal(0, np.sqrt(2 / (9 * width)), (width, width, 3, 3))
        nodes.append(helper.make_node("Conv", [f"c{layer - 1}", f"w{layer}"], [f"r{layer}"], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"r{layer}"], [f"c{layer}"]))
    nodes.append(helper.make_node("Conv", [f"c{depth}", "head"], ["small"]))
    nodes.append(helper.make_node("Resize", ["small", "", "scales"], ["logits"], mode="linear"))
    return _model(shape, nodes, {name: np.asarray(value, np.float32) for name, value in constants.items()})


def write(model: onnx.ModelProto, path: Path) -> Path:
    """Write a model file and return its path."""
    onnx.save_model(model, path)
    return path


def _model(shape: Shape, nodes: list[onnx.NodeProto], constants: dict[str, Any]) -> onnx.ModelProto:
    nodes = [*nodes, helper.make_node("Sigmoid", ["logits"], ["probabilities"])]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 1, *shape[1:]])
        for name in ("probabilities", "logits")
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", *shape])
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "made", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    helper.set_model_props(model, {METADATA_KEY: json.dumps(document(shape))})
    onnx.checker.check_model(model)
    return model
