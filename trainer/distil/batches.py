"""The samples of a step: they follow from the run's seed and the step's number alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from lensd.errors import ConfigError
from trainer.augment import Strength, sample
from trainer.distil.steady import nudge

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.pairs import Pairs

_TURNED_BY_DEG = 15.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples, the last k of them twins of the first k: the same face, light and noise, moved by a pixel or two.

    Attributes:
        photos: (n, 3, s, s) float32 in 0..1, channels last.
        targets: (n, 4, s, s) float32 in 0..1: colour multiplied by matte, and matte.
        moves: (k, 2, 3) float32, a twin's pixels to its sample's.
    """

    photos: Tensor
    targets: Tensor
    moves: Tensor


def chances(pairs: Pairs, oversample: float) -> np.ndarray:
    """Return how likely each picture is drawn, (n,): turned heads `oversample` times likelier, the held out never.

    Raises:
        ConfigError: nobody is left.
    """
    weights = np.where(np.abs(pairs.yaw) > _TURNED_BY_DEG, oversample, 1.0) * ~pairs.held_out
    if not weights.any():
        raise ConfigError("pairs", "nobody is left to train on: every person is held out")
    return np.asarray(weights / weights.sum(), np.float64)


def batch_of(
    pairs: Pairs,
    indices: np.ndarray,
    size: int,
    seed: tuple[int, ...],
    *,
    twins: int = 0,
    strength: Strength | None = None,
) -> Batch:
    """Make samples of the pictures `indices`, and of the first `twins` of them their twins."""
    strength = strength or Strength()
    made = [sample(pairs, int(one), size, np.random.default_rng((*seed, i)), strength) for i, one in enumerate(indices)]
    moves = np.empty((twins, 2, 3), np.float32)
    for i, one in enumerate(indices[:twins]):
        moves[i] = nudge(size, np.random.default_rng((*seed, i, 1)))
        again = np.random.default_rng((*seed, i))
        made.append(sample(pairs, int(one), size, again, replace(strength, nudge=moves[i])))
    photos, targets = (torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2) for part in zip(*made, strict=True))
    return Batch(photos.float().div_(255), targets.float().div_(255), torch.from_numpy(moves))
