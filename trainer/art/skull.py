"""A skull painted on the face: bone with hollow cheeks and temples, black sockets, teeth that part with the lips."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.brush import Sheet
from trainer.art.mesh import MOUTH, filled, pixels_a_unit, to_bytes
from trainer.art.paint import PX, SIDE, bell, edge_of_face, grid, lay, put_on, smooth_step
from trainer.art.strokes import noise

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.brush import Point

_BONE, _WARM, _SHADE, _BLACK = (240, 234, 218), (206, 186, 150), (96, 84, 72), (10, 9, 11)
_TOOTH, _ROOT, _GUM, _THROAT = (252, 249, 238), (226, 212, 182), (58, 46, 38), (26, 14, 14)
# The right half of the skull's outline, from the crown to the chin: cheekbone, the hollow beside the teeth, the jaw.
_OUTLINE: tuple[Point, ...] = (
    (0.0, -0.54), (0.2, -0.52), (0.34, -0.43), (0.385, -0.31), (0.37, -0.21), (0.385, -0.12), (0.405, -0.03),
    (0.36, 0.06), (0.29, 0.1), (0.25, 0.16), (0.252, 0.23), (0.275, 0.3), (0.25, 0.37), (0.16, 0.455), (0.0, 0.48),
)  # fmt: skip
_CRACKS: tuple[tuple[Point, ...], ...] = (
    ((0.1, -0.52), (0.12, -0.45), (0.095, -0.4), (0.125, -0.34)),
    ((0.12, -0.45), (0.16, -0.43), (0.175, -0.395)),
    ((-0.24, -0.49), (-0.22, -0.43), (-0.25, -0.39), (-0.235, -0.34)),
    ((-0.33, -0.03), (-0.29, -0.035), (-0.265, -0.01)),
)


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Paint a face as a skull: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    colour, matte = put_on(photo, points, art(), reach=0.06, light=0.7, detail=0.35)
    # Between painted teeth the wearer's own would be a third row; an open jaw is dark.
    inside = filled(points, MOUTH, len(photo), soft=0.008 * pixels_a_unit(points))
    dark = 0.86 * inside * (np.minimum(matte, 255) < 250)
    colour = to_bytes(lay(colour.astype(np.float32), _THROAT, np.asarray(inside, np.float32)))
    return colour, to_bytes(np.maximum(matte, 255 * dark))


@cache
def art() -> F32:
    """Return the skull as it lies on the template, (PX, PX, 4) float32."""
    x, y = grid()
    rng = np.random.default_rng(5)
    bone = lay(np.broadcast_to(np.array(_BONE, np.float32), (PX, PX, 3)), _WARM, _relief(x, y))
    stain = 0.6 * noise(rng, PX, PX, 14) + 0.5 * noise(rng, PX, PX, 5) + 0.35 * noise(rng, PX, PX, 1.2)
    bone = bone * (1 + 0.035 * stain[..., None])
    bone = lay(np.asarray(bone, np.float32), _SHADE, _hollows(x, y))
    bone = lay(bone, (255, 253, 246), 0.55 * _shine(x, y))
    bone = lay(bone, _BLACK, _cracks())
    mask = _filled([*_OUTLINE, *[(-a, b) for a, b in _OUTLINE[-2:0:-1]]])
    away = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5).astype(np.float32) * (SIDE / PX)
    bone = lay(bone, _SHADE, 0.75 * (1 - smooth_step(away, 0.0, 0.07)))
    whole = lay(np.broadcast_to(np.array(_BLACK, np.float32), (PX, PX, 3)), bone, mask)
    whole = _teeth(whole, x, y)
    whole = lay(whole, _BLACK, _sockets(x, y))
    matte = 0.98 * smooth_step(edge_of_face(), 0.0, 0.055)
    return np.dstack([np.clip(whole, 0, 255), matte]).astype(np.float32)


def _relief(x: F32, y: F32) -> F32:
    """Return where the bone is turned from the light and warmer, 0..1."""
    shade = 0.55 * smooth_step(np.abs(x), 0.14, 0.4) + 0.35 * smooth_step(y, 0.3, 0.5)
    shade += 0.5 * bell(x, y, (0.0, -0.3), (0.06, 0.05)) - 0.5 * bell(x, y, (0.24, -0.03), (0.1, 0.045))
    shade -= 0.4 * bell(x, y, (0.15, -0.34), (0.13, 0.045))
    return np.asarray(np.clip(shade, 0, 1), np.float32)


def _shine(x: F32, y: F32) -> F32:
    """Return where the bone bulges towards the light: brows, cheekbones, forehead, chin."""
    found = bell(x, y, (0.17, -0.325), (0.11, 0.026)) + bell(x, y, (0.29, -0.05), (0.07, 0.024))
    found += 0.7 * bell(x, y, (0.13, -0.43), (0.12, 0.05)) + 0.6 * bell(x, y, (0.07, 0.425), (0.07, 0.03))
    return np.asarray(np.clip(found, 0, 1), np.float32)


def _hollows(x: F32, y: F32) -> F32:
    """Return the deep shades: temples, under the cheekbones, beside the nose, under the teeth."""
    shade = 0.85 * bell(x, y, (0.375, -0.3), (0.07, 0.13), 2.5) + 0.9 * bell(x, y, (0.27, 0.13), (0.06, 0.1), 2.5)
    shade += 0.45 * bell(x, y, (0.1, 0.02), (0.03, 0.1)) + 0.55 * bell(x, y, (0.0, 0.375), (0.14, 0.025))
    shade += 0.35 * bell(x, y, (0.0, 0.105), (0.2, 0.02)) + 0.5 * bell(x, y, (0.0, -0.24), (0.03, 0.04))
    return np.asarray(np.clip(shade, 0, 0.95), np.float32)


def _cracks() -> F32:
    sheet = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX)
    for line in _CRACKS:
        sheet.line(line, 0.0085, _BLACK, thin_end=True)
    return np.asarray(0.8 * sheet.picture()[..., 3].astype(np.float32) / 255, np.float32)


def _sockets(x: F32, y: F32) -> F32:
    """Return sockets and the nose's cavity, 0..1."""
    lean = np.abs(x) * 0.16
    away = np.hypot((np.abs(x) - 0.18) / 0.142, (y + lean - 0.03 + 0.175) / 0.118)
    eyes = 1 - smooth_step(np.asarray(away, np.float32), 0.86, 1.08)
    sheet = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX)
    half = [(0.012, -0.055), (0.05, -0.01), (0.082, 0.055), (0.07, 0.092), (0.035, 0.09), (0.01, 0.062)]
    for side in (-1, 1):
        sheet.shape([(side * a, b) for a, b in half], _BLACK)
    nose = cv2.GaussianBlur(sheet.picture()[..., 3].astype(np.float32) / 255, (0, 0), 2.5)
    return np.asarray(np.clip(np.maximum(eyes, nose), 0, 1), np.float32)


