"""A bronze statue: the head relit from its surface's normals, with highlights, and verdigris where rain would stand."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.head import head_matte, in_face_units, oval_matte
from trainer.art.mesh import LEFT_EYE, RIGHT_EYE, filled, pixels_a_unit, surface, to_bytes
from trainer.art.paint import lay, smooth_step
from trainer.art.strokes import noise

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.mesh import Surface

_OVAL, _FADE = (0.0, -0.12, 0.68, 0.76), 0.2
# What bronze gives back straight on, the tone of its depths, and of the patina, linear light.
_METAL, _DEPTH, _PATINA = (0.74, 0.37, 0.145), (0.012, 0.007, 0.004), (0.07, 0.17, 0.14)
# Lamps: where from (x right, y down, z to the camera), colour, how hard, and how narrow their reflection is.
_LAMPS = (
    ((-0.55, -0.6, 0.58), (1.0, 0.92, 0.8), 1.3, 6.0),
    ((-0.42, -0.5, 0.76), (1.0, 0.97, 0.92), 2.2, 45.0),
    ((0.9, -0.15, 0.2), (0.74, 0.87, 1.0), 0.8, 7.0),
    ((0.3, 0.8, 0.3), (1.0, 0.6, 0.3), 0.2, 4.0),
)
_RELIEF, _ROUND = 2.1, 0.3  # how deep the picture's detail is cut; how far in the head bulges, face units
_TILE = 1024


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Cast a head: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    size, unit = len(photo), pixels_a_unit(points)
    seen, head = surface(points, size), head_matte(photo, points)
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    luma = np.asarray(cv2.bilateralFilter(luma, 7, 18, 2.5), np.float32)
    # As a share of its surroundings, so that dark skin and shade have the same relief.
    fine = np.log((luma + 14) / (cv2.GaussianBlur(luma, (0, 0), 0.03 * unit) + 14)).astype(np.float32)
    fine = np.asarray(np.tanh(1.4 * fine) / 1.4, np.float32)
    normal = _normals(seen, head, fine, unit)
    hollow = np.clip(-cv2.GaussianBlur(fine, (0, 0), 0.006 * unit) * 3.2 + 0.5 * _bent_in(normal, unit), 0, 1)
    light = _lit(normal)
    stain = _stain(in_face_units(points, size))
    patina = smooth_step(np.asarray(0.85 * hollow + 0.32 * stain - 0.18 * light.mean(2), np.float32), 0.42, 0.95)
    eyes = np.maximum(filled(points, RIGHT_EYE, size, soft=0.8), filled(points, LEFT_EYE, size, soft=0.8))
    metal = light * (1 - 0.62 * hollow[..., None]) * (1 + 0.05 * stain[..., None])
    metal = metal * (1 - 0.55 * eyes * np.clip((90 - luma) / 60, 0, 1))[..., None]  # the pupils are bored out
    green = np.asarray(_PATINA, np.float32) * (0.35 + 0.9 * np.clip(normal @ _direction(0), 0, 1))[..., None]
    cast = lay(metal, green, 0.7 * patina)
    # As film takes it: the depths are dark, and highlights roll off.
    cast = 1 - np.exp(-1.5 * np.power(cast / 0.25, 1.3) * 0.25)
    matte = head * oval_matte(points, size, _OVAL, _FADE)
    return to_bytes(255 * np.power(np.clip(cast, 0, 1), 1 / 2.2)), to_bytes(255 * matte)


def _normals(seen: Surface, head: F32, fine: F32, unit: float) -> F32:
    """Return unit normals of the whole head, (S, S, 3): the mesh's, and beyond it those of a cushion."""
    away = cv2.distanceTransform((head > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    share = np.clip(away / (_ROUND * unit), 0, 1)
    height = cv2.GaussianBlur(np.sqrt(1 - (1 - share) ** 2) * _ROUND * unit, (0, 0), 0.02 * unit)
    cushion = np.dstack([-_slope(height, 1, 0), -_slope(height, 0, 1), np.ones_like(height)])
    cushion /= np.linalg.norm(cushion, axis=2, keepdims=True)
    inner = cv2.distanceTransform(seen.inside.astype(np.uint8), cv2.DIST_L2, 5) / (0.1 * unit)
    trust = smooth_step(np.asarray(inner, np.float32), 0.0, 1.0)
    form = lay(cushion.astype(np.float32), cv2.GaussianBlur(seen.normal, (0, 0), 0.012 * unit), trust)
    cut = np.dstack([_slope(fine, 1, 0), _slope(fine, 0, 1), np.zeros_like(fine)]) * (_RELIEF * 0.02 * unit)
    form = form - cut
    return np.asarray(form / (np.linalg.norm(form, axis=2, keepdims=True) + 1e-6), np.float32)


def _slope(plane: np.ndarray, dx: int, dy: int) -> F32:
    return np.asarray(cv2.Scharr(np.asarray(plane, np.float32), cv2.CV_32F, dx, dy, scale=1 / 32), np.float32)


def _bent_in(normal: F32, unit: float) -> F32:
    """Return how much the surface is a hollow, (S, S), 0 where it is flat or bulges."""
    calm = cv2.GaussianBlur(normal, (0, 0), 0.012 * unit)
    spread = _slope(calm[..., 0], 1, 0) + _slope(calm[..., 1], 0, 1)
    return np.asarray(np.clip(-spread * 0.09 * unit, 0, 1), np.float32)


def _direction(lamp: int) -> F32:
    towards = np.asarray(_LAMPS[lamp][0], np.float32)
    return np.asarray(towards / np.linalg.norm(towards), np.float32)


def _lit(normal: F32) -> F32:
    """Return what the metal gives back of lamps and sky, (S, S, 3) linear light."""
    facing = np.clip(normal[..., 2], 0, 1)
    mirror = 2 * facing[..., None] * normal - np.array([0, 0, 1], np.float32)
    metal = np.asarray(_METAL, np.float32) + (1 - np.asarray(_METAL, np.float32)) * ((1 - facing) ** 5)[..., None]
    sky = smooth_step(-mirror[..., 1], -0.55, 0.9)[..., None]  # a bright room above, the dark floor below
    back = np.array([0.02, 0.016, 0.014], np.float32) * (1 - sky) + np.array([0.055, 0.058, 0.07], np.float32) * sky
    total = metal * back + np.asarray(_DEPTH, np.float32)
    for lamp, (_, colour, strength, narrow) in enumerate(_LAMPS):
        towards = _direction(lamp)
        shine = np.clip(mirror @ towards, 0, 1) ** narrow
        body = 0.1 * np.clip(normal @ towards, 0, 1)
        total = total + metal * np.asarray(colour, np.float32) * (strength * (0.66 * shine + body))[..., None]
    return np.asarray(total, np.float32)


@cache
def _weather() -> F32:
    rng = np.random.default_rng(3)
    return np.asarray(
        0.7 * noise(rng, _TILE, _TILE, 26) + 0.5 * noise(rng, _TILE, _TILE, 8) + 0.3 * noise(rng, _TILE, _TILE, 2),
        np.float32,
    )


def _stain(place: F32) -> F32:
    """Return the weather's marks, (S, S), mean 0: they lie on the head and move with it."""
    at = (place + 1.5) * (_TILE / 3)
    return np.asarray(
        cv2.remap(_weather(), at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), np.float32
    )
