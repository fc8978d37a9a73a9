"""One face: what the lens draws on it, against what its teacher would have drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.composite.blend import Compositor
from lensd.evaluation.quality import Quality, compare
from lensd.frames import SEEN_ONCE, Face, Layer, Picture
from lensd.lens.align import apply, invert
from lensd.lens.overlay import draw_layer, render_crop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import F32, U8
    from lensd.lens.overlay import Sticker
    from lensd.ports import Lens

HALF = 127  # a matte above it is drawn, below it is not
FIRED_IOU, FIRED_MATTE = 0.5, 0.5
NEAR_PX = 4
_GROWN_PX_MAX = 2048

# The outline of the face from the forehead's middle clockwise, as MediaPipe's FACEMESH_FACE_OVAL lists its edges.
# fmt: off
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
# fmt: on


@dataclass(frozen=True, slots=True)
class FaceFigures:
    """What was measured on one face; None where there is nothing to measure against.

    Attributes:
        file: the picture's name.
        found: a face was given to the lens (the tracker found one), and the lens drew a layer.
        iou: of the mattes at 0.5, in the lens's own pixels, what lies inside the picture; None also where the
            sticker lies outside.
        fired: IoU over 0.5; without a teacher, a mean matte over 0.5 in the face's oval.
        change_outside: mean |y - x|, 0..255, of RGB pixels over 4 px away from the sticker, after the composite.
        inside_l1: mean |y - t|, 0..1, of RGB pixels under the sticker, t the teacher's composite.
        quality: the lens's picture against the teacher's.
    """

    file: str
    found: bool
    iou: float | None
    fired: bool
    change_outside: float | None
    inside_l1: float | None
    quality: Quality | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures of one measurement, (H, W, 3) uint8 RGB: the camera's, the lens's and the teacher's."""

    camera: U8
    lens: U8
    truth: U8 | None


class Measurer:
    """Measures one lens, face by face; owns buffers."""

    def __init__(self, lens: Lens, teacher: Sequence[Sticker] | None) -> None:
        """Measure `lens` against `teacher`, if it had one."""
        self._lens, self._teacher, self._compositor = lens, teacher, Compositor()

    def measure(self, file: str, picture: Picture, seen_px: F32 | None, mesh_px: F32) -> tuple[FaceFigures, Drawn]:
        """Draw on `picture`, and compare.

        Args:
            file: for the record.
            picture: not modified.
            seen_px: (478, 3), the points that the lens is given; None where no face was found.
            mesh_px: (478, 3), the points that the truth is drawn on.

        Raises:
            EngineError: the network could not be run.
        """
        camera = rgb(picture)
        layer = None if seen_px is None else self._lens.draw(picture, Face(SEEN_ONCE, seen_px, 1.0))
        lens = self._composite(picture, layer)
        if self._teacher is None:
            fired = layer is not None and _oval_matte(layer, mesh_px) > FIRED_MATTE
            return FaceFigures(file, layer is not None, None, fired, None, None), Drawn(camera, lens, None)
        truth = draw_layer(self._teacher, mesh_px, picture.width, picture.height)
        taught = self._composite(picture, truth)
        sticker = np.zeros((picture.height, picture.width), np.uint8)
        if truth is not None:
            x, y = (int(edge) for edge in truth.to_picture[:, 2])
            height, width = truth.rgba.shape[:2]
            sticker[y : y + height, x : x + width] = truth.rgba[..., 3] > HALF
        iou = _iou(layer, self._teacher, truth, mesh_px, picture) if truth is not None and sticker.any() else None
        near = cv2.dilate(sticker, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR_PX + 1, 2 * NEAR_PX + 1)))
        figures = FaceFigures(
            file=file,
            found=layer is not None,
            iou=iou,
            fired=iou is not None and iou > FIRED_IOU,
            change_outside=_mean_change(lens, camera, near == 0),
            inside_l1=_mean_change(lens, taught, sticker != 0, 1 / 255),
            quality=compare(lens, taught, sticker != 0, near == 0, picture_matte(layer, picture)),
        )
        return figures, Drawn(camera, lens, taught)

    def _composite(self, picture: Picture, layer: Layer | None) -> U8:
        copy = Picture(picture.width, picture.height, picture.data.copy())
        if layer is not None:
            self._compositor.blend(copy, layer)
        return rgb(copy)


def picture_matte(layer: Layer | None, picture: Picture) -> U8:
    """Return what `layer` covers in the picture's own pixels: (H, W) uint8; nothing without a layer."""
    if layer is None:
        return np.zeros((picture.height, picture.width), np.uint8)
    size = (picture.width, picture.height)
    return np.asarray(cv2.warpAffine(layer.rgba[..., 3], layer.to_picture, size, flags=cv2.INTER_LINEAR), np.uint8)


def rgb(picture: Picture) -> U8:
    """Return the picture's colours: (H, W, 3) uint8 RGB."""
    planes = picture.data.reshape(picture.height * 3 // 2, picture.width)
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _mean_change(a: U8, b: U8, where: np.ndarray, scale: float = 1.0) -> float | None:
    return float(cv2.absdiff(a, b)[where].mean()) * scale if where.any() else None


def _iou(layer: Layer | None, teacher: Sequence[Sticker], truth: Layer, mesh_px: F32, picture: Picture) -> float:
    """Return the IoU in the layer's own pixels, of those that lie inside the picture; 0 without a layer."""
    if layer is None:
        return 0.0
    height, width = truth.rgba.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32) + truth.to_picture[:, 2]
    grown = _grown(layer, apply(invert(layer.to_picture), corners))
    size = grown.rgba.shape[1], grown.rgba.shape[0]
    to_patch = invert(grown.to_picture)
    wanted = render_crop(teacher, apply(to_patch, mesh_px[:, :2]), size)[..., 3] > HALF
    everywhere = np.ones((picture.height, picture.width), np.uint8)
    inside = cv2.warpAffine(everywhere, to_patch, size, flags=cv2.INTER_NEAREST) > 0
    drawn, wanted = (grown.rgba[..., 3] > HALF) & inside, wanted & inside
    union = int((drawn | wanted).sum())
    return float((drawn & wanted).sum() / union) if union else 0.0


def _grown(layer: Layer, points: F32) -> Layer:
    """Return `layer` with empty pixels around it, so that `points` (n, 2), in its pixels, lie inside.

    What the lens could not draw, because it lay outside its square, counts against it.
    """
    height, width = layer.rgba.shape[:2]
    before = np.clip(np.ceil(-points.min(0)), 0, _GROWN_PX_MAX).astype(int)
    after = np.clip(np.ceil(points.max(0) + 1 - (width, height)), 0, _GROWN_PX_MAX).astype(int)
    if not before.any() and not after.any():
        return layer
    rgba = np.pad(layer.rgba, ((before[1], after[1]), (before[0], after[0]), (0, 0)))
    to_picture = layer.to_picture.copy()
    to_picture[:, 2] -= to_picture[:, :2] @ before.astype(np.float32)
    return Layer(rgba, to_picture)


def _oval_matte(layer: Layer, mesh_px: F32) -> float:
    """Return the mean matte, 0..1, over the face's oval, in the layer's own pixels."""
    oval = np.zeros(layer.rgba.shape[:2], np.uint8)
    points = apply(invert(layer.to_picture), mesh_px[list(FACE_OVAL), :2])
    cv2.fillPoly(oval, [np.round(points).astype(np.int32)], 1)
    return float(layer.rgba[..., 3][oval > 0].mean() / 255) if oval.any() else 0.0
