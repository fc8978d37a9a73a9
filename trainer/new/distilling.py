"""The stage "distil": the compact network, taught at a small size first, then at its own."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lensd.lens.open import find_package
from trainer.distil.settings import DistilOptions
from trainer.distil.train import distil
from trainer.distil.weights import Weights
from trainer.new.efforts import BATCH
from trainer.new.stages import Stopped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.distil.settings import Progress
    from trainer.new.efforts import Effort
    from trainer.new.stages import Display


def teach(
    pairs: Path,
    place: Path,
    effort: Effort,
    display: Display,
    *,
    teacher: Path | None,
    start_from: str | None,
    threads: int,
) -> Mapping[str, Any]:
    """Train, or go on training, and return the last figures on people held out.

    Args:
        pairs: as the stage "pairs" wrote them.
        place: the stage's folder.
        effort: how much, and how.
        display: told how far it is.
        teacher: the run of the stage "teacher", where there is one.
        start_from: name of the lens that the network begins as, where it begins as one.
        threads: of the CPU.

    Raises:
        Stopped: a signal came; the state is saved.
        ConfigError: a loss that is no number; the last checkpoint is as it was.
        OSError: the folder cannot be written.
    """
    last: Progress | None = None
    overlap = ""

    def tell(line: Progress) -> None:
        nonlocal last, overlap
        if line.figures is not None:
            last, overlap = line, f", IoU {line.figures.iou_mean:.3f} on people held out"
        note = f"step {line.step:,} of {line.steps:,}, loss {line.loss:.3f}{overlap}"
        display.show(effort.share(line.step), 1, note)

    options = DistilOptions(
        pairs=pairs,
        run=place,
        teacher=teacher,
        small_px=effort.small_px,
        small_steps=effort.small_steps,
        size_px=effort.size_px,
        steps=effort.steps,
        batch=BATCH,
        rate=effort.rate,
        wide=effort.wide,
        near=effort.near,
        weights=Weights(gradient=effort.gradient),
        start_from=None if start_from is None else find_package(start_from),
        threads=threads,
        measure_every=max(1, min(500, effort.steps // 4)),
        resume=True,
    )
    distil(options, tell, stop=display.stopping)
    if display.stopping() and (last is None or last.step < effort.steps):
        raise Stopped("lensd new", "stopped while it was learning; the state is saved", "the same command goes on")
    figures = last.figures if last is not None else None
    return {"steps": effort.steps} | ({} if figures is None else {"held_out": asdict(figures)})
