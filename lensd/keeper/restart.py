"""When a process that died may be started again."""

from __future__ import annotations

from collections import deque

_DELAYS_S = (0.0, 0.5, 1.0, 2.0)  # after the 1st, 2nd, 3rd, 4th failure within a minute
MAX_FAILURES = 5
WINDOW_S = 60.0
RETRY_S = 30.0


class RestartPolicy:
    """Back-off, then patience: after five failures in a minute, or five in vain, one try every 30 s.

    All times in seconds of one monotonic clock, given by the caller.
    """

    def __init__(self) -> None:
        """Begin with no failures, due at once."""
        self._failures: deque[float] = deque(maxlen=MAX_FAILURES)
        self._in_vain = 0
        self.due_s = 0.0
        self.restarts = 0

    @property
    def given_up(self) -> bool:
        """There were five failures in a minute, or, however slow, five in a row of processes that got nowhere."""
        in_a_minute = len(self._failures) == MAX_FAILURES and self._failures[-1] - self._failures[0] <= WINDOW_S
        return in_a_minute or self._in_vain >= MAX_FAILURES

    def recent(self, now_s: float) -> int:
        """Return how many failures there were in the last minute, five at most."""
        return sum(now_s - failure_s <= WINDOW_S for failure_s in self._failures)

    def failed(self, now_s: float, *, in_vain: bool = False) -> None:
        """Take note of a death, and set when the next start is due; `in_vain` of one that had got nowhere."""
        self._in_vain = self._in_vain + 1 if in_vain else 0
        while self._failures and now_s - self._failures[0] > WINDOW_S:
            self._failures.popleft()
        self._failures.append(now_s)
        self.restarts += 1
        self.due_s = now_s + (RETRY_S if self.given_up else _DELAYS_S[min(len(self._failures), len(_DELAYS_S)) - 1])

    def forgive(self) -> None:
        """Forget the failures: a person asked for another try, now."""
        self._failures.clear()
        self._in_vain = 0
        self.due_s = 0.0
