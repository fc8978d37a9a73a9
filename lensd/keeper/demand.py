"""The webcam is on only while somebody looks: who does, and what follows from it.

Four states: "off" (nobody has the camera open: no worker, closed webcam, one picture a second so that programs go on to
list the camera), "open" (somebody has it open: a card at the nominal rate), "on" (somebody looks), and "lingering"
(nobody does any more, for a moment: a program that opens it anew sees no card).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from lensd.keeper.lookouts import Lookouts
from lensd.virtualcam import writes_a_file

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable

    from lensd.control.messages import Message
    from lensd.keeper.live_settings import LiveSettings
    from lensd.keeper.publisher import Publisher
    from lensd.keeper.supervisor import Supervisor

log = logging.getLogger(__name__)

IDLE = "idle"
# A person who starts it by hand wants to see it, and follows the preview's address within that time.
_FIRST_NS = 15_000_000_000
# Whoever has the node open for that long without closing it is likely to stream: the worker gets ready, without camera.
_LIKELY_NS = 60_000_000
_READY_FOR_NS = 5_000_000_000


class Demand:
    """Lets the supervisor rest and wakes it. Times in ns of CLOCK_MONOTONIC."""

    def __init__(
        self,
        live: LiveSettings,
        publisher: Publisher,
        supervisor: Supervisor,
        selector: selectors.BaseSelector,
        *,
        by_hand: bool,
    ) -> None:
        """Begin as if somebody looked where a person started us, else with a closed webcam unless somebody does.

        Args:
            live: `always_on` and `linger_s` of these settings count, as they are at the moment, and the output.
            publisher: whose output is looked at; it is told its pace.
            supervisor: of the worker, which has not been started yet.
            selector: the keeper's.
            by_hand: a person started us, at a terminal.
        """
        self._publisher, self._supervisor = publisher, supervisor
        self._live, self._file = live, writes_a_file(live.current.output)
        self.viewers: Callable[[], int] = lambda: 0
        self.in_pipewire: Callable[[], int] = lambda: 0
        self._lookout = Lookouts(publisher, selector, self.check)
        now_ns = time.monotonic_ns()
        if publisher.inherited is not None:
            self._lookout.look_now()  # who watched the keeper before us shall see no card
        self._first = by_hand  # until there is something to look at, the time does not run
        self._until_ns = now_ns + _FIRST_NS if by_hand else now_ns
        self._ready_until_ns = 0  # until when the worker waits, without camera, for somebody who is likely to look
        self._ready_for = -1  # which opening of the node that was
        self.state, self._looked_at = "on", False
        self._supervisor.use_camera(on=True)
        self.check(now_ns)

    @property
    def due_ns(self) -> int:
        """When `check` has something to do, if nothing happens before."""
        due_ns = self._lookout.due_ns
        if self.state == "lingering":
            due_ns = min(due_ns, self._until_ns)
        if self._ready_until_ns:
            due_ns = min(due_ns, self._ready_until_ns)
        elif self.state == "open" and self._lookout.held and self._ready_for != self._lookout.openings:
            due_ns = min(due_ns, self._lookout.changed_ns + _LIKELY_NS)
        return due_ns

    @property
    def by_itself(self) -> bool:
        """The webcam is opened and closed as somebody looks, and is not always open."""
        return not self._always

    @property
    def _always(self) -> bool:
        return self._live.current.always_on or self._file

    @property
    def calm(self) -> bool:
        """There is nothing to do but to be there."""
        return self.state == "off"

    def check(self, now_ns: int) -> None:
        """Look who is there, and do what follows."""
        self._lookout.check(now_ns)
        looked_at = self._always or self._lookout.looked_at(now_ns) or self.viewers() + self.in_pipewire() > 0
        if looked_at or self._looked_at:  # and from this moment on, where that was the last one
            self._until_ns = max(self._until_ns, now_ns + int(self._live.current.linger_s * 1e9))
        self._looked_at = looked_at
        if self._first:
            self._first = not self._supervisor.settled
            self._until_ns = max(self._until_ns, now_ns + _FIRST_NS)
        if looked_at:
            state = "on"
        elif now_ns < self._until_ns:
            state = "lingering"
        else:
            state = "open" if self._lookout.opened else "off"
        if state != self.state:
            self._change(state, now_ns)
        if state == "open":
            self._prepare(now_ns)

    def as_status(self) -> Message:
        """Return what `lensd status` tells of it."""
        return {
            "state": self.state,
            "always_on": self._always,
            "streaming": self._lookout.streaming,
            "viewers": self.viewers(),
            "pipewire": self.in_pipewire(),
            "told_by": self._lookout.told_by,
        }

    def close(self) -> None:
        """End the watch."""
        self._lookout.close()

    def _change(self, state: str, now_ns: int) -> None:
        before, self.state = self.state, state
        log.info("Demand: %s", state)
        self._publisher.set_pace(now_ns, calm=state == "off")
        if state in {"on", "lingering"}:
            self._ready_until_ns, self._ready_for = 0, self._lookout.openings
            self._supervisor.use_camera(on=True)
            self._supervisor.wake(IDLE)
        elif before in {"on", "lingering"}:
            self._supervisor.use_camera(on=False)
            self._rest(now_ns)
        elif state == "off" and self._ready_until_ns:
            self._rest(now_ns)

    def _prepare(self, now_ns: int) -> None:
        """Start the worker for who is likely to look, and end it where he does not."""
        if self._ready_until_ns:
            if now_ns >= self._ready_until_ns:
                self._rest(now_ns)
        elif (
            self._ready_for != self._lookout.openings
            and self._lookout.held
            and now_ns >= self._lookout.changed_ns + _LIKELY_NS
        ):
            self._ready_for, self._ready_until_ns = self._lookout.openings, now_ns + _READY_FOR_NS
            self._supervisor.wake(IDLE)

    def _rest(self, now_ns: int) -> None:
        self._ready_until_ns = 0
        self._supervisor.rest(IDLE, IDLE, last=False)
        self._publisher.overwrite(now_ns)
