"""A face as a pencil drawing: an effect that no picture laid over a face can be, since every stroke follows the face.

Drawn slowly, by classical means, so that a network may learn it: tone by hatching along the forms, shadows hatched a
second time across, clean contours, graphite on the paper's grain. Strokes are noise smeared along the direction field
(line integral convolution, Cabral and Leedom 1993; for pencils Mao, Nagasaka and Imamiya 2002) and cut at the level
that leaves as much dark as the tone asks for; contours are a difference of Gaussians across the field and smoothed
along it (Kang, Lee and Chui 2007, "Coherent Line Drawing").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.head import oval_matte
from trainer.art.mesh import to_bytes
from trainer.art.strokes import contours, directions, noise, smeared

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_PAPER, _GRAPHITE = (246.0, 243.0, 236.0), (52.0, 52.0, 58.0)
_CROSSED_DEG = 64.0
_STROKE_PX = 8  # half the length of a stroke, in window pixels
_OVAL = (0.0, -0.04, 0.46, 0.58)  # of the face, in face units: centre, half axes; there it is half gone
_FADE = 0.18


def draw(photo: U8, seed: int = 0) -> U8:
    """Draw a photograph.

    Args:
        photo: (H, W, 3) uint8 RGB; strokes are about 2.5 pixels wide, whatever it shows.
        seed: of the paper and the hand.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rng = np.random.default_rng(seed)
    height, width = photo.shape[:2]
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    calm = np.asarray(cv2.bilateralFilter(luma, 7, 20, 2.5), np.float32)
    dark = 1 - _tone(calm)
    along = directions(calm)
    grain = noise(rng, height, width, 0.6) * 0.8 + noise(rng, height, width, 1.6) * 0.5
    first = _hatch(noise(rng, height, width, 0.55), along, np.clip(0.12 + 0.72 * dark, 0, 0.85), grain)
    crossed = _turned(along, _CROSSED_DEG)
    second = _hatch(noise(rng, height, width, 0.55), crossed, np.clip(1.5 * (dark - 0.42), 0, 0.8), grain)
    lines = contours(calm, along)
    press, smudge = 0.22 + 0.5 * dark, 0.34 * dark**1.3
    ink = 1 - (1 - first * press) * (1 - 0.75 * second * press) * (1 - 0.85 * lines) * (1 - smudge)
    paper = np.array(_PAPER, np.float32) + 2.0 * grain[..., None]
    left = np.clip(1 - ink, 0, 1).astype(np.float32)[..., None]
    drawn = paper * left + np.array(_GRAPHITE, np.float32) * (1 - left)
    return np.asarray(np.clip(np.rint(drawn), 0, 255), np.uint8)


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Draw a face: (S, S, 3) uint8 RGB and its mesh to the drawing and the matte it is shown with."""
    return draw(photo, seed), face_matte(points, len(photo))


def face_matte(points: F32, size: int) -> U8:
    """Return what of the drawing is shown: the face, fading into the photograph, (size, size) uint8.

    Args:
        points: (478, 2 or 3) mesh in pixels of the square.
        size: its side.
    """
    return to_bytes(255 * oval_matte(points, size, _OVAL, _FADE))


def _tone(luma: F32) -> F32:
    """Return the tones a pencil gives: highlights are the paper itself, the deepest shadow is not black."""
    around = cv2.GaussianBlur(luma, (0, 0), 28)
    even = luma - 0.55 * (around - float(np.median(luma)))  # a shadowed half of a face is drawn too
    low, high = np.percentile(even, (3, 90))
    even = np.clip((even - low) / max(high - low, 48), 0, 1)
    return np.asarray(0.04 + 0.96 * even**0.9, np.float32)


def _turned(along: F32, degrees: float) -> F32:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = along[..., 0], along[..., 1]
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1).astype(np.float32)


def _hatch(noise: F32, along: F32, dark: F32, grain: F32) -> F32:
    """Return strokes, (H, W) in 0..1, that cover as much of the paper as `dark` says."""
    strokes = smeared(noise, along, _STROKE_PX)
    strokes = (strokes - strokes.mean()) / strokes.std() + 0.22 * grain
    level = -1.702 * np.log(np.clip(dark, 1e-3, 0.999) / np.clip(1 - dark, 1e-3, 0.999)) / 2.9  # of a normal deviate
    return np.asarray(1 / (1 + np.exp(-(strokes - level) / 0.3)) * np.clip(dark * 6, 0, 1), np.float32)
