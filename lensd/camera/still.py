"""A still picture in the form of the frame's path: read within bounds, and decoded as a camera's frame would be."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lensd.camera.decode import Decoder
from lensd.errors import MediaError
from lensd.frames import Picture, PixelFormat, RawFrame, VideoFormat

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8

FORMATS = ("PNG", "JPEG", "WEBP")
SIDE_PX_MAX = 16_384
PIXELS_MAX = 50_000_000
_TOO_LARGE = f"at most {PIXELS_MAX // 1_000_000} million pixels are allowed"
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError)


def open_still(path: Path, *, upright: bool = True) -> Image.Image:
    """Return the picture in a PNG, JPEG or WebP file, decoded.

    Args:
        path: the file.
        upright: turn it as its EXIF orientation says.

    Raises:
        MediaError: missing, another format, damaged, an animation, or over 50 million pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own bound is lower
            picture = Image.open(path, formats=FORMATS)
        with picture:
            if picture.width * picture.height > PIXELS_MAX or max(picture.size) > SIDE_PX_MAX:
                raise MediaError(str(path), f"says {picture.width}x{picture.height}; {_TOO_LARGE}")
            # A phone's JPEG may hold a second picture (MPO), which is no animation.
            if picture.format in ("PNG", "WEBP") and getattr(picture, "n_frames", 1) > 1:
                raise MediaError(str(path), "is an animation", "make a video file of it first")
            picture.load()
            return ImageOps.exif_transpose(picture) if upright else picture.copy()
    except Image.DecompressionBombError as error:
        raise MediaError(str(path), f"is too large; {_TOO_LARGE}") from error
    except UnidentifiedImageError as error:
        raise MediaError(str(path), "is no picture that lensd reads", "give a PNG, JPEG or WebP file") from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise MediaError(str(path), error.strerror or "cannot be read") from error
    except _DAMAGED as error:
        raise MediaError(str(path), "is damaged or cut off") from error


def rgb_of(picture: Image.Image) -> U8:
    """Return its colours without transparency: (H, W, 3) uint8 RGB; 16-bit greys keep their upper eight bits."""
    if picture.mode.startswith("I"):
        # Pillow clips 16-bit grey to 255 where it converts, and would make a white picture of it.
        grey = np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.asarray(picture.convert("RGB"), np.uint8)


def picture_of(rgb: U8) -> Picture:
    """Return `rgb` (H, W, 3) uint8 as the frame's path sees it; an odd side grows by repeating its edge."""
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        height, width = rgb.shape[:2]
    picture = Picture(width, height)
    frame = RawFrame(np.ascontiguousarray(rgb).data, PixelFormat.RGB, width, height, True, 0, 0)
    Decoder(VideoFormat(width, height, 30)).decode(frame, picture)
    return picture
