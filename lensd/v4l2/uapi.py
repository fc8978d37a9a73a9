"""The kernel's V4L2 interface: structures, numbers and request codes.

Written from the kernel's documentation (Linux Media Infrastructure userspace API, part I, "Function Reference"); names
follow it, so that they can be looked up there. Request codes are the asm-generic ones: x86, ARM, RISC-V, LoongArch.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_int, c_int32, c_long, c_uint8, c_uint32, c_ulong, c_void_p
from enum import IntEnum, IntFlag

BUFFER_ERROR = 0x40  # V4L2_BUF_FLAG_ERROR: the buffer's content is broken
TIMESTAMP_MASK, TIMESTAMP_MONOTONIC = 0xE000, 0x2000  # V4L2_BUF_FLAG_TIMESTAMP_*
MEMORY_MMAP = 1
FIELD_ANY, FIELD_NONE = 0, 1
PRIV_MAGIC = 0xFEEDCAFE  # says that the fields of v4l2_pix_format after `priv` are filled in
CAP_TIMEPERFRAME = 0x1000  # the rate can be set
SEND_INITIAL = 1  # V4L2_EVENT_SUB_FL_SEND_INITIAL
COMPRESSED = 1  # V4L2_FMT_FLAG_COMPRESSED
_PRIVATE_EVENTS = 0x08000000  # V4L2_EVENT_PRIVATE_START
CLIENT_USAGE = (_PRIVATE_EVENTS + 0x08E00001, _PRIVATE_EVENTS)
"""v4l2loopback's event of how many readers stream: its number since 0.13, and that of versions before a release."""


class BufferType(IntEnum):
    """`enum v4l2_buf_type`: which side of a device is meant."""

    CAPTURE = 1
    OUTPUT = 2


class Cap(IntFlag):
    """`V4L2_CAP_*`: what a node can do."""

    VIDEO_CAPTURE = 0x1
    VIDEO_OUTPUT = 0x2
    VIDEO_CAPTURE_MPLANE = 0x1000
    VIDEO_M2M_MPLANE = 0x4000
    VIDEO_M2M = 0x8000
    META_CAPTURE = 0x800000
    READWRITE = 0x1000000
    STREAMING = 0x4000000
    DEVICE_CAPS = 0x80000000


class Colorspace(IntEnum):
    """`enum v4l2_colorspace`, as far as webcams use it."""

    DEFAULT = 0
    SMPTE170M = 1
    REC709 = 3
    JPEG = 7
    SRGB = 8


class Encoding(IntEnum):
    """`enum v4l2_ycbcr_encoding`."""

    DEFAULT = 0
    BT601 = 1
    BT709 = 2


class Quantization(IntEnum):
    """`enum v4l2_quantization`."""

    DEFAULT = 0
    FULL = 1
    LIMITED = 2


class Fract(ctypes.Structure):
    """`struct v4l2_fract`."""

    _fields_ = (("numerator", c_uint32), ("denominator", c_uint32))


class Capability(ctypes.Structure):
    """`struct v4l2_capability`."""

    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FmtDesc(ctypes.Structure):
    """`struct v4l2_fmtdesc`."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class PixFormat(ctypes.Structure):
    """`struct v4l2_pix_format`."""

    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixelformat", c_uint32),
        ("field", c_uint32),
        ("bytesperline", c_uint32),
        ("sizeimage", c_uint32),
        ("colorspace", c_uint32),
        ("priv", c_uint32),
        ("flags", c_uint32),
        ("ycbcr_enc", c_uint32),
        ("quantization", c_uint32),
        ("xfer_func", c_uint32),
    )


class _FormatUnion(ctypes.Union):
    _fields_ = (("pix", PixFormat), ("pointer", c_void_p), ("raw", c_uint8 * 200))  # overlays hold pointers


class Format(ctypes.Structure):
    """`struct v4l2_format`."""

    _fields_ = (("type", c_uint32), ("fmt", _FormatUnion))


class _Parm(ctypes.Structure):
    _fields_ = (
        ("capability", c_uint32),
        ("mode", c_uint32),
        ("timeperframe", Fract),
        ("extendedmode", c_uint32),
        ("buffers", c_uint32),
        ("reserved", c_uint32 * 4),
    )


class _ParmUnion(ctypes.Union):
    _fields_ = (("parm", _Parm), ("raw", c_uint8 * 200))  # capture and output have the same layout


class StreamParm(ctypes.Structure):
    """`struct v4l2_streamparm`."""

    _fields_ = (("type", c_uint32), ("parm", _ParmUnion))


class _SizeUnion(ctypes.Union):
    _fields_ = (("discrete", c_uint32 * 2), ("stepwise", c_uint32 * 6))  # min, max, step of width, then of height


class FrmSizeEnum(ctypes.Structure):
    """`struct v4l2_frmsizeenum`; type 1 is discrete, 2 continuous, 3 stepwise."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("size", _SizeUnion),
        ("reserved", c_uint32 * 2),
    )


