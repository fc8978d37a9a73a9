"""pix2pix's generators: U-Net, encoder-decoder and ResNet, as the paper's appendix lists them, and our compact one.

All take (n, in, s, s) in -1..1 and return (n, out, s, s) in -1..1 (tanh).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from lensd.errors import ConfigError
from trainer.pix2pix.blocks import SeparableConv, SeparableUp, UpConv, initialise, norm_layer
from trainer.pix2pix.compact import Compact

if TYPE_CHECKING:
    from torch import Tensor

# Name to how often it halves; a side is a multiple of 2 to that power.
_U_NETS = {"unet_64": 6, "unet_128": 7, "unet_256": 8, "encoder_decoder": 8}
_RES_NETS = {"resnet_6blocks": 6, "resnet_9blocks": 9}
_COMPACT = "compact"
GENERATORS = (*_U_NETS, *_RES_NETS, _COMPACT)
_DROPPED = 3  # the first decoder layers, which have dropout
_WIDEST = 8  # times ngf


@dataclass(frozen=True, slots=True)
class Shape:
    """What a generator is made of, apart from its kind.

    Attributes:
        channels_in, channels_out: of the pictures.
        width: channels of the first layer, the paper's ngf.
        norm: "batch", "instance" or "none".
        dropout: of one half, in the first three decoder layers (ResNet: in every block).
        separable: depthwise separable convolutions, up-sampling by nearest neighbours (pix2pix-tensorflow's
            `separable_conv`).
    """

    channels_in: int = 3
    channels_out: int = 3
    width: int = 64
    norm: str = "batch"
    dropout: bool = True
    separable: bool = False


class UNet(nn.Module):
    """Halves the picture `levels` times by 4x4 convolutions and doubles it as often.

    C64-C128-C256-C512-... and back; each layer of the decoder also sees the encoder's layer of its size, unless `skips`
    is off. The innermost layer of the encoder has no norm: its map is 1x1 where the side is 2^levels, and one
    value normalised by itself is zero (or, by batch norm, its offset): the bottleneck would be dead.
    """

    def __init__(self, levels: int, shape: Shape, *, skips: bool = True) -> None:
        """Build and initialise the network."""
        super().__init__()
        widths = [shape.width * min(2**level, _WIDEST) for level in range(levels)]
        self.skips, self.drop = skips, 0.5 if shape.dropout else 0.0
        self.down, self.down_norms = nn.ModuleList(), nn.ModuleList()
        for level, (before, after) in enumerate(zip([shape.channels_in, *widths[:-1]], widths, strict=True)):
            norm = norm_layer("none" if level in (0, levels - 1) else shape.norm, after)
            kind = SeparableConv if shape.separable else nn.Conv2d
            self.down.append(kind(before, after, 4, 2, 1, bias=isinstance(norm, nn.Identity)))
            self.down_norms.append(norm)
        self.up, self.up_norms = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(levels)):
            before = widths[level] * (2 if skips and level < levels - 1 else 1)
            after = widths[level - 1] if level else shape.channels_out
            norm = norm_layer(shape.norm if level else "none", after)
            up = SeparableUp if shape.separable else UpConv
            self.up.append(up(before, after, 4, 2, 1, bias=isinstance(norm, nn.Identity)))
            self.up_norms.append(norm)
        initialise(self)

    def forward(self, picture: Tensor) -> Tensor:
        """Paint: (n, in, s, s) to (n, out, s, s), -1..1."""
        seen: list[Tensor] = []
        x = picture
        for level, (conv, norm) in enumerate(zip(self.down, self.down_norms, strict=True)):
            x = norm(conv(F.leaky_relu(x, 0.2) if level else x))
            seen.append(x)
        last = len(self.up) - 1
        for number, (conv, norm) in enumerate(zip(self.up, self.up_norms, strict=True)):
            if number and self.skips:
                x = torch.cat([x, seen[last - number]], dim=1)
            x = norm(conv(F.relu(x)))
            if number < min(_DROPPED, last):
                x = F.dropout(x, self.drop, self.training)
        painted: Tensor = torch.tanh(x)
        return painted


class _Block(nn.Module):
    """x + two 3x3 convolutions of x, at the borders mirrored."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(2):
            norm = norm_layer(shape.norm, width)
            conv = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect", bias=isinstance(norm, nn.Identity))
            layers += [conv, norm]
            if number == 0:
                layers += [nn.ReLU(), nn.Dropout(0.5 if shape.dropout else 0.0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + layers(x), of x's shape."""
        grown: Tensor = x + self.layers(x)
        return grown


class ResNet(nn.Module):
    """c7s1-64, d128, d256, blocks of 256, u128, u64, c7s1-3 (Johnson et al. 2016); sides are multiples of 4."""

    def __init__(self, blocks: int, shape: Shape) -> None:
        """Build and initialise the network."""
        super().__init__()
        width = shape.width
        layers: list[nn.Module] = [nn.Conv2d(shape.channels_in, width, 7, padding=3, padding_mode="reflect")]
        layers += [norm_layer(shape.norm, width), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), norm_layer(shape.norm, 2 * width), nn.ReLU()]
            width *= 2
        layers += [_Block(width, shape) for _ in range(blocks)]
        for _ in range(2):
            layers.append(nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1))
            layers += [norm_layer(shape.norm, width // 2), nn.ReLU()]
            width //= 2
        layers += [nn.Conv2d(width, shape.channels_out, 7, padding=3, padding_mode="reflect"), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, picture: Tensor) -> Tensor:
        """Paint: (n, in, s, s) to (n, out, s, s), -1..1."""
        painted: Tensor = self.layers(picture)
        return painted


def stride_of(kind: str) -> int:
    """Return what a side must be a multiple of, px, for a generator of `kind`."""
    if kind == _COMPACT:
        return 64  # it halves five times, and batch norm needs more than one value
    return 1 << _U_NETS[kind] if kind in _U_NETS else 4


def generator_of(kind: str, shape: Shape) -> nn.Module:
    """Build the generator named `kind`.

    Raises:
        ConfigError: no such kind, or one that cannot have such a shape.
    """
    check_shape(kind, shape)
    if kind in _U_NETS:
        return UNet(_U_NETS[kind], shape, skips=kind != "encoder_decoder")
    return Compact(shape.width) if kind == _COMPACT else ResNet(_RES_NETS[kind], shape)


def check_shape(kind: str, shape: Shape) -> None:
    """Check that there is a generator of `kind` with such a shape.

    Raises:
        ConfigError: no.
    """
    if kind not in GENERATORS:
        raise ConfigError("generator", f"{kind!r} is none of {', '.join(GENERATORS)}")
    if shape.separable and kind not in _U_NETS:
        raise ConfigError("separable_conv", f"{kind} has none", "a U-Net, or leave separable_conv off")
    if kind == _COMPACT and (shape.channels_in, shape.channels_out) != (3, 3):
        raise ConfigError("lab_colorization", f"{kind} paints RGB over RGB only", "another generator")
