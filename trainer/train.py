"""Pairs to a trained generator, the second stage: `checkpoint.safetensors` and `progress.jsonl` in the run's folder.

Each step's samples follow from the seed and the step's number alone, so a run that was stopped and resumed ends with
the same weights, bit for bit, as one that was not (on one thread of one machine).
"""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from lensd.errors import ConfigError
from lensd.whole_file import write_whole
from trainer import checkpoint
from trainer.augment import Strength, sample
from trainer.generator import STRIDE, WIDTHS, Generator
from trainer.held_out import Figures, measure
from trainer.losses import lens_loss

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer.pairs import Pairs

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 120.0
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
    blocks: int = 3


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a run's progress."""

    step: int
    steps: int
    loss: float
    samples_per_s: float
    figures: Figures | None


def train(
    pairs: Pairs,
    run: Path,
    settings: Settings,
    *,
    start_from: Path | None = None,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[Progress], None] = lambda line: None,
    strength: Strength | None = None,
) -> bool:
    """Train until `settings.steps` are done or `stop` says so; either way the state is saved.

    Args:
        pairs: from `open_pairs`.
        run: folder for checkpoint and progress; made where missing.
        settings: ignored but for `steps` and `threads` where `resume`.
        start_from: a checkpoint whose averaged weights are the start.
        resume: go on with the checkpoint in `run`.
        stop: asked once a step.
        progress: told now and then.
        strength: how far samples stray.

    Returns:
        True where all steps are done.

    Raises:
        ConfigError: settings that cannot be used, no checkpoint to resume, or a loss that is no number.
    """
    tensors: dict[str, torch.Tensor] = {}
    done = 0
    if resume:
        tensors, state = checkpoint.load(run / CHECKPOINT)
        kept = {**state["settings"], "steps": settings.steps, "threads": settings.threads}
        settings = Settings(**{**kept, "widths": tuple(kept["widths"])})
        done = state["step"]
    if settings.size_px % STRIDE:
        raise ConfigError("size_px", f"{settings.size_px} is no multiple of {STRIDE}")
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(settings.seed)
    network = Generator(settings.widths, settings.blocks).to(memory_format=torch.channels_last)
    average = Generator(settings.widths, settings.blocks).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=settings.decay)
    if resume:
        network.load_state_dict(checkpoint.unpack("network", tensors))
        checkpoint.unpack_optimizer(optimizer, tensors)
    elif start_from is not None:
        tensors, _ = checkpoint.load(start_from)
        network.load_state_dict(checkpoint.unpack("average", tensors))
    average.load_state_dict(checkpoint.unpack("average", tensors) if resume else network.state_dict())
    run.mkdir(parents=True, exist_ok=True)
    chances = _chances(pairs, settings.oversample)
    saved_at, told_at, told_step, losses = time.monotonic(), time.monotonic(), done, [0.0]

    def save() -> None:
        packed = checkpoint.pack("network", network.state_dict()) | checkpoint.pack("average", average.state_dict())
        state = {"step": done, "settings": asdict(settings), "crop": asdict(pairs.crop)}
        checkpoint.save(run / CHECKPOINT, packed | checkpoint.pack_optimizer(optimizer), state)

    while done < settings.steps and not stop():
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * _pace(done, settings)
        loss = _step(network, optimizer, pairs, chances, done, settings, strength)
        if not math.isfinite(loss):
            raise ConfigError(str(run), f"the loss became {loss} at step {done}", "a lower --rate, from the checkpoint")
        losses.append(loss)
        done += 1
        _follow(average, network, min(settings.average, (1 + done) / (10 + done)))
        if done % settings.measure_every == 0 or done == settings.steps:
            now = time.monotonic()
            speed = (done - told_step) * settings.batch / (now - told_at)
            figures = measure(average, pairs, settings.size_px)
            line = Progress(done, settings.steps, float(np.mean(losses[1:])), speed, figures)
            _append(run / "progress.jsonl", line)
            progress(line)
            told_at, told_step, losses = time.monotonic(), done, [0.0]
        elif done % 50 == 0:
            speed = (done - told_step) * settings.batch / (time.monotonic() - told_at)
            progress(Progress(done, settings.steps, float(np.mean(losses[-50:])), speed, None))
        if time.monotonic() - saved_at > _SAVE_EVERY_S:
            save()
            saved_at = time.monotonic()
    save()
    log.info("training stopped at step %d of %d", done, settings.steps)
    return done >= settings.steps


def batch_of(
    pairs: Pairs, indices: np.ndarray, size: int, seed: tuple[int, ...], strength: Strength | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Make samples: (n, 3, size, size) and (n, 4, size, size) float32 in 0..1, channels last."""
    rng = np.random.default_rng(seed)
    made = [sample(pairs, int(index), size, rng, strength) for index in indices]
    photos, targets = (torch.from_numpy(np.stack(part)).permute(0, 3, 1, 2) for part in zip(*made, strict=True))
    return photos.float().div_(255), targets.float().div_(255)


def _step(
    network: Generator,
    optimizer: torch.optim.Optimizer,
    pairs: Pairs,
    chances: np.ndarray,
    number: int,
    settings: Settings,
    strength: Strength | None,
) -> float:
    indices = np.random.default_rng((settings.seed, number, 0)).choice(len(chances), settings.batch, p=chances)
    photos, targets = batch_of(pairs, indices, settings.size_px, (settings.seed, number, 1), strength)
    network.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        logits = network(photos)
    loss = lens_loss(logits.float(), photos, targets).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _chances(pairs: Pairs, oversample: float) -> np.ndarray:
    weights = np.where(np.abs(pairs.yaw) > _TURNED_BY, oversample, 1.0) * ~pairs.held_out
    if not weights.any():
        raise ConfigError("pairs", "nobody is left to train on: every person is held out")
    return weights / weights.sum()


def _pace(step: int, settings: Settings) -> float:
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    along = (step - settings.warm_up) / max(settings.steps - settings.warm_up, 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))


@torch.no_grad()
def _follow(average: Generator, network: Generator, keep: float) -> None:
    for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.dtype.is_floating_point:
            kept.lerp_(new, 1 - keep)
        else:
            kept.copy_(new)


def _append(path: Path, line: Progress) -> None:
    before = path.read_bytes() if path.exists() else b""
    write_whole(path, before + json.dumps(asdict(line)).encode() + b"\n")
