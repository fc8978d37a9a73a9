"""Writers of the virtual camera, for the tests of the guest."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from lensd.frames import U8, VideoFormat
from lensd.ports import FrameSink
from tests.guest.inside.processes import running

HD = VideoFormat(1280, 720, 30)
VGA = VideoFormat(640, 480, 30)
# A writer as a user's script would be: prints a line when it streams, and goes on until it is killed.
WRITER = f"""
import sys, time, numpy as np
from lensd.frames import VideoFormat
from lensd.virtualcam import open_sink
sink = open_sink("auto", VideoFormat({HD.width}, {HD.height}, 30))
picture = np.full({HD.picture_bytes}, int(sys.argv[1]), np.uint8)
while True:
    sink.write(picture)
    print("streaming", flush=True)
    time.sleep(1 / 30)
"""


@contextlib.contextmanager
def streaming(sink: FrameSink, picture: U8) -> Iterator[None]:
    """Write `picture` at the sink's rate for the block; in the end the sink is closed."""
    stop = threading.Event()

    def write() -> None:
        due = time.monotonic()
        while not stop.is_set():
            sink.write(picture)
            due += sink.format.period_ns / 1e9
            stop.wait(max(0, due - time.monotonic()))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sink.close()


def writer(value: int) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return running([sys.executable, "-c", WRITER, str(value)], stdout=subprocess.PIPE)


def first_line(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    assert process.stdout.readline() == b"streaming\n"


def ffmpeg_writes(node: Path, pictures: int = 10) -> int:
    source = ["-f", "lavfi", "-i", "testsrc=size=1280x720:rate=30", "-frames:v", str(pictures), "-pix_fmt", "yuv420p"]
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *source, "-f", "v4l2", str(node)]).returncode
