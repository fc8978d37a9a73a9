"""A package's PNG into an array, after its header was checked."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from lensd.errors import PackageError
from lensd.lens.picture_headers import check_png

if TYPE_CHECKING:
    from lensd.frames import U8

_ERRORS = (UnidentifiedImageError, OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, IndexError)


def decode_png(content: bytes, where: str, channels: int) -> U8:
    """Return the picture in `content`: (H, W, channels) uint8 RGB or RGBA, at most 1024 pixels a side.

    Raises:
        PackageError: not an 8-bit PNG with that many channels, too large, or damaged.
    """
    check_png(content, where, channels)
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as picture:
            pixels = np.array(picture.convert("RGBA" if channels == 4 else "RGB"), np.uint8)
    except _ERRORS as error:
        raise PackageError(where, "is a damaged PNG") from error
    return pixels
