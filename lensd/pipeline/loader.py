"""The thread that loads lenses beside the one that is on air, and closes those that are not any more."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.errors import LensdError, LensError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.ports import Closeable, FaceTracker, Lens

log = logging.getLogger(__name__)

_HANGS_S = 20.0  # CUDA and its libraries, from a cold disk, take a few; no plan is built here


@dataclass(frozen=True, slots=True)
class Loaded:
    """A lens that is ready to draw.

    Attributes:
        lens: warmed up: it has drawn its golden picture, if it has one.
        tracker: what finds the faces for it, the same for all lenses; None where it needs none.
        runtime: what its network runs in; None where it has none.
    """

    lens: Lens
    tracker: FaceTracker | None
    runtime: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """A lens to be loaded.

    Attributes:
        lens: its name.
        identity: of the command that asks for it; 0 where nobody waits for the answer, because no lens was on air when
            it was chosen; None where nobody asked: a start, or a try again.
    """

    lens: str
    identity: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order: a lens or an error."""

    order: Order
    loaded: Loaded | None = None
    error: LensdError | None = None


class LensLoader:
    """Carries out the newest order; older ones that were not yet carried out are refused.

    Its thread has the same priority as the one that draws. With a lower one it is kept from a busy machine's cores
    while it holds Python's lock, and the pictures wait for it: at nice 10 a switch lost 8 frames (longest gap 164 ms,
    ready after 2.0 s), at nice 0 none (52 ms, 0.25 s; medians of three runs, two cores wanted six times over).
    """

    def __init__(self, load: Callable[[str], Loaded], refused: Callable[[Order, LensdError], None]) -> None:
        """Start the thread.

        Args:
            load: from a lens's name to a lens; called by the loader's thread only. Raises LensdError.
            refused: told of orders that a newer one has replaced; called by any thread.
        """
        self._load, self._refused = load, refused
        self._changed = threading.Condition(threading.Lock())
        self._order: tuple[Order, float] | None = None
        self._loading: Order | None = None
        self._began_s = 0.0
        self._outcome: Outcome | None = None
        self._unused: deque[Closeable] = deque()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="lens-loader")
        self._thread.start()

    def want(self, order: Order) -> None:
        """Have a lens loaded in place of all that was wanted before."""
        with self._changed:
            before = self._order[0] if self._order else None
            outcome, self._outcome = self._outcome, None
            self._order = (order, 0.0)  # due at once
            self._changed.notify_all()
        if before is not None:
            self._refuse(before, order)
        if outcome is not None:
            self._drop(outcome, order)

    def try_again(self, lens: str, delay_s: float) -> None:
        """Have a lens loaded after `delay_s`, unless something else is wanted by then."""
        with self._changed:
            if self._order is None and self._loading is None:
                self._order = (Order(lens), time.monotonic() + delay_s)
                self._changed.notify_all()

    @property
    def awaited(self) -> str | None:
        """The lens that somebody has chosen and that is not on air yet; a try again does not count."""
        with self._changed:
            waiting = self._order[0] if self._order else None
            done = self._outcome.order if self._outcome else None
            orders = (waiting, self._loading, done)
        return next((order.lens for order in orders if order is not None and order.identity is not None), None)

    @property
    def busy(self) -> bool:
        """Whether something is being loaded, or soon will be."""
        return self._loading is not None or self._order is not None

    @property
    def hangs(self) -> str:
        """Which lens has been loading for far too long; empty where none has. Nothing but the process's end helps."""
        if (order := self._loading) is None or (spent_s := time.monotonic() - self._began_s) < _HANGS_S:
            return ""
        return f"lens {order.lens} was not loaded within {spent_s:.0f} s"

    def outcome(self) -> Outcome | None:
        """Return what has come of the newest order, once, for the render thread to carry out."""
        if self._outcome is None:  # asked for every frame, so without the lock
            return None
        with self._changed:
            outcome, self._outcome = self._outcome, None
        return outcome

    def dispose(self, unused: Closeable) -> None:
        """Have it closed by the loader's thread: that of an engine takes milliseconds."""
        with self._changed:
            self._unused.append(unused)
            self._changed.notify_all()

    def ask_to_end(self) -> None:
        """End after what is being loaded."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; tell whether it has ended. What was loaded and not taken is closed then."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (order := self._next()) is not None:
            outcome = self._carried_out(order)
            with self._changed:
                self._loading = None
                newer = self._order[0] if self._order else None
                if newer is None:
                    self._outcome = outcome
                    continue
            self._drop(outcome, newer)
        if (left := self.outcome()) is not None and left.loaded is not None:
            left.loaded.lens.close()
        self._close_unused()

    def _next(self) -> Order | None:
        """Return the next order when it is due; None at the end."""
        while True:
            self._close_unused()
            with self._changed:
                if self._ending:
                    return None
                wait_s = None if self._order is None else self._order[1] - time.monotonic()
                if self._order is not None and wait_s is not None and wait_s <= 0:
                    self._loading, self._order = self._order[0], None
                    self._began_s = time.monotonic()
                    return self._loading
                self._changed.wait(wait_s)

    def _carried_out(self, order: Order) -> Outcome:
        try:
            return Outcome(order, loaded=self._load(order.lens))
        except LensdError as error:
            log.warning("Lens %s cannot be used: %s", order.lens, error)
            return Outcome(order, error=error)

    def _close_unused(self) -> None:
        while self._unused:
            self._unused.popleft().close()

    def _drop(self, outcome: Outcome, newer: Order) -> None:
        if outcome.loaded is not None:
            self.dispose(outcome.loaded.lens)
        self._refuse(outcome.order, newer)

    def _refuse(self, order: Order, newer: Order) -> None:
        self._refused(order, LensError(f"lens {order.lens}", f"{newer.lens} was chosen meanwhile"))
