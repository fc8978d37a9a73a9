"""Mouths opened by a warp: of 1,127 portraits 14 have one wide open, too few to learn from when a tongue shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import face_to_picture, invert

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_INNER_LIPS = (13, 14)
_CORNER_AT = 0.16  # face units from the mouth's middle to where the lips stay together
_CHIN_AT = 0.75  # so far below nothing moves any more
_INSIDE = np.array([58, 22, 24], np.float32)


def open_mouth(photo: U8, points: F32, by: float, light: float = 1.0) -> tuple[U8, F32]:
    """Lower a face's lower lip and chin, and show a dark mouth between the lips.

    Args:
        photo: (S, S, 3) uint8 RGB; not modified.
        points: (478, 3) mesh in its pixels.
        by: how far, face units, 0..0.25.
        light: on what is inside the mouth, 1 is a deep red-brown.

    Returns:
        The photograph and the mesh, both new.
    """
    size = photo.shape[0]
    to_picture = face_to_picture(points)
    to_face = invert(to_picture)
    middle = to_face[:, :2] @ points[list(_INNER_LIPS), :2].mean(0) + to_face[:, 2]
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    across = to_face[0, 0] * x + to_face[0, 1] * y + to_face[0, 2] - middle[0]
    down = to_face[1, 0] * x + to_face[1, 1] * y + to_face[1, 2] - middle[1]
    gap = _gap(across, by)
    # Below the gap a pixel shows what lay higher by the gap, less towards the chin's end.
    moved = np.where(down > gap, gap * _fade(down - gap), 0).astype(np.float32)
    source_x, source_y = x - to_picture[0, 1] * moved, y - to_picture[1, 1] * moved
    opened = cv2.remap(photo, source_x, source_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    unit = float(np.hypot(*to_picture[:, 1]))
    inside = np.clip(np.minimum(down, gap - down) * unit + 0.5, 0, 1)[..., None] * (gap > 0)[..., None]
    shade = 1 - 0.5 * np.clip(down / max(by, 1e-6), 0, 1)[..., None]
    shown = opened * (1 - inside) + inside * np.clip(_INSIDE * light * shade, 0, 255)
    face = (points[:, :2] @ to_face[:, :2].T + to_face[:, 2] - middle).astype(np.float32)
    below = face[:, 1] > 0
    lowered = np.where(below, _gap(face[:, 0], by) * _fade(face[:, 1]), 0)
    new = points.copy()
    new[:, :2] += lowered[:, None] * to_picture[:, 1]
    return shown.astype(np.uint8), new


def _gap(across: F32, by: float) -> F32:
    """Return how far the lips are apart at a place across the mouth, face units."""
    return np.asarray(by * np.clip(1 - (across / _CORNER_AT) ** 2, 0, 1), np.float32)


def _fade(below: F32) -> F32:
    return np.asarray(np.clip(1 - below / _CHIN_AT, 0, 1), np.float32)
