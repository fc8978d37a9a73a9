"""Frames made from float pictures, and what a decoder should make of them, by the formulas of ITU-R BT.601."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from lensd.frames import PixelFormat, RawFrame


def bars(width: int, height: int) -> np.ndarray:
    """Eight vertical colour bars at 75 %: (H, W, 3) uint8 RGB."""
    colours = [(r, g, b) for g in (191, 0) for r in (191, 0) for b in (191, 0)]
    picture = np.zeros((height, width, 3), np.uint8)
    for index, colour in enumerate(colours):
        picture[:, width * index // 8 // 2 * 2 : width * (index + 1) // 8 // 2 * 2] = colour
    picture[:, width * 8 // 8 // 2 * 2 :] = colours[-1]
    return picture


def yuv(rgb: np.ndarray, *, full_range: bool) -> np.ndarray:
    """RGB 0..255 to float YCbCr, BT.601: (..., 3)."""
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    y = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = (b - y) / 1.772, (r - y) / 1.402
    if full_range:
        return np.stack([y, u + 128, v + 128], -1)
    return np.stack([y * 219 / 255 + 16, u * 224 / 255 + 128, v * 224 / 255 + 128], -1)


def mean_2x2(plane: np.ndarray) -> np.ndarray:
    height, width = plane.shape
    return plane.reshape(height // 2, 2, width // 2, 2).mean((1, 3))


def _bytes(*planes: np.ndarray) -> bytes:
    return b"".join(np.clip(np.round(plane), 0, 255).astype(np.uint8).tobytes() for plane in planes)


def raw_frame(rgb: np.ndarray, pixel_format: PixelFormat, *, full_range: bool = False, jpeg: str = "4:2:2") -> RawFrame:
    """One frame of a camera that sees `rgb`."""
    height, width = rgb.shape[:2]
    planes = yuv(rgb, full_range=full_range)
    y, u, v = np.moveaxis(planes, -1, 0)
    match pixel_format:
        case PixelFormat.MJPG:
            file = io.BytesIO()
            grey = jpeg == "gray"
            picture = Image.fromarray(rgb).convert("L") if grey else Image.fromarray(rgb)
            picture.save(file, "JPEG", quality=97, **({} if grey else {"subsampling": jpeg}))
            data, full_range = file.getvalue(), True
        case PixelFormat.YUYV:
            pairs = np.stack([y, y], -1)
            pairs[:, 0::2, 1] = pairs[:, 1::2, 1] = 0
            pairs[:, 0::2, 1] = (u[:, 0::2] + u[:, 1::2]) / 2
            pairs[:, 1::2, 1] = (v[:, 0::2] + v[:, 1::2]) / 2
            data = _bytes(pairs)
        case PixelFormat.NV12:
            data = _bytes(y, np.stack([mean_2x2(u), mean_2x2(v)], -1))
        case PixelFormat.I420:
            data = _bytes(y, mean_2x2(u), mean_2x2(v))
        case PixelFormat.RGB:
            data, full_range = rgb.tobytes(), True
    return RawFrame(data, pixel_format, width, height, full_range, 0, 0)
