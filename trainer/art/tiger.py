"""A tiger's fur painted on the face: orange and white hair, black stripes, a pink nose, and whiskers' roots."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.brush import Sheet
from trainer.art.paint import PX, SIDE, bell, edge_of_face, grid, lay, put_on, smooth_step
from trainer.art.strokes import noise, smeared

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.brush import Point

_ORANGE, _DEEP, _GOLD = (226, 122, 34), (168, 72, 16), (250, 176, 84)
_WHITE, _BLACK, _PINK = (252, 246, 236), (24, 17, 14), (222, 122, 112)
_FUR_PX, _RAGGED = 9, 0.014  # half the length of a hair, art pixels; how far hairs pull a stripe's edge, face units
# Tapered strokes on the right half: their middle line, and their greatest width, face units.
_STRIPES: tuple[tuple[tuple[Point, ...], float], ...] = (
    (((0.03, -0.5), (0.022, -0.42), (0.028, -0.36)), 0.036),
    (((0.0, -0.465), (0.12, -0.455), (0.2, -0.405)), 0.05),
    (((0.0, -0.385), (0.1, -0.385), (0.165, -0.345)), 0.046),
    (((0.0, -0.315), (0.055, -0.315), (0.1, -0.29)), 0.036),
    (((0.36, -0.44), (0.29, -0.41), (0.235, -0.34), (0.225, -0.3)), 0.04),
    (((0.45, -0.3), (0.37, -0.3), (0.31, -0.265)), 0.038),
    (((0.46, -0.19), (0.39, -0.19), (0.325, -0.205)), 0.034),
    (((0.46, -0.08), (0.38, -0.09), (0.29, -0.1), (0.23, -0.075)), 0.042),
    (((0.45, 0.04), (0.37, 0.01), (0.29, 0.005), (0.22, 0.03)), 0.042),
    (((0.43, 0.16), (0.36, 0.115), (0.28, 0.105)), 0.04),
    (((0.4, 0.28), (0.335, 0.22), (0.27, 0.2)), 0.038),
    (((0.33, 0.4), (0.28, 0.33), (0.235, 0.3)), 0.034),
    (((0.21, 0.49), (0.19, 0.44), (0.15, 0.4)), 0.028),
)


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Paint a face as a tiger's: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    return put_on(photo, points, art(), reach=0.06, light=0.85, detail=0.75)


@cache
def art() -> F32:
    """Return the fur as it lies on the template, (PX, PX, 4) float32."""
    x, y = grid()
    coat = lay(
        np.broadcast_to(np.array(_ORANGE, np.float32), (PX, PX, 3)), _GOLD, 0.8 * bell(x, y, (0.16, -0.06), (0.17, 0.2))
    )
    coat = lay(coat, _DEEP, 0.75 * smooth_step(np.abs(x), 0.2, 0.46) * smooth_step(-y, -0.3, 0.3))
    coat = lay(coat, _DEEP, 0.5 * bell(x, y, (0, -0.12), (0.05, 0.2)))
    white = bell(x, y, (0.1, 0.15), (0.16, 0.1), 4) + bell(x, y, (0, 0.36), (0.2, 0.16), 4)
    white += 0.95 * bell(x, y, (0.19, -0.315), (0.13, 0.052), 3) + 0.9 * bell(x, y, (0.19, -0.1), (0.11, 0.04), 3)
    white += 0.85 * bell(x, y, (0.36, 0.2), (0.1, 0.2), 3)
    coat = lay(coat, _WHITE, np.clip(white, 0, 1))
    marks = _marks()
    along = _hair(x, y)
    rng = np.random.default_rng(11)
    fur = smeared(noise(rng, PX, PX, 0.9), along, _FUR_PX)
    fur = fur / fur.std()
    pull = (_RAGGED * PX / SIDE * smeared(noise(rng, PX, PX, 1.4), along, _FUR_PX) * 2.5)[..., None] * along
    to = np.dstack(np.meshgrid(np.arange(PX, dtype=np.float32), np.arange(PX, dtype=np.float32))) + pull
    ragged = cv2.remap(coat, to[..., 0], to[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    stripes = cv2.remap(marks, to[..., 0], to[..., 1], cv2.INTER_LINEAR)
    coat = lay(ragged, _BLACK, stripes)
    shade = 1 + 0.13 * fur * (1 - 0.6 * stripes)
    coat = np.asarray(coat * shade[..., None], np.float32) + (10 * np.clip(fur, 0, 2) * stripes)[..., None]
    coat = _face(coat, x, y)
    return np.dstack([np.clip(coat, 0, 255), 0.97 * smooth_step(edge_of_face(), 0.0, 0.05)]).astype(np.float32)


def _marks() -> F32:
    """Return the stripes, (PX, PX) float32 in 0..1: thin at both ends."""
    sheet = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX)
    for line, width in _STRIPES:
        middle = np.array(line)
        t = np.linspace(0, 1, 14)
        course = np.column_stack([np.interp(t, np.linspace(0, 1, len(line)), middle[:, k]) for k in (0, 1)])
        course = np.column_stack(
            [np.convolve(np.pad(course[:, k], 2, "edge"), np.ones(5) / 5, "valid") for k in (0, 1)]
        )
        way = np.gradient(course, axis=0)
        across = np.column_stack([-way[:, 1], way[:, 0]]) / (np.hypot(way[:, 0], way[:, 1])[:, None] + 1e-9)
        thick = (width / 2 * np.sin(np.pi * np.clip(0.12 + 0.86 * t, 0, 1)) ** 0.75)[:, None]
        outline = np.vstack([course + across * thick, (course - across * thick)[::-1]])
        sheet.shape([(float(a), float(b)) for a, b in outline], _BLACK, corners=True)
    right = sheet.picture()[..., 3].astype(np.float32) / 255
    return np.asarray(np.maximum(right, right[:, ::-1]), np.float32)


def _hair(x: F32, y: F32) -> F32:
    """Return which way the hair lies, (PX, PX, 2) unit vectors: from the nose outwards, up on the forehead."""
    away = np.dstack([x * 1.4, y - 0.02])
    up = np.dstack([0.5 * x, -np.ones_like(x)])
    share = smooth_step(-y, 0.16, 0.34)[..., None]
    field = away / (np.linalg.norm(away, axis=2, keepdims=True) + 0.05) * (1 - share) + up * share
    return np.asarray(field / (np.linalg.norm(field, axis=2, keepdims=True) + 1e-6), np.float32)


def _face(coat: F32, x: F32, y: F32) -> F32:
    """Return the coat with nose, lips, the rims of the eyes and the whiskers' roots."""
    sheet = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX)
    pad = [
        (-0.082, 0.02),
        (-0.045, -0.012),
        (0.0, -0.006),
        (0.045, -0.012),
        (0.082, 0.02),
        (0.055, 0.075),
        (0.0, 0.098),
    ]
    sheet.shape([(a * 1.14, 0.04 + (b - 0.04) * 1.14) for a, b in [*pad, (-0.055, 0.075)]], _BLACK)
    sheet.shape([*pad, (-0.055, 0.075)], _PINK, (150, 62, 60)).light((0.0, 0.015), (0.05, 0.016), strength=0.5)
    sheet.line([(0.0, 0.09), (0.0, 0.18)], 0.018, _BLACK)
    for side in (-1, 1):  # the lips' rim, along the upper lip's inner edge
        mouth = [(0.0, 0.19), (side * 0.06, 0.189), (side * 0.12, 0.187), (side * 0.185, 0.186)]
        sheet.line(mouth, 0.024, _BLACK, thin_end=True)
    for row, count in ((0.112, 3), (0.142, 4), (0.172, 3)):
        for k in range(count):
            at = (0.085 + 0.04 * k, row + 0.004 * k)
            for side in (-1, 1):
                sheet.ellipse((side * at[0], at[1]), (0.006, 0.006), _BLACK)
    ink = sheet.picture()
    rim = np.clip(bell(x, y, (0.185, -0.185), (0.112, 0.052), 6) * 1.2, 0, 1)
    tear = np.clip(1.1 * bell(x - 0.35 * np.sign(x) * (y + 0.13) * -1, y, (0.092, -0.135), (0.018, 0.075), 3), 0, 1)
    coat = lay(coat, _BLACK, np.maximum(0.92 * rim, 0.85 * tear))
    return lay(coat, ink[..., :3].astype(np.float32), ink[..., 3].astype(np.float32) / 255)
