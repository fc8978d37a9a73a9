"""Paint on the mesh: art drawn once on the face template, laid over a face with its own light, eyes and mouth open."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import template_points
from trainer.art.light import light_on
from trainer.art.mesh import OVAL, Surface, look_up, open_parts, pixels_a_unit, surface, to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import F32, U8

SIDE, PX = 1.2, 640  # of the art: face units, and pixels a side
_FINER = 2  # the art is looked up so many times as fine, then averaged


def grid() -> tuple[F32, F32]:
    """Return x and y of the art's pixels, (PX, PX) each, face units."""
    at = (np.arange(PX, dtype=np.float32) + 0.5) * np.float32(SIDE / PX) - np.float32(SIDE / 2)
    x, y = np.meshgrid(at, at)
    return x.astype(np.float32), y.astype(np.float32)


def bell(x: F32, y: F32, centre: tuple[float, float], radii: tuple[float, float], sharp: float = 2.0) -> F32:
    """Return a soft spot of height 1, mirrored to both sides; `sharp` 2 is a Gaussian, more is flatter inside."""
    away = np.hypot((np.abs(x) - centre[0]) / radii[0], (y - centre[1]) / radii[1])
    return np.asarray(np.exp(-(away**sharp)), np.float32)


def lay(under: np.ndarray, colour: Sequence[float] | np.ndarray, matte: np.ndarray) -> F32:
    """Return a colour (or picture) laid over (N, N, 3) with a matte (N, N)."""
    share = matte[..., None]
    return np.asarray(under * (1 - share) + np.asarray(colour, np.float32) * share, np.float32)


@cache
def edge_of_face() -> F32:
    """Return how far inside the template's oval the art's pixels lie, (PX, PX) face units, 0 outside."""
    outline = (template_points()[list(OVAL), :2] + SIDE / 2) * (PX / SIDE) - 0.5
    mask = np.zeros((PX, PX), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_8, 4)
    return np.asarray(cv2.distanceTransform(mask, cv2.DIST_L2, 5) * (SIDE / PX), np.float32)


def smooth_step(plane: np.ndarray, low: float, high: float) -> F32:
    """Return 0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((plane - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def painted(art: F32, seen: Surface) -> F32:
    """Return what of the art (PX, PX, c) is seen on a face, (S, S, c) float32."""
    size = len(seen.place)
    fine = np.asarray(cv2.resize(seen.place, (size * _FINER,) * 2, interpolation=cv2.INTER_LINEAR), np.float32)
    found = cv2.resize(look_up(art, fine, SIDE), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(found if found.ndim == art.ndim else found[..., None], np.float32)


def outer_fade(points: F32, seen: Surface, reach: float) -> F32:
    """Return the matte that fades out over `reach` face units to the mesh's outline as it is seen, (S, S)."""
    away = cv2.distanceTransform(seen.inside.astype(np.uint8), cv2.DIST_L2, 5) / (reach * pixels_a_unit(points))
    return smooth_step(np.asarray(away, np.float32), 0.05, 1.0)


def put_on(
    photo: U8, points: F32, art: F32, *, reach: float = 0.07, grow: float = 0.0, light: float = 1.0, detail: float = 0.5
) -> tuple[U8, U8]:
    """Paint a face.

    Args:
        photo: (S, S, 3) uint8 RGB.
        points: (478, 3) mesh in its pixels.
        art: (PX, PX, 4) float32, colour 0..255 and matte 0..1.
        reach: over which it fades out at the face's outline, face units.
        grow: by which eyes and mouth are left open wider than they are.
        light: how much of the face's own light falls on it, 0..1.
        detail: how much of the skin's fine detail is seen through it.

    Returns:
        (S, S, 3) uint8 RGB and (S, S) uint8 matte.
    """
    seen = surface(points, len(photo))
    found = painted(np.dstack([art[..., :3] * art[..., 3:], art[..., 3:]]), seen)
    colour = found[..., :3] / np.maximum(found[..., 3:], 1e-3)
    matte = found[..., 3] * outer_fade(points, seen, reach) * (1 - open_parts(points, len(photo), grow=grow))
    shine = light_on(photo, points, seen)
    fine = light_on(photo, points, seen, calm=0) - shine
    shine = 1 + light * (shine - 1) + detail * fine
    return to_bytes(colour * shine[..., None]), to_bytes(255 * matte)
