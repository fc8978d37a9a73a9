"""A run: a model, its pictures, and the folder with its checkpoints."""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError

from lensd.errors import ConfigError, MediaError
from trainer.pix2pix import keep
from trainer.pix2pix.data import Pictures, as_rgb, batch_of, halves, numbers_of
from trainer.pix2pix.devices import precision_for
from trainer.pix2pix.discriminators import map_side
from trainer.pix2pix.losses import has_gan
from trainer.pix2pix.model import L1_LOSS, Model
from trainer.pix2pix.page import Page
from trainer.pix2pix.paint import own_statistics, paint
from trainer.pix2pix.ranks import Ranks

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.pix2pix.options import Options

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a run's progress; losses are means since the last one."""

    step: int
    steps: int
    epoch: int
    images_per_s: float
    left_s: float
    losses: dict[str, float]


class Run:
    """A model, its pictures, and the folder that it writes to; nothing is written before `train`."""

    def __init__(
        self,
        options: Options,
        folder: Path,
        pictures: Pictures,
        *,
        held_out: Pictures | None = None,
        device: torch.device | None = None,
        compiled: bool = False,
        ranks: Ranks | None = None,
    ) -> None:
        """Build fresh networks.

        Args:
            options: a seed is drawn where there is none, and precision "auto" is decided.
            folder: of the run; the first process writes to it.
            pictures: read by `fit_to_train`, to be taught from.
            held_out: read by `fit_to_test`; their mean L1 says which checkpoint is the best. Without them that of the
                training pictures since the last checkpoint does.
            device: the CPU where None.
            compiled: use torch.compile.
            ranks: the processes that share the run; one alone where None.

        Raises:
            ConfigError: batches of whole pictures of several sizes, or what `Model` raises.
        """
        self.device, self.ranks = device or torch.device("cpu"), ranks or Ranks()
        seed = self.ranks.broadcast(options.seed if options.seed is not None else secrets.randbits(31))
        precision = self.ranks.broadcast(precision_for(options.precision, self.device))
        self.options = replace(options, seed=seed, precision=precision)
        self.folder, self.held_out = folder, held_out
        self.names = pictures.names
        _check_sizes(pictures, self.options)
        self.pictures = pictures.to(self.device)
        self.steps = options.steps(len(self.names), self.ranks.size)
        self.epoch_steps = options.epoch_steps(len(self.names), self.ranks.size)
        self.model = Model(
            self.options,
            self.steps,
            self.device,
            compiled=compiled,
            ranks=self.ranks,
            epoch_steps=self.epoch_steps,
        )
        self.best = math.inf
        self._sums: dict[str, Tensor] = {}
        self._since_save: tuple[Tensor | float, int] = (0.0, 0)
        self._batch: tuple[Tensor, Tensor] | None = None

    @property
    def digest(self) -> str:
        """Return a digest of the pictures' names in their order, which the batches follow from."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()[:16]

    def restore(self, tensors: dict[str, Tensor], state: keep.State) -> None:
        """Go on from a checkpoint, as if there had been no cut.

        Raises:
            ConfigError: it is of other networks.
        """
        if state.pictures != self.digest:
            log.warning("the checkpoint was taught from other pictures; it goes on with these")
        self.model.restore(tensors, state.step)
        self.model.pace.restore(state.pace or self.model.pace.state())
        self.best = state.best

    def advance(self) -> dict[str, Tensor]:
        """Do one step and return its losses."""
        options, share = self.options, (self.ranks.rank, self.ranks.size)
        pixels = batch_of(self.pictures, options, options.seed or 0, self.model.step, self.device, share=share)
        self._batch = halves(pixels, lab=options.lab_colorization, given=options.input_nc)
        told = self.model.advance(*self._batch)
        self._sums = {name: self._sums.get(name, 0) + loss for name, loss in told.items()}
        total, count = self._since_save
        self._since_save = total + told[L1_LOSS], count + 1
        return told

    def take_losses(self, steps: int) -> dict[str, float]:
        """Return the mean losses of the last `steps` steps, and begin anew."""
        means = {name: float(total) / max(steps, 1) for name, total in self._sums.items()}
        self._sums = {}
        return means

    def check(self) -> None:
        """Look whether the losses are numbers.

        Raises:
            ConfigError: not; it names the last good checkpoint.
        """
        if wrong := [name for name, total in self._sums.items() if not bool(torch.isfinite(total))]:
            self._give_up(wrong[0])

    def progress(self, since: int, took_s: float) -> Progress:
        """Return a line of progress over the steps since step `since`, and begin to sum anew."""
        step, batch = self.model.step, self.options.batch_size * self.ranks.size
        speed = (step - since) * batch / max(took_s, 1e-9)
        left = (self.steps - step) * batch / speed
        epoch = (step - 1) * batch // len(self.names) + 1
        return Progress(step, self.steps, epoch, speed, left, self.take_losses(step - since))

    def save(self) -> Path:
        """Write a checkpoint.

        Raises:
            ConfigError: a loss or a weight is no number: it is not kept.
            MediaError: it cannot be written; the last good one is named.
        """
        self.check()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.generator.parameters()):
            self._give_up("a weight")
        tensors, error = self.model.tensors(), None
        path = keep.path_of(self.folder, self.model.step)
        if self.ranks.first:
            try:
                self._write(tensors)
            except (OSError, SafetensorError) as failure:
                error = self.unwritten(failure)
        if self.ranks.agree(error is not None):
            raise error or MediaError(str(self.folder), "the first process cannot write there")
        self._since_save = 0.0, 0
        return path

    def _write(self, tensors: dict[str, Tensor]) -> None:
        figure = self._figure()
        better = figure < self.best
        self.best = min(self.best, figure)
        state = keep.State(self.options, self.model.step, self.digest, self.best, self.model.pace.state())
        keep.save(self.folder, tensors, state, best=better)

    def show(self, page: Page) -> None:
        """Add a row of the last batch's first pair to the page."""
        if self._batch is None:
            return
        a, b = (part[:1] for part in self._batch)
        painted = paint(self.model.best_generator, a, own=own_statistics(self.options))
        lightness = a[0] if self.options.lab_colorization else None
        numbers = numbers_of(
            len(self.names), self.options, self.options.seed or 0, self.model.step - 1, self.ranks.size
        )
        page.add(
            self.names[numbers[0]],
            as_rgb(a[0]),
            as_rgb(painted[0], lightness),
            as_rgb(b[0], lightness),
            self.model.step,
        )
        page.write()

    def shown(self) -> dict[str, Tensor]:
        """Return the last batch's first pair and what is painted for it now, (c, h, w) each."""
        if self._batch is None:
            return {}
        a, b = (part[:1] for part in self._batch)
        painted = paint(self.model.best_generator, a, own=own_statistics(self.options))
        return {"inputs": a[0], "targets": b[0], "outputs": painted[0]}

    def _figure(self) -> float:
        if self.held_out is None:
            total, count = self._since_save
            return float(total) / count if count else math.inf
        wrong, own, options = [], own_statistics(self.options), self.options
        for number in range(len(self.held_out.names)):
            pixels = self.held_out.whole(number).to(self.device)
            a, b = halves(pixels, lab=options.lab_colorization, given=options.input_nc)
            wrong.append((paint(self.model.best_generator, a, own=own).float() - b).abs().mean())
        return float(torch.stack(wrong).mean())

    def _give_up(self, what: str) -> None:
        why = f"{what} is no number any more at step {self.model.step}; {self.last_good()}"
        raise ConfigError(str(self.folder), why, "go on from there with --resume and a lower --lr")

    def unwritten(self, error: Exception) -> MediaError:
        """Return the error that says so, and which checkpoint is the last good one."""
        return MediaError(str(self.folder), f"cannot be written ({error}); {self.last_good()}", "make room there")

    def last_good(self) -> str:
        """Say which checkpoint can be gone on from."""
        found = keep.numbered(self.folder)
        return f"the last good checkpoint is {found[-1].name}" if found else "there is no checkpoint yet"


def _check_sizes(pictures: Pictures, options: Options) -> None:
    if options.whole and options.batch_size > 1 and pictures.sizes is not None:
        why = f"{options.preprocess} leaves pictures of several sizes, which make no batch"
        raise ConfigError("batch_size", why, "--batch-size 1, or another --preprocess")
    number = min(range(len(pictures.names)), key=lambda number: min(pictures.size(number)))
    least = min(pictures.size(number)) if options.whole else options.crop_size
    if has_gan(options.loss) and map_side(least, options.patch) < 1:
        why = f"{options.patch} is too large for {pictures.names[number]}, which is {least} px"
        raise ConfigError("patch", why, "a smaller patch")
