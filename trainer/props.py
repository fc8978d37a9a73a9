"""Things worn and held before a face, drawn into the photograph before the sticker is: glasses, hands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import template_points
from lensd.lens.overlay import face_axes

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_CANVAS_PX = 200  # pixels a face unit
_CANVAS = (240, 120)
_EYE_X = 0.182  # face units from the middle to an eye


def wear_glasses(crop: U8, points: F32, rng: np.random.Generator, *, dark: bool) -> None:
    """Draw sunglasses or clear glasses onto `crop` (S, S, 3) in place, where `points` (478, 3) have the eyes."""
    canvas = _glasses(rng, dark=dark)
    axes = face_axes(points).astype(np.float64) / _CANVAS_PX
    eyes = [33, 133, 263, 362, 168]
    centre = points[eyes, :2].mean(0) - axes @ (template_points()[eyes, :2].mean(0) - (0, -0.165)) * _CANVAS_PX
    # Worn glasses slip, tilt and stand off the face.
    slip = np.array([rng.normal(0, 0.012), rng.normal(0.01, 0.02)]) * _CANVAS_PX
    tilt = np.radians(rng.normal(0, 1.5))
    linear = axes @ np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    shift = centre + axes @ slip - linear @ ((np.array(_CANVAS) - 1) / 2)
    size = crop.shape[1], crop.shape[0]
    drawn = cv2.warpAffine(canvas, np.column_stack([linear, shift]), size, flags=cv2.INTER_LINEAR)
    _lay(crop, drawn.astype(np.uint8, copy=False))


def wear_occluder(crop: U8, points: F32, other: U8, rng: np.random.Generator) -> None:
    """Lay a hand-like shape, or a piece of another picture, over `crop` (S, S, 3) in place."""
    size = crop.shape[0]
    mask = np.zeros((size, size), np.uint8)
    where = points[int(rng.integers(468)), :2] + rng.normal(0, 0.1 * size, 2)
    reach = size * rng.uniform(0.06, 0.2)
    if rng.random() < 0.5:  # fingers
        direction = rng.uniform(0, 2 * np.pi)
        along = np.array([np.cos(direction), np.sin(direction)])
        across = np.array([-along[1], along[0]])
        thick = max(int(reach * 0.45), 3)
        for finger in range(int(rng.integers(1, 5))):
            tip = where + across * (finger * thick * 0.95) + along * rng.normal(0, 0.2) * reach
            cv2.line(mask, _pixel(tip), _pixel(tip + along * size), 255, thick, cv2.LINE_AA)
    else:
        axes = (max(int(reach), 2), max(int(reach * rng.uniform(0.4, 1.6)), 2))
        cv2.ellipse(mask, _pixel(where), axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
    fill = np.empty_like(crop)
    if rng.random() < 0.6:
        base = crop[tuple(np.clip(points[int(rng.choice([50, 280, 151])), 1::-1].astype(int), 0, size - 1))]
        fill[:] = np.clip(base * rng.uniform(0.7, 1.2) + rng.normal(0, 12, 3), 0, 255)
        shade = np.linspace(rng.uniform(0.7, 1.1), rng.uniform(0.7, 1.1), size, dtype=np.float32)
        fill = np.clip(fill * shade[:, None, None], 0, 255).astype(np.uint8)
    else:
        corner = rng.integers(0, other.shape[0] - size, 2) if other.shape[0] > size else np.zeros(2, int)
        piece = other[corner[0] : corner[0] + size, corner[1] : corner[1] + size]
        fill = cv2.resize(piece, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    _lay(crop, np.dstack([fill, mask]))


def _glasses(rng: np.random.Generator, *, dark: bool) -> U8:
    """Return (H, W, 4) uint8, straight alpha, centre of the canvas between the eyes."""
    canvas = np.zeros((_CANVAS[1], _CANVAS[0], 4), np.uint8)
    half_w, half_h = rng.uniform(0.12, 0.18), rng.uniform(0.07, 0.16)
    frame = tuple(int(v) for v in rng.choice([[15, 15, 15], [60, 40, 30], [120, 110, 100], [180, 170, 120], [200] * 3]))
    thick = int(rng.integers(1, 7 if dark else 6))
    # Mirrored and coloured glasses too: with dark ones only, the network took a pair in bright blue for the face.
    tint = rng.uniform(0, 255, 3) if rng.random() < 0.45 else rng.uniform(5, 90, 3)
    opaque = rng.uniform(150, 255) if dark else rng.uniform(0, 25)
    corner = rng.uniform(0.3, 1.0)  # 1 is an ellipse, less is squarer
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** corner * half_w
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** corner * half_h
    y = np.where(y < 0, y * rng.uniform(0.6, 1.0), y)
    drop = rng.uniform(-0.01, 0.03)
    middle = (np.array(_CANVAS) - 1) / 2
    fade = np.linspace(1.0, rng.uniform(0.4, 1.8), _CANVAS[1])[:, None, None]
    for side in (-1, 1):
        lens = np.zeros(canvas.shape[:2], np.uint8)
        outline = np.stack([side * (_EYE_X + 0.005) + x * side, y + drop], 1) * _CANVAS_PX + middle
        cv2.fillPoly(lens, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
        inside = lens[..., None] > 0
        colour = np.clip(np.array(tint) * fade, 0, 255) * np.ones((1, _CANVAS[0], 1))
        canvas[..., :3] = np.where(inside, colour, canvas[..., :3])
        canvas[..., 3] = np.maximum(canvas[..., 3], (lens * (opaque / 255)).astype(np.uint8))
        if rng.random() < 0.4:  # a reflection
            at = outline.mean(0) + rng.normal(0, 8, 2)
            axes = (int(rng.integers(3, 16)), int(rng.integers(2, 8)))
            shine = (230, 235, 240, int(rng.uniform(90, 230)))
            cv2.ellipse(canvas, _pixel(at), axes, float(rng.uniform(0, 180)), 0, 360, shine, -1, cv2.LINE_AA)
        cv2.polylines(canvas, [np.rint(outline).astype(np.int32)], True, (*frame, 255), thick, cv2.LINE_AA)
        temple = middle + np.array([side * (_EYE_X + half_w), -0.02]) * _CANVAS_PX
        cv2.line(
            canvas,
            _pixel(temple),
            _pixel(temple + np.array([side * 60, -2])),
            (*frame, 255),
            max(thick, 2),
            cv2.LINE_AA,
        )
    bridge = (_EYE_X - half_w + 0.01) * _CANVAS_PX
    ends = middle + np.array([[-bridge, -4], [bridge, -4]])
    cv2.line(canvas, _pixel(ends[0]), _pixel(ends[1]), (*frame, 255), max(thick, 2), cv2.LINE_AA)
    return canvas


def _lay(crop: U8, rgba: U8) -> None:
    alpha = rgba[..., 3:].astype(np.float32) / 255
    crop[:] = np.rint(crop * (1 - alpha) + rgba[..., :3] * alpha).astype(np.uint8)


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
