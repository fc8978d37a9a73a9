"""A PNG to a sticker: trimmed to what can be seen, at most 1024 px, and placed where such a thing is worn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import MediaError
from lensd.lens.overlay import Anchor, Sticker
from lensd.lens.picture_headers import STICKER_PX_MAX
from trainer.dataset.read import read_layer

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8

_SEEN = 16  # of 255: fainter than this is not seen, and does not count for the size
_SMALLEST_PX = 12
_EVEN = 16  # sides are multiples of it, so that four smaller copies can be made for drawing it small


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sticker is worn if nobody says otherwise, face units (hair line to chin is 1, y down).

    Attributes:
        width: of what is seen of it. height: at most so much; a higher picture becomes narrower.
        middle: y of its centre; None where `foot` is told.
        foot: y of its lower edge.
    """

    width: float
    height: float
    middle: float | None = None
    foot: float | None = None


# Eyes -0.19 (corners 0.26 from the middle), brows -0.27 to -0.31, nose 0.06, lips 0.17 to 0.29, ears at 0.42.
PLACES: dict[Anchor, Place] = {
    "eyes": Place(0.88, 0.46, middle=-0.165),
    "nose": Place(0.34, 0.36, middle=0.03),
    "mouth": Place(0.48, 0.34, middle=0.225),
    "brow": Place(0.92, 0.34, foot=-0.24),
    "head": Place(1.15, 0.85, foot=-0.33),
}


def read_sticker(path: Path, anchor: Anchor, width: float | None, centre: tuple[float, float] | None) -> Sticker:
    """Read a PNG (or WebP) with transparency, and place it.

    Args:
        path: the file.
        anchor: the part of the face it moves with.
        width: face units, of what is seen of it; None takes the anchor's own.
        centre: (x, y) face units; None takes the anchor's own.

    Raises:
        MediaError: no such picture, or one without transparency, without anything to be seen, or far too small.
    """
    rgb, alpha = read_layer(path)
    if alpha is None:
        raise MediaError(str(path), "has no transparency, so it would cover the face as a box", "give a PNG with alpha")
    rows, columns = (np.flatnonzero((alpha >= _SEEN).any(axis)) for axis in (1, 0))
    if not len(rows):
        raise MediaError(str(path), "is transparent all over, so there is nothing to wear")
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    seen_height, seen_width = int(bottom - top), int(right - left)
    if min(seen_height, seen_width) < _SMALLEST_PX:
        why = f"shows {seen_width}x{seen_height} px only; at least {_SMALLEST_PX} a side are needed"
        raise MediaError(str(path), why, "give a larger picture")
    image = _fitted(np.dstack([rgb, alpha])[top:bottom, left:right])
    shape, place = seen_height / seen_width, PLACES[anchor]
    if width is None:
        width = min(place.width, place.height / shape)
    if centre is None:
        middle = place.middle if place.foot is None else place.foot - width * shape / 2
        centre = (0.0, round(float(middle or 0.0), 4))
    # What was added to make the sides even is transparent, and belongs to the picture's width.
    within = min(1.0, _largest() / max(seen_width, seen_height)) * seen_width
    return Sticker(image, anchor, centre, round(width * image.shape[1] / within, 4))


def box_of(sticker: Sticker) -> tuple[float, float, float, float]:
    """Return where a sticker lies on the template: x0, y0, x1, y1 in face units."""
    height, width = sticker.image.shape[:2]
    x, y = sticker.centre
    half_width, half_height = sticker.width / 2, sticker.width * height / width / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


def _largest() -> int:
    return STICKER_PX_MAX - _EVEN


def _fitted(rgba: U8) -> U8:
    """Scale down where a side is too long, and add transparent pixels until the sides are even."""
    height, width = rgba.shape[:2]
    shrink = min(1.0, _largest() / max(height, width))
    if shrink < 1:
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        matte = rgba[..., 3:].astype(np.float32) / 255
        soft = cv2.resize(np.dstack([rgba[..., :3] * matte, matte]), size, interpolation=cv2.INTER_AREA)
        colour = soft[..., :3] / np.maximum(soft[..., 3:], 1e-4)
        rgba = np.clip(np.rint(np.dstack([colour, 255 * soft[..., 3]])), 0, 255).astype(np.uint8)
        height, width = rgba.shape[:2]
    down, across = -height % _EVEN, -width % _EVEN
    around = (down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)
    return np.ascontiguousarray(np.pad(rgba, around))
