"""What the learning rate is multiplied by, step by step: the schedules of pytorch-CycleGAN-and-pix2pix, and none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.pix2pix.options import Options

_STEP = 0.1
# Of `plateau`: an epoch counts as better below 99 % of the best; after more than 5 that do not, a fifth is left.
_PLATEAU, _BETTER, _PATIENCE = 0.2, 0.99, 5


class Pace:
    """The schedule of a run. All but `plateau` follow from the step alone."""

    def __init__(self, options: Options, steps: int, epoch_steps: int) -> None:
        """Take the run's options, its steps in all and those of an epoch."""
        self.kind, self.steps, self.epoch_steps = options.schedule, steps, epoch_steps
        self._every = options.lr_decay_iters
        decay = options.n_epochs_decay
        self._falls = steps / 2 if decay is None else min(decay * epoch_steps, steps)
        self._left, self._best, self._waited = 1.0, math.inf, 0
        self._sum: Tensor | float = 0.0
        self._count = 0

    def at(self, step: int) -> float:
        """Return the factor, 0..1, for the step after `step` steps."""
        if self.kind == "linear" and step > self.steps - self._falls:
            return max(self.steps - step, 0) / self._falls
        if self.kind == "cosine":
            return (1 + math.cos(math.pi * min(step / self.steps, 1))) / 2
        if self.kind == "step":
            return float(_STEP ** (step // self.epoch_steps // self._every))
        return self._left

    def note(self, step: int, l1: Tensor) -> None:
        """Take the L1 of a step; `plateau` looks at its mean when an epoch ends (that waits for a GPU)."""
        if self.kind != "plateau":
            return
        self._sum, self._count = self._sum + l1, self._count + 1
        if step % self.epoch_steps:
            return
        mean = float(self._sum) / self._count
        self._sum, self._count = 0.0, 0
        if mean < _BETTER * self._best:
            self._best, self._waited = mean, 0
        elif (waited := self._waited + 1) > _PATIENCE:
            self._left, self._waited = _PLATEAU * self._left, 0
        else:
            self._waited = waited

    def state(self) -> dict[str, Any]:
        """Return what `restore` goes on from, as JSON can hold it to the last bit."""
        best = None if math.isinf(self._best) else self._best
        return {
            "left": self._left,
            "best": best,
            "waited": self._waited,
            "sum": float(self._sum),
            "count": self._count,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what `state` gave.

        Raises:
            KeyError, TypeError, ValueError: it is no such state.
        """
        self._left, self._waited, self._count = float(state["left"]), int(state["waited"]), int(state["count"])
        self._best = math.inf if state["best"] is None else float(state["best"])
        self._sum = float(state["sum"])
