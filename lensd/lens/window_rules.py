"""Output shapes, and multiplications, of what slides a window over a picture: convolutions and pooling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lensd.lens.operator_node import Operator, Shape


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


def conv(op: Operator) -> list[Shape]:
    """Return a convolution's shape: channels from the weights, one place for each window."""
    x, weights = op.inputs[:2]
    if x[1] != weights[1] * op.number("group", 1):
        raise ValueError("channels")
    result = (x[0], weights[0], *_windows(op, x[2:], weights[2:]))
    op.macs = math.prod(result) * math.prod(weights[1:])
    return [result]


def grid_sample(op: Operator) -> list[Shape]:
    """Return the grid's places in the picture's channels; beyond the picture lies nothing.

    Only so does every place, and one that is no number, lead to pixels that are there or to none: the other paddings
    compute an index first.
    """
    x, grid = op.inputs
    if op.text("padding_mode") not in ("", "zeros") or op.text("mode") not in ("", "bilinear", "linear"):
        raise ValueError("padding_mode or mode")
    if len(x) != 4 or len(grid) != 4 or grid[3] != 2 or x[0] != grid[0]:
        raise ValueError(f"{x} at {grid}")
    result = (*x[:2], *grid[1:3])
    op.macs = 4 * math.prod(result)
    return [result]


def conv_transpose(op: Operator) -> list[Shape]:
    """Return a transposed convolution's shape, from strides and pads alone."""
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


def pool(op: Operator) -> list[Shape]:
    """Return a pooling's shape: channels as they are, one place for each window."""
    x = op.inputs[0]
    return [(*x[:2], *_windows(op, x[2:], op.numbers("kernel_shape", [])))]
