"""A camera of PipeWire's: a node of class Video/Source, which programs list and link to, several at once.

We drive: each picture that the keeper publishes is one cycle of PipeWire's graph, and nothing runs without readers.
"""

from __future__ import annotations

import ctypes
import logging
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from lensd.errors import ControlError, SinkError
from lensd.pipewire import libpipewire as pw
from lensd.pipewire import pods

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import U8, VideoFormat

log = logging.getLogger(__name__)

NODE_NAME = "snaplens-camera"
_BUFFERS = (4, 2, 16)  # the best number, the least, the most; GStreamer asks for 8 at least
# What portals and libwebrtc take for a camera: this class and this role.
_PROPERTIES = (
    'media.class = "Video/Source" media.role = "Camera" media.type = "Video" node.name = "{name}" '
    'node.description = "{title}" node.nick = "{title}" media.name = "{title}"'
)


class PipewireCamera:
    """Lives as long as its connection; `changed` and `fill` are called in a thread of PipeWire's."""

    def __init__(
        self, video: VideoFormat, title: str, fill: Callable[[U8], bool], changed: Callable[[pw.State, str], None]
    ) -> None:
        """Connect to PipeWire and offer the node; how that went is told by `changed`.

        Args:
            video: size and rate of all pictures; a width of a multiple of 8, because readers reckon with rows of
                multiples of 4 bytes in all planes.
            title: what people see.
            fill: copies the picture on air to where it is told, (H * 3 // 2 * W,) uint8 I420; False for no picture.
            changed: told each new state, and what is wrong.

        Raises:
            RuntimeMissing: there is no libpipewire. ControlError: it cannot be used.
        """
        if video.width % 8:
            raise ControlError("PipeWire", f"cannot show a width of {video.width}, no multiple of 8", "--size 1280x720")
        self._video, self._fill, self._changed = video, fill, changed
        self._library = pw.load()
        self._sequence = 0
        self._held: Any = None  # a buffer that was taken and had no picture to carry
        # Kept for as long as C may call or read them.
        self._format, self._agreed = picture(video), (pods.buffers(video, *_BUFFERS), pods.header())
        self._events = pw.StreamEvents(
            version=2,
            state_changed=pw.STATE_CHANGED(self._state_changed),
            param_changed=pw.PARAM_CHANGED(self._param_changed),
            process=pw.PROCESS(self._process),
        )
        self._loop = self._library.pw_thread_loop_new(b"pipewire", None)
        if not self._loop:
            raise ControlError("PipeWire", "gave no loop")
        properties = _PROPERTIES.format(name=NODE_NAME, title=title).encode()
        self._stream = self._library.pw_stream_new_simple(
            self._library.pw_thread_loop_get_loop(self._loop),
            NODE_NAME.encode(),
            self._library.pw_properties_new_string(properties),
            ctypes.byref(self._events),
            None,
        )
        if not self._stream:
            self._library.pw_thread_loop_destroy(self._loop)
            raise ControlError("PipeWire", "cannot be reached", "systemctl --user status pipewire")
        self._library.pw_thread_loop_start(self._loop)
        status = self._locked(
            lambda: self._library.pw_stream_connect(
                self._stream, pw.OUTPUT, pw.ANYBODY, pw.DRIVER | pw.MAP_BUFFERS, pw.pointers(self._format), 1
            )
        )
        if status < 0:  # its socket is there and nobody listens: no state is ever told then
            self.close()
            raise SinkError("PipeWire", f"took no camera ({os.strerror(-status)})", "systemctl --user status pipewire")

    def show(self) -> None:
        """Have readers get the picture on air."""
        self._locked(lambda: self._library.pw_stream_trigger_process(self._stream))

    def close(self) -> None:
        """Take the node away."""
        self._library.pw_thread_loop_stop(self._loop)
        self._library.pw_stream_destroy(self._stream)
        self._library.pw_thread_loop_destroy(self._loop)

    def _locked(self, call: Callable[[], int]) -> int:
        self._library.pw_thread_loop_lock(self._loop)
        try:
            if (status := call()) < 0:
                log.info("PipeWire refused with %d", status)
            return status
        finally:
            self._library.pw_thread_loop_unlock(self._loop)

    def _state_changed(self, _data: int, _old: int, new: int, error: bytes | None) -> None:
        if new != pw.State.STREAMING:
            self._held = None  # it is PipeWire's again
        self._changed(pw.State(new), (error or b"").decode(errors="replace"))

    def _param_changed(self, _data: int, param: int, value: int | None) -> None:
        if param == pods.Param.FORMAT and value:
            self._held = None
            self._library.pw_stream_update_params(self._stream, pw.pointers(self._agreed), len(self._agreed))

    def _process(self, _data: int) -> None:
        taken = self._held or self._library.pw_stream_dequeue_buffer(self._stream)
        self._held = None
        if not taken:
            return  # readers have them all: this picture is left out
        buffer = taken.contents.buffer.contents
        data = buffer.datas[0]
        size = self._video.picture_bytes
        if not data.data or data.maxsize < size:
            log.error("PipeWire gave a buffer of %d bytes", data.maxsize)
            self._library.pw_stream_queue_buffer(self._stream, taken)
            return
        memory = np.ctypeslib.as_array(ctypes.cast(data.data, ctypes.POINTER(ctypes.c_uint8)), (size,))
        if not self._fill(memory):
            self._held = taken
            return
        self._sequence += 1
        chunk = data.chunk.contents
        chunk.offset, chunk.size, chunk.stride, chunk.flags = 0, size, self._video.width, 0
        for meta in buffer.metas[: buffer.n_metas]:
            if meta.type == pods.META_HEADER and meta.size >= pods.HEADER_BYTES:
                header = pw.MetaHeader.from_address(meta.data)
                header.flags, header.pts, header.dts_offset = 0, time.monotonic_ns(), 0
                header.seq = self._sequence
        self._library.pw_stream_queue_buffer(self._stream, taken)


def picture(video: VideoFormat) -> tuple[bytes, ...]:
    """Return what formats the node offers: one."""
    return (pods.picture_format(video),)
