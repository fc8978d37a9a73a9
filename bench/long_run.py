"""Whether anything grows: `python bench/long_run.py [FRAMES] [WIDTHxHEIGHT] [MJPG|YUYV] [LENS]`.

Shows FRAMES frames (27,000: a quarter of an hour at 30 a second) into memory, as fast as they go, and notes the own
memory (RssAnon) of the process after each minute's worth; then 900 more under tracemalloc, which knows what Python and
NumPy allocate: what is held longer than a frame, and how much a frame takes at a time. Ends with one line of JSON.
"""

import gc
import json
import os
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np

from lensd.evaluation.frame_path import FramePath
from lensd.evaluation.rehearsal import Rehearsal, golden_face
from lensd.frames import PixelFormat, VideoFormat
from lensd.lens.open import find_package
from lensd.lens.package import open_package

_MINUTE = 1800
_TRACED = 900
_SETTLED = 3  # minutes' worth, after which nothing is loaded, drawn up or warmed any more


def own_kb():
    """Return the memory that is this process's own, kB: not the files of libraries, which come and go."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1])


class Camera:
    """The same frames there and back, with ever later times."""

    def __init__(self, video, pixels):
        """Draw them."""
        rehearsal = Rehearsal(*golden_face(open_package(find_package("thug-life"))), video)
        frames = [rehearsal.frame(number, pixels, 0) for number in range(60)]
        self._frames, self.shown = frames + frames[-2:0:-1], 0

    def next(self):
        """Return one."""
        frame = self._frames[self.shown % len(self._frames)]
        self.shown += 1
        return replace(frame, captured_ns=10**9 + self.shown * 33_333_333)


def traced(path, camera):
    """Return bytes that were held longer than a frame at the end, and the largest that one frame took meanwhile."""
    gc.collect()
    tracemalloc.start()
    path.show(camera.next())
    before, most = tracemalloc.get_traced_memory()[0], 0
    for _ in range(_TRACED):
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0]
        path.show(camera.next())
        most = max(most, tracemalloc.get_traced_memory()[1] - held)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return grown, most


def main():
    """Run, print, and end with the JSON."""
    frames, size, pixels, lens = (*sys.argv[1:], *("27000", "1280x720", "MJPG", "thug-life")[len(sys.argv) - 1 :])
    cv2.setNumThreads(1)
    video = VideoFormat(*map(int, size.split("x")), 30)
    camera, own, begin = Camera(video, PixelFormat(pixels)), [], time.monotonic()
    with FramePath(lens, video) as path:
        print(f"{lens} in {path.runtime}, {size} {pixels}: its own memory, MB, after each {_MINUTE} frames", flush=True)
        for number in range(int(frames)):
            path.show(camera.next())
            if (number + 1) % _MINUTE == 0:
                own.append(own_kb())
                print(f"{own[-1] / 1024:.2f}", end=" ", flush=True)
        grown, most = traced(path, camera)
    settled = np.array(own[_SETTLED:] if len(own) > _SETTLED + 1 else own, float)
    slope = float(np.polyfit(np.arange(len(settled)), settled, 1)[0]) if len(settled) > 1 else float("nan")
    picture = video.width * video.height * 3 // 2
    print(f"\n{time.monotonic() - begin:.0f} s; {slope:+.1f} kB a minute's worth from the {_SETTLED + 1}th on")
    print(
        f"Python and NumPy: {grown:+d} bytes held after {_TRACED} more; a frame takes at most {most} at a time, ",
        end="",
    )
    print(f"{most / picture:.2f} of a picture's {picture}")
    told = {"own_mb": [round(kb / 1024, 2) for kb in own], "kb_a_minute": round(slope, 2)}
    print(json.dumps({**told, "held_bytes": grown, "frame_bytes_most": most, "picture_bytes": picture}))


if __name__ == "__main__":
    main()
