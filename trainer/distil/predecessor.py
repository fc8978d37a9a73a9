"""A student that begins with what a finished lens knows: where a face is, and how to paint at a place on it.

A package holds the network folded: each normalisation has become part of the convolution before it. To be taught on, it
needs them again, so their statistics are measured on the new run's own samples: the network then paints just what the
lens paints, and learns as any other. The reason: most of a run goes into finding the face. moustache had IoU .715 after
1,000 steps of 16 from nothing; trainer/gallery/LOG.md has what it has when it begins as thug-life.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from onnx import numpy_helper
from torch import nn

from lensd.errors import ConfigError, LensdError
from lensd.lens.package import open_package
from trainer.canvas import CanvasGenerator
from trainer.generator import Generator, Unit, fold
from trainer.networks import ART, blank_art, head_from_painter, network_of
from trainer.output_rows import ORDER, has_rows_joined
from trainer.widen import widen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from torch import Tensor


def generator_of(
    path: Path, widths: tuple[int, ...], blocks: int, seen: Iterable[Tensor], size_px: int | None = None
) -> Generator:
    """Return a lens's network as one that can be taught.

    Args:
        path: a lens package, NAME.lens or a zip.
        widths, blocks: of the family that it has to be of.
        seen: batches (n, 3, s, s) float32 in 0..1, like those that it will learn from.
        size_px: of the lens that it becomes; a network that wears takes what is smaller for halved. None: as it was.

    Raises:
        ConfigError: no package, or its network is of another family or of another trainer.
    """
    try:
        package = open_package(path)
        weights = list(_convolutions(package.network))
    except LensdError as error:
        raise ConfigError(str(path), f"no lens to start from ({error.what}: {error.why})", "lensd lenses") from error
    side = size_px or (package.manifest.crop.size_px if package.manifest.crop else 0)
    art = blank_art(len(weights[-1][0]) if weights else 0, side)  # each has its own, see `trunk_of`
    folded = network_of(widths, blocks, art)
    fold(folded)
    layers = list(_in_order(folded))
    shapes = [tuple(layer.weight.shape) for layer in layers]
    if [weight.shape for weight, _ in weights] != shapes:
        raise ConfigError(str(path), "its network is of another family, or not of this trainer", "another --family")
    with torch.no_grad():
        for layer, (weight, bias) in zip(layers, weights, strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(bias))
    if isinstance(folded, CanvasGenerator):
        folded.decide(back=True)
    return _unfolded(folded, network_of(widths, blocks, art), seen)


def trunk_of(known: dict[str, Tensor], own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what a network takes over from another's state: all of it but the art, which is each one's own.

    Where one has art of another kind, or none, their heads say different things, and each keeps its own; but of one
    that paints all by itself a head that hatches or paints flat can be made.
    """
    kinds = [{name for name in ART if name in state} for state in (own, known)]
    kept = set(ART) if kinds[0] == kinds[1] else {*ART, "head.weight", "head.bias"}
    if not kinds[1]:
        own = own | head_from_painter(own, known)
    taken = {name: value for name, value in known.items() if name not in kept}
    return taken | {name: value for name, value in own.items() if name in kept}


def _convolutions(content: bytes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield weight and bias of each convolution of a network, float32, in the order in which they are computed."""
    graph = widen(content).graph
    constants = {one.name: one for one in graph.initializer}
    nodes = [node for node in graph.node if node.op_type == "Conv" and len(node.input) == 3]
    nodes = [node for node in nodes if all(name in constants for name in node.input[1:])]
    for node in nodes:
        weight, bias = (numpy_helper.to_array(constants[name]).copy() for name in node.input[1:])
        if node is nodes[-1] and has_rows_joined(graph):
            weight, bias = weight[np.argsort(ORDER)], bias[np.argsort(ORDER)]
        yield weight, bias


def _in_order(network: Generator) -> Iterator[nn.Conv2d]:
    """Yield a network's convolutions in the order in which `Generator.paint` computes them."""
    up = zip(reversed(network.narrow), reversed(network.merge), strict=True)
    for part in (network.stem, network.down, network.deep, *chain.from_iterable(up), network.head):
        yield from (layer for layer in part.modules() if isinstance(layer, nn.Conv2d))


@torch.no_grad()
def _unfolded(folded: Generator, fresh: Generator, seen: Iterable[Tensor]) -> Generator:
    """Return `fresh` with the weights of `folded`, painting the same, its normalisations' statistics those of `seen`.

    norm(W x) = (W x - m) / s g + h with g = s and h = m + b is W x + b, whatever m and s are.
    """
    told: dict[nn.Conv2d, list[tuple[Tensor, Tensor]]] = {}

    def note(layer: nn.Conv2d, _: tuple[Tensor, ...], out: Tensor) -> None:
        told.setdefault(layer, []).append((out.mean((0, 2, 3)), out.square().mean((0, 2, 3))))

    layers = list(_in_order(folded))
    hooks = [layer.register_forward_hook(note) for layer in layers]
    for photos in seen:
        folded(photos)
    for hook in hooks:
        hook.remove()
    units = [unit for unit in fresh.modules() if isinstance(unit, Unit)]
    unit_of = {unit.convolution: unit for unit in units}
    for old, new in zip(layers, _in_order(fresh), strict=True):
        new.weight.copy_(old.weight)
        if old.bias is None:
            continue
        if new not in unit_of:
            if new.bias is not None:
                new.bias.copy_(old.bias)
            continue
        norm = unit_of[new].norm
        mean, square = (torch.stack(part).mean(0) for part in zip(*told[old], strict=True))
        spread = (square - mean**2).clamp_min(0)
        norm.running_mean, norm.running_var = mean - old.bias, spread  # of W x, without the bias
        norm.weight.copy_(torch.sqrt(spread + norm.eps))
        norm.bias.copy_(mean)
    return fresh
