"""Whether a face wears glasses, told from the picture where the folder does not say.

A frame crosses the bridge of the nose, where bare skin has no horizontal edge, and its rims cross the cheeks below the
eyes. Measured on 564 of the portraits (every second one) and looked through by eye: of 75 that it calls glasses at
most 2 wear none, and it misses about 12 of some 85, thin rims mostly. Good enough for a group's mean, not for one face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import similarity, template_points

if TYPE_CHECKING:
    from lensd.frames import F32, Picture

# Corners of the eyes, bridge, brows, nose: they hold the window on the eyes.
_POINTS = (33, 133, 362, 263, 168, 6, 105, 334, 1)
_PX = 200.0  # pixels a face unit
_LEFT, _TOP, _RIGHT, _BOTTOM = -0.40, -0.34, 0.40, 0.04  # the window, face units on the template
_BRIDGE = (-0.045, -0.26, 0.045, -0.08)
_CHEEKS = ((-0.28, -0.13, -0.10, 0.0), (0.10, -0.13, 0.28, 0.0))
_CONTRAST_MIN = 25.0
# Bare faces have a bridge of 0.026 in the middle, 0.045 at three quarters.
_BRIDGE_SURE, _BRIDGE_MAYBE, _CHEEKS_SURE = 0.115, 0.07, 0.19


def wears_glasses(picture: Picture, mesh_px: F32) -> bool:
    """Say whether a frame is seen across nose or cheeks.

    Args:
        picture: its luma is looked at.
        mesh_px: (478, 3), the face's points in its pixels.
    """
    edges = _edges(_window(picture, mesh_px))
    bridge = float(_part(edges, _BRIDGE).mean(1).max())
    cheeks = min(float(np.median(_part(edges, cheek).max(0))) for cheek in _CHEEKS)
    return bridge >= _BRIDGE_SURE or (bridge >= _BRIDGE_MAYBE and cheeks >= _CHEEKS_SURE)


def _window(picture: Picture, mesh_px: F32) -> F32:
    """Return the luma round the eyes, upright and always as large: (76, 160) float32."""
    to_picture = similarity(template_points()[list(_POINTS), :2], mesh_px[list(_POINTS), :2]).astype(np.float64)
    linear = to_picture[:, :2] / _PX
    shift = to_picture[:, 2] + to_picture[:, :2] @ np.array([_LEFT, _TOP])
    luma = picture.y
    if (scale := float(np.hypot(*linear[:, 0]))) > 1.2:  # else what lies between the samples would turn into edges
        luma = np.asarray(cv2.GaussianBlur(luma, (0, 0), 0.5 * scale), np.uint8)
    size = round((_RIGHT - _LEFT) * _PX), round((_BOTTOM - _TOP) * _PX)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(luma, np.column_stack([linear, shift]), size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.GaussianBlur(cut, (0, 0), 1.2), np.float32)


def _edges(luma: F32) -> F32:
    """Return the strength of horizontal edges, as a share of the window's contrast."""
    low, high = np.percentile(luma, (5, 95))
    change = cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8)
    return np.asarray(np.abs(change) / max(float(high - low), _CONTRAST_MIN), np.float32)


def _part(window: F32, box: tuple[float, float, float, float]) -> F32:
    x0, y0, x1, y1 = box
    rows = slice(int((y0 - _TOP) * _PX), int((y1 - _TOP) * _PX))
    return window[rows, int((x0 - _LEFT) * _PX) : int((x1 - _LEFT) * _PX)]
