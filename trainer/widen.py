"""Networks whose weights are stored narrow and widened by a few nodes, with the weights as float32 constants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_STEPS = {"Sub": np.subtract, "Mul": np.multiply}  # bytes less 128, times a step's size, as `onnx_graph` stores them


def widen(content: bytes) -> onnx.ModelProto:
    """Return the model with its float16 constants, and all weights of convolutions, as they are computed with.

    Other operators' weights that are stored in bytes stay so.

    Raises:
        ValueError: the file is no ONNX model.
    """
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError, which no public module names
        raise ValueError("no ONNX model") from error
    graph = model.graph
    constants: dict[str, np.ndarray[Any, Any]] = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    of_convolutions = _that_lead_to_convolutions(graph)
    kept = []
    for node in graph.node:
        made = _made(node, constants, of_convolutions)
        if made is None:
            kept.append(node)
        else:
            constants[node.output[0]] = made
            graph.initializer.append(numpy_helper.from_array(made, node.output[0]))
    used = {name for node in kept for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensors)
    return model


def _that_lead_to_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors that are a convolution's weight, and those that it is made of."""
    made_by = {node.output[0]: node for node in graph.node}
    names = [node.input[1] for node in graph.node if node.op_type == "Conv"]
    found = set()
    while names:
        found.add(name := names.pop())
        names += made_by[name].input if name in made_by else []
    return found


def _made(
    node: onnx.NodeProto, constants: Mapping[str, np.ndarray[Any, Any]], wanted: set[str]
) -> np.ndarray[Any, Any] | None:
    """Return what a node makes of constants; None where it is to stay."""
    if not all(name in constants for name in node.input):
        return None
    if node.op_type == "Cast" and node.attribute[0].i == TensorProto.FLOAT:
        source = constants[node.input[0]]
        return source.astype(np.float32) if source.dtype == np.float16 or node.output[0] in wanted else None
    if node.op_type in _OF_STEPS and node.output[0] in wanted:
        return np.asarray(_OF_STEPS[node.op_type](*(constants[name] for name in node.input)), np.float32)
    return None
