"""The loop: steps, what is looked at, checkpoints; and how it ends."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch

from lensd.errors import ConfigError
from lensd.whole_file import write_whole
from trainer.pix2pix import keep
from trainer.pix2pix.run import Progress, Run
from trainer.pix2pix.watch import Watch, due

__all__ = ["OPTIONS", "Progress", "Run", "train"]

OPTIONS = "options.json"
_LOOK_EVERY = 20  # steps between two looks at a GPU's losses, each of which waits for it


def train(
    run: Run, *, stop: Callable[[], bool] = lambda: False, tell: Callable[[Progress], None] = lambda _: None
) -> bool:
    """Train until the run's steps are done or `stop` says so; either way the state is saved.

    Args:
        run: new or restored.
        stop: asked once a step; where several processes share the run, one that says so ends all after the same step.
        tell: given a line of progress every `progress_freq` steps, and at the end.

    Returns:
        True where all steps are done.

    Raises:
        ConfigError: a loss that is no number, a GPU's memory that is too small, or another process that is gone; the
            last good checkpoint is named.
        MediaError: the folder cannot be written; as above.
    """
    try:
        if run.ranks.first:
            run.folder.mkdir(parents=True, exist_ok=True)
            write_whole(run.folder / OPTIONS, run.options.to_json().encode())
        watch = Watch(run, tell)
        try:
            return _loop(run, stop, watch)
        finally:
            watch.close()
    except OSError as error:
        raise run.unwritten(error) from error
    except torch.OutOfMemoryError as error:
        why = f"the GPU's memory is too small; {run.last_good()}"
        raise ConfigError("batch_size", why, "a smaller --batch-size or --crop-size") from error
    except RuntimeError as error:
        if run.ranks.size == 1:
            raise
        # Gloo and NCCL begin with a place in their source, and go on with advice to programmers.
        cause = re.sub(r"^\[[^]]*\] ", "", str(error)).splitlines()[0].split(". ")[0]
        why = f"process {run.ranks.rank} lost the others ({cause}); {run.last_good()}"
        raise ConfigError("torchrun", why, "go on from there with --resume") from error


def _loop(run: Run, stop: Callable[[], bool], watch: Watch) -> bool:
    options, model = run.options, run.model
    look_every = 1 if run.device.type == "cpu" else _LOOK_EVERY
    saved, stopped = model.step, run.ranks.agree(stop())
    while model.step < run.steps and not stopped:
        with watch.traced():
            losses = run.advance()
        step, last = model.step, model.step == run.steps
        if step % look_every == 0:
            run.check()
            stopped = run.ranks.agree(stop())
        watch.look(losses)
        epoch = step // run.epoch_steps if step % run.epoch_steps == 0 else 0
        for_good = epoch > 0 and due(epoch, options.save_epoch_freq)
        if for_good or (due(step, options.save_freq) and not last):
            path, saved = run.save(), step
            if for_good and run.ranks.first:
                keep.for_good(path, epoch)
    if model.step > saved:
        run.save()
    return model.step >= run.steps
