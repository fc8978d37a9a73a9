"""Glowing contours in the dark: brows, eyes, nose, lips and the head's own outline as tubes of light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.head import head_matte, in_face_units, oval_matte
from trainer.art.ink import drawn, edges
from trainer.art.mesh import LIPS, OVAL, filled, pixels_a_unit, surface, to_bytes
from trainer.art.paint import painted, smooth_step

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_NIGHT, _LEFT, _RIGHT, _LIPS_GLOW, _EYES_GLOW = (
    np.array(colour, np.float32)
    for colour in ((11, 8, 26), (20, 190, 255), (255, 40, 170), (255, 46, 96), (70, 255, 236))
)
_ROUND, _FADE = (0.0, -0.1, 0.58, 0.64), 0.4
_JAW = OVAL[8:29]
_HALOS = ((0.010, 0.85), (0.028, 0.75), (0.075, 0.8))  # how far light spreads, face units, and how much of it


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Draw a head in light: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    size, unit = len(photo), pixels_a_unit(points)
    place, head = in_face_units(points, size), head_matte(photo, points)
    tubes, colour = _tubes(photo, points, head, unit), _colours(place, points, size, unit)
    light = np.zeros((size, size, 3), np.float32)
    for reach, strength in _HALOS:
        spread = cv2.GaussianBlur(colour * tubes[..., None], (0, 0), reach * unit)
        light += strength * spread * (1 + 18 * reach)
    core = cv2.GaussianBlur(tubes, (0, 0), 0.6)[..., None]
    light += core * (0.55 * colour + 0.75 * 255 * core)
    luma = cv2.cvtColor(cv2.GaussianBlur(photo, (0, 0), 0.01 * unit), cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None]
    # A little of the face is seen in its own light.
    night = (
        _NIGHT
        + 0.10 * luma * np.array([0.55, 0.5, 1.0], np.float32)
        + 0.0016 * luma * cv2.GaussianBlur(light, (0, 0), 0.05 * unit)
    )
    total = 255 * (1 - np.exp(-(night + light) / 190))
    dark = oval_matte(points, size, _ROUND, _FADE)
    glow = np.clip(light.max(2) / 150, 0, 1) * oval_matte(points, size, (0.0, -0.1, 0.7, 0.76), 0.2)
    matte = np.maximum(
        0.97 * head * oval_matte(points, size, (0.0, -0.1, 0.7, 0.76), 0.2), np.maximum(0.8 * dark, glow)
    )
    return to_bytes(total), to_bytes(255 * matte)


def _tubes(photo: U8, points: F32, head: F32, unit: float) -> F32:
    """Return the lines, (S, S) in 0..1."""
    size = len(photo)
    own = edges(photo, weight=0.85) * cv2.erode(head, np.ones((5, 5), np.uint8))
    own = np.asarray(np.clip(1.5 * cv2.GaussianBlur(own, (0, 0), 0.8) - 0.12, 0, 1), np.float32)
    mask = cv2.GaussianBlur(head, (0, 0), 0.012 * unit)
    outline = np.clip(1 - np.abs(mask - 0.5) / 0.24, 0, 1) * np.clip(
        (0.62 - in_face_units(points, size)[..., 1]) / 0.2, 0, 1
    )
    jaw = np.zeros((size, size), np.uint8)
    course = np.rint(points[list(_JAW), :2] * 16).astype(np.int32)[None]
    cv2.polylines(jaw, [course], isClosed=False, color=255, thickness=2, lineType=cv2.LINE_AA, shift=4)
    rim = np.abs(filled(points, LIPS, size) - cv2.GaussianBlur(filled(points, LIPS, size), (0, 0), 0.9)) * 2.0
    lines = painted(drawn(brows=True, lips=True), surface(points, size))[..., 0]
    together = np.maximum.reduce([0.75 * own, 0.95 * outline, 0.8 * jaw / 255, np.clip(rim, 0, 1), lines])
    return np.asarray(np.clip(together, 0, 1), np.float32)


def _colours(place: F32, points: F32, size: int, unit: float) -> F32:
    """Return each tube's colour, (S, S, 3): blue on the left to pink on the right; lips and eyes have their own."""
    across = smooth_step(place[..., 0] + 0.25 * place[..., 1], -0.42, 0.42)[..., None]
    colour = _LEFT * (1 - across) + _RIGHT * across
    lips = cv2.dilate(filled(points, LIPS, size), np.ones((5, 5), np.uint8))
    lips = cv2.GaussianBlur(lips, (0, 0), 0.01 * unit)[..., None]
    colour = colour * (1 - lips) + _LIPS_GLOW * lips
    away = np.hypot((np.abs(place[..., 0]) - 0.185) / 0.13, (place[..., 1] + 0.19) / 0.055)
    eyes = (1 - smooth_step(np.asarray(away, np.float32), 0.8, 1.2))[..., None]
    return np.asarray(colour * (1 - eyes) + _EYES_GLOW * eyes, np.float32)
