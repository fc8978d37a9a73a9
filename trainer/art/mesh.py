"""The face's mesh as a surface to paint on: for every pixel of a picture, where on the face template it lies.

Art is drawn once on the template's plane (face units, y down) and looked up through this, so that it bends with brows,
lips and cheeks, and a turned head hides what lies behind its own nose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import template_points

if TYPE_CHECKING:
    from lensd.frames import F32, U8

# Closed rings of the mesh's points, as MediaPipe numbers them.
_LEFT_RIM = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152)
OVAL = (*_LEFT_RIM, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_SKIN = 468  # points before the irises
_FINE = 16  # OpenCV takes corners in sixteenths of a pixel
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Surface:
    """A face's mesh seen from the camera, (H, W) each.

    Attributes:
        place: (H, W, 2) float32, where on the template a pixel lies, face units; 9 where there is no face.
        normal: (H, W, 3) float32, the surface's unit normal: x right, y down, z towards the camera; smooth over edges.
        inside: (H, W) bool, whether the mesh is there; mouth and eyes count.
    """

    place: F32
    normal: F32
    inside: np.ndarray[tuple[int, int], np.dtype[np.bool_]]


@cache
def triangles() -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """Return the mesh's triangles, (n, 3) int32, those over eyes and mouth too, wound alike.

    They are the Delaunay triangles of the template from the front: nearly MediaPipe's own, which are not needed.
    """
    flat = template_points()[:_SKIN, :2].astype(np.float64)
    low, high = flat.min(0) - 1, flat.max(0) + 1
    scale = 1000.0
    division = cv2.Subdiv2D((0, 0, int((high - low)[0] * scale) + 1, int((high - low)[1] * scale) + 1))
    number: dict[int, int] = {}
    for index, point in enumerate((flat - low) * scale):
        number.setdefault(division.insert((float(point[0]), float(point[1]))), index)
    found = []
    oval = flat[list(OVAL)].astype(np.float32)
    for corners in np.asarray(division.getTriangleList()).reshape(-1, 3, 2):
        ids = [number.get(division.locate((float(x), float(y)))[2], -1) for x, y in corners]
        if min(ids) < 0 or len(set(ids)) < 3:
            continue
        middle = flat[ids].mean(0)
        if cv2.pointPolygonTest(oval, (float(middle[0]), float(middle[1])), measureDist=False) < 0:
            continue
        (x1, y1), (x2, y2) = flat[ids[1]] - flat[ids[0]], flat[ids[2]] - flat[ids[0]]
        found.append(ids if x1 * y2 > x2 * y1 else ids[::-1])
    return np.array(found, np.int32)


def surface(points: F32, size: int) -> Surface:
    """Lay the mesh out over a square picture.

    Args:
        points: (478, 3) in its pixels, z in the same unit, smaller is nearer.
        size: pixels a side.
    """
    faces, flat = triangles(), points[:_SKIN, :2].astype(np.float64)
    depth = points[:_SKIN, 2].astype(np.float64)
    normals = _normals(points[:_SKIN])
    corners = flat[faces]
    edges = corners[:, 1:] - corners[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    seen = np.flatnonzero(area > 1e-6)
    order = seen[np.argsort(-depth[faces[seen]].mean(1))]  # the far ones first
    label = np.zeros((size, size), np.int32)
    for index in order:
        cv2.fillConvexPoly(label, np.rint(corners[index] * _FINE).astype(np.int32), int(index) + 1, cv2.LINE_8, _SHIFT)
    # Within a triangle all that its corners have is affine in x and y.
    known = np.column_stack([template_points()[:_SKIN, :2], normals]).astype(np.float64)
    system = np.concatenate([corners, np.ones((len(faces), 3, 1))], 2)
    affine = np.zeros((len(faces) + 1, 3, known.shape[1]))
    affine[seen + 1] = np.linalg.solve(system[seen], known[faces[seen]])
    y, x = np.nonzero(label)
    at = np.column_stack([x, y, np.ones_like(x)])
    values = np.einsum("ni,nij->nj", at, affine[label[y, x]])
    place, normal = np.full((size, size, 2), 9, np.float32), np.zeros((size, size, 3), np.float32)
    normal[..., 2] = 1
    place[y, x], normal[y, x] = values[:, :2], values[:, 2:]
    normal /= np.linalg.norm(normal, axis=2, keepdims=True) + 1e-6
    return Surface(place, normal, label > 0)


def look_up(art: F32, place: F32, side: float, up: float = 0.0) -> F32:
    """Return what of `art` is seen at each `place`.

    Args:
        art: (N, N) or (N, N, c) float32, a square of the template's plane.
        place: (H, W, 2) face units.
        side, up: of that square: face units a side, and how far its centre lies above the template's.
    """
    scale = len(art) / side
    x = (place[..., 0] + side / 2) * scale - 0.5
    y = (place[..., 1] + up + side / 2) * scale - 0.5
    found = cv2.remap(art, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(found, np.float32)


def filled(points: F32, ring: tuple[int, ...], size: int, *, soft: float = 0.0) -> F32:
    """Return a ring of the mesh filled, (size, size) float32 in 0..1, its edge blurred by `soft` pixels."""
    mask = np.zeros((size, size), np.uint8)
    outline = np.rint(points[list(ring), :2] * _FINE).astype(np.int32)
    cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, _SHIFT)
    plane = mask.astype(np.float32) / 255
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), soft) if soft else plane, np.float32)


def pixels_a_unit(points: F32) -> float:
    """Return how many pixels a face unit is: hair line to chin, in space, so that nodding does not shorten it."""
    return float(np.linalg.norm(points[152] - points[10])) or 1.0


def open_parts(points: F32, size: int, *, grow: float = 0.0) -> F32:
    """Return where eyes and the open mouth are, (size, size) float32 in 0..1, soft; `grow` in face units."""
    unit = pixels_a_unit(points)
    found = np.zeros((size, size), np.float32)
    for ring in (RIGHT_EYE, LEFT_EYE, MOUTH):
        found = np.maximum(found, filled(points, ring, size))
    if grow > 0:
        reach = 2 * max(round(grow * unit), 1) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        found = np.asarray(cv2.dilate(found, disc), np.float32)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), max(0.006 * unit, 0.5)), np.float32)


def to_bytes(plane: np.ndarray) -> U8:
    """Return a picture of 0..255, or a matte times 255, as uint8."""
    return np.asarray(np.clip(np.rint(plane), 0, 255), np.uint8)


def _normals(points: F32) -> F32:
    faces, space = triangles(), points.astype(np.float64)
    a, b, c = (space[faces[:, k]] for k in range(3))
    each = np.cross(b - a, c - a)
    total = np.zeros_like(space)
    for k in range(3):
        np.add.at(total, faces[:, k], each)
    # Which way they are wound depends on the template; the nose's tip looks at the camera. z is turned round: it grows
    # away from the camera in the mesh.
    total *= -np.sign(total[1, 2]) or 1.0
    total[:, 2] *= -1
    return np.asarray(total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-9), np.float32)
