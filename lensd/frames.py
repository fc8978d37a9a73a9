"""The values that travel along the frame's path.

Conventions, stated once: sizes are width then height; points are (x, y) with y down and pixel centres at integers;
arrays are (H, W) or (H, W, C), uint8 unless said; RGB inside, YUV at the two ends; times are nanoseconds of
CLOCK_MONOTONIC. A *frame* comes from a camera, a *picture* is what is about to be published.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

U8: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
F32: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
Affine: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]  # (2, 3)


MOST_FACES = 4  # that are followed at once in what is live, and in videos
SEEN_ONCE = -1  # the track of a face in a picture by itself: what is drawn on it owes nothing to an earlier one


class PixelFormat(StrEnum):
    """What a camera delivers; the values are V4L2's FourCCs."""

    MJPG = "MJPG"
    YUYV = "YUYV"
    I420 = "YU12"
    NV12 = "NV12"
    RGB = "RGB3"


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Size in pixels and nominal rate in frames a second."""

    width: int
    height: int
    fps: float

    def __str__(self) -> str:
        """Return it as people write it: 1280x720 at 30."""
        return f"{self.width}x{self.height} at {self.fps:g}"

    @property
    def picture_bytes(self) -> int:
        """Bytes of one I420 picture."""
        return self.width * self.height * 3 // 2

    @property
    def period_ns(self) -> int:
        """Nanoseconds from one picture to the next."""
        return round(1e9 / self.fps)


@dataclass(frozen=True, slots=True)
class View:
    """Which way round a camera's frames are shown, and what of them.

    Attributes:
        mirror: left and right changed, as in a mirror.
        rotate: degrees clockwise: 0, 90, 180 or 270.
        crop: per cents cut off at left, top, right and bottom of the picture as it is seen.
        fit: where the shapes differ, black bars ("letterbox") or what is too much cut off ("crop").
    """

    mirror: bool = False
    rotate: int = 0
    crop: tuple[float, float, float, float] = (0, 0, 0, 0)
    fit: str = "letterbox"


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One frame as the camera gave it, not yet decoded.

    Attributes:
        data: the bytes in `pixel_format`'s layout; valid until the source's next `read`, unless the source says more.
        full_range: luma in 0..255 (JPEG) rather than 16..235.
        sequence: the driver's counter; a gap is a dropped frame.
        captured_ns: the driver's time, CLOCK_MONOTONIC.
        view: how it is to be shown; None leaves that to the decoder.
        sensor: it comes from one, whose noise makes each frame another.
    """

    data: Buffer
    pixel_format: PixelFormat
    width: int
    height: int
    full_range: bool
    sequence: int
    captured_ns: int
    view: View | None = None
    sensor: bool = False


class Picture:
    """An I420 picture, BT.601 limited range, on memory that somebody else may own.

    Attributes:
        data: (H * 3 // 2 * W,) uint8, the three planes one after the other, as v4l2loopback takes them.
        y: (H, W) view, 16..235. u, v: (H // 2, W // 2) views, 16..240, each the mean of a 2x2 block.
    """

    __slots__ = ("data", "height", "u", "v", "width", "y")

    def __init__(self, width: int, height: int, data: U8 | None = None) -> None:
        """Lay the planes over `data` (allocated, black, where None).

        Raises:
            ValueError: an odd size, or `data` of another length.
        """
        if width % 2 or height % 2 or width <= 0 or height <= 0:
            raise ValueError(f"I420 needs even sizes, not {width}x{height}")
        luma, chroma = width * height, width * height // 4
        if data is None:
            data = np.empty(luma + 2 * chroma, np.uint8)
            data[:luma], data[luma:] = 16, 128
        if data.dtype != np.uint8 or data.shape != (luma + 2 * chroma,):
            raise ValueError(f"a {width}x{height} I420 picture has {luma + 2 * chroma} bytes, not {data.shape}")
        self.width, self.height, self.data = width, height, data
        self.y = data[:luma].reshape(height, width)
        self.u = data[luma : luma + chroma].reshape(height // 2, width // 2)
        self.v = data[luma + chroma :].reshape(height // 2, width // 2)


@dataclass(frozen=True, slots=True)
class Face:
    """A tracked face.

    Attributes:
        track_id: the same for the same person from frame to frame; SEEN_ONCE for a picture by itself.
        landmarks_px: (478, 3) float32 in MediaPipe Face Mesh order: x and y in picture pixels, z in the same unit,
            smaller is nearer.
        score: 0..1, how sure the tracker is that this is a face.
        opacity: over 0..1, how much of its lens is to be seen: less than 1 while it fades in or out.
    """

    track_id: int
    landmarks_px: F32
    score: float
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Layer:
    """What a lens draws for one face, in a patch of its own.

    Attributes:
        rgba: (S, T, 4) uint8 RGB and matte, straight alpha; how long it lasts is told by `ports.Lens.draw`.
        to_picture: (2, 3) float32, patch pixels to picture pixels.
    """

    rgba: U8
    to_picture: Affine


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape and element type of a network's input or output."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
