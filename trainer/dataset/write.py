"""Pictures to files, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from lensd.errors import MediaError
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8


def write_png(path: Path, picture: U8) -> None:
    """Write (H, W, 3) RGB or (H, W) grey, uint8; folders are made where missing.

    Raises:
        MediaError: it cannot be encoded or written; `path` is then as it was.
    """
    done, data = cv2.imencode(".png", picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise MediaError(str(path), "could not be encoded as PNG")
    write_file(path, data.tobytes())


def write_file(path: Path, content: bytes) -> None:
    """Write a file; folders are made where missing.

    Raises:
        MediaError: it cannot be written; `path` is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise MediaError(str(path), (error.strerror or "cannot be written").lower()) from error
