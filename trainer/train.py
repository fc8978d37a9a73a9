"""Pairs to a trained generator, the second stage: `checkpoint.safetensors` and `progress.jsonl` in the run's folder.

Each step's samples follow from the seed and the step's number alone, so a run that was stopped and resumed ends with
the same weights, bit for bit, as one that was not (on one thread of one machine).
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from lensd.errors import ConfigError
from lensd.whole_file import write_whole
from trainer import checkpoint
from trainer.augment import Strength, sample
from trainer.average import follow
from trainer.generator import STRIDE, WIDTHS, Generator
from trainer.held_out import Figures, measure
from trainer.losses import lens_loss

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer.pairs import Pairs

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 120.0
_TELL_EVERY = 50
_TURNED_BY = 15.0
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes a run; written into its checkpoint.

    Attributes:
        size_px: of the samples, a multiple of 32; the network works at other sizes too.
        batch, steps, seed, threads: as named.
        rate: highest learning rate; rises over `warm_up` steps, falls by a cosine to a hundredth.
        decay: AdamW's weight decay.
        average: keep of the running mean of weights, which is what is exported.
        oversample: how many times likelier a head turned by over 15 degrees is drawn.
        bf16: compute in bfloat16 where that is safe (1.5 times faster where the CPU has it); losses stay in float32.
        measure_every: steps between two measurements on held-out people.
        widths, blocks: the network's.
    """

    size_px: int = 160
    batch: int = 16
    steps: int = 8000
    rate: float = 3e-3
    warm_up: int = 200
    decay: float = 0.02
    average: float = 0.998
    oversample: float = 2.5
    bf16: bool = False
    seed: int = 1
    threads: int = 1
    measure_every: int = 500
    widths: tuple[int, ...] = WIDTHS
    blocks: int = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a run's progress."""

    step: int
    steps: int
    loss: float
    samples_per_s: float
    figures: Figures | None


