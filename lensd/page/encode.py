"""The shared picture as a JPEG for a browser."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lensd.frames import Picture

if TYPE_CHECKING:
    from lensd.shared_picture import SharedPictureReader, Stamp

MAX_WIDTH = 960  # what the page shows; twice the pixels would cost twice the time
_QUALITY = 82


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A picture as it goes to browsers.

    Attributes:
        number: counts up for the life of the page's process, whatever the worker does.
        jpeg: the file.
        age_ms: from the camera's capture to the end of the encoding.
    """

    number: int
    jpeg: bytes
    age_ms: float


class JpegEncoder:
    """Scales and encodes pictures of one size; used by one thread.

    Planes are scaled before they become RGB: 2.3 ms a 1280x720 picture on one core, 2.7 the other way round, 10.5 with
    Pillow, 4.2 with FFmpeg's encoder (measured).
    """

    def __init__(self, width: int, height: int) -> None:
        """Allocate for pictures of `width` x `height` pixels."""
        self.size = width, height
        shown = min(width, MAX_WIDTH)
        self._whole = Picture(width, height)
        self._small = Picture(shown, round(height * shown / width / 2) * 2) if shown < width else self._whole
        self._bgr = np.empty((self._small.height, self._small.width, 3), np.uint8)

    def encode(self, reader: SharedPictureReader) -> tuple[Stamp, bytes] | None:
        """Return the newest picture's stamp and its JPEG; None where there is no whole one now."""
        import cv2  # the first look pays for it: 30 MB that the worker has mapped already, 0.1 s

        stamp = reader.copy_newest(self._whole.data)
        if stamp is None:
            return None
        cv2.setNumThreads(1)
        small = self._small
        if small is not self._whole:
            for plane in ("y", "u", "v"):
                source, target = getattr(self._whole, plane), getattr(small, plane)
                cv2.resize(source, target.shape[::-1], target, interpolation=cv2.INTER_LINEAR)
        planes = small.data.reshape(small.height * 3 // 2, small.width)
        cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420, self._bgr)
        _, jpeg = cv2.imencode(".jpg", self._bgr, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
        return stamp, jpeg.tobytes()


def age_ms(stamp: Stamp) -> float:
    """Return how long ago the frame was captured, in milliseconds."""
    return max(0.0, (time.monotonic_ns() - stamp.captured_ns) / 1e6)
