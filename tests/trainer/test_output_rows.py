"""A generator's head in the order that moves rows: the same picture, in every precision and in a package."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from lensd.engine.batch_dimension import with_any_batch
from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.lens.network import check_network
from trainer.half import halve
from trainer.onnx_graph import Graph, helper
from trainer.output_rows import with_rows_joined
from trainer.quantise import float_tensors, quantise

SIZE = 32


def as_exported(mode: str = "CRD") -> bytes:
    """A network of a few convolutions that ends as the exporter's do."""
    import torch

    rng = torch.Generator().manual_seed(3)
    g = Graph()
    y = g.picture("crop")
    for inside, outside, stride in ((3, 16, 2), (16, 16, 1), (16, 16, 1), (16, 16, 1)):
        convolution = torch.nn.Conv2d(inside, outside, 3, stride)
        convolution.weight.data = torch.randn(outside, inside, 3, 3, generator=rng) * (2 / inside / 9) ** 0.5
        y = g.node("Relu", g.convolution(convolution, y))
    y = g.node("DepthToSpace", g.convolution(convolution, y), blocksize=2, mode=mode)
    y = g.node("Mul", y, g.constant(np.array([1, 1, 1, 2], np.float32).reshape(1, 4, 1, 1)))
    y = g.node("Round", g.node("Mul", g.node("Sigmoid", y), g.scalar(255)))
    y = g.node("Cast", g.node("Transpose", y, perm=[0, 2, 3, 1]), to=onnx.TensorProto.UINT8)
    kind = onnx.TensorProto.UINT8
    ends = [helper.make_tensor_value_info(n, kind, [1, SIZE, SIZE, c]) for n, c in (("crop", 3), ("layer", 4))]
    return g.finish(y, *ends, "generator")


def painted(content: bytes, crops: np.ndarray) -> np.ndarray:
    engine = OnnxRuntimeEngine(content)
    out = np.empty((*crops.shape[:3], 4), np.uint8)
    for crop, layer in zip(crops, out, strict=True):
        engine.infer(crop[None], layer[None])
    engine.close()
    return out


NETWORK = as_exported()
CROPS = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
PRECISIONS = {
    "float32": NETWORK,
    "float16": halve(NETWORK),
    "int8": quantise(NETWORK, dict.fromkeys(float_tensors(NETWORK), 4.0)),
}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_picture_is_the_same_to_the_bit(precision):
    before = PRECISIONS[precision]
    after = with_rows_joined(before)
    np.testing.assert_array_equal(painted(after, CROPS), painted(before, CROPS))
    assert len(np.unique(painted(after, CROPS))) > 50, "a picture, not one colour"
    assert check_network(after, SIZE, "after").macs == check_network(before, SIZE, "before").macs
    kinds = [node.op_type for node in onnx.load_model_from_string(after).graph.node]
    assert "DepthToSpace" not in kinds
    assert kinds[-1] == "Cast", "TensorRT takes bytes at a network's ends only"


def test_several_faces_are_painted_as_each_alone():
    import onnxruntime

    session = onnxruntime.InferenceSession(with_any_batch(with_rows_joined(NETWORK)))
    np.testing.assert_array_equal(session.run(None, {"crop": CROPS})[0], painted(NETWORK, CROPS))


@pytest.mark.parametrize("content", [with_rows_joined(NETWORK), as_exported("DCR")], ids=["done already", "DCR"])
def test_another_head_is_refused(content):
    with pytest.raises(ValueError, match="it ends in"):
        with_rows_joined(content)
