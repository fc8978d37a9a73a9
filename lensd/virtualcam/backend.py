"""The virtual camera behind pyvirtualcam's interface, and as a sink of the frame path.

pyvirtualcam's own Linux backend takes the first loopback device, believes whatever size the driver answers, and
swallows errors of write(). Importing this registers ours beside it, for anybody:

    pyvirtualcam.Camera(1280, 720, 30, fmt=PixelFormat.I420, backend="snaplens-v4l2loopback")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyvirtualcam
from pyvirtualcam.util import decode_fourcc, encode_fourcc

from lensd.errors import SinkRefused
from lensd.frames import VideoFormat
from lensd.virtualcam.loopback import LoopbackDevice
from lensd.virtualcam.node import find_node

if TYPE_CHECKING:
    from lensd.frames import U8

BACKEND = "snaplens-v4l2loopback"
_I420 = pyvirtualcam.PixelFormat.I420


class LoopbackBackend:
    """A `pyvirtualcam.Backend` on v4l2loopback's streaming interface."""

    def __init__(
        self,
        *,
        width: int,
        height: int,
        fps: float,
        fourcc: int,
        device: str | None,
        opened: LoopbackDevice | None = None,
    ) -> None:
        """Open the device.

        Args:
            width: in pixels, even.
            height: in pixels, even.
            fps: told to the driver.
            fourcc: libyuv's code; I420 only.
            device: the node's path; None finds "SnapLens Camera".
            opened: takes this one instead. pyvirtualcam wraps a backend's errors into RuntimeError, so whoever wants
                ours opens the device first.

        Raises:
            SinkError: as `LoopbackDevice` and `find_node`.
        """
        if fourcc != encode_fourcc(_I420.value):
            raise SinkRefused(BACKEND, f"takes I420, not {decode_fourcc(fourcc)}", "fmt=PixelFormat.I420")
        path = Path(device) if device is not None else None
        self.loopback = opened or LoopbackDevice(path or find_node(), VideoFormat(width, height, fps))
        self._begun: U8 | None = None

    def begin(self) -> U8:
        """Return the driver's next buffer; `send` of the same array then copies nothing."""
        self._begun = self.loopback.begin()
        return self._begun

    def send(self, frame: U8) -> None:
        """Show a picture: (H * 3 // 2 * W,) uint8, I420, BT.601 limited.

        Raises:
            SinkError: the driver did not take it.
        """
        begun, self._begun = self._begun, None
        if begun is None or not _same_memory(frame, begun):
            np.copyto(self.loopback.begin(), frame)
        self.loopback.commit()

    def close(self) -> None:
        """Give the device back."""
        self._begun = None
        self.loopback.close()

    def device(self) -> str:
        """Return the node's path."""
        return str(self.loopback.path)

    def native_fourcc(self) -> int:
        """Return libyuv's code for I420: nothing is converted."""
        return int(encode_fourcc(_I420.value))

    def fileno(self) -> int:
        """Return the device's descriptor, for select."""
        return self.loopback.fileno()


class LoopbackSink:
    """A `ports.FrameSink` that shows its pictures as "SnapLens Camera"."""

    def __init__(self, path: Path, video: VideoFormat, streaming: int | None = None) -> None:
        """Open the device at `path`, or go on with `streaming`, a descriptor that was handed on.

        Raises:
            SinkError: as `LoopbackDevice`.
        """
        opened = LoopbackDevice(path, video, streaming)
        self._backend: LoopbackBackend
        self._camera = pyvirtualcam.Camera(
            video.width, video.height, video.fps, fmt=_I420, device=str(path), backend=BACKEND, opened=opened
        )
        self._backend = self._camera._backend  # noqa: SLF001 there is no other way to its own methods
        self._begun: U8 | None = None
        self.node = path
        self.inherited = opened.inherited

    @property
    def name(self) -> str:
        """Where the pictures can be seen, such as "SnapLens Camera (/dev/video42)"."""
        return self._backend.loopback.name

    @property
    def format(self) -> VideoFormat:
        """Size and rate of every picture."""
        return self._backend.loopback.format

    def fileno(self) -> int:
        """Return the device's descriptor, for select."""
        return self._backend.fileno()

    def begin(self) -> U8:
        """Return the driver's next buffer: (H * 3 // 2 * W,) uint8.

        Raises:
            SinkError: the device is gone.
        """
        self._begun = self._backend.begin()
        return self._begun

    def commit(self) -> None:
        """Show the picture in that buffer, with no further copy.

        Raises:
            SinkError: the driver did not take it.
        """
        begun, self._begun = self._begun, None
        if begun is None:
            raise RuntimeError("commit without begin")
        self._camera.send(begun)

    def write(self, picture: U8) -> None:
        """Show a copy of one picture.

        Raises:
            SinkError: the driver did not take it.
        """
        np.copyto(self.begin(), picture)
        self.commit()

    def overwrite(self, picture: U8) -> None:
        """Show a copy of one picture, in every buffer that a reader may come to see.

        Raises:
            SinkError: the driver did not take it.
        """
        self._begun = None
        self._backend.loopback.overwrite(picture)

    def close(self) -> None:
        """Stop the stream and give the node back."""
        self._begun = None
        self._camera.close()

    def sustain(self, *, on: bool) -> None:
        """Have the driver repeat the last picture whenever none comes, also when this process is gone; or no more."""
        self._backend.loopback.sustain(on=on)

    def hand_on(self) -> None:
        """Close it without an end of the stream: somebody else has the descriptor, and goes on with it."""
        self._begun = None
        self._backend.loopback.close(handed_on=True)
        self._camera.close()


def _same_memory(one: U8, other: U8) -> bool:
    start, length = one.__array_interface__["data"][0], one.size
    return bool(start == other.__array_interface__["data"][0] and length == other.size)


pyvirtualcam.register_backend(BACKEND, LoopbackBackend)
