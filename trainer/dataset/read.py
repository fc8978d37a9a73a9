"""Pictures from anywhere, bounded and checked: 8-bit RGB comes out of PNG, JPEG and WebP of every depth and mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.still import open_still, rgb_of
from lensd.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_WHITE = 255


def list_pictures(folder: Path) -> dict[str, Path]:
    """Return the pictures that lie in `folder` itself, by name without suffix, sorted; hidden files are passed over.

    Raises:
        MediaError: no such folder, none in it, or two of one name (a.png and a.jpg).
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise MediaError(str(folder), (error.strerror or "cannot be read").lower()) from error
    found: dict[str, Path] = {}
    for path in entries:
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if path.stem in found:
            why = f"{found[path.stem].name} and {path.name} have the same name"
            raise MediaError(str(folder), why, "rename one of them")
        found[path.stem] = path
    if not found:
        raise MediaError(str(folder), "has no pictures", "give a folder of PNG, JPEG or WebP files")
    return found


def read_rgb(path: Path) -> U8:
    """Return a picture upright, (H, W, 3) uint8 RGB; what is transparent is seen in front of white.

    Of 16 bits a channel the upper eight are kept.

    Raises:
        MediaError: it cannot be read, or is over 50 million pixels.
    """
    rgb, matte = read_layer(path)
    return rgb if matte is None else over(np.full_like(rgb, _WHITE), rgb, matte)


def read_layer(path: Path) -> tuple[U8, U8 | None]:
    """Return a picture's colours, (H, W, 3) uint8 RGB, and its transparency, (H, W) uint8, None where it is opaque.

    Raises:
        MediaError: as `read_rgb`.
    """
    picture = open_still(path)
    # Pillow cannot widen 16-bit grey with a transparent value to RGBA; the value is passed over.
    if not picture.has_transparency_data or picture.mode.startswith("I"):
        return rgb_of(picture), None
    rgba = np.asarray(picture.convert("RGBA"), np.uint8)
    return rgba[..., :3], rgba[..., 3]


def read_grey(path: Path) -> U8:
    """Return a picture's luma: (H, W) uint8.

    Raises:
        MediaError: as `read_rgb`.
    """
    return np.asarray(cv2.cvtColor(read_rgb(path), cv2.COLOR_RGB2GRAY), np.uint8)


def over(under: U8, rgb: U8, matte: U8) -> U8:
    """Lay `rgb` over `under`, both (H, W, 3), by `matte` (H, W), all uint8."""
    share = matte[..., None].astype(np.float32) / 255
    return np.rint(under * (1 - share) + rgb * share).astype(np.uint8)
