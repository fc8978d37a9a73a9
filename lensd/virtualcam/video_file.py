"""An output into a video file, with the times at which the pictures came."""

from __future__ import annotations

import contextlib
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from lensd.errors import ConfigError, SinkError
from lensd.virtualcam.private_buffer import PrivateBufferSink
from lensd.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable

    import av

    from lensd.frames import U8, VideoFormat

SUFFIXES = (".mp4", ".mkv", ".mov")
# The first that this build of FFmpeg has. "superfast" encodes 720p in 4 ms on one core of the reference machine.
_ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "superfast", "crf": "20"}),
    ("libopenh264", {}),
    ("mpeg4", {"qscale": "3"}),
)
_TICKS = 90_000  # a second
_BT601, _LIMITED = 6, 1  # AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG


class VideoFileSink(PrivateBufferSink):
    """A `ports.FrameSink` that encodes its pictures; the file appears under its name when the sink is closed."""

    def __init__(self, path: Path, video: VideoFormat, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        """Begin the file.

        Args:
            path: ends in .mp4, .mkv or .mov.
            video: size and rate; the rate is a hint, each picture has its own time.
            clock_ns: tells when a picture came, ns.

        Raises:
            ConfigError: another suffix.
            SinkError: it cannot be written there.
        """
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigError(str(path), f"a video's name ends in {', '.join(SUFFIXES)}", "--output call.mp4")
        super().__init__(str(path), video)
        self._clock_ns = clock_ns
        self._first_ns, self._last_tick = -1, -1
        self._owned = contextlib.ExitStack()
        try:
            with contextlib.ExitStack() as owned:
                temporary = owned.enter_context(whole_file(path))
                self._start(temporary, owned)
                self._owned = owned.pop_all()
        except OSError as error:
            raise SinkError(
                str(path), error.strerror or str(error), "--output with a folder you may write to"
            ) from error

    def _start(self, temporary: Path, owned: contextlib.ExitStack) -> None:
        import av

        self._container = owned.enter_context(av.open(str(temporary), "w"))
        encoder, options = next(each for each in _ENCODERS if each[0] in av.codecs_available)
        rate = Fraction(self.format.fps).limit_denominator(1001)
        stream = self._container.add_stream(encoder, rate=rate, options=options)
        self._stream = cast("av.VideoStream", stream)
        self._stream.width, self._stream.height, self._stream.pix_fmt = self.format.width, self.format.height, "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, _TICKS)
        context.colorspace, context.color_range = _BT601, _LIMITED
        context.open()

    def close(self) -> None:
        """Write what the encoder still holds and give the file its name; without any picture there is no file.

        Raises:
            SinkError: the disk is full; there is no file, or the old one.
        """
        try:
            with self._owned:
                if self._first_ns < 0:
                    raise _NothingWritten
                self._container.mux(self._stream.encode(None))
        except _NothingWritten:
            return
        except OSError as error:
            raise SinkError(self.name, error.strerror or str(error)) from error

    def _publish(self, picture: U8) -> None:
        import av

        now_ns = self._clock_ns()
        if self._first_ns < 0:
            self._first_ns = now_ns
        tick = max(self._last_tick + 1, (now_ns - self._first_ns) * _TICKS // 1_000_000_000)
        # A frame of its own each time: the encoder keeps some of them for a while.
        frame = av.VideoFrame(self.format.width, self.format.height, "yuv420p")
        _fill(frame, picture)
        frame.pts, frame.time_base = tick, Fraction(1, _TICKS)
        frame.colorspace, frame.color_range = _BT601, _LIMITED
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise SinkError(self.name, error.strerror or str(error)) from error
        self._last_tick = tick


class _NothingWritten(Exception):  # leaves the file's context, so that the temporary one vanishes
    pass


def _fill(frame: av.VideoFrame, picture: U8) -> None:
    """Copy the three planes; FFmpeg pads its lines."""
    start = 0
    for plane in frame.planes:
        lines = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
        size = plane.width * plane.height
        lines[:, : plane.width] = picture[start : start + size].reshape(plane.height, plane.width)
        start += size
