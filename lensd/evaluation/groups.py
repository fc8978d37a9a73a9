"""Faces by how hard they are: how the head is held, glasses, how much light there is, how large, what is cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.evaluation.measure import FACE_OVAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.evaluation.faces import LabelledFace
    from lensd.frames import F32, Picture

# Of the 175 held-out portraits 6 % are so dark, and 10 % so small.
DARK_BELOW = 100.0  # mean luma, 16..235, in the face's oval
SMALL_BELOW_PX = 170.0  # height of the mesh


def _above(value: float | None, bound: float) -> bool | None:
    return None if value is None else abs(value) > bound


def _below(value: float | None, bound: float) -> bool | None:
    return None if value is None else value < bound


_GROUPS: tuple[tuple[str, Callable[[LabelledFace, float, bool | None], bool | None]], ...] = (
    ("yaw <= 20", lambda face, *_: None if face.yaw_deg is None else abs(face.yaw_deg) <= 20),
    ("yaw > 20", lambda face, *_: _above(face.yaw_deg, 20)),
    ("roll > 10", lambda face, *_: _above(face.roll_deg, 10)),
    ("glasses", lambda _face, _luma, glasses: glasses),
    (f"luma < {DARK_BELOW:g}", lambda _face, luma, _glasses: _below(luma, DARK_BELOW)),
    (f"face < {SMALL_BELOW_PX:g} px", lambda face, *_: _below(height_px(face.landmarks_px), SMALL_BELOW_PX)),
    ("tight margin", lambda face, *_: face.margin == "tight" if face.margin else None),
)


def groups_of(face: LabelledFace, luma: float, glasses: bool | None = None) -> tuple[str, ...]:
    """Return the names of the groups that a face belongs to.

    Args:
        face: as the folder says; whether it wears glasses too, where it says so.
        luma: as `face_luma` gives it.
        glasses: what is seen, as `glasses.wears_glasses` tells it; None where nobody looked.
    """
    worn = glasses if face.glasses is None else face.glasses
    return tuple(name for name, belongs in _GROUPS if belongs(face, luma, worn))


def names() -> tuple[str, ...]:
    """Return all groups, in the order in which they are shown."""
    return tuple(name for name, _ in _GROUPS)


def face_luma(picture: Picture, mesh_px: F32) -> float:
    """Return the mean luma, 16..235, within the face's oval; of the whole picture where the oval lies outside."""
    oval = np.zeros((picture.height, picture.width), np.uint8)
    cv2.fillPoly(oval, [np.round(mesh_px[list(FACE_OVAL), :2]).astype(np.int32)], 1)
    return float(picture.y[oval > 0].mean() if oval.any() else picture.y.mean())


def height_px(mesh_px: F32) -> float:
    """Return how high the mesh is, pixels."""
    return float(np.ptp(mesh_px[:, 1]))
