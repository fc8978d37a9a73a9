"""Our own discriminator: it looks at a window of the photograph and the picture, and is taught along with the student.

Its features stand in for those of a network that would have to be downloaded (pix2pixHD's feature matching, Wang et
al. 2018; there it is VGG besides).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from trainer import checkpoint
from trainer.pix2pix.discriminators import PatchGAN
from trainer.pix2pix.losses import discriminator_loss, generator_loss

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

_PATCH, _WIDTH = 34, 16
_MODE = "hinge"
_RATE = 4e-4
_PHOTO_AND_PICTURE = 6


class Critic:
    """A PatchGAN with its optimizer.

    It judges patches of 34 px of half a picture's side, elsewhere in each step: a quarter of the work, and the student
    (0.25 GMAC) stays most of it. Instance norm: it judges strokes, not how bright the room is.
    """

    def __init__(self, device: torch.device) -> None:
        """Build a fresh one on `device`."""
        self.network = PatchGAN(_PHOTO_AND_PICTURE, _PATCH, _WIDTH, "instance")
        self.network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._optimizer = torch.optim.Adam(self.network.parameters(), _RATE, (0.5, 0.999))

    def judge(self, photo: Tensor, picture: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the student minimises, two scalars: feature matching and the adversarial loss.

        Matching is the mean over layers of mean |D_l(x, y) - D_l(x, y*)|; adversarial is -mean D(x, y) (hinge).

        Args:
            photo, picture, target: (n, 3, h, w), windows of the same place.
        """
        self.network.requires_grad_(False)
        mine = self._features(photo, picture)
        with torch.no_grad():
            true = self._features(photo, target)
        self.network.requires_grad_(True)
        apart = [functional.l1_loss(a.float(), b.float()) for a, b in zip(mine[:-1], true[:-1], strict=True)]
        return torch.stack(apart).mean(), generator_loss(_MODE, mine[-1])

    def learn(self, photo: Tensor, picture: Tensor, target: Tensor, *, bf16: bool) -> float:
        """Do one step of its own and return its loss; `picture` carries no gradient."""
        with torch.autocast(photo.device.type, torch.bfloat16, enabled=bf16):
            true, mine = (self._features(photo, seen)[-1] for seen in (target, picture.detach()))
        loss = discriminator_loss(_MODE, true, mine)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        return float(loss.detach())

    def tensors(self) -> dict[str, Tensor]:
        """Return what a run goes on from."""
        return checkpoint.pack("critic", self.network.state_dict()) | checkpoint.pack(
            "critic_adam", checkpoint.pack_optimizer(self._optimizer)
        )

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put back what `tensors` gave.

        Raises:
            RuntimeError: it is of another network.
        """
        self.network.load_state_dict(checkpoint.unpack("critic", tensors))
        checkpoint.unpack_optimizer(self._optimizer, checkpoint.unpack("critic_adam", tensors))

    def _features(self, photo: Tensor, picture: Tensor) -> list[Tensor]:
        """Return what each activation gives, and the logits last."""
        found = []
        x = torch.cat([photo, picture], 1) * 2 - 1
        for layer in self.network.layers:
            x = layer(x)
            if _is_activation(layer):
                found.append(x)
        return [*found, x]


def window(size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """Choose a window of half of `size` a side: rows and columns."""
    half = size // 2
    top, left = (int(rng.integers(0, size - half + 1)) for _ in range(2))
    return slice(top, top + half), slice(left, left + half)


def _is_activation(layer: nn.Module) -> bool:
    return isinstance(layer, torch.nn.LeakyReLU)
