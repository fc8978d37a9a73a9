"""A training run's checkpoint as one of the runtimes that `lensd evaluate` compares: the network before export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lensd.errors import EngineError
from lensd.frames import TensorSpec
from trainer.export import open_as_shipped, run_torch

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import F32, U8


class TorchEngine:
    """A student in torch, float32, on one thread of the processor; a `ports.Engine`."""

    runtime = "torch"

    def __init__(self, path: Path) -> None:
        """Load the averaged weights.

        Raises:
            ConfigError: not a student's checkpoint.
        """
        torch.set_num_threads(1)
        self._network, crop, _ = open_as_shipped(path)
        self.input = TensorSpec("crop", (1, crop.size_px, crop.size_px, 3), np.dtype(np.uint8))
        self.output = TensorSpec("layer", (1, crop.size_px, crop.size_px, 4), np.dtype(np.uint8))

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Paint one crop, as the package does: the matte's logit is sharpened, or what is worn was decided.

        Raises:
            EngineError: a picture of another size.
        """
        if x.shape != self.input.shape:
            raise EngineError(
                "the checkpoint in torch", f"takes {self.input.shape}, and the lens has {x.shape}", "give its own run's"
            )
        np.copyto(out[0], run_torch(self._network, x[0], self._network.sharpness))

    def close(self) -> None:
        """Nothing is held."""
