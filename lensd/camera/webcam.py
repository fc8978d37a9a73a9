"""A webcam, by V4L2's own requests: mapped buffers, the driver's timestamps, always the newest frame."""

from __future__ import annotations

import contextlib
import errno
import logging
import mmap
import os
import select
import time
from collections import deque
from typing import TYPE_CHECKING

from lensd.camera.adjust import apply_kept
from lensd.camera.kept import read_kept
from lensd.camera.modes import READABLE, Mode, choose, offers
from lensd.camera.rows import Copies, is_full_range, is_padded
from lensd.errors import CameraBusy, CameraError, CameraMissing, SourceTimeout
from lensd.frames import PixelFormat, RawFrame, VideoFormat, View
from lensd.v4l2 import device
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.holders import say_holders
from lensd.v4l2.nodes import LOOPBACK_DRIVER, by_id_of
from lensd.v4l2.uapi import BufferType, Cap

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.v4l2.device import Filled, PixelLayout

_log = logging.getLogger(__name__)
_SIDE = BufferType.CAPTURE
_BUFFERS = 6  # two in use, four for the driver: 130 ms of slack at 30 fps before it has to drop a frame
_IN_USE = 2
_STALE_NS = 2_000_000_000  # a loopback device passes its writer's stamps on, whatever clock they are from
_FAILED = select.POLLERR | select.POLLHUP | select.POLLNVAL
_NO_CAMERA = (errno.ENOTTY, errno.EISDIR, errno.EINVAL)
_GONE = (errno.ENODEV, errno.ENXIO, errno.ENOENT)


