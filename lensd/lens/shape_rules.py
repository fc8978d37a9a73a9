"""Each allowed operator's output shape from its inputs' shapes, as the ONNX specification has it (opsets 11 to 26).

An operator that is not here is not allowed in a lens: nothing loops, branches, takes its output's shape from data
(NonZero, Range, Expand, Tile), or draws random numbers. What does not fit together raises ValueError, or whatever
Python raises where a list is too short.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lensd.lens import layout_rules, window_rules
from lensd.lens.operator_node import Operator, Shape, axis_of

if TYPE_CHECKING:
    from collections.abc import Callable


def _same(op: Operator) -> list[Shape]:
    return [op.inputs[0]]


def _broadcast(op: Operator) -> list[Shape]:
    rank = max(len(shape) for shape in op.inputs)
    sides = zip(*((1,) * (rank - len(shape)) + shape for shape in op.inputs), strict=True)
    result = []
    for column in sides:
        different = set(column) - {1}
        if len(different) > 1:
            raise ValueError(f"{column} do not broadcast")
        result.append(different.pop() if different else 1)
    return [tuple(result)]


def _global_pool(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    return [(*x[:2], *(1 for _ in x[2:]))]


def _reduce(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    axes = {axis_of(axis, len(x)) for axis in op.numbers("axes", op.whole(1) or list(range(len(x))))}
    keep = op.number("keepdims", 1)
    return [tuple(1 if at in axes else side for at, side in enumerate(x) if keep or at not in axes)]


def _gemm(op: Operator) -> list[Shape]:
    (a, b), (c, d) = op.inputs[:2]
    rows, inner = (b, a) if op.number("transA", 0) else (a, b)
    inner_too, columns = (d, c) if op.number("transB", 0) else (c, d)
    if inner != inner_too:
        raise ValueError(f"{inner} and {inner_too}")
    op.macs = rows * inner * columns
    return [(rows, columns)]


def _matmul(op: Operator) -> list[Shape]:
    a, b = op.inputs[:2]
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise ValueError(f"{a} by {b}")
    op.inputs = [a[:-2], b[:-2]]
    result = (*_broadcast(op)[0], a[-2], b[-1]) if max(len(a), len(b)) > 2 else (a[0], b[1])
    op.macs = math.prod(result) * a[-1]
    return [result]


def _known(op: Operator) -> list[Shape]:
    """Return nothing: a Constant's shape is known from its value; one without a tensor cannot be followed."""
    if not op.has("value"):
        raise ValueError("a constant that is no tensor")
    return []


RULES: dict[str, Callable[[Operator], list[Shape]]] = {
    **dict.fromkeys(("Add", "Div", "Max", "Mean", "Min", "Mul", "Pow", "PRelu", "Sub", "Sum"), _broadcast),
    **dict.fromkeys(("Greater", "Less", "Where"), _broadcast),
    **dict.fromkeys(("Abs", "Cast", "Ceil", "Clip", "Elu", "Erf", "Exp", "Floor", "Gelu", "Identity", "Neg"), _same),
    **dict.fromkeys(("HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Reciprocal", "Relu", "Round"), _same),
    **dict.fromkeys(("Celu", "Cos", "Log", "LogSoftmax", "Selu", "Sigmoid", "Sign", "Sin", "Softmax"), _same),
    **dict.fromkeys(("Softplus", "Softsign", "Sqrt", "Tanh", "ThresholdedRelu"), _same),
    **dict.fromkeys(("BatchNormalization", "GroupNormalization", "InstanceNormalization"), _same),
    **dict.fromkeys(("DequantizeLinear", "LayerNormalization", "QuantizeLinear"), _same),
    **dict.fromkeys(("AveragePool", "MaxPool"), window_rules.pool),
    "Concat": layout_rules.concat,
    "Constant": _known,
    "Conv": window_rules.conv,
    "ConvTranspose": window_rules.conv_transpose,
    "DepthToSpace": layout_rules.depth_to_space,
    "Flatten": layout_rules.flatten,
    "Gemm": _gemm,
    "GridSample": window_rules.grid_sample,
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool"), _global_pool),
    "MatMul": _matmul,
    "Pad": layout_rules.pad,
    **dict.fromkeys(("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"), _reduce),
    "Reshape": layout_rules.reshape,
    "Resize": layout_rules.resize,
    "Slice": layout_rules.cut,
    "SpaceToDepth": layout_rules.space_to_depth,
    "Split": layout_rules.split,
    "Squeeze": layout_rules.squeeze,
    "Transpose": layout_rules.transpose,
    "Unsqueeze": layout_rules.unsqueeze,
}

ALLOWED_OPERATORS = frozenset(RULES)
