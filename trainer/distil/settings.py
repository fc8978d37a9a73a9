"""What makes a run, and what a caller asks for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lensd.errors import ConfigError
from trainer.distil.families import family_named
from trainer.distil.weights import Weights
from trainer.generator import STRIDE, WIDTHS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainer.held_out import Figures

DEFAULT_FAMILY = "0.25"
_BEFORE_WEIGHTS = {"warp": 0.0}  # of checkpoints that were begun when there were none to choose


@dataclass(frozen=True, slots=True)
class Settings:
    """What makes a run; written into its checkpoint.

    Attributes:
        size_px: of the samples, a multiple of 32; the network works at other sizes too.
        small_px, small_steps: so many steps come first, at so many pixels: 2.5 times as quick at 160 as at 256. What
            was taught at one size only does not paint at another.
        place_steps: so many steps come first that teach a network with a canvas only where on it to look, which is what
            takes long: half as dear as others. What is off by more than an edge's width has no slope in a picture.
        batch, steps, seed, threads: as named.
        rate: highest learning rate; rises over `warm_up` steps, falls by a cosine to a hundredth.
        decay: AdamW's weight decay.
        average: keep of the running mean of weights, which is what is exported.
        oversample: how many times likelier a head turned by over 15 degrees is drawn.
        wide, near, mirrored: how many of the crops stray far, how far the others do, and how many are mirrored, as
            `trainer.augment.Strength` has it.
        adversarial_from: share of the steps before the discriminator has a say.
        twins: share of a batch that are twins, where the loss `warp` has a weight.
        bf16: compute in bfloat16 where that is safe (1.5 times faster where the CPU has it); losses stay in float32.
        measure_every: steps between two measurements on held-out people.
        widths, blocks: the network's, as its family has them.
        weights: of the losses.
    """

    size_px: int = 160
    small_px: int = 160
    small_steps: int = 0
    place_steps: int = 0
    batch: int = 16
    steps: int = 8000
    rate: float = 3e-3
    warm_up: int = 200
    decay: float = 0.02
    average: float = 0.998
    oversample: float = 2.5
    wide: float = 0.5
    near: float = 0.25
    mirrored: float = 0.5
    adversarial_from: float = 2 / 3
    twins: float = 0.25
    bf16: bool = False
    seed: int = 1
    threads: int = 1
    measure_every: int = 500
    widths: tuple[int, ...] = WIDTHS
    blocks: int = 2
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        """Check what can be known without pairs.

        Raises:
            ConfigError: names what cannot be used.
        """
        for name in ("size_px", "small_px"):
            if getattr(self, name) < STRIDE or getattr(self, name) % STRIDE:
                raise ConfigError(name, f"{getattr(self, name)} is no multiple of {STRIDE}")
        for name in ("batch", "steps", "threads", "measure_every"):
            if getattr(self, name) < 1:
                raise ConfigError(name, f"{getattr(self, name)} is below 1")
        if not 0 <= self.small_steps <= self.steps:
            raise ConfigError("small_steps", f"{self.small_steps} is none of {self.steps} steps")
        if self.place_steps and not self.weights.place:
            raise ConfigError("place_steps", "teach nothing without the loss place", "leave the loss place in")
        if self.weights.warp and not self.twin_count:
            raise ConfigError("weight of warp", "needs a batch of 2 or more", "a larger --batch, or --without warp")

    @property
    def twin_count(self) -> int:
        """Return how many of a batch are twins."""
        return min(max(1, round(self.batch * self.twins)), self.batch // 2) if self.weights.warp else 0

    def size_at(self, step: int) -> int:
        """Return the samples' size at a step, px."""
        return self.small_px if step < self.small_steps else self.size_px

    def judged_at(self, step: int) -> bool:
        """Say whether the discriminator has a say at a step."""
        return self.weights.need_critic and step >= self.adversarial_from * self.steps

    @classmethod
    def of(cls, values: Mapping[str, Any], **changes: Any) -> Settings:
        """Return what a checkpoint holds, with changes.

        Raises:
            ConfigError: a value that cannot be used.
            TypeError: not such values.
        """
        kept = {**values, **changes, "widths": tuple(values["widths"])}
        return cls(**{**kept, "weights": Weights(**values.get("weights", _BEFORE_WEIGHTS))})


@dataclass(frozen=True, slots=True, kw_only=True)
class DistilOptions:
    """What `distil` is asked to do.

    Attributes:
        pairs: a folder that `lensd pairs faces` wrote (exact drawings), or one of the same form with given pictures
            and a matte for each.
        run: folder for the checkpoint and `progress.jsonl`.
        teacher: a checkpoint or run's folder of `lensd train` (RGB to RGB); None: the pairs alone teach.
        family: "0.1", "0.25", "0.39" or "0.45", real GMAC at 256 px.
        weights: of the losses; those of a teacher are off where there is none.
        size_px: of the samples in the end; None: the lens's own, without which it cannot be exported.
        start_from: a checkpoint of the same family, whose averaged weights are taken, or a lens package.
        bf16: None: where the device has instructions for it.
        device: "auto" (a GPU where there is one), "cpu" or "cuda[:N]".
        workers: threads that make samples; None: one for each of `threads`, with a GPU up to 12.
        resume: go on with the checkpoint in `run`, if there is one: its own settings hold, `steps` and `threads` apart.
        others: as `Settings` has them.
    """

    pairs: Path
    run: Path
    teacher: Path | None = None
    family: str = DEFAULT_FAMILY
    weights: Weights = field(default_factory=Weights)
    size_px: int | None = None
    small_px: int = 160
    small_steps: int = 0
    place_steps: int = 0
    steps: int = 8000
    batch: int = 16
    rate: float = 3e-3
    adversarial_from: float = 2 / 3
    wide: float = 0.5
    near: float = 0.25
    mirrored: float = 0.5
    bf16: bool | None = None
    seed: int = 1
    threads: int = 1
    device: str = "auto"
    workers: int | None = None
    measure_every: int = 500
    start_from: Path | None = None
    resume: bool = False

    def settings(self, size_px: int, *, bf16: bool = False) -> Settings:
        """Return a fresh run's settings.

        Args:
            size_px: the lens's own size.
            bf16: whether bfloat16 is fast, where the options leave it open.

        Raises:
            ConfigError: a value that cannot be used.
        """
        family = family_named(self.family)
        taken = ["small_px", "small_steps", "place_steps", "steps", "batch", "rate", "adversarial_from"]
        taken += ["wide", "near", "mirrored"]
        return Settings(
            size_px=self.size_px or size_px,
            measure_every=self.measure_every,
            widths=family.widths,
            blocks=family.blocks,
            weights=self.weights,
            bf16=bf16 if self.bf16 is None else self.bf16,
            seed=self.seed,
            threads=self.threads,
            **{name: getattr(self, name) for name in taken},
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a run's progress.

    Attributes:
        step, steps: done, and in all.
        loss: weighed sum, mean over the last steps. losses: by name, without their weights.
        samples_per_s: of late. left_s: at that speed; the small steps' is not the large ones'.
        figures: on people held out, where they were measured.
    """

    step: int
    steps: int
    loss: float
    losses: dict[str, float]
    samples_per_s: float
    left_s: float
    figures: Figures | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON carries it."""
        return asdict(self)
