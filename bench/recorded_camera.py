"""The worker as the keeper starts it, but with a camera that gives recorded frames: started by bench/two_processes.py.

RECORDED_FRAMES names the file: a line of JSON (width, height, fps, pixels, lengths), then the frames, one by one.
All but the camera is the daemon's own, from the capture thread on. Stages are timed by their thread's time on a core.
"""

import functools
import json
import mmap
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

from lensd.frames import PixelFormat, RawFrame, VideoFormat


class RecordedCamera:
    """A `FrameSource` on a mapped file; a frame's time is when it is due, as a driver's is when it is there."""

    name = "recorded frames"

    def __init__(self, path):
        """Map the file."""
        with Path(path).open("rb") as file:
            head = json.loads(file.readline())
            begin = file.tell()
            self._memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self.format = VideoFormat(head["width"], head["height"], head["fps"])
        self._pixels = PixelFormat(head["pixels"])
        ends = [begin]
        for length in head["lengths"]:
            ends.append(ends[-1] + length)
        self._frames = [self._memory[a:b] for a, b in pairwise(ends)]
        self._start_ns, self._number = time.monotonic_ns(), 0

    def read(self, timeout_s):
        """Return the frame whose time has come; what came too late is left out, as a driver's buffers would be."""
        from lensd.camera.pace import sleep_until

        due = int((time.monotonic_ns() - self._start_ns) * self.format.fps / 1e9)
        number = max(self._number, due)
        at_ns = self._start_ns + round(number * 1e9 / self.format.fps)
        sleep_until(at_ns, self.name, timeout_s)
        self._number = number + 1
        size = self.format.width, self.format.height
        data = self._frames[number % len(self._frames)]
        return RawFrame(data, self._pixels, *size, self._pixels is PixelFormat.MJPG, number, at_ns)

    def close(self):
        """Keep the mapping: it ends with the process."""


def main():
    """Become the worker."""
    import lensd.camera.open_source
    import lensd.pipeline.render
    from lensd.metrics import Metrics

    lensd.camera.open_source.open_source = lambda *_: RecordedCamera(os.environ["RECORDED_FRAMES"])
    lensd.pipeline.render.Metrics = functools.partial(Metrics, clock_ns=time.thread_time_ns)
    from lensd.worker.__main__ import main as worker

    return worker()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
