"""The samples of a step: they follow from the run's seed and the step's number alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from lensd.errors import ConfigError
from trainer.augment import Strength, sample
from trainer.distil.place import known_places
from trainer.distil.steady import nudge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from torch import Tensor

    from lensd.frames import F32, U8, Affine
    from trainer.distil.settings import Settings
    from trainer.pairs import Pairs

_TURNED_BY_DEG = 15.0
_AHEAD = 3  # steps: one is computed, one is ready, one is made


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples, the last k of them twins of the first k: the same face, light and noise, moved by a pixel or two.

    Attributes:
        photos: (n, 3, s, s) float32 in 0..1, channels last.
        targets: (n, 4, s, s) float32 in 0..1: colour multiplied by matte, and matte.
        moves: (k, 2, 3) float32, a twin's pixels to its sample's.
        places: (n, p, 4) float32, as `known_places` tells them; p is 0 where there is no canvas.
    """

    photos: Tensor
    targets: Tensor
    moves: Tensor
    places: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return it on `device`."""
        parts = (self.photos, self.targets, self.moves, self.places)
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


class Batches:
    """A run's batches, by step; with two `workers` or more, those of the next steps are made while one is learned from.

    A sample takes 1.7 ms of a core at 160 px and 5 at 256: a GPU would wait for it. NumPy and OpenCV let go of Python's
    lock while they compute, so threads will do.
    """

    def __init__(self, pairs: Pairs, settings: Settings, strength: Strength | None, workers: int = 1) -> None:
        """Begin with nothing made.

        Raises:
            ConfigError: nobody is left to train on.
        """
        self._pairs, self._settings = pairs, settings
        self._strength = strength or Strength(wide=settings.wide, near=settings.near, mirrored=settings.mirrored)
        self._chances = chances(pairs, settings.oversample)
        self._pool = ThreadPoolExecutor(workers, "samples") if workers > 1 else None
        self._coming: dict[int, list[Future[_Sample]]] = {}

    def at(self, step: int) -> Batch:
        """Return the batch of a step."""
        if self._pool is None:
            return batch_of(self._pairs, *self._asked(step), twins=self._settings.twin_count, strength=self._strength)
        for later in range(step, min(step + _AHEAD, self._settings.steps)):
            if later not in self._coming:
                jobs = _jobs(self._pairs, *self._asked(later), self._settings.twin_count, self._strength)
                self._coming[later] = [self._pool.submit(job) for job in jobs]
        return _stack([made.result() for made in self._coming.pop(step)], self._settings.twin_count)

    def close(self) -> None:
        """Make no more."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _asked(self, step: int) -> tuple[np.ndarray, int, tuple[int, ...]]:
        """Return the pictures of a step, their size, and the seed of their samples."""
        settings = self._settings
        rng = np.random.default_rng((settings.seed, step, 0))
        indices = rng.choice(len(self._chances), settings.batch - settings.twin_count, p=self._chances)
        return indices, settings.size_at(step), (settings.seed, step, 1)


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
    jobs = _jobs(pairs, indices, size, seed, twins, strength or Strength())
    return _stack([job() for job in jobs], twins)


@dataclass(frozen=True, slots=True)
class _Sample:
    photo: U8
    target: U8
    places: F32
    move: Affine | None


def _jobs(
    pairs: Pairs, indices: np.ndarray, size: int, seed: tuple[int, ...], twins: int, strength: Strength
) -> Sequence[Callable[[], _Sample]]:
    """Return what makes each sample, twins last."""

    def one(place: int, index: int, *, twin: bool) -> _Sample:
        rng = np.random.default_rng((*seed, place))
        move = nudge(size, np.random.default_rng((*seed, place, 1))) if twin else None
        stray = strength if move is None else replace(strength, nudge=move)
        photo, target, points = sample(pairs, index, size, rng, stray)
        return _Sample(photo, target, known_places(pairs, points, size), move)

    known = [(place, int(index)) for place, index in enumerate(indices)]
    first = [partial(one, place, index, twin=False) for place, index in known]
    return first + [partial(one, place, index, twin=True) for place, index in known[:twins]]


def _stack(made: list[_Sample], twins: int) -> Batch:
    moves = np.empty((twins, 2, 3), np.float32)
    for i, one in enumerate(made[len(made) - twins :]):
        moves[i] = one.move
    photos, targets = (
        torch.from_numpy(np.stack([getattr(one, part) for one in made])).permute(0, 3, 1, 2)
        for part in ("photo", "target")
    )
    places = torch.from_numpy(np.stack([one.places for one in made]))
    return Batch(photos.float().div_(255), targets.float().div_(255), torch.from_numpy(moves), places)
