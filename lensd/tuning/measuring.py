"""One way of running a lens, being measured in a process of its own beside the lens that runs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from lensd.errors import LensdError
from lensd.tuning.notes import Measured, Way
from lensd.tuning.prove import answer_of, command

if TYPE_CHECKING:
    from pathlib import Path

_LIMIT_S = 300.0  # two seconds of work, at a low priority beside whatever else runs
_BUILD_LIMIT_S = 1800.0
_END_S = 2.0
ON_PROCESSOR = ("onnxruntime", "openvino")


class Measuring:
    """One measurement; ask `advance` until it answers, then `close`. Never waits.

    The process runs at a low priority, and on a processor its time is counted by its own clock, so that it
    neither delays a frame nor is wrong where the lens beside it takes most of the core.

    Attributes:
        way: what is measured.
        progress: the share done of a plan's build, 0..1; None while nothing is built.
    """

    def __init__(self, package: Path, way: Way, network_sha256: str, *, builds: bool) -> None:
        """Start it.

        Args:
            package: the lens's folder or zip.
            way: what to measure.
            network_sha256: of the network that is meant; another one that lies there by now does not count.
            builds: it may have to build a plan, and so take minutes.
        """
        self.way, self.progress = way, None if not builds else 0.0
        self._expected, self._limit_s = network_sha256, _BUILD_LIMIT_S if builds else _LIMIT_S
        self._begin = time.monotonic()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 it lives until `close`
        self._process = subprocess.Popen(
            command(way.runtime, package, way.precision, beside=True),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
        )
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        self._news = self._process.stdout
        os.set_blocking(self._news.fileno(), False)
        self._said = b""

    def advance(self) -> Measured | None:
        """Return what came of it once it is done, else None."""
        ended = self._process.poll() is not None  # asked first: all that it said is in the pipe by then
        self._listen()
        if not ended:
            late = time.monotonic() - self._begin > self._limit_s
            return self._refused(f"gave no picture within {self._limit_s:g} s") if late else None
        self._complaints.seek(0)
        complaints = self._complaints.read().decode(errors="replace")
        try:
            proof = answer_of(str(self.way), self._said.decode(errors="replace"), complaints, self._process.returncode)
        except LensdError as error:
            return self._refused(error.why)
        if proof.network_sha256 != self._expected:
            return self._refused("the package was changed meanwhile")
        ms = proof.cpu_ms if self.way.runtime in ON_PROCESSOR else proof.best_ms
        return Measured(*self.way, ms=ms, load_ms=proof.load_ms, psnr_db=proof.psnr_db, at_s=time.time())

    def close(self) -> None:
        """End it, done or not."""
        self._process.kill()
        self._process.wait(_END_S)
        self._news.close()
        self._complaints.close()

    def _listen(self) -> None:
        """Take what it has said: the last line is kept, whole or not, and each progress noted."""
        while data := self._read():
            self._said += data
        *whole, last = self._said.split(b"\n")
        for line in whole:
            if line.startswith(b'{"progress"'):
                self.progress = float(json.loads(line)["progress"])
            elif line:
                last = line + b"\n" + last  # the answer
        self._said = last

    def _read(self) -> bytes:
        try:
            return os.read(self._news.fileno(), 65536)
        except BlockingIOError:
            return b""

    def _refused(self, why: str) -> Measured:
        return Measured(*self.way, why=why or "no reason was given", at_s=time.time())
