"""A stream into a loopback device that another process began and that goes on: what it is, and where in it we are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from lensd.v4l2 import device
from lensd.v4l2.uapi import BufferType, Cap
from lensd.virtualcam.node import DRIVER

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import VideoFormat

_MOST_BUFFERS = 32  # what the module can be loaded with
_OUTPUT = BufferType.OUTPUT


class RunningStream(NamedTuple):
    """The device's name, how many buffers are in turn, and which of them was queued last."""

    card: str
    buffers: int
    last: int


class CannotGoOn(Exception):
    """This stream is of no use; says why, in a clause."""


def running_stream(descriptor: int, path: Path, video: VideoFormat) -> RunningStream:
    """Find out what `descriptor` streams.

    Raises:
        CannotGoOn: another device's, ended, or of another size. OSError: no device, or gone.
    """
    if os.fstat(descriptor).st_rdev != path.stat().st_rdev:
        raise CannotGoOn("it was another device's")
    answer = device.query_capability(descriptor)
    if answer.driver != DRIVER or not answer.caps & Cap.VIDEO_CAPTURE:
        raise CannotGoOn("it has ended")
    got = device.get_format(descriptor, _OUTPUT)
    if (got.width, got.height, got.pixel_format) != (video.width, video.height, "YU12"):
        raise CannotGoOn(f"it has {got.width}x{got.height} {got.pixel_format}")
    times: list[int] = []
    for index in range(_MOST_BUFFERS):
        try:
            offset, length = device.query_buffer(descriptor, _OUTPUT, index)
        except OSError:
            break
        if offset != index * length or length < video.picture_bytes:
            break  # folded onto the first ones
        times.append(device.buffer_time_ns(descriptor, _OUTPUT, index))
    if not times:
        raise CannotGoOn("it has no buffers")
    return RunningStream(answer.card, len(times), times.index(max(times)))
