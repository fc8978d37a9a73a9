"""What a driver's layout means for the bytes in its buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import CameraError
from lensd.frames import PixelFormat
from lensd.v4l2.uapi import Colorspace, Quantization

if TYPE_CHECKING:
    from lensd.frames import U8
    from lensd.v4l2.device import PixelLayout

_LINE_BYTES = {PixelFormat.YUYV: 2, PixelFormat.RGB: 3, PixelFormat.NV12: 1, PixelFormat.I420: 1}
_COPIES = 3  # as many as a webcam's frames that may be looked at, and the one being written


def is_full_range(layout: PixelLayout, pixels: PixelFormat) -> bool:
    """Tell whether luma is 0..255, by the rules of V4L2_MAP_QUANTIZATION_DEFAULT; JPEG's always is."""
    if pixels in (PixelFormat.MJPG, PixelFormat.RGB) or layout.quantization == Quantization.FULL:
        return True
    return layout.quantization == Quantization.DEFAULT and layout.colorspace == Colorspace.JPEG


class RowPacker:
    """Takes out the padding that some drivers put behind each row, into buffers of its own, in turn."""

    def __init__(self, layout: PixelLayout, pixels: PixelFormat) -> None:
        """Prepare for `layout`; raises CameraError for planes with padding of three kinds, which no webcam has."""
        self._line, self._padded = layout.width * _LINE_BYTES[pixels], layout.bytes_per_line
        self._rows = layout.height * 3 // 2 if pixels in (PixelFormat.NV12, PixelFormat.I420) else layout.height
        if pixels is PixelFormat.I420:
            raise CameraError("the camera", f"pads its planes' rows to {self._padded} bytes, which we cannot read")
        self._copies = [np.empty((self._rows, self._line), np.uint8) for _ in range(_COPIES)]

    @staticmethod
    def needed(layout: PixelLayout, pixels: PixelFormat) -> bool:
        """Tell whether there is padding."""
        return pixels is not PixelFormat.MJPG and layout.bytes_per_line > layout.width * _LINE_BYTES[pixels]

    def pack(self, data: memoryview) -> memoryview:
        """Return `data` without padding; valid until two more were packed.

        Raises:
            CameraError: it is too short.
        """
        size = self._rows * self._padded
        if len(data) < size:
            raise CameraError("the camera's picture", f"has {len(data)} bytes, not {size}")
        rows: U8 = np.frombuffer(data, np.uint8, size).reshape(self._rows, self._padded)
        self._copies.append(self._copies.pop(0))
        np.copyto(self._copies[-1], rows[:, : self._line])
        return self._copies[-1].data.cast("B")
