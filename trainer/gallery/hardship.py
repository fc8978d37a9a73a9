"""What makes a face hard for a lens, laid on the people held out: a card says for what a lens fails, as measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from trainer.props import wear_glasses, wear_occluder

if TYPE_CHECKING:
    from lensd.frames import F32, U8

Hardship: TypeAlias = "Callable[[U8, F32, int], U8]"
"""A photograph (S, S, 3) uint8 RGB, its mesh (478, 3) and the face's number to a harder photograph of the same mesh."""

_DIM = 0.25  # of the light
_GRAIN = 6.0  # standard deviation, of 255: what a webcam shows at high gain


def sunglasses(photo: U8, points: F32, number: int) -> U8:
    """Put sunglasses on, others for each face."""
    worn = photo.copy()
    wear_glasses(worn, points, np.random.default_rng((number, 1)), dark=True)
    return worn


def hand(photo: U8, points: F32, number: int) -> U8:
    """Hold fingers, or something of the skin's colour or of the photograph's pattern, before the face."""
    held = photo.copy()
    wear_occluder(held, points, cv2.flip(photo, 0).astype(np.uint8, copy=False), np.random.default_rng((number, 2)))
    return held


def dim(photo: U8, points: F32, number: int) -> U8:
    """Leave a quarter of the light, and a sensor's grain."""
    del points
    grain = np.random.default_rng((number, 3)).normal(0, _GRAIN, photo.shape)
    dark: U8 = np.clip(photo * _DIM + grain, 0, 255).astype(np.uint8)
    return dark


HARDSHIPS: dict[str, Hardship] = {
    "sunglasses drawn on": sunglasses,
    "hand before the face": hand,
    "a quarter of the light": dim,
}
