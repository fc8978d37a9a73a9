"""What of a picture is the head: an oval that fades out, or hair, ears and neck as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import face_to_picture
from trainer.art.mesh import OVAL, filled

if TYPE_CHECKING:
    from lensd.frames import F32, U8

Oval = tuple[float, float, float, float]

_CUT_PX = 200  # a side of what is cut: finer takes long, and hair has no edge so sharp
_ROUNDS = 4
_HEAD, _ROOM = (0.0, -0.16, 0.47, 0.66), (0.0, -0.1, 0.8, 0.9)  # likely the head; beyond the second surely not
_SKULL = (0.0, -0.17, 0.38, 0.46)  # the hair above the forehead is the head's, dark before a dark wall too
_NECK = (0.0, 0.55, 0.24, 0.3)
_SEED = 7


def in_face_units(points: F32, size: int) -> F32:
    """Return where a square's pixels lie, (S, S, 2) float32 face units, turned and scaled with the face."""
    to_picture = face_to_picture(points).astype(np.float64)
    whole = np.linalg.inv(np.vstack([to_picture, [0, 0, 1]]))[:2]
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    return np.asarray(np.stack([x, y, np.ones_like(x)], -1) @ whole.T, np.float32)


def oval_matte(points: F32, size: int, oval: Oval, fade: float) -> F32:
    """Return an oval that fades out, (S, S) float32 in 0..1.

    Args:
        points: (478, 2 or 3) mesh in the square's pixels.
        size: its side.
        oval: x, y, half axes, face units; there it is half gone.
        fade: from whole to nothing, face units.
    """
    inside = np.clip((1 - _radius(in_face_units(points, size), oval)) * oval[2] / fade + 0.5, 0, 1)
    return np.asarray(inside**2 * (3 - 2 * inside), np.float32)


def head_matte(photo: U8, points: F32) -> F32:
    """Return the head with hair and neck, (S, S) float32 in 0..1, softly.

    GrabCut (Rother, Kolmogorov and Blake 2004): the mesh is sure, an oval round it likely, what lies far off is not.

    Args:
        photo: (S, S, 3) uint8 RGB.
        points: (478, 3) mesh in its pixels.
    """
    size = len(photo)
    scale = _CUT_PX / size
    small = cv2.resize(photo, (_CUT_PX, _CUT_PX), interpolation=cv2.INTER_AREA)
    moved = points * scale
    place = in_face_units(moved, _CUT_PX)
    face = filled(moved, OVAL, _CUT_PX)
    marks = np.full((_CUT_PX, _CUT_PX), cv2.GC_PR_BGD, np.uint8)
    marks[(_radius(place, _HEAD) < 1) | (_radius(place, _NECK) < 1)] = cv2.GC_PR_FGD
    marks[_radius(place, _ROOM) > 1] = cv2.GC_BGD
    marks[(cv2.erode(face, np.ones((5, 5), np.uint8)) > 0.99) | (_radius(place, _SKULL) < 1)] = cv2.GC_FGD
    cv2.setRNGSeed(_SEED)
    models = [np.zeros((1, 65)), np.zeros((1, 65))]
    lab = cv2.cvtColor(np.asarray(small, np.uint8), cv2.COLOR_RGB2LAB)
    cv2.grabCut(lab, marks, (0, 0, 1, 1), models[0], models[1], _ROUNDS, cv2.GC_INIT_WITH_MASK)
    mask = ((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)).astype(np.uint8)
    mask = _largest(cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))))
    holes = 1 - _largest(1 - mask)
    mask = cv2.medianBlur(np.asarray(np.maximum(mask, holes) * 255, np.uint8), 9)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 1.6)
    large = np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
    # Down at the neck nothing tells where a head ends: it fades.
    height = in_face_units(points, size)[..., 1]
    return np.asarray(np.clip(large, 0, 1) * np.clip((0.82 - height) / 0.22, 0, 1), np.float32)


def _radius(place: F32, oval: Oval) -> F32:
    return np.asarray(np.hypot((place[..., 0] - oval[0]) / oval[2], (place[..., 1] - oval[1]) / oval[3]), np.float32)


def _largest(mask: np.ndarray) -> np.ndarray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, np.uint8), connectivity=4)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()), np.uint8)
