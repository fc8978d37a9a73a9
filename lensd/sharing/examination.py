"""A package examined in a process of its own (`lensd.sharing.examine`), and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from lensd.errors import EngineError, LensdError, LensError
from lensd.lens.strict_table import printable
from lensd.sharing.report import Report

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 120.0
_ANSWER_BYTES_MAX = 256 * 1024
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_SIGNALS = {
    -signal.SIGXCPU: "takes more processor time to be examined than a lens may have",
    -signal.SIGKILL: "was killed while it was being examined: it takes too much memory or time",
    -signal.SIGSEGV: "crashes what is to read it (SIGSEGV); do not use it",
    -signal.SIGBUS: "crashes what is to read it (SIGBUS); do not use it",
    -signal.SIGABRT: "makes what is to read it give up (SIGABRT); do not use it",
}


def examine(path: Path, *, run: bool = True, timeout_s: float = TIMEOUT_S) -> Report:
    """Return what there is to say of the package at `path`, a folder or a zip, which passed every check.

    Args:
        path: a stranger's.
        run: decode its pictures and run its networks, too: 0.5 s instead of 0.2.
        timeout_s: after which it is refused.

    Raises:
        LensError: it fails a check, or breaks the limits that hold while it is checked.
        EngineError: its network cannot be run here.
    """
    if not path.exists():
        raise LensError(str(path), "there is no such file or folder", "lensd lenses")
    command = [sys.executable, "-P", "-B", "-m", "lensd.sharing.examine", os.path.abspath(path)]  # noqa: PTH100 not resolved: the name counts
    with subprocess.Popen(
        [*command, "run" if run else "look"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **_ONE_THREAD},
    ) as process:
        try:
            answer, complaints = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise LensError(path.name, f"could not be examined in {timeout_s:.0f} s") from None
        finally:
            process.kill()
    return _report_in(answer, path, process.returncode, complaints)


def _report_in(answer: bytes, path: Path, status: int, complaints: bytes) -> Report:
    if status:
        said = complaints.decode(errors="replace").strip().splitlines()
        why = (
            _SIGNALS.get(status) or f"cannot be examined (exit status {status}: {printable(said[-1] if said else '')})"
        )
        raise LensError(path.name, why)
    try:
        told = json.loads(answer[:_ANSWER_BYTES_MAX])
        if "error" in told:
            raise _error(**told["error"])
        return Report.from_dict(told["report"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LensError(path.name, "cannot be examined: the answer was no report") from error


def _error(code: str, what: str, why: str, hint: str) -> LensdError:
    """Return the error that another process has told of, with the exit status that its kind has."""
    kinds: list[type[LensdError]] = [LensError, EngineError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((kind for kind in kinds if kind.code == code), LensError)(what, why, hint)
