"""When the machine under the guest was without a processor: whatever ran then stood still, and nobody can help it.

On a rented machine the hypervisor takes processors away, mostly from who wants all of them. The kernel counts that as
`steal` (proc(5), /proc/stat), in hundredths of a second.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Self

_STAT = Path("/proc/stat")
_EVERY_S = 1.0
_WORTH_MS = 100  # in a second, of all processors together


class Stolen:
    """Notes each second in which much was taken; a context."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stolen", daemon=True)
        self.seconds: list[str] = []

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        before = stolen_ms()
        while not self._ended.wait(_EVERY_S):
            now = stolen_ms()
            if now - before >= _WORTH_MS:
                self.seconds.append(f"{now - before:.0f} ms until {time.strftime('%H:%M:%S', time.gmtime())}")
            before = now


def stolen_ms() -> float:
    """Return what was taken from all processors since the start, ms; 0 where nobody counts it."""
    try:
        fields = _STAT.read_text().split("\n", 1)[0].split()
        return float(fields[8]) * 1000 / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return 0.0
