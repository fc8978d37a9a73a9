"""The keeper's composition root: what it owns, its one loop, and its end."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import selectors
import signal
import socket
import time
from typing import TYPE_CHECKING

from lensd.config import control_socket, runtime_dir
from lensd.control.server import ControlServer
from lensd.errors import ConfigError, ControlError, LensdError, LensError
from lensd.keeper.cards import CardBook
from lensd.keeper.demand import Demand
from lensd.keeper.descriptor_store import DescriptorStore
from lensd.keeper.instance import InstanceLock, private_folder
from lensd.keeper.lens_choice import LensChoice, resolve
from lensd.keeper.live_settings import WORKERS_OWN
from lensd.keeper.notify import notify, started_by_systemd, watchdog_period_s
from lensd.keeper.page_process import PageProcess
from lensd.keeper.pause import Pause
from lensd.keeper.pipewire_process import PipewireProcess
from lensd.keeper.publisher import Publisher
from lensd.keeper.requests import Requests
from lensd.keeper.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lensd.config import Settings
    from lensd.control.messages import Message
    from lensd.keeper.companion import Companion
    from lensd.keeper.live_settings import Changed, LiveSettings
    from lensd.keeper.memory import Memory

log = logging.getLogger(__name__)

_TICK_NS = 100_000_000  # how often hangs, restarts and lost outputs are looked at;
_CALM_TICK_NS = 1_000_000_000  # and while there is no worker
_SLACK_NS = 250_000_000  # then what is due every second is done in one waking
_CHECK_NS = 5_000_000  # who looks is not looked at more often
# The page's start takes 0.7 s of a core, PipeWire's camera 0.3 s: the first picture comes first.
_COMPANIONS_AFTER_NS = 3_000_000_000
_END_NS = 800_000_000  # what worker and page get to end by themselves, while pictures go on
_KILL_S = 0.1
_REMEMBER_S = 0.5


class Keeper:
    """Everything that lives from login to logout, driven by one loop in one thread."""

    def __init__(self, live: LiveSettings, memory: Memory, announce: Callable[[str], None]) -> None:
        """Take the lock, open the output, and have cards, worker and page started.

        Args:
            live: what was asked for, and will be.
            memory: what is known of the last run.
            announce: takes a plain line for the person who started us.

        Raises:
            AlreadyRunning: another keeper of this user. ControlError: no folder or lock for the socket.
            LensError: the lens asked for does not exist.
        """
        self._stopping = self._reload_asked = False
        self._live, settings = live, live.current
        with contextlib.ExitStack() as opened:
            private_folder(runtime_dir())
            opened.callback(InstanceLock(runtime_dir()).close)
            opened.callback(memory.settle, _REMEMBER_S)
            self._choice = choice = self._first_choice(memory)
            self._selector = selectors.DefaultSelector()
            opened.callback(self._selector.close)
            self._started_ns = time.monotonic_ns()
            self._publisher = Publisher(settings.output, settings.format, self._started_ns, DescriptorStore())
            opened.callback(self._publisher.close)
            self._cards = CardBook(settings.width, settings.height)
            opened.callback(self._cards.close)
            self._supervisor = Supervisor(settings, choice, self._cards, self._publisher, self._selector, announce)
            opened.callback(self._supervisor.close, _KILL_S)
            pause = Pause(memory, self._supervisor)
            by_hand = not started_by_systemd()
            self._demand = Demand(live, self._publisher, self._supervisor, self._selector, by_hand=by_hand)
            opened.callback(self._demand.close)
            self._page: PageProcess | None = None
            self._companions: list[Companion] = []
            parts = (self._supervisor, self._publisher, pause, self._demand)
            requests = Requests(live, choice, *parts, self._stop_for_good)
            requests.reload = self.reload
            self._requests, self._seen = requests, 0
            self._demand.viewers = lambda: requests.onlookers
            if settings.preview:
                self._page = PageProcess(self._selector, requests, lambda url: announce(f"preview  {url}"))
                self._begin_page(self._page, requests)
            if settings.pipewire:
                self._begin_pipewire(PipewireProcess(self._selector, requests, settings.fps), requests)
            for companion in self._companions:
                opened.callback(companion.close, _KILL_S)
                companion.on_viewers = lambda: self._demand.check(time.monotonic_ns())
            self._supervisor.follow_on_air(self._show_companions)
            opened.callback(self._listen(requests).close)
            self._watch_signals(opened)
            self._opened = opened.pop_all()
        self._announce_output(settings, announce)
        announce(f"lens     {choice.name} (all: lensd lenses; another: lensd switch NAME)")
        if self._demand.by_itself:
            announce("webcam   closed while nobody looks at it (--always-on keeps it open)")
        if pause.shows is not None:
            announce("paused   the webcam stays closed, as it was told before; go on with: lensd resume")

    def _begin_page(self, page: PageProcess, requests: Requests) -> None:
        self._companions.append(page)
        requests.ticket, self._demand.viewers = page.ticket, lambda: page.viewers + requests.onlookers

    def _begin_pipewire(self, camera: PipewireProcess, requests: Requests) -> None:
        self._companions.append(camera)
        self._publisher.on_published, requests.pipewire = camera.published, camera.as_status
        self._demand.in_pipewire = lambda: camera.viewers

    def _show_companions(self, descriptor: int, width: int, height: int) -> None:
        for companion in self._companions:
            companion.show(descriptor, width, height)

    def reload(self) -> Changed:
        """Read the settings again, and let hold what can.

        Raises:
            ConfigError: they are broken; all stays as it is.
        """
        lens = self._live.current.lens
        changed = self._live.reload()
        settings = self._live.current
        if settings.lens is not None and settings.lens != lens:
            with self._problem_kept():
                self._supervisor.switch(resolve(settings.lens, self._choice.name), _unanswered)
        if changed.now & WORKERS_OWN:
            self._supervisor.renew(settings)
        self._demand.check(time.monotonic_ns())
        return changed

    def stop(self) -> None:
        """End the loop after this turn."""
        self._stopping = True

    def _stop_for_good(self) -> None:
        """Stop, and leave no camera to a next keeper: a person asked for it."""
        self._publisher.forsake()
        self.stop()

    def run(self) -> None:
        """Publish until told to stop; then give everything back, within 2 s."""
        notify("READY=1\nSTATUS=Publishing")
        gc.collect()
        gc.freeze()  # what start-up made lives on; later collections need not look at it
        watchdog_s = watchdog_period_s()
        tick_ns, checked_ns, watchdog_ns, watched = 0, 0, 0, -1
        try:
            while not self._stopping:
                now_ns = time.monotonic_ns()
                calm = self._calm
                every_ns = _CALM_TICK_NS if calm else _TICK_NS
                demand_ns = max(self._demand.due_ns, checked_ns + _CHECK_NS)
                due_ns = together((self._publisher.due_ns, demand_ns, tick_ns + every_ns), _SLACK_NS if calm else 0)
                for key, mask in self._selector.select(max(0, due_ns - now_ns) / 1e9):
                    self._guarded(key.data, mask)
                now_ns = time.monotonic_ns()
                self._guarded(self._publisher.fill_in, now_ns)
                if self._reload_asked:
                    self._reload_asked = False
                    with contextlib.suppress(ConfigError):  # it is in the log and the status
                        self.reload()
                if now_ns >= demand_ns:
                    checked_ns = now_ns
                    self._guarded(self._demand.check, now_ns)
                if now_ns - tick_ns >= every_ns:
                    tick_ns = now_ns
                    self._guarded(self._tick, now_ns)
                if watchdog_s and now_ns - watchdog_ns >= watchdog_s * 1e9 and self._publisher.published != watched:
                    watchdog_ns, watched = now_ns, self._publisher.published
                    notify("WATCHDOG=1")
        finally:
            notify("STOPPING=1")
            try:
                self._end()
            finally:
                self._opened.close()

    def _end(self) -> None:
        """Have all processes end, and publish what is on air until they have: the next keeper goes on from there."""
        self._supervisor.ask_to_end()
        for companion in self._companions:
            companion.ask_to_end()
        until_ns = time.monotonic_ns() + _END_NS
        while not (self._supervisor.ended and all(companion.ended for companion in self._companions)):
            now_ns = time.monotonic_ns()
            if now_ns >= until_ns:
                return
            for key, mask in self._selector.select(max(0, min(self._publisher.due_ns, until_ns) - now_ns) / 1e9):
                self._guarded(key.data, mask)
            self._guarded(self._publisher.fill_in, time.monotonic_ns())

    @property
    def _calm(self) -> bool:
        """There is nothing to look after."""
        return self._demand.calm and self._supervisor.ended and (self._page is None or not self._page.ended)

    def _listen(self, requests: Requests) -> ControlServer:
        try:
            return ControlServer(control_socket(), self._selector, requests)
        except OSError as error:
            hint = "set XDG_RUNTIME_DIR to a folder of yours with a short name"  # the kernel takes 107 characters
            raise ControlError(str(control_socket()), error.strerror or str(error), hint) from None

    def _tick(self, now_ns: int) -> None:
        if self._requests.onlookers != self._seen:
            self._seen = self._requests.onlookers
            self._demand.check(now_ns)
        self._supervisor.tick(now_ns)
        self._demand.check(now_ns)
        if self._supervisor.settled or now_ns - self._started_ns > _COMPANIONS_AFTER_NS:
            for companion in self._companions:
                companion.tick(now_ns / 1e9)
        self._cards.reap()

    def _guarded(self, call: Callable[[int], None], argument: int) -> None:
        try:
            call(argument)
        except Exception:  # the virtual camera goes on, whatever fails beside it
            log.exception("A fault in the keeper; going on")

    def _watch_signals(self, opened: contextlib.ExitStack) -> None:
        woken, wake = socket.socketpair()
        for end in (woken, wake):
            end.setblocking(False)
            opened.callback(end.close)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        opened.callback(signal.set_wakeup_fd, -1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.stop())
        terminals = [descriptor for descriptor in range(3) if os.isatty(descriptor)]
        signal.signal(signal.SIGHUP, lambda _number, _frame: self._hang_up(terminals))
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._selector.register(woken, selectors.EVENT_READ, lambda _mask: woken.recv(64))

    def _hang_up(self, terminals: list[int]) -> None:
        """Read the settings again; but end with the terminal that we were started from."""
        if any(not os.isatty(descriptor) for descriptor in terminals):
            self.stop()
        else:
            self._reload_asked = True

    def _first_choice(self, memory: Memory) -> LensChoice:
        try:
            return LensChoice(self._live.current.lens, memory)
        except LensError as error:
            if self._live.of_command_line("lens"):
                raise
            log.warning("The lens of the settings cannot be had; beginning with the last one: %s", error)
            return LensChoice(None, memory)

    @contextlib.contextmanager
    def _problem_kept(self) -> Iterator[None]:
        try:
            yield
        except LensError as error:
            self._live.problem = ConfigError("lens", str(error), error.hint)
            log.warning("The lens stays as it was: %s", error)

    def _announce_output(self, settings: Settings, announce: Callable[[str], None]) -> None:
        if self._publisher.nodes:
            announce(f"output   {self._publisher.output_name}: pick it in Zoom, OBS, Chrome, Firefox or Teams")
        elif self._publisher.attached:
            announce(f"output   {self._publisher.output_name}")
        elif settings.output == "none":
            announce("output   none, as asked for")
        elif self._publisher.output_problem is not None:
            problem = self._publisher.output_problem
            announce(f"output   none yet: {problem.what}: {problem.why}")
            announce(f"         {problem.hint}" if problem.hint else "         tried again every second")


def together(dues_ns: tuple[int, ...], slack_ns: int) -> int:
    """Return when to wake: at the first, or later by at most `slack_ns` where others are due by then."""
    first_ns = min(dues_ns)
    return max(due_ns for due_ns in dues_ns if due_ns <= first_ns + slack_ns)


def _unanswered(result: Message | LensdError, descriptors: tuple[int, ...] = ()) -> None:
    del descriptors
    if isinstance(result, LensdError):
        log.warning("The lens stays as it was: %s", result)
