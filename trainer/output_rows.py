"""A generator's last nodes, put so that a processor moves rows and not single values: the same picture to the bit.

The exporter's head is Conv, DepthToSpace, then what makes bytes of logits. ONNX Runtime's DepthToSpace writes every
other value of four planes, and the Transpose behind it gathers them again: 0.3 of 3.3 ms with thug-life. Here the
convolution's channels come as (row, column, colour), the two rows of a block are turned to pixels by themselves, and
joined row by row. TensorRT takes all of it: the cast to bytes is still the last node.

Measured with thug-life 1.1.0 at 256 px, one core of a Zen 5: ONNX Runtime float32 3.13 ms for 3.44, INT8 2.33 for 2.61,
OpenVINO 1.69 for 2.05. Bytes first and one Transpose of five axes, the obvious other way, takes 0.3 ms longer than the
exporter's old head: ONNX Runtime joins the transposes and moves single bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HEAD = ["Conv", "DepthToSpace", "Mul", "Sigmoid", "Mul", "Round", "Transpose", "Cast"]
_CHANNELS = 4  # colour and matte
_MARK = "rows joined"

ORDER = np.arange(4 * _CHANNELS).reshape(_CHANNELS, 2, 2).transpose(1, 2, 0).ravel()
"""Of the exporter's channels, colour * 4 + row * 2 + column, as they stand here: row * 8 + column * 4 + colour."""


def with_rows_joined(content: bytes) -> bytes:
    """Return the network with its head put in that order.

    Args:
        content: an ONNX file, as `trainer.onnx_graph.generator_onnx`, `trainer.quantise` or `trainer.half` writes it.

    Raises:
        ValueError: its head is another one, or is in that order already.
    """
    model = onnx.load_model_from_string(content)
    graph = model.graph
    nodes = list(graph.node)
    head = nodes[-len(_HEAD) :]
    if [node.op_type for node in head] != _HEAD or not _is_crd(head[1]):
        raise ValueError(f"it ends in {', '.join(node.op_type for node in head)}, not {', '.join(_HEAD)}")
    convolution, _, sharpen, sigmoid, scale, rounded, turn, cast = head
    size = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made_by = {node.output[0]: node for node in nodes}
    for tensor in _behind(convolution.input[1:], made_by, constants):
        if len(ORDER) in tensor.dims[:1]:  # weights and biases as they are stored, and a step's size for each output
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[ORDER], tensor.name))
    factor = next(constants[name] for name in sharpen.input if name in constants)
    factor.CopyFrom(numpy_helper.from_array(np.tile(numpy_helper.to_array(factor), (1, 4, 1, 1)), factor.name))
    sharpen.input[:] = [convolution.output[0], factor.name]
    row = np.array([0, size // 2, 1, 2 * size * _CHANNELS // 2], np.int64)
    whole = np.array([0, size, size, _CHANNELS], np.int64)
    graph.initializer.extend([numpy_helper.from_array(row, "head_row"), numpy_helper.from_array(whole, "head_whole")])
    new = [convolution, sharpen, sigmoid, scale, rounded]
    new.append(helper.make_node("Split", [rounded.output[0]], ["head_0", "head_1"], axis=1))
    for at in (0, 1):
        new.append(helper.make_node("Transpose", [f"head_{at}"], [f"head_{at}_turned"], perm=[0, 2, 3, 1]))
        new.append(helper.make_node("Reshape", [f"head_{at}_turned", "head_row"], [f"head_{at}_row"]))
    new.append(helper.make_node("Concat", ["head_0_row", "head_1_row"], ["head_rows"], name=_MARK, axis=2))
    new.append(helper.make_node("Reshape", ["head_rows", "head_whole"], [turn.output[0]]))
    new.append(cast)
    del graph.node[:]
    graph.node.extend([*nodes[: -len(_HEAD)], *new])
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def has_rows_joined(graph: onnx.GraphProto) -> bool:
    """Whether the last convolution's channels stand in `ORDER`."""
    return any(node.name == _MARK for node in graph.node)


def _behind(
    names: Iterable[str], made_by: Mapping[str, onnx.NodeProto], constants: Mapping[str, onnx.TensorProto]
) -> list[onnx.TensorProto]:
    """Return the constants that tensors are, or are widened from."""
    found, left = [], list(names)
    while left:
        name = left.pop()
        if name in constants:
            found.append(constants[name])
        else:
            left += made_by[name].input
    return found


def _is_crd(node: onnx.NodeProto) -> bool:
    attributes = {attribute.name: attribute for attribute in node.attribute}
    return bool(attributes["blocksize"].i == 2 and attributes["mode"].s == b"CRD")
