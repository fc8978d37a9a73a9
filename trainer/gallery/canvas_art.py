"""A lens's art as a face of the template's shape wears it, in its crop's own pixels: the canvas of its network."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.overlay import render_crop
from trainer.canvas import template_on_canvas
from trainer.pairs_commands import stickers_named

if TYPE_CHECKING:
    from lensd.frames import U8
    from trainer.gallery.lenses import Taught

_SKIN = (196, 158, 138)  # of the face that paint is drawn on here: the network gives each its own light
_KNOWN = 0.02  # a matte from which a colour counts
_REACHES_PX = (1, 2, 4, 8, 16, 32, 64)


def canvas_art(lens: Taught) -> U8:
    """Return the canvas of a lens: (S, S, 4) uint8 RGB and matte, straight; colours go on beyond the matte's edge."""
    points, size = template_on_canvas(lens.crop), lens.crop.size_px
    if lens.overlay is not None:
        # A tongue that waits for the open mouth is on the canvas; when it is seen, the network says.
        stickers = [replace(sticker, when="always") for sticker in stickers_named(lens.overlay)]
        return _beyond(render_crop(stickers, points[:, :2], size))
    if lens.painter is None:
        raise ValueError(f"{lens.name} has no teacher")
    photo = np.full((size, size, 3), _SKIN, np.uint8)
    colour, matte = lens.painter(photo, points, 0)
    return _beyond(np.dstack([colour, matte]))


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
