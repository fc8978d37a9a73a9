"""Hostile bytes from a camera: `python -m tests.fuzz.camera_frame [OPTIONS]`.

An input's first byte chooses the pixel format (MJPG mostly), the rest is the frame. What comes out is a CameraError, or
a picture within BT.601's limits; the next good frame is then as it should be. libavcodec itself is not instrumented:
against it this is mutation of real JPEGs. Options are libFuzzer's, as for lens_package.py.
"""

from __future__ import annotations

from pathlib import Path

import atheris
import cv2
import numpy as np

from tests.fuzz_target import fuzz

with atheris.instrument_imports(include=["lensd.camera"]):
    from lensd.camera.decode import Decoder
    from lensd.errors import CameraError
    from lensd.frames import Picture, PixelFormat, RawFrame, VideoFormat

WIDTH, HEIGHT = 64, 48
MOST_BYTES = 16 * 1024
FORMATS = (*[PixelFormat.MJPG] * 6, *PixelFormat)
_DECODER = Decoder(VideoFormat(WIDTH, HEIGHT, 30))
_OUT = Picture(WIDTH, HEIGHT)


def jpegs() -> list[bytes]:
    """Pictures of several sizes, subsamplings and kinds."""
    ramp = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)).astype(np.uint8)
    colours = np.dstack([ramp, ramp[::-1], 255 - ramp])
    return [
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60, *more])[1].tobytes()
        for picture in (colours, colours[:31, :17], np.repeat(np.repeat(colours, 2, 0), 2, 1), ramp)
        for more in ([], [cv2.IMWRITE_JPEG_PROGRESSIVE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 2])
    ]


GOOD = jpegs()[0]


def frame(kind: PixelFormat, data: bytes) -> RawFrame:
    return RawFrame(data, kind, WIDTH, HEIGHT, kind == PixelFormat.MJPG, 0, 0)


def decoded(kind: PixelFormat, data: bytes) -> bytes:
    _DECODER.decode(frame(kind, data), _OUT)
    return _OUT.data.tobytes()


RIGHT = decoded(PixelFormat.MJPG, GOOD)


def one_input(data: bytes) -> None:
    if not data:
        return
    kind = FORMATS[data[0] % len(FORMATS)]
    try:
        decoded(kind, data[1:])
    except CameraError:
        pass
    else:
        if kind == PixelFormat.MJPG and not 16 <= _OUT.y.min() <= _OUT.y.max() <= 235:
            raise RuntimeError(f"luma from {_OUT.y.min()} to {_OUT.y.max()}")
    if decoded(PixelFormat.MJPG, GOOD) != RIGHT:
        raise RuntimeError("a good frame after it is another picture")


def seeds(folder: Path) -> None:
    """Begin with real JPEGs, and with a raw frame of the right size for each format."""
    for number, content in enumerate(jpegs()):
        (folder / f"jpeg-{number}").write_bytes(b"\x00" + content)
    for number, kind in enumerate(FORMATS):
        (folder / f"raw-{number}-{kind.name}").write_bytes(bytes([number]) + bytes(WIDTH * HEIGHT * 3))


if __name__ == "__main__":
    fuzz(one_input, seeds, MOST_BYTES, timeout_s=5, rss_mb=1024)
