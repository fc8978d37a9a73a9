"""What is done to one picture, after pix2pix-tensorflow's tools/process.py: (H, W, 3) uint8 RGB in and out.

Source of each rule: the tool's behaviour as documented; `edges` is OpenCV's Canny in place of a network (HED) whose
weights would have to be fetched.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import MediaError

if TYPE_CHECKING:
    from lensd.frames import U8

_BLANK_SHARE = 0.3
_SMALL_EDGE_PX = 5
_CANNY_LOW, _CANNY_HIGH = 0.66, 1.33
_FLOOR = 20.0  # of the thresholds: a flat dark picture's noise is no edge


def resize(rgb: U8, size: int, *, pad: bool = False) -> U8:
    """Make a picture square, (size, size, 3): its middle, or all of it on black; averaged down, bicubic up."""
    height, width = rgb.shape[:2]
    if pad:
        side = max(height, width)
        square = np.zeros((side, side, 3), np.uint8)
        top, left = (side - height) // 2, (side - width) // 2
        square[top : top + height, left : left + width] = rgb
    else:
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = rgb[top : top + side, left : left + side]
    if side == size:
        return square
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (size, size), interpolation=how), np.uint8)


def grayscale(rgb: U8) -> U8:
    """Return the luma (BT.601) in all three channels."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def blank(rgb: U8) -> U8:
    """Return the picture with a white square of 30 % of its side in the middle.

    Raises:
        MediaError: it is not square.
    """
    height, width = rgb.shape[:2]
    if height != width:
        raise MediaError("blank", f"needs a square picture, not {width}x{height}", "lensd pairs resize first")
    side = math.floor(height * _BLANK_SHARE)
    corner = height // 2 - side // 2
    out = rgb.copy()
    out[corner : corner + side, corner : corner + side] = 255
    return out


def edges(rgb: U8, sigma: float = 1.4) -> U8:
    """Return black lines on white: Canny's, with thresholds about the median of the strong gradients.

    Args:
        rgb: the picture.
        sigma: of the blur beforehand, pixels; more leaves fewer lines. Lines of under 5 pixels are left out.
    """
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), sigma)
    across, down = (cv2.Sobel(grey, cv2.CV_16S, dx, 1 - dx) for dx in (1, 0))
    strength = np.abs(across.astype(np.int32)) + np.abs(down.astype(np.int32))
    strong = strength[strength > _FLOOR]
    middle = float(np.median(strong)) if strong.size else _FLOOR
    lines = cv2.Canny(across, down, max(_FLOOR, _CANNY_LOW * middle), max(2 * _FLOOR, _CANNY_HIGH * middle))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= _SMALL_EDGE_PX
    keep[0] = False
    drawn = np.where(keep[labels], 0, 255).astype(np.uint8)
    return np.repeat(drawn[..., None], 3, axis=2)
