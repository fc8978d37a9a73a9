"""TensorBoard, where its package is installed: losses, pictures and, on request, histograms."""

from __future__ import annotations

import importlib
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from trainer.pix2pix.data import as_rgb

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainer.pix2pix.model import Model

log = logging.getLogger(__name__)


class Board:
    """Writes events into a run's folder; does nothing where TensorBoard is not installed."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open the events file in `folder`; without one nothing is written."""
        self._writer: Any = None
        if folder is None:
            return
        if find_spec("tensorboard") is None:
            log.info("no TensorBoard: pip install 'snaplens[tensorboard]' to have it")
            return
        self._writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder))

    def summary(self, model: Model, losses: dict[str, float], shown: dict[str, Tensor]) -> None:
        """Write losses and pictures ((c, h, w) in -1..1; two channels are left out).

        Args:
            model: the discriminator's last maps are shown, as predict_real and predict_fake.
            losses: by name.
            shown: pictures by name.
        """
        if self._writer is None:
            return
        for name, value in losses.items():
            self._writer.add_scalar(name, value, model.step)
        for name, picture in shown.items():
            if picture.shape[0] != 2:
                self._writer.add_image(name, as_rgb(picture), model.step, dataformats="HWC")
        for name, logits in zip(("predict_real", "predict_fake"), model.judged or (), strict=False):
            self._writer.add_image(
                name, as_rgb(2 * torch.sigmoid(logits[0].float()) - 1), model.step, dataformats="HWC"
            )

    def histograms(self, model: Model) -> None:
        """Write all weights (`/values`) and their last gradients (`/gradients`)."""
        if self._writer is None:
            return
        networks: dict[str, nn.Module | None] = {"generator": model.generator, "discriminator": model.discriminator}
        for kind, network in networks.items():
            for name, weight in network.named_parameters() if network is not None else ():
                self._writer.add_histogram(f"{kind}/{name}/values", weight.detach().float(), model.step)
                if weight.grad is not None:
                    self._writer.add_histogram(f"{kind}/{name}/gradients", weight.grad.float(), model.step)

    def close(self) -> None:
        """Write out what is still held."""
        if self._writer is not None:
            self._writer.close()
