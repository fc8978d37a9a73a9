"""`distil`: pairs, and maybe a teacher, to a student's checkpoint; the loop, its progress, and how it ends."""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import ConfigError
from lensd.whole_file import write_whole
from trainer.dataset.work import usable_cores
from trainer.distil.run import CHECKPOINT, Run
from trainer.distil.settings import DistilOptions, Progress
from trainer.distil.teacher import Teacher
from trainer.held_out import measure
from trainer.pairs import open_pairs
from trainer.pix2pix.devices import device_named, precision_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

_SAVE_EVERY_S = 120.0
_TELL_EVERY_S = 2.0
_WORKERS_MAX = 12


def distil(
    options: DistilOptions,
    on_progress: Callable[[Progress], None] = lambda _: None,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Path:
    """Teach a student, or go on with one.

    Args:
        options: what to do; nothing is written before all of it was found usable.
        on_progress: told now and then, and when the run ends: then `step == steps`, unless it was stopped.
        stop: asked once a step; True saves and ends. `lensd.cli.until_signal` makes one of Ctrl-C and SIGTERM.

    Returns:
        The checkpoint, for `trainer.export.export`, or to be gone on with: the same call with `resume`.

    Raises:
        ConfigError: something cannot be used, or a loss is no number (the last checkpoint is as it was).
        OSError: the folder cannot be written (as above).
    """
    train(begun(options), stop=stop, progress=on_progress)
    return options.run / CHECKPOINT


def begun(options: DistilOptions) -> Run:
    """Return the run that `options` ask for, new or resumed; nothing is written.

    Raises:
        ConfigError: as `distil`.
    """
    there = (options.run / CHECKPOINT).exists()
    if there and not options.resume:
        why = "holds a checkpoint already"
        raise ConfigError(str(options.run), why, "add --resume to go on, or choose another --run")
    device = device_named(options.device)
    workers = options.workers or (min(usable_cores(), _WORKERS_MAX) if device.type == "cuda" else options.threads)
    teacher = None if options.teacher is None else Teacher(options.teacher, device)
    pairs = open_pairs(options.pairs)
    if there:
        return Run.resumed(
            pairs, options.run, options.steps, options.threads, teacher=teacher, device=device, workers=workers
        )
    settings = options.settings(pairs.crop.size_px, bf16=precision_for("auto", device) == "bf16")
    run = Run(pairs, options.run, settings, teacher=teacher, device=device, workers=workers)
    if options.start_from is not None:
        run.start_from(options.start_from)
    return run


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
        OSError: the folder cannot be written; as above.
    """
    try:
        _loop(run, stop, progress)
    finally:
        run.close()
    run.save()
    log.info("training stopped at step %d of %d", run.step, run.settings.steps)
    return run.step >= run.settings.steps


def _loop(run: Run, stop: Callable[[], bool], progress: Callable[[Progress], None]) -> None:
    settings = run.settings
    recent = deque[dict[str, float]](maxlen=settings.measure_every)
    saved_at = told_at = time.monotonic()
    told_step = run.step
    while run.step < settings.steps and not stop():
        recent.append(run.advance())
        last = run.step == settings.steps
        measured = run.step % settings.measure_every == 0 or last
        if measured or time.monotonic() - told_at > _TELL_EVERY_S:
            speed = (run.step - told_step) * settings.batch / max(time.monotonic() - told_at, 1e-9)
            # What is painted at another size than it was taught at is not worth a look.
            figures = measure(run.average, run.pairs, settings.size_at(run.step - 1)) if measured else None
            means = {name: float(np.mean([one[name] for one in recent if name in one])) for name in recent[-1]}
            left = (settings.steps - run.step) * settings.batch / speed
            line = Progress(run.step, settings.steps, means.pop("loss"), means, speed, left, figures)
            progress(line)
            if measured:
                _append(run.folder / "progress.jsonl", line)
            told_at, told_step = time.monotonic(), run.step
        if time.monotonic() - saved_at > _SAVE_EVERY_S:
            run.save()
            saved_at = time.monotonic()


def _append(path: Path, line: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b""
    write_whole(path, before + json.dumps(line.as_dict()).encode() + b"\n")
