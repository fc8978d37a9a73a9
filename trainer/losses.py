"""What a painted picture is told about its faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def matte_bce(logit: Tensor, matte: Tensor) -> Tensor:
    """Binary cross-entropy of the matte, mean over pixels: (n,).

    -(a* log a + (1 - a*) log(1 - a)), from logits, so that nothing overflows. Source: pix2pix's advice to take logits
    losses; a* may lie between 0 and 1 at edges.
    """
    return functional.binary_cross_entropy_with_logits(logit, matte, reduction="none").mean((1, 2, 3))


def matte_dice(logit: Tensor, matte: Tensor) -> Tensor:
    """Soft Dice loss of the matte: (n,) in 0..1.

    1 - 2 sum(a a*) / (sum(a^2) + sum(a*^2)). Source: Milletari et al. 2016, "V-Net". It weighs a face by its sticker's
    own area, which BCE does not: half the weight goes to the pictures that overlap worst.
    """
    a = torch.sigmoid(logit)
    shared = (a * matte).sum((1, 2, 3))
    return 1 - (2 * shared + 1) / ((a * a).sum((1, 2, 3)) + (matte * matte).sum((1, 2, 3)) + 1)


def colour_inside(colour: Tensor, drawn: Tensor, true_matte: Tensor) -> Tensor:
    """L1 of the colour under the true matte: (n,).

    sum |a* c - a* c*| / (3 sum(a*) + 1). Where nothing is drawn the colour does not matter.
    """
    return (true_matte * colour - drawn).abs().sum((1, 2, 3)) / (3 * true_matte.sum((1, 2, 3)) + 1)


def picture_l1(photo: Tensor, colour: Tensor, matte: Tensor, drawn: Tensor, true_matte: Tensor) -> Tensor:
    """L1 of the finished picture, near the sticker ten times heavier: (n,).

    y = (1 - a) x + a c against y* = (1 - a*) x + a* c*; sum(M |y - y*|) / sum(M), M = 1 + 9 dilate(a*): else the 95 %
    of pixels that stay as they are would outweigh the rest. Source: pix2pix's lambda L1 (Isola et al. 2017), weighted.
    """
    wide = functional.max_pool2d(functional.max_pool2d(true_matte, (1, 9), 1, (0, 4)), (9, 1), 1, (4, 0))
    near = 1 + 9 * wide
    wrong = (matte * (colour - photo) - (drawn - true_matte * photo)).abs().mean(1, keepdim=True)
    return (near * wrong).sum((1, 2, 3)) / near.sum((1, 2, 3))


def lens_loss(logits: Tensor, photo: Tensor, target: Tensor) -> Tensor:
    """Return the whole loss of each sample: (n,).

    BCE + Dice + 2 L1(picture) + L1(colour inside).

    Args:
        logits: (n, 4, h, w) from the generator.
        photo: (n, 3, h, w) in 0..1.
        target: (n, 4, h, w) in 0..1, a* c* and a*: colour multiplied by matte, and matte.
    """
    # Planes of their own: slices of channels-last tensors made the losses slower than the network (185 ms a step).
    logit, matte = logits[:, 3:].contiguous(), torch.sigmoid(logits[:, 3:].contiguous())
    colour = torch.sigmoid(logits[:, :3].contiguous())
    drawn, true_matte = target[:, :3].contiguous(), target[:, 3:].contiguous()
    photo = photo.contiguous()
    return (
        matte_bce(logit, true_matte)
        + matte_dice(logit, true_matte)
        + 2 * picture_l1(photo, colour, matte, drawn, true_matte)
        + colour_inside(colour, drawn, true_matte)
    )
