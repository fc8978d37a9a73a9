"""Each allowed operator's output shape from its inputs' shapes, as the ONNX specification has it (opsets 11 to 26).

An operator that is not here is not allowed in a lens: nothing loops, branches, takes its output's shape from data
(NonZero, Range, Expand, Tile), or draws random numbers. What does not fit together raises ValueError, or whatever
Python raises where a list is too short.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from lensd.lens.protobuf import signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lensd.lens.onnx_file import Node, Tensor

Shape: TypeAlias = tuple[int, ...]


class Operator:
    """One node with its inputs' shapes, as the rules below read it.

    Attributes:
        inputs: the shapes of the inputs that are there.
        outputs: how many there are.
        macs: multiplications of one run; a rule sets it.
    """

    def __init__(self, node: Node, shapes: Mapping[str, Shape], constants: Mapping[str, Tensor]) -> None:
        """Look up the inputs of `node`; raises KeyError for one that no earlier node makes."""
        self._node, self._constants, self.macs = node, constants, 0
        self.inputs = [shapes[name] for name in node.inputs if name]
        self.outputs = len(node.outputs)

    def constant(self, index: int) -> list[int] | list[float] | None:
        """Return the elements of input `index`, which must be a constant; None where it is left out."""
        if index >= len(self._node.inputs) or not (name := self._node.inputs[index]):
            return None
        return self._constants[name].values()

    def whole(self, index: int) -> list[int] | None:
        """Return the elements of input `index` as whole numbers; None where it is left out."""
        values = self.constant(index)
        return None if values is None else [int(value) for value in values]

    def has(self, name: str) -> bool:
        """Return whether there is such an attribute."""
        return name in self._node.attributes

    def number(self, name: str, default: int) -> int:
        """Return an attribute that is a whole number."""
        return signed(self._node.attributes[name].number("i")) if self.has(name) else default

    def numbers(self, name: str, default: list[int]) -> list[int]:
        """Return an attribute that is a list of whole numbers."""
        return [signed(value) for value in self._node.attributes[name].numbers("ints")] if self.has(name) else default

    def text(self, name: str) -> str:
        """Return an attribute that is a text; empty where it is not there."""
        return self._node.attributes[name].text("s") if self.has(name) else ""

    def axis(self, name: str, default: int, rank: int) -> int:
        """Return an attribute that is one of `rank` axes, counted from the front."""
        return _axis(self.number(name, default), rank)


def _axis(value: int, rank: int) -> int:
    if not -rank <= value < rank:
        raise ValueError(f"axis {value} of {rank}")
    return value % rank


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


def _windows(op: Operator, sides: Shape, kernel: Shape | list[int]) -> list[int]:
    """Return how many windows lie in each side of a convolution or pooling."""
    count = len(sides)
    strides, dilations = op.numbers("strides", [1] * count), op.numbers("dilations", [1] * count)
    pads, how = op.numbers("pads", [0] * 2 * count), op.text("auto_pad")
    if (
        min([*strides, *dilations, *kernel]) < 1
        or min(pads, default=0) < 0
        or max([*pads, *dilations], default=0) > 4096
    ):
        raise ValueError("strides, dilations or pads")
    if how.startswith("SAME"):
        return [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
    spans = [(size - 1) * dilation + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    room = [s + a + b - span for s, a, b, span in zip(sides, pads[:count], pads[count:], spans, strict=True)]
    if min(room) < 0:
        raise ValueError("the kernel is larger than the picture")
    up = op.number("ceil_mode", 0)
    return [(-(-free // stride) if up else free // stride) + 1 for free, stride in zip(room, strides, strict=True)]


def _conv(op: Operator) -> list[Shape]:
    x, weights = op.inputs[:2]
    if x[1] != weights[1] * op.number("group", 1):
        raise ValueError("channels")
    result = (x[0], weights[0], *_windows(op, x[2:], weights[2:]))
    op.macs = math.prod(result) * math.prod(weights[1:])
    return [result]


def _conv_transpose(op: Operator) -> list[Shape]:
    x, weights = op.inputs[:2]
    count = len(x) - 2
    if op.has("output_shape") or op.text("auto_pad") not in ("", "NOTSET") or x[1] != weights[0]:
        raise ValueError("output_shape, auto_pad or channels")
    strides, dilations = op.numbers("strides", [1] * count), op.numbers("dilations", [1] * count)
    pads, more = op.numbers("pads", [0] * 2 * count), op.numbers("output_padding", [0] * count)
    if min([*strides, *dilations]) < 1 or min([*pads, *more]) < 0:
        raise ValueError("strides, dilations or pads")
    sides = [
        strides[i] * (x[2 + i] - 1) + more[i] + (weights[2 + i] - 1) * dilations[i] + 1 - pads[i] - pads[count + i]
        for i in range(count)
    ]
    op.macs = math.prod(x) * math.prod(weights[1:])
    return [(x[0], weights[1] * op.number("group", 1), *sides)]


def _pool(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    return [(*x[:2], *_windows(op, x[2:], op.numbers("kernel_shape", [])))]


def _global_pool(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    return [(*x[:2], *(1 for _ in x[2:]))]


def _reduce(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    axes = {_axis(axis, len(x)) for axis in op.numbers("axes", op.whole(1) or list(range(len(x))))}
    keep = op.number("keepdims", 1)
    return [tuple(1 if at in axes else side for at, side in enumerate(x) if keep or at not in axes)]


def _concat(op: Operator) -> list[Shape]:
    first = op.inputs[0]
    axis = op.axis("axis", 0, len(first))
    rests = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in op.inputs}
    if len(rests) != 1:
        raise ValueError(f"{op.inputs[:4]}")
    return [(*first[:axis], sum(shape[axis] for shape in op.inputs), *first[axis + 1 :])]


def _split(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    axis = op.axis("axis", 0, len(x))
    part = -(-x[axis] // op.outputs)
    even = [part] * (op.outputs - 1) + [x[axis] - part * (op.outputs - 1)]
    parts = op.numbers("split", op.whole(1) or even)
    if sum(parts) != x[axis] or len(parts) != op.outputs:
        raise ValueError(f"{x[axis]} into {parts[:8]}")
    return [(*x[:axis], size, *x[axis + 1 :]) for size in parts]


def _slice(op: Operator) -> list[Shape]:
    x = list(op.inputs[0])
    starts, ends = op.whole(1) or [], op.whole(2) or []
    axes, steps = op.whole(3) or list(range(len(starts))), op.whole(4) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = _axis(axis, len(x))
        # Backwards, an end before the first element is written as a very negative one, as in Python.
        x[at] = len(range(*slice(start, end, step).indices(x[at])))
    return [tuple(x)]


def _transpose(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    order = op.numbers("perm", list(range(len(x)))[::-1])
    if sorted(order) != list(range(len(x))):
        raise ValueError(f"perm {order[:8]}")
    return [tuple(x[at] for at in order)]


def _reshape(op: Operator) -> list[Shape]:
    x, wanted = op.inputs[0], op.whole(1)
    if wanted is None or wanted.count(-1) > 1 or op.number("allowzero", 0):
        raise ValueError("shape")
    sides = [x[at] if side == 0 else side for at, side in enumerate(wanted)]
    if -1 in sides:
        sides[sides.index(-1)] = math.prod(x) // -math.prod(sides)
    if math.prod(sides) != math.prod(x):
        raise ValueError(f"{x} to {wanted[:8]}")
    return [tuple(sides)]


def _flatten(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    axis = op.number("axis", 1)
    return [(math.prod(x[:axis]), math.prod(x[axis:]))]


def _squeeze(op: Operator) -> list[Shape]:
    x = op.inputs[0]
    ones = [at for at, side in enumerate(x) if side == 1]
    axes = {_axis(axis, len(x)) for axis in op.numbers("axes", op.whole(1) or ones)}
    if axes - set(ones):
        raise ValueError(f"axes {sorted(axes)} of {x}")
    return [tuple(side for at, side in enumerate(x) if at not in axes)]


def _unsqueeze(op: Operator) -> list[Shape]:
    x, axes = list(op.inputs[0]), op.numbers("axes", op.whole(1) or [])
    rank = len(x) + len(axes)
    for axis in sorted(_axis(axis, rank) for axis in axes):
        x.insert(axis, 1)
    return [tuple(x)]


def _depth_to_space(op: Operator) -> list[Shape]:
    (count, channels, height, width), block = op.inputs[0], op.number("blocksize", 0)
    if channels % (block * block):
        raise ValueError(f"{channels} channels in blocks of {block}")
    return [(count, channels // (block * block), height * block, width * block)]


def _space_to_depth(op: Operator) -> list[Shape]:
    (count, channels, height, width), block = op.inputs[0], op.number("blocksize", 0)
    return [(count, channels * block * block, height // block, width // block)]


def _resize(op: Operator) -> list[Shape]:
    x, scales, sizes = op.inputs[0], op.constant(2), op.whole(3)
    if op.has("axes") or op.has("keep_aspect_ratio_policy"):
        raise ValueError("axes or keep_aspect_ratio_policy")
    if scales:
        return [tuple(math.floor(side * scale) for side, scale in zip(x, scales, strict=True))]
    if sizes is None or len(sizes) != len(x):
        raise ValueError("scales or sizes")
    return [tuple(sizes)]


def _pad(op: Operator) -> list[Shape]:
    x, pads, axes = op.inputs[0], op.whole(1) or [], op.whole(3)
    chosen = list(range(len(x))) if axes is None else [_axis(axis, len(x)) for axis in axes]
    if len(pads) != 2 * len(chosen):
        raise ValueError(f"{len(pads)} pads")
    result = list(x)
    for at, axis in enumerate(chosen):
        result[axis] += pads[at] + pads[len(chosen) + at]
    return [tuple(result)]


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
    **dict.fromkeys(("Add", "Div", "Max", "Min", "Mul", "Pow", "PRelu", "Sub", "Sum"), _broadcast),
    **dict.fromkeys(("Abs", "Cast", "Ceil", "Clip", "Elu", "Erf", "Exp", "Floor", "Gelu", "Identity", "Neg"), _same),
    **dict.fromkeys(("HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Reciprocal", "Relu", "Round"), _same),
    **dict.fromkeys(("Sigmoid", "Softmax", "Softplus", "Sqrt", "Tanh"), _same),
    **dict.fromkeys(("BatchNormalization", "GroupNormalization", "InstanceNormalization"), _same),
    **dict.fromkeys(("DequantizeLinear", "LayerNormalization", "QuantizeLinear"), _same),
    **dict.fromkeys(("AveragePool", "MaxPool"), _pool),
    "Concat": _concat,
    "Constant": _known,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "MatMul": _matmul,
    "Pad": _pad,
    "ReduceMean": _reduce,
    "Reshape": _reshape,
    "Resize": _resize,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}

ALLOWED_OPERATORS = frozenset(RULES)
