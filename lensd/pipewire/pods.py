"""PipeWire's parameters as bytes ("pods"): which picture we have, and in what memory it is handed over.

Source: "SPA POD" in PipeWire's documentation; spa/include/spa/pod/pod.h, spa/utils/type.h, spa/param/*.h.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lensd.frames import VideoFormat


class Type(IntEnum):
    """`SPA_TYPE_*`."""

    ID = 3
    INT = 4
    RECTANGLE = 10
    FRACTION = 11
    OBJECT = 15
    CHOICE = 19
    FORMAT = 0x40003
    PARAM_BUFFERS = 0x40004
    PARAM_META = 0x40005


class Param(IntEnum):
    """`SPA_PARAM_*`: what a parameter is for."""

    ENUM_FORMAT = 3
    FORMAT = 4
    BUFFERS = 5
    META = 6


META_HEADER = 1
HEADER_BYTES = 32  # struct spa_meta_header
_MEMFD = 1 << 2  # SPA_DATA_MemFd: memory that both sides map
_RANGE, _FLAGS = 1, 4  # SPA_CHOICE_*
_VIDEO, _RAW, _I420 = 2, 1, 2
_LIMITED, _BT601 = 2, 4


def _pod(kind: Type, body: bytes) -> bytes:
    return struct.pack("=II", len(body), kind) + body + bytes(-len(body) % 8)


def _id(value: int) -> bytes:
    return _pod(Type.ID, struct.pack("=I", value))


def _int(value: int) -> bytes:
    return _pod(Type.INT, struct.pack("=i", value))


def _object(kind: Type, param: Param, properties: dict[int, bytes]) -> bytes:
    body = struct.pack("=II", kind, param)
    return _pod(Type.OBJECT, body + b"".join(struct.pack("=II", key, 0) + pod for key, pod in properties.items()))


def picture_format(video: VideoFormat) -> bytes:
    """Return the one format that we offer: I420, BT.601 limited, at the published size and rate."""
    rate = Fraction(video.fps).limit_denominator(1001)
    return _object(
        Type.FORMAT,
        Param.ENUM_FORMAT,
        {
            0x00001: _id(_VIDEO),
            0x00002: _id(_RAW),
            0x20001: _id(_I420),
            0x20003: _pod(Type.RECTANGLE, struct.pack("=II", video.width, video.height)),
            0x20004: _pod(Type.FRACTION, struct.pack("=II", rate.numerator, rate.denominator)),
            0x2000C: _id(_LIMITED),
            0x2000D: _id(_BT601),
        },
    )


def _choice(kind: int, *values: int) -> bytes:
    """One of several whole numbers; the first is the one that is best."""
    return _pod(Type.CHOICE, struct.pack(f"=IIII{len(values)}i", kind, 0, 4, Type.INT, *values))


def buffers(video: VideoFormat, best: int, least: int, most: int) -> bytes:
    """Return what buffers we need: so many, of one picture each, in memory that both sides map."""
    return _object(
        Type.PARAM_BUFFERS,
        Param.BUFFERS,
        {
            1: _choice(_RANGE, best, least, most),
            2: _int(1),
            3: _int(video.picture_bytes),
            4: _int(video.width),
            6: _choice(_FLAGS, _MEMFD),
        },
    )


def header() -> bytes:
    """Return that each buffer is to carry a header, with the picture's time."""
    return _object(Type.PARAM_META, Param.META, {1: _id(META_HEADER), 2: _int(HEADER_BYTES)})
