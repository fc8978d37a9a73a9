"""Our side of a v4l2loopback device: pictures go straight into the driver's buffers.

What the three generations of the module in use (0.12, 0.13, 0.15) do differently, seen in the camera guest, shapes it:

- Streaming rather than write(): after a program that used write(), 0.12 lets nobody else open the output side.
- We take the buffers in turn ourselves. DQBUF on the output side is no use: 0.12 and 0.13 return the buffer that was
  queued last, which is the one that readers are reading.
- A reader that asks for fewer buffers than there are makes the ring smaller for all in 0.12 and 0.13, for good; a
  buffer outside would then be shown as another one. Each `begin` looks whether that happened.
- A descriptor that streams may be handed from process to process (systemd's store keeps it over a restart). Format and
  buffers are asked for again, and the times in the buffers say which was queued last. Meanwhile the driver repeats
  the last picture by itself, where it was told to (sustain_framerate).
- A slow reader is shown the oldest buffer of the ring (0.13, 0.15), at any moment, also just before we write it: so the
  copy has to be short, and the ring long enough. A reader of 25 pictures a second that works 5 ms on each had 13 to 19
  of 120 overwritten under its hands with the module's default of 2 buffers; with 4 none with 0.12, 4 to 9 with 0.13
  and 0.15. More buffers would let it fall further behind: with 4 it is at most 133 ms.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import SinkError, SinkMissing, SinkRefused
from lensd.v4l2 import device
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.controls import KEEP_FORMAT, SUSTAIN_FRAMERATE, get_control, set_control
from lensd.v4l2.device import PixelLayout
from lensd.v4l2.holders import say_holders
from lensd.v4l2.uapi import BufferType, Cap, Colorspace, Encoding, Quantization
from lensd.virtualcam.node import DRIVER, LOAD_MODULE, heal, is_written, open_node, refresh
from lensd.virtualcam.running_stream import CannotGoOn, running_stream

if TYPE_CHECKING:
    from lensd.frames import U8, VideoFormat
    from lensd.v4l2.device import Capability

log = logging.getLogger(__name__)

_BUFFERS = 4
_NOTHING = 128  # a grey picture
_OUTPUT = BufferType.OUTPUT


class LoopbackDevice:
    """A v4l2loopback device that we stream into. The node's readers see a camera from `__init__` to `close`.

    Attributes:
        path: the node. name: as people know it.
        format: size and rate.
        inherited: a copy of the last picture of a stream that was taken over, (H * 3 // 2 * W,) uint8, I420.
    """

    def __init__(self, path: Path, video: VideoFormat, streaming: int | None = None) -> None:
        """Open the node, set it up, compare what the driver made of it, and start the stream.

        Args:
            path: the node.
            video: size and rate.
            streaming: a descriptor of that node that another process of ours has streamed into, and ours from here on.
                The stream goes on; where it cannot, the descriptor is closed and the node opened as without one.

        Raises:
            SinkMissing: there is no such node.
            SinkRefused: it is no v4l2loopback device, another program writes into it, or a reader holds it at another
                size or format.
            SinkError: it cannot be opened.
        """
        self.path, self.format = path, video
        self.name = str(path)
        self._picture_bytes = video.picture_bytes
        self._buffers: MappedBuffers | None = None
        self._size, self._index, self._streams, self._sustained = 0, 0, False, False
        self.inherited: U8 | None = None
        self._descriptor = -1
        if streaming is not None and self._take_over(streaming):
            return
        self._descriptor = self._open_for_output()
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._descriptor

    def begin(self) -> U8:
        """Return the driver's next buffer: (H * 3 // 2 * W,) uint8, I420, BT.601 limited. Never waits.

        Raises:
            SinkError: the device is gone.
        """
        buffers = self._ring()
        try:
            offset, length = device.query_buffer(self._descriptor, _OUTPUT, self._size - 1)
            if offset != (self._size - 1) * length:
                self._size = self._count()
                log.info("%s: a reader left %d buffers", self.name, self._size)
        except OSError as error:
            raise self._failed(error) from error
        self._index %= self._size
        return buffers.views[self._index][: self._picture_bytes]

    def commit(self) -> None:
        """Show the buffer of the last `begin` to all readers. Never waits.

        Raises:
            SinkError: the driver did not take it.
        """
        try:
            self._ring().queue(self._index, self._picture_bytes)
        except OSError as error:
            raise self._failed(error) from error
        self._index = (self._index + 1) % self._size

    def overwrite(self, picture: U8) -> None:
        """Show one picture and put it into every buffer, those outside the ring too: a reader begins with old ones.

        Raises:
            SinkError: the driver did not take it.
        """
        for _ in range(self._size):
            np.copyto(self.begin(), picture)
            self.commit()
        for view in self._ring().views[self._size :]:
            view[: self._picture_bytes] = picture

    def close(self, *, handed_on: bool = False) -> None:
        """Stop the stream and give the node back; readers see the camera go.

        Args:
            handed_on: somebody else keeps the descriptor, so the stream stays as it is, with its last picture.
        """
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if self._sustained and not handed_on:
                with contextlib.suppress(OSError):
                    set_control(descriptor, SUSTAIN_FRAMERATE, 0)
            if self._streams and not handed_on:  # and only then: 0.13 would stop another program's stream as well
                with contextlib.suppress(OSError):  # the device may be gone; it is ours no more in any case
                    device.stream_off(descriptor, _OUTPUT)
            if self._buffers is not None:
                self._buffers.close()
                self._buffers = None
        finally:
            os.close(descriptor)
        if not handed_on:
            with contextlib.suppress(OSError):
                refresh(self.path)

    def sustain(self, *, on: bool) -> None:
        """Have the driver repeat the last picture whenever none comes, also when this process is gone; or no more.

        While it does it wakes the processor at the nominal rate, also where nobody reads.
        """
        if on == self._sustained:
            return
        try:
            set_control(self._descriptor, SUSTAIN_FRAMERATE, int(on))
            self._sustained = on
        except OSError as error:
            log.warning("%s cannot repeat pictures by itself: %s", self.name, error.strerror)

    def _take_over(self, descriptor: int) -> bool:
        """Go on with the stream of `descriptor`, or close it and say that this cannot be."""
        self._descriptor, self._streams, self._sustained = descriptor, True, True
        try:
            stream = running_stream(descriptor, self.path, self.format)
            self._buffers = MappedBuffers(descriptor, _OUTPUT, stream.buffers, there=True)
            device.set_rate(descriptor, _OUTPUT, self.format.fps)
        except (CannotGoOn, OSError) as error:
            log.warning("%s: the stream of before cannot go on: %s", self.name, error)
            self.close()
            self._streams = self._sustained = False
            return False
        self.name = f"{stream.card} ({self.path})"
        self._size, self._index = stream.buffers, (stream.last + 1) % stream.buffers
        self.inherited = self._buffers.views[stream.last][: self._picture_bytes].copy()
        return True

    def _open_for_output(self) -> int:
        descriptor = self._open_node()
        try:
            answer = self._who(descriptor)
            self.name = f"{answer.card} ({self.path})"
            if answer.caps & Cap.VIDEO_OUTPUT:
                return descriptor
            if answer.caps & Cap.VIDEO_CAPTURE and is_written(descriptor):
                raise self._refused("another program writes into it")
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        log.info("%s was left stuck by another program: healing it", self.name)
        try:
            heal(self.path)
        except OSError as error:
            raise self._failed(error) from error
        return self._open_node()

    def _who(self, descriptor: int) -> Capability:
        try:
            answer = device.query_capability(descriptor)
        except OSError as error:
            raise SinkRefused(str(self.path), "is no video device", "--output auto") from error
        if answer.driver != DRIVER:
            raise SinkRefused(
                str(self.path), f'is "{answer.card}" ({answer.driver}), no v4l2loopback device', "--output auto"
            )
        return answer

    def _open_node(self) -> int:
        try:
            return open_node(self.path)
        except FileNotFoundError as error:
            raise SinkMissing(str(self.path), "there is no such device", LOAD_MODULE) from error
        except PermissionError as error:
            hint = 'sudo usermod -aG video "$USER", then log in again'
            raise SinkError(str(self.path), "permission denied", hint) from error
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise self._refused("too many programs have it open") from error
            raise self._failed(error) from error

    def _set_up(self) -> None:
        self._agree_on_a_format()
        video = self.format
        try:
            rate = device.set_rate(self._descriptor, _OUTPUT, video.fps)
            self._buffers = MappedBuffers(self._descriptor, _OUTPUT, _BUFFERS)
            self._size = self._count()
            device.stream_on(self._descriptor, _OUTPUT)
            self._streams = True
            for view in self._buffers.views:
                view[:] = _NOTHING  # the driver does not clear them: they hold our last picture, or anybody's memory
            answer = device.query_capability(self._descriptor)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise self._refused("another program writes into it") from error
            raise self._failed(error) from error
        if abs(rate - video.fps) > 0.01 * video.fps:
            log.warning("%s says %g pictures a second instead of %g", self.name, rate, video.fps)
        if answer.caps & Cap.VIDEO_OUTPUT:
            log.warning("%s lacks exclusive_caps=1, so browsers do not list it: %s", self.name, LOAD_MODULE)
        if self._size < _BUFFERS:
            log.warning(
                "%s has %d buffers; slow readers may see torn pictures; better: %s", self.name, self._size, LOAD_MODULE
            )

    def _agree_on_a_format(self) -> None:
        video = self.format
        wanted = PixelLayout(
            video.width,
            video.height,
            "YU12",
            colorspace=Colorspace.SMPTE170M,
            encoding=Encoding.BT601,
            quantization=Quantization.LIMITED,
        )
        try:
            got = device.set_format(self._descriptor, _OUTPUT, wanted)
            if _shape(got) != _shape(wanted) and self._unpinned():
                got = device.set_format(self._descriptor, _OUTPUT, wanted)
        except OSError as error:
            if error.errno in {errno.EBUSY, errno.EINVAL}:
                raise self._refused("another program writes into it") from error
            raise self._failed(error) from error
        # Colours are not compared: 0.12 answers sRGB whatever it is told.
        if _shape(got) != _shape(wanted):
            raise self._refused(
                f"it stays at {got.width}x{got.height} {got.pixel_format} while a reader holds it",
                f"or --size {got.width}x{got.height}" if got.pixel_format == "YU12" else "",
            )

    def _unpinned(self) -> bool:
        """Let go of the format where somebody has pinned it (v4l2loopback-ctl set-caps); tell whether it was."""
        try:
            pinned = bool(get_control(self._descriptor, KEEP_FORMAT))
            if pinned:
                set_control(self._descriptor, KEEP_FORMAT, 0)
        except OSError:
            return False
        return pinned

    def _count(self) -> int:
        """How many buffers the ring has: the driver folds the numbers of those outside onto those inside."""
        buffers = self._ring()
        for index in range(len(buffers)):
            offset, length = device.query_buffer(self._descriptor, _OUTPUT, index)
            if offset != index * length:
                return index
        return len(buffers)

    def _ring(self) -> MappedBuffers:
        if self._buffers is None or not len(self._buffers):
            raise SinkError(self.name, "the driver gave no buffers", LOAD_MODULE)
        return self._buffers

    def _refused(self, why: str, more: str = "") -> SinkRefused:
        who = say_holders(self.path)
        hint = f"close {who or 'the programs that use it'} {more}".strip()
        return SinkRefused(self.name, why, hint)

    def _failed(self, error: OSError) -> SinkError:
        return SinkError(self.name, error.strerror or str(error))


def _shape(layout: PixelLayout) -> tuple[int, int, str]:
    return layout.width, layout.height, layout.pixel_format