class FrmIvalEnum(ctypes.Structure):
    """`struct v4l2_frmivalenum`; a discrete interval, or the shortest, the longest and the step."""

    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("interval", Fract * 3),
        ("reserved", c_uint32 * 2),
    )


class RequestBuffers(ctypes.Structure):
    """`struct v4l2_requestbuffers`."""

    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class TimeVal(ctypes.Structure):
    """`struct timeval`."""

    _fields_ = (("seconds", c_long), ("microseconds", c_long))


class _TimeCode(ctypes.Structure):
    _fields_ = (("type", c_uint32), ("flags", c_uint32), ("bytes", c_uint8 * 8))


class _MemoryUnion(ctypes.Union):
    _fields_ = (("offset", c_uint32), ("userptr", c_ulong), ("planes", c_void_p), ("fd", c_int32))


class Buffer(ctypes.Structure):
    """`struct v4l2_buffer`."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("timestamp", TimeVal),
        ("timecode", _TimeCode),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("m", _MemoryUnion),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request_fd", c_int32),
    )


class EventSubscription(ctypes.Structure):
    """`struct v4l2_event_subscription`."""

    _fields_ = (("type", c_uint32), ("id", c_uint32), ("flags", c_uint32), ("reserved", c_uint32 * 5))


class _EventUnion(ctypes.Union):
    _fields_ = (("data", c_uint8 * 64), ("align", ctypes.c_int64))


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", c_long), ("nanoseconds", c_long))


class Event(ctypes.Structure):
    """`struct v4l2_event`."""

    _fields_ = (
        ("type", c_uint32),
        ("u", _EventUnion),
        ("pending", c_uint32),
        ("sequence", c_uint32),
        ("timestamp", _TimeSpec),
        ("id", c_uint32),
        ("reserved", c_uint32 * 8),
    )


def _request(direction: int, number: int, argument: type[ctypes._CDataType]) -> int:
    return direction << 30 | ctypes.sizeof(argument) << 16 | ord("V") << 8 | number


_WRITE, _READ, _BOTH = 1, 2, 3  # as the kernel's _IOW, _IOR and _IOWR: seen from the program

QUERYCAP = _request(_READ, 0, Capability)
ENUM_FMT = _request(_BOTH, 2, FmtDesc)
G_FMT = _request(_BOTH, 4, Format)
S_FMT = _request(_BOTH, 5, Format)
REQBUFS = _request(_BOTH, 8, RequestBuffers)
QUERYBUF = _request(_BOTH, 9, Buffer)
QBUF = _request(_BOTH, 15, Buffer)
DQBUF = _request(_BOTH, 17, Buffer)
STREAMON = _request(_WRITE, 18, c_int)
STREAMOFF = _request(_WRITE, 19, c_int)
G_PARM = _request(_BOTH, 21, StreamParm)
S_PARM = _request(_BOTH, 22, StreamParm)
TRY_FMT = _request(_BOTH, 64, Format)
ENUM_FRAMESIZES = _request(_BOTH, 74, FrmSizeEnum)
ENUM_FRAMEINTERVALS = _request(_BOTH, 75, FrmIvalEnum)
DQEVENT = _request(_READ, 89, Event)
SUBSCRIBE_EVENT = _request(_WRITE, 90, EventSubscription)
UNSUBSCRIBE_EVENT = _request(_WRITE, 91, EventSubscription)


def fourcc(text: str) -> int:
    """Return the number of a four-letter code such as "YU12"."""
    return int.from_bytes(text.encode("ascii").ljust(4)[:4], "little")


def fourcc_text(number: int) -> str:
    """Return the letters of a code, unprintable ones as "?"."""
    letters = (number & 0x7FFFFFFF).to_bytes(4, "little")  # the highest bit means big-endian
    return "".join(chr(letter) if 0x20 <= letter < 0x7F else "?" for letter in letters)
