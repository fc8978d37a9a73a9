"""A generator of pix2pix as the teacher: frozen, it is asked for its picture and for where its channels look."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from lensd.errors import ConfigError
from trainer.pix2pix import keep
from trainer.pix2pix.generators import UNet
from trainer.pix2pix.paint import load_generator, own_statistics, paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# Decoder maps at 1/16, 1/8 and 1/4 of the side, the student's and the teacher's: place is settled there, strokes later.
LEVELS = (4, 3, 2)


class Teacher:
    """A checkpoint of `lensd train` that paints RGB, any of its generators; a U-Net has maps to look at besides.

    Attributes:
        digest: of the checkpoint's file; a run that goes on needs the same.
        channels: of its maps at `LEVELS`; none where it is no U-Net.
    """

    def __init__(self, path: Path, device: torch.device | None = None) -> None:
        """Load the running mean of its weights.

        Args:
            path: the checkpoint, or a run's folder.
            device: where it is to look; the processor where None.

        Raises:
            ConfigError: not a checkpoint of such a network.
        """
        device = device or torch.device("cpu")
        self._network, options, _ = load_generator(path, device)
        if options.lab_colorization:
            raise ConfigError(str(path), "paints colours from lightness", "a teacher that paints RGB from RGB")
        if options.channels != (3, 3):
            why = f"paints {options.channels[1]} channels from {options.channels[0]}"
            raise ConfigError(str(path), why, "a teacher that paints RGB from RGB")
        if options.which_direction != "AtoB":
            raise ConfigError(str(path), "was taught from B to A", "a teacher that paints B from A")
        self._network.requires_grad_(False)
        self._size, self._own = options.crop_size, own_statistics(options)
        file = keep.newest(path) if path.is_dir() else path
        self.digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        self._seen: list[Tensor] = []
        self.channels: tuple[int, ...] = ()
        if isinstance(self._network, UNet) and len(self._network.up) > max(LEVELS):
            last = len(self._network.up) - 1
            for level in LEVELS:
                self._network.up_norms[last - level].register_forward_hook(self._note)
            paint(self._network, torch.zeros(1, 3, self._size, self._size, device=device), own=self._own)
            self.channels = tuple(seen.shape[1] for seen in self._seen)

    @torch.no_grad()
    def look(self, photos: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return its pictures, (n, 3, s, s) in 0..1, and its maps at `LEVELS`.

        Args:
            photos: (n, 3, s, s) in 0..1; scaled to the size it was taught at, and its pictures back.
        """
        self._seen = []
        x = functional.interpolate(photos, (self._size, self._size), mode="bilinear", antialias=True)
        painted = paint(self._network, x * 2 - 1, own=self._own).float()
        pictures = functional.interpolate((painted + 1) / 2, photos.shape[2:], mode="bilinear", antialias=True)
        # A picture at a time, each with all its maps, where norms are the picture's own.
        maps = [torch.cat(self._seen[number :: len(self.channels)]) for number in range(len(self.channels))]
        return pictures.contiguous(), maps

    def _note(self, _: nn.Module, __: object, out: Tensor) -> None:
        self._seen.append(out)


class Adapters(nn.ModuleList):
    """A 1x1 convolution for each pair of maps, from the student's channels to the teacher's; dropped at export."""

    def __init__(self, student: Sequence[int], teacher: Sequence[int]) -> None:
        """Build them for maps of so many channels."""
        super().__init__([nn.Conv2d(a, b, 1) for a, b in zip(student, teacher, strict=True)])

    def loss(self, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
        """Return how far the student's channels look elsewhere than the teacher's: a scalar.

        KL(softmax(T_c) || softmax(A(S)_c)), the softmax over places; mean over channels, maps and batch. Source: Shu,
        Liu, Gao, Yan and Shen 2021, "Channel-wise Knowledge Distillation for Dense Prediction", at temperature 1.
        OMGD (Ren et al. 2021) compares the channels' means alone, which do not say where.
        """
        apart = []
        for adapt, mine, true in zip(self, student, teacher, strict=True):
            place = functional.interpolate(adapt(mine).float(), true.shape[2:], mode="bilinear", antialias=True)
            mine_log = functional.log_softmax(place.flatten(2), 2)
            true_log = functional.log_softmax(true.float().flatten(2), 2)
            apart.append(functional.kl_div(mine_log, true_log, reduction="none", log_target=True).sum(2).mean())
        return torch.stack(apart).mean()
