"""Painted pictures of earlier steps, for the discriminator to judge again (Shrivastava et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor


class Pool:
    """Keeps `size` pictures; once it is full, every second picture changes places with one of them.

    Attributes:
        held: (k, c, h, w), k at most `size`; None while it is empty.
    """

    def __init__(self, size: int, seed: int, rank: int = 0) -> None:
        """Begin with none; all chance follows from `seed`, `rank` and the step."""
        self.size, self._seed, self._rank = size, seed, rank
        self.held: Tensor | None = None

    def swap(self, painted: Tensor, step: int) -> Tensor:
        """Return what the discriminator is to see instead of `painted` (n, c, h, w), in its shape.

        Raises:
            RuntimeError: pictures of another size than those held.
        """
        if not self.size:
            return painted
        rng = np.random.default_rng((self._seed, 2, step, self._rank))
        seen = []
        for one in torch.split(painted.detach(), 1):
            if self.held is None or len(self.held) < self.size:
                self.held = one.clone() if self.held is None else torch.cat([self.held, one])
                seen.append(one)
            elif rng.random() < 0.5:
                place = int(rng.integers(self.size))
                seen.append(self.held[place : place + 1].clone())
                self.held[place] = one[0]
            else:
                seen.append(one)
        return torch.cat(seen)
