"""A lens's art as a face of the template's shape wears it, in its crop's own pixels: the canvas of its network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.overlay import render_crop
from lensd.whole_file import write_whole
from trainer.canvas import template_on_canvas
from trainer.package import png
from trainer.pairs import CANVAS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lensd.frames import F32, U8
    from lensd.lens.overlay import Sticker
    from trainer.pairs import Crop

_SKIN = (196, 158, 138)  # of the face that paint is drawn on here: the network gives each its own light
_KNOWN = 0.02  # a matte from which a colour counts
_REACHES_PX = (1, 2, 4, 8, 16, 32, 64)


def stickers_on_canvas(stickers: Sequence[Sticker], crop: Crop) -> U8:
    """Return the canvas of stickers: (S, S, 4) uint8 RGB and matte, straight; colours go on beyond the matte's edge."""
    # A tongue that waits for the open mouth is on the canvas; when it is seen, the network says.
    shown = [replace(sticker, when="always") for sticker in stickers]
    return _beyond(render_crop(shown, template_on_canvas(crop)[:, :2], crop.size_px))


def paint_on_canvas(painter: Callable[[U8, F32], tuple[U8, U8]], crop: Crop) -> U8:
    """Return the canvas of paint, likewise.

    Args:
        painter: a teacher that takes a picture and its mesh, and returns what it makes of it, and the matte.
        crop: what the network sees.
    """
    photo = np.full((crop.size_px, crop.size_px, 3), _SKIN, np.uint8)
    colour, matte = painter(photo, template_on_canvas(crop))
    return _beyond(np.dstack([colour, matte]))


def write_canvas(folder: Path, art: U8) -> None:
    """Write the canvas into a folder of pairs: whoever learns from them wears it from then on.

    Raises:
        OSError: the folder is not there, or cannot be written.
    """
    write_whole(folder / CANVAS, png(art))


def _beyond(art: U8) -> U8:
    """Return the art with colours where its matte is empty, of the nearest: a linear filter finds no dark rim."""
    colour, matte = art[..., :3].astype(np.float32), art[..., 3:].astype(np.float32) / 255
    known = matte[..., 0] > _KNOWN
    filled = np.where(known[..., None], colour, 0)
    for reach in _REACHES_PX:
        spread, weight = (cv2.GaussianBlur(part, (0, 0), reach) for part in (colour * matte, matte))
        new = ~known & (weight > 1e-3)
        filled[new] = (spread / np.maximum(weight, 1e-6)[..., None])[new]
        known |= new
    return np.dstack([np.clip(filled, 0, 255), art[..., 3]]).astype(np.uint8)
