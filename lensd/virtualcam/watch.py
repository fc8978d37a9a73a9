"""Who comes to look at our node, without asking again and again: the driver's own count of readers, and inotify.

v4l2loopback tells since 0.13 how many readers stream (`V4L2_EVENT_PRI_CLIENT_USAGE`); 0.12 does not. The kernel tells
in all versions who opens, reads and closes the node, which mere probes do too.
"""

from __future__ import annotations

import contextlib
import logging
import select
from typing import TYPE_CHECKING

from lensd.v4l2 import device, uapi
from lensd.virtualcam.inotify import Change, Inotify

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_WANTED = Change.READ | Change.OPENED | Change.CLOSED
# A reader that read()s is no stream to 0.13 and maps nothing. At one picture a second it reads once a second.
_READS_FOR_NS = 2_500_000_000


class NodeWatch:
    """Lives as long as the writer whose descriptor it is given. Times in ns of CLOCK_MONOTONIC.

    Attributes:
        streaming: how many readers stream, by the driver's count; None where it does not count.
        changes: how many times the node was opened or closed, as far as told: equal means that nothing happened.
        changed_ns: when that was last.
        tells_opens: inotify works here.
    """

    def __init__(self, node: Path, writer: int, now_ns: int) -> None:
        """Begin to watch `node`, which is written to through the descriptor `writer`."""
        self.node, self._writer = node, writer
        self.streaming: int | None = None
        self.changes, self.changed_ns, self._read_ns = 0, now_ns, now_ns - _READS_FOR_NS
        self._poll = select.epoll()  # one descriptor for both; and a selector knows no POLLPRI
        self._inotify: Inotify | None = None
        try:
            self._inotify = Inotify(node, _WANTED)
            self._poll.register(self._inotify, select.EPOLLIN)
        except OSError as error:
            log.warning("It is not told who opens %s: %s", node, error)
        if self._subscribe():
            self.streaming = 0
            self._take_events()
            # Registered anew where an event came between: a driver with one waiting at that moment would never wake us.
            self._poll.register(writer, select.EPOLLPRI)
            while any(descriptor == writer for descriptor, _ in self._poll.poll(0)):
                self._poll.unregister(writer)
                self._take_events()
                self._poll.register(writer, select.EPOLLPRI)

    @property
    def tells_opens(self) -> bool:
        """It is told at once who opens the node."""
        return self._inotify is not None

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news, for select."""
        return self._poll.fileno()

    def take(self, now_ns: int) -> bool:
        """Take the news; say whether the node was opened since the last time, were it for a moment."""
        if self.streaming is not None:
            self._take_events()
        opened = False
        for change in self._inotify.take() if self._inotify is not None else ():
            if change & (Change.OPENED | Change.CLOSED | Change.LOST):
                self.changes, self.changed_ns = self.changes + 1, now_ns
                opened = opened or not change & Change.CLOSED
            if change & Change.READ:
                self._read_ns = now_ns
        return opened

    def is_read(self, now_ns: int) -> bool:
        """Tell whether somebody uses read()."""
        return now_ns - self._read_ns < _READS_FOR_NS

    def close(self) -> None:
        """End; the writer's descriptor is not touched."""
        self._poll.close()
        if self._inotify is not None:
            self._inotify.close()

    def _subscribe(self) -> bool:
        for event in uapi.CLIENT_USAGE:
            # A descriptor that was handed on is subscribed already, and would not be told the count as it is.
            with contextlib.suppress(OSError):
                device.unsubscribe_event(self._writer, event)
            with contextlib.suppress(OSError):
                device.subscribe_event(self._writer, event, send_initial=True)
                return True
        return False

    def _take_events(self) -> None:
        with contextlib.suppress(OSError):  # ENOENT: that was the last
            while True:
                event = device.dequeue_event(self._writer)
                if event.type in uapi.CLIENT_USAGE:
                    self.streaming = int.from_bytes(event.payload[:4], "little")
