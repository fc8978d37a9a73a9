"""Networks written as ONNX by hand: few plain operators, narrow weights, the same nodes from any torch.

torch's own exporters leave shape arithmetic and names that change from version to version; our two networks are a
hundred lines as a graph. Cast nodes widen the weights to float32 when a runtime loads them, so that the file is half
as large and the arithmetic is not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trainer.canvas import COARSE, LOOK, MAPS, REACH, SEEN, CanvasGenerator, Region, places
from trainer.flat import COLOURS, FlatGenerator
from trainer.flattening import DARKEST, LIFT, LUMA, SOFT, STEP
from trainer.generator import Generator, Residual, Unit, fold
from trainer.hatched import HatchedGenerator
from trainer.hatching import PAPER, PRESS, STEEPNESS
from trainer.landmarks import POINTS, SIZE_PX, UNIT_PX, LandmarkNet
from trainer.output_rows import with_rows_joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import nn

OPSET = 17
PACKED_FROM = 30_000  # numbers: a generator's weight of so many is stored as int8


class Graph:
    """Nodes and constants in the order in which they are added; every method returns the name of what it adds."""

    def __init__(self, *, packed_from: float = math.inf) -> None:
        """Begin; weights of `packed_from` numbers and more are stored as int8 rather than float16."""
        self._packed_from = packed_from
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray) -> str:
        """Add a constant as it is."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def weight(self, value: torch.Tensor) -> str:
        """Add a weight, widened to float32: stored as float16, or in 8 bits with a scale for each output.

        Raises:
            ValueError: a value that float16 cannot hold.
        """
        if value.dim() > 1 and len(value) > 1 and value.numel() >= self._packed_from:
            steps, scale = whole_steps(value.detach().numpy())
            # Not DequantizeLinear, which ONNX Runtime leaves to be done for each frame; these are folded at load. And
            # not int8, which TensorRT takes before a DequantizeLinear only: as bytes, with 128 for zero.
            bytes_ = self.constant((steps.astype(np.int16) + 128).astype(np.uint8))
            whole = self.node("Sub", self.node("Cast", bytes_, to=TensorProto.FLOAT), self.scalar(128))
            return self.node("Mul", whole, self.constant(scale))
        narrow = value.detach().numpy().astype(np.float16)
        if not np.isfinite(narrow).all():
            raise ValueError("a weight is beyond float16's range")
        return self.node("Cast", self.constant(narrow), to=TensorProto.FLOAT)

    def scalar(self, value: float) -> str:
        """Add a float32 number."""
        return self.constant(np.array(value, np.float32))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def parts(self, x: str, channels: Sequence[int]) -> list[str]:
        """Split a tensor along its channels."""
        names = [f"n{len(self._nodes)}-{at}" for at in range(len(channels))]
        sizes = self.constant(np.array(channels, np.int64))
        self._nodes.append(helper.make_node("Split", [x, sizes], names, axis=1))
        return names

    def convolution(self, layer: nn.Conv2d, x: str) -> str:
        """Add a convolution with its bias."""
        pads = [layer.kernel_size[0] // 2] * 4
        inputs = [x, self.weight(layer.weight)] + ([] if layer.bias is None else [self.weight(layer.bias)])
        return self.node("Conv", *inputs, kernel_shape=list(layer.kernel_size), strides=list(layer.stride), pads=pads)

    def linear(self, layer: nn.Linear, x: str) -> str:
        """Add a fully connected layer."""
        return self.node("Gemm", x, self.weight(layer.weight), self.weight(layer.bias), transB=1)

    def unit(self, unit: Unit, x: str) -> str:
        """Add a folded unit."""
        y = self.convolution(unit.convolution, x)
        return self.node("Relu", y) if unit.active else y

    def chain(self, part: nn.Module, x: str) -> str:
        """Add a part made of units and residual blocks, one after another."""
        if isinstance(part, Unit):
            return self.unit(part, x)
        if isinstance(part, Residual):
            return self.node("Relu", self.node("Add", x, self.chain(part.body, x)))
        for child in part.children():
            x = self.chain(child, x)
        return x

    def enlarged(self, x: str, times: int) -> str:
        """Scale a tensor's sides up, as torch's bilinear `interpolate` with align_corners=False does."""
        scales = self.constant(np.array([1, 1, times, times], np.float32))
        return self.node("Resize", x, "", scales, mode="linear", coordinate_transformation_mode="half_pixel")

    def picture(self, name: str, look: int = 1) -> str:
        """Turn the input `name`, (1, S, S, 3) uint8, into (1, 3, S / look, S / look) in -0.5..0.5."""
        x = self.node("Transpose", self.node("Cast", name, to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
        x = self.node("AveragePool", x, kernel_shape=[look, look], strides=[look, look]) if look > 1 else x
        return self.node("Sub", self.node("Mul", x, self.scalar(1 / 255)), self.scalar(0.5))

    def finish(self, last: str, inside: onnx.ValueInfoProto, outside: onnx.ValueInfoProto, what: str) -> bytes:
        """Return the whole model, checked, with the node added last, `last`, as its output."""
        if self._nodes[-1].output[0] != last:
            raise ValueError(f"{last} is not the last node")
        self._nodes[-1].output[0] = outside.name
        graph = helper.make_graph(self._nodes, what, [inside], [outside], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
        model.producer_name = "snaplens"
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


def whole_steps(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a weight as int8 steps, -127..127, and the float32 size of one for each output, shaped to multiply them.

    Of sixteen sizes, from the one that just reaches the largest value down to 0.7 of it: that of least squared error.
    """
    axes = tuple(range(1, weight.ndim))
    largest = np.abs(weight).max(axes, keepdims=True) / 127
    scale, least = largest, np.full_like(largest, np.inf)
    for share in np.linspace(0.7, 1, 16):
        tried = np.maximum(largest * share, np.finfo(np.float32).tiny)
        error = ((np.clip(np.rint(weight / tried), -127, 127) * tried - weight) ** 2).sum(axes, keepdims=True)
        scale, least = np.where(error < least, tried, scale), np.minimum(error, least)
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def generator_onnx(network: Generator, size: int, sharpness: float) -> bytes:
    """Write a generator: `crop` (1, S, S, 3) uint8 RGB to `layer` (1, S, S, 4) uint8 RGB and matte.

    Args:
        network: folded here, in place.
        size: S.
        sharpness: the matte's logit is multiplied by it, which narrows soft edges and leaves the cut at 0.5.

    Eleven weights of the family 0.25, four fifths of all, are stored as int8: 0.63 MB for 1.04. thug-life on 40 people
    held out then differs by 66 dB at the mean, 64.5 at worst; with all weights so it would be 55.8 and 53.8.
    """
    g = Graph(packed_from=PACKED_FROM)
    y = g.node("DepthToSpace", _told(g, network, look=1), blocksize=2, mode="CRD")
    y = g.node("Mul", y, g.constant(np.array([1, 1, 1, sharpness], np.float32).reshape(1, 4, 1, 1)))
    return with_rows_joined(_painted(g, g.node("Sigmoid", y), size))


def canvas_onnx(network: CanvasGenerator, size: int) -> bytes:
    """Write a generator with a canvas, as `generator_onnx` does; its canvas is stored as bytes.

    Args:
        network: folded here, in place.
        size: S, and the canvas's side.
    """
    g = Graph(packed_from=PACKED_FROM)
    told = _told(g, network, look=LOOK)
    # Where each pixel lies itself is added, and the maps are put into their units, at the small size.
    units = np.array([REACH, REACH, 1, 1, 1, 1], np.float32).reshape(1, MAPS, 1, 1)
    zero = np.zeros((1, MAPS, size // COARSE, size // COARSE), np.float32)
    zero[:, :2], zero[:, 5] = places(size // COARSE).numpy(), SEEN
    told = g.node("Add", g.node("Mul", told, g.constant(units)), g.constant(zero))
    region = network.region or Region(0, size, 0, size)
    high, wide = region.bottom - region.top, region.right - region.left
    if network.region:
        ends = [np.array(edges, np.int64) // COARSE for edges in (region[::2], region[1::2])]
        told = g.node("Slice", told, *map(g.constant, ends), g.constant(np.array([2, 3], np.int64)))
    place, light, sight = g.parts(g.enlarged(told, COARSE), [2, 3, 1])
    art = np.rint(network.canvas.numpy() * 255).astype(np.uint8)
    canvas = g.node("Mul", g.node("Cast", g.constant(art), to=TensorProto.FLOAT), g.scalar(1 / 255))
    # One canvas for any number of faces: their places lie below each other, and what they see is parted again.
    grid = g.node("Transpose", place, perm=[0, 2, 3, 1])
    grid = g.node("Reshape", grid, g.constant(np.array([1, -1, wide, 2], np.int64)))
    worn = g.node("GridSample", canvas, grid, mode="bilinear", padding_mode="zeros", align_corners=0)
    worn = g.node("Reshape", worn, g.constant(np.array([4, -1, high, wide], np.int64)))
    worn = g.node("Transpose", worn, perm=[1, 0, 2, 3])
    shown = g.node("Concat", g.node("Exp", light), g.node("Sigmoid", sight), axis=1)
    return _painted(g, g.node("Clip", g.node("Mul", worn, shown), g.scalar(0), g.scalar(1)), size, network.region)


def hatched_onnx(network: HatchedGenerator, size: int) -> bytes:
    """Write a generator that hatches, as `generator_onnx` does; its sheet is stored as bytes.

    Args:
        network: folded here, in place.
        size: S, and the sheet's side.
    """
    g = Graph(packed_from=PACKED_FROM)
    told = g.node("DepthToSpace", _told(g, network, look=1), blocksize=2, mode="CRD")
    grey, matte, tone = g.parts(told, [1, 1, 1])
    limits = g.constant(np.rint(network.sheet.numpy() * 255).astype(np.uint8))
    limits = g.node("Mul", g.node("Cast", limits, to=TensorProto.FLOAT), g.scalar(STEEPNESS / 255))
    strokes = g.node("Mul", g.node("Sigmoid", g.node("Sub", tone, limits)), g.scalar(PRESS))
    grey = g.node("Mul", g.node("Sigmoid", grey), g.node("Sub", g.scalar(1), strokes))
    paper = g.constant(np.array(PAPER, np.float32).reshape(1, 3, 1, 1) / 255)
    matte = g.node("Sigmoid", g.node("Mul", matte, g.scalar(network.sharpness)))
    return _painted(g, g.node("Concat", g.node("Mul", grey, paper), matte, axis=1), size)


def flat_onnx(network: FlatGenerator, size: int) -> bytes:
    """Write a generator that paints in flat colours, as `generator_onnx` does.

    Args:
        network: folded here, in place.
        size: S.
    """
    g = Graph(packed_from=PACKED_FROM)
    coarse, fine = g.parts(_told(g, network, look=1), [COLOURS, 8])
    ink, matte = g.parts(g.node("DepthToSpace", fine, blocksize=2, mode="CRD"), [1, 1])
    colour = g.node("Sigmoid", g.enlarged(coarse, 2))
    weights = g.constant(np.array(LUMA, np.float32).reshape(1, 3, 1, 1))
    axis = g.constant(np.array([1], np.int64))
    light = g.node("Max", g.node("ReduceSum", g.node("Mul", colour, weights), axis, keepdims=1), g.scalar(DARKEST))
    steps = g.node("Mul", light, g.scalar(1 / STEP))
    whole = g.node("Floor", steps)
    risen = g.node("Mul", g.node("Sub", steps, g.node("Add", whole, g.scalar(0.5))), g.scalar(1 / SOFT))
    risen = g.node("Clip", g.node("Add", risen, g.scalar(0.5)), g.scalar(0), g.scalar(1))
    risen = g.node("Mul", g.node("Add", g.node("Add", whole, risen), g.scalar(LIFT)), g.scalar(STEP))
    colour = g.node("Mul", colour, g.node("Div", risen, light))
    colour = g.node("Clip", colour, g.scalar(0), g.scalar(1))
    ink = g.node("Mul", g.node("Sigmoid", ink), g.node("Sub", g.constant(network.ink.numpy()), colour))
    matte = g.node("Sigmoid", g.node("Mul", matte, g.scalar(network.sharpness)))
    return _painted(g, g.node("Concat", g.node("Add", colour, ink), matte, axis=1), size)


def _told(g: Graph, network: Generator, *, look: int) -> str:
    """Add a network, which sees the picture `look` times smaller, up to what its head tells; it is folded in place."""
    fold(network)
    x = g.picture("crop", look)
    skips = [g.unit(network.stem, x)]
    for down in network.down:
        skips.append(g.chain(down, skips[-1]))
    y = g.chain(network.deep, skips.pop())
    for narrow, merge in zip(reversed(network.narrow), reversed(network.merge), strict=True):
        y = g.enlarged(g.chain(narrow, y), 2)
        y = g.chain(merge, g.node("Relu", g.node("Add", y, skips.pop())))
    return g.convolution(network.head, y)


def _painted(g: Graph, y: str, size: int, region: Region | None = None) -> bytes:
    """Return the model whose colour and matte are `y`, (1, 4, S, S) in 0..1, or as large as the region they lie in."""
    y = g.node("Transpose", g.node("Round", g.node("Mul", y, g.scalar(255))), perm=[0, 2, 3, 1])
    if region:
        bare = [0, region.top, region.left, 0, 0, size - region.bottom, size - region.right, 0]
        y = g.node("Pad", y, g.constant(np.array(bare, np.int64)))
    # TensorRT takes uint8 at a network's two ends only, so the cast comes last; ONNX Runtime is as fast (5.3 ms).
    y = g.node("Cast", y, to=TensorProto.UINT8)
    inside = helper.make_tensor_value_info("crop", TensorProto.UINT8, [1, size, size, 3])
    outside = helper.make_tensor_value_info("layer", TensorProto.UINT8, [1, size, size, 4])
    return g.finish(y, inside, outside, "generator")


def landmarks_onnx(network: LandmarkNet) -> bytes:
    """Write the tracker's network: `crop` (1, 128, 128, 3) uint8 RGB to `points` (1, 479, 3) float32.

    The network is folded in place. Its weights are stored as int8: 1.6 MB for 3.2, and on 166 faces held out an error
    of 2.058 % of the outer eye distance for 2.055 %.
    """
    fold(network)
    g = Graph(packed_from=1)
    x = g.chain(network.squeeze, g.chain(network.body, g.unit(network.stem, g.picture("crop"))))
    x = g.node("Relu", g.linear(network.mix, g.node("Flatten", x)))
    middle = np.array([(SIZE_PX - 1) / 2, (SIZE_PX - 1) / 2, 0], np.float32)
    points = g.node("Reshape", g.linear(network.points, x), g.constant(np.array([1, POINTS, 3], np.int64)))
    points = g.node("Add", g.node("Mul", points, g.scalar(UNIT_PX)), g.constant(middle))
    presence = g.node("Reshape", g.linear(network.presence, x), g.constant(np.array([1, 1, 1], np.int64)))
    row = g.node("Concat", presence, g.constant(np.zeros((1, 1, 2), np.float32)), axis=2)
    inside = helper.make_tensor_value_info("crop", TensorProto.UINT8, [1, SIZE_PX, SIZE_PX, 3])
    outside = helper.make_tensor_value_info("points", TensorProto.FLOAT, [1, POINTS + 1, 3])
    return g.finish(g.node("Concat", points, row, axis=1), inside, outside, "landmarks")
