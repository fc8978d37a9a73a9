"""Where on its canvas a network has to look: known for points of the face, and told to it besides the pictures.

By pictures alone a network that wears a canvas learns slowly: what is off by more than an edge's width has no slope.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np
from torch.nn import functional

from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.overlay import sticker_to_picture
from trainer.canvas import COARSE, Region, template_on_canvas

if TYPE_CHECKING:
    from torch import Tensor

    from lensd.frames import F32
    from lensd.lens.overlay import Sticker
    from trainer.pairs import Pairs

_GRID = 6  # points a side of each sticker
_EVERY = 2  # of the mesh's points
_ROUND_FACES, _ROUND_TEMPLATE = 1 / 16, 1 / 10  # of a crop's side


def known_places(pairs: Pairs, points: F32, size: int) -> F32:
    """Return points of the art, and where they lie on the canvas: (p, 4) float32, both in -1..1 from edge to edge.

    Stickers move as they are drawn; paint moves with the mesh.

    Args:
        pairs: with a canvas; without one p is 0.
        points: (478, 3), a sample's mesh in its pixels.
        size: its side.
    """
    if pairs.canvas is None:
        return np.zeros((0, 4), np.float32)
    template = template_on_canvas(pairs.crop)
    here, there = [], []
    if pairs.stickers:
        for sticker in pairs.stickers:
            height, width = sticker.image.shape[:2]
            across, down = np.meshgrid(np.linspace(0, width - 1, _GRID), np.linspace(0, height - 1, _GRID))
            spots = np.column_stack([across.ravel(), down.ravel()]).astype(np.float32)
            here.append(apply(sticker_to_picture(sticker, points), spots))
            there.append(apply(sticker_to_picture(sticker, template), spots))
    else:
        here.append(points[::_EVERY, :2])
        there.append(template[::_EVERY, :2])
    on_sample, on_canvas = np.concatenate(here), np.concatenate(there)
    both = [(2 * spots + 1) / side - 1 for spots, side in ((on_sample, size), (on_canvas, pairs.crop.size_px))]
    return np.concatenate(both, 1).astype(np.float32)


def region_of(pairs: Pairs) -> Region | None:
    """Return where in a crop the art ever comes to lie; None where that is all of the crop, or there is no art.

    That is a sixteenth of a side (16 px of 256) round its place on each of the faces, held out or not, cut as the
    tracker cuts them; and, for people who are not among them, a tenth round its place on the template's face. On 564
    faces our stickers stray up to 22 px from there, paint up to 41 where a head turns.
    """
    if pairs.canvas is None:
        return None
    crop, size = pairs.crop, pairs.crop.size_px
    hulls = [_hull(sticker) for sticker in pairs.stickers]
    margin, low, high = size * _ROUND_TEMPLATE, np.full(2, np.inf), np.full(2, -np.inf)
    meshes = (apply(invert(crop_to_picture(face, size, crop.side, crop.up)), face[:, :2]) for face in pairs.points)
    for mesh in chain([template_on_canvas(crop)[:, :2]], meshes):
        placed = [apply(sticker_to_picture(one, mesh), hull) for one, hull in zip(pairs.stickers, hulls, strict=True)]
        spots = np.concatenate(placed or [mesh])
        low, high = np.minimum(low, spots.min(0) - margin), np.maximum(high, spots.max(0) + 1 + margin)
        margin = size * _ROUND_FACES
    left, top = (int(max(0, edge // COARSE * COARSE)) for edge in low)
    right, bottom = (int(min(size, -(-edge // COARSE) * COARSE)) for edge in high)
    region = Region(top, bottom, left, right)
    return region if region != (0, size, 0, size) else None


def _hull(sticker: Sticker) -> F32:
    """Return the convex hull of what is to be seen of a sticker, (n, 2) float32, px of its picture."""
    matte = sticker.image[..., 3]
    seen = cv2.findNonZero(matte if matte.any() else np.ones_like(matte))
    return np.asarray(cv2.convexHull(seen)[:, 0], np.float32)


def place_l1(place: Tensor, known: Tensor) -> Tensor:
    """Mean distance along x and y, in half sides, between where a network looks and where it should; a scalar.

    Args:
        place: (n, 2, h, w), for each pixel of the coarse map its place on the canvas, -1..1.
        known: (n, p, 4), as `known_places` tells them; those outside the sample do not count.
    """
    looked = functional.grid_sample(place, known[:, None, :, :2], align_corners=False)[:, :, 0].transpose(1, 2)
    inside = (known[..., :2].abs() < 1).all(2, keepdim=True).to(place.dtype)
    return (inside * (looked - known[..., 2:]).abs()).sum() / (2 * inside.sum() + 1)
