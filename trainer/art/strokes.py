"""What a hand draws with: the direction of the forms in a picture, and marks smeared along it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from lensd.frames import F32

HAND_DEG = 52.0  # how a right-handed person hatches where nothing else leads


def directions(luma: F32) -> F32:
    """Return unit vectors along the forms, (H, W, 2): the structure tensor's, by the hand's where it has none."""
    dx, dy = (
        cv2.Scharr(cv2.GaussianBlur(luma, (0, 0), 1.2), cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1))
    )
    # Twice the angle: directions that are opposite are the same, and can be averaged.
    xx, yy, xy = (cv2.GaussianBlur(product, (0, 0), 4.0) for product in (dx * dx, dy * dy, dx * dy))
    strength = np.hypot(xx - yy, 2 * xy)
    sure = strength / (xx + yy + 4.0)
    hand = np.radians(-2 * HAND_DEG)
    # Across the gradient: the angle of the tensor's larger eigenvector turned by 90 degrees, which doubled are 180.
    cos = -(xx - yy) / (strength + 1e-6) * sure + (1 - sure) * 0.45 * np.cos(hand)
    sin = -2 * xy / (strength + 1e-6) * sure + (1 - sure) * 0.45 * np.sin(hand)
    angle = np.arctan2(cv2.GaussianBlur(sin, (0, 0), 4.0), cv2.GaussianBlur(cos, (0, 0), 4.0)) / 2
    return np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)


def smeared(plane: F32, along: F32, reach: int) -> F32:
    """Return the mean of `plane` over `reach` steps of a pixel along the field, both ways (Cabral and Leedom 1993)."""
    height, width = plane.shape
    start = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    total, nowhere = plane.copy(), np.empty(0, np.float32)
    for sign in (1.0, -1.0):
        place, heading = start.copy(), along * np.float32(sign)
        for _ in range(reach):
            place += heading
            total += cv2.remap(plane, place, nowhere, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            ahead = cv2.remap(along, place, nowhere, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
            turns = (ahead * heading).sum(2, keepdims=True) < 0
            heading = np.where(turns, -ahead, ahead)
    return np.asarray(total / (2 * reach + 1), np.float32)


def noise(rng: np.random.Generator, height: int, width: int, sigma: float) -> F32:
    """Return blurred noise of mean 0 and deviation 1, (H, W) float32."""
    grain = cv2.GaussianBlur(rng.standard_normal((height, width), dtype=np.float32), (0, 0), sigma)
    return np.asarray((grain - grain.mean()) / grain.std(), np.float32)
