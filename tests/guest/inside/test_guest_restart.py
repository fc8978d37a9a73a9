"""The keeper ends and another begins, while a program reads the camera: it sees a pause and no end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lensd.frames import U8
from lensd.v4l2.uapi import Cap
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.feeding import bars_feed
from tests.guest.inside.kernel import NODE, VERSION, caps, is_camera, set_controls, wait_for, webcam
from tests.guest.inside.service import Service
from tests.guest.inside.test_guest_end_to_end import settled

pytestmark = pytest.mark.camera

GAP_MS = 1000
HELD_NS = 3_000_000_000  # the worker may take longer here, while others use the processor: then there is a card
RESTART_S = 0.1  # RestartSec= in systemd/lensd.service


@pytest.fixture
def service(loopback: Path, daemon: Daemon, tmp_path: Path) -> Iterator[Service]:
    service = Service(daemon, tmp_path)
    yield service
    daemon.end()
    service.close()


@pytest.fixture
def bars() -> str:
    node = webcam()
    assert node is not None
    set_controls(node, test_pattern=0, osd_text_mode=2)
    return str(node)


class Colours:
    """What of each picture differs from the one at `begin`, in a few hundred places."""

    def __init__(self) -> None:
        self.first: U8 | None = None
        self.seen: list[tuple[int, int]] = []

    def begin(self) -> None:
        self.first, self.seen = None, []

    def __call__(self, picture: U8, now_ns: int) -> None:
        sample = picture[::5003].astype(np.int16)
        if self.first is None:
            self.first = sample
        self.seen.append((now_ns, int(np.abs(sample - self.first).max())))

    def worst(self, until_ns: int) -> int:
        return max(off for moment, off in self.seen if moment < until_ns)


def wait_stored(service: Service) -> None:
    wait_for(lambda: bool(service.stored), 5, "the descriptor is stored")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_reader_streams_through_a_restart_of_the_keeper(
    service: Service, bars: str, number: signal.Signals, figure: Callable[[str, object], None]
) -> None:
    """The picture of before stays, first by the driver, then by the next keeper: no card, nothing grey."""
    daemon = service.daemon
    service.start(camera=bars, lens="none", preview=False).ready()
    colours = Colours()
    with reading.mmap(NODE, keep=0, on_picture=colours) as seen:
        settled(daemon)
        wait_stored(service)
        seen.wait(30)
        colours.begin()  # what came before was a card
        seen.wait(30)
        for _ in range(2):
            from_ns = time.monotonic_ns()
            process = daemon.process
            assert process is not None
            process.send_signal(number)
            process.wait()
            assert service.stored, "the store has nothing"
            if number == signal.SIGKILL:
                time.sleep(RESTART_S)
            ended_ns = time.monotonic_ns()
            service.start(camera=bars, lens="none", preview=False).ready()
            settled(daemon)
            seen.wait(30)
            gap = seen.longest_gap_ms(from_ns - 100_000_000)  # with the last picture before it
            first = next(moment for moment in seen.times_ns if moment > ended_ns)
            figure(f"{number.name}: longest gap, ms", round(gap))
            figure(
                f"{number.name}: from the next one's start to its first picture, ms", round((first - ended_ns) / 1e6)
            )
            assert seen.problem == ""
            assert gap <= GAP_MS
            assert colours.worst(ended_ns + HELD_NS) <= 8, "a card, or grey, was seen"
            colours.begin()
    assert "cannot go on" not in daemon.log


def test_lensd_stop_ends_the_stream_for_good(service: Service, bars: str) -> None:
    daemon = service.daemon
    service.start(camera=bars, lens="none", preview=False, always_on=True).ready()
    settled(daemon)
    wait_stored(service)
    daemon.command("stop")
    wait_for(lambda: not service.stored, 5, "the store is empty")
    assert Cap.VIDEO_OUTPUT in caps(NODE)
    with bars_feed(NODE, codec="rawvideo"):
        assert is_camera(NODE)


def test_another_size_begins_anew(service: Service, bars: str) -> None:
    daemon = service.daemon
    service.start(camera=bars, lens="none", preview=False, always_on=True).ready()
    settled(daemon)
    wait_stored(service)
    daemon.stop()
    service.start(camera=bars, lens="none", preview=False, always_on=True, size="640x480").ready()
    settled(daemon)
    wait_for(lambda: str(NODE) in daemon.status()["output"], 5, "the node is written")
    assert "it has 1280x720 YU12" in daemon.log
    with reading.mmap(NODE, 640, 480, keep=0) as seen:
        seen.wait(30)
    wait_stored(service)


def test_a_store_that_is_emptied_ends_the_stream(service: Service, bars: str) -> None:
    """As systemd does when the service is stopped: the node is as after a kill, and the next keeper heals it."""
    daemon = service.daemon
    service.start(camera=bars, lens="none", preview=False, always_on=True).ready()
    settled(daemon)
    wait_stored(service)
    daemon.stop()
    for name in list(service.stored):
        os.close(service.stored.pop(name))
    service.start(camera=bars, lens="none", preview=False, always_on=True).ready()
    settled(daemon)
    with reading.mmap(NODE, keep=0) as seen:
        seen.wait(30)
    assert VERSION
