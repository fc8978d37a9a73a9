"""Flat colours: a drawing's light falls in a few steps, like a cartoon's, and ink lies over them.

A network that paints flat colours by itself paints soft ones: where one tone ends and the next begins is uncertain by
some pixels, and the mean of both is a slope. As steps of a smooth picture they are crisp wherever the network has them
begin, at any size that the lens is shown in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lensd.frames import U8

INK = (44, 22, 26)  # a warm black
STEP = 0.15  # of light, in gamma-coded luma, between two tones
SOFT = 0.2  # of a step is its edge
LIFT = 0.12  # of a step are tones lighter than where they begin
LUMA = (0.299, 0.587, 0.114)
DARKEST = 1e-3  # light by which colours are divided, at least


def flatten(drawing: U8, ink: U8) -> U8:
    """Give a drawing flat tones, and lay ink on it.

    Args:
        drawing: (H, W, 3) uint8, its tones smooth, without lines.
        ink: (H, W) uint8, how much ink lies where.

    Returns:
        (H, W, 3) uint8.
    """
    colour = drawing.astype(np.float32) / 255
    light = np.maximum(colour @ np.asarray(LUMA, np.float32), DARKEST)
    steps = light / STEP
    whole = np.floor(steps)
    risen = np.clip((steps - whole - 0.5) / SOFT + 0.5, 0, 1)
    flat = np.clip(colour * (STEP * (whole + risen + LIFT) / light)[..., None], 0, 1)
    share = (ink.astype(np.float32) / 255)[..., None]
    inked = flat * (1 - share) + share * (np.asarray(INK, np.float32) / 255)
    return np.asarray(np.rint(inked * 255), np.uint8)
