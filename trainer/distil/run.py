"""One training run of a student: its networks, one step of its lessons, and the checkpoint that it goes on from.

Each step's samples follow from the seed and the step's number alone, so a run that was stopped and resumed ends with
the same weights, bit for bit, as one that was not (on one thread of one machine).
"""

from __future__ import annotations

import copy
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from lensd.errors import ConfigError
from trainer import checkpoint
from trainer.average import follow
from trainer.distil import losses
from trainer.distil.batches import Batches
from trainer.distil.critic import Critic, window
from trainer.distil.losses import Painted, Wanted
from trainer.distil.place import place_l1, region_of
from trainer.distil.predecessor import generator_of, trunk_of
from trainer.distil.settings import Settings
from trainer.distil.steady import warp_loss
from trainer.distil.teacher import LEVELS, Adapters
from trainer.networks import art_of, network_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from trainer.augment import Strength
    from trainer.distil.batches import Batch
    from trainer.distil.teacher import Teacher
    from trainer.pairs import Pairs

CHECKPOINT = "checkpoint.safetensors"
_LOOKED_AT = 8  # batches, to know how a lens that is started from sees these faces


class Run:
    """A student on its way; nothing is written before `save`.

    Attributes:
        network, average: the student, and the running mean of its weights, which is what is exported.
        step: steps done.
    """

    def __init__(
        self,
        pairs: Pairs,
        folder: Path,
        settings: Settings,
        *,
        teacher: Teacher | None = None,
        strength: Strength | None = None,
        device: torch.device | None = None,
        workers: int = 1,
    ) -> None:
        """Build a fresh network.

        Args:
            pairs, folder, settings: what, where and how.
            teacher: on the same device.
            strength: how far samples stray; its own where None.
            device: where it learns; the processor where None.
            workers: threads that make samples; with one, each step makes its own.

        Raises:
            ConfigError: nobody to train on, nothing to teach by, or a teacher that cannot teach what is asked for.
        """
        if teacher is None:
            settings = replace(settings, weights=settings.weights.without_teacher())
        if pairs.canvas is None:
            settings = replace(settings, weights=settings.weights.without_canvas(), place_steps=0)
        weights = settings.weights
        if teacher is not None and weights.channel and not teacher.channels:
            raise ConfigError("weight of channel", "needs a U-Net as the teacher", "--without channel")
        if not weights.speaks_from_the_first(judged=settings.judged_at(0)):
            raise ConfigError("weights", "no loss is left that speaks from the first step on", "lensd distil --help")
        torch.set_num_threads(settings.threads)
        cv2.setNumThreads(1)
        torch.manual_seed(settings.seed)
        self.pairs, self.folder, self.settings = pairs, folder, settings
        self._teacher, self.device = teacher, device or torch.device("cpu")
        self.step = 0
        self.network = network_of(settings.widths, settings.blocks, art_of(pairs))
        self.network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        taught = list(self.network.parameters())
        self._adapters: Adapters | None = None
        if weights.channel and teacher:
            self._adapters = Adapters([settings.widths[level - 1] for level in LEVELS], teacher.channels)
            self._adapters.to(self.device)
            taught += self._adapters.parameters()
        self.optimizer = torch.optim.AdamW(taught, settings.rate, weight_decay=settings.decay)
        self._critic = Critic(self.device) if weights.need_critic else None
        self._batches = Batches(pairs, settings, strength, workers)
        self._region = region_of(pairs)

    @classmethod
    def resumed(
        cls,
        pairs: Pairs,
        folder: Path,
        steps: int,
        threads: int = 1,
        *,
        teacher: Teacher | None = None,
        strength: Strength | None = None,
        device: torch.device | None = None,
        workers: int = 1,
    ) -> Run:
        """Go on with the checkpoint in `folder`, to `steps` in all.

        Raises:
            ConfigError: no checkpoint of a student there, or it had another teacher.
        """
        path = folder / CHECKPOINT
        tensors, state = checkpoint.load(path)
        try:
            settings = Settings.of(state["settings"], steps=steps, threads=threads)
            if state.get("teacher") != (teacher.digest if teacher else None):
                raise ConfigError(str(path), "was begun with another teacher", "give --teacher as it was")
            run = cls(pairs, folder, settings, teacher=teacher, strength=strength, device=device, workers=workers)
            run.network.load_state_dict(checkpoint.unpack("network", tensors))
            run.average.load_state_dict(checkpoint.unpack("average", tensors))
            checkpoint.unpack_optimizer(run.optimizer, tensors)
            if run._adapters is not None:
                run._adapters.load_state_dict(checkpoint.unpack("adapters", tensors))
            if run._critic is not None:
                run._critic.restore(tensors)
            run.step = int(state["step"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise ConfigError(str(path), f"not a student's checkpoint ({error})") from error
        return run

    def start_from(self, path: Path) -> None:
        """Begin with what another student knows.

        Args:
            path: a checkpoint, whose averaged weights are taken, or a lens package.

        Raises:
            ConfigError: neither, or of another network than the settings ask for.
        """
        if path.suffix in (".lens", ".zip"):
            seen = (self._batches.at(step).photos for step in range(_LOOKED_AT))
            widths, blocks = self.settings.widths, self.settings.blocks
            state = generator_of(path, widths, blocks, seen, self.pairs.crop.size_px).state_dict()
        else:
            state = checkpoint.unpack("average", checkpoint.load(path)[0])
        state = trunk_of(state, self.network.state_dict())
        try:
            self.network.load_state_dict(state)
        except RuntimeError as error:
            raise ConfigError(str(path), "is of another network than the settings ask for") from error
        self.average.load_state_dict(self.network.state_dict())

    def close(self) -> None:
        """Make no more samples; `save` still works."""
        self._batches.close()

    def save(self) -> Path:
        """Write the checkpoint, whole or not at all, and return its path.

        Raises:
            OSError: the folder cannot be written; the old checkpoint is as it was.
        """
        tensors = checkpoint.pack("network", self.network.state_dict())
        tensors |= checkpoint.pack("average", self.average.state_dict()) | checkpoint.pack_optimizer(self.optimizer)
        if self._adapters is not None:
            tensors |= checkpoint.pack("adapters", self._adapters.state_dict())
        if self._critic is not None:
            tensors |= self._critic.tensors()
        state = {
            "step": self.step,
            "taught_px": self.settings.size_at(max(self.step - 1, 0)),
            "settings": asdict(self.settings),
            "crop": asdict(self.pairs.crop),
            "region": self._region,
            "teacher": self._teacher.digest if self._teacher else None,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(self.folder / CHECKPOINT, tensors, state)
        return self.folder / CHECKPOINT

    def advance(self) -> dict[str, float]:
        """Do one step and return its losses: by name, and under "loss" their weighed sum.

        Raises:
            ConfigError: the loss is no number; the weights are as before the step.
        """
        settings = self.settings
        for group in self.optimizer.param_groups:
            group["lr"] = settings.rate * _pace(self.step, settings)
        batch = self._batches.at(self.step).to(self.device)
        self.network.train()
        with self._fast():
            logits, maps = self.network.paint(batch.photos)
        told: dict[str, Tensor] = {}
        if settings.weights.place:
            told["place"] = place_l1(maps[-1], batch.places)
        cut = None
        if self.step >= settings.place_steps:
            wanted = Wanted.of(batch.photos, batch.targets)
            painted = Painted(logits, wanted.photo)
            cut = self._window() if settings.judged_at(self.step) else None
            told |= self._faults(batch, painted, wanted, maps, cut)
        weights = asdict(settings.weights)
        loss = torch.stack([weights[name] * fault for name, fault in told.items()]).sum()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ConfigError(str(self.folder), f"the loss became {value} at step {self.step}", "a lower --rate")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        if cut is not None and self._critic is not None:
            seen = (part[(..., *cut)] for part in (wanted.photo, painted.picture, wanted.picture))
            self._critic.learn(*seen, bf16=settings.bf16)
        self.step += 1
        # What was learned at another size does not paint at this one, so the mean begins anew there.
        since = self.step - settings.small_steps if self.step > settings.small_steps else self.step
        follow(self.average, self.network, min(settings.average, (1 + since) / (10 + since)))
        return {"loss": value, **{name: float(fault.detach()) for name, fault in told.items()}}

    def _faults(
        self, batch: Batch, painted: Painted, wanted: Wanted, maps: list[Tensor], cut: tuple[slice, slice] | None
    ) -> dict[str, Tensor]:
        """Return the losses that have a weight, by name, without it."""
        weights, near = self.settings.weights, wanted.near
        told: dict[str, Tensor] = {}
        if weights.l1:
            told["l1"] = losses.picture_l1(painted.picture, wanted.picture, near)
        if weights.ssim:
            told["ssim"] = losses.ssim_loss(painted.picture, wanted.picture, near)
        if weights.gradient:
            told["gradient"] = losses.gradient_l1(painted.picture, wanted.picture, near)
        if weights.colour:
            told["colour"] = losses.colour_inside(painted.colour, wanted)
        if weights.matte:
            told["matte"] = losses.matte_bce(painted.logit, wanted.matte)
            told["matte"] = told["matte"] + losses.matte_dice(painted.logit, wanted.matte)
        if weights.matte_gradient:
            told["matte_gradient"] = losses.gradient_l1(painted.matte, wanted.matte, near)
        if weights.warp:
            told["warp"] = warp_loss(painted, wanted, batch.moves)
        return told | self._taught(batch, painted, near, maps) | self._judged(painted, wanted, cut)

    def _taught(self, batch: Batch, painted: Painted, near: Tensor, maps: list[Tensor]) -> dict[str, Tensor]:
        """Return what the teacher says."""
        weights, told = self.settings.weights, dict[str, "Tensor"]()
        if self._teacher is None or not (weights.teacher or weights.channel):
            return told
        with self._fast():
            pictures, theirs = self._teacher.look(batch.photos)
            if self._adapters is not None:
                told["channel"] = self._adapters.loss(maps[: len(LEVELS)], theirs)
        if weights.teacher:
            told["teacher"] = losses.picture_l1(painted.picture, pictures, near)
        return told

    def _judged(self, painted: Painted, wanted: Wanted, cut: tuple[slice, slice] | None) -> dict[str, Tensor]:
        """Return what the discriminator says of a window."""
        if cut is None or self._critic is None:
            return {}
        weights = self.settings.weights
        photo, mine, true = (part[(..., *cut)] for part in (wanted.photo, painted.picture, wanted.picture))
        with self._fast():
            matching, adversarial = self._critic.judge(photo, mine, true)
        both = {"matching": matching, "adversarial": adversarial}
        return {name: loss for name, loss in both.items() if getattr(weights, name)}

    def _window(self) -> tuple[slice, slice]:
        rng = np.random.default_rng((self.settings.seed, self.step, 2))
        return window(self.settings.size_at(self.step), rng)

    def _fast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.bf16)


def _pace(step: int, settings: Settings) -> float:
    if step < settings.warm_up:
        return (step + 1) / settings.warm_up
    along = (step - settings.warm_up) / max(settings.steps - settings.warm_up, 1)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(along, 1.0)))
