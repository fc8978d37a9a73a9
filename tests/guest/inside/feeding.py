"""Webcams for the daemon, made of a second loopback device: colour bars, a clip, or a clock in the pixels."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lensd.frames import U8
from lensd.v4l2 import device
from lensd.v4l2.uapi import BufferType
from tests.guest.inside.kernel import wait_until_camera
from tests.guest.inside.processes import running

# SMPTE's bars at 75 %, from left to right, as BT.601 limited (Y, U, V): grey, yellow, cyan, green, magenta, red, blue.
BARS = ((180, 128, 128), (162, 44, 142), (131, 156, 44), (112, 72, 58), (84, 184, 198), (65, 100, 212), (35, 212, 114))


def bars(width: int, height: int) -> U8:
    """Return the seven bars as an I420 picture."""
    edges = [round(width * number / 14) * 2 for number in range(8)]
    planes = [np.empty((height >> shift, width >> shift), np.uint8) for shift in (0, 1, 1)]
    for colour, left, right in zip(BARS, edges[:-1], edges[1:], strict=True):
        for plane, value, shift in zip(planes, colour, (0, 1, 1), strict=True):
            plane[:, left >> shift : right >> shift] = value
    return np.concatenate([plane.ravel() for plane in planes])


def worst_bar(picture: U8, width: int, height: int) -> int:
    """Return how far the colours of seven bars are off at their middles, in steps of 1/255; see `BARS`."""
    worst = 0
    sizes = ((width, height), (width // 2, height // 2), (width // 2, height // 2))
    start = 0
    for channel, (w, h) in enumerate(sizes):
        plane = picture[start : start + w * h].reshape(h, w).astype(int)
        start += w * h
        for number, colour in enumerate(BARS):
            x, y = int(w * (number + 0.5) / 7), h // 3
            patch = plane[y - 8 : y + 8, x - 8 : x + 8]
            worst = max(worst, int(np.abs(patch - colour[channel]).max()))
    return worst


@contextlib.contextmanager
def ffmpeg_feed(node: Path, *arguments: str) -> Iterator[None]:
    """Have ffmpeg write into `node` for the block, and wait until readers see a camera there.

    Args:
        arguments: ffmpeg's, from its inputs to the output's codec.
    """
    with running(["ffmpeg", "-nostdin", "-v", "error", *arguments, "-f", "v4l2", node]) as process:
        wait_until_camera(node, 20)
        yield
        assert process.poll() is None, "ffmpeg ended before its time"


def clip_feed(
    node: Path, clip: Path, size: str = "1280x720", fps: int = 30, codec: str = "mjpeg"
) -> contextlib.AbstractContextManager[None]:
    """A webcam that shows a clip over and over; `codec` is "mjpeg" or "rawvideo" (YUYV)."""
    layout = "yuvj422p" if codec == "mjpeg" else "yuyv422"
    width, height = size.split("x")
    scale = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},fps={fps}"
    tail = ["-vf", scale, "-an", "-c:v", codec, "-q:v", "3", "-pix_fmt", layout]
    return ffmpeg_feed(node, "-stream_loop", "-1", "-re", "-i", str(clip), *tail)


def bars_feed(
    node: Path, size: str = "1280x720", fps: int = 30, codec: str = "mjpeg"
) -> contextlib.AbstractContextManager[None]:
    """A webcam that shows SMPTE's bars, for `worst_bar`."""
    layout = "yuvj422p" if codec == "mjpeg" else "yuyv422"
    source = f"smptebars=size={size}:rate={fps}"
    return ffmpeg_feed(node, "-re", "-f", "lavfi", "-i", source, "-c:v", codec, "-q:v", "2", "-pix_fmt", layout)


_CELL, _BITS = 16, 32


def draw_clock(luma: U8, now_ns: int) -> None:
    """Draw a time into the top left of a luma plane, in microseconds, for `read_clock`."""
    draw_number(luma, now_ns // 1000)


def draw_number(luma: U8, number: int) -> None:
    """Draw the low 32 bits of a number into the top left of a luma plane: squares of 16 px, lowest bit first."""
    values = np.where((number & 0xFFFFFFFF) >> np.arange(_BITS) & 1, 235, 16).astype(np.uint8)
    luma[:_CELL, : _CELL * _BITS] = np.repeat(values, _CELL)


def read_clock(luma: U8, now_ns: int) -> float | None:
    """Return how old the time in a luma plane is, ms; None where no square is clearly black or white."""
    ticks = read_number(luma)
    if ticks is None:
        return None
    age = ((now_ns // 1000) - ticks) & 0xFFFFFFFF
    return float(age) / 1000 if age < 1 << 31 else None


def read_number(luma: U8) -> int | None:
    """Return the number in a luma plane; None where no square is clearly black or white."""
    cells = luma[4 : _CELL - 4, : _CELL * _BITS].reshape(_CELL - 8, _BITS, _CELL)[:, :, 4:-4].astype(float)
    means = cells.mean(axis=(0, 2))
    if ((means > 70) & (means < 180)).any():
        return None
    return int(((means > 125).astype(np.uint64) << np.arange(_BITS, dtype=np.uint64)).sum())


def clock_feed(
    node: Path, width: int = 1280, height: int = 720, fps: float = 30
) -> contextlib.AbstractContextManager[None]:
    """A YUYV webcam with the time of writing in its pixels, for `read_clock` at the other end."""
    frame = np.full((height, width, 2), 128, np.uint8)
    frame[:, :, 0] = np.linspace(40, 200, width, dtype=np.uint8)

    def now() -> U8:
        draw_clock(frame[:, :, 0], time.monotonic_ns())
        return frame

    return yuyv_feed(node, now, fps)


def frames_feed(node: Path, frames: list[U8], fps: float = 30) -> contextlib.AbstractContextManager[None]:
    """A YUYV webcam that shows `frames`, each (H, W, 2), forwards and back, over and over."""
    order = itertools.cycle([*frames, *frames[-2:0:-1]])
    return yuyv_feed(node, lambda: next(order), fps)


@contextlib.contextmanager
def yuyv_feed(node: Path, next_frame: Callable[[], U8], fps: float) -> Iterator[None]:
    """A YUYV webcam that shows what `next_frame` gives: (H, W, 2), always of the same size."""
    stop = threading.Event()
    height, width, _ = next_frame().shape
    descriptor = os.open(node, os.O_RDWR | os.O_CLOEXEC)
    try:
        layout = device.PixelLayout(width, height, "YUYV")
        got = device.set_format(descriptor, BufferType.OUTPUT, layout)
        assert (got.width, got.height, got.pixel_format) == (width, height, "YUYV"), got
        device.set_rate(descriptor, BufferType.OUTPUT, fps)

        def write() -> None:
            due = time.monotonic()
            while not stop.is_set():
                os.write(descriptor, next_frame())
                due = max(due + 1 / fps, time.monotonic())
                stop.wait(max(0, due - time.monotonic()))

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        wait_until_camera(node)
        try:
            yield
        finally:
            stop.set()
            thread.join(5)
    finally:
        os.close(descriptor)
