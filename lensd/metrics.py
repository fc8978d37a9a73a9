"""How long each stage takes, how many pictures a second, how old they are: cheap enough to be always on.

Everything is a ring of fixed size, so nothing grows or is allocated while frames pass; the arithmetic is done by
whoever asks. One thread writes, any thread may read: a reader may see the newest sample half a ring early or late,
never anything that was not measured.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SAMPLES = 256  # eight seconds at 30 pictures a second


class Ring:
    """The newest 256 durations, as nanoseconds."""

    __slots__ = ("_at", "_count", "_samples")

    def __init__(self, samples: int = _SAMPLES) -> None:
        self._samples = np.zeros(samples, np.int64)
        self._at = self._count = 0

    def add(self, duration_ns: int) -> None:
        """Keep one more, in place of the oldest. 0.1 us."""
        at = self._at
        self._samples[at] = duration_ns
        self._at = at + 1 if at + 1 < len(self._samples) else 0
        self._count += 1

    def __len__(self) -> int:
        """Return how many there were, the forgotten ones too."""
        return self._count

    def percentiles_ms(self) -> dict[str, float]:
        """Return p50, p95 and p99 in milliseconds; empty while there is nothing."""
        kept = self._samples[: min(self._count, len(self._samples))]
        if not len(kept):
            return {}
        p50, p95, p99 = np.percentile(kept, (50, 95, 99)) / 1e6
        return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "p99": round(float(p99), 2)}


class Metrics:
    """The stages of one loop, its rate and the age of what it gives away.

    >>> metrics = Metrics(["decode", "blend"])
    >>> mark = metrics.begin()
    >>> mark = metrics.lap("decode", mark)   # the time since the mark goes to "decode"; a new mark comes back
    """

    def __init__(self, stages: Iterable[str], clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Measure `stages` by `clock_ns`; `time.thread_time_ns` leaves out what other programs take of the machine."""
        self._clock_ns = clock_ns
        self.stages = {stage: Ring() for stage in stages}
        self.latency = Ring()
        self._published_ns = np.zeros(_SAMPLES, np.int64)
        self._count = 0

    def begin(self) -> int:
        """Return a mark: now, in nanoseconds of the stages' clock."""
        return self._clock_ns()

    def lap(self, stage: str, mark_ns: int) -> int:
        """Charge the time since `mark_ns` to `stage` and return the next mark.

        Raises:
            KeyError: no such stage was named at the beginning.
        """
        now = self._clock_ns()
        self.stages[stage].add(now - mark_ns)
        return now

    def published(self, captured_ns: int) -> None:
        """Note that the picture of the frame captured at `captured_ns` has just been given away."""
        now = time.monotonic_ns()
        self.latency.add(now - captured_ns)
        self._published_ns[self._count % _SAMPLES] = now
        self._count += 1

    @property
    def count(self) -> int:
        """How many pictures were given away."""
        return self._count

    def fps(self, now_ns: int | None = None, window_s: float = 2.0) -> float:
        """Return pictures a second over the last `window_s`, 0 when there were fewer than two."""
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        times = self._published_ns[: min(self._count, _SAMPLES)]
        recent = times[times > now_ns - window_s * 1e9]
        if len(recent) < 2:
            return 0.0
        # While pictures come, the span of n of them holds n - 1 periods. Once they stop, the time since the first
        # one grows past n periods, and the rate falls instead of staying at 30.
        first, n = int(recent.min()), len(recent)
        span_ns = max(int(recent.max()) - first, (now_ns - first) * (n - 1) // n)
        return round((n - 1) / (span_ns / 1e9), 2)

    def as_dict(self) -> dict[str, object]:
        """Return `fps`, `latency_ms` and `stages_ms` for the status; JSON can carry it."""
        stages = {stage: ring.percentiles_ms() for stage, ring in self.stages.items() if len(ring)}
        return {"fps": self.fps(), "latency_ms": self.latency.percentiles_ms(), "stages_ms": stages}
