"""Networks whose weights are stored as float16 and widened by Cast nodes, with the weights as float32 constants."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

_WIDENED = (TensorProto.FLOAT16, TensorProto.FLOAT)


def widen(content: bytes) -> onnx.ModelProto:
    """Return the model with every Cast of a float16 constant done: it lies in the file as it is computed with.

    Weights that are stored in bytes stay so.

    Raises:
        ValueError: the file is no ONNX model.
    """
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError, which no public module names
        raise ValueError("no ONNX model") from error
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        source = constants.get(node.input[0]) if node.op_type == "Cast" else None
        if source is not None and (source.data_type, node.attribute[0].i) == _WIDENED:
            wide = numpy_helper.to_array(source).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(wide, node.output[0]))
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(tensors)
    return model
