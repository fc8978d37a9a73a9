"""A face as a cartoon: flat, warm colours in a few tones, clean ink lines, large eyes with a light in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.head import head_matte, oval_matte
from trainer.art.ink import drawn, edges
from trainer.art.light import skin_of
from trainer.art.mesh import LEFT_EYE, RIGHT_EYE, filled, pixels_a_unit, surface, to_bytes
from trainer.art.paint import lay, painted, smooth_step
from trainer.art.strokes import directions, smeared
from trainer.flattening import flatten

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_OVAL, _FADE = (0.0, -0.12, 0.66, 0.76), 0.2
_EYES = ((33, 133, 468), (263, 362, 473))  # corners, and the iris's middle
_LARGER, _REACH = 0.2, 0.17  # eyes become so much larger; so far round them everything gives way, face units
_VIVID = 1.32


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Draw a face: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    picture, ink, matte = draw(photo, points)
    return flatten(picture, ink), matte


def draw(photo: U8, points: F32) -> tuple[U8, U8, U8]:
    """Draw a face, all but its flat tones.

    Args:
        photo: (S, S, 3) uint8 RGB.
        points: (478, 3) mesh in its pixels.

    Returns:
        Its colours, (S, S, 3) uint8; how much ink lies where, (S, S) uint8; and the matte, (S, S) uint8.
    """
    size, unit = len(photo), pixels_a_unit(points)
    photo, points = _wide_eyed(photo, points, unit)
    seen = surface(points, size)
    even = _even(photo, unit, skin_of(photo, points, seen)[1])
    whites = np.maximum(filled(points, RIGHT_EYE, size), filled(points, LEFT_EYE, size))
    # Eyes keep their drawing: evened they would be spots.
    crisp = cv2.addWeighted(photo, 1.5, cv2.GaussianBlur(photo, (0, 0), 0.02 * unit), -0.5, 12).astype(np.float32)
    even = lay(even, crisp, np.asarray(cv2.GaussianBlur(whites, (0, 0), 0.6), np.float32))
    lines = painted(drawn(brows=False, lips=False), seen)[..., 0]
    own = edges(photo, weight=1.15) * (1 - 0.85 * whites)
    ink = 0.9 * np.maximum(own, 0.85 * lines)
    # A wall would show where brighter colours end; so what is no head stays as it was.
    head = cv2.dilate(head_matte(photo, points), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    head = cv2.GaussianBlur(head, (0, 0), 0.02 * unit)
    matte = oval_matte(points, size, _OVAL, _FADE) * np.clip(1.15 * head, 0, 1)
    return to_bytes(_lit_eyes(even, points, whites)), to_bytes(255 * np.clip(ink, 0, 1)), to_bytes(255 * matte)


def _wide_eyed(photo: U8, points: F32, unit: float) -> tuple[U8, F32]:
    """Return photograph and mesh with larger eyes."""
    size = len(photo)
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    moved, from_x, from_y = points.copy(), x.copy(), y.copy()
    for outer, inner, _ in _EYES:
        centre = points[[outer, inner], :2].mean(0)
        away = np.hypot(x - centre[0], (y - centre[1]) * 1.25) / (_REACH * unit)
        shrink = 1 - _LARGER / (1 + _LARGER) * (1 - smooth_step(np.asarray(away, np.float32), 0.25, 1.0))
        from_x += (x - centre[0]) * (shrink - 1)
        from_y += (y - centre[1]) * (shrink - 1)
        offset = points[:, :2] - centre
        near = np.hypot(offset[:, 0], offset[:, 1] * 1.25) / (_REACH * unit)
        grown = 1 + _LARGER * (1 - smooth_step(np.asarray(near, np.float32), 0.25, 1.0))
        moved[:, :2] += offset * (grown - 1)[:, None]
    larger = cv2.remap(photo, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(larger, np.uint8), moved


def _even(photo: U8, unit: float, skin: float) -> F32:
    """Return colours without the skin's grain, whose edges flow with the forms, (S, S, 3) float32."""
    even = cv2.pyrMeanShiftFiltering(photo, 0.035 * unit, 20, maxLevel=1)
    even = cv2.bilateralFilter(even, 7, 26, 3)
    along = directions(cv2.cvtColor(np.asarray(even, np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32))
    flowing = np.dstack([smeared(np.ascontiguousarray(even[..., k], np.float32), along, 4) for k in range(3)])
    lab = cv2.cvtColor(np.asarray(np.clip(flowing, 0, 255) / 255, np.float32), cv2.COLOR_RGB2LAB)
    # Dark skin keeps its darkness; a dim photograph is drawn as if there were more light.
    lab[..., 0] = 100 * (lab[..., 0] / 100) ** (0.82 if skin < 0.45 else 0.92)
    lab[..., 1:] = lab[..., 1:] * _VIVID
    return np.asarray(np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), 0, 1) * 255, np.float32)


def _lit_eyes(flat: F32, points: F32, whites: F32) -> F32:
    """Return it with a light in each eye, up on the left."""
    size = len(flat)
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    for outer, inner, iris in _EYES:
        wide = float(np.linalg.norm(points[outer, :2] - points[inner, :2]))
        at = points[iris, :2] - 0.075 * wide
        away = np.hypot(x - at[0], y - at[1]) / (0.062 * wide)
        flat = lay(flat, (255, 255, 255), np.asarray(np.clip(1.5 - away, 0, 1) * whites, np.float32))
    return flat
