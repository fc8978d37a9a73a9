"""One generation of the worker: its process, its shared picture, its socket, and whether it still lives."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from lensd.control.connection import Connection
from lensd.shared_picture import SharedPictureReader, create_shared_picture

if TYPE_CHECKING:
    from lensd.config import Settings
    from lensd.control.messages import Message

log = logging.getLogger(__name__)

# No new picture for 2 s while one is due: it hangs. Start-up (imports, camera) takes 1 to 3 s on a slow machine.
PICTURE_LIMIT_NS = 2_000_000_000
_EVENT_LIMIT_NS = 4_000_000_000
_START_LIMIT_NS = 20_000_000_000
# Freed memory is used again instead of being given back and faulted in anew: after a kill the lens is back in 2.2 s
# instead of 2.8 in the camera guest, for 15 MB more of resident memory. Source: mallopt(3).
_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}


class WorkerListener(Protocol):
    """Who hears of the worker."""

    def worker_picture(self, worker: WorkerProcess) -> None:
        """A new picture lies in its shared picture."""

    def worker_event(self, worker: WorkerProcess, event: Message) -> None:
        """A message other than `alive`, or a change of state."""

    def worker_ended(self, worker: WorkerProcess) -> None:
        """The process is gone and reaped."""


class WorkerProcess:
    """A running worker. Its owner's selector drives it; times in ns of CLOCK_MONOTONIC."""

    def __init__(
        self,
        generation: int,
        settings: Settings,
        lens: str,
        selector: selectors.BaseSelector,
        listener: WorkerListener,
        camera: bool = True,
    ) -> None:
        """Start it; without `camera` it gets ready, and opens the webcam when it is sent "open-camera".

        Raises:
            OSError: no process, memory or descriptors to be had; nothing is left behind.
        """
        self.generation = generation
        self.state, self.why, self.status = "starting", "", dict[str, Any]()
        self._selector, self._listener = selector, listener
        self.pictures_fd = create_shared_picture(f"lensd-pictures-{generation}", settings.width, settings.height)
        self._signal_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        ours, theirs = socket.socketpair()
        try:
            self._process = _spawn(self.pictures_fd, self._signal_fd, theirs.fileno())
            self._pid_fd = os.pidfd_open(self._process.pid)
        except OSError:
            ours.close()
            os.close(self.pictures_fd)
            os.close(self._signal_fd)
            raise
        finally:
            theirs.close()
        self.reader = SharedPictureReader(self.pictures_fd, marks=True)
        self._state_ns = self._picture_ns = self._event_ns = time.monotonic_ns()
        self._heard = False
        selector.register(self._signal_fd, selectors.EVENT_READ, self._signalled)
        selector.register(self._pid_fd, selectors.EVENT_READ, self._exited)
        self._connection = Connection(ours, selector, self._take)
        self._connection.send({"command": "configure", "settings": settings.as_dict(), "lens": lens, "camera": camera})

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """As subprocess has it; None while it runs."""
        return self._process.returncode

    @property
    def told(self) -> str:
        """What it has told of last that hangs in it; empty where nothing does."""
        return str(self.status.get("hangs") or "")[:200]

    def send(self, command: Message) -> None:
        """Send it a command."""
        self._connection.send(command)

    def hangs(self, now_ns: int) -> str:
        """Return why it must be taken for hanging; empty where it lives."""
        if not self._heard or self.state == "starting":
            return "did not start in time" if now_ns - self._state_ns > _START_LIMIT_NS else ""
        if self.state == "running":
            last_ns = max(self._picture_ns, self._state_ns)
            if now_ns - last_ns <= PICTURE_LIMIT_NS:
                return ""
            return f"delivers no pictures: {self.told}" if self.told else "delivers no pictures"
        return "does not answer" if now_ns - self._event_ns > _EVENT_LIMIT_NS else ""

    def stop(self) -> None:
        """Ask it to end."""
        self.send({"command": "stop"})

    def kill(self) -> None:
        """End it, also where it is stopped; `worker_ended` follows."""
        self._process.send_signal(signal.SIGKILL)

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, killing it when the time is up; for the keeper's own end."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()

    def close(self) -> None:
        """Give back the descriptors; the mapped pictures stay readable as long as `reader` lives."""
        self._connection.close()
        for descriptor in (self._signal_fd, self._pid_fd):
            self._selector.unregister(descriptor)
            os.close(descriptor)
        os.close(self.pictures_fd)

    def _signalled(self, _mask: int) -> None:
        os.eventfd_read(self._signal_fd)
        self._picture_ns = time.monotonic_ns()
        self._listener.worker_picture(self)

    def _exited(self, _mask: int) -> None:
        if self._process.poll() is not None:
            self._listener.worker_ended(self)

    def _take(self, event: Message) -> None:
        self._event_ns, self._heard = time.monotonic_ns(), True
        if event.get("event") != "alive":
            self._listener.worker_event(self, event)
            return
        status, state, why = event.get("status"), str(event.get("state", ""))[:40], str(event.get("why", ""))[:400]
        if isinstance(status, dict):
            self.status = status
        if (state, why) != (self.state, self.why):
            if state != self.state:
                self._state_ns = self._event_ns
            self.state, self.why = state, why
            self._listener.worker_event(self, event)


def _spawn(pictures_fd: int, signal_fd: int, control_fd: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "lensd.worker"]
    command += ["--pictures", str(pictures_fd), "--signal", str(signal_fd), "--control", str(control_fd)]
    # A process group of its own: Ctrl-C is for the keeper, which ends the worker in order.
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=(pictures_fd, signal_fd, control_fd),
        process_group=0,
        env=_MALLOC | os.environ,
    )
