"""The process that is a camera of PipeWire's, where PipeWire runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.keeper.companion import Companion

if TYPE_CHECKING:
    import selectors

    from lensd.control.messages import Message
    from lensd.control.server import RequestHandler

log = logging.getLogger(__name__)

IMPOSSIBLE = 69  # EX_UNAVAILABLE: trying again would not help
_LOOK_S = 5.0  # for PipeWire's socket


def pipewire_socket() -> Path | None:
    """Return where PipeWire listens, by its own rules; None where no folder is known. There may be nothing."""
    folder = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR") or ""
    name = os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0"
    return Path(folder) / name if (folder or name).startswith("/") else None


class PipewireProcess(Companion):
    """Woken with each picture that is published, by an eventfd, while somebody looks by way of PipeWire.

    Attributes:
        state: "absent" (no PipeWire), "starting", "listed" (programs can pick the camera), "streaming" (one does),
            "impossible", or "off" (not asked for). why: in words.
    """

    def __init__(self, selector: selectors.BaseSelector, handler: RequestHandler, fps: float) -> None:
        """Begin without a process; `tick` starts it where PipeWire runs.

        Args:
            selector: the keeper's.
            handler: serves its requests; it has none.
            fps: told to PipeWire, pictures a second.
        """
        super().__init__("The camera in PipeWire", "lensd.pipewire", selector, handler)
        self._fps, self._look_s = fps, 0.0
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.state, self.why = "absent", "PipeWire does not run"

    def tick(self, now_s: float) -> None:
        """Start the process where it is due, and where PipeWire runs."""
        if self._process is not None or self.state == "impossible" or now_s < max(self._look_s, self._policy.due_s):
            return
        self._look_s = now_s + _LOOK_S
        path = pipewire_socket()
        if path is not None and path.exists():
            self.state, self.why = "starting", ""
            self._start(now_s, self._wake_fd)
            if self._connection is not None:
                self._connection.send({"event": "rate", "fps": self._fps})
        else:
            self.state, self.why = "absent", "PipeWire does not run"

    def published(self) -> None:
        """Tell it of a new picture."""
        if self.viewers:
            os.eventfd_write(self._wake_fd, 1)

    def as_status(self) -> Message:
        """Return what `lensd status` tells of it."""
        return {"state": self.state, "why": self.why}

    def close(self, timeout_s: float) -> None:
        """End it."""
        super().close(timeout_s)
        os.close(self._wake_fd)

    def _take(self, message: Message) -> None:
        if message.get("event") == "state":
            self.state, self.why = str(message.get("state", ""))[:40], str(message.get("why", ""))[:400]
            log.info("The camera in PipeWire: %s %s", self.state, self.why)
        else:
            super()._take(message)

    def _left(self, status: int) -> None:
        self._look_s = 0.0
        if status == IMPOSSIBLE:
            self.state = "impossible"
            log.warning("There is no camera in PipeWire: %s", self.why)
        else:
            self.state, self.why = "absent", self.why or "PipeWire let go of it"
            log.info("The camera in PipeWire ended (exit status %s): %s", status, self.why)