class Webcam:
    """A V4L2 capture device as a `FrameSource`.

    A frame's `data` is the driver's own memory. It stays valid until two more frames were read, so that one thread may
    read while another decodes; after that it is a released memoryview, which is never wrong pixels.
    """

    def __init__(self, path: Path, wanted: VideoFormat) -> None:
        """Open the camera, set it to what is nearest to `wanted`, and start it.

        Raises:
            CameraMissing: it is not there.
            CameraBusy: another program streams from it.
            CameraError: not permitted, not a camera, or it has no pixel format that we can decode.
        """
        self._path, self.name = path, str(path)
        self.by_id = by_id_of(path)  # stays when it comes back as another node; "" where it has none
        self.view: View | None = None
        self._lent: deque[tuple[int, memoryview]] = deque()
        self._buffers: MappedBuffers | None = None
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._explained(error) from error
        try:
            self._start(wanted)
        except OSError as error:
            self.close()
            raise self._explained(error) from error
        except BaseException:
            self.close()
            raise

    def _start(self, wanted: VideoFormat) -> None:
        capability = device.query_capability(self._descriptor)
        self.name = capability.card
        self._sensor = capability.driver != LOOPBACK_DRIVER  # which somebody feeds, with a still picture if he likes
        self.adjust(View())
        if not capability.caps & Cap.VIDEO_CAPTURE or not capability.caps & Cap.STREAMING:
            raise CameraError(str(self._path), f"{capability.card} gives no pictures at this node", "lensd devices")
        available = list(offers(self._descriptor, (wanted.width, wanted.height)))
        mode = choose(available, wanted)
        if mode is None:
            # Drivers that list nothing still say what they are set to.
            current = device.get_format(self._descriptor, _SIDE)
            mode = Mode(current.pixel_format, wanted.width, wanted.height)
        while True:
            try:
                self._stream(mode, wanted, shared=capability.driver == LOOPBACK_DRIVER)
            except OSError as error:
                # ENOSPC: the bus has no room for as much, beside what else is plugged in.
                lighter = choose(available, wanted, mode.load) if error.errno == errno.ENOSPC else None
                if lighter is None:
                    raise
                _log.warning("%s: the USB bus cannot carry %s; trying %s", self._described, mode, lighter)
                self._let_go()
                mode = lighter
            else:
                break
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        _log.info("%s (%s) gives %s %s", self.name, self._path, self._layout.pixel_format, self.format)

    def _stream(self, mode: Mode, wanted: VideoFormat, *, shared: bool) -> None:
        layout = self._agree(mode)
        fps = 0.0
        with contextlib.suppress(OSError):  # ENOTTY: the rate is not for us to choose
            fps = device.set_rate(self._descriptor, _SIDE, wanted.fps)
        self._layout, self._pixels = layout, READABLE[layout.pixel_format]
        self._full_range = is_full_range(layout, self._pixels)
        self.format = VideoFormat(layout.width, layout.height, fps or wanted.fps)
        buffers = self._buffers = MappedBuffers(self._descriptor, _SIDE, _BUFFERS)
        shared = shared or len(buffers) < _IN_USE + 2
        size = max((view.size for view in buffers.views), default=0)
        self._copies = Copies(layout, self._pixels, size) if shared or is_padded(layout, self._pixels) else None
        for index, view in enumerate(buffers.views):
            view[:: mmap.PAGESIZE].max()  # the page faults now (25 ms in the guest), not while a frame waits
            buffers.queue(index)
        apply_kept(self._descriptor, self.name, read_kept(self.by_id, self.name))
        device.stream_on(self._descriptor, _SIDE)

    def _let_go(self) -> None:
        """Give the buffers back, so that another size can be asked for."""
        if self._buffers is not None:
            self._buffers.close()
            self._buffers = None
        device.request_buffers(self._descriptor, _SIDE, 0)

    def adjust(self, view: View) -> None:
        """Show frames from now on through `view`, changed by what is kept for this camera."""
        kept = read_kept(self.by_id, self.name)
        self.view = kept.over(view) if kept.view or view != View() else None

    def _agree(self, mode: Mode) -> PixelLayout:
        layout = device.set_format(self._descriptor, _SIDE, device.PixelLayout(mode.width, mode.height, mode.code))
        if layout.pixel_format not in READABLE:
            known = ", ".join(READABLE)
            raise CameraError(self._described, f"gives {layout.pixel_format}, and can be read as {known}")
        if READABLE[layout.pixel_format] is not PixelFormat.MJPG and (layout.width % 2 or layout.height % 2):
            raise CameraError(self._described, f"gives the odd size {layout.width}x{layout.height}")
        return layout

    @property
    def _described(self) -> str:
        return str(self._path) if self.name == str(self._path) else f"{self.name} ({self._path})"

    def read(self, timeout_s: float) -> RawFrame:
        """Return the newest frame; older ones that were waiting go back to the driver, as do damaged ones.

        Raises:
            SourceTimeout: none within `timeout_s`.
            CameraMissing: unplugged.
            CameraError: the stream has failed.
        """
        deadline = time.monotonic() + timeout_s
        try:
            while True:
                left_ms = max(0.0, deadline - time.monotonic()) * 1000
                if not (events := self._poll.poll(left_ms)):
                    raise SourceTimeout(self._described, f"gave no picture for {timeout_s:g} s")
                if (newest := self._newest()) is not None:
                    return self._frame(newest)
                if events[0][1] & _FAILED:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
        except OSError as error:
            raise self._explained(error) from error

    def _newest(self) -> Filled | None:
        buffers = self._mapped
        newest: Filled | None = None
        for _ in range(len(buffers)):
            try:
                filled = buffers.dequeue()
            except BlockingIOError:
                break
            if filled.broken or not filled.bytes_used:
                buffers.queue(filled.index)
                continue
            if newest is not None:
                buffers.queue(newest.index)
            newest = filled
        return newest

    def _frame(self, filled: Filled) -> RawFrame:
        buffers, now = self._mapped, time.monotonic_ns()
        stamp = filled.captured_ns
        captured_ns = stamp if stamp is not None and 0 <= now - stamp <= _STALE_NS else now
        data = buffers.views[filled.index].data[: filled.bytes_used]
        if self._copies is None:
            self._lend(filled.index, data)
        else:
            data = self._copies.take(data)
            buffers.queue(filled.index)
        size = self._layout.width, self._layout.height
        return RawFrame(
            data, self._pixels, *size, self._full_range, filled.sequence, captured_ns, self.view, self._sensor
        )

    def _lend(self, index: int, data: memoryview) -> None:
        if len(self._lent) == _IN_USE:
            oldest, view = self._lent.popleft()
            _release(view)
            self._mapped.queue(oldest)
        self._lent.append((index, data))

    @property
    def _mapped(self) -> MappedBuffers:
        if self._buffers is None:
            raise CameraError(self._described, "is closed")
        return self._buffers

    def close(self) -> None:
        """Stop the camera; its light goes out."""
        while self._lent:
            _release(self._lent.popleft()[1])
        if self._buffers is not None:
            with contextlib.suppress(OSError):  # unplugged
                device.stream_off(self._descriptor, _SIDE)
            self._buffers.close()
            self._buffers = None
        os.close(self._descriptor)

    def _explained(self, error: OSError) -> CameraError:
        what, why = self._described, error.strerror or str(error)
        if error.errno in _GONE:
            return CameraMissing(what, "is not there, or was unplugged", "lensd devices")
        if self.name == str(self._path) and error.errno in _NO_CAMERA:  # QUERYCAP was never answered
            return CameraError(what, "is no camera", "lensd devices")
        if error.errno == errno.EBUSY:
            users = say_holders(self._path) or "another program"
            return CameraBusy(what, f"is used by {users}", "close it there, or choose another camera: lensd devices")
        if error.errno == errno.ENOSPC:
            why = "the USB bus cannot carry its pictures beside what else is plugged in"
            return CameraError(what, why, "plug it into another port of the computer, without a hub between")
        if error.errno in (errno.EACCES, errno.EPERM):
            return CameraError(what, why, "sudo usermod -aG video $USER, then log out and in again")
        return CameraError(what, f"the driver failed: {why}", "unplug it and plug it in again")


def _release(view: memoryview) -> None:
    with contextlib.suppress(BufferError):  # somebody is decoding it this moment, against the contract: no harm done
        view.release()
