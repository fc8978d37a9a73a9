"""When the machine slept: CLOCK_BOOTTIME goes on, CLOCK_MONOTONIC stands."""

from __future__ import annotations

import time

_LEAST_S = 0.5


class SleepWatch:
    """Tells of each sleep once."""

    def __init__(self) -> None:
        """Watch from now on."""
        self._apart_s = _apart_s()

    def slept_s(self) -> float:
        """Return for how long the machine has slept since this was last asked; 0 where it has not. 0.5 us."""
        apart_s = _apart_s()
        slept_s, self._apart_s = apart_s - self._apart_s, apart_s
        return slept_s if slept_s > _LEAST_S else 0.0


def _apart_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
