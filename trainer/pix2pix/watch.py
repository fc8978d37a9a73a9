"""What a run lets people see: lines of progress, TensorBoard, a page, histograms, traces. The first process only."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from lensd.whole_file import whole_file
from trainer.pix2pix.board import Board
from trainer.pix2pix.page import Page

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.pix2pix.run import Progress, Run


def due(step: int, every: int) -> bool:
    """Say whether something that is done every so many steps (0: never) is to be done after `step` steps."""
    return every > 0 and step % every == 0


class Watch:
    """Looks at a run after every step."""

    def __init__(self, run: Run, tell: Callable[[Progress], None]) -> None:
        """Open what is written.

        Raises:
            OSError: the run's folder cannot be written.
        """
        self._run, self._tell = run, tell
        self._board = Board(run.folder if run.ranks.first else None)
        self._page = Page(run.folder) if run.options.display_freq and run.ranks.first else None
        self._since, self._at = run.model.step, time.monotonic()

    def look(self, losses: dict[str, Tensor]) -> None:
        """Write what is due after a step with these losses.

        Raises:
            OSError: the run's folder cannot be written.
            ConfigError: a loss is no number.
        """
        run, options, step = self._run, self._run.options, self._run.model.step
        if run.ranks.first and due(step, options.summary_freq):
            self._board.summary(run.model, {name: float(loss) for name, loss in losses.items()}, run.shown())
        if run.ranks.first and due(step, options.histogram_freq):
            self._board.histograms(run.model)
        if self._page is not None and due(step, options.display_freq):
            run.show(self._page)
        if due(step, options.progress_freq) or step == run.steps:
            self._line()

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Let torch's profiler look at the next step, where that is due: `traces/STEP.json`, for chrome://tracing.

        Raises:
            OSError: the run's folder cannot be written.
        """
        run, step = self._run, self._run.model.step + 1
        if not (run.ranks.first and due(step, run.options.trace_freq)):
            yield
            return
        kinds = [torch.profiler.ProfilerActivity.CPU]
        if run.device.type == "cuda":
            kinds.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=kinds) as trace:
            yield
        path = run.folder / "traces" / f"{step:08d}.json"
        path.parent.mkdir(exist_ok=True)
        with whole_file(path) as temporary:
            trace.export_chrome_trace(str(temporary))

    def close(self) -> None:
        """Write out what is still held."""
        self._board.close()

    def _line(self) -> None:
        run = self._run
        run.check()
        line = run.progress(self._since, time.monotonic() - self._at)
        if run.ranks.first:
            self._tell(line)
            with (run.folder / "progress.jsonl").open("a") as file:
                file.write(json.dumps(asdict(line)) + "\n")
        self._since, self._at = run.model.step, time.monotonic()
