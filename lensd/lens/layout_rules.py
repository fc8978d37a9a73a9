"""Output shapes of what moves, cuts and joins elements without computing any."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lensd.lens.operator_node import axis_of

if TYPE_CHECKING:
    from lensd.lens.operator_node import Operator, Shape


def concat(op: Operator) -> list[Shape]:
    """Return the shape of tensors put behind one another along an axis."""
    first = op.inputs[0]
    axis = op.axis("axis", 0, len(first))
    rests = {(len(shape), shape[:axis], shape[axis + 1 :]) for shape in op.inputs}
    if len(rests) != 1:
        raise ValueError(f"{op.inputs[:4]}")
    return [(*first[:axis], sum(shape[axis] for shape in op.inputs), *first[axis + 1 :])]


def split(op: Operator) -> list[Shape]:
    """Return the parts' shapes; without sizes all but the last are alike."""
    x = op.inputs[0]
    axis = op.axis("axis", 0, len(x))
    part = -(-x[axis] // op.outputs)
    even = [part] * (op.outputs - 1) + [x[axis] - part * (op.outputs - 1)]
    parts = op.numbers("split", op.whole(1) or even)
    if sum(parts) != x[axis] or len(parts) != op.outputs:
        raise ValueError(f"{x[axis]} into {parts[:8]}")
    return [(*x[:axis], size, *x[axis + 1 :]) for size in parts]


def cut(op: Operator) -> list[Shape]:
    """Return the shape of what lies between starts and ends."""
    x = list(op.inputs[0])
    starts, ends = op.whole(1) or [], op.whole(2) or []
    axes, steps = op.whole(3) or list(range(len(starts))), op.whole(4) or [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = axis_of(axis, len(x))
        # Backwards, an end before the first element is written as a very negative one, as in Python.
        x[at] = len(range(*slice(start, end, step).indices(x[at])))
    return [tuple(x)]


def transpose(op: Operator) -> list[Shape]:
    """Return the sides in another order."""
    x = op.inputs[0]
    order = op.numbers("perm", list(range(len(x)))[::-1])
    if sorted(order) != list(range(len(x))):
        raise ValueError(f"perm {order[:8]}")
    return [tuple(x[at] for at in order)]


def reshape(op: Operator) -> list[Shape]:
    """Return the sides that a constant says; 0 keeps one, -1 takes what is left."""
    x, wanted = op.inputs[0], op.whole(1)
    if wanted is None or wanted.count(-1) > 1 or op.number("allowzero", 0):
        raise ValueError("shape")
    sides = [x[at] if side == 0 else side for at, side in enumerate(wanted)]
    if -1 in sides:
        sides[sides.index(-1)] = math.prod(x) // -math.prod(sides)
    if math.prod(sides) != math.prod(x):
        raise ValueError(f"{x} to {wanted[:8]}")
    return [tuple(sides)]


def flatten(op: Operator) -> list[Shape]:
    """Return a matrix of as many elements."""
    x = op.inputs[0]
    axis = op.number("axis", 1)
    return [(math.prod(x[:axis]), math.prod(x[axis:]))]


def squeeze(op: Operator) -> list[Shape]:
    """Return the shape without sides of 1."""
    x = op.inputs[0]
    ones = [at for at, side in enumerate(x) if side == 1]
    axes = {axis_of(axis, len(x)) for axis in op.numbers("axes", op.whole(1) or ones)}
    if axes - set(ones):
        raise ValueError(f"axes {sorted(axes)} of {x}")
    return [tuple(side for at, side in enumerate(x) if at not in axes)]


def unsqueeze(op: Operator) -> list[Shape]:
    """Return the shape with sides of 1 put in."""
    x, axes = list(op.inputs[0]), op.numbers("axes", op.whole(1) or [])
    rank = len(x) + len(axes)
    for axis in sorted(axis_of(axis, rank) for axis in axes):
        x.insert(axis, 1)
    return [tuple(x)]


def depth_to_space(op: Operator) -> list[Shape]:
    """Return a larger picture of fewer channels."""
    (count, channels, height, width), block = op.inputs[0], op.number("blocksize", 0)
    if channels % (block * block):
        raise ValueError(f"{channels} channels in blocks of {block}")
    return [(count, channels // (block * block), height * block, width * block)]


def space_to_depth(op: Operator) -> list[Shape]:
    """Return a smaller picture of more channels."""
    (count, channels, height, width), block = op.inputs[0], op.number("blocksize", 0)
    return [(count, channels * block * block, height // block, width // block)]


def resize(op: Operator) -> list[Shape]:
    """Return the sides that constant scales or sizes say."""
    x, scales, sizes = op.inputs[0], op.constant(2), op.whole(3)
    if op.has("axes") or op.has("keep_aspect_ratio_policy"):
        raise ValueError("axes or keep_aspect_ratio_policy")
    if scales:
        return [tuple(math.floor(side * scale) for side, scale in zip(x, scales, strict=True))]
    if sizes is None or len(sizes) != len(x):
        raise ValueError("scales or sizes")
    return [tuple(sizes)]


def pad(op: Operator) -> list[Shape]:
    """Return the shape with constant pads at both ends of its sides; negative ones cut."""
    x, pads, axes = op.inputs[0], op.whole(1) or [], op.whole(3)
    chosen = list(range(len(x))) if axes is None else [axis_of(axis, len(x)) for axis in axes]
    if len(pads) != 2 * len(chosen):
        raise ValueError(f"{len(pads)} pads")
    result = list(x)
    for at, axis in enumerate(chosen):
        result[axis] += pads[at] + pads[len(chosen) + at]
    return [tuple(result)]
