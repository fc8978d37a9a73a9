"""The light on a photographed face, to paint in: how bright each place is, as a share of the face's own skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.mesh import open_parts

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.mesh import Surface

_BROWS = (-0.36, -0.24)  # face units; where skin is looked for, their rows are left out
_LIPS = 0.1


def skin_of(photo: U8, points: F32, seen: Surface) -> tuple[F32, float]:
    """Return the skin's colour, (3,) RGB 0..255, and its luma, 0..1: medians of cheeks, nose and forehead.

    Args:
        photo: (S, S, 3) uint8 RGB.
        points: (478, 3) in its pixels.
        seen: the mesh laid over it.
    """
    height = seen.place[..., 1]
    bare = seen.inside & (open_parts(points, len(photo), grow=0.03) < 0.05)
    bare &= (height < _LIPS) & ~((height > _BROWS[0]) & (height < _BROWS[1]))
    bare &= np.abs(seen.place[..., 0]) < 0.3
    pixels = photo[bare] if bare.any() else photo.reshape(-1, 3)
    colour = np.median(pixels, axis=0).astype(np.float32)
    return colour, max(float(colour @ np.array([0.299, 0.587, 0.114], np.float32)) / 255, 0.04)


def light_on(photo: U8, points: F32, seen: Surface, *, calm: float = 1.0) -> F32:
    """Return the light, (S, S) float32, about 1 on the skin: dark 0.25, a highlight 1.4.

    It is a share of the person's own skin, so that paint is as bright on dark skin as on light.

    Args:
        photo, points, seen: as in `skin_of`.
        calm: how much small detail is taken away; 0 nothing.
    """
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    if calm > 0:
        luma = np.asarray(cv2.bilateralFilter(luma, 9, 28 * calm, 4), np.uint8)
    share = luma.astype(np.float32) / 255 / skin_of(photo, points, seen)[1]
    return np.asarray(np.where(share < 1, 0.2 + 0.8 * share, 1 + 0.4 * np.tanh(1.1 * (share - 1))), np.float32)
