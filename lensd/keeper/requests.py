"""What clients may ask of the keeper."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from lensd import __version__
from lensd.errors import ControlError, ProtocolError
from lensd.keeper.demand import IDLE
from lensd.keeper.lens_choice import resolve
from lensd.settings_file import as_keys
from lensd.v4l2.holders import holders

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.control.messages import Message, Request
    from lensd.control.server import Answer
    from lensd.keeper.demand import Demand
    from lensd.keeper.lens_choice import LensChoice
    from lensd.keeper.live_settings import Changed, LiveSettings
    from lensd.keeper.output import Output
    from lensd.keeper.pause import Pause
    from lensd.keeper.publisher import Publisher
    from lensd.keeper.supervisor import Supervisor
    from lensd.v4l2.holders import Holder

_READERS_AGE_S = 2.0
_LOOKS_FOR_S = 1.5  # a recording asks ten times a second


class Requests:
    """Implements `RequestHandler`: status, switch, pause, resume, reload, adjust, picture, preview, stop."""

    def __init__(
        self,
        live: LiveSettings,
        choice: LensChoice,
        supervisor: Supervisor,
        publisher: Publisher,
        pause: Pause,
        demand: Demand,
        stop: Callable[[], None],
    ) -> None:
        """Keep what the answers are made of; the keeper sets `reload`, and with a page `ticket`."""
        self._live, self._choice, self._stop = live, choice, stop
        self._supervisor, self._publisher, self._pause = supervisor, publisher, pause
        self._demand = demand
        self._started_s = time.monotonic()
        self._looked_s = -_LOOKS_FOR_S  # when a snapshot or a recording last asked for the picture on air
        self._readers: list[Holder] | None = None
        self._readers_s = -_READERS_AGE_S
        self.ticket: Callable[[Answer], None] | None = None
        self.pipewire: Callable[[], Message] = lambda: {"state": "off", "why": ""}
        self.reload: Callable[[], Changed] = live.reload

    @property
    def onlookers(self) -> int:
        """How many look by snapshot or recording; any number counts as one."""
        return int(time.monotonic() - self._looked_s < _LOOKS_FOR_S)

    def __call__(self, request: Request, answer: Answer) -> None:
        """Answer one request.

        Raises:
            ProtocolError: an unknown method, or parameters that it does not take.
            LensError: no such lens. ConfigError: broken settings. ControlError: there is no page.
        """
        methods: dict[str, Callable[[Message, Answer], None]] = {
            "status": lambda _params, answer: answer(self._status()),
            "switch": self._switch,
            "pause": self._begin_pause,
            "resume": self._end_pause,
            "reload": self._reload,
            "adjust": self._adjust,
            "picture": self._show,
            "preview": self._preview,
            "stop": self._end,
        }
        if (method := methods.get(request.method)) is None:
            raise ProtocolError(f"method {request.method[:40]!r}", f"unknown; there are {', '.join(methods)}")
        method(request.params, answer)

    def _switch(self, params: Message, answer: Answer) -> None:
        name = params.get("lens")
        if not isinstance(name, str):
            raise ProtocolError("switch", "needs the name of a lens", "lensd switch NAME")
        self._supervisor.switch(resolve(name, self._choice.name), answer)

    def _begin_pause(self, params: Message, answer: Answer) -> None:
        self._pause.begin(blank=params.get("blank") is True)
        answer({"paused": self._pause.shows})

    def _end_pause(self, _params: Message, answer: Answer) -> None:
        was = self._pause.shows
        self._pause.end()
        answer({"was": was})

    def _reload(self, _params: Message, answer: Answer) -> None:
        changed = self.reload()
        answer({"changed": sorted(as_keys(dict.fromkeys(changed.now))), **self._live.as_status()})

    def _adjust(self, _params: Message, answer: Answer) -> None:
        """Have the worker look again at what is kept for its camera."""
        worker = self._supervisor.worker
        if worker is not None:
            worker.send({"command": "adjust"})
        answer({"camera": worker.status.get("camera") if worker is not None else None})

    def _preview(self, _params: Message, answer: Answer) -> None:
        if self.ticket is None:
            raise ControlError("the preview page", "was switched off", "start lensd run without --no-preview")
        self.ticket(answer)

    def _end(self, _params: Message, answer: Answer) -> None:
        answer({"pid": os.getpid()})
        self._stop()

    def _show(self, params: Message, answer: Answer) -> None:
        """Hand over the shared picture on air, for reading only, unless it is the one that is known."""
        known = params.get("known")
        self._looked_s = time.monotonic()
        self._demand.check(time.monotonic_ns())
        number, on_air = self._supervisor.on_air_number, self._supervisor.on_air_fd
        settled = self._supervisor.settled and self._supervisor.on_air != IDLE
        if known == number:
            answer({"number": number, "settled": settled})
            return
        try:
            descriptor = os.open(f"/proc/self/fd/{on_air}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ControlError("the picture on air", error.strerror or str(error)) from None
        try:
            answer({"number": number, "settled": settled}, (descriptor,))
        finally:
            os.close(descriptor)

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
            "outputs": [_told(output) for output in publisher.outputs],
            "format": str(self._live.current.format),
            "runtime": told.get("runtime"),
            "on_air": supervisor.on_air,
            "paused": self._pause.shows,
            "pipewire": self.pipewire(),
            "settings": self._live.as_status(),
            **publisher.figures(time.monotonic_ns()),
            "readers": None if self._readers is None else len(self._readers),
            "viewers": self._demand.viewers(),
            "demand": self._demand.as_status() | {"readers": [str(each) for each in self._readers or ()]},
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
        nodes = self._publisher.nodes
        if not nodes:
            self._readers = None
        elif time.monotonic() - self._readers_s >= _READERS_AGE_S:
            self._readers_s = time.monotonic()

            def look() -> None:
                self._readers = list(dict.fromkeys(each for node in nodes for each in holders(node)))

            threading.Thread(target=look, name="readers", daemon=True).start()


def _told(output: Output) -> Message:
    problem = None if output.problem is None else output.problem.as_dict()
    return {"label": output.label, "name": output.sink.name if output.attached else None, "problem": problem}
