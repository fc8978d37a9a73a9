"""What a student is told about its faults, and how loudly: each loss has a weight, and a weight of 0 turns it off."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from lensd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


def _loss(weight: float, about: str) -> Any:
    return field(default=weight, metadata={"about": about})


@dataclass(frozen=True, slots=True)
class Weights:
    """By loss; `metadata["about"]` has a sentence on each, `trainer.distil.losses` and its neighbours the formulas."""

    l1: float = _loss(2.0, "L1 to the target, ten times heavier near what is drawn.")
    teacher: float = _loss(1.0, "The same L1 to the teacher's picture; there must be a teacher.")
    ssim: float = _loss(0.0, "1 - SSIM of luma to the target.")
    gradient: float = _loss(0.0, "L1 of the picture's gradients to the target's, for crisp edges.")
    colour: float = _loss(1.0, "L1 of the colour under the true matte.")
    matte: float = _loss(1.0, "Cross-entropy and Dice of the matte.")
    matte_gradient: float = _loss(0.0, "L1 of the matte's gradients to the true one's.")
    matching: float = _loss(0.0, "L1 of our own discriminator's features, in the last part of the run.")
    adversarial: float = _loss(0.0, "What the discriminator thinks of it, in the last part of the run.")
    channel: float = _loss(0.0, "Where the teacher's channels look (a U-Net's).")
    place: float = _loss(8.0, "Where on its canvas it looks; of networks that have one.")
    warp: float = _loss(3.0, "Steadiness: a face that moves a little must be drawn alike.")

    def __post_init__(self) -> None:
        """Check them.

        Raises:
            ConfigError: a weight that is negative or no number.
        """
        for name, weight in asdict(self).items():
            if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 <= weight < math.inf:
                raise ConfigError(f"weight of {name}", f"{weight!r} is no number from 0 up")

    @property
    def need_critic(self) -> bool:
        """Whether a discriminator is trained along."""
        return self.matching > 0 or self.adversarial > 0

    def speaks_from_the_first(self, *, judged: bool) -> bool:
        """Say whether there is a loss in the first step; `judged`: the discriminator has a say then."""
        return any(weight > 0 for name, weight in asdict(self).items() if judged or name not in _JUDGED)

    def changed(self, changes: Mapping[str, float]) -> Weights:
        """Return them with some changed.

        Raises:
            ConfigError: no such loss, or a weight that cannot be used.
        """
        if unknown := sorted(set(changes) - set(LOSSES)):
            raise ConfigError(unknown[0], f"is none of the losses: {', '.join(LOSSES)}")
        return Weights(**{**asdict(self), **changes})

    def without_teacher(self) -> Weights:
        """Return them for a run that has no teacher."""
        return self.changed({"teacher": 0.0, "channel": 0.0})

    def without_canvas(self) -> Weights:
        """Return them for a network that paints all by itself."""
        return self.changed({"place": 0.0})


LOSSES = tuple(known.name for known in fields(Weights))
_JUDGED = ("matching", "adversarial")
