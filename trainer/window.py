"""The window round a face: what of a photograph is kept for training, upright as in the photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import apply, crop_to_picture, invert

if TYPE_CHECKING:
    from lensd.frames import F32, U8, Affine

# Face units a side: room for jitter and for turning.
WINDOW_SIDE = 2.0
WINDOW_PX = 400


def window(photo: U8, points: F32) -> tuple[U8, F32]:
    """Cut the upright window round a face.

    Args:
        photo: (H, W, 3) uint8.
        points: (478, 3) mesh in its pixels.

    Returns:
        (WINDOW_PX, WINDOW_PX, 3) uint8 and the mesh in its pixels.
    """
    upright = window_to_photo(points)
    scale = float(upright[0, 0])
    moved = np.column_stack([apply(invert(upright), points[:, :2]), points[:, 2] / scale])
    return cut_window(photo, upright, cv2.BORDER_REFLECT_101), moved.astype(np.float32)


def window_to_photo(points: F32) -> Affine:
    """Return the affine from the window's pixels to the photograph's, a scale and a shift: (2, 3) float32."""
    across = crop_to_picture(points, WINDOW_PX, WINDOW_SIDE)
    scale = float(np.hypot(across[0, 0], across[1, 0]))
    middle = across @ np.array([(WINDOW_PX - 1) / 2, (WINDOW_PX - 1) / 2, 1])
    upright = np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    upright[:, 2] = middle - scale * (WINDOW_PX - 1) / 2
    return upright


def cut_window(photo: U8, upright: Affine, border: int) -> U8:
    """Cut the window `upright` from (H, W) or (H, W, 3) uint8; `border` is OpenCV's rule for what lies outside."""
    flags = (cv2.INTER_AREA if upright[0, 0] > 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(photo, upright, (WINDOW_PX, WINDOW_PX), flags=flags, borderMode=border), np.uint8)
