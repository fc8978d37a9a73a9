"""A float network as an INT8 one that ONNX Runtime and TensorRT both take: QuantizeLinear/DequantizeLinear pairs.

What both take, as measured: zero points of 0 throughout (TensorRT refuses any other), biases in float32 (TensorRT
refuses ONNX Runtime's int32 ones), weights in int8 for each output channel. A tensor behind a ReLU is uint8, which lets
ONNX Runtime fuse the ReLU away, but is scaled to 0..127 as if it were int8: products of two pairs then fit the 16 bits
in which processors without VNNI add them up, and TensorRT, which says that it takes uint8 for int8, loses nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from trainer.widen import widen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lensd.frames import F32

# Convolutions before the last one that stay in float32, at most a quarter of all. thug-life 1.1.1, 200 pictures of a
# webcam's clip: with 4, 2 and 0 of them a warping error 0.6, 0.8 and 1.1 % above float32's 1.734 of 255, and in ONNX
# Runtime 2.57, 2.30 and 2.33 ms a frame where float32 takes 3.35 (a Zen 5 with VNNI, rows joined). The first
# version, of 1.0.0, was less steady in INT8: 6, 8 and 14 %.
FLOAT_TAIL = 2
_LEVELS = 127


def float_tensors(content: bytes, *, tail: int = FLOAT_TAIL) -> list[str]:
    """Return the names of the tensors whose range `quantise` has to know, in the network's order."""
    return [name for name, _ in _edges(widen(content), tail)]


@dataclass(frozen=True, slots=True)
class Levels:
    """How finely values are told apart.

    Attributes:
        unsigned: the largest step of a tensor behind a ReLU; signed ones always have 127.
        weights: the largest step of a weight.
    """

    unsigned: int = _LEVELS
    weights: int = _LEVELS


def quantise(
    content: bytes, ranges: Mapping[str, float], *, tail: int = FLOAT_TAIL, levels: Levels = Levels()
) -> bytes:
    """Return the network with its convolutions in INT8; picture, first and last ones stay in float32.

    Args:
        content: an ONNX file of float32 arithmetic.
        ranges: for each of `float_tensors`, the largest absolute value that it takes.
        tail: how many convolutions before the last stay in float32 too.
        levels: the product of both, twice, must fit 16 bits: 127 and 127, or 255 and 63.

    Raises:
        KeyError: a range is missing.
        ValueError: there is no convolution that could be quantised.
    """
    model = widen(content)
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    edges, renamed = dict(_edges(model, tail)), dict[str, str]()
    chosen = {node.output[0] for node in _convolutions(model, tail)}
    if not chosen:
        raise ValueError("it has no convolution between its first and its last")
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, np.ndarray] = {}
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        if node.op_type == "Conv" and node.output[0] in chosen:
            node.input[1] = _quantised_weight(node.input[1], weights, constants, nodes, levels.weights)
        nodes.append(node)
        if (name := node.output[0]) in edges:
            renamed[name] = _pair(name, ranges[name], edges[name], constants, nodes, levels.unsigned)
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    constants = {**weights, **constants}
    used = {name for node in nodes for name in node.input}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items() if k in used)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _convolutions(model: onnx.ModelProto, tail: int) -> list[onnx.NodeProto]:
    """Return those to be quantised: the first sees a picture of 3 channels, the last ones paint its finest steps."""
    found = [node for node in model.graph.node if node.op_type == "Conv"]
    return found[1 : len(found) - 1 - min(tail, len(found) // 4)]


def _edges(model: onnx.ModelProto, tail: int) -> list[tuple[str, type[np.generic]]]:
    """Return the tensors to be quantised with their types: what a chosen convolution reads, and what it gives."""
    made_by = {node.output[0]: node for node in model.graph.node}
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            readers[name].append(node)
    wanted = set()
    for node in _convolutions(model, tail):
        wanted.add(node.input[0])
        after = readers[node.output[0]]
        fused = len(after) == 1 and after[0].op_type == "Relu"
        wanted.add(after[0].output[0] if fused else node.output[0])
    return [
        (node.output[0], np.uint8 if made_by[node.output[0]].op_type == "Relu" else np.int8)
        for node in model.graph.node
        if node.output[0] in wanted
    ]


def _pair(
    name: str,
    most: float,
    kind: type[np.generic],
    constants: dict[str, np.ndarray],
    nodes: list[onnx.NodeProto],
    unsigned: int,
) -> str:
    """Append the two nodes behind tensor `name`; return what its readers are to read."""
    steps = unsigned if kind is np.uint8 else _LEVELS
    scale, zero = f"{name}_scale", f"{name}_zero"
    constants |= {scale: np.array(max(most, 1e-6) / steps, np.float32), zero: np.zeros((), kind)}
    nodes.append(helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}_q"]))
    nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", scale, zero], [f"{name}_dq"]))
    return f"{name}_dq"


def _quantised_weight(
    name: str,
    weights: Mapping[str, np.ndarray],
    constants: dict[str, np.ndarray],
    nodes: list[onnx.NodeProto],
    levels: int,
) -> str:
    """Append the node that widens the weights' integers, each output channel with its own scale."""
    scales, integers = per_channel(weights[name].astype(np.float32), levels)
    constants |= {f"{name}_q": integers, f"{name}_scale": scales, f"{name}_zero": np.zeros(len(scales), np.int8)}
    inputs = [f"{name}_q", f"{name}_scale", f"{name}_zero"]
    nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_dq"], axis=0))
    return f"{name}_dq"


def per_channel(weight: F32, levels: int = _LEVELS) -> tuple[F32, np.ndarray]:
    """Return scales (C,) float32 and integers (C, ...) int8 with -levels..levels for weights (C, ...)."""
    most = np.abs(weight.reshape(len(weight), -1)).max(1)
    scales = (np.maximum(most, 1e-8) / levels).astype(np.float32)
    shape = (-1, *(1,) * (weight.ndim - 1))
    return scales, np.clip(np.rint(weight / scales.reshape(shape)), -levels, levels).astype(np.int8)