class Run:
    """One training run: network, running mean, optimizer and step, in a folder."""

    def __init__(self, pairs: Pairs, folder: Path, settings: Settings, strength: Strength | None = None) -> None:
        """Build a fresh network.

        Raises:
            ConfigError: settings that cannot be used, or nobody to train on.
        """
        if settings.size_px % STRIDE:
            raise ConfigError("size_px", f"{settings.size_px} is no multiple of {STRIDE}")
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(1)
        torch.manual_seed(settings.seed)
        self.pairs, self.folder, self.settings, self.strength = pairs, folder, settings, strength
        self.step = 0
        self.network = Generator(settings.widths, settings.blocks).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), settings.rate, weight_decay=settings.decay)
        self._chances = _chances(pairs, settings.oversample)
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def resumed(cls, pairs: Pairs, folder: Path, steps: int, threads: int = 1, strength: Strength | None = None) -> Run:
        """Go on with the checkpoint in `folder`, to `steps` in all.

        Raises:
            ConfigError: no checkpoint of a generator there.
        """
        tensors, state = checkpoint.load(folder / CHECKPOINT)
        try:
            kept = {**state["settings"], "steps": steps, "threads": threads}
            run = cls(pairs, folder, Settings(**{**kept, "widths": tuple(kept["widths"])}), strength)
            run.network.load_state_dict(checkpoint.unpack("network", tensors))
            run.average.load_state_dict(checkpoint.unpack("average", tensors))
            checkpoint.unpack_optimizer(run.optimizer, tensors)
            run.step = int(state["step"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise ConfigError(str(folder / CHECKPOINT), f"not a generator's checkpoint ({error})") from error
        return run

    def start_from(self, path: Path) -> None:
        """Take the averaged weights of another checkpoint.

        Raises:
            ConfigError: not a checkpoint of such a network.
        """
        tensors, _ = checkpoint.load(path)
        try:
            self.network.load_state_dict(checkpoint.unpack("average", tensors))
        except RuntimeError as error:
            raise ConfigError(str(path), "is of another network than the settings ask for") from error
        self.average.load_state_dict(self.network.state_dict())

    def save(self) -> None:
        """Write the checkpoint, whole or not at all.

        Raises:
            OSError: the folder cannot be written; the old checkpoint is as it was.
        """
        tensors = checkpoint.pack("network", self.network.state_dict())
        tensors |= checkpoint.pack("average", self.average.state_dict()) | checkpoint.pack_optimizer(self.optimizer)
        state = {"step": self.step, "settings": asdict(self.settings), "crop": asdict(self.pairs.crop)}
        checkpoint.save(self.folder / CHECKPOINT, tensors, state)

    def advance(self) -> float:
        """Do one step and return its loss.

        Raises:
            ConfigError: the loss is no number; the weights are as before the step.
        """
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate * _pace(self.step, settings)
        rng = np.random.default_rng((settings.seed, self.step, 0))
        indices = rng.choice(len(self._chances), settings.batch, p=self._chances)
        seed = (settings.seed, self.step, 1)
        photos, targets = batch_of(self.pairs, indices, settings.size_px, seed, self.strength)
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
            logits = self.network(photos)
        loss = lens_loss(logits.float(), photos, targets).mean()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ConfigError(str(self.folder), f"the loss became {value} at step {self.step}", "a lower --rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        follow(self.average, self.network, min(settings.average, (1 + self.step) / (10 + self.step)))
        return value


def train(
    run: Run,
    *,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> bool:
    """Train until the run's steps are done or `stop` says so; either way the state is saved.

    Args:
        run: new or resumed.
        stop: asked once a step.
        progress: told now and then.

    Returns:
        True where all steps are done.

    Raises:
        ConfigError: a loss that is no number; the last checkpoint is as it was.
        OSError: the folder cannot be written.
    """
    settings, losses = run.settings, deque[float](maxlen=run.settings.measure_every)
    saved_at = told_at = time.monotonic()
    told_step = run.step
    while run.step < settings.steps and not stop():
        losses.append(run.advance())
        measured = run.step % settings.measure_every == 0 or run.step == settings.steps
        if measured or run.step % _TELL_EVERY == 0:
            speed = (run.step - told_step) * settings.batch / (time.monotonic() - told_at)
            figures = measure(run.average, run.pairs, settings.size_px) if measured else None
            line = Progress(run.step, settings.steps, float(np.mean(losses)), speed, figures)
            progress(line)
            if measured:
                _append(run.folder / "progress.jsonl", line)
                told_at, told_step = time.monotonic(), run.step
        if time.monotonic() - saved_at > _SAVE_EVERY_S:
            run.save()
            saved_at = time.monotonic()
    run.save()
    log.info("training stopped at step %d of %d", run.step, settings.steps)
    return run.step >= settings.steps


def batch_of(
    pairs: Pairs, indices: np.ndarray, size: int, seed: tuple[int, ...], strength: Strength | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Make samples: (n, 3, size, size) and (n, 4, size, size) float32 in 0..1, channels last."""
    rng = np.random.default_rng(seed)
    made = [sample(pairs, int(index), size, rng, strength) for index in indices]
    photos, targets = (torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2) for part in zip(*made, strict=True))
    return photos.float().div_(255), targets.float().div_(255)


def _chances(pairs: Pairs, oversample: float) -> np.ndarray:
    weights = np.where(np.abs(pairs.yaw) > _TURNED_BY, oversample, 1.0) * ~pairs.held_out
    if not weights.any():
        raise ConfigError("pairs", "nobody is left to train on: every person is held out")
    return np.asarray(weights / weights.sum(), np.float64)


def _pace(step: int, settings: Settings) -> float:
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    along = (step - settings.warm_up) / max(settings.steps - settings.warm_up, 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


def _append(path: Path, line: Progress) -> None:
    before = path.read_bytes() if path.exists() else b""
    write_whole(path, before + json.dumps(asdict(line)).encode() + b"\n")
