"""Many files: everything is checked before anything is written, then done in parallel; what is there is left out.

A file appears whole or not at all, so a run that was cut goes on with the same command.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import cv2

from lensd.errors import LensdError, MediaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_WORKERS_MAX = 16
_PORTION_MAX = 16


class Work(Protocol):
    """One file's work, a frozen dataclass that travels to another process."""

    @property
    def targets(self) -> tuple[Path, ...]:
        """Return the files that it writes; the last one is written last."""

    def check(self) -> None:
        """Read what it needs.

        Raises:
            LensdError: it cannot be done.
        """

    def do(self) -> None:
        """Write the targets.

        Raises:
            LensdError: it cannot be done after all.
        """


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did: files written, and works left out because their files were there."""

    written: int
    skipped: int


def usable_cores() -> int:
    """Return how many processes are worth starting here."""
    return max(1, min(_WORKERS_MAX, len(os.sched_getaffinity(0))))


def run(works: Sequence[Work], workers: int, tell: Callable[[str, int, int], None]) -> Done:
    """Check all works, then do them.

    Args:
        works: none writes what another writes.
        workers: processes; one works in the caller's own.
        tell: called with what is being done, how many are, and of how many.

    Raises:
        LensdError: a work cannot be done; where the check says so, nothing was written.
    """
    left = [work for work in works if not all(target.exists() for target in work.targets)]
    for label, step in (("checked", _check), ("written", _do)):
        failed: list[tuple[str, str, str]] = []
        for done, problem in enumerate(each(step, left, workers), 1):
            if problem is not None:
                failed.append(problem)
                if step is _do:
                    break
            tell(label, done, len(left))
        if failed:
            what, why, hint = failed[0]
            others = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise MediaError(what, why + others, hint)
    return Done(len(left), len(works) - len(left))


def each(function: Callable[[_In], _Out], items: Sequence[_In], workers: int) -> Iterator[_Out]:
    """Give `function(item)` of every item in order, from `workers` processes.

    Raises:
        MediaError: a process died, as it does where memory runs out.
    """
    if workers <= 1 or len(items) < 2:
        yield from map(function, items)
        return
    # A forked copy of a process with threads may hang; a fresh one costs half a second once.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=context, initializer=_begin_process)
    try:
        portion = max(1, min(_PORTION_MAX, len(items) // (workers * 4)))
        yield from pool.map(function, items, chunksize=portion)
    except BrokenProcessPool as error:
        raise MediaError("a worker process", "died; memory may have run out", "--workers 1") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and ends us after the picture in hand
    cv2.setNumThreads(1)


def _check(work: Work) -> tuple[str, str, str] | None:
    try:
        work.check()
    except LensdError as error:
        return error.what, error.why, error.hint
    return None


def _do(work: Work) -> tuple[str, str, str] | None:
    try:
        work.do()
    except LensdError as error:
        return error.what, error.why, error.hint
    return None