def _teeth(whole: F32, x: F32, y: F32) -> F32:
    """Return it with two rows of teeth, whose edges lie on the lips' inner line, so that they part with them."""
    dark = np.clip(1.15 * bell(x, y, (0.0, 0.222), (0.228, 0.105), 6), 0, 1)
    whole = lay(whole, _GUM, 0.85 * np.asarray(dark, np.float32))
    sheet = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX)
    for upper in (True, False):
        for k in range(-4, 4):
            left, right = (0.205 * np.sin((k + d) / 4 * 1.35) / np.sin(1.35) for d in (0.07, 0.93))
            middle, half = (left + right) / 2, (right - left) / 2
            bend = 0.045 * (middle / 0.205) ** 2
            line = 0.219 - bend * 0.4
            root = (0.128 + 0.4 * bend) if upper else (0.318 - 0.9 * bend)
            edge = line + (-0.004 if upper else 0.004)
            low, high = min(root, edge), max(root, edge)
            narrow = 0.72 if upper else 0.8
            top, bottom = (narrow, 1.0) if upper else (1.0, narrow)
            tooth = [(middle - half * top, low + 0.012), (middle, low), (middle + half * top, low + 0.012)]
            tooth += [(middle + half * bottom, high - 0.01), (middle, high), (middle - half * bottom, high - 0.01)]
            colours = (_ROOT, _TOOTH) if upper else (_TOOTH, _ROOT)
            sheet.shape([(float(a), float(b)) for a, b in tooth], *colours)
    teeth = sheet.picture()
    shade = 1 - 0.3 * smooth_step(np.abs(x), 0.1, 0.21)
    colour = teeth[..., :3].astype(np.float32) * shade[..., None]
    return lay(whole, np.asarray(colour, np.float32), teeth[..., 3].astype(np.float32) / 255)


def _filled(outline: list[Point]) -> F32:
    sheet = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX)
    return np.asarray(sheet.shape(outline, _BONE).picture()[..., 3].astype(np.float32) / 255, np.float32)
