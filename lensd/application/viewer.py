"""A window as a process: `python -m lensd.application.viewer TITLE WIDTH HEIGHT <pictures >answers`.

Of its own, because OpenCV's Qt and the FFmpeg of PyAV bring X11 libraries that do not bear each other (the window never
opens where both are loaded), and because Qt ends a process that finds no display.

In: for each picture kind, width and height (`HEAD`), then its bytes, I420 or RGB. Out: `OPEN` once it is open, then
`SHOWN` for each picture and `CLOSED` when somebody has closed it. It ends with its input.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import time
from io import FileIO

HEAD = struct.Struct("<BII")
I420, RGB = 0, 1
OPEN, SHOWN, CLOSED = b"o", b"s", b"c"
_SIDES_MAX = (1600, 900)
_QUIT = {ord("q"), ord("Q"), 27}
_LOOK_S = 0.02
_AGAIN_S = 0.25


def main(title: str, width: int, height: int) -> int:
    """Show what comes on standard input until it ends, or until q, Escape or the window's cross."""
    import cv2
    import numpy as np

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever feeds us hears Ctrl-C, and closes our input
    # Unbuffered, so that `select` knows of everything that is to be read.
    source, answers = FileIO(0, closefd=False), FileIO(1, "wb", closefd=False)
    say = answers.write

    cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    scale = min(1.0, _SIDES_MAX[0] / width, _SIDES_MAX[1] / height)
    cv2.resizeWindow(title, max(1, round(width * scale)), max(1, round(height * scale)))
    say(OPEN)
    bgr, shown_at = None, 0.0
    while True:
        if select.select([source], [], [], _LOOK_S)[0]:
            if len(head := _read(source, HEAD.size)) < HEAD.size:
                return 0
            kind, width, height = HEAD.unpack(head)
            size = width * height * (3 if kind == RGB else 1) + (width * height // 2 if kind == I420 else 0)
            if len(content := _read(source, size)) < size:
                return 0
            pixels = np.frombuffer(content, np.uint8)
            if kind == RGB:
                bgr = cv2.cvtColor(pixels.reshape(height, width, 3), cv2.COLOR_RGB2BGR)
            else:
                bgr = cv2.cvtColor(pixels.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
            cv2.imshow(title, bgr)
            shown_at = time.monotonic()
            say(SHOWN)
        elif bgr is not None and time.monotonic() - shown_at > _AGAIN_S:
            # A single picture may come before the window is mapped.
            cv2.imshow(title, bgr)
            shown_at = time.monotonic()
        closed = cv2.pollKey() in _QUIT
        if closed or (bgr is not None and cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1):
            say(CLOSED)
            return 0


def _read(source: FileIO, size: int) -> bytes:
    """Return `size` bytes, fewer at the end."""
    content = bytearray()
    while len(content) < size and (part := source.read(size - len(content))):
        content += part
    return bytes(content)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    except BrokenPipeError:
        os._exit(0)  # whoever fed us is gone
