"""What clients may ask of the keeper."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from lensd import __version__
from lensd.errors import ControlError, ProtocolError
from lensd.keeper.lens_choice import resolve
from lensd.settings_file import as_keys
from lensd.v4l2.holders import count_readers

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.control.messages import Message, Request
    from lensd.control.server import Answer
    from lensd.keeper.lens_choice import LensChoice
    from lensd.keeper.live_settings import Changed, LiveSettings
    from lensd.keeper.pause import Pause
    from lensd.keeper.publisher import Publisher
    from lensd.keeper.supervisor import Supervisor

_READERS_AGE_S = 2.0


class Requests:
    """Implements `RequestHandler`: status, switch, pause, resume, reload, preview, stop."""

    def __init__(
        self,
        live: LiveSettings,
        choice: LensChoice,
        supervisor: Supervisor,
        publisher: Publisher,
        pause: Pause,
        stop: Callable[[], None],
    ) -> None:
        """Keep what the answers are made of; the keeper sets `reload`, and with a page `ticket` and `viewers`."""
        self._live, self._choice, self._stop = live, choice, stop
        self._supervisor, self._publisher, self._pause = supervisor, publisher, pause
        self._started_s = time.monotonic()
        self._readers: int | None = None
        self._readers_s = -_READERS_AGE_S
        self.ticket: Callable[[Answer], None] | None = None
        self.reload: Callable[[], Changed] = live.reload
        self.viewers: Callable[[], int] = lambda: 0

    def __call__(self, request: Request, answer: Answer) -> None:
        """Answer one request.

        Raises:
            ProtocolError: an unknown method, or parameters that it does not take.
            LensError: no such lens. ConfigError: broken settings. ControlError: there is no page.
        """
        if request.method == "status":
            answer(self._status())
        elif request.method == "switch":
            name = request.params.get("lens")
            if not isinstance(name, str):
                raise ProtocolError("switch", "needs the name of a lens", "lensd switch NAME")
            self._supervisor.switch(resolve(name, self._choice.name), answer)
        elif request.method == "pause":
            self._pause.begin(blank=request.params.get("blank") is True)
            answer({"paused": self._pause.shows})
        elif request.method == "resume":
            was = self._pause.shows
            self._pause.end()
            answer({"was": was})
        elif request.method == "reload":
            changed = self.reload()
            answer({"changed": sorted(as_keys(dict.fromkeys(changed.now))), **self._live.as_status()})
        elif request.method == "preview":
            if self.ticket is None:
                raise ControlError("the preview page", "was switched off", "start lensd run without --no-preview")
            self.ticket(answer)
        elif request.method == "stop":
            answer({"pid": os.getpid()})
            self._stop()
        else:
            known = "status, switch, pause, resume, reload, preview, stop"
            raise ProtocolError(f"method {request.method[:40]!r}", f"unknown; there are {known}")

    def _status(self) -> Message:
        supervisor, publisher, worker = self._supervisor, self._publisher, self._supervisor.worker
        self._count_readers()
        told = worker.status if worker is not None else {}
        problem = publisher.output_problem
        return {
            "version": __version__,
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._started_s, 1),
            "lens": self._choice.name,
            "camera": told.get("camera"),
            "output": publisher.output_name if publisher.attached else "none",
            "output_problem": problem.as_dict() if problem is not None else None,
            "format": str(self._live.current.format),
            "runtime": told.get("runtime"),
            "on_air": supervisor.on_air,
            "paused": self._pause.shows,
            "settings": self._live.as_status(),
            **publisher.figures(time.monotonic_ns()),
            "readers": self._readers,
            "viewers": self.viewers(),
            "worker": {
                "pid": worker.pid if worker is not None else None,
                "state": worker.state if worker is not None else supervisor.resting or "stopped",
                "why": worker.why if worker is not None else "" if supervisor.resting else supervisor.last_failure,
                "generation": worker.generation if worker is not None else None,
                "restarts": supervisor.policy.restarts,
                **told,
            },
        }

    def _count_readers(self) -> None:
        """Look through /proc in a thread: 10 ms on a desktop, 100 ms where system calls are slow."""
        node = self._publisher.node
        if node is None:
            self._readers = None
        elif time.monotonic() - self._readers_s >= _READERS_AGE_S:
            self._readers_s = time.monotonic()

            def look() -> None:
                self._readers = count_readers(node)

            threading.Thread(target=look, name="readers", daemon=True).start()
