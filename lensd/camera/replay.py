"""A video file as a webcam: at its own pace, in a loop, its planes taken as they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from lensd.camera.colour import Bt709ToBt601
from lensd.camera.jpeg import plane_view
from lensd.camera.pace import sleep_until
from lensd.errors import CameraError, CameraMissing
from lensd.frames import Picture, PixelFormat, RawFrame, VideoFormat

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_PIXELS = 8192 * 4320
_LONGEST_GAP_NS = 500_000_000  # a slide show's next picture in two minutes is no reason to look broken
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, -90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, -180: cv2.ROTATE_180}
_RESUME_NS = 1_000_000_000  # after a pause longer than this (the machine slept) nothing is made up for


class Replay:
    """A video file as a `FrameSource`, without its sound; a frame's data is valid until the second read after it.

    What comes too late is left out, as a webcam would. BT.709, as most files of 720 rows and more have it, becomes
    BT.601; turned pictures (phones) are turned upright; an odd last row or column is cut off.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and decode its first picture.

        Raises:
            CameraMissing: no such file.
            CameraError: it cannot be read, or has no pictures.
        """
        self.name, self._path = path.name, path
        try:
            self._container = av.open(str(path))
        except FileNotFoundError as error:
            raise CameraMissing(str(path), "there is no such file") from error
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise CameraError(str(path), f"is no video that can be read ({error.__class__.__name__})") from error
        try:
            if not self._container.streams.video:
                raise CameraError(str(path), "has no pictures")
            self._stream = self._container.streams.video[0]
            rate = float(self._stream.average_rate or 0)
            self._period_ns = round(1e9 / (rate if 1 <= rate <= 240 else 30))  # some files say 90000, or nothing
            self._frames = self._decoded()
            self._next = self._following()
            width, height = self._upright_size(self._next)
        except BaseException:
            self._container.close()
            raise
        self.format = VideoFormat(width, height, 1e9 / self._period_ns)
        self._due_ns = self._sequence = 0
        self._shown = False
        self._pictures = [Picture(width, height) for _ in range(3)]
        self._to_bt601 = Bt709ToBt601()

    def read(self, timeout_s: float) -> RawFrame:
        """Return the picture whose time has come.

        Raises:
            SourceTimeout: that is later than in `timeout_s`.
            CameraError: the file can no longer be read.
        """
        now = time.monotonic_ns()
        if self._shown:
            self._advance()
        if not self._due_ns or now - self._due_ns > _RESUME_NS:
            self._due_ns = now
        while self._due_ns < now - self._period_ns:
            self._advance()
        picture, full_range = self._upright(self._next)
        sleep_until(self._due_ns, self.name, timeout_s)
        self._shown = True
        self._pictures.append(self._pictures.pop(0))
        size = picture.width, picture.height
        return RawFrame(picture.data.data, PixelFormat.I420, *size, full_range, self._sequence, self._due_ns)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _advance(self) -> None:
        before = self._next
        self._next = self._following()
        gap_ns = self._period_ns
        if self._next.pts is not None and before.pts is not None and self._next.time > before.time:
            gap_ns = min(round((self._next.time - before.time) * 1e9), _LONGEST_GAP_NS)
        self._due_ns += gap_ns
        self._sequence += 1
        self._shown = False

    def _following(self) -> av.VideoFrame:
        for _ in range(2):
            try:
                return next(self._frames)
            except StopIteration:  # the end, or a break in the file: from the beginning again
                self._container.seek(0)
                self._frames = self._decoded()
            except (av.error.FFmpegError, OSError) as error:
                raise CameraError(str(self._path), f"cannot be read on ({error.__class__.__name__})") from error
        raise CameraError(str(self._path), "has no pictures")

    def _decoded(self) -> Iterator[av.VideoFrame]:
        any_yet = False
        try:
            for frame in self._container.decode(self._stream):
                if frame.width * frame.height > _MOST_PIXELS:
                    raise CameraError(str(self._path), f"{frame.width}x{frame.height} is too large")
                any_yet = True
                yield frame
        except av.error.FFmpegError:
            if not any_yet:
                raise

    def _upright_size(self, frame: av.VideoFrame) -> tuple[int, int]:
        width, height = frame.width & ~1, frame.height & ~1
        if not width or not height:
            raise CameraError(str(self._path), f"{frame.width}x{frame.height} is too small")
        return (height, width) if abs(frame.rotation) == 90 else (width, height)

    def _upright(self, frame: av.VideoFrame) -> tuple[Picture, bool]:
        """Copy the frame's planes, without padding and upright, and tell whether they are full range."""
        bt709 = frame.colorspace == Colorspace.ITU709
        full_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        turn = _TURNS.get(frame.rotation)
        size = self._upright_size(frame)
        if frame.format.name not in ("yuv420p", "yuvj420p"):
            src_range = ColorRange.JPEG if full_range else ColorRange.MPEG
            frame = frame.reformat(format="yuv420p", src_color_range=src_range, dst_color_range=ColorRange.MPEG)
            full_range = False
        picture = self._pictures[0]
        if size != (picture.width, picture.height):
            picture = self._pictures[0] = Picture(*size)
        width, height = frame.width & ~1, frame.height & ~1
        for plane, to, step in zip(frame.planes, (picture.y, picture.u, picture.v), (1, 2, 2), strict=True):
            view = plane_view(plane)[: height // step, : width // step]
            if turn is None:
                np.copyto(to, view)
            else:
                cv2.rotate(view, turn, dst=to)
        if bt709:
            self._to_bt601.convert(picture, full_range=full_range)
        return picture, full_range
