"""A network with float16 inside, as TensorRT's tensor cores take it: weights as they lie in the file, nothing widened.

ONNX Runtime on a processor has no float16 convolution and widens each by itself, which is slower than float32; it is
run there to compare only.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trainer.widen import widen

_HALF_MAX = float(np.finfo(np.float16).max)


def halve(content: bytes) -> bytes:
    """Return the network with every float32 tensor as float16; a Resize keeps its scales, which are always float32.

    Raises:
        ValueError: no ONNX model, or a constant that float16 cannot hold.
    """
    model = widen(content)
    graph = model.graph
    scales = {name for node in graph.node if node.op_type == "Resize" for name in node.input[1:]}
    for at, tensor in enumerate(graph.initializer):
        if tensor.data_type == TensorProto.FLOAT and tensor.name not in scales:
            value = numpy_helper.to_array(tensor)
            if np.abs(value).max(initial=0) > _HALF_MAX:
                raise ValueError(f"constant {tensor.name} is beyond float16's range")
            graph.initializer[at].CopyFrom(numpy_helper.from_array(value.astype(np.float16), tensor.name))
    for node in graph.node:
        for at, attribute in enumerate(node.attribute):
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                node.attribute[at].CopyFrom(helper.make_attribute("to", TensorProto.FLOAT16))
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
