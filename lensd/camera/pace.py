"""The clock of sources that have none of their own."""

from __future__ import annotations

import time

from lensd.errors import SourceTimeout


class Pace:
    """Tells which tick of a steady rate is due, and waits for the next one; late ones are left out, not caught up."""

    def __init__(self, fps: float) -> None:
        """Tick `fps` times a second, from the first `next` on."""
        self._fps = fps
        self._start_ns: int | None = None
        self._last = -1

    def next(self) -> tuple[int, int]:
        """Return number and time (ns, CLOCK_MONOTONIC) of the tick to wait for, or of the newest that is due."""
        now = time.monotonic_ns()
        if self._start_ns is None:
            self._start_ns = now
        tick = max(self._last + 1, int((now - self._start_ns) * self._fps / 1e9))
        return tick, self._start_ns + round(tick * 1e9 / self._fps)

    def wait(self, tick: int, at_ns: int, name: str, timeout_s: float) -> None:
        """Wait for what `next` gave; from then on it is past.

        Raises:
            SourceTimeout: it is further off than `timeout_s`; `name` says whose.
        """
        sleep_until(at_ns, name, timeout_s)
        self._last = tick


def sleep_until(at_ns: int, name: str, timeout_s: float) -> None:
    """Sleep until `at_ns` of CLOCK_MONOTONIC.

    Raises:
        SourceTimeout: that is further off than `timeout_s`, which has passed then.
    """
    wait_s = (at_ns - time.monotonic_ns()) / 1e9
    if wait_s > timeout_s:
        time.sleep(timeout_s)
        raise SourceTimeout(name, f"gave no picture for {timeout_s:g} s")
    if wait_s > 0:
        time.sleep(wait_s)
