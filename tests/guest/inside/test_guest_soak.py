"""Everyday for hours, in a hurry: lenses change, readers come and go, workers die; nothing piles up, nobody sees a gap.

Three minutes of it are a part of `make test`; `make soak HOURS=2` runs it for hours (SNAPLENS_SOAK_S, in seconds).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from skimage import data

from lensd.control.client import RemoteError
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.looking import wait_until
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera

SECONDS = float(os.environ.get("SNAPLENS_SOAK_S") or 180)
SIZE = (640, 480)
LENSES = ("thug-life", "none", "moustache-overlay")
SWITCH_S, VISIT_S = 5, 20
KILL_S = min(300, SECONDS / 4 // 15 * 15)  # after a whole number of rounds through the lenses
RSS_MB, WORKER_MB = 4, 25


class Usage(NamedTuple):
    """What the keeper holds, and its worker's size: MB, a count, MB, MB."""

    keeper: float
    descriptors: int
    shared: float
    worker: float


def resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def usage(daemon: Daemon) -> Usage:
    """Taken while nothing is about to change: no second reader, one worker with its pictures on air."""
    assert daemon.process is not None
    worker = daemon.status()["worker"]["pid"]
    found = [_held(daemon.process.pid) for _ in range(5)]  # the answer to a client may still be under way
    descriptors, shared = min(found)
    return Usage(resident(daemon.process.pid), descriptors, shared, resident(worker))


def _held(pid: int) -> tuple[int, float]:
    """Return how many descriptors a process has, and how much shared memory by them, MB."""
    time.sleep(0.1)
    count, shared = 0, 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            shared += each.stat().st_size if str(each.readlink()).startswith("/memfd:") else 0
            count += 1
    return count, shared / 1e6


class Events:
    """What is due when, in seconds from the beginning."""

    def __init__(self, daemon: Daemon, second_node: Path) -> None:
        self._daemon, self._node = daemon, second_node
        self._lenses = itertools.cycle(LENSES[1:] + LENSES[:1])
        self._visit = contextlib.ExitStack()
        self._visited = False
        self.switches = self.refused = self.visits = self.kills = 0
        self.samples: list[Usage] = []
        self.done: list[tuple[int, str]] = []

    def due(self, event: Callable[[], None]) -> None:
        """Carry out one of the three."""
        self.done.append((time.monotonic_ns(), event.__name__))
        event()

    def before(self, moment_ns: int) -> str:
        """Return what was done last before that moment, for the report of a gap."""
        at_ns, name = max(((at, name) for at, name in self.done if at <= moment_ns), default=(moment_ns, "the start"))
        return f"{(moment_ns - at_ns) / 1e9:.1f} s after {name}"

    def switch(self) -> None:
        try:
            self._daemon.call("switch", lens=next(self._lenses))
            self.switches += 1
        except RemoteError:
            self.refused += 1  # it was asked of a worker that has just been killed

    def visit(self) -> None:
        if self._visited:
            self._visit.close()
        else:
            self._visit.enter_context(reading.mmap(self._node, *SIZE, keep=0))
            self.visits += 1
        self._visited = not self._visited

    def kill(self) -> None:
        self.leave()
        time.sleep(1)
        settled(self._daemon)
        self.samples.append(usage(self._daemon))
        os.kill(self._daemon.status()["worker"]["pid"], signal.SIGKILL)
        self.kills += 1

    def leave(self) -> None:
        if self._visited:
            self.visit()


def longest_gaps(times_ns: list[int], from_ns: int) -> list[tuple[float, int]]:
    """Return the three longest, ms, and when each began, ns."""
    pairs = itertools.pairwise(moment for moment in times_ns if moment >= from_ns)
    return sorted((((after - before) / 1e6, before) for before, after in pairs), reverse=True)[:3]


def report(events: Events, seen: reading.Seen, began_ns: int, figure) -> None:
    gap = seen.longest_gap_ms(began_ns)
    fps = len([moment for moment in seen.times_ns if moment >= began_ns]) / SECONDS
    figure("soak", f"{SECONDS:.0f} s, {events.switches} switches, {events.visits} visits, {events.kills} kills")
    figure("soak: pictures a second, longest gap", f"{fps:.1f}, {gap:.0f} ms")
    for ms, at_ns in longest_gaps(seen.times_ns, began_ns):
        clock = time.strftime("%H:%M:%S", time.gmtime(time.time() - (time.monotonic_ns() - at_ns) / 1e9))
        figure(f"soak: a gap, {clock}, {(at_ns - began_ns) / 1e9:.0f} s", f"{ms:.0f} ms, {events.before(at_ns)}")
    figure("soak: keeper, at each kill", ", ".join(f"{each.keeper:.1f}" for each in events.samples) + " MB resident")
    figure(
        "soak: descriptors and shared memory", f"{events.samples[-1].descriptors}, {events.samples[-1].shared:.1f} MB"
    )
    figure("soak: workers before they were killed", ", ".join(f"{each.worker:.0f}" for each in events.samples) + " MB")


def test_a_long_day_leaves_nothing_behind_and_shows_no_gap(
    two_outputs: tuple[Path, Path], daemon: Daemon, figure
) -> None:
    # A picture of a face for a webcam: the demo's own would have skimage imported at each start of a worker.
    portrait = Path(data.__file__).parent / "astronaut.png"
    words = ("--camera", str(portrait), "--lens", LENSES[0], "--size", f"{SIZE[0]}x{SIZE[1]}", "--no-preview")
    daemon.start(*words, "--linger", "0")
    with reading.mmap(two_outputs[0], *SIZE, keep=0) as seen:
        settled(daemon)
        seen.wait(60)
        events, began_ns = Events(daemon, two_outputs[1]), time.monotonic_ns()
        due = {events.switch: SWITCH_S, events.visit: VISIT_S / 2, events.kill: KILL_S}
        every = {events.switch: SWITCH_S, events.visit: VISIT_S / 2, events.kill: KILL_S}
        while (now_s := (time.monotonic_ns() - began_ns) / 1e9) < SECONDS:
            for event, at_s in due.items():
                if now_s >= at_s:
                    events.due(event)
                    due[event] = at_s + every[event]
            time.sleep(0.1)
        events.leave()
        settled(daemon)
        gap = seen.longest_gap_ms(began_ns)
        report(events, seen, began_ns, figure)
        first, last = events.samples[0], events.samples[-1]
        assert not seen.problem
        assert gap <= GAP_MS
        assert len(events.samples) >= 2
        assert events.switches > 10 * events.refused
        assert last.keeper - first.keeper <= RSS_MB
        assert {each.descriptors for each in events.samples} == {first.descriptors}
        assert {each.shared for each in events.samples} == {first.shared}
        assert last.worker - first.worker <= WORKER_MB
    wait_until(daemon, "off", 20)
    daemon.stop()
