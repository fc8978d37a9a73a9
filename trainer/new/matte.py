"""What of B is to be painted, where nobody says: where it differs from A, softly, and nothing at the crop's border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import crop_to_picture, invert

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.pairs import Crop

# Differences of 0..255, largest of the three channels. Two JPEGs of quality 75 to 90 of one photograph differ by up to
# 10 at its edges after the blur.
_NOISE, _NOISE_MAX = 10.0, 24.0
_CERTAIN = 2.5  # so many times the noise is painted whole
_BLUR = 1.2  # of the pictures, beforehand; pixels of the window, as all that follows
_SPECK, _GAP, _GROWN, _SOFT = 5, 13, 9, 3.0
_HOLE = 0.03  # of the window: holes up to that are painted too
# From the crop's border inwards, shares of its side: nothing, then rising to all.
_NOTHING_TO, _ALL_FROM = 0.02, 0.13
_ROUND_FROM = 0.72  # of the way from the crop's middle to the middle of its side


def difference(before: U8, after: U8) -> F32:
    """Return how surely B is not A: (H, W) float32, 0..1, not cleaned.

    Args:
        before, after: (H, W, 3) uint8 RGB.
    """
    soft = [cv2.GaussianBlur(side, (0, 0), _BLUR).astype(np.float32) for side in (before, after)]
    away = np.abs(soft[0] - soft[1]).max(2)
    # Where most of the picture was left alone, what differs there is noise of the files.
    noise = float(np.clip(3 * np.percentile(away, 25), _NOISE, _NOISE_MAX))
    sure: F32 = np.clip((away - noise) / (noise * (_CERTAIN - 1)), 0, 1).astype(np.float32)
    return sure


def matte_of(before: U8, after: U8, valid: U8) -> U8:
    """Return what of B is to be painted: (H, W) uint8; specks left out, gaps and holes filled, grown and softened.

    Args:
        before, after: (H, W, 3) uint8 RGB.
        valid: (H, W) uint8, 255 inside the picture that the two were cut from; nothing is painted outside.
    """
    found = (difference(before, after) * 255).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(_SPECK)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_CLOSE, _disc(_GAP)).astype(np.uint8)
    found = cv2.dilate(_filled(found), _disc(_GROWN)).astype(np.uint8)
    return np.asarray(np.rint(cv2.GaussianBlur(found, (0, 0), _SOFT) * inside(valid)), np.uint8)


def inside(valid: U8) -> F32:
    """Return `valid`, (H, W) uint8, drawn in a little and softened: (H, W) float32, 0..1."""
    return np.asarray(cv2.GaussianBlur(cv2.erode(valid, _disc(_GAP)), (0, 0), _SOFT), np.float32) / np.float32(255)


def fade(points: F32, crop: Crop, window_px: int, *, rounded: bool = False) -> F32:
    """Return how much may be painted at each pixel of a window: (W, W) float32, 1 inside the crop, 0 at its border.

    Args:
        points: (478, 2 or 3), the mesh in the window's pixels.
        crop: what the network sees.
        window_px: pixels a side of the window.
        rounded: a circle round the head; a square with soft sides is seen on every plain wall behind it.
    """
    to_crop = invert(crop_to_picture(points, crop.size_px, crop.side, crop.up)).astype(np.float64) / crop.size_px
    x, y = np.meshgrid(np.arange(window_px), np.arange(window_px))
    shares = (to_crop[:, :1, None] * x + to_crop[:, 1:2, None] * y + to_crop[:, 2:, None]).astype(np.float32)
    if rounded:
        away = 2 * np.hypot(*(shares - 0.5)) / (1 - 2 * _NOTHING_TO)
        falling = np.clip((1 - away) / (1 - _ROUND_FROM), 0, 1)
        return np.asarray(falling * falling * (3 - 2 * falling), np.float32)
    from_border = np.minimum(shares, 1 - shares)
    rising = np.clip((from_border - _NOTHING_TO) / (_ALL_FROM - _NOTHING_TO), 0, 1)
    smooth = rising * rising * (3 - 2 * rising)
    return np.asarray(smooth[0] * smooth[1], np.float32)


def _filled(found: U8) -> U8:
    """Fill holes in what was found, up to a few hundredths of the picture."""
    empty = (found < 128).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    height, width = found.shape
    left, top, wide, high, area = (stats[:, column] for column in range(5))
    at_border = (left == 0) | (top == 0) | (left + wide == width) | (top + high == height)
    hole = ~at_border & (area < _HOLE * height * width)
    hole[0] = False
    return np.where(hole[labels] & (empty > 0), 255, found).astype(np.uint8)


def _disc(px: int) -> U8:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (px, px)), np.uint8)
