"""A package's PNG into an array, after its header was checked."""

from __future__ import annotations

import cv2
import numpy as np

from lensd.errors import PackageError
from lensd.frames import U8
from lensd.lens.picture_headers import check_png


def decode_png(content: bytes, where: str, channels: int) -> U8:
    """Return the picture in `content`: (H, W, channels) uint8 RGB or RGBA, at most 1024 pixels a side.

    OpenCV, which the worker has loaded anyway: Pillow would take 40 ms more until the first lensed picture.

    Raises:
        PackageError: not an 8-bit PNG with that many channels, too large, or damaged.
    """
    check_png(content, where, channels)
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise PackageError(where, "is a damaged PNG") from error
    if pixels is None or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != channels:
        raise PackageError(where, "is a damaged PNG")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if channels == 4 else cv2.COLOR_BGR2RGB), np.uint8)
