"""The square that a network sees, cut from a picture's planes and converted to RGB."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from lensd.frames import U8, Affine, Picture


def crop_rgb(picture: Picture, to_picture: Affine, out: U8) -> None:
    """Cut a square from `picture`, converting the crop's pixels only, not the picture's.

    What lies outside the picture repeats its edge. A crop of a large face is averaged over whole blocks first, since
    the linear warp reads four pixels and would turn the detail between them into noise.
    Measured: 0.3 ms for 256 px from a 300 px face at 720p, one core of a Zen 3; converting the picture takes 0.5.

    Args:
        picture: not modified.
        to_picture: (2, 3), crop pixels to picture pixels, as `align.crop_to_picture` returns; finite.
        out: (S, S, 3) uint8 RGB 0..255, C-contiguous, S even; written whole.
    """
    size = out.shape[0]
    luma, half = size * size, size // 2
    i420 = np.empty((size * 3 // 2, size), np.uint8)
    flat = i420.reshape(-1)
    (a, b, x), (c, d, y) = to_picture.tolist()
    cut = _Cut.of((a, b, x, c, d, y), size, picture.width, picture.height)
    cut.take(picture.y, i420[:size])
    # Chroma pixel q lies on the middle of luma pixels 2q and 2q + 1, in the crop as in the picture.
    coarse = (a, b, ((a + b) / 2 + x - 0.5) / 2, c, d, ((c + d) / 2 + y - 0.5) / 2)
    cut = _Cut.of(coarse, half, picture.width // 2, picture.height // 2)
    cut.take(picture.u, flat[luma : luma + half * half].reshape(half, half))
    cut.take(picture.v, flat[luma + half * half :].reshape(half, half))
    cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420, dst=out)


class _Cut(NamedTuple):
    """How a square is cut from a plane, or from two of one size; all but pixels in Python's own numbers.

    Six numbers in NumPy cost 3 us an operation, 12 where a network has just emptied the caches: 0.6 ms a frame.

    Attributes:
        part: rows and columns of the plane that are averaged first. block: over so many pixels a side.
        to_plane: (2, 3) float64, from the square to what is cut.
        size: of the square, pixels.
    """

    part: tuple[slice, slice]
    block: int
    to_plane: np.ndarray
    size: int

    @classmethod
    def of(cls, affine: tuple[float, ...], size: int, width: int, height: int) -> _Cut:
        """Plan it for planes of `width` x `height`; `affine` is a, b, x, c, d, y from the square to the plane."""
        a, b, x, c, d, y = affine
        block = min(int(math.sqrt(abs(a * d - b * c)) + 0.5), width, height)
        if block <= 1:
            return cls((slice(None), slice(None)), 1, np.array([[a, b, x], [c, d, y]]), size)
        # In blocks counted from the plane's corner, so that the averages do not swim as the face moves.
        left, right = _blocks(a * size, b * size, x, block, width // block)
        top, bottom = _blocks(c * size, d * size, y, block, height // block)
        half = (block - 1) / (2 * block)
        to_small = np.array(
            [
                [a / block, b / block, x / block - left - half],
                [c / block, d / block, y / block - top - half],
            ]
        )
        part = slice(top * block, bottom * block), slice(left * block, right * block)
        return cls(part, block, to_small, size)

    def take(self, plane: U8, out: U8) -> None:
        """Cut `out` from `plane`."""
        source = averaged(plane[self.part], self.block) if self.block > 1 else plane
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = self.size, self.size
        cv2.warpAffine(source, self.to_plane, size, dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def averaged(plane: U8, block: int) -> U8:
    """Return (H, W) averaged over `block` x `block` pixels, those left out that fill no whole block; a copy.

    By fours OpenCV takes 56 us for 480x480 pixels; twice by twos, in vectors, 10, which makes .2 of 255 more.
    """
    height, width = (side // block for side in plane.shape)
    plane = plane[: height * block, : width * block]
    while block > 2 and block % 2 == 0:
        block //= 2
        plane = _scaled(plane, width * block, height * block)
    return _scaled(plane, width, height)


def _scaled(plane: U8, width: int, height: int) -> U8:
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _blocks(along: float, across: float, start: float, block: int, count: int) -> tuple[int, int]:
    """Return the first block, and the one after the last, of `count` in a direction, that a square reaches."""
    low, high = start + min(along, 0.0) + min(across, 0.0), start + max(along, 0.0) + max(across, 0.0)
    first = min(max(math.floor(low / block) - 1, 0), count - 1)
    return first, max(min(math.ceil(high / block) + 1, count), first + 1)
