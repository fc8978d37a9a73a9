"""What the tests of demand ask: whether the webcam is free, who counts as one who looks, what a new reader sees."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lensd.frames import U8
from lensd.v4l2 import device
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.uapi import BufferType
from lensd.virtualcam.inotify import Change, Inotify
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.kernel import wait_for

LINGER_S = 1.0
SIZE = (1280, 720)
PICTURE_BYTES = SIZE[0] * SIZE[1] * 3 // 2


def begin(daemon: Daemon, camera: Path, *arguments: str, lens: str = "none") -> Daemon:
    daemon.environment["JOURNAL_STREAM"] = "8:1"  # no person at a terminal
    words = ("--camera", str(camera), "--lens", lens, "--no-preview", "--linger", str(LINGER_S))
    daemon.start(*words, *arguments)
    if "--always-on" not in arguments:
        wait_until(daemon, "off")
        wait_for(lambda: not daemon.status()["worker"]["pid"], 5, "there is no worker")
    return daemon


def is_free(webcam: Path) -> bool:
    """Tell whether another program can stream from the webcam; v4l2-ctl prints a "<" for each picture."""
    command = ["v4l2-ctl", "--stream-mmap", "--stream-count=3", "--stream-to=/dev/null", "-d", str(webcam)]
    return subprocess.run(command, capture_output=True, timeout=40).stderr.count(b"<") == 3


def demand(daemon: Daemon) -> str:
    return str(daemon.status()["demand"]["state"])


def wait_until(daemon: Daemon, state: str, timeout_s: float = 10) -> float:
    try:
        return wait_for(lambda: demand(daemon) == state, timeout_s, state)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{daemon.status()}\n{daemon.log}") from None


@contextlib.contextmanager
def openings(node: Path) -> Iterator[list[int]]:
    """Count how many times `node` is opened in the block; the list has the number at its end."""
    counted: list[int] = []
    watch = Inotify(node, Change.OPENED)
    try:
        yield counted
        counted.append(len(watch.take()))
    finally:
        watch.close()


def wait_rate(daemon: Daemon, least: float) -> float:
    """Wait for two seconds of this rate of publishing: the worker that gets ready takes the guest's one processor."""
    rates: list[float] = []

    def enough() -> bool:
        published, began = daemon.status()["published"], time.monotonic()
        time.sleep(2)
        rates.append((daemon.status()["published"] - published) / (time.monotonic() - began))
        return rates[-1] >= least

    wait_for(enough, 20, f"{least} cards a second")
    return rates[-1]


def cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def is_card(picture: U8) -> bool:
    """Vivid's bars deviate by 54; a card is nearly all of one luma."""
    return float(picture[: SIZE[0] * SIZE[1]].astype(np.float32).std()) < 30


def seconds_of_imports() -> float:
    """Return how long Python takes here for what every worker has to load."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy, onnxruntime, cv2"], check=True, timeout=60)
    return time.monotonic() - began


def first_pictures(node: Path, count: int) -> list[U8]:
    """Return all that a new reader can see: its buffers as they are when they are mapped, then its first pictures."""
    found: list[U8] = []
    with contextlib.ExitStack() as owned:
        descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
        owned.callback(os.close, descriptor)
        buffers = MappedBuffers(descriptor, BufferType.CAPTURE, 4)
        owned.callback(buffers.close)
        found += [view[:PICTURE_BYTES].copy() for view in buffers.views]
        for index in range(len(buffers)):
            buffers.queue(index)
        device.stream_on(descriptor, BufferType.CAPTURE)
        owned.callback(device.stream_off, descriptor, BufferType.CAPTURE)
        before = len(found)
        while len(found) < before + count:
            assert select.select([descriptor], [], [], 5)[0]
            filled = buffers.dequeue()
            found.append(buffers.views[filled.index][:PICTURE_BYTES].copy())
            buffers.queue(filled.index)
    return found


def read_with_two(node: Path) -> None:
    descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    buffers = MappedBuffers(descriptor, BufferType.CAPTURE, 2)
    device.stream_on(descriptor, BufferType.CAPTURE)
    for _ in range(10):
        assert select.select([descriptor], [], [], 5)[0]
        buffers.queue(buffers.dequeue().index)
    device.stream_off(descriptor, BufferType.CAPTURE)
    buffers.close()
    os.close(descriptor)
