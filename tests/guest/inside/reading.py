"""Readers of a camera: what an application sees of "SnapLens Camera", and when."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lensd.frames import U8, Picture
from lensd.v4l2 import device
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.uapi import BufferType
from tests.guest.inside.processes import end, running

_F_SETPIPE_SZ = 1031


@dataclass
class Seen:
    """What a reader has seen so far.

    Attributes:
        times_ns: CLOCK_MONOTONIC, when each picture was there whole.
        pictures: the newest ones, I420.
        problem: why the reader ended, where it did by itself.
    """

    width: int
    height: int
    times_ns: list[int] = field(default_factory=list)
    pictures: deque[U8] = field(default_factory=lambda: deque(maxlen=8))
    problem: str = ""

    @property
    def newest(self) -> Picture:
        """The newest picture, as planes."""
        return Picture(self.width, self.height, self.pictures[-1])

    def longest_gap_ms(self, after_ns: int = 0) -> float:
        """Return the longest time without a new picture, from `after_ns` on; until now counts too."""
        times = [moment for moment in self.times_ns if moment >= after_ns] + [time.monotonic_ns()]
        return float(np.diff(times).max()) / 1e6 if len(times) > 1 else float("inf")

    def fps(self, last_s: float | None = None) -> float:
        """Return the mean rate, of all or of the last seconds."""
        times = self.times_ns if last_s is None else [t for t in self.times_ns if t > self.times_ns[-1] - last_s * 1e9]
        return (len(times) - 1) / (times[-1] - times[0]) * 1e9 if len(times) > 1 else 0.0

    def wait_rate(self, least: float, timeout_s: float = 30) -> float:
        """Wait until the last two seconds had this rate, and return it: starting a program takes the one CPU."""
        deadline = time.monotonic() + timeout_s
        while self.fps(2) < least or self.times_ns[-1] - self.times_ns[0] < 2e9:
            assert time.monotonic() < deadline, f"{self.fps(2):.1f} pictures a second: {self.problem}"
            time.sleep(0.1)
        return self.fps(2)

    def wait(self, count: int, timeout_s: float = 30) -> Seen:
        """Wait for `count` more pictures."""
        wanted, deadline = len(self.times_ns) + count, time.monotonic() + timeout_s
        while len(self.times_ns) < wanted:
            assert time.monotonic() < deadline, f"{len(self.times_ns)} pictures of {wanted}: {self.problem}"
            time.sleep(0.01)
        return self


OnPicture = Callable[[U8, int], None]


@contextlib.contextmanager
def ffmpeg(
    node: Path, width: int = 1280, height: int = 720, *, keep: int = 8, on_picture: OnPicture | None = None
) -> Iterator[Seen]:
    """Read `node` with ffmpeg for the block.

    Args:
        keep: how many pictures stay in `Seen.pictures`; 1.4 MB each at 720p.
        on_picture: is called with each picture, valid for the call, and its time.
    """
    command = ["ffmpeg", "-nostdin", "-v", "error", "-fflags", "nobuffer", "-f", "v4l2", "-i", str(node)]
    command += ["-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout
    assert process.stderr
    with contextlib.suppress(OSError):  # the usual 64 KiB would cost 22 turns a picture
        fcntl.fcntl(process.stdout, _F_SETPIPE_SZ, 1 << 20)
    seen = Seen(width, height, pictures=deque(maxlen=keep))
    stream, errors = process.stdout, process.stderr

    def read() -> None:
        buffer = np.empty(width * height * 3 // 2, np.uint8)
        view = memoryview(buffer)
        with contextlib.suppress(ValueError):  # closed under our hands
            while True:
                done = 0
                while done < len(view):
                    count = stream.readinto(view[done:])  # type: ignore[attr-defined]
                    if not count:
                        seen.problem = errors.read().decode(errors="replace") or "ffmpeg ended"
                        return
                    done += count
                _note(seen, buffer, time.monotonic_ns(), on_picture)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        thread.join(5)
        end(process)


@contextlib.contextmanager
def mmap(
    node: Path,
    width: int = 1280,
    height: int = 720,
    *,
    keep: int = 8,
    on_picture: OnPicture | None = None,
    pause_s: float = 0,
) -> Iterator[Seen]:
    """Read `node` as browsers do, through mapped buffers, with next to no cost: for times and gaps.

    `pause_s` is how long the reader takes over each picture before it copies it.
    """
    seen = Seen(width, height, pictures=deque(maxlen=keep))
    stop = threading.Event()
    descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    size = width * height * 3 // 2

    def read(buffers: MappedBuffers) -> None:
        try:
            while not stop.is_set():
                if not select.select([descriptor], [], [], 0.1)[0]:
                    continue
                try:
                    filled = buffers.dequeue()
                except BlockingIOError:
                    continue
                if pause_s:
                    time.sleep(pause_s)
                _note(seen, buffers.views[filled.index][:size], time.monotonic_ns(), on_picture)
                buffers.queue(filled.index)
        except OSError as error:
            seen.problem = str(error)

    try:
        got = device.set_format(descriptor, BufferType.CAPTURE, device.PixelLayout(width, height, "YU12"))
        assert (got.width, got.height, got.pixel_format) == (width, height, "YU12"), got
        buffers = MappedBuffers(descriptor, BufferType.CAPTURE, 4)
        for index in range(len(buffers)):
            buffers.queue(index)
        device.stream_on(descriptor, BufferType.CAPTURE)
        thread = threading.Thread(target=read, args=(buffers,), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join(5)
            with contextlib.suppress(OSError):
                device.stream_off(descriptor, BufferType.CAPTURE)
            buffers.close()
    finally:
        os.close(descriptor)


def _note(seen: Seen, picture: U8, now_ns: int, on_picture: OnPicture | None) -> None:
    if seen.pictures.maxlen:
        seen.pictures.append(picture.copy())
    if on_picture is not None:
        on_picture(picture, now_ns)
    seen.times_ns.append(now_ns)


def v4l2_ctl_fps(node: Path, count: int = 150) -> float:
    """Stream `count` pictures with v4l2-ctl and return their mean rate, the first second left out.

    It prints a "<" for each picture. Its own figure is 0 with 0.12 and 0.13, which number the pictures of a streaming
    writer with nothing but zeros.
    """
    command = ["v4l2-ctl", "-d", str(node), "--stream-mmap=4", f"--stream-count={count}", "--stream-to=/dev/null"]
    times: list[float] = []
    with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr
        while printed := os.read(process.stderr.fileno(), 4096):
            times += [time.monotonic()] * printed.count(b"<")
        assert process.wait(10) == 0
    assert len(times) == count
    steady = [moment for moment in times if moment > times[0] + 1]
    return (len(steady) - 1) / (steady[-1] - steady[0])


def describe(node: Path) -> str:
    """Return what v4l2-ctl says about a node: caps, format, sizes."""
    words = ["v4l2-ctl", "-d", str(node), "--all", "--list-formats-ext"]
    return subprocess.run(words, capture_output=True, text=True, timeout=20).stdout
