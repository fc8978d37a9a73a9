"""Small real ONNX networks, written node by node."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

SIDE = 16


def serialised(nodes, inputs, outputs, initialisers=()) -> bytes:
    """Return an ONNX file's bytes; `inputs` and `outputs` are (name, type, shape)."""
    infos = [[helper.make_tensor_value_info(*value) for value in values] for values in (inputs, outputs)]
    graph = helper.make_graph(
        nodes, "tiny", *infos, [numpy_helper.from_array(np.asarray(a), n) for n, a in initialisers]
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model.SerializeToString()


def identity() -> bytes:
    """Return uint8 (1, 16, 16, 3) to the same."""
    shape = [1, SIDE, SIDE, 3]
    node = helper.make_node("Identity", ["x"], ["y"])
    return serialised([node], [("x", TensorProto.UINT8, shape)], [("y", TensorProto.UINT8, shape)])


def inverted_with_matte(side: int = SIDE) -> bytes:
    """Return uint8 RGB (1, S, S, 3) to its negative and a full matte, (1, S, S, 4) uint8, by a 1x1 convolution."""
    weights = np.zeros((4, 3, 1, 1), np.float32)
    weights[:3, :, 0, 0] = -np.eye(3)
    nodes = [
        helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights", "bias"], ["drawn"]),
        helper.make_node("Transpose", ["drawn"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Clip", ["pixels", "low", "high"], ["clipped"]),
        helper.make_node("Cast", ["clipped"], ["y"], to=TensorProto.UINT8),
    ]
    values = [
        ("weights", weights),
        ("bias", np.full(4, 255, np.float32)),
        ("low", np.float32(0)),
        ("high", np.float32(255)),
    ]
    x, y = ("x", TensorProto.UINT8, [1, side, side, 3]), ("y", TensorProto.UINT8, [1, side, side, 4])
    return serialised(nodes, [x], [y], values)


def mean_colour() -> bytes:
    """Return uint8 (1, 16, 16, 3) to float32 (1, 3), as a landmark network gives numbers."""
    nodes = [
        helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["points"], axes=[1, 2], keepdims=0),
    ]
    x, points = ("x", TensorProto.UINT8, [1, SIDE, SIDE, 3]), ("points", TensorProto.FLOAT, [1, 3])
    return serialised(nodes, [x], [points])


def heavy(channels: int = 32, layers: int = 6, side: int = 128) -> bytes:
    """Return a network that keeps one core busy for some 20 ms: `layers` 3x3 convolutions."""
    weights = np.random.default_rng(0).normal(0, 0.06, (channels, channels, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["x"], ["c0"], to=TensorProto.FLOAT),
        *(helper.make_node("Conv", [f"c{i}", "w"], [f"c{i + 1}"], pads=[1] * 4) for i in range(layers)),
        helper.make_node("Clip", [f"c{layers}", "low", "high"], ["k"]),
        helper.make_node("Cast", ["k"], ["y"], to=TensorProto.UINT8),
    ]
    values = [("w", weights), ("low", np.float32(0)), ("high", np.float32(255))]
    shape = [1, channels, side, side]
    return serialised(nodes, [("x", TensorProto.UINT8, shape)], [("y", TensorProto.UINT8, shape)], values)


def two_outputs() -> bytes:
    """Return a network with one output too many."""
    shape = [1, SIDE, SIDE, 3]
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in ("y", "z")]
    return serialised(
        nodes,
        [("x", TensorProto.UINT8, shape)],
        [(name, TensorProto.UINT8, shape) for name in ("y", "z")],
    )


def float_input() -> bytes:
    """Return a network that wants float32 pixels."""
    shape = [1, SIDE, SIDE, 3]
    node = helper.make_node("Identity", ["x"], ["y"])
    return serialised([node], [("x", TensorProto.FLOAT, shape)], [("y", TensorProto.FLOAT, shape)])


def any_size() -> bytes:
    """Return a network without a fixed size."""
    shape = [1, "height", "width", 3]
    node = helper.make_node("Identity", ["x"], ["y"])
    return serialised([node], [("x", TensorProto.UINT8, shape)], [("y", TensorProto.UINT8, shape)])
