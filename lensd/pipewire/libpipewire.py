"""libpipewire, as far as a camera needs it: it is there wherever PipeWire runs, with a stable binary interface.

Its C interface rather than GStreamer's pipewiresink, which is a package more, tells nobody whether somebody looks, and
would take each picture through a pipe.

Source: pipewire/stream.h, pipewire/thread-loop.h, spa/buffer/buffer.h, spa/buffer/meta.h of PipeWire 0.3 and 1.x.
"""

from __future__ import annotations

import ctypes
from ctypes import (
    CFUNCTYPE,
    POINTER,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_uint32,
    c_uint64,
    c_void_p,
)
from enum import IntEnum

from lensd.errors import RuntimeMissing

_SONAME = "libpipewire-0.3.so.0"
OUTPUT, ANYBODY = 1, 0xFFFFFFFF  # PW_DIRECTION_OUTPUT, PW_ID_ANY
MAP_BUFFERS, DRIVER = 1 << 2, 1 << 3  # PW_STREAM_FLAG_*


class State(IntEnum):
    """`enum pw_stream_state`."""

    ERROR = -1
    UNCONNECTED = 0
    CONNECTING = 1
    PAUSED = 2
    STREAMING = 3


class Chunk(ctypes.Structure):
    """`struct spa_chunk`: what of the memory is the picture."""

    _fields_ = (("offset", c_uint32), ("size", c_uint32), ("stride", c_int32), ("flags", c_int32))


class Data(ctypes.Structure):
    """`struct spa_data`: memory."""

    _fields_ = (
        ("type", c_uint32),
        ("flags", c_uint32),
        ("fd", c_int64),
        ("mapoffset", c_uint32),
        ("maxsize", c_uint32),
        ("data", c_void_p),
        ("chunk", POINTER(Chunk)),
    )


class Meta(ctypes.Structure):
    """`struct spa_meta`: something known about it."""

    _fields_ = (("type", c_uint32), ("size", c_uint32), ("data", c_void_p))


class MetaHeader(ctypes.Structure):
    """`struct spa_meta_header`; times in ns of CLOCK_MONOTONIC."""

    _fields_ = (
        ("flags", c_uint32),
        ("offset", c_uint32),
        ("pts", c_int64),
        ("dts_offset", c_int64),
        ("seq", c_uint64),
    )


class SpaBuffer(ctypes.Structure):
    """`struct spa_buffer`."""

    _fields_ = (("n_metas", c_uint32), ("n_datas", c_uint32), ("metas", POINTER(Meta)), ("datas", POINTER(Data)))


class Buffer(ctypes.Structure):
    """`struct pw_buffer`, as far as we look."""

    _fields_ = (("buffer", POINTER(SpaBuffer)),)


STATE_CHANGED = CFUNCTYPE(None, c_void_p, c_int, c_int, c_char_p)
PARAM_CHANGED = CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)
PROCESS = CFUNCTYPE(None, c_void_p)


class StreamEvents(ctypes.Structure):
    """`struct pw_stream_events`, version 2: whom to call, in a thread of PipeWire's."""

    _fields_ = (
        ("version", c_uint32),
        ("destroy", c_void_p),
        ("state_changed", STATE_CHANGED),
        ("control_info", c_void_p),
        ("io_changed", c_void_p),
        ("param_changed", PARAM_CHANGED),
        ("add_buffer", c_void_p),
        ("remove_buffer", c_void_p),
        ("process", PROCESS),
        ("drained", c_void_p),
        ("command", c_void_p),
        ("trigger_done", c_void_p),
    )


_PROTOTYPES: dict[str, tuple[object, tuple[object, ...]]] = {
    "pw_init": (None, (c_void_p, c_void_p)),
    "pw_get_library_version": (c_char_p, ()),
    "pw_thread_loop_new": (c_void_p, (c_char_p, c_void_p)),
    "pw_thread_loop_destroy": (None, (c_void_p,)),
    "pw_thread_loop_get_loop": (c_void_p, (c_void_p,)),
    "pw_thread_loop_start": (c_int, (c_void_p,)),
    "pw_thread_loop_stop": (None, (c_void_p,)),
    "pw_thread_loop_lock": (None, (c_void_p,)),
    "pw_thread_loop_unlock": (None, (c_void_p,)),
    "pw_properties_new_string": (c_void_p, (c_char_p,)),
    "pw_stream_new_simple": (c_void_p, (c_void_p, c_char_p, c_void_p, POINTER(StreamEvents), c_void_p)),
    "pw_stream_destroy": (None, (c_void_p,)),
    "pw_stream_connect": (c_int, (c_void_p, c_int, c_uint32, c_int, POINTER(c_char_p), c_uint32)),
    "pw_stream_update_params": (c_int, (c_void_p, POINTER(c_char_p), c_uint32)),
    "pw_stream_trigger_process": (c_int, (c_void_p,)),
    "pw_stream_dequeue_buffer": (POINTER(Buffer), (c_void_p,)),
    "pw_stream_queue_buffer": (c_int, (c_void_p, POINTER(Buffer))),
}


def load() -> ctypes.CDLL:
    """Return libpipewire, ready for use.

    Raises:
        RuntimeMissing: it is not installed, or too old.
    """
    try:
        library = ctypes.CDLL(_SONAME)
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise RuntimeMissing("libpipewire", str(error), "sudo apt install libpipewire-0.3-0") from None
    library.pw_init(None, None)
    return library


def pointers(pods: tuple[bytes, ...]) -> ctypes.Array[c_char_p]:
    """Return an array of pointers to pods, as long as those live."""
    return (c_char_p * len(pods))(*pods)
