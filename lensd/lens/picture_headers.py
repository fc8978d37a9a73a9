"""Sizes of a package's pictures, read from their first bytes, before any decoder allocates for them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from lensd.errors import PackageError

STICKER_PX_MAX = 1024
PREVIEW_PX_MAX = 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_RGB, _PNG_RGBA = 2, 6


class PngHeader(NamedTuple):
    """What IHDR says.

    Attributes:
        width, height: pixels.
        bits: per channel.
        channels: 3 (RGB) or 4 (RGBA); 0 for grey and palette pictures.
    """

    width: int
    height: int
    bits: int
    channels: int


def png_header(content: bytes, where: str) -> PngHeader:
    """Return what the PNG in `content` says of itself.

    Raises:
        PackageError: not a PNG.
    """
    if content[:8] != _PNG or content[8:16] != b"\x00\x00\x00\x0dIHDR" or len(content) < 33:
        raise PackageError(where, "is not a PNG")
    width, height, bits, colour = struct.unpack_from(">IIBB", content, 16)
    return PngHeader(width, height, bits, {_PNG_RGB: 3, _PNG_RGBA: 4}.get(colour, 0))


def check_png(
    content: bytes, where: str, channels: int, *, px: int | None = None, px_max: int = STICKER_PX_MAX
) -> None:
    """Check that `content` is an 8-bit PNG of a sane size.

    Args:
        content: the file.
        where: its name, for error messages.
        channels: 3 for RGB, 4 for RGBA.
        px: the exact size of both sides; None allows 1..`px_max`.
        px_max: the longest side allowed.

    Raises:
        PackageError: anything else.
    """
    header = png_header(content, where)
    if header.bits != 8 or header.channels != channels:
        raise PackageError(where, f"must be an 8-bit {'RGBA' if channels == 4 else 'RGB'} PNG")
    if px is not None and (header.width, header.height) != (px, px):
        raise PackageError(where, f"says {header.width}x{header.height}; the manifest says {px}x{px}")
    if not (1 <= header.width <= px_max and 1 <= header.height <= px_max):
        raise PackageError(where, f"says {header.width}x{header.height}; at most {px_max} pixels a side are allowed")


def check_webp(content: bytes, where: str) -> None:
    """Check that `content` is a WebP picture of at most 1024 pixels a side.

    Raises:
        PackageError: anything else.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < 30:
        raise PackageError(where, "is not a WebP picture")
    width, height = _webp_size(content, where)
    if not (1 <= width <= PREVIEW_PX_MAX and 1 <= height <= PREVIEW_PX_MAX):
        raise PackageError(where, f"says {width}x{height}; at most {PREVIEW_PX_MAX} pixels a side are allowed")


def _webp_size(content: bytes, where: str) -> tuple[int, int]:
    # RFC 9649: the first chunk is VP8X (canvas), VP8L (lossless) or VP8 (a key frame).
    match content[12:16]:
        case b"VP8X":
            return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", content, 26)
            return width & 0x3FFF, height & 0x3FFF
    raise PackageError(where, "is not a WebP picture")
