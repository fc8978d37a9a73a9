"""The preview page's process: a client that is also told what is on air. Its death costs nothing."""

from __future__ import annotations

import itertools
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
from lensd.errors import ControlError
from lensd.keeper.restart import RestartPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.control.messages import Message
    from lensd.control.server import Answer, RequestHandler

log = logging.getLogger(__name__)


class PageProcess:
    """Starts the page, starts it again when it dies, and carries its messages."""

    def __init__(
        self, selector: selectors.BaseSelector, handler: RequestHandler, on_ready: Callable[[str], None]
    ) -> None:
        """Begin without a process; `tick` starts it.

        Args:
            selector: the keeper's.
            handler: serves the page's requests, as any client's.
            on_ready: told the address of each page that has begun to listen, token included.
        """
        self._selector, self._handler, self._on_ready = selector, handler, on_ready
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._pid_fd = -1
        self._policy = RestartPolicy()
        self._tickets: dict[int, Answer] = {}
        self._ticket_ids = itertools.count(1)
        self._on_air: tuple[int, int, int] | None = None
        self.viewers, self._ending = 0, False
        self.on_viewers: Callable[[], None] = lambda: None

    def tick(self, now_s: float) -> None:
        """Start the page where it is due."""
        if self._process is None and now_s >= self._policy.due_s:
            self._start(now_s)

    def show(self, descriptor: int, width: int, height: int) -> None:
        """Tell the page what is on air; the descriptor stays the caller's."""
        if self._on_air is not None:
            os.close(self._on_air[0])
        self._on_air = (os.dup(descriptor), width, height)
        self._tell()

    def ticket(self, answer: Answer) -> None:
        """Have the page make a fresh address, and answer with it.

        Raises:
            ControlError: there is no page now.
        """
        if self._connection is None:
            raise ControlError("the preview page", "is not running now", "try again in a moment: lensd preview")
        identity = next(self._ticket_ids)
        self._tickets[identity] = answer
        self._connection.send({"event": "ticket", "id": identity})

    def ask_to_end(self) -> None:
        """Tell the page that the end has come; `close` waits for it."""
        self._ending = True
        if self._process is not None:
            self._process.terminate()

    @property
    def ended(self) -> bool:
        """There is no process."""
        return self._process is None

    def close(self, timeout_s: float) -> None:
        """End the page."""
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

    def _start(self, now_s: float) -> None:
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lensd.page", "--control", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,
            )
            self._pid_fd = os.pidfd_open(self._process.pid)
        except OSError as error:
            log.warning("The preview page could not be started: %s", error)
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
        connection, event = self._connection, message.get("event")
        if event == "ready":
            self._on_ready(str(message.get("url", ""))[:200])
        elif event == "ticket":
            identity = message.get("id")
            answer = self._tickets.pop(identity, None) if isinstance(identity, int) else None
            if answer is not None:
                answer({"url": str(message.get("url", ""))[:200]})
        elif event == "viewers":
            count = message.get("count")
            self.viewers = count if isinstance(count, int) else 0
            self.on_viewers()
        elif connection is not None:
            serve(message, connection.send, self._handler)

    def _exited(self, _mask: int) -> None:
        if self._process is None or self._process.poll() is None:
            return
        if not self._ending:
            log.warning("The preview page ended (exit status %s); it is started again", self._process.returncode)
        self._forget()
        self._policy.failed(time.monotonic())

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._selector.unregister(self._pid_fd)
        os.close(self._pid_fd)
        self._process = self._connection = None
        self.viewers = 0
        gone = ControlError("the preview page", "ended before it answered", "try again: lensd preview")
        for answer in self._tickets.values():
            answer(gone)
        self._tickets.clear()
