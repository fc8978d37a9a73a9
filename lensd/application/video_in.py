"""A video file read from end to end: upright I420 pictures, sound as packets, and whether all of it was there.

FFmpeg forgives: a file that was cut off simply ends early. For a conversion that would lose the rest in silence, so
what came is compared with what the file's header says.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from lensd.camera.colour import Bt709ToBt601
from lensd.errors import MediaError
from lensd.frames import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Any, Self

    from lensd.frames import U8

SIDE_PX_MAX, PIXELS_MAX = 8192, 8192 * 4320
# Formats whose header says how long they are; in others FFmpeg guesses from the bit rate.
_SAY_LENGTH = {"mov", "mp4", "matroska", "webm", "avi"}
_ANY_CLOCK = ("mpegts", "mpeg")
_SHORT_S, _SHORT_SHARE = 0.5, 0.02
_BT709, _UNSPECIFIED, _BT601 = 1, 2, (5, 6)  # AVCOL_SPC_UNSPECIFIED; BT470BG and SMPTE170M, which are one matrix


class VideoReader:
    """One open video file.

    Attributes:
        video: the stream with the pictures. sound: all streams with sound.
        bt601: the pictures are BT.601 for sure; else the file does not say, and nor should a copy.
        turned: the last picture was turned by a quarter.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            MediaError: no video that can be read, or too large.
        """
        self._path = path
        self._end_s = 0.0
        self.bt601, self.turned = False, False
        self._to_bt601 = Bt709ToBt601()
        try:
            self._container = av.open(str(path))
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise MediaError(str(path), f"is no video that can be read, or cut off ({_words(error)})") from error
        if not self._container.streams.video:
            self._container.close()
            raise MediaError(str(path), "has no pictures")
        self.video, self.sound = self._container.streams.video[0], list(self._container.streams.audio)
        self.video.thread_type = "AUTO"
        width, height = self.video.width, self.video.height
        if not (min(width, height) >= 2 and max(width, height) <= SIDE_PX_MAX and width * height <= PIXELS_MAX):
            self._container.close()
            raise MediaError(str(path), f"its pictures are {width}x{height}; up to 8192x4320 can be read")

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._container.close()

    @property
    def time_base(self) -> Fraction:
        """Seconds of one tick of the frames' times."""
        return self.video.time_base or 1 / self.rate

    @property
    def rate(self) -> Fraction:
        """Frames a second, on average."""
        return self.video.average_rate or self.video.guessed_rate or Fraction(30)

    @property
    def pixel_aspect(self) -> Fraction | None:
        """Width of a pixel over its height, as it lies in the file; None where the file does not say."""
        return self.video.sample_aspect_ratio or None

    @property
    def duration_s(self) -> float:
        """Seconds, as the header says; 0 where it does not."""
        return float((self._container.duration or 0) / av.time_base)

    def read(self) -> Iterator[av.VideoFrame | av.Packet[av.AudioStream]]:
        """Give frames and packets of sound as they lie in the file.

        Raises:
            MediaError: damaged or cut off; also at the end, where less came than the header says.
        """
        try:
            for packet in self._container.demux([self.video, *self.sound]):
                if packet.is_corrupt:
                    raise MediaError(str(self._path), f"is damaged or cut off after {self._end_s:.1f} s")
                self._from_zero(packet)
                if packet.pts is not None and packet.time_base is not None:
                    self._end_s = max(self._end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.stream is self.video:
                    yield from cast("list[av.VideoFrame]", packet.decode())
                elif packet.dts is not None:
                    yield cast("av.Packet[av.AudioStream]", packet)
        except (av.error.FFmpegError, OSError) as error:
            why = f"is damaged or cut off after {self._end_s:.1f} s ({_words(error)})"
            raise MediaError(str(self._path), why) from error
        self._check_whole()

    def _from_zero(self, packet: av.Packet[Any]) -> None:
        """Take a transport stream's clock, which begins anywhere, from a packet's times."""
        if self._container.format.name in _ANY_CLOCK and packet.pts is not None and packet.dts is not None:
            begin = round(Fraction(self._container.start_time or 0, av.time_base) / packet.time_base)
            packet.pts, packet.dts = packet.pts - begin, packet.dts - begin

    def _check_whole(self) -> None:
        if not _SAY_LENGTH & set(self._container.format.name.split(",")):
            return
        begin_s = max(0.0, (self._container.start_time or 0) / av.time_base)
        missing_s = self.duration_s - (self._end_s - begin_s)
        if missing_s > max(_SHORT_S, _SHORT_SHARE * self.duration_s):
            raise MediaError(str(self._path), f"is cut off: it ends {missing_s:.1f} s before its header says")

    def picture(self, frame: av.VideoFrame) -> Picture:
        """Return a frame as the frame's path sees it, upright; an odd side grows by repeating its edge.

        Raises:
            MediaError: its size changed on the way to one that is too large.
        """
        if frame.width * frame.height > PIXELS_MAX:
            raise MediaError(str(self._path), f"a picture of it is {frame.width}x{frame.height}")
        matrix, turns = frame.colorspace, round(frame.rotation / 90) % 4
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        rgb = not frame.format.name.startswith(("yuv", "nv", "gray", "p0"))
        self.bt601 = rgb or matrix != _UNSPECIFIED
        # BT.709 is left as it is here: FFmpeg's own way from it to BT.601 darkens the picture by 2 of 255.
        kept = matrix if matrix in (_UNSPECIFIED, _BT709, *_BT601) and not rgb else int(Colorspace.ITU601)
        if frame.format.name != "yuv420p" or full or kept != matrix:
            frame = frame.reformat(
                format="yuv420p",
                src_colorspace=Colorspace.ITU601 if rgb or matrix == _UNSPECIFIED else matrix,
                dst_colorspace=Colorspace.ITU601 if kept == _UNSPECIFIED else kept,
                src_color_range=ColorRange.JPEG if full or rgb else ColorRange.MPEG,
                dst_color_range=ColorRange.MPEG,
            )
        self.turned = turns % 2 == 1
        planes = [_turned(plane, turns) for plane in frame.planes]
        height, width = planes[0].shape
        picture = Picture(width + width % 2, height + height % 2)
        for plane, to in zip(planes, (picture.y, picture.u, picture.v), strict=True):
            rows, columns = plane.shape
            to[:rows, :columns] = plane
            to[rows:, :columns], to[:, columns:] = to[rows - 1 : rows, :columns], to[:, columns - 1 : columns]
        if kept == _BT709:
            self._to_bt601.convert(picture, full_range=False)
        return picture


def _turned(plane: av.video.plane.VideoPlane, turns: int) -> U8:
    rows: U8 = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return np.rot90(rows[: plane.height, : plane.width], turns)


def _words(error: BaseException) -> str:
    words = str(getattr(error, "strerror", "") or error).split("\n")[0][:120]
    return words or type(error).__name__
