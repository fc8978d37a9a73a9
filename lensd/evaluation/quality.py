"""How near two pictures are, inside and outside a sticker: formulas that need no downloaded weights.

PSNR is of RGB, 10 log10(255^2 / mean square error). SSIM is of luma, with the 11x11 Gaussian window of sigma 1.5 and
the constants of Wang, Bovik, Sheikh and Simoncelli (2004), averaged over the pixels asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from lensd.frames import F32, U8

PSNR_MAX_DB = 99.0
_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_EDGE_PX = 3
_EDGE_MIN = 1.0  # mean gradient, luma levels a pixel, below which there is no edge to compare with

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Quality:
    """A lens's picture against the one its teacher would have made; None where there are no such pixels.

    Attributes:
        psnr_inside, psnr_outside: dB, at most 99; inside the drawn sticker, and where its matte is 0.
        ssim_inside, ssim_outside: -1..1, the same pixels.
        edge_sharpness: mean luma gradient within 3 px of the drawn sticker's edge, the lens's over the teacher's; 1 is
            as sharp, below is blurred.
        leak: mean matte, 0..1, of the lens over 4 px away from the drawn sticker.
    """

    psnr_inside: float | None
    psnr_outside: float | None
    ssim_inside: float | None
    ssim_outside: float | None
    edge_sharpness: float | None
    leak: float | None


def compare(lens: U8, truth: U8, inside: Mask, far: Mask, lens_matte: U8) -> Quality:
    """Compare two pictures.

    Args:
        lens, truth: (H, W, 3) uint8 RGB.
        inside: (H, W) bool, under the drawn sticker.
        far: (H, W) bool, farther than 4 px from it.
        lens_matte: (H, W) uint8, what the lens covers.
    """
    left, right = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (lens, truth))
    similar = ssim_map(left, right)
    return Quality(
        psnr_inside=psnr_db(lens, truth, inside),
        psnr_outside=psnr_db(lens, truth, ~inside),
        ssim_inside=_mean(similar, inside),
        ssim_outside=_mean(similar, ~inside),
        edge_sharpness=edge_sharpness(left, right, inside),
        leak=_mean(lens_matte, far, 1 / 255),
    )


def psnr_db(a: U8, b: U8, where: Mask) -> float | None:
    """Return the PSNR of (H, W, 3) uint8 pictures over the pixels `where` (H, W), dB, at most 99."""
    if not where.any():
        return None
    square = float(np.square(cv2.absdiff(a, b)[where].astype(np.float32)).mean())
    return PSNR_MAX_DB if square == 0 else min(PSNR_MAX_DB, 10 * float(np.log10(255**2 / square)))


def ssim_map(a: F32, b: F32) -> F32:
    """Return the structural similarity at each pixel of two (H, W) float32 pictures, 0..255."""

    def blurred(picture: F32) -> F32:
        return np.asarray(cv2.GaussianBlur(picture, _WINDOW, _SIGMA), np.float32)

    mean_a, mean_b = blurred(a), blurred(b)
    both, square_a, square_b = mean_a * mean_b, mean_a * mean_a, mean_b * mean_b
    variance_a, variance_b = blurred(a * a) - square_a, blurred(b * b) - square_b
    together = (2 * both + _C1) * (2 * (blurred(a * b) - both) + _C2)
    return np.asarray(together / ((square_a + square_b + _C1) * (variance_a + variance_b + _C2)), np.float32)


def edge_sharpness(lens: F32, truth: F32, inside: Mask) -> float | None:
    """Return the mean gradient of `lens` near the sticker's edge over that of `truth`, both (H, W) float32 luma."""
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _EDGE_PX + 1, 2 * _EDGE_PX + 1))
    edge = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_GRADIENT, element) > 0
    if not edge.any() or (wanted := float(_gradient(truth)[edge].mean())) < _EDGE_MIN:
        return None
    return float(_gradient(lens)[edge].mean()) / wanted


def _gradient(luma: F32) -> F32:
    across, down = (cv2.Scharr(luma, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _mean(values: F32 | U8, where: Mask, scale: float = 1.0) -> float | None:
    return float(values[where].mean()) * scale if where.any() else None
