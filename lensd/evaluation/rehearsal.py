"""A webcam's frames without a webcam: a person who moves a little before it, always the same, at any size.

The face is the golden picture of a shipped lens: NASA's portrait of Eileen Collins, public domain. It moves before a
wall that does not, or the tracker would look for somebody new all the time; over all lies a sensor's grain, without
which a JPEG would be half as long as a webcam's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import LensError
from lensd.frames import PixelFormat, RawFrame
from lensd.lens.decode_png import decode_png
from lensd.lens.manifest import GOLDEN_IN

if TYPE_CHECKING:
    from lensd.frames import U8, VideoFormat
    from lensd.lens.package import LensPackage

_FACE = 0.42  # hair line to chin, of the picture's height: a person at arm's length
_GRAIN = 2.2  # standard deviation of a webcam's in a lit room, of 255
_TILE = 64
_JPEG_QUALITY = 85  # as webcams have it; 4:2:2, as nearly all of them do
_PERIOD = 120  # frames until the person is back where it was


def golden_face(package: LensPackage) -> tuple[U8, float]:
    """Return a lens's golden picture, (S, S, 3) uint8 RGB, and its side in face units.

    Raises:
        LensError: the lens has none, or it is damaged.
    """
    if package.manifest.crop is None:
        raise LensError(f"lens {package.name}", "has no golden picture", "lensd lenses")
    return decode_png(package.contents[GOLDEN_IN], f"{package.name}.lens/{GOLDEN_IN}", 3), package.manifest.crop.side


class Rehearsal:
    """Draws the frames of one size."""

    def __init__(self, face: U8, side: float, video: VideoFormat) -> None:
        """Take what `golden_face` gives, and the frames' size and rate."""
        self._face, self._format = np.ascontiguousarray(face[..., ::-1]), video
        size = face.shape[0]
        oval = np.zeros((size, size), np.uint8)
        cv2.ellipse(oval, (size // 2, size // 2), (size * 2 // 5, size * 12 // 25), 0, 0, 360, 255, -1)
        self._matte = cv2.GaussianBlur(oval, (0, 0), size / 64)
        self._scale = video.height * _FACE * side / face.shape[0]
        rng = np.random.default_rng(0)
        grain = rng.standard_normal((video.height + _TILE, video.width + _TILE, 3), np.float32)
        self._grain = np.clip(grain * _GRAIN + 128.5, 0, 255).astype(np.uint8)
        coarse = cv2.resize(rng.integers(110, 160, (9, 16, 3), np.uint8), (video.width, video.height))
        weave = rng.integers(0, 9, (video.height, video.width, 1), np.uint8)
        self._wall = cv2.add(coarse.astype(np.uint8), np.repeat(weave, 3, 2))

    def bgr(self, number: int) -> U8:
        """Return frame `number`, (H, W, 3) uint8 BGR; it follows from the number."""
        width, height, size = self._format.width, self._format.height, self._face.shape[0]
        turn = 2 * math.pi * number / _PERIOD
        scale = self._scale * (1 + 0.05 * math.sin(turn))
        lean = math.radians(4 * math.sin(2 * turn))
        cos, sin = scale * math.cos(lean), scale * math.sin(lean)
        linear = np.array([[cos, -sin], [sin, cos]])
        middle = np.array([width / 2 + 0.08 * height * math.cos(turn), height / 2 + 0.03 * height * math.sin(2 * turn)])
        to_picture = np.column_stack([linear, middle - linear @ np.full(2, (size - 1) / 2)])
        matte = cv2.warpAffine(self._matte, to_picture, (width, height))[..., None] / np.float32(255)
        head = cv2.warpAffine(self._face, to_picture, (width, height), borderMode=cv2.BORDER_REPLICATE)
        drawn = (head * matte + self._wall * (1 - matte)).astype(np.uint8)
        left, top = number * 37 % _TILE, number * 23 % _TILE
        return cv2.addWeighted(drawn, 1, self._grain[top : top + height, left : left + width], 1, -128).astype(np.uint8)

    def frame(self, number: int, pixels: PixelFormat, captured_ns: int) -> RawFrame:
        """Return frame `number` as a webcam gives it; MJPG and YUYV only.

        Raises:
            ValueError: another pixel format.
        """
        bgr = self.bgr(number)
        if pixels is PixelFormat.MJPG:
            sampling = (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422)
            _, jpeg = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY, *sampling))
            data = jpeg.tobytes()
        elif pixels is PixelFormat.YUYV:
            data = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_YUY2).tobytes()
        else:
            raise ValueError(f"no webcam frames in {pixels.name}")
        size, full = (self._format.width, self._format.height), pixels is PixelFormat.MJPG
        return RawFrame(data, pixels, *size, full, number, captured_ns)
