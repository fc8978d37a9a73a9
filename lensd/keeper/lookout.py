"""Who has our node open and who looks, as the keeper's loop learns it: mostly told, else asked, never waited for."""

from __future__ import annotations

import os
import selectors
import threading
import time
from typing import TYPE_CHECKING

from lensd.virtualcam.lookers import Look, count_open_files, look, loopback_devices
from lensd.virtualcam.watch import NodeWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.keeper.output import Output

NEVER_NS = 1 << 62
_SETTLE_NS = 50_000_000  # after the node was opened or closed, before it is asked who has it: probes take 5 to 20 ms
_BETWEEN_LOOKS_NS = 200_000_000  # through all processes
# Where only asking tells whether an opener streams, so often for the first seconds, then less.
_AGAIN_NS, _SOON_NS, _LATER_NS = 100_000_000, 3_000_000_000, 1_000_000_000


class Lookout:
    """Follows one output from device to device. Times in ns of CLOCK_MONOTONIC.

    Attributes:
        opened: somebody has the node open, or had a moment ago.
        held: and that was asked for, not only told of.
        openings: how many times it was begun to be opened.
        due_ns: when `check` has something to do, if nothing happens before.
    """

    def __init__(self, output: Output, selector: selectors.BaseSelector, happened: Callable[[int], None]) -> None:
        """Watch the output, as it is and as it changes; `happened` is called with the time of any news."""
        self._selector, self._happened = selector, happened
        self.opened, self.held, self.openings, self.due_ns = False, False, 0, NEVER_NS
        self._watch: NodeWatch | None = None
        self._elsewhere: int | None = None  # how many unseen openers the driver's other devices have
        self._look_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._selector.register(self._look_fd, selectors.EVENT_READ, self._seen)
        self._seeing: threading.Thread | None = None
        self._results: list[tuple[NodeWatch, int, Look]] = []
        output.follow(self._follow)

    @property
    def changed_ns(self) -> int:
        """When the node was last opened or closed."""
        return self._watch.changed_ns if self._watch is not None else 0

    @property
    def streaming(self) -> int | None:
        """How many readers stream, as far as is known; None where there is no device."""
        if self._watch is None:
            return None
        counted = self._watch.streaming
        return counted if counted is not None else len(self._look.streaming) + self._unseen

    @property
    def told_by(self) -> str:
        """What this is known from."""
        if self._watch is None:
            return "no device"
        if self._watch.streaming is not None:
            return "driver"
        return "inotify" if self._watch.tells_opens else "proc"

    def looked_at(self, now_ns: int) -> bool:
        """Tell whether somebody streams or reads."""
        return self._watch is not None and bool(self.streaming or (self.opened and self._watch.is_read(now_ns)))

    def check(self, now_ns: int) -> None:
        """Take what was told, and ask where that is due."""
        watch = self._watch
        if watch is None:
            return
        self._take(watch, now_ns)
        if now_ns >= self.due_ns:
            self._ask(watch, now_ns)

    def look_now(self) -> None:
        """Look who is there, and wait for that where the driver does not count: 10 ms on a desktop, once at a start."""
        if self._watch is not None and self._watch.streaming is None:
            self._know(self._watch, self._watch.changes, look(self._watch.node), time.monotonic_ns())

    def close(self) -> None:
        """End; a look that is under way is waited for."""
        self._leave()
        if self._seeing is not None:
            self._seeing.join()
        self._selector.unregister(self._look_fd)
        os.close(self._look_fd)

    def _follow(self, node_and_writer: tuple[Path, int] | None) -> None:
        """Watch another output, or none."""
        self._leave()
        if node_and_writer is None:
            return
        now_ns = time.monotonic_ns()
        self._watch = NodeWatch(*node_and_writer, now_ns)
        self._selector.register(self._watch, selectors.EVENT_READ, self._told)
        self._alone = len(loopback_devices()) == 1
        self._elsewhere = 0 if self._alone else None
        self.opened, self.openings, self._since_ns, self.due_ns = True, 1, now_ns, now_ns  # somebody may be there

    def _leave(self) -> None:
        if self._watch is not None:
            self._selector.unregister(self._watch)
            self._watch.close()
        self._watch = None
        self.opened = self.held = self._alone = False
        self.openings, self.due_ns, self._since_ns = 0, NEVER_NS, 0
        self._look, self._unseen = Look(), False
        self._known_changes, self._looked_ns = -1, -_BETWEEN_LOOKS_NS
        self._files: int | None = None

    def _take(self, watch: NodeWatch, now_ns: int) -> None:
        before = watch.changes
        if watch.take(now_ns):
            self.openings += 1
            self.opened, self._since_ns = True, now_ns
        if watch.changes != before:
            self.held = False
            self.due_ns = min(self.due_ns, now_ns + _SETTLE_NS)

    def _told(self, _mask: int) -> None:
        self._happened(time.monotonic_ns())

    def _ask(self, watch: NodeWatch, now_ns: int) -> None:
        """Read how many open files the driver has, and look who has them only where that does not say it all."""
        before, self._files = self._files, count_open_files()
        touched, by_looking = watch.changes != self._known_changes, watch.streaming is None
        self.due_ns = now_ns + _LATER_NS
        if self._files is not None and self._files <= 1:  # ours
            self._know(watch, watch.changes, Look(), now_ns)
        elif self._alone and not by_looking and self._files is not None:
            self._known_changes, self.opened, self.held = watch.changes, True, True
        elif touched or self._files != before or (by_looking and self.opened) or not watch.tells_opens:
            whole = touched or self._files != before or not self._look.holders
            if self._seeing is not None or (whole and now_ns < self._looked_ns + _BETWEEN_LOOKS_NS):
                self.due_ns = now_ns + _AGAIN_NS
            else:
                self._looked_ns = now_ns if whole else self._looked_ns
                self._start_looking(watch, None if whole else tuple(holder.pid for holder in self._look.holders))

    def _start_looking(self, watch: NodeWatch, pids: tuple[int, ...] | None) -> None:
        """Look through /proc in a thread: 10 ms on a desktop, 100 ms where system calls are slow."""
        changes = watch.changes

        def see() -> None:
            self._results.append((watch, changes, look(watch.node, pids)))
            os.eventfd_write(self._look_fd, 1)

        thread = threading.Thread(target=see, name="lookout", daemon=True)
        thread.start()
        self._seeing = thread

    def _seen(self, _mask: int) -> None:
        os.eventfd_read(self._look_fd)
        self._seeing, now_ns = None, time.monotonic_ns()
        for watch, changes, found in self._results:
            if watch is self._watch:
                self._take(watch, now_ns)  # what happened until now, so that it is known whether the look is still true
                self._know(watch, changes, found, now_ns)
        self._results.clear()
        self._happened(now_ns)

    def _know(self, watch: NodeWatch, changes: int, found: Look, now_ns: int) -> None:
        """Take in who has the node open; `changes` was the watch's when that was looked for."""
        self._look, self._known_changes = found, changes
        if watch.changes != changes:
            self.due_ns = now_ns + _SETTLE_NS  # and nobody is taken for unseen who may just have come or gone
            return
        if found.unseen is not None:
            self._elsewhere = found.unseen if self._elsewhere is None else self._elsewhere
            self._unseen = found.unseen > self._elsewhere
        self.opened = self.held = bool(found.holders) or self._unseen
        if self.opened and watch.streaming is None:
            waits = not found.streaming and now_ns < self._since_ns + _SOON_NS
            self.due_ns = now_ns + (_AGAIN_NS if waits else _LATER_NS)
