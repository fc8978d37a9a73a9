"""Keeps a worker alive, and decides what is on air: its pictures, or the card that says why not."""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lensd.errors import LensdError, LensError
from lensd.keeper.cards import CARDS, HELD
from lensd.keeper.restart import MAX_FAILURES, RETRY_S, RestartPolicy
from lensd.keeper.worker_process import WorkerProcess

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable

    from lensd.config import Settings
    from lensd.control.messages import Message
    from lensd.control.server import Answer
    from lensd.keeper.cards import CardBook
    from lensd.keeper.lens_choice import LensChoice
    from lensd.keeper.publisher import Publisher
    from lensd.shared_picture import SharedPictureReader

log = logging.getLogger(__name__)

# A worker that died is back in 1 to 2 s: hold the last picture for the first of them, then say so.
_HOLD_NS = 1_000_000_000
_HOLD_OVER_START_NS = 4_000_000_000  # after a restart of the keeper the first picture takes 1 to 3 s
_PLAIN_RUNTIME: Final = "onnxruntime"
_PLAIN_AFTER = 2  # deaths within a minute
_LEAVE_NS = 800_000_000  # what a worker gets to end by itself when there is to be none


class Supervisor:
    """Owns the worker; implements `WorkerListener`. Times in ns of CLOCK_MONOTONIC."""

    def __init__(
        self,
        settings: Settings,
        choice: LensChoice,
        cards: CardBook,
        publisher: Publisher,
        selector: selectors.BaseSelector,
        announce: Callable[[str], None],
    ) -> None:
        """Show the first card; `tick` starts the worker."""
        self._settings, self._choice, self._cards = settings, choice, cards
        self._publisher, self._selector, self._announce = publisher, selector, announce
        self._on_air_listener: Callable[[int, int, int], None] = lambda _descriptor, _width, _height: None
        self.on_air, self.on_air_fd, self.on_air_number = "", -1, 0
        self.worker: WorkerProcess | None = None
        self._shown: WorkerProcess | None = None  # whose pictures are on air; it may have ended
        self._last_good: WorkerProcess | None = None  # whose were last
        self._held_until_ns: int | None = None  # when its last picture makes way for a card
        self._with_camera = True
        self._rests: dict[str, str] = {}  # why there is to be no worker, and the card of each; the last one shows
        self._leaving: WorkerProcess | None = None  # asked to end, and still holds the webcam
        self._leave_by_ns = 0
        self.policy = RestartPolicy()
        self.last_failure = ""
        self._generations, self._switch_ids = itertools.count(1), itertools.count(1)
        self._switches: dict[int, tuple[Answer, str]] = {}
        self._announced: set[str] = set()
        if publisher.inherited is None:
            self._show_card("starting")
        else:
            cards.hold(publisher.inherited)
            self._show_card(HELD)
            self._held_until_ns = time.monotonic_ns() + _HOLD_OVER_START_NS

    def tick(self, now_ns: int) -> None:
        """Start what is due, end what hangs, replace a picture that is held too long."""
        if self._leaving is not None:
            if now_ns >= self._leave_by_ns:
                self._leaving.kill()
        elif self.worker is None and not self._rests and now_ns / 1e9 >= self.policy.due_s:
            self._start(now_ns)
        elif self.worker is not None and (why := self.worker.hangs(now_ns)):
            log.warning("The worker %s; it is killed and started again", why)
            self.last_failure = f"the worker {why}"
            self.worker.kill()
        if self._held_until_ns is not None and now_ns >= self._held_until_ns:
            self._held_until_ns = None
            if self.worker is not None and self.worker.state == "loading":
                self._follow(self.worker)  # heard of within the hold, on a machine at rest, and told of once only
            else:
                self._show_card("restarting")

    def rest(self, why: str, card: str, *, last: bool = True) -> None:
        """Have no worker, so that the webcam is closed, and show `card` instead, at once, until `wake(why)`.

        There may be several reasons at a time; the card of the last one given shows, or with `last` false that of any
        other.
        """
        self._rests.pop(why, None)
        self._rests = {**self._rests, why: card} if last else {why: card, **self._rests}
        self._show_card(next(reversed(self._rests.values())))
        self._dismiss()

    def wake(self, why: str) -> None:
        """Take back one reason to rest; without any there is a worker again."""
        if self._rests.pop(why, None) is None:
            return
        self._show_card(next(reversed(self._rests.values()), "starting"))
        if not self._rests:
            self.policy.forgive()
            self.tick(time.monotonic_ns())

    def use_camera(self, *, on: bool) -> None:
        """Let the worker open the webcam; or, where there is none yet, have it wait for that with all else ready."""
        if on and not self._with_camera and self.worker is not None:
            self.worker.send({"command": "open-camera"})
        self._with_camera = on

    def renew(self, settings: Settings) -> None:
        """Have another worker, with other settings; size and rate are the same. What is on air is held meanwhile."""
        self._settings = settings
        shown = self._shown
        self._dismiss()
        self.policy.forgive()
        if shown is not None:
            self._held_until_ns = time.monotonic_ns() + _HOLD_NS

    @property
    def resting(self) -> str:
        """Why there is to be no worker; empty where there is to be one."""
        return next(reversed(self._rests), "")

    def switch(self, name: str, answer: Answer) -> None:
        """Have the worker change to lens `name`, which exists; answers when it is on air, or refused."""
        if self.worker is None or self.worker.state == "starting":
            # Nothing runs that could keep an old lens: the choice is made, and the worker starts with it.
            self._choice.choose(name)
            if self.worker is None:
                self.policy.forgive()
            else:
                self.worker.send({"command": "switch", "id": 0, "lens": name})
            answer({"lens": name, "state": self.resting or "starting"})
            return
        identity = next(self._switch_ids)
        self._switches[identity] = (answer, name)
        self.worker.send({"command": "switch", "id": identity, "lens": name})

    @property
    def settled(self) -> bool:
        """The worker has got as far as it can: its pictures are on air, or the card that says why not."""
        return self.on_air not in {"starting", "loading", HELD}

    def follow_on_air(self, listener: Callable[[int, int, int], None]) -> None:
        """Tell `listener` what is on air, now and at each change: its shared picture's descriptor, width and height."""
        self._on_air_listener = listener
        listener(self.on_air_fd, self._settings.width, self._settings.height)

    def ask_to_end(self) -> None:
        """Tell the worker that the end has come, for good; what is on air stays."""
        self._rests["end"] = self.on_air
        self._dismiss()

    @property
    def ended(self) -> bool:
        """There is no worker, nor one that is about to end."""
        return self.worker is None and self._leaving is None

    def close(self, timeout_s: float) -> None:
        """End the worker."""
        for worker in (self.worker, self._leaving):
            if worker is not None:
                worker.wait(timeout_s)
                worker.close()

    def worker_picture(self, worker: WorkerProcess) -> None:
        """Publish it at once, where the worker is on air."""
        if worker is self.worker and worker.state == "running":
            self._show_worker(worker)

    def worker_event(self, worker: WorkerProcess, event: Message) -> None:
        """Follow its state; answer switches."""
        if worker is not self.worker:
            return
        if event.get("event") == "switched":
            self._switched(event)
        elif event.get("event") == "alive":
            self._follow(worker)

    def worker_ended(self, worker: WorkerProcess) -> None:
        """Plan the next one."""
        now_ns = time.monotonic_ns()
        if worker is self._leaving:
            worker.close()
            self._leaving = None
            self.tick(now_ns)
            return
        log.warning("The worker ended (exit status %s)", worker.exit_status)
        if worker.exit_status not in {None, -9} or not self.last_failure:
            told = f": {worker.told}" if worker.told else ""
            self.last_failure = f"the worker ended with exit status {worker.exit_status}{told}"
        worker.close()
        self.worker = None
        if worker.state == "loading":
            self._choose_last()  # what hung was the lens of before
        self._refuse_switches()
        self.policy.failed(now_ns / 1e9, in_vain=worker is not self._last_good)
        if self._shown is worker:
            self._held_until_ns = now_ns + _HOLD_NS
        if self.policy.given_up:
            log.error("The worker failed %s times in a minute; next try in %s s", MAX_FAILURES, round(RETRY_S))
            self._cards.explain("stopped", f"{self.last_failure}. Next try in {RETRY_S:.0f} s. See: lensd status")
            self._show_card("stopped")
        self.tick(now_ns)  # after a first failure the next one is due at once

    def _dismiss(self) -> None:
        """Have the worker end, without taking it for a failure."""
        if self.worker is not None:
            self._leaving, self.worker = self.worker, None
            self._leave_by_ns = time.monotonic_ns() + _LEAVE_NS
            self._leaving.stop()
            self._choose_last()

    def _choose_last(self) -> None:
        """Have the next worker begin with what was asked for last."""
        for answer, name in self._switches.values():
            self._choice.choose(name)
            answer({"lens": name, "state": self.resting or "starting"})
        self._switches.clear()

    def _refuse_switches(self) -> None:
        gone = LensError("the lens", "the worker ended before it was changed", "try again")
        for answer, _ in self._switches.values():
            answer(gone)
        self._switches.clear()

    def _start(self, now_ns: int) -> None:
        try:
            self.worker = WorkerProcess(
                next(self._generations),
                self._settings_for(now_ns),
                self._choice.name,
                self._selector,
                self,
                self._with_camera,
            )
        except OSError as error:
            self.last_failure = f"the worker could not be started: {error}"
            log.warning("%s", self.last_failure)
            self.policy.failed(now_ns / 1e9)

    def _settings_for(self, now_ns: int) -> Settings:
        """Return the worker's settings: where workers have died, by a crash or a hang, in the plainest runtime."""
        settings = self._settings
        if settings.runtime != "auto" or self.policy.recent(now_ns / 1e9) < _PLAIN_AFTER:
            return settings
        log.warning("Workers have died; the next one runs the lens on the processor, in %s", _PLAIN_RUNTIME)
        return replace(settings, runtime=_PLAIN_RUNTIME)

    def _follow(self, worker: WorkerProcess) -> None:
        self._announce_camera(worker)
        if worker.state == "running":
            if worker.reader.newest_sequence():
                self._show_worker(worker)
        elif worker.state == "starting" and self._shown is worker:
            # It has lost its camera, and looks for another one: no card for a moment.
            if self._held_until_ns is None:
                self._held_until_ns = time.monotonic_ns() + _HOLD_NS
        elif worker.state == "starting" or (worker.state == "loading" and self._held_until_ns is not None):
            pass  # what is on air stays there until there is news
        elif worker.state in CARDS:
            self._cards.explain(worker.state, worker.why)
            self._show_card(worker.state)
        else:
            log.warning("The worker told of an unknown state")

    def _switched(self, event: Message) -> None:
        identity, error = event.get("id"), event.get("error")
        answer, name = self._switches.pop(identity, (None, "")) if isinstance(identity, int) else (None, "")
        if answer is None:
            return
        if isinstance(error, dict):
            answer(_refusal(error))
            return
        self._choice.choose(name)
        answer({"lens": name, "state": "active"})

    def _show_worker(self, worker: WorkerProcess) -> None:
        self._held_until_ns = None
        if self._shown is not worker:
            self._shown = self._last_good = worker
            self._set_on_air("worker", worker.reader, worker.pictures_fd)
        self._publisher.picture_ready(time.monotonic_ns())

    def _show_card(self, name: str) -> None:
        if self.on_air != name:
            self._shown, self._held_until_ns = None, None
            self._set_on_air(name, self._cards.reader(name), self._cards.descriptor(name))

    def _set_on_air(self, name: str, reader: SharedPictureReader, descriptor: int) -> None:
        self.on_air, self.on_air_fd = name, descriptor
        self.on_air_number += 1
        self._publisher.show(reader)
        self._on_air_listener(descriptor, self._settings.width, self._settings.height)

    def _announce_camera(self, worker: WorkerProcess) -> None:
        camera = worker.status.get("camera")
        if worker.state == "running" and isinstance(camera, str) and camera not in self._announced:
            self._announced.add(camera)
            self._announce(f"camera   {camera[:200]}")


def _refusal(fields: Message) -> LensdError:
    text = {name: str(fields.get(name, ""))[:400] for name in ("what", "why", "hint")}
    return LensError(text["what"] or "the lens", text["why"] or "could not be loaded", text["hint"])
