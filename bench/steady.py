"""The frame's path in a loop, for a profiler: `python bench/steady.py [SECONDS] [WIDTHxHEIGHT] [MJPG|YUYV] [LENS]`.

Prints its process id once it is steady; then, in another terminal: py-spy record --pid PID --function -o path.svg
"""

import os
import sys
import time
from dataclasses import replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2

from lensd.evaluation.frame_path import FramePath
from lensd.evaluation.rehearsal import Rehearsal, golden_face
from lensd.frames import PixelFormat, VideoFormat
from lensd.lens.open import find_package
from lensd.lens.package import open_package

seconds, size, pixels, lens = (*sys.argv[1:], *("20", "1280x720", "MJPG", "thug-life")[len(sys.argv) - 1 :])
cv2.setNumThreads(1)
video = VideoFormat(*map(int, size.split("x")), 30)
rehearsal = Rehearsal(*golden_face(open_package(find_package("thug-life"))), video)
frames = [rehearsal.frame(number, PixelFormat(pixels), 0) for number in range(60)]
frames += frames[-2:0:-1]
with FramePath(lens, video) as path:
    path.rehearse(frames)
    print("steady:", os.getpid(), flush=True)
    begin, number = time.monotonic(), 0
    while time.monotonic() - begin < float(seconds):
        path.show(replace(frames[number % len(frames)], captured_ns=10**9 + number * 33_333_333))
        number += 1
print(number, "frames,", path.metrics.as_dict()["stages_ms"])
