"""What generators and discriminators are built of: norms, separable convolutions, and how weights begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor

NORMS = ("batch", "instance", "none")
INITS = ("normal", "xavier", "kaiming", "orthogonal")
SPREAD = 0.02
_FEW = 128  # positions


def norm_layer(kind: str, channels: int) -> nn.Module:
    """Return batch norm, instance norm (with scale and offset) or nothing, for (n, channels, h, w)."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels, affine=True) if kind == "instance" else nn.Identity()


def initialise(network: nn.Module, kind: str = "normal", gain: float = SPREAD) -> None:
    """Draw weights as `kind` says, norms' scales from N(1, gain); biases and offsets are 0.

    Args:
        network: all its convolutions and norms.
        kind: "normal" from N(0, gain), which with .02 is the paper's; "xavier" (Glorot and Bengio 2010, normal) and
            "orthogonal" (Saxe et al. 2013) scaled by `gain`; "kaiming" (He et al. 2015, normal over inputs), which has
            a scale of its own.
        gain: see `kind`.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            _draw(module.weight, kind, gain)
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d) and module.weight is not None:
            nn.init.normal_(module.weight, 1.0, gain)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _draw(weight: Tensor, kind: str, gain: float) -> None:
    if kind == "normal":
        nn.init.normal_(weight, 0.0, gain)
    elif kind == "xavier":
        nn.init.xavier_normal_(weight, gain)
    elif kind == "kaiming":
        nn.init.kaiming_normal_(weight)
    else:
        nn.init.orthogonal_(weight, gain)


class UpConv(nn.ConvTranspose2d):
    """A transposed convolution; where `quick` is set, small maps are one matrix product and a sum of its columns.

    oneDNN takes 53 ms for a step of 1024 to 512 channels on a map of 2x2 in bfloat16, two and a half times what reading
    the weights by a product takes (28 ms, one core of a Zen 5); from 16x16 on it is as quick, or quicker.
    """

    quick = False

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(n, before, h, w) to (n, after, stride h, stride w)."""
        n, channels, height, width = x.shape
        if not self.quick or n * height * width > _FEW:
            return super().forward(x, output_size)
        positions = x.permute(1, 0, 2, 3).reshape(channels, -1)
        columns = self.weight.reshape(channels, -1).t() @ positions
        columns = columns.view(-1, n, height * width).permute(1, 0, 2)
        kernel, stride, padding = (int(value[0]) for value in (self.kernel_size, self.stride, self.padding))
        size = ((height - 1) * stride - 2 * padding + kernel, (width - 1) * stride - 2 * padding + kernel)
        grown = F.fold(columns, size, kernel, padding=padding, stride=stride)
        if self.bias is not None:
            grown = grown + self.bias.to(grown.dtype)[:, None, None]
        return grown.contiguous(memory_format=torch.channels_last)

    def hurry(self) -> None:
        """Set `quick`, and let the weights lie as the product reads them."""
        self.quick = True
        self.weight.data = self.weight.data.contiguous()


class SeparableConv(nn.Sequential):
    """A convolution of each channel for itself, then a 1x1 over channels."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, padding: int, *, bias: bool) -> None:
        """Build both layers."""
        super().__init__(
            nn.Conv2d(before, before, kernel, stride, padding, groups=before, bias=False),
            nn.Conv2d(before, after, 1, bias=bias),
        )


class SeparableUp(nn.Module):
    """Nearest neighbours twice as large, then a separable convolution of `kernel` that keeps the size."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, padding: int, *, bias: bool) -> None:
        """Build it; `padding` is of the transposed convolution that it stands for."""
        super().__init__()
        self.stride = stride
        self.before = (kernel - 1) // 2, kernel // 2  # an even kernel needs one pixel more on one side
        self.conv = SeparableConv(before, after, kernel, 1, 0, bias=bias)
        if stride * (kernel // stride) - 2 * padding != stride:
            raise ValueError("stands only for a transposed convolution that multiplies the side by its stride")

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) to (n, after, stride h, stride w)."""
        low, high = self.before
        large = F.interpolate(x, scale_factor=float(self.stride))
        grown: Tensor = self.conv(F.pad(large, (low, high, low, high)))
        return grown
