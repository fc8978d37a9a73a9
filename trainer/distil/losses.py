"""What a painted layer is told about its faults, each fault as a scalar: mean over the batch.

A layer is a colour c and a matte a; laid over the photograph x it makes the picture y = (1 - a) x + a c. The target
has c*, a* and y*. All are planes in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

_NEAR = 9  # px that count as near what is drawn, and how much heavier they are
_SSIM_SIGMA, _SSIM_REACH = 1.5, 5
_SSIM_C1, _SSIM_C2 = 0.01**2, 0.03**2


class Painted:
    """What the student made of photographs.

    Attributes:
        logit: (n, 1, h, w), the matte before its sigmoid.
        matte: (n, 1, h, w). colour: (n, 3, h, w). picture: (n, 3, h, w).
    """

    def __init__(self, logits: Tensor, photo: Tensor) -> None:
        """Take a generator's (n, 4, h, w) and the photographs (n, 3, h, w)."""
        # Planes of their own: slices of channels-last tensors made the losses slower than the network (185 ms a step).
        self.logit = logits[:, 3:].float().contiguous()
        self.matte = torch.sigmoid(self.logit)
        self.colour = torch.sigmoid(logits[:, :3].float().contiguous())
        self.picture = photo + self.matte * (self.colour - photo)


@dataclass(frozen=True)
class Wanted:
    """What the student should have made.

    Attributes:
        photo: (n, 3, h, w). drawn: (n, 3, h, w), a* c*. matte: (n, 1, h, w).
    """

    photo: Tensor
    drawn: Tensor
    matte: Tensor

    @classmethod
    def of(cls, photo: Tensor, target: Tensor) -> Wanted:
        """Take photographs (n, 3, h, w) and targets (n, 4, h, w): colour multiplied by matte, and matte."""
        return cls(photo.contiguous(), target[:, :3].contiguous(), target[:, 3:].contiguous())

    @cached_property
    def picture(self) -> Tensor:
        """y*, (n, 3, h, w)."""
        return self.photo * (1 - self.matte) + self.drawn

    @cached_property
    def near(self) -> Tensor:
        """1 + 9 dilate(a*), (n, 1, h, w): else the 95 % of pixels that stay as they are would outweigh the rest."""
        half = _NEAR // 2
        wide = functional.max_pool2d(self.matte, (1, _NEAR), 1, (0, half))
        return 1 + _NEAR * functional.max_pool2d(wide, (_NEAR, 1), 1, (half, 0))


def weighed(wrong: Tensor, near: Tensor) -> Tensor:
    """sum(M w) / sum(M) of each sample, then their mean; w (n, c, h, w), M (n, 1, h, w)."""
    each = (near * wrong.mean(1, keepdim=True)).sum((1, 2, 3)) / near.sum((1, 2, 3))
    return each.mean()


def picture_l1(painted: Tensor, target: Tensor, near: Tensor) -> Tensor:
    """sum(M |y - y*|) / sum(M). Source: pix2pix's lambda L1 (Isola et al. 2017), weighted."""
    return weighed((painted - target).abs(), near)


def matte_bce(logit: Tensor, matte: Tensor) -> Tensor:
    """Binary cross-entropy of the matte: -(a* log a + (1 - a*) log(1 - a)), from logits, so that nothing overflows."""
    return functional.binary_cross_entropy_with_logits(logit, matte)


def matte_dice(logit: Tensor, matte: Tensor) -> Tensor:
    """Soft Dice loss of the matte, 0..1: 1 - 2 sum(a a*) / (sum(a^2) + sum(a*^2)).

    Source: Milletari et al. 2016, "V-Net". It weighs a face by its sticker's own area, which cross-entropy does not:
    half the weight goes to the pictures that overlap worst.
    """
    a = torch.sigmoid(logit)
    shared = (a * matte).sum((1, 2, 3))
    return (1 - (2 * shared + 1) / ((a * a).sum((1, 2, 3)) + (matte * matte).sum((1, 2, 3)) + 1)).mean()


def colour_inside(colour: Tensor, wanted: Wanted) -> Tensor:
    """L1 of the colour under the true matte: sum |a* c - a* c*| / (3 sum(a*) + 1); elsewhere it does not matter."""
    wrong = (wanted.matte * colour - wanted.drawn).abs().sum((1, 2, 3))
    return (wrong / (3 * wanted.matte.sum((1, 2, 3)) + 1)).mean()


def gradient_l1(painted: Tensor, target: Tensor, near: Tensor) -> Tensor:
    """sum(M |grad y - grad y*|) / sum(M), by differences of neighbours to the right and below: crisp edges.

    Source: Mathieu, Couprie and LeCun 2016, "Deep multi-scale video prediction beyond mean square error".
    """
    away = painted - target
    across, down = away.diff(dim=3).abs(), away.diff(dim=2).abs()
    return weighed(across, near[..., 1:]) + weighed(down, near[..., 1:, :])


def ssim_loss(painted: Tensor, target: Tensor, near: Tensor) -> Tensor:
    """sum(M (1 - SSIM)) / sum(M) of luma, at every second pixel (a quarter of the cost).

    Source: Wang, Bovik, Sheikh and Simoncelli 2004: Gaussian window of 11 and sigma 1.5, constants .01 and .03.
    """
    weights = painted.new_tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)
    a, b = ((picture * weights).sum(1, keepdim=True) for picture in (painted, target))
    blurred = _blur(torch.cat([a, b, a * a, b * b, a * b]))
    mean_a, mean_b, square_a, square_b, product = blurred.chunk(5)
    both = mean_a * mean_b
    like = (2 * both + _SSIM_C1) * (2 * (product - both) + _SSIM_C2)
    most = (mean_a**2 + mean_b**2 + _SSIM_C1) * (square_a - mean_a**2 + square_b - mean_b**2 + _SSIM_C2)
    return weighed(1 - like / most, near[..., ::2, ::2])


def _blur(planes: Tensor) -> Tensor:
    """Blur (n, 1, h, w) by a Gaussian and return every second pixel of it."""
    at = torch.arange(-_SSIM_REACH, _SSIM_REACH + 1, dtype=planes.dtype, device=planes.device)
    bell = torch.exp(-(at**2) / (2 * _SSIM_SIGMA**2))
    bell = bell / bell.sum()
    down = functional.conv2d(planes, bell.reshape(1, 1, -1, 1), stride=(2, 1), padding=(_SSIM_REACH, 0))
    return functional.conv2d(down, bell.reshape(1, 1, 1, -1), stride=(1, 2), padding=(0, _SSIM_REACH))
