"""The network that paints a lens: a compact U-Net from a face's crop to colour and matte.

Why so: dense 3x3 convolutions and channels in eights run fastest on CPUs and in TensorRT; batch normalisation folds
into them at export; the grid ends at 1/32 with a few residual blocks, where one pixel sees the whole face; bilinear
up-sampling and one pixel shuffle leave no checkerboard. In real multiply-adds (`count_macs`): 0.389 G at 256x256.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 64, 96, 128)
STRIDE = 32
_EDGE = 1 / 1024  # what lies nearer to 0 or 1 has no logit


class Generator(nn.Module):
    """RGB in 0..1 to logits of colour and matte; any size that is a multiple of 32.

    Attributes:
        sharpness: at export the matte's logit is multiplied by it, which narrows soft edges and leaves the cut at 0.5.
    """

    sharpness = 2.0

    def __init__(self, widths: tuple[int, ...] = WIDTHS, blocks: int = 2) -> None:
        """Build it with `widths` channels at 1/2, 1/4, ... of the size and `blocks` residual blocks at the end."""
        super().__init__()
        self.widths, self.blocks = widths, blocks
        self.stem = Unit(3, widths[0], stride=2)
        self.down = nn.ModuleList(nn.Sequential(Unit(a, b, stride=2), Unit(b, b)) for a, b in pairwise(widths))
        self.deep = nn.Sequential(*(Residual(widths[-1]) for _ in range(blocks)))
        self.narrow = nn.ModuleList(Unit(b, a, kernel=1, active=False) for a, b in pairwise(widths))
        self.merge = nn.ModuleList(Unit(a, a) for a in widths[:-1])
        self.head = nn.Conv2d(widths[0], 16, 3, 1, 1)
        nn.init.constant_(self.head.bias, 0.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Paint.

        Args:
            x: (n, 3, h, w) in 0..1.

        Returns:
            (n, 4, h, w) logits: sigmoid gives red, green, blue and matte.
        """
        return self.paint(x)[0]

    def paint(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits, and the decoder's maps (n, c, h, w), from 1/16 of the side to 1/2."""
        told, maps = self.told(x)
        return functional.pixel_shuffle(told, 2), maps

    def told(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what the head tells, (n, c, h / 2, w / 2), and the decoder's maps."""
        maps = []
        skips = [self.stem(x - 0.5)]
        for down in self.down:
            skips.append(down(skips[-1]))
        y = self.deep(skips.pop())
        for narrow, merge in zip(reversed(self.narrow), reversed(self.merge), strict=True):
            y = functional.interpolate(narrow(y), scale_factor=2.0, mode="bilinear", align_corners=False)
            y = merge(functional.relu(y + skips.pop()))
            maps.append(y)
        return self.head(y), maps


def logits_of(shares: Tensor) -> Tensor:
    """Return the logits of shares of any shape in 0..1, of 0 and 1 the nearest that have one."""
    return torch.logit(shares.clamp(_EDGE, 1 - _EDGE))


class Unit(nn.Module):
    """Convolution, batch normalisation and, where `active`, ReLU."""

    def __init__(self, inside: int, outside: int, kernel: int = 3, stride: int = 1, *, active: bool = True) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outside)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        x = self.norm(self.convolution(x))
        return functional.relu(x) if self.active else x


class Residual(nn.Module):
    """Two units whose result is added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Unit(width, width), Unit(width, width, active=False))

    def forward(self, x: Tensor) -> Tensor:
        """Apply it."""
        return functional.relu(x + self.body(x))


def fold(network: nn.Module) -> nn.Module:
    """Fold every batch normalisation into the convolution before it, in place; the network is for inference only then.

    W' = W g / sqrt(v + e), b' = beta - m g / sqrt(v + e).
    """
    for unit in network.modules():
        if isinstance(unit, Unit) and isinstance(unit.norm, nn.BatchNorm2d):
            norm, old = unit.norm, unit.convolution
            if norm.running_var is None or norm.running_mean is None:
                raise ValueError("a normalisation without running statistics cannot be folded")
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            kernel, stride = old.kernel_size[0], old.stride[0]
            new = nn.Conv2d(old.in_channels, old.out_channels, kernel, stride, kernel // 2)
            new.weight.data = (old.weight * gain[:, None, None, None]).detach()
            new.bias.data = (norm.bias - norm.running_mean * gain).detach()  # type: ignore[union-attr]
            unit.convolution = new
            unit.norm = nn.Identity()  # type: ignore[assignment]
    return network.eval()


def count_macs(network: nn.Module, size: int) -> int:
    """Return the multiply-adds of the convolutions and fully connected layers for one picture of `size` squared."""
    total = 0

    def count(layer: nn.Module, _: Any, out: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            taps = layer.kernel_size[0] * layer.kernel_size[1] * layer.in_channels // layer.groups
            total += out[0].numel() * taps
        elif isinstance(layer, nn.Linear):
            total += out[0].numel() * layer.in_features

    hooks = [layer.register_forward_hook(count) for layer in network.modules()]
    training = network.training
    with torch.no_grad():
        network.eval()(torch.zeros(1, 3, size, size))
    network.train(training)
    for hook in hooks:
        hook.remove()
    return total
