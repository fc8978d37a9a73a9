"""What each effort means, in steps: fixed numbers, so that a run that was cut ends as one that was not.

Measured for thug-life (LOG.md): a network learns the place at 160 px, 2.6 times faster than at 256, and needs a few
hundred steps more at the size at which it will run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

EffortName = Literal["quick", "good", "best"]

BATCH = 16
SIZE_PX = 256
# Seconds a sample at 256 px on one core of Zen 4 with bf16, drawing it included; for the time that is left only.
_SAMPLE_S = 0.026


@dataclass(frozen=True, slots=True)
class Effort:
    """One setting of the dial.

    Attributes:
        name: of the setting.
        small_steps, steps: of 16 samples, at `small_px` first; and in all.
        small_px, size_px: sides of the samples.
        rate: the highest learning rate.
        teacher_steps: of the U-Net that is taught first where B was given; 0 does without.
    """

    name: EffortName
    small_steps: int
    steps: int
    teacher_steps: int = 0
    small_px: int = 160
    size_px: int = SIZE_PX
    rate: float = 3e-3

    @property
    def work(self) -> float:
        """Samples, each counted as so many of 256 px as it costs."""
        small, large = ((px / SIZE_PX) ** 2 for px in (self.small_px, self.size_px))
        return BATCH * (self.small_steps * small + (self.steps - self.small_steps) * large)

    @property
    def seconds(self) -> float:
        """About how long its steps take on one core."""
        return self.work * _SAMPLE_S

    def share(self, step: int) -> float:
        """Return how much of the work is done after so many steps, 0..1."""
        return replace(self, small_steps=min(step, self.small_steps), steps=step).work / self.work

    def shortened(self, steps: int | None, size_px: int | None) -> Effort:
        """Return it with so many steps, half of them small, and another size of the lens; None leaves them."""
        short = self
        if steps is not None:
            short = replace(short, small_steps=steps // 2, steps=steps, teacher_steps=min(steps, short.teacher_steps))
        if size_px is not None:
            short = replace(short, size_px=size_px, small_px=min(size_px, short.small_px))
        return short


EFFORTS: dict[EffortName, Effort] = {
    "quick": Effort("quick", 1200, 1700),
    "good": Effort("good", 2000, 4200, teacher_steps=750),
    "best": Effort("best", 4000, 10_000, teacher_steps=3000),
}
