"""What programs see, as a video file: watched from beside, so that the camera never waits for encoder or disk.

The file is playable however the recording ends: MP4 is written in fragments of half a second, and
Matroska and WebM are made so.
"""

from __future__ import annotations

import errno
import os
import time
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.error
from av.video.reformatter import ColorRange, Colorspace

from lensd.application.fragments import drop_torn_tail
from lensd.control.pictures import OnAir
from lensd.errors import ControlError, MediaError
from lensd.frames import Picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.shared_picture import SharedPictureReader, Stamp

# The first that this build of FFmpeg has; 4 ms a 720p picture.
_ENCODERS = (
    ("libx264", {"preset": "superfast", "crf": "20"}),
    ("libopenh264", {"b": "6M"}),
    ("mpeg4", {"qscale": "3"}),
)
_WEBM_ENCODERS = (
    ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0", "row-mt": "1"}),
    ("libvpx", {"deadline": "realtime", "cpu-used": "8", "b": "4M"}),
)
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}  # us
_OPTIONS: dict[str, dict[str, str]] = {".mp4": _FRAGMENTS, ".mkv": {}, ".webm": {}}
_TICKS = 1000  # a second; Matroska has no finer ones
_GLANCE_S = 0.008
_LOOK_S = 0.1  # how often the keeper is asked whether something else is on air
_STILL_S = 0.5  # a picture that stays is written again, so that the file's length is right
_ERRORS = (av.error.FFmpegError, OSError, ValueError)
_THREADS = 2
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written: its length, pictures and size; why it ended, where it was not asked to."""

    seconds: float
    pictures: int
    size: int
    why: str = ""


def record(
    target: Path, ending: Callable[[], bool], progress: Callable[[float, int], None], socket: Path | None = None
) -> Recorded:
    """Write what is on air to `target` until `ending` says so, the disk is full or the daemon ends.

    Args:
        target: a new file that ends in .mp4, .mkv or .webm.
        ending: asked about 100 times a second.
        progress: told seconds and bytes, at each picture.
        socket: the control socket, where it is not the usual one.

    Raises:
        MediaError: another suffix, a file that exists, or one that cannot be written.
        ControlError: no daemon. RemoteError: it refused.
    """
    if target.suffix.lower() not in _OPTIONS:
        raise MediaError(str(target), f"a recording's name ends in {', '.join(_OPTIONS)}", "lensd record call.mp4")
    with closing(OnAir(socket)) as on_air:
        reader = on_air.look()
        if reader is None:
            raise ControlError("the camera", "had no picture", "see: lensd status")
        with closing(_Recording(target, reader.width, reader.height)) as recording:
            why = _watch(on_air, reader, recording, ending, progress)
            why = recording.finish() or why
    return Recorded(recording.seconds, recording.pictures, target.stat().st_size, why)


def _watch(
    on_air: OnAir,
    reader: SharedPictureReader,
    recording: _Recording,
    ending: Callable[[], bool],
    progress: Callable[[float, int], None],
) -> str:
    """Write until the end, and return why it came, where nobody asked for it."""
    picture = Picture(reader.width, reader.height)
    stamp: Stamp | None = None
    written_s = looked_s = time.monotonic()
    while not ending():
        now_s = time.monotonic()
        if now_s - looked_s >= _LOOK_S:
            looked_s = now_s
            try:
                other = on_air.look()
            except ControlError as error:
                return f"{error.what} {error.why}"
            if other is not None:
                reader, stamp = other, None
        if stamp is None or reader.newest_sequence() != stamp.sequence:
            stamp = reader.copy_newest(picture.data) or stamp
        elif now_s - written_s < _STILL_S:
            time.sleep(_GLANCE_S)
            continue
        if stamp is None:
            time.sleep(_GLANCE_S)
            continue
        if not recording.write(picture, now_s):
            return recording.problem
        written_s = now_s
        progress(recording.seconds, recording.size())
    return ""


class _Recording:
    """One file being written."""

    def __init__(self, target: Path, width: int, height: int) -> None:
        self._target, self.problem = target, ""
        self._first_s, self._tick, self.pictures = 0.0, -1, 0
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise MediaError(str(target), "exists already", "take another name, or remove it first") from None
        except OSError as error:
            raise MediaError(str(target), f"cannot be written: {error.strerror or error}") from None
        try:
            self._container = av.open(str(target), "w", options=_OPTIONS[target.suffix.lower()])
            self._stream = self._add_stream(width, height)
        except _ERRORS as error:
            target.unlink(missing_ok=True)
            raise MediaError(str(target), f"cannot be written: {_words(error)}") from None

    def _add_stream(self, width: int, height: int) -> av.VideoStream:
        encoders = _WEBM_ENCODERS if self._target.suffix.lower() == ".webm" else _ENCODERS
        found = next((each for each in encoders if each[0] in av.codecs_available), None)
        if found is None:
            raise ValueError("this FFmpeg has no encoder for it")
        stream = cast("av.VideoStream", self._container.add_stream(found[0], rate=30, options=found[1]))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base, context.gop_size, context.thread_count = Fraction(1, _TICKS), 30, _THREADS
        context.color_range, context.colorspace = int(ColorRange.MPEG), int(Colorspace.ITU601)
        return stream

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(0, self._tick) / _TICKS

    def size(self) -> int:
        """How many bytes it has now."""
        return self._target.stat().st_size

    def write(self, picture: Picture, now_s: float) -> bool:
        """Encode one picture; false where the file cannot be written any more, which `problem` explains."""
        self._first_s = self._first_s or now_s
        self._tick = max(self._tick + 1, round((now_s - self._first_s) * _TICKS))
        frame = av.VideoFrame.from_ndarray(picture.data.reshape(-1, picture.width), format="yuv420p")
        frame.pts, frame.time_base = self._tick, Fraction(1, _TICKS)
        try:
            self._container.mux(self._stream.encode(frame))
        except _ERRORS as error:
            self._fail(error)
            return False
        self.pictures += 1
        return True

    def finish(self) -> str:
        """Write what the encoder still holds; return what went wrong, now or before."""
        try:
            if not self.problem:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except _ERRORS as error:
            self._fail(error)
        if self.problem and self._target.suffix.lower() == ".mp4":
            drop_torn_tail(self._target)
        return self.problem

    def close(self) -> None:
        """Leave no empty file."""
        if not self.pictures:
            self._target.unlink(missing_ok=True)

    def _fail(self, error: BaseException) -> None:
        full = getattr(error, "errno", None) in _FULL
        self.problem = self.problem or ("the disk is full" if full else _words(error))


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", "") or error).split("\n")[0][:120] or type(error).__name__
