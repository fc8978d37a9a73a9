"""MediaPipe's face mesh in a process of its own, with a Python of its own where need be."""

from __future__ import annotations

import atexit
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lensd.config import user_lenses_dir
from lensd.errors import EngineError, RuntimeMissing
from trainer.dataset.mediapipe_child import FAILED
from trainer.dataset.mediapipe_child import __file__ as _CHILD

if TYPE_CHECKING:
    from lensd.frames import F32, U8

PYTHON_VARIABLE = "LENSD_MEDIAPIPE_PYTHON"
_START_S, _ANSWER_S, _END_S = 120.0, 60.0, 5.0


def mediapipe_python() -> Path | None:
    """Return the Python that has MediaPipe, as far as one can tell without starting it; None where there is none.

    That is the one that the variable names, else the environment in lensd's data folder, else our own.
    """
    if named := os.environ.get(PYTHON_VARIABLE):
        return Path(named)
    if (own := _environment() / "bin/python").exists():
        return own
    return Path(sys.executable) if find_spec("mediapipe") is not None else None


def install_hint() -> str:
    """Return the commands that make the environment which `mediapipe_python` finds."""
    folder = str(_environment()).replace(str(Path.home()), "~", 1)
    return f"python3.11 -m venv {folder} && {folder}/bin/pip install mediapipe==0.10.21"


def _environment() -> Path:
    return user_lenses_dir().parent / "mediapipe"


class MediaPipe:
    """One process that answers picture by picture; used by one thread."""

    def __init__(self, python: Path) -> None:
        """Start it.

        Raises:
            RuntimeMissing: that Python cannot be started.
        """
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 closed in `close`
        environment = {**os.environ, "GLOG_minloglevel": "2"}
        # -I: it shall find its own libraries, not those of the folder or the variables that we were started with.
        command = [str(python), "-I", _CHILD]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=environment
            )
        except OSError as error:
            self._log.close()
            why = f"{python} cannot be started ({error.strerror})"
            raise RuntimeMissing("mediapipe", why, f"{PYTHON_VARIABLE}=PYTHON, or {install_hint()}") from error
        self._started = False

    def find(self, rgb: U8) -> list[F32]:
        """Return the faces on `rgb` (H, W, 3): (478, 3) float32 each, pixels, z in the same unit.

        Raises:
            RuntimeMissing: that Python has no MediaPipe of use.
            EngineError: its process died, or does not answer.
        """
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        height, width = rgb.shape[:2]
        try:
            self._process.stdin.write(struct.pack("<II", height, width) + np.ascontiguousarray(rgb).tobytes())
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it says why in its answer, or died
        (count,) = struct.unpack("<I", self._read(4))
        if count == FAILED:
            (length,) = struct.unpack("<I", self._read(4))
            why = self._read(length).decode(errors="replace")
            raise RuntimeMissing("mediapipe", f"cannot be used ({why})", install_hint())
        self._started = True
        points = np.frombuffer(self._read(count * 478 * 3 * 4), "<f4").reshape(count, 478, 3)
        return [face.astype(np.float32) for face in points]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait(_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:  # what it did not read any more
                    continue
        self._log.close()

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        content = b""
        end = time.monotonic() + (_ANSWER_S if self._started else _START_S)
        descriptor = self._process.stdout.fileno()
        while len(content) < size:
            if not select.select([descriptor], [], [], max(0.0, end - time.monotonic()))[0]:
                raise EngineError("mediapipe", "does not answer", "--landmarks tracker")
            part = os.read(descriptor, size - len(content))
            if not part:
                raise EngineError("mediapipe", f"its process died ({self._last_words()})", "--landmarks tracker")
            content += part
        return content

    def _last_words(self) -> str:
        self._process.wait(_END_S)
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip().splitlines()
        return said[-1][:200] if said else f"status {self._process.returncode}"


@cache
def shared_mediapipe() -> MediaPipe:
    """Return this process's one; it ends with us.

    Raises:
        RuntimeMissing: there is none.
    """
    python = mediapipe_python()
    if python is None:
        raise RuntimeMissing("mediapipe", "is not installed", f"{install_hint()}, or --landmarks tracker")
    opened = MediaPipe(python)
    atexit.register(opened.close)
    return opened
