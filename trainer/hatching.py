"""Hatching: strokes that lie still on a lens's square, and a network that says how densely they cover it.

A network that paints a hatched drawing by itself smears it to grey: which stroke lies where follows from nothing that
it sees, and the mean of all that may be there has no strokes (pencil, 2,000 steps, the last thousand before a judge).
So the strokes are a constant of the network, as a worn lens's art is (`trainer.canvas`): a sheet that has for each
pixel the tone from which on it is inked. Where a light tone is asked for one layer of strokes shows, where it is darker
a second crosses it, then a third, as a hand hatches. The square lies still on the face, turned and scaled with it, and
so do the strokes.

Source: thresholds laid out so that they ink as an artist would, Ostromoukhov 1999, "Digital facial engraving".
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from lensd.frames import F32, U8, Affine

PAPER = (247, 244, 238)  # a warm white
PRESS = 0.5  # of the light does a stroke take away
STEEPNESS = 18.0  # of a stroke's edge, over the whole range of tones
SIDE_PX = 256
_LEAST, _RANGE = -0.3, 1.5  # tones are stored as bytes from the one on; below 0 no stroke has a trace left
# Layers: degrees, from which tone its first pixels are inked, and how much later its last ones.
_LAYERS = ((-52.0, 0.06, 1.0), (-12.0, 0.40, 1.1), (-88.0, 0.62, 1.2))
_GAP_PX = 4.5  # between two strokes
_LONG_PX = 31
_REGULAR = 0.55  # the rest is chance: strokes end, and are not equally wide
_WAVER_PX, _WAVER_SIDE_PX = 1.3, 22.0


def tones(dark: F32) -> U8:
    """Return tones as they are stored, of how dark it is to be, 0..1; where it is 0 nothing is hatched."""
    ease = -_LEAST * np.clip(1 - 6 * dark, 0, 1)
    return _stored(dark - ease)


@cache
def sheet(size: int = SIDE_PX) -> U8:
    """Return the tone from which on each pixel is inked, (size, size) uint8 as `tones` has them."""
    if size != SIDE_PX:
        way = cv2.INTER_AREA if size < SIDE_PX else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(sheet(), (size, size), interpolation=way), np.uint8)
    rng = np.random.default_rng(3)
    limits: np.ndarray = np.full((size, size), np.inf, np.float32)
    for degrees, begins, lasts in _LAYERS:
        limits = np.minimum(limits, begins + lasts * _inked_late(size, np.radians(degrees), rng))
    made = _stored(limits)
    made.flags.writeable = False
    return made


def hatch(drawing: U8, tone: U8, limits: U8) -> U8:
    """Hatch a drawing.

    Args:
        drawing: (H, W, 3) uint8, without strokes.
        tone: (H, W) uint8, how dark the strokes are to make it, as `tones` has it.
        limits: (H, W) uint8, the sheet as it lies there.

    Returns:
        (H, W, 3) uint8.
    """
    away = (tone.astype(np.float32) - limits) * (STEEPNESS / 255)
    light = 1 - PRESS / (1 + np.exp(-away))
    return np.asarray(np.rint(drawing * light[..., None]), np.uint8)


def sheet_on(to_picture: Affine, size: int) -> U8:
    """Return the sheet as it lies in a square picture, (size, size) uint8.

    Args:
        to_picture: (2, 3), the lens's pixels to the picture's.
        size: the picture's side.
    """
    border = cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpAffine(sheet(), to_picture, (size, size), borderMode=border), np.uint8)


def _stored(tone: np.ndarray) -> U8:
    return np.rint(np.clip((tone - _LEAST) / _RANGE, 0, 1) * 255).astype(np.uint8)


def _inked_late(size: int, way: float, rng: np.random.Generator) -> F32:
    """Return how late each pixel is inked, as a share of all, where one layer's strokes lie along `way` radians."""
    room = _LONG_PX
    y, x = np.mgrid[-room : size + room, -room : size + room].astype(np.float32)
    waver = cv2.GaussianBlur(rng.standard_normal(x.shape, dtype=np.float32), (0, 0), _WAVER_SIDE_PX)
    across = y * np.cos(way) - x * np.sin(way) + _WAVER_PX * waver / waver.std()
    middle = (_LONG_PX - 1) / 2
    kernel = np.zeros((_LONG_PX, _LONG_PX), np.float32)
    ends = [(middle + s * middle * np.cos(way), middle + s * middle * np.sin(way)) for s in (-1, 1)]
    start, end = ((round(u * 16), round(v * 16)) for u, v in ends)
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    chance = cv2.filter2D(rng.standard_normal(x.shape, dtype=np.float32), -1, kernel / kernel.sum())
    chance = cv2.GaussianBlur(chance, (0, 0), 0.6)
    ink = _REGULAR * np.sqrt(2) * np.cos(2 * np.pi * across / _GAP_PX) + (1 - _REGULAR) * chance / chance.std()
    ink = ink[room:-room, room:-room]
    late = np.empty(ink.size, np.float32)
    late[np.argsort(-ink, axis=None, kind="stable")] = np.arange(ink.size, dtype=np.float32) / ink.size
    return late.reshape(ink.shape)
