"""From pairs to a package that can ship: taught, exported, proved, measured on people held out, and described."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import MediaError
from lensd.lens.open import find_package
from lensd.lens.package import open_package
from lensd.whole_file import write_whole
from trainer.canvas import LOOK
from trainer.distil import DistilOptions, distil
from trainer.export import About, export, licence_text
from trainer.gallery.card import card_of, figures_text, wrapped
from trainer.gallery.hardship import HARDSHIPS
from trainer.new.judge import judge
from trainer.package import write_package
from trainer.pairs import open_pairs
from trainer.variants import head

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer.distil import Progress
    from trainer.gallery.lenses import Taught

FIGURES = "{figures}"
_SMALL_PX = 160


def teach(
    lens: Taught,
    pairs: Path,
    run: Path,
    on_progress: Callable[[Progress], None],
    stop: Callable[[], bool],
    *,
    steps: int | None = None,
    threads: int = 1,
    bf16: bool | None = None,
) -> Path | None:
    """Train, or go on where `run` stopped, and return the checkpoint; None where `stop` ended it before its time.

    Args:
        lens: of the gallery.
        pairs: its folder, as `gallery_pairs` wrote it.
        run: folder for the checkpoint.
        on_progress, stop: as `trainer.distil.distil` has them.
        steps: instead of the lesson's; of them the same shares are at the small size, and only for the places.
        threads: of the CPU.
        bf16: compute in bfloat16; None: where the device has instructions for it.

    Raises:
        ConfigError: pairs or checkpoint cannot be used.
        OSError: the folder cannot be written; the last checkpoint is as it was.
    """
    lesson = lens.lesson
    in_all = steps or lesson.steps
    done = 0

    def note(line: Progress) -> None:
        nonlocal done
        done = line.step
        on_progress(line)

    options = DistilOptions(
        pairs=pairs,
        run=run,
        weights=lesson.weights,
        small_px=lens.crop.size_px // LOOK if lens.worn else min(_SMALL_PX, lens.crop.size_px),
        small_steps=round(in_all * lesson.small_steps / lesson.steps),
        place_steps=round(in_all * lesson.place_steps / lesson.steps),
        steps=in_all,
        rate=lesson.rate,
        adversarial_from=lesson.adversarial_from,
        wide=lesson.wide,
        near=lesson.near,
        mirrored=lesson.mirrored,
        bf16=bf16,
        threads=threads,
        start_from=None if lesson.start_from is None else find_package(lesson.start_from),
        measure_every=max(1, min(400, in_all // 4)),
        resume=True,
    )
    checkpoint = distil(options, note, stop=stop)
    # A run that is done already tells nothing.
    return None if stop() and done < in_all else checkpoint


def ship(
    lens: Taught, pairs: Path, checkpoint: Path, lenses: Path, tell: Callable[[int, int], None] = lambda *_: None
) -> Path:
    """Write NAME.lens into the folder `lenses`, with what was measured in its card, and `figures.json` beside the run.

    Raises:
        LensdError: the network cannot be exported or run.
        OSError: a folder cannot be written.
    """
    about = About(lens.name, lens.title, lens.overlay, lens.version, tags=lens.tags)
    opened = open_pairs(pairs)
    if not opened.held_out.any():
        raise MediaError(str(pairs), "holds nobody out, so nothing can be measured", "faces of two people or more")
    made = checkpoint.parent / f"{lens.name}.lens"
    taught = ~opened.held_out
    persons = len({opened.persons[i] for i in np.flatnonzero(taught)})
    card = card_of(lens, int(taught.sum()), persons, sorted(set(opened.sources)))
    export(checkpoint, made, about, card, licence_text())
    evaluation = judge(made, opened, 0, tell).evaluation
    hard = {name: judge(made, opened, 0, tell, harder).evaluation.whole for name, harder in HARDSHIPS.items()}
    figures = evaluation.as_dict() | {"hardships": {name: one.as_dict() for name, one in hard.items()}}
    write_whole(checkpoint.parent / "figures.json", json.dumps(figures, indent=1).encode(), mode=0o600)
    package = open_package(made)
    contents = dict(package.contents)
    text = contents["CARD.md"].decode().replace(FIGURES, figures_text(evaluation, hard))
    contents["CARD.md"] = wrapped(text).encode()
    final = lenses / f"{lens.name}.lens"
    write_package(final, head(package.manifest), contents)
    return final
