"""Label maps of faces: a class for each pixel, drawn from the 478-point mesh in flat colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.evaluation.measure import FACE_OVAL
from lensd.lens.align import mirror_index

if TYPE_CHECKING:
    from lensd.frames import F32, U8

# fmt: off
CLASSES = ("background", "face", "nose", "brow", "eye", "iris", "lips", "mouth")
# Corners and edges of the colour cube, so that a painted map's nearest colour is hardly ever in doubt.
COLOURS = np.array([
    [0, 0, 128], [255, 192, 128], [255, 255, 0], [128, 64, 0], [255, 255, 255], [0, 192, 255], [255, 0, 0],
    [128, 0, 128],
], np.uint8)

# Outlines on one side of the face, MediaPipe's numbers; the other side's are their mirror images.
_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
_IRIS = 468  # its middle; the four points round it follow
_NOSE = (168, 193, 48, 64, 98, 2)
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
# fmt: on
_SUBPIXEL_BITS = 4


def draw_classes(points: F32, size: int) -> U8:
    """Draw a face's classes: (size, size) uint8, indices of `CLASSES`.

    Args:
        points: (478, 2 or 3), mesh in pixels of the map; pixel centres are integers.
        size: side of the map, px.
    """
    classes = np.zeros((size, size), np.uint8)
    xy, mirror = points[:, :2].astype(np.float32, copy=False), mirror_index()
    _fill(classes, xy[list(FACE_OVAL)], "face")
    nose = np.concatenate([xy[list(_NOSE)], xy[mirror[list(_NOSE)]]])
    _fill(classes, np.asarray(cv2.convexHull(nose)[:, 0], np.float32), "nose")
    for brow in (list(_BROW), mirror[list(_BROW)]):
        _fill(classes, xy[brow], "brow")
    for eye, iris in ((list(_EYE), _IRIS), (mirror[list(_EYE)], int(mirror[_IRIS]))):
        open_part, disc = np.zeros_like(classes), np.zeros_like(classes)
        _fill(open_part, xy[eye], "eye")
        radius = float(np.linalg.norm(xy[iris + 1 : iris + 5] - xy[iris], axis=1).mean())
        _fill(disc, _circle(xy[iris], radius), "iris")
        classes[open_part > 0] = CLASSES.index("eye")
        classes[(open_part > 0) & (disc > 0)] = CLASSES.index("iris")
    _fill(classes, xy[list(_LIPS)], "lips")
    _fill(classes, xy[list(_MOUTH)], "mouth")
    return classes


def coloured(classes: U8) -> U8:
    """Return a map's picture: (h, w) class indices to (h, w, 3) uint8 RGB."""
    picture: U8 = COLOURS[classes]
    return picture


def classes_of(picture: U8) -> U8:
    """Return the class whose colour is nearest, for each pixel of a painted map: (h, w, 3) RGB to (h, w)."""
    away = np.square(picture[..., None, :].astype(np.int32) - COLOURS.astype(np.int32)).sum(-1)
    return np.asarray(away.argmin(-1), np.uint8)


def _circle(middle: F32, radius: float) -> F32:
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return (middle + radius * np.column_stack([np.cos(turn), np.sin(turn)])).astype(np.float32)


def _fill(classes: U8, outline: F32, name: str) -> None:
    corners = np.rint(outline * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(classes, [corners], CLASSES.index(name), lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
