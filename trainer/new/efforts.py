"""What each effort means, in steps: fixed numbers, so that a run that was cut ends as one that was not.

From pairs a network paints all by itself: it learns the place at 160 px, 2.6 times faster than at 256, and needs a few
hundred steps more at the size at which it will run. A sticker lies on the network's canvas and is worn
(`trainer/canvas.py`): such a network looks at half the size, so that is how large its small samples are, and it begins
as a lens that ships and knows already where on a face to look. LOG.md has what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lensd.errors import ConfigError

if TYPE_CHECKING:
    from trainer.pairs import Crop

EffortName = Literal["quick", "good", "best"]

BATCH = 16
SIZE_PX = 256
# Seconds a sample of 256 px on one core of Zen 4 with bf16, drawing it included; for the time that is left only.
_PAINTED_S = 0.026
# The same of a network that wears: looking, which costs as much in its small samples, and all that is done to pixels.
# On a Zen 5 7.5 ms a sample of 128 px and 22.3 of 256, where one that paints takes 19.4.
_LOOKED_S, _WORN_S = 0.0033, 0.0267
_MULTIPLES_PX = {False: 32, True: 64}  # the sizes at which a network can look; one that wears, at half of them
_FAR_OUT = 1.65  # side of a crop, face units, halfway between what skull and crown see


@dataclass(frozen=True, slots=True)
class Effort:
    """One setting of the dial.

    Attributes:
        name: of the setting.
        small_steps, steps: of 16 samples, at `small_px` first; and in all.
        small_px, size_px: sides of the samples.
        rate: the highest learning rate.
        teacher_steps: of the U-Net that is taught first where B was given; 0 does without.
        worn: the network wears a canvas.
        wide, near, gradient: how far samples stray, and the weight of that loss, as `trainer.distil.settings` and
            `weights` have them.
    """

    name: EffortName
    small_steps: int
    steps: int
    teacher_steps: int = 0
    small_px: int = 160
    size_px: int = SIZE_PX
    rate: float = 3e-3
    worn: bool = False
    wide: float = 0.5
    near: float = 0.25
    gradient: float = 0.0

    @property
    def seconds(self) -> float:
        """About how long its steps take on one core."""
        large_steps = self.steps - self.small_steps
        return BATCH * (self.small_steps * self._sample_s(self.small_px) + large_steps * self._sample_s(self.size_px))

    def share(self, step: int) -> float:
        """Return how much of the work is done after so many steps, 0..1."""
        return replace(self, small_steps=min(step, self.small_steps), steps=step).seconds / self.seconds

    def shortened(self, steps: int | None, size_px: int | None) -> Effort:
        """Return it with so many steps, half of them small, and another size of the lens; None leaves them.

        Raises:
            ConfigError: a size at which its network cannot look.
        """
        short = self
        if steps is not None:
            short = replace(short, small_steps=steps // 2, steps=steps, teacher_steps=min(steps, short.teacher_steps))
        if size_px is not None:
            if size_px % (multiple := _MULTIPLES_PX[self.worn]):
                raise ConfigError(f"--size {size_px}", f"is no multiple of {multiple}", f"--size {SIZE_PX}")
            small_px = size_px // 2 if self.worn else min(size_px, short.small_px)
            short = replace(short, size_px=size_px, small_px=small_px)
        return short

    def _sample_s(self, px: int) -> float:
        area = (px / SIZE_PX) ** 2
        if not self.worn:
            return _PAINTED_S * area
        return _LOOKED_S * (self.size_px / SIZE_PX) ** 2 + _WORN_S * area


def predecessor(crop: Crop) -> str:
    """Return the shipped lens that knows faces as a sticker's crop shows them: large, or with room for a hat."""
    return "skull" if crop.side < _FAR_OUT else "crown"


def _worn(name: EffortName, small_steps: int, steps: int) -> Effort:
    return Effort(
        name, small_steps, steps, small_px=SIZE_PX // 2, rate=2e-3, worn=True, wide=0.15, near=0.15, gradient=0.5
    )


OF_PAIRS: dict[EffortName, Effort] = {
    "quick": Effort("quick", 1200, 1700),
    "good": Effort("good", 2000, 4200, teacher_steps=750),
    "best": Effort("best", 4000, 10_000, teacher_steps=3000),
}
OF_STICKERS: dict[EffortName, Effort] = {
    "quick": _worn("quick", 600, 700),
    "good": _worn("good", 1600, 2000),
    "best": _worn("best", 3000, 3600),
}
