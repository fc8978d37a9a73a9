"""PatchGAN discriminators: each value of their map judges one patch of the picture (paper, appendix 6.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from trainer.pix2pix.blocks import initialise, norm_layer

if TYPE_CHECKING:
    from torch import Tensor

# Side of the patch, px, to the number of layers that halve; 34 and 142 lie between the paper's.
PATCHES = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5}
_WIDEST = 8  # times ndf


class PatchGAN(nn.Module):
    """C64-C128-C256-C512 and one value, for patches of 70; no norm in the first layer.

    A patch of 1 px is judged by 1x1 convolutions (C64-C128). The output are logits: no sigmoid.
    """

    def __init__(self, channels: int, patch: int = 70, width: int = 64, norm: str = "batch") -> None:
        """Build and initialise the network; `patch` is one of `PATCHES`."""
        super().__init__()
        halvings = PATCHES[patch]
        kernel, stride, padding = (1, 1, 0) if halvings == 0 else (4, 2, 1)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, kernel, stride, padding), nn.LeakyReLU(0.2)]
        before = width
        for number in range(1, halvings + 1 if halvings else 2):
            after = width * min(2**number, _WIDEST)
            layer = norm_layer(norm, after)
            steps = 2 if number < halvings else 1
            bias = isinstance(layer, nn.Identity)
            layers += [nn.Conv2d(before, after, kernel, steps, padding, bias=bias), layer, nn.LeakyReLU(0.2)]
            before = after
        layers.append(nn.Conv2d(before, 1, kernel, 1, padding))
        self.layers = nn.Sequential(*layers)
        initialise(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """(n, channels, s, s) to logits (n, 1, m, m): 30x30 for a patch of 70 and a side of 256."""
        judged: Tensor = self.layers(pictures)
        return judged


def map_side(side: int, patch: int) -> int:
    """Return the side of the map for a picture of `side` px; below 1 where the picture is too small for the patch."""
    halvings = PATCHES[patch]
    if halvings == 0:
        return side
    return (side >> halvings) - 2
