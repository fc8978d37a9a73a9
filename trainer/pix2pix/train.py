"""The loop: steps, progress, pictures to look at, checkpoints; and how it ends."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError

from lensd.errors import ConfigError, MediaError
from lensd.whole_file import write_whole
from trainer.pix2pix import keep
from trainer.pix2pix.board import Board
from trainer.pix2pix.data import Pictures, as_rgb, batch_of, halves, numbers_of
from trainer.pix2pix.model import L1_LOSS, Model
from trainer.pix2pix.page import Page
from trainer.pix2pix.paint import own_statistics, paint

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.pix2pix.options import Options

log = logging.getLogger(__name__)

OPTIONS = "options.json"
_LOOK_EVERY = 20  # steps between two looks at a GPU's losses, each of which waits for it


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
        bf16: bool = False,
        compiled: bool = False,
    ) -> None:
        """Build fresh networks.

        Args:
            options: a seed is drawn where there is none.
            folder: of the run.
            pictures: at `scale_size`, to be taught from.
            held_out: at `crop_size`; their mean L1 says which checkpoint is the best. Without them that of the training
                pictures since the last checkpoint does.
            device: the CPU where None.
            bf16: compute in bfloat16.
            compiled: use torch.compile.
        """
        self.options = options if options.seed is not None else replace(options, seed=secrets.randbits(31))
        self.folder, self.held_out = folder, held_out
        self.device = device or torch.device("cpu")
        self.names = pictures.names
        self.pictures = pictures.to(self.device)
        self.steps = options.steps(len(pictures.names))
        self.model = Model(self.options, self.steps, self.device, bf16=bf16, compiled=compiled)
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
        self.best = state.best

    def advance(self) -> dict[str, Tensor]:
        """Do one step and return its losses."""
        pixels = batch_of(self.pictures, self.options, self.options.seed or 0, self.model.step, self.device)
        self._batch = halves(pixels, lab=self.options.lab_colorization)
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

    def save(self) -> Path:
        """Write a checkpoint.

        Raises:
            ConfigError: a loss or a weight is no number: it is not kept.
            MediaError: it cannot be written; the last good one is named.
        """
        self.check()
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.generator.parameters()):
            self._give_up("a weight")
        figure = self._figure()
        better = figure < self.best
        self.best, self._since_save = min(self.best, figure), (0.0, 0)
        state = keep.State(self.options, self.model.step, self.digest, self.best)
        try:
            return keep.save(self.folder, self.model.tensors(), state, best=better)
        except (OSError, SafetensorError) as error:
            raise self.unwritten(error) from error

    def show(self, page: Page) -> None:
        """Add a row of the last batch's first pair to the page."""
        if self._batch is None:
            return
        a, b = (part[:1] for part in self._batch)
        painted = paint(self.model.best_generator, a, own=own_statistics(self.options))
        lightness = a[0] if self.options.lab_colorization else None
        numbers = numbers_of(len(self.names), self.options.batch_size, self.options.seed or 0, self.model.step - 1)
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
        wrong, own = [], own_statistics(self.options)
        for pixels in torch.split(self.held_out.pixels, 8):
            a, b = halves(pixels.to(self.device).permute(0, 3, 1, 2), lab=self.options.lab_colorization)
            painted = paint(self.model.best_generator, a, own=own)
            wrong.append((painted.float() - b).abs().mean((1, 2, 3)))
        return float(torch.cat(wrong).mean())

    def _give_up(self, what: str) -> None:
        why = f"{what} is no number any more at step {self.model.step}; {self._last_good()}"
        raise ConfigError(str(self.folder), why, "go on from there with --resume and a lower --lr")

    def unwritten(self, error: Exception) -> MediaError:
        """Return the error that says so, and which checkpoint is the last good one."""
        return MediaError(str(self.folder), f"cannot be written ({error}); {self._last_good()}", "make room there")

    def _last_good(self) -> str:
        found = keep.numbered(self.folder)
        return f"the last good checkpoint is {found[-1].name}" if found else "there is no checkpoint yet"


def train(
    run: Run, *, stop: Callable[[], bool] = lambda: False, tell: Callable[[Progress], None] = lambda _: None
) -> bool:
    """Train until the run's steps are done or `stop` says so; either way the state is saved.

    Args:
        run: new or restored.
        stop: asked once a step.
        tell: given a line of progress every `progress_freq` steps, and at the end.

    Returns:
        True where all steps are done.

    Raises:
        ConfigError: a loss that is no number; the last good checkpoint is named.
        MediaError: the folder cannot be written; as above.
    """
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        write_whole(run.folder / OPTIONS, run.options.to_json().encode())
        board, page = Board(run.folder), Page(run.folder) if run.options.display_freq else None
        try:
            return _loop(run, stop, tell, board, page)
        finally:
            board.close()
    except OSError as error:
        raise run.unwritten(error) from error


def _loop(
    run: Run, stop: Callable[[], bool], tell: Callable[[Progress], None], board: Board, page: Page | None
) -> bool:
    options, model = run.options, run.model
    look_every = 1 if run.device.type == "cpu" else _LOOK_EVERY
    saved = told_step = model.step
    told_at = time.monotonic()
    while model.step < run.steps and not stop():
        losses = run.advance()
        step, last = model.step, model.step == run.steps
        if step % look_every == 0:
            run.check()
        if _due(step, options.summary_freq):
            board.summary(model, {name: float(loss) for name, loss in losses.items()}, run.shown())
        if _due(step, options.histogram_freq):
            board.histograms(model)
        if page is not None and _due(step, options.display_freq):
            run.show(page)
        if _due(step, options.progress_freq) or last:
            run.check()
            speed = (step - told_step) * options.batch_size / max(time.monotonic() - told_at, 1e-9)
            left = (run.steps - step) * options.batch_size / speed
            epoch = (step - 1) * options.batch_size // len(run.names) + 1
            line = Progress(step, run.steps, epoch, speed, left, run.take_losses(step - told_step))
            tell(line)
            with (run.folder / "progress.jsonl").open("a") as file:
                file.write(json.dumps(asdict(line)) + "\n")
            told_step, told_at = step, time.monotonic()
        if _due(step, options.save_freq) and not last:
            run.save()
            saved = step
    if model.step > saved:
        run.save()
    return model.step >= run.steps


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
