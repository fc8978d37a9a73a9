"""Networks whose weights are stored as float16 and widened by Cast nodes, with the weights as float32 constants."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


def widen(content: bytes) -> onnx.ModelProto:
    """Return the model with every Cast of a constant done: its weights lie in the file as they are computed with.

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
        if source is not None and node.attribute[0].i == TensorProto.FLOAT:
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
