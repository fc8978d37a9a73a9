"""The paper's objectives, on logits (a sigmoid and its logarithm apart would overflow).

`loss` names what the generator is taught by: "l1", "gan", "cgan", "l1+gan" or "l1+cgan"; a cGAN's discriminator sees
the input beside the output, a GAN's the output alone. `gan_mode` is how real and painted are told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

LOSSES = ("l1", "gan", "cgan", "l1+gan", "l1+cgan")
GAN_MODES = ("vanilla", "lsgan", "hinge", "wgangp")
_PENALTY = 10.0  # its weight in the paper of WGAN-GP


def has_l1(loss: str) -> bool:
    """Say whether the generator is taught by the targets themselves."""
    return "l1" in loss


def has_gan(loss: str) -> bool:
    """Say whether there is a discriminator."""
    return "gan" in loss


def is_conditional(loss: str) -> bool:
    """Say whether the discriminator sees the input too."""
    return "cgan" in loss


def discriminator_loss(mode: str, real: Tensor, painted: Tensor) -> Tensor:
    """Return what the discriminator minimises: a scalar, float32 (of float64: float64).

    vanilla: -mean log s(real) - mean log(1 - s(painted)), s the sigmoid (Goodfellow et al. 2014).
    lsgan: mean (real - 1)^2 + mean painted^2 (Mao et al. 2017).
    hinge: mean max(0, 1 - real) + mean max(0, 1 + painted) (Lim and Ye 2017).
    wgangp: mean painted - mean real (Arjovsky et al. 2017); `gradient_penalty` is added to it.

    Args:
        mode: one of `GAN_MODES`.
        real: logits for the targets, any shape.
        painted: logits for the generator's pictures.
    """
    real, painted = _precise(real), _precise(painted)
    if mode == "vanilla":
        return F.softplus(-real).mean() + F.softplus(painted).mean()
    if mode == "lsgan":
        return (real - 1).square().mean() + painted.square().mean()
    if mode == "wgangp":
        return painted.mean() - real.mean()
    return F.relu(1 - real).mean() + F.relu(1 + painted).mean()


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor, painted: Tensor, share: Tensor) -> Tensor:
    """Return 10 mean (|grad D(x)| - 1)^2 at points x between real and painted (Gulrajani et al. 2017): a scalar.

    Args:
        judge: the discriminator.
        real: what it is shown of targets, (n, c, h, w).
        painted: what it is shown of painted pictures, of that shape.
        share: (n, 1, 1, 1) in 0..1: where between them.
    """
    between = torch.lerp(painted.detach().to(real.dtype), real, share).requires_grad_()
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    # The small number keeps the root's own slope finite where a gradient is nothing.
    return _PENALTY * (slope.flatten(1).square().sum(1).add(1e-12).sqrt() - 1).square().mean()


def generator_loss(mode: str, painted: Tensor) -> Tensor:
    """Return what the generator minimises at the discriminator: a scalar, float32 (of float64: float64).

    vanilla: -mean log s(painted), the form that does not saturate; lsgan: mean (painted - 1)^2; hinge and
    wgangp: -mean painted.

    Args:
        mode: one of `GAN_MODES`.
        painted: logits for the generator's pictures, any shape.
    """
    painted = _precise(painted)
    if mode == "vanilla":
        return F.softplus(-painted).mean()
    if mode == "lsgan":
        return (painted - 1).square().mean()
    return -painted.mean()


def l1(painted: Tensor, target: Tensor) -> Tensor:
    """Return mean |painted - target|: a scalar, float32 (of float64: float64)."""
    return F.l1_loss(_precise(painted), _precise(target))


def _precise(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()
