"""Shapes that we follow ourselves, against ONNX's own inference and against what ONNX Runtime really makes."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from lensd.errors import PackageError
from lensd.lens.onnx_file import read_network
from lensd.lens.shape_rules import ALLOWED_OPERATORS
from lensd.lens.shapes import check_shapes

X = (1, 8, 12, 10)


def ints(*values):
    return np.array(values, np.int64)


def floats(*shape):
    return np.zeros(shape, np.float32)


# operator, attributes, constants after x (None: left out)
CASES = [
    ("Conv", {}, [floats(5, 8, 3, 3)]),
    ("Conv", {"strides": [2, 2], "pads": [1, 1, 1, 1]}, [floats(5, 8, 3, 3)]),
    ("Conv", {"strides": [2, 3], "pads": [0, 1, 2, 1], "dilations": [2, 1]}, [floats(6, 8, 3, 2), floats(6)]),
    ("Conv", {"group": 8, "pads": [1, 1, 1, 1]}, [floats(16, 1, 3, 3)]),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [3, 2]}, [floats(5, 8, 3, 3)]),
    ("Conv", {"auto_pad": "VALID"}, [floats(5, 8, 4, 4)]),
    ("ConvTranspose", {"strides": [2, 2]}, [floats(8, 5, 4, 4)]),
    ("ConvTranspose", {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}, [floats(8, 5, 3, 3)]),
    ("ConvTranspose", {"group": 2, "dilations": [2, 2]}, [floats(8, 5, 3, 3)]),
    ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2]}, []),
    ("MaxPool", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, []),
    ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]}, []),
    ("GlobalAveragePool", {}, []),
    ("GlobalMaxPool", {}, []),
    ("ReduceMax", {"axes": [1]}, []),
    ("ReduceSum", {"keepdims": 0}, [ints(1, 2)]),
    ("ReduceL2", {"axes": [2, 3]}, []),
    ("Mean", {}, [floats(8, 1, 1)]),
    ("ThresholdedRelu", {}, []),
    ("ReduceMean", {"axes": [2, 3]}, []),
    ("ReduceMean", {"axes": [-1], "keepdims": 0}, []),
    ("ReduceMean", {}, []),
    ("Add", {}, [floats(8, 1, 1)]),
    ("Mul", {}, [floats(3, 1, 1, 1)]),
    ("Max", {}, [floats(1), floats(12, 1)]),
    ("PRelu", {}, [floats(8, 1, 1)]),
    ("Concat", {"axis": 1}, [floats(1, 3, 12, 10)]),
    ("Concat", {"axis": -1}, [floats(1, 8, 12, 4)]),
    ("Slice", {}, [ints(1, 0), ints(9, -2), ints(2, 3), ints(2, 1)]),
    ("Slice", {}, [ints(-1), ints(-(2**31)), ints(3), ints(-2)]),
    ("Slice", {}, [ints(2), ints(2**31 - 1), ints(1)]),
    ("Transpose", {"perm": [0, 2, 3, 1]}, []),
    ("Transpose", {}, []),
    ("Reshape", {}, [ints(0, 4, -1, 10)]),
    ("Reshape", {}, [ints(960)]),
    ("Flatten", {}, []),
    ("Flatten", {"axis": 3}, []),
    ("Squeeze", {}, [ints(0)]),
    ("Squeeze", {}, []),
    ("Unsqueeze", {}, [ints(0, -1)]),
    ("DepthToSpace", {"blocksize": 2}, []),
    ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, []),
    ("SpaceToDepth", {"blocksize": 2}, []),
    ("Resize", {"mode": "linear"}, [None, np.array([1, 1, 2, 2.5], np.float32)]),
    ("Resize", {"mode": "nearest"}, [None, None, ints(1, 8, 7, 9)]),
    ("GridSample", {}, [floats(1, 5, 7, 2)]),
    ("GridSample", {"mode": "bilinear", "padding_mode": "zeros", "align_corners": 1}, [floats(1, 24, 20, 2)]),
    ("Pad", {"mode": "reflect"}, [ints(0, 0, 1, 2, 0, 0, 3, 4)]),
    ("Pad", {}, [ints(0, 0, -1, 2, 0, 0, 0, -4)]),
    ("MatMul", {}, [floats(10, 7)]),
    ("MatMul", {}, [floats(8, 10, 7)]),
    ("Clip", {}, [np.float32(0), np.float32(1)]),
    ("Softmax", {"axis": 1}, []),
    ("HardSwish", {}, []),
    ("InstanceNormalization", {}, [floats(8), floats(8)]),
    ("BatchNormalization", {}, [floats(8), floats(8), floats(8), floats(8)]),
    ("LeakyRelu", {"alpha": 0.1}, []),
]


def network(operator, attributes, constants, outputs=("y",)):
    names = ["x"] + ["" if constant is None else f"c{at}" for at, constant in enumerate(constants)]
    given = [numpy_helper.from_array(c, f"c{at}") for at, c in enumerate(constants) if c is not None]
    graph = helper.make_graph(
        [helper.make_node(operator, names, list(outputs), **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, X)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        given,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def ours(model, shapes):
    """Check with the outputs' shapes put in, as a lens's network has them."""
    for value, shape in zip(model.graph.output, shapes, strict=True):
        value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape))
    return check_shapes(read_network(model.SerializeToString(), "x"), "x")


@pytest.mark.parametrize(("operator", "attributes", "constants"), CASES)
def test_a_shape_is_what_the_runtime_really_makes(operator, attributes, constants):
    model = network(operator, attributes, constants)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    made = session.run(None, {"x": np.zeros(X, np.float32)})[0].shape
    ours(model, [made])
    with pytest.raises(PackageError, match="says that it gives"):
        ours(network(operator, attributes, constants), [(*made[:-1], made[-1] + 1)])


def test_the_parts_of_a_split_are_what_the_runtime_really_makes():
    for constants in ([], [ints(3, 3, 2)]):
        outputs = ("a", "b", "c") if constants else ("a", "b")
        model = network("Split", {"axis": 1}, constants, outputs)
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        ours(model, [part.shape for part in session.run(None, {"x": np.zeros(X, np.float32)})])


def test_a_choice_between_two_is_as_large_as_all_three_together():
    model = network("Where", {}, [floats(8, 1, 10), floats(12, 1)])
    model.graph.node[0].input[:] = ["more", "c0", "c1"]
    model.graph.node.insert(0, helper.make_node("Greater", ["x", "c1"], ["more"]))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    ours(model, [session.run(None, {"x": np.zeros(X, np.float32)})[0].shape])


def test_multiplications_are_counted_as_they_are_done():
    assert ours(network("Conv", {"pads": [1, 1, 1, 1]}, [floats(5, 8, 3, 3)]), [(1, 5, 12, 10)]) == 12 * 10 * 5 * 8 * 9
    # A transposed convolution multiplies once for each input element and weight, not for each output element.
    transposed = network("ConvTranspose", {"strides": [2, 2]}, [floats(8, 5, 4, 4)])
    assert ours(transposed, [(1, 5, 26, 22)]) == 8 * 12 * 10 * 5 * 16


@pytest.mark.parametrize(
    ("operator", "attributes", "constants"),
    [
        ("Conv", {}, [floats(5, 7, 3, 3)]),
        ("Conv", {"strides": [0, 1]}, [floats(5, 8, 3, 3)]),
        ("Conv", {"pads": [-1, 0, 0, 0]}, [floats(5, 8, 3, 3)]),
        ("Conv", {}, [floats(5, 8, 30, 30)]),
        ("Conv", {}, []),
        ("Add", {}, [floats(7, 1, 1)]),
        ("Concat", {"axis": 7}, []),
        ("Reshape", {}, [ints(0, -1, -1)]),
        ("Reshape", {}, [ints(7)]),
        ("Resize", {}, [None, np.array([1, 1, np.inf, 1], np.float32)]),
        ("Resize", {}, [None, np.array([1, 1, np.nan, 1], np.float32)]),
        ("Resize", {}, [None, None, ints(1, 8, 1 << 40, 1 << 40)]),
        ("Pad", {}, [ints(0, 0, 1 << 40, 0, 0, 0, 0, 0)]),
        ("Pad", {}, [ints(1)]),
        ("GridSample", {}, [floats(2, 5, 7, 2)]),
        ("GridSample", {}, [floats(1, 5, 7, 3)]),
        ("GridSample", {"padding_mode": "border"}, [floats(1, 5, 7, 2)]),
        ("GridSample", {"mode": "bicubic"}, [floats(1, 5, 7, 2)]),
        ("Squeeze", {}, [ints(1)]),
        ("Transpose", {"perm": [0, 0, 0, 0]}, []),
        ("DepthToSpace", {"blocksize": 0}, []),
        ("DepthToSpace", {"blocksize": 3}, []),
        ("Slice", {}, [ints(5), ints(5), ints(2)]),
        ("Unsqueeze", {}, [ints(99)]),
    ],
)
def test_what_does_not_fit_is_a_package_error(operator, attributes, constants):
    with pytest.raises(PackageError, match=operator):
        ours(network(operator, attributes, constants), [X])


def test_a_shape_that_comes_from_data_is_refused():
    model = network("Reshape", {}, [])
    model.graph.node[0].input.append("x")
    with pytest.raises(PackageError, match="not constant"):
        ours(model, [X])


def test_every_allowed_operator_is_one_of_onnx():
    known = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain}
    assert known >= ALLOWED_OPERATORS
