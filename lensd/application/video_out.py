"""A video file being written: pictures encoded with their own times, sound copied as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import av
import av.error
from av.video.reformatter import ColorRange, Colorspace

from lensd.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from lensd.application.video_in import VideoReader
    from lensd.frames import Picture

_ERRORS = (av.error.FFmpegError, OSError, ValueError)
# The first that this build of FFmpeg has. CRF 18 is hard to tell from the original.
_ENCODERS = (
    ("libx264", {"preset": "fast", "crf": "18"}),
    ("libopenh264", {"b": "8M"}),
    ("mpeg4", {"qscale": "2"}),
)
_WEBM_ENCODERS = (
    ("libvpx-vp9", {"deadline": "good", "cpu-used": "5", "crf": "24", "b": "0", "row-mt": "1"}),
    ("libvpx", {"deadline": "good", "cpu-used": "4", "crf": "8", "b": "8M"}),
)
_MPEG4_TICKS = 65_535


class VideoWriter:
    """One video file, begun when its first picture is known.

    Attributes:
        left_out: the codecs of those streams of sound that this kind of file cannot hold.
    """

    def __init__(self, path: Path, name: str, reader: VideoReader, width: int, height: int) -> None:
        """Open `path` for what `reader` gives.

        Args:
            path: a temporary file with the output's suffix.
            name: the output's own name, for error messages.
            reader: says rate, time base, colours and streams of sound.
            width, height: of every picture.

        Raises:
            MediaError: it cannot be written, or there is no encoder for this kind of file.
        """
        self._name, self._size = name, (width, height)
        self._last_pts, self._begun = -1, False
        self._rate, self._time_base = reader.rate, reader.time_base
        self.left_out: list[str] = []
        self._sound: dict[int, av.AudioStream] = {}
        options = {"movflags": "+faststart"} if path.suffix.lower() in (".mp4", ".m4v", ".mov") else {}
        try:
            self._container = av.open(str(path), "w", options=options)
        except _ERRORS as error:
            raise self._failed(error) from error
        try:
            self._stream = self._add_pictures(reader)
            for stream in reader.sound:
                if stream.codec_context.name in self._container.supported_codecs:
                    self._sound[stream.index] = self._container.add_stream_from_template(stream)
                else:
                    self.left_out.append(stream.codec_context.name)
        except _ERRORS as error:
            self._container.close()
            raise self._failed(error) from error

    def _add_pictures(self, reader: VideoReader) -> av.VideoStream:
        encoders = _WEBM_ENCODERS if self._container.format.name == "webm" else _ENCODERS
        found = next((each for each in encoders if each[0] in av.codecs_available), None)
        if found is None:
            raise MediaError(self._name, "this FFmpeg has no encoder for it", "pip install --force-reinstall av")
        encoder, options = found
        stream = cast("av.VideoStream", self._container.add_stream(encoder, rate=self._rate, options=options))
        (stream.width, stream.height), stream.pix_fmt = self._size, "yuv420p"
        context = stream.codec_context
        coarse = encoder == "mpeg4" and self._time_base.denominator > _MPEG4_TICKS
        context.time_base = 1 / self._rate if coarse else self._time_base
        context.color_range = int(ColorRange.MPEG)
        if reader.bt601:
            context.colorspace = int(Colorspace.ITU601)
        if (aspect := reader.pixel_aspect) is not None:
            context.sample_aspect_ratio = 1 / aspect if reader.turned else aspect
        return stream

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file, or just let go of it after an error."""
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        except _ERRORS as failure:
            if kind is None:
                raise self._failed(failure) from failure

    def write(self, picture: Picture, pts: int | None) -> None:
        """Encode one picture, shown at `pts` of the time base; without one, a period after the last.

        Raises:
            MediaError: the disk is full, the encoder failed, or the picture has another size than the first.
        """
        if (picture.width, picture.height) != self._size:
            why = "its pictures change their size, from {}x{} to {}x{}".format(
                *self._size, picture.width, picture.height
            )
            raise MediaError(self._name, why)
        if pts is None:
            pts = self._last_pts + max(1, round(1 / (self._rate * self._time_base)))
        if self._begun:
            pts = max(pts, self._last_pts + 1)  # encoders refuse a time that comes twice
        self._last_pts, self._begun = pts, True
        frame = av.VideoFrame.from_ndarray(
            picture.data.reshape(picture.height * 3 // 2, picture.width), format="yuv420p"
        )
        frame.pts, frame.time_base = pts, self._time_base
        try:
            self._container.mux(self._stream.encode(frame))
        except _ERRORS as error:
            raise self._failed(error) from error

    def copy(self, packet: av.Packet[av.AudioStream]) -> None:
        """Copy one packet of sound, if its stream is in this file.

        Raises:
            MediaError: the disk is full, or the packet does not fit.
        """
        if (stream := self._sound.get(packet.stream.index)) is None:
            return
        packet.stream = stream
        try:
            self._container.mux(packet)
        except _ERRORS as error:
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> MediaError:
        words = str(getattr(error, "strerror", "") or error).split("\n")[0][:120]
        return MediaError(self._name, f"cannot be written: {words or type(error).__name__}")
