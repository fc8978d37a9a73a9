"""The picture on air as a file."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from lensd.control.pictures import OnAir
from lensd.errors import ControlError, MediaError
from lensd.frames import Picture
from lensd.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8

_SAVE: dict[str, dict[str, Any]] = {
    ".png": {},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95, "method": 4},
}
_PATIENCE_S = 8.0  # a webcam that nobody looked at is opened first


def take_snapshot(target: Path, socket: Path | None = None) -> tuple[int, int]:
    """Write the picture that programs see now to `target`, whole or not at all; return width and height.

    Args:
        target: ends in .png, .jpg, .jpeg or .webp.
        socket: the control socket, where it is not the usual one.

    Raises:
        MediaError: another suffix, or it cannot be written.
        ControlError: no daemon, or no picture in 8 s.
    """
    options = _SAVE.get(target.suffix.lower())
    if options is None:
        raise MediaError(str(target), f"a picture's name ends in {', '.join(_SAVE)}", "lensd snapshot me.png")
    picture = _picture_on_air(socket)
    from PIL import Image

    try:
        with whole_file(target, mode=0o600) as temporary:
            Image.fromarray(rgb_from_picture(picture)).save(temporary, **options)
    except OSError as error:
        raise MediaError(str(target), f"cannot be written: {error.strerror or error}") from None
    return picture.width, picture.height


def rgb_from_picture(picture: Picture) -> U8:
    """Return (H, W, 3) uint8 RGB of an I420 picture, BT.601 limited."""
    import cv2

    planes = picture.data.reshape(picture.height * 3 // 2, picture.width)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _picture_on_air(socket: Path | None) -> Picture:
    deadline = time.monotonic() + _PATIENCE_S
    with closing(OnAir(socket)) as on_air:
        reader = None
        while time.monotonic() < deadline:
            reader = on_air.look() or reader
            late = time.monotonic() > deadline - 1
            if reader is not None and (on_air.settled or late):
                picture = Picture(reader.width, reader.height)
                if reader.copy_newest(picture.data) is not None:
                    return picture
            time.sleep(0.02)
    raise ControlError("the camera", f"had no picture for {_PATIENCE_S:g} s", "see: lensd status")
