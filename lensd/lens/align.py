"""Landmarks to the square that a network sees: the one alignment, for training and for the live path alike.

The face template is the mean of 1,048 near-frontal faces (478 mesh points after Procrustes alignment, made
symmetric), in *face units*: origin half way between hair line (10) and chin (152), their distance 1, y down.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from lensd.frames import F32, Affine

# Points that talking moves (lips, chin, jaw) would make the crop breathe; those above the upper lip hold still.
_STEADY_BELOW = 0.12


@cache
def template_points() -> F32:
    """Return the face template: (478, 3) float32, face units, z smaller is nearer."""
    return _template()["points"]


@cache
def mirror_index() -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """Return, for each mesh point, the point on the other side of the face: (478,) int16."""
    return _template()["mirror"]


@cache
def steady_index() -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the mesh points that an alignment is computed from: those above the upper lip."""
    return np.flatnonzero(template_points()[:, 1] < _STEADY_BELOW)


@cache
def _template() -> dict[str, np.ndarray[Any, Any]]:
    with files("lensd.lens").joinpath("template.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in ("points", "mirror")}


def similarity(source: F32, target: F32) -> Affine:
    """Return the rotation, uniform scale and shift that take `source` nearest to `target`.

    Args:
        source, target: (n, 2), the same points in two frames of reference; not all `source` points equal.

    Returns:
        (2, 3) float32.

    Source: Umeyama 1991, "Least-squares estimation of transformation parameters", in two dimensions.
    """
    a, b = source.astype(np.float64), target.astype(np.float64)
    ca, cb = a.mean(0), b.mean(0)
    a, b = a - ca, b - cb
    norm = (a * a).sum()
    cos = (a * b).sum() / norm
    sin = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / norm
    linear = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([linear, cb - linear @ ca]).astype(np.float32)


def face_to_picture(landmarks_px: F32) -> Affine:
    """Return the similarity from face units to picture pixels: (2, 3) float32.

    Args:
        landmarks_px: (478, 2 or 3), mesh points in picture pixels.
    """
    cos, sin, x, y = _pose(landmarks_px)
    return np.array([[cos, -sin, x], [sin, cos, y]], np.float32)


@cache
def _fit() -> tuple[np.ndarray[Any, np.dtype[np.float64]], list[float]]:
    """Return what takes 478 points to their similarity from the template, (3, 478), and the template's own middle.

    `similarity` with one side known: a product of two small matrices, 10 us where that takes 40 (three times a frame,
    and thrice as much where the networks before it have emptied the processor's caches).
    """
    steady = steady_index()
    points = template_points()[steady, :2].astype(np.float64)
    middle = points.mean(0)
    points -= middle
    weights = np.zeros((3, len(template_points())))
    weights[:2, steady] = points.T / (points * points).sum()
    weights[2, steady] = 1 / len(steady)
    return weights, middle.tolist()


def _pose(landmarks_px: F32) -> tuple[float, float, float, float]:
    """Return the similarity from face units to picture pixels: scale by cosine and sine of the tilt, and the shift."""
    weights, (middle_x, middle_y) = _fit()
    (xx, xy), (yx, yy), (x, y) = (weights @ landmarks_px[:, :2].astype(np.float64)).tolist()
    cos, sin = xx + yy, xy - yx
    return cos, sin, x - cos * middle_x + sin * middle_y, y - sin * middle_x - cos * middle_y


def crop_to_picture(landmarks_px: F32, size_px: int, side: float, up: float = 0.0) -> Affine:
    """Return the square that a lens sees, as the affine from its pixels to the picture's: (2, 3) float32.

    Args:
        landmarks_px: (478, 2 or 3), mesh points in picture pixels.
        size_px: pixels a side of the crop.
        side: side of the square in face units (1 is hair line to chin).
        up: how far its centre lies above the face's, in face units.
    """
    cos, sin, x, y = _pose(landmarks_px)
    scale = side / size_px
    # Crop pixel centres are integers: pixel (size - 1) / 2 is the centre of the square.
    left = -(size_px - 1) / 2 * scale
    top = left - up
    rows = [
        [cos * scale, -sin * scale, cos * left - sin * top + x],
        [sin * scale, cos * scale, sin * left + cos * top + y],
    ]
    return np.array(rows, np.float32)


def invert(affine: Affine) -> Affine:
    """Return the affine that undoes `affine`: (2, 3) float32."""
    whole = np.vstack([affine.astype(np.float64), [0, 0, 1]])
    inverse: Affine = np.linalg.inv(whole)[:2].astype(np.float32)
    return inverse


def apply(affine: Affine, points: F32) -> F32:
    """Return `points` (n, 2) moved by `affine`: (n, 2) float32."""
    return (points @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
