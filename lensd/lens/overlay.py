"""The drawing of an overlay lens: flat pictures that move with the face's mesh, and the teacher of every generator.

A sticker turns with the face's roll, keeps its corners square, and is foreshortened along its two sides: five numbers
taken from hundreds of mesh points, so that the mesh's noise neither shears nor shakes it. A full affine (six numbers
from the anchor's few dozen points) follows the noise of the eyelids instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

from lensd.frames import Layer
from lensd.lens.align import apply, template_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import F32, U8, Affine, Face, Picture

Anchor = Literal["eyes", "nose", "mouth", "brow", "head"]
When = Literal["always", "mouth-open"]

# What each anchor's place is the mean of: boxes on the template (x0, y0, x1, y1), face units.
_ANCHOR_BOX: dict[Anchor, tuple[float, float, float, float]] = {
    "eyes": (-0.36, -0.27, 0.36, -0.09),
    "brow": (-0.36, -0.36, 0.36, -0.22),
    "nose": (-0.14, -0.12, 0.14, 0.12),
    "mouth": (-0.22, 0.11, 0.22, 0.32),
    "head": (-1.0, -0.40, 1.0, 0.12),
}
# The inner lips' middles and the mouth's corners; the lips' distance over the mouth's width at which a sticker that
# waits for an open mouth begins to show, and shows whole. Talking stays mostly under 0.2, a yawn is over 0.8.
_LIPS, _CORNERS, _OPENING = (13, 14), (61, 291), (0.16, 0.34)
# The irises follow the gaze, not the head.
_FIRST_IRIS = 468
# Each output pixel is the mean of this many squared.
_SUPERSAMPLING = 2


@dataclass(frozen=True, slots=True, eq=False)
class Sticker:
    """A flat picture that moves with a part of the face.

    Attributes:
        image: (H, W, 4) uint8 RGB and matte, straight alpha.
        anchor: the part of the face whose mean place it follows.
        centre: (x, y) in face units, where the picture's centre lies on the template.
        width: face units, of the whole picture.
        when: "mouth-open" fades it in as the lips part.
    """

    image: U8
    anchor: Anchor
    centre: tuple[float, float]
    width: float
    when: When = "always"
    _levels: list[U8] = field(default_factory=list, init=False, repr=False)

    def level(self, shrink: float) -> tuple[U8, float]:
        """Return the picture, colour multiplied by matte, made smaller beforehand for drawing `shrink` times smaller.

        Returns:
            (h, w, 4) uint8 and the factor by which it is smaller than `image`, a power of two, at most `shrink`.
        """
        if not self._levels:
            self._levels.append(_premultiplied(self.image))
        want = max(int(np.floor(np.log2(max(shrink, 1.0)))), 0)
        while len(self._levels) <= want and min(self._levels[-1].shape[:2]) >= 4:
            height, width = self._levels[-1].shape[:2]
            if height % 2 or width % 2:
                break
            half = cv2.resize(self._levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            self._levels.append(half.astype(np.uint8, copy=False))
        index = min(want, len(self._levels) - 1)
        return self._levels[index], float(2**index)


def face_axes(landmarks_px: F32) -> F32:
    """Return the face's own axes in the picture: (2, 2) float32, columns are one face unit along x and along y.

    The columns are at right angles; their lengths differ by what turning and nodding foreshorten.

    Args:
        landmarks_px: (478, 2 or 3), mesh points in pixels.

    Source: the least-squares affine over the points that hold still when talking; its first column is kept, of the
    second only the part at right angles (a turn of the head shears the mesh because noses stick out, not the sticker).
    """
    affine = (_fit() @ landmarks_px[_still(), :2].astype(np.float64)).T
    along = affine[:, 0]
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    return np.column_stack([along, across * (across @ affine[:, 1])]).astype(np.float32)


def sticker_to_picture(sticker: Sticker, landmarks_px: F32) -> Affine:
    """Return the affine from the sticker's pixels to the picture's: (2, 3) float32.

    Args:
        sticker: what is to be drawn.
        landmarks_px: (478, 2 or 3), mesh points in pixels of the picture drawn on.
    """
    axes = face_axes(landmarks_px).astype(np.float64)
    points = _anchor_index(sticker.anchor)
    offset = np.asarray(sticker.centre) - template_points()[points, :2].mean(0)
    centre = landmarks_px[points, :2].mean(0) + axes @ offset
    height, width = sticker.image.shape[:2]
    linear = axes * (sticker.width / width)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre - linear @ middle]).astype(np.float32)


def render_crop(stickers: Sequence[Sticker], landmarks_px: F32, size: int | tuple[int, int]) -> U8:
    """Draw stickers as they lie on a face, on nothing.

    Args:
        stickers: drawn in this order, the later over the earlier.
        landmarks_px: (478, 2 or 3), mesh points in pixels of the patch.
        size: pixels a side of the patch, or its (width, height).

    Returns:
        (H, W, 4) uint8 RGB and matte, straight alpha; colour under a zero matte is black.
    """
    return straight(render_premultiplied(stickers, landmarks_px, size))


def render_premultiplied(stickers: Sequence[Sticker], landmarks_px: F32, size: int | tuple[int, int]) -> U8:
    """Draw as `render_crop` does, but return colour multiplied by matte."""
    width, height = (size, size) if isinstance(size, int) else size
    whole = np.zeros((height, width, 4), np.uint8)
    for sticker in stickers:
        opacity = 1.0 if sticker.when == "always" else mouth_opening(landmarks_px)
        if opacity > 0:
            _draw(whole, sticker, sticker_to_picture(sticker, landmarks_px), opacity)
    return whole


def mouth_opening(landmarks_px: F32) -> float:
    """Return how far the mouth of (478, 2 or 3) points is open: 0 closed or talking, 1 wide, smooth between."""
    lips, corners = (float(np.hypot(*(landmarks_px[a, :2] - landmarks_px[b, :2]))) for a, b in (_LIPS, _CORNERS))
    low, high = _OPENING
    share = min(max((lips / max(corners, 1e-6) - low) / (high - low), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def draw_layer(stickers: Sequence[Sticker], landmarks_px: F32, width: int, height: int) -> Layer | None:
    """Draw stickers in a patch that just holds them, cut to the picture's border.

    Args:
        stickers: as in `render_crop`.
        landmarks_px: (478, 2 or 3), mesh points in picture pixels.
        width, height: of the picture, pixels.

    Returns:
        The layer, or None where no sticker touches the picture.
    """
    corners = np.concatenate([_corners(sticker, sticker_to_picture(sticker, landmarks_px)) for sticker in stickers])
    if not np.isfinite(corners).all():
        return None
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, (width, height))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    shift = np.array([x0, y0, 0], np.float32)[: landmarks_px.shape[1]]
    rgba = render_crop(stickers, landmarks_px - shift, (int(x1 - x0), int(y1 - y0)))
    return Layer(rgba, np.array([[1, 0, x0], [0, 1, y0]], np.float32))


class OverlayLens:
    """Implements `Lens` with stickers; holds nothing that needs closing."""

    def __init__(self, name: str, stickers: Sequence[Sticker]) -> None:
        """Take the stickers of a package.

        Raises:
            ValueError: no stickers.
        """
        if not stickers:
            raise ValueError("an overlay lens has at least one sticker")
        self._name, self._stickers = name, tuple(stickers)

    @property
    def name(self) -> str:
        """As in `lensd switch NAME`."""
        return self._name

    def draw(self, picture: Picture, face: Face) -> Layer | None:
        """Return the stickers as they lie on `face`, or None where they lie outside the picture."""
        return draw_layer(self._stickers, face.landmarks_px, picture.width, picture.height)

    def follow(self, face: Face) -> Layer | None:
        """Return None: drawing is as cheap as moving."""
        return None

    def close(self) -> None:
        """Nothing is held."""


def straight(premultiplied: U8) -> U8:
    """Divide colour by matte: (H, W, 4) uint8 to the same with straight alpha; colour under zero matte is black."""
    out = premultiplied.copy()
    edge = _partly(premultiplied[..., 3])
    some = premultiplied[edge].astype(np.uint16)
    some[:, :3] = np.minimum((some[:, :3] * 255 + some[:, 3:] // 2) // some[:, 3:], 255)
    out[edge] = some
    return out


def _partly(matte: np.ndarray[Any, np.dtype[Any]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.intp]], ...]:
    """Return where the matte, (H, W) uint8, is neither 0 nor 255: colours change there alone."""
    rows, columns = np.nonzero(matte - np.uint8(1) < 254)  # 0 wraps round to 255
    return rows, columns


def _premultiplied(rgba: U8) -> U8:
    out = rgba.copy()
    alpha = rgba[..., 3:].astype(np.uint16)
    out[..., :3] = (rgba[..., :3].astype(np.uint16) * alpha + 127) // 255
    return out


def _corners(sticker: Sticker, affine: Affine) -> F32:
    height, width = sticker.image.shape[:2]
    edge = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [-0.5, height - 0.5], [width - 0.5, height - 0.5]], np.float32)
    return apply(affine, edge)


def _draw(whole: U8, sticker: Sticker, affine: Affine, opacity: float) -> None:
    """Lay one sticker over `whole` (premultiplied), in its bounding box only."""
    corners = _corners(sticker, affine)
    if not np.isfinite(corners).all():
        return
    x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, (whole.shape[1], whole.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    scale = np.sqrt(abs(float(np.linalg.det(affine[:, :2].astype(np.float64))))) * _SUPERSAMPLING
    image, factor = sticker.level(1 / max(scale, 1e-6))
    # Pixel centres are integers: pixel i of the smaller picture is the mean of pixels factor * i .. + factor - 1, and
    # fine pixel j of the patch lies at (j + 0.5) / supersampling - 0.5.
    linear = affine[:, :2].astype(np.float64)
    shift = affine[:, 2] + linear @ np.full(2, (factor - 1) / 2) - (x0, y0)
    fine = np.column_stack([linear * factor * _SUPERSAMPLING, (shift + 0.5) * _SUPERSAMPLING - 0.5])
    size = ((x1 - x0) * _SUPERSAMPLING, (y1 - y0) * _SUPERSAMPLING)
    drawn = cv2.warpAffine(image, fine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    drawn = cv2.resize(drawn, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    if opacity < 1:
        drawn = np.rint(drawn * opacity).astype(np.uint8)
    under = whole[y0:y1, x0:x1]
    if under.any():
        edge = _partly(drawn[..., 3])
        mixed = drawn[edge] + ((255 - drawn[edge][:, 3:].astype(np.uint16)) * under[edge] + 127) // 255
        np.copyto(under, drawn, where=drawn[..., 3:] == 255)
        under[edge] = mixed
    else:
        under[:] = drawn


@cache
def _still() -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the points that axes come from: above the upper lip, below the hair line, which the mesh only guesses."""
    return _anchor_index("head")


@cache
def _anchor_index(anchor: Anchor) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    x0, y0, x1, y1 = _ANCHOR_BOX[anchor]
    x, y = template_points()[:_FIRST_IRIS, :2].T
    return np.flatnonzero((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))


@cache
def _fit() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return the (2, n) matrix that takes n points' places to the least-squares axes."""
    points = template_points()[_still(), :2].astype(np.float64)
    return np.linalg.pinv(points - points.mean(0))
