"""A process that is a client like the command line, and is also told what is on air. Its death costs nothing."""

from __future__ import annotations

import logging
import os
import selectors
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from lensd.control.connection import Connection
from lensd.control.server import serve
from lensd.keeper.restart import RestartPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.control.messages import Message
    from lensd.control.server import RequestHandler

log = logging.getLogger(__name__)


class Companion:
    """Starts a module as a process, starts it again when it dies, and carries its messages.

    Attributes:
        viewers: how many look by way of it, as it tells. on_viewers: called when that changes.
    """

    def __init__(self, name: str, module: str, selector: selectors.BaseSelector, handler: RequestHandler) -> None:
        """Begin without a process; `tick` starts it.

        Args:
            name: for the log, such as "The preview page".
            module: run as `python -m MODULE --control FD`.
            selector: the keeper's.
            handler: serves its requests, as any client's.
        """
        self._name, self._module = name, module
        self._selector, self._handler = selector, handler
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._pid_fd = -1
        self._policy = RestartPolicy()
        self._on_air: tuple[int, int, int] | None = None
        self.viewers, self._ending = 0, False
        self.on_viewers: Callable[[], None] = lambda: None

    def tick(self, now_s: float) -> None:
        """Start the process where it is due."""
        if self._process is None and now_s >= self._policy.due_s:
            self._start(now_s)

    def show(self, descriptor: int, width: int, height: int) -> None:
        """Tell it what is on air; the descriptor stays the caller's."""
        if self._on_air is not None:
            os.close(self._on_air[0])
        self._on_air = (os.dup(descriptor), width, height)
        self._tell()

    def ask_to_end(self) -> None:
        """Tell it that the end has come; `close` waits for it."""
        self._ending = True
        if self._process is not None:
            self._process.terminate()

    @property
    def ended(self) -> bool:
        """There is no process."""
        return self._process is None

    def close(self, timeout_s: float) -> None:
        """End it."""
        if self._on_air is not None:
            os.close(self._on_air[0])
            self._on_air = None
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _start(self, now_s: float, *more: int) -> None:
        """Start it, with further descriptors after the socket's."""
        ours, theirs = socket.socketpair()
        descriptors = (theirs.fileno(), *more)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self._module, "--control", *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                pass_fds=descriptors,
                process_group=0,
            )
            self._pid_fd = os.pidfd_open(self._process.pid)
        except OSError as error:
            log.warning("%s could not be started: %s", self._name, error)
            ours.close()
            self._policy.failed(now_s)
            return
        finally:
            theirs.close()
        self._selector.register(self._pid_fd, selectors.EVENT_READ, self._exited)
        self._connection = Connection(ours, self._selector, self._take)
        self._tell()

    def _tell(self) -> None:
        if self._connection is not None and self._on_air is not None:
            descriptor, width, height = self._on_air
            self._connection.send({"event": "show", "width": width, "height": height}, (descriptor,))

    def _take(self, message: Message) -> None:
        if message.get("event") == "viewers":
            count = message.get("count")
            self.viewers = count if isinstance(count, int) else 0
            self.on_viewers()
        elif self._connection is not None:
            serve(message, self._connection.send, self._handler)

    def _exited(self, _mask: int) -> None:
        if self._process is None or self._process.poll() is None:
            return
        status = self._process.returncode
        self._forget()
        self._policy.failed(time.monotonic())
        if not self._ending:
            self._left(status)
            self.on_viewers()

    def _left(self, status: int) -> None:
        """It ended by itself."""
        log.warning("%s ended (exit status %s); it is started again", self._name, status)

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._selector.unregister(self._pid_fd)
        os.close(self._pid_fd)
        self._process = self._connection = None
        self.viewers = 0
